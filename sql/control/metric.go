package control

import "context"

// Tally is how many there are of what; of parties and people it says nothing.
type Tally struct {
	Kind, State string // "": not told apart by it
	N           int64
}

// Tallies are what a store holds at a moment.
type Tallies struct {
	Jobs       []Tally // by kind and state
	Deliveries []Tally // of webhooks, by state
	Uploads    int64   // bytes of sealed files, declared
}

// Tallies counts.
func (s *Store) Tallies(ctx context.Context) (t Tallies, err error) {
	scan := func(r row) (c Tally, err error) { return c, r.Scan(&c.Kind, &c.State, &c.N) }
	if t.Jobs, err = all(ctx, s, s.read, "metric_jobs", scan); err != nil {
		return t, err
	}
	if t.Deliveries, err = all(ctx, s, s.read, "metric_deliveries", scan); err != nil {
		return t, err
	}
	up, err := one(ctx, s, s.read, "metric_uploads", scan)
	t.Uploads = up.N
	return t, err
}
