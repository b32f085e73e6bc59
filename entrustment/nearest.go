package entrustment

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// band reads what bands are written as: "<20", "20-24", ">=70".
var band = regexp.MustCompile(`^(<|>=|>|<=)?([0-9]{1,9})(?:-([0-9]{1,9}))?$`)

// longRun may be a hash cut short.
var longRun = regexp.MustCompile(`^[0-9A-Za-z+/_=-]{20,}$`)

// Shown quotes a value of a question for its asker, or hides it where it looks
// like an identifier: an address, a number of a person, a hash. Numbers are shown
// only where the domain's own values are as long.
func Shown(v string, domain []string) string {
	f := fold(v)
	switch {
	case f == "" || utf8.RuneCountInString(v) > 40, strings.ContainsAny(f, "@\"\\"), isPersonal(f), len(f) >= 20 && longRun.MatchString(f), strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }):
		return hidden
	case manyDigits.MatchString(f) && !(band.MatchString(f) && digits(f) <= mostDigits(domain)):
		return hidden
	}
	return `"` + v + `"`
}

// Showable tells whether a value may stand in a message: it is short and does not
// look like an identifier.
func Showable(v string) bool { return Shown(v, nil) != hidden }

// FoldValue gives the form in which values of a domain are compared: without
// regard to width, to blanks around them and to upper and lower case of A to Z.
func FoldValue(v string) string { return fold(v) }

// digits gives the length of the longest number in s.
func digits(s string) (most int) {
	for _, n := range strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		most = max(most, len(n))
	}
	return most
}

func mostDigits(domain []string) (most int) {
	for _, v := range domain {
		if band.MatchString(v) {
			most = max(most, digits(v))
		}
	}
	return most
}

// Nearest gives the values of a domain that somebody may have meant by v: bands
// that share something with it, else those of the fewest changed letters, at
// most half of them; none where nothing is near.
func Nearest(v string, domain []string) []string {
	const most = 3
	if lo, hi, ok := bounds(fold(v)); ok {
		var out []string
		for _, d := range domain {
			if from, to, ok := bounds(fold(d)); ok && from <= hi && lo <= to && len(out) < most {
				out = append(out, d)
			}
		}
		if out != nil {
			return out
		}
	}
	want := []rune(fold(v))
	least, out := 1+len(want)/2, []string(nil)
	for _, d := range domain {
		has := []rune(fold(d))
		n := changes(want, has)
		if n > max(len(want), len(has))/2 {
			continue
		}
		switch {
		case n < least:
			least, out = n, []string{d}
		case n == least && len(out) < most:
			out = append(out, d)
		}
	}
	return out
}

// bounds gives the least and the largest number of a band.
func bounds(s string) (lo, hi int64, ok bool) {
	const end = 1 << 40
	m := band.FindStringSubmatch(s)
	if m == nil {
		return 0, 0, false
	}
	a, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		return 0, 0, false
	}
	switch m[1] {
	case "<":
		return 0, a - 1, m[3] == ""
	case "<=":
		return 0, a, m[3] == ""
	case ">":
		return a + 1, end, m[3] == ""
	case ">=":
		return a, end, m[3] == ""
	}
	if m[3] == "" {
		return a, a, true
	}
	b, err := strconv.ParseInt(m[3], 10, 64)
	return a, b, err == nil && a <= b
}

// changes is the Levenshtein distance.
func changes(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before := row[0]
		row[0] = i + 1
		for j := range b {
			same := before
			if a[i] != b[j] {
				same++
			}
			before = row[j+1]
			row[j+1] = min(same, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// meant words what somebody may have meant, before what is allowed.
func meant(v string, domain []string) string {
	near := Nearest(v, domain)
	if len(near) == 0 {
		return ""
	}
	for i := range near {
		near[i] = `"` + near[i] + `"`
	}
	return "did you mean " + strings.Join(near, " or ") + "? "
}

// NotInDomain refuses a value of a question that its attribute does not have. The
// value is the asker's own, and the domain is public.
func NotInDomain(field, attribute, value string, domain []string) *Error {
	return refusal(CodeDomain, clauseDoc, field, named(attribute)+" has no value "+Shown(value, domain), meant(value, domain)+allowed(slices.Clone(domain), ""))
}
