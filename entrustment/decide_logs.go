package entrustment

import (
	"fmt"
	"slices"
	"strings"
)

// DecideLogger decides whether a party is one whose event logs are taken under the
// entrustment. Whether a certain log is, DecideEvents does.
func DecideLogger(f Facts, party string) error {
	return first(f.shape, func() *Error { return f.logger(party) })
}

// DecideLogs decides whether the event logs of receivers of deliveries may be joined
// under the entrustment today: what a question or an audience reads of them.
func DecideLogs(f Facts, receivers []string) error {
	return first(f.shape, func() *Error { return f.joinsLogs(receivers) })
}

// Loggers gives the parties whose event logs are taken under the contract: first that
// whose lists it joins with the base, then, sorted, the platforms among the receivers
// of its deliveries that have a basis of their own, as they know what their users saw.
func (f *Facts) Loggers() []string {
	owner := f.ListOwner()
	if owner == "" {
		return nil
	}
	return append([]string{owner}, f.loggers()...)
}

// loggers gives the receivers whose event logs are taken, sorted.
func (f *Facts) loggers() []string {
	var out []string
	for _, b := range f.Contract.Basis {
		if f.receiverLogs(b.Party) {
			out = append(out, b.Party)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ownsLists tells whether the contract joins the lists of a party.
func (f *Facts) ownsLists(id string) bool {
	owner, ok := f.side(f.rule().joined[1])
	return ok && owner == id
}

// platformHere tells whether a party is a platform that the contract's deliveries go
// to, whose lists it does not join.
func (f *Facts) platformHere(id string) bool {
	p := f.Parties[id]
	return p != nil && p.Class == ClassAdPlatform && slices.Contains(f.Contract.Recipients, id) && f.mayReceive(id) && !f.ownsLists(id)
}

// receiverLogs tells whether a receiver's users are joined, by its log.
func (f *Facts) receiverLogs(id string) bool {
	return f.platformHere(id) && slices.ContainsFunc(f.Contract.Basis, func(b Basis) bool { return b.Party == id })
}

// logger refuses a party whose event logs are not taken.
func (f *Facts) logger(id string) *Error {
	p, err := f.party("party", id)
	if err != nil {
		return err
	}
	if _, _, err := f.basisOf(f.rule().joined[1]); err != nil {
		return err // then it joins nobody's
	}
	mend := "the logs that it joins are of " + strings.Join(f.Loggers(), ", ")
	switch {
	case p.Class == ClassOperator:
		return refusal(CodeForbidden, clauseOwnList, "entrustment", "the operator's own log belongs to the base, not to an entrustment", "load it without an entrustment")
	case f.ownsLists(id) || f.receiverLogs(id):
		return nil
	case f.platformHere(id):
		return f.by("basis", refusal(CodeNoBasis, clauseBasis, "party", fmt.Sprintf("there is no basis for the users of %q, so its log can't be joined", id), "have the entrustment amended, with its entry under basis:"))
	case slices.Contains(f.Contract.Recipients, id):
		return f.by("recipients", refusal(CodeForbidden, clauseFlows, "party", fmt.Sprintf("%s delivers nothing to %q, so it joins no log of it", f.Contract.Effective(), id), mend))
	}
	return f.by("basis", refusal(CodeForbidden, clauseFlows, "party", fmt.Sprintf("%s joins no log of %q", f.Contract.Effective(), id), mend))
}

// loggersBasis: the party whose log it is has a basis today.
func (f *Facts) loggersBasis(id string) *Error {
	if f.ownsLists(id) {
		return f.ownersBasis()
	}
	b, path, err := f.basisFor(id)
	if err != nil {
		return err
	}
	return f.active(b, path)
}

// joinsLogs checks that the users of receivers may be joined today, by their logs.
func (f *Facts) joinsLogs(receivers []string) *Error {
	for _, id := range receivers {
		if err := f.logger(id); err != nil {
			return err
		}
		b, path, err := f.basisFor(id)
		if err != nil {
			return err
		}
		if err := f.active(b, path); err != nil {
			return err
		}
		if err := f.entrustAlone(b, path); err != nil {
			return err
		}
	}
	return nil
}
