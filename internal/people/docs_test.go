package people

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	"awase/aggregator"
	"awase/crypto/identifier"
	"awase/entrustment"
)

// epoch is day 0 of Parquet's DATE.
var epoch = time.Unix(0, 0).UTC()

func appendInt(v int64) []byte { return strconv.AppendInt(nil, v, 10) }

// Every document parses, and each fits the others: contracts name attributes
// of the base and columns of the list, questions name a contract, its outputs
// and its columns.
func TestDocumentsFit(t *testing.T) {
	for name, c := range map[string]struct {
		docs       Docs
		base, list []byte
		listName   string
	}{
		"demo":  {DemoDocs(), BaseYAML(), mustList(t, ListMessy), DemoList},
		"adult": {AdultDocs(), AdultBaseYAML(), AdultListYAML(), AdultList},
	} {
		t.Run(name, func(t *testing.T) {
			base, err := entrustment.ParseBaseSchema("base.yaml", c.base)
			if err != nil {
				t.Fatal(err)
			}
			list, err := entrustment.ParseListSchema("list.yaml", c.list)
			if err != nil {
				t.Fatal(err)
			}
			parties := map[string]bool{}
			for _, d := range c.docs.Parties {
				p, err := entrustment.ParseParty(d.Name, d.YAML)
				if err != nil {
					t.Fatal(err)
				}
				parties[p.ID] = true
			}
			policies, err := entrustment.ParsePolicies(c.docs.Policies.Name, c.docs.Policies.YAML)
			if err != nil {
				t.Fatal(err)
			}
			gate, err := aggregator.ParsePolicy(c.docs.Gate.Name, c.docs.Gate.YAML)
			if err != nil {
				t.Fatal(err)
			}
			want := aggregator.DefaultPolicy()
			want.Tick = time.Second
			if gate.K != want.K || gate.Tick != want.Tick || gate.Rho30Nano != want.Rho30Nano {
				t.Errorf("the gate is %+v", gate)
			}
			contracts := map[string]*entrustment.Contract{}
			for _, d := range c.docs.Contracts {
				k, err := entrustment.ParseContract(d.Name, d.YAML)
				if err != nil {
					t.Fatal(err)
				}
				contracts[k.ID] = k
				if len(k.Recipients) != 1 || !parties[k.Principal] || !parties[k.Trustee] || !parties[k.Recipients[0]] {
					t.Errorf("%s: a party is missing", d.Name)
				}
				for _, a := range k.Attributes {
					if at := base.Attribute(a); at == nil || at.Sensitive() {
						t.Errorf("%s: attribute %s", d.Name, a)
					}
				}
				for _, b := range k.Basis {
					if b.Code == entrustment.BasisConsentPolicy && !slices.ContainsFunc(policies.Policies, func(p entrustment.PolicyVersion) bool {
						return p.Version == b.Policy && slices.Contains(p.Clauses[b.Clauses[0]], k.Effective())
					}) {
						t.Errorf("%s: no policy covers the flow", d.Name)
					}
				}
			}
			partner, listName := list, c.listName
			if len(c.docs.MoreSpecs) > 0 {
				if partner, err = entrustment.ParseListSchema(c.docs.PartnerList.Name, c.docs.PartnerList.YAML); err != nil {
					t.Fatal(err)
				}
			}
			for _, d := range slices.Concat(c.docs.Specs, c.docs.MoreSpecs) {
				q, err := entrustment.ParseQuestion(d.Name, d.YAML)
				if err != nil {
					t.Fatal(err)
				}
				k, list, listName := contracts[q.Entrustment], list, listName
				if q.Entrustment == DemoPartner {
					list, listName = partner, DemoPlatform
				}
				ofEvents := entrustment.ReadsEvents(q.Report)
				if k == nil || !slices.Contains(k.Outputs, q.Report) || q.List != listName && !(ofEvents && q.List == "") {
					t.Fatalf("%s asks what no contract grants", d.Name)
				}
				for _, category := range q.Categories {
					if !slices.Contains(k.Events, category) {
						t.Errorf("%s: the contract does not name the category %s", d.Name, category)
					}
				}
				if ofEvents && (q.Window == nil || q.Window.From.Start().After(eventsFrom) || len(q.Categories) == 0) {
					t.Errorf("%s does not name the days and categories of the logs", d.Name)
				}
				for _, dim := range q.Dims {
					listed := slices.ContainsFunc(list.Columns, func(l entrustment.ListColumn) bool { return l.Name == dim })
					if dim != entrustment.DimMatchedBy && !slices.Contains(k.Attributes, dim) && !(listed && slices.Contains(k.ListColumns, dim)) {
						t.Errorf("%s: dimension %s", d.Name, dim)
					}
				}
			}
		})
	}
	for _, form := range []ListForm{ListGoogle, ListMeta} {
		if _, err := entrustment.ParseListSchema("list.yaml", mustList(t, form)); err != nil {
			t.Error(err)
		}
	}
	if _, err := ListYAML("xml"); err == nil {
		t.Error("an unknown form has a document")
	}
}

