package enclave

import (
	"bytes"
	"strings"
	"testing"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestRequestSealed: a request comes sealed alone, for what its header says, once;
// what it is answered does not tell whether the person is there.
func TestRequestSealed(t *testing.T) {
	t.Parallel()
	d := openDesk(t, 20)
	d.load()
	ctx := t.Context()
	send := func(check wire.IdentityCheck, raw []byte) ([]byte, error) {
		return d.Request(ctx, wire.RightsRequest{Check: check, Sealed: raw})
	}
	there, nobody := sealedRequest(t, d.Enclave, seal.Deletion, userKeys(1, 2)), sealedRequest(t, d.Enclave, seal.Deletion, [][]byte{[]byte("nobody at all")})
	a, err := send(goodCheck(), there)
	if err != nil {
		t.Fatal(err)
	}
	b, err := send(goodCheck(), nobody)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.VerifyRequest(a, nil)
	if err != nil || r.Number != 1 || r.Kind != "deletion" || !r.Dev {
		t.Errorf("%s, %v", a, err)
	}
	s, err := receipt.VerifyRequest(b, nil)
	if err != nil || s.Number != 2 || s.Kind != r.Kind || s.Statement != r.Statement || len(bodyOf(s.Log.Entry)) != len(bodyOf(r.Log.Entry)) {
		t.Errorf("of nobody: %s, %v; of somebody %s", b, err, a)
	}
	// Again it is the same request, after a restart too.
	for range 2 {
		again, err := send(goodCheck(), there)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := receipt.VerifyRequest(again, nil); err != nil || r.Number != 1 {
			t.Errorf("again: %+v, %v", r, err)
		}
		d.restart()
	}
	if list, err := d.Requests(ctx); err != nil || len(list) != 2 || list[0].State != wire.RequestInForce || list[0].Check != goodCheck() {
		t.Errorf("%+v, %v", list, err)
	}
	d.want("after both", 19)

	rows, err := seal.RequestOf(userKeys(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	h := seal.Header{Purpose: seal.Request, Asks: seal.Stop}
	tampered := sealedRequest(t, d.Enclave, seal.Correction, userKeys(1, 2))
	// Behind the upload id and four empty lists: who carries it would have it a deletion.
	if at := bytes.Index(tampered, []byte(seal.RequestName)) + len(seal.RequestName) + 16 + 8; tampered[at] != 3 {
		t.Fatal("the kind stands elsewhere")
	} else {
		tampered[at] = 1
	}
	short, empty := sealedRows(t, d.Enclave, seal.RequestName, h, rows[:3]), sealedRows(t, d.Enclave, seal.RequestName, h, make([]seal.Row, seal.RequestRows))
	for name, raw := range map[string][]byte{"nothing": nil, "no sealed file": []byte("x"), "a base": sealedBase(t, d.Enclave, 3), "three rows": short, "nobody's": empty, "another kind": tampered, "long": make([]byte, wire.MaxSealedRequest+1)} {
		_, err := send(goodCheck(), raw)
		if code := entrustment.Public(err).Code; err == nil || code == entrustment.CodeInternal {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*wire.IdentityCheck){
		"no check":   func(c *wire.IdentityCheck) { *c = wire.IdentityCheck{} },
		"a way":      func(c *wire.IdentityCheck) { c.Method = "a friend" },
		"no day":     func(c *wire.IdentityCheck) { c.On = entrustment.Date{} },
		"tomorrow":   func(c *wire.IdentityCheck) { c.On = entrustment.DateOf(d.now).Add(1) },
		"an address": func(c *wire.IdentityCheck) { c.By = "taro@example.jp" },
		"a number":   func(c *wire.IdentityCheck) { c.By = "090-1234-5678" },
	} {
		c := goodCheck()
		change(&c)
		_, err := send(c, sealedRequest(t, d.Enclave, seal.Stop, userKeys(3, 4)))
		wantCode(t, name, err, entrustment.CodeSpec)
	}
	// A request is no base, and is not loaded as one.
	if _, err := d.LoadBase(ctx, parse(t, entrustment.ParseBaseSchema, oracleBase), bytes.NewReader(there)); err == nil {
		t.Error("a request was loaded as a base")
	}
	d.want("after what was refused", 19)
	if list, err := d.Requests(ctx); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestRequestSegmentSize: what is written down of a request is of one size, whoever
// asks.
func TestRequestSegmentSize(t *testing.T) {
	t.Parallel()
	d := openDesk(t, 20)
	d.asks(seal.Stop, 1)
	d.asks(seal.Stop, 1, 2, 3, 4, 5)
	var sizes []int
	for i := range d.state.requests {
		cols, err := d.vault.ReadSegment(d.state.requests[i].segment())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(cols[requestColumn]))
	}
	if sizes[0] != sizes[1] {
		t.Errorf("%d", sizes)
	}
	for n := range 40 {
		if _, ok := parseRequest(make([]byte, n)); ok != (n >= 36) {
			t.Errorf("%d bytes: %v", n, ok)
		}
	}
	if _, ok := parseLifts([]byte{0, 0, 0, 9}); ok {
		t.Error("lifts that end early were read")
	}
}

// bodyOf is what an entry of the log says, without where and when it stands.
func bodyOf(entry string) string {
	_, body, _ := strings.Cut(entry, `"body"`)
	return body
}
