package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"codeberg.org/go-pdf/fpdf"

	"awase/enclave/wire"
	"awase/entrustment"
)

const (
	chartCells = 40 // a chart of more cells shows the largest alone
	chartTop   = 30 // so many
	barRow     = 5.4
	columnMost = 14 // columns of a histogram
)

// chart draws the cells in the form that fits the question. Values stand beside
// what is drawn, so that there is no scale to read and no number that was not
// released.
func (p *paper) chart() {
	if len(p.r.Cells) < 2 {
		return
	}
	if m := pyramidOf(p.r); m != nil && len(m.ages) <= chartCells {
		p.pyramid(m)
		if hasIndex(p.r) {
			p.indexes()
		}
		return
	}
	if p.r.Report == entrustment.ReportReachFrequency && len(p.r.Dims) == 1 && len(p.r.Cells) <= columnMost {
		p.histogram()
		return
	}
	p.bars(p.r.Cells, hasIndex(p.r))
}

var usersWord = text{"利用者数（推計）", "users (estimated)"}

// reach is the highest end of an interval, at least 1.
func reach(cells []wire.Cell) float64 {
	most := int64(1)
	for i := range cells {
		if u := cells[i].Users; u != nil {
			most = max(most, u.High, u.Value)
		}
	}
	return float64(most)
}

// part gives where v is on the way to most, between 0 and 1.
func part(v int64, most float64) float64 { return min(max(float64(v)/most, 0), 1) }

// whisker draws an interval along a bar.
func (p *paper) whisker(x1, x2, y float64) {
	p.line(x1, y, x2, y, 0.25, ink)
	p.line(x1, y-0.8, x1, y+0.8, 0.25, ink)
	p.line(x2, y-0.8, x2, y+0.8, 0.25, ink)
}

// pyramid draws gender by age, the oldest on top: men to the left, women to the
// right, each value at the end of its bar.
func (p *paper) pyramid(m *pyramid) {
	p.section(usersWord, float64(len(m.ages))*5.6+8)
	ages := 0.0
	for _, a := range m.ages {
		ages = max(ages, p.width(valueLabel(m.ageDim, a).in(Both), sizeSmall))
	}
	ages = min(ages+4, 46)
	middle := left + measure/2
	const figures = 16
	room := (measure-ages)/2 - figures
	edge := [2]float64{middle - ages/2, middle + ages/2}
	p.putRight(edge[0], p.y, sizeBody, first, m.label(0).in(Both))
	p.put(edge[1], p.y, sizeBody, second, m.label(1).in(Both))
	p.putCentre(middle, p.y, sizeBody, quiet, dimLabel(m.ageDim).in(Both))
	p.y += leading(sizeBody) + 1
	most := max(reach(m.cells[0]), reach(m.cells[1]))
	for i := len(m.ages) - 1; i >= 0; i-- {
		p.putCentre(middle, p.y+0.7, sizeSmall, ink, p.cut(valueLabel(m.ageDim, m.ages[i]).in(Both), sizeSmall, ages-2))
		for side, sign := range []float64{-1, 1} {
			p.side(m.cells[side][i].Users, edge[side], sign, room, most, side)
		}
		p.y += 5.6
	}
	if len(m.rest) > 0 {
		var names []text
		for _, v := range m.others() {
			names = append(names, valueLabel(m.genderDim, v))
		}
		t := join(names, "・", ", ")
		p.paragraph(left, measure, sizeSmall, quiet, fmt.Sprintf("図にない性別（%s）は表にあります。 Not drawn, but in the table: %s.", t.ja, t.en))
	}
}

