package desk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"awase/crypto/seal"

	"golang.org/x/text/encoding/japanese"
)

const messy = "氏名,メールアドレス,携帯番号,会員ランク,同意\n" +
	"山田花子,hanako.yamada@example.co.jp,090-1234-5678,ゴールド,はい\n" +
	"佐藤太郎,TARO.SATO@example.co.jp,9087654321,シルバー,はい\n" +
	"鈴木一郎,nobody,09011112222,ゴールド,いいえ\n" +
	"高橋次郎,jiro.takahashi@example.co.jp,090-9999,シルバー,はい\n" +
	"田中三郎,saburo@@example.co.jp,08022223333,ゴールド,はい\n"

func previewed(t *testing.T, content string, o Options) *Preview {
	t.Helper()
	var d Desk
	p, err := d.Preview(t.Context(), strings.NewReader(content), int64(len(content)), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPreview: what a dropped file shows, and that no cell of it is among that but
// the values of a column that could be asked by.
func TestPreview(t *testing.T) {
	sjis, err := japanese.ShiftJIS.NewEncoder().String(messy)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Purpose: seal.List, Name: "members.csv", Today: "2026-11-26"}
	for encoding, content := range map[string]string{"UTF-8": messy, "Shift_JIS (CP932)": sjis} {
		p := previewed(t, content, o)
		if p.Format != "CSV" || p.Encoding != encoding || p.Rows != 5 || !p.Counted || p.Looked != 5 || p.Headless {
			t.Errorf("%+v", p)
		}
		uses := []string{}
		for _, c := range p.Columns {
			uses = append(uses, c.Use+" "+c.Ground)
		}
		if want := []string{"drop direct", "email agree", "phone agree", "drop few", "consent consent"}; !slices.Equal(uses, want) {
			t.Errorf("columns are %q, want %q", uses, want)
		}
		if got := p.Columns[1].Samples; !slices.Equal(got, []string{"h•••@e••.co.jp", "T•••@e••.co.jp", "n•••"}) {
			t.Errorf("samples are %q", got)
		}
		if got := p.Columns[3]; got.Suggested != "rank" || !slices.Equal(got.Values, []string{"ゴールド", "シルバー"}) {
			t.Errorf("suggested: %+v", got)
		}
		said, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, cell := range []string{"山田", "hanako", "TARO", "nobody", "1234", "9087654321", "saburo"} {
			if strings.Contains(string(said), cell) {
				t.Errorf("%s: the preview holds %q", encoding, cell)
			}
		}
	}

	o.Schema = `{"schema":"awase.list/v1","columns":[{"column":"メールアドレス","kind":"email"},{"column":"会員ランク","name":"tier","values":["ゴールド","シルバー"]}],"drop":["氏名","携帯番号","同意"]}`
	p := previewed(t, messy, o)
	if p.Columns[2].Use != "drop" || p.Columns[3].Use != "value tier" || p.Columns[3].Ground != "declared" || p.Columns[4].Use != "drop" || len(p.Schema.Columns) != 2 {
		t.Errorf("declared: %+v", p.Columns)
	}
}

// TestPreviewHeaded: of what may be a header the page keeps the names; a first line that
// may be somebody is none.
func TestPreviewHeaded(t *testing.T) {
	o := Options{Purpose: seal.List, Name: "f.csv", Today: "2026-11-26"}
	for content, headed := range map[string]bool{
		messy: true,
		"email\nhanako@example.com\ntaro@example.com\n":              true,
		"hanako@example.com\ntaro@example.com\njiro@example.com\n":   false,
		"GA1.2.1234567890.1690000000\nGA1.2.1234567891.1690000001\n": false,
		"山田花子,ゴールド\n佐藤太郎,シルバー\n":                                     false,
	} {
		if p := previewed(t, content, o); p.Headed != headed {
			t.Errorf("%q: %+v", content, p)
		}
	}
}

// TestPreviewNamed: a column whose header is an attribute of the contract says so, and
// its name there.
func TestPreviewNamed(t *testing.T) {
	o, err := ParseOptions([]byte(`{"purpose":"list","name":"members.csv","today":"2026-11-26","attributes":[{"name":"tier","words":["会員ランク"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if c := previewed(t, messy, o).Columns[3]; !c.Named || c.Suggested != "tier" || !slices.Equal(c.Values, []string{"ゴールド", "シルバー"}) || c.Use != "drop" {
		t.Errorf("%+v", c)
	}
	o.Attributes = nil
	if c := previewed(t, messy, o).Columns[3]; c.Named || c.Suggested != "rank" {
		t.Errorf("%+v", c)
	}
}

// TestPreviewEstimates: of a long file the rows are an estimate that says so, and
// near.
func TestPreviewEstimates(t *testing.T) {
	var b strings.Builder
	b.WriteString("email,phone\n")
	const rows = 200_000
	for i := range rows {
		fmt.Fprintf(&b, "member%d@example.jp,090-%04d-%04d\n", i, i/10000, i%10000)
	}
	p := previewed(t, b.String(), Options{Purpose: seal.List, Today: "2026-11-26"})
	if p.Counted || p.Looked != 1000 || p.Rows < rows*9/10 || p.Rows > rows*11/10 {
		t.Errorf("%d rows of %d, counted %v, looked at %d", p.Rows, rows, p.Counted, p.Looked)
	}
	few := b.String()[:300_000]
	if p := previewed(t, few, Options{Purpose: seal.List, Today: "2026-11-26"}); !p.Counted || p.Rows != int64(strings.Count(few, "\n")) {
		t.Errorf("%d rows of %d, counted %v", p.Rows, strings.Count(few, "\n"), p.Counted)
	}
}

// TestFindValue: a value is looked for raw and under each profile's hash.
func TestFindValue(t *testing.T) {
	var d Desk
	o := Options{Purpose: seal.List, Today: "2026-11-26"}
	find := func(kind, value string) *Found {
		t.Helper()
		f, err := d.Find(t.Context(), strings.NewReader(messy), int64(len(messy)), o, kind, value)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := find("", " taro.sato@EXAMPLE.co.jp")
	if f.Kind != "email" || f.Total != 1 || len(f.Rows) != 1 || f.Rows[0] != (Sighting{3, "メールアドレス", "raw"}) || f.Looked != 5 || f.Forms[0].Text != "taro.sato@example.co.jp" {
		t.Errorf("%+v", f)
	}
	if f := find("", "０９０－１２３４－５６７８"); f.Kind != "phone" || f.Total != 1 || f.Rows[0].Row != 2 || f.Forms[0].Text != "+819012345678" {
		t.Errorf("%+v", f)
	}
	if f := find("", "somebody@example.jp"); f.Kind != "email" || f.Total != 0 || len(f.Forms) == 0 {
		t.Errorf("%+v", f)
	}
	if f := find("", "nothing"); f.Kind != "" || len(f.Forms) != 0 {
		t.Errorf("%+v", f)
	}
	if f := find("phone", "090"); f.Total != 0 || f.Forms[0].Reason != "phone_too_short" {
		t.Errorf("%+v", f)
	}
}

// TestGroups: problems are told by column and reason, with the first rows and a
// count that is true beyond what a report lists.
func TestGroups(t *testing.T) {
	var d Desk
	var b strings.Builder
	b.WriteString("email,phone,rank\n")
	for range 100_100 { // more than a report lists
		b.WriteString("a@@b.jp,,gold\n")
	}
	b.WriteString("a@b.jp,12,gold\n")
	o := Options{Purpose: seal.List, Today: "2026-11-26", Schema: `{"schema":"awase.list/v1","columns":[{"column":"email","kind":"email"},{"column":"phone","kind":"phone"},{"column":"rank","name":"tier","values":["silver"]}]}`}
	r, err := d.Check(t.Context(), strings.NewReader(b.String()), int64(b.Len()), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Groups) != 2 {
		t.Fatalf("%+v", r.Groups)
	}
	if g := r.Groups[0]; g.Count != 100_100 || g.Kind != "email" || g.Column != "email" || g.Reason != "email_many_at" || g.Mend == "" || len(g.Rows) != firstRows || g.Rows[0] != 2 || g.Rows[9] != 11 {
		t.Errorf("%+v", g)
	}
	if g := r.Groups[1]; g.Count != 1 || g.Kind != "phone" || g.Reason != "phone_invalid" || len(g.Rows) != 0 {
		t.Errorf("%+v", g)
	}
	if got := health(r, "email"); got != "100101 filled, 0 repaired, 100100 refused" {
		t.Error(got)
	}

	short := "email,phone\nA@b.jp,9012345678\nx,090-1234-5678\n,y\n"
	if r, err = d.Check(t.Context(), strings.NewReader(short), int64(len(short)), Options{Purpose: seal.List, Today: "2026-11-26"}); err != nil {
		t.Fatal(err)
	}
	if a, b := health(r, "email"), health(r, "phone"); a != "2 filled, 0 repaired, 1 refused" || b != "3 filled, 1 repaired, 1 refused" {
		t.Errorf("email: %s; phone: %s", a, b)
	}
}

func health(r *Result, column string) string {
	for _, c := range r.Report.Columns {
		if c.Column == column {
			return fmt.Sprintf("%d filled, %d repaired, %d refused", c.Filled, c.Repaired, c.Refused)
		}
	}
	return "no such column"
}
