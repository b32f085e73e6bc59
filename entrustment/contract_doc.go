package entrustment

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// ParseContract reads contract.yaml and checks it by itself; whether the
// entrustment may be activated is DecideEntrust's, which knows the parties.
func ParseContract(file string, data []byte) (*Contract, error) {
	k, at, err := decode[Contract](file, data, SchemaEntrustment)
	if err != nil {
		return nil, err
	}
	c := &checker{at: at}
	c.id("id", k.ID)
	c.id("principal", k.Principal)
	c.id("trustee", k.Trustee)
	if k.Principal == k.Trustee {
		c.fail("trustee", "the principal and the trustee are one party", "name the party that does the work")
	}
	c.basis(k)
	c.each("identifiers", k.Identifiers, func(path, s string) { c.oneOf(path, s, Kinds()) })
	c.each("attributes", k.Attributes, c.dimension)
	c.each("list_columns", k.ListColumns, c.dimension)
	for i, s := range k.ListColumns {
		if slices.Contains(k.Attributes, s) {
			c.fail(item("list_columns", i), named(s)+" is an attribute of the base too", "rename the list's column, so that a report can tell them apart")
		}
	}
	c.each("events", k.Events, c.name)
	c.each("outputs", k.Outputs, func(path, s string) { c.oneOf(path, s, Reports()) })
	c.each("recipients", k.Recipients, c.id)
	c.subTrustees(k)
	c.each("deliver_attributes", k.DeliverAttributes, c.name)
	c.each("deliver_identifiers", k.DeliverIdentifiers, func(path, s string) { c.oneOf(path, s, Kinds()) })
	if k.Service != "" {
		c.name("service", k.Service)
	}
	if k.MaxListRows < 0 {
		c.fail("max_list_rows", "must not be negative", "give the most rows a list may have, or leave it out")
	}
	for _, id := range sorted(k.Countries) {
		where := k.Countries[id]
		path := member("countries", id)
		c.id(path, id)
		c.country(path, where.Country)
		if where.Evidence != "" {
			c.evidence(join(path, "evidence"), where.Evidence)
		}
		if where.Ground == GroundAdequate && !slices.Contains(strings.Fields(designated), where.Country) {
			c.fail(join(path, "ground"), "the Personal Information Protection Commission designated the EEA and GB, and no other country",
				fmt.Sprintf("name %s or %s, with its evidence", GroundConsent, GroundMeasures))
		}
	}
	c.span("until", k.From, k.Until)
	return done(k, c)
}

func (c *checker) basis(k *Contract) {
	seen := map[string]bool{}
	for i, b := range k.Basis {
		path := item("basis", i)
		c.id(join(path, "party"), b.Party)
		if seen[b.Party] {
			c.fail(join(path, "party"), "the party has two entries", "give one basis for each party")
		}
		seen[b.Party] = true
		c.evidence(join(path, "evidence"), b.Evidence)
		c.span(join(path, "until"), b.From, b.Until)
		c.each(join(path, "clauses"), b.Clauses, c.name)
		if b.Code == BasisConsentPolicy {
			if b.Policy == "" {
				c.fail(join(path, "policy"), "CONSENT_POLICY names the policy's version", "add policy: and the version that the users accepted")
			}
			if len(b.Clauses) == 0 {
				c.fail(join(path, "clauses"), "CONSENT_POLICY names the clauses relied on", `add clauses: like ["5"]`)
			}
		} else if b.Policy != "" || len(b.Clauses) > 0 {
			c.fail(path, fmt.Sprintf("policy and clauses belong to CONSENT_POLICY, not to %s", b.Code), "take them out or correct the code")
		}
		c.notice(path, b)
	}
}

// subTrustees checks the entries by themselves; who may be one is DecideEntrust's.
func (c *checker) subTrustees(k *Contract) {
	seen := map[string]bool{}
	for i, s := range k.SubTrustees {
		path := item("sub_trustees", i)
		c.id(join(path, "party"), s.Party)
		if seen[s.Party] {
			c.fail(join(path, "party"), "the party has two entries", "give one entry for each sub-trustee")
		}
		seen[s.Party] = true
		c.distinct(join(path, "work"), words(s.Work...))
		c.evidence(join(path, "consent"), s.Consent)
		c.span(join(path, "until"), s.From, s.Until)
		if !s.From.IsZero() && s.From.Before(k.From) {
			c.fail(join(path, "from"), "begins before the entrustment does", "give a day of the entrustment, or leave it out")
		}
		if !s.Until.IsZero() && k.Until.Before(s.Until) {
			c.fail(join(path, "until"), "ends after the entrustment does", "give a day of the entrustment, or leave it out")
		}
	}
}

// notice checks what the 2026 amendment asks of a provision for statistics
// (PRIVACY §8).
func (c *checker) notice(path string, b Basis) {
	if b.Code != BasisStat2026 {
		if b.Notice != "" || b.NoticeHash != "" || b.Agreement != "" || b.NoOnwardUse {
			c.fail(path, fmt.Sprintf("notice, notice_hash, agreement and no_onward_use belong to STAT_2026, not to %s", b.Code), "take them out or correct the code")
		}
		return
	}
	if u, err := url.Parse(b.Notice); err != nil || u.Scheme != "https" || u.Host == "" {
		c.fail(join(path, "notice"), "STAT_2026 needs the address of the public notice", "add notice: https://…")
	}
	c.evidence(join(path, "notice_hash"), b.NoticeHash)
	if b.Agreement == "" {
		c.fail(join(path, "agreement"), "STAT_2026 needs the written agreement", "add agreement: and its id")
	}
	if !b.NoOnwardUse {
		c.fail(join(path, "no_onward_use"), "STAT_2026 forbids other purposes and onward provision", "have it agreed and add no_onward_use: true")
	}
}

// bindNode reads `JP` or {country: US, ground: consent, evidence: "sha256:…"}.
func (c *Country) bindNode(b *binder, n *node, path string) *Error {
	if n.kind == scalarNode {
		c.Country = n.text
		return nil
	}
	type plain Country // without bindNode
	return b.bindInto((*plain)(c), n, path)
}

// UnmarshalJSON reads both forms, as bindNode does.
func (c *Country) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &c.Country)
	}
	type plain Country
	return json.Unmarshal(data, (*plain)(c))
}
