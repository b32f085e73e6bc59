package render

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the font
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	encoding "golang.org/x/text/encoding/japanese"
	"golang.org/x/text/unicode/norm"

	"awase/enclave/wire"
)

//go:embed font/BIZUDPGothic-Regular.ttf.gz
var packedFont []byte

// font gives the TrueType font that reports are set in.
var font = sync.OnceValues(func() ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packedFont))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
})

// The page, in millimetres: A4 and its margins.
const (
	pageWidth, pageHeight = 210.0, 297.0
	left, right           = 18.0, 192.0
	top, bottom           = 22.0, 277.0
	measure               = right - left
)

// Sizes of type, in points.
const (
	sizeTitle  = 15.0
	sizeFigure = 26.0
	sizeHead   = 10.5
	sizeBody   = 8.5
	sizeTable  = 7.8
	sizeSmall  = 7.0
)

// pageCount stands for the number of pages until it is known: signs that no text
// of a release is drawn with.
const pageCount = "\uE000\uE001\uE002"

// baseline is how far below its line's upper edge a text stands.
func baseline(size float64) float64 { return size * 0.3528 * 1.1 }

// leading is the distance of two lines of a size, in millimetres.
func leading(size float64) float64 { return size * 0.3528 * 1.5 }

// colour is red, green and blue. Shade is never the only signal: what is
// withheld is hatched and named.
type colour [3]int

var (
	ink    = colour{26, 26, 28}
	quiet  = colour{98, 98, 100}
	rule   = colour{217, 217, 219}
	hatch  = colour{179, 179, 181}
	first  = colour{52, 96, 251}
	second = colour{251, 91, 1}
	light  = colour{157, 183, 249}
	marked = colour{200, 30, 30}
)

// sheet is how far a page may be written on, and where its foot stands.
type sheet struct{ right, bottom, foot float64 }

var (
	upright = sheet{right, bottom, 284.5}
	across  = sheet{pageHeight - left, pageWidth - (pageHeight - bottom), pageWidth - (pageHeight - 284.5)}
)

// paper is a PDF in the making. y is where the next line begins.
type paper struct {
	*fpdf.Fpdf
	r    *wire.Release
	y    float64
	at   sheet         // what it is printed on
	mark string        // the receipt's fingerprint
	draw map[rune]rune // what stands for a sign
}

// writePDF writes the report for print: what was asked, the headline, a chart
// fit to the question, the same numbers as a table, what they mean, what
// protects the people counted, and the receipt.
func writePDF(w io.Writer, r *wire.Release) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the release as PDF: %w", err)
		}
	}()
	p := &paper{Fpdf: fpdf.New("P", "mm", "A4", ""), r: r, at: upright, draw: map[rune]rune{}}
	if p.mark, err = fingerprint(r.Receipt); err != nil {
		return err
	}
	ttf, err := font()
	if err != nil {
		return fmt.Errorf("opening the font: %w", err)
	}
	// The writer may change what it is given, and others read the same font.
	p.AddUTF8FontFromBytes("biz", "", bytes.Clone(ttf))
	p.settings()
	p.AddPage()
	p.heading()
	p.headline()
	p.chart()
	p.tables()
	p.lift()
	p.about()
	if err := p.protection(); err != nil {
		return err
	}
	return p.Output(w)
}

// settings fixes what would else differ from run to run, and what stands on
// each page.
func (p *paper) settings() {
	p.properties(p.r.ReleasedAt, documentTitle(p.r))
	p.SetHeaderFunc(p.head)
	p.SetFooterFunc(p.foot)
}

// properties fixes what would else differ from run to run. at is RFC 3339.
func (p *paper) properties(at, title string) {
	p.SetCatalogSort(true)
	made, err := time.Parse(time.RFC3339, at)
	if err != nil {
		made = time.Unix(0, 0)
	}
	p.SetCreationDate(made.UTC())
	p.SetModificationDate(made.UTC())
	p.SetProducer("Awase", false)
	p.SetCreator("Awase", false)
	p.SetTitle(p.printable(title), true)
	p.SetLang("ja")
	p.SetMargins(left, top, pageWidth-right)
	p.SetAutoPageBreak(false, 0)
	p.AliasNbPages(pageCount)
	p.SetFont("biz", "", sizeBody)
}

// pageNumber says below which page of how many this is.
func (p *paper) pageNumber() {
	n := fmt.Sprintf("%d / ", p.PageNo())
	p.put(p.at.right-14, p.at.foot, sizeSmall, quiet, n)
	p.Text(p.at.right-14+p.width(n, sizeSmall), p.at.foot+baseline(sizeSmall), pageCount)
}

