package render

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"awase/entrustment"
)

// Lang chooses the words shown. The zero Lang is Japanese with English beside
// it.
type Lang string

// The languages.
const (
	Both     Lang = ""
	Japanese Lang = "ja"
	English  Lang = "en"
)

// text is one thing said in both languages.
type text struct{ ja, en string }

// in gives the words in a language; both are set side by side where they
// differ.
func (t text) in(l Lang) string {
	switch {
	case l == English && t.en != "":
		return t.en
	case l == Japanese, t.en == "", t.en == t.ja:
		return t.ja
	case t.ja == "":
		return t.en
	}
	return t.ja + " " + t.en
}

// short gives the words where there is room for one language only.
func (t text) short(l Lang) string {
	if l == English {
		return t.in(English)
	}
	return t.in(Japanese)
}

var dimNames = map[string]text{
	"age_band":    {"年代", "age"},
	"gender":      {"性別", "gender"},
	"prefecture":  {"都道府県", "prefecture"},
	"region":      {"地方", "region"},
	"salary_band": {"年収", "salary"},
	"income":      {"所得", "income"},
	"education":   {"学歴", "education"},
	"occupation":  {"職業", "occupation"},
	"workclass":   {"勤務形態", "work class"},
	"tier":        {"会員ランク", "tier"},

	entrustment.DimMatchedBy: {"突合に使った識別子", "identifier matched"},
	entrustment.DimCategory:  {"行動の種類", "category"},
	entrustment.DimDay:       {"日", "day"},
	entrustment.DimWeek:      {"週（初日）", "week from"},
	entrustment.DimTouch:     {"接触", "touch"},
	"frequency":              {"接触回数", "frequency"},
	"assignment":             {"配信の有無", "assignment"},
}

// dimLabel gives the name of a dimension in words; one we have no words for
// keeps its own.
func dimLabel(name string) text {
	if t, ok := dimNames[name]; ok {
		return t
	}
	return text{name, name}
}

var valueNames = map[string]map[string]text{
	"gender": {
		"female": {"女性", "female"}, "male": {"男性", "male"},
		"Female": {"女性", "female"}, "Male": {"男性", "male"},
	},
	entrustment.DimMatchedBy: {
		"email": {"メール", "email"}, "phone": {"電話番号", "phone"},
		"cookie": {"クッキー", "cookie"}, "maid": {"広告ID", "ad id"},
	},
	"assignment": {
		"treated": {"配信した", "treated"}, "holdout": {"ホールドアウト", "held out"},
	},
	"tier": {
		"gold": {"ゴールド", "gold"}, "silver": {"シルバー", "silver"}, "bronze": {"ブロンズ", "bronze"},
	},
}

// valueLabel gives a value of a dimension in words. Bands of age and of yen
// are recognised by the dimension's name, everything else keeps its own words.
func valueLabel(dim, value string) text {
	if value == entrustment.Unknown {
		return text{"不明", "unknown"}
	}
	if t, ok := valueNames[dim][value]; ok {
		return t
	}
	switch dim {
	case "age_band":
		return bandLabel(value, band{ja: digits, en: digits, unit: "歳"})
	case "frequency":
		return bandLabel(value, band{ja: digits, en: digits, unit: "回"})
	case entrustment.DimTouch:
		return touchLabel(value)
	case "salary_band":
		return bandLabel(value, band{ja: man, en: millions, unit: "円", sign: "¥"})
	}
	// A prefecture is one whatever the column is called.
	if en, ok := entrustment.PrefectureEnglish(value); ok {
		return text{value, en}
	}
	if en, ok := entrustment.RegionEnglish(value); ok && dim == "region" {
		return text{value, en}
	}
	return text{value, value}
}

// touchLabel gives a touch in words: a kind of event, and its category.
func touchLabel(value string) text {
	kind, category, ok := strings.Cut(value, "/")
	switch {
	case value == entrustment.Unattributed:
		return text{"接触なし", "no touch"}
	case ok && kind == string(entrustment.EventClick):
		return text{"クリック：" + category, "click: " + category}
	case ok && kind == string(entrustment.EventImpression):
		return text{"表示：" + category, "impression: " + category}
	}
	return text{value, value}
}

