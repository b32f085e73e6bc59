package courier

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"awase/crypto/label"
)

// LabelKeys tells which key each label of some deliveries stands for: a partner that
// serves by labels reports with them, and the room knows keys alone. Memory: 16 bytes a
// label, and its key. Once sorted it is safe for use by several goroutines.
type LabelKeys struct {
	at   []labelAt // ascending
	keys []byte    // each after its length (u16)
}

// labelAt is a label, by 96 bits of its hash, and where its key stands: nobody who does
// not search for it, at a cost of 2⁴⁸, has two labels of one.
type labelAt struct {
	high uint64
	low  uint32
	key  uint32
}

func (a labelAt) compare(b labelAt) int {
	return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low))
}

func labelAtOf(l *label.Label) labelAt {
	h := sha256.Sum256(l[:])
	return labelAt{high: binary.BigEndian.Uint64(h[:]), low: binary.BigEndian.Uint32(h[8:])}
}

// Add takes a CSV of key, label as awase courier open wrote it. The keys of all make
// 4 GiB at most.
func (k *LabelKeys) Add(rows io.ReadSeeker) error {
	for r, err := range readRows(rows) {
		if err != nil {
			return err
		}
		if len(k.keys) > math.MaxUint32 {
			return fail(NotOpened, "the labels have over 4 GiB of keys: give those of fewer deliveries at once")
		}
		at := labelAtOf(&r.Label)
		at.key = uint32(len(k.keys))
		k.at = append(k.at, at)
		k.keys = append(binary.BigEndian.AppendUint16(k.keys, uint16(len(r.Key))), r.Key...)
	}
	return nil
}

// Sort makes ready for Key what was added. A label that stands for two keys refuses all:
// one of the files was altered.
func (k *LabelKeys) Sort() error {
	slices.SortFunc(k.at, labelAt.compare)
	for i := 1; i < len(k.at); i++ {
		if k.at[i-1].compare(k.at[i]) == 0 && !bytes.Equal(k.key(k.at[i-1]), k.key(k.at[i])) {
			return fail(NotOpened, "a label stands for two keys")
		}
	}
	return nil
}

func (k *LabelKeys) key(at labelAt) []byte {
	b := k.keys[at.key:]
	n := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:n:n]
}

// Key gives the key of a label as it stands in a cell: none where no delivery has it,
// and no label where it can't be one.
func (k *LabelKeys) Key(cell []byte) (key []byte, isLabel bool) {
	l, err := label.Parse(string(cell))
	if err != nil {
		return nil, false
	}
	i, ok := slices.BinarySearchFunc(k.at, labelAtOf(&l), labelAt.compare)
	if !ok {
		return nil, true
	}
	return k.key(k.at[i]), true
}
