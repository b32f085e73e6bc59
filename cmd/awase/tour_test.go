package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tourEnd keeps what the tour started from living on where it stops before its end.
const tourEnd = "trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT\n"

// TestAPITour runs docs/api-tour.md as it is written, all its blocks in one shell,
// and holds what each command printed against the page.
func TestAPITour(t *testing.T) {
	wantConfinement(t)
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("NOT RUN: %v (make deps)", err)
		}
	}
	page, err := os.ReadFile(filepath.Join(repository, "docs", "api-tour.md"))
	if err != nil {
		t.Fatal(err)
	}
	script, wants := tour(string(page))
	if len(wants) < 30 {
		t.Fatalf("%d outputs were found on the page", len(wants))
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir, cmd.WaitDelay = dir, time.Minute
	// Everything as a stranger has it, but for a port that others may have taken.
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWASE_") && !strings.HasPrefix(v, "CURL_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "AWASE_LISTEN=127.0.0.1:0", "HOME="+dir)
	var errOut strings.Builder
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	rest := string(out)
	for i, want := range wants {
		got, after, ok := strings.Cut(rest, mark(i))
		if !ok {
			t.Errorf("the page did not come to %q; last it printed:\n%s", want[0], rest)
			break
		}
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%q is not in what was printed:\n%s", w, got)
			}
		}
		rest = after
	}
	if err != nil || errOut.Len() > 0 && t.Failed() {
		log, _ := os.ReadFile(filepath.Join(dir, "room.log"))
		t.Errorf("%v\n%s\nthe room said:\n%s", err, errOut.String(), log)
	}
	for _, secret := range []string{"seven plain words", "phrase", "awase_", "@example.jp", "@acme.example", "taro."} {
		if log, err := os.ReadFile(filepath.Join(dir, "room.log")); err != nil || strings.Contains(string(log), secret) {
			t.Errorf("the room's log holds %q: %v", secret, err)
		}
	}
}

// tour gives a page's blocks as one script, which prints a mark where the page says
// what was printed, and what it says there.
func tour(page string) (script string, wants [][]string) {
	var b strings.Builder
	b.WriteString("set -e\n" + tourEnd)
	inside, said := false, false
	for line := range strings.SplitSeq(page, "\n") {
		switch want, is := strings.CutPrefix(line, "# => "); {
		case line == "```bash":
			inside = true
			continue
		case line == "```":
			inside = false
			continue
		case !inside:
			continue
		case is && said:
			wants[len(wants)-1] = append(wants[len(wants)-1], want)
		case is:
			fmt.Fprintf(&b, "printf %%s %q\n", mark(len(wants)))
			wants, said = append(wants, []string{want}), true
		default:
			said = false
			b.WriteString(line + "\n")
		}
	}
	return b.String(), wants
}

func mark(i int) string { return fmt.Sprintf("@@ %d @@", i) }
