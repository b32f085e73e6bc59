package apitest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// What FurnishAds adds to a furnished room: adco, an ad platform that receives what is
// delivered under "ads", an entrustment of acme to the operator, from acme's list
// "members" of the first 3,000 of 4,000 users.
const (
	AdCo     = "adco"
	Ads      = "ads"
	adUsers  = 4000
	adListed = 3000

	adsEvents   = "schema: awase.events/v1\ntime: {column: at, zone: UTC}\nidentifiers:\n  - {column: email, kind: email}\nkind: impression\ncategory: {column: campaign, values: [spring]}\n"
	adsPolicies = "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis, 5-delivery]}}\n"
	adsContract = `schema: awase.entrustment/v1
id: ads
flow: 5-delivery
principal: acme
trustee: operator
purpose: advertising
basis:
  - {party: operator, code: CONSENT_POLICY, policy: v2, clauses: ["5"], evidence: "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"}
  - {party: acme, code: CONSENT_27_1, scope: delivery, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}
identifiers: [email]
attributes: [gender]
events: [spring]
outputs: [size, cube, delivery, lift]
deliver_attributes: [gender]
recipients: [acme, adco]
countries: {acme: JP, adco: JP}
retention: {lists: 90d, events: 90d, reports: 365d, deliveries: 30d}
from: 2020-01-01
until: 2096-12-31
`
)

// AdKeys are what adco opens its deliveries with, and the room's key that it holds
// them against.
type AdKeys struct {
	Seed [32]byte // of its delivery key
	Key  seal.PrivateKey
	Room ed25519.PublicKey
	Line string // the room's key as awase log key prints it
}

// FurnishAds furnishes a room and adds what is delivered in it.
func (r *Room) FurnishAds(gate ...string) AdKeys {
	t, ctx := r.t, r.t.Context()
	t.Helper()
	r.Furnish(gate...)
	k := AdKeys{Seed: [32]byte{41}}
	var err error
	if k.Key, err = seal.DeriveKey(seal.XWing, k.Seed); err != nil {
		t.Fatal(err)
	}
	doc := fmt.Sprintf("schema: awase.party/v1\nid: %s\nclass: ad-platform\ngroup: %s\ncountry: JP\ndelivery_key: %s\n", AdCo, AdCo, k.Key.Public())
	if _, err := r.Enclave.AddParty(ctx, parse(t, entrustment.ParseParty, doc)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Enclave.SetPolicies(ctx, parse(t, entrustment.ParsePolicies, adsPolicies)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Enclave.LoadBase(ctx, parse(t, entrustment.ParseBaseSchema, BaseDoc), bytes.NewReader(r.SealedBase(adUsers))); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Enclave.Entrust(ctx, parse(t, entrustment.ParseContract, adsContract)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Enclave.LoadList(ctx, wire.ListRequest{Entrustment: Ads, Name: List}, bytes.NewReader(r.SealedPart(Ads, List, 0, adListed))); err != nil {
		t.Fatal(err)
	}
	yesterday := entrustment.DateOf(time.Now()).Add(-1)
	log := fmt.Appendf(nil, "at,email,campaign\n%sT03:00:00Z,taro.1@example.jp,spring\n%sT04:00:00Z,taro.2@example.jp,spring\n", yesterday, yesterday)
	if _, err := r.Enclave.LoadEvents(ctx, wire.EventsRequest{Entrustment: Ads}, bytes.NewReader(r.SealedLog(Ads, adsEvents, log))); err != nil {
		t.Fatal(err)
	}
	if k.Line, err = r.Enclave.LogKey(ctx); err != nil {
		t.Fatal(err)
	}
	if k.Room, err = receipt.ParseVerifierKey(k.Line); err != nil {
		t.Fatal(err)
	}
	return k
}

// JoinAdCo amends the contract of "ads" so that adco's users are joined, by its event logs.
func (r *Room) JoinAdCo() {
	t := r.t
	t.Helper()
	basis := `  - {party: adco, code: CONSENT_27_1, scope: results, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}` + "\n"
	doc := strings.Replace(adsContract, "identifiers: [email]", basis+"identifiers: [email]", 1)
	if _, err := r.Enclave.Entrust(t.Context(), parse(t, entrustment.ParseContract, doc)); err != nil {
		t.Fatal(err)
	}
}

// SealedImpressions is a log of who saw the campaign "spring" yesterday, one time each, as
// a party seals it under "ads".
func (r *Room) SealedImpressions(party string, n int) []byte {
	t := r.t
	t.Helper()
	var b bytes.Buffer
	b.WriteString("at,email,campaign\n")
	for i := range n {
		fmt.Fprintf(&b, "%sT03:00:00Z,taro.%d@example.jp,spring\n", entrustment.DateOf(time.Now()).Add(-1), i)
	}
	return r.sealedLog(Ads, party, adsEvents, b.Bytes())
}

// CampaignDoc is a campaign of the room that FurnishAds furnished, from today on, as
// JSON; more: its other members.
func CampaignDoc(id, form, more string) json.RawMessage {
	return CampaignUnder(Ads, id, AdCo, form, more)
}

// CampaignUnder is CampaignDoc under another entrustment, for another receiver.
func CampaignUnder(under, id, receiver, form, more string) json.RawMessage {
	from := entrustment.DateOf(time.Now())
	doc := fmt.Sprintf(`{"schema": "awase.campaign/v1", "id": %q, "entrustment": %q, "list": %q, "destination": {"receiver": %q, "form": %q}, "from": %q, "until": %q`, id, under, List, receiver, form, from, from.Add(20))
	if more != "" {
		doc += ", " + strings.TrimSpace(more)
	}
	return json.RawMessage(doc + "}")
}
