package entrustment

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"
)

// Generators of valid documents. Names are Japanese, look like numbers, or need
// quotes, as people's do.
var (
	genID   = rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,20}`)
	genName = rapid.OneOf(
		rapid.StringMatching(`[a-z][a-z0-9_]{0,12}`),
		rapid.StringMatching(`[ぁ-ん東京都年収帯<=%#:&*!?,{}\[\]~0-9-]{1,8}`),
		rapid.SampledFrom([]string{"true", "null", "no", "1e5", "0123", "2024-01-29", "~", ".", "- a", "a: b", "a # b", "=", ">=70", "𠮷野"}),
	).Filter(func(s string) bool { // the library writes a merge key for <<
		return s != "<<" && strings.TrimSpace(s) == s && !strings.HasPrefix(s, ".")
	})
	genDate = rapid.Map(rapid.IntRange(0, 20000), func(n int) Date {
		return DateOf(time.Date(2000, 1, 1, 0, 0, 0, 0, JST).AddDate(0, 0, n))
	})
	genEvidence = rapid.StringMatching(`sha256:[0-9a-f]{64}`)
	genDays     = rapid.Map(rapid.IntRange(1, 36500), func(n int) Days { return Days(n) })
)

func distinctOf[T comparable](g *rapid.Generator[T], low, high int) *rapid.Generator[[]T] {
	return rapid.SliceOfNDistinct(g, low, high, rapid.ID[T])
}

func genContract(t *rapid.T) *Contract {
	from := genDate.Draw(t, "from")
	names := distinctOf(genName, 2, 6).Draw(t, "names")
	parties := distinctOf(genID, 2, 2).Draw(t, "parties")
	c := &Contract{
		Schema: SchemaEntrustment, ID: genID.Draw(t, "id"), Flow: rapid.SampledFrom(Flows()).Draw(t, "flow"),
		Principal: parties[0], Trustee: parties[1], Purpose: rapid.SampledFrom([]Purpose{PurposeStatistics, PurposeAdvertising, PurposeImprovement}).Draw(t, "purpose"),
		Identifiers: distinctOf(rapid.SampledFrom(Kinds()), 0, 3).Draw(t, "kinds"), Attributes: names[:1], ListColumns: names[1:],
		Events: distinctOf(genName, 0, 3).Draw(t, "events"), Outputs: distinctOf(rapid.SampledFrom(Reports()), 1, 5).Draw(t, "outputs"),
		Recipients: distinctOf(genID, 1, 3).Draw(t, "recipients"), HostTrustAccepted: rapid.Bool().Draw(t, "host"),
		MaxListRows: rapid.Int64Range(0, 1<<62).Draw(t, "rows"), Countries: map[string]Country{},
		Retention: Retention{Lists: genDays.Draw(t, "lists"), Reports: genDays.Draw(t, "reports")}, From: from, Until: DateOf(from.End().AddDate(1, 0, 0)),
	}
	for _, p := range parties {
		c.Countries[p] = rapid.SampledFrom([]Country{{Country: "JP"}, {Country: "NO"}, {"US", "consent", aHash}}).Draw(t, "country")
	}
	for _, p := range distinctOf(genID, 0, 3).Draw(t, "sub-trustees") {
		s := SubTrustee{Party: p, Work: distinctOf(rapid.SampledFrom([]Work{WorkAsk, WorkOperate}), 1, 2).Draw(t, "work"), Consent: genEvidence.Draw(t, "consent")}
		if rapid.Bool().Draw(t, "days") {
			s.From, s.Until = from, from
		}
		c.SubTrustees = append(c.SubTrustees, s)
	}
	c.Basis = []Basis{
		{Party: parties[0], Code: BasisConsentPolicy, Policy: genName.Draw(t, "policy"), Clauses: distinctOf(genName, 1, 3).Draw(t, "clauses"), Evidence: genEvidence.Draw(t, "evidence"), From: from},
		{Party: parties[1], Code: rapid.SampledFrom([]BasisCode{BasisConsent27, BasisConsent31, BasisEntrust}).Draw(t, "code"), Scope: rapid.StringMatching(`[a-zぁ-ん"'\\#:%{} ]{0,20}`).Draw(t, "scope"), Evidence: aHash},
	}
	return c
}

