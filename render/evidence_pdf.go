package render

import (
	"bytes"
	"fmt"
	"strings"

	"codeberg.org/go-pdf/fpdf"
)

// maxCellLines is how many lines of a cell are printed; the rest is in the pages
// and in evidence.json.
const maxCellLines = 4

// evidencePDF writes evidence for print, in both languages. at is the moment that
// it is of.
func evidencePDF(d *dossier, at, key string) ([]byte, error) {
	p := &paper{Fpdf: fpdf.New("L", "mm", "A4", ""), at: across, draw: map[rune]rune{}}
	ttf, err := font()
	if err != nil {
		return nil, fmt.Errorf("opening the font: %w", err)
	}
	p.AddUTF8FontFromBytes("biz", "", bytes.Clone(ttf))
	p.properties(at, d.title.in(Both))
	room := p.at.right - left
	p.SetHeaderFunc(func() {
		p.y = top
		m := moment(at)
		when := plain(m.ja + " · " + m.en)
		p.put(left, 11, sizeSmall, quiet, p.cut(d.title.in(Both), sizeSmall, room-p.width(when, sizeSmall)-4))
		p.putRight(p.at.right, 11, sizeSmall, quiet, when)
		p.line(left, 15.5, p.at.right, 15.5, 0.2, rule)
	})
	p.SetFooterFunc(func() {
		p.line(left, p.at.foot-1.5, p.at.right, p.at.foot-1.5, 0.2, rule)
		p.put(left, p.at.foot, sizeSmall, quiet, p.cut("evidence.json の表示 a rendering of evidence.json · 署名鍵 key "+key, sizeSmall, room-20))
		p.pageNumber()
	})
	p.AddPage()
	p.paragraph(left, room, sizeTitle, ink, d.title.ja)
	p.paragraph(left, room, sizeBody+0.5, quiet, d.title.en)
	p.y += 1.5
	for _, l := range d.lead {
		p.both(left, room, sizeBody, l)
	}
	p.y += 2
	for _, f := range d.facts {
		p.need(leading(sizeBody) * 2)
		p.put(left, p.y, sizeTable, quiet, p.cut(f.name.in(Both), sizeTable, 66))
		p.paragraph(left+70, room-70, sizeTable, ink, f.is.in(Both))
	}
	for i := range d.sections {
		p.docket(&d.sections[i])
	}
	var b bytes.Buffer
	if err := p.Output(&b); err != nil {
		return nil, fmt.Errorf("writing evidence as PDF: %w", err)
	}
	return b.Bytes(), nil
}

// docket prints one list.
func (p *paper) docket(d *docket) {
	room := p.at.right - left
	keep := 7.0 + 3*tableRow
	if d.note.ja != "" {
		keep += 2 * leading(sizeBody)
	}
	p.section(d.title, keep)
	if d.note.ja != "" {
		p.both(left, room, sizeBody-0.5, d.note)
		p.y++
	}
	if len(d.rows) == 0 {
		p.paragraph(left, room, sizeTable, quiet, text{"ありません。", "None."}.in(Both))
		return
	}
	total := 0.0
	for _, w := range d.wide {
		total += w
	}
	widths := make([]float64, len(d.wide))
	for i, w := range d.wide {
		widths[i] = room * w / total
	}
	head := func() {
		x := left
		for i, h := range d.heads {
			p.put(x, p.y, sizeSmall, quiet, p.cut(h.ja, sizeSmall, widths[i]-1))
			p.put(x, p.y+3, sizeSmall-1, quiet, p.cut(h.en, sizeSmall-1, widths[i]-1))
			x += widths[i]
		}
		p.y += 7
		p.line(left, p.y-0.6, p.at.right, p.y-0.6, 0.2, rule)
	}
	p.need(7 + tableRow)
	head()
	for _, row := range d.rows {
		lines, most := make([][]string, len(row)), 1
		english := make([]int, len(row)) // from which line on a cell is in English
		for i, c := range row {
			lines[i] = p.cell(c.ja, widths[i]-1)
			english[i] = len(lines[i])
			switch {
			case d.prose && c.en != c.ja:
				lines[i] = append(lines[i], p.cell(c.en, widths[i]-1)...)
			case !d.prose && len(lines[i]) > maxCellLines:
				lines[i] = lines[i][:maxCellLines]
				lines[i][maxCellLines-1] = p.cut(lines[i][maxCellLines-1]+"……", sizeSmall, widths[i]-1)
			}
			most = max(most, len(lines[i]))
		}
		height := float64(most)*nameLine + 1
		if p.need(height) {
			head()
		}
		x := left
		for i := range lines {
			for j, l := range lines[i] {
				c := ink
				if j >= english[i] {
					c = quiet
				}
				p.put(x, p.y+float64(j)*nameLine, sizeSmall, c, l)
			}
			x += widths[i]
		}
		p.y += height
		p.line(left, p.y-0.5, p.at.right, p.y-0.5, 0.1, rule)
	}
}

// cell breaks what stands in a cell into lines. A name breaks behind its hyphens
// sooner than anywhere, and a day nowhere but before its time.
func (p *paper) cell(s string, room float64) []string {
	s = plain(clipped(s))
	if aDay.MatchString(s) {
		return p.broken(strings.SplitAfter(s, " "), sizeSmall, room)
	}
	var all []string
	for _, word := range words(s) {
		for at := strings.IndexAny(word, "-_/,:"); at >= 0 && len(word) > 12; at = strings.IndexAny(word, "-_/,:") {
			all = append(all, word[:at+1])
			word = word[at+1:]
		}
		all = append(all, word)
	}
	return p.broken(all, sizeSmall, room)
}

// clipped keeps a cell from being measured further than it can be printed.
func clipped(s string) string {
	const most = 400
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}
