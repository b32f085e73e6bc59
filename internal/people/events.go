package people

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"time"
)

// The events of the demo happen in April 2026, whatever day it is.
var eventsFrom = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

const eventDays = 30

// Categories of the operator's own log and of the client's.
var (
	pages     = [...]string{"job", "company", "article"}
	campaigns = [...]string{"spring_sale", "new_arrivals"}
)

// mostEvents is how often one person does a thing at most.
const mostEvents = 60

// writer collects lines of a file.
type writer struct {
	*bufio.Writer
	line []byte
	err  error
}

func newWriter(w io.Writer, header string) *writer {
	out := &writer{Writer: bufio.NewWriterSize(w, 1<<16)}
	_, out.err = out.WriteString(header + "\n")
	return out
}

// end writes the line that was being collected.
func (w *writer) end() {
	if w.err == nil {
		_, w.err = w.Write(append(w.line, '\n'))
	}
	w.line = w.line[:0]
}

func (w *writer) close(what string) error {
	if w.err == nil {
		w.err = w.Flush()
	}
	if w.err != nil {
		return fmt.Errorf("writing %s: %w", what, w.err)
	}
	return nil
}

// often draws how often somebody does a thing that they do at all: 1 and,
// with the chance more, again and again.
func (d *dice) often(more float64) int {
	n := 1
	for n < mostEvents && d.chance(more) {
		n++
	}
	return n
}

// WriteOwnEvents writes the operator's page views of April 2026, as
// own-events.yaml describes them: one user in twenty looked at something, the
// young more often; UTF-8, times in UTC.
func WriteOwnEvents(w io.Writer, o Options) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	out := newWriter(w, "user_id,viewed_at,page,url,referrer")
	d, who := newDice(o.Seed), newDice(o.Seed)
	var p person
	for n := range o.Users {
		d.cast(streamViews, n)
		if !d.chance(0.05) {
			continue
		}
		p.core(who, n)
		young := max(0, 0.8-float64(p.age)/100)
		for range d.often(0.45 + young/2) {
			at := eventsFrom.Add(time.Duration(d.below(eventDays*86400)) * time.Second).Add(-9 * time.Hour) // days of Japan
			page := pages[min(d.below(4), 2)]                                                               // articles twice as often
			out.line = d.userKey(out.line, n)
			out.line = append(append(append(at.AppendFormat(append(out.line, ','), time.RFC3339), ','), page...), ",https://career.example.jp/"...)
			out.line = append(strconv.AppendInt(append(append(out.line, page...), '/'), int64(d.below(5000)), 10), ',')
			out.end()
		}
	}
	return out.close("made-up page views")
}

// WriteAdEvents writes the client's log of its campaigns in April 2026, as
// ad-events.yaml describes it: two in five of the people of its list saw an
// advertisement, some clicked, some bought for an amount in yen; UTF-8, times in
// Japan's. The people are named by their mailboxes.
func WriteAdEvents(w io.Writer, o Options) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	out := newWriter(w, "日時,メールアドレス,キャンペーン,種別,金額,ip_address")
	d, who := newDice(o.Seed), newDice(o.Seed)
	for _, n := range listPeople(o) {
		d.cast(streamAds, n)
		if !d.chance(0.4) {
			continue
		}
		p := who.person(n)
		mailbox := p.mailbox(nil, false)
		event := func(at time.Time, campaign, kind string, yen int) {
			out.line = at.AppendFormat(out.line, "2006/01/02 15:04:05")
			out.line = append(append(append(append(append(out.line, ','), mailbox...), ','), campaign...), ',')
			out.line = append(append(out.line, kind...), ',')
			if yen > 0 {
				out.line = strconv.AppendInt(out.line, int64(yen), 10)
			}
			out.line = strconv.AppendInt(append(out.line, ",192.0.2."...), int64(d.below(256)), 10)
			out.end()
		}
		for range d.often(0.72) {
			campaign := campaigns[min(d.below(3), 1)]
			at := eventsFrom.Add(time.Duration(d.below(eventDays*86400-7200)) * time.Second)
			event(at, campaign, "imp", 0)
			if !d.chance(0.06) {
				continue
			}
			event(at.Add(time.Duration(1+d.below(60))*time.Second), campaign, "クリック", 0)
			if d.chance(0.25) {
				event(at.Add(time.Duration(61+d.below(7000))*time.Second), campaign, "cv", 980+100*d.below(180))
			}
		}
	}
	return out.close("a made-up log of advertisements")
}

// WriteLeft writes the members who left the client, identifiers alone: one in
// four hundred of its list, as they are written there.
func WriteLeft(w io.Writer, o Options) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	out := newWriter(w, "メールアドレス,携帯番号")
	err = eachListRow(o, func(r listRow) error {
		if r.slot%400 == 1 {
			out.line = append(appendCSV(out.line, []byte(r.email)), ',')
			out.line = appendCSV(out.line, []byte(r.phone))
			out.end()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing made-up members: %w", err)
	}
	return out.close("made-up members")
}

// WriteNew writes the members who are new to the client, a four-hundredth of its
// list, with the columns of list.yaml.
func WriteNew(w io.Writer, o Options) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	put, flush, err := listWriter(w, ListMessy)
	if err != nil {
		return err
	}
	d, who := newDice(o.Seed), newDice(o.Seed)
	for i := range max(1, o.Rows/400) {
		p := who.person(o.Users + o.Rows + i) // behind the strangers of the list
		d.cast(streamNew, i)
		if err := put(d.listRow(&p, i)); err != nil {
			return fmt.Errorf("writing made-up members: %w", err)
		}
	}
	if err := flush(); err != nil {
		return fmt.Errorf("writing made-up members: %w", err)
	}
	return nil
}
