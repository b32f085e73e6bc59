package entrustment

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	ages := (&Generaliser{BirthDate: &Band{5, 20, 70}}).Domain()
	prefectures := (&Generaliser{Prefecture: true}).Domain()
	pay := (&Generaliser{Amount: []int64{3000000, 5000000, 8000000}}).Domain()
	for _, c := range []struct {
		typed  string
		domain []string
		want   []string
	}{
		{"東京", prefectures, []string{"東京都"}},
		{"神奈川", prefectures, []string{"神奈川県"}},
		{"25-34", ages, []string{"25-29", "30-34"}},
		{"２５-２９", ages, []string{"25-29"}},
		{"<25", ages, []string{"<20", "20-24"}},
		{">70", ages, []string{">=70"}},
		{"27", ages, []string{"25-29"}},
		{"3000000-5000000", pay, []string{"3000000-4999999", "5000000-7999999"}},
		{"femal", []string{"female", "male", Unknown}, []string{"female"}},
		{"Gold", []string{"gold", "silver", Unknown}, []string{"gold"}},
		{"profil", Reports(), []string{"profile"}},
		{"自転車", prefectures, nil},
		{"", ages, nil},
	} {
		if got := Nearest(c.typed, c.domain); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.typed, got, c.want)
		}
	}
}

// A value of the domain is nearest to itself, and what is near is of the domain.
func TestNearestIsOfTheDomain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		domain := rapid.SampledFrom([][]string{(&Generaliser{Prefecture: true}).Domain(), (&Generaliser{BirthDate: &Band{5, 20, 70}}).Domain(), {"gold", "silver", Unknown}}).Draw(t, "domain")
		v := rapid.SampledFrom(domain).Draw(t, "value")
		if got := Nearest(v, domain); !slices.Contains(got, v) {
			t.Fatalf("%q is not nearest to itself: %q", v, got)
		}
		for _, near := range Nearest(rapid.String().Draw(t, "typed"), domain) {
			if !slices.Contains(domain, near) {
				t.Fatalf("%q is no value", near)
			}
		}
	})
}

// identifiers draws what somebody might paste where a value belongs.
func identifiers() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		digit := func(n int) string { return rapid.StringMatching(fmt.Sprintf("[0-9]{%d}", n)).Draw(t, "digits") }
		mail := rapid.StringMatching(`[a-z0-9._+]{1,12}[@＠][a-z0-9-]{1,10}\.(jp|com|co\.jp)`).Draw(t, "mail")
		sum := sha256.Sum256([]byte(mail))
		return rapid.SampledFrom([]string{
			mail, strings.ToUpper(mail), `"` + mail + `"`, "<" + mail + ">",
			"090-" + digit(4) + "-" + digit(4), "090" + digit(8), "+81 90 " + digit(4) + " " + digit(4), "03(" + digit(4) + ")" + digit(4), "０９０－１２３４－" + digit(4), digit(3) + "-" + digit(4),
			hex.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(sum[:]), hex.EncodeToString(sum[:16]), hex.EncodeToString(sum[:20]),
			fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]), "GA1.2." + digit(10) + "." + digit(10), digit(16),
			"090_" + digit(4) + "_" + digit(4), "090・" + digit(4) + "・" + digit(4), "090ー" + digit(4) + "ー" + digit(4), "090:" + digit(4) + ":" + digit(4), "+81,90," + digit(4) + "," + digit(4), "090-20121225", "090-2012-1225",
			"md5:" + hex.EncodeToString(sum[:16]), fmt.Sprintf("{%X-%X}", sum[:4], sum[4:16]), "a1b2" + hex.EncodeToString(sum[:6]), fmt.Sprintf("%x %x", sum[:4], sum[4:16]),
		}).Draw(t, "identifier")
	})
}

// No identifier is shown, nor in the refusal that would show it.
func TestNoIdentifierIsShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := identifiers().Draw(t, "identifier")
		for _, domain := range [][]string{(&Generaliser{Prefecture: true}).Domain(), (&Generaliser{BirthDate: &Band{5, 20, 70}}).Domain(), {"gold", Unknown}} {
			if got := Shown(id, domain); got != hidden {
				t.Fatalf("%q is shown as %s", id, got)
			}
			if err := NotInDomain("where", "tier", id, domain); strings.Contains(err.Error(), id) {
				t.Fatalf("%q stands in %v", id, err)
			}
		}
		if q := Quote(id); strings.Contains(q, id) {
			t.Fatalf("%q is quoted as %s", id, q)
		}
	})
}

// What is hidden from messages is no value of a domain either: those stand in the
// record log.
func TestNoIdentifierIsAValue(t *testing.T) {
	for _, v := range []string{"5d41402abc4b2a76b9719d911017c592", "md5:5d41402abc4b2a76b9719d911017c592", "{EA7583CD-A667-48BC-B806-42ECB2B48606}", "090_1234_5678", "090ー1234ー5678", "090-20121225", "090-2012-12-25", "taro@example.jp"} {
		if CheckDomain("columns", "tier", []string{v, Unknown}) == nil {
			t.Errorf("%q is taken as a value", v)
		}
	}
	for _, v := range []string{"gold", "10000000-19999999", "<20", "2026-04-01", "2026-04-01〜2026-09-30", "20260401-20260930", "東京都", "cafe-deface-bead"} {
		if err := CheckDomain("columns", "tier", []string{v, Unknown}); err != nil {
			t.Errorf("%q: %v", v, err)
		}
	}
}

