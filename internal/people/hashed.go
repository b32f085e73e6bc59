package people

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"awase/crypto/identifier"
)

// hashedWriter writes the list as a platform's uploader hashes it: a value
// that has no normal form is left empty, a row without consent or without any
// value is left out.
func hashedWriter(w io.Writer, form ListForm) (put func(listRow) error, flush func() error, err error) {
	name, head := "google", "Email,Phone\n"
	if form == ListMeta {
		name, head = "meta", "email,phone\n"
	}
	profile, err := identifier.ParseProfile(name)
	if err != nil {
		return nil, nil, fmt.Errorf("people: %w", err)
	}
	norm, err := identifier.New("JP")
	if err != nil {
		return nil, nil, fmt.Errorf("people: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	if _, err := out.WriteString(head); err != nil {
		return nil, nil, fmt.Errorf("writing a made-up list: %w", err)
	}
	var line []byte
	add := func(kind identifier.Kind, raw string) bool {
		if raw == "" {
			return false
		}
		text, _, err := norm.Normalise(profile, kind, []byte(raw))
		if err != nil {
			return false // the uploader skips what it can't read
		}
		sum := sha256.Sum256(text)
		line = hex.AppendEncode(line, sum[:])
		return true
	}
	return func(r listRow) error {
		if r.consent != consents[0] {
			return nil
		}
		line = line[:0]
		email := add(identifier.Email, r.email)
		line = append(line, ',')
		if phone := add(identifier.Phone, r.phone); !email && !phone {
			return nil
		}
		_, err := out.Write(append(line, '\n'))
		return err
	}, out.Flush, nil
}
