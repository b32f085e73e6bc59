package aggregator

import (
	"slices"

	"awase/matcher"
)

// matchedBy is the domain of the reserved dimension as the engine counts it, in
// rule 2's fixed order.
var matchedBy = [matcher.Kinds]string{matcher.Email: "email", matcher.Phone: "phone", matcher.Cookie: "cookie", matcher.MAID: "maid"}

// kinds gives the domain of matched_by for an entrustment: the kinds of
// identifier that it names, in the fixed order. Nobody is ever matched by
// another, so a cell of one would be empty and withheld, always, and would
// stand in the other row and in every forecast. The contract is public, so the
// cells say nothing; under a contract of other kinds it is another question,
// with noise and a charge of its own.
func (src *Sources) kinds() []string {
	out := slices.Clone(matchedBy[:])
	if len(src.Identifiers) == 0 {
		return out
	}
	return slices.DeleteFunc(out, func(kind string) bool { return !slices.Contains(src.Identifiers, kind) })
}

// declared gives, for each cell of the spec, the cell that the engine counts it
// in: the engine has all kinds of identifier. It is nil where they are the same.
func (s *Spec) declared() (at []int, engine int) {
	engine = 1
	same := true
	for _, d := range s.Dims {
		engine *= d.engineSize()
		same = same && d.engineSize() == len(d.Domain)
	}
	if same {
		return nil, engine
	}
	at = make([]int, s.cells())
	for i := range at {
		rest, stride := i, 1
		for j := len(s.Dims) - 1; j >= 0; j-- {
			d := &s.Dims[j]
			code := rest % len(d.Domain)
			rest /= len(d.Domain)
			if d.Source == matcher.MatchedBy {
				code = slices.Index(matchedBy[:], d.Domain[code])
			}
			at[i] += code * stride
			stride *= d.engineSize()
		}
	}
	return at, engine
}

func (d *Dim) engineSize() int {
	if d.Source == matcher.MatchedBy {
		return len(matchedBy)
	}
	return len(d.Domain)
}

// pick gives the declared cells of what the engine counted.
func pick(numbers []int64, at []int) []int64 {
	if at == nil {
		return numbers
	}
	out := make([]int64, len(at))
	for i, j := range at {
		out[i] = numbers[j]
	}
	return out
}
