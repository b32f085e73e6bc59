package desk

import (
	"cmp"
	"slices"

	"awase/intake"
)

// Group is one sort of problem: a reason, in a column.
type Group struct {
	Kind   string  `json:"kind"`   // email, phone, cookie, maid, or "" for the row as a whole
	Column string  `json:"column"` // "" for the row as a whole
	Reason string  `json:"reason"`
	Mend   string  `json:"mend"`
	Count  int64   `json:"count"`
	Least  bool    `json:"least,omitempty"` // there are more: beyond those that a report lists
	Rows   []int64 `json:"rows"`            // the first of them
}

// firstRows is how many rows of a group are named.
const firstRows = 10

// groups gives the problems of a report by column and reason, the commonest first.
// A report counts all, and lists the first 100,000: a group that may reach beyond
// them says so, unless it is the only one of its reason.
func groups(r *intake.Report) []Group {
	type key struct{ column, reason string }
	at := map[key]int{}
	var out []Group
	listed := map[string]int64{}
	for _, p := range r.ProblemList() {
		k := key{p.Column, p.Reason}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, Group{Column: p.Column, Reason: p.Reason, Mend: p.Mend})
		}
		g := &out[i]
		g.Count++
		listed[p.Reason]++
		if len(g.Rows) < firstRows {
			g.Rows = append(g.Rows, p.Row)
		}
	}
	all := map[string]int64{}
	for f, n := range r.Faults {
		all[f.Reason] += n
	}
	of := map[string]int{}
	for i := range out {
		of[out[i].Reason]++
	}
	for i := range out {
		g := &out[i]
		g.Kind = kindOf(r, g)
		if more := all[g.Reason] - listed[g.Reason]; more > 0 && of[g.Reason] == 1 {
			g.Count += more
		} else if more > 0 {
			g.Least = true
		}
	}
	for f, n := range r.Faults {
		if of[f.Reason] == 0 { // all of them are beyond what is listed
			out = append(out, Group{Kind: f.Kind, Reason: f.Reason, Count: n, Rows: []int64{}})
		}
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// kindOf gives the kind of identifier that a group's column is read as.
func kindOf(r *intake.Report, g *Group) string {
	for _, c := range r.Columns {
		if c.Column != g.Column {
			continue
		}
		for f := range r.Faults {
			if f.Reason == g.Reason && f.Kind == c.Use {
				return f.Kind
			}
		}
	}
	return ""
}
