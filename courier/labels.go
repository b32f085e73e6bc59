package courier

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strconv"
	"time"

	"awase/crypto/delivery"
	"awase/crypto/label"
	"awase/crypto/seal"
)

// LabelSet is the JSON file beside a CSV of labels: what its partner opens them with.
type LabelSet struct {
	Schema    string    `json:"schema"`
	Delivery  string    `json:"delivery"` // hex
	Campaign  string    `json:"campaign"`
	Number    int       `json:"number"`
	Expires   time.Time `json:"expires"`
	Times     int       `json:"times,omitempty"` // frequency hint: at most so often
	Days      int       `json:"days,omitempty"`  // in so many days
	Suite     string    `json:"suite"`           // xwing or x25519
	Enc       []byte    `json:"enc"`             // HPKE's encapsulated key
	Room      []byte    `json:"room"`            // the room's public key, to compare with the one that is known
	Signature []byte    `json:"signature"`       // by it, over the set and all rows in order
}

const labelSchema = "awase.labels/v1"

// labels writes the rows for whoever carries them to the partner, and their set.
func (w *writer) labels(ctx context.Context, f *delivery.File, h *delivery.Header) error {
	out, err := w.create(w.stem + ".csv")
	if err != nil {
		return err
	}
	table := csv.NewWriter(out)
	if err := table.Write([]string{"key", "label"}); err != nil {
		return err
	}
	for r, err := range f.Labels() {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = writable(r.Key)
		}
		if err != nil {
			return ofSlots(err)
		}
		w.counts.People++ // rows: every key of the partner's list
		if err := table.Write([]string{string(r.Key), r.Label.String()}); err != nil {
			return err
		}
	}
	table.Flush()
	if err := table.Error(); err != nil {
		return err
	}
	signature, _ := f.LabelSignature() // there, as all rows were read
	raw, err := json.MarshalIndent(LabelSet{
		Schema: labelSchema, Delivery: hex.EncodeToString(h.Delivery[:]), Campaign: h.Campaign, Number: h.Number, Expires: time.Unix(h.Expires, 0).UTC(),
		Times: h.Times, Days: h.Days, Suite: h.Labels.Suite.String(), Enc: h.Labels.Enc, Room: h.Room, Signature: signature,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing a label set: %w", err)
	}
	set, err := w.create(w.stem + ".json")
	if err != nil {
		return err
	}
	_, err = set.Write(append(raw, '\n'))
	return err
}

// ParseLabelSet reads the file of a label set.
func ParseLabelSet(raw []byte) (*LabelSet, error) {
	s := new(LabelSet)
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil || s.Schema != labelSchema {
		return nil, fail(NotOpened, "not a label set that awase courier open wrote")
	}
	if _, err := s.set(); err != nil {
		return nil, err
	}
	if len(s.Room) != ed25519.PublicKeySize {
		return nil, fail(NotOpened, "the label set's room key is damaged")
	}
	return s, nil
}

func (s *LabelSet) set() (label.Set, error) {
	out := label.Set{Expires: s.Expires.Unix(), Suite: map[string]seal.Suite{seal.XWing.String(): seal.XWing, seal.X25519.String(): seal.X25519}[s.Suite], Enc: s.Enc}
	id, err := hex.DecodeString(s.Delivery)
	if copy(out.Delivery[:], id) != len(out.Delivery) || len(id) != len(out.Delivery) || err != nil || out.Fault() != "" {
		return label.Set{}, fail(NotOpened, "the label set is damaged")
	}
	return out, nil
}

// Member is a user key of the partner's list, and whether it is a member.
type Member struct {
	Key    []byte
	Member bool
}

