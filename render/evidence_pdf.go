package render

import (
	"bytes"
	"fmt"

	"codeberg.org/go-pdf/fpdf"
)

// maxCellLines is how many lines of a cell are printed; the rest is in the pages
// and in evidence.json.
const maxCellLines = 4

// evidencePDF writes evidence for print, in both languages. at is the moment that
// it is of.
func evidencePDF(d *dossier, at, key string) ([]byte, error) {
	p := &paper{Fpdf: fpdf.New("P", "mm", "A4", ""), draw: map[rune]rune{}}
	ttf, err := font()
	if err != nil {
		return nil, fmt.Errorf("opening the font: %w", err)
	}
	p.AddUTF8FontFromBytes("biz", "", bytes.Clone(ttf))
	p.properties(at, d.title.in(Both))
	p.SetHeaderFunc(func() {
		p.y = top
		p.put(left, 11, sizeSmall, quiet, p.cut(d.title.in(Both), sizeSmall, measure-60))
		m := moment(at)
		p.putRight(right, 11, sizeSmall, quiet, plain(m.ja+" · "+m.en))
		p.line(left, 15.5, right, 15.5, 0.2, rule)
	})
	p.SetFooterFunc(func() {
		p.line(left, 283, right, 283, 0.2, rule)
		p.put(left, 284.5, sizeSmall, quiet, p.cut("evidence.json の表示 a rendering of evidence.json · 署名鍵 key "+key, sizeSmall, measure-20))
		p.pageNumber()
	})
	p.AddPage()
	p.paragraph(left, measure, sizeTitle, ink, d.title.ja)
	p.paragraph(left, measure, sizeBody+0.5, quiet, d.title.en)
	p.y += 1.5
	for _, l := range d.lead {
		p.both(left, measure, sizeBody, l)
	}
	p.y += 2
	for _, f := range d.facts {
		p.need(leading(sizeBody) * 2)
		p.put(left, p.y, sizeTable, quiet, p.cut(f.name.in(Both), sizeTable, 50))
		p.paragraph(left+54, measure-54, sizeTable, ink, f.is.in(Both))
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
	p.section(d.title, 3*tableRow)
	if d.note.ja != "" {
		p.both(left, measure, sizeBody-0.5, d.note)
		p.y += 1
	}
	if len(d.rows) == 0 {
		p.paragraph(left, measure, sizeTable, quiet, text{"ありません。", "None."}.in(Both))
		return
	}
	total := 0.0
	for _, w := range d.wide {
		total += w
	}
	widths := make([]float64, len(d.wide))
	for i, w := range d.wide {
		widths[i] = measure * w / total
	}
	head := func() {
		x := left
		for i, h := range d.heads {
			p.put(x, p.y, sizeSmall, quiet, p.cut(h.ja, sizeSmall, widths[i]-1))
			p.put(x, p.y+3, sizeSmall-1, quiet, p.cut(h.en, sizeSmall-1, widths[i]-1))
			x += widths[i]
		}
		p.y += 7
		p.line(left, p.y-0.6, right, p.y-0.6, 0.2, rule)
	}
	p.need(7 + tableRow)
	head()
	for _, row := range d.rows {
		lines, most := make([][]string, len(row)), 1
		for i, c := range row {
			lines[i] = p.wrapped(clipped(c.ja), sizeSmall, widths[i]-1)
			if len(lines[i]) > maxCellLines {
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
				p.put(x, p.y+float64(j)*nameLine, sizeSmall, ink, l)
			}
			x += widths[i]
		}
		p.y += height
		p.line(left, p.y-0.5, right, p.y-0.5, 0.1, rule)
	}
}

// clipped keeps a cell from being measured further than it can be printed.
func clipped(s string) string {
	const most = 400
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}
