package enclave

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// front is one that was taken over: it writes what it likes to the socket, and
// reads what comes back. It has no officer's key.
type front struct {
	http http.Client
	seen bytes.Buffer // all that it was ever answered
}

// newFront serves a room at a socket.
func newFront(t *testing.T, e *Enclave) *front {
	t.Helper()
	dir, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	l, err := wire.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- wire.Serve(ctx, l, e, wire.Options{}) }()
	f := &front{http: http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}}
	t.Cleanup(func() {
		f.http.CloseIdleConnections()
		stop()
		if err := errors.Join(<-ended, os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	return f
}

// post sends a request, and gives what it is refused for: nil where it is
// answered.
func (f *front) post(t *testing.T, method, kind string, body []byte, answer any) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://enclave/enclave/v1/"+method, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Awase-Caller", "officer yuki of operator") // whoever it says it is
	resp, err := f.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	f.seen.Write(raw)
	if resp.StatusCode == http.StatusOK {
		if r, ok := answer.(*wire.Release); ok {
			released, err := wire.DecodeRelease(raw)
			if err == nil {
				*r = *released
			}
			return err
		}
		if answer != nil {
			err = json.Unmarshal(raw, answer)
		}
		return err
	}
	var e entrustment.Error
	if err := json.Unmarshal(raw, &e); err != nil || e.Code == "" {
		return fmt.Errorf("status %d: %s", resp.StatusCode, raw)
	}
	return &e
}

// ask sends JSON.
func (f *front) ask(t *testing.T, method string, request, answer any) error {
	t.Helper()
	raw, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return f.post(t, method, "application/json", raw, answer)
}

// upload sends a sealed file.
func (f *front) upload(t *testing.T, method string, request any, sealed []byte, answer any) error {
	t.Helper()
	raw, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return f.post(t, method, "application/octet-stream", append(append(raw, '\n'), sealed...), answer)
}

type doc map[string]any

func gateRequest(text string) doc {
	return doc{"file": "gate.yaml", "document": []byte("schema: awase.gate/v1\n" + text)}
}

// frontRoom is a room with two clients, each with an entrustment of its own, and
// people; the front asks it.
func frontRoom(t *testing.T, set ...func(*signedRoom)) (*signedRoom, *front) {
	t.Helper()
	r := newSignedRoom(t, set...)
	r.furnish(t)
	r.must(t, r.party(t, partyDoc(t, "beta", entrustment.ClassClient, "be1")), "op1", "op2")
	r.must(t, r.contractDoc(t, func(c *entrustment.Contract) {
		c.ID, c.Principal, c.Basis[1].Party, c.Recipients = "f", "beta", "beta", []string{"beta"}
		c.Countries = map[string]entrustment.Country{"beta": {Country: "JP"}}
	}), "be1", "op1")
	users, _ := crowd(1500)
	loadBaseFile(t, r.Enclave, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	return r, newFront(t, r.Enclave)
}

// byRows counts a person as often as rows name them, as no engine of ours does
// (PRIVACY rule 2).
type byRows struct{ matcher.Engine }

const rowsOfTarget = 300

func (b byRows) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	x, err := b.Engine.Cells(ctx, q)
	for i := range x.Users {
		x.Users[i] *= rowsOfTarget
	}
	return x, err
}

// oneAmongStrangers is a list of strangers with one person of the base among them,
// in many rows.
func oneAmongStrangers(t *testing.T, r *signedRoom) []byte {
	t.Helper()
	rows := peopleRows(5000, 6100) // past the base
	for range rowsOfTarget {
		rows = append(rows, peopleRows(6, 7)...)
	}
	return sealedFor(t, r, "e", "aimed", rows)
}

// sealedFor seals a list as its party does.
func sealedFor(t *testing.T, r *signedRoom, id, name string, rows []oracleRow) []byte {
	t.Helper()
	data := rowsCSV(rows)
	f, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(sealed(t, r.Enclave, id, name, f.Header(), f.Rows()))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// frontAttack is what a front that was taken over tries. run gives nil where it
// succeeds.
type frontAttack struct {
	name  string
	early func(*signedRoom) // takes the control out, before the room is made
	late  func(*testing.T, *signedRoom)
	run   func(t *testing.T, r *signedRoom, f *front) error
}

// unsigned is a room in which acts take effect as they come, as in a dev vault.
func unsigned(_ *testing.T, r *signedRoom) { r.signs = false }

// unless tells an attack that was answered and changed nothing from one that
// succeeded.
func unless(done bool, err error) error {
	if err == nil && !done {
		return errors.New("it was answered, and changed nothing")
	}
	return err
}

// TestFrontTakenOver: what the design says that a front can't do, tried over the
// socket; and that each comes through once the control is taken out.
func TestFrontTakenOver(t *testing.T) {
	t.Parallel()
	for _, a := range []frontAttack{
		{name: "read a row", early: func(r *signedRoom) {
			r.counts = func(e matcher.Engine) matcher.Engine { return byRows{e} }
		}, run: func(t *testing.T, r *signedRoom, f *front) error {
			if err := f.upload(t, "load-list", doc{"entrustment": "e", "name": "aimed"}, oneAmongStrangers(t, r), nil); err != nil {
				t.Fatal(err)
			}
			var got wire.Release
			q := question(func(q *entrustment.Question) { q.List = "aimed" })
			if err := f.ask(t, "report", doc{"question": q}, &got); err != nil {
				t.Fatal(err)
			}
			for _, c := range got.Cells {
				if c.Status == wire.Released && c.Key["gender"] == "f" { // the person's
					return nil
				}
			}
			return errors.New("every cell is withheld")
		}},
		{name: "lower k", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			err := f.ask(t, "set-gate", gateRequest("k: 20\ntick: 1s\n"), nil)
			return unless(r.gate.Policy().K == 20, err)
		}},
		{name: "raise a budget", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			before := r.gate.Policy().Rho30Nano
			err := f.ask(t, "set-gate", gateRequest("budget: {30d: 0.5}\ntick: 1s\n"), nil)
			return unless(r.gate.Policy().Rho30Nano > before, err)
		}},
		{name: "widen an entrustment", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			c := parse(t, entrustment.ParseContract, oracleContract)
			c.Attributes = append(c.Attributes, "salary_band")
			err := f.ask(t, "entrust", doc{"document": c}, nil)
			return unless(r.state.contracts["e"].Version == 2, err)
		}},
		{name: "activate an entrustment", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			c := parse(t, entrustment.ParseContract, oracleContract)
			c.ID = "mine"
			err := f.ask(t, "entrust", doc{"document": c}, nil)
			return unless(r.state.contracts["mine"] != nil, err)
		}},
		{name: "change who agreed to what", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			p := parse(t, entrustment.ParsePolicies, "schema: awase.policies/v1\npolicies:\n  - {version: v1, date: 2019-04-01, clauses: {\"5\": [5-analysis]}}\n")
			err := f.ask(t, "set-policies", doc{"document": p}, nil)
			return unless(r.state.policies.Policies[0].Version == "v1", err)
		}},
		{name: "register a partner's key", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			p := partyDoc(t, "adco", entrustment.ClassAdPlatform, "mine")
			p.UploadKey = publicKey("mine")
			err := f.ask(t, "add-party", doc{"document": p}, nil)
			return unless(r.state.parties["adco"] != nil, err)
		}},
		{name: "make itself an officer", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			p := partyDoc(t, "operator", entrustment.ClassOperator, "mine", "mine too")
			err := f.ask(t, "add-party", doc{"document": p}, nil)
			return unless(r.state.parties["operator"].Officers[0].Key == publicKey("mine"), err)
		}},
		{name: "approve for an officer", late: func(t *testing.T, r *signedRoom) { r.without(t, "signature") }, run: func(t *testing.T, r *signedRoom, f *front) error {
			var ack wire.Ack
			if err := f.ask(t, "set-gate", gateRequest("k: 20\n"), &ack); err != nil || ack.Waits == nil {
				t.Fatalf("%+v, %v", ack, err)
			}
			var err error
			for _, key := range []string{"op1", "op2"} {
				err = errors.Join(err, f.ask(t, "approve", doc{"draft": ack.Waits.Hash, "key": publicKey(key), "signature": doc{"ed25519": make([]byte, 64)}}, nil))
			}
			return unless(r.gate.Policy().K == 20, err)
		}},
		{name: "replay an approval", late: func(t *testing.T, r *signedRoom) { r.without(t, "used once", "predecessor", "two people") }, run: func(t *testing.T, r *signedRoom, f *front) error {
			d := r.gateDoc(t, "k: 20\ntick: 1s\n")
			var sent [][]byte // as they came by
			for _, key := range []string{"op1", "op2"} {
				raw, err := json.Marshal(r.approval(t, d, key))
				if err != nil {
					t.Fatal(err)
				}
				if err := f.post(t, "approve", "application/json", raw, nil); err != nil {
					t.Fatal(err)
				}
				sent = append(sent, raw)
			}
			r.must(t, r.gateDoc(t, "k: 100\ntick: 1s\n"), "op1", "op2")
			var err error
			for _, raw := range sent {
				err = errors.Join(err, f.post(t, "approve", "application/json", raw, nil))
			}
			return unless(r.gate.Policy().K == 20, err)
		}},
		{name: "open one client's upload under another's entrustment", late: func(_ *testing.T, r *signedRoom) {
			r.address = func(_ wire.Terms, name string) seal.Address { // whatever the file says
				return seal.Address{Entrustment: "e", Version: 1, Party: "acme", Name: name}
			}
		}, run: func(t *testing.T, r *signedRoom, f *front) error {
			file := sealedFor(t, r, "e", "spring", peopleRows(0, 1500))
			err := f.upload(t, "load-list", doc{"entrustment": "f", "name": "spring"}, file, nil)
			return unless(r.state.lists[listKey{"f", "spring"}] != nil, err)
		}},
		{name: "end an entrustment", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			err := f.ask(t, "end-entrustment", doc{"entrustment": "e", "by": doc{"signature": doc{}}}, nil)
			return unless(r.state.ended["e"] != nil, err)
		}},
		{name: "replace the vault key", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			before, _ := r.vault.Generation()
			err := f.ask(t, "rotate", doc{"by": doc{"signature": doc{}}}, nil)
			now, _ := r.vault.Generation()
			return unless(now > before, err)
		}},
		{name: "send rows out of the enclave, to another engine", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			c := newCluster()
			r.outer.open, r.outer.is, r.outer.at = c.options().Remote, c.options().Engine, []hexID{{1}, {2}}
			job := doc{"job": newJob(), "kind": "move-engine", "move": doc{"to": "clickhouse", "by": doc{"signature": doc{}}}}
			var s wire.WorkState
			err := f.ask(t, "start-work", job, &s)
			for s.Status == wire.WorkRuns && err == nil {
				err = f.ask(t, "poll-work", doc{"job": job["job"], "wait_ms": 1000}, &s)
			}
			if err == nil && s.Refusal != nil {
				err = s.Refusal
			}
			return unless(c.count("base") > 0, err)
		}},
		{name: "let releases out after a freeze", late: unsigned, run: func(t *testing.T, r *signedRoom, f *front) error {
			if r.signs {
				if _, err := r.Freeze(t.Context(), r.freezeBy(t, "ac1", nil)); err != nil {
					t.Fatal(err)
				}
			} else if _, err := r.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
				t.Fatal(err)
			}
			err := f.ask(t, "lift", doc{}, nil)
			return unless(len(r.state.frozen) == 0, err)
		}},
	} {
		t.Run(a.name, func(t *testing.T) {
			r, f := frontRoom(t)
			if err := a.run(t, r, f); err == nil {
				t.Error("it came through")
			}
			r.reopen(t) // nor by a restart
			if p := r.gate.Policy(); p.K == 20 || p.Rho30Nano > 250_000_000 {
				t.Errorf("the gate is %+v", p)
			}
			var early []func(*signedRoom)
			if a.early != nil {
				early = append(early, a.early)
			}
			twin, f := frontRoom(t, early...)
			if a.late != nil {
				a.late(t, twin)
			}
			if err := a.run(t, twin, f); err != nil {
				t.Errorf("without the control: %v", err)
			}
		})
	}
}

