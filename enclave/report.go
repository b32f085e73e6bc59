package enclave

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"awase/aggregator"
	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// asked is a question that was decided and compiled.
type asked struct {
	contract  *entrustRecord
	recipient string // party
	plan      *aggregator.Plan
	list      *listRecord
	owner     string // group that uploaded the list
	id        hexID  // of the question as asked by this recipient
}

// ask decides whether q may be asked and compiles it. It reads public facts
// alone.
func (e *Enclave) ask(q *entrustment.Question) (*asked, error) {
	c, err := e.contract(q.Entrustment)
	if err != nil {
		return nil, err
	}
	if err := aggregator.CheckReport(q.Report); err != nil {
		return nil, err
	}
	facts := e.facts(c.Contract)
	act := entrustment.Ask{Question: q}
	list := e.state.lists[listKey{q.Entrustment, q.List}]
	if list != nil {
		for _, col := range list.Columns {
			act.ListColumns = append(act.ListColumns, col.Name)
		}
	}
	if err := entrustment.DecideAsk(facts, act); err != nil {
		return nil, err
	}
	if e.state.base == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "base", Detail: "there is no identity base yet", Mend: "load it with awase base load"}
	}
	if err := e.decideLists(&facts, q); err != nil {
		return nil, err
	}
	recipient, err := facts.Recipient(q)
	if err != nil {
		return nil, err
	}
	src, err := e.sources(c, &facts, recipient)
	if err != nil {
		return nil, err
	}
	policy := e.gate.Policy()
	plan, err := aggregator.Compile(q, src, &policy)
	if err != nil {
		return nil, err
	}
	plan.Question.Recipient = recipient
	a := &asked{contract: c, recipient: recipient, plan: plan, list: list, owner: src.ListOwner.Group}
	a.id, err = a.key(policy.Version())
	return a, err
}

