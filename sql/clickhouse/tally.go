package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"awase/matcher"
)

// eventStatement asks for the people who have events, in the cells in which they
// have them. A cluster may be in several: one for each place that its events have
// in the table.
func (b *binder) eventStatement(cell, where string) string {
	events := b.query.Events
	strides := b.strides()
	byCategory, byDay, step := 0, 0, 1
	frequency, often, kind := "", "", ""
	var counted *matcher.Dim
	for i := range b.query.Dims {
		switch d := &b.query.Dims[i]; d.Source {
		case matcher.EventCategory:
			byCategory = strides[i]
		case matcher.EventDay:
			byDay, step = strides[i], d.Step
		case matcher.Frequency:
			counted, kind = d, d.Name
			frequency = fmt.Sprintf(" + (arrayCount(least -> least <= f.times, %s) - 1) * %d", b.param("Array(Int64)", number(d.Bounds)), strides[i])
		}
	}
	var logs []string
	for _, id := range events.Logs {
		if text := b.readLog(b.logs[id], byCategory, byDay, step, counted, kind); text != "" {
			logs = append(logs, "("+text+")")
		}
	}
	if logs == nil {
		return ""
	}
	asked := b.asked()
	if asked == "" {
		return ""
	}
	read := strings.Join(logs, " UNION ALL ")
	if counted != nil {
		often = b.fill("often", "events", read, "least", fmt.Sprint(counted.Bounds[0]))
	}
	sums, tallies := "", ""
	for i, s := range events.Sums {
		tallies += fmt.Sprintf(", sum(a%d) AS t%d", i, i)
		sums += b.fill("sum", "i", fmt.Sprint(i), "granule", fmt.Sprint(s.Granule), "cap", fmt.Sprint(s.Cap))
	}
	statement := "events"
	if events.Spread {
		statement = "spread"
	}
	return b.fill(statement, "cell", cell, "people", asked, "where", where, "events", read, "frequency", frequency,
		"often", often, "sums", sums, "tallies", tallies)
}

// readLog reads what a query counts of a log; "": nothing of its types.
func (b *binder) readLog(l *eventLog, byCategory, byDay, step int, counted *matcher.Dim, kind string) string {
	events := b.query.Events
	category := func(t *matcher.EventType) int { return slices.Index(events.Categories, t.Category) }
	read := typesOf(l.log.Types, func(t *matcher.EventType) bool { return category(t) >= 0 })
	if len(read) == 0 {
		return ""
	}
	of := func(is func(t *matcher.EventType) bool) string {
		types := typesOf(l.log.Types, func(t *matcher.EventType) bool { return category(t) >= 0 && is(t) })
		return "toUInt8(" + b.isOne("type", types) + ")"
	}
	place := "0"
	if byCategory > 0 {
		places := make([]uint16, len(read))
		for i, t := range read {
			places[i] = uint16(category(&l.log.Types[t]) * byCategory)
		}
		place = fmt.Sprintf("transform(type, %s, %s, toUInt16(0))", b.param("Array(UInt8)", number(read)), b.param("Array(UInt16)", number(places)))
	}
	if byDay > 0 {
		place += fmt.Sprintf(" + intDiv(toInt64(day) - (%d), %d) * %d", events.From, step, byDay)
	}
	adds := ""
	for i, s := range events.Sums {
		is := of(func(t *matcher.EventType) bool {
			return s.Of(t.Kind, l.log.Unit)
		})
		add := "toInt128(" + is + ")"
		if s.Unit != "" {
			add = "if(" + is + ", toInt128(value), toInt128(0))"
		}
		adds += fmt.Sprintf(", %s AS a%d", add, i)
	}
	often := "toUInt8(0)"
	if counted != nil {
		often = of(func(t *matcher.EventType) bool { return t.Kind == kind })
	}
	return b.fill("event", "place", place, "here", of(func(t *matcher.EventType) bool { return events.Presence == "" || events.Presence == t.Kind }),
		"often", often, "adds", adds, "log", b.read(l.table), "from", fmt.Sprint(events.From), "to", fmt.Sprint(events.To), "read", b.isOne("type", read))
}
