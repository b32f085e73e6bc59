package render

import (
	"bytes"
	"encoding/csv"
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/xuri/excelize/v2"

	"awase/enclave/wire"
	"awase/entrustment"
)

func TestParseFormat(t *testing.T) {
	for name, want := range map[string]Format{"a.csv": CSVBOM, "dir.x/b.JSON": JSON, "report.Xlsx": XLSX, "a.b.parquet": Parquet, "x.arrow": Arrow, "x.PDF": PDF} {
		if got, err := ParseFormat(name); err != nil || got != want {
			t.Errorf("ParseFormat(%q) = %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "csv", "a.doc", "a.csv.gz", "a."} {
		_, err := ParseFormat(name)
		var e *entrustment.Error
		if !errors.As(err, &e) || e.Code != entrustment.CodeSpec || !strings.Contains(e.Mend, ".xlsx, .pdf, .csv, .parquet, .arrow or .json") {
			t.Errorf("ParseFormat(%q): %v", name, err)
		}
	}
}

// A malformed release is refused before a byte of it is written.
func TestContradictionsAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*wire.Release){
		"withheld with a number": func(r *wire.Release) { r.Cells[3].Users = number(49, 20) },
		"withheld with an index": func(r *wire.Release) { r.Cells[3].Index = &wire.Ratio{Value: 1} },
		"released without one":   func(r *wire.Release) { r.Cells[0].Users = nil },
		"no status":              func(r *wire.Release) { r.Cells[0].Status = "" },
		"a key outside":          func(r *wire.Release) { r.Cells[0].Key["matched_by"] = "fax" },
		"a key too many":         func(r *wire.Release) { r.Cells[0].Key["gender"] = "male" },
		"withheld other, number": func(r *wire.Release) { r.Other.Users = number(49, 20) },
		"released total, none":   func(r *wire.Release) { r.Total.Users = nil },
	} {
		r := overlapSample()
		if r.Cells[3].Status != wire.Withheld || r.Cells[0].Status != wire.Released {
			t.Fatal("the sample changed")
		}
		spoil(r)
		for _, f := range Formats() {
			var b bytes.Buffer
			if err := Write(&b, f.Format, r); err == nil || b.Len() > 0 {
				t.Errorf("%s as %s: err %v, %d bytes written", name, f.Format, err, b.Len())
			}
		}
		var b bytes.Buffer
		if err := Terminal(&b, r, TerminalOptions{}); err == nil || b.Len() > 0 {
			t.Errorf("%s at the terminal: err %v, %d bytes written", name, err, b.Len())
		}
	}
	if err := Write(&bytes.Buffer{}, CSV, nil); err == nil {
		t.Error("no release was written")
	}
	if err := Write(&bytes.Buffer{}, "doc", overlapSample()); err == nil {
		t.Error("an unknown format was written")
	}
}

// releases draws whole releases of up to three dimensions, with hostile names
// and values.
func releases() *rapid.Generator[*wire.Release] {
	word := rapid.StringMatching(`[-=+@'"<>a-z0-9あ漢字ｱ😀 ,;|\n\t]{1,12}`)
	return rapid.Custom(func(t *rapid.T) *wire.Release {
		shape := rapid.SampledFrom([][]string{nil, {"age_band"}, {"=cmd"}, {"age_band", "gender"}, {"gender", "店舗"}, {"tier", "prefecture", "age_band"}}).Draw(t, "dims")
		var dims []wire.Dim
		for _, name := range shape {
			domain := rapid.SliceOfNDistinct(word, 1, 5, rapid.ID[string]).Draw(t, name)
			switch name {
			case "age_band":
				domain = []string{"<20", "20-24", ">=70", "unknown"}
			case "gender":
				domain = []string{"male", "female", "unknown"}
			}
			dims = append(dims, wire.Dim{Name: name, Domain: domain})
		}
		r := base("profile", dims...)
		r.List = word.Draw(t, "list")
		r.Question.List = r.List
		index := rapid.Bool().Draw(t, "index")
		keys := []map[string]string{{}}
		for _, d := range dims {
			var next []map[string]string
			for _, k := range keys {
				for _, v := range d.Domain {
					m := map[string]string{d.Name: v}
					for n, x := range k {
						m[n] = x
					}
					next = append(next, m)
				}
			}
			keys = next
		}
		n := rapid.Int64Range(100_000, 9_000_000)
		for _, k := range keys {
			c := wire.Cell{Key: k, Status: wire.Withheld}
			if rapid.Bool().Draw(t, "released") {
				c.Status, c.Users = wire.Released, number(n.Draw(t, "users"), rapid.Int64Range(1, 99).Draw(t, "half"))
				if index && rapid.Bool().Draw(t, "steady") {
					x := float64(rapid.IntRange(1, 90_000).Draw(t, "ratio")) / 100
					c.Index = &wire.Ratio{Value: x, Low: math.Round(x*90) / 100, High: math.Round(x*120) / 100}
				}
			}
			r.Cells = append(r.Cells, c)
		}
		if rapid.Bool().Draw(t, "other") {
			r.Other = &wire.Sum{Status: wire.Released, Users: number(n.Draw(t, "other users"), 48)}
		}
		if rapid.Bool().Draw(t, "total") {
			r.Total, r.Question.Total = &wire.Sum{Users: number(n.Draw(t, "total users"), 20)}, true
		}
		if index {
			r.Base = &wire.Sum{Status: wire.Released, Users: number(n.Draw(t, "base users"), 20)}
		}
		return finish(r)
	})
}

