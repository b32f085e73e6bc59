package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
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

// freePort is a port that the front can have again each time it is started.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestKillEverything kills the enclave, the front or both with SIGKILL, at random,
// while many ask at the socket and through the front. The supervisor starts them
// again; nothing acknowledged is lost, each question is charged once, and there is
// no release that was not charged.
func TestKillEverything(t *testing.T) {
	dir := smallWorld(t)
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	s := newService(t, dir)
	at := freePort(t)
	cmd := startSupervisor(t, s, "--listen", at)
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	eventually(t, "an answer", func() bool { return answers(s.socket) })
	token, err := wire.Token(s.socket)
	if err != nil {
		t.Fatal(err)
	}

	l := &load{t: t, socket: s.socket, front: "http://" + at, token: token, given: map[int][]byte{}, parties: map[string]bool{}, stop: make(chan struct{})}
	for i := range 6 {
		l.all.Go(func() { l.ask(i) })
	}
	for i := range 3 {
		l.all.Go(func() { l.askFront(i) })
	}
	l.all.Go(l.write)

	rng := rand.New(rand.NewPCG(6, 5))
	kills := map[string]int{}
	whole := killFor(t)
	// A restart is the slower the sooner it died: in a long run most live for a while.
	reach := min(1500*time.Millisecond+whole/30, 15*time.Second)
	for end := time.Now().Add(whole); time.Now().Before(end); {
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
	time.Sleep(3 * time.Second) // a whole tick
	close(l.stop)
	l.all.Wait()
	t.Logf("%v kills, %d releases, %d through the front, %d parties added", kills, l.releases, l.through, len(l.parties))
	if kills["enclave"] < 2 || kills["front"] < 2 || l.releases == 0 || l.through == 0 || len(l.parties) == 0 || len(l.given) != len(killSpecs) {
		t.Errorf("%d of %d questions were answered: the test proves little", len(l.given), len(killSpecs))
	}
	l.check()
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
	if kinds["report"] != len(killSpecs) {
		t.Errorf("%d reports stand in the log", kinds["report"])
	}
}

var killSpecs = []string{"report: overlap\n", "report: profile\ndims: [gender]\n", "report: profile\ndims: [tier]\n", "report: profile\ndims: [age_band]\n", "report: profile\ndims: [gender, tier]\n"}

// load is many who ask and write.
type load struct {
	t                    *testing.T
	socket, front, token string
	stop                 chan struct{}
	all                  sync.WaitGroup

	mu       sync.Mutex
	given    map[int][]byte  // releases by question
	parties  map[string]bool // acknowledged
	releases int
	through  int
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

func (l *load) took(i int, r *wire.Release, through bool) {
	raw, err := json.Marshal(r)
	if err != nil {
		l.t.Error(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.given[i] != nil && !bytes.Equal(l.given[i], raw) {
		l.t.Errorf("question %d was answered with other bytes", i)
	}
	l.given[i] = raw
	l.releases++
	if through {
		l.through++
	}
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
			l.took(i, r, false)
		} else if _, refused := errors.AsType[*entrustment.Error](err); refused && entrustment.Public(err).Code != entrustment.CodeNotFound {
			l.t.Errorf("question %d: %v", i, err)
		}
		_ = c.Close()
	}
}

// askFront asks through the front.
func (l *load) askFront(asker int) {
	for n := asker; l.going(); n++ {
		i := n % len(killSpecs)
		q, err := json.Marshal(map[string]any{"question": l.question(i)})
		if err != nil {
			l.t.Error(err)
		}
		status, raw, err := l.post("report", q)
		switch {
		case err != nil: // killed
		case status == http.StatusOK:
			r, err := wire.DecodeRelease(raw)
			if err != nil {
				l.t.Error(err)
				continue
			}
			l.took(i, r, true)
		case status != http.StatusInternalServerError: // the enclave was killed
			l.t.Errorf("question %d through the front: %d %s", i, status, raw)
		}
	}
}

func (l *load) post(method string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, l.front+"/enclave/v1/"+method, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+l.token)
	req.Header.Set("Content-Type", "application/json")
	return l.do(req)
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
		l.took(i, r, false)
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
	charged := map[string]int{}
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
