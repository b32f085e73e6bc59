package people

import (
	"math"
	"time"
)

// today is the reference day of everybody's age. It is fixed: the same seed
// gives the same people in any year.
var today = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

const (
	male = iota
	female
)

// person is one made-up human being as the operator knows it, before the mess
// of a file.
type person struct {
	n          int // serial number
	sex        int
	age        int
	prefecture int
	born       time.Time
	family     int
	given      int
	postcode   int // last four digits
	household  int // the person whose phone this one shares; itself for most
	domain     int
	style      int // how the local part is written
	second     bool
	salary     int64 // yen; 0: not told
}

// core draws what choosing needs.
func (p *person) core(d *dice, n int) {
	d.cast(streamPerson, n)
	p.n = n
	p.sex = sexWeights.draw(d)
	p.age = youngest + groupSpan*ageWeights[p.sex].draw(d) + d.below(groupSpan)
	p.prefecture = prefectureWeights.draw(d)
}

// person draws all of person n.
func (d *dice) person(n int) person {
	var p person
	p.core(d, n)
	// Somewhere in the year that gives this age today.
	p.born = today.AddDate(-p.age, 0, -d.below(365))
	p.family = d.below(len(familyNames))
	p.given = d.below(len(womensNames))
	p.postcode = d.below(10_000)
	p.domain = privateWeights.draw(d)
	p.style = d.below(100)
	p.second = d.chance(0.18)
	p.household = n
	share := d.chance(0.06)
	p.salary = d.salary(&p)
	if n%2 == 1 && share { // the even-numbered never share, so nobody's sharer shares
		head := d.person(n - 1)
		p.household, p.family, p.prefecture, p.postcode = n-1, head.family, head.prefecture, head.postcode
	}
	return p
}

// salary draws a yearly income in yen: log-normal about a curve that rises to
// the fifties, rounded to ten thousands; a third don't tell.
func (d *dice) salary(p *person) int64 {
	told, z := d.chance(0.66), d.normal()
	if !told || p.age < 18 {
		return 0
	}
	at := float64(p.age-20) / 33
	median := 2_600_000 + 2_900_000*math.Exp(-(at-1)*(at-1)*2)
	if p.sex == female {
		median *= 0.72
	}
	return int64(median*math.Exp(0.42*z)/10_000) * 10_000
}

func (p *person) familyName() name { return familyNames[p.family] }

func (p *person) givenName() name {
	if p.sex == female {
		return womensNames[p.given]
	}
	return mensNames[p.given]
}

// serial scatters n over nine digits; no two people have the same.
func serial(n int) int {
	const prime = 999_999_937
	return int((uint64(n)*387_420_489 + 7_654_321) % prime)
}

// mailbox gives the local part and domain of the private mailbox, in the form
// its owner writes it. moved is a mailbox taken up later.
func (p *person) mailbox(dst []byte, moved bool) []byte {
	f, g := p.familyName().latin, p.givenName().latin
	n, domain := p.n, p.domain
	if moved {
		n, domain = maxPeople+p.n, 0
	}
	switch privateDomains[domain] {
	case "gmail.com":
		switch {
		case p.style < 35:
			dst = append(append(append(dst, g...), '.'), f...)
		case p.style < 40:
			dst = append(append(append(append(append(dst, g[0]), '.'), f...), '.'), 'n')
		default:
			dst = append(append(dst, f...), g...)
		}
		dst = appendDigits(dst, serial(n), 9)
		if p.style%33 == 7 {
			dst = append(dst, "+site"...)
		}
	case "docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp":
		// Mobile carriers took locals that RFC 5321 has no place for.
		dst = append(append(dst, g...), '-')
		if p.style < 8 {
			dst = append(dst, "..."...)
		}
		dst = append(append(dst, f[0], '.'), 'x')
		dst = appendDigits(dst, serial(n), 9)
		if p.style > 94 {
			dst = append(dst, '.')
		}
	default:
		dst = append(append(append(dst, f...), '_'), g[0])
		dst = appendDigits(dst, serial(n), 9)
	}
	return append(append(dst, '@'), privateDomains[domain]...)
}

// work gives the second mailbox, at a company.
func (p *person) work(dst []byte) []byte {
	dst = append(append(append(dst, p.givenName().latin...), '.'), p.familyName().latin...)
	dst = appendDigits(dst, serial(p.n), 9)
	return append(append(dst, '@'), workDomains[p.n%len(workDomains)]...)
}

// mobile gives the eleven digits of a number: 070, 080 or 090 (one in a hundred
// 060, opened in 2026), then 1–9, then seven digits. The numbers of different
// people differ; which they are is up to the seed.
func (d *dice) mobile(n int) [11]byte {
	const block = 90_000_000
	blocks, first, v := uint64(3), "789", uint64(n)
	if n%100 == 0 {
		blocks, first, v = 1, "6", v/100
	}
	// The multiplier has no factor in common with 2, 3 and 5: a permutation.
	v = (v*217_645_199 + mix(d.seed)%block) % (blocks * block)
	var out [11]byte
	out[0], out[1], out[2] = '0', first[v/block], '0'
	rest := v%block + 10_000_000
	for i := 10; i > 2; i-- {
		out[i] = byte('0' + rest%10)
		rest /= 10
	}
	return out
}

// appendDigits writes v with leading zeros to n digits.
func appendDigits(dst []byte, v, n int) []byte {
	from := len(dst)
	for range n {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; i >= from && v > 0; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
	return dst
}