// TestEventDocumentsFit: the logs' schemas parse, and the contract names every
// category of theirs.
func TestEventDocumentsFit(t *testing.T) {
	d := DemoDocs()
	contract, err := entrustment.ParseContract(d.Contracts[0].Name, d.Contracts[0].YAML)
	if err != nil {
		t.Fatal(err)
	}
	partner, err := entrustment.ParseContract(d.Contracts[2].Name, d.Contracts[2].YAML)
	if err != nil {
		t.Fatal(err)
	}
	contract.Events = append(contract.Events, partner.Events...)
	for _, doc := range []Doc{d.OwnEvents, d.AdEvents, d.PartnerEvents} {
		s, err := entrustment.ParseEventSchema(doc.Name, doc.YAML)
		if err != nil {
			t.Fatal(err)
		}
		for _, category := range s.Category.Values {
			if !slices.Contains(contract.Events, category) {
				t.Errorf("%s: the contract does not name %s", doc.Name, category)
			}
		}
	}
}

// TestSharesAreThePublics: a forecast over any attribute of the demo but the
// salary can be made, and the shares of prefectures are those that people are
// made by.
func TestSharesAreThePublics(t *testing.T) {
	base, err := entrustment.ParseBaseSchema("base.yaml", BaseYAML())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"age_band", "gender", "prefecture"} {
		var sum float64
		for _, share := range base.Attribute(name).Shares {
			sum += share
		}
		if sum < 0.99 || sum > 1+1e-9 {
			t.Errorf("the shares of %s add up to %g", name, sum)
		}
	}
	var all float64
	for _, p := range prefectures {
		all += float64(p.people)
	}
	for _, p := range prefectures {
		if d := base.Attribute("prefecture").Shares[p.name] - float64(p.people)/all; max(d, -d) > 0.0002 {
			t.Errorf("%s: the share is off by %g", p.name, d)
		}
	}
}

