package wire

import "errors"

// sentRelease is a release on its way. The rows of a table name their dimensions'
// values again and again, and JSON with a map a row takes longer to read than the
// counting does: so a table of users alone goes as columns of numbers, where its
// rows are all combinations of values in the dimensions' order.
type sentRelease struct {
	Release *Release `json:"release"`         // without cells, where Table has them
	Table   *table   `json:"table,omitempty"` // of users
}

// DecodeRelease reads the answer to a report, for those who ask without a Client.
func DecodeRelease(answer []byte) (*Release, error) {
	var s sentRelease
	err := unmarshal(answer, &s)
	return s.unpacked(err)
}

// table is a Release's Cells as columns.
type table struct {
	Shown []bool  `json:"shown"` // by row: released, or withheld
	Users []int64 `json:"users"` // of each row that is shown: value, low, high
}

// packed gives a release as it is sent.
func packed(r *Release, err error) (sentRelease, error) {
	if err != nil || r == nil {
		return sentRelease{}, err
	}
	t := tableOf(r)
	if t == nil {
		return sentRelease{Release: r}, nil
	}
	rest := *r // what was given is not changed
	rest.Cells = nil
	return sentRelease{&rest, t}, nil
}

// tableOf gives the cells as columns, nil where they say more than that.
func tableOf(r *Release) *table {
	if n := rows(r.Dims); n != len(r.Cells) || n == 0 {
		return nil
	}
	t := &table{Shown: make([]bool, len(r.Cells)), Users: make([]int64, 0, 3*len(r.Cells))}
	at := make([]int, len(r.Dims))
	for i := range r.Cells {
		c := &r.Cells[i]
		if len(c.Key) != len(r.Dims) || c.Index != nil || c.Sums != nil || c.Rates != nil {
			return nil
		}
		for k := range r.Dims {
			if v, ok := c.Key[r.Dims[k].Name]; !ok || v != r.Dims[k].Domain[at[k]] {
				return nil
			}
		}
		switch {
		case c.Status == Released && c.Users != nil:
			t.Shown[i] = true
			t.Users = append(t.Users, c.Users.Value, c.Users.Low, c.Users.High)
		case c.Status != Withheld || c.Users != nil:
			return nil
		}
		next(at, r.Dims)
	}
	return t
}

// rows is how many combinations of values there are; -1 of more than anybody is
// answered.
func rows(dims []Dim) int {
	const most = 1 << 20
	n := 1
	for i := range dims {
		if n *= len(dims[i].Domain); n > most {
			return -1
		}
	}
	return n
}

// next goes on to the next combination: the last value varies fastest.
func next(at []int, dims []Dim) {
	for k := len(at) - 1; k >= 0; k-- {
		if at[k]++; at[k] < len(dims[k].Domain) {
			return
		}
		at[k] = 0
	}
}

var errTable = errors.New("the enclave's answer is damaged: its table does not fit its dimensions")

// unpacked gives the release that was sent.
func (s sentRelease) unpacked(err error) (*Release, error) {
	switch {
	case err != nil:
		return nil, err
	case s.Release == nil:
		return nil, errTable
	case s.Table == nil:
		return s.Release, nil
	}
	r, t := s.Release, s.Table
	n := rows(r.Dims)
	if n != len(t.Shown) || len(r.Cells) > 0 || len(t.Users)%3 != 0 {
		return nil, errTable
	}
	r.Cells = make([]Cell, n)
	numbers := make([]Number, len(t.Users)/3)
	at, used := make([]int, len(r.Dims)), 0
	for i := range r.Cells {
		c := &r.Cells[i]
		c.Key, c.Status = make(map[string]string, len(r.Dims)), Withheld
		for k := range r.Dims {
			c.Key[r.Dims[k].Name] = r.Dims[k].Domain[at[k]]
		}
		if t.Shown[i] {
			if used == len(numbers) {
				return nil, errTable
			}
			u := t.Users[3*used:]
			numbers[used] = Number{u[0], u[1], u[2]}
			c.Status, c.Users = Released, &numbers[used]
			used++
		}
		next(at, r.Dims)
	}
	if used != len(numbers) {
		return nil, errTable
	}
	return r, nil
}
