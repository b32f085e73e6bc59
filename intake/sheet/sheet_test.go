package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"awase/crypto/identifier"
	"awase/entrustment"
	"awase/intake"
	"awase/intake/table"
)

var today = entrustment.Date{Year: 2026, Month: 4, Day: 1}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// book writes a workbook; set fills it, starting from one empty sheet "Sheet1".
func book(t testing.TB, set func(f *excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	set(f)
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func row(f *excelize.File, sheet string, n int, cells ...any) {
	if err := f.SetSheetRow(sheet, fmt.Sprintf("A%d", n), &cells); err != nil {
		panic(err)
	}
}

// cells reads all rows of a workbook, the header first.
func cells(content []byte) (out [][]string, src *source, err error) {
	src, err = open(bytes.NewReader(content), int64(len(content)), table.Options{Name: "list.xlsx", MaxRow: 1 << 20})
	if err != nil {
		return nil, nil, err
	}
	out = append(out, src.Columns())
	all := make([]int, len(src.Columns()))
	for i := range all {
		all[i] = i
	}
	if err := src.Pick(all); err != nil {
		return nil, nil, err
	}
	c := &table.Chunk{}
	for {
		if err := src.Next(c); errors.Is(err, io.EOF) {
			return out, src, nil
		} else if err != nil {
			return nil, nil, err
		}
		for r := range c.Rows() {
			line := make([]string, len(all))
			for i := range line {
				line[i] = string(c.Cell(r, i))
			}
			out = append(out, line)
		}
	}
}

func wantFault(t testing.TB, err error, place, detail string) {
	t.Helper()
	var e *entrustment.Error
	if !errors.As(err, &e) || e.Code != entrustment.CodeFile {
		t.Fatalf("got %v, want a fault of the file", err)
	}
	if !strings.Contains(e.Field, place) || !strings.Contains(e.Detail, detail) || e.Mend == "" {
		t.Errorf("got %q, want place %q, detail %q and a mend", e.Error(), place, detail)
	}
}

func TestCells(t *testing.T) {
	content := book(t, func(f *excelize.File) {
		style := func(format string) int { return must(f.NewStyle(&excelize.Style{CustomNumFmt: &format})) }
		row(f, "Sheet1", 2, "氏名", "email", "phone", "birth", "amount", "note", "")
		row(f, "Sheet1", 3, "山田", "taro@example.jp", 9012345678, time.Date(1996, 4, 1, 0, 0, 0, 0, time.UTC), 1234.5, "x")
		row(f, "Sheet1", 5, "", "hanako@example.jp", 819012345678, 35156, 9012350000, true)
		for cell, format := range map[string]string{
			"D3": `yyyy"年"m"月"d"日"`, "D5": "[$-411]ge.m.d", "C3": "000-0000-0000", "E3": `"¥"#,##0.00`, "E5": "0.00E+00", "C5": "0"} {
			if err := f.SetCellStyle("Sheet1", cell, cell, style(format)); err != nil {
				t.Fatal(err)
			}
		}
		must(0, f.SetCellFormula("Sheet1", "B6", `"saburo"&"@example.jp"`))
	})
	got, src, err := cells(content)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"氏名", "email", "phone", "birth", "amount", "note"},
		{"山田", "taro@example.jp", "9012345678", "1996-04-01", "1234.5", "x"},
		{"", "hanako@example.jp", "819012345678", "1996-04-01", "9.01E+09", "1"},
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if n := src.Describe().Notices; len(n) != 1 || !strings.Contains(n[0], "1 formulas have no stored result") {
		t.Errorf("notices are %q", n)
	}
}

// The stored result of a formula is given, and nothing is calculated.
func TestFormula(t *testing.T) {
	content := edit(t, book(t, func(f *excelize.File) {
		row(f, "Sheet1", 1, "email")
		row(f, "Sheet1", 2, "x")
	}), "xl/worksheets/sheet1.xml", func(s string) string {
		i, j := strings.Index(s, `<c r="A2"`), strings.LastIndex(s, "</row>")
		return s[:i] + `<c r="A2" t="str"><f>HYPERLINK("http://x","y")&amp;WEBSERVICE("http://x")</f><v>taro@example.jp</v></c>` + s[j:]
	})
	got, _, err := cells(content)
	if err != nil || len(got) != 2 || got[1][0] != "taro@example.jp" {
		t.Errorf("got %q, %v", got, err)
	}
}

// edit rewrites one part of a workbook.
func edit(t testing.TB, content []byte, part string, change func(string) string) []byte {
	t.Helper()
	z := must(zip.NewReader(bytes.NewReader(content), int64(len(content))))
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	found := false
	for _, f := range z.File {
		text := string(must(io.ReadAll(must(f.Open()))))
		if f.Name == part {
			text, found = change(text), true
		}
		must(must(w.Create(f.Name)).Write([]byte(text)))
	}
	if err := w.Close(); err != nil || !found {
		t.Fatalf("part %s: found %v, %v", part, found, err)
	}
	return b.Bytes()
}

func TestSheets(t *testing.T) {
	two := func(hidden string) []byte {
		return book(t, func(f *excelize.File) {
			must(f.NewSheet("名簿"))
			must(f.NewSheet("old"))
			row(f, "名簿", 1, "email")
			row(f, "名簿", 2, "a@example.jp")
			row(f, "old", 1, "mail")
			row(f, "old", 2, "b@example.jp")
			if hidden != "" {
				must(0, f.SetSheetVisible(hidden, false))
			}
		})
	}
	for hidden, want := range map[string]string{"": "a@example.jp", "名簿": "b@example.jp"} {
		got, src, err := cells(two(hidden))
		if err != nil || len(got) != 2 || got[1][0] != want {
			t.Errorf("%q hidden: got %q, %v", hidden, got, err)
			continue
		}
		if n := src.Describe().Notices; len(n) != 1 || !strings.Contains(n[0], "not read: ") {
			t.Errorf("%q hidden: notices are %q", hidden, n)
		}
	}
}

func TestFaults(t *testing.T) {
	good := book(t, func(f *excelize.File) {
		row(f, "Sheet1", 1, "email")
		for i := range 50 {
			row(f, "Sheet1", i+2, fmt.Sprintf("canary%d@example.jp", i))
		}
	})
	sheet := func(change func(string) string) []byte { return edit(t, good, "xl/worksheets/sheet1.xml", change) }
	for name, tc := range map[string]struct {
		content       []byte
		place, detail string
	}{
		"cut":        {good[:len(good)-30], "end of the archive", "damaged"},
		"empty":      {book(t, func(*excelize.File) {}), "list.xlsx", "no rows"},
		"sheet cut":  {sheet(func(s string) string { return s[:len(s)/2] }), "sheet Sheet1, row", "cut short"},
		"row broken": {sheet(func(s string) string { return strings.Replace(s, `<row r="20"`, `<row r="20" <`, 1) }), "row", "damaged"},
		"rows back":  {sheet(func(s string) string { return strings.Replace(s, `<row r="20"`, `<row r="3"`, 1) }), "row 20", "damaged"},
		"wide row": {sheet(func(s string) string {
			return strings.Replace(s, `</row>`, strings.Repeat("<c><v>1</v></c>", table.MaxColumns+1)+"</row>", 1)
		}), "row 1", "more than"},
		"rich text": {sheet(func(s string) string {
			return strings.Replace(s, `</row>`, `<c t="inlineStr"><is>`+strings.Repeat("<r/>", maxCellTags)+"</is></c></row>", 1)
		}), "row 1", "more than"},
		"text table": {edit(t, good, "xl/sharedStrings.xml", func(s string) string { return s + strings.Repeat("<si/>", maxTags+1) }), "sharedstrings", "texts"},
		"large part": {edit(t, good, "xl/styles.xml", func(s string) string { return s + strings.Repeat(" ", maxPart) }), "styles.xml", "over"},
		"long row": {sheet(func(s string) string {
			return strings.Replace(s, `</row>`, `<c t="str"><v>`+strings.Repeat("x", 2<<20)+"</v></c></row>", 1)
		}), "row 1", "over"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := cells(tc.content)
			wantFault(t, err, tc.place, tc.detail)
			if strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("a value is in %q", err)
			}
		})
	}
}