func genCondition(t *rapid.T, depth int) *Condition {
	kinds := 4
	if depth > 0 {
		kinds = 7
	}
	kids := func() []Condition {
		out := []Condition{}
		for range rapid.IntRange(0, 3).Draw(t, "kids") {
			out = append(out, *genCondition(t, depth-1))
		}
		return out
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return &Condition{In: map[string][]string{genName.Draw(t, "attribute"): distinctOf(genName, 1, 4).Draw(t, "values")}}
	case 1:
		return &Condition{Between: map[string][]string{genName.Draw(t, "attribute"): distinctOf(genName, 2, 2).Draw(t, "bounds")}}
	case 2:
		return &Condition{List: genName.Draw(t, "list")}
	case 3:
		return &Condition{Event: &EventCondition{Category: genName.Draw(t, "category"), AtLeast: rapid.IntRange(1, 99).Draw(t, "n"), Within: genDays.Draw(t, "within")}}
	case 4:
		return &Condition{All: kids()}
	case 5:
		return &Condition{Any: kids()}
	}
	return &Condition{Not: genCondition(t, depth-1)}
}

func genQuestion(t *rapid.T) *Question {
	from := genDate.Draw(t, "from")
	q := &Question{
		Schema: SchemaReport, Report: rapid.SampledFrom(Reports()).Draw(t, "report"), Entrustment: genID.Draw(t, "entrustment"), List: genName.Draw(t, "list"),
		Dims: distinctOf(genName, 0, 4).Draw(t, "dims"), Where: genCondition(t, 3), Sigma: rapid.IntRange(0, 50).Draw(t, "sigma"),
		Window: &Window{from, from}, Total: rapid.Bool().Draw(t, "total"), Recipient: genID.Draw(t, "recipient"), Purpose: rapid.SampledFrom([]Purpose{"", PurposeStatistics, PurposeAdvertising, PurposeImprovement}).Draw(t, "purpose"),
	}
	if OfCampaign(q.Report) {
		q.Campaign = genID.Draw(t, "campaign")
	}
	if q.Report == ReportAttribution && rapid.Bool().Draw(t, "attribution") {
		days := rapid.Map(rapid.IntRange(1, MaxLookBack), func(n int) Days { return Days(n) })
		q.Attribution = &Attribution{Model: rapid.SampledFrom([]AttributionModel{LastTouch, FirstLast, EvenTouch, TimeDecay}).Draw(t, "model"), Click: days.Draw(t, "click"), View: days.Draw(t, "view")}
		if q.Attribution.Model == TimeDecay {
			q.Attribution.HalfLife = days.Draw(t, "half-life")
		}
	}
	return q
}

func genGeneraliser(t *rapid.T) *Generaliser {
	band := &Band{Width: 5, From: 5 * rapid.IntRange(0, 5).Draw(t, "from"), To: 70}
	return rapid.SampledFrom([]*Generaliser{{BirthDate: band}, {Age: band}, {Prefecture: true}, {Region: true}, {Amount: []int64{1, 1000, 1 << 40}}}).Draw(t, "generaliser")
}

func genBase(t *rapid.T) *BaseSchema {
	b := &BaseSchema{Schema: SchemaBase, Region: "JP", UserKey: "uid", Verified: VerifiedAll, Consent: ConsentColumns{"v", "d"},
		Identifiers: []IdentifierColumn{{Column: "メール", Kind: KindEmail}, {Column: "c", Kind: KindCookie, Namespace: genName.Draw(t, "namespace")}}, Attributes: []Attribute{}}
	for i := range rapid.IntRange(0, 5).Draw(t, "attributes") {
		a := Attribute{Column: fmt.Sprintf("列%d", i), Name: fmt.Sprintf("属性%d", i)}
		if rapid.Bool().Draw(t, "banded") {
			a.Generalise = genGeneraliser(t)
			a.Shares = map[string]float64{a.Domain()[0]: 0.25, Unknown: rapid.Float64Range(0, 0.5).Draw(t, "share")}
		} else {
			a.Values = rapid.SliceOfNDistinct(genValue, 1, 6, fold).Draw(t, "values")
		}
		b.Attributes = append(b.Attributes, a)
	}
	return b
}

func genList(t *rapid.T) *ListSchema {
	l := &ListSchema{Schema: SchemaList, Columns: []ListColumn{{Column: "mail", Kind: KindEmail, Profile: "amc"}}, Drop: []string{"氏名"}}
	l.Columns = append(l.Columns, ListColumn{Column: "年代", Name: "年代", Generalise: genGeneraliser(t)},
		ListColumn{Column: "x", Name: "x", Values: rapid.SliceOfNDistinct(genValue, 1, 6, fold).Draw(t, "values")})
	if rapid.Bool().Draw(t, "consent") {
		l.Consent = &ListConsent{"同意"}
	}
	return l
}

