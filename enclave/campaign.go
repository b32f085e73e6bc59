package enclave

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"awase/aggregator"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// A campaign is an act that officers sign for, as its contract's parties' own: it names
// whose audience is delivered to whom. What its results will cost is put aside before
// it is drafted (PRIVACY rule 9). Its deliveries are made on its days (deliver.go).

// Kinds of the records of campaigns.
const (
	kindCampaign = "campaign"
	kindDelivery = "delivery"
	kindHanded   = "handed-over"
	kindClosed   = "campaign-closed"
)

// campaignKey names a campaign: its id is unique under its entrustment.
type campaignKey struct{ entrustment, id string }

// String is the name of a campaign in the record log.
func (k campaignKey) String() string { return k.entrustment + "/" + k.id }

func keyOf(m *entrustment.Campaign) campaignKey { return campaignKey{m.Entrustment, m.ID} }

// campaignRecord puts a version of a campaign in force.
type campaignRecord struct {
	Campaign *entrustment.Campaign `json:"campaign"`
	Version  int                   `json:"version"`
}

// closedRecord ends a campaign before its last day.
type closedRecord struct {
	Entrustment string `json:"entrustment"`
	Campaign    string `json:"campaign"`
	AskedBy     string `json:"asked_by,omitempty"`
}

// campaign is how a campaign stands.
type campaign struct {
	campaignRecord
	first      kept[campaignRecord] // when it first was in force
	deliveries []*delivered
	closed     *kept[closedRecord] // nil: it was not
	small      *delivered          // the last count, whose audience was too small; nil: it was not
}

// campaignFold is their part of the fold over the record log.
type campaignFold struct {
	campaigns map[campaignKey]*campaign
}

func newCampaigns() campaignFold { return campaignFold{map[campaignKey]*campaign{}} }

func (s *state) foldCampaign(r *vault.Record) error {
	rec, err := body[campaignRecord](r)
	if err != nil {
		return err
	}
	key := keyOf(rec.Campaign)
	c := s.campaigns[key]
	if c == nil {
		c = &campaign{first: kept[campaignRecord]{rec, r.Seq, r.Time}}
		s.campaigns[key] = c
	}
	c.campaignRecord = *rec
	s.mark(r, key.String())
	return nil
}

func (s *state) foldClosed(r *vault.Record) error {
	rec, err := body[closedRecord](r)
	if err != nil {
		return err
	}
	key := campaignKey{rec.Entrustment, rec.Campaign}
	if c := s.campaigns[key]; c != nil {
		c.closed = &kept[closedRecord]{rec, r.Seq, r.Time}
	}
	s.mark(r, key.String())
	return nil
}

// campaignsOf gives the campaigns of an entrustment, by id.
func (s *state) campaignsOf(id string) (out []*campaign) {
	for key, c := range s.campaigns {
		if key.entrustment == id {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *campaign) int { return cmp.Compare(a.Campaign.ID, b.Campaign.ID) })
	return out
}

func noCampaign(id string) error {
	return &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "DESIGN §2", Field: "campaign", Detail: "there is no campaign " + entrustment.Quote(id) + " in force under the entrustment",
		Mend: "awase campaign list shows them; one that waits for signatures is in force once officers signed"}
}

// holdout gives the share of all clusters that a campaign's holdout is, nil: it has
// none. Who is in it is decided by a key of the campaign alone, so it stays with every
// refresh (PRIVACY rule 13).
func (e *Enclave) holdout(m *entrustment.Campaign) *matcher.Share {
	if m.Holdout == 0 {
		return nil
	}
	key := e.vault.Subkey("holdout")
	mac := hmac.New(sha256.New, key[:])
	fmt.Fprintf(mac, "awase holdout v1\n%q %q", m.Entrustment, m.ID)
	s := &matcher.Share{To: uint16(m.Holdout * matcher.Shares / 100)}
	copy(s.Key[:], mac.Sum(nil))
	return s
}

// toComeOf stands for event logs of a party that are not there yet, in what is priced
// and put aside. Nothing that names it is ever counted.
func toComeOf(party string) matcher.EventsID {
	return sha256.Sum256([]byte("awase events to come of " + party))
}

