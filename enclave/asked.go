package enclave

import (
	"math"
	"slices"

	"awase/aggregator"
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
	act       entrustment.Ask
	reads     *entrustment.Question // with what it takes from its campaign, from the first day on that matters
	party     string                // that asks
	owner     string                // group that uploaded the list
	id        hexID                 // of the question as asked by this recipient

	population matcher.PopulationID
	release    func() // lets go of what it reads
	paid       *aggregator.Paid
}

// ask decides whether q may be asked and compiles it. It reads public facts
// alone.
func (e *Enclave) ask(q *entrustment.Question, party string) (*asked, error) {
	return e.askFor(q, party, nil)
}

// askFor is ask, of a result of a campaign that is not in force yet where one is given.
func (e *Enclave) askFor(q *entrustment.Question, party string, of *entrustment.Campaign) (*asked, error) {
	if err := e.initialised(); err != nil {
		return nil, err
	}
	if err := e.retention.before(); err != nil {
		return nil, err
	}
	c, err := e.contract(q.Entrustment)
	if err != nil {
		return nil, err
	}
	if err := aggregator.CheckReport(q.Report); err != nil {
		return nil, err
	}
	facts := e.facts(c)
	if party != "" {
		if err := e.asker(facts, party); err != nil {
			return nil, err
		}
	}
	campaign, err := e.campaignSource(q, of)
	if err != nil {
		return nil, err
	}
	// What is decided about is all that is read, what comes from the campaign too: it was
	// decided under the contract as it was then.
	reads := readOf(q, campaign)
	list := e.state.lists[listKey{q.Entrustment, reads.List}]
	act := entrustment.Ask{Question: reads, Unloaded: list == nil, EventColumns: e.eventColumns(c)}
	if list != nil {
		for _, col := range list.Columns {
			act.ListColumns = append(act.ListColumns, col.Name)
		}
	}
	if err := e.question(facts, act); err != nil {
		return nil, err
	}
	act.Question = q // as it is asked: what is released is found by it
	if e.state.base == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "base", Detail: "there is no identity base yet", Mend: "load it with awase base load"}
	}
	if err := e.decideLists(&facts, reads); err != nil {
		return nil, err
	}
	if err := e.lapsedEvents(c, reads); err != nil {
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
	src.Campaign = campaign
	if of != nil && len(c.Contract.Events) > 0 {
		// Its events come once it is delivered: what their count costs is known before. Logs
		// that are there may declare nothing to credit.
		src.Events = append(src.Events, e.logsToCome(&facts, of.Until)...)
	}
	policy := e.gate.Policy()
	plan, err := aggregator.Compile(q, src, &policy)
	if err != nil {
		return nil, err
	}
	plan.Question.Recipient, plan.Question.Purpose = recipient, c.Contract.Purpose
	act.Receivers = e.receivers(c, plan)
	if err := entrustment.DecideLogs(facts, act.Receivers); err != nil {
		return nil, err
	}
	plan = plan.FromCubes(q, e.cubes(c, q, src, &policy, recipient))
	plan.AskedBy(party)
	a := &asked{contract: c, recipient: recipient, plan: plan, list: list, act: act, reads: reads, party: party, owner: src.ListOwner.Group, population: src.Population}
	a.id, err = a.key(policy.Version())
	return a, err
}

// readOf gives a question with what it takes from its campaign. Conditions on events end
// before the campaign begins, so its first day is one that matters.
func readOf(q *entrustment.Question, campaign *aggregator.CampaignSource) *entrustment.Question {
	if campaign == nil || !entrustment.OfCampaign(q.Report) {
		return q
	}
	out := q.On(campaign.Document)
	if first := campaign.Document.From; first.Before(out.Window.From) {
		out.Window = &entrustment.Window{From: first, To: out.Window.To}
	}
	return out
}

// eventColumns names the declared value columns of the event logs that a contract
// may read.
func (e *Enclave) eventColumns(c *entrustRecord) (out []string) {
	if len(c.Contract.Events) == 0 {
		return nil
	}
	for _, l := range e.logsOf(c) {
		for _, col := range l.Columns {
			out = append(out, col.Name)
		}
	}
	return out
}

