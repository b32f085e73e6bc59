package render

import (
	"fmt"
	"strconv"

	"awase/enclave/wire"
)

// liftNumber is one line of what a lift report says: a share or a change of one, with
// the ends of its interval, or p, which has none.
type liftNumber struct {
	name   text
	ratio  *wire.Ratio
	signed bool // a change: with its sign
	points bool // of shares: in points of a per cent
	p      *float64
}

// liftNumbers gives the lines of a lift report, in their order; none where it is
// withheld.
func liftNumbers(l *wire.Lift) (out []liftNumber) {
	if l == nil || l.Status != wire.Released {
		return nil
	}
	out = []liftNumber{
		{name: text{"成果率（配信した人）", "share that converted, treated"}, ratio: l.Treated},
		{name: text{"成果率（ホールドアウト）", "share that converted, held out"}, ratio: l.Holdout},
		{name: text{"差（ポイント）", "difference (points)"}, ratio: l.Difference, signed: true, points: true},
	}
	if l.Relative != nil {
		out = append(out, liftNumber{name: text{"リフト（相対）", "relative lift"}, ratio: l.Relative, signed: true})
	}
	return append(out, liftNumber{name: text{"p 値（効果なし、両側）", "p (no effect, two-sided)"}, p: l.P})
}

// figure writes the number.
func (n *liftNumber) figure() string {
	if n.p != nil {
		return pValue(*n.p)
	}
	return n.write(n.ratio.Value)
}

// interval writes the ends of its interval; "" of p.
func (n *liftNumber) interval() string {
	if n.ratio == nil {
		return ""
	}
	return n.write(n.ratio.Low) + " – " + n.write(n.ratio.High)
}

func (n *liftNumber) write(v float64) string {
	s := strconv.FormatFloat(100*v, 'f', 2, 64)
	if n.signed && v >= 0 {
		s = "+" + s
	}
	if n.points {
		return s
	}
	return s + "%"
}

// pValue writes p with four places.
func pValue(p float64) string {
	if p < 0.0001 {
		return "<0.0001"
	}
	return strconv.FormatFloat(p, 'f', 4, 64)
}

var liftName = text{"配信の効果", "Lift"}

// liftLines writes what a lift report says below its table.
func (s *screen) liftLines(l *wire.Lift) {
	if l == nil {
		return
	}
	s.put(nil)
	if l.Status != wire.Released {
		s.put(in(bold, liftName.in(s.o.Lang)+"  ").and(span{"░░ " + withheldWord.in(s.o.Lang), dim}))
	}
	for _, n := range liftNumbers(l) {
		l := in(bold, n.name.in(s.o.Lang)+"  ").and(span{s: n.figure()})
		if n.ratio != nil {
			l = l.and(span{"  " + n.interval(), dim})
		}
		s.put(l)
	}
	if l.Warning == nil {
		return
	}
	for _, part := range s.pick(text{plain(l.Warning.JA), plain(l.Warning.EN)}) {
		for _, line := range wrap(part, s.o.width()) {
			s.put(in(orange, line))
		}
	}
}

// lift writes what a lift report says, as notes below its table.
func (p *paper) lift() {
	l := p.r.Lift
	if l == nil {
		return
	}
	p.section(liftName, 20)
	if l.Status != wire.Released {
		p.hatched(left, p.y, 22, 6)
		p.put(left+26, p.y+1, sizeBody, ink, withheldFull.in(Both))
		p.y += 8
	}
	for _, n := range liftNumbers(l) {
		p.need(2 * leading(sizeBody))
		p.put(left, p.y, sizeBody, ink, n.name.ja)
		p.put(left, p.y+leading(sizeBody), sizeBody-1, quiet, n.name.en)
		p.putRight(left+72, p.y, sizeHead, ink, n.figure())
		p.put(left+76, p.y+0.6, sizeBody, quiet, n.interval())
		p.y += leading(sizeBody) + leading(sizeBody-1) + 1
	}
	if l.Warning != nil {
		p.y++
		p.paragraph(left, measure, sizeBody, marked, l.Warning.JA)
		p.paragraph(left, measure, sizeBody-1, quiet, l.Warning.EN)
	}
}

// lift writes what a lift report says below the sums of the table, from a row on.
func (b *book) lift(row, keys, columns int) {
	l := b.r.Lift
	if l == nil {
		return
	}
	words := func(style int, s string, lines float64) {
		b.set(sheetTable, 1, row, style, s)
		b.do(b.MergeCell(sheetTable, b.at(1, row), b.at(columns, row)))
		b.do(b.SetRowHeight(sheetTable, row, 18*lines))
		row++
	}
	words(b.styles.label, liftName.in(Both), 1)
	if l.Status != wire.Released {
		words(b.styles.withheld, withheldFull.in(Both), 1)
	}
	for _, n := range liftNumbers(l) {
		b.set(sheetTable, 1, row, b.styles.text, n.name.ja+"\n"+n.name.en)
		b.do(b.SetRowHeight(sheetTable, row, 34))
		for col := 2; col <= columns; col++ {
			b.set(sheetTable, col, row, b.styles.text, nil)
		}
		switch {
		case n.p != nil:
			b.set(sheetTable, keys+2, row, b.styles.pValue, *n.p)
		case n.points: // of shares: 2.5 points are 2.5, not 2.5 %
			for j, v := range []float64{n.ratio.Value, n.ratio.Low, n.ratio.High} {
				b.set(sheetTable, keys+2+j, row, b.styles.rates[average], 100*v)
			}
		default:
			for j, v := range []float64{n.ratio.Value, n.ratio.Low, n.ratio.High} {
				b.set(sheetTable, keys+2+j, row, b.styles.rates[share], v)
			}
		}
		row++
	}
	if w := l.Warning; w != nil {
		words(b.styles.wrap, plain(w.JA)+"\n"+plain(w.EN), 5)
	}
}

// checkLift refuses what contradicts itself.
func checkLift(l *wire.Lift) error {
	if l == nil {
		return nil
	}
	given := l.Treated != nil && l.Holdout != nil && l.Difference != nil && l.P != nil
	none := l.Treated == nil && l.Holdout == nil && l.Difference == nil && l.Relative == nil && l.P == nil
	switch {
	case l.Status == wire.Released && given, l.Status == wire.Withheld && none:
		return nil
	case l.Status == wire.Withheld:
		return fmt.Errorf("render: the lift is withheld and holds a number")
	}
	return fmt.Errorf("render: the lift has a status that contradicts its numbers")
}

// liftHeadline writes the difference that a lift report tells, with its interval.
func (p *paper) liftHeadline() {
	for _, n := range liftNumbers(p.r.Lift) {
		if !n.points {
			continue
		}
		p.put(left, p.y, sizeBody, quiet, n.name.in(Both))
		p.y += leading(sizeBody)
		p.put(left, p.y, sizeFigure, ink, n.figure())
		x := left + p.width(n.figure(), sizeFigure) + 8
		p.put(x, p.y+2, sizeBody, quiet, "誤差範囲（95％） interval (95 %)")
		p.put(x, p.y+2+leading(sizeBody), sizeBody, ink, n.interval())
		p.y += leading(sizeFigure) + 1
	}
}
