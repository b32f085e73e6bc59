package api

import (
	"strings"
	"testing"
)

// A refusal names a key that is a plain word and lists those that are taken; what
// may be a value in the place of a key it does not repeat.
func TestUnknownKeys(t *testing.T) {
	type inner struct {
		Name string `json:"name"`
	}
	var v struct {
		Question inner  `json:"question"`
		Until    string `json:"until"`
		Empty    struct{}
		Hidden   string `json:"-"`
	}
	for body, want := range map[string]string{
		`{"untill":""}`:                "its outermost object: it has a key untill, which this operation does not take: it takes Empty, question, until",
		`{"question":{"list_name":1}}`: "question: it has a key list_name, which this operation does not take: it takes name",
		`{"Empty":{"a":1}}`:            "Empty: it has a key a, which this operation does not take: it takes none here",
		`{"Hidden":""}`:                "its outermost object: it has a key Hidden, which this operation does not take: it takes Empty, question, until",
	} {
		if err := decodeStrict([]byte(body), &v, true); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	for _, value := range []string{"a@acme.example", "090-1234-5678", "09012345678", "awase_x9", "two words", "山田", strings.Repeat("a", 33), "a_b_c_d_e", "", "\u202e"} {
		err := decodeStrict([]byte(`{"`+value+`":""}`), &v, true)
		if want := "its outermost object: it has a key that this operation does not take: it takes Empty, question, until"; err == nil || err.Error() != want {
			t.Errorf("%q: %v", value, err)
		}
	}
	var many struct {
		A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z int
	}
	if err := decodeStrict([]byte(`{"a":1}`), &many, true); err == nil || !strings.HasSuffix(err.Error(), ", W, X, and 2 more") {
		t.Errorf("of many: %v", err)
	}
}
