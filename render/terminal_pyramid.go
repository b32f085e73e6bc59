package render

import (
	"slices"

	"awase/enclave/wire"
)

// pyramid writes gender by age, the oldest on top: numbers at the outer edges,
// bars towards the middle.
func (s *screen) pyramid(m *pyramid) {
	g := &grid{
		heads: []line{
			in(bold, plain(m.label(0).in(s.o.Lang))),
			in(bold, plain(dimLabel(m.ageDim).in(s.o.Lang))),
			in(bold, plain(m.label(1).in(s.o.Lang))),
		},
		right: []bool{true, false, false},
	}
	others := m.others()
	for _, v := range others {
		g.heads = append(g.heads, in(bold, plain(valueLabel(m.genderDim, v).in(s.o.Lang))))
		g.right = append(g.right, true)
	}
	numbers := width("░░ " + withheldWord.short(s.o.Lang))
	for side := range m.cells {
		for i := range m.cells[side] {
			if n := m.cells[side][i].Users; n != nil {
				numbers = max(numbers, figure(n).width())
			}
		}
	}
	ages, extra := 0, 0
	for i, age := range m.ages {
		ages = max(ages, width(plain(valueLabel(m.ageDim, age).in(s.o.Lang))))
		for _, v := range others {
			extra = max(extra, s.outside(m.other(v, i)).width())
		}
	}
	ages = max(ages, g.heads[1].width())
	for i := range others {
		extra = max(extra, g.heads[3+i].width())
	}
	bar := (s.o.width() - 1 - (ages + 3) - len(others)*(extra+3) - 2*(numbers+1+3)) / 2
	bar = min(max(bar, 4), 30)
	top := m.largest()
	for i := len(m.ages) - 1; i >= 0; i-- {
		row := []line{
			s.side(&m.cells[0][i], numbers, bar, top, true),
			of(plain(valueLabel(m.ageDim, m.ages[i]).in(s.o.Lang))),
			s.side(&m.cells[1][i], numbers, bar, top, false),
		}
		for _, v := range others {
			row = append(row, s.outside(m.other(v, i)))
		}
		g.add(row...)
	}
	s.grid(g)
	if s.o.Lang == Both && slices.ContainsFunc(slices.Concat(m.cells[0], m.cells[1], m.rest), func(c wire.Cell) bool { return c.Users == nil }) {
		s.put(in(dim, "░░ "+withheldWord.in(Both))) // there is no room for both in the cells
	}
}

// side writes one cell of the pyramid: its number outside, its bar inside.
func (s *screen) side(c *wire.Cell, numbers, bar int, top int64, left bool) line {
	num, drawn := in(dim, "░░ "+withheldWord.short(s.o.Lang)), line{}
	if c.Users != nil {
		num = figure(c.Users)
		if left {
			drawn = in(blue, barLeft(c.Users.Value, top, bar))
		} else {
			drawn = in(orange, barRight(c.Users.Value, top, bar))
		}
	}
	num = num.pad(numbers, true)
	if left {
		return append(num.and(span{s: " "}), drawn.pad(bar, true)...)
	}
	return append(drawn.pad(bar, false).and(span{s: " "}), num...)
}

// outside writes a cell that is on neither side.
func (s *screen) outside(c *wire.Cell) line {
	switch {
	case c == nil:
		return line{}
	case c.Users == nil:
		return in(dim, "░░ "+withheldWord.short(s.o.Lang))
	}
	return figure(c.Users)
}

func figure(n *wire.Number) line {
	return line{{s: thousands(n.Value)}, {" " + interval(n), dim}}
}

// others gives the values of gender on neither side, in the table's order.
func (m *pyramid) others() []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range m.rest {
		if v := c.Key[m.genderDim]; !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// other gives the cell of one such value at an age, or nil.
func (m *pyramid) other(value string, age int) *wire.Cell {
	for i := range m.rest {
		if m.rest[i].Key[m.genderDim] == value && m.rest[i].Key[m.ageDim] == m.ages[age] {
			return &m.rest[i]
		}
	}
	return nil
}

// indexes writes the index of each cell of the pyramid around 100, a column for
// each value of gender that has any.
func (s *screen) indexes(r *wire.Release, m *pyramid) {
	g := &grid{}
	g.head(in(bold, text{"指数", "index"}.in(s.o.Lang)), false)
	columns := [][]wire.Cell{m.cells[0], m.cells[1]}
	names := []string{m.sides[0], m.sides[1]}
	for _, v := range m.others() {
		column := make([]wire.Cell, len(m.ages))
		any := false
		for i := range m.ages {
			if c := m.other(v, i); c != nil {
				column[i] = *c
				any = any || c.Index != nil
			}
		}
		if any {
			columns, names = append(columns, column), append(names, v)
		}
	}
	scale := indexTop(r.Cells)
	ages, figures := g.heads[0].width(), 1
	for i, age := range m.ages {
		ages = max(ages, width(plain(valueLabel(m.ageDim, age).in(s.o.Lang))))
		for _, column := range columns {
			if column[i].Index != nil {
				figures = max(figures, index(column[i].Index).width())
			}
		}
	}
	mark := min((s.o.width()-1-(ages+3))/len(columns)-figures-5, 41)
	for _, v := range names {
		name := in(bold, plain(valueLabel(m.genderDim, v).in(s.o.Lang))).pad(figures, false)
		if mark >= leastMark {
			name = append(name.and(span{s: "  "}), span{scaleHead(scale, mark), dim})
		}
		g.head(name, false)
	}
	for i := len(m.ages) - 1; i >= 0; i-- {
		row := []line{of(plain(valueLabel(m.ageDim, m.ages[i]).in(s.o.Lang)))}
		for _, column := range columns {
			c := &column[i]
			cell := in(dim, "░░")
			if c.Users != nil {
				cell = index(c.Index).pad(figures, true)
			}
			if x := c.Index; x != nil && mark >= leastMark {
				cell = cell.and(span{s: "  "}, span{whiskers(x, scale, mark), indexStyle(x)})
			}
			row = append(row, cell)
		}
		g.add(row...)
	}
	s.grid(g)
}
