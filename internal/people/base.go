package people

import (
	"bufio"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// baseColumns is the operator's table, as base.yaml describes it.
var baseColumns = []column{
	{name: "user_id", each: true}, {name: "email", each: true}, {name: "email2", each: true}, {name: "mobile", each: true},
	{name: "site_cookie", each: true}, {name: "email_verified", as: asBool}, {name: "policy_version"}, {name: "agreed_on"},
	{name: "birth_date", as: asDate}, {name: "sex"}, {name: "postcode", each: true}, {name: "salary", as: asInt},
	{name: "disability"}, {name: "one_service_only"}, {name: "from_enquiry", as: asBool}, {name: "mail_ok", as: asBool},
	{name: "name"}, {name: "name_kana"}, {name: "address_line", each: true},
}

// column is a column and its type in Parquet; in CSV all are text.
type column struct {
	name string
	as   columnType
	each bool // a value of its own in nearly each row: a dictionary would not pay
}

type columnType uint8

const (
	asText columnType = iota
	asInt
	asBool
	asDate
)

// record is one row: its fields one after another. It is used again for the
// next.
type record struct {
	buf  []byte
	ends []int
}

func (r *record) reset() { r.buf, r.ends = r.buf[:0], r.ends[:0] }

// end closes the field that was being appended to buf.
func (r *record) end() { r.ends = append(r.ends, len(r.buf)) }

func (r *record) text(s string) {
	r.buf = append(r.buf, s...)
	r.end()
}

func (r *record) flag(v bool) {
	if v {
		r.text("true")
		return
	}
	r.text("false")
}

func (r *record) field(i int) []byte {
	from := 0
	if i > 0 {
		from = r.ends[i-1]
	}
	return r.buf[from:r.ends[i]]
}

// rows of progress between two reports of it.
const progressStep = 10_000

// WriteBaseCSV writes the operator's users: UTF-8, LF, a header. progress, if
// any, is told how many rows are done.
func WriteBaseCSV(w io.Writer, o Options, progress func(done int64)) error {
	out := bufio.NewWriterSize(w, 1<<16)
	names := make([]string, len(baseColumns))
	for i, c := range baseColumns {
		names[i] = c.name
	}
	if _, err := out.WriteString(strings.Join(names, ",") + "\n"); err != nil {
		return fmt.Errorf("writing made-up users: %w", err)
	}
	var line []byte
	err := eachUser(o, progress, func(r *record) error {
		line = line[:0]
		for i := range r.ends {
			if i > 0 {
				line = append(line, ',')
			}
			line = appendCSV(line, r.field(i))
		}
		_, err := out.Write(append(line, '\n'))
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("writing made-up users: %w", err)
	}
	return nil
}

// appendCSV appends a field, quoted where RFC 4180 asks for it.
func appendCSV(dst, field []byte) []byte {
	quote := false
	for _, c := range field {
		quote = quote || c == ',' || c == '"' || c == '\n' || c == '\r'
	}
	if !quote {
		return append(dst, field...)
	}
	dst = append(dst, '"')
	for _, c := range field {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// eachUser gives the rows of the base in order.
func eachUser(o Options, progress func(done int64), yield func(*record) error) error {
	o, err := o.checked()
	if err != nil {
		return err
	}
	d := newDice(o.Seed)
	var r record
	for n := range o.Users {
		if progress != nil && n > 0 && n%progressStep == 0 {
			progress(int64(n))
		}
		d.userRow(&r, n)
		if err := yield(&r); err != nil {
			return err
		}
	}
	if progress != nil {
		progress(int64(o.Users))
	}
	return nil
}

var (
	policyWeights = newWeights(850, 105, 30, 15)
	policies      = [...]struct {
		version string
		from    time.Time
	}{
		{"2024-01-29", time.Date(2024, 1, 29, 0, 0, 0, 0, time.UTC)},
		{"2019-04-01", time.Date(2019, 4, 1, 0, 0, 0, 0, time.UTC)},
		{"", time.Time{}},
		{"2016-07-01", time.Date(2016, 7, 1, 0, 0, 0, 0, time.UTC)}, // retired: in no policies.yaml
	}
	services = [...]string{"career-basic", "school-guide"}
)

// userRow draws the row of person n.
func (d *dice) userRow(r *record, n int) {
	p := d.person(n)
	r.reset()
	r.buf = d.userKey(r.buf, n)
	r.end()
	d.mailCell(r, p.mailbox(nil, false))
	if p.second {
		r.buf = p.work(r.buf)
	}
	r.end()
	if d.chance(0.88) {
		number := d.mobile(p.household)
		r.buf = d.baseNumber(r.buf, number[:])
	}
	r.end()
	d.cookie(r, n)
	r.flag(d.chance(0.93))
	version := policies[policyWeights.draw(d)]
	r.text(version.version)
	if version.version != "" {
		days := int(today.Sub(version.from).Hours()/24) - 1
		r.buf = appendDay(r.buf, version.from.AddDate(0, 0, d.below(days)))
	}
	r.end()
	if !d.chance(0.012) {
		r.buf = appendDay(r.buf, p.born)
	}
	r.end()
	r.text(d.sexTold(&p))
	d.postcode(r, &p)
	if p.salary > 0 {
		r.buf = strconv.AppendInt(r.buf, p.salary, 10)
	}
	r.end()
	if d.chance(0.035) {
		r.buf = append(r.buf, "あり"...)
	}
	r.end()
	if d.chance(0.015) {
		r.buf = append(r.buf, services[d.below(len(services))]...)
	}
	r.end()
	r.flag(d.chance(0.012))
	r.flag(d.chance(0.62))
	r.text(p.familyName().kanji + " " + p.givenName().kanji)
	r.text(p.familyName().kana + " " + p.givenName().kana)
	d.address(r, &p)
}

// appendDay appends YYYY-MM-DD.
func appendDay(dst []byte, t time.Time) []byte {
	y, m, day := t.Date()
	dst = append(appendDigits(dst, y, 4), '-')
	dst = append(appendDigits(dst, int(m), 2), '-')
	return appendDigits(dst, day, 2)
}

// userKey appends the operator's own key of person n: opaque, and no two alike,
// as mix is a permutation.
func (d *dice) userKey(dst []byte, n int) []byte {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], mix(mix(d.seed)^uint64(n)))
	return hex.AppendEncode(append(dst, "u-"...), key[:])
}

// sexTold gives what the person told: one in forty nothing.
func (d *dice) sexTold(p *person) string {
	switch {
	case d.chance(0.015):
		return "unknown"
	case d.chance(0.01):
		return ""
	case p.sex == female:
		return "female"
	}
	return "male"
}

// mailCell writes a mailbox as people type it: mostly well.
func (d *dice) mailCell(r *record, box []byte) {
	switch x := d.below(1000); {
	case x < 25: // none
	case x < 65: // Capitalised, as phones do
		box[0] -= 'a' - 'A'
		r.buf = append(r.buf, box...)
	case x < 75:
		r.buf = append(append(r.buf, box...), ' ')
	case x < 78:
		r.buf = appendFullWidth(r.buf, box)
	case x < 80: // no @
		r.buf = append(r.buf, strings.Replace(string(box), "@", ".", 1)...)
	default:
		r.buf = append(r.buf, box...)
	}
	r.end()
}

// baseNumber writes a number as the operator's form left it: mostly bare
// digits.
func (d *dice) baseNumber(dst, digits []byte) []byte {
	switch x := d.below(100); {
	case x < 82:
		return append(dst, digits...)
	case x < 96:
		return appendGrouped(dst, digits, "-")
	case x < 98:
		return append(append(dst, "+81"...), digits[1:]...)
	}
	return appendFullWidth(dst, appendGrouped(nil, digits, "-"))
}

// cookie writes the id of the person's last visit. A site's cookies expire:
// fewer than half have one, and each has been set anew a few times.
func (d *dice) cookie(r *record, n int) {
	if d.chance(0.44) {
		generation := d.below(4)
		var id [16]byte
		binary.BigEndian.PutUint64(id[:8], mix(d.seed^uint64(n)<<8^uint64(generation)))
		binary.BigEndian.PutUint64(id[8:], d.pcg.Uint64())
		r.buf = append(r.buf, "cs"...)
		r.buf = append(r.buf, byte('1'+generation), '.')
		r.buf = base32.StdEncoding.WithPadding(base32.NoPadding).AppendEncode(r.buf, id[:])
	}
	r.end()
}

func (d *dice) postcode(r *record, p *person) {
	if d.chance(0.99) {
		r.buf = append(r.buf, prefectures[p.prefecture].prefix...)
		if d.chance(0.85) {
			r.buf = append(r.buf, '-')
		}
		r.buf = appendDigits(r.buf, p.postcode, 4)
	}
	r.end()
}

func (d *dice) address(r *record, p *person) {
	r.buf = append(r.buf, prefectures[p.prefecture].name...)
	r.buf = append(r.buf, towns[p.postcode%len(towns)]...)
	r.buf = strconv.AppendInt(r.buf, int64(1+d.below(9)), 10)
	for range 2 {
		r.buf = strconv.AppendInt(append(r.buf, '-'), int64(1+d.below(20)), 10)
	}
	r.end()
}

// towns are names that many places have; no address is meant.
var towns = [...]string{"中央町", "本町", "緑町", "栄町", "東町", "西町", "南町", "北町", "旭町", "桜町", "若葉町", "新町"}

// appendFullWidth appends printable ASCII in its full-width forms.
func appendFullWidth(dst, ascii []byte) []byte {
	for _, c := range ascii {
		if c == ' ' {
			dst = append(dst, "　"...)
			continue
		}
		dst = append(dst, string(rune(c)-'!'+'！')...)
	}
	return dst
}

// appendGrouped appends eleven digits as 3-4-4.
func appendGrouped(dst, digits []byte, dash string) []byte {
	dst = append(append(dst, digits[:3]...), dash...)
	dst = append(append(dst, digits[3:7]...), dash...)
	return append(dst, digits[7:]...)
}
