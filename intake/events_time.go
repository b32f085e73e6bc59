package intake

import (
	"bytes"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"awase/entrustment"
)

// clock reads the time of an event and keeps its JST day alone.
//
// It takes, with the year first and one separator: 2026-11-23, 2026/11/23,
// 2026.11.23, 20261123, 2026年11月23日, 2026/11/23(月), each alone or with a time of day behind a
// blank or a T: 14:05, 14:05:06, 14:05:06.123, 2:05 PM, 午後2:05, 14時05分, and a
// zone behind that: Z, UTC, GMT, JST, +09, +0900, +09:00. Further 202611231405,
// 20261123140506, Unix times, and the serial numbers of spreadsheets where they
// are declared. Full-width digits are read as half-width ones.
type clock struct {
	format entrustment.TimeFormat
	offset int64 // seconds east of UTC of times that name no zone
	last   int32 // latest day
}

const (
	daySeconds = 24 * 60 * 60
	jstSeconds = 9 * 60 * 60
	// firstDay is 2000-01-01. What is older is what systems write that have no
	// time: 1970-01-01, 1900-01-00, 0001-01-01.
	firstDay = 10957
	// excelEpoch is 1970-01-01 in serial numbers of days.
	excelEpoch = 25569
	// longestTime is the longest cell that is read, in bytes.
	longestTime = 64
)

// newClock reads times as events.yaml declares, up to the day after today.
func newClock(t entrustment.EventTime, today entrustment.Date) clock {
	return clock{t.Format, int64(t.Zone.Offset()), int32(civilDay(today.Year, int(today.Month), today.Day)) + 1}
}

// civilDay counts the days from 1970-01-01.
func civilDay(y, m, d int) int64 {
	return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Unix() / daySeconds
}

// day gives the JST day of a cell, counted from 1970-01-01, or the reason why
// it can't be told.
func (k *clock) day(cell []byte) (day int32, reason string) {
	cell = bytes.TrimSpace(cell)
	switch {
	case len(cell) == 0:
		return 0, reasonNoTime
	case len(cell) > longestTime:
		return 0, reasonBadTime
	}
	s := stamp(cell)
	if !ascii(cell) {
		s = stamp(plainTime(cell))
	}
	whole, fraction, number := s.number()
	var n int64
	switch {
	case s.rounded():
		reason = reasonTimeRounded
	case number && k.format == entrustment.TimeExcel && len(whole) <= 6:
		n, reason = k.serial(whole, fraction)
	case number && k.format != entrustment.TimeText && k.format != entrustment.TimeExcel:
		n, reason = k.unix(whole)
	case k.format == entrustment.TimeSeconds || k.format == entrustment.TimeMilliseconds:
		reason = reasonBadTime
	default:
		n, reason = s.day(k.offset)
	}
	switch {
	case reason != "":
		return 0, reason
	case n < firstDay:
		return 0, reasonTimeOld
	case n > int64(k.last):
		return 0, reasonTimeFuture
	}
	return int32(n), ""
}

// plainTime writes in ASCII what Japanese systems write.
func plainTime(cell []byte) []byte {
	s := timeMarks.Replace(norm.NFKC.String(string(cell)))
	return bytes.TrimSpace([]byte(s))
}

// timeMarks also drops the day of the week and turns the dashes of Japanese
// keyboards into hyphens.
var timeMarks = strings.NewReplacer("(月)", " ", "(火)", " ", "(水)", " ", "(木)", " ", "(金)", " ", "(土)", " ", "(日)", " ",
	"年", "-", "月", "-", "日", " ", "時", ":", "分", ":", "秒", "", "午前", "AM", "午後", "PM",
	"\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2013", "-", "\u2212", "-", "\u30fc", "-", "\u3000", " ")

