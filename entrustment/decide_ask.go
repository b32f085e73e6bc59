package entrustment

import (
	"fmt"
	"slices"
)

// DecideAsk decides whether the question may be asked under the entrustment.
// It reads nothing but the documents: neither the answer nor its size.
func DecideAsk(f Facts, a Ask) error {
	q := a.Question
	if q == nil {
		return refusal(CodeSpec, clauseDoc, "report", "there is no question", "write one as spec.yaml")
	}
	w := wording{f: &f, listColumns: a.ListColumns, list: q.List, unloaded: a.Unloaded, ofEvents: a.EventColumns}
	return first(
		f.shape,
		func() *Error { return f.askedHere(q) },
		f.running, f.purpose, f.hostTrust,
		func() *Error { return f.serves(q) },
		func() *Error { return f.report(q) },
		func() *Error { return f.askBasis(q, w.listColumn) },
		func() *Error { return f.reader(q) },
		func() *Error { return w.dims(q) },
		func() *Error { return w.measures(q) },
		func() *Error { return w.categories(q) },
		func() *Error { return w.where(q.Where) },
	)
}

// DecideRelease decides whether what was charged under f.Contract is released now:
// until, the last day of the entrustment as it stands by now, is not over, and
// neither is a basis that the question was decided on. An amendment in between
// changes nothing else.
func DecideRelease(f Facts, a Ask, until Date) error {
	c := *f.Contract
	c.Until, f.Contract = until, &c
	w := wording{f: &f, listColumns: a.ListColumns}
	return first(f.shape, f.notEnded, func() *Error { return f.askBasis(a.Question, w.listColumn) }, func() *Error { return f.joinsLogs(a.Receivers) })
}

// askedHere guards against a question that was matched with another's facts.
func (f *Facts) askedHere(q *Question) *Error {
	if q.Entrustment != f.Contract.ID {
		return refusal(CodeForbidden, clauseOwnList, "entrustment", "the question is asked under another entrustment", "name "+f.Contract.ID)
	}
	return nil
}

// serves refuses a question for another purpose than the entrustment's.
func (f *Facts) serves(q *Question) *Error {
	if q.Purpose == "" || q.Purpose == f.Contract.Purpose {
		return nil
	}
	return f.term(CodeNoBasis, clausePurpose, "purpose", fmt.Sprintf("the answer is to serve %s, and the data was entrusted for %s", q.Purpose, f.Contract.Purpose),
		fmt.Sprintf("ask under an entrustment for %s", q.Purpose))
}

// ads are the reports on a campaign, which only advertising has.
var ads = [...]string{ReportDelivery, ReportLift, ReportAttribution}

// report checks the kind of report: known, an output of the entrustment, of its
// purpose, and with the list that it joins.
func (f *Facts) report(q *Question) *Error {
	if err := knownReport("report", q.Report); err != nil {
		err.Clause = clauseDoc
		return err
	}
	if !slices.Contains(f.Contract.Outputs, q.Report) {
		return f.by("outputs", refusal(CodeForbidden, clauseFlows, "report", unlisted(echo(q.Report)), allowed(f.Contract.Outputs, "outputs:")))
	}
	if OfCampaign(q.Report) && f.Contract.Purpose != PurposeAdvertising {
		return f.by("purpose", refusal(CodeNoBasis, clausePurpose, "report", fmt.Sprintf("a %s report serves advertising, and the purpose is %s", q.Report, f.Contract.Purpose), "ask under an entrustment for advertising"))
	}
	if OfCampaign(q.Report) != (q.Campaign != "") {
		return refusal(CodeSpec, clauseDoc, "campaign", "delivery, lift and attribution are on a campaign, and no other report is", "add campaign: and its id, or leave it out")
	}
	if q.List == "" && q.Report == ReportOverlap {
		return refusal(CodeSpec, clauseDoc, "list", "an overlap report joins a list", "name the list")
	}
	if q.Index && q.Report != ReportProfile {
		return refusal(CodeSpec, clauseDoc, "index", "only a profile report has an index", "leave index out")
	}
	return nil
}

// Recipient gives the party that reads the answer: the one that the question
// names, else the contract's only recipient, or the only one that may read
// aggregates. It does not say that the party may read: DecideAsk does.
func (f *Facts) Recipient(q *Question) (string, error) {
	id, err := f.recipient(q)
	if err != nil {
		return "", err
	}
	return id, nil
}

func (f *Facts) recipient(q *Question) (string, *Error) {
	if q.Recipient != "" {
		return q.Recipient, nil
	}
	all := f.Contract.Recipients
	if len(all) == 1 {
		return all[0], nil
	}
	var readers []string
	for _, id := range all {
		if f.mayRead(id) {
			readers = append(readers, id)
		}
	}
	if len(readers) == 1 {
		return readers[0], nil
	}
	return "", f.by("recipients", refusal(CodeSpec, clauseDoc, "recipient", "there are several, and the question names none", allowed(all, "recipients:")))
}

// reader checks who is to read the answer.
func (f *Facts) reader(q *Question) *Error {
	id, err := f.recipient(q)
	if err != nil {
		return err
	}
	if !slices.Contains(f.Contract.Recipients, id) {
		return f.by("recipients", refusal(CodeForbidden, clauseFlows, "recipient", unlisted(echo(id)), allowed(f.Contract.Recipients, "recipients:")))
	}
	if !f.mayRead(id) {
		return f.by(f.flow(), refusal(CodeForbidden, clauseFlows, "recipient", fmt.Sprintf("%s gives no aggregates to %q", f.Contract.Effective(), id), "name the party that reads results"))
	}
	return f.abroad("recipient", id)
}

// askBasis: an answer that joins needs both parties' bases; one about the base
// alone needs the operator's.
func (f *Facts) askBasis(q *Question, isListColumn func(string) bool) *Error {
	joined := q.List != "" || slices.ContainsFunc(q.Dims, isListColumn) ||
		// Its events may be those of the party that uploads under the contract.
		ReadsEvents(q.Report)
	// The walk ends at the first condition that joins.
	_ = q.Where.Walk(func(c *Condition) error {
		// In the operator's own flows the event log may be the partner's.
		joined = joined || c.List != "" || c.Event != nil && f.rule().principal == ClassOperator
		return nil
	})
	if joined {
		return f.joins()
	}
	b, path, err := f.basisOf(ClassOperator)
	if err != nil {
		return err
	}
	return f.active(b, path)
}
