package enclave

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/fault"
)

// campaignDays are the days of a campaign on a disk that can fail. Whatever people do is
// done again after a crash.
type campaignDays struct {
	t     *testing.T
	root  string
	disk  *fault.Disk
	e     *Enclave
	clock time.Time // ten seconds pass whenever somebody looks, so no tick is waited for

	campaign *entrustment.Campaign
	request  []byte // sealed: of deletion
	lines    [][]byte
	fetched  map[int][32]byte // by number: the file that the receiver has
}

func (d *campaignDays) now() time.Time {
	d.clock = d.clock.Add(10 * time.Second)
	return d.clock
}

func (d *campaignDays) outbox() string { return filepath.Join(d.root, "V.outbox") }

func (d *campaignDays) open() (err error) {
	if d.e == nil {
		d.e, err = Open(d.t.Context(), filepath.Join(d.root, "V"), Options{Now: d.now, fs: d.disk, Outbox: d.outbox(), byHand: true})
	}
	return err
}

// close ends the process; what it is about to do, it does not.
func (d *campaignDays) close() error {
	if d.e == nil {
		return nil
	}
	e := d.e
	d.e = nil
	return e.Close()
}

// till lets time pass till the morning of a day of the campaign, counted from 0.
func (d *campaignDays) till(day int) {
	if at := d.campaign.From.Add(day).Start().Add(9 * time.Hour); d.clock.Before(at) {
		d.clock = at
	}
}

func (d *campaignDays) ref() wire.CampaignRef {
	return wire.CampaignRef{Entrustment: d.campaign.Entrustment, Campaign: d.campaign.ID}
}

func (d *campaignDays) deliver() error {
	_, err := d.e.DeliverCampaign(d.t.Context(), d.ref())
	return err
}

// fetch has the receiver fetch whatever there is.
func (d *campaignDays) fetch() error {
	all, err := d.e.Deliveries(d.t.Context(), wire.DeliveriesRequest{Receiver: "adco"})
	if err != nil {
		return err
	}
	for _, one := range all {
		got, err := d.e.Delivery(d.t.Context(), wire.DeliveryRef{Entrustment: one.Entrustment, Campaign: one.Campaign, Number: one.Number, Receiver: "adco"})
		if err != nil {
			return fmt.Errorf("delivery %d stands, and can't be fetched: %w", one.Number, err)
		}
		raw, err := os.ReadFile(filepath.Join(d.outbox(), got.File))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(raw)
		if fmt.Sprintf("%x", sum) != got.SHA256 || int64(len(raw)) != got.Bytes {
			return fmt.Errorf("the file of delivery %d is not what its entry says", one.Number)
		}
		if was, ok := d.fetched[one.Number]; ok && was != sum {
			return fmt.Errorf("delivery %d was fetched as another file", one.Number)
		}
		d.fetched[one.Number] = sum
	}
	return nil
}

// note takes down what stands.
func (d *campaignDays) note() {
	d.lines = nil
	for _, r := range d.e.vault.Log().Records() {
		d.lines = append(d.lines, r.Line())
	}
}

// check holds the room and its disk to each other, and to what stood.
func (d *campaignDays) check() error {
	var bad []error
	fail := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	records := d.e.vault.Log().Records()
	if len(records) < len(d.lines) {
		fail("%d entries, %d stood", len(records), len(d.lines))
	}
	charged, numbers, held := map[string]int{}, map[string]int{}, map[string]int{}
	for i, r := range records {
		if i < len(d.lines) && !bytes.Equal(d.lines[i], r.Line()) {
			fail("entry %d is another one", i)
		}
		switch r.Kind {
		case kindCharge:
			c, err := body[chargeRecord](&r)
			bad = append(bad, err)
			for _, charge := range c.Charges {
				for _, a := range charge.Accounts {
					if key := fmt.Sprint(charge.Spec, charge.Policy, a); charged[key] > 0 {
						fail("entry %d charges the same again", i)
					} else {
						charged[key]++
						charged[fmt.Sprint(charge.Spec)]++
					}
				}
			}
		case kindReserve:
			held["reserve"]++
		case kindFree:
			held["free"]++
		case kindDelivery:
			rec, err := body[deliveryRecord](&r)
			bad = append(bad, err)
			key := rec.Entrustment + "/" + rec.Campaign
			if rec.Number != numbers[key]+1 {
				fail("delivery %d comes after %d", rec.Number, numbers[key])
			}
			if !rec.Small {
				numbers[key] = rec.Number
			}
			if rec.Spec != [32]byte{} && charged[fmt.Sprint(rec.Spec)] == 0 {
				fail("delivery %d was not charged before", rec.Number)
			}
		}
	}
	if d.e.state.campaigns[campaignKey{d.campaign.Entrustment, d.campaign.ID}] != nil {
		if n := len(d.e.state.reserved); n != len(d.campaign.Results) || held["reserve"]-held["free"] != n {
			fail("%d results, %d are held, of %v", len(d.campaign.Results), n, held)
		}
	}
	// The outbox and the segments: what stands, and nothing else.
	there := map[string]bool{}
	names, err := os.ReadDir(d.outbox())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		fail("%v", err)
	}
	for _, n := range names {
		there[n.Name()] = true
	}
	for _, c := range d.e.state.campaigns {
		for _, one := range c.deliveries {
			if !one.fetchable() {
				continue
			}
			raw, err := os.ReadFile(filepath.Join(d.outbox(), outName(one.ID)))
			if err != nil || hexID(sha256.Sum256(raw)) != one.Sealed {
				fail("delivery %d stands, and its file is not whole: %v", one.Number, err)
			}
			delete(there, outName(one.ID))
		}
		if a := c.newest(); a != nil && a.Audience != nil {
			bad = append(bad, d.e.eachMember(d.t.Context(), a.Audience, func(memberRow) error { return nil }))
		}
	}
	if len(there) > 0 {
		fail("%d files in the outbox are of no delivery", len(there))
	}
	files, err := os.ReadDir(filepath.Join(d.root, "V", "segments"))
	if bad = append(bad, err); len(files) != len(d.e.state.segments()) {
		fail("%d segments, %d are in use", len(files), len(d.e.state.segments()))
	}
	return errors.Join(append(bad, d.fetch())...)
}

