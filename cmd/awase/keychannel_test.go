package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"awase/enclave/vault"
)

// channelTo gives an enclave's end of the key's channel, a supervisor being at the
// other, and what ends both and tells what the supervisor's end failed with.
func channelTo(t *testing.T, source vault.KeySource) (*keyChannel, func() error) {
	t.Helper()
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(answerKeys(context.Background(), ours, source), ours.Close()) }()
	return &keyChannel{f: theirs}, func() error { _ = theirs.Close(); return <-ended }
}

// TestKeyChannel: an enclave rotates through its supervisor as by the source itself,
// with a file and with a key that the operator keeps; a fault is told without the
// key; and the key in force is given once.
func TestKeyChannel(t *testing.T) {
	dir := t.TempDir()
	file := vault.KeyFile{Path: filepath.Join(dir, "V.key")}
	k, end := channelTo(t, file)
	if _, err := k.Key(t.Context(), false); err == nil || !strings.Contains(err.Error(), "the vault key is not where it is kept") {
		t.Errorf("no key, none made: %v", err)
	}
	was, err := k.Key(t.Context(), true)
	if kept, kerr := file.Key(t.Context(), false); err != nil || kerr != nil || was != kept {
		t.Errorf("%v, %v", err, kerr)
	}
	next, err := k.Next(t.Context())
	if err != nil || next == was || next == (vault.Key{}) {
		t.Errorf("no next key: %v", err)
	}
	if done, err := k.Replace(t.Context(), next); err != nil || !done {
		t.Errorf("%t, %v", done, err)
	}
	if now, err := file.Key(t.Context(), false); err != nil || now != next {
		t.Errorf("the file holds another key: %v", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if done, err := k.Replace(t.Context(), was); err == nil || done || !strings.Contains(err.Error(), "replacing the vault key") {
		t.Errorf("%t, %v", done, err)
	}
	if _, err := k.Key(t.Context(), false); err == nil {
		t.Error("the key in force is given twice")
	}
	if _, err := k.Next(t.Context()); err != nil {
		t.Errorf("a request that was refused ends the channel: %v", err)
	}
	if err := end(); err != nil {
		t.Errorf("the supervisor says %v", err)
	}

	stays := func(context.Context) (vault.Key, error) { return vault.Key{1}, nil }
	for _, c := range []struct {
		of   operatorKey
		next error
	}{
		{operatorKey{now: stays}, vault.ErrNextKey},
		{operatorKey{now: stays, next: func(context.Context) (vault.Key, error) { return vault.Key{2}, nil }}, nil},
	} {
		k, end := channelTo(t, c.of)
		next, err := k.Next(t.Context())
		if !errors.Is(err, c.next) || err == nil && next != (vault.Key{2}) {
			t.Errorf("%v", err)
		}
		if done, err := k.Replace(t.Context(), vault.Key{2}); err != nil || done {
			t.Errorf("the operator did not put it there: %t, %v", done, err)
		}
		if done, err := k.Replace(t.Context(), vault.Key{1}); err != nil || !done {
			t.Errorf("it is there: %t, %v", done, err)
		}
		if err := end(); err != nil {
			t.Errorf("an enclave that ended: %v", err)
		}
	}

	// Whoever is at the other end is held to the protocol.
	gone, end := channelTo(t, operatorKey{now: stays})
	_ = end()
	if _, err := gone.Next(t.Context()); err == nil {
		t.Error("a channel that is closed answers")
	}
	for _, said := range []string{"", "x", "r", "r1", strings.Repeat("q", 100), "kk"} {
		c := &script{in: strings.NewReader(said)}
		err := answerKeys(t.Context(), c, operatorKey{now: stays})
		if cut := strings.HasPrefix(said, "r"); (err != nil) != cut {
			t.Errorf("%q: %v", said, err)
		}
		if said != "" && said[0] != 'r' && said[0] != 'k' && bytes.Count(c.out.Bytes(), []byte(errAsked.Error())) != len(said) {
			t.Errorf("%q: answered %q", said, c.out.Bytes())
		}
		if n := bytes.Count(c.out.Bytes(), []byte{1}); n > 1 {
			t.Errorf("%q: the key was given %d times", said, n)
		}
	}
}

// script is a peer that says what it was told to.
type script struct {
	in  io.Reader
	out bytes.Buffer
}

func (s *script) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s *script) Write(p []byte) (int, error) { return s.out.Write(p) }

// FuzzKeyAnswer: no answer of a supervisor makes the enclave's end panic, wait or
// take more memory than an answer has.
func FuzzKeyAnswer(f *testing.F) {
	for _, answer := range []string{"K" + strings.Repeat("k", vault.KeySize), "D", "L", "N", "E\x00\x03abc", "E\xff\xff", "K1", "?"} {
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		answered := bytes.NewReader(answer)
		b, err := readByte(answered)
		if err != nil || b != answerError {
			return
		}
		if refused := readRefusal(answered); refused == nil || len(refused.Error()) > maxKeyText {
			t.Errorf("%d bytes", len(answer))
		}
	})
}
