package enclave

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// twin is a room over a population, with what leaves it.
type twin struct {
	*adRoom
	clock *stillClock
	log   bytes.Buffer
}

// random are parts that are drawn anew in each room.
var random = regexp.MustCompile(`[0-9a-f]{32,64}`)

// seen gives all that can be seen of a room that delivers for days: answers, refusals,
// logs, entries, sizes of files and segments.
func (r *twin) seen(t *testing.T, campaigns []*entrustment.Campaign) string {
	t.Helper()
	var out strings.Builder
	tell := func(v any, err error) {
		raw, jerr := json.Marshal(v)
		if jerr != nil {
			t.Fatal(jerr)
		}
		fmt.Fprintf(&out, "%s %v\n", random.ReplaceAll(raw, []byte("-")), err)
	}
	for _, m := range campaigns {
		ack, err := r.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: m})
		tell(ack, err)
		p, err := r.PriceCampaign(t.Context(), wire.CampaignRequest{Campaign: m})
		tell(p, err)
	}
	for day := range 3 {
		for _, m := range campaigns {
			for range 2 {
				c, err := r.DeliverCampaign(t.Context(), wire.CampaignRef{Entrustment: m.Entrustment, Campaign: m.ID})
				tell(c, err)
			}
			c, err := r.Campaigns(t.Context(), m.Entrustment)
			tell(c, err)
		}
		d, err := r.Deliveries(t.Context(), wire.DeliveriesRequest{Receiver: "adco"})
		tell(d, err)
		for i := range d {
			one, err := r.Delivery(t.Context(), wire.DeliveryRef{Entrustment: d[i].Entrustment, Campaign: d[i].Campaign, Number: d[i].Number, Receiver: "adco"})
			tell(one, err)
		}
		var sizes []int64
		for _, name := range r.outboxFiles(t) {
			st, err := os.Stat(filepath.Join(r.o.Outbox, name))
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, st.Size())
		}
		slices.Sort(sizes)
		fmt.Fprintln(&out, "outbox", sizes)
		sizes = nil
		for _, ref := range r.state.deliveryRefs() {
			st, err := os.Stat(filepath.Join(r.dir, "segments", ref.ID+".seg"))
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, st.Size())
		}
		slices.Sort(sizes)
		fmt.Fprintln(&out, "audiences", sizes)
		if day == 0 {
			if err := rights(t, r.Enclave, seal.Deletion, userKeys(adListed, adListed+10)); err != nil { // on no list
				t.Fatal(err)
			}
		}
		r.clock.add(aDay)
	}
	l, err := r.Ledger(t.Context(), wire.LedgerRequest{Group: "adco"})
	tell(l, err)
	for _, rec := range r.vault.Log().Records() {
		switch rec.Kind {
		case kindDelivery, kindRefusal, kindCampaign, kindCharge:
			fmt.Fprintf(&out, "%s %s %s\n", rec.Kind, rec.Time, random.ReplaceAll(rec.Body, []byte("-")))
		default:
			fmt.Fprintln(&out, rec.Kind)
		}
	}
	return out.String() + r.log.String()
}

// TestDeliveryNeighbours: of two populations whose audiences come to the same outcome of
// the gate, everything that leaves the room is the same: answers, refusals, logs, the
// record log, sizes of files and of segments. A product that refuses by the exact size, and
// one whose audience is as long as it is, are seen.
func TestDeliveryNeighbours(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	var few []string // too few of them are users, whatever the noise
	for i := range 800 {
		few = append(few, fmt.Sprintf("%s,%s,gold", adKey(i), adMail(i)))
	}
	for i := range 800 {
		few = append(few, fmt.Sprintf("%s,%s,gold", adKey(2_000_000+i), adMail(2_000_000+i)))
	}
	r.loadKeys(t, "op-24", "few", few)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	first := r.tomorrow()
	// Which users the base has, but for those that are left out of it.
	open := func(left func(i int) bool, o Options) *twin {
		root := t.TempDir()
		if err := copyRoom(root, filepath.Dir(r.dir)); err != nil {
			t.Fatal(err)
		}
		w := &twin{adRoom: &adRoom{dir: filepath.Join(root, "V"), o: o, keys: r.keys, serving: r.serving, roomKey: r.roomKey}}
		w.clock = &stillClock{at: first.Start().Add(9 * time.Hour)}
		w.o.Now, w.o.Outbox, w.o.byHand = w.clock.now, filepath.Join(root, "V.outbox"), true // nothing is made but what is asked for
		w.o.Logger = slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		w.Enclave = openWith(t, w.dir, w.o)
		lines := bytes.Split(adBase(), []byte("\n"))
		var kept [][]byte
		for i, line := range lines {
			if i == 0 || i != adUsers && !left(i-1) { // the last one is in no twin, so that each loads a base of its own
				kept = append(kept, line)
			}
		}
		loadBaseAs(t, w.Enclave, w.state.base.Schema, bytes.Join(kept, []byte("\n")))
		w.paced = func(_ context.Context, begun time.Time) error {
			w.clock.add(w.tickAfter(begun).Sub(w.clock.now()))
			return nil
		}
		w.log.Reset()
		return w
	}
	var campaigns []*entrustment.Campaign
	for _, c := range []struct{ contract, id, form, more string }{
		{"acme-5", "many", "meta", "refresh: 1d\n"}, {"op-24", "labels", "label", ""}, {"op-24", "few", "label", ""},
	} {
		m := parse(t, entrustment.ParseCampaign, fmt.Sprintf("schema: awase.campaign/v1\nid: %s\nentrustment: %s\nlist: l\ndestination: {receiver: adco, form: %s}\nfrom: %s\nuntil: %s\n%s", c.id, c.contract, c.form, first, first.Add(9), c.more))
		if c.id == "few" {
			m.List = "few"
		}
		campaigns = append(campaigns, m)
	}
	nobody := func(int) bool { return false }
	want := open(nobody, Options{}).seen(t, campaigns)
	if !strings.Contains(want, `"small":true`) || !strings.Contains(want, "outbox [") || strings.Contains(want, fmt.Sprint(adListed*9/10)) {
		t.Fatalf("it shows little, or too much:\n%s", want)
	}
	for name, left := range map[string]func(i int) bool{
		"one person less":  func(i int) bool { return i == 1000 },
		"300 people fewer": func(i int) bool { return i >= 2000 && i < 2300 },
	} {
		if got := open(left, Options{}).seen(t, campaigns); got != want {
			t.Errorf("%s can be seen:\n%s", name, firstDifference(got, want))
		}
	}
	friendly := Options{counts: func(e matcher.Engine) matcher.Engine { return fewRefused{e} }}
	if got, all := open(func(i int) bool { return i == 1000 }, friendly).seen(t, campaigns), open(nobody, friendly).seen(t, campaigns); got == all {
		t.Error("a refusal by the exact size is not seen")
	}
}

// fewRefused refuses by the exact size, as a friendly product might.
type fewRefused struct{ matcher.Engine }

func (f fewRefused) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	x, err := f.Engine.Cells(ctx, q)
	if err == nil && x.Users[0] > 1500 && x.Users[0] < adListed*9/10 {
		return x, &entrustment.Error{Code: entrustment.CodeLimit, Detail: "too few people match"}
	}
	return x, err
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] + "\n" + y[i]
		}
	}
	return "one is longer"
}