// campaignStep is something that people do; done again, it comes to the same.
type campaignStep struct {
	name string
	do   func(d *campaignDays) error
	done func(d *campaignDays, c *campaign) bool
}

// campaignLife is a campaign from its submission to its withdrawal. made is how many
// deliveries stand by then.
func campaignLife() []campaignStep {
	made := func(n int) func(d *campaignDays, c *campaign) bool {
		return func(_ *campaignDays, c *campaign) bool { return c != nil && len(c.deliveries) >= n }
	}
	return []campaignStep{
		{"submit", func(d *campaignDays) error {
			if c := d.e.state.campaigns[keyOf(d.campaign)]; c != nil && c.closed != nil {
				return nil
			}
			_, err := d.e.SubmitCampaign(d.t.Context(), wire.CampaignRequest{Campaign: d.campaign})
			return err
		}, func(_ *campaignDays, c *campaign) bool { return c != nil }},
		{"deliver", func(d *campaignDays) error { return d.deliver() }, made(1)},
		{"deletion", func(d *campaignDays) error {
			_, err := d.e.Request(d.t.Context(), wire.RightsRequest{Check: goodCheck(), Sealed: d.request})
			return err
		}, func(d *campaignDays, _ *campaign) bool { return len(d.e.state.requests) == 1 }},
		{"next day", func(d *campaignDays) error { d.till(1); return d.deliver() }, made(2)},
		{"handed over", func(d *campaignDays) error {
			_, err := d.e.ReportDelivery(d.t.Context(), wire.DeliveryReport{DeliveryRef: wire.DeliveryRef{Entrustment: d.campaign.Entrustment, Campaign: d.campaign.ID, Number: 1, Receiver: "adco"}, Status: wire.DeliveryDone})
			return err
		}, func(_ *campaignDays, c *campaign) bool { return c.number(1).handed != nil }},
		{"close", func(d *campaignDays) error {
			_, err := d.e.CloseCampaign(d.t.Context(), d.ref())
			return err
		}, func(_ *campaignDays, c *campaign) bool { return c.closed != nil }},
		{"withdraw", func(d *campaignDays) error { return d.deliver() }, made(3)},
	}
}

// campaignMishaps are tried in turn: each operation meets one of them, and its neighbours
// others.
var campaignMishaps = []struct {
	fault fault.Fault
	crash fault.Crash
}{{fault.Kill, fault.Lose}, {fault.Error, fault.Keep}, {fault.Kill, fault.Keep}, {fault.Full, fault.Keep}, {fault.Kill, fault.Cut}, {fault.Error, fault.Lose}, {fault.Short, fault.Keep}}

func daysCampaign(t *testing.T, first entrustment.Date, contract string, form entrustment.Form) *entrustment.Campaign {
	return parse(t, entrustment.ParseCampaign, fmt.Sprintf("schema: awase.campaign/v1\nid: spring\nentrustment: %s\nlist: l\ndestination: {receiver: adco, form: %s}\nfrom: %s\nuntil: %s\n",
		contract, form, first, first.Add(20)))
}

