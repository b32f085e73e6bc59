package entrustment

import (
	"fmt"
	"slices"
)

// DecideDeliver decides whether an audience of this condition may be handed to
// the receiver. Its size is the gate's to judge.
func DecideDeliver(f Facts, d Deliver) error {
	w := wording{f: &f, deliver: true}
	return first(
		f.shape,
		func() *Error {
			if f.rule().receives == nil {
				return f.term(CodeForbidden, clauseFlows, f.flow(), fmt.Sprintf("%s delivers nothing", f.Contract.Effective()), "agree on an entrustment for delivery")
			}
			return nil
		},
		f.running, f.purpose, f.hostTrust, f.joins,
		func() *Error { return f.receiver(d) },
		func() *Error { return w.where(d.Where) },
		func() *Error { return f.deliverKinds(d) },
	)
}

func (f *Facts) receiver(d Deliver) *Error {
	if !slices.Contains(f.Contract.Recipients, d.Receiver) {
		return f.by("recipients", refusal(CodeForbidden, clauseFlows, "receiver", unlisted(echo(d.Receiver)), allowed(f.Contract.Recipients, "recipients:")))
	}
	if !f.mayReceive(d.Receiver) {
		return f.by(f.flow(), refusal(CodeForbidden, clauseFlows, "receiver", fmt.Sprintf("%s delivers nothing to %q", f.Contract.Effective(), d.Receiver), "name the partner, or the operator for its own channel"))
	}
	return f.abroad("receiver", d.Receiver)
}

func (f *Facts) deliverKinds(d Deliver) *Error {
	for i, kind := range d.Kinds {
		if !slices.Contains(f.Contract.DeliverIdentifiers, kind) {
			return f.by("deliver_identifiers", refusal(CodeForbidden, clauseDeliver, item("identifiers", i), unlisted(echo(kind)), allowed(f.Contract.DeliverIdentifiers, "deliver_identifiers:")))
		}
	}
	return nil
}
