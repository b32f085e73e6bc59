package render

import (
	"slices"
	"strings"

	"awase/enclave/wire"
	"awase/entrustment"
)

// The dimensions that make a population pyramid.
const (
	dimAge    = "age_band"
	dimGender = "gender"
)

// pyramid is a table of gender by age band: two sides, and what belongs to
// neither.
type pyramid struct {
	ageDim, genderDim string
	ages              []string       // youngest first, unknown first of all where it is declared
	sides             [2]string      // male, female: values of the gender dimension
	cells             [2][]wire.Cell // by side, then age
	rest              []wire.Cell    // other values of gender, in the table's order
}

// pyramidOf gives the pyramid that r is, or nil.
func pyramidOf(r *wire.Release) *pyramid {
	if len(r.Dims) != 2 {
		return nil
	}
	m := &pyramid{ageDim: dimAge, genderDim: dimGender}
	for _, d := range r.Dims {
		switch d.Name {
		case dimAge:
			m.ages = slices.Clone(d.Domain)
		case dimGender:
			for _, v := range d.Domain {
				switch {
				case strings.EqualFold(v, "male"):
					m.sides[0] = v
				case strings.EqualFold(v, "female"):
					m.sides[1] = v
				}
			}
		}
	}
	if len(m.ages) == 0 || m.sides[0] == "" || m.sides[1] == "" {
		return nil
	}
	if i := slices.Index(m.ages, entrustment.Unknown); i >= 0 {
		m.ages = append([]string{entrustment.Unknown}, slices.Delete(m.ages, i, i+1)...)
	}
	for side := range m.sides {
		m.cells[side] = make([]wire.Cell, len(m.ages))
	}
	seen := 0
	for _, c := range r.Cells {
		i := slices.Index(m.ages, c.Key[dimAge])
		if side := slices.Index(m.sides[:], c.Key[dimGender]); side >= 0 && i >= 0 {
			m.cells[side][i] = c
			seen++
			continue
		}
		m.rest = append(m.rest, c)
	}
	if seen != 2*len(m.ages) { // not every cell is there: a plain table says it better
		return nil
	}
	return m
}

func (m *pyramid) label(side int) text { return valueLabel(m.genderDim, m.sides[side]) }

// largest gives the highest value of both sides, at least 1.
func (m *pyramid) largest() int64 {
	top := int64(1)
	for side := range m.cells {
		for _, c := range m.cells[side] {
			if c.Users != nil {
				top = max(top, c.Users.Value)
			}
		}
	}
	return top
}