// newCampaignDays opens a copy of a room on the morning of a campaign's first day.
func newCampaignDays(t *testing.T, from string, m *entrustment.Campaign, request []byte) *campaignDays {
	t.Helper()
	root := t.TempDir()
	if err := copyRoom(root, from); err != nil {
		t.Fatal(err)
	}
	disk, err := fault.New(root)
	if err != nil {
		t.Fatal(err)
	}
	d := &campaignDays{t: t, root: root, disk: disk, clock: m.From.Start().Add(9 * time.Hour), campaign: m, request: request, fetched: map[int][32]byte{}}
	t.Cleanup(func() { d.close() })
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCampaignFaultAnywhere lets each operation on the disk, of each step of a campaign's
// life, fail: no delivery stands without its file being whole, none is given out that
// does not stand, nothing is charged twice or too late, numbers have no gap, nothing is
// left behind, and the same steps again come to the same end.
func TestCampaignFaultAnywhere(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	request := sealedRequest(t, r.Enclave, seal.Deletion, [][]byte{[]byte("user-1"), []byte("user-2"), []byte("nobody")})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	first := r.tomorrow()
	for from, form := range []struct {
		contract string
		form     entrustment.Form
	}{{"acme-5", entrustment.FormMeta}, {"op-24", entrustment.FormLabel}} {
		t.Run(string(form.form), func(t *testing.T) {
			t.Parallel()
			m := daysCampaign(t, first, form.contract, form.form)
			steps := campaignLife()
			find := func(d *campaignDays) *campaign { return d.e.state.campaigns[keyOf(m)] }
			all := map[string]int{}
			// The room before each step, so that it is made once.
			before := newCampaignDays(t, filepath.Dir(r.dir), m, request)
			for i, s := range steps {
				if err := before.close(); err != nil {
					t.Fatal(err)
				}
				for n := 0; ; n++ {
					mishap := campaignMishaps[(n+3*from)%len(campaignMishaps)]
					what := fmt.Sprintf("%s, operation %d, fault %d, crash %d", s.name, n, mishap.fault, mishap.crash)
					root := t.TempDir()
					if err := copyRoom(root, before.root); err != nil {
						t.Fatal(err)
					}
					disk, err := fault.New(root)
					if err != nil {
						t.Fatal(err)
					}
					d := *before
					d.root, d.disk, d.fetched = root, disk, map[int][32]byte{}
					if err := d.open(); err != nil {
						t.Fatal(err)
					}
					d.note()
					disk.Arm(n, mishap.fault)
					ops := len(disk.Ops())
					err = s.do(&d)
					stood := len(disk.Ops())
					if err == nil {
						d.note()
					}
					at := disk.Ops()
					if err := errors.Join(d.close(), disk.Crash(mishap.crash)); err != nil {
						t.Fatal(err)
					}
					if stood > ops+n {
						all[strings.SplitN(at[ops+n].Path, "/", 2)[0]]++
					}
					if oerr := d.open(); oerr != nil {
						t.Fatalf("%s: opening it again: %v", what, oerr)
					}
					for j, was := range steps[:i+1] {
						if (j < i || err == nil) && !was.done(&d, find(&d)) {
							t.Errorf("%s: %s is lost", what, was.name)
						}
					}
					if err := d.check(); err != nil {
						t.Errorf("%s: %v", what, err)
					}
					for _, again := range steps {
						if err := again.do(&d); err != nil {
							t.Fatalf("%s: %s again: %v", what, again.name, err)
						}
					}
					if err := d.check(); err != nil || len(find(&d).deliveries) != 3 {
						t.Errorf("%s: in the end %d deliveries: %v", what, len(find(&d).deliveries), err)
					}
					if err := errors.Join(d.close(), os.RemoveAll(root)); err != nil {
						t.Fatal(err)
					}
					if stood <= ops+n {
						break
					}
				}
				if err := before.open(); err != nil {
					t.Fatal(err)
				}
				if err := s.do(before); err != nil {
					t.Fatal(err)
				}
				if err := before.check(); err != nil {
					t.Fatal(err)
				}
			}
			if err := before.close(); err != nil {
				t.Fatal(err)
			}
			if all["V"] < 60 || all["V.outbox"] < 9 {
				t.Errorf("only %v operations failed", all)
			}
			t.Log(all)
		})
	}
}

// TestCampaignFaultsAreSeen takes each sync of a delivery away: after a power cut the loss
// is seen, so the syncs are what TestCampaignFaultAnywhere holds.
func TestCampaignFaultsAreSeen(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	m := daysCampaign(t, r.tomorrow(), "acme-5", entrustment.FormMeta)
	for name, which := range map[string]func(fault.Op) bool{
		"the file":             func(o fault.Op) bool { return strings.HasPrefix(o.String(), "sync V.outbox/") },
		"its name":             func(o fault.Op) bool { return o.String() == "syncdir V.outbox" },
		"the outbox":           func(o fault.Op) bool { return o.String() == "syncdir " },
		"who is in it":         func(o fault.Op) bool { return strings.HasPrefix(o.String(), "sync V/segments/") },
		"(none is taken away)": nil,
	} {
		d := newCampaignDays(t, filepath.Dir(r.dir), m, nil)
		d.disk.Ignore(which)
		for _, s := range campaignLife()[:2] {
			if err := s.do(d); err != nil {
				t.Fatal(err)
			}
		}
		d.note()
		err := errors.Join(d.close(), d.disk.Crash(fault.Lose), d.open())
		if err == nil {
			err = d.check()
		}
		if (err == nil) != (which == nil) {
			t.Errorf("%s: after the power cut: %v", name, err)
		}
	}
}
