package enclave

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestRequestIDTaken: who carries a request sees its id, and can seal another under
// it: of nobody, or of another kind. The one that comes second is refused, not
// acknowledged as the first, and each receipt says of which file it is. Where the id
// alone tells requests apart, the person's is acknowledged and lost.
func TestRequestIDTaken(t *testing.T) {
	t.Parallel()
	d := openDesk(t, 20)
	d.load()
	hand := func(raw []byte) ([]byte, error) {
		return d.Request(t.Context(), wire.RightsRequest{Check: goodCheck(), Sealed: raw})
	}
	under := func(id [16]byte, kind seal.RequestKind, key string) []byte {
		rows, err := seal.RequestOf([][]byte{[]byte(key)})
		if err != nil {
			t.Fatal(err)
		}
		terms, err := d.Terms(t.Context(), seal.BaseEntrustment)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		a := seal.BaseAddress(terms.Party, id)
		a.Name = seal.RequestName
		w, err := seal.NewWriter(&b, terms.Key, a, seal.Header{Purpose: seal.Request, Asks: kind}, seal.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rows); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for i, of := range []struct {
		kind seal.RequestKind
		key  string
	}{{seal.Stop, "nobody"}, {seal.Correction, "user-1"}} {
		id := seal.NewUpload()
		theirs, persons := under(id, of.kind, of.key), under(id, seal.Stop, "user-1")
		raw, err := hand(theirs)
		if err != nil {
			t.Fatal(err)
		}
		r, err := receipt.VerifyRequest(raw, nil)
		if err != nil || !r.Of(theirs) || r.Of(persons) || r.Of(nil) {
			t.Errorf("%s: the receipt is of another file than was handed in: %v", of.kind, err)
		}
		for range 2 { // after a restart, too
			_, err = hand(persons)
			wantCode(t, "a request whose id was taken", err, entrustment.CodeForbidden)
			d.restart()
		}
		d.want("after what was refused", 20)
		// What stands without the control.
		d.state.requests[i].File = sha256.Sum256(persons)
		if raw, err = hand(persons); err != nil {
			t.Fatal(err)
		}
		if r, err = receipt.VerifyRequest(raw, nil); err != nil || r.Number != int64(i+1) {
			t.Errorf("without the file of a request: %+v, %v", r, err)
		}
		d.want("acknowledged and lost", 20)
	}
	again := under(seal.NewUpload(), seal.Stop, "user-1")
	if _, err := hand(again); err != nil {
		t.Fatal(err)
	}
	d.want("under an id of its own", 19)
}
