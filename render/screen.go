package render

import (
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// TerminalOptions is how a terminal is written to.
type TerminalOptions struct {
	Width int  // columns; 0: 80. Below 60 and above 120 it is taken as those
	Color bool // ANSI colours; shade is never the only signal
	Lang  Lang // zero: Japanese with English beside it
}

const (
	defaultWidth = 80
	leastWidth   = 60
	mostWidth    = 120
)

func (o TerminalOptions) width() int {
	if o.Width == 0 {
		return defaultWidth
	}
	return min(max(o.Width, leastWidth), mostWidth)
}

// narrow measures with East Asian "ambiguous" signs (rules, blocks, ±) one
// column wide, as today's terminals draw them, whatever the environment says:
// the same release gives the same lines.
var narrow = func() *runewidth.Condition {
	c := runewidth.NewCondition()
	c.EastAsianWidth = false
	return c
}()

func width(s string) int { return narrow.StringWidth(s) }

// style is an ANSI colour or weight.
type style string

const (
	normal style = ""
	bold   style = "1"
	dim    style = "2"
	blue   style = "34"
	orange style = "33"
)

// span is a piece of a line in one style.
type span struct {
	s  string
	st style
}

// line is a row of spans.
type line []span

func of(s string) line               { return line{{s: s}} }
func in(st style, s string) line     { return line{{s, st}} }
func (l line) and(more ...span) line { return append(l, more...) }

func (l line) width() int {
	n := 0
	for _, s := range l {
		n += width(s.s)
	}
	return n
}

// pad fills to n columns; right sets the text to the right end. A line that is
// too long is cut.
func (l line) pad(n int, right bool) line {
	l = l.cut(n)
	gap := span{s: strings.Repeat(" ", n-l.width())}
	if right {
		return append(line{gap}, l...)
	}
	return append(l[:len(l):len(l)], gap)
}

func (l line) cut(n int) line {
	if l.width() <= n {
		return l
	}
	var out line
	for _, s := range l {
		room := n - out.width()
		if width(s.s) <= room {
			out = append(out, s)
			continue
		}
		// A wide sign may leave one column over; pad fills it.
		return append(out, span{narrow.Truncate(s.s, room, "…"), s.st})
	}
	return out
}

// screen collects lines and writes them with or without colours.
type screen struct {
	o TerminalOptions
	b strings.Builder
}

func (s *screen) put(l line) {
	for _, p := range l {
		if s.o.Color && p.st != normal && p.s != "" {
			s.b.WriteString("\x1b[" + string(p.st) + "m" + p.s + "\x1b[0m")
			continue
		}
		s.b.WriteString(p.s)
	}
	s.b.WriteByte('\n')
}

// grid is a table with light rules.
type grid struct {
	heads []line
	under []line // a second line of heads, in another language; empty where there is none
	right []bool // columns set to the right
	rows  [][]line
}

func (g *grid) head(name line, right bool) {
	g.heads, g.under, g.right = append(g.heads, name), append(g.under, line{}), append(g.right, right)
}

// head adds a column with its name in the languages shown: Japanese, and below
// it English.
func (s *screen) head(g *grid, name text, right bool) {
	if s.o.Lang != Both || name.ja == name.en {
		g.head(in(bold, plain(name.short(s.o.Lang))), right)
		return
	}
	g.head(in(bold, plain(name.ja)), right)
	g.under[len(g.under)-1] = in(dim, plain(name.en))
}

func (g *grid) add(row ...line) { g.rows = append(g.rows, row) }

func (g *grid) widths() []int {
	ws := make([]int, len(g.heads))
	for _, row := range append([][]line{g.heads, g.under}, g.rows...) {
		for i, c := range row {
			ws[i] = max(ws[i], c.width())
		}
	}
	return ws
}

// outer is how wide the table is with its rules.
func (g *grid) outer() int {
	n := 1
	for _, w := range g.widths() {
		n += w + 3
	}
	return n
}

func (s *screen) grid(g *grid) {
	ws := g.widths()
	rule := func(left, mid, right string) {
		parts := make([]string, len(ws))
		for i, w := range ws {
			parts[i] = strings.Repeat("─", w+2)
		}
		s.put(in(dim, left+strings.Join(parts, mid)+right))
	}
	row := func(cells []line) {
		l := in(dim, "│")
		for i, w := range ws {
			l = append(l, span{s: " "})
			l = append(l, cells[i].pad(w, g.right[i])...)
			l = append(l, span{" │", dim})
		}
		s.put(l)
	}
	rule("┌", "┬", "┐")
	row(g.heads)
	if slices.ContainsFunc(g.under, func(l line) bool { return l.width() > 0 }) {
		row(g.under)
	}
	rule("├", "┼", "┤")
	for _, r := range g.rows {
		row(r)
	}
	rule("└", "┴", "┘")
}

// box writes lines in a frame of the whole width, with a heading in its top
// rule.
func (s *screen) box(heading string, lines []line) {
	inner := s.o.width() - 4
	heading = narrow.Truncate(heading, inner-2, "…")
	s.put(line{{"┌ ", dim}, {heading, bold},
		{" " + strings.Repeat("─", inner-width(heading)) + "┐", dim}})
	for _, l := range lines {
		out := in(dim, "│ ")
		out = append(out, l.pad(inner, false)...)
		s.put(out.and(span{" │", dim}))
	}
	s.put(in(dim, "└"+strings.Repeat("─", inner+2)+"┘"))
}

// field lays a name and its text out in two columns, wrapped. Where both
// languages are shown the English name stands before the English text, or
// beside the Japanese name where there is one text.
func (s *screen) field(name text, nameWidth int, body ...string) []line {
	room := s.o.width() - 4 - nameWidth - 2
	first, second := name.short(s.o.Lang), ""
	if s.o.Lang == Both && name.ja != name.en {
		both := text{name.ja, strings.TrimLeft(name.en, " ")}.in(Both) // it may be set in
		if second = name.en; len(body) == 1 && width(both) <= nameWidth {
			first, second = both, ""
		}
	}
	var out []line
	put := func(head line, part string) {
		out = append(out, head.pad(nameWidth, false).and(span{s: "  " + part}))
	}
	for i, b := range body {
		if b == "" {
			continue
		}
		for j, part := range wrap(b, room) {
			switch {
			case len(out) == 0:
				put(in(bold, first), part)
			case second != "" && (j == 0 || i == len(body)-1):
				put(in(dim, second), part)
				second = ""
			default:
				put(line{}, part)
			}
		}
	}
	if second != "" && len(out) > 0 {
		put(in(dim, second), "")
	}
	return out
}

// wrap breaks a text into lines of at most n columns: at spaces, and between
// any two wide signs but where a closing one would begin a line.
func wrap(s string, n int) []string {
	n = max(n, 8)
	var lines []string
	cur := ""
	for _, word := range words(s) {
		if width(cur)+width(strings.TrimRight(word, " ")) <= n {
			cur += word
			continue
		}
		if t := strings.TrimRight(cur, " "); t != "" {
			lines = append(lines, t)
		}
		cur = word
		for width(cur) > n { // one word longer than a line
			part := narrow.Truncate(cur, n, "")
			if part == "" {
				break
			}
			lines = append(lines, part)
			cur = cur[len(part):]
		}
	}
	if t := strings.TrimRight(cur, " "); t != "" {
		lines = append(lines, t)
	}
	return lines
}

// words cuts a text where a line may break.
func words(s string) []string {
	var out []string
	cur := ""
	var last rune
	for _, r := range s {
		breaks := last == ' ' && r != ' '
		wide := narrow.RuneWidth(r) == 2 || narrow.RuneWidth(last) == 2
		if wide && last != 0 && r != ' ' && !strings.ContainsRune("、。）」』】・，．：；！？％ー〜人.,)", r) && !strings.ContainsRune("（「『【", last) {
			breaks = true
		}
		if breaks && cur != "" {
			out = append(out, cur)
			cur = ""
		}
		cur += string(r)
		last = r
	}
	if cur != "" {
		out = append(out, cur)
	}
	return out
}
