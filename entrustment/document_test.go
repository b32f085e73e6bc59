package entrustment

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// parsers are the documents of DESIGN §8 that this package reads; testdata
// holds the examples word for word.
var parsers = map[string]func(file string, data []byte) (any, error){
	"party.yaml":    reading(ParseParty),
	"policies.yaml": reading(ParsePolicies),
	"base.yaml":     reading(ParseBaseSchema),
	"list.yaml":     reading(ParseListSchema),
	"contract.yaml": reading(ParseContract),
	"spec.yaml":     reading(ParseQuestion),
	"campaign.yaml": reading(ParseCampaign),
}

func reading[T any](f func(string, []byte) (*T, error)) func(string, []byte) (any, error) {
	return func(file string, data []byte) (any, error) {
		v, err := f(file, data)
		if err != nil {
			return nil, err
		}
		return v, nil
	}
}

func example(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustParse[T any](t testing.TB, f func(string, []byte) (*T, error), name string) *T {
	t.Helper()
	v, err := f(name, example(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestExamplesOfTheDesignParse(t *testing.T) {
	for name, parse := range parsers {
		v, err := parse(name, example(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		// As JSON, which the API takes and the record log keeps.
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(name, data)
		if err != nil {
			t.Errorf("%s as JSON: %v\n%s", name, err, data)
			continue
		}
		if got, _ := json.Marshal(again); string(got) != string(data) {
			t.Errorf("%s changed on its way through JSON:\n%s\n%s", name, data, got)
		}
	}
	c := mustParse(t, ParseContract, "contract.yaml")
	if c.Flow != FlowAnalysis5 || c.Retention.Lists != 90 || c.From.String() != "2026-04-01" || c.Countries["acme"].Country != "JP" || c.MaxListRows != 20_000_000 {
		t.Errorf("contract.yaml read wrongly: %+v", c)
	}
	q := mustParse(t, ParseQuestion, "spec.yaml")
	if len(q.Where.All) != 3 || q.Where.All[2].Event.Within != 30 || q.Where.All[1].Not.List != "existing-customers" {
		t.Errorf("spec.yaml read wrongly: %+v", q.Where)
	}
	p := mustParse(t, ParsePolicies, "policies.yaml")
	if len(p.Policies[0].Clauses["5"]) != 3 || p.Policies[1].Clauses == nil {
		t.Errorf("policies.yaml read wrongly: %+v", p)
	}
}

// gateDoc stands for a document that is read elsewhere with Decode.
type gateDoc struct {
	Schema   string             `yaml:"schema"`
	K        int                `yaml:"k"`
	Sigma    []uint32           `yaml:"sigma"`
	DeltaThr float64            `yaml:"delta_thr"`
	Caps     map[string]int64   `yaml:"caps"`
	Budget   map[string]float64 `yaml:"budget"`
	Floor    *int64             `yaml:"list_floor"`
	Tick     time.Duration      `yaml:"tick"`
	Hard     *bool              `yaml:"hard"`
}

func TestDecodeOtherTypes(t *testing.T) {
	g, err := Decode[gateDoc]("gate.yaml", example(t, "gate.yaml"), "awase.gate/v1")
	if err != nil {
		t.Fatal(err)
	}
	if g.DeltaThr != 1e-8 || g.Tick != 5*time.Second || *g.Floor != 1000 || g.Budget["delta_30d"] != 4e-6 || g.Sigma[3] != 50 || g.Hard != nil {
		t.Errorf("read wrongly: %+v", g)
	}
}

func TestRefusals(t *testing.T) {
	officerKey := `"` + FormatUploadKey(make([]byte, 32)) + `"`
	sealed := func(suite string, n int) string { return "awase-seal-" + suite + "-" + strings.Repeat("A", n) }
	const party = "schema: awase.party/v1\nid: acme\nclass: client\ngroup: acme\ncountry: JP\n"
	const operatorHash = "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"
	contract, base, list, spec := string(example(t, "contract.yaml")), string(example(t, "base.yaml")), string(example(t, "list.yaml")), string(example(t, "spec.yaml"))
	swap := func(doc, old, new string) string {
		if !strings.Contains(doc, old) {
			t.Fatalf("the example has no %q", old)
		}
		return strings.Replace(doc, old, new, 1)
	}
	for _, c := range []struct {
		name, file, doc string
		field, says     string // what Field and the whole error must hold
	}{
		{"unknown key", "party.yaml", swap(party, "class:", "klass:"), "party.yaml:3:1", `"klass" is not known here; allowed: schema, id, class`},
		{"unknown key inside", "base.yaml", swap(base, "width: 5", "wide: 5"), "(attributes[0].generalise.birth_date)", `"wide"`},
		{"key twice", "party.yaml", party + "id: b\n", "party.yaml:6:1", "given twice"},
		{"key twice in JSON", "party.yaml", `{"schema":"awase.party/v1",` + "\n" + `"id":"a", "id":"b"}`, "party.yaml:2:11", "given twice"},
		{"missing key", "party.yaml", swap(party, "class: client\n", ""), "party.yaml:1:1 (class)", `required key "class" is missing`},
		{"null is missing", "party.yaml", swap(party, "client", "~"), "(class)", "missing"},
		{"empty", "party.yaml", swap(party, "class: client", `class: ""`), "party.yaml:3:8 (class)", "must not be empty"},
		{"enum", "party.yaml", swap(party, "client", "agency"), "party.yaml:3:8 (class)", `"agency" is not a value of this key; allowed: operator, client, ad-platform, trustee`},
		{"id", "party.yaml", swap(party, "id: acme", "id: Acme"), "party.yaml:2:5 (id)", "must be an id"},
		{"country in lower case", "party.yaml", swap(party, "JP", "jp"), "(country)", "ISO 3166"},
		{"country that is none", "party.yaml", swap(party, "JP", "XX"), "(country)", "ISO 3166"},
		{"a region is no country", "party.yaml", swap(party, "JP", "EU"), "(country)", "ISO 3166"},
		{"wrong schema", "party.yaml", swap(party, "party/v1", "party/v2"), "party.yaml:1:9 (schema)", "write schema: awase.party/v1"},
		{"no schema", "party.yaml", "id: acme\n", "(schema)", "write schema: awase.party/v1"},
		{"no mapping", "party.yaml", "- a\n- b\n", "party.yaml", "a document is a mapping"},
		{"nothing", "party.yaml", "", "party.yaml:1:1", "empty"},
		{"comments alone", "party.yaml", "# party\n", "party.yaml:1:1", "empty"},
		{"two documents", "party.yaml", party + "---\n" + party, "party.yaml:6:1", "more than one document"},
		{"anchor", "party.yaml", swap(party, "id: acme", "id: &a acme"), "party.yaml:2:5", "anchors"},
		{"alias", "party.yaml", swap(party, "id: acme", "id: *a"), "party.yaml:2:5", "anchors"},
		{"merge key", "party.yaml", party + "<<: {a: b}\n", "party.yaml:6", "merge keys"},
		{"tag", "party.yaml", swap(party, "id: acme", "id: !!str acme"), "party.yaml:2:5", "tags"},
		{"block", "party.yaml", swap(party, "id: acme", "id: >\n  acme"), "party.yaml:2:5", "blocks of text"},
		{"not UTF-8", "party.yaml", party + "# \x82\xa0\n", "party.yaml", "UTF-8"},
		{"unclosed", "party.yaml", "schema: [awase", "party.yaml:1:", "brackets"},
		{"deep", "party.yaml", strings.Repeat("[", 100) + strings.Repeat("]", 100), "party.yaml:1:34", "nested more than"}, // JSON
		{"deep in YAML", "party.yaml", strings.Repeat("[a, ", 100) + strings.Repeat("]", 100), "party.yaml:1:", "nested more than"},
		{"deep dashes", "party.yaml", strings.Repeat("- ", 100) + "a", "party.yaml:1:", "nested more than"},
		{"large", "party.yaml", party + "# " + strings.Repeat("x", maxDocument), "party.yaml", "larger than"},
		{"an officer without a key", "party.yaml", party + "officers: [{name: a}]\n", "(officers[0].key)", "missing"},
		{"an officer's key", "party.yaml", party + "officers: [{name: a, key: \"ed25519:AAAA\"}]\n", "(officers[0].key)", "awase officer key"},
		{"an officer's name", "party.yaml", party + "officers: [{name: 山田, key: " + officerKey + "}]\n", "(officers[0].name)", "must be an id"},
		{"two officers of a name", "party.yaml", party + "officers: [{name: a, key: " + officerKey + "}, {name: a, key: \"passkey:AAAA\", origin: \"https://a.example\"}]\n", "(officers[1].name)", "one name"},
		{"two officers of a key", "party.yaml", party + "officers: [{name: a, key: " + officerKey + "}, {name: b, key: " + officerKey + "}]\n", "(officers[1].key)", "one key"},
		{"a passkey of no page", "party.yaml", party + "officers: [{name: a, key: \"passkey:AAAA\"}]\n", "(officers[0])", "add origin"},
		{"a passkey that is none", "party.yaml", party + "officers: [{name: a, key: \"passkey:?\", origin: \"https://a.example\"}]\n", "(officers[0].key)", "no passkey"},
		{"a file's key of a page", "party.yaml", party + "officers: [{name: a, key: " + officerKey + ", origin: \"https://a.example\"}]\n", "(officers[0].origin)", "take it out"},
		{"a delivery key", "party.yaml", party + "delivery_key: awase-seal-xwing-AAAA\n", "party.yaml:6:15 (delivery_key)", "awase courier key made, the whole of it"},
		{"a delivery key that is an upload key", "party.yaml", party + "delivery_key: " + officerKey + "\n", "(delivery_key)", "awase courier key"},
		{"a serving key", "party.yaml", swap(party, "client", "ad-platform") + "serving_key: " + sealed("xwing", 1621) + "\n", "(serving_key)", "--serving"},
		{"a serving key of a client", "party.yaml", party + "serving_key: " + sealed("xwing", 1622) + "\n", "(serving_key)", "only an ad platform"},
		{"one key for both", "party.yaml", swap(party, "client", "ad-platform") + "delivery_key: " + sealed("x25519", 43) + "\nserving_key: " + sealed("x25519", 43) + "\n", "(serving_key)", "could open the labels"},
		{"list for a word", "party.yaml", swap(party, "id: acme", "id: [acme]"), "(id)", "must be a single value, and is a list"},

		{"basis empty", "contract.yaml", swap(contract, contract[strings.Index(contract, "basis:"):strings.Index(contract, "identifiers:")], "basis: []\n"), "(basis)", "must not be empty"},
		{"outputs empty", "contract.yaml", swap(contract, "[overlap, profile]", "[]"), "(outputs)", "must not be empty"},
		{"recipients empty", "contract.yaml", swap(contract, "recipients: [acme]", "recipients: []"), "(recipients)", "must not be empty"},
		{"no countries", "contract.yaml", swap(contract, "countries: {acme: JP}", ""), "(countries)", "missing"},
		{"retention without reports", "contract.yaml", swap(contract, " reports: 365d,", ""), "(retention.reports)", "missing"},
		{"days", "contract.yaml", swap(contract, "lists: 90d", "lists: 90"), "(retention.lists)", "like 90d"},
		{"date", "contract.yaml", swap(contract, "2026-09-30", "2026-09-31"), "(until)", "no such day"},
		{"dates the wrong way", "contract.yaml", swap(contract, "2026-09-30", "2025-09-30"), "(until)", "ends before it begins"},
		{"a principal alone", "contract.yaml", swap(contract, "trustee: operator", "trustee: acme"), "(trustee)", "one party"},
		{"a flow spelled wrong", "contract.yaml", swap(contract, "flow: 5-analysis", "flow: 5-analisis"), "(flow)", `"5-analisis" is not a value of this key`},
		{"a flow that may be somebody", "contract.yaml", swap(contract, "flow: 5-analysis", "flow: 5-090-1234-5678"), "(flow)", "(not shown)"},
		{"a flow that may be a member", "contract.yaml", swap(contract, "flow: 5-analysis", "flow: 123456"), "(flow)", "(not shown)"},
		{"unknown kind", "contract.yaml", swap(contract, "[email, phone]", "[email, fax]"), "(identifiers[1])", "allowed: email, phone, cookie, maid"},
		{"kind twice", "contract.yaml", swap(contract, "[email, phone]", "[email, email]"), "(identifiers[1])", "twice"},
		{"unknown report", "contract.yaml", swap(contract, "[overlap, profile]", "[overlap, rows]"), "(outputs[1])", "allowed: overlap, profile"},
		{"evidence", "contract.yaml", swap(contract, `"`+operatorHash+`"`, `"md5:00"`), "(basis[0].evidence)", "SHA-256"},
		{"no policy version", "contract.yaml", swap(contract, `policy: "2024-01-29", `, ""), "(basis[0].policy)", "version"},
		{"no clauses", "contract.yaml", swap(contract, `clauses: ["5"], `, ""), "(basis[0].clauses)", "clauses"},
		{"two entries of a sub-trustee", "contract.yaml", contract + subOf("x", "ask", "") + subOf("x", "ask", "")[len("sub_trustees:\n"):], "(sub_trustees[1].party)", "two entries"},
		{"work of a sub-trustee", "contract.yaml", contract + subOf("x", "ask, ask", ""), "(sub_trustees[0].work[1])", "named twice"},
		{"unknown work", "contract.yaml", contract + subOf("x", "read", ""), "(sub_trustees[0].work[0])", "allowed: ask, operate"},
		{"no work", "contract.yaml", contract + subOf("x", "", ""), "(sub_trustees[0].work)", "must not be empty"},
		{"no consent", "contract.yaml", swap(contract+subOf("x", "ask", ""), `, consent: "`+aHash+`"`, ""), "(sub_trustees[0].consent)", "missing"},
		{"a consent that is no hash", "contract.yaml", swap(contract+subOf("x", "ask", ""), `consent: "`+aHash+`"`, "consent: yes we agreed"), "(sub_trustees[0].consent)", "SHA-256"},
		{"a sub-trustee before", "contract.yaml", contract + subOf("x", "ask", ", from: 2026-03-31"), "(sub_trustees[0].from)", "before the entrustment"},
		{"a sub-trustee after", "contract.yaml", contract + subOf("x", "ask", ", until: 2026-10-01"), "(sub_trustees[0].until)", "after the entrustment"},
		{"a sub-trustee backwards", "contract.yaml", contract + subOf("x", "ask", ", from: 2026-05-02, until: 2026-05-01"), "(sub_trustees[0].until)", "ends before"},
		{"two bases", "contract.yaml", swap(contract, "{party: acme, ", "{party: operator, "), "(basis[1].party)", "two entries"},
		{"STAT_2026 without notice", "contract.yaml", swap(contract, "CONSENT_27_1", "STAT_2026"), "(basis[1].notice)", "public notice"},
		{"notice elsewhere", "contract.yaml", swap(contract, "code: CONSENT_27_1,", "code: CONSENT_27_1, agreement: x,"), "(basis[1])", "belong to STAT_2026"},
		{"policy elsewhere", "contract.yaml", swap(contract, "code: CONSENT_27_1,", "code: CONSENT_27_1, policy: x,"), "(basis[1])", "belong to CONSENT_POLICY"},
		{"one name for two", "contract.yaml", swap(contract, "[tier]", "[gender]"), "(list_columns[0])", "attribute of the base"},
		{"reserved name", "contract.yaml", swap(contract, "[tier]", "[matched_by]"), "(list_columns[0])", "reserved"},
		{"a quoted number", "contract.yaml", swap(contract, "20000000", `"20000000"`), "(max_list_rows)", "whole number"},
		{"a fraction", "contract.yaml", swap(contract, "20000000", "1.5"), "(max_list_rows)", "whole number"},
		{"yes is not true", "contract.yaml", swap(contract, "host_trust_accepted: false", "host_trust_accepted: yes"), "(host_trust_accepted)", "true or false"},
		{"country abroad", "contract.yaml", swap(contract, "{acme: JP}", "{acme: {country: USA}}"), "(countries.acme)", "ISO 3166"},
		{"a ground that is none", "contract.yaml", swap(contract, "{acme: JP}", "{acme: {country: US, ground: promised}}"), "(countries.acme.ground)", "consent, adequate-country, equivalent-measures"},
		{"adequacy of a country that has none", "contract.yaml", swap(contract, "{acme: JP}", "{acme: {country: US, ground: adequate-country}}"), "(countries.acme.ground)", "name consent or equivalent-measures"},
		{"country without a country", "contract.yaml", swap(contract, "{acme: JP}", "{acme: {ground: consent}}"), "(countries.acme.country)", "missing"},

		{"no domain", "base.yaml", swap(base, ",      values: [female, male, unknown]", ""), "(attributes[1])", "no closed domain"},
		{"both domains", "base.yaml", swap(base, "values: [female, male, unknown]", "values: [a], generalise: region"), "(attributes[1])", "keep one"},
		{"bands that do not fit", "base.yaml", swap(base, "width: 5", "width: 7"), "(attributes[0].generalise)", "divide"},
		{"too many bands", "base.yaml", swap(base, "width: 5, from: 20, to: 70", "width: 1, from: 20, to: 90"), "(attributes[0].generalise)", "more than 64"},
		{"amounts descend", "base.yaml", swap(base, "[3000000, 5000000", "[5000000, 3000000"), "(attributes[3].generalise)", "ascend"},
		{"no amounts", "base.yaml", swap(base, "[3000000, 5000000, 8000000, 12000000]", "[]"), "(attributes[3].generalise)", "bounds"},
		{"day is for events", "base.yaml", swap(base, "generalise: prefecture", "generalise: day"), "(attributes[2].generalise)", "day is for events"},
		{"unknown generaliser", "base.yaml", swap(base, "generalise: prefecture", "generalise: city"), "(attributes[2].generalise)", "allowed: prefecture, region"},
		{"two generalisers", "base.yaml", swap(base, "generalise: prefecture", "generalise: {amount: [1], age: {width: 1, from: 1, to: 2}}"), "(attributes[2].generalise)", "one generaliser"},
		{"a raw postcode", "base.yaml", swap(base, "generalise: prefecture", "values: [a, b]"), "(attributes[2].column)", "never enter"},
		{"cookie of nowhere", "base.yaml", swap(base, ", namespace: career-site", ""), "(identifiers[2].namespace)", "namespace"},
		{"email of somewhere", "base.yaml", swap(base, "kind: email}", "kind: email, namespace: a}"), "(identifiers[0].namespace)", "only cookies"},
		{"profile in the base", "base.yaml", swap(base, "kind: email}", "kind: email, profile: amc}"), "(identifiers[0].profile)", "raw data"},
		{"used and dropped", "base.yaml", swap(base, "drop: [name,", "drop: [sex,"), "(drop[0])", "used above"},
		{"restriction", "base.yaml", swap(base, "enquiry_only", "query_only"), "(restrictions[1].kind)", "allowed: service_limited, enquiry_only"},
		{"two of a name", "base.yaml", swap(base, "name: gender", "name: age_band"), "(attributes[1].name)", "one name"},
		{"shares of nothing", "base.yaml", swap(base, "values: [female, male, unknown]", "values: [female, male], shares: {other: 0.1}"), "(attributes[1].shares)", "domain"},
		{"shares above one", "base.yaml", swap(base, "values: [female, male, unknown]", "values: [female, male], shares: {female: 0.6, male: 0.6}"), "(attributes[1].shares)", "more than 1"},

		{"no identifier", "list.yaml", "schema: awase.list/v1\ncolumns: [{column: a, name: b, values: [c]}]\n", "(columns)", "identifier"},
		{"neither kind nor name", "list.yaml", swap(list, "kind: phone", "profile: amc"), "(columns[1])", "neither"},
		{"kind and name", "list.yaml", swap(list, "kind: phone", "kind: phone, name: tel"), "(columns[1])", "not both"},
		{"the same value twice", "list.yaml", swap(list, "gold, silver", "gold, ＧＯＬＤ"), "(columns[2].values[1])", "same value"},
		{"a name as a dimension", "list.yaml", swap(list, "column: 会員ランク", "column: 会員氏名"), "(columns[2].column)", "never enter"},
		{"too many values", "list.yaml", swap(list, "gold, silver, bronze", "v"+strings.Join(strings.Fields(strings.Repeat("x ", 70)), ", v")), "(columns[2].values)", "more than 64"},

		{"window", "spec.yaml", swap(spec, "to: 2026-04-30", "to: 2026-03-30"), "(window.to)", "ends before"},
		{"dim twice", "spec.yaml", swap(spec, "[age_band, gender]", "[gender, gender]"), "(dims[1])", "twice"},
		{"negative sigma", "spec.yaml", swap(spec, "sigma: 10", "sigma: -1"), "(sigma)", "negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parsers[c.file](c.file, []byte(c.doc))
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Code != CodeDocument {
				t.Errorf("the code is %s", e.Code)
			}
			if !strings.Contains(e.Field, c.field) || !strings.Contains(e.Error(), c.says) {
				t.Errorf("got  %v\nwant %q and %q", e, c.field, c.says)
			}
			if e.Mend == "" || e.Detail == "" {
				t.Errorf("no detail or no mend: %v", e)
			}
		})
	}
}

// panicky stands for a fault in a reader of values.
type panicky string

func (*panicky) UnmarshalText([]byte) error { panic("taro@example.jp") }

// echoing stands for a reader of values that repeats them.
type echoing string

func (*echoing) UnmarshalText(b []byte) error { return errors.New("bad value " + string(b)) }

func TestValuesThatMisbehave(t *testing.T) {
	doc := []byte("schema: s\nv: taro@example.jp\n")
	_, err := Decode[struct {
		Schema string  `yaml:"schema"`
		V      panicky `yaml:"v"`
	}]("d.yaml", doc, "s")
	_, err2 := Decode[struct {
		Schema string  `yaml:"schema"`
		V      echoing `yaml:"v"`
	}]("d.yaml", doc, "s")
	_, err3 := Decode[struct {
		Schema string   `yaml:"schema"`
		V      chan int `yaml:"v"`
	}]("d.yaml", doc, "s")
	for _, err := range []error{err, err2, err3} {
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != CodeDocument || strings.Contains(err.Error(), "taro") {
			t.Errorf("got %v", err)
		}
	}
}

func TestQuestionsThatCanNotBeAskedAreSpecErrors(t *testing.T) {
	const head = "schema: awase.report/v1\nreport: profile\nentrustment: e\n"
	for where, field := range map[string]string{
		"{}":                               "spec.yaml:4:8 (where)",
		"{all: [], any: []}":               "(where)",
		"{all: [{in: {a: [x]}, list: l}]}": "(where.all[0])",
		"{in: {a: [x], b: [y]}}":           "(where.in)",
		"{in: {a: []}}":                    "(where.in.a)",
		"{between: {a: [x]}}":              "(where.between.a)",
		"{not: {any: [{}]}}":               "(where.not.any[0])",
		"{event: {category: c, at_least: -1, within: 3d}}": "(where.event.at_least)",
	} {
		_, err := ParseQuestion("spec.yaml", []byte(head+"where: "+where+"\n"))
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != CodeSpec || !strings.Contains(e.Field, field) {
			t.Errorf("%s: got %v, want E_SPEC at %s", where, err, field)
		}
	}
	_, err := ParseQuestion("spec.yaml", []byte(strings.Replace(head, "profile", "people", 1)))
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != CodeSpec || !strings.Contains(e.Mend, "overlap, profile") {
		t.Errorf("unknown report: %v", err)
	}
	many := "{any: [" + strings.Repeat("{list: l},", MaxConditions) + "]}"
	_, err = ParseQuestion("spec.yaml", []byte(head+"where: "+many+"\n"))
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != CodeLimit {
		t.Errorf("too many conditions: %v", err)
	}
}

func TestWhatMayBeEmpty(t *testing.T) {
	doc := string(example(t, "contract.yaml"))
	for _, old := range []string{"attributes: [age_band, gender, prefecture]", "identifiers: [email, phone]", "countries: {acme: JP}"} {
		key, _, _ := strings.Cut(old, ":")
		empty := "[]"
		if key == "countries" {
			empty = "{}"
		}
		if _, err := ParseContract("contract.yaml", []byte(strings.Replace(doc, old, key+": "+empty, 1))); err != nil {
			t.Errorf("%s empty: %v", key, err)
		}
	}
}

func TestCountryForms(t *testing.T) {
	doc := strings.Replace(string(example(t, "contract.yaml")), "{acme: JP}", `{acme: JP, adco: {country: US, ground: consent, evidence: "`+aHash+`"}, nor: NO}`, 1)
	c, err := ParseContract("contract.yaml", []byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Countries["adco"]; got != (Country{"US", "consent", aHash}) || c.Countries["nor"].Country != "NO" {
		t.Errorf("got %+v", c.Countries)
	}
	var plain Country
	if err := json.Unmarshal([]byte(`"JP"`), &plain); err != nil || plain.Country != "JP" {
		t.Errorf("scalar JSON: %v %v", plain, err)
	}
}

// Somebody will feed a data file where a document belongs.
func TestErrorsRepeatNoValue(t *testing.T) {
	secrets := []string{"taro@example.jp", "090-1234-5678", "5c1f61df21ac9b2d4b0f6a5b8d7a3c0e5c1f61df21ac9b2d4b0f6a5b8d7a3c0e", "山田 太郎 1990年4月1日"}
	for _, s := range secrets {
		docs := []string{s, "- " + s, s + ": x", "schema: " + s, `{"` + s + `": 1}`, "schema: awase.party/v1\n" + s + ": x"}
		for _, k := range []string{"id", "class", "group", "country"} {
			docs = append(docs, "schema: awase.party/v1\nid: a\nclass: client\ngroup: a\ncountry: JP\n"[:23]+k+": "+s+"\n", "schema: awase.party/v1\n"+k+": {"+s+": x}\n")
		}
		docs = append(docs, "schema: awase.party/v1\nid: ["+s, "schema: awase.party/v1\nid: \""+s, "schema: awase.party/v1\n\tid: "+s)
		for _, doc := range docs {
			for name, parse := range parsers {
				_, err := parse(name, []byte(doc))
				if err == nil {
					t.Fatalf("%s took a document with a secret", name)
				}
				for _, word := range append(strings.Fields(s), s) {
					if len(word) > 3 && strings.Contains(err.Error(), word) {
						t.Errorf("%s: the error of %q repeats it: %v", name, doc, err)
					}
				}
			}
		}
	}
	contract := string(example(t, "contract.yaml"))
	for _, s := range secrets[:3] {
		for _, old := range []string{"acme-2026-spring", "[age_band", "{acme: JP}", "2026-04-01", "90d"} {
			new := s
			switch old {
			case "[age_band":
				new = `["` + s + `/"`
			case "{acme: JP}":
				new = `{"` + s + `": JP}`
			}
			_, err := ParseContract("contract.yaml", []byte(strings.Replace(contract, old, new, 1)))
			if err != nil && strings.Contains(err.Error(), s) {
				t.Errorf("%s for %s: %v", s, old, err)
			}
		}
	}
}

func TestYAMLAndJSONAgree(t *testing.T) {
	const text = `{"schema": "awase.list/v1", "columns": [{"column": "a", "kind": "email"},` +
		`{"column": "年収", "name": "x", "values": ["\u003c20", "\ud842\udfb7", "true", "null", "0123", "a\/b", "1e5", ">=70", " #", "- a", "a: b"]}]}`
	want, err := ParseListSchema("list.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	// A comment makes it YAML.
	got, err := ParseListSchema("list.yaml", []byte(text+" # yaml\n"))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if string(a) != string(b) {
		t.Errorf("JSON gives %s\nYAML gives %s", a, b)
	}
	if v := want.Columns[1].Values; v[0] != "<20" || v[1] != "𠮷" || v[4] != "0123" {
		t.Errorf("got %q", v)
	}
}

// TestEightOfAKind is PRIVACY rule 3's bound on what one person shares.
func TestEightOfAKind(t *testing.T) {
	for n, ok := range map[int]bool{8: true, 9: false} {
		base, list := "schema: awase.base/v1\nregion: JP\nuser_key: k\nverified: all\nconsent: {version: v, date: d}\nattributes: []\nidentifiers:\n",
			"schema: awase.list/v1\ncolumns:\n"
		for i := range n {
			base += fmt.Sprintf("  - {column: e%d, kind: email}\n", i)
			list += fmt.Sprintf("  - {column: e%d, kind: email}\n", i)
		}
		if _, err := ParseBaseSchema("base.yaml", []byte(base)); (err == nil) != ok {
			t.Errorf("a base with %d email columns: %v", n, err)
		}
		if _, err := ParseListSchema("list.yaml", []byte(list)); (err == nil) != ok {
			t.Errorf("a list with %d email columns: %v", n, err)
		}
	}
}

// subOf is a contract's entry of a sub-trustee.
func subOf(party, work, more string) string {
	return fmt.Sprintf("sub_trustees:\n  - {party: %s, work: [%s], consent: %q%s}\n", party, work, aHash, more)
}

// TestEvidenceIsAHash: wherever a contract names a document, it does so by all 64
// digits of its SHA-256, as the record log keeps them for good; the editor's JSON
// schema says the same.
func TestEvidenceIsAHash(t *testing.T) {
	t.Parallel()
	digest := strings.TrimPrefix(aHash, "sha256:")
	stat := "{party: operator, code: STAT_2026, notice: \"https://example.jp/n\", notice_hash: \"%s\", agreement: a1, no_onward_use: true, evidence: \"" + aHash + "\"}"
	base := string(example(t, "contract.yaml"))
	start, end := strings.Index(base, "  - {party: operator"), strings.Index(base, "  - {party: acme")
	places := map[string]string{
		"basis[1].evidence":       strings.Replace(base, aHash, "%s", 1),
		"countries.adco.evidence": strings.Replace(base, "\ncountries: {acme: JP}", "\ncountries: {acme: JP, adco: {country: US, ground: consent, evidence: \"%s\"}}", 1),
		"sub_trustees[0].consent": base + strings.Replace(subOf("helper", "ask", ""), aHash, "%s", 1),
		"basis[0].notice_hash":    base[:start] + "  - " + stat + "\n" + base[end:],
	}
	file, err := os.ReadFile("schemas/entrustment.json")
	if err != nil {
		t.Fatal(err)
	}
	var editor struct {
		Defs struct {
			Evidence struct{ Pattern string } `json:"evidence"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(file, &editor); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(file), `"#/$defs/evidence"`); n != len(places) {
		t.Errorf("the JSON schema asks for a hash in %d places, want %d", n, len(places))
	}
	pattern := regexp.MustCompile(editor.Defs.Evidence.Pattern)
	for hash, ok := range map[string]bool{
		aHash: true, "sha256:60xb316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289": false, "sha256:" + digest[1:]: false, "sha256:" + digest + "0": false,
		"sha256:" + strings.ToUpper(digest): false, "sha256:x" + digest[1:]: false, "SHA256:" + digest: false, "sha256: " + digest: false, digest: false, "sha256:…": false, "sha256:": false,
	} {
		if pattern.MatchString(hash) != ok {
			t.Errorf("the JSON schema takes %q: %t, want %t", hash, !ok, ok)
		}
		for path, doc := range places {
			if !strings.Contains(doc, "%s") {
				t.Fatalf("%s: nothing to fill in", path)
			}
			_, err := ParseContract("contract.yaml", []byte(strings.Replace(doc, "%s", hash, 1)))
			var refused *Error
			if ok && err != nil {
				t.Errorf("%s: %q is refused: %v", path, hash, err)
			} else if !ok && (!errors.As(err, &refused) || !strings.Contains(refused.Field, "("+path+")") || !strings.Contains(refused.Mend, "64 hex digits")) {
				t.Errorf("%s: %q: %v", path, hash, err)
			}
		}
	}
}
