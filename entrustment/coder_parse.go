package entrustment

import (
	"bytes"
	"strings"
	"time"
)

// dateMarks turns 1990年4月1日 into 1990-4-1.
var dateMarks = strings.NewReplacer("年", "-", "月", "-", "日", "", "元", "1")

// parseBirth reads a day of birth: 1990-04-01, 1990/4/1, 1990.4.1, 19900401,
// 1990年4月1日, a timestamp, or a Japanese era (昭和60年4月1日, S60.4.1), in
// full width too. Forms with the day or month first are not read: which is
// which can't be told.
func parseBirth(cell []byte) (Date, bool) {
	if d, ok := parseDay(cell); ok {
		return d, true
	}
	if len(cell) > 64 {
		return Date{}, false
	}
	s := strings.ReplaceAll(dashes.Replace(dateMarks.Replace(fold(string(cell)))), " -", "-")
	if d, ok := parseDay([]byte(s)); ok {
		return d, true
	}
	if d, ok := parseEra(s); ok {
		return d, true
	}
	for _, form := range timestamps {
		if t, err := time.ParseInLocation(form, strings.ToUpper(strings.ReplaceAll(s, "/", "-")), JST); err == nil {
			return DateOf(t), true
		}
	}
	return Date{}, false
}

// parseDay reads the plain forms, without allocation.
func parseDay(s []byte) (Date, bool) {
	y, n := number(s, 4)
	if n != 4 {
		return Date{}, false
	}
	rest := s[4:]
	if len(rest) == 4 && isDigit(rest[0]) {
		md, n := number(rest, 4)
		return realDay(y, md/100, md%100, n == 4)
	}
	return monthDay(y, rest)
}

// monthDay reads -M-D behind a year; both separators are the same.
func monthDay(y int, s []byte) (Date, bool) {
	if len(s) < 4 || bytes.IndexByte([]byte("-/."), s[0]) < 0 {
		return Date{}, false
	}
	m, n := number(s[1:], 2)
	rest := s[1+n:]
	if n == 0 || len(rest) < 2 || rest[0] != s[0] {
		return Date{}, false
	}
	d, k := number(rest[1:], 2)
	return realDay(y, m, d, k > 0 && len(rest) == 1+k)
}

// realDay refuses a day that the calendar does not have.
func realDay(y, m, d int, ok bool) (Date, bool) {
	if !ok || y < 1800 || m < 1 || m > 12 || d < 1 || d > 31 {
		return Date{}, false
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	return Date{y, time.Month(m), d}, t.Day() == d
}

// eras gives the year before each era's first, and its last year.
var eras = [...]struct {
	kanji, letter string
	before, last  int
}{{"明治", "m", 1867, 45}, {"大正", "t", 1911, 15}, {"昭和", "s", 1925, 64}, {"平成", "h", 1988, 31}, {"令和", "r", 2018, 99}}

// parseEra reads 昭和60-4-1 (marks already replaced) and s60.4.1.
func parseEra(s string) (Date, bool) {
	for _, e := range eras {
		rest, ok := strings.CutPrefix(s, e.kanji)
		if !ok {
			rest, ok = strings.CutPrefix(s, e.letter)
		}
		if !ok {
			continue
		}
		y, n := number([]byte(rest), 2)
		if n == 0 || y < 1 || y > e.last {
			return Date{}, false
		}
		return monthDay(e.before+y, []byte(rest[n:]))
	}
	return Date{}, false
}

// parseAge reads whole years: 35, 35.0 (as spreadsheets give them), 35歳.
func parseAge(cell []byte) (int, bool) {
	age, n := number(cell, 3)
	if n == 0 || !allZero(cell[n:]) {
		if isASCII(cell) || len(cell) > 64 {
			return 0, false
		}
		s := []byte(strings.TrimSpace(strings.TrimRight(fold(string(cell)), "歳才")))
		if age, n = number(s, 3); n == 0 || n != len(s) {
			return 0, false
		}
	}
	return age, age <= maxAge
}

// allZero tells "" and a decimal point with zeros alone.
func allZero(s []byte) bool {
	return len(s) == 0 || s[0] == '.' && len(s) > 1 && len(bytes.TrimRight(s[1:], "0")) == 0
}

func isASCII(s []byte) bool {
	for _, b := range s {
		if b >= 0x80 {
			return false
		}
	}
	return true
}

// parseAmount reads an amount that is not negative: 5000000, 5,000,000,
// ¥5000000, 5000000.00 (the fraction is cut), 500万円, 1億2000万, in full width
// too.
func parseAmount(cell []byte) (int64, bool) {
	if v, ok := parseDigits(cell); ok {
		return v, true
	}
	if len(cell) > 64 {
		return 0, false
	}
	// In Shift_JIS the yen sign is the backslash's byte.
	s := strings.TrimLeft(fold(string(cell)), `¥\`)
	s = strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(s), "円"), "yen"))
	total, some := int64(0), false
	for _, unit := range []struct {
		mark  string
		times int64
	}{{"億", 100_000_000}, {"万", 10_000}} {
		head, tail, ok := strings.Cut(s, unit.mark)
		if !ok {
			continue
		}
		v, ok := parseUnits(head, unit.times)
		if !ok {
			return 0, false
		}
		total, s, some = total+v, strings.TrimSpace(tail), true
	}
	if s != "" || !some {
		v, ok := parseDigits([]byte(s))
		if !ok {
			return 0, false
		}
		total += v
	}
	return total, total <= maxAmount
}

// parseUnits reads a count of units with up to four decimals: 350.5 of 万.
func parseUnits(s string, unit int64) (int64, bool) {
	whole, fraction, _ := strings.Cut(strings.TrimSpace(s), ".")
	v, ok := parseDigits([]byte(whole))
	if !ok || v > maxAmount/unit || len(fraction) > 4 {
		return 0, false
	}
	v *= unit
	for _, d := range []byte(fraction) {
		if !isDigit(d) {
			return 0, false
		}
		unit /= 10
		v += int64(d-'0') * unit
	}
	return v, true
}

// parseDigits reads plain digits, or groups of three behind commas, and cuts a
// decimal fraction. It does not allocate.
func parseDigits(s []byte) (int64, bool) {
	v, run, groups := int64(0), 0, false
	for i, b := range s {
		switch {
		case isDigit(b):
			if v = v*10 + int64(b-'0'); v > maxAmount {
				return 0, false
			}
			run++
		case b == ',' && run > 0 && (!groups && run <= 3 || run == 3):
			groups, run = true, 0
		case b == '.' && run > 0 && (!groups || run == 3):
			_, n := number(s[i+1:], len(s))
			return v, n > 0 && n == len(s)-i-1
		default:
			return 0, false
		}
	}
	return v, run > 0 && (!groups || run == 3)
}
