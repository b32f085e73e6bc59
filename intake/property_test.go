package intake

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"awase/crypto/seal"
	"awase/entrustment"
)

// TestWritingDoesNotMatter: a table gives the same rows and the same counts
// however it is written.
func TestWritingDoesNotMatter(t *testing.T) {
	cell := rapid.SampledFrom([]string{
		"", " ", "taro@example.jp", "Taro@Example.JP", "ｔａｒｏ＠example.jp", `"quoted"@example.jp`, "a b@example.jp", "taro@example.jp\n",
		"090-1234-5678", "０９０－１２３４－５６７８", "+819012345678", "03(3580)3311", "12", hexSum("x"), b64Sum("x"), hexSum("x")[:40],
		"gold", "シルバー", "銀", "金,銀", "\"", "\"\"", "表示ソ能", "a;b\tc", "はい", "○", "no", "髙﨑",
	})
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, 4, 4), 1, 30).Draw(t, "rows")
		schema := &entrustment.ListSchema{Columns: []entrustment.ListColumn{
			{Column: "メール", Kind: "email"}, {Column: "電話", Kind: "phone"}, {Column: "ランク", Name: "tier", Values: []string{"gold", "銀", "金,銀"}}},
			Drop: []string{"氏名"}}
		if rapid.Bool().Draw(t, "consent") {
			schema.Drop, schema.Consent = nil, &entrustment.ListConsent{Column: "氏名"}
		}
		table := append([][]string{{"メール", "電話", "ランク", "氏名"}}, rows...)
		want, wantReport := readText(t, plainCSV(table), schema)
		got, gotReport := readText(t, drawText(t, table), schema)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
		if gotReport != wantReport {
			t.Fatalf("got %s\nwant %s", gotReport, wantReport)
		}
	})
}

func readText(t *rapid.T, content string, schema *entrustment.ListSchema) ([]seal.Row, string) {
	f, err := OpenList(t.Context(), strings.NewReader(content), int64(len(content)), schema, Options{Today: today})
	if err != nil {
		t.Fatalf("%v", err)
	}
	rows, err := collect(f)
	if err != nil && f.Report().Rows > 0 {
		t.Fatalf("%v", err)
	}
	r := f.Report()
	if r.Rows != r.Accepted+r.Rejected+r.NoConsent || int(r.Accepted) != len(rows) {
		t.Fatalf("%d rows, but %d accepted, %d rejected, %d without consent; %d given", r.Rows, r.Accepted, r.Rejected, r.NoConsent, len(rows))
	}
	return rows, fmt.Sprint(r.Rows, r.Accepted, r.Repaired, r.Rejected, r.NoConsent, r.Duplicates, r.Repairs, r.Faults, r.Columns)
}

func plainCSV(table [][]string) string {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(table); err != nil {
		panic(err)
	}
	return b.String()
}

// drawText writes a table in an encoding, with a delimiter, line breaks, quotes
// and blank lines of its own.
func drawText(t *rapid.T, table [][]string) string {
	delim := rapid.SampledFrom([]string{",", "\t", ";"}).Draw(t, "delimiter")
	breaks := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "break")
	tail := rapid.SampledFrom([]string{"", delim, delim + delim + `""`}).Draw(t, "tail")
	var b strings.Builder
	for i, row := range table {
		if rapid.IntRange(0, 9).Draw(t, "blank") == 0 {
			b.WriteString(breaks)
		}
		if i > 0 && rapid.IntRange(0, 9).Draw(t, "empty") == 0 {
			b.WriteString(strings.Repeat(delim, 3) + breaks)
		}
		for j, cell := range row {
			if j > 0 {
				b.WriteString(delim)
			}
			if strings.ContainsAny(cell, delim+"\n\r") || strings.HasPrefix(cell, `"`) || rapid.Bool().Draw(t, "quote") {
				cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
			}
			b.WriteString(cell)
		}
		b.WriteString(tail)
		if i < len(table)-1 || rapid.Bool().Draw(t, "last break") {
			b.WriteString(breaks)
		}
	}
	switch rapid.SampledFrom([]string{encUTF8, encBOM, encSJIS, encUTF16}).Draw(t, "encoding") {
	case encBOM:
		return "\uFEFF" + b.String()
	case encSJIS:
		return sjis(b.String())
	case encUTF16:
		return utf16LE(b.String())
	}
	return b.String()
}

