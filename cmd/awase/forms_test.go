package main

import (
	"testing"

	"awase/crypto/delivery"
	"awase/entrustment"
)

// TestFormsAreDestinations: a campaign's forms and a delivery's destinations are the same
// words. Neither room may import the other, so nothing else holds them together.
func TestFormsAreDestinations(t *testing.T) {
	forms := entrustment.Form("").Allowed()
	if len(forms) != len(delivery.Destinations()) {
		t.Errorf("%d forms and %d destinations", len(forms), len(delivery.Destinations()))
	}
	for i, d := range delivery.Destinations() {
		if i < len(forms) && forms[i] != d.String() {
			t.Errorf("form %q is destination %q", forms[i], d)
		}
	}
}
