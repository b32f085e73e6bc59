package courier

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
	"awase/crypto/label"
	"awase/crypto/seal"
)

const created = 1_800_000_000

var (
	testNow  = time.Unix(created+60, 0)
	testRoom = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
)

func roomKey() ed25519.PublicKey { return testRoom.Public().(ed25519.PublicKey) }

func testKey(t testing.TB) seal.PrivateKey {
	t.Helper()
	k, err := seal.DeriveKey(seal.X25519, [32]byte{0xD0})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testHeader(d delivery.Destination, act delivery.Act, slots int64) delivery.Header {
	h := delivery.Header{
		Delivery: [16]byte{1, 2, 15: 9}, Campaign: "spring", Number: 2, Entrustment: "acme-2026-spring", Version: 3, Receiver: "adco",
		Destination: d, Act: act, Created: created, Expires: created + 3600, Slots: slots,
	}
	if d == delivery.OwnChannel {
		h.Channel = "mail"
	}
	return h
}

func hashOf(i int) (h identifier.Hash) {
	rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(i >> 16)}).Read(h[:])
	return h
}

// person i has an email, every second one a phone too.
func person(i int) []delivery.Identifier {
	ids := []delivery.Identifier{{Kind: identifier.Email, Hash: hashOf(2 * i)}}
	if i%2 == 0 {
		ids = append(ids, delivery.Identifier{Kind: identifier.Phone, Hash: hashOf(2*i + 1)})
	}
	return ids
}

func crowd(n int) [][]delivery.Identifier {
	out := make([][]delivery.Identifier, n)
	for i := range out {
		out[i] = person(i)
	}
	return out
}

