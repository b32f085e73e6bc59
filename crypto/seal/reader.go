package seal

import (
	"crypto/ed25519"
	"io"
	"iter"
)

// File is a sealed file that has been opened: the key fits, the address and the
// header are those that it was sealed to, and its first record is whole.
type File struct {
	recordReader
	head  Head
	shape shape
	first []byte // plaintext of the first record
	rows  int64
	spent bool
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
	opener, err := key.receiver(head.enc, info(head.canonical))
	if err != nil {
		return nil, err
	}
	f := &File{recordReader: recordReader{r: r, opener: opener}, head: head.Head, shape: shapeOf(&head.Header)}
	if f.first, err = f.next(); err != nil {
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
			if plain, err = f.next(); err != nil {
				yield(Batch{}, err)
				return
			}
		}
	}
}