// What people type where a value belongs is shown.
func TestValuesAreShown(t *testing.T) {
	pay := (&Generaliser{Amount: []int64{3000000, 5000000, 8000000}}).Domain()
	for _, v := range []string{"東京", "25-34", "ゴールド", "3000000-5000000", ">=70", "gold member", "part-time"} {
		if got := Shown(v, pay); got != `"`+v+`"` {
			t.Errorf("%q is shown as %s", v, got)
		}
	}
	for _, s := range []string{"2026-spring", "20261124", "spring-2026-11-24", "acme-2026", "spring", "春のリスト"} {
		if got := Quote(s); got != `"`+s+`"` {
			t.Errorf("%q is quoted as %s", s, got)
		}
	}
}

// A refusal names the place of what it refuses in the file, whatever stands
// around it.
func TestPlaceQuestion(t *testing.T) {
	spec := []byte("schema: awase.report/v1\nreport: profile\nentrustment: e\nlist: l\ndims: [gender, tier]\nwhere:\n  all:\n    - in: {prefecture: [大阪府, 東京]}\n    - {not: {list: other}}\n")
	for field, want := range map[string]string{
		"dims[1]":                       "s.yaml:5:16 (dims[1])",
		"where.all[0].in.prefecture[1]": "s.yaml:8:30 (where.all[0].in.prefecture[1])",
		"where.all[0].in.prefecture":    "s.yaml:8:24 (where.all[0].in.prefecture)",
		"where.all[1].not.list":         "s.yaml:9:20 (where.all[1].not.list)",
		"list":                          "s.yaml:4:7 (list)",
		"sigma":                         "sigma", // the file names none
		"basis[0].code":                 "basis[0].code",
		"until":                         "until",
		"":                              "",
	} {
		err := PlaceQuestion("s.yaml", spec, fmt.Errorf("asking: %w", &Error{Code: CodeDomain, Field: field, Detail: "d", Mend: "m"}))
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Field != want || e.Code != CodeDomain || e.Detail != "d" || e.Mend != "m" {
			t.Errorf("%q: %v, want %q", field, err, want)
		}
	}
	other := errors.New("other")
	if PlaceQuestion("s.yaml", spec, nil) != nil || PlaceQuestion("s.yaml", spec, other) != other {
		t.Error("what is no refusal changed")
	}
}

// A document of another schema is told by what it is.
func TestOtherDocument(t *testing.T) {
	contract := []byte("schema: awase.entrustment/v1\nid: e\n")
	spec := []byte("schema: awase.report/v1\nreport: profile\n")
	for _, c := range []struct {
		err        error
		what, mend string
	}{
		{second(ParseQuestion("a.yaml", contract)), "this is a contract (awase.entrustment/v1)", "give a spec.yaml (schema: awase.report/v1)"},
		{second(ParseContract("a.yaml", spec)), "this is a question (awase.report/v1)", "give a contract.yaml"},
		{second(ParseListSchema("a.yaml", spec)), "this is a question", "give a list.yaml"},
		{second(ParseQuestion("a.json", []byte(`{"schema":"awase.release/v1"}`))), "this is a report (awase.release/v1)", "give a spec.yaml"},
		{second(ParseQuestion("a.yaml", []byte("schema: awase.reprot/v1\n"))), `the schema is "awase.reprot/v1", not awase.report/v1`, "write schema: awase.report/v1"},
	} {
		e, ok := errors.AsType[*Error](c.err)
		if !ok || e.Code != CodeDocument || !strings.Contains(e.Detail, c.what) || !strings.Contains(e.Mend, c.mend) {
			t.Errorf("%v; want %q and %q", c.err, c.what, c.mend)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// What a refusal of a question names to be mended is what is wrong: the list's
// columns, the contract's key, what this version does not have.
func TestAskRefusalsNameTheirMend(t *testing.T) {
	for name, c := range map[string]struct {
		change     func(*fixture)
		want, mend string
	}{
		"column that the list lacks": {func(w *fixture) { w.ask.ListColumns = nil },
			`the list "l" was loaded without the column "tier"`, "load it again with the column declared in list.yaml"},
		"column of an event log": {func(w *fixture) {
			w.ask.EventColumns, w.q().Dims = []string{"device"}, []string{"device"}
		}, `"device" is a column of an event log`, "by category, day or week"},
		"an event where none is named": {func(w *fixture) { w.c().Events = nil }, `events: "page_view" is not listed`, "under events: in contract.yaml"},
		"a category where none is named": {func(w *fixture) {
			w.c().Events, w.q().Where, w.q().Report, w.q().Dims, w.q().Index = nil, nil, ReportBehaviour, nil, false
			w.q().Categories = []string{"page_view"}
		}, `events: "page_view" is not listed`, "under events: in contract.yaml"},
		"a value": {func(w *fixture) { w.q().Where = &Condition{In: map[string][]string{"gender": {"femal"}}} },
			`"gender" has no value "femal"`, `did you mean "female"? allowed: female, male`},
		"a report": {func(w *fixture) { w.q().Report = "profil" }, `"profil" is not a report`, `did you mean "profile"? this version has overlap`},
	} {
		w := worldOf(FlowAnalysis5, "")
		c.change(w)
		e, ok := errors.AsType[*Error](w.decide(actAsk))
		if !ok || !strings.Contains(e.Detail, c.want) || !strings.Contains(e.Mend, c.mend) {
			t.Errorf("%s: %v; want %q and %q", name, e, c.want, c.mend)
		}
	}
	// No list of the name at all is for who compiles the question to tell.
	w := worldOf(FlowAnalysis5, "")
	w.ask.ListColumns, w.ask.Unloaded = nil, true
	if err := w.decide(actAsk); err != nil {
		t.Error(err)
	}
}