// unix gives the JST day of a Unix time. Its unit is the declared one, else told
// by the digits: from 2001 to 2286 seconds have ten.
func (k *clock) unix(whole []byte) (int64, string) {
	unit := int64(0)
	switch digits := len(whole); {
	case k.format == entrustment.TimeSeconds && digits <= 12:
		unit = 1
	case k.format == entrustment.TimeMilliseconds && digits <= 15:
		unit = 1e3
	case k.format != "":
	case digits == 10:
		unit = 1
	case digits == 13:
		unit = 1e3
	case digits == 16:
		unit = 1e6
	case digits == 19:
		unit = 1e9
	case digits == 8 || digits == 12 || digits == 14:
		return stamp(whole).day(k.offset)
	case digits == 5:
		return 0, reasonTimeSerial
	}
	if unit == 0 {
		return 0, reasonBadTime
	}
	n := int64(0)
	for _, c := range whole {
		d := int64(c - '0')
		if n > (1<<63-1-d)/10 {
			return 0, reasonBadTime
		}
		n = n*10 + d
	}
	return dayOf(n/unit + jstSeconds), ""
}

// serial gives the JST day of a spreadsheet's serial number. Its fraction is of
// a day, and binary: midnight may be written 0.9999999999, so it is rounded to
// milliseconds.
func (k *clock) serial(whole, fraction []byte) (int64, string) {
	days, _, _ := takeDigits(whole, 6)
	part, scale := int64(0), int64(1)
	for _, c := range fraction[:min(len(fraction), 10)] {
		part, scale = part*10+int64(c-'0'), scale*10
	}
	ms := (part*daySeconds*1000 + scale/2) / scale
	if len(fraction) == 0 && k.offset != jstSeconds {
		return 0, reasonTimeDayAlone
	}
	return dayOf((int64(days)-excelEpoch)*daySeconds + ms/1000 - k.offset + jstSeconds), ""
}

// dayOf gives the day of seconds since 1970. Those before are all too old, so
// that division goes towards zero doesn't matter.
func dayOf(seconds int64) int64 { return seconds / daySeconds }

// stamp is a cell that may be a time.
type stamp []byte

// number splits digits with at most one point among them.
func (s stamp) number() (whole, fraction []byte, ok bool) {
	whole, fraction, point := bytes.Cut(s, []byte("."))
	return whole, fraction, decimals(whole) && (!point || decimals(fraction))
}

func decimals(s []byte) bool {
	for _, c := range s {
		if !decimal(c) {
			return false
		}
	}
	return len(s) > 0
}

func decimal(c byte) bool { return '0' <= c && c <= '9' }

// rounded tells 1.79541E+09.
func (s stamp) rounded() bool {
	mantissa, exponent, ok := bytes.Cut(bytes.ToUpper(s), []byte("E"))
	if !ok {
		return false
	}
	_, _, ok = stamp(mantissa).number()
	return ok && decimals(bytes.TrimLeft(exponent, "+"))
}

// day gives the JST day; offset is the zone of a time that names none.
func (s stamp) day(offset int64) (int64, string) {
	day, rest, reason := s.date()
	if reason != "" {
		return 0, reason
	}
	if len(rest) == 0 {
		// A calendar's day in Japan, or one that reaches over two of Japan's.
		if offset != jstSeconds {
			return 0, reasonTimeDayAlone
		}
		return day, ""
	}
	seconds, rest, ok := timeOfDay(rest)
	if !ok {
		return 0, reasonBadTime
	}
	if rest = bytes.TrimSpace(rest); len(rest) > 0 {
		if offset, ok = zoneOf(rest); !ok {
			return 0, reasonBadTime
		}
	}
	return dayOf(day*daySeconds + seconds - offset + jstSeconds), ""
}

// date reads the day at the head, and gives the time of day behind it.
func (s stamp) date() (day int64, rest []byte, reason string) {
	y, n, s4 := takeDigits(s, 4)
	if n != 4 {
		if n > 0 && n < 3 && len(s4) > 0 && bytes.IndexByte([]byte("/-."), s4[0]) >= 0 {
			return 0, nil, reasonTimeOrder
		}
		return 0, nil, reasonBadTime
	}
	var m, d int
	switch {
	case len(s4) >= 4 && decimals(s4[:4]): // 20261123, 20261123140506, 20261123T140506
		m, _, rest = takeDigits(s4, 2)
		d, _, rest = takeDigits(rest, 2)
	case len(s4) > 0 && bytes.IndexByte([]byte("/-."), s4[0]) >= 0:
		sep := s4[0]
		if m, n, rest = takeDigits(bytes.TrimLeft(s4[1:], " "), 2); n == 0 || len(rest) == 0 || rest[0] != sep {
			return 0, nil, reasonBadTime
		}
		if d, n, rest = takeDigits(bytes.TrimLeft(rest[1:], " "), 2); n == 0 {
			return 0, nil, reasonBadTime
		}
		// Behind a day stands a blank or a T; a digit would be a longer day.
		if len(rest) > 0 && rest[0] != ' ' && rest[0]|0x20 != 't' {
			return 0, nil, reasonBadTime
		}
	default:
		return 0, nil, reasonBadTime
	}
	if y < 1 || m < 1 || m > 12 || d < 1 || d > daysOf(y, m) {
		return 0, nil, reasonBadTime
	}
	if len(rest) > 0 && rest[0]|0x20 == 't' {
		if rest = rest[1:]; len(rest) == 0 {
			return 0, nil, reasonBadTime
		}
	}
	return civilDay(y, m, d), bytes.TrimSpace(rest), ""
}

