package seal

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/cloudflare/circl/hpke"
)

// File is a sealed file that has been opened: the key fits, the address and the
// header are those that it was sealed to, and its first record is whole.
type File struct {
	r       io.Reader
	opener  hpke.Opener
	head    Head
	shape   shape
	sealed  []byte
	first   []byte // plaintext of the first record
	final   bool   // the last record that was read is the final one
	records int64
	rows    int64
	spent   bool
}

// Open opens a file. It refuses, with an *Error that says what differs, unless
//
//   - the file's address equals want, whose zero Upload is any;
//   - its header equals h, where h is not nil;
//   - it is signed by uploadKey, where uploadKey is not nil;
//   - its first record opens, which proves the header to be the sender's.
//
// Whether an upload id has been used before is the caller's to know.
func Open(r io.Reader, key PrivateKey, want Address, h *Header, uploadKey ed25519.PublicKey) (*File, error) {
	if !key.public.suite.ok() {
		return nil, refuse(BadKey, "no key")
	}
	if uploadKey != nil && len(uploadKey) != ed25519.PublicKeySize {
		return nil, refuse(BadKey, "an upload key of another length")
	}
	head, err := readHead(r)
	if err != nil {
		return nil, err
	}
	if reason := head.differs(want, h); reason != "" {
		return nil, refuse(reason, "")
	}
	if head.Suite != key.public.suite {
		return nil, refuse(OtherSuite, "")
	}
	if uploadKey != nil {
		switch {
		case !head.Signed:
			return nil, refuse(NotSigned, "")
		case !ed25519.Verify(uploadKey, signedMessage(head.signed), head.signature):
			return nil, refuse(BadSignature, "")
		}
	}
	receiver, err := head.Suite.hpke().NewReceiver(key.secret(), info(head.canonical))
	if err != nil {
		return nil, fmt.Errorf("open a sealed file: %w", err)
	}
	opener, err := receiver.Setup(head.enc)
	if err != nil { // an X25519 point of small order
		return nil, refuse(NotOpened, "")
	}
	f := &File{r: r, opener: opener, head: head.Head, shape: shapeOf(&head.Header)}
	if f.first, err = f.record(); err != nil {
		return nil, err
	}
	return f, nil
}

// differs gives the first thing of the head that is not as asked for.
func (h *head) differs(want Address, header *Header) Reason {
	got := &h.Address
	switch {
	case got.Entrustment != want.Entrustment:
		return OtherEntrustment
	case got.Version != want.Version:
		return OtherVersion
	case got.Party != want.Party:
		return OtherParty
	case got.Name != want.Name:
		return OtherName
	case want.Upload != [16]byte{} && got.Upload != want.Upload:
		return OtherUpload
	case header != nil && (header.fault() != "" || !sameHeader(&h.Header, header)):
		return OtherSchema
	}
	return ""
}

// Head gives the file's head.
func (f *File) Head() Head { return f.head }

// Header gives what the rows hold.
func (f *File) Header() Header { return f.head.Header }

// Rows gives the file's rows, in batches of at most 1,024, once, as Batches does.
func (f *File) Rows() Rows {
	return func(yield func([]Row, error) bool) {
		var m Memory
		for batch, err := range f.Batches() {
			if !yield(batch.Rows(&m), err) {
				return
			}
		}
	}
}

// Batches gives the file's rows, in batches of at most 1,024, once. A batch stays
// good. A file that was altered, cut short or added to ends them with an *Error;
// nothing of it may then be kept.
func (f *File) Batches() iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		if f.spent {
			yield(Batch{}, refuse(Spent, "the rows of a file are read once"))
			return
		}
		f.spent = true
		plain := f.first
		f.first = nil
		for {
			for len(plain) > 0 {
				batch, rest, fault := f.shape.cut(plain)
				f.rows += int64(batch.rows)
				if fault != "" {
					yield(Batch{}, &Error{Reason: MalformedRecord, Record: f.records, Row: f.rows + 1, Detail: fault})
					return
				}
				if !yield(batch, nil) {
					return
				}
				plain = rest
			}
			if f.final {
				return
			}
			var err error
			if plain, err = f.record(); err != nil {
				yield(Batch{}, err)
				return
			}
		}
	}
}

// record reads and opens the next record. After the final one nothing may follow,
// which is looked at before its rows are given.
func (f *File) record() ([]byte, error) {
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
