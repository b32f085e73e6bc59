package enclave

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
	"awase/crypto/label"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

const aDay = 24 * time.Hour

// labelsOf opens a delivery of labels: by the partner's own keys, whether it is a member.
func (r *adRoom) labelsOf(t *testing.T, d *wire.Delivery) map[string]bool {
	t.Helper()
	f := r.openDelivery(t, d)
	opener, err := label.NewOpener(r.serving, f.Header().Labels, r.now)
	if err != nil {
		t.Fatal(err)
	}
	out, row := map[string]bool{}, uint32(0)
	for one, err := range f.Labels() {
		if err != nil {
			t.Fatal(err)
		}
		is, err := opener.Open(row, one.Key, one.Label)
		if err != nil {
			t.Fatal(err)
		}
		row++
		out[string(one.Key)] = is
	}
	return out
}

// sameLabels holds labels against what the files say.
func (r *adRoom) sameLabels(t *testing.T, got map[string]bool, in func(i int) bool) {
	t.Helper()
	if len(got) != adListed+adStrangers {
		t.Fatalf("%d keys have a label, the list has %d", len(got), adListed+adStrangers)
	}
	for i := range adListed {
		if _, covered := adPerson(i); got[adKey(i)] != (covered && in(i)) {
			t.Fatalf("the label of user %d says %t", i, got[adKey(i)])
		}
	}
	for i := range adStrangers {
		if got[adKey(1_000_000+i)] {
			t.Fatal("a stranger is a member")
		}
	}
}

// TestCampaignLabels: every key of the partner's list has a label, each day another; who
// asks for a stop of use is no member from the next day on.
func TestCampaignLabels(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "op-24", "spring", entrustment.FormLabel, "where: {in: {gender: [m]}}\n")
	r.submit(t, m)
	c := r.deliver(t, m)
	male := func(i int) bool { return i%2 == 1 }
	first := c.Deliveries[0]
	r.sameLabels(t, r.labelsOf(t, &first), male)
	if err := rights(t, r.Enclave, seal.Stop, userKeys(1, 4)); err != nil {
		t.Fatal(err)
	}
	if c = r.deliver(t, m); len(c.Deliveries) != 1 {
		t.Fatalf("%d deliveries on the first day", len(c.Deliveries))
	}
	r.pass(aDay)
	if c = r.deliver(t, m); len(c.Deliveries) != 2 || c.Deliveries[1].Act != "replace" || c.Deliveries[0].Status != wire.DeliverySuperseded {
		t.Fatalf("on the second day there are %+v", c.Deliveries)
	}
	r.sameLabels(t, r.labelsOf(t, &c.Deliveries[1]), func(i int) bool { return male(i) && i > 3 })
	if _, err := r.Delivery(t.Context(), wire.DeliveryRef{Entrustment: "op-24", Campaign: "spring", Number: 1, Receiver: "adco"}); entrustment.Public(err).Code != entrustment.CodeGone {
		t.Errorf("a superseded delivery: %v", err)
	}
	if created, _ := time.Parse(time.RFC3339, c.Deliveries[1].Created); true {
		if expires, _ := time.Parse(time.RFC3339, c.Deliveries[1].Expires); expires.Sub(created) > labelLife {
			t.Errorf("labels open from %s to %s", created, expires)
		}
	}
	// Closed, nobody is a member any more.
	if _, err := r.CloseCampaign(t.Context(), wire.CampaignRef{Entrustment: "op-24", Campaign: "spring"}); err != nil {
		t.Fatal(err)
	}
	c = r.deliver(t, m)
	if c.State != wire.CampaignClosed || len(c.Deliveries) != 3 {
		t.Fatalf("closed it stands as %+v", c)
	}
	r.sameLabels(t, r.labelsOf(t, &c.Deliveries[2]), func(int) bool { return false })
	if got := len(r.deliveriesMade(t)); got != 3 {
		t.Errorf("%d entries of deliveries", got)
	}
}

