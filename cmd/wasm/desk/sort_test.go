package desk

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/intake/formats"
	"awase/intake/table"
)

// zipped packs parts, each a name and its content.
func zipped(t *testing.T, parts ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err == nil {
			_, err = w.Write([]byte(parts[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// claims is a workbook that says of a part that it unpacks to so much.
func claims(t *testing.T, size uint64) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, h := range []*zip.FileHeader{{Name: "[Content_Types].xml"}, {Name: "xl/workbook.xml", UncompressedSize64: size}} {
		if _, err := z.CreateRaw(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hiddenBook is a workbook whose one sheet with rows does not show.
func hiddenBook(t *testing.T) string {
	const xml, main, rel = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`, "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	const packed = "http://schemas.openxmlformats.org/package/2006/"
	return zipped(t,
		"[Content_Types].xml", xml+`<Types xmlns="`+packed+`content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`,
		"_rels/.rels", xml+`<Relationships xmlns="`+packed+`relationships"><Relationship Id="rId1" Type="`+rel+`/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml", xml+`<workbook xmlns="`+main+`" xmlns:r="`+rel+`"><sheets><sheet name="a" sheetId="1" state="hidden" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", xml+`<Relationships xmlns="`+packed+`relationships"><Relationship Id="rId1" Type="`+rel+`/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml", xml+`<worksheet xmlns="`+main+`"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>email</t></is></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>a@b.jp</t></is></c></row></sheetData></worksheet>`)
}

// TestSorts: every sort of refusal is that of a file that somebody may choose; the
// page says each in words of its own, and reads no sentence.
func TestSorts(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("email\na@b.jp\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	hash := strings.Repeat("0123456789abcdef", 4)
	schema := func(columns string) string { return `{"schema":"awase.list/v1","columns":[` + columns + `]}` }
	const email = `{"column":"email","kind":"email"}`
	const none = "none" // it is read whole, by what its header says
	cases := []struct {
		file   string
		schema string // "": the file is looked at, as when it is dropped
		want   table.Sort
	}{
		{"", "", table.SortNoRows},
		{"email\n", "", table.SortNoRows},
		{"a@b.jp,x\nc@d.jp,y\n", "", table.SortNoHeader},
		{"a@b.jp\nc@d.jp\n", schema(email + `,{"column":"phone","kind":"phone"}`), table.SortNoHeader},
		{"氏名\n山田\n", none, table.SortNoIdentifier},
		{hash + "\n", "", table.SortHashKind},
		{"\xD0\xCF\x11\xE0 an old workbook", "", table.SortLocked},
		{"email\n\"a@b.jp\n", "", table.SortOpenQuote},
		{"email\n" + strings.Repeat("a", 2<<20) + "\n", "", table.SortLongRow},
		{"email" + strings.Repeat(",", table.MaxColumns) + "\n", "", table.SortLongRow},
		{claims(t, 1<<40), "", table.SortTooLarge},
		{"\xff\xfe\x00\x00e\x00\x00\x00", "", table.SortEncoding},
		{zipped(t, "a.csv", list, "b.csv", list), "", table.SortArchive},
		{"Rar!\x1a\x07", "", table.SortArchive},
		{hiddenBook(t), "", table.SortHidden},
		{"email,email\na@b.jp,c@d.jp\n", schema(email), table.SortRepeated},
		{"email,住所\na@b.jp,東京都\n", schema(email + `,{"column":"住所","name":"tier","values":["東京都"]}`), table.SortDirect},
		{",email\nx,a@b.jp\n", schema(email), table.SortUnnamed},
		{"email,rank\na@b.jp,gold\n", schema(email), table.SortColumns},
		{packed.String()[:packed.Len()-9], "", table.SortDamaged},
		{"%PDF-1.7", "", table.SortFormat},
		{"email\na@b.jp\n", schema(`{"column":"email","kind":"email","profile":"none"}`), table.SortOther},
	}
	seen := map[table.Sort]bool{}
	for _, c := range cases {
		d := Desk{Formats: formats.All()}
		o := Options{Purpose: seal.List, Name: "a.csv", Today: "2026-11-26", Schema: c.schema}
		var err error
		if c.schema == "" {
			_, err = d.Preview(t.Context(), strings.NewReader(c.file), int64(len(c.file)), o)
		} else {
			o.Schema = strings.TrimPrefix(o.Schema, none)
			_, err = d.Check(t.Context(), strings.NewReader(c.file), int64(len(c.file)), o)
		}
		if err == nil {
			t.Errorf("%s: it was taken", c.want)
			continue
		}
		said := Shown(err)
		if (said.Code == "E_FILE") == (c.want == table.SortDirect) || said.Sort != c.want || said.Detail == "" || said.Mend == "" {
			t.Errorf("%s: %+v", c.want, said)
		}
		seen[said.Sort] = true
	}
	source, err := os.ReadFile("../../../intake/table/fault.go")
	if err != nil {
		t.Fatal(err)
	}
	named := map[table.Sort]bool{}
	for _, m := range regexp.MustCompile(`Sort += "(\w+)"`).FindAllSubmatch(source, -1) {
		named[table.Sort(m[1])] = true
	}
	if len(named) < 10 || !maps.Equal(seen, named) {
		t.Errorf("seen %q of %q", slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(named)))
	}
}
