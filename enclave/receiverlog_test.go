package enclave

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/aggregator"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// joinAdco amends the client's contract so that the users of the platform are joined, by
// a basis of these words.
func (r *adRoom) joinAdco(t *testing.T, basis string) {
	t.Helper()
	const hash = `"sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"`
	doc := adContract("acme-5", "5-delivery", "acme", "operator", "5", "acme", "recipients: [acme, adco, operator]\ncountries: {acme: JP, adco: JP, operator: JP}\n")
	if basis != "" {
		basis = "  - {party: adco, code: " + basis + ", evidence: " + hash + "}\n"
	}
	doc = strings.Replace(doc, "identifiers: [email, phone]", basis+"identifiers: [email, phone]", 1)
	if _, err := r.Entrust(t.Context(), parse(t, entrustment.ParseContract, doc)); err != nil {
		t.Fatal(err)
	}
}

// sealLogOf seals a log as a party's under the client's contract, "": as the client's.
func (r *adRoom) sealLogOf(t *testing.T, party, rows string) []byte {
	t.Helper()
	data := []byte("日時,メール,種別,金額\n" + rows)
	ev, err := intake.OpenEvents(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseEventSchema, adLog), intake.Options{Name: "log.csv", Today: entrustment.DateOf(r.now())})
	if err != nil {
		t.Fatal(err)
	}
	return r.sealRowsOf(t, party, ev.Header(), ev.Rows())
}

func (r *adRoom) sealRowsOf(t *testing.T, party string, h seal.Header, rows seal.Rows) []byte {
	t.Helper()
	terms, err := r.Terms(t.Context(), "acme-5")
	if err != nil {
		t.Fatal(err)
	}
	if party != "" {
		terms.Party = party
	}
	raw, err := io.ReadAll(sealedBy(t, terms, seal.EventsName, h, rows))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (r *adRoom) loadAs(t *testing.T, party string, raw []byte) (wire.EventsLoaded, error) {
	return r.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: "acme-5", Party: party}, bytes.NewReader(raw))
}

