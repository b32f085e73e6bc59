package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// What is disclosed to a data subject is sealed to the privacy desk's key, in one
// size: how long it is tells neither what is known of the person nor whether anything
// is. docs/format.md has the bytes.
const (
	disclosureMagic = "AWASEDI1"
	disclosureLabel = "awase disclosure v1\n"
	disclosureHead  = len(disclosureMagic) + 16 + 8 + 16 // magic, vault, number, key
	// disclosurePlain is what is sealed: u32 length ‖ content ‖ zeros.
	disclosurePlain = 256 << 10
	disclosureEnc   = 1120 // X-Wing's encapsulated key
)

// Sizes of a sealed disclosure, in bytes.
const (
	MaxDisclosure  = disclosurePlain - 4 // of its content
	DisclosureSize = disclosureHead + disclosureEnc + disclosurePlain + tagSize
)

// A DisclosureTag says what a sealed disclosure is of. Opening proves it.
type DisclosureTag struct {
	Vault  [16]byte // the vault's id
	Number int64    // of the request, from 1
	Key    string   // fingerprint of the key it is sealed to
}

// SealDisclosure seals content, at most MaxDisclosure bytes, to a key of X-Wing. It
// gives DisclosureSize bytes, however long content is. rand is the KEM's, nil:
// crypto/rand; anything else is for test vectors.
func SealDisclosure(to PublicKey, vault [16]byte, number int64, content []byte, rand io.Reader) ([]byte, error) {
	if to.suite != XWing {
		return nil, refuse(BadKey, "a disclosure is sealed to an xwing key")
	}
	if len(content) > MaxDisclosure || number < 1 {
		return nil, refuse(BadHeader, "a disclosure over its size, or of no request")
	}
	pub, err := to.kem()
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, DisclosureSize)
	out = append(append(out, disclosureMagic...), vault[:]...)
	out = binary.BigEndian.AppendUint64(out, uint64(number))
	id := to.keyID()
	out = append(out, id[:]...)
	sender, err := to.suite.hpke().NewSender(pub, append([]byte(disclosureLabel), out...))
	if err != nil {
		return nil, fmt.Errorf("seal a disclosure: %w", err)
	}
	enc, sealer, err := sender.Setup(rand)
	if err != nil {
		return nil, fmt.Errorf("seal a disclosure: %w", err)
	}
	plain := make([]byte, disclosurePlain)
	binary.BigEndian.PutUint32(plain, uint32(len(content)))
	copy(plain[4:], content)
	sealed, err := sealer.Seal(plain, nil)
	clear(plain)
	if err != nil {
		return nil, fmt.Errorf("seal a disclosure: %w", err)
	}
	return append(append(out, enc...), sealed...), nil
}

// ReadDisclosureTag reads what a sealed disclosure says that it is of, without a key.
func ReadDisclosureTag(file []byte) (DisclosureTag, error) {
	if !bytes.HasPrefix(file, []byte(disclosureMagic)) {
		return DisclosureTag{}, refuse(NotSealed, "not a sealed disclosure")
	}
	switch {
	case len(file) < DisclosureSize:
		return DisclosureTag{}, refuse(Truncated, "")
	case len(file) > DisclosureSize:
		return DisclosureTag{}, refuse(TrailingBytes, "")
	}
	b := file[len(disclosureMagic):]
	t := DisclosureTag{Vault: [16]byte(b[:16]), Number: int64(binary.BigEndian.Uint64(b[16:])), Key: fingerprint(b[24:40])}
	if t.Number < 1 {
		return DisclosureTag{}, refuse(MalformedHead, "no request's number")
	}
	return t, nil
}

// OpenDisclosure gives the content of a sealed disclosure, and what it is of. A file
// that is sealed to another key, or altered, is an *Error.
func OpenDisclosure(file []byte, key PrivateKey) (DisclosureTag, []byte, error) {
	tag, err := ReadDisclosureTag(file)
	if err != nil {
		return DisclosureTag{}, nil, err
	}
	if key.public.suite != XWing || tag.Key != key.public.Fingerprint() {
		return DisclosureTag{}, nil, refuse(NotOpened, "it is sealed to another desk's key, "+tag.Key)
	}
	receiver, err := XWing.hpke().NewReceiver(key.secret(), append([]byte(disclosureLabel), file[:disclosureHead]...))
	if err != nil {
		return DisclosureTag{}, nil, fmt.Errorf("open a disclosure: %w", err)
	}
	altered := refuse(NotOpened, "it was altered, or is of another request")
	opener, err := receiver.Setup(file[disclosureHead : disclosureHead+disclosureEnc])
	if err != nil {
		return DisclosureTag{}, nil, altered
	}
	plain, err := opener.Open(file[disclosureHead+disclosureEnc:], nil)
	if err != nil {
		return DisclosureTag{}, nil, altered
	}
	n := int64(binary.BigEndian.Uint32(plain))
	if n > MaxDisclosure || len(bytes.Trim(plain[4+n:], "\x00")) > 0 {
		return DisclosureTag{}, nil, refuse(MalformedRecord, "what follows the content is not zero")
	}
	return tag, plain[4 : 4+n], nil
}
