package enclave

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"awase/aggregator"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// BenchmarkDelivery makes deliveries of an audience of 180,000 of a list of 200,000, from
// what was counted to the sealed file, without the wait for a tick: MB are of the file.
func BenchmarkDelivery(b *testing.B) {
	const users = 200_000
	dir := filepath.Join(b.TempDir(), "V")
	e, err := Open(b.Context(), dir, Options{Outbox: dir + ".outbox"})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	must := func(_ wire.Ack, err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	key, err := seal.DeriveKey(seal.XWing, [32]byte{1})
	if err != nil {
		b.Fatal(err)
	}
	serving, err := seal.DeriveKey(seal.X25519, [32]byte{2})
	if err != nil {
		b.Fatal(err)
	}
	for id, class := range map[string]string{"operator": "operator", "adco": "ad-platform"} {
		doc := fmt.Sprintf("schema: awase.party/v1\nid: %s\nclass: %s\ngroup: %s\ncountry: JP\ndelivery_key: %s\n", id, class, id, key.Public())
		if id == "adco" {
			doc += "serving_key: " + serving.Public().String() + "\n"
		}
		p, err := entrustment.ParseParty("party.yaml", []byte(doc))
		if err != nil {
			b.Fatal(err)
		}
		must(e.AddParty(b.Context(), p))
	}
	policies, err := entrustment.ParsePolicies("policies.yaml", []byte(adPolicies))
	if err != nil {
		b.Fatal(err)
	}
	must(e.SetPolicies(b.Context(), policies))
	c, err := entrustment.ParseContract("contract.yaml", []byte(adContract("op-24", "2-4-delivery", "operator", "adco", "2(4)", "adco", "recipients: [operator, adco]\ncountries: {operator: JP, adco: JP}\n")))
	if err != nil {
		b.Fatal(err)
	}
	must(e.Entrust(b.Context(), c))
	var base, list bytes.Buffer
	base.WriteString("id,ok,version,date,sex,mail_ok,email,phone\n")
	list.WriteString("会員番号,メール,会員ランク\n")
	for i := range users {
		fmt.Fprintf(&base, "user-%d,true,v2,2024-02-01,f,true,%s,\n", i, adMail(i))
		fmt.Fprintf(&list, "%s,%s,gold\n", adKey(i), adMail(i))
	}
	schema, err := entrustment.ParseBaseSchema("base.yaml", []byte(adBaseDoc))
	if err != nil {
		b.Fatal(err)
	}
	bf, err := intake.OpenBase(b.Context(), bytes.NewReader(base.Bytes()), int64(base.Len()), schema, intake.Options{Name: "base.csv"})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := e.LoadBase(b.Context(), schema, sealed(b, e, seal.BaseEntrustment, seal.BaseName, bf.Header(), bf.Rows())); err != nil {
		b.Fatal(err)
	}
	ls, err := entrustment.ParseListSchema("list.yaml", []byte(adList))
	if err != nil {
		b.Fatal(err)
	}
	lf, err := intake.OpenList(b.Context(), bytes.NewReader(list.Bytes()), int64(list.Len()), ls, intake.Options{Name: "list.csv"})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := e.LoadList(b.Context(), wire.ListRequest{Entrustment: "op-24", Name: "l"}, sealed(b, e, "op-24", "l", lf.Header(), lf.Rows())); err != nil {
		b.Fatal(err)
	}
	standing, err := e.standing(e.state.base)
	if err != nil {
		b.Fatal(err)
	}
	d, had := &aggregator.Delivery{Slots: 1 << 18}, map[uint32]bool{}
	for piece := range standing.KindTokens(matcher.Email, findPiece) {
		for i, c := range piece.Values {
			if !had[c] && len(d.Members) < users*9/10 { // an address may have several forms
				had[c] = true
				d.Members = append(d.Members, []matcher.Hit{{Cluster: c, Kind: matcher.Email, Token: piece.Tokens[i]}})
			}
		}
	}
	for _, form := range []entrustment.Form{entrustment.FormMeta, entrustment.FormLabel} {
		b.Run(string(form), func(b *testing.B) {
			today := entrustment.DateOf(e.vault.Log().Now())
			m, err := entrustment.ParseCampaign("campaign.yaml", fmt.Appendf(nil, "schema: awase.campaign/v1\nid: spring\nentrustment: op-24\nlist: l\ndestination: {receiver: adco, form: %s}\nfrom: %s\nuntil: %s\n", form, today, today.Add(20)))
			if err != nil {
				b.Fatal(err)
			}
			var size int64
			for b.Loop() {
				of, err := e.mayDeliver(m)
				if err != nil {
					b.Fatal(err)
				}
				u := &underWay{asDelivery: *of, to: key.Public(), serves: serving.Public(), begun: e.vault.Log().Now(), base: e.state.base, gone: map[string]bool{}}
				u.head(&campaign{campaignRecord: campaignRecord{Campaign: m, Version: 1}}, u.begun, actCount)
				if err := e.makeDelivery(b.Context(), u, actCount, d); err != nil {
					b.Fatal(err)
				}
				size = u.rec.Bytes
			}
			b.ReportMetric(float64(size)/1e6, "MB")
			b.ReportMetric(float64(users)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
