package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// ceremonyPause is how long the front waits before it asks an enclave again that does
// not answer yet.
const ceremonyPause = 200 * time.Millisecond

// ceremony prints, where the vault waits for its key ceremony, the command that holds
// it. The enclave, which knows, may begin after the front.
func (f *front) ceremony(ctx context.Context, out io.Writer) {
	for {
		room, err := f.enclave.Room(ctx)
		if err == nil {
			if !room.Initialised {
				fmt.Fprintf(out, "The room takes nothing before its key ceremony. End this, and then: %s\n", f.initLine())
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(ceremonyPause):
		}
	}
}

// initLine is the command that holds the key ceremony of this vault.
func (f *front) initLine() string {
	line := "awase init --vault " + shellWord(f.vault)
	if kind, _, _ := strings.Cut(f.VaultKey, ":"); kind == "command" {
		line += " --vault-key 'command:…'" // it may hold what is nobody's to read here
	} else if f.VaultKey != "" {
		line += " --vault-key " + shellWord(f.VaultKey)
	}
	return line + " --officer NAME=KEY.pub --officer NAME=KEY.pub operator.yaml"
}

var safeWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]+$`)

// shellWord gives a text as one word of a shell.
func shellWord(s string) string {
	if safeWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