// band says how the ends of a band are written.
type band struct {
	ja, en     func(int64) string
	unit, sign string // behind the Japanese number, before the English one
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

// bandLabel reads "<a", "a-b", ">=z" as DESIGN §8 writes bands; what is none
// keeps its own words.
func bandLabel(value string, b band) text {
	read := func(s string) (int64, bool) {
		n, err := strconv.ParseInt(s, 10, 64)
		return n, err == nil && n >= 0
	}
	if s, ok := strings.CutPrefix(value, "<"); ok {
		if n, ok := read(s); ok {
			return text{b.ja(n) + b.unit + "未満", "<" + b.sign + b.en(n)}
		}
	}
	if s, ok := strings.CutPrefix(value, ">="); ok {
		if n, ok := read(s); ok {
			return text{b.ja(n) + b.unit + "以上", "≥" + b.sign + b.en(n)}
		}
	}
	if lo, hi, ok := strings.Cut(value, "-"); ok {
		from, okFrom := read(lo)
		to, okTo := read(hi)
		switch {
		case !okFrom || !okTo:
		case (to+1)%10_000 == 0: // 3000000-4999999: to below five million
			return text{b.ja(from) + "〜" + b.ja(to+1) + b.unit + "未満", b.sign + b.en(from) + "–" + b.en(to+1)}
		default:
			return text{b.ja(from) + "〜" + b.ja(to) + b.unit, b.sign + b.en(from) + "–" + b.en(to)}
		}
	}
	return text{value, value}
}

// man writes yen in units of ten thousand, as salaries are spoken of.
func man(yen int64) string {
	if yen%10_000 != 0 {
		return thousands(yen)
	}
	return thousands(yen/10_000) + "万"
}

// millions writes yen as 3M, 2.5M; what is no round number of them in full.
func millions(yen int64) string {
	if yen%10_000 != 0 || yen == 0 {
		return thousands(yen)
	}
	return strconv.FormatFloat(float64(yen)/1e6, 'f', -1, 64) + "M"
}

var reportNames = map[string]text{
	entrustment.ReportOverlap:        {"重なり", "Overlap"},
	entrustment.ReportProfile:        {"プロフィール", "Profile"},
	entrustment.ReportBehaviour:      {"行動", "Behaviour"},
	entrustment.ReportReachFrequency: {"リーチと頻度", "Reach and frequency"},
	entrustment.ReportDelivery:       {"配信結果", "Delivery"},
	entrustment.ReportLift:           {"配信の効果（リフト）", "Lift"},
	entrustment.ReportAttribution:    {"アトリビューション", "Attribution"},
	entrustment.ReportSize:           {"配信対象の規模", "Audience size"},
	entrustment.ReportCube:           {"計画用の集計", "Planning cube"},
}

func reportLabel(name string) text {
	if t, ok := reportNames[name]; ok {
		return t
	}
	return text{name, name}
}

func thousands(n int64) string { return entrustment.Thousands(n) }

// moment writes an RFC 3339 time as people in Japan read it. A text that is no
// time is shown as it came.
func moment(rfc3339 string) text {
	t, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return text{rfc3339, rfc3339}
	}
	t = t.In(entrustment.JST)
	return text{t.Format("2006年1月2日 15:04"), t.Format("2 Jan 2006, 15:04 JST")}
}

// plain replaces what would move a cursor, change a colour or turn the
// reading direction. Names and values come from documents that others wrote.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < 0x20, r >= 0x7f && r < 0xa0, // C0, DEL, C1
			r == 0x061c, r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e,
			r >= 0x2060 && r <= 0x206f, r == 0xfeff:
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// decimal writes a small number without an exponent where one can be read:
// 0.005, 1.02e-06.
func decimal(x float64) string {
	if x != 0 && x < 1e-4 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func counted(n int64) text {
	return text{thousands(n) + " 人", fmt.Sprintf("%s people", thousands(n))}
}

// figured writes a number of people where there is room for both languages.
func figured(n int64, l Lang) string { return thousands(n) + " " + text{"人", "people"}.in(l) }

// round drops what adding decimal fractions in binary leaves behind; the
// ledger counts in units of 1e-9.
func round(x float64) float64 { return math.Round(x*1e9) / 1e9 }
