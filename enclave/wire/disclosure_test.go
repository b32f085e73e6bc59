package wire_test

import (
	"bytes"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

func disclosed() *wire.Disclosed {
	day := entrustment.Date{Year: 2026, Month: 4, Day: 1}
	return &wire.Disclosed{Schema: wire.DisclosedSchema, Number: 7, At: "2026-04-01T00:00:00Z", Base: &wire.DisclosedBase{Version: 2, On: day}, Sensitive: []string{"disability"}, Cut: []string{}, Others: wire.OfOthers,
		Users: []wire.DisclosedUser{{Known: true, Verified: true, Identifiers: []wire.DisclosedIdentifier{{Kind: "email", Forms: 3}}, Attributes: []wire.DisclosedAttribute{{Name: "age_band", Value: "<20"}}, Policy: "v2", Consent: day, Channels: []string{"mail"},
			Events:   []wire.DisclosedEvents{{Kind: "click", Category: "spring", Events: 2, From: day, To: day}},
			Requests: []wire.DisclosedRequest{{Number: 1, Kind: seal.Stop, On: day, InForce: true}}},
			{Identifiers: []wire.DisclosedIdentifier{}, Attributes: []wire.DisclosedAttribute{}, Channels: []string{}, Events: []wire.DisclosedEvents{}, Requests: []wire.DisclosedRequest{}}}}
}

// TestParseDisclosed: a disclosure is read as it was written, and in no other way.
func TestParseDisclosed(t *testing.T) {
	d := disclosed()
	raw, err := d.Content()
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.ParseDisclosed(raw)
	if err != nil || got.Users[0].Attributes[0] != d.Users[0].Attributes[0] || got.Others != wire.OfOthers {
		t.Fatalf("%+v, %v", got, err)
	}
	text := string(raw)
	for what, bad := range map[string]string{
		"nothing": "", "no object": "[]", "two values": text + text, "cut short": text[:len(text)-3], "another schema": strings.Replace(text, "disclosed/v1", "disclosed/v2", 1),
		"a key that is not known": strings.Replace(text, `{"schema"`, `{"user":"u1","schema"`, 1), "a key twice": strings.Replace(text, `"number":7`, `"number":7,"number":7`, 1),
		"spread out": strings.Replace(text, ",", ", ", 1), "no day": strings.Replace(text, "2026-04-01\"", "2026-04-31\"", 1), "too long": text + strings.Repeat(" ", seal.MaxDisclosure),
	} {
		if _, err := wire.ParseDisclosed([]byte(bad)); err == nil {
			t.Errorf("%s was read", what)
		}
	}
}

// FuzzParseDisclosed: whatever is read is written the same again.
func FuzzParseDisclosed(f *testing.F) {
	raw, err := disclosed().Content()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"schema":"awase.disclosed/v1","base":null}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := wire.ParseDisclosed(content)
		if err != nil {
			return
		}
		if again, err := d.Content(); err != nil || !bytes.Equal(again, content) {
			t.Errorf("%q is written %q, %v", content, again, err)
		}
	})
}
