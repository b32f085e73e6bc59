package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"awase/enclave/vault"
	"awase/entrustment"
)

// keyFlags say where a vault's key is kept. The forms are those of keyReader.
type keyFlags struct{ now, next string }

func (k *keyFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&k.now, "vault-key", "", "where the vault key is kept: file:PATH, by default beside the vault; credential:NAME of systemd; or command:LINE, whose output it is (`source`)")
}

// source gives the source of a vault's key, nil for the file beside it.
func (k *keyFlags) source(dir string, errOut io.Writer) (vault.KeySource, error) {
	if k.now == "" && k.next == "" {
		return nil, nil
	}
	if k.now == "" {
		return nil, usageError{errors.New("--next-key is for a key that is kept by --vault-key credential:… or command:…; that of a file is made")}
	}
	form, at, _ := strings.Cut(k.now, ":")
	if form == "file" && at != "" {
		if k.next != "" {
			return nil, usageError{errors.New("the next key of a file is made: leave --next-key out")}
		}
		if err := outside(dir, at); err != nil {
			return nil, err
		}
		return vault.KeyFile{Path: at}, nil
	}
	read, err := keyReader("--vault-key", k.now, errOut)
	if err != nil {
		return nil, err
	}
	kept := operatorKey{now: read}
	if k.next != "" {
		if kept.next, err = keyReader("--next-key", k.next, errOut); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// outside refuses a key in the vault that it opens: who copies the one has the
// other.
func outside(dir, path string) error {
	in, err := within(dir, path)
	if err != nil {
		return err
	}
	if in {
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §5", Field: "--vault-key", Detail: "the key would lie in the vault that it opens", Mend: "keep it elsewhere"}
	}
	return nil
}

// within tells whether a path is a directory or lies in it.
func within(dir, path string) (bool, error) {
	at, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	in, err := filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(in, at)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// operatorKey is a vault key that its operator makes and keeps.
type operatorKey struct {
	now, next func(context.Context) (vault.Key, error) // next: nil where none was named
}

var _ vault.KeySource = operatorKey{}

// Key reads the key. A new vault has the one that there is.
func (k operatorKey) Key(ctx context.Context, _ bool) (vault.Key, error) { return k.now(ctx) }

// Next reads the next key.
func (k operatorKey) Next(ctx context.Context) (vault.Key, error) {
	if k.next == nil {
		return vault.Key{}, vault.ErrNextKey
	}
	return k.next(ctx)
}

// Replace looks whether the operator has put the next key in place.
func (k operatorKey) Replace(ctx context.Context, next vault.Key) (bool, error) {
	now, err := k.now(ctx)
	return now == next, err
}

// keyReader reads file:PATH, credential:NAME or command:LINE. No error says more
// of it than flag does.
func keyReader(flag, spec string, errOut io.Writer) (func(context.Context) (vault.Key, error), error) {
	form, at, ok := strings.Cut(spec, ":")
	if !ok || at == "" {
		form = ""
	}
	switch form {
	case "file":
		return func(ctx context.Context) (vault.Key, error) { return vault.KeyFile{Path: at}.Key(ctx, false) }, nil
	case "credential":
		return func(context.Context) (vault.Key, error) { return credential(flag, at) }, nil
	case "command":
		return func(ctx context.Context) (vault.Key, error) { return keyOf(ctx, flag, at, errOut) }, nil
	}
	return nil, usageError{fmt.Errorf("%s takes file:PATH, credential:NAME or command:LINE", flag)}
}

// credential reads a credential of the systemd service that this process is.
func credential(flag, name string) (vault.Key, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	refuse := func(detail, mend string) (vault.Key, error) {
		return vault.Key{}, &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "DESIGN §5", Field: flag, Detail: detail, Mend: mend}
	}
	switch {
	case dir == "":
		return refuse("this process has no credentials", "run it as a systemd service with LoadCredential= or LoadCredentialEncrypted=")
	case name != filepath.Base(name) || name == "." || name == "..":
		return refuse("a credential's name has no slash", "write the name that the unit gives it")
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return refuse("the service has no credential of that name", "check the name, and LoadCredential= in the unit")
	}
	if err != nil {
		return vault.Key{}, fmt.Errorf("%s: reading the credential: %w", flag, err)
	}
	key, err := vault.ParseKey(text)
	if err != nil {
		return vault.Key{}, fmt.Errorf("%s: the credential: %w", flag, err)
	}
	return key, nil
}

// keyOf runs a command and reads the key from its output. What it says on its
// standard error is shown; its output is not, whatever it is.
func keyOf(ctx context.Context, flag, line string, errOut io.Writer) (vault.Key, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.WaitDelay = time.Second // what it started may hold its output
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limitedBuffer{&out}, errOut
	if err := cmd.Run(); err != nil {
		return vault.Key{}, fmt.Errorf("%s: the command failed: %w", flag, err)
	}
	key, err := vault.ParseKey(out.Bytes())
	if err != nil {
		return vault.Key{}, fmt.Errorf("%s: the command's output: %w", flag, err)
	}
	return key, nil
}

// limitedBuffer keeps no more than makes it too long for a key.
type limitedBuffer struct{ *bytes.Buffer }

// Write keeps the beginning of what is written.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	const most = 4 * vault.KeySize
	b.Buffer.Write(p[:min(len(p), max(0, most-b.Len()))])
	return len(p), nil
}
