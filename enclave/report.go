package enclave

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"awase/aggregator"
	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

func unnano(n int64) float64 { return float64(n) / 1e9 }

// Report charges the question, runs it through the gate and gives the release.
// Others are served while it counts and while it waits for its tick.
func (e *Enclave) Report(ctx context.Context, q *entrustment.Question) (*wire.Release, error) {
	return given(e.report(ctx, &demand{question: q}))
}

// issued is a release, and its entry of the record log.
type issued struct {
	*wire.Release
	seq int64
}

func given(r *issued, err error) (*wire.Release, error) {
	if err != nil {
		return nil, err
	}
	return r.Release, nil
}

// report is Report of a demand. Who asked may go away: the question is answered all
// the same (detach).
func (e *Enclave) report(ctx context.Context, d *demand) (*issued, error) {
	// What is refused, or was issued before, is not detached.
	e.mu.Lock()
	_, r, err := e.decideReport(d)
	e.mu.Unlock()
	if err != nil || r != nil {
		return r, err
	}
	type answer struct {
		r   *issued
		err error
	}
	to := make(chan answer, 1)
	if err := e.work.detach(ctx, func(ctx context.Context) {
		r, err := e.answer(ctx, d)
		to <- answer{r, err}
	}); err != nil {
		return nil, err
	}
	select {
	case got := <-to:
		return got.r, got.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a release: %w", context.Cause(ctx))
	}
}

// answer runs a question through the gate and issues what comes of it. A panic ends
// here, and its text, which may hold anything, is not logged.
func (e *Enclave) answer(ctx context.Context, d *demand) (_ *issued, err error) {
	defer func() {
		if recover() != nil {
			e.log.Error("a panic", "kind", "report", "at", frames())
			err = errors.New("a panic")
		}
	}()
	a, r, err := e.charge(ctx, d)
	if err != nil || r != nil {
		return r, err
	}
	defer a.release()
	tables, err := e.gate.Tables(ctx, a.paid)
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		return nil, e.refused(d, err)
	}
	// The policy may have changed since it was asked; the tables tell theirs.
	if a.id, err = a.key(tables[0].Policy); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, meanwhile := range []func() error{e.stopped, func() error { return e.lapsed(a) }} { // while it counted
		if err := meanwhile(); err != nil {
			return nil, e.refused(d, err)
		}
	}
	if seq, ok := e.state.reports[a.id]; ok { // the same question at the same time
		return e.storedAt(seq)
	}
	return e.issue(a, tables)
}

// charge decides about a question once more, pins what it reads and charges it, in
// one: no amendment stands in the log between the contract that it was decided
// under and its charge. One that comes later changes nothing of it.
func (e *Enclave) charge(ctx context.Context, d *demand) (*asked, *issued, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a, r, err := e.again(d)
	if err != nil || r != nil {
		return nil, r, err
	}
	a.plan.Under(cmp.Or(d.reservation, e.heldFor(a)))
	a.release = e.pin(a)
	a.paid = e.gate.Pay(ctx, a.plan)
	return a, nil, nil
}

// runsOut refuses to release what was charged where, by now, the entrustment is over
// or a basis that it was decided on. The charge stands (PRIVACY §4.3, step 5). The
// room's lock is held.
func (e *Enclave) runsOut(a *asked) error {
	now := e.state.contracts[a.contract.Contract.ID]
	return entrustment.DecideRelease(e.facts(a.contract), a.act, now.Contract.Until)
}

// decideReport decides about a question as the room is now, or gives the release
// that was issued for it. The room's lock is held.
func (e *Enclave) decideReport(d *demand) (*asked, *issued, error) {
	a, err := e.ask(d.question, d.party)
	seq, ok := int64(0), false
	if err != nil {
		if seq, ok = e.readable(d); !ok {
			return nil, nil, e.refused(d, err)
		}
	}
	if err := e.stopped(); err != nil {
		return nil, nil, e.refused(d, err)
	}
	if !ok {
		seq, ok = e.state.reports[a.id]
	}
	if ok {
		r, err := e.storedAt(seq)
		return a, r, err
	}
	if err := e.running(); err != nil {
		return nil, nil, e.refused(d, err)
	}
	return a, nil, nil
}

