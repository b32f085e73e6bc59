package enclave

import (
	"strings"
	"testing"

	"awase/entrustment"
)

// Who names an entrustment that isn't there learns of no other; a list that isn't
// there is told with those of its own entrustment.
func TestUnknownNamesTellTheirOwnAlone(t *testing.T) {
	e := openCrowd(t)
	_, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Entrustment = "nosuch" }))
	wantCode(t, "an unknown entrustment", err, entrustment.CodeNotFound)
	if text := err.Error(); !strings.Contains(text, `"nosuch"`) || strings.Contains(text, "there are") {
		t.Error(text)
	}
	_, err = e.Report(t.Context(), question(func(q *entrustment.Question) { q.List = "nosuch" }))
	wantCode(t, "an unknown list", err, entrustment.CodeNotFound)
	if text := err.Error(); !strings.Contains(text, `"nosuch"`) || !strings.Contains(text, "it has l;") {
		t.Error(text)
	}
	ids, err := e.Entrustments(t.Context())
	if err != nil || len(ids) != 1 || ids[0] != "e" {
		t.Errorf("%q, %v", ids, err)
	}
}
