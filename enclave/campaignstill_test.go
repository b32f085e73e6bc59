package enclave

import (
	"strings"
	"testing"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestRemovalsGoOn: who asked for a stop of use is taken off on the next day, too, where
// the campaign's new audience is refused, as its receiver's budget is used up, and where
// its days were moved.
func TestRemovalsGoOn(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormGoogle, "refresh: 2d\n")
	r.submit(t, m)
	r.deliver(t, m)
	r.gate(t, "budget: {30d: 0.0003}\n")
	ask := wire.CampaignRef{Entrustment: m.Entrustment, Campaign: m.ID}
	for day := range 5 {
		if day == 4 {
			r.gate(t, "")
			later := *m
			later.From = entrustment.DateOf(r.now()).Add(3)
			r.submit(t, &later)
		}
		if err := rights(t, r.Enclave, seal.Stop, userKeys(day, day+1)); err != nil {
			t.Fatal(err)
		}
		r.pass(aDay)
		_, err := r.DeliverCampaign(t.Context(), ask)
		if what := r.dueNext(t, m); what != actNone { // the new audience waits
			t.Errorf("on day %d %d is due", day, what)
		}
		if refused := day > 0 && day < 4; refused != (entrustment.Public(err).Code == entrustment.CodeBudget) {
			t.Errorf("day %d: %v", day, err)
		}
		all, err := r.Campaigns(t.Context(), "acme-5")
		if err != nil || len(all[0].Deliveries) != day+2 || day > 0 && all[0].Stopped == nil {
			t.Fatalf("on day %d there are %+v (%v)", day, all, err)
		}
		d := all[0].Deliveries[day+1]
		if got := hashes(t, r.openDelivery(t, &d)); d.Act != delivery.Remove.String() || len(got) != 1 || !got[hashOf(day)] {
			t.Errorf("on day %d %d people are taken off by %+v", day, len(got), d)
		}
		r.handed(t, &d, wire.DeliveryDone, "")
	}
}

// handed says for the receiver what became of a delivery.
func (r *adRoom) handed(t *testing.T, d *wire.Delivery, status, reason string) {
	t.Helper()
	ref := wire.DeliveryRef{Entrustment: d.Entrustment, Campaign: d.Campaign, Number: d.Number, Receiver: d.Receiver}
	if _, err := r.ReportDelivery(t.Context(), wire.DeliveryReport{DeliveryRef: ref, Status: status, Reason: reason}); err != nil {
		t.Fatal(err)
	}
}

// TestRemovalsThatFailed: who a removal named is named again each day, in a file of the
// same size, until the receiver said that they are off, and by the last removal, too.
func TestRemovalsThatFailed(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormGoogle, "")
	r.submit(t, m)
	everybody := len(hashes(t, r.openDelivery(t, &r.deliver(t, m).Deliveries[0])))
	asked := 0
	ask := func(n int) {
		t.Helper()
		if err := rights(t, r.Enclave, seal.Stop, userKeys(asked, asked+n)); err != nil {
			t.Fatal(err)
		}
		asked += n
	}
	bytes := map[int64]bool{}
	next := func() (*wire.Delivery, map[identifier.Hash]bool) {
		t.Helper()
		r.pass(aDay)
		all := r.deliver(t, m).Deliveries
		made := r.deliveriesMade(t)
		bytes[made[len(made)-1].Bytes] = true
		return &all[len(all)-1], hashes(t, r.openDelivery(t, &all[len(all)-1]))
	}
	is := func(what string, got map[identifier.Hash]bool, want int) {
		t.Helper()
		if len(got) != want {
			t.Errorf("%s: %d are taken off, not %d", what, len(got), want)
		}
	}
	ask(4)
	first, got := next()
	is("the first", got, 4)
	r.handed(t, first, wire.DeliveryFailed, "rejected-body")
	ask(2)
	second, got := next()
	is("after one that failed", got, 6)
	r.handed(t, second, wire.DeliveryDone, "")
	third, got := next()
	is("while one failed", got, 6)
	r.handed(t, first, wire.DeliveryDone, "")
	r.handed(t, third, wire.DeliveryDone, "")
	ask(1)
	_, got = next()
	is("after all were delivered", got, 1)
	if len(bytes) != 1 {
		t.Errorf("removals have %v bytes", bytes)
	}
	if _, err := r.CloseCampaign(t.Context(), wire.CampaignRef{Entrustment: m.Entrustment, Campaign: m.ID}); err != nil {
		t.Fatal(err)
	}
	all := r.deliver(t, m).Deliveries
	is("the last", hashes(t, r.openDelivery(t, &all[len(all)-1])), everybody-6)
}

// dueNext gives what is due of a campaign by itself.
func (r *adRoom) dueNext(t *testing.T, m *entrustment.Campaign) act {
	t.Helper()
	what, err := locked(r.Enclave, func() (act, error) { w, _ := r.due(keyOf(m), false); return w, nil })
	if err != nil {
		t.Fatal(err)
	}
	return what
}

