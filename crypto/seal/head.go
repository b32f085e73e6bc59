package seal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Magic is what a sealed file begins with.
const Magic = "AWASEAL1"

const (
	infoLabel      = "awase seal v1\n"
	signatureLabel = "awase seal signature v1\n"
	preludeSize    = len(Magic) + 3*2 + 4 // magic, suite, length of the header
)

// Head is what stands before the records of a file. It tells what a file says
// of itself: only Open proves it.
type Head struct {
	Suite   Suite
	Address Address
	Header  Header
	Signed  bool // it carries a signature, which nobody has checked
}

// head is a Head and the bytes that it is made of.
type head struct {
	Head
	canonical []byte // the header
	enc       []byte // the KEM's encapsulated key
	signed    []byte // all that a signature is over
	signature []byte
}

// ReadHead reads a file's head, without a key, and leaves r at its first record.
// A head that isn't one is an *Error.
func ReadHead(r io.Reader) (*Head, error) {
	h, err := readHead(r)
	if err != nil {
		return nil, err
	}
	return &h.Head, nil
}

func readHead(r io.Reader) (*head, error) {
	b := make([]byte, preludeSize, 4096)
	if err := readFull(r, b[:len(Magic)]); err != nil {
		return nil, err
	}
	if string(b[:len(Magic)]) != Magic {
		return nil, refuse(NotSealed, "")
	}
	if err := readFull(r, b[len(Magic):]); err != nil {
		return nil, err
	}
	h := &head{}
	var ok bool
	at := len(Magic)
	h.Suite, ok = suiteOf(binary.BigEndian.Uint16(b[at:]), binary.BigEndian.Uint16(b[at+2:]), binary.BigEndian.Uint16(b[at+4:]))
	if !ok {
		return nil, refuse(UnknownSuite, "")
	}
	size := binary.BigEndian.Uint32(b[at+6:])
	if size > MaxHeader {
		return nil, refuse(MalformedHead, "a header over 2 MiB")
	}
	b, err := readMore(r, b, int(size))
	if err != nil {
		return nil, err
	}
	header := [2]int{preludeSize, len(b)}
	if b, err = readMore(r, b, 2); err != nil {
		return nil, err
	}
	// The suite says how long the encapsulated key is: any other length is
	// refused before a byte of it is read.
	size = uint32(binary.BigEndian.Uint16(b[len(b)-2:]))
	if int(size) != h.Suite.kem().Scheme().CiphertextSize() {
		return nil, refuse(MalformedHead, "an encapsulated key of another length")
	}
	if b, err = readMore(r, b, int(size)); err != nil {
		return nil, err
	}
	h.canonical, h.enc, h.signed = b[header[0]:header[1]], b[len(b)-int(size):], b
	if h.signature, err = readSignature(r); err != nil {
		return nil, err
	}
	h.Signed = h.signature != nil
	h.Address, h.Header, err = decodeHeader(h.canonical)
	return h, err
}

func readSignature(r io.Reader) ([]byte, error) {
	size, err := readMore(r, nil, 2)
	if err != nil {
		return nil, err
	}
	switch binary.BigEndian.Uint16(size) {
	case 0:
		return nil, nil
	case ed25519.SignatureSize:
		return readMore(r, nil, ed25519.SignatureSize)
	default:
		return nil, refuse(MalformedHead, "a signature of another length")
	}
}

// readMore appends the next n bytes of r, which the caller has bounded.
func readMore(r io.Reader, b []byte, n int) ([]byte, error) {
	at := len(b)
	b = append(b, make([]byte, n)...)
	return b, readFull(r, b[at:])
}

// readFull fills b. An end of r in it is Truncated, anything else an error of r.
func readFull(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(Truncated, "")
	case err != nil:
		return fmt.Errorf("read a sealed file: %w", err)
	}
	return nil
}

// appendHead appends a head up to its signature.
func appendHead(b []byte, s Suite, canonical, enc []byte) []byte {
	b = append(b, Magic...)
	b = binary.BigEndian.AppendUint16(b, uint16(s.kem()))
	b = binary.BigEndian.AppendUint16(b, uint16(kdfID))
	b = binary.BigEndian.AppendUint16(b, uint16(aeadID))
	b = binary.BigEndian.AppendUint32(b, uint32(len(canonical)))
	b = append(b, canonical...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(enc)))
	return append(b, enc...)
}

// appendSignature appends the length of a signature and the signature by key,
// if there is a key.
func appendSignature(b []byte, key ed25519.PrivateKey) []byte {
	if key == nil {
		return binary.BigEndian.AppendUint16(b, 0)
	}
	signature := ed25519.Sign(key, signedMessage(b))
	b = binary.BigEndian.AppendUint16(b, uint16(len(signature)))
	return append(b, signature...)
}

// signedMessage is what a signature is over. The encapsulated key is in it: who
// can't open it can't make a record under it, so it stands for the records too.
func signedMessage(head []byte) []byte {
	sum := sha256.Sum256(head)
	return append([]byte(signatureLabel), sum[:]...)
}

// info is HPKE's: it binds every byte of the header to every record.
func info(canonical []byte) []byte { return append([]byte(infoLabel), canonical...) }
