package client_test

import (
	"errors"
	"strings"
	"testing"

	"awase/api/client"
	"awase/entrustment"
	"awase/internal/apitest"
)

// Who asks and does not read is told that the report is made, and who reads it: it is
// there, among the recipient's. Under a contract that is not theirs, or none, what they
// are told to do is theirs to do.
func TestReportForOthers(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	over := map[string]*client.Room{}
	for _, party := range []string{apitest.Operator, apitest.Acme, apitest.Beta} {
		c, err := client.New(r.URL, client.Options{Token: r.Token(everybody(party))})
		if err != nil {
			t.Fatal(err)
		}
		over[party] = c.Room(t.TempDir(), nil)
	}
	_, err := over[apitest.Operator].Report(t.Context(), question(t, profile))
	made, ok := errors.AsType[*client.Made](err)
	if !ok || made.Recipient != apitest.Acme {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := over[apitest.Acme].Released(t.Context(), made.Report); err != nil {
		t.Errorf("who reads it: %v", err)
	}
	_, other := over[apitest.Beta].Retention(t.Context(), apitest.Entrustment)
	_, none := over[apitest.Beta].Retention(t.Context(), "none")
	if entrustment.Public(other).Code != entrustment.CodeNotFound || !strings.Contains(other.Error(), "ask the operator") || strings.Contains(other.Error(), "activate its contract with") {
		t.Errorf("of another party: %v", other)
	}
	if strings.ReplaceAll(other.Error(), apitest.Entrustment, "none") != none.Error() {
		t.Errorf("%v, and of none %v", other, none)
	}
}
