package enclave

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// batch is a *seal.Batch: rows that wait to be read into memory.
type batch interface {
	Rows(*seal.Memory) []seal.Row
}

// batches are the rows of a sealed file.
type batches = iter.Seq2[batch, error]

// opened is a sealed file whose address was checked. Its rows are not to be
// kept before they ended without an error.
type opened struct {
	header seal.Header
	rows   batches
	upload uploadID
	terms  wire.Terms // that it was opened by
}

// amended refuses a file whose terms changed while it was read; c is the contract as
// it is now.
func (e *Enclave) amended(c *entrustRecord) error {
	refused := &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §5", Field: "entrustment",
		Detail: "the entrustment was amended while the file was read", Mend: "seal the file again by the terms as they are now"}
	return refused.By(c.clause("id"))
}

// errUpload refuses a sealed file that was used before, here or elsewhere: a
// carrier can't bring an old list back (attack A31).
var errUpload = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §5", Field: "upload id",
	Detail: "this sealed file was loaded before", Mend: "there is nothing to do if its content is to stand; seal newer content, after the file that was taken last"}

// errAfter refuses a file that follows another than the last: one that was left
// out, or one whose place another took.
var errAfter = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §5", Field: "after",
	Detail: "the file follows another than the one that was taken last", Mend: "load the file that is missing, or seal this one again after the one that was taken last; without --after where the last was loaded by no sealed file"}

// used tells whether a sealed file was loaded before as what, and is what still
// stands there; a file used for anything else, or since replaced, is refused.
func (e *Enclave) used(f *opened, what string, now hexID) (bool, error) {
	was, ok := e.state.uploads[f.upload]
	switch {
	case !ok:
		return false, nil
	case was.Became == what && was.Content == now:
		return true, nil
	}
	return false, errUpload
}

// useUp marks a sealed file whose content was there already as used.
func (e *Enclave) useUp(f *opened, what string, content hexID) error {
	if _, ok := e.state.uploads[f.upload]; ok {
		return nil
	}
	whole := f.header.Change != seal.Add && f.header.Change != seal.Remove
	_, err := e.append(kindUpload, uploadRecord{upload{f.upload, what, content, f.terms.Version}, whole && what != kindBase})
	return err
}

// follows holds a file that names the one before it to the last file that was
// taken for what it becomes. The room's lock is held.
func (e *Enclave) follows(what string, h seal.Header) error {
	if newest := e.state.newest[what]; h.After != "" && h.After != hex.EncodeToString(newest[:]) {
		return errAfter
	}
	return nil
}

// Terms says what a file for an entrustment is sealed to.
func (e *Enclave) Terms(_ context.Context, entrustmentID string) (wire.Terms, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.terms(entrustmentID)
}

func (e *Enclave) terms(entrustmentID string) (wire.Terms, error) {
	if entrustmentID == seal.BaseEntrustment {
		op, err := e.operator()
		if err != nil {
			return wire.Terms{}, err
		}
		return wire.Terms{Key: e.opener.Public(), Entrustment: entrustmentID, Party: op.ID}, nil
	}
	c, err := e.contract(entrustmentID)
	if err != nil {
		return wire.Terms{}, err
	}
	facts := e.facts(c)
	party := facts.ListOwner()
	if party == "" {
		refused := &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2", Field: "entrustment",
			Detail: "it joins no list", Mend: "load lists under an entrustment that names their owner"}
		return wire.Terms{}, refused.By(c.clause("basis"))
	}
	return wire.Terms{Key: e.opener.Public(), Entrustment: entrustmentID, Version: c.Version, Party: party, Loggers: facts.Loggers()}, nil
}

// logTerms gives the terms of an event log of a party, "": of that whose lists are
// joined, or of the operator's own. The room's lock is held.
func (e *Enclave) logTerms(entrustmentID, party string) (wire.Terms, error) {
	t, err := e.terms(entrustmentID)
	if err != nil || party == "" || party == t.Party {
		return t, err
	}
	if entrustmentID == seal.BaseEntrustment {
		return t.LogsOf(party)
	}
	c, err := e.contract(entrustmentID)
	if err == nil {
		err = entrustment.DecideLogger(e.facts(c), party)
	}
	t.Party = party
	return t, err
}