// key names a question as asked by a recipient under a contract version: what
// the bytes of a release depend on.
func (a *asked) key(v aggregator.PolicyV) (hexID, error) {
	var specs []aggregator.SpecID
	for _, t := range a.plan.Tables {
		specs = append(specs, t.ID)
	}
	raw, err := json.Marshal(struct {
		Question  entrustment.Question
		Version   int
		List      int
		Specs     []aggregator.SpecID
		Policy    aggregator.PolicyV
		Recipient string
	}{a.plan.Question, a.contract.Version, a.listVersion(), specs, v, a.recipient})
	if err != nil {
		return hexID{}, fmt.Errorf("encoding the question: %w", err)
	}
	return sha256.Sum256(append([]byte("awase report v1\n"), raw...)), nil
}

// listVersion gives the version of the list joined, 0 where there is none.
func (a *asked) listVersion() int {
	if a.list == nil {
		return 0
	}
	return a.list.Version
}

// issue writes the release down, logs it, and gives it with its receipt. A
// crash in between leaves the tables stored and paid for: asking again makes
// the same release.
func (e *Enclave) issue(a *asked, tables []*aggregator.Table) (*issued, error) {
	r := e.release(a, aggregator.Compose(a.plan, tables))
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding the release: %w", err)
	}
	ref := vault.SegmentRef{ID: "report-" + hex.EncodeToString(a.id[:]), Key: dataKey(a.contract.Contract.ID)}
	w, err := e.vault.ReplaceSegment(ref)
	if err != nil {
		return nil, err
	}
	if err := w.Put("release", raw); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	if _, err := w.Commit(); err != nil {
		return nil, err
	}
	hash := sha256.Sum256(raw)
	rec := reportRecord{Key: a.id, Entrustment: r.Entrustment, Version: r.Version, Recipient: a.recipient,
		Policy: tables[0].Policy, Table: hex.EncodeToString(hash[:]), Confinement: e.Confinement(), Segment: ref, AskedBy: e.inRoom(a.party), Campaign: r.Question.Campaign}
	if rec.Asked, err = answers(a.act.Question, a.recipient); err != nil {
		return nil, err
	}
	if r.Report == entrustment.ReportCube {
		rec.Cube = r.Question
	}
	for i, t := range tables {
		rec.Specs = append(rec.Specs, a.plan.Tables[i].ID)
		rec.RhoNano += t.RhoNano
		rec.DeltaE15 += t.DeltaE15
	}
	logged, err := e.append(kindReport, rec)
	if err != nil {
		return nil, err
	}
	return e.storedAt(logged.Seq)
}

func (e *Enclave) storedAt(seq int64) (*issued, error) {
	r, err := e.stored(seq)
	return &issued{r, seq}, err
}

// stored gives an issued release as it was issued.
func (e *Enclave) stored(seq int64) (*wire.Release, error) {
	rec := e.state.reportTable[seq]
	cols, err := e.vault.ReadSegment(rec.Segment)
	if err != nil {
		return nil, fmt.Errorf("reading a stored release: %w", err)
	}
	if hash := sha256.Sum256(cols["release"]); hex.EncodeToString(hash[:]) != rec.Table {
		return nil, fmt.Errorf("reading a stored release: %w", vault.ErrSegment)
	}
	var r wire.Release
	if err := json.Unmarshal(cols["release"], &r); err != nil {
		return nil, fmt.Errorf("reading a stored release: %w", err)
	}
	proof, err := e.vault.Log().Proof(seq)
	if err != nil {
		return nil, err
	}
	claims := receipt.Claims{Dev: e.vault.Dev(), Practice: e.vault.Practice(), Confinement: rec.Confinement, Entrustment: rec.Entrustment, Version: rec.Version, Recipient: rec.Recipient,
		Table: rec.Table, Policy: rec.Policy.String(), RhoNano: rec.RhoNano, DeltaE15: rec.DeltaE15, Log: proof}
	for _, s := range rec.Specs {
		claims.Specs = append(claims.Specs, s.String())
	}
	if r.Receipt, err = e.vault.Signer().Sign(claims); err != nil {
		return nil, fmt.Errorf("signing the receipt: %w", err)
	}
	return &r, nil
}
