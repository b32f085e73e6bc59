package render

import (
	"regexp"
	"strings"
	"testing"

	"awase/entrustment"
)

// TestConditionWords: both languages say the same thing, with brackets wherever
// one "or" stands among "and"s.
func TestConditionWords(t *testing.T) {
	in := func(dim string, values ...string) entrustment.Condition {
		return entrustment.Condition{In: map[string][]string{dim: values}}
	}
	all := func(cs ...entrustment.Condition) entrustment.Condition { return entrustment.Condition{All: cs} }
	either := func(cs ...entrustment.Condition) entrustment.Condition { return entrustment.Condition{Any: cs} }
	f, m, tokyo := in("gender", "female"), in("gender", "male"), in("prefecture", "東京都", "京都府")
	on := entrustment.Condition{List: "own"}
	for _, c := range []struct {
		of     entrustment.Condition
		ja, en string
	}{
		{tokyo, "都道府県が東京都・京都府", "prefecture is Tokyo or Kyoto"},
		{all(tokyo, f), "都道府県が東京都・京都府、かつ 性別が女性", "(prefecture is Tokyo or Kyoto) and gender is female"},
		{either(all(tokyo, f), m), "（都道府県が東京都・京都府、かつ 性別が女性）、または 性別が男性", "((prefecture is Tokyo or Kyoto) and gender is female) or gender is male"},
		// A group of one is that one: it needs the brackets that it needs.
		{all(all(either(f, m)), on), "（性別が女性、または 性別が男性）、かつ リスト「own」にいる", `(gender is female or gender is male) and on list "own"`},
		{all(either(f)), "性別が女性", "gender is female"},
		{entrustment.Condition{Not: &on}, "リスト「own」にいない", `not on list "own"`},
		{all(f, entrustment.Condition{Not: &tokyo}), "性別が女性、かつ （都道府県が東京都・京都府）でない", "gender is female and not (prefecture is Tokyo or Kyoto)"},
		{in("salary_band", "<3000000", "unknown"), "年収が300万円未満・不明", "salary is <¥3M or unknown"},
	} {
		if got := condition(&c.of); got != (text{c.ja, c.en}) {
			t.Errorf("got  %s\n     %s\nwant %s\n     %s", got.ja, got.en, c.ja, c.en)
		}
	}
}

// japanese finds a line's words that only people who read Japanese can read.
var japanese = regexp.MustCompile(`[ぁ-んァ-ヶ一-龠]`)

// english finds a word, or the signs of a band in figures.
var english = regexp.MustCompile(`[a-z≥<–]`)

// TestEnglishStandsBesideJapanese: every head, label and value of a table has
// its English in the same cell or in the line below.
func TestEnglishStandsBesideJapanese(t *testing.T) {
	for name, r := range samples() {
		if name == "wide" { // its shops have Japanese names
			continue
		}
		lines := strings.Split(string(shownAs(t, r, TerminalOptions{Width: 100})), "\n")
		legend := r.Privacy.Withheld == 0
		for i, l := range lines {
			if strings.HasPrefix(l, "┌ ") { // the notes
				break
			}
			cells := strings.Split(strings.Trim(l, "│"), "│")
			below := strings.Split(strings.Trim(lines[min(i+1, len(lines)-1)], "│"), "│")
			legend = legend || strings.Contains(l, "░░ 非表示 withheld")
			if !strings.HasPrefix(l, "│") || strings.Contains(l, "░░ 非表示 ") && pyramidOf(r) != nil {
				continue // of the hatching in a pyramid a line below it tells
			}
			for j, c := range cells {
				if japanese.MatchString(c) && !english.MatchString(c) && (len(below) != len(cells) || !english.MatchString(below[j])) {
					t.Errorf("%s: %q has no English\n%s", name, strings.TrimSpace(c), l)
				}
			}
		}
		if !legend {
			t.Errorf("%s: nothing says in English what is withheld", name)
		}
		for _, s := range lines {
			if strings.HasPrefix(s, "  ") && japanese.MatchString(s) && !english.MatchString(s) {
				t.Errorf("%s: a total without English: %s", name, s)
			}
		}
	}
}