// head begins each page.
func (p *paper) head() {
	p.y = top
	what, c := plain("集計レポート Report · "+reportLabel(p.r.Report).in(Both)), quiet
	if p.r.Privacy.Practice {
		what, c = practiceNote.in(Both), marked
	}
	p.put(left, 11, sizeSmall, c, what)
	if at := moment(p.r.ReleasedAt); !p.r.Privacy.Practice { // no room for both
		p.putRight(right, 11, sizeSmall, quiet, plain(at.ja+" · "+at.en))
	}
	p.line(left, 15.5, right, 15.5, 0.2, rule)
}

// foot ends each page, above what is on it: the watermark of practice as well.
func (p *paper) foot() {
	p.line(left, 283, right, 283, 0.2, rule)
	words := fmt.Sprintf("委託 entrustment %s v%d", p.r.Entrustment, p.r.Version)
	if p.mark != "" {
		words += " · 受領証 receipt " + p.mark
	}
	p.put(left, 284.5, sizeSmall, quiet, p.cut(plain(words), sizeSmall, measure-20))
	p.pageNumber()
	if p.r.Privacy.Practice {
		const words, size = "練習 PRACTICE", 64.0
		p.SetAlpha(0.14, "Normal")
		p.TransformBegin()
		p.TransformRotate(52, pageWidth/2, pageHeight/2)
		p.put((pageWidth-p.width(words, size))/2, pageHeight/2-size*0.3528/2, size, marked, words)
		p.TransformEnd()
		p.SetAlpha(1, "Normal")
	}
}

// need begins a page where less than a height is left on this one; it tells
// whether it did.
func (p *paper) need(height float64) bool {
	if p.y+height <= p.at.bottom {
		return false
	}
	p.AddPage()
	return true
}

// printable gives what the font can draw of s: a sign that it lacks, or that
// would move what is around it, is 〓.
func (p *paper) printable(s string) string {
	return strings.Map(func(r rune) rune {
		to, ok := p.draw[r]
		if !ok {
			switch {
			case r == '≥': // the font draws ≤ and ≥ as each other
				to = '≧'
			case r == '≤':
				to = '≦'
			case drawable(r):
				to = r
			default:
				to = geta
			}
			p.draw[r] = to
		}
		return to
	}, norm.NFC.String(plain(s)))
}

// more are the signs of the font beside those of CP932 and Latin-1.
const more = "–—‘’“”•…√〜−‐"

// drawable tells whether the font has a sign.
func drawable(r rune) bool {
	switch {
	case r < 0x80:
		return r >= ' ' && r < 0x7f
	case r >= 0xa0 && r <= 0xff:
		return true
	case strings.ContainsRune(more, r):
		return true
	}
	_, err := encoding.ShiftJIS.NewEncoder().String(string(r))
	return err == nil
}

// width gives how wide a text is, in millimetres.
func (p *paper) width(s string, size float64) float64 {
	p.size(size)
	return p.GetStringWidth(p.printable(s))
}

func (p *paper) size(size float64) {
	if now, _ := p.GetFontSize(); now != size {
		p.SetFontSize(size)
	}
}

// put writes a text with its line's upper edge at y.
func (p *paper) put(x, y, size float64, c colour, s string) {
	p.size(size)
	p.SetTextColor(c[0], c[1], c[2])
	p.Text(x, y+baseline(size), p.printable(s))
}

func (p *paper) putRight(x, y, size float64, c colour, s string) {
	p.put(x-p.width(s, size), y, size, c, s)
}

func (p *paper) putCentre(x, y, size float64, c colour, s string) {
	p.put(x-p.width(s, size)/2, y, size, c, s)
}

// cut shortens a text to a width.
func (p *paper) cut(s string, size, room float64) string {
	if p.width(s, size) <= room {
		return s
	}
	rs := []rune(s)
	room -= p.width("…", size)
	w := 0.0
	for i, r := range rs {
		if w += p.width(string(r), size); w > room {
			return string(rs[:i]) + "…"
		}
	}
	return s
}

// wrapped breaks a text into lines of a width.
func (p *paper) wrapped(s string, size, room float64) []string {
	return p.broken(words(plain(s)), size, room)
}