// checkRoundTrip holds that a document survives being kept as JSON (the record
// log does so) and being written as YAML.
func checkRoundTrip[T any](t *testing.T, gen func(*rapid.T) *T, parse func(string, []byte) (*T, error)) {
	rapid.Check(t, func(rt *rapid.T) {
		v := gen(rt)
		want, err := json.Marshal(v)
		if err != nil {
			rt.Fatal(err)
		}
		var viaStd T
		if err := json.Unmarshal(want, &viaStd); err != nil {
			rt.Fatalf("encoding/json: %v", err)
		}
		forms := map[string][]byte{"JSON": want, "YAML of the flow form": append(append([]byte{}, want...), " # yaml"...)}
		if forms["YAML"], err = yaml.Marshal(v); err != nil {
			rt.Fatal(err)
		}
		if forms["encoding/json"], err = json.Marshal(viaStd); err != nil {
			rt.Fatal(err)
		}
		for name, data := range forms {
			back, err := parse("doc", data)
			if err != nil {
				rt.Fatalf("%s: %v\n%s", name, err, data)
			}
			if got, _ := json.Marshal(back); string(got) != string(want) {
				rt.Fatalf("%s:\n%s\nbecame\n%s", name, want, got)
			}
		}
	})
}

func TestContractsSurviveTheRecordLog(t *testing.T) { checkRoundTrip(t, genContract, ParseContract) }
func TestQuestionsSurviveTheRecordLog(t *testing.T) { checkRoundTrip(t, genQuestion, ParseQuestion) }
func TestCampaignsSurviveTheRecordLog(t *testing.T) { checkRoundTrip(t, genCampaign, ParseCampaign) }
func TestBasesSurviveTheRecordLog(t *testing.T)     { checkRoundTrip(t, genBase, ParseBaseSchema) }
func TestListsSurviveTheRecordLog(t *testing.T)     { checkRoundTrip(t, genList, ParseListSchema) }
func TestPartiesSurviveTheRecordLog(t *testing.T) {
	checkRoundTrip(t, func(t *rapid.T) *Party {
		return &Party{SchemaParty, genID.Draw(t, "id"), ClassAdPlatform, genID.Draw(t, "group"), "US", FormatUploadKey(make([]byte, 32)),
			"awase-seal-xwing-" + strings.Repeat("A", 1622), "awase-seal-x25519-" + strings.Repeat("_", 43),
			[]Officer{{"a", FormatUploadKey(make([]byte, 32)), ""}, {"b", "passkey:pQECAyYgAQ==", "https://room.example.jp"}}}
	}, ParseParty)
}
func TestPoliciesSurviveTheRecordLog(t *testing.T) {
	checkRoundTrip(t, func(t *rapid.T) *Policies {
		return &Policies{SchemaPolicies, []PolicyVersion{{genName.Draw(t, "version"), genDate.Draw(t, "date"),
			map[string][]Flow{genName.Draw(t, "clause"): {FlowAnalysis5}, genName.Draw(t, "clause"): {FlowDelivery24}}}}}
	}, ParsePolicies)
}

// fuzzDocument holds that a parser never panics, refuses with an *Error, and
// that what it takes has one meaning: kept as JSON it reads the same.
func fuzzDocument[T any](f *testing.F, name string, parse func(string, []byte) (*T, error)) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 7 {
		f.Fatalf("no seeds: %d examples, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{"", "{}", "[", "a: &a b", "a: *a", "<<: x", "? a", "--- a\n---", "a: |\n b", "\t", "\xff", "{\"a\": 1, \"a\": 2}", "schema: " + name, "a: 'b", "- - - a", "%YAML 1.2", "!!x y"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parse("doc.yaml", data)
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || v != nil || e.Detail == "" || e.Mend == "" || !strings.HasPrefix(e.Field, "doc.yaml") {
				t.Fatalf("a refusal that says too little: %v", err)
			}
			return
		}
		kept, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse("doc.yaml", kept)
		if err != nil {
			t.Fatalf("taken once, refused when kept: %v\n%s", err, kept)
		}
		if got, _ := json.Marshal(again); string(got) != string(kept) {
			t.Fatalf("two meanings:\n%s\n%s", kept, got)
		}
	})
}

func FuzzParseParty(f *testing.F)      { fuzzDocument(f, SchemaParty, ParseParty) }
func FuzzParsePolicies(f *testing.F)   { fuzzDocument(f, SchemaPolicies, ParsePolicies) }
func FuzzParseBaseSchema(f *testing.F) { fuzzDocument(f, SchemaBase, ParseBaseSchema) }
func FuzzParseListSchema(f *testing.F) { fuzzDocument(f, SchemaList, ParseListSchema) }
func FuzzParseContract(f *testing.F)   { fuzzDocument(f, SchemaEntrustment, ParseContract) }
func FuzzParseQuestion(f *testing.F)   { fuzzDocument(f, SchemaReport, ParseQuestion) }
func FuzzParseCampaign(f *testing.F)   { fuzzDocument(f, SchemaCampaign, ParseCampaign) }
