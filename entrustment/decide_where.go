package entrustment

import (
	"fmt"
	"slices"
)

// wording checks the attributes that a question or a delivery speaks of.
type wording struct {
	f           *Facts
	list        string   // the list asked about, "" where there is none
	listColumns []string // its declared value columns
	unloaded    bool     // there is no such list
	ofEvents    []string // declared value columns of event logs
	deliver     bool     // the condition of a delivery: deliver_attributes alone
}

func (w *wording) listColumn(name string) bool {
	return slices.Contains(w.f.Contract.ListColumns, name) && !slices.Contains(w.f.Contract.Attributes, name)
}

func (w *wording) dims(q *Question) *Error {
	for i, name := range q.Dims {
		path := item("dims", i)
		if slices.Contains(q.Dims[:i], name) {
			return refusal(CodeSpec, clauseDoc, path, named(name)+" is named twice", "name it once")
		}
		if name == DimMatchedBy {
			if q.Report == ReportOverlap {
				continue
			}
			return refusal(CodeDimForbidden, clauseDoc, path, DimMatchedBy+" is a dimension of the overlap report alone", "ask for an overlap report")
		}
		if q.Report == ReportBehaviour && slices.Contains([]string{DimCategory, DimDay, DimWeek}, name) ||
			q.Report == ReportDelivery && (name == DimDay || name == DimWeek) || q.Report == ReportAttribution && name == DimTouch {
			continue
		}
		if err := w.attribute(path, name); err != nil {
			return err
		}
	}
	return nil
}

// categories checks the categories of events that a report reads: those that
// the entrustment names, no other.
func (w *wording) categories(q *Question) *Error {
	if ReadsEvents(q.Report) && len(q.Categories)+len(w.f.Contract.Events) == 0 {
		return w.f.by("events", refusal(CodeDimForbidden, clauseNamed, "categories", "no event is listed", allowed(nil, "events:")))
	}
	return w.f.events(q.Categories)
}

func (w *wording) measures(q *Question) *Error {
	for i, name := range q.Measures {
		if err := w.f.sensitive(item("measures", i), name); err != nil {
			return err
		}
	}
	return nil
}

// attribute checks that an attribute of the base or column of the list may be
// read.
func (w *wording) attribute(path, name string) *Error {
	c := w.f.Contract
	if err := w.f.sensitive(path, name); err != nil {
		return err
	}
	switch {
	case slices.Contains(w.ofEvents, name) && !slices.Contains(c.Attributes, name) && !slices.Contains(w.listColumns, name):
		return refusal(CodeSpec, clauseDoc, path, fmt.Sprintf("%s is a column of an event log, and this version does not ask by those yet", named(name)),
			"leave it out; a behaviour report is by category, day or week")
	case slices.Contains(c.Attributes, name):
		if w.f.Base != nil && w.f.Base.Attribute(name) == nil {
			return refusal(CodeDimForbidden, clauseNamed, path, fmt.Sprintf("the base has no attribute %s", named(name)), "declare it in base.yaml and load the base")
		}
	case !w.listColumn(name):
		clause := "attributes"
		if slices.Contains(w.listColumns, name) {
			clause = "list_columns"
		}
		return w.f.by(clause, refusal(CodeDimForbidden, clauseNamed, path, unlisted(named(name)), allowed(slices.Concat(c.Attributes, c.ListColumns), "attributes: (of the base) or list_columns: (of the list)")))
	case w.list == "" && !w.deliver:
		return refusal(CodeSpec, clauseDoc, path, fmt.Sprintf("%s is a column of a list, and the question names no list", named(name)), "name the list")
	case !w.deliver && !w.unloaded && !slices.Contains(w.listColumns, name):
		// The entrustment allows it: it is the list that lacks it.
		return refusal(CodeDimForbidden, clauseNamed, path, fmt.Sprintf("the list %s was loaded without the column %s", named(w.list), named(name)),
			"load it again with the column declared in list.yaml")
	}
	return w.deliverable(path, name)
}

// deliverable: who receives a delivery learns of every member that the
// condition holds for it.
func (w *wording) deliverable(path, name string) *Error {
	if w.deliver && !slices.Contains(w.f.Contract.DeliverAttributes, name) {
		return w.f.by("deliver_attributes", refusal(CodeDimForbidden, clauseDeliver, path, fmt.Sprintf("%s, and a delivery would tell its receiver who has which", unlisted(named(name))), allowed(w.f.Contract.DeliverAttributes, "deliver_attributes:")))
	}
	return nil
}

// where checks a condition: its grammar, what it reads, and the values against
// the declared domains. The list's domains are not known here; the compiler of
// the question checks those.
func (w *wording) where(c *Condition) *Error {
	if c == nil {
		return nil
	}
	if err := c.check("where"); err != nil {
		err.Clause = clauseDoc
		return err
	}
	var fault *Error
	// The walk ends at the fault, which is kept in its own type.
	_ = c.walk("where", func(path string, c *Condition) error {
		if fault = w.node(path, c); fault != nil {
			return fault
		}
		return nil
	})
	return fault
}

func (w *wording) node(path string, c *Condition) *Error {
	for name, values := range c.In {
		at := member(join(path, "in"), name)
		if err := w.attribute(at, name); err != nil {
			return err
		}
		if err := w.values(at, name, values); err != nil {
			return err
		}
	}
	for name, bounds := range c.Between {
		at := member(join(path, "between"), name)
		if err := w.attribute(at, name); err != nil {
			return err
		}
		if err := w.bounds(at, name, bounds); err != nil {
			return err
		}
	}
	if c.Event == nil {
		return nil
	}
	at := join(path, "event.category")
	if err := w.f.sensitive(at, c.Event.Category); err != nil {
		return err
	}
	if !slices.Contains(w.f.Contract.Events, c.Event.Category) {
		return w.f.by("events", refusal(CodeDimForbidden, clauseNamed, at, unlisted(named(c.Event.Category)), allowed(w.f.Contract.Events, "events:")))
	}
	return w.deliverable(at, c.Event.Category)
}

func (w *wording) values(path, name string, values []string) *Error {
	a := w.f.Base.Attribute(name)
	if a == nil {
		return nil
	}
	domain := a.Domain()
	for i, v := range values {
		if !slices.Contains(domain, v) {
			return NotInDomain(item(path, i), name, v, domain)
		}
	}
	return nil
}

func (w *wording) bounds(path, name string, bounds []string) *Error {
	a := w.f.Base.Attribute(name)
	if a == nil {
		return nil
	}
	if !a.Ordered() {
		return refusal(CodeSpec, clauseDoc, path, fmt.Sprintf("the values of %s have no order", named(name)), "use in: and list the values")
	}
	if err := w.values(path, name, bounds); err != nil {
		return err
	}
	domain := a.Domain()
	low, high := slices.Index(domain, bounds[0]), slices.Index(domain, bounds[1])
	if low > high || domain[high] == Unknown {
		return refusal(CodeDomain, clauseDoc, path, "the bounds are not in order", "put the lower band first; "+Unknown+" has no place in the order")
	}
	return nil
}
