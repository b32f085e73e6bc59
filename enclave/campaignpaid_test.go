package enclave

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestCampaignUnpaid: a campaign whose results can't be paid for says so before it is
// drafted, with what to change, and nothing is put aside; one that can holds their price.
func TestCampaignUnpaid(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "holdout: 20\nresults: [delivery, lift]\nconversion_rate: 5%\ncategories: [spring]\n")
	r.gate(t, "budget: {30d: 0.006}\n")
	p, err := r.PriceCampaign(t.Context(), wire.CampaignRequest{Campaign: m, Expect: 3000})
	if err != nil || len(p.Short) == 0 || p.Lift == nil || p.Lift.Enough || p.Lift.Converters != 30 || p.Lift.Least != 50 {
		t.Fatalf("the price is %+v (%v)", p, err)
	}
	_, err = r.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: m})
	refusal := entrustment.Public(err)
	if err == nil || refusal.Code != entrustment.CodeBudget || refusal.Mend == "" || refusal.Field == "" {
		t.Fatalf("it can't be paid for: %v", err)
	}
	if l, err := r.Ledger(t.Context(), wire.LedgerRequest{Group: "acme"}); err != nil || slices.ContainsFunc(l.Accounts, func(a wire.LedgerAccount) bool { return len(a.Held) > 0 }) {
		t.Errorf("something is held: %+v (%v)", l, err)
	}
	if all, err := r.Campaigns(t.Context(), "acme-5"); err != nil || len(all) != 0 {
		t.Errorf("there are %+v (%v)", all, err)
	}
	r.gate(t, "")
	r.submit(t, m)
	all, err := r.Campaigns(t.Context(), "acme-5")
	if err != nil || len(all) != 1 || !slices.Equal(all[0].Held, []string{"acme-5/spring:delivery", "acme-5/spring:lift"}) {
		t.Fatalf("there are %+v (%v)", all, err)
	}
	// What is held is there for the results, whatever else is asked.
	r.deliver(t, m)
	r.loadResults(t, "acme-5", m)
	if p, err = r.PriceCampaign(t.Context(), wire.CampaignRequest{Campaign: m}); err != nil {
		t.Fatal(err)
	}
	sum := 0.0005
	for _, of := range p.Results {
		sum += of.Price.Rho
	}
	r.gate(t, fmt.Sprintf("budget: {30d: %.4f}\n", sum))
	if p, err = r.PriceCampaign(t.Context(), wire.CampaignRequest{Campaign: m}); err != nil || len(p.Short) > 0 {
		t.Errorf("it is paid for by what was put aside, and its price says %+v (%v)", p.Short, err)
	}
	// Another question on it has to find a budget of its own.
	by := m.Result(entrustment.ReportDelivery)
	by.Dims = []string{"gender"}
	_, err = r.Report(t.Context(), by)
	wantCode(t, "another question, for which nothing is held", err, entrustment.CodeBudget)
	q := m.Result(entrustment.ReportLift)
	if _, err := r.Report(t.Context(), q); err != nil {
		t.Errorf("the lift report: %v", err)
	}
	// What is used up is not put aside any more.
	if all, err = r.Campaigns(t.Context(), "acme-5"); err != nil || len(all) != 1 || !slices.Equal(all[0].Held, []string{"acme-5/spring:delivery"}) {
		t.Errorf("after the lift report there are %+v (%v)", all, err)
	}
}

// TestCampaignOfficers: a campaign has no effect before officers of both parties signed;
// one that is taken back gives up what was put aside.
func TestCampaignOfficers(t *testing.T) {
	t.Parallel()
	s := newSignedAdRoom(t)
	m := s.ad.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "holdout: 20\nresults: [lift]\nconversion_rate: 5%\ncategories: [spring]\n")
	d := s.waitsFor(t)(s.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: m}))
	c, err := s.Campaigns(t.Context(), "acme-5")
	if err != nil || len(c) != 1 || c[0].State != wire.CampaignWaits || c[0].Draft == nil || len(c[0].Held) != 1 {
		t.Fatalf("there are %+v (%v)", c, err)
	}
	if _, err := s.DeliverCampaign(t.Context(), wire.CampaignRef{Entrustment: "acme-5", Campaign: "spring"}); entrustment.Public(err).Code != entrustment.CodeNotFound {
		t.Errorf("delivered before it was signed: %v", err)
	}
	if _, err := s.Withdraw(t.Context(), d.Hash); err != nil {
		t.Fatal(err)
	}
	if _, err := locked(s.Enclave, func() (struct{}, error) { return struct{}{}, s.tidyCampaigns(t.Context()) }); err != nil {
		t.Fatal(err)
	}
	if l, err := s.Ledger(t.Context(), wire.LedgerRequest{Group: "acme"}); err != nil || slices.ContainsFunc(l.Accounts, func(a wire.LedgerAccount) bool { return len(a.Held) > 0 }) {
		t.Errorf("something is held: %+v (%v)", l, err)
	}
	d = s.waitsFor(t)(s.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: m}))
	s.must(t, d, "ac1", "op1")
	got, err := s.DeliverCampaign(t.Context(), wire.CampaignRef{Entrustment: "acme-5", Campaign: "spring"})
	if err != nil || got.State != wire.CampaignLive {
		t.Fatalf("signed it stands as %+v (%v)", got, err)
	}
	var steps []string
	for _, step := range got.Steps {
		if step.At != "" {
			steps = append(steps, step.Step)
		}
	}
	if !slices.Equal(steps, wire.Steps()[:6]) {
		t.Errorf("its steps are %v", steps)
	}
}

