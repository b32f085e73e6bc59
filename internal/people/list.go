package people

import (
	"bufio"
	"cmp"
	"container/heap"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"golang.org/x/text/encoding/japanese"
)

// ListForm is the form in which a client hands its list over.
type ListForm string

// The forms. All three are the same people; in the hashed ones the client has
// left out rows without consent and blanked what its tool could not read.
const (
	ListMessy  ListForm = "messy"  // Shift_JIS CSV with CRLF, as Excel and people leave it
	ListGoogle ListForm = "google" // Email,Phone: SHA-256 hex of Google's normal forms
	ListMeta   ListForm = "meta"   // email,phone: SHA-256 hex of Meta's
)

// WriteList writes the client's list: KnownShare of its rows are users of the
// base of the same Options, young and urban ones more often than others, each
// by another spelling of an identifier the base knows; the others are
// strangers. One row in a hundred repeats a person.
func WriteList(w io.Writer, o Options, form ListForm) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	put, flush, err := listWriter(w, form)
	if err != nil {
		return err
	}
	err = eachListRow(o, put)
	if err == nil {
		err = flush()
	}
	if err != nil {
		return fmt.Errorf("writing a made-up list: %w", err)
	}
	return nil
}

// listRow is one row as the client's system holds it.
type listRow struct {
	slot                                       int
	name, email, phone, tier, consent, address string
}

// listWriter gives what writes one row in a form, and what ends the file.
func listWriter(w io.Writer, form ListForm) (put func(listRow) error, flush func() error, err error) {
	switch form {
	case ListMessy:
		sjis := japanese.ShiftJIS.NewEncoder().Writer(w)
		out := bufio.NewWriterSize(sjis, 1<<16)
		if _, err := out.WriteString("氏名,メールアドレス,携帯番号,会員ランク,同意,住所\r\n"); err != nil {
			return nil, nil, fmt.Errorf("writing a made-up list: %w", err)
		}
		var line []byte
		return func(r listRow) error {
			line = appendMessy(line[:0], &r)
			_, err := out.Write(line)
			return err
		}, out.Flush, nil
	case ListGoogle, ListMeta:
		return hashedWriter(w, form)
	}
	return nil, nil, noForm(form)
}

