package entrustment

import (
	"fmt"
	"slices"
)

// DecideLoad decides whether a list of these columns may be uploaded under the
// entrustment.
func DecideLoad(f Facts, l Load) error {
	return first(f.shape, f.running, f.purpose, f.hostTrust, f.ownersBasis,
		func() *Error { return f.loadKinds(l) }, func() *Error { return f.loadColumns(l) }, func() *Error { return f.loadKeys(l) })
}

// loadKeys: keys of a party's own are for deliveries that are made out to them.
func (f *Facts) loadKeys(l Load) *Error {
	if !l.Keyed || f.Contract.Delivers() {
		return nil
	}
	return f.term(CodeForbidden, clauseNamed, f.flow(), fmt.Sprintf("%s delivers nothing, so it needs no keys of yours", f.Contract.Effective()), "drop the column: take user_key out of list.yaml and name it under drop:")
}

// ownersBasis: the party whose list it is has a basis today. Entrustment alone
// is enough to hold its data, not to join it.
func (f *Facts) ownersBasis() *Error {
	b, path, err := f.basisOf(f.rule().joined[1])
	if err != nil {
		return err
	}
	return f.active(b, path)
}

func (f *Facts) loadKinds(l Load) *Error {
	for _, kind := range l.Kinds {
		if !slices.Contains(f.Contract.Identifiers, kind) {
			return f.term(CodeForbidden, clauseNamed, "identifiers", unlisted(echo(kind)), allowed(f.Contract.Identifiers, "identifiers:"))
		}
	}
	return nil
}

func (f *Facts) loadColumns(l Load) *Error {
	for _, name := range l.Columns {
		if err := f.sensitive("list_columns", name); err != nil {
			return err
		}
		if !slices.Contains(f.Contract.ListColumns, name) {
			return f.term(CodeDimForbidden, clauseNamed, "list_columns", unlisted(named(name)), allowed(f.Contract.ListColumns, "list_columns:"))
		}
	}
	return nil
}

// DecideMatch decides whether a list may be joined with the base under the
// entrustment.
func DecideMatch(f Facts, m Match) error {
	return first(f.shape, f.running, f.purpose, f.hostTrust, func() *Error {
		if m.ListEntrustment != f.Contract.ID {
			return refusal(CodeForbidden, clauseOwnList, "list", "the list was uploaded under another entrustment", "upload it under this one")
		}
		return nil
	}, f.joins)
}
