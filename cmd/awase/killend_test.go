package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKillRotationAndEnd kills rotations of the vault key and the end of an
// entrustment with SIGKILL at random moments. The vault opens after each, with the
// same public key; once the end was acknowledged there is a certificate of a
// destroyed key, one entry, and no file of the entrustment.
func TestKillRotationAndEnd(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 3))
	dir := smallWorld(t)
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	key := mustRun(t, dir, "log", "key", "--vault", "V")
	rotate := []string{"vault", "rotate", "--vault", "V"}
	began := time.Now()
	mustRun(t, dir, rotate...)
	whole := time.Since(began)
	kills, keys := 0, map[string]bool{}
	for i := 0; i < 40 || (kills < 20 || len(keys) < 3) && i < 1000; i++ { // a machine that is busy is killed too late
		if killAfter(t, dir, time.Duration(rng.Int64N(int64(2*whole))), rotate...) {
			kills++
		}
		if got := mustRun(t, dir, "log", "key", "--vault", "V"); got != key {
			t.Fatalf("another public key: %s", got)
		}
		text, err := os.ReadFile(filepath.Join(dir, "V.key"))
		if err != nil {
			t.Fatal(err)
		}
		keys[string(text)] = true
	}
	end := []string{"entrustment", "end", "--vault", "V", "acme-2026"}
	for reach := 8 * time.Millisecond; killAfter(t, dir, time.Duration(rng.Int64N(int64(reach))), end...); reach += reach / 2 {
		kills++
		mustRun(t, dir, "ledger", "--vault", "V")
	}
	t.Logf("%d kills, %d vault keys", kills, len(keys))
	if kills < 20 || len(keys) < 3 {
		t.Errorf("%d kills, %d vault keys: the test proves little", kills, len(keys))
	}
	if out := mustRun(t, dir, end...); !strings.Contains(out, "key-destroyed") {
		t.Errorf("the end: %s", out)
	}
	ends := 0
	for _, e := range readLog(t, dir) {
		if e.Kind == "end" {
			ends++
		}
	}
	if ends != 1 {
		t.Errorf("%d ends", ends)
	}
	// The base alone is left, and its particulars.
	if files := listFiles(t, filepath.Join(dir, "V", "segments")); len(files) != 2 {
		t.Errorf("%d segments", len(files))
	}
	raw, err := os.ReadFile(filepath.Join(dir, "V", "keys"))
	if err != nil || bytes.Contains(raw, []byte("acme-2026")) || bytes.Contains(raw, []byte(`"next"`)) {
		t.Errorf("the keys file holds a key of what ended, or of a rotation: %v", err)
	}
}

// TestKillServiceAtEnd kills the enclave under rotations and the end of an
// entrustment that it was asked for. It serves again each time, with the same
// public key, and the end is finished by whoever opens the vault next.
func TestKillServiceAtEnd(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 5))
	dir := smallWorld(t)
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	key := mustRun(t, dir, "log", "key", "--vault", "V")
	s := newService(t, dir)
	kills := 0
	ask := func(reach time.Duration, args ...string) (done bool) {
		t.Helper()
		s.start()
		if got := mustRun(t, dir, "log", "key", "--enclave", s.socket); got != key {
			t.Fatalf("another public key: %s", got)
		}
		cmd := awase(t, dir, append(args, "--enclave", s.socket)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rng.Int64N(int64(reach))))
		s.kill()
		kills++
		return cmd.Wait() == nil
	}
	for range 12 {
		ask(60*time.Millisecond, "vault", "rotate")
	}
	for reach := 20 * time.Millisecond; !ask(reach, "entrustment", "end", "acme-2026"); reach += reach / 2 {
	}
	ends := 0
	for _, e := range readLog(t, dir) {
		if e.Kind == "end" {
			ends++
		}
	}
	out := mustRun(t, dir, "entrustment", "end", "--vault", "V", "acme-2026")
	if ends != 1 || !strings.Contains(out, "key-destroyed") || kills < 13 {
		t.Errorf("%d ends, %d kills: %s", ends, kills, out)
	}
	if files := listFiles(t, filepath.Join(dir, "V", "segments")); len(files) != 2 {
		t.Errorf("%d segments", len(files))
	}
}