// asDelivery is a campaign whose next delivery was decided about and compiled.
type asDelivery struct {
	campaign *entrustment.Campaign
	contract *entrustRecord
	list     *listRecord
	plan     *aggregator.Plan
	src      aggregator.Sources
}

// mayDeliver decides whether an audience of a campaign may be delivered as the room is
// now, and compiles it. It reads public facts alone. The room's lock is held.
func (e *Enclave) mayDeliver(m *entrustment.Campaign) (*asDelivery, error) {
	c, err := e.contract(m.Entrustment)
	if err != nil {
		return nil, err
	}
	if err := e.retention.before(); err != nil {
		return nil, err
	}
	facts := e.facts(c)
	if err := entrustment.DecideCampaign(facts, m); err != nil {
		return nil, err
	}
	if e.state.base == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "base", Detail: "there is no identity base yet", Mend: "load it with awase base load"}
	}
	if err := e.decideLists(&facts, &entrustment.Question{Entrustment: m.Entrustment, List: m.List, Where: m.Where}); err != nil {
		return nil, err
	}
	list := e.state.lists[listKey{m.Entrustment, m.List}]
	if list == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "list", Detail: "there is no list " + entrustment.Quote(m.List) + " under the entrustment", Mend: "load it: awase list load"}
	}
	if err := e.canReach(m, list); err != nil {
		return nil, err
	}
	src, err := e.sources(c, &facts, m.Destination.Receiver)
	if err != nil {
		return nil, err
	}
	src.Told = e.toldOf(c.Contract)
	policy := e.gate.Policy()
	plan, err := aggregator.CompileDelivery(m, src, &policy, e.holdout(m), also(m))
	if err != nil {
		return nil, err
	}
	if err := entrustment.DecideLogs(facts, e.receivers(c, plan)); err != nil { // by a condition
		return nil, err
	}
	return &asDelivery{campaign: m, contract: c, list: list, plan: plan, src: src}, nil
}

// toldGroups gives the groups that are told whether an audience passed: of all sides of
// the contract, so each of them pays for it.
func (e *Enclave) toldGroups(c *entrustment.Contract) (out []string) {
	for _, party := range c.Sides() {
		if g := e.group(party); !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	return out
}

// also is the condition that comes with a campaign's destination, nil: none does.
func also(m *entrustment.Campaign) *matcher.Where {
	if m.Destination.Form == entrustment.FormOwnChannel {
		return optedIn(m.Destination.Channel)
	}
	return nil
}

// canReach refuses a campaign whose audience could not be made out to its receiver,
// whoever is in it.
func (e *Enclave) canReach(m *entrustment.Campaign, list *listRecord) error {
	if _, err := e.deliveryKey(m.Destination.Receiver); err != nil {
		return err
	}
	reload := func(detail, mend string) error {
		return &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §7", Field: "list", Detail: detail, Mend: mend}
	}
	switch d := &m.Destination; d.Form {
	case entrustment.FormLabel:
		if _, err := e.servingKey(d.Receiver); err != nil {
			return err
		}
		if list.Keys == nil || !list.Keys.Keyed {
			return reload("labels stand beside the partner's own keys, and the list has none", "name the column of the keys in list.yaml (user_key:), and load the list again")
		}
	default:
		if err := e.baseServes(d); err != nil {
			return err
		}
		if d.Form != entrustment.FormOwnChannel && len(d.Base) == 0 && list.Keys == nil {
			return reload("the list was loaded when the entrustment delivered nothing, and its hashes were not kept", "load the list again")
		}
	}
	return nil
}

// decideCampaign decides whether a campaign may take its place as the room is now.
func (e *Enclave) decideCampaign(m *entrustment.Campaign) (decided, error) {
	if _, err := e.mayDeliver(m); err != nil {
		return decided{}, err
	}
	key := keyOf(m)
	next := campaignRecord{m, 1}
	old := e.state.campaigns[key]
	if old != nil {
		next.Version = old.Version + 1
		if err := amendsCampaign(old, m); err != nil {
			return decided{}, err
		}
	}
	if m.Until.End().Before(e.vault.Log().Now()) {
		return decided{}, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2", Field: "until", Detail: "the campaign's last day is over", Mend: "name a day to come"}
	}
	return decided{key.String(), old != nil && sameJSON(old.Campaign, m), next}, nil
}

// amendsCampaign refuses the next version of a campaign that is closed, or that would be
// about other people than those it was delivered for: who is held out of one audience is
// not held out of another, and a lift report would compare what can't be compared.
func amendsCampaign(old *campaign, m *entrustment.Campaign) error {
	refuse := func(field, detail string) error {
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "PRIVACY rule 13", Field: field, Detail: detail, Mend: "give the new campaign an id of its own"}
	}
	if old.closed != nil {
		return refuse("id", "the campaign of this id is closed")
	}
	if len(old.deliveries) == 0 {
		return nil
	}
	const stays = "an audience was delivered, and this stays as it was then"
	was := old.Campaign
	switch {
	case was.List != m.List:
		return refuse("list", stays)
	case !sameJSON(was.Where, m.Where):
		return refuse("where", stays)
	case !sameJSON(was.Destination, m.Destination):
		return refuse("destination", stays)
	case was.Holdout != m.Holdout:
		return refuse("holdout", stays)
	}
	return nil
}

