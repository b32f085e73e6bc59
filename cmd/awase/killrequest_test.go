package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"awase/api"
	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/freeport"
	"awase/sql/control"
)

// killAsker is how many user keys one of the test's requests has, and killAskers how
// many requests there are: together they take a tenth of the list out of use.
const killAsker, killAskers = seal.RequestRows, 24

// handed are requests that a desk seals and hands in until it has a receipt.
type handed struct {
	t      *testing.T
	sealed [][]byte

	mu   sync.Mutex
	acks map[int]*receipt.SignedRequest // by request
	// evidence counts what was asked for meanwhile, and verified.
	evidence int
}

// sealRequests seals deletions of users who are on the list and may be counted.
func sealRequests(t *testing.T, dir string) *handed {
	t.Helper()
	var terms wire.Terms
	if err := json.Unmarshal([]byte(mustRun(t, dir, "terms", "--vault", "V")), &terms); err != nil {
		t.Fatal(err)
	}
	h := &handed{t: t, acks: map[int]*receipt.SignedRequest{}}
	user := 100
	for range killAskers {
		var keys [][]byte
		for ; len(keys) < killAsker; user++ {
			if user%10 != 9 { // who accepted an old version is counted nowhere
				keys = append(keys, fmt.Appendf(nil, "canary-user-%d", user))
			}
		}
		rows, err := seal.RequestOf(keys)
		if err != nil {
			t.Fatal(err)
		}
		at := seal.BaseAddress(terms.Party, seal.NewUpload())
		at.Name = seal.RequestName
		var b bytes.Buffer
		w, err := seal.NewWriter(&b, terms.Key, at, seal.Header{Purpose: seal.Request, Asks: seal.Deletion}, seal.WriterOptions{})
		if err = errors.Join(err, w.Write(rows), w.Close()); err != nil {
			t.Fatal(err)
		}
		h.sealed = append(h.sealed, b.Bytes())
	}
	return h
}

// taker is the desk's way to the room: the socket, or /v1.
type taker interface {
	Request(context.Context, wire.RightsRequest) ([]byte, error)
}

func (h *handed) hand(to taker, i int) (*receipt.SignedRequest, error) {
	raw, err := to.Request(h.t.Context(), wire.RightsRequest{Check: wire.IdentityCheck{Method: wire.CheckDocument, On: entrustment.Date{Year: 2026, Month: 4, Day: 1}, By: "desk"}, Sealed: h.sealed[i]})
	if err != nil {
		return nil, err
	}
	return receipt.VerifyRequest(raw, nil)
}

// took notes a receipt; whoever has one for a request has that one ever after.
func (h *handed) took(i int, r *receipt.SignedRequest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if was := h.acks[i]; was != nil && (was.Number != r.Number || was.At != r.At || was.Log.Entry != r.Log.Entry) {
		h.t.Errorf("request %d was number %d, and is number %d", i, was.Number, r.Number)
	}
	h.acks[i] = r
}

// until hands a request in until it is acknowledged, by a way that open gives anew
// each time.
func (h *handed) until(i int, open func() (taker, func(), error)) {
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		to, done, err := open()
		var r *receipt.SignedRequest
		if err == nil {
			r, err = h.hand(to, i)
			done()
		}
		if err == nil {
			h.took(i, r)
			return
		}
		refused, ok := errors.AsType[*entrustment.Error](err)
		if ok && refused.Code != entrustment.CodeNotFound && refused.Code != entrustment.CodeInternal || time.Now().After(end) {
			h.t.Errorf("request %d: %v", i, err)
			return
		}
	}
}

