package entrustment

import (
	"fmt"
	"slices"
)

// ParseEventSchema reads events.yaml.
func ParseEventSchema(file string, data []byte) (*EventSchema, error) {
	s, at, err := decode[EventSchema](file, data, SchemaEvents)
	if err != nil {
		return nil, err
	}
	c := &eventChecker{checker: checker{at: at}, s: s, used: map[string]string{}}
	if s.Region != "" {
		c.country("region", s.Region)
	}
	c.use("time.column", s.Time.Column)
	if f := s.Time.Format; (f == TimeSeconds || f == TimeMilliseconds) && !s.Time.Zone.IsZero() {
		c.fail("time.zone", "a Unix time is the same in every zone", "take zone: out")
	}
	c.user()
	c.kindAndCategory()
	if s.Value != nil {
		c.use("value.column", s.Value.Column)
	}
	c.columns()
	if s.Consent != nil {
		c.use("consent.column", s.Consent.Column)
	}
	used := map[string]bool{}
	for column := range c.used {
		used[column] = true
	}
	c.drop(s.Drop, used)
	return done(s, &c.checker)
}

// eventChecker holds an event schema against the rules that its types can't
// say.
type eventChecker struct {
	checker
	s    *EventSchema
	used map[string]string // column → the path that uses it
}

// use checks the header of a column that is used for one thing: the column that
// tells the kind may tell the category too, and no other does two things.
func (c *eventChecker) use(path, column string) {
	c.column(path, column)
	if first, ok := c.used[column]; ok && (first != "kind.column" || path != "category.column") {
		c.fail(path, "the column is used above as "+first, "name another column")
	}
	c.used[column] = path
	if LooksDirect(column) {
		c.fail(path, "the column looks like a name, an address or a postcode, which never enter", "name another column")
	}
	c.sensitive(path, column)
}

// user: an event has a user, named in one way.
func (c *eventChecker) user() {
	s := c.s
	var ways []string
	for _, w := range []struct {
		path  string
		there bool
	}{{"user_key", s.UserKey != ""}, {"identifiers", len(s.Identifiers) > 0}, {"list_key", s.ListKey != nil}, {"label", s.Label != nil}} {
		if w.there {
			ways = append(ways, w.path)
		}
	}
	switch {
	case len(ways) > 1:
		c.fail(ways[0], "the user is named by "+ways[0]+" and by "+ways[1], "keep one: user_key in the operator's own logs, identifiers, list_key or label in a partner's")
	case len(ways) == 0:
		c.fail("identifiers", "nothing names the user of an event", "add user_key: in the operator's own logs, or identifiers:, list_key: or label: in a partner's")
	case s.UserKey != "":
		c.use("user_key", s.UserKey)
	}
	if k := s.OfList(); k != nil && c.err == nil {
		c.id(join(ways[0], "list"), k.List)
		c.use(join(ways[0], "column"), k.Column)
	}
	c.atMost("identifiers", len(s.Identifiers), 64)
	for i, id := range s.Identifiers {
		path := item("identifiers", i)
		// A template may repeat a column of identifiers; bindings take each in turn.
		if _, again := c.used[id.Column]; again && !slices.ContainsFunc(s.Identifiers[:i], func(o IdentifierColumn) bool { return o.Column == id.Column }) {
			c.fail(join(path, "column"), "the column is used above as "+c.used[id.Column], "name another column")
		}
		c.used[id.Column] = join(path, "column")
		c.identifier(path, id.Column, id.Kind, id.Namespace)
	}
}

func (c *eventChecker) kindAndCategory() {
	s := c.s
	if s.Kind.Constant == "" {
		c.use("kind.column", s.Kind.Column)
		seen := map[string]bool{}
		for _, v := range sorted(s.Kind.Values) {
			path := member("kind.values", v)
			if fold(v) == "" || len(v) > 256 {
				c.fail(path, "must be a short text", "write the value as the file holds it")
			}
			c.nobody(path, v)
			if seen[fold(v)] {
				c.fail(path, "is the same value as another one", "full and half width, and upper and lower case of A to Z, are one: keep one")
			}
			seen[fold(v)] = true
		}
	}
	if s.Category != nil {
		c.category(s.Category)
	}
	if c.err == nil && s.oneColumn() {
		c.agree()
	}
	if c.err != nil {
		return
	}
	if n := len(s.Types()); n > MaxEventTypes {
		c.fail("category", fmt.Sprintf("the kinds and categories make %d sorts of event, more than %d", n, MaxEventTypes), "group the categories, or write a document for each kind")
	}
}

func (c *eventChecker) category(k *EventCategoryOf) {
	if k.Column == "" {
		c.dimension("category", k.Constant)
		c.nobody("category", k.Constant)
		c.sensitive("category", k.Constant)
		return
	}
	c.use("category.column", k.Column)
	c.values("category.values", k.Values)
	for i, v := range k.Values {
		path := item("category.values", i)
		c.dimension(path, v)
		c.sensitive(path, v)
		if v == Unknown {
			c.fail(path, "an event without a category is rejected, so "+Unknown+" is none", "take it out")
		}
	}
}

// agree: what one column says of the kind and of the category are the same
// values.
func (c *eventChecker) agree() {
	kinds, categories := foldedKinds(c.s.Kind.Values), map[string]bool{}
	for i, v := range c.s.Category.Values {
		categories[fold(v)] = true
		if _, ok := kinds[fold(v)]; !ok {
			c.fail(item("category.values", i), "the column tells the kind too, and kind.values doesn't have this value", "add it to kind.values")
		}
	}
	for _, v := range sorted(c.s.Kind.Values) {
		if !categories[fold(v)] {
			c.fail(member("kind.values", v), "the column tells the category too, and category.values doesn't have this value", "add it to category.values")
		}
	}
}

// columns: declared columns have closed domains, and a log of locations has one
// that says where.
func (c *eventChecker) columns() {
	c.atMost("columns", len(c.s.Columns), 256)
	names, place := map[string]bool{}, false
	for i := range c.s.Columns {
		l, path := &c.s.Columns[i], item("columns", i)
		c.column(join(path, "column"), l.Column)
		if first, ok := c.used[l.Column]; ok {
			c.fail(join(path, "column"), "the column is used above as "+first, "name another column")
		}
		c.used[l.Column] = join(path, "column")
		c.dimension(join(path, "name"), l.Name)
		if names[l.Name] {
			c.fail(join(path, "name"), "two columns have one name", "rename one")
		}
		names[l.Name] = true
		c.sensitive(join(path, "name"), l.Name)
		c.sensitive(join(path, "column"), l.Column)
		c.domain(path, l.Column, l.Name, l.Generalise, l.Values)
		if g := l.Generalise; g != nil {
			place = place || g.Prefecture || g.Region
		}
	}
	if slices.Contains(c.s.kinds(), EventLocation) && !place {
		c.fail("columns", "a location event says where, and no column does", "add the column with generalise: prefecture or region")
	}
}

func (c *eventChecker) sensitive(path, name string) {
	if SensitiveName(name) {
		c.failAs(CodeDimForbidden, path, named(name)+" is sensitive (要配慮個人情報): it is no dimension, condition or measure", "leave it out")
	}
}

// nobody refuses a value that names a person: the document stands in the record
// log.
func (c *eventChecker) nobody(path, value string) {
	if isPersonal(fold(value)) {
		c.fail(path, "looks like an address or a number of a person", "name sorts of event")
	}
}