// TestFrontReadsNobody: a front that asks every method, with names that it made up
// too, is answered nothing that names a person: no address, no hash of one, no
// key of a user.
func TestFrontReadsNobody(t *testing.T) {
	t.Parallel()
	r, f := frontRoom(t)
	if err := f.upload(t, "load-list", doc{"entrustment": "e", "name": "l"}, sealedFor(t, r, "e", "l", peopleRows(0, 1500)), nil); err != nil {
		t.Fatal(err)
	}
	var released wire.Release
	if err := f.ask(t, "report", doc{"question": question()}, &released); err != nil || released.Cells[0].Status != wire.Released && released.Cells[1].Status != wire.Released {
		t.Fatalf("%+v, %v", released.Cells, err)
	}
	answered := 0
	for _, method := range []string{"gate", "entrustments", "drafts", "frozen", "log-key", "accept-clock", "lift", "freeze", "approve", "terms", "price", "ledger", "log-proof", "reserve", "free", "report-reserved", "price-reserved", "room", "parties", "entrustment", "policies", "contracts", "lists", "event-logs", "retention", "bases", "inclusion", "checkpoint", "start-work", "poll-work", "stop-work", "engine", "to-sign",
		"rows", "users", "tokens", "segments", "read-segment", "log", "records", "debug/pprof/heap", "debug/vars", "../../V/log", "..%2f..%2fV.key"} {
		for _, body := range []any{doc{}, doc{"entrustment": "base"}, doc{"entrustment": "e"}, doc{"question": question()}, doc{"group": "", "officer": true}, doc{"from": 1, "to": 0},
			doc{"question": question(func(q *entrustment.Question) { q.Dims = []string{"user_id"} })}, doc{"question": question(func(q *entrustment.Question) { q.Dims = []string{"email"} })}} {
			if f.ask(t, method, body, nil) == nil {
				answered++
			}
		}
	}
	if answered < 8 {
		t.Errorf("only %d requests were answered", answered)
	}
	if at := namesSomebody(f.seen.Bytes()); at != "" {
		t.Errorf("an answer holds %s", at)
	}
	// The twin: what is searched for is found where it is.
	for _, leak := range []string{"taro.17@example.jp", hex.EncodeToString(hashOfUser(17)), base64.StdEncoding.EncodeToString(hashOfUser(1499)), "user-903\""} {
		if namesSomebody([]byte(`{"rows":["`+leak+`"]}`)) == "" {
			t.Errorf("%s is not found", leak)
		}
	}
}

