package matcher

import (
	"fmt"
	"strings"

	"awase/entrustment"
)

// BasePart takes some of the rows of a base. Each goroutine that adds has a part
// of its own; which row is in which part changes nothing. It is not safe for
// concurrent use.
type BasePart struct {
	columns []Column

	rows      int
	users     spread // user token, row of this part
	codes     []chunked[uint8]
	standing  chunked[uint16]
	known     map[standing]uint16
	standings []standing
	last      uint16        // the standing of the row before
	pairs     [Kinds]spread // token, row of this part
}

func newBasePart(columns []Column) *BasePart {
	return &BasePart{columns: columns, codes: make([]chunked[uint8], len(columns)), known: make(map[standing]uint16)}
}

// Add takes one user. A row that is refused (*entrustment.Error, whose Field is
// of the row) leaves no trace; the part goes on.
func (b *BasePart) Add(p *Person) error {
	if int64(b.rows) >= maxRows {
		return overLimit("rows", fmt.Sprintf("a base holds at most %d users", maxRows))
	}
	if err := checkRow(b.columns, p.Codes, p.Tokens); err != nil {
		return err
	}
	s, err := b.intern(standing{p.PolicyVersion, p.Service, p.EnquiryOnly})
	if err != nil {
		return err
	}
	row := uint32(b.rows)
	b.rows++
	b.users.add(newPair(&p.User, row))
	b.standing.add(s)
	for i, code := range p.Codes {
		b.codes[i].add(code)
	}
	for i := range p.Tokens {
		t := &p.Tokens[i]
		b.pairs[t.Kind].add(newPair(&t.Token, row))
	}
	return nil
}

func (b *BasePart) intern(s standing) (uint16, error) {
	if len(b.standings) > 0 && s == b.standings[b.last] { // most are as the one before
		return b.last, nil
	}
	if code, ok := b.known[s]; ok {
		b.last = code
		return code, nil
	}
	if len(b.standings) == maxStandings {
		return 0, errStandings
	}
	// A clone: the string may be a slice of a whole batch of the file.
	s.PolicyVersion, s.Service = strings.Clone(s.PolicyVersion), strings.Clone(s.Service)
	code := uint16(len(b.standings))
	b.known[s] = code
	b.standings = append(b.standings, s)
	b.last = code
	return code, nil
}

const maxStandings = 1 << 16

var errStandings = &entrustment.Error{Code: entrustment.CodeLimit, Field: "standing",
	Detail: fmt.Sprintf("a base holds at most %d combinations of policy version, service and enquiry_only", maxStandings)}
