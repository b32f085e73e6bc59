package people

import (
	"crypto/sha256"
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
	out := read("campaign-labels.yaml", "campaign-shop.yaml")
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

// WriteShopEvents writes the client's log of a campaign, as shop-events.yaml describes it:
// of those to whom it was delivered three in four saw it, and more bought something than of
// the others. delivered tells by the hash of a mailbox who they are.
func WriteShopEvents(w io.Writer, o Options, today time.Time, delivered func(hash [sha256.Size]byte) bool) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	out := newWriter(w, "日時,メールアドレス,種別,金額")
	d, who := newDice(o.Seed), newDice(o.Seed)
	for _, n := range listPeople(o) {
		d.cast(streamShop, n)
		p := who.person(n)
		mailbox := p.mailbox(nil, false)
		is := delivered(sha256.Sum256(mailbox))
		event := func(kind string, yen int) {
			out.line = append(d.on(today).AppendFormat(out.line, "2006/01/02 15:04:05"), ',')
			out.line = append(append(append(append(out.line, mailbox...), ','), kind...), ',')
			out.line = strconv.AppendInt(out.line, int64(yen), 10)
			out.end()
		}
		if is && d.chance(0.75) {
			for range d.often(0.4) {
				event("表示", 1)
			}
			if d.chance(0.3) {
				event("クリック", 20)
			}
		}
		if d.chance(0.7) || is && d.chance(0.4) {
			event("購入", 980+100*d.below(180))
		}
	}
	return out.close("a made-up log of a campaign")
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
		if d.chance(0.5) || is && d.chance(0.25) {
			event("登録", 0)
		}
	}
	return out.close("a made-up log of a platform that serves by labels")
}