func sealDelivery(t testing.TB, h delivery.Header, write func(*delivery.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := delivery.NewWriter(&b, testKey(t).Public(), h, testRoom, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sealPeople(t testing.TB, d delivery.Destination, act delivery.Act, people [][]delivery.Identifier) []byte {
	t.Helper()
	return sealDelivery(t, testHeader(d, act, delivery.SlotsFor(int64(len(people)))), func(w *delivery.Writer) error {
		for _, ids := range people {
			if err := w.Person(ids); err != nil {
				return err
			}
		}
		return nil
	})
}

func open(t testing.TB, file []byte) *delivery.File {
	t.Helper()
	f, err := delivery.Open(bytes.NewReader(file), testKey(t), roomKey(), testNow)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// labelDelivery is of the keys given; even rows are members.
func labelDelivery(t testing.TB, keys ...string) (file []byte, serving seal.PrivateKey) {
	t.Helper()
	serving, err := seal.DeriveKey(seal.XWing, [32]byte{0x5E})
	if err != nil {
		t.Fatal(err)
	}
	h := testHeader(delivery.Label, delivery.Replace, 0)
	h.Times, h.Days = 3, 7
	s, err := label.NewSealer(serving.Public(), h.Delivery, time.Unix(h.Expires, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for _, k := range keys {
		size += int64(len(k))
	}
	h.Labels, h.Slots = s.Set(), delivery.LabelBytes(int64(len(keys)), size)
	return sealDelivery(t, h, func(w *delivery.Writer) error {
		for i, k := range keys {
			l, err := s.Label(uint32(i), []byte(k), i%2 == 0)
			if err == nil {
				err = w.Label([]byte(k), l)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}), serving
}

const (
	testToken = "CANARY-token"
	xConsumer = "ck"
)

func bearer() (Credentials, error) { return Credentials{Token: testToken}, nil }

func oauth() (Credentials, error) {
	return Credentials{ConsumerKey: xConsumer, ConsumerSecret: "CANARY-cs", AccessToken: "at", AccessSecret: "CANARY-as"}, nil
}

// clock is time that passes by sleeping alone.
type clock struct {
	mu    sync.Mutex
	t     time.Time
	slept []time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

// trial is one delivery on its way to one server.
type trial struct {
	o     Options
	log   bytes.Buffer
	clock clock
	file  []byte
}

func newTrial(t testing.TB, p server, file []byte) *trial {
	t.Helper()
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	tr := &trial{file: file, clock: clock{t: testNow}}
	tr.o = p.options()
	tr.o.Target.Endpoint = s.URL
	tr.o.State = filepath.Join(t.TempDir(), "state")
	tr.o.Wait = time.Hour
	tr.o.Log = slog.New(slog.NewJSONHandler(&tr.log, nil))
	tr.o.hooks = hooks{now: tr.clock.now, sleep: tr.clock.sleep, jitter: func() float64 { return 0 },
		client: &http.Client{Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	return tr
}

func (tr *trial) send(t testing.TB) (Counts, error) {
	t.Helper()
	return Send(context.Background(), open(t, tr.file), tr.o)
}

// server is a platform as its documents describe it: whatever they don't tell of is an
// error of the test.
type server interface {
	http.Handler
	options() Options
	audience() map[string]bool // kind and hash of who is in it
	platform() *common
}

// common is what all servers have.
type common struct {
	t      testing.TB
	mu     sync.Mutex
	hashes map[string]bool
	seen   []string         // the requests, in order
	fault  func(n int) fate // of request n, from 1; nil: none
	n      int
}

// fate is what becomes of a request.
type fate int

const (
	served   fate = iota
	limited       // 429, with Retry-After
	broken        // 503
	cutFirst      // the connection ends before it is looked at
	cutAfter      // it is taken, and the connection ends
	garbled       // it is taken, and the answer is no JSON
	empty         // it is taken, and the answer is of another shape
	slow          // it is taken, and there is no answer
	denied        // 401
	refused       // 400
	moved         // a redirect
)

func (c *common) platform() *common { return c }

func (c *common) audience() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.hashes)
}

// play sets the fates of requests.
func (c *common) play(f func(n int) fate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

// requests tells how many requests came, looked at or not.
func (c *common) requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// paths gives the requests that were looked at.
func (c *common) paths() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

// errorf fails the test; a handler runs in another goroutine, so it goes on.
func (c *common) errorf(w http.ResponseWriter, format string, args ...any) {
	c.t.Errorf(format, args...)
	http.Error(w, `{"error":{"code":100}}`, http.StatusBadRequest)
}

// serve plays the fate of a request around what the platform does with it.
func (c *common) serve(w http.ResponseWriter, r *http.Request, do func(w http.ResponseWriter, r *http.Request)) {
	if bytes.Contains([]byte(r.URL.String()), []byte("CANARY")) {
		c.t.Errorf("credentials in a URL")
	}
	c.mu.Lock()
	c.n++
	what := served
	if c.fault != nil {
		what = c.fault(c.n)
	}
	c.mu.Unlock()
	cut := func() { panic(http.ErrAbortHandler) }
	switch what {
	case limited:
		w.Header().Set("Retry-After", "7")
		http.Error(w, "{}", http.StatusTooManyRequests)
	case broken:
		http.Error(w, "<html>", http.StatusServiceUnavailable)
	case denied:
		http.Error(w, "{}", http.StatusUnauthorized)
	case refused:
		http.Error(w, "{}", http.StatusBadRequest)
	case moved:
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
	case cutFirst:
		cut()
	case cutAfter:
		do(httptest.NewRecorder(), r)
		cut()
	case garbled:
		do(httptest.NewRecorder(), r)
		fmt.Fprint(w, "<html>it works")
	case empty:
		do(httptest.NewRecorder(), r)
		fmt.Fprint(w, "{}")
	case slow:
		do(httptest.NewRecorder(), r)
		<-r.Context().Done()
	default:
		do(w, r)
	}
}

// at gives a fate to some requests.
func at(f fate, requests ...int) func(int) fate {
	return func(n int) fate {
		if slices.Contains(requests, n) {
			return f
		}
		return served
	}
}

func always(f fate) func(int) fate { return func(int) fate { return f } }

// wantAudience is who should be in the audience: emails and phones of people.
func wantAudience(people [][]delivery.Identifier) map[string]bool {
	want := map[string]bool{}
	for _, ids := range people {
		for _, id := range ids {
			want[fmt.Sprintf("%s %x", id.Kind, id.Hash)] = true
		}
	}
	return want
}
