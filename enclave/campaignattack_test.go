package enclave

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"awase/crypto/delivery"
	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// outboxFiles gives the names of the files in a room's outbox.
func (r *adRoom) outboxFiles(t *testing.T) (out []string) {
	t.Helper()
	names, err := os.ReadDir(r.o.Outbox)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, n := range names {
		out = append(out, n.Name())
	}
	return out
}

// stillClock is a clock that stands still but for what tests add.
type stillClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *stillClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *stillClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// again opens a room again, by a clock that stands still, from the next morning on.
func (r *adRoom) again(t *testing.T, o Options) *stillClock {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	c := &stillClock{at: r.tomorrow().Start().Add(9 * time.Hour)}
	o.Now, o.Outbox = c.now, r.o.Outbox
	r.o = o
	r.Enclave = openWith(t, r.dir, o)
	return c
}

// slowNaming takes longer the more people there are to name.
type slowNaming struct {
	matcher.Engine
	clock func() *stillClock
}

func (s slowNaming) Members(ctx context.Context, q matcher.Query) ([]matcher.Hit, error) {
	hits, err := s.Engine.Members(ctx, q)
	if c := s.clock(); c != nil {
		c.add(time.Duration(len(hits)) * 100 * time.Microsecond)
	}
	return hits, err
}

// TestDeliveryAtTick is attack A14: until the tick nothing of a delivery is in the outbox
// and no entry tells of it, and when it comes does not depend on who is in it. Without the
// wait it does.
func TestDeliveryAtTick(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	var clock *stillClock // nil: nothing is slow yet
	clock = r.again(t, Options{counts: func(e matcher.Engine) matcher.Engine { return slowNaming{e, func() *stillClock { return clock }} }})
	n := 0
	when := func(where string, wait bool) (after time.Duration) {
		t.Helper()
		n++
		m := parse(t, entrustment.ParseCampaign, fmt.Sprintf("schema: awase.campaign/v1\nid: c%d\nentrustment: acme-5\nlist: l\ndestination: {receiver: adco, form: meta}\nfrom: %[2]s\nuntil: %[2]s\n%[3]s", n, entrustment.DateOf(clock.now()), where))
		clock.add(clock.now().Truncate(time.Minute).Add(time.Minute).Sub(clock.now()))
		begun := clock.now()
		before, entries := len(r.outboxFiles(t)), len(r.vault.Log().Records())
		r.paced = func(ctx context.Context, begun time.Time) error {
			if files := r.outboxFiles(t); len(files) != before {
				t.Errorf("before the tick the outbox has %v", files)
			}
			for _, rec := range r.vault.Log().Records()[entries:] {
				if rec.Kind == kindDelivery {
					t.Error("before the tick an entry tells of it")
				}
			}
			if wait { // as atTick does, but that nobody sleeps
				at := r.tickAfter(begun)
				if tick := r.Enclave.gate.Policy().Tick; at.Truncate(tick) != at || at.Sub(begun) < tick/2 {
					t.Errorf("the tick after %s is %s", begun, at)
				}
				clock.add(at.Sub(clock.now()))
			}
			return nil
		}
		r.submit(t, m)
		c := r.deliver(t, m)
		if len(c.Deliveries) != 1 || len(r.outboxFiles(t)) != before+1 {
			t.Fatalf("it stands as %+v", c)
		}
		for _, rec := range r.vault.Log().Records()[entries:] {
			if rec.Kind == kindDelivery {
				after = rec.Time.Sub(begun)
			}
		}
		return after
	}
	few, many := "where: {in: {gender: [f]}}\nholdout: 5\n", "holdout: 5\n"
	if a, b := when(few, true), when(many, true); a != b {
		t.Errorf("few people are delivered to after %s, many after %s", a, b)
	}
	if a, b := when("where: {in: {gender: [m]}}\n", false), when("", false); a == b {
		t.Errorf("without the wait both come after %s: the test shows nothing", a)
	}
}