// deliveriesMade gives the entries of deliveries in the record log.
func (r *adRoom) deliveriesMade(t *testing.T) (out []*deliveryRecord) {
	t.Helper()
	for _, rec := range r.vault.Log().Records() {
		if rec.Kind == kindDelivery {
			d, err := body[deliveryRecord](&rec)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, d)
		}
	}
	return out
}

// charges gives what was charged for deliveries.
func (r *adRoom) charges(t *testing.T) (n int) {
	t.Helper()
	for _, rec := range r.vault.Log().Records() {
		if rec.Kind == kindCharge {
			n++
		}
	}
	return n
}

// TestCampaignRemovals: each day a live delivery gets a removal, of one size, of whoever
// asked for a stop of use since; a new audience each week; at the campaign's end everybody
// is taken off.
func TestCampaignRemovals(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormGoogle, "refresh: 7d\nholdout: 20\n")
	r.submit(t, m)
	c := r.deliver(t, m)
	first := hashes(t, r.openDelivery(t, &c.Deliveries[0]))
	share := r.holdout(m)
	r.same(t, first, func(i int, _ string) bool { return !r.heldOut(t, share, i) })
	const ask = 20 // users: who of them is held out is chance, and some are not
	var gone []int
	for i := range ask {
		if first[hashOf(i)] {
			gone = append(gone, i)
		}
	}
	if len(gone) < 2 {
		t.Fatal("the test shows little")
	}
	var sizes []int64
	for day := range 3 {
		if day == 1 {
			if err := rights(t, r.Enclave, seal.Deletion, userKeys(0, ask)); err != nil {
				t.Fatal(err)
			}
		}
		r.pass(aDay)
		c = r.deliver(t, m)
		d := c.Deliveries[len(c.Deliveries)-1]
		if len(c.Deliveries) != day+2 || d.Act != "remove" {
			t.Fatalf("after day %d there are %+v", day, c.Deliveries)
		}
		got := hashes(t, r.openDelivery(t, &d))
		if day != 1 && len(got) != 0 || day == 1 && len(got) != len(gone) {
			t.Errorf("on day %d %d people are taken off", day, len(got))
		}
		for _, i := range gone {
			if got[hashOf(i)] != (day == 1) {
				t.Errorf("on day %d user %d is taken off: %t", day, i, got[hashOf(i)])
			}
		}
		r.handed(t, &d, wire.DeliveryDone, "")
		made := r.deliveriesMade(t)
		sizes = append(sizes, made[len(made)-1].Bytes)
	}
	if sizes[0] != sizes[1] || sizes[1] != sizes[2] {
		t.Errorf("removals have %v bytes", sizes)
	}
	// The newest version of the list, a week later.
	r.load(t, "acme-5", 500, adListed)
	if c = r.deliver(t, m); c.Deliveries[len(c.Deliveries)-1].Act != "replace" { // somebody asks for it
		t.Errorf("with a newer list there are %+v", c.Deliveries)
	}
	made := len(c.Deliveries)
	for day := range 7 {
		r.pass(aDay)
		if c = r.deliver(t, m); len(c.Deliveries) != made+day+1 {
			t.Fatalf("on day %d there are %+v", day, c.Deliveries)
		}
	}
	d := c.Deliveries[len(c.Deliveries)-1]
	if d.Act != "replace" {
		t.Fatalf("after a week the last delivery is %+v", d)
	}
	second := hashes(t, r.openDelivery(t, &d))
	r.same(t, second, func(i int, _ string) bool { return i >= 500 && !r.heldOut(t, share, i) })
	for _, old := range c.Deliveries[:len(c.Deliveries)-1] {
		if old.Status != wire.DeliverySuperseded && old.Status != wire.DeliveryDone {
			t.Errorf("delivery %d is %s beside the new one", old.Number, old.Status)
		}
	}
	// Its last day is over.
	r.pass(20 * aDay)
	c = r.deliver(t, m)
	if c.State != wire.CampaignOver {
		t.Fatalf("over, it stands as %+v", c)
	}
}

