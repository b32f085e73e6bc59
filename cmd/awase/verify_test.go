package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestSay: a file of unknown origin adds no line to what awase says of it, and
// moves no cursor.
func TestSay(t *testing.T) {
	var out strings.Builder
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	say(cmd, "released to %s", "花子\x1b[2K\r\n  key 0000 (the key given)\u202e")
	if want := "released to 花子?[2K??  key 0000 (the key given)?\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
