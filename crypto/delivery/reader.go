package delivery

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"awase/crypto/identifier"
	"awase/crypto/label"
	"awase/crypto/seal"
)

// head is what stands before the sealed stream.
type head struct {
	suite     seal.Suite
	header    Header
	canonical []byte
	enc       []byte
	raw       []byte // all of it
}

// ReadHeader reads what a delivery says of itself, without a key: only Open proves
// it. A head that isn't one is an *Error.
func ReadHeader(r io.Reader) (*Header, error) {
	h, err := readHead(r)
	if err != nil {
		return nil, err
	}
	return &h.header, nil
}

func readHead(r io.Reader) (*head, error) {
	b := make([]byte, preludeSize, 4096)
	if err := readFull(r, b[:len(Magic)]); err != nil {
		return nil, err
	}
	if string(b[:len(Magic)]) != Magic {
		return nil, refuse(NotDelivery, "")
	}
	if err := readFull(r, b[len(Magic):]); err != nil {
		return nil, err
	}
	h := &head{}
	var ok bool
	at := len(Magic)
	if h.suite, ok = seal.SuiteOf(binary.BigEndian.Uint16(b[at:]), binary.BigEndian.Uint16(b[at+2:]), binary.BigEndian.Uint16(b[at+4:])); !ok {
		return nil, refuse(UnknownSuite, "")
	}
	size := binary.BigEndian.Uint32(b[at+6:])
	if size > maxHeader {
		return nil, refuse(MalformedHead, "a header over 8 KiB")
	}
	_, _, _, enc := h.suite.Ids()
	b = append(b, make([]byte, int(size)+2+enc)...)
	if err := readFull(r, b[preludeSize:]); err != nil {
		return nil, err
	}
	h.raw, h.canonical, h.enc = b, b[preludeSize:preludeSize+int(size)], b[len(b)-enc:]
	if int(binary.BigEndian.Uint16(b[len(b)-enc-2:])) != enc {
		return nil, refuse(MalformedHead, "an encapsulated key of another length")
	}
	var err error
	h.header, err = decodeHeader(h.canonical)
	return h, err
}

// readFull fills b. An end of r in it is Truncated, anything else an error of r.
func readFull(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(Truncated, "")
	case err != nil:
		return fmt.Errorf("read a delivery: %w", err)
	}
	return nil
}

// File is a delivery that has been checked: the room signed every byte of it, it has
// not expired, and the key is its receiver's.
type File struct {
	header    Header
	stream    *seal.StreamReader
	slots     int64 // that were read
	signature []byte
	spent     bool
}

// Open checks a delivery from its first byte to its last before it gives anything of
// it, so it reads r twice. It refuses, with an *Error, unless
//
//   - the file's room is room, and room signed it all;
//   - it has not expired at now;
//   - key is its receiver's, which shows at the first record.
//
// Whether this delivery was opened before is the caller's to know.
func Open(r io.ReadSeeker, key seal.PrivateKey, room ed25519.PublicKey, now time.Time) (*File, error) {
	return open(r, key, room, now, (*head).verify)
}

func open(r io.ReadSeeker, key seal.PrivateKey, room ed25519.PublicKey, now time.Time, verify func(*head, io.Reader, int64) error) (*File, error) {
	if len(room) != ed25519.PublicKeySize {
		return nil, refuse(BadKey, "the room's key")
	}
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("read a delivery: %w", err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read a delivery: %w", err)
	}
	h, err := readHead(r)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(h.header.Room, room) {
		return nil, refuse(OtherRoom, "")
	}
	if err := verify(h, r, size); err != nil {
		return nil, err
	}
	if now.Unix() >= h.header.Expires {
		return nil, refuse(Expired, "")
	}
	if key.Public().Suite() != h.suite {
		return nil, refuse(OtherSuite, "")
	}
	// The second pass is bound to the head of the first one: without the sender's
	// secret nobody makes a record under that encapsulated key, so a file that is
	// exchanged in between doesn't open.
	if _, err := r.Seek(int64(len(h.raw)), io.SeekStart); err != nil {
		return nil, fmt.Errorf("read a delivery: %w", err)
	}
	f := &File{header: h.header}
	f.stream, err = key.NewStreamReader(io.LimitReader(r, seal.StreamSize(h.header.body())), h.enc, info(h.canonical))
	if err != nil {
		return nil, ofStream(err)
	}
	if _, err := f.stream.Read(nil); err != nil && !errors.Is(err, io.EOF) { // the first record
		return nil, ofStream(err)
	}
	return f, nil
}

// verify reads the rest of the file, whose size is given by the header, and checks
// the signature over all of it.
func (h *head) verify(r io.Reader, size int64) error {
	sealed := seal.StreamSize(h.header.body())
	switch want := int64(len(h.raw)) + sealed + ed25519.SignatureSize; {
	case size < want:
		return refuse(Truncated, "")
	case size > want:
		return refuse(TrailingBytes, "")
	}
	sum := sha256.New()
	sum.Write(h.raw)
	n, err := io.CopyN(sum, r, sealed)
	switch {
	case n < sealed && errors.Is(err, io.EOF):
		return refuse(Truncated, "")
	case err != nil:
		return fmt.Errorf("read a delivery: %w", err)
	}
	signature := make([]byte, ed25519.SignatureSize)
	if err := readFull(r, signature); err != nil {
		return err
	}
	if !ed25519.Verify(h.header.Room, message(sum), signature) {
		return refuse(BadSignature, "")
	}
	return nil
}

// Header gives what the delivery says of itself.
func (f *File) Header() Header { return f.header }

