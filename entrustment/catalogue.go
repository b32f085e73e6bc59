package entrustment

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Domain gives the attribute's closed list of values in reading order, Unknown
// last. A sensitive attribute without values has Unknown alone: it is never
// read.
func (a *Attribute) Domain() []string { return domainOf(a.Generalise, a.Values) }

// Ordered tells whether the domain has an order that `between` can read:
// bands have, names have not.
func (a *Attribute) Ordered() bool { return a.Generalise.ordered() }

// Sensitive tells whether the attribute is 要配慮個人情報: declared so, or named
// so. It is then never a dimension, condition or measure.
func (a *Attribute) Sensitive() bool {
	return a.Class == AttributeSensitive || SensitiveName(a.Name) || SensitiveName(a.Column)
}

// Domain gives a value column's closed list of values, Unknown last; nil for an
// identifier.
func (l *ListColumn) Domain() []string {
	if l.Kind != "" {
		return nil
	}
	return domainOf(l.Generalise, l.Values)
}

// Ordered tells whether the domain has an order that `between` can read.
func (l *ListColumn) Ordered() bool { return l.Generalise.ordered() }

// Attribute gives the attribute of that name, or nil.
func (s *BaseSchema) Attribute(name string) *Attribute {
	if s != nil {
		for i := range s.Attributes {
			if s.Attributes[i].Name == name {
				return &s.Attributes[i]
			}
		}
	}
	return nil
}

func domainOf(g *Generaliser, values []string) []string {
	if g != nil {
		return g.Domain()
	}
	return valueDomain(values)
}

// valueDomain puts Unknown last, also where it was declared elsewhere.
func valueDomain(values []string) []string {
	out := make([]string, 0, len(values)+1)
	for _, v := range values {
		if v != Unknown {
			out = append(out, v)
		}
	}
	return append(out, Unknown)
}

// Domain gives the generaliser's values in order, Unknown last; nil for Day,
// whose values are open.
func (g *Generaliser) Domain() []string {
	var out []string
	switch {
	case g.BirthDate != nil:
		out = g.BirthDate.labels()
	case g.Age != nil:
		out = g.Age.labels()
	case g.Prefecture:
		out = Prefectures()
	case g.Region:
		out = Regions()
	case g.Amount != nil:
		out = amountLabels(g.Amount)
	default:
		return nil
	}
	return append(out, Unknown)
}

func (g *Generaliser) ordered() bool {
	return g != nil && (g.BirthDate != nil || g.Age != nil || g.Amount != nil)
}

// labels gives <From, From-…, …, >=To. A band of one year is written as that
// year, and where From is 0 nobody is below it.
func (b *Band) labels() []string {
	var out []string
	if b.From > 0 {
		out = append(out, fmt.Sprintf("<%d", b.From))
	}
	for lo := b.From; lo < b.To; lo += b.Width {
		if b.Width == 1 {
			out = append(out, fmt.Sprint(lo))
		} else {
			out = append(out, fmt.Sprintf("%d-%d", lo, lo+b.Width-1))
		}
	}
	return append(out, fmt.Sprintf(">=%d", b.To))
}

func amountLabels(bounds []int64) []string {
	out := []string{fmt.Sprintf("<%d", bounds[0])}
	for i, lo := range bounds[:len(bounds)-1] {
		if hi := bounds[i+1] - 1; hi == lo {
			out = append(out, fmt.Sprint(lo))
		} else {
			out = append(out, fmt.Sprintf("%d-%d", lo, hi))
		}
	}
	return append(out, fmt.Sprintf(">=%d", bounds[len(bounds)-1]))
}

// maxAge is above anybody's; the oldest person verified died at 122.
const maxAge = 130

// maxAmount keeps sums of a list's amounts far inside int64.
const maxAmount = 1_000_000_000_000_000

// fault tells what is wrong with a generaliser of a column, or "".
func (g *Generaliser) fault() (detail, mend string) {
	switch {
	case g.BirthDate != nil:
		return g.BirthDate.fault()
	case g.Age != nil:
		return g.Age.fault()
	case g.Amount != nil:
		if n := len(g.Amount); n == 0 || n > MaxDomain-2 {
			return fmt.Sprintf("an amount has 1 to %d bounds", MaxDomain-2), "list the bounds, lowest first"
		}
		for i, b := range g.Amount {
			if b < 1 || b > maxAmount || i > 0 && b <= g.Amount[i-1] {
				return "the bounds of an amount are positive and ascend", "list them, lowest first"
			}
		}
	case g.Day:
		return "a day has no closed domain, so it can't be a column of people", "day is for events; use birth_date or age for bands"
	}
	return "", ""
}

func (b *Band) fault() (detail, mend string) {
	switch {
	case b.Width < 1 || b.From < 0 || b.To <= b.From || b.To > maxAge:
		return fmt.Sprintf("a band has width ≥ 1 and 0 ≤ from < to ≤ %d", maxAge), "correct the numbers"
	case (b.To-b.From)%b.Width != 0:
		return "the width does not divide the years between from and to", "choose to = from + a multiple of width"
	case (b.To-b.From)/b.Width+3 > MaxDomain:
		return fmt.Sprintf("the bands are more than %d with those at the ends and %s", MaxDomain, Unknown), "widen them"
	}
	return "", ""
}

// fold gives the form in which values are compared: NFKC (full-width letters
// and digits, half-width kana), trimmed, A–Z in lower case.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.TrimSpace(norm.NFKC.String(s)))
}
