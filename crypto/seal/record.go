package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cloudflare/circl/hpke"
)

// Limits of a file.
const (
	MaxRecord  = 1 << 20 // bytes of a record's ciphertext
	maxRecords = 1 << 20
	tagSize    = 16
	maxPlain   = MaxRecord - tagSize
	finalBit   = 1 << 31 // of a record's length
)

// aad is HPKE's associated data of a record.
func aad(final bool) []byte {
	if final {
		return []byte{1}
	}
	return []byte{0}
}

// recordWriter seals records in sequence.
type recordWriter struct {
	w      io.Writer
	sealer hpke.Sealer
	n      int64
}

func (w *recordWriter) write(plain []byte, final bool) error {
	if w.n++; w.n > maxRecords {
		return &Error{Reason: MalformedRecord, Record: w.n, Detail: "more than 1,048,576 records: split the file"}
	}
	sealed, err := w.sealer.Seal(plain, aad(final))
	if err != nil {
		return fmt.Errorf("seal record %d: %w", w.n, err)
	}
	size := uint32(len(sealed))
	if final {
		size |= finalBit
	}
	var word [4]byte
	binary.BigEndian.PutUint32(word[:], size)
	for _, b := range [][]byte{word[:], sealed} {
		if _, err := w.w.Write(b); err != nil {
			return fmt.Errorf("write a sealed file: %w", err)
		}
	}
	return nil
}

// recordReader opens records in sequence.
type recordReader struct {
	r       io.Reader
	opener  hpke.Opener
	sealed  []byte
	final   bool // the last record that was read is the final one
	records int64
}

// next reads and opens the next record. After the final one nothing may follow,
// which is looked at before its rows are given.
func (f *recordReader) next() ([]byte, error) {
	f.records++
	bad := func(r Reason, detail string) error {
		return &Error{Reason: r, Record: f.records, Detail: detail}
	}
	read := func(b []byte) error {
		err := readFull(f.r, b)
		if errors.Is(err, Truncated) {
			return bad(Truncated, "")
		}
		return err
	}
	var word [4]byte
	if err := read(word[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(word[:])
	final := size&finalBit != 0
	size &^= finalBit
	switch {
	case f.records > maxRecords:
		return nil, bad(MalformedRecord, "more than 1,048,576 records")
	case size < tagSize || size > MaxRecord:
		return nil, bad(MalformedRecord, "length")
	case size == tagSize && !(final && f.records == 1):
		return nil, bad(MalformedRecord, "no rows")
	}
	if cap(f.sealed) < int(size) {
		f.sealed = make([]byte, size)
	}
	sealed := f.sealed[:size]
	if err := read(sealed); err != nil {
		return nil, err
	}
	plain, err := f.opener.Open(sealed, aad(final))
	if err != nil {
		return nil, bad(NotOpened, "another key, or altered on the way")
	}
	f.final = final
	if final {
		switch _, err := io.ReadFull(f.r, word[:1]); {
		case err == nil:
			return nil, bad(TrailingBytes, "")
		case !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read a sealed file: %w", err)
		}
	}
	return plain, nil
}