// A bomb is refused by what its directory says, before anything is unpacked.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	must(must(w.Create("xl/workbook.xml")).Write([]byte("<workbook/>")))
	part := must(w.Create("xl/worksheets/sheet1.xml"))
	zeros := make([]byte, 1<<20)
	for range maxUnpacked>>20 + 1 {
		must(part.Write(zeros))
	}
	must(0, w.Close())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := cells(b.Bytes())
	runtime.ReadMemStats(&after)
	wantFault(t, err, "list.xlsx", "unpacks to more than")
	if after.TotalAlloc-before.TotalAlloc > 16<<20 {
		t.Errorf("refusing took %d bytes", after.TotalAlloc-before.TotalAlloc)
	}
}

// hurt reads a damaged workbook as a list and checks that it is read or refused,
// without a value in the message.
func hurt(t *testing.T, content []byte) (refused bool) {
	t.Helper()
	o := intake.Options{Name: "list.xlsx", Today: today, Formats: []table.Format{Format}}
	schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{{Column: "email", Kind: "email"}, {Column: "phone", Kind: "phone"}}, Drop: []string{"birth"}}
	f, err := intake.OpenList(t.Context(), bytes.NewReader(content), int64(len(content)), schema, o)
	if err == nil {
		for _, rowsErr := range f.Rows() {
			err = rowsErr
		}
	}
	if err == nil {
		return false
	}
	var e *entrustment.Error
	if !errors.As(err, &e) || e.Code != entrustment.CodeFile || e.Field == "" || e.Mend == "" {
		t.Fatalf("damage gives %q, not a fault with place and mend", err)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Fatalf("a value is in %q", err)
	}
	return true
}

