package enclave

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// sealingKey gives the key of a seed, as a party's document has it.
func sealingKey(t *testing.T, s seal.Suite, seed byte) seal.PublicKey {
	t.Helper()
	k, err := seal.DeriveKey(s, [32]byte{seed})
	if err != nil {
		t.Fatal(err)
	}
	return k.Public()
}

// TestSealingKeys: what may not be pinned as a key that a party receives by, and what
// comes of it where it may.
func TestSealingKeys(t *testing.T) {
	t.Parallel()
	good := sealingKey(t, seal.XWing, 1).String()
	adco := func(change func(*entrustment.Party)) func(*testing.T) *entrustment.Party {
		return func(t *testing.T) *entrustment.Party {
			p := partyDoc(t, "adco", entrustment.ClassAdPlatform)
			change(p)
			return p
		}
	}
	// Of the form of a key, which is all that a document's parser sees.
	noKey := "awase-seal-xwing-" + strings.Repeat("_", len(good)-len("awase-seal-xwing-"))
	for name, c := range map[string]struct {
		rule, field string
		doc         func(*testing.T) *entrustment.Party
		harm        func(r *signedRoom) bool // of the twin
	}{
		"a delivery key that is none": {"sealing keys are keys", "delivery_key", adco(func(p *entrustment.Party) { p.DeliveryKey = noKey }), func(r *signedRoom) bool {
			_, err := r.deliveryKey("adco") // it is noticed when there is an audience to deliver
			return err != nil
		}},
		"a serving key cut short": {"sealing keys are keys", "serving_key", adco(func(p *entrustment.Party) { p.ServingKey = good[:len(good)-1] }), func(r *signedRoom) bool {
			_, err := r.servingKey("adco")
			return err != nil
		}},
		"a serving key of a client": {"serving key", "serving_key", func(t *testing.T) *entrustment.Party {
			p := partyDoc(t, "adco", entrustment.ClassClient)
			p.ServingKey = good
			return p
		}, func(r *signedRoom) bool { // whose labels it opens, who may know no member
			_, err := r.servingKey("adco")
			return err == nil && r.state.parties["adco"].Class == entrustment.ClassClient
		}},
		"one key for both": {"serving key", "serving_key", adco(func(p *entrustment.Party) { p.DeliveryKey, p.ServingKey = good, good }), func(r *signedRoom) bool {
			carries, err := r.deliveryKey("adco")
			serves, err2 := r.servingKey("adco")
			return err == nil && err2 == nil && carries == serves // who carries deliveries opens labels
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newSignedRoom(t)
			_, err := r.AddParty(t.Context(), c.doc(t))
			if e := wantCode(t, name, err, entrustment.CodeForbidden); e.Field != c.field || e.Mend == "" || strings.Contains(e.Error(), noKey[:40]) {
				t.Errorf("%v", e)
			}
			before := len(r.partyRules)
			r.partyRules = slices.DeleteFunc(slices.Clone(r.partyRules), func(p partyRule) bool { return p.name == c.rule })
			if len(r.partyRules) != before-1 {
				t.Fatalf("no rule %q", c.rule)
			}
			r.must(t, r.party(t, c.doc(t)), "op1", "op2")
			if !c.harm(r) {
				t.Error("without the rule nothing is harmed")
			}
		})
	}
	// The ceremony pins a document too.
	op := partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op2")
	for _, change := range []func(*entrustment.Party){func(p *entrustment.Party) { p.DeliveryKey = noKey }, func(p *entrustment.Party) { p.ServingKey = good }} {
		p := *op
		change(&p)
		_, err := Init(t.Context(), t.TempDir()+"/V", &p, (&signedRoom{}).options())
		wantCode(t, "a ceremony", err, entrustment.CodeForbidden)
	}
}