// TestDeliveryBesideLoads: a load that ends while a delivery is made does not sweep away
// what the delivery has written, nor a delivery what a load has.
func TestDeliveryBesideLoads(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "")
	r.paced = func(context.Context, time.Time) error { // all is written, and nothing stands
		r.load(t, "op-24", 10, adListed)
		return nil
	}
	r.submit(t, m)
	r.deliver(t, m)
	r.paced = r.atTick
	if err := rights(t, r.Enclave, seal.Deletion, userKeys(0, 5)); err != nil {
		t.Fatal(err)
	}
	r.pass(aDay)
	// The next removal is made while a list is being read.
	file := adFile(20, adListed)
	l, err := intake.OpenList(t.Context(), bytes.NewReader(file), int64(len(file)), parse(t, entrustment.ParseListSchema, adList), intake.Options{Name: "list.csv"})
	if err != nil {
		t.Fatal(err)
	}
	made := false
	c := new(wire.Campaign)
	whole := sealed(t, r.Enclave, "op-24", "l", l.Header(), l.Rows())
	during := readerFunc(func(p []byte) (int, error) {
		n, err := whole.Read(p[:min(len(p), 1<<12)])
		if whole.Len() < int(whole.Size()/2) && !made {
			made = true
			c = r.deliver(t, m)
		}
		return n, err
	})
	if _, err := r.LoadList(t.Context(), wire.ListRequest{Entrustment: "op-24", Name: "l"}, during); err != nil || !made {
		t.Fatal(made, err)
	}
	if len(c.Deliveries) != 2 {
		t.Fatalf("there are %+v", c.Deliveries)
	}
	if got := hashes(t, r.openDelivery(t, &c.Deliveries[1])); len(got) != 5 {
		t.Errorf("%d people are taken off, not 5", len(got))
	}
	for _, ref := range r.state.refs() {
		if !r.vault.Has(ref) {
			t.Error("a segment that an entry names is not there any more")
		}
	}
	r.delivers(t, "op-24") // of the list that was read beside it
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// delivers delivers labels under a contract.
func (r *adRoom) delivers(t *testing.T, contract string) {
	t.Helper()
	m := r.campaignOf(t, contract, "beside", entrustment.FormLabel, "")
	r.submit(t, m)
	if c := r.deliver(t, m); len(c.Deliveries) != 1 {
		t.Errorf("afterwards it stands as %+v", c)
	}
}

// TestRemovalOverflows: more people leave than a removal has room for: the rest is taken
// off the next day, and nobody twice.
func TestRemovalOverflows(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "")
	r.submit(t, m)
	c := r.deliver(t, m)
	all := hashes(t, r.openDelivery(t, &c.Deliveries[0]))
	if err := rights(t, r.Enclave, seal.Deletion, userKeys(0, 1300)); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for i := range 1300 {
		if all[hashOf(i)] {
			asked++
		}
	}
	if asked <= leastRemoval {
		t.Fatalf("%d people asked: the test shows nothing", asked)
	}
	left := map[int]int{}
	for day, want := range []int{leastRemoval, asked - leastRemoval, 0} {
		r.pass(aDay)
		c = r.deliver(t, m)
		got := hashes(t, r.openDelivery(t, &c.Deliveries[len(c.Deliveries)-1]))
		if len(got) != want {
			t.Errorf("on day %d %d are taken off, not %d", day, len(got), want)
		}
		ref := wire.DeliveryRef{Entrustment: m.Entrustment, Campaign: m.ID, Number: len(c.Deliveries)}
		if err := r.reports(t, ref, "adco", wire.DeliveryDone, ""); err != nil { // else they would be named again
			t.Fatal(err)
		}
		for i := range adListed {
			if got[hashOf(i)] {
				left[i]++
			}
		}
	}
	for i := range adListed {
		if want := i < 1300 && all[hashOf(i)]; left[i] != map[bool]int{true: 1}[want] {
			t.Fatalf("user %d was taken off %d times", i, left[i])
		}
	}
}

