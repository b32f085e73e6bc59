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
	s := p.Suggest()
	if len(s) != 1 || !slices.Equal(s[0].Values, []string{"bronze", "gold", "silver"}) {
		t.Errorf("%+v", s)
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