func hashOfUser(i int) []byte {
	h := sha256.Sum256(fmt.Appendf(nil, "taro.%d@example.jp", i))
	return h[:]
}

// namesSomebody finds a person of the crowd in what was answered.
func namesSomebody(seen []byte) string {
	text := string(seen)
	for i := range 1500 {
		h := hashOfUser(i)
		for _, s := range []string{fmt.Sprintf("taro.%d@", i), hex.EncodeToString(h), base64.StdEncoding.EncodeToString(h), base64.RawURLEncoding.EncodeToString(h), string(h), fmt.Sprintf("user-%d\"", i)} {
			if strings.Contains(text, s) {
				return s
			}
		}
	}
	return ""
}

// TestFrontForgesAReceipt: a front changes a number of a release and signs it with
// a key of its own, a log of its own beside it. Whoever has the vault's key by
// another way notices; whoever takes the receipt's own does not.
func TestFrontForgesAReceipt(t *testing.T) {
	r, f := frontRoom(t)
	if err := f.upload(t, "load-list", doc{"entrustment": "e", "name": "l"}, sealedFor(t, r, "e", "l", peopleRows(0, 1500)), nil); err != nil {
		t.Fatal(err)
	}
	var got wire.Release
	if err := f.ask(t, "report", doc{"question": question()}, &got); err != nil {
		t.Fatal(err)
	}
	key := r.vault.Signer().Public()
	genuine := got.Receipt
	table := func() []byte {
		bare := got
		bare.Receipt = nil
		raw, err := json.Marshal(bare)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	claims, err := receipt.Verify(genuine, table(), key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got.Cells {
		if got.Cells[i].Users != nil {
			got.Cells[i].Users.Value += 1000
		}
	}
	forged := table()
	if _, err := receipt.Verify(genuine, forged, key); err == nil {
		t.Error("a number was changed, and its receipt still fits")
	}
	// A receipt of its own.
	mine, err := receipt.NewSigner([32]byte{1}, receipt.Origin(claims.Log.Checkpoint))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(forged)
	c := claims.Claims
	c.Table = hex.EncodeToString(hash[:])
	entry := strings.Replace(claims.Log.Entry, claims.Table, c.Table, 1)
	note, err := mine.Checkpoint(1, tlog.RecordHash([]byte(entry))) // the root of a log of one
	if err != nil {
		t.Fatal(err)
	}
	c.Log = receipt.LogProof{Entry: entry, Checkpoint: string(note), Inclusion: [][]byte{}}
	own, err := mine.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.Verify(own, forged, key); err == nil {
		t.Error("a receipt of another key is taken for the vault's")
	}
	// The twin: without the key that was given by another way.
	if _, err := receipt.Verify(own, forged, nil); err != nil {
		t.Errorf("without the pinned key: %v", err)
	}
}

// peopleRows is a list of the people of a crowd from one number to another.
func peopleRows(from, to int) []oracleRow {
	_, rows := crowd(to)
	return rows[from:]
}