func sample(t testing.TB) []byte {
	return book(t, func(f *excelize.File) {
		row(f, "Sheet1", 1, "email", "phone", "birth")
		for i := range 40 {
			row(f, "Sheet1", i+2, fmt.Sprintf("canary%d@example.jp", i), 9012345600+i, time.Date(1990, 1, i, 0, 0, 0, 0, time.UTC))
		}
	})
}

func TestDamaged(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	content := sample(t)
	if hurt(t, content) {
		t.Fatal("undamaged, it is refused")
	}
	rng := rand.New(rand.NewPCG(7, 8))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const files = 400
	refused := 0
	for i := range files {
		bad := bytes.Clone(content)
		switch i % 4 {
		case 0:
			bad = bad[:rng.IntN(len(bad))]
			bad = append(bad, content[:i%2]...)
		case 1: // a hole
			from := rng.IntN(len(bad) - 100)
			clear(bad[from : from+1+rng.IntN(99)])
		default:
			for range 1 + rng.IntN(4) {
				bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
			}
		}
		if len(bad) > 0 && hurt(t, bad) {
			refused++
		}
	}
	// Valid archives of damaged XML: no checksum tells.
	parts := []string{"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml", "xl/_rels/workbook.xml.rels"}
	for i := range files {
		hurt(t, edit(t, content, parts[i%len(parts)], func(s string) string {
			b := []byte(s)
			for range 1 + rng.IntN(3) {
				b[rng.IntN(len(b))] = " <>/\"=&;r10"[rng.IntN(11)]
			}
			return string(b[:len(b)-rng.IntN(2)*rng.IntN(len(b))])
		}))
	}
	runtime.ReadMemStats(&after)
	if refused < files*8/10 {
		t.Errorf("of %d damaged files %d were refused", files, refused)
	}
	if per := (after.TotalAlloc - before.TotalAlloc) / (2 * files); per > 8<<20 {
		t.Errorf("a damaged file took %d bytes on average", per)
	}
	if left := must(os.ReadDir(os.TempDir())); len(left) > 0 {
		t.Errorf("temporary files: %v", left)
	}
}

