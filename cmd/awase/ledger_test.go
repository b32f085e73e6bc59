package main

import (
	"testing"

	"awase/api"
	"awase/internal/apitest"
)

// Over the network the ledger is that of the asker's own group, and of all for officers
// of the operator who ask for it.
func TestLedgerOverTheNetwork(t *testing.T) {
	room := apitest.Start(t)
	room.Furnish()
	t.Setenv(serverEnv, room.URL)
	for _, row := range []struct {
		party string
		role  api.Role
		args  []string
		code  int
		want  string
	}{
		{apitest.Acme, api.Marketing, nil, 0, ""},
		{apitest.Acme, api.Marketing, []string{"--group", "acme"}, 0, ""},
		{apitest.Acme, api.Marketing, []string{"--all"}, 1, "E_FORBIDDEN"},
		{apitest.Operator, api.Privacy, []string{"--all"}, 0, ""},
		{apitest.Operator, api.Privacy, []string{"--all", "--group", "acme"}, 2, "contradict"},
	} {
		t.Setenv(tokenEnv, room.Token(apitest.Person(row.party, row.role)))
		code, out, errOut := command(t, append([]string{"ledger"}, row.args...)...)
		if code != row.code || code == 0 && out == "" {
			t.Errorf("%s as %s of %s: status %d\n%s%s", row.args, row.role, row.party, code, out, errOut)
		}
		has(t, errOut, row.want)
	}
}
