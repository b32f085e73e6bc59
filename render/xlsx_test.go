package render

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"awase/enclave/wire"
)

// XLSX opened again holds the same numbers, and nothing in a withheld row.
func TestXLSXReadsBack(t *testing.T) {
	check := func(t rapid.TB, r *wire.Release) {
		var b bytes.Buffer
		if err := Write(&b, XLSX, r); err != nil {
			t.Fatal(err)
		}
		f, err := excelize.OpenReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		rows, err := f.GetRows(sheetTable, excelize.Options{RawCellValue: true})
		if err != nil {
			t.Fatal(err)
		}
		keys := max(len(r.Dims), 1)
		headRow := 2 + len(preface(r)) + 2
		columns := keys + 4
		if hasIndex(r) {
			columns += 3
		}
		row := func(i int) []string {
			out := make([]string, columns)
			copy(out, rows[i])
			return out
		}
		want := headRow + len(r.Cells) + len(sums(r))
		if l := r.Lift; l != nil { // an empty row, what it is, and its lines; here with a warning
			want += 3 + len(liftNumbers(l))
			if l.Status != wire.Released {
				want++
			}
		}
		if len(rows) != want {
			t.Fatalf("%d rows, want %d", len(rows), want)
		}
		for i := range r.Cells {
			compare(t, row(headRow + i)[keys+1:], r.Cells[i].Users, r.Cells[i].Index)
			at, err := excelize.CoordinatesToCellName(keys+2, headRow+1+i)
			if err != nil {
				t.Fatal(err)
			}
			id, err := f.GetCellStyle(sheetTable, at)
			if err != nil {
				t.Fatal(err)
			}
			style, err := f.GetStyle(id)
			if err != nil {
				t.Fatal(err)
			}
			if hatched := style.Fill.Pattern == 14; hatched != (r.Cells[i].Status == wire.Withheld) {
				t.Errorf("cell %d: hatched %v, status %s", i, hatched, r.Cells[i].Status)
			}
		}
		for i, s := range sums(r) {
			compare(t, row(headRow + len(r.Cells) + i)[keys+1:], s.Users, nil)
		}
		if m := pyramidOf(r); m != nil {
			comparePyramid(t, f, m)
		}
		for _, sheet := range f.GetSheetList() {
			cells, err := f.GetRows(sheet)
			if err != nil {
				t.Fatal(err)
			}
			for i := range cells {
				for j := range cells[i] {
					at, _ := excelize.CoordinatesToCellName(j+1, i+1)
					if formula, err := f.GetCellFormula(sheet, at); err != nil || formula != "" {
						t.Errorf("%s %s holds a formula (%v)", sheet, at, err)
					}
				}
			}
		}
	}
	for _, r := range samples() {
		check(t, r)
	}
	rapid.Check(t, func(t *rapid.T) { check(t, releases().Draw(t, "release")) })
}

// comparePyramid holds the sheet behind the chart against the cells.
func comparePyramid(t rapid.TB, f *excelize.File, m *pyramid) {
	rows, err := f.GetRows(sheetChart, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.ages {
		row := make([]string, 3)
		copy(row, rows[chartHead+len(m.ages)-1-i])
		for side, sign := range []int64{-1, 1} {
			want := ""
			if n := m.cells[side][i].Users; n != nil {
				want = strconv.FormatInt(sign*n.Value, 10)
			}
			if row[1+side] != want {
				t.Errorf("age %d, side %d: %q, want %q", i, side, row[1+side], want)
			}
		}
	}
}

// TestXLSXSaysWhatItIsOf: the sheet with the numbers says of what they are, as
// the terminal does, above the table; and both languages stand in each cell.
func TestXLSXSaysWhatItIsOf(t *testing.T) {
	r := bareSample()
	f, err := excelize.OpenReader(bytes.NewReader(written(t, XLSX, r)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := f.GetRows(sheetTable)
	if err != nil {
		t.Fatal(err)
	}
	var above strings.Builder
	for _, row := range rows {
		if len(row) > 1 {
			break
		}
		for _, c := range row {
			above.WriteString(c + "\n")
		}
	}
	for _, want := range []string{
		"配信対象の規模：リスト「spring", "Audience size: people matched from list", "都道府県が東京都・神奈川県", "prefecture is Tokyo or Kanagawa",
		"期間：2026-04-01 〜 2026-04-30", "from 2026-04-01 to 2026-04-30", "委託 acme-2026-spring 第1版", "entrustment acme-2026-spring v1",
		"2026年11月23日 14:05", "リスト 200,000 行", devNote.ja, devNote.en,
	} {
		if !strings.Contains(above.String(), want) {
			t.Errorf("above the table %q is missing in\n%s", want, above.String())
		}
	}
	if got := len(rows) - (2 + len(preface(r)) + 2); got != 1 {
		t.Errorf("%d rows below the header of a size, want the one number", got)
	}
	for name, r := range samples() {
		f, err := excelize.OpenReader(bytes.NewReader(written(t, XLSX, r)))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := f.GetRows(sheetTable)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			for _, c := range row {
				if name != "wide" && japanese.MatchString(c) && !english.MatchString(c) {
					if i != 0 { // the title's English is the next row
						t.Errorf("%s: %q has no English", name, c)
					}
				}
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestXLSXSigma: the sheet of notes gives the noise that the numbers carry, and
// no exact lock where there is none.
func TestXLSXSigma(t *testing.T) {
	for name, want := range map[string]struct{ sigma, k string }{"bare": {"20 × √12 = 69", ""}, "behaviour": {"10 × √3 = 17", "50"}, "profile": {"10", "50"}} {
		f, err := excelize.OpenReader(bytes.NewReader(written(t, XLSX, samples()[name])))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := f.GetRows(sheetAbout)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, row := range rows {
			if len(row) > 1 {
				got[row[0]] = row[1]
			}
		}
		if got["σ"] != want.sigma || got["k"] != want.k {
			t.Errorf("%s: σ %q, k %q, want %v", name, got["σ"], got["k"], want)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestXLSXThousandths: credits are conversions there, not thousandths of them, and show
// three decimals.
func TestXLSXThousandths(t *testing.T) {
	r := attributionSample()
	var b bytes.Buffer
	if err := Write(&b, XLSX, r); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	at, err := excelize.CoordinatesToCellName(6, 2+len(preface(r))+2+1) // behind touch, status and three of users
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[bool]string{true: "1701.333", false: "1,701.333"} {
		if got, err := f.GetCellValue(sheetTable, at, excelize.Options{RawCellValue: raw}); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", at, got, want, err)
		}
	}
}
