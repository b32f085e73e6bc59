package intake

import (
	"fmt"
	"slices"
	"strings"

	"awase/crypto/identifier"
	"awase/entrustment"
	"awase/intake/table"
)

// binding matches the columns that a schema declares with those of a file.
type binding struct {
	file    string
	names   []string // of the file's columns
	slots   map[int]int
	picked  []int          // file columns read, by slot
	report  []ColumnReport // by slot
	given   map[string]int // identifier columns of a name given out so far
	dropped []string
	shown   bool // messages may quote the file's names
}

// bind prepares a binding. The names of a file are quoted in messages only
// when its first line is plainly a header: one name is declared or known for what it identifies, and
// none looks like an identifier. A file without a header would else have its
// first person in the message.
func bind(file string, names, expected []string, n *identifier.Normaliser) *binding {
	b := &binding{file: file, names: names, slots: map[int]int{}, given: map[string]int{}}
	want := map[string]bool{}
	for _, e := range expected {
		want[fold(e)] = true
	}
	for _, name := range names {
		if plainKind([]byte(name), n) != "" {
			b.shown = false
			break
		}
		// An address is droppable too, so it takes a name that is known for what
		// it identifies, or declared.
		if want[fold(name)] || kindOf(name) != "" {
			b.shown = true
		}
	}
	return b
}

// place names a column of the file.
func (b *binding) place(col int) string {
	if b.shown && b.names[col] != "" {
		return b.file + ", column " + show(b.names[col])
	}
	return fmt.Sprintf("%s, column %d", b.file, col+1)
}

// find gives the file's columns of a declared name: those written the same,
// else those that differ in case, width or spaces.
func (b *binding) find(declared string) []int {
	var same, alike []int
	for i, n := range b.names {
		if n == declared {
			same = append(same, i)
		}
		if fold(n) == fold(declared) {
			alike = append(alike, i)
		}
	}
	if len(same) > 0 {
		return same
	}
	return alike
}

// column gives the slot of a declared column.
func (b *binding) column(declared, use string) (int, error) {
	cols := b.find(declared)
	switch len(cols) {
	case 1:
		return b.slot(cols[0], use), nil
	case 0:
		return 0, b.missing(declared)
	}
	return 0, b.repeated(declared, len(cols))
}

// identifier gives the slot of a declared identifier column. A name declared
// as often as the file has it names each in turn: templates repeat "Email".
func (b *binding) identifier(declared, use string, times int) (int, error) {
	cols := b.find(declared)
	if len(cols) < 2 || len(cols) != times {
		return b.column(declared, use)
	}
	i := b.given[declared]
	b.given[declared]++
	return b.slot(cols[i], use), nil
}

func (b *binding) slot(col int, use string) int {
	if s, ok := b.slots[col]; ok {
		b.report[s].Use += ", " + use
		return s
	}
	s := len(b.picked)
	b.slots[col] = s
	b.picked = append(b.picked, col)
	b.report = append(b.report, ColumnReport{Column: b.names[col], Use: use})
	return s
}

func (b *binding) missing(declared string) error {
	sort, detail := table.SortColumns, "the column is declared, and the file doesn't have it"
	if !b.shown {
		sort = table.SortNoHeader
		detail += "; the first line doesn't look like a header"
	}
	return fault(sort, b.file+", column "+show(declared), detail, "add the column or its header line, or take it out of the schema")
}

func (b *binding) repeated(declared string, n int) error {
	return fault(table.SortRepeated, b.file+", column "+show(declared), fmt.Sprintf("the header has this name %d times", n), "rename the columns, so that it's clear which is meant")
}

// rest drops the columns that are to be dropped and refuses what is left over.
func (b *binding) rest(drop []string) (dropped []string, err error) {
	var left []int
	for i, name := range b.names {
		if _, used := b.slots[i]; used {
			continue
		}
		if slices.ContainsFunc(drop, func(d string) bool { return fold(d) == fold(name) && name != "" }) {
			dropped = append(dropped, name)
			continue
		}
		left = append(left, i)
	}
	if len(left) == 0 {
		return dropped, nil
	}
	return nil, b.undeclared(left)
}

// undeclared refuses the columns that nothing says anything about.
func (b *binding) undeclared(left []int) error {
	if b.names[left[0]] == "" {
		return fault(table.SortUnnamed, b.place(left[0]), "the column has no name", "name it in the header, or delete it")
	}
	detail := "the column is not declared"
	if others := left[1:min(len(left), 6)]; len(others) > 0 && b.shown {
		names := make([]string, len(others))
		for i, c := range others {
			names[i] = show(b.names[c])
		}
		are := "nor is"
		if len(left) > 2 {
			are = "nor are"
		}
		detail += fmt.Sprintf(" (%s %s: %s)", are, entrustment.Count(len(left)-1, "other", "others"), strings.Join(names, ", "))
	}
	sort, mend := table.SortColumns, "declare it, or drop it with drop: in the schema"
	if !b.shown {
		sort = table.SortNoHeader
		detail += ", and the first line doesn't look like a header"
		mend = "add a header line, such as: email,phone"
	}
	return fault(sort, b.place(left[0]), detail, mend)
}

// refuseDirect refuses a column that is used as it is and holds a name, an
// address or a postcode.
func (b *binding) refuseDirect(declared string, g *entrustment.Generaliser) error {
	if !entrustment.LooksDirect(declared) || g != nil && (g.Prefecture || g.Region) {
		return nil
	}
	return fault(table.SortDirect, b.file+", column "+show(declared), "the column looks like a name, an address or a postcode, which never enter",
		"drop it, or generalise it to prefecture or region")
}
