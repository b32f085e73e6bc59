package seal

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// jsonRow is a row as vectors write it: hashes and keys in hex.
type jsonRow struct {
	Identifiers []string    `json:"identifiers"` // "column class hash"
	Codes       []int       `json:"codes"`
	Person      *jsonPerson `json:"person,omitempty"`
	Event       *jsonEvent  `json:"event,omitempty"`
	User        string      `json:"user,omitempty"`
}

type jsonPerson struct {
	Key         string `json:"key"`
	Verified    bool   `json:"verified"`
	Policy      string `json:"policy_version"`
	Service     string `json:"service"`
	EnquiryOnly bool   `json:"enquiry_only"`
	Channels    uint64 `json:"channels"`
	Consent     int32  `json:"consent"`
}

type jsonEvent struct {
	Key   string `json:"key"`
	Day   int32  `json:"day"`
	Type  uint8  `json:"type"`
	Value int64  `json:"value"`
}

// MarshalVectorRow writes a row of a vector.
func MarshalVectorRow(r *Row) ([]byte, error) {
	out := jsonRow{Identifiers: []string{}, Codes: []int{}}
	for _, id := range r.Identifiers {
		out.Identifiers = append(out.Identifiers, fmt.Sprintf("%d %d %x", id.Column, id.Class, id.Hash))
	}
	for _, c := range r.Codes {
		out.Codes = append(out.Codes, int(c))
	}
	if p := r.Person; p != nil {
		out.Person = &jsonPerson{hex.EncodeToString(p.Key), p.Verified, p.PolicyVersion, p.Service, p.EnquiryOnly, p.Channels, p.Consent}
	}
	if e := r.Event; e != nil {
		out.Event = &jsonEvent{hex.EncodeToString(e.Key), e.Day, e.Type, e.Value}
	}
	out.User = hex.EncodeToString(r.User)
	return json.Marshal(out)
}

// UnmarshalVectorRow reads a row of a vector.
func UnmarshalVectorRow(b []byte) (r Row, err error) {
	var in jsonRow
	if err := json.Unmarshal(b, &in); err != nil {
		return r, err
	}
	for _, s := range in.Identifiers {
		var id Identifier
		var hash []byte
		if _, err := fmt.Sscanf(s, "%d %d %x", &id.Column, &id.Class, &hash); err != nil || len(hash) != 32 {
			return r, fmt.Errorf("identifier %q: %v", s, err)
		}
		id.Hash = [32]byte(hash)
		r.Identifiers = append(r.Identifiers, id)
	}
	for _, c := range in.Codes {
		r.Codes = append(r.Codes, uint8(c))
	}
	if p := in.Person; p != nil {
		r.Person = &Person{nil, p.Verified, p.Policy, p.Service, p.EnquiryOnly, p.Channels, p.Consent}
		if r.Person.Key, err = hex.DecodeString(p.Key); err != nil {
			return r, err
		}
	}
	if e := in.Event; e != nil {
		r.Event = &Event{nil, e.Day, e.Type, e.Value}
		if r.Event.Key, err = hex.DecodeString(e.Key); err != nil {
			return r, err
		}
	}
	if in.User != "" {
		r.User, err = hex.DecodeString(in.User)
	}
	return r, err
}