// TestPartyKeys: the keys of a party stand from the signatures of its own officer on,
// are replaced and taken out likewise, and are told by their fingerprints.
func TestPartyKeys(t *testing.T) {
	t.Parallel()
	r := newSignedRoom(t)
	refused := func(when, field string, _ seal.PublicKey, err error) {
		t.Helper()
		if e := wantCode(t, when, err, entrustment.CodeForbidden); e.Field != field || !strings.Contains(e.Mend, "awase courier key") || !strings.Contains(e.Mend, field) {
			t.Errorf("%s: %v; %s", when, e, e.Mend)
		}
	}
	_, err := r.deliveryKey("adco")
	wantCode(t, "nobody", err, entrustment.CodeNotFound)
	doc := partyDoc(t, "adco", entrustment.ClassAdPlatform, "ad1")
	r.must(t, r.party(t, doc), "op1", "op2")
	key, err := r.deliveryKey("adco")
	refused("none is pinned", "delivery_key", key, err)
	key, err = r.servingKey("adco")
	refused("none is pinned", "serving_key", key, err)

	first, second, serves := sealingKey(t, seal.XWing, 1), sealingKey(t, seal.X25519, 2), sealingKey(t, seal.XWing, 3)
	doc.DeliveryKey, doc.ServingKey = first.String(), serves.String()
	d := r.party(t, doc)
	for _, by := range []string{"op1", "op2"} {
		if out, err := r.approve(t, d, by); err != nil || out.Effective {
			t.Errorf("the operator alone pins a partner's key: %+v, %v", out, err)
		}
	}
	key, err = r.deliveryKey("adco")
	refused("a draft is none", "delivery_key", key, err)
	if out, err := r.approve(t, d, "ad1"); err != nil || !out.Effective {
		t.Fatalf("%+v, %v", out, err)
	}
	stand := func(when string, delivers, opens seal.PublicKey) {
		t.Helper()
		r.reopen(t)
		got, err := r.deliveryKey("adco")
		labels, err2 := r.servingKey("adco")
		if err != nil || err2 != nil || got != delivers || labels != opens {
			t.Errorf("%s: %v, %v", when, err, err2)
		}
		ps, err := r.Parties(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(ps, func(p wire.PartyInfo) bool { return p.Party.ID == "adco" })
		if ps[i].Delivery != delivers.Fingerprint() || ps[i].Serving != opens.Fingerprint() {
			t.Errorf("%s: shown as %q and %q", when, ps[i].Delivery, ps[i].Serving)
		}
	}
	stand("pinned", first, serves)
	doc.DeliveryKey = second.String()
	r.must(t, r.party(t, doc), "op1", "ad1")
	stand("replaced", second, serves)
	doc.DeliveryKey, doc.ServingKey = "", ""
	r.must(t, r.party(t, doc), "op1", "ad1")
	key, err = r.deliveryKey("adco")
	refused("taken out", "delivery_key", key, err)
}

// TestPartyKeysShown: an entry and the evidence tell a key by its fingerprint, and hold
// none of its letters.
func TestPartyKeysShown(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	p := *e.state.parties["acme"]
	key := sealingKey(t, seal.XWing, 1)
	p.DeliveryKey = key.String()
	if _, err := e.AddParty(t.Context(), &p); err != nil {
		t.Fatal(err)
	}
	page, err := e.Log(t.Context(), wire.LogRequest{Party: "acme", Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	f, evidence := evidenceOf(t, e, wire.EvidenceRequest{Entrustment: "e", Party: "acme"})
	for what, b := range map[string]string{"log": string(raw), "evidence": string(evidence)} {
		if !strings.Contains(b, `"delivery_fingerprint":"`+key.Fingerprint()+`"`) || strings.Contains(b, key.String()[:40]) {
			t.Errorf("the %s does not tell the key by its fingerprint", what)
		}
	}
	if i := slices.IndexFunc(f.Parties, func(p wire.EvidenceParty) bool { return p.ID == "acme" }); f.Parties[i].Delivery != key.Fingerprint() || f.Parties[i].Serving != "" {
		t.Errorf("%+v", f.Parties)
	}
}
