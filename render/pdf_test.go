package render

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"awase/enclave/wire"
)

var objects = regexp.MustCompile(`(?s)/Filter /FlateDecode /Length \d+>>\nstream\n`)

// pdfText gives the texts of a PDF's pages, one a line, in the order they were
// written in.
func pdfText(t rapid.TB, doc []byte) []string {
	t.Helper()
	var pages []string
	for _, at := range objects.FindAllIndex(doc, -1) {
		z, err := zlib.NewReader(bytes.NewReader(doc[at[1]:]))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, contentText(t, content))
	}
	if len(pages) == 0 || len(pages) != bytes.Count(doc, []byte("/Type /Page\n")) {
		t.Fatalf("%d pages were read of %d", len(pages), bytes.Count(doc, []byte("/Type /Page\n")))
	}
	return pages
}

// contentText reads the strings that a page shows: UTF-16 in brackets.
func contentText(t rapid.TB, content []byte) string {
	t.Helper()
	var out strings.Builder
	for i := 0; i < len(content); i++ {
		if content[i] != '(' {
			continue
		}
		var s []byte
		for i++; content[i] != ')'; i++ {
			if content[i] == '\\' {
				if i++; content[i] == 'r' {
					s = append(s, '\r')
					continue
				}
			}
			s = append(s, content[i])
		}
		if len(s)%2 != 0 || !bytes.HasPrefix(bytes.TrimLeft(content[i+1:], " "), []byte("Tj")) {
			t.Fatalf("a string that is no text: %q", s)
		}
		units := make([]uint16, len(s)/2)
		for j := range units {
			units[j] = binary.BigEndian.Uint16(s[2*j:])
		}
		out.WriteString(string(utf16.Decode(units)) + "\n")
	}
	return out.String()
}

func pdfOf(t testing.TB, r *wire.Release) string {
	t.Helper()
	return strings.Join(pdfText(t, written(t, PDF, r)), "")
}

func TestGoldenPDF(t *testing.T) {
	for name, r := range samples() {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".pdf.txt", []byte(strings.Join(pdfText(t, written(t, PDF, r)), "\f\n")))
		})
	}
}

// A PDF shows the value of each released number and the ends of its interval, in
// its table, and no other: all drawn numbers have six digits or more, and nothing
// else on the pages has.
func TestPDFShowsWhatWasReleasedAndNoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := releases().Draw(t, "release")
		for _, d := range r.Dims {
			if figures.MatchString(strings.Join(d.Domain, " ")) {
				return
			}
		}
		if figures.MatchString(r.List) { // a name like a number is none
			return
		}
		want := map[string]bool{}
		for _, n := range every(r) {
			for _, v := range []int64{n.Value, n.Low, n.High} {
				want[thousands(v)] = true
			}
		}
		got := map[string]bool{}
		var b bytes.Buffer
		if err := Write(&b, PDF, r); err != nil {
			t.Fatal(err)
		}
		for _, page := range pdfText(t, b.Bytes()) {
			for l := range strings.Lines(page) {
				if strings.HasPrefix(l, "{") { // the question as JSON
					break
				}
				for _, s := range figures.FindAllString(l, -1) {
					got[s] = true
				}
			}
		}
		for s := range want {
			if !got[s] {
				t.Errorf("%s is not shown", s)
			}
		}
		for s := range got {
			if !want[s] {
				t.Errorf("%s is shown and was not released", s)
			}
		}
	})
}

// TestPDFTablesRepeatTheirHead: on each page that a table goes on over, and its
// pages are numbered.
func TestPDFTablesRepeatTheirHead(t *testing.T) {
	pages := pdfText(t, written(t, PDF, wideSample()))
	tables := 0
	for i, p := range pages {
		lines := strings.Split(p, "\n")
		if number := fmt.Sprintf("%d", len(pages)); !slices.Contains(lines, fmt.Sprintf("%d / ", i+1)) || !slices.Contains(lines, number) {
			t.Errorf("page %d of %d has no number", i+1, len(pages))
		}
		row := slices.IndexFunc(lines, regexp.MustCompile(`^店舗\d\d$`).MatchString)
		if row < 0 {
			continue
		}
		tables++
		for _, head := range []string{"店舗", "利用者数", "誤差範囲（95％）", "interval (95 %)"} {
			if at := slices.Index(lines, head); at < 0 || at > row {
				t.Errorf("page %d begins its rows without %s", i+1, head)
			}
		}
	}
	if tables < 3 {
		t.Errorf("the table is on %d pages of %d", tables, len(pages))
	}
}

// TestFontHasTheSigns: the font has what drawable says, and nothing else is drawn
// as itself.
func TestFontHasTheSigns(t *testing.T) {
	ttf, err := font()
	if err != nil {
		t.Fatal(err)
	}
	has := glyphs(t, ttf)
	n := 0
	for r := rune(1); r < 0x11000; r++ {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		if has[r] {
			n++
		}
		if has[r] != drawable(r) {
			t.Errorf("%U %q: in the font %v, drawable %v", r, r, has[r], drawable(r))
		}
	}
	readme, err := os.ReadFile("font/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), thousands(int64(n))+" in all") {
		t.Errorf("the font has %d signs; its README says otherwise", n)
	}
}

