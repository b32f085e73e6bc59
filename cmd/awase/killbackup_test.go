package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKillBackupAndRestore kills backups and restores with SIGKILL, again and
// again, until they were let finish, the same command each time. What is restored
// then knows what was spent, and a restore that was cut short is no vault.
func TestKillBackupAndRestore(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 4))
	dir := smallWorld(t)
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	kills := 0
	until := func(done string, args ...string) {
		t.Helper()
		whole := filepath.Join(dir, done)
		for reach := 8 * time.Millisecond; ; reach += reach / 2 {
			if !killAfter(t, dir, time.Duration(rng.Int64N(int64(reach))), args...) {
				break
			}
			kills++
			if _, err := os.Stat(whole); err == nil {
				break // it was done when it died
			}
			if strings.Contains(done, "keys") {
				cmd := awase(t, dir, "ledger", "--vault", filepath.Dir(done))
				if cmd.Run() == nil {
					t.Fatal("a restore that was cut short opens as a vault")
				}
			}
		}
		if _, err := os.Stat(whole); err != nil {
			t.Fatal(err)
		}
	}
	until("B/manifest.json", "backup", "--vault", "V", "--to", "B", "--expires", "2036-03-31")
	mustRun(t, dir, "report", "--vault", "V", "--spec", "profile.yaml", "--out", "a.json")
	if err := os.Rename(filepath.Join(dir, "V"), filepath.Join(dir, "W")); err != nil {
		t.Fatal(err)
	}
	// The key and the checkpoint of the old vault stay where they are.
	until("V/keys", "restore", "--vault", "V", "--from", "B", "--remains", "W")
	mustRun(t, dir, "report", "--vault", "V", "--spec", "profile.yaml", "--out", "b.json")
	a, aerr := os.ReadFile(filepath.Join(dir, "a.json"))
	b, berr := os.ReadFile(filepath.Join(dir, "b.json"))
	if aerr != nil || berr != nil || string(a) != string(b) {
		t.Errorf("the restored vault gives another release: %v, %v", aerr, berr)
	}
	charges, restores := 0, 0
	for _, e := range readLog(t, dir) {
		switch e.Kind {
		case "charge":
			charges++
		case "restore":
			restores++
			if !strings.Contains(string(e.Body), `"lost":false`) {
				t.Errorf("the restore says %s", e.Body)
			}
		}
	}
	if charges != 1 || restores != 1 {
		t.Errorf("%d charges, %d restores", charges, restores)
	}
	if t.Logf("%d kills", kills); kills < 8 {
		t.Errorf("only %d kills: the test proves little", kills)
	}
}
