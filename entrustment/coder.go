package entrustment

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Coder turns raw cells of one column into positions in its domain, so that no
// raw attribute goes further than intake. It is safe for use by several
// goroutines.
type Coder struct {
	code    func(cell []byte) (uint8, bool)
	unknown uint8
}

// NewCoder makes the coder of a column. g is nil for a column with declared
// values; domain is what the column's Domain gave; ref is the JST day on which
// ages are taken (BirthDate alone reads it). It fails where g and domain do not
// belong together or ref is missing.
func NewCoder(g *Generaliser, domain []string, ref Date) (*Coder, error) {
	n := len(domain)
	if n < 1 || n > MaxDomain || domain[n-1] != Unknown {
		return nil, fmt.Errorf("a domain has 1 to %d values, %s last", MaxDomain, Unknown)
	}
	c := &Coder{unknown: uint8(n - 1)}
	if g == nil {
		c.code = valueCoder(domain)
		return c, nil
	}
	if detail, _ := g.fault(); detail != "" {
		return nil, errors.New(detail)
	}
	if len(g.Domain()) != n {
		return nil, errors.New("the domain is not the generaliser's")
	}
	switch {
	case g.BirthDate != nil:
		if ref.IsZero() {
			return nil, errors.New("birth_date needs a reference day")
		}
		c.code = birthCoder(*g.BirthDate, ref)
	case g.Age != nil:
		band := *g.Age
		c.code = func(cell []byte) (uint8, bool) {
			age, ok := parseAge(cell)
			return band.code(age), ok
		}
	case g.Prefecture:
		names := prefectureNames()
		c.code = func(cell []byte) (uint8, bool) {
			jis := prefectureOf(cell, names)
			return jis - 1, jis != 0
		}
	case g.Region:
		c.code = regionCoder()
	case g.Amount != nil:
		bounds := append([]int64{}, g.Amount...)
		c.code = func(cell []byte) (uint8, bool) {
			v, ok := parseAmount(cell)
			code := uint8(0)
			for _, b := range bounds {
				if v >= b {
					code++
				}
			}
			return code, ok
		}
	}
	return c, nil
}

// Code gives the position of the cell's value in the domain. A missing value
// has the code of Unknown and is understood; one that can't be read, or that
// the domain does not have, has that code and is not.
func (c *Coder) Code(cell []byte) (code uint8, understood bool) {
	cell = bytes.TrimSpace(cell)
	if len(cell) == 0 {
		return c.unknown, true
	}
	if code, ok := c.code(cell); ok {
		return code, true
	}
	return c.unknown, string(cell) == Unknown
}

// code gives the position of an age in labels.
func (b *Band) code(age int) uint8 {
	below := 0
	if b.From > 0 {
		below = 1
	}
	switch {
	case age < b.From:
		return 0
	case age >= b.To:
		return uint8(below + (b.To-b.From)/b.Width)
	}
	return uint8(below + (age-b.From)/b.Width)
}

func birthCoder(band Band, ref Date) func([]byte) (uint8, bool) {
	return func(cell []byte) (uint8, bool) {
		birth, ok := parseBirth(cell)
		if !ok {
			return 0, false
		}
		age := ref.Age(birth)
		return band.code(age), 0 <= age && age <= maxAge
	}
}

// valueCoder matches as written first, then folded.
func valueCoder(domain []string) func([]byte) (uint8, bool) {
	exact, folded := make(map[string]uint8, len(domain)), make(map[string]uint8, len(domain))
	for i, v := range domain {
		exact[v] = uint8(i)
		folded[fold(v)] = uint8(i)
	}
	return func(cell []byte) (uint8, bool) {
		if code, ok := exact[string(cell)]; ok { // no allocation
			return code, true
		}
		var buf [64]byte
		if lower, ok := lowerASCII(buf[:0], cell); ok {
			code, ok := folded[string(lower)]
			return code, ok
		}
		code, ok := folded[fold(string(cell))]
		return code, ok
	}
}

// lowerASCII appends s in lower case to dst; false where s is longer than dst's
// room or not ASCII.
func lowerASCII(dst, s []byte) ([]byte, bool) {
	if len(s) > cap(dst) {
		return nil, false
	}
	for _, b := range s {
		if b >= 0x80 {
			return nil, false
		}
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		dst = append(dst, b)
	}
	return dst, true
}

func regionCoder() func([]byte) (uint8, bool) {
	names, regions := prefectureNames(), map[string]uint8{"九州": 7, "沖縄": 7, "関西": 4}
	for i, r := range regionNames {
		regions[r] = uint8(i)
	}
	return func(cell []byte) (uint8, bool) {
		if code, ok := regions[string(cell)]; ok {
			return code, true
		}
		if jis := prefectureOf(cell, names); jis != 0 {
			return prefectures[jis-1].region, true
		}
		code, ok := regions[fold(string(cell))]
		return code, ok
	}
}

// timestamps are the forms behind a date that systems export. One with a zone
// is brought to JST: 1990-03-31T15:00:00Z is the first of April.
var timestamps = [...]string{
	time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04",
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// number reads up to max digits from the head of s.
func number(s []byte, max int) (n, used int) {
	for used < len(s) && used < max && isDigit(s[used]) {
		n, used = n*10+int(s[used]-'0'), used+1
	}
	return n, used
}