func (p *paper) side(n *wire.Number, edge, sign, room, most float64, side int) {
	y := p.y + 0.6
	if n == nil {
		const w = 12.0
		p.hatched(min(edge, edge+sign*w), y, w, 4.2)
		at := edge + sign*(w+1)
		if sign < 0 {
			p.putRight(at, y+0.4, sizeSmall, quiet, withheldWord.ja)
		} else {
			p.put(at, y+0.4, sizeSmall, quiet, withheldWord.ja)
		}
		return
	}
	w := max(room*part(n.Value, most), 0.3)
	p.box(min(edge, edge+sign*w), y, w, 4.2, []colour{first, second}[side])
	p.whisker(edge+sign*room*part(n.Low, most), edge+sign*room*part(n.High, most), y+2.1)
	at := edge + sign*(max(w, room*part(n.High, most))+1)
	if sign < 0 {
		p.putRight(at, y+0.4, sizeSmall, ink, thousands(n.Value))
	} else {
		p.put(at, y+0.4, sizeSmall, ink, thousands(n.Value))
	}
}

// histogram draws the people of each number of contacts as columns.
func (p *paper) histogram() {
	const height = 52.0
	p.section(usersWord, height+16)
	step := measure / float64(len(p.r.Cells))
	most := reach(p.r.Cells)
	base := p.y + height + 5
	for i := range p.r.Cells {
		c := &p.r.Cells[i]
		x := left + step*float64(i)
		w, middle := step*0.64, x+step/2
		label := valueLabel(p.r.Dims[0].Name, c.Key[p.r.Dims[0].Name])
		p.putCentre(middle, base+1, sizeSmall, ink, p.cut(label.ja, sizeSmall, step-1))
		if label.en != label.ja {
			p.putCentre(middle, base+1+leading(sizeSmall), sizeSmall-1, quiet, p.cut(label.en, sizeSmall-1, step-1))
		}
		if c.Users == nil {
			p.hatched(middle-w/2, base-8, w, 8)
			p.putCentre(middle, base-12, sizeSmall, quiet, withheldWord.ja)
			continue
		}
		h := max(height*part(c.Users.Value, most), 0.3)
		p.box(middle-w/2, base-h, w, h, first)
		low, high := base-height*part(c.Users.Low, most), base-height*part(c.Users.High, most)
		p.line(middle, low, middle, high, 0.25, ink)
		p.line(middle-0.8, low, middle+0.8, low, 0.25, ink)
		p.line(middle-0.8, high, middle+0.8, high, 0.25, ink)
		p.putCentre(middle, min(base-h, high)-4, sizeSmall, ink, thousands(c.Users.Value))
	}
	p.line(left, base, right, base, 0.2, quiet)
	p.y = base + 2 + 2*leading(sizeSmall)
	d := dimLabel(p.r.Dims[0].Name)
	p.putCentre(left+measure/2, p.y, sizeSmall, quiet, d.in(Both))
	p.y += leading(sizeSmall) + 1
}

// bars draws a row a cell: the people as a bar with its interval and, where it
// was asked, the index around 100. A chart goes on over pages.
func (p *paper) bars(cells []wire.Cell, indexed bool) {
	rest := omitted{}
	if len(cells) > chartCells {
		cells, rest = largest(cells, chartTop)
	}
	if len(cells) == 0 {
		return
	}
	labels := 20.0
	for i := range cells {
		labels = max(labels, p.width(p.label(&cells[i]), sizeSmall)+3)
	}
	labels = min(labels, 74)
	g := barChart{at: left + labels, room: measure - labels - 16, most: reach(cells), top: indexTop(cells)}
	if indexed {
		g.room = (measure-labels)*0.42 - 16
		g.index = g.at + g.room + 20
		g.scale = right - 22 - g.index
	}
	head := func() {
		if indexed {
			p.put(g.at, p.y, sizeSmall, quiet, usersWord.in(Both))
			p.put(g.index, p.y, sizeSmall, quiet, p.cut(indexWord.ja, sizeSmall, right-g.index))
			p.y += leading(sizeSmall) + 1
		}
	}
	name := usersWord
	if indexed {
		name = text{"利用者数と指数", "users and index"}
	}
	p.section(name, min(float64(len(cells))*barRow, 60)+5)
	head()
	for i := range cells {
		if p.need(barRow) {
			head()
		}
		p.put(left, p.y+0.7, sizeSmall, ink, p.cut(p.label(&cells[i]), sizeSmall, labels-2))
		p.bar(&cells[i], &g, indexed)
		p.y += barRow
	}
	if rest.cells > 0 {
		p.paragraph(left, measure, sizeSmall, quiet, fmt.Sprintf(
			"大きい順に %d 区分の図です。ほか %d 区分（うち非表示 %d）は表にあります。 The %d largest cells; %d more (%d withheld) are in the table.",
			len(cells), rest.cells, rest.withheld, len(cells), rest.cells, rest.withheld))
	}
}

