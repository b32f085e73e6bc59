package clickhouse

import (
	"fmt"
	"strings"

	"awase/entrustment"
	"awase/matcher"
)

// creditStatement asks what the conversions of people are credited to. A cluster may be
// in several cells: one for each touch that it has credit of.
func (b *binder) creditStatement(cell, where string) string {
	a := b.query.Attribution
	var logs, converted []string
	for _, id := range a.Logs {
		l := b.logs[id]
		if types := typesOf(l.log.Types, func(t *matcher.EventType) bool { return a.Converts(*t) }); len(types) > 0 {
			converted = append(converted, "("+b.fill("times", "log", b.read(l.table), "from", fmt.Sprint(a.From), "to", fmt.Sprint(a.To), "read", b.isOne("type", types))+")")
		}
		if text := b.touches(l); text != "" {
			logs = append(logs, "("+text+")")
		}
	}
	if converted == nil {
		return ""
	}
	asked := b.asked()
	if asked == "" {
		return ""
	}
	stride := 0
	for i, s := range b.strides() {
		if b.query.Dims[i].Source == matcher.Touch {
			stride = s
		}
	}
	var clicks []int64
	places := make([]int64, len(a.Touches))
	for i := range places {
		if places[i] = int64(i); a.IsClick(i) {
			clicks = append(clicks, int64(i))
		}
	}
	conversions := b.fill("conversions", "click", fmt.Sprint(a.Click), "view", fmt.Sprint(a.View), "none", fmt.Sprint(len(places)),
		"most", fmt.Sprint(a.Most), "same", fmt.Sprint(a.MostSame()), "isclick", "has("+b.param("Array(Int64)", number(clicks))+", e.2)", "touches", strings.Join(logs, " UNION ALL "), "converted", strings.Join(converted, " UNION ALL "))
	model := ""
	switch a.Model {
	case entrustment.LastTouch:
		model = b.fill("lasttouch", "last", b.texts["lastof"])
	case entrustment.FirstLast:
		model = b.fill("firstlast", "first", b.texts["firstof"], "last", b.texts["lastof"])
	default:
		all := b.param("Array(Int64)", number(places))
		conversions = b.fill("weighed", "by", b.param("Array(Int64)", number(a.Weights())), "places", all, "conversions", conversions)
		model = b.fill("divided", "places", all)
	}
	sums := ""
	if a.Credits {
		sums = ", sum(t.credit) AS s0"
	}
	return b.fill("credited", "stride", fmt.Sprint(stride), "sums", sums, "cell", cell, "people", asked, "where", where,
		"none", fmt.Sprint(len(places)), "model", model, "conversions", conversions)
}

// touches reads what a query credits of a log; "": nothing of its types.
func (b *binder) touches(l *eventLog) string {
	a := b.query.Attribution
	places := []uint16{}
	of := func(t *matcher.EventType) int {
		if a.Converts(*t) {
			return len(a.Touches)
		}
		return a.TouchOf(*t)
	}
	read := typesOf(l.log.Types, func(t *matcher.EventType) bool { return of(t) >= 0 })
	if len(read) == 0 {
		return ""
	}
	for _, t := range read {
		places = append(places, uint16(of(&l.log.Types[t])))
	}
	converting := typesOf(l.log.Types, func(t *matcher.EventType) bool { return a.Converts(*t) })
	return b.fill("touches", "types", b.param("Array(UInt8)", number(read)), "places", b.param("Array(UInt16)", number(places)), "log", b.read(l.table),
		"first", fmt.Sprint(int64(a.From)-int64(a.Reach())), "from", fmt.Sprint(a.From), "to", fmt.Sprint(a.To), "read", b.isOne("type", read), "converts", b.isOne("type", converting))
}
