package enclave

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// heard is an enclave that notes what it was asked and what it said.
type heard struct {
	of   wire.Enclave
	said *[]said
}

// said is an answer, as JSON, or an error; of neither the moment, which goes on
// with every look at the clock, nor what is signed with it.
type said struct {
	act    string
	answer string
	err    string
	whole  *entrustment.Error
}

var (
	moment   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d JST`)
	receipts = regexp.MustCompile(`"receipt":.*$`)
)

func note[A any](h *heard, act string, a A, err error) (A, error) {
	raw, jerr := json.Marshal(a)
	if act == "LogProof" {
		raw = fmt.Appendf(nil, "of %d bytes", len(raw)>>8<<8) // hashes of what has its moment in it
	}
	s := said{act: act, answer: receipts.ReplaceAllString(moment.ReplaceAllString(string(raw), "then"), "")}
	if err := errors.Join(err, jerr); err != nil {
		s.err = moment.ReplaceAllString(err.Error(), "then")
	}
	if e, ok := errors.AsType[*entrustment.Error](err); ok {
		out := *e
		out.Mend, out.Detail = moment.ReplaceAllString(e.Mend, "then"), moment.ReplaceAllString(e.Detail, "then")
		s.whole = &out
	}
	*h.said = append(*h.said, s)
	return a, err
}

func (h *heard) AddParty(ctx context.Context, p *entrustment.Party) (wire.Ack, error) {
	a, err := h.of.AddParty(ctx, p)
	return note(h, "AddParty", a, err)
}
func (h *heard) SetPolicies(ctx context.Context, p *entrustment.Policies) (wire.Ack, error) {
	a, err := h.of.SetPolicies(ctx, p)
	return note(h, "SetPolicies", a, err)
}
func (h *heard) SetGate(ctx context.Context, file string, doc []byte) (wire.Ack, error) {
	a, err := h.of.SetGate(ctx, file, doc)
	return note(h, "SetGate", a, err)
}
func (h *heard) Gate(ctx context.Context) (*wire.Gate, error) {
	a, err := h.of.Gate(ctx)
	return note(h, "Gate", a, err)
}
func (h *heard) GateChanges(ctx context.Context, file string, doc []byte) ([]wire.GateChange, error) {
	a, err := h.of.GateChanges(ctx, file, doc)
	return note(h, "GateChanges", a, err)
}
func (h *heard) Entrustments(ctx context.Context) ([]string, error) {
	a, err := h.of.Entrustments(ctx)
	return note(h, "Entrustments", a, err)
}
func (h *heard) Entrust(ctx context.Context, c *entrustment.Contract) (wire.Ack, error) {
	a, err := h.of.Entrust(ctx, c)
	return note(h, "Entrust", a, err)
}
func (h *heard) Terms(ctx context.Context, id string) (wire.Terms, error) {
	a, err := h.of.Terms(ctx, id)
	return note(h, "Terms", a, err)
}
func (h *heard) LoadBase(ctx context.Context, s *entrustment.BaseSchema, sealed io.Reader) (wire.BaseLoaded, error) {
	a, err := h.of.LoadBase(ctx, s, sealed)
	return note(h, "LoadBase", a, err)
}
func (h *heard) LoadList(ctx context.Context, r wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
	a, err := h.of.LoadList(ctx, r, sealed)
	return note(h, "LoadList", a, err)
}
func (h *heard) LoadEvents(ctx context.Context, r wire.EventsRequest, sealed io.Reader) (wire.EventsLoaded, error) {
	a, err := h.of.LoadEvents(ctx, r, sealed)
	return note(h, "LoadEvents", a, err)
}
func (h *heard) Price(ctx context.Context, q *entrustment.Question, expect int64) (wire.Price, error) {
	a, err := h.of.Price(ctx, q, expect)
	return note(h, "Price", a, err)
}
func (h *heard) Report(ctx context.Context, q *entrustment.Question) (*wire.Release, error) {
	a, err := h.of.Report(ctx, q)
	return note(h, "Report", a, err)
}
func (h *heard) Reserve(ctx context.Context, r wire.ReserveRequest) (wire.Reserved, error) {
	a, err := h.of.Reserve(ctx, r)
	return note(h, "Reserve", a, err)
}
func (h *heard) Free(ctx context.Context, name string) (wire.Reserved, error) {
	a, err := h.of.Free(ctx, name)
	return note(h, "Free", a, err)
}
func (h *heard) PriceReserved(ctx context.Context, name string, expect int64) (wire.Price, error) {
	a, err := h.of.PriceReserved(ctx, name, expect)
	return note(h, "PriceReserved", a, err)
}
func (h *heard) ReportReserved(ctx context.Context, name string) (*wire.Release, error) {
	a, err := h.of.ReportReserved(ctx, name)
	return note(h, "ReportReserved", a, err)
}
func (h *heard) Ledger(ctx context.Context, r wire.LedgerRequest) (*wire.Ledger, error) {
	a, err := h.of.Ledger(ctx, r)
	return note(h, "Ledger", a, err)
}
func (h *heard) AcceptClock(ctx context.Context) (wire.ClockState, error) {
	a, err := h.of.AcceptClock(ctx)
	return note(h, "AcceptClock", a, err)
}
func (h *heard) LogKey(ctx context.Context) (string, error) {
	a, err := h.of.LogKey(ctx)
	return note(h, "LogKey", a, err)
}
func (h *heard) LogProof(ctx context.Context, from, to int64) ([]byte, error) {
	a, err := h.of.LogProof(ctx, from, to)
	return note(h, "LogProof", a, err)
}
func (h *heard) Attestation(ctx context.Context, nonce string) ([]byte, error) {
	a, err := h.of.Attestation(ctx, nonce)
	return note(h, "Attestation", a, err)
}
func (h *heard) Drafts(ctx context.Context) ([]wire.Draft, error) {
	a, err := h.of.Drafts(ctx)
	return note(h, "Drafts", a, err)
}
func (h *heard) Withdraw(ctx context.Context, hash string) (wire.Ack, error) {
	a, err := h.of.Withdraw(ctx, hash)
	return note(h, "Withdraw", a, err)
}

func (h *heard) Approve(ctx context.Context, r wire.Approval) (wire.Approved, error) {
	a, err := h.of.Approve(ctx, r)
	return note(h, "Approve", a, err)
}
func (h *heard) Frozen(ctx context.Context) (wire.Freeze, error) {
	a, err := h.of.Frozen(ctx)
	return note(h, "Frozen", a, err)
}
func (h *heard) Freeze(ctx context.Context, r wire.FreezeRequest) (wire.Freeze, error) {
	a, err := h.of.Freeze(ctx, r)
	return note(h, "Freeze", a, err)
}
func (h *heard) Lift(ctx context.Context) (wire.Ack, error) {
	a, err := h.of.Lift(ctx)
	return note(h, "Lift", a, err)
}
func (h *heard) Close() error { return h.of.Close() }

// overSocket serves an enclave at a socket and gives a client of it.
func overSocket(t *testing.T) func(*Enclave) (wire.Enclave, func() error, error) {
	return func(e *Enclave) (wire.Enclave, func() error, error) {
		dir, err := os.MkdirTemp("", "awase")
		if err != nil {
			return nil, nil, err
		}
		socket := filepath.Join(dir, "s")
		l, err := wire.Listen(socket)
		if err != nil {
			return nil, nil, err
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- wire.Serve(ctx, l, e, wire.Options{}) }()
		c, err := wire.Dial(socket)
		return c, func() error {
			stop()
			return errors.Join(c.Close(), <-ended, os.RemoveAll(dir))
		}, err
	}
}

// askAll asks what may be asked at a day's end, refusals first: every method, and every
// way to be told no that a stranger has.
func askAll(ctx context.Context, e wire.Enclave) {
	strange := question(func(q *entrustment.Question) { q.Entrustment = "nobody" })
	noList := question(func(q *entrustment.Question) { q.List = "nobody" })
	forbidden := question(func(q *entrustment.Question) { q.Dims = []string{"salary"} })
	bad := []byte("schema: awase.gate/v1\nk: 3\n")
	// Errors and answers are noted by heard.
	_, _ = e.Terms(ctx, "nobody")
	_, _ = e.Terms(ctx, "e")
	_, _ = e.Terms(ctx, seal.BaseEntrustment)
	_, _ = e.SetGate(ctx, "g.yaml", bad)
	_, _ = e.GateChanges(ctx, "g.yaml", bad)
	_, _ = e.GateChanges(ctx, "g.yaml", []byte("schema: awase.gate/v1\nk: 60\n"))
	_, _ = e.Gate(ctx)
	_, _ = e.Entrustments(ctx)
	for _, q := range []*entrustment.Question{strange, noList, forbidden} {
		_, _ = e.Price(ctx, q, 0)
		_, _ = e.Report(ctx, q)
		_, _ = e.Reserve(ctx, wire.ReserveRequest{Name: "r", Question: q, Until: entrustment.Date{Year: 2026, Month: 12, Day: 24}})
	}
	_, _ = e.Price(ctx, question(), 1000)
	_, _ = e.Free(ctx, "e/none")
	_, _ = e.PriceReserved(ctx, "e/none", 0)
	_, _ = e.ReportReserved(ctx, "e/none")
	_, _ = e.Ledger(ctx, wire.LedgerRequest{})
	_, _ = e.Ledger(ctx, wire.LedgerRequest{Group: "nobody"})
	_, _ = e.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
	_, _ = e.Ledger(ctx, wire.LedgerRequest{Officer: true})
	_, _ = e.LogKey(ctx)
	_, _ = e.Attestation(ctx, "nonce-1")
	_, _ = e.Attestation(ctx, "no nonce")
	_, _ = e.LogProof(ctx, 2, 0)
	_, _ = e.LogProof(ctx, 1<<40, 0)
	_, _ = e.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader([]byte("no sealed file")))
	_, _ = e.LoadList(ctx, wire.ListRequest{Entrustment: "nobody", Name: "l"}, bytes.NewReader(nil))
	_, _ = e.LoadEvents(ctx, wire.EventsRequest{Entrustment: "e"}, bytes.NewReader([]byte("x")))
	_, _ = e.AcceptClock(ctx)
	_, _ = e.Drafts(ctx)
	_, _ = e.Approve(ctx, wire.Approval{Draft: "none"})
	_, _ = e.Withdraw(ctx, "none")
	_, _ = e.Lift(ctx)
	_, _ = e.Frozen(ctx)
	_, _ = e.Freeze(ctx, wire.FreezeRequest{})
	_, _ = e.Report(ctx, question())
	_, _ = e.Frozen(ctx)
	_, _ = e.Lift(ctx)
	askCatalogue(ctx, e)
	askEvidence(ctx, e)
	askWork(ctx, e)
	askSubjects(ctx, e)
	askDisclosures(ctx, e)
	askCampaigns(ctx, e, "e")
	askVault(ctx, e)
}

// TestWireConforms: through the socket the same days of acts, on copies of one
// vault, get the same answers and the same errors as in the enclave's own
// process.
func TestWireConforms(t *testing.T) {
	day, files := smallDay(t)
	evening, _, eveningFiles := smallEvening(t)
	evening = evening[:len(evening)-len(subjectSteps(nil))] // a request's salt is in the noise of what follows; askSubjects asks at the end
	for name, of := range map[string]struct {
		steps []step
		files *sealedFiles
	}{"day": {day, files}, "evening": {evening, eveningFiles}} {
		t.Run(name, func(t *testing.T) {
			made := newDay(t, of.files, t.TempDir(), morning)
			made.fs = nil
			if err := errors.Join(made.open(), made.close()); err != nil {
				t.Fatal(err)
			}
			run := func(serve func(*Enclave) (wire.Enclave, func() error, error)) []said {
				root := filepath.Join(t.TempDir(), "room")
				if err := os.CopyFS(root, os.DirFS(made.root)); err != nil {
					t.Fatal(err)
				}
				for path, mode := range map[string]os.FileMode{"V": 0o700, "V/segments": 0o700, "V.key": 0o600} {
					if err := os.Chmod(filepath.Join(root, path), mode); err != nil {
						t.Fatal(err)
					}
				}
				var all []said
				d := newDay(t, of.files, root, morning)
				d.fs = nil
				d.serve = func(e *Enclave) (wire.Enclave, func() error, error) {
					inner, end, err := serve(e)
					return &heard{inner, &all}, end, err
				}
				for _, s := range of.steps {
					if err := s.do(d, t.Context()); err != nil {
						t.Fatalf("%s: %v", s.name, err)
					}
				}
				askAll(t.Context(), d.ask)
				// What was given is what is stored, to the byte, receipts too.
				if err := errors.Join(d.checkReleases(), d.close()); err != nil {
					t.Fatal(err)
				}
				return all
			}
			direct := run(func(e *Enclave) (wire.Enclave, func() error, error) { return e, func() error { return nil }, nil })
			through := run(overSocket(t))
			if len(direct) != len(through) || len(direct) < 40 {
				t.Fatalf("%d and %d answers", len(direct), len(through))
			}
			refused := 0
			for i := range direct {
				a, b := direct[i], through[i]
				if a.whole != nil {
					refused++
				}
				if !reflect.DeepEqual(a, b) {
					t.Errorf("%d, %s: direct\n%s\nthrough the socket\n%s", i, a.act, show(a), show(b))
				}
			}
			if refused < 15 {
				t.Errorf("only %d refusals were compared", refused)
			}
		})
	}
}

func show(s said) string { return fmt.Sprintf("%s\n%s\n%+v", s.answer, s.err, s.whole) }