// appendMessy appends a row as files come: fields quoted where they must be
// and sometimes where not, empty columns at the end of some rows, blank lines.
func appendMessy(dst []byte, r *listRow) []byte {
	for i, f := range []string{r.name, r.email, r.phone, r.tier, r.consent, r.address} {
		if i > 0 {
			dst = append(dst, ',')
		}
		if i == 0 && r.slot%7 == 0 {
			dst = append(append(append(dst, '"'), f...), '"')
			continue
		}
		dst = appendCSV(dst, []byte(f))
	}
	if r.slot%11 == 3 {
		dst = append(dst, ",,"...)
	}
	dst = append(dst, "\r\n"...)
	if r.slot%997 == 5 {
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// eachListRow gives the rows of the list in order.
func eachListRow(o Options, yield func(listRow) error) error {
	d, who := newDice(o.Seed), newDice(o.Seed)
	for slot, n := range listPeople(o) {
		p := who.person(n)
		d.cast(streamList, slot)
		if err := yield(d.listRow(&p, slot)); err != nil {
			return err
		}
	}
	return nil
}

// listPeople gives the person of each row, shuffled.
func listPeople(o Options) []int {
	repeats := o.Rows / 100
	known := int(float64(o.Rows) * KnownShare)
	out := make([]int, 0, o.Rows)
	out = append(out, choose(o, known)...)
	for n := o.Users; len(out) < o.Rows-repeats; n++ {
		out = append(out, n) // strangers: the people after the last user
	}
	d := newDice(o.Seed)
	d.cast(streamShuffle, 0)
	for first := len(out); len(out) < o.Rows; {
		out = append(out, out[known+d.below(first-known)]) // a stranger again
	}
	for i := len(out) - 1; i > 0; i-- {
		j := d.below(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// choose draws want users without replacement by weight: each gets the key
// −ln(u)/weight and the smallest keys win (Efraimidis and Spirakis 2006).
func choose(o Options, want int) []int {
	d, who := newDice(o.Seed), newDice(o.Seed)
	var best ticketHeap
	var p person
	for n := range o.Users {
		p.core(who, n)
		d.cast(streamChoose, n)
		t := ticket{key: -math.Log(1-d.unit()) / appeal(&p), n: n}
		switch {
		case len(best) < want:
			heap.Push(&best, t)
		case len(best) > 0 && t.key < best[0].key:
			best[0] = t
			heap.Fix(&best, 0)
		}
	}
	out := make([]int, len(best))
	for i, t := range best {
		out[i] = t.n
	}
	slices.Sort(out)
	return out
}

// appeal is how much the client's shop appeals to a person.
func appeal(p *person) float64 {
	w := math.Exp(-math.Pow(float64(p.age-30)/16, 2)) + 0.08
	if prefectures[p.prefecture].urban {
		w *= 1.9
	}
	if p.sex == female {
		w *= 1.35
	}
	return w
}

type ticket struct {
	key float64
	n   int
}

// ticketHeap keeps the largest key on top.
type ticketHeap []ticket

func (h ticketHeap) Len() int { return len(h) }
func (h ticketHeap) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[j].key, h[i].key), cmp.Compare(h[j].n, h[i].n)) < 0
}
func (h ticketHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push adds a ticket, for container/heap.
func (h *ticketHeap) Push(x any) { *h = append(*h, x.(ticket)) }

// Pop takes the last ticket, for container/heap.
func (h *ticketHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	*h = old[:len(old)-1]
	return t
}

var (
	tiers       = [...]string{"bronze", "silver", "gold", "", "プラチナ"}
	tierWeights = newWeights(530, 330, 115, 20, 5)
	consents    = [...]string{"はい", "いいえ", ""}
	consentPick = newWeights(94, 5, 1)
)

// listRow draws what the client holds of a person.
func (d *dice) listRow(p *person, slot int) listRow {
	r := listRow{slot: slot}
	gap := [...]string{" ", "　", ""}[d.below(3)]
	r.name = p.familyName().kanji + gap + p.givenName().kanji
	r.tier = tiers[tierWeights.draw(d)]
	r.consent = consents[consentPick.draw(d)]
	email, phone := !d.chance(0.05), !d.chance(0.07)
	if email || !phone { // a row without either would be nobody's
		r.email = d.clientMail(p)
	}
	if phone {
		n := p.household
		if d.chance(0.05) {
			n = maxPeople + p.n // a new number
		}
		number := d.mobile(n)
		r.phone = d.clientNumber(number[:])
	}
	switch x := d.below(1000); { // cells nothing can be read of
	case x < 5:
		r.email = strings.Replace(r.email, "@", "", 1)
	case x < 11 && len(r.phone) > 6:
		r.phone = "090-12"
	case x < 12:
		r.email, r.phone = "なし", "－"
	case x < 15 && r.phone != "": // Excel's way to keep a zero, saved with it
		r.phone = "'" + r.phone
	}
	r.address = prefectures[p.prefecture].name + towns[p.postcode%len(towns)] + "1-2-3"
	switch d.below(20) {
	case 0:
		r.address += ", 101号室"
	case 1:
		r.address += "\r\n「ハイツ」201"
	case 2:
		r.address += ` "B"棟`
	}
	return r
}

// clientMail spells a mailbox of the person's as its owner typed it here.
func (d *dice) clientMail(p *person) string {
	var box []byte
	switch {
	case d.chance(0.05):
		box = p.mailbox(nil, true)
	case p.second && d.chance(0.35):
		box = p.work(nil)
	default:
		box = p.mailbox(nil, false)
	}
	local, domain, _ := strings.Cut(string(box), "@")
	if domain == "gmail.com" { // the same mailbox, to Gmail
		local, _, _ = strings.Cut(local, "+")
		switch x := d.below(100); {
		case x < 15:
			local = strings.ReplaceAll(local, ".", "")
		case x < 25:
			local = local[:2] + "." + local[2:]
		case x < 33:
			local += "+shop"
		}
	}
	s := local + "@" + domain
	switch x := d.below(100); {
	case x < 8:
		return strings.ToUpper(s[:1]) + s[1:]
	case x < 10:
		return strings.ToUpper(s)
	case x < 12:
		return string(appendFullWidth(nil, []byte(s)))
	case x < 15:
		return s + " "
	case x < 16:
		return "　" + s
	}
	return s
}

// dashes that Shift_JIS holds: the keyboard's, JIS's hyphen, dash and minus,
// and the long vowel mark that people type for them.
var dashes = [...]string{"-", "‐", "―", "－", "ー"}

// clientNumber spells a number as people and spreadsheets leave it.
func (d *dice) clientNumber(digits []byte) string {
	grouped := func(dash string) []byte { return appendGrouped(nil, digits, dash) }
	switch x := d.below(100); {
	case x < 42:
		return string(grouped("-"))
	case x < 62:
		return string(digits)
	case x < 71: // Excel took it for a number
		return string(digits[1:])
	case x < 79:
		return string(grouped(dashes[d.below(len(dashes))]))
	case x < 86:
		return string(appendFullWidth(nil, grouped("-")))
	case x < 90:
		return string(grouped(" "))
	case x < 92:
		return "(" + string(digits[:3]) + ")" + string(digits[3:7]) + "-" + string(digits[7:])
	case x < 95:
		return "+81 " + string(grouped("-")[1:])
	case x < 98:
		return "+81" + string(digits[1:])
	}
	return " " + string(grouped("-")) + " "
}
