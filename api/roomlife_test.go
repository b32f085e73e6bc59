package api_test

import (
	"slices"
	"strings"
	"testing"

	"awase/api"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// reviewed has people of both parties review a draft at path: who read it is shown,
// names to their own and to the operator, and nothing more comes of it.
func reviewed(t *testing.T, r *apitest.Room, path string, acme, rival *apitest.Client) {
	t.Helper()
	op := r.As(of(apitest.Operator, api.Privacy))
	auditor := r.As(of("acme", api.Auditor))
	rival.Do("PUT", path+"/review", nil).Want(404)
	auditor.Do("PUT", path+"/review", nil).Want(403)
	rival.Do("DELETE", path+"/review", nil).Want(404)
	acme.Do("DELETE", path+"/review", nil).Want(404)
	state := func(a *apitest.Answer) (state string, by []string) {
		t.Helper()
		var d wire.Draft
		a.Want(200).JSON(&d)
		for _, r := range d.Reviews {
			by = append(by, r.Party+":"+r.By)
		}
		if len(d.Signed) != 0 || !slices.Equal(d.Needs, []string{"acme", "operator"}) {
			t.Errorf("a review signed: %+v", d)
		}
		return d.State, by
	}
	want := func(what string, a *apitest.Answer, wantState string, wantBy ...string) {
		t.Helper()
		if got, by := state(a); got != wantState || !slices.Equal(by, wantBy) {
			t.Errorf("%s: %s by %v, want %s by %v", what, got, by, wantState, wantBy)
		}
	}
	want("nobody read it", acme.Do("GET", path, nil), "draft")
	for range 2 { // once is enough
		want("one side did", acme.Do("PUT", path+"/review", nil), "draft", "acme:Test Person")
	}
	want("both did", op.Do("PUT", path+"/review", nil), "reviewed", "acme:Test Person", "operator:Test Person")
	want("to the client", acme.Do("GET", path, nil), "reviewed", "acme:Test Person", "operator:")
	want("taken back", op.Do("DELETE", path+"/review", nil), "draft", "acme:Test Person")
	want("and again", op.Do("PUT", path+"/review", nil), "reviewed", "acme:Test Person", "operator:Test Person")
}

// amended drafts a change of the contract, that is read, taken back and drafted once
// more: it is another draft, which nobody read; and what it changes is told its parties.
func amended(t *testing.T, propose func(method, path string, doc any, header ...string) *wire.Draft, op, acme, rival *apitest.Client) {
	t.Helper()
	next := contractDoc("acme-spring", "acme", "outputs: [overlap, profile]", "outputs: [overlap, profile, size]")
	draft := func(doc string) *wire.Draft {
		t.Helper()
		return propose("PUT", "/v1/entrustments/acme-spring", doc, "Content-Type", asYAML)
	}
	d := draft(next)
	path := "/v1/drafts/" + d.Hash
	acme.Do("PUT", path+"/review", nil).Want(200)
	acme.Do("POST", path+"/withdrawal", nil).Want(403)
	rival.Do("POST", path+"/withdrawal", nil).Want(403)
	changes := "/v1/entrustments/acme-spring/changes"
	var got struct {
		From, To int
		Draft    string
		Changes  []entrustment.Change
	}
	acme.Do("GET", changes+"?draft="+d.Hash, nil).Want(200).JSON(&got)
	if len(got.Changes) != 1 || got.From != 1 || got.To != 2 || got.Draft != d.Hash || got.Changes[0].Path != "outputs" || got.Changes[0].After != "size" || got.Changes[0].Effect != entrustment.Widens {
		t.Errorf("what a draft changes: %+v", got)
	}
	rival.Do("GET", changes+"?draft="+d.Hash, nil).Want(404)
	rival.Do("GET", changes, nil).Want(404)
	acme.Bad("GET", changes+"?draft="+d.Hash+"&from=1", nil).Want(422)
	acme.Bad("GET", changes+"?from=2", nil).Want(422)
	acme.Do("GET", "/v1/entrustments/other/changes?draft="+d.Hash, nil).Want(404)
	acme.Do("GET", changes, nil).Want(200).JSON(&got)
	if got.From != 0 || got.To != 1 || len(got.Changes) < 10 {
		t.Errorf("the first version: %+v", got)
	}
	op.Do("POST", path+"/withdrawal", nil).Want(200)
	op.Do("POST", path+"/withdrawal", nil).Want(404)
	acme.Do("GET", path, nil).Want(404)
	again := draft(next)
	acme.Do("GET", "/v1/drafts/"+again.Hash, nil).Want(200).JSON(&d)
	if again.Hash == strings.TrimPrefix(path, "/v1/drafts/") || d.State != "draft" || len(d.Reviews) != 0 {
		t.Errorf("drafted again: %+v", d)
	}
	op.Do("POST", "/v1/drafts/"+again.Hash+"/withdrawal", nil).Want(200)
}