// heldOut tells whether user i is held out by a share.
func (r *adRoom) heldOut(t *testing.T, share *matcher.Share, i int) bool {
	t.Helper()
	if r.clusters == nil {
		base, err := r.standing(r.state.base)
		if err != nil {
			t.Fatal(err)
		}
		r.clusters = map[string]uint32{}
		for piece := range base.UserKeys(findPiece) {
			for j, u := range piece.Tokens {
				r.clusters[string(u[:])] = piece.Values[j]
			}
		}
	}
	u := userTokens(t, r.Enclave, userKeys(i, i+1))[0]
	c, ok := r.clusters[string(u[:])]
	if !ok {
		t.Fatalf("the base has no user %d", i)
	}
	return share.Holds(c)
}

// TestCampaignWithdrawn: a campaign that is closed, or whose last day is over, takes
// everybody off who is left, once, in a file of the audience's size.
func TestCampaignWithdrawn(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *adRoom, *entrustment.Campaign){
		"closed": func(t *testing.T, r *adRoom, m *entrustment.Campaign) {
			for range 2 {
				if _, err := r.CloseCampaign(t.Context(), wire.CampaignRef{Entrustment: m.Entrustment, Campaign: m.ID}); err != nil {
					t.Fatal(err)
				}
			}
		},
		"over": func(_ *testing.T, r *adRoom, _ *entrustment.Campaign) { r.pass(21 * aDay) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newAdRoom(t, Options{})
			m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "")
			r.submit(t, m)
			c := r.deliver(t, m)
			first := hashes(t, r.openDelivery(t, &c.Deliveries[0]))
			end(t, r, m)
			r.deliver(t, m)
			c = r.deliver(t, m)
			if len(c.Deliveries) != 2 || c.Deliveries[1].Act != "remove" {
				t.Fatalf("there are %+v", c.Deliveries)
			}
			f := r.openDelivery(t, &c.Deliveries[1])
			last := hashes(t, f)
			if len(last) != len(first) || f.Header().Slots != 8192 {
				t.Errorf("%d of %d are taken off, in %d slots", len(last), len(first), f.Header().Slots)
			}
			if _, err := r.DeliverCampaign(t.Context(), wire.CampaignRef{Entrustment: m.Entrustment, Campaign: m.ID}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCampaignX: X replaces nothing, so who left the audience is taken off after a newer
// one was added.
func TestCampaignX(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormX, "")
	r.submit(t, m)
	r.deliver(t, m)
	r.load(t, "acme-5", 700, adListed)
	c := r.deliver(t, m)
	if len(c.Deliveries) != 3 || c.Deliveries[1].Act != "replace" || c.Deliveries[2].Act != "remove" {
		t.Fatalf("there are %+v", c.Deliveries)
	}
	r.same(t, hashes(t, r.openDelivery(t, &c.Deliveries[1])), func(i int, _ string) bool { return i >= 700 })
	r.same(t, hashes(t, r.openDelivery(t, &c.Deliveries[2])), func(i int, _ string) bool { return i < 700 })
}

// TestCampaignOwnChannel: the operator's own channel gets user keys of those who opted in.
func TestCampaignOwnChannel(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormOwnChannel, "")
	r.submit(t, m)
	c := r.deliver(t, m)
	got := map[string]bool{}
	for key, err := range r.openDelivery(t, &c.Deliveries[0]).Users() {
		if err != nil {
			t.Fatal(err)
		}
		got[string(key)] = true
	}
	want := 0
	for i := range adUsers {
		_, covered := adPerson(i)
		in := i < adListed && covered && optsIn(i)
		if in {
			want++
		}
		if got[fmt.Sprintf("user-%d", i)] != in {
			t.Fatalf("user %d is written to: %t", i, !in)
		}
	}
	if len(got) != want {
		t.Errorf("%d are written to, not %d", len(got), want)
	}
}

