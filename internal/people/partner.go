package people

import (
	"io"
	"strconv"
	"time"
)

// What the ad platform knows of its people.
var (
	interests       = [...]string{"travel", "food", "games", "news", ""}
	interestWeights = newWeights(280, 330, 210, 150, 30)
	watched         = [...]string{"video", "feed"}
)

// eachPartnerPerson gives the people of the ad platform in order: a fifth of the
// operator's users, and strangers, a twentieth as many as there are users.
func eachPartnerPerson(o Options, yield func(d *dice, p *person, slot int)) {
	d, who := newDice(o.Seed), newDice(o.Seed)
	for n := range o.Users {
		d.cast(streamPartner, n)
		if d.chance(0.2) {
			p := who.person(n)
			yield(d, &p, n)
		}
	}
	for i := range o.Users / 20 {
		n := o.Users + 2*o.Rows + i // behind the strangers of the client
		d.cast(streamPartner, n)
		p := who.person(n)
		yield(d, &p, n)
	}
}

// WritePartnerList writes the list of an ad platform, as partner-list.yaml describes
// it: its people by their mailboxes, what each is interested in, and where they are,
// as an address, a postcode or not at all; UTF-8.
func WritePartnerList(w io.Writer, o Options) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	out := newWriter(w, "アカウント,メールアドレス,関心,よく使う場所")
	eachPartnerPerson(o, func(d *dice, p *person, slot int) {
		out.line = strconv.AppendInt(append(out.line, "ad-"...), int64(slot), 10)
		out.line = appendCSV(append(out.line, ','), []byte(d.clientMail(p)))
		out.line = append(append(append(out.line, ','), interests[interestWeights.draw(d)]...), ',')
		at := &prefectures[p.prefecture]
		switch x := d.below(100); {
		case x < 60:
			out.line = append(append(out.line, at.name...), towns[p.postcode%len(towns)]...)
		case x < 85:
			out.line = append(append(append(out.line, "〒"...), at.prefix...), '-')
			out.line = appendDigits(out.line, p.postcode, 4)
		case x < 95:
			out.line = append(out.line, at.name...)
		}
		out.end()
	})
	return out.close("a made-up list of an ad platform")
}

// WritePartnerEvents writes what three in ten of the ad platform's people looked at
// in April 2026, as partner-events.yaml describes it; UTF-8, times in Japan's.
func WritePartnerEvents(w io.Writer, o Options) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	out := newWriter(w, "日時,メールアドレス,種別")
	eachPartnerPerson(o, func(d *dice, p *person, slot int) {
		d.cast(streamWatched, slot)
		if !d.chance(0.3) {
			return
		}
		for range d.often(0.6) {
			at := eventsFrom.Add(time.Duration(d.below(eventDays*86400)) * time.Second)
			out.line = append(at.AppendFormat(out.line, "2006/01/02 15:04:05"), ',')
			out.line = append(append(p.mailbox(out.line, false), ','), watched[d.below(2)]...)
			out.end()
		}
	})
	return out.close("a made-up log of an ad platform")
}
