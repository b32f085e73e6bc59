package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/freeport"
)

// killFor is how long TestKillEverything kills: AWASE_KILL, as make kill sets it, or
// a moment.
func killFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("AWASE_KILL")
	if text == "" {
		return 8 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("AWASE_KILL: %v", err)
	}
	return d
}

// TestKillEverything kills the enclave, the front or both with SIGKILL, at random,
// while many ask at the socket and through /v1, and a desk uploads lists and has them
// loaded. The supervisor starts them again; nothing acknowledged is lost, every job
// that was accepted is done, each question is charged once, each list is loaded once,
// and there is no release that was not charged.
func TestKillEverything(t *testing.T) {
	t.Parallel()
	dir := smallWorld(t)
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	whole := killFor(t)
	sealed := sealLists(t, dir, min(max(3, int(whole/(5*time.Second))), 40))
	marketing, desk := killTokens(t, dir)
	s := newService(t, dir)
	at := freeport.Address(t)
	cmd := startSupervisor(t, s, "--listen", at, "--rate-strangers", "1000", "--rate-per-second", "1000", "--rate-burst", "1000")
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	eventually(t, "an answer", func() bool { return answers(s.socket) })
	l := &load{t: t, socket: s.socket, front: "http://" + at, given: map[int][]byte{}, again: map[int]bool{}, shown: map[int]bool{}, parties: map[string]bool{}, jobs: map[string]bool{}, lists: map[string]bool{}, stop: make(chan struct{})}
	for i := range 6 {
		l.all.Go(func() { l.ask(i) })
	}
	for i := range 3 {
		l.all.Go(func() { l.askRoom(i, l.as(marketing)) })
	}
	l.all.Go(l.askFront)
	l.all.Go(l.write)
	l.all.Go(func() { l.loadLists(l.as(desk), sealed, whole) })
	kills := map[string]int{}
	stop := sync.OnceFunc(func() {
		close(l.stop)
		l.all.Wait()
		t.Logf("%v kills, %d releases at the socket and %d through /v1, %d jobs accepted, %d lists loaded, %d attestations, %d parties added", kills, l.releases, l.reports, len(l.jobs), len(l.lists), l.through, len(l.parties))
	})
	defer stop()

	rng := rand.New(rand.NewPCG(6, 5))
	// A restart is the slower the sooner it died: in a long run most live for a while.
	reach := min(1500*time.Millisecond+whole/30, 15*time.Second)
	few := func() bool { return kills["enclave"] < 2 || kills["front"] < 2 }
	for end := time.Now().Add(whole); time.Now().Before(end) || few() && time.Now().Before(end.Add(time.Minute)); {
		time.Sleep(time.Duration(rng.Int64N(int64(reach))))
		kids := children(t, cmd.Process.Pid)
		for _, what := range [][]string{{"enclave"}, {"front"}, {"enclave", "front"}}[rng.IntN(3)] {
			if pid := kids[what]; pid != 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
				kills[what]++
			}
		}
	}
	// Restarts are slower after many deaths, and come.
	eventually(t, "an answer of the enclave", func() bool { return answers(s.socket) })
	eventually(t, "an answer of the front", func() bool { return l.attestation() == nil })
	l.mu.Lock()
	clear(l.again)
	l.mu.Unlock()
	eventually(t, "an answer to each question, and some of all else", l.enough)
	stop()
	if few() {
		t.Error("few were killed: the test proves little")
	}
	l.check()
	l.checkRoom(l.as(marketing), l.as(desk))
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	kinds := map[string]int{}
	for _, e := range readLog(t, dir) {
		kinds[e.Kind]++
	}
	if kinds["report"] != len(killSpecs) || kinds["list"] != 1+len(l.lists) {
		t.Errorf("%d reports and %d lists stand in the log", kinds["report"], kinds["list"])
	}
}

var killSpecs = []string{"report: overlap\n", "report: profile\ndims: [gender]\n", "report: profile\ndims: [tier]\n", "report: profile\ndims: [age_band]\n", "report: profile\ndims: [gender, tier]\n"}

// load is many who ask and write.
type load struct {
	t             *testing.T
	socket, front string
	stop          chan struct{}
	all           sync.WaitGroup

	mu       sync.Mutex
	given    map[int][]byte  // releases by question
	again    map[int]bool    // questions that were answered since the last kill
	parties  map[string]bool // acknowledged
	releases int
	through  int             // attestations
	reports  int             // through /v1
	shown    map[int]bool    // questions that were answered through /v1
	jobs     map[string]bool // accepted
	lists    map[string]bool // loaded, as their jobs said
}

func (l *load) going() bool {
	select {
	case <-l.stop:
		return false
	case <-time.After(10 * time.Millisecond):
		return true
	}
}

