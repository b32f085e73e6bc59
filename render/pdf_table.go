package render

import (
	"slices"
	"strconv"

	"awase/enclave/wire"
)

const (
	tableRow  = 4.7
	cellRoom  = 2.0 // on each side of a column
	dimsMost  = 62  // the widest column of a dimension
	dimsLeast = 24
)

// printColumn is a column of a printed table: a head in both languages and what
// stands in a row. A number's interval is quiet behind it.
type printColumn struct {
	head  text
	right bool
	of    func(*printRow) (value, after string)
	width float64
	after float64 // of the widest interval, so that values stand in one line
}

// printRow is a cell, or a line below the table.
type printRow struct {
	label  text              // of a line below
	key    map[string]string // of a cell
	users  *wire.Number
	index  *wire.Ratio
	amount *wire.Amounts
}

// tables writes the same numbers as the chart, all of them: the people, and the
// measures in as many tables as there is room for.
func (p *paper) tables() {
	var rows, below []printRow
	for i := range p.r.Cells {
		c := &p.r.Cells[i]
		rows = append(rows, printRow{key: c.Key, users: c.Users, index: c.Index, amount: &c.Amounts})
	}
	for _, s := range sums(p.r) {
		below = append(below, printRow{label: s.label, users: s.Users, amount: &s.Amounts})
	}
	people := []printColumn{
		{head: text{"利用者数", "users"}, right: true, of: func(r *printRow) (string, string) {
			if r.users == nil {
				return "", ""
			}
			return thousands(r.users.Value), ""
		}},
		{head: text{"誤差範囲（95％）", "interval (95 %)"}, right: true, of: func(r *printRow) (string, string) {
			if r.users == nil {
				return "", ""
			}
			return thousands(r.users.Low) + " – " + thousands(r.users.High), ""
		}},
	}
	if hasIndex(p.r) {
		people = append(people, printColumn{head: text{"指数（範囲）", "index (interval)"}, right: true, of: func(r *printRow) (string, string) {
			switch {
			case r.index != nil:
				return decimal1(r.index.Value), " (" + decimal1(r.index.Low) + "–" + decimal1(r.index.High) + ")"
			case r.users == nil || r.key == nil:
				return "", ""
			}
			return "—", ""
		}})
	}
	if len(p.r.Dims) > 0 || len(below) > 0 || len(p.r.Cells) > 1 { // one number is the headline
		p.table(text{"集計表", "table"}, people, rows, below)
	}
	var amounts []printColumn
	all := slices.Concat(rows, below)
	for _, name := range slices.Concat(p.r.Measures, p.r.Rates) {
		c := printColumn{head: measureLabel(name), right: true, of: func(r *printRow) (string, string) {
			if n := r.amount.Sums[name]; n != nil {
				return amount(name, n.Value), " " + amountInterval(name, n)
			}
			if x := r.amount.Rates[name]; x != nil {
				return rate(name, x.Value), " " + rate(name, x.Low) + "–" + rate(name, x.High)
			}
			return "", ""
		}}
		if slices.ContainsFunc(all, func(r printRow) bool { v, _ := c.of(&r); return v != "" }) {
			amounts = append(amounts, c)
		}
	}
	for len(amounts) > 0 {
		n := 1
		for n < len(amounts) && p.fits(amounts[:n+1], all) {
			n++
		}
		p.table(text{"行動の量と率", "measures and rates"}, amounts[:n], rows, below)
		amounts = amounts[n:]
	}
}

