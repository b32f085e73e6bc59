package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
	"awase/crypto/label"
	"awase/crypto/receipt"
	"awase/crypto/seal"
)

// roomSeed is of the room that signs the deliveries of these tests.
var roomSeed = [32]byte{0x40}

// TestCourierScripts runs what a receiving party types, against a platform that
// listens on this machine.
func TestCourierScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/courier",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"deliver": deliver,
			"flip":    flip,
			"platform": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Value(platformKey{}).(*fakePlatform).say(ts, args)
			},
		},
		Setup: func(env *testscript.Env) error {
			signer, err := receipt.NewSigner(roomSeed, "room")
			if err != nil {
				return err
			}
			p := &fakePlatform{}
			s := httptest.NewServer(p)
			env.Defer(s.Close)
			env.Values[platformKey{}] = p
			env.Setenv("PLATFORM", s.URL)
			env.Setenv("ROOM", receipt.Fingerprint(signer.Public()))
			return os.WriteFile(filepath.Join(env.WorkDir, "awase.key"), []byte(signer.VerifierKey()+"\n"), 0o644)
		},
	})
}

type platformKey struct{}

// fakePlatform answers as Google does, or as it is told.
type fakePlatform struct {
	mu     sync.Mutex
	status int
	tokens map[string]bool
	paths  []string
	people int
}

func (p *fakePlatform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tokens == nil {
		p.tokens = map[string]bool{}
	}
	p.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] = true
	p.paths = append(p.paths, r.URL.Path)
	if p.status != 0 {
		http.Error(w, "{}", p.status)
		return
	}
	var body struct {
		Members []json.RawMessage `json:"audienceMembers"`
		Dry     bool              `json:"validateOnly"`
	}
	raw, _ := io.ReadAll(r.Body)
	if len(raw) > 0 && json.Unmarshal(raw, &body) != nil {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	if !body.Dry {
		p.people += len(body.Members)
	}
	if strings.HasSuffix(r.URL.Path, "requestStatus:retrieve") {
		fmt.Fprint(w, `{"requestStatusPerDestination":[{"requestStatus":"SUCCESS"}]}`)
		return
	}
	fmt.Fprint(w, `{"requestId":"r1"}`)
}

// say is the script's command: "status N" sets what is answered, "has N" holds how many
// people are there, "asked TEXT" that a path was asked for with TEXT in it.
func (p *fakePlatform) say(ts *testscript.TestScript, args []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(args) != 2 {
		ts.Fatalf("usage: platform status|has|asked|token WHAT")
	}
	switch args[0] {
	case "status":
		_, err := fmt.Sscan(args[1], &p.status)
		ts.Check(err)
	case "has":
		if got := fmt.Sprint(p.people); got != args[1] {
			ts.Fatalf("%s people are there", got)
		}
	case "asked":
		if !strings.Contains(strings.Join(p.paths, " "), args[1]) {
			ts.Fatalf("asked were %v", p.paths)
		}
	case "token":
		if !p.tokens[args[1]] {
			ts.Fatalf("another token")
		}
	default:
		ts.Fatalf("the platform does not know %s", args[0])
	}
}

// deliver makes a delivery as a room does: deliver DESTINATION ACT PEOPLE key.pub OUT
// [serving.pub]. Of an act with "-expired" behind it, it is over already.
func deliver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 && len(args) != 6 {
		ts.Fatalf("usage: deliver DESTINATION ACT PEOPLE key.pub OUT [serving.pub]")
	}
	d, err := delivery.ParseDestination(args[0])
	ts.Check(err)
	act, expired := strings.CutSuffix(args[1], "-expired")
	n := 0
	_, err = fmt.Sscan(args[2], &n)
	ts.Check(err)
	to, err := seal.ParsePublicKey(strings.TrimSpace(ts.ReadFile(args[3])))
	ts.Check(err)
	h := delivery.Header{
		Delivery: seal.NewUpload(), Campaign: "spring", Number: 1, Entrustment: "acme-2026", Version: 1, Receiver: "adco", Destination: d,
		Act: map[string]delivery.Act{"replace": delivery.Replace, "remove": delivery.Remove}[act], Created: time.Now().Unix() - 60, Expires: time.Now().Unix() + 3600,
		Times: 3, Days: 7, Slots: delivery.SlotsFor(int64(n)),
	}
	if expired {
		h.Expires = time.Now().Unix() - 30
	}
	if d == delivery.OwnChannel {
		h.Channel = "mail"
	}
	var labels *label.Sealer
	if d == delivery.Label {
		serving, err := seal.ParsePublicKey(strings.TrimSpace(ts.ReadFile(args[5])))
		ts.Check(err)
		labels, err = label.NewSealer(serving, h.Delivery, time.Unix(h.Expires, 0), nil)
		ts.Check(err)
		h.Labels, h.Slots = labels.Set(), delivery.LabelBytes(int64(n), 10*int64(n))
	}
	var b bytes.Buffer
	w, err := delivery.NewWriter(&b, to, h, ed25519.NewKeyFromSeed(roomSeed[:]), nil)
	ts.Check(err)
	for i := range n {
		ts.Check(slot(w, d, labels, i))
	}
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[4]), b.Bytes(), 0o600))
}

// flip copies a file with one bit of it turned over: flip AT FILE OUT.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: flip AT FILE OUT")
	}
	at := 0
	_, err := fmt.Sscan(args[0], &at)
	ts.Check(err)
	raw, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	if at < 0 || at >= len(raw) {
		ts.Fatalf("%s has %d bytes", args[1], len(raw))
	}
	raw[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), raw, 0o600))
}

func slot(w *delivery.Writer, d delivery.Destination, labels *label.Sealer, i int) error {
	switch d.Form() {
	case delivery.Users:
		return w.User(fmt.Appendf(nil, "user-%d", i))
	case delivery.Labels:
		key := fmt.Appendf(nil, "p-%05d", i)
		l, err := labels.Label(uint32(i), key, i%3 == 0)
		return errors.Join(err, w.Label(key, l))
	}
	return w.Person([]delivery.Identifier{{Kind: identifier.Email, Hash: identifier.Hash{byte(i), byte(i >> 8), 1}}, {Kind: identifier.Cookie, Hash: identifier.Hash{2}}})
}