// TestRemovalsWithoutACount: where the count of a refresh is refused, those who asked for
// a stop of use are taken off all the same, each day.
func TestRemovalsWithoutACount(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	r.gate(t, "budget: {30d: 0.0003}\n") // one count, and no second
	m := r.campaignOf(t, "op-24", "spring", entrustment.FormLabel, "refresh: 1d\n")
	r.submit(t, m)
	r.deliver(t, m)
	for day := range 3 {
		if err := rights(t, r.Enclave, seal.Stop, userKeys(10*day, 10*day+5)); err != nil {
			t.Fatal(err)
		}
		r.pass(aDay)
		var c *wire.Campaign
		for range 2 { // the count is refused, then the day's labels are made, and the count is refused
			_, err := r.DeliverCampaign(t.Context(), wire.CampaignRef{Entrustment: "op-24", Campaign: "spring"})
			if entrustment.Public(err).Code != entrustment.CodeBudget {
				t.Fatalf("the count is answered by %v", err)
			}
		}
		c, err := locked(r.Enclave, func() (*wire.Campaign, error) { return r.campaignTold(keyOf(m)) })
		if err != nil || len(c.Deliveries) != day+2 {
			t.Fatalf("on day %d there are %+v (%v)", day+1, c.Deliveries, err)
		}
		r.sameLabels(t, r.labelsOf(t, &c.Deliveries[day+1]), func(i int) bool { return i%10 >= 5 || i/10 > day })
	}
	if n := r.charges(t); n != 1 {
		t.Errorf("%d charges", n)
	}
}

// TestAudienceSegmentShowsNothing: the segment of who is delivered to is as long for few
// people as for all that there is room for, over one column and over several, and what was
// written is read back. As long as its rows, it tells.
func TestAudienceSegmentShowsNothing(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	list := r.state.lists[listKey{"acme-5", "l"}]
	for _, slots := range []int64{1024, 4096, 1 << 15, 1 << 17} {
		for _, d := range []entrustment.Destination{{Form: entrustment.FormMeta}, {Form: entrustment.FormMeta, Base: []string{"email"}}, {Form: entrustment.FormOwnChannel}} {
			many := *list
			many.Tokens = 2 * slots
			room := roomOf(&d, &many, slots)
			has := func(i int64) int { // at most what roomOf says of each
				switch {
				case d.Form == entrustment.FormOwnChannel:
					return 1 + int(i*37%delivery.MaxUserKey)
				case len(d.Base) == 0:
					return sentIDLen * int(1+i%2)
				}
				return sentIDLen * int(1+i%4)
			}
			sizes, bare := map[int64]bool{}, map[int64]bool{}
			for _, people := range []int64{0, 1, slots / 3, slots/2 + 7, slots} {
				write := func(pad bool) (*audienceRecord, int64) {
					u := &underWay{}
					u.rec.Entrustment = "acme-5"
					w, err := r.newAudience(u, room)
					if err != nil {
						t.Fatal(err)
					}
					for i := range people {
						row := memberRow{user: token.Token{1, byte(i), byte(i >> 8), byte(i >> 16)}, has: bytes.Repeat([]byte{byte(i)}, has(i))}
						if err := w.add(row); err != nil {
							t.Fatal(err)
						}
					}
					a := &audienceRecord{}
					if pad {
						a, err = w.end(1, slots)
					} else if a.Digest, err = w.done(); err == nil {
						a.Segment, err = w.commit()
					}
					if err != nil {
						t.Fatalf("%d of %d: %v", people, slots, err)
					}
					st, err := os.Stat(filepath.Join(r.dir, "segments", a.Segment.ID+".seg"))
					if err != nil {
						t.Fatal(err)
					}
					return a, st.Size()
				}
				a, size := write(true)
				sizes[size] = true
				n := int64(0)
				if err := r.eachMember(t.Context(), a, func(row memberRow) error {
					if len(row.has) != has(n) || row.user != (token.Token{1, byte(n), byte(n >> 8), byte(n >> 16)}) {
						return fmt.Errorf("row %d is another", n)
					}
					n++
					return nil
				}); err != nil || n != people {
					t.Errorf("%d of %d are read back as %d: %v", people, slots, n, err)
				}
				_, size = write(false)
				bare[size] = true
			}
			if len(sizes) != 1 || len(bare) < 5 {
				t.Errorf("%d slots of %s: segments of %v bytes, without padding %v", slots, d.Form, sizes, bare)
			}
		}
	}
}