// decimal1 writes an index.
func decimal1(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// keys are the columns that name a row.
func (p *paper) keys() []printColumn {
	if len(p.r.Dims) == 0 {
		return []printColumn{{head: text{"区分", "cell"}, of: func(*printRow) (string, string) { return everyone.in(Both), "" }}}
	}
	out := make([]printColumn, len(p.r.Dims))
	for i, d := range p.r.Dims {
		out[i] = printColumn{head: dimLabel(d.Name), of: func(r *printRow) (string, string) {
			return valueLabel(d.Name, r.key[d.Name]).in(Both), ""
		}}
	}
	return out
}

// measured gives columns their widths.
func (p *paper) measured(columns []printColumn, rows []printRow) float64 {
	total := 0.0
	for i := range columns {
		c := &columns[i]
		w := max(p.width(c.head.ja, sizeTable), p.width(c.head.en, sizeSmall))
		value := 0.0
		for j := range rows {
			if !c.right && rows[j].key == nil {
				continue
			}
			v, after := c.of(&rows[j])
			value, c.after = max(value, p.width(v, sizeTable)), max(c.after, p.width(after, sizeSmall))
		}
		if c.width = max(w, value+c.after) + 2*cellRoom; !c.right {
			c.width = max(min(c.width, dimsMost), dimsLeast)
		}
		total += c.width
	}
	return total
}

// named gives the columns that name a row, and how wide they are together: wide
// enough for the lines below, which take the room of all of them.
func (p *paper) named(rows []printRow) (keys []printColumn, wide float64) {
	keys = p.keys()
	wide = p.measured(keys, rows)
	for i := range rows {
		if more := p.width(rows[i].label.ja, sizeTable) + 2*cellRoom + 1 - wide; more > 0 {
			keys[0].width += more
			wide += more
		}
	}
	return keys, wide
}

func (p *paper) fits(columns []printColumn, rows []printRow) bool {
	_, wide := p.named(rows)
	return wide+p.measured(slices.Clone(columns), rows) <= measure
}

// table writes one table; its head is repeated on each page. A withheld row is
// hatched and named.
func (p *paper) table(name text, columns []printColumn, rows, below []printRow) {
	all := slices.Concat(rows, below)
	keys, named := p.named(all)
	squeeze(keys, min(named, measure-p.measured(columns, all)))
	columns = append(keys, columns...)
	wide := 0.0
	for _, c := range columns {
		wide += c.width
	}
	p.section(name, tableHead+min(6, float64(len(all)))*tableRow)
	p.tableHead(columns, wide)
	put := func(r *printRow, sum bool) {
		named, height := p.nameLines(columns[:len(keys)], r, sum)
		if p.need(height) {
			p.tableHead(columns, wide)
		}
		p.tableRow(columns, len(keys), r, named, height)
		p.y += height
		p.line(left, p.y, left+wide, p.y, 0.1, rule)
	}
	for i := range rows {
		put(&rows[i], false)
	}
	if len(below) > 0 {
		p.line(left, p.y, left+wide, p.y, 0.3, ink)
	}
	for i := range below {
		put(&below[i], true)
	}
	p.y += 1
}

// squeeze lets long names give way to the numbers: the widest columns first.
func squeeze(keys []printColumn, room float64) {
	widths := make([]float64, len(keys))
	for i, c := range keys {
		widths[i] = c.width
	}
	slices.Sort(widths)
	most := 0.0
	for i, w := range widths { // those that are narrower than an even share keep theirs
		most = room / float64(len(widths)-i)
		if w > most {
			break
		}
		most, room = w, room-w
	}
	for i := range keys {
		keys[i].width = max(min(keys[i].width, most), 6)
	}
}

// tableHead is the height of a table's head.
const tableHead = 8.4

func (p *paper) tableHead(columns []printColumn, wide float64) {
	x := left
	for _, c := range columns {
		if c.right {
			p.putRight(x+c.width-cellRoom, p.y, sizeTable, ink, c.head.ja)
		} else {
			p.put(x+cellRoom, p.y, sizeTable, ink, p.cut(c.head.ja, sizeTable, c.width-2*cellRoom))
		}
		if c.head.en != c.head.ja {
			if c.right {
				p.putRight(x+c.width-cellRoom, p.y+3.7, sizeSmall, quiet, c.head.en)
			} else {
				p.put(x+cellRoom, p.y+3.7, sizeSmall, quiet, p.cut(c.head.en, sizeSmall, c.width-2*cellRoom))
			}
		}
		x += c.width
	}
	p.y += tableHead
	p.line(left, p.y, left+wide, p.y, 0.3, ink)
}

const (
	nameLine  = 3.5 // from one line of a long name to the next
	nameLines = 6   // more are cut
)

// nameLines gives the lines that name a row, by column, and the row's height. A
// line below the table has one name, over all columns.
func (p *paper) nameLines(keys []printColumn, r *printRow, sum bool) ([][]string, float64) {
	if sum {
		room := -2 * cellRoom
		for _, c := range keys {
			room += c.width
		}
		return [][]string{{p.cut(p.fitting(r.label, room), sizeTable, room)}}, tableRow
	}
	out, most := make([][]string, len(keys)), 1
	for i, c := range keys {
		v, _ := c.of(r)
		room := c.width - 2*cellRoom
		out[i] = []string{v}
		if p.width(v, sizeTable) > room {
			out[i] = p.wrapped(v, sizeTable, room)
			if len(out[i]) > nameLines {
				out[i] = append(out[i][:nameLines-1], p.cut(out[i][nameLines-1]+"……", sizeTable, room))
			}
		}
		most = max(most, len(out[i]))
	}
	return out, tableRow + float64(most-1)*nameLine
}

// tableRow writes a row of a height. keys is how many columns name it.
func (p *paper) tableRow(columns []printColumn, keys int, r *printRow, named [][]string, height float64) {
	x, y := left, p.y+0.55
	for i, c := range columns[:keys] {
		if i < len(named) {
			for j, l := range named[i] {
				p.put(x+cellRoom, y+float64(j)*nameLine, sizeTable, ink, l)
			}
		}
		x += c.width
	}
	if r.users == nil {
		w := 0.0
		for _, c := range columns[keys:] {
			w += c.width
		}
		words := withheldWord.in(Both)
		p.hatched(x+cellRoom, p.y+0.6, w-2*cellRoom-p.width(words, sizeTable)-2, height-1.2)
		p.putRight(x+w-cellRoom, y, sizeTable, quiet, words)
		return
	}
	for _, c := range columns[keys:] {
		v, after := c.of(r)
		end := x + c.width - cellRoom
		p.putRight(end-c.after, y, sizeTable, ink, v)
		if after != "" {
			p.putRight(end, y+0.25, sizeSmall, quiet, after)
		}
		x += c.width
	}
}

// fitting gives a label in both languages where there is room for them.
func (p *paper) fitting(t text, room float64) string {
	if both := t.in(Both); p.width(both, sizeTable) <= room {
		return both
	}
	return t.ja
}
