package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// service is awase enclave, confined, as a process that a test kills.
type service struct {
	t      *testing.T
	dir    string
	socket string
	cmd    *exec.Cmd
}

func newService(t *testing.T, dir string) *service {
	t.Helper()
	wantConfinement(t)
	at, err := os.MkdirTemp("", "awase") // a socket's name is short
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, dir: dir, socket: filepath.Join(at, "s")}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		if err := os.RemoveAll(at); err != nil {
			t.Error(err)
		}
	})
	return s
}

// start serves, and waits until somebody is answered.
func (s *service) start() {
	s.t.Helper()
	path, err := exec.LookPath("awase")
	if err != nil {
		s.t.Fatal(err)
	}
	c := (&serving{vault: filepath.Join(s.dir, "V"), dev: true, socket: s.socket}).enclave(vault.KeyFile{Path: filepath.Join(s.dir, "V.key")}, nil)
	c.program = path
	var errOut bytes.Buffer
	if s.cmd, _, err = c.start(s.t.Context(), nil, &errOut); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		c, err := wire.Dial(s.socket)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			s.kill()
			s.t.Fatalf("the enclave does not answer: %v\n%s", err, errOut.String())
		}
	}
}

func (s *service) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // of the signal
	s.cmd = nil
}

// TestKillService kills the enclave with SIGKILL under every command of the main
// job, again and again, until it was let finish; then nothing is doubled and
// nothing acknowledged is lost.
func TestKillService(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 1))
	dir := smallWorld(t)
	s := newService(t, dir)
	kills := 0
	acked := 0
	for _, args := range mainJob {
		line := strings.Split(strings.ReplaceAll(strings.Join(args, "\x00"), "--vault\x00V", "--enclave\x00"+s.socket), "\x00")
		for reach, done := 8*time.Millisecond, false; !done; reach *= 3 {
			s.start()
			cmd := awase(t, dir, line...)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			var err error
			select {
			case err = <-ended:
				s.kill()
			case <-time.After(time.Duration(rng.Int64N(int64(reach)))):
				s.kill()
				kills++
				err = <-ended
			}
			exit, failed := errors.AsType[*exec.ExitError](err)
			switch {
			case err == nil:
				done = true
			case !failed || exit.ExitCode() != 1 || !strings.Contains(out.String(), "went away without an answer") && !strings.Contains(out.String(), "no enclave serves"):
				t.Fatalf("awase %s: %v\n%s", strings.Join(line, " "), err, out.String())
			}
			if m := regexp.MustCompile(`log entry (\d+)`).FindStringSubmatch(out.String()); done && m != nil {
				if acked, err = strconv.Atoi(m[1]); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Logf("%d kills, %d entries acknowledged", kills, acked)
	if kills < len(mainJob) {
		t.Errorf("the enclave was killed only %d times: the test proves little", kills)
	}
	if n := len(readLog(t, dir)); n < acked {
		t.Errorf("%d entries, %d were acknowledged", n, acked)
	}
	checkVault(t, dir)
}

// TestKillServiceUnderLoad: many ask at once while the enclave is killed again
// and again. Whoever got a release gets the same bytes ever after, and each was
// charged once.
func TestKillServiceUnderLoad(t *testing.T) {
	t.Parallel()
	dir := smallWorld(t)
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	s := newService(t, dir)
	s.start()
	var questions []*entrustment.Question
	for _, dims := range []string{"", "dims: [gender]\n", "dims: [tier]\n", "dims: [age_band]\n", "dims: [gender, tier]\n"} {
		report := "report: profile\n"
		if dims == "" {
			report = "report: overlap\n"
		}
		q, err := entrustment.ParseQuestion("q.yaml", []byte("schema: awase.report/v1\n"+report+"entrustment: acme-2026\nlist: spring\n"+dims))
		if err != nil {
			t.Fatal(err)
		}
		questions = append(questions, q)
	}
	var mu sync.Mutex
	given := map[int][]byte{}
	again := map[int]bool{} // answered since the last start
	took := func(i int, r *wire.Release) {
		raw, err := json.Marshal(r)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if given[i] != nil && !bytes.Equal(given[i], raw) {
			t.Errorf("question %d was answered with other bytes", i)
		}
		given[i], again[i] = raw, true
	}
	stop := make(chan bool)
	var askers sync.WaitGroup
	for asker := range 10 {
		askers.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				c, err := wire.Dial(s.socket)
				if err != nil {
					continue // killed
				}
				i := asker % len(questions)
				r, err := c.As(wire.Caller(fmt.Sprint("asker ", asker))).Report(t.Context(), questions[i])
				if err == nil {
					took(i, r)
				} else if _, refused := errors.AsType[*entrustment.Error](err); refused && entrustment.Public(err).Code != entrustment.CodeNotFound {
					t.Errorf("question %d: %v", i, err)
				}
				_ = c.Close()
			}
		})
	}
	end := sync.OnceFunc(func() { close(stop); askers.Wait() })
	defer end()
	rng := rand.New(rand.NewPCG(6, 2))
	for range 8 {
		time.Sleep(time.Duration(rng.Int64N(int64(2 * time.Second))))
		s.kill()
		s.start()
	}
	mu.Lock()
	clear(again)
	mu.Unlock()
	eventually(t, "an answer to each question", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(again) == len(questions)
	})
	end()
	c, err := wire.Dial(s.socket)
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range questions {
		r, err := c.Report(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		took(i, r)
	}
	l, err := c.Ledger(t.Context(), wire.LedgerRequest{Group: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, a := range l.Accounts {
		for _, charge := range a.Charges {
			seen[a.Owner+" "+charge.Spec]++
		}
	}
	for what, n := range seen {
		if n != 1 {
			t.Errorf("%s was charged %d times", what, n)
		}
	}
	if len(seen) != len(questions) {
		t.Errorf("%d charges for %d questions", len(seen), len(questions))
	}
	// Told to end, it ends well.
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	s.cmd = nil
	if answers(s.socket) {
		t.Error("it answers still")
	}
}
