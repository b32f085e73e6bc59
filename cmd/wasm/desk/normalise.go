package desk

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"awase/crypto/identifier"
	"awase/entrustment"
)

// Form is what one profile makes of a value. Of a value that the profile
// refuses, Reason and Mend are set and the others are not.
type Form struct {
	Profile string   `json:"profile"`
	Text    string   `json:"text,omitempty"`
	Hash    string   `json:"hash,omitempty"` // SHA-256 of Text in hex
	Repairs []string `json:"repairs,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Mend    string   `json:"mend,omitempty"`
}

// Normalise gives the form of a value under each profile, Awase's first. Kind is
// email, phone, cookie or maid; region is the country in which a phone number
// without a country code is read, "" Japan.
func Normalise(kind, value, region string) ([]Form, error) {
	k, err := identifier.ParseKind(kind)
	if err != nil {
		return nil, option("kind", err.Error(), "")
	}
	if region == "" {
		region = entrustment.Home
	}
	norm, err := identifier.New(region)
	if err != nil {
		return nil, option("region", err.Error(), "")
	}
	var out []Form
	for _, p := range identifier.Profiles() {
		f := Form{Profile: p.String()}
		text, repairs, err := norm.Normalise(p, k, []byte(value))
		if err != nil {
			var e *identifier.Error
			if !errors.As(err, &e) {
				return nil, err
			}
			f.Reason, f.Mend = string(e.Reason), e.Mend
		} else {
			sum := sha256.Sum256(text)
			f.Text, f.Hash, f.Repairs = string(text), hex.EncodeToString(sum[:]), repairs.Names()
		}
		out = append(out, f)
	}
	return out, nil
}