// OpenLabels gives the members of a CSV of key, label as awase courier open wrote it,
// for the holder of the serving key. It reads the rows twice: before it gives one out it
// checks the room's signature over the set and every row in order, since a carrier can
// make labels of its own, or leave some out. An error ends them: nothing may then be
// kept.
func OpenLabels(rows io.ReadSeeker, s *LabelSet, key seal.PrivateKey, room ed25519.PublicKey, now time.Time) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		if err := openLabels(rows, s, key, room, now, yield); err != nil {
			yield(Member{}, err)
		}
	}
}

func openLabels(rows io.ReadSeeker, s *LabelSet, key seal.PrivateKey, room ed25519.PublicKey, now time.Time, yield func(Member, error) bool) error {
	set, err := s.set()
	if err != nil {
		return err
	}
	if !bytes.Equal(room, s.Room) {
		return fail(NotSigned, "the labels are of another room")
	}
	digest := label.NewDigest(set)
	for r, err := range readRows(rows) {
		if err != nil {
			return err
		}
		digest.Add(r.Key, r.Label)
	}
	if !digest.Verify(room, s.Signature) {
		return fail(NotSigned, "the rows are not as the room signed them, all and in order: take the two files as awase courier open wrote them")
	}
	opener, err := label.NewOpener(key, set, func() time.Time { return now })
	if err != nil {
		return ofLabel(err)
	}
	for r, err := range readRows(rows) {
		if err != nil {
			return err
		}
		// A file that is exchanged after it was checked opens nothing: each label is bound
		// to its key, its row and this set.
		member, err := opener.Open(r.Row, r.Key, r.Label)
		if err != nil {
			return ofLabel(err)
		}
		if !yield(Member{r.Key, member}, nil) {
			return nil
		}
	}
	return nil
}

// ofLabel gives an error of a label its code.
func ofLabel(err error) error {
	if errors.Is(err, label.Expired) {
		return fail(Expired, "")
	}
	return &Error{Code: NotOpened, Err: err}
}

// readRows reads a CSV of key, label from its beginning.
func readRows(in io.ReadSeeker) iter.Seq2[delivery.LabelRow, error] {
	return func(yield func(delivery.LabelRow, error) bool) {
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			yield(delivery.LabelRow{}, &Error{Code: NotOpened, Err: bare(err)})
			return
		}
		table := csv.NewReader(bufio.NewReaderSize(in, 1<<16))
		table.FieldsPerRecord, table.ReuseRecord = 2, true
		for n := -1; ; n++ {
			record, err := table.Read()
			if errors.Is(err, io.EOF) && n >= 0 {
				return
			}
			var row delivery.LabelRow
			switch {
			case err != nil:
				err = fail(NotOpened, fmt.Sprintf("row %d is not key, label", n+1)) // the reader's own error shows what it read
			case n < 0:
				if record[0] == "key" && record[1] == "label" {
					continue
				}
				err = fail(NotOpened, "the first line is not key,label")
			default:
				row.Row, row.Key = uint32(n), []byte(record[0])
				if row.Label, err = label.Parse(record[1]); err != nil || len(row.Key) < 1 || len(row.Key) > label.MaxKey {
					err = fail(NotOpened, fmt.Sprintf("row %d is not key, label", n+1))
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// WriteMembers writes members as CSV of key, member (true or false) to a file of mode
// 0600, whole or not at all, and counts them.
func WriteMembers(path string, members iter.Seq2[Member, error], rows, in *int64) error {
	w := &writer{dir: filepath.Dir(path)}
	err := writeMembers(w, filepath.Base(path), members, rows, in)
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		w.abort()
	}
	return err
}

func writeMembers(w *writer, name string, members iter.Seq2[Member, error], rows, in *int64) error {
	out, err := w.create(name)
	if err != nil {
		return err
	}
	table := csv.NewWriter(out)
	if err := table.Write([]string{"key", "member"}); err != nil {
		return err
	}
	for m, err := range members {
		if err != nil {
			return err
		}
		*rows++
		if m.Member {
			*in++
		}
		if err := table.Write([]string{string(m.Key), strconv.FormatBool(m.Member)}); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}