// TestCampaignAmended: what a delivery was made by stays.
func TestCampaignAmended(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "holdout: 10\n")
	r.submit(t, m)
	r.deliver(t, m)
	for field, change := range map[string]func(*entrustment.Campaign){
		"list": func(m *entrustment.Campaign) { m.List = "l2" },
		"where": func(m *entrustment.Campaign) {
			m.Where = &entrustment.Condition{In: map[string][]string{"gender": {"f"}}}
		},
		"destination": func(m *entrustment.Campaign) { m.Destination.Form = entrustment.FormGoogle },
		"holdout":     func(m *entrustment.Campaign) { m.Holdout = 20 },
	} {
		next := *m
		change(&next)
		_, err := r.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: &next})
		if refusal := entrustment.Public(err); err == nil || refusal.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	next := *m
	next.Until = m.Until.Add(5)
	if ack, err := r.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: &next}); err != nil || ack.Version != 2 {
		t.Errorf("a later day: %+v, %v", ack, err)
	}
	if ack, err := r.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: &next}); err != nil || ack.Changed {
		t.Errorf("the same again: %+v, %v", ack, err)
	}
}

// signedAdRoom is a room with both flows of deliveries, in which officers sign.
type signedAdRoom struct {
	*signedRoom
	ad *adRoom
}

func newSignedAdRoom(t *testing.T) *signedAdRoom {
	t.Helper()
	s := newSignedRoom(t)
	r := &adRoom{Enclave: s.Enclave, dir: s.dir, o: s.options(), keys: map[string]seal.PrivateKey{}}
	officers := map[string]string{}
	keys := map[string][]string{"operator": {"op1", "op2"}, "acme": {"ac1", "ac2"}, "adco": {"ad1"}}
	for party, of := range keys {
		text := "officers:\n"
		for i, k := range of {
			text += fmt.Sprintf("  - {name: %c, key: %q}\n", 'a'+i, publicKey(k))
		}
		officers[party] = text
	}
	r.furnish(t, nil, func(a wire.Ack) {
		t.Helper()
		if a.Waits == nil {
			return
		}
		by := []string{}
		for _, p := range a.Waits.Parties {
			by = append(by, keys[p][0])
		}
		if len(by) == 1 {
			by = keys[a.Waits.Parties[0]]
		}
		s.must(t, a.Waits, by...)
	}, officers)
	return &signedAdRoom{s, r}
}