// broken puts words into lines of a width.
func (p *paper) broken(all []string, size, room float64) []string {
	var lines []string
	cur, w := "", 0.0
	flush := func() {
		if t := strings.TrimRight(cur, " "); t != "" {
			lines = append(lines, t)
		}
		cur, w = "", 0
	}
	for _, word := range all {
		n := p.width(word, size)
		if w+p.width(strings.TrimRight(word, " "), size) > room {
			flush()
		}
		for n > room { // one word longer than a line
			k, part := 0, 0.0
			for _, r := range word {
				if part += p.width(string(r), size); part > room {
					break
				}
				k += len(string(r))
			}
			if k == 0 {
				break
			}
			lines = append(lines, word[:k])
			word = word[k:]
			n = p.width(word, size)
		}
		cur, w = cur+word, w+n
	}
	flush()
	return lines
}

// paragraph writes a text over a width, and moves below it.
func (p *paper) paragraph(x, room, size float64, c colour, s string) {
	for _, l := range p.wrapped(s, size, room) {
		p.need(leading(size))
		p.put(x, p.y, size, c, l)
		p.y += leading(size)
	}
}

// both writes a text in Japanese and below it, quiet, in English.
func (p *paper) both(x, room, size float64, t text) {
	p.paragraph(x, room, size, ink, t.ja)
	if t.en != t.ja && t.en != "" {
		p.paragraph(x, room, size-1, quiet, t.en)
	}
}

func (p *paper) line(x1, y1, x2, y2, width float64, c colour) {
	p.SetDrawColor(c[0], c[1], c[2])
	p.SetLineWidth(width)
	p.Line(x1, y1, x2, y2)
}

func (p *paper) box(x, y, w, h float64, c colour) {
	p.SetFillColor(c[0], c[1], c[2])
	p.Rect(x, y, w, h, "F")
}

// hatched fills a box with slanting stripes: one thick dashed line, skewed.
func (p *paper) hatched(x, y, w, h float64) {
	p.ClipRect(x, y, w, h, false)
	p.TransformBegin()
	p.TransformSkewX(45, x, y+h/2)
	p.SetDashPattern([]float64{0.25, 0.95}, 0)
	p.line(x-h, y+h/2, x+w+h, y+h/2, h, hatch)
	p.SetDashPattern(nil, 0)
	p.TransformEnd()
	p.ClipEnd()
}

// section writes a heading; keep is how much of what follows must stand on the
// same page.
func (p *paper) section(t text, keep float64) {
	if p.y > top {
		p.y += 5
	}
	p.need(leading(sizeHead) + 2 + keep)
	p.put(left, p.y, sizeHead, ink, t.ja)
	p.put(left+p.width(t.ja, sizeHead)+2.5, p.y+0.35, sizeBody, quiet, t.en)
	p.y += leading(sizeHead) + 2
}

// heading writes what was asked, of what, and when.
func (p *paper) heading() {
	t := title(p.r)
	p.paragraph(left, measure, sizeTitle, ink, t.ja)
	p.paragraph(left, measure, sizeBody+0.5, quiet, t.en)
	p.y += 1.5
	for _, d := range preface(p.r) {
		p.both(left, measure, sizeBody, d)
	}
	p.y += 3
}

// headline writes the number that answers the question, with its interval:
// the total, or the one number there is.
func (p *paper) headline() {
	if p.r.Lift != nil {
		p.liftHeadline()
		return
	}
	label, n := text{}, (*wire.Number)(nil)
	for _, s := range sums(p.r) {
		if s.kind == "total" && s.Users != nil {
			label, n = s.label, s.Users
		}
	}
	if n == nil && len(p.r.Dims) == 0 && len(p.r.Cells) == 1 {
		label, n = everyone, p.r.Cells[0].Users
		if n == nil {
			p.y += 1
			p.hatched(left, p.y, 22, 11)
			p.put(left+26, p.y+2.5, sizeHead, ink, withheldFull.in(Both))
			p.y += 15
			return
		}
	}
	if n == nil {
		return
	}
	p.put(left, p.y, sizeBody, quiet, label.in(Both))
	p.y += leading(sizeBody)
	figure := thousands(n.Value)
	p.put(left, p.y, sizeFigure, ink, figure)
	x := left + p.width(figure, sizeFigure) + 2
	p.put(x, p.y+4.6, sizeHead, ink, "人 people")
	x += p.width("人 people", sizeHead) + 6
	p.put(x, p.y+2, sizeBody, quiet, "誤差範囲（95％） interval (95 %)")
	p.put(x, p.y+2+leading(sizeBody), sizeBody, ink, thousands(n.Low)+" – "+thousands(n.High))
	p.y += leading(sizeFigure) + 1
}
