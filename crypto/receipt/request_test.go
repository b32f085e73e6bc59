package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func requestEntry(number int64, kind, more string) string {
	return fmt.Sprintf(`{"seq":3,"time":"2026-04-01T00:00:00.5Z","kind":"request","salt":"c2FsdA==","body":{"number":%d,"kind":%q%s}}`, number, kind, more)
}

const toldNow = `{"version":"2024-01-29","date":"2024-01-29","clauses":{"5":["5-analysis"]}}`

func requestOf(s *Signer, entry, kind string) Request {
	return Request{Dev: true, Number: 7, Kind: kind, At: "2026-04-01T00:00:00Z", Log: newTree("0", "1", "2", entry, "4").proof(s, 3)}
}

// approvedEntry is an officer's approval that makes a disclosure.
func approvedEntry(number int64) string {
	return fmt.Sprintf(`{"seq":4,"time":"2026-04-02T00:00:00.5Z","kind":"approval","salt":"c2FsdA==","body":{"draft":"d","act":{"kind":"disclosure","body":%s}}}`, disclosedBody(number))
}

func disclosedBody(number int64) string {
	return fmt.Sprintf(`{"number":%d,"desk":"abcd","sealed":"%s"}`, number, strings.Repeat("5", 64))
}

// disclosedOf is the receipt of a request that was disclosed by an entry.
func disclosedOf(s *Signer, entry string) Request {
	r := requestOf(s, requestEntry(7, "disclosure", ""), "disclosure")
	tree := newTree("0", "1", "2", requestEntry(7, "disclosure", ""), entry)
	r.Log = tree.proof(s, 3)
	r.Disclosed = &Disclosed{At: "2026-04-02T00:00:00Z", Desk: "abcd", Sealed: strings.Repeat("5", 64), Log: tree.proof(s, 4)}
	return r
}

// TestRequest: the receipt of a request verifies, laid out or on one line, and with
// no bit changed; it says the same of everybody.
func TestRequest(t *testing.T) {
	s := newSigner(1)
	told := requestOf(s, requestEntry(7, "purpose-notice", `,"told":`+toldNow), "purpose-notice")
	told.Told = &Policy{"2024-01-29", "2024-01-29", map[string][]string{"5": {"5-analysis"}}}
	all := []Request{told}
	direct := fmt.Sprintf(`{"seq":4,"time":"2026-04-02T00:00:00.5Z","kind":"disclosure","salt":"c2FsdA==","body":%s}`, disclosedBody(7))
	all = append(all, disclosedOf(s, approvedEntry(7)), disclosedOf(s, direct))
	for _, kind := range []string{"deletion", "stop", "correction", "addition", "disclosure"} {
		all = append(all, requestOf(s, requestEntry(7, kind, ""), kind))
	}
	for i, r := range all {
		file := must(s.SignRequest(r))
		got, err := VerifyRequest(file, s.Public())
		if err != nil {
			t.Fatal(err)
		}
		if got.Number != 7 || !IsRequest(file) || IsCertificate(file) || !strings.HasSuffix(got.Statement.EN, ofOthers.EN) || !strings.HasSuffix(got.Statement.JA, ofOthers.JA) {
			t.Errorf("%+v", got.Request)
		}
		var laid bytes.Buffer
		if err := json.Indent(&laid, file, "", "  "); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyRequest(laid.Bytes(), nil); err != nil {
			t.Errorf("laid out: %v", err)
		}
		for at := range file {
			for bit := range 8 {
				if i > 0 && (at+bit)%11 != 0 {
					continue
				}
				bad := bytes.Clone(file)
				bad[at] ^= 1 << bit
				if _, err := VerifyRequest(bad, s.Public()); err == nil {
					t.Errorf("with bit %d of byte %d changed it verifies", bit, at)
				}
			}
		}
	}
	if _, err := s.SignRequest(requestOf(s, "x", "else")); err == nil {
		t.Error("a receipt of no request was signed")
	}
}

