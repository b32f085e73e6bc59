package apitest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"testing"

	"awase/api"
	"awase/crypto/approval"
	"awase/enclave"
	"awase/enclave/sandbox"
	"awase/enclave/wire"
	"awase/entrustment"
)

// StartSigned starts a room whose acts officers sign for: those of the operator are
// op1 and op2. Nothing confines this process, and nothing that asks here is told
// so: what confines is tested where an enclave is a process (enclave/sandbox,
// cmd/awase).
func StartSigned(t testing.TB, change ...func(*api.Options)) *Room {
	t.Helper()
	said := confined()
	return startOf(t, func(dir string, o enclave.Options) (*enclave.Enclave, error) {
		o.Confined = said
		op := Party(Operator, entrustment.ClassOperator, "op1", "op2")
		if _, err := enclave.Init(t.Context(), dir, op, o); err != nil {
			return nil, err
		}
		return enclave.Open(t.Context(), dir, o)
	}, change)
}

// StartPractice starts a room to rehearse in, whose people are made up.
func StartPractice(t testing.TB, change ...func(*api.Options)) *Room {
	t.Helper()
	return startOf(t, func(dir string, o enclave.Options) (*enclave.Enclave, error) {
		o.Practice = true
		return enclave.Open(t.Context(), dir, o)
	}, append([]func(*api.Options){func(o *api.Options) { o.Practice = true }}, change...))
}

func confined() *sandbox.Statement {
	said := &sandbox.Statement{}
	for _, n := range sandbox.Names() {
		said.Pieces = append(said.Pieces, sandbox.Piece{Name: n, InForce: true})
	}
	return said
}

// StartAt starts a room of a vault that is there, in its place.
func StartAt(t testing.TB, vault string, change ...func(*api.Options)) *Room {
	t.Helper()
	return startOf(t, func(_ string, o enclave.Options) (*enclave.Enclave, error) {
		e, err := enclave.Open(t.Context(), vault, o)
		if err != nil { // one with officers opens for confined processes alone
			o.Confined = confined()
			e, err = enclave.Open(t.Context(), vault, o)
		}
		return e, err
	}, change)
}

// OfficerKey gives the key of an officer of these tests, by a name.
func OfficerKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("an officer of a test: " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Party gives the document of a party with officers.
func Party(id string, class entrustment.PartyClass, officers ...string) *entrustment.Party {
	p := &entrustment.Party{Schema: entrustment.SchemaParty, ID: id, Class: class, Group: id, Country: "JP"}
	for _, name := range officers {
		public, _ := OfficerKey(name).Public().(ed25519.PublicKey)
		p.Officers = append(p.Officers, entrustment.Officer{Name: name, Key: approval.FormatKey(public)})
	}
	return p
}

// Approval signs a statement as an officer.
func Approval(t testing.TB, s *approval.Statement, officer string) (key string, sig approval.Signature) {
	t.Helper()
	message, err := s.Message()
	if err != nil {
		t.Fatal(err)
	}
	private := OfficerKey(officer)
	public, _ := private.Public().(ed25519.PublicKey)
	return approval.FormatKey(public), approval.Sign(private, message)
}

// Approve signs a draft in the enclave by all of the officers, the last of which is
// to make it effective.
func (r *Room) Approve(d *wire.Draft, officers ...string) {
	r.t.Helper()
	for i, name := range officers {
		key, sig := Approval(r.t, &d.Statement, name)
		out, err := r.Enclave.Approve(r.t.Context(), wire.Approval{Draft: d.Hash, Key: key, Signature: sig})
		if err != nil {
			r.t.Fatal(err)
		}
		if out.Effective != (i == len(officers)-1) {
			r.t.Fatalf("%s signed: %+v", name, out)
		}
	}
}

// Context is that of the test, less its end.
func (r *Room) Context() context.Context { return context.WithoutCancel(r.t.Context()) }