// indexes draws the index alone, of the cells that have one: the people stand in
// another chart.
func (p *paper) indexes() {
	cells := slices.DeleteFunc(slices.Clone(p.r.Cells), func(c wire.Cell) bool { return c.Index == nil })
	if len(cells) == 0 {
		return
	}
	labels := 20.0
	for i := range cells {
		labels = max(labels, p.width(p.label(&cells[i]), sizeSmall)+3)
	}
	labels = min(labels, 74)
	g := barChart{index: left + labels, scale: measure - labels - 16, top: indexTop(cells)}
	p.section(indexWord, min(float64(len(cells))*barRow, 60))
	for i := range cells {
		p.need(barRow)
		p.put(left, p.y+0.7, sizeSmall, ink, p.cut(p.label(&cells[i]), sizeSmall, labels-2))
		p.index(&cells[i], &g)
		p.y += barRow
	}
}

var indexWord = text{"指数（100 = 会員全体と同じ割合）", "index (100 = the share among all users)"}

// barChart is where the parts of a bar chart are.
type barChart struct {
	at, room     float64 // of the bars
	most         float64 // people at the end of the room
	index, scale float64 // of the drawing of the index
	top          float64 // the index at its end
}

func (p *paper) bar(c *wire.Cell, g *barChart, indexed bool) {
	y := p.y + 0.6
	if c.Users == nil {
		p.hatched(g.at, y, 12, 4)
		p.put(g.at+13, y+0.3, sizeSmall, quiet, withheldWord.in(Both))
		return
	}
	w := max(g.room*part(c.Users.Value, g.most), 0.3)
	p.box(g.at, y, w, 4, first)
	p.whisker(g.at+g.room*part(c.Users.Low, g.most), g.at+g.room*part(c.Users.High, g.most), y+2)
	p.put(g.at+max(w, g.room*part(c.Users.High, g.most))+1, y+0.3, sizeSmall, ink, thousands(c.Users.Value))
	if indexed {
		p.index(c, g)
	}
}

// index draws an index around 100, and its figure at the right edge.
func (p *paper) index(c *wire.Cell, g *barChart) {
	y := p.y + 0.6
	at := func(v float64) float64 { return g.index + g.scale*min(max(v/g.top, 0), 1) }
	p.line(at(100), p.y, at(100), p.y+barRow, 0.2, quiet)
	if c.Index == nil {
		p.putRight(right, y+0.3, sizeSmall, quiet, "—")
		return
	}
	shade := light
	switch {
	case c.Index.Low > 100:
		shade = first
	case c.Index.High < 100:
		shade = second
	}
	from, to := at(100), at(c.Index.Value)
	p.box(min(from, to), y+0.7, max(from, to)-min(from, to), 2.6, shade)
	p.whisker(at(c.Index.Low), at(c.Index.High), y+2)
	if c.Index.High > g.top { // it goes on beyond the scale
		x := g.index + g.scale
		p.SetFillColor(ink[0], ink[1], ink[2])
		p.Polygon([]fpdf.PointType{{X: x, Y: y + 0.8}, {X: x, Y: y + 3.2}, {X: x + 1.6, Y: y + 2}}, "F")
	}
	p.putRight(right, y+0.3, sizeSmall, ink, strconv.FormatFloat(c.Index.Value, 'f', 0, 64))
}

// label names a cell by its values, in both languages.
func (p *paper) label(c *wire.Cell) string {
	if len(p.r.Dims) == 0 {
		return everyone.in(Both)
	}
	parts := make([]string, len(p.r.Dims))
	for i, d := range p.r.Dims {
		parts[i] = plain(valueLabel(d.Name, c.Key[d.Name]).in(Both))
	}
	return strings.Join(parts, " · ")
}
