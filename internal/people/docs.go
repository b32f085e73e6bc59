package people

import (
	"embed"
	"fmt"
	"path"
)

//go:embed docs/*.yaml
var docs embed.FS

// Doc is a document as people write it: the name of its file and its text.
type Doc struct {
	Name string
	YAML []byte
}

// Docs is what a room needs before it can be asked, in the order in which it
// is given: parties, policies, gate, contracts; then the questions, each of
// which names its contract.
type Docs struct {
	Parties   []Doc
	Policies  Doc
	Gate      Doc
	Contracts []Doc
	Specs     []Doc
	OwnEvents Doc // of WriteOwnEvents; empty where there is no log
	AdEvents  Doc // of WriteAdEvents

	PartnerList   Doc // of WritePartnerList
	PartnerEvents Doc // of WritePartnerEvents
	MoreSpecs     []Doc

	Deliveries    []Doc // contracts of the flows that deliver
	DeliveryList  Doc   // of WritePartnerList, with the platform's own keys
	LabelEvents   Doc   // of WriteLabelEvents
	ShopEvents    Doc   // of WriteShopEvents
	CampaignSpecs []Doc // questions on the campaigns of DemoCampaigns
}

// The names that the documents use.
const (
	DemoAnalysis    = "acme-2026-spring"      // 5-analysis, for the client
	DemoImprovement = "acme-2026-improvement" // 5-improvement, for the operator
	DemoPartner     = "adco-2026-analysis"    // 2-6-analysis, for the operator
	DemoOutsourced  = "acme-2026-outsourced"  // 5-outsourcing of a 5-analysis, for the client
	DemoDelivery    = "acme-2026-delivery"    // 5-delivery, for the client
	DemoLabels      = "adco-2026-delivery"    // 2-4-delivery, for the operator
	DemoList        = "spring"
	DemoPlatform    = "platform"   // the ad platform's list
	AdultAnalysis   = "adult-1994" // 5-analysis of the census table
	AdultList       = "study"
)

// DemoDocs gives the documents of the demo: a client's 5-analysis, the operator's
// 5-improvement and an outsourced 5-analysis, over lists named DemoList, and a
// 2-6-analysis over an ad platform's, DemoPlatform. MoreSpecs are questions of the
// last two. Deliveries are a 2-4-delivery and a 5-delivery over the same lists, whose
// campaigns DemoCampaigns gives.
func DemoDocs() Docs {
	d := room()
	d.Parties = append(d.Parties, read("adco.yaml", "worker.yaml")...)
	d.Contracts = read("contract.yaml", "contract-improvement.yaml", "contract-partner.yaml", "contract-outsourced.yaml")
	d.MoreSpecs = read("partner.yaml", "partner-seen.yaml", "outsourced.yaml")
	d.PartnerList, d.PartnerEvents = read("partner-list.yaml")[0], read("partner-events.yaml")[0]
	d.Specs = read("overlap.yaml", "spec.yaml", "prefecture.yaml", "tier.yaml", "cube.yaml", "size.yaml", "behaviour.yaml", "reach.yaml")
	d.Deliveries = read("contract-delivery.yaml", "contract-partner-delivery.yaml")
	d.DeliveryList, d.LabelEvents, d.ShopEvents = read("partner-list-keyed.yaml")[0], read("label-events.yaml")[0], read("shop-events.yaml")[0]
	d.CampaignSpecs = read("labels-delivery.yaml", "labels-lift.yaml", "shop-delivery.yaml", "shop-lift.yaml", "shop-attribution.yaml")
	d.OwnEvents, d.AdEvents = read("own-events.yaml")[0], read("ad-events.yaml")[0]
	return d
}

// AdultDocs gives the documents of the demo on the census table: a 5-analysis
// over the list named AdultList.
func AdultDocs() Docs {
	d := room()
	d.Contracts = read("adult-contract.yaml")
	d.Specs = read("adult-spec-1-overlap.yaml", "adult-spec-2-profile.yaml", "adult-spec-3-education.yaml")
	return d
}

func room() Docs {
	return Docs{
		Parties:  read("operator.yaml", "acme.yaml"),
		Policies: read("policies.yaml")[0],
		Gate:     read("gate.yaml")[0],
	}
}

// BaseYAML gives base.yaml for WriteBaseCSV and WriteBaseParquet.
func BaseYAML() []byte { return read("base.yaml")[0].YAML }

// ListYAML gives list.yaml for a form of WriteList.
func ListYAML(form ListForm) ([]byte, error) {
	switch form {
	case ListMessy:
		return read("list.yaml")[0].YAML, nil
	case ListGoogle, ListMeta:
		return read("list-" + string(form) + ".yaml")[0].YAML, nil
	}
	return nil, noForm(form)
}

// AdultBaseYAML gives base.yaml for WriteAdultBase.
func AdultBaseYAML() []byte { return read("adult-base.yaml")[0].YAML }

// AdultListYAML gives list.yaml for WriteAdultList.
func AdultListYAML() []byte { return read("adult-list.yaml")[0].YAML }

func noForm(form ListForm) error {
	return fmt.Errorf("people: no list form %q; use messy, google or meta", form)
}

// read gives embedded documents. A missing one gives an empty text, which no
// parser takes; the tests read each.
func read(names ...string) []Doc {
	out := make([]Doc, len(names))
	for i, name := range names {
		text, err := docs.ReadFile(path.Join("docs", name))
		if err != nil {
			text = nil
		}
		out[i] = Doc{Name: name, YAML: text}
	}
	return out
}
