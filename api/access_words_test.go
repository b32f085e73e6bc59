package api

import (
	"strings"
	"testing"
)

// Who lacks a role is told in words which would do, and where the roles are described.
func TestRoleRefusedInWords(t *testing.T) {
	t.Parallel()
	for want, roles := range map[string][]Role{
		"it needs the role adops":                   {AdOps},
		"it needs the role admin or adops":          {Admin, AdOps},
		"it needs the role admin, privacy or adops": {Admin, Privacy, AdOps},
	} {
		err := (&access{Roles: roles}).check(&Principal{Roles: []Role{Viewer}})
		if err == nil || !strings.HasSuffix(err.Error(), want+" (docs/people.md); ask your party's admin for the role") {
			t.Errorf("%v, not %q", err, want)
		}
	}
}