func mustList(t *testing.T, form ListForm) []byte {
	t.Helper()
	doc, err := ListYAML(form)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestAdultIsTheWholeTable(t *testing.T) {
	schema, err := entrustment.ParseBaseSchema("base.yaml", AdultBaseYAML())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteAdultBase(&b); err != nil {
		t.Fatal(err)
	}
	base := parse(t, &b)
	if len(base.rows) != AdultRows {
		t.Fatalf("%d rows", len(base.rows))
	}
	// Published counts of the table.
	for column, want := range map[string]map[string]int{
		"income": {">50K": 7841, "<=50K": 24720}, "sex": {"Female": 10771, "Male": 21790},
		"education": {"Bachelors": 5355, "HS-grad": 10501}, "workclass": {"": 1836, "Private": 22696},
	} {
		count := map[string]int{}
		for _, v := range base.column(column) {
			count[v]++
		}
		for v, n := range want {
			if count[v] != n {
				t.Errorf("%s %q: %d, want %d", column, v, count[v], n)
			}
		}
	}
	// Every value of an open attribute lies in its declared domain.
	for _, a := range schema.Attributes {
		if a.Sensitive() || a.Values == nil {
			continue
		}
		for _, v := range base.column(a.Column) {
			if v != "" && !slices.Contains(a.Values, v) {
				t.Fatalf("%s has the value %q", a.Column, v)
			}
		}
	}
	for _, sensitive := range []string{"race", "native_country"} {
		if a := schema.Attribute(sensitive); a == nil || !a.Sensitive() {
			t.Errorf("%s is open", sensitive)
		}
	}
}

func TestAdultListIsOfTheTable(t *testing.T) {
	norm, err := identifier.New("JP")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteAdultBase(&b); err != nil {
		t.Fatal(err)
	}
	index := map[identifier.Hash]bool{}
	for _, r := range parse(t, &b).rows {
		for i, kind := range map[int]identifier.Kind{1: identifier.Email, 2: identifier.Phone} {
			sums, _, err := norm.AppendBase(nil, kind, []byte(r[i]))
			if err != nil {
				t.Fatalf("an identifier of the base can't be read: %v", err)
			}
			for _, s := range sums {
				index[s.Hash] = true
			}
		}
	}
	b.Reset()
	if err := WriteAdultList(&b); err != nil {
		t.Fatal(err)
	}
	list := parse(t, &b)
	known := 0
	for _, r := range list.rows {
		hit := false
		for i, kind := range map[int]identifier.Kind{0: identifier.Email, 1: identifier.Phone} {
			sums, _, err := norm.AppendList(nil, kind, []byte(r[i]))
			if err != nil {
				continue
			}
			for _, s := range sums {
				hit = hit || index[s.Hash]
			}
		}
		if hit {
			known++
		}
	}
	if strangers := len(list.rows) - known; known < adultKnown-300 || known > adultKnown+300 || strangers < adultStrangers || strangers > adultStrangers+100 {
		t.Errorf("%d of the table, %d strangers", known, strangers)
	}
}

// TestCampaignDocumentsFit: the campaigns are of contracts that let them be, their logs of
// categories that the contracts name, and their questions of them; they run on the day
// that they were made for.
func TestCampaignDocumentsFit(t *testing.T) {
	d := DemoDocs()
	contracts, campaigns := map[string]*entrustment.Contract{}, map[string]*entrustment.Campaign{}
	for _, doc := range d.Deliveries {
		k, err := entrustment.ParseContract(doc.Name, doc.YAML)
		if err != nil {
			t.Fatal(err)
		}
		contracts[k.ID] = k
	}
	today := time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC)
	for _, doc := range DemoCampaigns(today) {
		m, err := entrustment.ParseCampaign(doc.Name, doc.YAML)
		if err != nil {
			t.Fatal(err)
		}
		campaigns[m.ID] = m
		k := contracts[m.Entrustment]
		if k == nil || !slices.Contains(k.Recipients, m.Destination.Receiver) || !slices.Contains(k.Events, m.ID) || m.Holdout == 0 {
			t.Errorf("%s is not of its contract", doc.Name)
		}
		if m.From.Start().After(today) || m.Until.Start().Before(today) {
			t.Errorf("%s runs from %s to %s", doc.Name, m.From, m.Until)
		}
	}
	for _, doc := range d.CampaignSpecs {
		q, err := entrustment.ParseQuestion(doc.Name, doc.YAML)
		if err != nil {
			t.Fatal(err)
		}
		if m := campaigns[q.Campaign]; m == nil || m.Entrustment != q.Entrustment || !slices.Contains(m.Results, q.Report) || !slices.Contains(contracts[q.Entrustment].Recipients, q.Recipient) {
			t.Errorf("%s asks what no campaign wants", doc.Name)
		}
	}
	for _, doc := range []Doc{d.LabelEvents, d.ShopEvents} {
		s, err := entrustment.ParseEventSchema(doc.Name, doc.YAML)
		if err != nil {
			t.Fatal(err)
		}
		if campaigns[s.Category.Constant] == nil {
			t.Errorf("%s is the log of no campaign", doc.Name)
		}
	}
	if s, err := entrustment.ParseListSchema(d.DeliveryList.Name, d.DeliveryList.YAML); err != nil || s.UserKey == "" {
		t.Errorf("the list for labels has no keys: %v", err)
	}
}
