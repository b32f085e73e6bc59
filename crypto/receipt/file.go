package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// VerifierKey gives the line that others check this signer's receipts and
// checkpoints by: a verifier key of the note format, name+hash+key.
func (s *Signer) VerifierKey() string { return verifierKey(s.name, s.Public()) }

// ParseVerifierKey reads the line that VerifierKey gives; white space around it
// is ignored.
func ParseVerifierKey(line string) (ed25519.PublicKey, error) {
	bad := errors.New("not a key of awase log key: one line, name+hash+key")
	line = strings.TrimSpace(line)
	if _, err := note.NewVerifier(line); err != nil {
		return nil, bad
	}
	parts := strings.SplitN(line, "+", 3) // base64 may hold a plus sign, the others don't
	if len(parts) != 3 {
		return nil, bad
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != 1 {
		return nil, bad
	}
	if verifierKey(parts[0], raw[1:]) != line {
		return nil, bad // hex in capitals
	}
	return raw[1:], nil
}

// Fingerprint gives the first 16 bytes of a public key's SHA-256 in hex, in
// groups of four, for two people to compare.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	h := hex.EncodeToString(sum[:16])
	groups := make([]string, 0, len(h)/4)
	for i := 0; i < len(h); i += 4 {
		groups = append(groups, h[i:i+4])
	}
	return strings.Join(groups, "-")
}

// VerifyFile checks a released table as awase writes it in JSON, receipt
// included, by Verify. Any byte that differs from what was released is an error,
// white space too: the file is as it was written, or on one line.
func VerifyFile(file []byte, key ed25519.PublicKey) (*Receipt, error) {
	p, err := takeApart(file)
	if err != nil {
		return nil, err
	}
	r, err := Verify(p.receipt, p.table, key)
	if err != nil {
		return nil, err
	}
	return r, layout(file, p.flat)
}

// parts are a released table's file: on one line, as it is hashed, and its receipt.
type parts struct{ flat, table, receipt []byte }

func takeApart(file []byte) (*parts, error) {
	var flat, escaped bytes.Buffer
	if err := json.Compact(&flat, file); err != nil {
		return nil, errors.New("the file is not JSON")
	}
	// The hash is over the form in which < is written \u003c.
	json.HTMLEscape(&escaped, flat.Bytes())
	text := escaped.Bytes()
	from, to, err := lastMember(text, "receipt")
	if err != nil {
		return nil, err
	}
	table := append(append(bytes.Clone(text[:from]), "null"...), text[to:]...)
	return &parts{flat.Bytes(), table, text[from:to]}, nil
}

// layout holds the white space of a file to that of its writer; flat is the file
// without it.
func layout(file, flat []byte) error {
	if bytes.Equal(bytes.TrimSuffix(file, []byte{'\n'}), flat) {
		return nil
	}
	var want bytes.Buffer
	if err := json.Indent(&want, flat, "", "  "); err != nil {
		return errors.New("the file is not JSON")
	}
	want.WriteByte('\n')
	if bytes.Equal(file, want.Bytes()) {
		return nil
	}
	line := 1
	for i, b := range want.Bytes() {
		if i == len(file) || file[i] != b {
			break
		}
		if b == '\n' {
			line++
		}
	}
	return fmt.Errorf("its white space was changed, first in line %d; what it says is what was released: take the file as it was downloaded", line)
}

// lastMember gives where the value of an object's last member lies, which must
// have the name given.
func lastMember(text []byte, name string) (from, to int64, err error) {
	bad := errors.New("the file is not a release with its receipt")
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return 0, 0, bad
	}
	last := ""
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return 0, 0, bad
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return 0, 0, bad
		}
		last, to = key, d.InputOffset()
		from = to - int64(len(value))
	}
	if last != name || int(to) != len(text)-1 {
		return 0, 0, bad
	}
	return from, to, nil
}