// TestEndTakesDeliveries: with its entrustment everything of a delivery ends: its file is
// in the outbox no more, nobody is given it, and who was delivered to is destroyed.
func TestEndTakesDeliveries(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "")
	r.submit(t, m)
	r.deliver(t, m)
	other := r.campaignOf(t, "op-24", "labels", entrustment.FormLabel, "")
	r.submit(t, other)
	r.deliver(t, other)
	audience := r.state.campaigns[keyOf(m)].audience()
	if !r.vault.Has(audience.Segment) || len(r.outboxFiles(t)) != 2 {
		t.Fatal("there is nothing to take")
	}
	if _, err := r.EndEntrustment(t.Context(), "acme-5", wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	look := func(when string) {
		t.Helper()
		if r.vault.Has(audience.Segment) {
			t.Errorf("%s: who was delivered to is still there", when)
		}
		if files := r.outboxFiles(t); len(files) != 1 {
			t.Errorf("%s: the outbox has %v", when, files)
		}
		if _, err := r.Delivery(t.Context(), wire.DeliveryRef{Entrustment: "acme-5", Campaign: "spring", Number: 1, Receiver: "adco"}); entrustment.Public(err).Code != entrustment.CodeGone {
			t.Errorf("%s: asked for, it is answered by %v", when, err)
		}
	}
	look("ended")
	if !slices.Contains(r.state.ended["acme-5"].Segments, audience.Segment.ID) {
		t.Error("the entry of the end does not name it")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.Enclave = openWith(t, r.dir, r.o)
	look("opened again")
}

// TestDeliveriesAsAFront: what a front that was taken over can do with campaigns. It names
// whom it asks for, so what holds is that a file opens for its receiver alone, that no
// call makes a delivery that is not due, and that nothing is charged again.
func TestDeliveriesAsAFront(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "")
	r.submit(t, m)
	r.deliver(t, m)
	ref := wire.CampaignRef{Entrustment: "acme-5", Campaign: "spring"}
	first := wire.DeliveryRef{Entrustment: "acme-5", Campaign: "spring", Number: 1, Receiver: "adco"}

	// Over and over.
	entries, files := len(r.vault.Log().Records()), r.outboxFiles(t)
	for range 10 {
		if _, err := r.DeliverCampaign(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		if ack, err := r.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: m}); err != nil || ack.Changed {
			t.Fatal(ack, err)
		}
		if _, err := r.Delivery(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.vault.Log().Records()); n != entries || !slices.Equal(r.outboxFiles(t), files) {
		t.Errorf("asked again, there are %d entries more, and the outbox has %v", n-entries, r.outboxFiles(t))
	}

	// In another's name, and by names that it guesses.
	code := func(err error) entrustment.Code { return entrustment.Public(err).Code }
	for what, try := range map[string]func() error{
		"another receiver":      func() error { d := first; d.Receiver = "acme"; _, err := r.Delivery(t.Context(), d); return err },
		"another number":        func() error { d := first; d.Number = 2; _, err := r.Delivery(t.Context(), d); return err },
		"number 0":              func() error { d := first; d.Number = 0; _, err := r.Delivery(t.Context(), d); return err },
		"number -1":             func() error { d := first; d.Number = -1; _, err := r.Delivery(t.Context(), d); return err },
		"another contract":      func() error { d := first; d.Entrustment = "op-24"; _, err := r.Delivery(t.Context(), d); return err },
		"a result of another's": func() error { return r.reports(t, first, "acme", wire.DeliveryDone, "") },
		"a result of none":      func() error { d := first; d.Number = 7; return r.reports(t, d, "adco", wire.DeliveryDone, "") },
		"a campaign that is not": func() error {
			_, err := r.DeliverCampaign(t.Context(), wire.CampaignRef{Entrustment: "acme-5", Campaign: "winter"})
			return err
		},
		"one of the other contract's": func() error {
			_, err := r.CloseCampaign(t.Context(), wire.CampaignRef{Entrustment: "op-24", Campaign: "spring"})
			return err
		},
	} {
		if got := code(try()); got != entrustment.CodeNotFound {
			t.Errorf("%s: %q", what, got)
		}
	}
	for what, try := range map[string]func() error{
		"a client delivers the operator's": func() error {
			_, err := r.DeliverCampaign(t.Context(), wire.CampaignRef{Party: "acme", Entrustment: "op-24", Campaign: "labels"})
			return err
		},
		"a platform closes a client's": func() error {
			_, err := r.CloseCampaign(t.Context(), wire.CampaignRef{Party: "nobody", Entrustment: "acme-5", Campaign: "spring"})
			return err
		},
		"a stranger submits": func() error {
			_, err := r.SubmitCampaign(t.Context(), wire.CampaignRequest{Party: "nobody", Campaign: m})
			return err
		},
		"a stranger asks what it would cost": func() error {
			_, err := r.PriceCampaign(t.Context(), wire.CampaignRequest{Party: "nobody", Campaign: m})
			return err
		},
	} {
		if got := code(try()); got != entrustment.CodeForbidden {
			t.Errorf("%s: %q", what, got)
		}
	}
	for _, bad := range [][2]string{{"ready", ""}, {wire.DeliveryDone, "busy"}, {wire.DeliveryFailed, ""}, {wire.DeliveryFailed, "1,283 of 1,300 rows"}, {"taro.1@example.jp", ""}} {
		if got := code(r.reports(t, first, "adco", bad[0], bad[1])); got != entrustment.CodeSpec {
			t.Errorf("%q, %q: %q", bad[0], bad[1], got)
		}
	}

	// The file itself: whoever carries it neither opens nor changes it.
	got, err := r.Delivery(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(r.o.Outbox, got.File)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 {
		t.Errorf("the file is of mode %v (%v)", st.Mode(), err)
	}
	if st, err := os.Stat(r.o.Outbox); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the outbox is of mode %v (%v)", st.Mode(), err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{32}\.delivery$`).MatchString(got.File) {
		t.Errorf("its name is %s", got.File)
	}
	if _, err := delivery.Open(bytes.NewReader(raw), r.keys["operator"], r.roomKey, r.now()); err == nil {
		t.Error("another party's key opens it")
	}
	for at := 0; at < len(raw); at += 1 + len(raw)/64 {
		bad := slices.Clone(raw)
		bad[at] ^= 1
		if _, err := delivery.Open(bytes.NewReader(bad), r.keys["adco"], r.roomKey, r.now()); err == nil {
			t.Errorf("with byte %d changed it opens", at)
		}
	}
	// What stands in its place by another's hand is not given out.
	for what, exchange := range map[string]func() error{
		"nothing":          func() error { return os.Remove(path) },
		"a shorter file":   func() error { return os.WriteFile(path, raw[:len(raw)-1], 0o600) },
		"a link":           func() error { return errors.Join(os.Remove(path), os.Symlink(filepath.Join(r.dir, "log"), path)) },
		"a directory":      func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"the file as made": nil,
	} {
		if exchange != nil {
			if err := exchange(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Delivery(t.Context(), first); (err == nil) != (exchange == nil) {
			t.Errorf("in its place %s: %v", what, err)
		}
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, raw, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *adRoom) reports(t *testing.T, d wire.DeliveryRef, receiver, status, reason string) error {
	t.Helper()
	d.Receiver = receiver
	_, err := r.ReportDelivery(t.Context(), wire.DeliveryReport{DeliveryRef: d, Status: status, Reason: reason})
	return err
}
