package seal

import (
	"fmt"
	"io"

	"github.com/cloudflare/circl/hpke"
)

// Ids gives the suite's KEM, KDF and AEAD as RFC 9180 numbers them, and how long
// the KEM's encapsulated key is. Of a Suite that is none all are 0.
func (s Suite) Ids() (kem, kdf, aead uint16, enc int) {
	if !s.ok() {
		return 0, 0, 0, 0
	}
	return uint16(s.kem()), uint16(kdfID), uint16(aeadID), s.kem().Scheme().CiphertextSize()
}

// SuiteOf gives the suite of three ids, and false where there is none.
func SuiteOf(kem, kdf, aead uint16) (Suite, bool) { return suiteOf(kem, kdf, aead) }

// Export agrees on a secret of size bytes, at most 8,160, with the holder of the
// private key: HPKE's export of a context of its own (RFC 9180, §5.3). The holder
// has it from enc under the same info and context, and under no other. rand is the
// KEM's randomness; nil is crypto/rand, anything else is for test vectors.
func (k PublicKey) Export(info, context []byte, size int, rand io.Reader) (enc, secret []byte, err error) {
	enc, sealer, err := k.sender(info, rand)
	if err != nil {
		return nil, nil, err
	}
	return enc, sealer.Export(context, uint(size)), nil
}

// Export gives the secret that PublicKey.Export agreed on; with another enc, info or
// context another one, which opens nothing. An enc that is none is NotOpened.
func (k PrivateKey) Export(enc, info, context []byte, size int) ([]byte, error) {
	opener, err := k.receiver(enc, info)
	if err != nil {
		return nil, err
	}
	return opener.Export(context, uint(size)), nil
}

// StreamWriter seals bytes as the records of a sealed file: each is full, at
// MaxRecord bytes of ciphertext, but the last, which is marked as the last. What it
// writes is as long as what it was given says, whatever that was. It is not safe for
// concurrent use.
type StreamWriter struct {
	records recordWriter
	buf     []byte
	err     error
}

// NewStreamWriter gives a stream to w, sealed to the holder of k's private key
// under info, and the encapsulated key that opens it, which is not written. rand is
// as in Export.
func (k PublicKey) NewStreamWriter(w io.Writer, info []byte, rand io.Reader) (enc []byte, s *StreamWriter, err error) {
	enc, sealer, err := k.sender(info, rand)
	if err != nil {
		return nil, nil, err
	}
	return enc, &StreamWriter{records: recordWriter{w: w, sealer: sealer}, buf: make([]byte, 0, maxPlain)}, nil
}

// Write seals b; an error stays.
func (s *StreamWriter) Write(b []byte) (n int, err error) {
	for len(b) > 0 && s.err == nil {
		if len(s.buf) == maxPlain { // only when more follows: the last record isn't empty
			if s.err = s.records.write(s.buf, false); s.err != nil {
				break
			}
			s.buf = s.buf[:0]
		}
		m := min(len(b), maxPlain-len(s.buf))
		s.buf = append(s.buf, b[:m]...)
		b, n = b[m:], n+m
	}
	return n, s.err
}

// Close seals the last record, without which the stream never opens whole. It
// doesn't close the io.Writer.
func (s *StreamWriter) Close() error {
	if s.err != nil {
		return s.err
	}
	if s.err = s.records.write(s.buf, true); s.err != nil {
		return s.err
	}
	s.err, s.buf = refuse(Spent, ""), nil
	return nil
}

// StreamSize gives how many bytes a StreamWriter writes for n bytes.
func StreamSize(n int64) int64 {
	records := max(1, (n+maxPlain-1)/maxPlain)
	return n + records*(4+tagSize)
}

// StreamReader opens what a StreamWriter sealed. Bytes that it gives are the
// sender's, in order; that there are no more of them it says with io.EOF alone. It is
// not safe for concurrent use.
type StreamReader struct {
	records recordReader
	plain   []byte
	err     error
}

// NewStreamReader gives the stream that r holds, to its end.
func (k PrivateKey) NewStreamReader(r io.Reader, enc, info []byte) (*StreamReader, error) {
	opener, err := k.receiver(enc, info)
	if err != nil {
		return nil, err
	}
	return &StreamReader{records: recordReader{r: r, opener: opener}}, nil
}

// Read gives the next bytes; Read(nil) only looks whether there are some. A stream that was altered, cut short, added to or cut
// into other records than its writer cuts is an *Error.
func (s *StreamReader) Read(b []byte) (int, error) {
	for len(s.plain) == 0 && s.err == nil {
		if s.records.final {
			s.err = io.EOF
			break
		}
		plain, err := s.records.next()
		switch {
		case err != nil:
			s.err = err
		case !s.records.final && len(plain) != maxPlain:
			s.err = &Error{Reason: MalformedRecord, Record: s.records.records, Detail: "not full, and not the last"}
		default:
			s.plain = plain
		}
	}
	if len(s.plain) == 0 {
		return 0, s.err
	}
	n := copy(b, s.plain)
	s.plain = s.plain[n:]
	return n, nil
}

// sender sets up HPKE's context to the holder of k's private key.
func (k PublicKey) sender(info []byte, rand io.Reader) ([]byte, hpke.Sealer, error) {
	pub, err := k.kem()
	if err != nil {
		return nil, nil, err
	}
	sender, err := k.suite.hpke().NewSender(pub, info)
	if err != nil {
		return nil, nil, fmt.Errorf("seal: %w", err)
	}
	enc, sealer, err := sender.Setup(rand)
	if err != nil {
		return nil, nil, fmt.Errorf("seal: %w", err)
	}
	return enc, sealer, nil
}

// receiver sets up HPKE's context of enc.
func (k PrivateKey) receiver(enc, info []byte) (hpke.Opener, error) {
	if !k.public.suite.ok() {
		return nil, refuse(BadKey, "no key")
	}
	if len(enc) != k.public.suite.kem().Scheme().CiphertextSize() {
		return nil, refuse(NotOpened, "an encapsulated key of another length")
	}
	receiver, err := k.public.suite.hpke().NewReceiver(k.secret(), info)
	if err != nil {
		return nil, fmt.Errorf("open what is sealed: %w", err)
	}
	opener, err := receiver.Setup(enc)
	if err != nil { // an X25519 point of small order
		return nil, refuse(NotOpened, "")
	}
	return opener, nil
}