func (l *load) question(i int) *entrustment.Question {
	q, err := entrustment.ParseQuestion("q.yaml", []byte("schema: awase.report/v1\nentrustment: acme-2026\nlist: spring\n"+killSpecs[i]))
	if err != nil {
		l.t.Error(err)
	}
	return q
}

func (l *load) took(i int, r *wire.Release) {
	raw, err := json.Marshal(r)
	if err != nil {
		l.t.Error(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.given[i] != nil && !bytes.Equal(l.given[i], raw) {
		l.t.Errorf("question %d was answered with other bytes", i)
	}
	l.given[i], l.again[i] = raw, true
}

// enough tells whether each question was answered, since the last kill and through /v1,
// and of all else that is looked at there was something.
func (l *load) enough() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.again) == len(killSpecs) && len(l.shown) == len(killSpecs) && l.releases > 0 && len(l.lists) > 0 && l.through > 0 && len(l.parties) > 0
}

// count counts what was answered.
func (l *load) count(n *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*n++
}

// ask asks at the socket.
func (l *load) ask(asker int) {
	for n := asker; l.going(); n++ {
		c, err := wire.Dial(l.socket)
		if err != nil {
			continue // killed
		}
		i := n % len(killSpecs)
		r, err := c.As(wire.Caller(fmt.Sprint("asker ", asker))).Report(l.t.Context(), l.question(i))
		if err == nil {
			l.took(i, r)
			l.count(&l.releases)
		} else if _, refused := errors.AsType[*entrustment.Error](err); refused && entrustment.Public(err).Code != entrustment.CodeNotFound {
			l.t.Errorf("question %d: %v", i, err)
		}
		_ = c.Close()
	}
}

// askFront asks the front, which asks the enclave: each answer is the enclave's own,
// signed, or a refusal.
func (l *load) askFront() {
	for l.going() {
		if err := l.attestation(); err == nil {
			l.count(&l.through)
		}
	}
}

func (l *load) do(req *http.Request) (int, []byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, raw, err
}

// attestation gets one through the front.
func (l *load) attestation() error {
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, l.front+"/attestation?nonce=kill-1", nil)
	if err != nil {
		return err
	}
	status, raw, err := l.do(req)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("%d %s, %w", status, raw, err)
	}
	a, err := receipt.VerifyAttestation(raw, "kill-1", nil)
	if err == nil && a.Confinement.Short != receipt.Confined {
		err = errors.New(a.Confinement.Short)
	}
	return err
}

// write adds parties, one after the other.
func (l *load) write() {
	for n := 0; l.going(); n++ {
		id := fmt.Sprint("p", n)
		p, err := entrustment.ParseParty("p", fmt.Appendf(nil, "schema: awase.party/v1\nid: %s\nclass: client\ngroup: %s\ncountry: JP\n", id, id))
		if err != nil {
			l.t.Error(err)
			return
		}
		c, err := wire.Dial(l.socket)
		if err != nil {
			continue
		}
		if _, err := c.AddParty(l.t.Context(), p); err == nil {
			l.mu.Lock()
			l.parties[id] = true
			l.mu.Unlock()
		}
		_ = c.Close()
	}
}

// check asks for everything that was acknowledged once more.
func (l *load) check() {
	c, err := wire.Dial(l.socket)
	if err != nil {
		l.t.Fatal(err)
	}
	defer c.Close()
	for i := range killSpecs {
		r, err := c.Report(l.t.Context(), l.question(i))
		if err != nil {
			l.t.Fatal(err)
		}
		l.took(i, r)
	}
	for id := range l.parties {
		p, err := entrustment.ParseParty("p", fmt.Appendf(nil, "schema: awase.party/v1\nid: %s\nclass: client\ngroup: %s\ncountry: JP\n", id, id))
		if err != nil {
			l.t.Fatal(err)
		}
		if ack, err := c.AddParty(l.t.Context(), p); err != nil || ack.Changed {
			l.t.Errorf("party %s was acknowledged and is gone: %+v, %v", id, ack, err)
		}
	}
	ledger, err := c.Ledger(l.t.Context(), wire.LedgerRequest{Group: "acme"})
	if err != nil {
		l.t.Fatal(err)
	}
	charged := map[string]int{} // by owner and question
	spent := 0.0
	for _, a := range ledger.Accounts {
		for _, charge := range a.Charges {
			charged[a.Owner+" "+charge.Spec]++
			spent += charge.Rho
		}
	}
	for what, n := range charged {
		if n != 1 {
			l.t.Errorf("%s was charged %d times", what, n)
		}
	}
	var released float64
	for _, raw := range l.given {
		var r wire.Release
		if err := json.Unmarshal(raw, &r); err != nil {
			l.t.Fatal(err)
		}
		released += r.Privacy.Rho
	}
	if spent < released-1e-9 || len(charged) != len(killSpecs) {
		l.t.Errorf("rho %g was spent and %g released, by %d charges: %s", spent, released, len(charged), strings.Join(killSpecs, " "))
	}
}