// SubmitCampaign puts the price of a campaign's results aside and drafts it.
func (e *Enclave) SubmitCampaign(ctx context.Context, req wire.CampaignRequest) (wire.Ack, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := req.Campaign
	refused := func(err error) (wire.Ack, error) {
		return wire.Ack{}, e.refuseTo(req.Party, kindCampaign, m.Entrustment, err)
	}
	if err := e.maySubmit(m.Entrustment, req.Party); err != nil {
		return refused(err)
	}
	if err := e.running(); err != nil {
		return refused(err)
	}
	act, err := e.decideCampaign(m)
	if err != nil {
		return refused(err)
	}
	if act.same {
		return e.ack(kindCampaign, act.id, true, nil)
	}
	if err := e.canPay(ctx, m, req.Party); err != nil {
		return refused(err)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return wire.Ack{}, fmt.Errorf("encoding a document: %w", err)
	}
	ack, err := e.standsOrWaits(kindCampaign, act, raw)
	if err != nil {
		return refused(err)
	}
	e.campaignsDue.kick()
	return ack, nil
}

// maySubmit decides whether people of a party may have campaigns under an entrustment.
func (e *Enclave) maySubmit(id, party string) error {
	if err := e.initialised(); err != nil {
		return err
	}
	c, err := e.contract(id)
	if err != nil || party == "" {
		return err
	}
	return e.asker(e.facts(c), party)
}

// CloseCampaign ends a campaign before its last day.
func (e *Enclave) CloseCampaign(_ context.Context, ref wire.CampaignRef) (wire.Ack, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	refused := func(err error) (wire.Ack, error) {
		return wire.Ack{}, e.refuseTo(ref.Party, kindClosed, ref.Entrustment, err)
	}
	if err := e.maySubmit(ref.Entrustment, ref.Party); err != nil {
		return refused(err)
	}
	key := campaignKey{ref.Entrustment, ref.Campaign}
	c := e.state.campaigns[key]
	if c == nil {
		return refused(noCampaign(ref.Campaign))
	}
	ack, err := e.ack(kindClosed, key.String(), c.closed != nil, closedRecord{ref.Entrustment, ref.Campaign, e.inRoom(ref.Party)})
	if err == nil {
		e.campaignsDue.kick()
	}
	return ack, err
}

// campaignVersion gives the version of a campaign that is in force, 0: none is.
func (e *Enclave) campaignVersion(id string) int {
	of, name, _ := strings.Cut(id, "/")
	if c := e.state.campaigns[campaignKey{of, name}]; c != nil {
		return c.Version
	}
	return 0
}

// campaignSource gives what a campaign's results are counted by, nil: the question is of
// none. of is the campaign where it is not in force yet. The room's lock is held.
func (e *Enclave) campaignSource(q *entrustment.Question, of *entrustment.Campaign) (*aggregator.CampaignSource, error) {
	if q.Campaign == "" {
		return nil, nil
	}
	if of == nil {
		c := e.state.campaigns[campaignKey{q.Entrustment, q.Campaign}]
		if c == nil {
			return nil, noCampaign(q.Campaign)
		}
		of = c.Campaign
	}
	return &aggregator.CampaignSource{Document: of, Holdout: e.holdout(of), Also: also(of)}, nil
}
