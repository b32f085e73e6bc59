package enclave

import (
	"testing"
	"time"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
)

// signedBy is an officer's signature of what the room asks one for.
func (r *signedRoom) signedBy(t *testing.T, act, id, key string, change func(*approval.Statement)) wire.ByOfficer {
	t.Helper()
	ask, err := r.ToSign(t.Context(), act, id)
	if err != nil || ask.Statement == nil {
		t.Fatalf("%+v, %v", ask, err)
	}
	s := ask.Statement
	s.Nonce, s.Expires = "0123456789abcdef", utc(r.vault.Log().Now().Add(10*time.Minute))
	if change != nil {
		change(s)
	}
	message, err := s.Message()
	if err != nil {
		t.Fatal(err)
	}
	return wire.ByOfficer{Statement: s, Key: publicKey(key), Signature: approval.Sign(officerKey(key), message)}
}

// TestOneOfficerSigns: an entrustment is ended by an officer of its principal or its
// trustee, and the vault key is replaced by one of the operator, and by nobody else;
// the front's attempts are in TestFrontTakenOver. What was ended is finished without.
func TestOneOfficerSigns(t *testing.T) {
	r, _ := frontRoom(t)
	ctx := t.Context()
	first := r.signedBy(t, kindEnd, "e", "ac1", nil)
	freeze := r.freezeBy(t, "ac1", nil)
	for what, by := range map[string]wire.ByOfficer{
		"nobody":              {},
		"a stranger":          r.signedBy(t, kindEnd, "e", "stranger", nil),
		"another party":       r.signedBy(t, kindEnd, "e", "be1", nil),
		"another entrustment": r.signedBy(t, kindEnd, "f", "op1", nil),
		"another vault":       r.signedBy(t, kindEnd, "e", "ac1", func(s *approval.Statement) { s.Vault = "0123" }),
		"another version":     r.signedBy(t, kindEnd, "e", "ac1", func(s *approval.Statement) { s.Version++ }),
		"another contract":    r.signedBy(t, kindEnd, "e", "ac1", func(s *approval.Statement) { s.Replaces = "" }),
		"a freeze":            freeze,
		"a rotation":          r.signedBy(t, kindRotate, "", "op1", nil),
		"long ago":            r.signedBy(t, kindEnd, "e", "ac1", func(s *approval.Statement) { s.Expires = utc(time.Now().Add(-time.Second)) }),
		"for ever":            r.signedBy(t, kindEnd, "e", "ac1", func(s *approval.Statement) { s.Expires = utc(time.Now().Add(48 * time.Hour)) }),
		"with another key": func() wire.ByOfficer {
			by := r.signedBy(t, kindEnd, "e", "stranger", nil)
			by.Key = publicKey("ac1")
			return by
		}(),
	} {
		_, err := r.EndEntrustment(ctx, "e", by)
		wantCode(t, what, err, entrustment.CodeForbidden)
	}
	if r.state.ended["e"] != nil || r.ending["e"] != 0 {
		t.Fatal("it ended")
	}
	if _, err := r.EndEntrustment(ctx, "e", first); err != nil {
		t.Fatal(err)
	}
	if end := r.state.ended["e"]; end.By == nil || end.By.Party != "acme" || end.By.Officer != "a" {
		t.Errorf("the log says that it was ended by %+v", end.By)
	}
	r.reopen(t)
	if _, err := r.EndEntrustment(ctx, "e", wire.ByOfficer{}); err != nil { // it did
		t.Error(err)
	}
	if ask, err := r.ToSign(ctx, kindEnd, "e"); err != nil || ask.Statement != nil {
		t.Errorf("%+v, %v", ask, err)
	}
	if _, err := r.EndEntrustment(ctx, "f", r.signedBy(t, kindEnd, "f", "op2", nil)); err != nil { // its trustee
		t.Error(err)
	}

	used := r.signedBy(t, kindRotate, "", "op1", nil)
	for what, by := range map[string]wire.ByOfficer{
		"nobody":        {},
		"a client":      r.signedBy(t, kindRotate, "", "ac1", nil),
		"of before":     r.signedBy(t, kindRotate, "", "op1", func(s *approval.Statement) { s.Version-- }),
		"an end":        first,
		"another vault": r.signedBy(t, kindRotate, "", "op1", func(s *approval.Statement) { s.Vault = "0123" }),
	} {
		_, err := r.Rotate(ctx, by)
		wantCode(t, "rotating, "+what, err, entrustment.CodeForbidden)
	}
	if _, err := r.Rotate(ctx, used); err != nil {
		t.Fatal(err)
	}
	_, err := r.Rotate(ctx, used)
	wantCode(t, "a rotation signed for before", err, entrustment.CodeForbidden)
	if rot, err := body[rotationRecord](&r.vault.Log().Records()[r.state.rotations[len(r.state.rotations)-1].seq]); err != nil || rot.By == nil || rot.By.Party != "operator" {
		t.Errorf("%+v, %v", rot, err)
	}
	_, err = r.ToSign(ctx, kindGate, "")
	wantCode(t, "another act", err, entrustment.CodeSpec)
	_, err = r.ToSign(ctx, kindEnd, "nobody")
	wantCode(t, "of nobody", err, entrustment.CodeNotFound)
}

// TestAmendedBeforeItsEnd: who signed to end a contract did not sign for the one that
// took its place.
func TestAmendedBeforeItsEnd(t *testing.T) {
	r, _ := frontRoom(t)
	by := r.signedBy(t, kindEnd, "e", "ac1", nil)
	r.must(t, r.contractDoc(t, func(c *entrustment.Contract) { c.MaxListRows = 5000 }), "ac1", "op1")
	_, err := r.EndEntrustment(t.Context(), "e", by)
	wantCode(t, "the contract of before", err, entrustment.CodeForbidden)
}
