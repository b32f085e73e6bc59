package clickhouse

import (
	"fmt"
	"strings"

	"awase/matcher"
)

// where gives a condition on the columns of the people asked about.
func (b *binder) where(w *matcher.Where) string {
	switch {
	case w.All != nil:
		return b.several(w.All, "and", "1")
	case w.Any != nil:
		return b.several(w.Any, "or", "0")
	case w.Not != nil:
		return "not(" + b.where(w.Not) + ")"
	case w.In != nil:
		return "(" + b.isOne(b.column(w.In.Source, w.In.Column), w.In.Codes) + ")"
	case w.Event != nil:
		return b.often(w.Event)
	case w.Share != nil:
		return b.share(w.Share)
	}
	return b.member(*w.List)
}

// several joins conditions; none is what they give when there are none.
func (b *binder) several(kids []matcher.Where, with, none string) string {
	parts := make([]string, len(kids))
	for i := range kids {
		parts[i] = b.where(&kids[i])
	}
	switch len(parts) {
	case 0:
		return none
	case 1:
		return parts[0]
	}
	return with + "(" + strings.Join(parts, ", ") + ")"
}

// member gives the column that tells who is on a list.
func (b *binder) member(id matcher.ListID) string {
	if name, ok := b.members[id]; ok {
		return name
	}
	name := b.tells("l", len(b.members), "SELECT id FROM ("+b.hits(id)+")")
	b.members[id] = name
	return name
}

// tells adds a column that tells who is among the clusters of a statement.
func (b *binder) tells(prefix string, n int, of string) string {
	name := fmt.Sprintf("%s%d", prefix, n)
	b.columns = append(b.columns, fmt.Sprintf("id IN (%s) AS %s", of, name))
	return name
}

// often gives the column that tells who has events enough.
func (b *binder) often(c *matcher.AtLeast) string {
	if c.N <= 0 {
		return "1"
	}
	var logs []string
	for _, id := range c.Logs {
		l := b.logs[id]
		types := typesOf(l.log.Types, func(t *matcher.EventType) bool { return t.Category == c.Category })
		if len(types) == 0 {
			continue
		}
		logs = append(logs, "("+b.fill("times", "log", b.read(l.table), "from", fmt.Sprint(c.From), "to", fmt.Sprint(c.To), "read", b.isOne("type", types))+")")
	}
	if logs == nil {
		return "0"
	}
	text := b.fill("atleast", "times", strings.Join(logs, " UNION ALL "), "n", fmt.Sprint(c.N))
	if name, ok := b.eventful[text]; ok {
		return name
	}
	name := b.tells("e", len(b.eventful), text)
	b.eventful[text] = name
	return name
}

// share gives the condition that a cluster is in a share. The key is a parameter.
func (b *binder) share(s *matcher.Share) string {
	k0, k1 := s.Words()
	return b.fill("share", "k0", b.param("UInt64", fmt.Sprint(k0)), "k1", b.param("UInt64", fmt.Sprint(k1)),
		"shares", fmt.Sprint(matcher.Shares), "from", fmt.Sprint(s.From), "to", fmt.Sprint(s.To))
}

// typesOf gives the types of a log, by position, that satisfy is.
func typesOf(types []matcher.EventType, is func(t *matcher.EventType) bool) (out []uint8) {
	for i := range types {
		if is(&types[i]) {
			out = append(out, uint8(i))
		}
	}
	return out
}