// TestCampaignIdentifiers: where the contract lets them be sent, the base's own
// identifiers of the kinds that the campaign names.
func TestCampaignIdentifiers(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{}, "phone")
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "")
	m.Destination.Base = []string{"phone"}
	r.submit(t, m)
	c := r.deliver(t, m)
	n := 0
	for ids, err := range r.openDelivery(t, &c.Deliveries[0]).People() {
		if err != nil {
			t.Fatal(err)
		}
		n++
		for _, id := range ids {
			if id.Kind != identifier.Phone {
				t.Fatalf("a %s is sent", id.Kind)
			}
		}
	}
	want := 0
	for i := range adListed {
		if _, covered := adPerson(i); covered {
			want++
		}
	}
	if n != want {
		t.Errorf("%d people, not %d", n, want)
	}
	m2 := r.campaignOf(t, "acme-5", "autumn", entrustment.FormMeta, "")
	m2.Destination.Base = []string{"email"}
	_, err := r.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: m2})
	if refusal := entrustment.Public(err); err == nil || refusal.Code != entrustment.CodeForbidden || refusal.Contract.Clause != "deliver_identifiers" {
		t.Errorf("a kind that the contract does not name: %v", err)
	}
}

// TestCampaignSmall: an audience that does not pass the least size is not delivered; that
// it did not is all that is told, and it is not counted again by itself.
func TestCampaignSmall(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	r.load(t, "acme-5", 0, 700)
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "")
	r.submit(t, m)
	for range 3 {
		c := r.deliver(t, m)
		if c.State != wire.CampaignSmall || len(c.Deliveries) != 0 {
			t.Fatalf("it stands as %+v", c)
		}
	}
	if n, entries := r.charges(t), len(r.deliveriesMade(t)); n != 1 || entries != 1 {
		t.Errorf("%d charges, %d entries", n, entries)
	}
	if files, err := os.ReadDir(r.o.Outbox); !errors.Is(err, fs.ErrNotExist) && len(files) != 0 {
		t.Errorf("the outbox has %v (%v)", files, err)
	}
	if what, _ := locked(r.Enclave, func() (act, error) { w, _ := r.due(keyOf(m), false); return w, nil }); what != actNone {
		t.Errorf("by itself %d is due", what)
	}
	// Of a campaign that is refreshed the same is said once a day.
	again := r.campaignOf(t, "acme-5", "daily", entrustment.FormMeta, "refresh: 1d\n")
	r.submit(t, again)
	for range 2 {
		r.deliver(t, again)
		before := len(r.deliveriesMade(t))
		r.pass(aDay)
		for range 2 {
			r.deliver(t, again)
		}
		if made := len(r.deliveriesMade(t)) - before; made != 1 {
			t.Errorf("a day has %d entries", made)
		}
		if what, next := func() (act, time.Time) { r.mu.Lock(); defer r.mu.Unlock(); return r.due(keyOf(again), false) }(); what != actNone || next.IsZero() {
			t.Errorf("%d is due, next at %s", what, next)
		}
	}
	r.load(t, "acme-5", 0, adListed) // another list may pass
	if c := r.deliver(t, m); c.State != wire.CampaignLive {
		t.Errorf("with a larger list it stands as %+v", c)
	}
}