// cubes gives the planning cubes that the recipient bought for a size's list and
// that still are of today's data: what changed since is another cube.
func (e *Enclave) cubes(c *entrustRecord, q *entrustment.Question, src aggregator.Sources, policy *aggregator.Policy, recipient string) (out []*aggregator.Plan) {
	if q.Report != entrustment.ReportSize {
		return nil
	}
	for _, bought := range e.state.cubes[listKey{c.Contract.ID, q.List}] {
		if bought.Recipient != recipient {
			continue
		}
		plan, err := aggregator.Compile(bought, src, policy)
		if err == nil && e.gate.Holds(plan) {
			out = append(out, plan)
		}
	}
	return out
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
			if err := e.lapsedList(q.Entrustment, name); err != nil {
				return err
			}
			continue // Compile names the place
		}
		if l.Party != facts.ListOwner() {
			refused := &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 1", Field: "list",
				Detail: "the list belongs to a party whose lists are not joined", Mend: "load a list of the party that it joins"}
			return refused.By(entrustment.ContractClause{ID: facts.Contract.ID, Version: facts.Version, Clause: "basis"})
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
	src := aggregator.Sources{
		Population: matcher.PopulationID(e.populationNow()),
		Eligible:   eligibility(c, facts),
		Lists:      map[string]aggregator.ListSource{},
		Recipient:  e.group(recipient), BaseOwner: aggregator.Owner{Party: op.ID, Group: op.Group},
	}
	if id := facts.ListOwner(); id != "" {
		src.ListOwner = aggregator.Owner{Party: id, Group: e.group(id)}
	}
	src.Categories = c.Contract.Events
	src.Identifiers = c.Contract.Identifiers
	src.Events = e.eventSources(c, facts, &src)
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

// eligibility says whose data a question under c may read.
func eligibility(c *entrustRecord, facts *entrustment.Facts) matcher.Eligibility {
	byPolicy, versions := facts.Covered()
	return matcher.Eligibility{Flow: c.Contract.Effective(), Purpose: c.Contract.Purpose, ByPolicy: byPolicy, Versions: versions,
		Service: c.Contract.Service, Enquiry: c.Contract.ServesEnquiry()}
}

func (e *Enclave) group(party string) string {
	if p, ok := e.state.parties[party]; ok {
		return p.Group
	}
	return party
}

// forecast gives what of an answer is likely to be withheld: if expect people
// are counted or, where the recipient's own group uploaded the list and so knows
// its rows, if all of them match.
func (e *Enclave) forecast(a *asked, expect int64, policy *aggregator.Policy) *wire.Forecast {
	var rows int64
	if a.list != nil && e.group(a.recipient) == a.owner {
		rows = a.list.Rows
	}
	if expect <= 0 && rows == 0 {
		return nil
	}
	shares := aggregator.Shares{}
	for _, at := range e.state.base.Schema.Attributes {
		if at.Shares != nil && slices.Contains(a.contract.Contract.Attributes, at.Name) {
			shares[at.Name] = at.Shares
		}
	}
	f := a.plan.Forecast(max(0, expect), rows, shares, policy)
	return &wire.Forecast{People: f.People, Stated: expect > 0, Withheld: int(math.Round(f.Withheld)), Missing: f.Missing, Unknown: f.Unknown}
}

// notes says what is worth knowing of a plan before it is charged, if so many people are
// expected to be counted by it, 0: nobody knows.
func notes(pl *aggregator.Plan, people int64, policy *aggregator.Policy) (out []string) {
	switch pl.IndexReach() {
	case aggregator.ReachOne:
		out = append(out, wire.NoteIndexAlone)
	case aggregator.ReachPart:
		out = append(out, wire.NoteIndexPart)
	}
	switch pl.LiftNote(people, policy) {
	case aggregator.LiftUnknown:
		out = append(out, wire.NoteLiftUnknown)
	case aggregator.LiftWithheld:
		out = append(out, wire.NoteLiftWithheld)
	case aggregator.LiftSmall:
		out = append(out, wire.NoteLiftSmall)
	}
	return out
}

// expected gives how many people an answer counts at most, as far as who asks knows:
// what they say or, where their group uploaded the list, its rows; 0: nobody knows.
func (e *Enclave) expected(a *asked, stated int64) int64 {
	if stated <= 0 && a.list != nil && e.group(a.recipient) == a.owner {
		return a.list.Rows
	}
	return max(0, stated)
}