// every gives the values of all released numbers.
func every(r *wire.Release) []*wire.Number {
	var out []*wire.Number
	for _, c := range r.Cells {
		if c.Users != nil {
			out = append(out, c.Users)
		}
	}
	for _, s := range []*wire.Sum{r.Other, r.Total, r.Base} {
		if s != nil && s.Users != nil {
			out = append(out, s.Users)
		}
	}
	return out
}

var figures = regexp.MustCompile(`\d{1,3}(,\d{3})+`)

// The terminal shows each released number as often as the release holds it,
// and no other: all drawn numbers have six digits or more, and nothing else on
// the screen has.
func TestTerminalShowsWhatWasReleasedAndNoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := releases().Draw(t, "release")
		names := r.List + " " + r.Report + " " + r.Entrustment
		for _, d := range r.Dims {
			names += " " + strings.Join(d.Domain, " ")
		}
		if len(r.Cells) > tableCells || figures.MatchString(names) { // a name like a number is none
			return
		}
		o := TerminalOptions{Width: rapid.SampledFrom([]int{0, 60, 80, 100, 120, 300}).Draw(t, "width"), Lang: rapid.SampledFrom([]Lang{Both, Japanese, English}).Draw(t, "lang")}
		var b bytes.Buffer
		if err := Terminal(&b, r, o); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{}
		for _, n := range every(r) {
			want[thousands(n.Value)]++
		}
		for _, s := range figures.FindAllString(b.String(), -1) {
			want[s]--
		}
		for s, n := range want {
			if n != 0 {
				t.Errorf("%s is shown %d times too few\n%s", s, n, b.String())
			}
		}
	})
}

// CSV read back gives each cell its own numbers, and withheld cells none.
func TestCSVReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := releases().Draw(t, "release")
		var b bytes.Buffer
		if err := Write(&b, CSVBOM, r); err != nil {
			t.Fatal(err)
		}
		doc, found := strings.CutPrefix(b.String(), "\uFEFF")
		if !found {
			t.Fatal("no BOM")
		}
		rows, err := csv.NewReader(strings.NewReader(doc)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		keys := 1 + len(r.Dims)
		if want := 1 + len(r.Cells) + len(sums(r)); len(rows) != want {
			t.Fatalf("%d rows, want %d", len(rows), want)
		}
		for _, row := range rows {
			for _, field := range row {
				if field != "" && (strings.ContainsAny(field[:1], "=+-@") || unicode.IsControl(rune(field[0]))) {
					t.Errorf("the cell %q begins like a formula", field)
				}
			}
		}
		for i := range r.Cells {
			row, c := rows[1+i], &r.Cells[i]
			for j, d := range r.Dims {
				if got := row[1+j]; got != c.Key[d.Name] && got != "'"+c.Key[d.Name] {
					t.Errorf("cell %d: %s is %q, want %q", i, d.Name, got, c.Key[d.Name])
				}
			}
			if row[keys] != string(c.Status) {
				t.Errorf("cell %d: status %q", i, row[keys])
			}
			of := len(row) - contexts
			compare(t, row[keys+1:of], c.Users, c.Index)
			if row[0] != "cell" {
				t.Errorf("cell %d is of kind %q", i, row[0])
			}
		}
		for i, s := range sums(r) {
			row := rows[1+len(r.Cells)+i]
			compare(t, row[keys+1:len(row)-contexts], s.Users, nil)
			if row[0] != s.kind || strings.Join(row[1:keys], "") != "" {
				t.Errorf("the %s row begins %q", s.kind, row[:keys])
			}
		}
	})
}

