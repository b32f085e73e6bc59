package intake

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"awase/entrustment"
)

func TestSuggest(t *testing.T) {
	var b strings.Builder
	b.WriteString("メールアドレス,会員ランク,Store Name,氏名,病歴,会員番号,担当,答え,note,郵便番号,市区町村,gps\n")
	for i := range 40 {
		fmt.Fprintf(&b, "p%d@example.jp,%s,%s,山田,なし,%07d,%s,%s,text %d,100-000%d,渋谷区,%d\n", i, []string{"gold", "ｇｏｌｄ", "silver"}[i%3], []string{"新宿", "渋谷 2号店", "it's"}[i%3], 1234567+i%3,
			[]string{"090-1234-5678", "03-1234-5678"}[i%2], []string{"はい", "いいえ", "yes"}[i%3], i, i%2, i%3)
	}
	p, err := proposal(t, b.String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range p.Suggest() {
		lines = append(lines, s.Line())
	}
	want := []string{
		"- {column: 会員ランク, name: rank, values: [gold, silver]}",
		"- {column: 'Store Name', name: store_name, values: ['it''s', 新宿, '渋谷 2号店']}",
		"- {column: 答え, name: column_8, values: ['yes', いいえ, はい]}",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("suggested\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

// A value that one row alone has is proposed to nobody: it may be a remark on a person.
func TestSuggestsNoSingleValue(t *testing.T) {
	var b strings.Builder
	b.WriteString("メールアドレス,会員ランク\n")
	for i := range 40 {
		fmt.Fprintf(&b, "p%d@example.jp,%s\n", i, []string{"gold", "silver"}[i%2])
	}
	b.WriteString("q@example.jp,山田太郎\nr@example.jp,bronze\ns@example.jp,ｂｒｏｎｚｅ\n")
	p, err := proposal(t, b.String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	tier := Attribute{Name: "tier", Words: []string{"会員ランク"}}
	for _, s := range [][]Suggestion{p.Suggest(), p.Suggest(tier)} {
		if len(s) != 1 || !slices.Equal(s[0].Values, []string{"bronze", "gold", "silver"}) {
			t.Errorf("%+v", s)
		}
	}
	p.least = 1 // without the rule
	if s := p.Suggest(tier); len(s) != 1 || !slices.Contains(s[0].Values, "山田太郎") {
		t.Errorf("nobody is named without the rule either: %+v", s)
	}
}

// A header that is the name of an attribute of the contract, or a word for it, however
// it is written, suggests the column as it; one of many values without any; the second
// of one name as another; and what looks direct, located or sensitive not at all.
func TestSuggestNamed(t *testing.T) {
	attributes := []Attribute{{Name: "tier", Words: []string{"会員ランク", "rank of member"}}, {Name: "home_area"}, {Name: "store"}, {Name: "病歴"}, {Name: "city"}, {Name: "住所"}}
	var b strings.Builder
	b.WriteString("email,%s,ＨＯＭＥ－Ａrea,Store,病歴,city,住所\n")
	for i := range 60 {
		fmt.Fprintf(&b, "p%d@example.jp,%s,%s,shop %d,なし,渋谷区,東京都\n", i, []string{"gold", "silver"}[i%2], []string{"東", "西"}[i%2], i)
	}
	got := func(header string, change func(*Proposal)) string {
		t.Helper()
		p, err := proposal(t, strings.Replace(b.String(), "%s", header, 1), Options{})
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		var out []string
		for _, s := range p.Suggest(attributes...) {
			out = append(out, fmt.Sprint(s.Column, " ", s.Name, " ", s.Named, " ", s.Values))
		}
		return strings.Join(out, "; ")
	}
	same := func(*Proposal) {}
	for _, header := range []string{"tier", "ＴＩＥＲ", " Tier ", "会員ランク", "会員 ランク", "Rank_of-Member"} {
		if s := got(header, same); s != strings.TrimSpace(header)+" tier true [gold silver]; ＨＯＭＥ－Ａrea home_area true [東 西]; Store store true []" {
			t.Errorf("%q: %s", header, s)
		}
	}
	if s := got("tiers", same); !strings.HasPrefix(s, "tiers tiers false [gold silver]; ") {
		t.Error(s)
	}
	twice, err := proposal(t, "email,tier,Tier\n"+strings.Repeat("a@b.jp,x,y\nc@d.jp,z,w\n", 4), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := twice.Suggest(attributes...); len(s) != 2 || !s[0].Named || s[1].Named || s[1].Name != "column_3" {
		t.Errorf("%+v", s)
	}
	if s := got("tier", func(p *Proposal) { p.sensitive = func(string) bool { return false } }); !strings.Contains(s, "病歴 病歴 true") {
		t.Errorf("what is sensitive is not suggested without the rule either: %s", s)
	}
}

// Every suggestion, uncommented, makes a list.yaml that parses and that loads the
// file, and none holds what looks like an identifier.
func TestSuggestionsParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		header := rapid.SampledFrom([]string{"ランク", "tier", "x y", "列's", "a#b", "種別: 甲", "[x]", "メモ", "氏名2", "city", "緯度", "市区町村"}).Draw(t, "header")
		values := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "true", "12", "it's", "甲 乙", "{x}", "#", "- a", "null", "ゴールド", "090-1234-5678", "q@example.jp", "2026-11-24", "ＡＢ", "ab", "unknown", "0123456789abcdef0123456789abcdef"}), 1, 5).Draw(t, "values")
		var b strings.Builder
		fmt.Fprintf(&b, "email,%s\n", header)
		for i := range 30 {
			fmt.Fprintf(&b, "p%d@example.jp,%s\n", i, values[i%len(values)])
		}
		p, err := Propose(t.Context(), strings.NewReader(b.String()), int64(b.Len()), Options{Name: "l.csv"})
		if err != nil {
			t.Skip(err)
		}
		for _, s := range p.Suggest() {
			if line := s.Line(); strings.Contains(line, "@") || strings.Contains(line, "090") || strings.Contains(line, "0123456789abcdef") {
				t.Fatalf("suggested: %s", line)
			}
			doc := "schema: awase.list/v1\ncolumns:\n  - {column: email, kind: email}\n  " + s.Line() + "\n"
			schema, err := entrustment.ParseListSchema("list.yaml", []byte(doc))
			if err != nil {
				t.Fatalf("%v of\n%s", err, doc)
			}
			if got := schema.Columns[1]; got.Column != header || !slices.Equal(got.Values, s.Values) {
				t.Fatalf("%s reads as %+v", s.Line(), got)
			}
			f, err := OpenList(t.Context(), strings.NewReader(b.String()), int64(b.Len()), schema, Options{Name: "l.csv"})
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range f.Rows() {
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range f.Report().Columns {
				if c.Column == header && c.Unreadable > 0 {
					t.Fatalf("%d values of %q are not of %s", c.Unreadable, header, s.Line())
				}
			}
		}
	})
}
