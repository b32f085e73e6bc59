package courier

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"awase/crypto/delivery"
)

// childVar makes this test binary a courier that sends one delivery.
const childVar = "AWASE_TEST_COURIER"

func TestMain(m *testing.M) {
	if spec := os.Getenv(childVar); spec != "" {
		if err := child(strings.Split(spec, "|")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child sends the file at 2 to the server at 1, with the state at 3.
func child(spec []string) error {
	raw, err := os.ReadFile(spec[2])
	if err != nil {
		return err
	}
	file := open(new(testing.T), raw)
	p := map[string]server{"google": &googleServer{}, "meta": &metaServer{}, "x": &xServer{}}[spec[0]]
	o := p.options()
	clock := &clock{t: testNow}
	o.Target.Endpoint, o.State, o.Rate, o.hooks = spec[1], spec[3], 1000, hooks{now: clock.now, limit: fewLimit}
	_, err = Send(context.Background(), file, o)
	return err
}

// reaper kills the child when it has made so many requests: before the platform looks
// at the last one, or after it took it.
type reaper struct {
	server
	mu      sync.Mutex
	at, n   int
	after   bool
	process *os.Process
	started chan struct{}
}

func (r *reaper) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	<-r.started
	r.mu.Lock()
	r.n++
	now := r.n == r.at
	r.mu.Unlock()
	if !now {
		r.server.ServeHTTP(w, req)
		return
	}
	if r.after {
		r.server.ServeHTTP(httptest.NewRecorder(), req)
	}
	if err := r.process.Kill(); err != nil {
		r.platform().t.Error(err)
	}
	panic(http.ErrAbortHandler)
}

// TestKilledBetween: a courier that is killed at any request goes on in its next run:
// the audience is whole, and no batch whose acceptance was answered is sent again.
func TestKilledBetween(t *testing.T) {
	t.Parallel()
	for name, p := range apis(t) {
		file := sealPeople(t, p.to, delivery.Replace, crowd(p.few))
		for at := 1; at <= 3; at++ {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprint(name, at, after), func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					path, state := filepath.Join(dir, "delivery"), filepath.Join(dir, "state")
					if err := os.WriteFile(path, file, 0o600); err != nil {
						t.Fatal(err)
					}
					s := &reaper{server: p.new(), at: at, after: after, started: make(chan struct{})}
					s.platform().t = t
					http := httptest.NewServer(s)
					defer http.Close()
					var begin sync.Once // only the first run is killed
					run := func() error {
						cmd := exec.Command(os.Args[0])
						cmd.Env = append(os.Environ(), childVar+"="+strings.Join([]string{name, http.URL, path, state}, "|"))
						var said strings.Builder
						cmd.Stderr = &said
						if err := cmd.Start(); err != nil {
							t.Fatal(err)
						}
						begin.Do(func() { s.process = cmd.Process; close(s.started) })
						err := cmd.Wait()
						if err != nil {
							err = fmt.Errorf("%w: %s", err, said.String())
						}
						return err
					}
					if err := run(); err == nil || !strings.Contains(err.Error(), "killed") {
						t.Fatalf("the courier was not killed: %v", err)
					}
					if err := run(); err != nil {
						t.Fatal(err)
					}
					same(t, s, crowd(p.few))
					batches := 0
					for _, r := range s.platform().paths() {
						if !strings.Contains(r, "requestStatus") && !strings.Contains(r, "removeAll") {
							batches++
						}
					}
					want := 3
					if after {
						want++ // taken, and the answer never came: sent once more
					}
					if m, ok := s.server.(*metaServer); ok && m.sessions != 1 {
						t.Errorf("%d sessions", m.sessions)
					}
					if batches != want {
						t.Errorf("%d batches were taken, want %d: %v", batches, want, s.platform().paths())
					}
				})
			}
		}
	}
}

// A state file that was cut off in its last line goes on from the line before; one that
// was changed, or is another delivery's, is refused.
func TestState(t *testing.T) {
	t.Parallel()
	h := testHeader(delivery.Meta, delivery.Replace, 4)
	path := filepath.Join(t.TempDir(), "state")
	target := &Target{Audience: "1"}
	load := func() (*state, error) { return openState(path, &h, target, "https://x", testNow) }
	s, err := load()
	if err != nil {
		t.Fatal(err)
	}
	id := s.session.id
	for n := 1; n <= 3; n++ {
		if err := s.took(n, fmt.Sprintf("r%d", n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.f.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
	for cut := len(whole); cut > 0; cut-- {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := load()
		if err != nil {
			t.Fatalf("cut to %d bytes: %v", cut, err)
		}
		lines := strings.Count(string(whole[:cut]), "\n")
		if want := max(0, lines-2); len(s.accepted) != want || lines >= 2 && s.session.id != id {
			t.Fatalf("cut to %d bytes: %d batches, want %d", cut, len(s.accepted), want)
		}
		if err := s.took(9, ""); err != nil { // and it is whole again
			t.Fatal(err)
		}
		_ = s.f.Close()
		if s, err = load(); err != nil || s.accepted[9] != "" || len(s.accepted) == 0 {
			t.Fatalf("after a cut at %d: %v", cut, err)
		}
		_ = s.f.Close()
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	target = &Target{Audience: "2"}
	if _, err := load(); CodeOf(err) != NotWritten {
		t.Errorf("of another audience: %v", err)
	}
	target, h.Delivery[3] = &Target{Audience: "1"}, 9
	if _, err := load(); CodeOf(err) != NotWritten {
		t.Errorf("of another delivery: %v", err)
	}
	for _, text := range []string{"x\n", "{}\n", `{"schema":"other"}` + "\n", strings.Replace(string(whole), `"batch":2`, `"batch":"2"`, 1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(); CodeOf(err) != NotWritten {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}
