package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"awase/api"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// FuzzDecode: what is taken has one meaning: written again it is taken again, as the
// same; and no object of it has a key twice.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{}`, `{"statement":{"schema":"awase.act/v1","version":1},"key":"k","signature":{"ed25519":"AAAA"}}`, `{"key":"a","key":"b"}`, `{"KEY":"a"}`,
		`{"signature":{"assertion":{"client_data":"AA==","authenticator_data":"","signature":""}}}`, `{"key":null}`, `[[[[]]]]`, `{"key":"a"} `, `{"key":"a"}{}`, "{\"key\":\"\xff\"}", `{"key":"\u0000\ud800"}`, `{"statement":{"version":1e3}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v wire.FreezeRequest
		if api.DecodeStrict(raw, &v) != nil {
			return
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var w wire.FreezeRequest
		if err := api.DecodeStrict(again, &w); err != nil || !reflect.DeepEqual(v, w) && !strings.Contains(string(raw), "ed25519") {
			t.Errorf("%q became %s: %v", raw, again, err)
		}
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		if twice(t, dec) {
			t.Errorf("%q has a key twice", raw)
		}
	})
}

// twice tells whether an object of the next value has a key twice.
func twice(t *testing.T, dec *json.Decoder) (found bool) {
	t.Helper()
	token, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[any]bool{}
	if d, ok := token.(json.Delim); ok {
		for dec.More() {
			if d == '{' {
				key, err := dec.Token()
				if err != nil {
					t.Fatal(err)
				}
				found = found || seen[key]
				seen[key] = true
			}
			found = twice(t, dec) || found
		}
		if _, err := dec.Token(); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// fuzzed is a room that is asked without a network.
func fuzzed(f *testing.F) (*api.Server, *apitest.Room) {
	f.Helper()
	var o api.Options
	r := furnished(f, func(given *api.Options) { o = *given })
	s, err := api.New(o)
	if err != nil {
		f.Fatal(err)
	}
	return s, r
}

// FuzzCursor: whatever page is asked, there is one, or a refusal.
func FuzzCursor(f *testing.F) {
	s, r := fuzzed(f)
	bearer := "Bearer " + r.Token(everybody(apitest.Operator))
	for _, seed := range []string{"", "YWNtZQ", "MQ", "AA", "====", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5", strings.Repeat("A", 300)} {
		f.Add(seed, "1", "0")
	}
	f.Add("", "-1", "-1")
	f.Add("", "1e3", "1e3")
	f.Fuzz(func(t *testing.T, cursor, limit, from string) {
		for _, path := range []string{"/v1/parties", "/v1/entrustments", "/v1/log"} {
			q := url.Values{"cursor": {cursor}, "limit": {limit}}
			if path == "/v1/log" {
				q.Set("from", from)
			}
			req := httptest.NewRequest(http.MethodGet, path+"?"+q.Encode(), nil)
			req.Header.Set("Authorization", bearer)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, req)
			if w.Code != 200 && w.Code != 422 || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s: %d %s", req.URL, w.Code, w.Body)
			}
		}
	})
}

// FuzzDocument: whatever is put, it is taken or refused, never a fault; and a
// refusal repeats no long text of it.
func FuzzDocument(f *testing.F) {
	s, r := fuzzed(f)
	bearer := "Bearer " + r.Token(everybody(apitest.Operator))
	seeds, err := filepath.Glob("../entrustment/testdata/*.yaml")
	if err != nil || len(seeds) < 5 {
		f.Fatal("no seeds: the documents moved", err)
	}
	for _, name := range seeds {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(policiesDoc))
	f.Add([]byte(contractDoc("acme-spring", "acme")))
	f.Add([]byte(`{"schema":"awase.party/v1","id":"acme","class":"client","group":"acme","country":"JP"}`))
	f.Add([]byte("schema: awase.gate/v1\nk: 60\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, o := range []struct{ method, path string }{{"PUT", "/v1/parties/acme"}, {"PUT", "/v1/policies"}, {"PUT", "/v1/entrustments/acme-spring"}, {"POST", "/v1/gate/changes"}} {
			for _, media := range []string{asJSON, asYAML} {
				req := httptest.NewRequest(o.method, o.path, strings.NewReader(string(raw)))
				req.Header.Set("Authorization", bearer)
				req.Header.Set("Content-Type", media)
				w := httptest.NewRecorder()
				s.ServeHTTP(w, req)
				if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
					t.Errorf("%s %s %q: %d %s", o.method, o.path, raw, w.Code, w.Body)
				}
			}
		}
	})
}
