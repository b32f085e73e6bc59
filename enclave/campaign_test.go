package enclave

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// The world of deliveries: 6,000 users of the operator, the first 5,000 of whom a partner
// and a client have on their lists, beside 500 strangers.
const (
	adUsers     = 6000
	adListed    = 5000
	adStrangers = 500
)

const adPolicies = `schema: awase.policies/v1
policies:
  - {version: v2, date: 2024-01-29, clauses: {"2(4)": [2-4-delivery], "5": [5-analysis, 5-delivery]}}
  - {version: v1, date: 2019-04-01, clauses: {}}
`

const adList = `schema: awase.list/v1
region: JP
user_key: 会員番号
columns:
  - {column: メール, kind: email}
  - {column: 会員ランク, name: tier, values: [gold, silver]}
`

func adContract(id, flow, principal, trustee, clause, other string, more string) string {
	const hash = `"sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"`
	return "schema: awase.entrustment/v1\nid: " + id + "\nflow: " + flow + "\nprincipal: " + principal + "\ntrustee: " + trustee + "\npurpose: advertising" + `
basis:
  - {party: operator, code: CONSENT_POLICY, policy: v2, clauses: ["` + clause + `"], evidence: ` + hash + `}
  - {party: ` + other + `, code: CONSENT_27_1, scope: delivery, evidence: ` + hash + `}
identifiers: [email, phone]
attributes: [gender]
list_columns: [tier]
events: [spring]
outputs: [size, cube, delivery, lift, attribution]
deliver_attributes: [gender]
retention: {lists: 90d, events: 90d, reports: 365d, deliveries: 30d}
from: 2020-01-01
until: 2036-12-31
` + more
}

func adMail(i int) string { return fmt.Sprintf("taro.%d@example.jp", i) }

// adKey is the partner's own key of a person.
func adKey(i int) string { return fmt.Sprintf("K-%06d", i) }

// adPerson says of user i what the files say.
func adPerson(i int) (gender string, covered bool) {
	return [2]string{"f", "m"}[i%2], i%10 != 9
}

const adBaseDoc = `schema: awase.base/v1
region: JP
user_key: id
verified: ok
consent: {version: version, date: date}
identifiers:
  - {column: email, kind: email}
  - {column: phone, kind: phone}
attributes:
  - {column: sex, name: gender, values: [f, m, unknown]}
channels: [{column: mail_ok, channel: mail}]
`

// optsIn tells whether user i opted in to the operator's mail.
func optsIn(i int) bool { return i%4 != 2 }

func adBase() []byte {
	var b bytes.Buffer
	b.WriteString("id,ok,version,date,sex,mail_ok,email,phone\n")
	for i := range adUsers {
		gender, covered := adPerson(i)
		fmt.Fprintf(&b, "user-%d,true,%s,2024-02-01,%s,%t,%s,0901%07d\n", i, map[bool]string{true: "v2", false: "v1"}[covered], gender, optsIn(i), adMail(i), i)
	}
	return b.Bytes()
}

// adFile is a list of users from to, and of strangers.
func adFile(from, to int) []byte {
	var b bytes.Buffer
	b.WriteString("会員番号,メール,会員ランク\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "%s,%s,%s\n", adKey(i), adMail(i), [2]string{"gold", "silver"}[i%3%2])
	}
	for i := range adStrangers {
		fmt.Fprintf(&b, "%s,%s,gold\n", adKey(1_000_000+i), adMail(1_000_000+i))
	}
	return b.Bytes()
}

// adRoom is a room with both flows of deliveries, and the keys of who receives.
type adRoom struct {
	*Enclave
	dir   string
	ahead atomic.Int64 // of the clock
	o     Options

	keys    map[string]seal.PrivateKey // by party
	serving seal.PrivateKey
	roomKey ed25519.PublicKey

	clusters map[string]uint32 // of the base, by user token
}

func (r *adRoom) now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

// tomorrow is the day after the room's.
func (r *adRoom) tomorrow() entrustment.Date { return entrustment.DateOf(r.now()).Add(1) }

// pass lets time pass.
func (r *adRoom) pass(d time.Duration) { r.ahead.Add(int64(d)) }

// newAdRoom gives the room, whose clock begins at nine of the next morning, so that no
// midnight comes but with pass. kinds are the base's identifiers that contracts let be sent.
func newAdRoom(t *testing.T, o Options, kinds ...string) *adRoom {
	t.Helper()
	root := t.TempDir()
	r := &adRoom{dir: filepath.Join(root, "V"), o: o, keys: map[string]seal.PrivateKey{}}
	r.o.Now, r.o.Outbox = r.now, filepath.Join(root, "V.outbox")
	r.pass(time.Until(r.tomorrow().Start().Add(9 * time.Hour)))
	r.Enclave = openWith(t, r.dir, r.o)
	r.furnish(t, kinds, func(wire.Ack) {}, nil)
	return r
}