func (r *adRoom) mustLoadAs(t *testing.T, party string, raw []byte) wire.EventsLoaded {
	t.Helper()
	l, err := r.loadAs(t, party, raw)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What the platform and the client know of user i.
func sawIt(i int) bool    { return i < 4000 || i >= adListed }
func clicked(i int) bool  { return sawIt(i) && i%4 == 1 }
func applied(i int) bool  { return i%5 < 2 }
func joinable(i int) bool { _, covered := adPerson(i); return covered && i < adListed }

// platformRows is the platform's log: who saw the campaign, twice, and clicked; also of
// people that it was not delivered to.
func platformRows(day entrustment.Date) string {
	var b strings.Builder
	for i := range adUsers {
		for range 2 {
			if sawIt(i) {
				fmt.Fprintf(&b, "%s 10:00:00,%s,imp,1\n", day, adMail(i))
			}
		}
		if clicked(i) {
			fmt.Fprintf(&b, "%s 11:00:00,%s,click,10\n", day, adMail(i))
		}
	}
	return b.String()
}

// clientRows is the client's log: who applied.
func clientRows(day entrustment.Date) string {
	var b strings.Builder
	for i := range adListed {
		if applied(i) {
			fmt.Fprintf(&b, "%s 12:00:00,%s,cv,1000\n", day, adMail(i))
		}
	}
	return b.String()
}

// account gives an account of a group, nil: there is none.
func (r *adRoom) account(t *testing.T, group, owner string) *wire.LedgerAccount {
	t.Helper()
	l, err := r.Ledger(t.Context(), wire.LedgerRequest{Group: group})
	if err != nil {
		t.Fatal(err)
	}
	for i := range l.Accounts {
		if a := &l.Accounts[i]; a.Recipient == group && a.Owner == owner {
			return a
		}
	}
	return nil
}

// TestReceiverLog: the platform that was delivered to has the impressions and clicks, the
// client the conversions, and a report is of both on the same people. It is put aside for
// before any log is there, and the platform is charged as an owner of its own.
func TestReceiverLog(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	r.joinAdco(t, "CONSENT_27_1, scope: results")
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "results: [delivery]\ncategories: [spring]\n")
	p, err := r.PriceCampaign(t.Context(), wire.CampaignRequest{Campaign: m})
	if err != nil {
		t.Fatal(err)
	}
	var owners []string
	for _, a := range p.Results[0].Price.Accounts {
		owners = append(owners, a.Owner)
	}
	if !slices.Contains(owners, "adco") || !slices.Contains(owners, "operator") || slices.Contains(owners, "acme") {
		t.Errorf("before a log is there the result is charged to what %v own", owners)
	}
	r.submit(t, m)
	for _, owner := range []string{"operator", "adco"} {
		if a := r.account(t, "acme", owner); a == nil || len(a.Held) != 1 || a.Held[0].Rho < p.Results[0].Price.Rho {
			t.Errorf("of what %s owns is held %+v", owner, a)
		}
	}
	// From now on there is room for what was put aside and for nothing else.
	r.gate(t, fmt.Sprintf("budget: {30d: %.6f}\n", p.Results[0].Price.Rho))
	day := entrustment.DateOf(r.now())
	mine, its := r.sealLogOf(t, "", clientRows(day)), r.sealLogOf(t, "adco", platformRows(day))
	if l := r.mustLoadAs(t, "", mine); l.Party != "acme" || l.Version != 1 || l.Rows != 2000 {
		t.Errorf("the client is told %+v", l)
	}
	var saw, clicks int64
	for i := range adUsers {
		if sawIt(i) {
			saw += 2
		}
		if clicked(i) {
			clicks++
		}
	}
	if l := r.mustLoadAs(t, "adco", its); l.Party != "adco" || l.ID != "acme-5" || l.Version != 1 || l.Rows != saw+clicks || l.Before != 0 || l.Overlaps {
		t.Errorf("the platform is told %+v", l) // nothing of the client's log
	}
	if l := r.mustLoadAs(t, "adco", its); l.Changed || l.Version != 1 {
		t.Errorf("sent twice: %+v", l)
	}
	other := &entrustment.Question{Schema: "awase.report/v1", Report: entrustment.ReportDelivery, Entrustment: "acme-5", Campaign: "spring", Recipient: "acme", Dims: []string{"gender"}}
	_, err = r.Report(t.Context(), &entrustment.Question{Schema: "awase.report/v1", Report: entrustment.ReportSize, Entrustment: "acme-5", List: "l", Recipient: "acme"})
	wantCode(t, "what nothing was put aside for", err, entrustment.CodeBudget)
	rel, err := r.Report(t.Context(), m.Result(entrustment.ReportDelivery))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	for i := range adUsers {
		if !joinable(i) || !sawIt(i) {
			continue
		}
		want["users"]++
		want["impressions"] += 2
		if clicked(i) {
			want["clicks"]++
		}
		if applied(i) {
			want["conversions"]++
		}
	}
	cell := rel.Cells[0]
	if !near(cell.Users, want["users"]) {
		t.Errorf("%+v were reached, not %d", cell.Users, want["users"])
	}
	for _, name := range []string{"impressions", "clicks", "conversions"} {
		if !near(cell.Sums[name], want[name]) {
			t.Errorf("%s: %+v, not %d", name, cell.Sums[name], want[name])
		}
	}
	charged := func(owner string) int {
		if a := r.account(t, "acme", owner); a != nil {
			return len(a.Charges)
		}
		return 0
	}
	if charged("adco") != 1 || charged("operator") != 1 || charged("acme") != 0 {
		t.Errorf("charged is what adco owns %d times, the operator %d, acme itself %d", charged("adco"), charged("operator"), charged("acme"))
	}

	// Without the source's own owner its people are read for nothing: as the client's own.
	r.gate(t, "")
	r.ownerOfLog = func(*eventsRecord) aggregator.Owner { return aggregator.Owner{Party: "acme", Group: "acme"} }
	if _, err := r.Report(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if charged("adco") != 1 || charged("operator") != 2 {
		t.Errorf("the mutant charged what adco owns %d times, the operator %d", charged("adco"), charged("operator"))
	}
	r.ownerOfLog = r.logOwner
	other.Dims = []string{"week"}
	if _, err := r.Report(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if charged("adco") != 2 || charged("operator") != 3 {
		t.Errorf("after it what adco owns is charged %d times, the operator %d", charged("adco"), charged("operator"))
	}
}

// TestReceiverLogRefused: whose log is not taken, and by which clause; a file of one party
// is never opened as another's (attack A31).
func TestReceiverLogRefused(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	for _, id := range []string{"otherco", "maker"} {
		class := map[string]string{"otherco": "ad-platform", "maker": "client"}[id]
		if _, err := r.AddParty(t.Context(), parse(t, entrustment.ParseParty, fmt.Sprintf("schema: awase.party/v1\nid: %s\nclass: %s\ngroup: %s\ncountry: JP\n", id, class, id))); err != nil {
			t.Fatal(err)
		}
	}
	rows := fmt.Sprintf("%s 10:00:00,%s,imp,1\n", entrustment.DateOf(r.now()), adMail(1))
	refused := func(party string, raw []byte, code entrustment.Code, clause string) {
		t.Helper()
		_, err := r.loadAs(t, party, raw)
		got := wantCode(t, "as "+party, err, code)
		if got.Contract.Clause != clause || got.Mend == "" {
			t.Errorf("as %q: %v, by %q, not %q", party, err, got.Contract.Clause, clause)
		}
	}
	refused("adco", r.sealLogOf(t, "adco", rows), entrustment.CodeNoBasis, "basis")
	r.joinAdco(t, "CONSENT_31")
	its, mine := r.sealLogOf(t, "adco", rows), r.sealLogOf(t, "", rows)
	refused("otherco", r.sealLogOf(t, "otherco", rows), entrustment.CodeForbidden, "basis") // a partner of other contracts
	refused("maker", its, entrustment.CodeForbidden, "basis")
	refused("operator", its, entrustment.CodeForbidden, "") // its own belong to the base
	refused("nobody", its, entrustment.CodeNotFound, "")
	refused("", its, entrustment.CodeFile, "basis")
	refused("acme", its, entrustment.CodeFile, "basis")
	refused("adco", mine, entrustment.CodeFile, "basis")
	if _, err := r.LoadEvents(t.Context(), wire.EventsRequest{Party: "adco"}, bytes.NewReader(its)); err == nil {
		t.Error("it was loaded onto the base")
	}
	if _, err := r.LoadList(t.Context(), wire.ListRequest{Entrustment: "acme-5", Name: seal.EventsName}, bytes.NewReader(its)); err == nil {
		t.Error("it became a list")
	}

	// The keys of the client's list are not the platform's to try, nor the base's.
	day := entrustment.DateOf(r.now()).Number()
	byKey := func(h seal.Header) []byte {
		h.Purpose, h.Events = seal.Events, []seal.EventType{{Kind: "impression", Category: "spring"}}
		return r.sealRowsOf(t, "adco", h, func(yield func([]seal.Row, error) bool) {
			yield([]seal.Row{{Event: &seal.Event{Key: []byte(adKey(1)), Day: day}}}, nil)
		})
	}
	refused("adco", byKey(seal.Header{List: "l"}), entrustment.CodeForbidden, "")
	refused("adco", byKey(seal.Header{}), entrustment.CodeForbidden, "")
	cookies := r.sealRowsOf(t, "adco", seal.Header{Purpose: seal.Events, Identifiers: []seal.IdentifierColumn{{Kind: "cookie", Namespace: "site"}}, Events: []seal.EventType{{Kind: "impression", Category: "spring"}}},
		func(func([]seal.Row, error) bool) {})
	refused("adco", cookies, entrustment.CodeForbidden, "identifiers")

	// Who was refused reads it in the record log, and the other party does not: three are
	// of files that were brought as the client's.
	seen := func(party string) (n int) {
		page, err := r.Log(t.Context(), wire.LogRequest{Party: party})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			if e.Kind == kindRefusal {
				n++
			}
		}
		return n
	}
	if a, b, c := seen("adco"), seen("acme"), seen("otherco"); a != 5 || b != 3 || c != 0 {
		t.Errorf("adco reads %d refusals, acme %d, another %d", a, b, c)
	}

	// Where the address were what the file says, the platform's would be the client's.
	address := r.address
	r.address = func(w wire.Terms, name string) seal.Address {
		w.Party = "adco"
		return address(w, name)
	}
	if l, err := r.loadAs(t, "", its); err != nil || l.Party != "acme" {
		t.Errorf("without the address's party: %+v, %v", l, err)
	}
	r.address = address

	// A pinned key is its party's.
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.AddParty(t.Context(), parse(t, entrustment.ParseParty, "schema: awase.party/v1\nid: adco\nclass: ad-platform\ngroup: adco\ncountry: JP\ndelivery_key: "+r.keys["adco"].Public().String()+"\nupload_key: "+entrustment.FormatUploadKey(public)+"\n")); err != nil {
		t.Fatal(err)
	}
	refused("adco", r.sealLogOf(t, "adco", rows), entrustment.CodeFile, "")
	terms, err := r.Terms(t.Context(), "acme-5")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := seal.NewWriter(&b, terms.Key, seal.Address{Entrustment: "acme-5", Version: terms.Version, Party: "adco", Name: seal.EventsName, Upload: seal.NewUpload()},
		seal.Header{Purpose: seal.Events, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}, Events: []seal.EventType{{Kind: "impression", Category: "spring"}}}, seal.WriterOptions{Sign: private})
	if err != nil {
		t.Fatal(err)
	}
	hash := hashOf(2)
	if err := w.Write([]seal.Row{{Identifiers: []seal.Identifier{{Hash: hash}}, Event: &seal.Event{Day: day}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r.mustLoadAs(t, "adco", b.Bytes())
}

// TestReceiverLogsApart: the logs of two parties under one contract follow one another
// each by themselves, and neither is told of the other's or takes its place.
func TestReceiverLogsApart(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	r.joinAdco(t, "CONSENT_27_1, scope: results")
	day := entrustment.DateOf(r.now())
	rows := clientRows(day)
	r.mustLoadAs(t, "", r.sealLogOf(t, "", rows))
	if l := r.mustLoadAs(t, "adco", r.sealLogOf(t, "adco", rows)); !l.Changed || l.Version != 1 || l.Before != 0 || l.Overlaps {
		t.Errorf("the same events, of the platform: %+v", l)
	}
	replace := func(party, rows string) (wire.EventsLoaded, error) {
		data := []byte("日時,メール,種別,金額\n" + rows)
		ev, err := intake.OpenEvents(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseEventSchema, adLog), intake.Options{Name: "log.csv", Today: day})
		if err != nil {
			t.Fatal(err)
		}
		h := ev.Header()
		h.Change = seal.Instead
		return r.loadAs(t, party, r.sealRowsOf(t, party, h, ev.Rows()))
	}
	l, err := replace("adco", platformRows(day))
	if err != nil || l.Replaced != 1 || l.Version != 2 {
		t.Fatalf("in place of the platform's own: %+v, %v", l, err)
	}
	if l, err = replace("", rows[:len(rows)/2+1]+"\n"); err != nil || l.Replaced != 1 || l.Version != 2 || l.Before != 0 {
		t.Fatalf("in place of the client's own: %+v, %v", l, err)
	}
	logs, err := r.EventLogs(t.Context(), "acme-5")
	if err != nil || len(logs) != 2 || logs[0].Party != "adco" || logs[1].Party != "acme" {
		t.Errorf("there are %+v (%v)", logs, err)
	}
	page, err := r.Log(t.Context(), wire.LogRequest{Party: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, e := range page.Entries {
		if e.Kind == kindEvents {
			if told++; strings.Contains(string(e.Detail), `"rows"`) != (e.Party == "acme") {
				t.Errorf("the client reads of a log of %s: %s", e.Party, e.Detail)
			}
		}
	}
	if told != 4 {
		t.Errorf("the client reads of %d logs", told)
	}
	// It is all there after a restart.
	r.Close()
	r.Enclave = openWith(t, r.dir, r.o)
	if l := r.mustLoadAs(t, "adco", r.sealLogOf(t, "adco", platformRows(day))); l.Changed || l.Version != 2 {
		t.Errorf("after a restart the same is %+v", l)
	}
	logs, err = r.EventLogs(t.Context(), "acme-5")
	if err != nil || len(logs) != 2 {
		t.Errorf("after a restart there are %+v (%v)", logs, err)
	}
}

// TestReceiverLogBasis: what is read of the platform's log needs its basis on that day;
// from a contract that names it no more it is left out.
func TestReceiverLogBasis(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	day := entrustment.DateOf(r.now())
	r.joinAdco(t, fmt.Sprintf("CONSENT_27_1, scope: results, until: %s", day))
	r.submit(t, r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "categories: [spring]\n"))
	r.mustLoadAs(t, "", r.sealLogOf(t, "", clientRows(day)))
	r.mustLoadAs(t, "adco", r.sealLogOf(t, "adco", platformRows(day)))
	q := &entrustment.Question{Schema: "awase.report/v1", Report: entrustment.ReportDelivery, Entrustment: "acme-5", Campaign: "spring", Recipient: "acme"}
	price := func() (wire.Price, error) { return r.Price(t.Context(), q, 0) }
	if _, err := price(); err != nil {
		t.Fatal(err)
	}
	r.pass(48 * time.Hour)
	_, err := price()
	if got := wantCode(t, "after the basis's last day", err, entrustment.CodeNoBasis); got.Contract.Clause != "basis[2].until" {
		t.Errorf("it is refused by %q", got.Contract.Clause)
	}
	if _, err := r.loadAs(t, "adco", r.sealLogOf(t, "adco", platformRows(day))); entrustment.Public(err).Code != entrustment.CodeNoBasis {
		t.Errorf("a log after the basis's last day: %v", err)
	}
	r.joinAdco(t, "")
	p, err := price()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range p.Accounts {
		if a.Owner == "adco" {
			t.Error("its log is read though the contract names it no more")
		}
	}
}
