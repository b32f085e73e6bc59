package aggregator

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"awase/entrustment"
)

// A price says that a question does not fit exactly where asking it is refused
// for its budget, and says the same: however much was spent, held, or paid for.
func TestPriceSaysWhatAskingWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRoom(100, 200, 300, 400, 500)
		spent := func(name string, ago time.Duration, rho int64) {
			r.gate.ledger.add(&Charge{Accounts: []Account{{"acme", name}}, RhoNano: rho}, r.clock.Now().Add(-ago))
		}
		for range rapid.IntRange(0, 3).Draw(t, "charges") {
			spent(rapid.SampledFrom([]string{"op", "other"}).Draw(t, "owner"), time.Duration(rapid.IntRange(0, 400).Draw(t, "days"))*24*time.Hour, rapid.Int64Range(0, 260_000_000).Draw(t, "rho"))
		}
		q := profileOf(nil, "age")
		q.Index, q.Total = rapid.Bool().Draw(t, "index"), rapid.Bool().Draw(t, "total")
		p := DefaultPolicy()
		plan, err := Compile(q, eventSources(), &p)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "paid") {
			// A smaller budget may come after the charge.
			if _, err := r.gate.Release(t.Context(), plan); err == nil {
				p.Rho30Nano = 1
				r.gate.SetPolicy(p)
			}
		}
		quote := r.gate.Price(plan)
		_, err = r.gate.Release(t.Context(), plan)
		refused := entrustment.Public(err)
		switch {
		case err == nil && quote.Refusal != nil:
			t.Fatalf("it fits, and the price says %v", quote.Refusal)
		case err != nil && refused.Code != entrustment.CodeBudget:
			t.Fatal(err)
		case err != nil && (quote.Refusal == nil || *quote.Refusal != *refused):
			t.Fatalf("the price says %v, asking %v", quote.Refusal, refused)
		case quote.DueNano == 0 && quote.Refusal != nil:
			t.Fatalf("what is paid for is short: %v", quote.Refusal)
		}
	})
}

// What other groups spent is not to be learned from a price, not even that they
// stopped the owner's data.
func TestPriceKeepsTheGlobalAccountToItself(t *testing.T) {
	r := newRoom(100)
	before := r.gate.Price(planOf(1, 1, "acme", "op"))
	for range 40 {
		r.gate.ledger.add(&Charge{Accounts: []Account{{"rival", "op"}}, RhoNano: 250_000_000}, r.clock.Now())
	}
	if _, err := r.gate.Release(t.Context(), planOf(1, 1, "acme", "op")); err == nil {
		t.Fatal("the global account did not stop it: the test shows nothing")
	}
	if after := r.gate.Price(planOf(1, 1, "acme", "op")); !reflect.DeepEqual(before, after) {
		t.Errorf("a price of %+v became %+v", before, after)
	}
}