// TestDraftTakenBackHolds: a next version of a campaign has its results' price put aside in
// place of that of the version in force, by one record; taken back, it leaves the version in
// force with what its results cost, which are then paid from it.
func TestDraftTakenBackHolds(t *testing.T) {
	t.Parallel()
	s := newSignedAdRoom(t)
	m := s.ad.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "holdout: 20\nresults: [lift]\nconversion_rate: 5%\ncategories: [spring]\n")
	s.must(t, s.waitsFor(t)(s.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: m})), "ac1", "op1")
	const name = "acme-5/spring:lift"
	held := func() (sigma int) {
		sigma, _ = locked(s.Enclave, func() (int, error) { return s.state.reserved[name].Sigma, nil })
		return sigma
	}
	entries := 0
	// What became of holds since the last look; the room looks after them beside the test.
	tidied := func() (kinds []string) {
		t.Helper()
		if _, err := locked(s.Enclave, func() (struct{}, error) { return struct{}{}, s.tidyCampaigns(t.Context()) }); err != nil {
			t.Fatal(err)
		}
		all := s.vault.Log().Records()
		for _, r := range all[entries:] {
			if r.Kind == kindReserve || r.Kind == kindFree {
				kinds = append(kinds, r.Kind)
			}
		}
		entries = len(all)
		return kinds
	}
	was := held()
	if kinds := tidied(); !slices.Equal(kinds, []string{kindReserve}) {
		t.Errorf("in force it is held by %v", kinds)
	}
	next := *m
	next.Sigma = was / 2
	d := s.waitsFor(t)(s.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: &next}))
	if held() != next.Sigma {
		t.Fatalf("held is sigma %d, not %d", held(), next.Sigma)
	}
	if kinds := tidied(); !slices.Equal(kinds, []string{kindReserve}) {
		t.Errorf("a next version takes its place by %v", kinds)
	}
	if _, err := s.Withdraw(t.Context(), d.Hash); err != nil {
		t.Fatal(err)
	}
	if kinds := tidied(); !slices.Equal(kinds, []string{kindReserve}) || held() != was {
		t.Errorf("taken back it leaves sigma %d by %v, not %d", held(), kinds, was)
	}
	if kinds := tidied(); kinds != nil {
		t.Errorf("looked at again there are %v", kinds)
	}
	if _, err := s.DeliverCampaign(t.Context(), wire.CampaignRef{Entrustment: "acme-5", Campaign: "spring"}); err != nil {
		t.Fatal(err)
	}
}

// TestCampaignProvision: a delivery is a record of provision from the operator to its
// receiver; a day's removal, which gives nothing new, is none.
func TestCampaignProvision(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "where: {in: {gender: [f]}}\n")
	r.submit(t, m)
	r.deliver(t, m)
	r.pass(aDay)
	if c := r.deliver(t, m); len(c.Deliveries) != 2 {
		t.Fatalf("there are %+v", c.Deliveries)
	}
	for _, party := range []string{"", "acme", "adco"} {
		raw, err := r.Evidence(t.Context(), wire.EvidenceRequest{Entrustment: "acme-5", Party: party})
		if err != nil {
			t.Fatal(err)
		}
		var f wire.EvidenceFile
		if err := json.Unmarshal(raw, &f); err != nil {
			t.Fatal(err)
		}
		var given []wire.EvidenceProvision
		for _, p := range f.Provisions {
			if p.Kind == kindDelivery {
				given = append(given, p)
			}
		}
		if len(given) != 1 || given[0].From != "operator" || given[0].To != "adco" || given[0].Country.Country != "JP" || !slices.Equal(given[0].Items, []string{"email", "gender", "phone"}) || len(given[0].Basis) != 2 {
			t.Errorf("to %q the evidence shows %+v", party, given)
		}
	}
}

// TestCampaignCharged: whether an audience passed is told to all sides of the contract, so
// each of their groups pays for the count, and sees its own account alone in the price.
// Where the receiver alone pays, a client asks about its list for nothing.
func TestCampaignCharged(t *testing.T) {
	t.Parallel()
	charged := func(t *testing.T, r *adRoom) (out []string) {
		t.Helper()
		m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "")
		p, err := r.PriceCampaign(t.Context(), wire.CampaignRequest{Campaign: m, Party: "acme"})
		if err != nil || slices.ContainsFunc(p.Delivery.Accounts, func(a wire.AccountStatus) bool { return a.Recipient != "acme" }) {
			t.Errorf("the price shows %+v (%v)", p, err)
		}
		r.submit(t, m)
		r.deliver(t, m)
		l, err := r.Ledger(t.Context(), wire.LedgerRequest{Officer: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range l.Accounts {
			if a.Recipient != "*" && len(a.Charges) == 1 {
				out = append(out, a.Recipient+" for "+a.Owner)
			}
		}
		slices.Sort(out)
		page, err := r.Log(t.Context(), wire.LogRequest{Party: "acme"})
		if err != nil || len(out) > 2 && !slices.ContainsFunc(page.Entries, func(e wire.LogEntry) bool { return e.Kind == kindCharge }) {
			t.Errorf("acme does not see what it was charged (%v)", err)
		}
		return out
	}
	r := newAdRoom(t, Options{})
	if got := charged(t, r); !slices.Equal(got, []string{"acme for operator", "adco for acme", "adco for operator", "operator for acme"}) {
		t.Errorf("charged are %v", got)
	}
	free := newAdRoom(t, Options{})
	free.toldOf = func(*entrustment.Contract) []string { return nil }
	if got := charged(t, free); slices.Contains(got, "acme for operator") {
		t.Errorf("without the control charged are %v: the test proves nothing", got)
	}
}