// compare holds the cells users, low, high, index, index_low, index_high of a
// row against the release.
func compare(t rapid.TB, cells []string, n *wire.Number, x *wire.Ratio) {
	t.Helper()
	want := make([]string, len(cells))
	if n != nil {
		for i, v := range []int64{n.Value, n.Low, n.High} {
			want[i] = strconv.FormatInt(v, 10)
		}
	}
	if x != nil {
		for i, v := range []float64{x.Value, x.Low, x.High} {
			want[3+i] = strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	for i := range cells {
		if got := strings.TrimPrefix(cells[i], "—"); got != want[i] {
			t.Errorf("column %d is %q, want %q", i, cells[i], want[i])
		}
	}
}

func TestFormulaInjection(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+81": "'+81", "-5": "'-5", "@SUM(A1)": "'@SUM(A1)", "\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx", "\x00": "'\x00",
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠a": "'＠a", "\u0085x": "'\u0085x",
		"": "", "<20": "<20", "20-24": "20-24", "東京都": "東京都", "a=1": "a=1", "'=1": "'=1",
	} {
		if got := safeCell(in); got != want {
			t.Errorf("safeCell(%q) = %q, want %q", in, got, want)
		}
	}
}

// Every line of a box is as wide as its first, whatever is in it, and fits the
// terminal where names are short.
func TestBoxesAreStraight(t *testing.T) {
	straight := func(t *rapid.T, out string) {
		wide := 0
		for l := range strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n") {
			switch {
			case strings.HasPrefix(l, "┌"):
				wide = width(l)
			case strings.HasPrefix(l, "│"), strings.HasPrefix(l, "├"), strings.HasPrefix(l, "└"):
				if width(l) != wide {
					t.Errorf("a line is %d wide, its box %d\n%s", width(l), wide, out)
				}
			}
			if strings.ContainsFunc(l, unicode.IsControl) {
				t.Errorf("a control character: %q", l)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := releases().Draw(t, "release")
		o := TerminalOptions{Width: rapid.IntRange(0, 140).Draw(t, "width"), Lang: rapid.SampledFrom([]Lang{Both, Japanese, English}).Draw(t, "lang")}
		var b bytes.Buffer
		if err := Terminal(&b, r, o); err != nil {
			t.Fatal(err)
		}
		straight(t, b.String())
		b.Reset()
		if err := Price(&b, priceSample(), o); err != nil {
			t.Fatal(err)
		}
		straight(t, b.String())
		o.Color = true
		var coloured bytes.Buffer
		if err := Price(&coloured, priceSample(), o); err != nil {
			t.Fatal(err)
		}
		if got := regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(coloured.String(), ""); got != b.String() {
			t.Error("colours change more than colour")
		}
	})
	for name, r := range samples() {
		for _, w := range []int{80, 100, 120} {
			for l := range strings.SplitSeq(string(shownAs(t, r, TerminalOptions{Width: w})), "\n") {
				if width(l) > w {
					t.Errorf("%s at %d columns has a line of %d: %s", name, w, width(l), l)
				}
			}
		}
	}
}

func TestWideTableIsCut(t *testing.T) {
	r := wideSample()
	out := string(shownAs(t, r, TerminalOptions{Width: 100}))
	if n := strings.Count(out, "│ 店舗") - 1; n != topCells { // its head begins so too
		t.Errorf("%d rows shown, want %d", n, topCells)
	}
	if !strings.Contains(out, "1,260") || strings.Contains(out, "  180 ") {
		t.Error("not the largest cells are shown")
	}
	if !strings.Contains(out, "88 more") {
		t.Error("nothing says how many more there are")
	}
}

func TestBars(t *testing.T) {
	for _, c := range []struct {
		v, top      int64
		right, left string
	}{
		{0, 80, "", ""}, {1, 800, "▏", "▐"}, {40, 80, "█████", "█████"}, {80, 80, "██████████", "██████████"},
		{44, 80, "█████▌", "▐█████"}, {90, 80, "██████████", "██████████"}, {-3, 80, "", ""},
	} {
		if got := barRight(c.v, c.top, 10); got != c.right {
			t.Errorf("barRight(%d, %d) = %q", c.v, c.top, got)
		}
		if got := barLeft(c.v, c.top, 10); got != c.left {
			t.Errorf("barLeft(%d, %d) = %q", c.v, c.top, got)
		}
	}
	for _, c := range []struct {
		x    *wire.Ratio
		want string
	}{
		{&wire.Ratio{Value: 100, Low: 50, High: 150}, "     ├────┃────┤     "},
		{&wire.Ratio{Value: 150, Low: 130, High: 170}, "          ┊  ├─┃─┤   "},
		{&wire.Ratio{Value: 300, Low: 190, High: 400}, "          ┊        ├>"},
		{nil, "          ┊          "},
	} {
		if got := whiskers(c.x, 200, 21); got != c.want {
			t.Errorf("whiskers(%v) = %q, want %q", c.x, got, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ dim, value, ja, en string }{
		{"age_band", "<20", "20歳未満", "<20"}, {"age_band", "20-24", "20〜24歳", "20–24"}, {"age_band", ">=70", "70歳以上", "≥70"},
		{"salary_band", "<3000000", "300万円未満", "<¥3M"},
		{"salary_band", "3000000-4999999", "300万〜500万円未満", "¥3M–5M"},
		{"salary_band", ">=12000000", "1,200万円以上", "≥¥12M"},
		{"frequency", ">=20", "20回以上", "≥20"}, {"frequency", "6-9", "6〜9回", "6–9"}, {"frequency", "5", "5", "5"},
		{"gender", "female", "女性", "female"}, {"prefecture", "unknown", "不明", "unknown"}, {"prefecture", "東京都", "東京都", "Tokyo"}, {"place", "北海道", "北海道", "Hokkaido"}, {"region", "九州・沖縄", "九州・沖縄", "Kyushu and Okinawa"},
		{"age_band", "teens-ish", "teens-ish", "teens-ish"}, {"age_band", "<", "<", "<"}, {"age_band", "--5", "--5", "--5"}, {"x", "20-24", "20-24", "20-24"},
	} {
		if got := valueLabel(c.dim, c.value); got != (text{c.ja, c.en}) {
			t.Errorf("valueLabel(%s, %s) = %v", c.dim, c.value, got)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 123456: "123,456"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %s", n, got)
		}
	}
	if got := moment("2026-11-23T05:05:00Z"); got != (text{"2026年11月23日 14:05", "23 Nov 2026, 14:05 JST"}) {
		t.Errorf("moment: %v", got)
	}
	if got := plain("a\x1b[31mb\u202ec\xff"); got != "a\uFFFD[31mb\uFFFDc\uFFFD" {
		t.Errorf("plain: %q", got)
	}
}

// TestPartialTotal: a total that misses withheld cells is not called a total,
// and an other row that does not exist is not shown as withheld.
func TestPartialTotal(t *testing.T) {
	r := base("profile", wire.Dim{Name: "gender", Domain: []string{"female", "male", "unknown"}})
	r.Cells = []wire.Cell{cell(500, "gender", "female"), cell(12, "gender", "male"), cell(0, "gender", "unknown")}
	r.Total = &wire.Sum{Status: wire.Released, Users: &wire.Number{Value: 500, Low: 480, High: 520}, Partial: true}
	r.Other = &wire.Sum{Status: wire.None}
	for _, f := range []Format{CSV, XLSX, PDF} {
		var b bytes.Buffer
		if err := Write(&b, f, r); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := Terminal(&b, r, TerminalOptions{Width: 100}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, "表示分の合計") || strings.Contains(text, "その他（") {
		t.Errorf("the sums are\n%s", text)
	}
}

// TestNotesAreReadable: the rows of the notes are as high as their longest text
// needs; programs that don't grow a wrapped row would show half of it.
func TestNotesAreReadable(t *testing.T) {
	r := base("profile", wire.Dim{Name: "gender", Domain: []string{"female", "male"}})
	r.Cells = []wire.Cell{cell(500, "gender", "female"), cell(12, "gender", "male")}
	r.Privacy.Statement = wire.Statement{JA: strings.Repeat("人数には雑音を加えています。", 12), EN: "noise"}
	var b bytes.Buffer
	if err := Write(&b, XLSX, r); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows(sheetAbout)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		h, err := f.GetRowHeight(sheetAbout, i+1)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range row[min(1, len(row)):] {
			if need := float64(width(text)) / 70 * 15; h < need {
				t.Errorf("row %d is %.0f points high, its text needs %.0f", i+1, h, need)
			}
		}
	}
}

// contexts is how many columns of a CSV say what the release is of.
const contexts = 13