// TestCampaignRestart: a room that is opened again goes on: the same file, the same
// holdout, the next delivery.
func TestCampaignRestart(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormGoogle, "holdout: 30\n")
	r.submit(t, m)
	first := r.deliver(t, m)
	if _, err := r.ReportDelivery(t.Context(), wire.DeliveryReport{DeliveryRef: wire.DeliveryRef{Entrustment: "acme-5", Campaign: "spring", Number: 1, Receiver: "adco"}, Status: wire.DeliveryFailed, Reason: "busy"}); err != nil {
		t.Fatal(err)
	}
	share := r.holdout(m)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.o.Outbox, outName([16]byte{7})), []byte("left by a process that died"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Enclave = openWith(t, r.dir, r.o)
	if again := r.holdout(m); *again != *share {
		t.Error("the holdout is another")
	}
	if files, err := os.ReadDir(r.o.Outbox); err != nil || len(files) != 1 {
		t.Errorf("the outbox has %v (%v)", files, err)
	}
	all, err := r.Campaigns(t.Context(), "acme-5")
	if err != nil || len(all) != 1 || all[0].Deliveries[0].Status != wire.DeliveryFailed || all[0].Deliveries[0].Reason != "busy" {
		t.Fatalf("there are %+v (%v)", all, err)
	}
	f := r.openDelivery(t, &first.Deliveries[0])
	r.same(t, hashes(t, f), func(i int, _ string) bool { return !r.heldOut(t, share, i) })
	if f.Header().Destination != delivery.Google {
		t.Error("another destination")
	}
	r.pass(aDay)
	if c := r.deliver(t, m); len(c.Deliveries) != 2 || c.Deliveries[1].Act != "remove" {
		t.Errorf("there are %+v", c.Deliveries)
	}
	// What an outbox lost is made again when somebody asks, for nothing.
	if err := os.RemoveAll(r.o.Outbox); err != nil {
		t.Fatal(err)
	}
	c := r.deliver(t, m)
	if len(c.Deliveries) != 3 || c.Deliveries[2].Act != "replace" || r.charges(t) != 1 {
		t.Fatalf("there are %+v, %d charges", c.Deliveries, r.charges(t))
	}
	r.same(t, hashes(t, r.openDelivery(t, &c.Deliveries[2])), func(i int, _ string) bool { return !r.heldOut(t, share, i) })
}

// TestCampaignLabelsDecided: the labels of a new day are decided about as the first were:
// where the partner's ground ended meanwhile there are none, and those of before end.
func TestCampaignLabelsDecided(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "op-24", "spring", entrustment.FormLabel, "")
	r.submit(t, m)
	r.deliver(t, m)
	c := *r.state.contracts["op-24"].Contract
	c.Basis = slices.Clone(c.Basis)
	for i := range c.Basis {
		c.Basis[i].Until = entrustment.DateOf(r.now())
	}
	if _, err := r.Entrust(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	r.pass(aDay)
	_, err := r.DeliverCampaign(t.Context(), wire.CampaignRef{Entrustment: "op-24", Campaign: "spring"})
	wantCode(t, "labels without a ground", err, entrustment.CodeNoBasis)
	// Each refusal is an entry: the room does not try again from minute to minute.
	r.pass(5 * time.Minute)
	if keys, _ := locked(r.Enclave, func() ([]campaignKey, error) { return r.dueNow(), nil }); len(keys) > 0 {
		t.Errorf("refused a moment ago, %v are due", keys)
	}
	if n := len(r.deliveriesMade(t)); n != 1 {
		t.Errorf("%d deliveries", n)
	}
	all, err := r.Campaigns(t.Context(), "op-24")
	if err != nil || len(all) != 1 || all[0].Stopped == nil {
		t.Errorf("it stands as %+v (%v)", all, err)
	}
	if _, err := r.CloseCampaign(t.Context(), wire.CampaignRef{Entrustment: "op-24", Campaign: "spring"}); err != nil {
		t.Fatal(err)
	}
	if got := r.deliver(t, m); len(got.Deliveries) != 2 || got.State != wire.CampaignClosed {
		t.Errorf("closed it stands as %+v", got)
	}
}

// TestFitting: a slot has the first identifier of each kind, then the others.
func TestFitting(t *testing.T) {
	t.Parallel()
	var row []byte
	for n, k := range []matcher.Kind{matcher.Email, matcher.Email, matcher.Email, matcher.Email, matcher.Email, matcher.Phone} {
		row = appendSent(row, k, 0, &identifier.Hash{byte(n)})
	}
	var got []byte
	for b := fitting(row); len(b) > 0; b = b[sentIDLen:] {
		got = append(got, b[2])
	}
	if !slices.Equal(got, []byte{0, 5, 1, 2}) {
		t.Errorf("a slot has %v", got)
	}
	if fitting(nil) != nil {
		t.Error("of nothing there is something")
	}
}
