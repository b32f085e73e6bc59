package entrustment

import (
	"fmt"
	"slices"
)

// EventsLoad is the act of loading an event log: the operator's own, which
// belongs to the base, or another party's under its entrustment.
type EventsLoad struct {
	Party   string           // whose log it is
	Own     bool             // the operator's own log, without an entrustment
	UserKey bool             // users are named by the operator's user key
	Kinds   []string         // identifier kinds of the log's columns
	List    string           // users are named by their party's own keys, as this list has them; "": otherwise
	Types   []EventType      // the sorts of event it declares
	Columns []EventDimension // declared value columns
}

// EventDimension is a declared column of an event log, as its header has it.
type EventDimension struct {
	Name   string
	Domain []string
}

// place tells whether the column says where somebody was.
func (d *EventDimension) place() bool { return isPlaces(d.Domain) }

// located are the flows whose section of the policy names 位置情報: analyses.
// For deliveries (§2(4), §5) it names identifiers alone.
var located = [...]Flow{FlowAnalysis26, FlowAnalysis5, FlowImprovement5}

// DecideEvents decides whether an event log may be loaded. The operator's own
// is loaded onto the base, without an entrustment (Own; Facts.Contract is nil), and
// what may be read of it is decided when a question is asked. Another
// party's is loaded under its entrustment, which names the identifier kinds
// (identifiers), the categories (events) and the declared columns
// (list_columns). Whether a list is there that users are named by, the caller
// decides.
func DecideEvents(f Facts, l EventsLoad) error {
	checks := []func() *Error{f.shape, f.running, f.purpose, f.hostTrust,
		func() *Error { return f.eventsOwner(l) },
		func() *Error { return f.loggersBasis(l.Party) },
		func() *Error { return f.loadKinds(Load{Kinds: l.Kinds}) },
	}
	if l.Own {
		checks = []func() *Error{func() *Error { return f.ownEvents(l) }}
	}
	return first(append(checks, func() *Error { return f.eventsDeclared(l) }, func() *Error { return f.eventTypes(l) }, func() *Error { return f.eventColumns(l) })...)
}

// ownEvents: without an entrustment the operator alone loads, onto its base.
func (f *Facts) ownEvents(l EventsLoad) *Error {
	p, err := f.party("party", l.Party)
	switch {
	case err != nil:
		return err
	case f.Contract != nil:
		return refusal(CodeForbidden, clauseOwnList, "entrustment", "the operator's own log belongs to the base, not to an entrustment", "load it without an entrustment")
	case p.Class != ClassOperator:
		return refusal(CodeForbidden, clauseOwnList, "entrustment", fmt.Sprintf("the log of %q belongs under an entrustment", p.ID), "name the entrustment")
	case l.List != "":
		return refusal(CodeForbidden, clauseOwnList, "list_key", "the operator's own log names nobody by a list's keys", "name users by user_key, or name the entrustment of the list")
	case f.Base == nil:
		return refusal(CodeNotFound, clauseWords, "base", "there is no base whose users the events are of", "load the base first")
	}
	for _, kind := range l.Kinds {
		if !slices.ContainsFunc(f.Base.Identifiers, func(id IdentifierColumn) bool { return id.Kind == kind }) {
			return refusal(CodeForbidden, clauseNamed, "identifiers", fmt.Sprintf("the base has no %s, so nobody can be found by it", echo(kind)), "name users by user_key, or by a kind that base.yaml declares")
		}
	}
	return nil
}

// eventsOwner: under an entrustment the log is that of a party whose logs the
// flow joins with the base. The operator's own log is never mixed with it.
func (f *Facts) eventsOwner(l EventsLoad) *Error {
	if err := f.logger(l.Party); err != nil {
		return err
	}
	receiver := !f.ownsLists(l.Party)
	if l.UserKey && receiver {
		return refusal(CodeForbidden, clauseNamed, "user_key", "user keys are the operator's own", "name users by identifiers")
	}
	if l.UserKey {
		return refusal(CodeForbidden, clauseNamed, "user_key", "user keys are the operator's own", "name users by identifiers, or by your own keys of a list: list_key")
	}
	if l.List != "" && receiver {
		// How many keys are on a list is for those whose list it is.
		return refusal(CodeForbidden, clauseOwnList, "list_key", "the lists are another party's, and so are their keys", "name users by identifiers")
	}
	if l.List != "" && !f.Contract.Delivers() {
		return f.term(CodeForbidden, clauseNamed, f.flow(), fmt.Sprintf("%s delivers nothing, so the room has no keys of yours that users could be named by", f.Contract.Effective()), "name users by identifiers")
	}
	return nil
}

// eventsDeclared: the log names its users in one way and has at least one sort
// of event.
func (f *Facts) eventsDeclared(l EventsLoad) *Error {
	ways := 0
	for _, way := range []bool{l.UserKey, len(l.Kinds) > 0, l.List != ""} {
		if way {
			ways++
		}
	}
	switch {
	case ways != 1:
		return refusal(CodeDocument, clauseDoc, "identifiers", "users are named by the user key, by identifiers or by the keys of a list, in one way", "correct events.yaml")
	case len(l.Types) == 0 || len(l.Types) > MaxEventTypes:
		return refusal(CodeDocument, clauseDoc, "kind", fmt.Sprintf("a log declares 1 to %d sorts of event", MaxEventTypes), "correct events.yaml")
	}
	return nil
}