// A large sheet is read without a file on disk, and numbers that were phone
// numbers are mended or refused.
func TestList(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	rows := [][]any{{"taro@example.jp", 9012345678}, {"", "9.01235E+09"}, {"", 9012345678.0}, {"", 819012345678}, {"", "090-1234-5678"}, {"", "9012345678.0"}}
	content := book(t, func(f *excelize.File) {
		row(f, "Sheet1", 1, "email", "phone")
		for i, r := range rows {
			row(f, "Sheet1", i+2, r...)
		}
		row(f, "Sheet1", len(rows)+2, "email", "phone")
	})
	o := intake.Options{Name: "list.xlsx", Today: today, Formats: []table.Format{Format}}
	f, err := intake.OpenList(t.Context(), bytes.NewReader(content), int64(len(content)), nil, o)
	if err != nil {
		t.Fatal(err)
	}
	norm := must(identifier.New("JP"))
	sums, _, _ := norm.AppendList(nil, identifier.Phone, []byte("090-1234-5678"))
	n := 0
	for batch, err := range f.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch {
			if last := r.Identifiers[len(r.Identifiers)-1]; last.Hash != sums[0].Hash {
				t.Errorf("row %d has another number", n)
			}
			n++
		}
	}
	r := f.Report()
	if n != 5 || r.Rejected != 2 || r.Repairs["lost_zero"] != 3 || r.Format != "Excel" {
		t.Errorf("%d rows; %+v", n, r)
	}
	want := []string{"3 phone phone_scientific", "8  header_repeated"}
	for i, p := range r.ProblemList() {
		if got := fmt.Sprint(p.Row, " ", p.Column, " ", p.Reason); got != want[i] || p.Mend == "" {
			t.Errorf("problem %q, want %q", got, want[i])
		}
	}
	if left := must(os.ReadDir(os.TempDir())); len(left) > 0 {
		t.Errorf("temporary files: %v", left)
	}
}

func BenchmarkSheet(b *testing.B) {
	const n = 50_000
	content := book(b, func(f *excelize.File) {
		w := must(f.NewStreamWriter("Sheet1"))
		must(0, w.SetRow("A1", []any{"email", "phone"}))
		for i := range n {
			must(0, w.SetRow(fmt.Sprintf("A%d", i+2), []any{fmt.Sprintf("user%d@example.jp", i), 9010000000 + i}))
		}
		must(0, w.Flush())
	})
	for b.Loop() {
		if rows, _, err := cells(content); err != nil || len(rows) != n+1 {
			b.Fatal(len(rows), err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// FuzzSheet reads any XML as a sheet of a whole workbook.
func FuzzSheet(f *testing.F) {
	good := sample(f)
	for _, s := range []string{
		`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c t="str"><v>email</v></c></row><row r="2"><c t="str"><v>a@example.jp</v></c></row></sheetData></worksheet>`,
		`<x:worksheet xmlns:x="x"><x:sheetData><x:row><x:c><x:f>1+1</x:f></x:c></x:row></x:sheetData></x:worksheet>`,
		`<sheetData/>`, `<sheetData><row r="9"/><row r="2"/></sheetData>`, `<sheetData><row><c r="XFE1"><v>1</v></c></row></sheetData>`, `<`, `<>`, `<sheetData><c></sheetData>`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sheet string) {
		if len(sheet) < 1<<16 {
			hurt(t, edit(t, good, "xl/worksheets/sheet1.xml", func(string) string { return sheet }))
		}
	})
}

// FuzzArchive reads anything as a workbook.
func FuzzArchive(f *testing.F) {
	f.Add(sample(f))
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 0 && len(content) < 1<<16 {
			hurt(t, content)
		}
	})
}