// received tells whether a file is a log of a receiver of deliveries.
func (f *opened) received() bool {
	return len(f.terms.Loggers) > 0 && f.terms.Party != f.terms.Loggers[0]
}

// open opens a sealed file for an entrustment, of the given name, by the terms as
// they are now. It waits for the sender, so the room's lock is not held.
func (e *Enclave) open(entrustmentID, name string, sealed io.Reader) (*opened, error) {
	return e.openBy(func() (wire.Terms, error) { return e.terms(entrustmentID) }, name, sealed)
}

// openBy is open, by the terms that termsNow gives with the room's lock.
func (e *Enclave) openBy(termsNow func() (wire.Terms, error), name string, sealed io.Reader) (*opened, error) {
	var signedBy ed25519.PublicKey
	terms, err := locked(e, func() (wire.Terms, error) {
		terms, err := termsNow()
		if p := e.state.parties[terms.Party]; err == nil && p != nil && p.UploadKey != "" {
			signedBy, err = entrustment.ParseUploadKey(p.UploadKey)
		}
		return terms, err
	})
	if err != nil {
		return nil, err
	}
	f, err := seal.Open(sealed, e.opener, e.address(terms, name), nil, signedBy)
	if err != nil {
		return nil, byTerms(sealedError(err), err, terms)
	}
	return &opened{f.Header(), batchesOf(f), uploadID(f.Head().Address.Upload), terms}, nil
}

// addressOf gives the only address by which a file is opened: one client's file is
// not opened under another's entrustment (attack A31).
func addressOf(t wire.Terms, name string) seal.Address {
	return seal.Address{Entrustment: t.Entrustment, Version: t.Version, Party: t.Party, Name: name}
}

// byTerms names the clause of the contract by which a file is not the one that was to
// come. Of the operator's own data there is none.
func byTerms(refusal, err error, t wire.Terms) error {
	s, sealed := errors.AsType[*seal.Error](err)
	r, ok := errors.AsType[*entrustment.Error](refusal)
	if !sealed || !ok || t.Entrustment == seal.BaseEntrustment {
		return refusal
	}
	switch s.Reason {
	case seal.OtherEntrustment, seal.OtherVersion:
		return r.By(entrustment.ContractClause{ID: t.Entrustment, Version: t.Version, Clause: "id"})
	case seal.OtherParty: // whose files it joins
		return r.By(entrustment.ContractClause{ID: t.Entrustment, Version: t.Version, Clause: "basis"})
	}
	return refusal
}

// misfit refuses a sealed file that was made by nothing that we make.
func misfit(detail string) *entrustment.Error {
	return &entrustment.Error{Code: entrustment.CodeFile, Clause: "docs/format.md", Field: "sealed file", Detail: detail, Mend: "seal the file again with a current awase"}
}

func batchesOf(f *seal.File) batches {
	return func(yield func(batch, error) bool) {
		for b, err := range f.Batches() {
			if err != nil {
				err = sealedError(err)
			}
			if !yield(&b, err) {
				return
			}
		}
	}
}

// sealedError gives a fault of a sealed file the form of a refusal. What the
// sender's side failed with comes first: it names the place in their file.
func sealedError(err error) error {
	if desk, ok := errors.AsType[*entrustment.Error](err); ok {
		return desk
	}
	if s, ok := errors.AsType[*seal.Error](err); ok {
		place := "sealed file"
		if s.Record > 0 {
			place += fmt.Sprintf(" record %d", s.Record)
		}
		detail := string(s.Reason)
		if s.Detail != "" {
			detail += ": " + s.Detail
		}
		mend := "seal the file again by the terms as they are now, and load it as it is"
		switch s.Reason {
		case seal.NotSigned:
			mend = "its party pinned an upload key: seal the file again with --sign-key, which names the private key that awase seal-key wrote"
		case seal.BadSignature:
			mend = "it was signed with another key than its party's upload key: name that key's file with --sign-key, and seal the file again"
		}
		return &entrustment.Error{Code: entrustment.CodeFile, Clause: "DESIGN §5", Field: place, Detail: detail, Mend: mend}
	}
	return err
}