func (f *Facts) eventTypes(l EventsLoad) *Error {
	for _, t := range l.Types {
		if !slices.Contains(EventKinds(), t.Kind) {
			return refusal(CodeDocument, clauseDoc, "kind", echo(string(t.Kind))+" is no kind of event", allowed(EventKind("").Allowed(), ""))
		}
		if err := eventName("events", t.Category); err != nil {
			return err
		}
		if err := f.sensitive("events", t.Category); err != nil {
			return err
		}
		if f.Contract != nil && !slices.Contains(f.Contract.Events, t.Category) {
			return f.term(CodeDimForbidden, clauseNamed, "events", unlisted(named(t.Category)), allowed(f.Contract.Events, "events:"))
		}
		if t.Kind != EventLocation {
			continue
		}
		if !slices.ContainsFunc(l.Columns, func(d EventDimension) bool { return d.place() }) {
			return refusal(CodeDocument, clauseNamed, "columns", "location events say where by prefecture or region alone, and no column does", "add the column with generalise: prefecture or region")
		}
		if err := f.mayLocate("events"); err != nil {
			return err
		}
	}
	return nil
}

// eventName checks a name that comes with a log's header and stands in the
// record log: intake took it from events.yaml, but a header may be anybody's.
func eventName(field, name string) *Error {
	c := checker{at: &places{file: "header", at: map[string]place{}}}
	c.dimension(field, name)
	if c.err != nil || isPersonal(fold(name)) {
		return refusal(CodeDocument, clauseDoc, field, "a name of the log's header is no name of a group", "correct events.yaml and load the log again")
	}
	return nil
}

func (f *Facts) eventColumns(l EventsLoad) *Error {
	for i, d := range l.Columns {
		if slices.ContainsFunc(l.Columns[:i], func(o EventDimension) bool { return o.Name == d.Name }) {
			return refusal(CodeDocument, clauseDoc, "columns", named(d.Name)+" is named twice", "rename one")
		}
		if n := len(d.Domain); n < 1 || n > MaxDomain || d.Domain[n-1] != Unknown {
			return refusal(CodeDomain, clauseDoc, "columns", named(d.Name)+" has no closed domain", fmt.Sprintf("declare 1 to %d values, %s last", MaxDomain, Unknown))
		}
		if err := eventName("columns", d.Name); err != nil {
			return err
		}
		if err := f.sensitive("columns", d.Name); err != nil {
			return err
		}
		if slices.ContainsFunc(d.Domain, func(v string) bool { return isPersonal(fold(v)) }) {
			return refusal(CodeDomain, clauseDoc, "columns", named(d.Name)+" has a value that looks like an address or a number of a person", "a domain lists groups of people")
		}
		if detail := tooFine(d.Name, d.Domain); detail != "" {
			return refusal(CodeDomain, clauseNamed, "columns", detail, mendFine)
		}
		if f.Contract != nil && !slices.Contains(f.Contract.ListColumns, d.Name) {
			return f.by("list_columns", refusal(CodeDimForbidden, clauseNamed, "columns", unlisted(named(d.Name)), allowed(f.Contract.ListColumns, "list_columns:")))
		}
		if d.place() {
			if err := f.mayLocate("columns"); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayLocate: another party's users are located for analyses alone.
func (f *Facts) mayLocate(field string) *Error {
	if f.Contract == nil || slices.Contains(located[:], f.Contract.Effective()) {
		return nil
	}
	return f.by(f.flow(), refusal(CodeForbidden, f.rule().policy, field, fmt.Sprintf("%s reads no location", f.Contract.Effective()), "drop the column and the location events"))
}

// CheckDomain gives an *Error unless domain is one that a declared column may
// have: a name for it, 1 to MaxDomain distinct values, Unknown last, no value
// that names a person, and no place finer than a prefecture. It is for headers that came with data; documents are
// checked as they are parsed.
func CheckDomain(field, name string, domain []string) error {
	bad := func(detail, mend string) error {
		return &Error{Code: CodeDomain, Clause: clauseDoc, Field: field, Detail: detail, Mend: mend}
	}
	if err := eventName(field, name); err != nil {
		return err
	}
	if len(domain) == 0 || len(domain) > MaxDomain || domain[len(domain)-1] != Unknown {
		return bad("a domain has 1 to 64 values, unknown last", "declare it so in list.yaml and seal the file again")
	}
	if detail := tooFine(name, domain); detail != "" {
		return refusal(CodeDomain, clauseNamed, field, detail, mendFine)
	}
	seen := map[string]bool{}
	for _, v := range domain {
		if f := fold(v); f == "" || seen[f] || len(v) > 256 || isPersonal(f) {
			return bad("a value is empty, repeated, too long, or names a person", "a domain lists groups of people")
		} else {
			seen[f] = true
		}
	}
	return nil
}
