package people

import (
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
)

// campaignDays is for how many days the demo's campaigns have been running, today
// included. Deliveries are made on the days of a campaign, so these are about today,
// whatever day it is.
const campaignDays = 14

// DemoCampaigns gives the documents of the demo's campaigns, of each flow that delivers
// one: they began two weeks before a day and end two weeks after it.
func DemoCampaigns(on time.Time) []Doc {
	out := read("campaign-labels.yaml", "campaign-mail.yaml")
	days := strings.NewReplacer("from: FROM", "from: "+on.AddDate(0, 0, 1-campaignDays).Format(time.DateOnly), "until: UNTIL", "until: "+on.AddDate(0, 0, campaignDays).Format(time.DateOnly))
	for i := range out {
		out[i].YAML = []byte(days.Replace(string(out[i].YAML)))
	}
	return out
}

// on draws a time of day on one of the days on which the campaigns ran.
func (d *dice) on(today time.Time) time.Time {
	day := time.Date(today.Year(), today.Month(), today.Day(), 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, -d.below(campaignDays)).Add(time.Duration(d.below(86_400)) * time.Second)
}

// WriteMailEvents writes the client's log of a campaign, as mail-events.yaml describes it:
// of those who were written to six in ten opened the mail, and one in six more bought
// something than of the others. written tells by the operator's user key who was.
func WriteMailEvents(w io.Writer, o Options, today time.Time, written func(key []byte) bool) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	out := newWriter(w, "日時,メールアドレス,種別,金額")
	d, who := newDice(o.Seed), newDice(o.Seed)
	for _, n := range listPeople(o) {
		is := n < o.Users && written(d.userKey(nil, n))
		d.cast(streamMailed, n)
		p := who.person(n)
		mailbox := p.mailbox(nil, false)
		event := func(kind string, yen int) {
			out.line = append(d.on(today).AppendFormat(out.line, "2006/01/02 15:04:05"), ',')
			out.line = append(append(append(append(out.line, mailbox...), ','), kind...), ',')
			out.line = strconv.AppendInt(out.line, int64(yen), 10)
			out.end()
		}
		if is && d.chance(0.6) {
			event("開封", 0)
			if d.chance(0.4) {
				event("クリック", 2)
			}
		}
		if d.chance(0.25) || is && d.chance(0.22) {
			event("購入", 980+100*d.below(180))
		}
	}
	return out.close("a made-up log of a campaign by mail")
}

// WriteLabelEvents writes an ad platform's log of a campaign, as label-events.yaml
// describes it, by the labels of a delivery: each with whether it is a member's.
func WriteLabelEvents(w io.Writer, o Options, today time.Time, labels iter.Seq2[string, bool]) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	out := newWriter(w, "日時,label,種別,円")
	d, row := newDice(o.Seed), 0
	for label, is := range labels {
		d.cast(streamServed, row)
		row++
		event := func(kind string, yen int) {
			out.line = append(append(append(d.on(today).AppendFormat(out.line, "2006/01/02 15:04:05"), ','), label...), ',')
			out.line = append(append(append(out.line, kind...), ','), strconv.Itoa(yen)...)
			out.end()
		}
		if is && d.chance(0.8) {
			for range d.often(0.5) {
				event("表示", 1)
			}
			if d.chance(0.2) {
				event("クリック", 30)
			}
		}
		if d.chance(0.2) || is && d.chance(0.15) {
			event("登録", 0)
		}
	}
	return out.close("a made-up log of a platform that serves by labels")
}
