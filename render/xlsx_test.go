package render

import (
	"bytes"
	"strconv"
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
		columns := keys + 4
		if hasIndex(r) {
			columns += 3
		}
		row := func(i int) []string {
			out := make([]string, columns)
			copy(out, rows[i])
			return out
		}
		if want := headRow + len(r.Cells) + len(sums(r)); len(rows) != want {
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
		copy(row, rows[headRow+len(m.ages)-1-i])
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
