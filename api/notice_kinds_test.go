package api

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The contract names the kinds that there are, and each has words in both languages.
func TestKinds(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas struct {
				EventKind struct{ Enum []string } `yaml:"EventKind"`
			}
		}
	}
	if err := yaml.Unmarshal(contract, &doc); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range eventKinds() {
		names = append(names, k.name)
		if k.words.JA == "" || k.words.EN == "" || !strings.Contains(string(page), "`"+k.name+"`") {
			t.Errorf("%s has no words, or docs/webhooks.md does not have it", k.name)
		}
	}
	if !slices.Equal(names, doc.Components.Schemas.EventKind.Enum) {
		t.Errorf("the contract has %v, the table %v", doc.Components.Schemas.EventKind.Enum, names)
	}
}

// Whatever an event's data is, what leaves is an object of words.
func FuzzTame(f *testing.F) {
	for _, s := range []string{`{}`, `{"code":"E_BUDGET"}`, `{"n":5}`, `{"mail":"taro@example.jp"}`, `{"phone":"+819012345678","p2":"09012345678","p3":"090-1234-5678"}`, `{"files":["/v1/reports/rpt-1/files/csv"]}`, `{"a":{"b":1}}`, `[1]`, `null`, `{"a":null}`, `{"山田":"x"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := tame(json.RawMessage(text))
		if err != nil || got == nil {
			return
		}
		var said map[string]any
		if err := json.Unmarshal(got, &said); err != nil || len(said) == 0 || len(said) > maxWords {
			t.Fatalf("%q became %s", text, got)
		}
		for k, v := range said {
			all := []any{k, v}
			if list, ok := v.([]any); ok {
				all = append(list, k)
			}
			for _, one := range all {
				w, ok := one.(string)
				digits := strings.Map(func(r rune) rune {
					if r >= '0' && r <= '9' {
						return r
					}
					return -1
				}, w)
				if !ok || strings.ContainsAny(w, "@+ \r\n") || len(digits) >= 9 && len(digits) == len(strings.NewReplacer("-", "", ".", "", "_", "", ":", "", "/", "").Replace(w)) {
					t.Fatalf("%q became %s", text, got)
				}
			}
		}
	})
}

// One webhook and one party take a part of the slots alone, so that others have some.
func TestSlots(t *testing.T) {
	s := slots{most: ofParty + 2, taken: map[string]int{}}
	var gives []func()
	take := func(party, hook string, most int) {
		t.Helper()
		for i := range most + 1 {
			give, ok := s.take(party, hook)
			if ok != (i < most) {
				t.Fatalf("%s, %s: the %dth is %v", party, hook, i+1, ok)
			}
			if ok {
				gives = append(gives, give)
			}
		}
	}
	take("a", "1", ofHook)
	take("a", "2", ofParty-ofHook)
	take("a", "3", 0)
	take("b", "4", 2)
	take("c", "5", 0)
	gives[0]()
	take("c", "5", 1)
	for _, give := range gives[1:] {
		give()
	}
	if len(s.taken) != 0 || s.all != 0 {
		t.Errorf("%v, %d", s.taken, s.all)
	}
}