func daysOf(y, m int) int { return time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// takeDigits reads up to max digits.
func takeDigits(s []byte, max int) (v, n int, rest []byte) {
	for n < len(s) && n < max && decimal(s[n]) {
		v, n = v*10+int(s[n]-'0'), n+1
	}
	return v, n, s[n:]
}

// timeOfDay reads the seconds of a day, and gives the zone behind them.
func timeOfDay(s []byte) (seconds int64, rest []byte, ok bool) {
	half, s := halfDay(s)
	h, n, rest := takeDigits(s, 2)
	if n == 0 {
		return 0, nil, false
	}
	m, sec, some := 0, 0, false
	switch {
	case n == 2 && len(rest) >= 2 && decimals(rest[:2]): // 1405, 140506
		m, _, rest = takeDigits(rest, 2)
		if len(rest) > 0 && decimal(rest[0]) {
			if sec, n, rest = takeDigits(rest, 2); n != 2 {
				return 0, nil, false
			}
			some = true
		}
	case len(rest) > 0 && rest[0] == ':':
		if m, n, rest = takeDigits(rest[1:], 2); n == 0 { // 14時
			break
		}
		if len(rest) > 1 && rest[0] == ':' && decimal(rest[1]) {
			sec, _, rest = takeDigits(rest[1:], 2)
			some = true
		} else if len(rest) > 0 && rest[0] == ':' { // 14時05分
			rest = rest[1:]
		}
	default:
		return 0, nil, false
	}
	if some && len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') {
		if _, n, rest = takeDigits(rest[1:], longestTime); n == 0 {
			return 0, nil, false
		}
	}
	if len(rest) > 0 && decimal(rest[0]) {
		return 0, nil, false
	}
	if half == 0 {
		half, rest = halfDay(bytes.TrimLeft(rest, " "))
	}
	if half != 0 {
		if h > 12 {
			return 0, nil, false
		}
		h %= 12
		if half == 'P' {
			h += 12
		}
	}
	if sec == 60 { // a leap second is the last of its minute
		sec = 59
	}
	if m > 59 || sec > 59 || h > 24 || h == 24 && m+sec > 0 { // 24:00 is the next day's 0:00
		return 0, nil, false
	}
	return int64(h*3600 + m*60 + sec), rest, true
}

// halfDay reads AM or PM at the head.
func halfDay(s []byte) (half byte, rest []byte) {
	if len(s) >= 2 && s[1]|0x20 == 'm' && (s[0]|0x20 == 'a' || s[0]|0x20 == 'p') {
		return s[0] &^ 0x20, bytes.TrimLeft(s[2:], " ")
	}
	return 0, s
}

// zoneOf gives the seconds east of UTC of Z, UTC, GMT, JST, +09, +0900, +09:00.
func zoneOf(s []byte) (int64, bool) {
	switch string(s) {
	case "Z", "z", "UTC", "GMT":
		return 0, true
	case "JST":
		return jstSeconds, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	h, n, rest := takeDigits(s[1:], 2)
	if n != 2 || h > 14 {
		return 0, false
	}
	m := 0
	if len(rest) > 0 {
		if rest[0] == ':' {
			rest = rest[1:]
		}
		if m, n, rest = takeDigits(rest, 2); n != 2 || len(rest) > 0 || m > 59 {
			return 0, false
		}
	}
	offset := int64(h*3600 + m*60)
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}