// begin spends the file for one form.
func (f *File) begin(form Form) error {
	switch {
	case f.spent:
		return refuse(Spent, "the slots of a file are read once")
	case f.header.Destination.Form() != form:
		return refuse(MalformedSlot, "the delivery is of another form")
	}
	f.spent = true
	return nil
}

// People gives the people of a platform delivery in order, once, without the padding.
// What it gives is good until the next one. An error ends them: nothing may then be
// kept.
func (f *File) People() iter.Seq2[[]Identifier, error] {
	return func(yield func([]Identifier, error) bool) {
		if err := f.begin(People); err != nil {
			yield(nil, err)
			return
		}
		ids := make([]Identifier, 0, MaxIdentifiers)
		err := f.each(func(slot []byte) (bool, error) {
			var fault string
			if ids, fault = parsePerson(ids[:0], slot); fault != "" {
				return false, &Error{Reason: MalformedSlot, Slot: f.slots, Detail: fault}
			}
			return len(ids) == 0 || yield(ids, nil), nil
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// Users gives the user keys of an own-channel delivery, as People does.
func (f *File) Users() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if err := f.begin(Users); err != nil {
			yield(nil, err)
			return
		}
		err := f.each(func(slot []byte) (bool, error) {
			key, fault := parseUser(slot)
			if fault != "" {
				return false, &Error{Reason: MalformedSlot, Slot: f.slots, Detail: fault}
			}
			return len(key) == 0 || yield(key, nil), nil
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// each reads the slots, until take says that it has enough.
func (f *File) each(take func(slot []byte) (bool, error)) error {
	slot := make([]byte, f.header.Destination.Form().slotSize())
	for f.slots < f.header.Slots {
		f.slots++
		if err := f.read(slot); err != nil {
			return err
		}
		if more, err := take(slot); err != nil || !more {
			return err
		}
	}
	return f.end()
}

// read fills b from the stream.
func (f *File) read(b []byte) error {
	_, err := io.ReadFull(f.stream, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return refuse(NotOpened, "") // the size was the right one a moment ago
	}
	if err != nil {
		return ofStream(err)
	}
	return nil
}

// end sees that the last record was the stream's last.
func (f *File) end() error {
	switch n, err := f.stream.Read(make([]byte, 1)); {
	case n > 0:
		return refuse(MalformedSlot, "more than the header says")
	case !errors.Is(err, io.EOF):
		return ofStream(err)
	}
	return nil
}

// parsePerson reads a slot; padding is no identifiers.
func parsePerson(ids []Identifier, slot []byte) ([]Identifier, string) {
	n := int(slot[0])
	if n > MaxIdentifiers {
		return nil, "number of identifiers"
	}
	rest := slot[1:]
	for range n {
		if rest[0] == 0 {
			return nil, "kind"
		}
		ids = append(ids, Identifier{identifier.Kind(rest[0] - 1), identifier.Class(rest[1]), identifier.Hash(rest[2:identifierSize])})
		rest = rest[identifierSize:]
	}
	if n > 0 {
		if d := faultOf(ids); d != "" {
			return nil, d
		}
	}
	return ids, zeros(rest)
}

// parseUser reads a slot; padding is an empty key.
func parseUser(slot []byte) ([]byte, string) {
	n := int(slot[0])
	if n > MaxUserKey {
		return nil, "length of the user key"
	}
	return slot[1 : 1+n], zeros(slot[1+n:])
}

func zeros(b []byte) string {
	for _, v := range b {
		if v != 0 {
			return "what follows is not zero"
		}
	}
	return ""
}

// LabelRow is a user key of the partner's list and its label.
type LabelRow struct {
	Row   uint32 // from 0
	Key   []byte
	Label label.Label
}

// Labels gives the rows of labels in order, once; the Key is good until the next one.
// An error ends them: nothing may then be kept.
func (f *File) Labels() iter.Seq2[LabelRow, error] {
	return func(yield func(LabelRow, error) bool) {
		err := f.begin(Labels)
		if err == nil {
			err = f.labels(func(r LabelRow) bool { return yield(r, nil) })
		}
		if err != nil {
			yield(LabelRow{}, err)
		}
	}
}

func (f *File) labels(yield func(LabelRow) bool) error {
	bad := func(detail string) error { return &Error{Reason: MalformedSlot, Slot: f.slots + 1, Detail: detail} }
	digest := label.NewDigest(f.header.Labels)
	left := f.header.Slots - labelTrailer
	key, row := make([]byte, label.MaxKey), LabelRow{}
	for {
		var size [2]byte
		if err := f.read(size[:]); err != nil {
			return err
		}
		n := int64(binary.BigEndian.Uint16(size[:]))
		if n == 0 {
			break
		}
		if left -= 2 + n + label.Size; n > label.MaxKey || left < 0 {
			return bad("length of the user key")
		}
		row.Row, row.Key = uint32(f.slots), key[:n]
		if err := errors.Join(f.read(row.Key), f.read(row.Label[:])); err != nil {
			return err
		}
		digest.Add(row.Key, row.Label)
		f.slots++
		if !yield(row) {
			return nil
		}
	}
	signature := make([]byte, ed25519.SignatureSize)
	if err := f.read(signature); err != nil {
		return err
	}
	if !digest.Verify(f.header.Room, signature) {
		return bad("signature of the labels")
	}
	f.signature = signature
	for padding := make([]byte, 64<<10); left > 0; {
		b := padding[:min(left, int64(len(padding)))]
		if err := f.read(b); err != nil {
			return err
		}
		if zeros(b) != "" {
			return bad("padding")
		}
		left -= int64(len(b))
	}
	return f.end()
}

// LabelSignature gives the room's signature of the label set and its rows, for the
// partner (label.Digest). Until Labels has given all of them there is none.
func (f *File) LabelSignature() ([]byte, bool) { return f.signature, f.signature != nil }