// TestSmallStays: an audience that was too small is counted again with the campaign's next
// refresh, and not because a day's removal came between.
func TestSmallStays(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormGoogle, "refresh: 7d\n")
	r.submit(t, m)
	r.deliver(t, m)
	r.load(t, "acme-5", 0, 700)
	for range 10 {
		if err := rights(t, r.Enclave, seal.Stop, userKeys(0, 1)); err != nil {
			t.Fatal(err)
		}
		r.pass(aDay)
		for r.dueNext(t, m) != actNone {
			if err := r.dueMade(t, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	small := 0
	for _, d := range r.deliveriesMade(t) {
		if d.Small {
			small++
		}
	}
	if n := r.charges(t); small != 1 || n != 2 {
		t.Errorf("%d entries of a small audience, %d charges", small, n)
	}
}

// dueMade makes what is due of a campaign by itself.
func (r *adRoom) dueMade(t *testing.T, m *entrustment.Campaign) error {
	return r.deliverDue(t.Context(), keyOf(m), false)
}

// TestLabelsWithoutTheirList: a campaign of labels whose list expired ends without new
// ones, for there are no keys to write them beside.
func TestLabelsWithoutTheirList(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "op-24", "spring", entrustment.FormLabel, "")
	r.submit(t, m)
	r.deliver(t, m)
	c := *r.state.contracts["op-24"].Contract
	c.Retention.Lists = 1
	if _, err := r.Entrust(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	r.pass(2 * aDay)
	if _, err := locked(r.Enclave, func() (struct{}, error) { return struct{}{}, r.retention.before() }); err != nil {
		t.Fatal(err)
	}
	if r.state.lists[listKey{"op-24", m.List}] != nil {
		t.Fatal("the list is still there")
	}
	if _, err := r.CloseCampaign(t.Context(), wire.CampaignRef{Entrustment: m.Entrustment, Campaign: m.ID}); err != nil {
		t.Fatal(err)
	}
	if c := r.deliver(t, m); c.State != wire.CampaignClosed || len(c.Deliveries) != 1 {
		t.Errorf("it stands as %+v", c)
	}
}

// TestCampaignXLeft: who left an audience at X is taken off, too, where the campaign is
// closed before they were.
func TestCampaignXLeft(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormX, "")
	r.submit(t, m)
	r.deliver(t, m)
	r.load(t, "acme-5", 700, adListed)
	if err := r.Enclave.deliver(t.Context(), keyOf(m), actCount); err != nil {
		t.Fatal(err)
	}
	if _, err := r.CloseCampaign(t.Context(), wire.CampaignRef{Entrustment: m.Entrustment, Campaign: m.ID}); err != nil {
		t.Fatal(err)
	}
	c := r.deliver(t, m)
	if len(c.Deliveries) != 4 {
		t.Fatalf("there are %+v", c.Deliveries)
	}
	r.same(t, hashes(t, r.openDelivery(t, &c.Deliveries[2])), func(i int, _ string) bool { return i < 700 })
	r.same(t, hashes(t, r.openDelivery(t, &c.Deliveries[3])), func(i int, _ string) bool { return i >= 700 })
}

// TestResultsStayPutAside: what is put aside for a campaign's results is given up by its
// end alone, whoever asks under the contract.
func TestResultsStayPutAside(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "holdout: 20\nresults: [lift]\nconversion_rate: 5%\ncategories: [spring]\n")
	r.submit(t, m)
	const name = "acme-5/spring:lift"
	_, err := r.Free(t.Context(), name)
	wantCode(t, "of a campaign that goes on", err, entrustment.CodeForbidden)
	if c := r.deliver(t, m); len(c.Held) != 1 {
		t.Errorf("%v is held", c.Held)
	}
	if _, err := r.CloseCampaign(t.Context(), wire.CampaignRef{Entrustment: m.Entrustment, Campaign: m.ID}); err != nil {
		t.Fatal(err)
	}
	if out, err := r.Free(t.Context(), name); err != nil || !out.Changed {
		t.Errorf("of a closed one: %+v (%v)", out, err)
	}
}

// TestAmendedUnpaid: a next version of a campaign whose results can't be paid for leaves
// what is put aside for the version in force as it was, before its logs are there.
func TestAmendedUnpaid(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "holdout: 20\nresults: [lift]\nconversion_rate: 5%\ncategories: [spring]\n")
	r.submit(t, m)
	const name = "acme-5/spring:lift"
	held := func() *entrustment.Question {
		q, _ := locked(r.Enclave, func() (*entrustment.Question, error) { return r.state.reserved[name], nil })
		return q
	}
	was := held()
	if was == nil {
		t.Fatal("nothing is held")
	}
	r.gate(t, "budget: {30d: 0.085}\n") // lift fits, and not what comes after it
	next := *m
	next.Sigma, next.Results = 5, []string{entrustment.ReportLift, entrustment.ReportDelivery}
	_, err := r.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: &next})
	wantCode(t, "results that can't be paid for", err, entrustment.CodeBudget)
	if now := held(); now == nil || !sameJSON(now, was) {
		t.Errorf("%+v is held, not %+v", now, was)
	}
	if f := entrustment.Public(err).Field; f != "results[1]" && !strings.HasPrefix(f, "results[1]") {
		t.Errorf("the test shows little: it is short at %s", f)
	}
}
