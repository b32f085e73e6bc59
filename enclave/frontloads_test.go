package enclave

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake"
)

// TestFrontLoads: a front that was taken over seals a list in a client's name, or a
// base in the operator's, as anybody can who knows the enclave's key. Where the
// party pinned an upload key it is refused, signed by another key too, and the
// party's own file is taken; where it did not, the front's comes through: no
// officer signs for a load.
func TestFrontLoads(t *testing.T) {
	for _, pinned := range []bool{true, false} {
		r, f := frontRoom(t)
		if pinned {
			acme, op := partyDoc(t, "acme", entrustment.ClassClient, "ac1", "ac2"), partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op2")
			acme.UploadKey, op.UploadKey = publicKey("desk"), publicKey("desk")
			r.must(t, r.party(t, acme), "op1", "ac1")
			r.must(t, r.party(t, op), "op1", "op2")
		}
		list := func(sign ed25519.PrivateKey) error {
			_, rows := crowd(1500)
			data := rowsCSV(rows)
			in, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{})
			if err != nil {
				t.Fatal(err)
			}
			terms, err := r.Terms(t.Context(), "e")
			if err != nil {
				t.Fatal(err)
			}
			var file bytes.Buffer
			w, err := seal.NewWriter(&file, terms.Key, seal.Address{Entrustment: "e", Version: terms.Version, Party: terms.Party, Name: "l", Upload: seal.NewUpload()}, in.Header(), seal.WriterOptions{Sign: sign})
			if err != nil {
				t.Fatal(err)
			}
			for batch, err := range in.Rows() {
				if err != nil {
					t.Fatal(err)
				}
				if err := w.Write(batch); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return f.upload(t, "load-list", doc{"entrustment": "e", "name": "l"}, file.Bytes(), nil)
		}
		before := r.state.base.Population
		base := f.upload(t, "load-base", doc{"document": parse(t, entrustment.ParseBaseSchema, oracleBase)}, sealedBase(t, r.Enclave, 1200), nil)
		if through := base == nil && r.state.base.Population != before; through == pinned {
			t.Errorf("pinned %t: a base: %v", pinned, base)
		}
		for name, err := range map[string]error{"unsigned": list(nil), "signed by the front": list(officerKey("front"))} {
			if through := err == nil; through == pinned {
				t.Errorf("pinned %t: a list, %s: %v", pinned, name, err)
			} else if pinned {
				wantCode(t, name, err, entrustment.CodeFile)
			}
		}
		if err := list(officerKey("desk")); err != nil {
			t.Errorf("pinned %t: the party's own list: %v", pinned, err)
		}
	}
}
