package render

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"awase/enclave/wire"
)

const (
	tableCells = 60 // a table of more cells is cut
	topCells   = 40 // to its largest
	labelWidth = 32 // of one dimension's value
)

// Terminal writes r for a person at a terminal: headline, chart, table, what
// was withheld and why, what protects the people counted.
func Terminal(w io.Writer, r *wire.Release, o TerminalOptions) error {
	if err := check(r); err != nil {
		return err
	}
	s := &screen{o: o}
	s.heading(r)
	if m := pyramidOf(r); m != nil && len(r.Cells) <= tableCells {
		s.pyramid(m)
		if hasIndex(r) {
			s.put(nil)
			s.indexes(r, m)
		}
	} else {
		s.table(r)
	}
	for _, line := range sums(r) {
		s.sum(line)
	}
	s.liftLines(r.Lift)
	s.put(nil)
	if err := s.panel(r); err != nil {
		return err
	}
	if _, err := io.WriteString(w, s.b.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// heading writes title, conditions and origin, wrapped to the width.
func (s *screen) heading(r *wire.Release) {
	put := func(t text, first style) {
		for i, part := range s.pick(t) {
			st := first
			if i > 0 {
				st = dim
			}
			for _, l := range wrap(part, s.o.width()) {
				s.put(in(st, l))
			}
		}
	}
	if r.Privacy.Practice {
		put(practiceNote, orange)
	}
	put(title(r), bold)
	for _, d := range details(r) {
		put(d, normal)
	}
	put(origin(r), dim)
	if r.Privacy.Dev {
		put(devNote, orange)
	}
	s.put(nil)
}

// pick gives the paragraphs of the languages shown.
func (s *screen) pick(t text) []string {
	switch {
	case s.o.Lang == English && t.en != "":
		return []string{t.en}
	case s.o.Lang == Japanese || t.en == "" || t.en == t.ja:
		return []string{t.ja}
	}
	return []string{t.ja, t.en}
}

// sum writes a line below the table.
func (s *screen) sum(x sum) {
	l := in(bold, plain(x.label.in(s.o.Lang))+"  ")
	if x.Users == nil {
		s.put(l.and(span{"░░ " + withheldWord.in(s.o.Lang), dim}))
		return
	}
	s.put(l.and(span{s: figured(x.Users.Value, s.o.Lang)}, span{"  " + interval(x.Users), dim}))
	for _, name := range slices.Sorted(maps.Keys(x.Sums)) {
		n := x.Sums[name]
		s.put(in(dim, "  "+plain(measureLabel(name).in(s.o.Lang))+"  ").and(span{s: amount(name, n.Value)}, span{"  " + amountInterval(name, n), dim}))
	}
	for _, name := range slices.Sorted(maps.Keys(x.Rates)) {
		q := x.Rates[name]
		s.put(in(dim, "  "+plain(measureLabel(name).in(s.o.Lang))+"  ").and(span{s: rate(name, q.Value)}, span{"  " + rate(name, q.Low) + "–" + rate(name, q.High), dim}))
	}
}

// interval gives ±n where the interval is even about its value, else both ends
// (a value near zero has its low end cut off).
func interval(n *wire.Number) string { return spread(n, thousands) }

// spread is interval of numbers that write writes.
func spread(n *wire.Number, write func(int64) string) string {
	if n.High-n.Value == n.Value-n.Low {
		return "±" + write(n.High-n.Value)
	}
	return write(n.Low) + "–" + write(n.High)
}

// label gives a name in both languages where there is room for a long line.
func (s *screen) label(t text) string {
	if s.o.width() < 100 {
		return t.short(s.o.Lang)
	}
	return t.in(s.o.Lang)
}

// keyHeads adds a column for each dimension.
func (s *screen) keyHeads(g *grid, r *wire.Release) {
	for _, d := range r.Dims {
		s.head(g, dimLabel(d.Name), false)
	}
	if len(r.Dims) == 0 {
		s.head(g, text{"区分", "cell"}, false)
	}
}

// leastBar is the narrowest bar that says anything.
const leastBar = 8

// table writes the cells as rows: dimensions, users, interval, bar, index.
func (s *screen) table(r *wire.Release) {
	cells, rest := shown(r.Cells)
	indexed := hasIndex(r)
	g := &grid{}
	s.keyHeads(g, r)
	s.head(g, text{"利用者", "users"}, true)
	s.head(g, text{"誤差範囲", "interval"}, true)
	if indexed {
		s.head(g, text{"指数", "index"}, true)
	}
	for i := range cells {
		g.add(s.row(r, &cells[i], indexed)...)
	}
	// The drawings get what the figures leave.
	room := s.o.width() - g.outer()
	if indexed && room-3 >= leastMark {
		mark := max(min((room-3)*2/3, 41), leastMark)
		room -= mark + 3
		g.marks(cells, mark)
	}
	if bar := min(room-3, 40); bar >= leastBar {
		g.bars(cells, len(r.Dims), bar)
	}
	s.grid(g)
	s.amounts(r, cells)
	if rest.cells > 0 {
		t := text{
			fmt.Sprintf("大きい順に %d 区分を表示しています。ほか %d 区分（うち非表示 %d）はファイルにあります。", len(cells), rest.cells, rest.withheld),
			fmt.Sprintf("The %d largest cells; %d more (%d withheld) are in the file.", len(cells), rest.cells, rest.withheld),
		}
		for _, part := range s.pick(t) {
			for _, l := range wrap(part, s.o.width()) {
				s.put(in(dim, l))
			}
		}
	}
}

// marks adds a column of indexes drawn around 100.
func (g *grid) marks(cells []wire.Cell, n int) {
	scale := indexTop(cells)
	g.head(in(dim, scaleHead(scale, n)), false)
	for i := range g.rows {
		drawn := line{}
		if x := cells[i].Index; x != nil {
			drawn = in(indexStyle(x), whiskers(x, scale, n))
		}
		g.rows[i] = append(g.rows[i], drawn)
	}
}

// bars sets a column of bars behind the interval, scaled to the largest cell.
func (g *grid) bars(cells []wire.Cell, dims, n int) {
	at := max(dims, 1) + 2
	top := int64(1)
	for i := range cells {
		if u := cells[i].Users; u != nil {
			top = max(top, u.Value)
		}
	}
	g.heads, g.under = slices.Insert(g.heads, at, line{}), slices.Insert(g.under, at, line{})
	g.right = slices.Insert(g.right, at, false)
	for i := range g.rows {
		drawn := line{}
		if u := cells[i].Users; u != nil {
			drawn = in(blue, barRight(u.Value, top, n))
		}
		g.rows[i] = slices.Insert(g.rows[i], at, drawn.pad(n, false))
	}
}

// row gives the figures of one cell.
func (s *screen) row(r *wire.Release, c *wire.Cell, indexed bool) []line {
	var row []line
	for _, d := range r.Dims {
		label := plain(valueLabel(d.Name, c.Key[d.Name]).in(s.o.Lang))
		row = append(row, of(label).cut(labelWidth))
	}
	if len(r.Dims) == 0 {
		row = append(row, of(everyone.in(s.o.Lang)))
	}
	if c.Status != wire.Released {
		row = append(row, in(dim, "░░ "+withheldWord.in(s.o.Lang)), line{})
		if indexed {
			row = append(row, line{})
		}
		return row
	}
	row = append(row, of(thousands(c.Users.Value)), in(dim, interval(c.Users)))
	if indexed {
		row = append(row, index(c.Index))
	}
	return row
}

// index gives the figure and its interval; a cell may be released and its
// index not steady enough to show.
func index(x *wire.Ratio) line {
	if x == nil {
		return in(dim, "—")
	}
	whole := func(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }
	return line{{whole(x.Value), indexStyle(x)}, {" (" + whole(x.Low) + "–" + whole(x.High) + ")", dim}}
}

// indexStyle marks an index whose interval does not hold 100.
func indexStyle(x *wire.Ratio) style {
	switch {
	case x.Low > 100:
		return blue
	case x.High < 100:
		return orange
	}
	return normal
}

// scaleHead writes 0, 100 and the end of the scale above the whiskers.
func scaleHead(top float64, n int) string {
	end := strconv.FormatFloat(top, 'f', 0, 64)
	out := []rune(strings.Repeat(" ", n))
	out[0] = '0'
	copy(out[n-len(end):], []rune(end))
	at := int(100/top*float64(n-1)+0.5) - 1
	if at > 1 && at+3 < n-len(end) {
		copy(out[at:], []rune("100"))
	}
	return string(out)
}

// omitted is what a table or chart leaves out.
type omitted struct{ cells, withheld int }

// shown gives the cells of a table in their order, or the largest where there
// are too many to read, and what was left out.
func shown(cells []wire.Cell) ([]wire.Cell, omitted) {
	if len(cells) <= tableCells {
		return cells, omitted{}
	}
	return largest(cells, topCells)
}

// largest gives the n largest released cells, and what it leaves out.
func largest(cells []wire.Cell, n int) ([]wire.Cell, omitted) {
	out := slices.DeleteFunc(slices.Clone(cells), func(c wire.Cell) bool { return c.Status != wire.Released })
	withheld := len(cells) - len(out)
	slices.SortStableFunc(out, func(a, b wire.Cell) int { return cmp.Compare(b.Users.Value, a.Users.Value) })
	out = out[:min(n, len(out))]
	return out, omitted{cells: len(cells) - len(out), withheld: withheld}
}