// TestDistinct holds the set against a map.
func TestDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prints := rapid.SliceOf(rapid.Uint64Range(0, 500)).Draw(t, "prints")
		if rapid.Bool().Draw(t, "many") { // more of a shard than are kept back
			for p := range uint64(3 * pendingPrints) {
				prints = append(prints, p*shards)
			}
		}
		d, seen, want := &distinct{}, map[uint64]bool{}, int64(0)
		for _, p := range prints {
			if seen[p] {
				want++
			}
			seen[p] = true
		}
		cut := rapid.IntRange(0, len(prints)).Draw(t, "cut")
		var one, other pending
		d.add(prints[cut:], &one)
		d.add(prints[:cut], &other)
		d.flush(&other)
		d.flush(&one)
		if got := d.duplicates(); got != want {
			t.Fatalf("%d duplicates, want %d", got, want)
		}
	})
}

func TestDistinctFull(t *testing.T) {
	d := &distinct{}
	d.shard[3].used = maxDistinct / shards
	var late pending
	d.add([]uint64{3, 3 + shards}, &late)
	d.flush(&late)
	if got := d.duplicates(); got != -1 {
		t.Errorf("%d duplicates from a full set, want -1", got)
	}
}

// FuzzList: any bytes are a list or a fault with place and mend, the counts add
// up, and what is given on holds only what the header declares.
func FuzzList(f *testing.F) {
	for _, s := range []string{messy, sjis(messy), utf16LE(messy), "email\na@b.jp\n", "a@b.jp\n", "Email,Phone\n\"a@b.jp\",090-1234-5678\n",
		"email\tphone\r\ra@b.jp\t\r", "email\n" + hexSum("x") + "\n", "\xff\xfe", "PK\x03\x04", "\"", "email\n\x80\n", ",,,\n,,,", "PAR1PAR1",
		"\x89PNG\r\n\x1a\n\x00\x00", "MZ\x90\x00\x03", "BM\x00\x00\x00\x00\x00\x00\x00\x00", "GIF89a,email\n"} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, content []byte, declared bool) {
		var schema *entrustment.ListSchema
		if declared {
			schema = listSchema()
		}
		file, err := OpenList(t.Context(), bytes.NewReader(content), int64(len(content)), schema, Options{Today: today, MaxLine: 4096})
		var rows []seal.Row
		if err == nil {
			rows, err = collect(file)
		}
		if err != nil {
			wantFault(t, err, "", "")
			return
		}
		if r := file.Report(); r.Rows != r.Accepted+r.Rejected+r.NoConsent || int(r.Accepted) != len(rows) {
			t.Fatalf("the counts don't add up: %+v, %d rows", r, len(rows))
		}
		h := file.Header()
		for _, r := range rows {
			if len(r.Codes) != len(h.Columns) || len(r.Identifiers) == 0 || r.Person != nil {
				t.Fatalf("a row has %d codes, %d identifiers", len(r.Codes), len(r.Identifiers))
			}
			for i, c := range r.Codes {
				if int(c) >= len(h.Columns[i].Domain) {
					t.Fatalf("code %d of %d", c, len(h.Columns[i].Domain))
				}
			}
			for _, id := range r.Identifiers {
				if int(id.Column) >= len(h.Identifiers) {
					t.Fatalf("identifier column %d of %d", id.Column, len(h.Identifiers))
				}
			}
		}
	})
}
