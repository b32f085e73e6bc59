package enclave

import (
	"testing"

	"awase/entrustment"
)

// TestContractOfBefore: a contract that was activated when any word after "sha256:" was
// taken as a hash is in force as long as it runs: it is read back, asked under and
// shown as it stands. It would not be activated today, nor be amended with the same
// words.
func TestContractOfBefore(t *testing.T) {
	t.Parallel()
	r := newAgingRoom(t, Options{})
	const short = "sha256:60xb316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"
	old := *r.state.contracts["e"].Contract
	old.Basis = append([]entrustment.Basis(nil), old.Basis...)
	old.Basis[1].Evidence = short
	old.Countries = map[string]entrustment.Country{"acme": {Country: "JP", Evidence: "sha256:…"}}
	if _, err := locked(r.Enclave, func() (any, error) { return r.append(kindEntrust, entrustRecord{&old, 2}) }); err != nil {
		t.Fatal(err)
	}
	r.reopen()
	if _, err := r.Report(t.Context(), question()); err != nil {
		t.Errorf("a question under it: %v", err)
	}
	if shown := must(r.Entrustment(t.Context(), "e")); shown.Version != 2 || shown.Versions[0].Contract.Basis[1].Evidence != short {
		t.Errorf("shown as %+v", shown)
	}
	again := old
	_, err := r.Entrust(t.Context(), &again)
	wantCode(t, "the same words", err, entrustment.CodeNoBasis)
	r.amend("{lists: 90d, reports: 300d}")
	if got := r.state.contracts["e"]; got.Version != 3 {
		t.Errorf("amended to version %d, want 3", got.Version)
	}
}
