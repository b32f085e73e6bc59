package delivery

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"

	"awase/crypto/identifier"
	"awase/crypto/label"
	"awase/crypto/seal"
)

// Magic is what a delivery begins with.
const Magic = "AWADELV1"

const (
	infoLabel      = "awase delivery v1\n"
	signatureLabel = Schema + "\n"
	preludeSize    = len(Magic) + 3*2 + 4 // magic, suite, length of the header
)

// Writer seals a delivery. It holds one record of the stream, at most 1 MiB,
// whatever the file's size, and is not safe for concurrent use.
type Writer struct {
	w      io.Writer
	sum    hash.Hash
	sign   ed25519.PrivateKey
	stream *seal.StreamWriter
	header Header
	form   Form
	left   int64 // slots; of labels, bytes of rows
	digest *label.Digest
	buf    []byte
	err    error // of the first call that failed; Spent after Close
}

// NewWriter writes a delivery's head to w. It opens for the holder of to's private
// key, and room signs it; the header's Room is room's public half. rnd is the KEM's
// randomness; nil is crypto/rand, anything else is for test vectors. What may not be
// sealed is an *Error; errors of w are returned as they are, wrapped.
func NewWriter(w io.Writer, to seal.PublicKey, h Header, room ed25519.PrivateKey, rnd io.Reader) (*Writer, error) {
	if len(room) != ed25519.PrivateKeySize {
		return nil, refuse(BadKey, "the room's key")
	}
	h.Room = room.Public().(ed25519.PublicKey)
	canonical, err := appendHeader(nil, &h)
	if err != nil {
		return nil, err
	}
	d := &Writer{sum: sha256.New(), sign: room, header: h, form: h.Destination.Form(), left: h.Slots}
	d.w = io.MultiWriter(w, d.sum)
	enc, stream, err := to.NewStreamWriter(d.w, info(canonical), rnd)
	if err != nil {
		return nil, ofStream(err)
	}
	d.stream = stream
	if d.form == Labels {
		d.left -= labelTrailer
		d.digest = label.NewDigest(h.Labels)
	}
	if _, err := d.w.Write(appendHead(nil, to.Suite(), canonical, enc)); err != nil {
		return nil, fmt.Errorf("write a delivery: %w", err)
	}
	return d, nil
}

// appendHead appends all that stands before the sealed stream.
func appendHead(b []byte, s seal.Suite, canonical, enc []byte) []byte {
	b = append(b, Magic...)
	kem, kdf, aead, _ := s.Ids()
	for _, v := range []uint16{kem, kdf, aead} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(canonical)))
	b = append(b, canonical...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(enc)))
	return append(b, enc...)
}

func info(canonical []byte) []byte { return append([]byte(infoLabel), canonical...) }

// message is what the room signs: the hash is of the whole file before it.
func message(sum hash.Hash) []byte { return sum.Sum([]byte(signatureLabel)) }

// Person writes the slot of one person: 1 to MaxIdentifiers identifiers, none twice.
// Slots keep the order they are written in, which the receiver sees: draw it so that
// it says nothing. An error stays, and the file never opens.
func (d *Writer) Person(ids []Identifier) error {
	if d.err == nil && d.form != People {
		d.err = refuse(BadRecord, "a person, in a delivery of something else")
	}
	if d.err != nil {
		return d.err
	}
	b, fault := appendPerson(d.buf[:0], ids)
	return d.slot(b, fault)
}

// User writes the slot of one user of the operator's own: its key, 1 to MaxUserKey
// bytes. Order and errors are as in Person.
func (d *Writer) User(key []byte) error {
	if d.err == nil && d.form != Users {
		d.err = refuse(BadRecord, "a user key, in a delivery of something else")
	}
	if d.err != nil {
		return d.err
	}
	b, fault := appendUser(d.buf[:0], key)
	return d.slot(b, fault)
}

// slot writes one slot.
func (d *Writer) slot(b []byte, fault string) error {
	d.buf = b
	at := d.header.Slots - d.left + 1
	switch {
	case fault != "":
		d.err = &Error{Reason: BadRecord, Slot: at, Detail: fault}
	case d.left == 0:
		d.err = refuse(Full, "")
	default:
		d.left--
		_, d.err = d.stream.Write(b)
	}
	return d.err
}

// Label writes the next row of labels: a user key of the partner's list, and its
// label of the header's set, made for this row and key. Errors are as in Person.
func (d *Writer) Label(key []byte, l label.Label) error {
	if d.err == nil && d.form != Labels {
		d.err = refuse(BadRecord, "a label, in a delivery of something else")
	}
	if d.err == nil && (len(key) < 1 || len(key) > label.MaxKey) {
		d.err = refuse(BadRecord, "a user key has 1 to 512 bytes")
	}
	if d.err != nil {
		return d.err
	}
	d.buf = append(appendText(d.buf[:0], string(key)), l[:]...)
	if int64(len(d.buf)) > d.left {
		d.err = refuse(Full, "")
		return d.err
	}
	d.left -= int64(len(d.buf))
	d.digest.Add(key, l)
	_, d.err = d.stream.Write(d.buf)
	return d.err
}

// Close fills the slots that are left with padding and signs the file. Without it
// the file never opens. It doesn't close the io.Writer.
func (d *Writer) Close() error {
	if d.err != nil {
		return d.err
	}
	if d.form == Labels {
		if _, d.err = d.stream.Write(append([]byte{0, 0}, d.digest.Sign(d.sign)...)); d.err != nil {
			return d.err
		}
	}
	// A megabyte of zeros at a time; what follows it is as long as the slots say.
	padding := make([]byte, 1<<20)
	for n := d.left * d.form.slotSize(); n > 0; {
		m := min(n, int64(len(padding)))
		if _, d.err = d.stream.Write(padding[:m]); d.err != nil {
			return d.err
		}
		n -= m
	}
	if d.err = d.stream.Close(); d.err != nil {
		return d.err
	}
	if _, err := d.w.Write(ed25519.Sign(d.sign, message(d.sum))); err != nil {
		d.err = fmt.Errorf("write a delivery: %w", err)
		return d.err
	}
	d.err = refuse(Spent, "")
	return nil
}

// appendPerson appends a slot of a person, and says what of ids is wrong.
func appendPerson(b []byte, ids []Identifier) ([]byte, string) {
	if d := faultOf(ids); d != "" {
		return b, d
	}
	b = append(b, byte(len(ids)))
	for i := range ids {
		b = append(b, byte(ids[i].Kind)+1, byte(ids[i].Class))
		b = append(b, ids[i].Hash[:]...)
	}
	return append(b, make([]byte, (MaxIdentifiers-len(ids))*identifierSize)...), ""
}

func faultOf(ids []Identifier) string {
	if len(ids) < 1 || len(ids) > MaxIdentifiers {
		return "a person has 1 to 4 identifiers"
	}
	for i, id := range ids {
		if id.Kind > identifier.MAID {
			return "kind"
		}
		if id.Class >= identifier.ClassCount {
			return "class"
		}
		for _, other := range ids[:i] {
			if id == other {
				return "an identifier twice"
			}
		}
	}
	return ""
}

// appendUser appends a slot of a user, and says what of key is wrong.
func appendUser(b, key []byte) ([]byte, string) {
	if len(key) < 1 || len(key) > MaxUserKey {
		return b, "a user key has 1 to 128 bytes"
	}
	b = append(append(b, byte(len(key))), key...)
	return append(b, make([]byte, MaxUserKey-len(key))...), ""
}