// TestRequestControls makes the forgeries that each check is there against: with all
// checks none verifies, without its own it does.
func TestRequestControls(t *testing.T) {
	s, other := newSigner(1), newSigner(2)
	good := requestOf(s, requestEntry(7, "stop", ""), "stop")
	forge := func(change func(*Request)) []byte {
		r := good
		change(&r)
		return must(s.SignRequest(r))
	}
	// What the vault's own key never signs, for the check of the words.
	inWords := func(change func(*Request)) []byte {
		r := good
		words, _ := statementOf(&r)
		r.Schema, r.Statement, r.Key = RequestSchema, words, s.Public()
		change(&r)
		body := must(json.Marshal(r))
		return must(json.Marshal(SignedRequest{r, ed25519.Sign(s.key, append([]byte(requestPrefix), body...))}))
	}
	unsigned := func(change func(*Request)) []byte {
		r := good
		words, _ := statementOf(&r)
		r.Schema, r.Statement, r.Key = RequestSchema, words, s.Public()
		change(&r)
		return must(json.Marshal(SignedRequest{r, make([]byte, ed25519.SignatureSize)}))
	}
	// A disclosure, made by an officer's approval.
	disclosed := func(change func(*Request)) []byte {
		r := disclosedOf(s, approvedEntry(7))
		change(&r)
		return must(s.SignRequest(r))
	}
	hit := map[string]bool{}
	for what, of := range map[string]struct {
		file  []byte
		check string
	}{
		"a receipt that anybody made up":                      {must(other.SignRequest(requestOf(other, requestEntry(7, "stop", ""), "stop"))), "key"},
		"a dev vault's passed off as one that officers watch": {unsigned(func(r *Request) { r.Dev = false }), "signature"},
		"an entry beside the log":                             {forge(func(r *Request) { r.Log.Entry = strings.Replace(r.Log.Entry, "c2FsdA", "c2FsdB", 1) }), "log"},
		"a log that the vault never signed":                   {forge(func(r *Request) { r.Log = requestOf(other, requestEntry(7, "stop", ""), "stop").Log }), "log"},
		"another number":                                      {forge(func(r *Request) { r.Number = 8 }), "entry"},
		"a correction passed off as a deletion":               {forge(func(r *Request) { *r = requestOf(s, requestEntry(7, "correction", ""), "deletion") }), "entry"},
		"an earlier day":                                      {forge(func(r *Request) { r.At = "2026-03-01T00:00:00Z" }), "entry"},
		"told something else":                                 {forge(func(r *Request) { r.Told = &Policy{Version: "2024-01-29"} }), "entry"},
		"an entry of another kind": {forge(func(r *Request) {
			*r = requestOf(s, strings.Replace(requestEntry(7, "stop", ""), `"request"`, `"refusal"`, 1), "stop")
		}), "entry"},
		"another file":       {disclosed(func(r *Request) { r.Disclosed.Sealed = strings.Repeat("0", 64) }), "disclosed"},
		"another desk":       {disclosed(func(r *Request) { r.Disclosed.Desk = "0000" }), "disclosed"},
		"another day":        {disclosed(func(r *Request) { r.Disclosed.At = "2026-03-01T00:00:00Z" }), "disclosed"},
		"of another request": {disclosed(func(r *Request) { *r = disclosedOf(s, approvedEntry(8)) }), "disclosed"},
		"an approval of else": {disclosed(func(r *Request) {
			*r = disclosedOf(s, strings.Replace(approvedEntry(7), `"kind":"disclosure"`, `"kind":"gate"`, 1))
		}), "disclosed"},
		"other words": {inWords(func(r *Request) { r.Statement.EN = "Nothing was done." }), "statement"},
	} {
		if _, err := VerifyRequest(of.file, s.Public()); err == nil {
			t.Errorf("%s verifies", what)
		}
		left := slices.DeleteFunc(slices.Clone(requestChecks), func(c requestCheck) bool { return c.name == of.check })
		if _, err := verifyRequest(of.file, s.Public(), left); err != nil {
			t.Errorf("%s is noticed without the check of %s: %v", what, of.check, err)
		}
		hit[of.check] = true
	}
	for _, c := range requestChecks {
		if !hit[c.name] {
			t.Errorf("no forgery needs the check %q", c.name)
		}
	}
}

// FuzzVerifyRequest: nothing but the receipt verifies, and no file panics.
func FuzzVerifyRequest(f *testing.F) {
	s := newSigner(1)
	good := must(s.SignRequest(requestOf(s, requestEntry(7, "stop", ""), "stop")))
	f.Add(good)
	f.Add([]byte(`{"schema":"awase.request/v1","key":null}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, err := VerifyRequest(file, s.Public()); err != nil {
			return
		}
		var flat bytes.Buffer
		if err := json.Compact(&flat, file); err != nil || !bytes.Equal(flat.Bytes(), good) {
			t.Error("another file verifies")
		}
	})
}