// furnish gives the room its parties, contracts and people; signed takes each act that
// officers sign for.
func (r *adRoom) furnish(t *testing.T, kinds []string, signed func(wire.Ack), officers map[string]string) {
	t.Helper()
	r.roomKey = r.Enclave.roomKey().Public().(ed25519.PublicKey)
	must := func(a wire.Ack, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		signed(a)
	}
	for i, party := range []string{"operator", "adco"} {
		k, err := seal.DeriveKey(seal.XWing, [32]byte{byte(40 + i)})
		if err != nil {
			t.Fatal(err)
		}
		r.keys[party] = k
	}
	var err error
	if r.serving, err = seal.DeriveKey(seal.X25519, [32]byte{50}); err != nil {
		t.Fatal(err)
	}
	for _, p := range [][2]string{{"operator", "operator"}, {"acme", "client"}, {"adco", "ad-platform"}} {
		doc := fmt.Sprintf("schema: awase.party/v1\nid: %s\nclass: %s\ngroup: %s\ncountry: JP\n", p[0], p[1], p[0])
		if k, ok := r.keys[p[0]]; ok {
			doc += "delivery_key: " + k.Public().String() + "\n"
		}
		if p[0] == "adco" {
			doc += "serving_key: " + r.serving.Public().String() + "\n"
		}
		must(r.AddParty(t.Context(), parse(t, entrustment.ParseParty, doc+officers[p[0]])))
	}
	must(r.SetPolicies(t.Context(), parse(t, entrustment.ParsePolicies, adPolicies)))
	must(r.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\n")))
	more := ""
	if len(kinds) > 0 {
		more = "deliver_identifiers: [" + strings.Join(kinds, ", ") + "]\n"
	}
	for _, doc := range []string{
		adContract("op-24", "2-4-delivery", "operator", "adco", "2(4)", "adco", "recipients: [operator, adco]\ncountries: {operator: JP, adco: JP}\n"+more),
		adContract("acme-5", "5-delivery", "acme", "operator", "5", "acme", "recipients: [acme, adco, operator]\ncountries: {acme: JP, adco: JP, operator: JP}\n"+more),
	} {
		c := parse(t, entrustment.ParseContract, doc)
		must(r.Entrust(t.Context(), c))
	}
	loadBaseAs(t, r.Enclave, parse(t, entrustment.ParseBaseSchema, adBaseDoc), adBase())
	for _, id := range []string{"op-24", "acme-5"} {
		r.load(t, id, 0, adListed)
	}
}

// gate sets the gate's policy: its tick is short, and nothing else is changed.
func (r *adRoom) gate(t *testing.T, more string) {
	t.Helper()
	if _, err := r.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\n"+more)); err != nil {
		t.Fatal(err)
	}
}