// decideLists decides about every list that a question names, joined or in a
// condition. What a list holds is decided under the contract as it is now, not
// as it was at the upload.
func (e *Enclave) decideLists(facts *entrustment.Facts, q *entrustment.Question) error {
	names := []string{q.List}
	if q.Where != nil {
		if err := q.Where.Walk(func(c *entrustment.Condition) error {
			if c.List != "" {
				names = append(names, c.List)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, name := range names {
		l, ok := e.state.lists[listKey{q.Entrustment, name}]
		if !ok {
			continue // Compile names the place
		}
		if l.Party != facts.ListOwner() {
			return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 1", Field: "list",
				Detail: "the list belongs to a party whose lists the entrustment does not join", Mend: "load a list of the party that it joins"}
		}
		act := entrustment.Load{Kinds: l.Kinds}
		for _, col := range l.Columns {
			act.Columns = append(act.Columns, col.Name)
		}
		if err := e.decideNames(act.Columns); err != nil {
			return err
		}
		if err := entrustment.DecideLoad(*facts, act); err != nil {
			return err
		}
		if err := entrustment.DecideMatch(*facts, entrustment.Match{ListEntrustment: l.Entrustment}); err != nil {
			return err
		}
	}
	return nil
}

// decideNames refuses a list column with the name of an attribute of the base:
// a question could not tell which of the two it reads.
func (e *Enclave) decideNames(columns []string) error {
	if e.state.base == nil {
		return nil
	}
	for _, name := range columns {
		for i := range e.state.base.Schema.Attributes {
			if e.state.base.Schema.Attributes[i].Name == name {
				return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 2", Field: "list",
					Detail: "a column of the list has the name of an attribute of the base", Mend: "give the column another name in list.yaml and contract.yaml, and load the list again"}
			}
		}
	}
	return nil
}

// sources gives what a question under c is compiled against.
func (e *Enclave) sources(c *entrustRecord, facts *entrustment.Facts, recipient string) (aggregator.Sources, error) {
	op, err := e.operator()
	if err != nil {
		return aggregator.Sources{}, err
	}
	byPolicy, versions := facts.Covered()
	src := aggregator.Sources{
		Population: matcher.PopulationID(e.state.base.Population),
		Eligible: matcher.Eligibility{
			Flow: c.Contract.Effective(), Purpose: c.Contract.Purpose, ByPolicy: byPolicy, Versions: versions,
			Service: c.Contract.Service, Enquiry: c.Contract.ServesEnquiry(),
		},
		Lists:     map[string]aggregator.ListSource{},
		Recipient: e.group(recipient), BaseOwner: aggregator.Owner{Party: op.ID, Group: op.Group},
	}
	if id := facts.ListOwner(); id != "" {
		src.ListOwner = aggregator.Owner{Party: id, Group: e.group(id)}
	}
	src.Categories = c.Contract.Events
	src.Events = e.eventSources(c, &src)
	for _, col := range e.state.base.Columns {
		if slices.Contains(c.Contract.Attributes, col.Name) {
			src.Columns = append(src.Columns, col)
		}
	}
	for key, l := range e.state.lists {
		if key.entrustment == c.Contract.ID {
			src.Lists[key.name] = aggregator.ListSource{ID: matcher.ListID(l.ID), Version: l.Version, Columns: l.Columns, Rows: l.Rows, Tokens: l.Tokens}
		}
	}
	return src, nil
}

func (e *Enclave) group(party string) string {
	if p, ok := e.state.parties[party]; ok {
		return p.Group
	}
	return party
}

// Price says what a question costs.
func (e *Enclave) Price(_ context.Context, q *entrustment.Question) (wire.Price, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a, err := e.ask(q)
	if err != nil {
		return wire.Price{}, err
	}
	quote := e.gate.Price(a.plan)
	policy := e.gate.Policy()
	sigma := int64(a.plan.Question.Sigma)
	spec := &a.plan.Tables[0].Spec
	p := wire.Price{
		Rho: unnano(quote.RhoNano), Delta: float64(quote.DeltaE15) / 1e15, Charged: unnano(quote.DueNano), Sigma: int(sigma),
		Tau: spec.Tau(&policy), K: policy.K, Precision: int64(math.Ceil(1.96 * math.Sqrt(float64(spec.Variance())))), Cells: 1,
	}
	for _, d := range a.plan.Tables[0].Spec.Dims {
		p.Cells *= len(d.Domain)
	}
	for _, t := range quote.Tables {
		p.Tables = append(p.Tables, wire.TablePrice{Name: t.Name, Rho: unnano(t.RhoNano), Paid: t.Paid})
	}
	for _, ac := range quote.Accounts {
		p.Accounts = append(p.Accounts,
			wire.AccountStatus{Recipient: ac.Recipient, Owner: ac.Owner, Window: "30d", Spent: unnano(ac.Spent30), Limit: unnano(ac.Limit30)},
			wire.AccountStatus{Recipient: ac.Recipient, Owner: ac.Owner, Window: "365d", Spent: unnano(ac.Spent365), Limit: unnano(ac.Limit365)})
	}
	return p, nil
}

func unnano(n int64) float64 { return float64(n) / 1e9 }

// Report charges the question, runs it through the gate and gives the release.
// Others are served while it counts and while it waits for its tick.
func (e *Enclave) Report(ctx context.Context, q *entrustment.Question) (*wire.Release, error) {
	a, r, err := e.prepare(q)
	if err != nil || r != nil {
		return r, err
	}
	tables, err := e.gate.Draw(ctx, a.plan)
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		return nil, e.refuse("report", q.Entrustment, err)
	}
	if err := e.gate.Await(ctx, tables); err != nil {
		return nil, err
	}
	// The policy may have changed since it was asked; the tables tell theirs.
	if a.id, err = a.key(tables[0].Policy); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if seq, ok := e.state.reports[a.id]; ok { // the same question at the same time
		return e.stored(seq)
	}
	return e.issue(a, tables)
}

// prepare decides about a question and opens what it reads, or gives the
// release that was issued for it.
func (e *Enclave) prepare(q *entrustment.Question) (*asked, *wire.Release, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a, err := e.ask(q)
	if err != nil {
		return nil, nil, e.refuse("report", q.Entrustment, err)
	}
	if seq, ok := e.state.reports[a.id]; ok {
		r, err := e.stored(seq)
		return a, r, err
	}
	if err := e.running(); err != nil {
		return nil, nil, e.refuse("report", q.Entrustment, err)
	}
	return a, nil, e.load(a)
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

// load makes the engine hold what the plan reads.
func (e *Enclave) load(a *asked) error {
	if b := e.state.base; !e.loaded[b.Population] {
		base, err := e.openBase()
		if err != nil {
			return err
		}
		e.engine.PutBase(matcher.PopulationID(b.Population), base)
		e.loaded[b.Population] = true
	}
	for key, l := range e.state.lists {
		if key.entrustment != a.contract.Contract.ID || e.loaded[l.ID] {
			continue
		}
		read, err := e.reader(l.Segment)
		if err != nil {
			return fmt.Errorf("opening a list: %w", err)
		}
		list, err := matcher.OpenList(read)
		if err != nil {
			return fmt.Errorf("opening a list: %w", err)
		}
		if got := e.engine.PutList(list); hexID(got) != l.ID {
			return fmt.Errorf("opening a list: %w", vault.ErrSegment)
		}
		e.loaded[l.ID] = true
	}
	return e.loadLogs(a)
}

// issue writes the release down, logs it, and gives it with its receipt. A
// crash in between leaves the tables stored and paid for: asking again makes
// the same release.
func (e *Enclave) issue(a *asked, tables []*aggregator.Table) (*wire.Release, error) {
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
		Policy: tables[0].Policy, Table: hex.EncodeToString(hash[:]), Segment: ref}
	for i, t := range tables {
		rec.Specs = append(rec.Specs, a.plan.Tables[i].ID)
		rec.RhoNano += t.RhoNano
		rec.DeltaE15 += t.DeltaE15
	}
	logged, err := e.append(kindReport, rec)
	if err != nil {
		return nil, err
	}
	return e.stored(logged.Seq)
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
	claims := receipt.Claims{Dev: e.vault.Dev(), Entrustment: rec.Entrustment, Version: rec.Version, Recipient: rec.Recipient,
		Table: rec.Table, Policy: rec.Policy.String(), RhoNano: rec.RhoNano, DeltaE15: rec.DeltaE15, Log: proof}
	for _, s := range rec.Specs {
		claims.Specs = append(claims.Specs, s.String())
	}
	if r.Receipt, err = e.vault.Signer().Sign(claims); err != nil {
		return nil, fmt.Errorf("signing the receipt: %w", err)
	}
	return &r, nil
}

// release writes an answer in the form of DESIGN §8, without the receipt.
func (e *Enclave) release(a *asked, ans *aggregator.Answer) *wire.Release {
	eps, delta := ans.Epsilon()
	r := &wire.Release{
		Schema: wire.ReleaseSchema, Report: a.plan.Question.Report, Entrustment: a.contract.Contract.ID, Version: a.contract.Version,
		Question: &a.plan.Question, Dims: []wire.Dim{}, Measures: ans.Measures, Rates: ans.Rates, Cells: []wire.Cell{},
		Privacy: wire.Privacy{K: ans.K, Tau: ans.Tau, Sigma: int(ans.Sigma), Rho: unnano(ans.RhoNano), Epsilon: round(eps, 4), Delta: round(delta, 12),
			Withheld: ans.Withheld, Cells: len(ans.Rows), Dev: e.vault.Dev()},
		// Not the time of the tables: another recipient may have asked for them.
		ReleasedAt: e.vault.Log().Now().UTC().Format("2006-01-02T15:04:05Z"),
	}
	if a.list != nil {
		r.List, r.ListVersion = a.list.Name, a.list.Version
		if e.group(a.recipient) == a.owner {
			r.ListRows = a.list.Rows
		}
	}
	for _, d := range ans.Dims {
		r.Dims = append(r.Dims, wire.Dim{Name: d.Name, Domain: d.Domain})
	}
	for _, row := range ans.Rows {
		c := wire.Cell{Key: map[string]string{}, Status: wire.Withheld}
		for i, v := range row.Key {
			c.Key[ans.Dims[i].Name] = v
		}
		if row.Users != nil {
			c.Status, c.Users = wire.Released, number(row.Users)
		}
		if row.Index != nil {
			c.Index = &wire.Ratio{Value: round(row.Index.Value, 1), Low: round(row.Index.Low, 1), High: round(row.Index.High, 1)}
		}
		c.Amounts = amounts(ans, row.Sums, row.Rates)
		r.Cells = append(r.Cells, c)
	}
	r.Other = &wire.Sum{Status: wire.None}
	if ans.HasOther {
		r.Other = sum(ans.Other)
		r.Other.Amounts = amounts(ans, ans.OtherSums, nil)
	}
	r.Total = sum(ans.Total)
	if ans.Overlap {
		r.Total.Status = wire.None // a total of people is another question
	}
	r.Total.Amounts = amounts(ans, ans.TotalSums, ans.TotalRate)
	r.Total.Partial = !ans.Separate && ans.Total != nil && ans.Withheld > 0 && ans.Other == nil
	if ans.BaseTotal != nil {
		r.Base = sum(ans.BaseTotal)
	}
	if ans.Overlap {
		r.Privacy.CellsOfOne = ans.CellsOfOne
	}
	r.Privacy.Statement = statement(&r.Privacy, ans.Caps, r.Report == entrustment.ReportSize)
	return r
}

// amounts names the measures and rates of a row.
func amounts(ans *aggregator.Answer, sums []*aggregator.Interval, rates []*aggregator.Ratio) (out wire.Amounts) {
	for i, s := range sums {
		if s != nil {
			if out.Sums == nil {
				out.Sums = map[string]*wire.Number{}
			}
			out.Sums[ans.Measures[i]] = number(s)
		}
	}
	for i, r := range rates {
		if r != nil {
			if out.Rates == nil {
				out.Rates = map[string]*wire.Ratio{}
			}
			out.Rates[ans.Rates[i]] = &wire.Ratio{Value: round(r.Value, 4), Low: round(r.Low, 4), High: round(r.High, 4)}
		}
	}
	return out
}

func number(i *aggregator.Interval) *wire.Number {
	return &wire.Number{Value: i.Value, Low: i.Low, High: i.High}
}

func sum(i *aggregator.Interval) *wire.Sum {
	if i == nil {
		return &wire.Sum{Status: wire.Withheld}
	}
	return &wire.Sum{Status: wire.Released, Users: number(i)}
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// statement says in words what protects the people counted. It speaks of
// parameters alone, never of the data.
func statement(p *wire.Privacy, caps []aggregator.Cap, size bool) wire.Statement {
	// PRIVACY §1: advantage ≤ √(ρ/2), rigorous for any ρ-zCDP mechanism; a guess
	// is right with probability at most (1+advantage)/2.
	advantage := math.Ceil(10*(100*math.Sqrt(p.Rho/2)/2+100*p.Delta)) / 10
	s := wire.Statement{
		JA: fmt.Sprintf("各区分の人数には標準偏差 %.0f 人の雑音を加えています。%d 人以上が含まれ、雑音を加えた値が %d 以上の区分だけを表示します。"+
			"非表示の区分は、人数が少ないか、雑音を加えた結果が基準に届かなかったものです。どちらかは、お答えできない仕組みです。"+
			"ある一人が含まれるかどうかをこの表から言い当てる確率の上積みは、最大 %.1f ポイントです。", p.Deviation(), p.K, p.Tau, advantage),
		EN: fmt.Sprintf("Every number of people carries noise of standard deviation %.0f. A cell is shown only if it holds at least %d people and its noised number is at least %d. "+
			"A withheld cell was small, or its noised number fell short; which of the two can't be told. "+
			"This table makes a guess whether any one person is in it better by %.1f percentage points at most.", p.Deviation(), p.K, p.Tau, advantage),
	}
	if size {
		s.JA = strings.Replace(s.JA, fmt.Sprintf("%d 人以上が含まれ、", p.K), "", 1)
		s.EN = strings.Replace(s.EN, fmt.Sprintf("it holds at least %d people and ", p.K), "", 1)
	}
	for _, c := range caps {
		// A sum's noise is σ times what one person may add at most.
		s.JA += fmt.Sprintf("%s は一人につき最大 %d までを数え、標準偏差 %.0f の雑音を加えています。", c.Measure, c.Most, p.Deviation()*float64(c.Most))
		s.EN += fmt.Sprintf(" Of %s at most %d count for one person, and the noise has standard deviation %.0f.", c.Measure, c.Most, p.Deviation()*float64(c.Most))
	}
	if p.Dev {
		s.JA += "開発用の保管庫（dev）で作成しました。承認者の署名はありません。"
		s.EN += " Made in a dev vault: no officer signed for it."
	}
	return s
}