// glyphs reads a font's one cmap table, of format 4.
func glyphs(t *testing.T, ttf []byte) map[rune]bool {
	t.Helper()
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(ttf[at:])) }
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(ttf[at:])) }
	cmap := 0
	for i := range u16(4) {
		if at := 12 + 16*i; string(ttf[at:at+4]) == "cmap" {
			cmap = u32(at + 8)
		}
	}
	sub := cmap + u32(cmap+8)
	if u16(cmap+2) != 1 || u16(sub) != 4 {
		t.Fatalf("%d tables of signs, the first of format %d", u16(cmap+2), u16(sub))
	}
	n := u16(sub+6) / 2
	out := map[rune]bool{}
	for i := range n {
		end, start := u16(sub+14+2*i), u16(sub+16+2*n+2*i)
		delta, at := u16(sub+16+4*n+2*i), sub+16+6*n+2*i
		for c := start; c <= end && c != 0xffff; c++ {
			g := (c + delta) & 0xffff
			if off := u16(at); off != 0 {
				if g = u16(at + off + 2*(c-start)); g != 0 {
					g = (g + delta) & 0xffff
				}
			}
			out[rune(c)] = g != 0
		}
	}
	return out
}

// TestPDFDrawsWhatItCan: a sign that the font lacks is 〓 and seen; ≥, which it
// draws wrongly, is ≧; a mark in a name counts no pages.
func TestPDFDrawsWhatItCan(t *testing.T) {
	r := overlapSample()
	r.List = "春😀\u0e01か\u3099" + pageCount + "{nb}"
	r.Question.List = r.List
	text := pdfOf(t, r)
	if !strings.Contains(text, "リスト「春〓〓が〓〓〓{nb}」の") {
		t.Errorf("the title is %s", strings.SplitN(text, "\n", 5)[:4])
	}
	if text := pdfOf(t, profileSample(false)); !strings.Contains(text, "70歳以上 ≧70") || strings.Contains(text, "≥") {
		t.Error("≥ is drawn as ≤")
	}
}

// TestSqueeze: long names give way to the numbers, short ones keep their room.
func TestSqueeze(t *testing.T) {
	for _, c := range []struct {
		room       float64
		have, want []float64
	}{
		{100, []float64{60, 20, 20}, []float64{60, 20, 20}},
		{80, []float64{60, 20, 20}, []float64{40, 20, 20}},
		{60, []float64{60, 20, 50}, []float64{20, 20, 20}},
		{70, []float64{60, 10, 50}, []float64{30, 10, 30}},
		{-5, []float64{60, 10}, []float64{6, 6}},
	} {
		keys := make([]printColumn, len(c.have))
		for i, w := range c.have {
			keys[i].width = w
		}
		squeeze(keys, c.room)
		for i, w := range c.want {
			if keys[i].width != w {
				t.Errorf("%v in %v: column %d is %v, want %v", c.have, c.room, i, keys[i].width, w)
			}
		}
	}
}

// TestPDFOfALargeTable: of 4,096 cells each stands in the table once, shown or
// withheld, on pages that have room for some fifty.
func TestPDFOfALargeTable(t *testing.T) {
	dims := []wire.Dim{{Name: "shop"}, {Name: "area"}}
	for i := range 64 {
		dims[0].Domain, dims[1].Domain = append(dims[0].Domain, fmt.Sprintf("shop-%02d", i)), append(dims[1].Domain, fmt.Sprintf("area-%02d", i))
	}
	r := base("profile", dims...)
	for i, shop := range dims[0].Domain {
		for j, area := range dims[1].Domain {
			r.Cells = append(r.Cells, cell(int64(i*j), "shop", shop, "area", area))
		}
	}
	pages := pdfText(t, written(t, PDF, finish(r)))
	lines := strings.Split(strings.Join(pages, ""), "\n")
	rows, withheld := 0, 0
	for i, l := range lines {
		if strings.HasPrefix(l, "area-") && strings.HasPrefix(lines[i-1], "shop-") {
			c := r.Cells[rows]
			rows++
			switch next := lines[i+1]; {
			case l != c.Key["area"] || lines[i-1] != c.Key["shop"]:
				t.Fatalf("row %d is %s %s", rows, lines[i-1], l)
			case c.Users == nil && next == withheldWord.in(Both):
				withheld++
			case c.Users == nil || next != thousands(c.Users.Value):
				t.Fatalf("row %d shows %s", rows, next)
			}
		}
	}
	if rows != 4096 || withheld != r.Privacy.Withheld {
		t.Errorf("%d rows, %d withheld, want 4096, %d", rows, withheld, r.Privacy.Withheld)
	}
	if len(pages) < 70 || len(pages) > 100 {
		t.Errorf("%d pages", len(pages))
	}
}