// load loads the list of users from to under a contract.
func (r *adRoom) load(t *testing.T, id string, from, to int) {
	t.Helper()
	file := adFile(from, to)
	l, err := intake.OpenList(t.Context(), bytes.NewReader(file), int64(len(file)), parse(t, entrustment.ParseListSchema, adList), intake.Options{Name: "list.csv"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.LoadList(t.Context(), wire.ListRequest{Entrustment: id, Name: "l"}, sealed(t, r.Enclave, id, "l", l.Header(), l.Rows())); err != nil {
		t.Fatal(err)
	}
}

// campaignOf is a campaign that began today.
func (r *adRoom) campaignOf(t *testing.T, contract, id string, form entrustment.Form, more string) *entrustment.Campaign {
	t.Helper()
	to := "receiver: adco, form: " + string(form)
	if form == entrustment.FormOwnChannel {
		to = "receiver: operator, channel: mail, form: own-channel"
	}
	from := entrustment.DateOf(r.now())
	return parse(t, entrustment.ParseCampaign, fmt.Sprintf("schema: awase.campaign/v1\nid: %s\nentrustment: %s\nlist: l\ndestination: {%s}\nfrom: %s\nuntil: %s\n%s",
		id, contract, to, from, from.Add(20), more))
}

// submit submits a campaign.
func (r *adRoom) submit(t *testing.T, m *entrustment.Campaign) {
	t.Helper()
	if _, err := r.SubmitCampaign(t.Context(), wire.CampaignRequest{Campaign: m}); err != nil {
		t.Fatal(err)
	}
}

// deliver makes what is due.
func (r *adRoom) deliver(t *testing.T, m *entrustment.Campaign) *wire.Campaign {
	t.Helper()
	c, err := r.DeliverCampaign(t.Context(), wire.CampaignRef{Entrustment: m.Entrustment, Campaign: m.ID})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// openDelivery opens a delivery as its receiver does.
func (r *adRoom) openDelivery(t *testing.T, d *wire.Delivery) *delivery.File {
	t.Helper()
	got, err := r.Delivery(t.Context(), wire.DeliveryRef{Entrustment: d.Entrustment, Campaign: d.Campaign, Number: d.Number, Receiver: d.Receiver})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(r.o.Outbox, got.File))
	if err != nil || int64(len(raw)) != got.Bytes {
		t.Fatalf("the file of delivery %d has %d bytes, not %d (%v)", d.Number, len(raw), got.Bytes, err)
	}
	f, err := delivery.Open(bytes.NewReader(raw), r.keys[d.Receiver], r.roomKey, r.now())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// hashes gives the people of a delivery by hash: what each has there.
func hashes(t *testing.T, f *delivery.File) map[identifier.Hash]bool {
	t.Helper()
	out := map[identifier.Hash]bool{}
	for ids, err := range f.People() {
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if out[id.Hash] {
				t.Error("somebody is in a delivery twice")
			}
			out[id.Hash] = true
		}
	}
	return out
}

// hashOf gives the hash of user i: an address of this form is its own normal form.
func hashOf(i int) identifier.Hash { return sha256.Sum256([]byte(adMail(i))) }

// TestCampaignDelivered: a campaign is submitted, delivered, and its audience are those
// that the files say.
func TestCampaignDelivered(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, Options{})
	m := r.campaignOf(t, "acme-5", "spring", entrustment.FormMeta, "where: {in: {gender: [f]}}\n")
	p, err := r.PriceCampaign(t.Context(), wire.CampaignRequest{Campaign: m})
	if err != nil || len(p.Short) > 0 || p.Deliveries != 1 || p.Delivery.Rho != 0.0002 {
		t.Fatalf("the price is %+v, %v", p, err)
	}
	r.submit(t, m)
	c := r.deliver(t, m)
	if c.State != wire.CampaignLive || len(c.Deliveries) != 1 {
		t.Fatalf("it stands as %+v", c)
	}
	f := r.openDelivery(t, &c.Deliveries[0])
	r.same(t, hashes(t, f), func(i int, gender string) bool { return gender == "f" })
	if h := f.Header(); h.Slots != 4096 || h.Act != delivery.Replace || h.Number != 1 || h.Campaign != "spring" || h.Version != 1 {
		t.Errorf("its header is %+v", h)
	}
}

// same holds who is delivered to against what the files say of who is on the list and
// may be used.
func (r *adRoom) same(t *testing.T, got map[identifier.Hash]bool, in func(i int, gender string) bool) {
	t.Helper()
	want := 0
	for i := range adUsers {
		gender, covered := adPerson(i)
		is := i < adListed && covered && in(i, gender)
		if is {
			want++
		}
		if got[hashOf(i)] != is {
			t.Fatalf("user %d is delivered to: %t", i, !is)
		}
	}
	if len(got) != want {
		t.Errorf("%d are delivered to, the files say %d", len(got), want)
	}
}

// userTokens gives the tokens of user keys.
func userTokens(t *testing.T, e *Enclave, keys [][]byte) (out []token.Token) {
	t.Helper()
	maker, err := token.NewMaker(e.tokens, userKind, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		h := sha256.Sum256(k)
		out = append(out, maker.Make(&h))
	}
	return out
}

const adLog = `schema: awase.events/v1
time: {column: 日時}
identifiers: [{column: メール, kind: email}]
kind: {column: 種別, values: {imp: impression, click: click, cv: conversion}}
category: spring
value: {column: 金額, unit: yen}
`

// loadResults loads what came of a campaign: of its audience every person saw it, every
// fifth clicked, every tenth converted; of those held out every twentieth converted.
func (r *adRoom) loadResults(t *testing.T, id string, m *entrustment.Campaign) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("日時,メール,種別,金額\n")
	day, share := entrustment.DateOf(r.now()), r.holdout(m)
	row := func(i int, kind string, yen int) {
		fmt.Fprintf(&b, "%s 10:00:00,%s,%s,%d\n", day, adMail(i), kind, yen)
	}
	for i := range adListed {
		if share != nil && r.heldOut(t, share, i) {
			if i%20 == 0 {
				row(i, "cv", 1000)
			}
			continue
		}
		row(i, "imp", 1)
		if i%5 == 0 {
			row(i, "click", 10)
		}
		if i%10 == 0 {
			row(i, "cv", 1000)
		}
	}
	ev, err := intake.OpenEvents(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), parse(t, entrustment.ParseEventSchema, adLog), intake.Options{Name: "log.csv", Today: day})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: id}, sealed(t, r.Enclave, id, seal.EventsName, ev.Header(), ev.Rows())); err != nil {
		t.Fatal(err)
	}
}