// TestKillRequests kills the enclave, the front or both with SIGKILL, at random, while
// the privacy desk hands in deletions at the socket and through /v1 and an officer asks
// for evidence. A request that was acknowledged stands and is in force after any kill:
// what is asked next does not count the person. The same sealed request again is the
// same one, none is doubled, and evidence verifies.
func TestKillRequests(t *testing.T) {
	t.Parallel()
	dir := smallWorld(t)
	for _, args := range mainJob[:7] {
		mustRun(t, dir, args...)
	}
	h := sealRequests(t, dir)
	at := filepath.Join(dir, "awase-data", "control")
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	store, err := control.Open(t.Context(), filepath.Join(at, "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	officer := tokenOf(t, store, "operator", api.Privacy)
	if err := store.Close(); err != nil { // the front opens it
		t.Fatal(err)
	}
	s := newService(t, dir)
	front := freeport.Address(t)
	cmd := startSupervisor(t, s, "--listen", front, "--rate-strangers", "1000", "--rate-per-second", "1000", "--rate-burst", "1000")
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	eventually(t, "an answer", func() bool { return answers(s.socket) })
	l := &load{t: t, socket: s.socket, front: "http://" + front}
	socket := func() (taker, func(), error) {
		c, err := wire.Dial(s.socket)
		return c, func() { _ = c.Close() }, err
	}
	through := l.as(officer).Room("", nil)
	network := func() (taker, func(), error) { return through, func() {}, nil }
	listed := func() int64 {
		t.Helper()
		c, err := wire.Dial(s.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		q, err := entrustment.ParseQuestion("q.yaml", []byte("schema: awase.report/v1\nreport: overlap\nentrustment: acme-2026\nlist: spring\n"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Report(t.Context(), q)
		if err != nil || len(r.Cells) != 1 || r.Cells[0].Users == nil {
			t.Fatalf("%+v, %v", r, err)
		}
		return r.Cells[0].Users.Value
	}
	before := listed()

	rng := rand.New(rand.NewPCG(6, 9))
	var killer, all sync.WaitGroup
	kills := map[string]int{}
	killer.Go(func() {
		// Few: a restart is the slower the more often it died.
		for kills["enclave"] < 4 || kills["front"] < 4 {
			time.Sleep(time.Duration(50+rng.IntN(1000)) * time.Millisecond)
			kids := children(t, cmd.Process.Pid)
			for _, what := range [][]string{{"enclave"}, {"front"}, {"enclave", "front"}}[rng.IntN(3)] {
				if pid := kids[what]; pid != 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
					kills[what]++
				}
			}
		}
	})
	all.Go(func() {
		for i := range killAskers / 2 {
			h.until(i, socket)
			h.until(i/2, socket) // one of before, again
			time.Sleep(150 * time.Millisecond)
		}
	})
	all.Go(func() {
		for i := killAskers / 2; i < killAskers; i++ {
			h.until(i, network)
			time.Sleep(150 * time.Millisecond)
		}
	})
	all.Go(func() {
		day := entrustment.DateOf(time.Now())
		for range 6 {
			for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				raw, err := through.Evidence(t.Context(), wire.EvidenceRequest{From: day.Add(-1), To: day.Add(1)})
				if err != nil {
					continue // killed
				}
				if _, err := receipt.VerifyEvidence(raw, nil); err != nil {
					t.Errorf("evidence under kills: %v", err)
				}
				h.evidence++
				break
			}
			time.Sleep(150 * time.Millisecond)
		}
	})
	all.Wait()
	killer.Wait()
	eventually(t, "an answer of the enclave", func() bool { return answers(s.socket) })
	t.Logf("%v kills, %d requests acknowledged, %d times evidence", kills, len(h.acks), h.evidence)
	if len(h.acks) != killAskers || h.evidence == 0 {
		t.Error("not everything was acknowledged")
	}

	// Each has a sigma of 10, so their difference is off by more than 7σ√2 once in 10¹¹
	// runs; 384 people are 27 of these.
	if gone, off := before-listed(), 7*10*math.Sqrt2; math.Abs(float64(gone)-killAsker*killAskers) > off {
		t.Errorf("%d people are out of use, want %d", gone, killAsker*killAskers)
	}
	c, err := wire.Dial(s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range h.sealed {
		r, err := h.hand(c, i)
		if err != nil {
			t.Fatal(err)
		}
		h.took(i, r)
	}
	list, err := c.Requests(t.Context())
	if err != nil || len(list) != killAskers {
		t.Fatalf("%d requests, %v", len(list), err)
	}
	for _, r := range list {
		if r.State != wire.RequestInForce {
			t.Errorf("%+v", r)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}
