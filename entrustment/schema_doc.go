package entrustment

import (
	"fmt"
	"regexp"
	"slices"
)

// ParseBaseSchema reads base.yaml.
func ParseBaseSchema(file string, data []byte) (*BaseSchema, error) {
	s, at, err := decode[BaseSchema](file, data, SchemaBase)
	if err != nil {
		return nil, err
	}
	c := &checker{at: at}
	c.country("region", s.Region)
	c.column("user_key", s.UserKey)
	c.column("verified", s.Verified)
	c.column("consent.version", s.Consent.Version)
	c.column("consent.date", s.Consent.Date)
	used := map[string]bool{s.UserKey: true, s.Verified: true, s.Consent.Version: true, s.Consent.Date: true}
	c.atMost("identifiers", len(s.Identifiers), 64)
	for i, id := range s.Identifiers {
		path := item("identifiers", i)
		used[id.Column] = true
		c.identifier(path, id.Column, id.Kind, id.Namespace)
		if id.Profile != "" {
			c.fail(join(path, "profile"), "a column of the base has no profile", "the base is raw data and is hashed here: take it out")
		}
	}
	kinds := make([]string, len(s.Identifiers))
	for i, id := range s.Identifiers {
		kinds[i] = id.Kind
	}
	c.fewOfAKind("identifiers", kinds)
	c.atMost("attributes", len(s.Attributes), 256)
	names := map[string]bool{}
	for i := range s.Attributes {
		a, path := &s.Attributes[i], item("attributes", i)
		used[a.Column] = true
		c.attribute(path, a)
		if names[a.Name] {
			c.fail(join(path, "name"), "two attributes have one name", "rename one")
		}
		names[a.Name] = true
	}
	for i, r := range s.Restrictions {
		path := item("restrictions", i)
		used[r.Column] = true
		c.column(join(path, "column"), r.Column)
		c.oneOf(join(path, "kind"), r.Kind, []string{ServiceLimited, EnquiryOnly})
	}
	c.channels(s, used)
	c.drop(s.Drop, used)
	return done(s, c)
}

// ParseListSchema reads list.yaml.
func ParseListSchema(file string, data []byte) (*ListSchema, error) {
	s, at, err := decode[ListSchema](file, data, SchemaList)
	if err != nil {
		return nil, err
	}
	c := &checker{at: at}
	if s.Region != "" {
		c.country("region", s.Region)
	}
	c.atMost("columns", len(s.Columns), 256)
	used, names, identifiers := map[string]bool{}, map[string]bool{}, 0
	for i := range s.Columns {
		l, path := &s.Columns[i], item("columns", i)
		used[l.Column] = true
		if l.Kind != "" {
			identifiers++
			c.identifier(path, l.Column, l.Kind, l.Namespace)
			if l.Name != "" || l.Values != nil || l.Generalise != nil {
				c.fail(path, "a column is an identifier (kind) or a value (name), not both", "write two entries, or take one out")
			}
			continue
		}
		c.value(path, l)
		if names[l.Name] {
			c.fail(join(path, "name"), "two columns have one name", "rename one")
		}
		names[l.Name] = true
	}
	kinds := make([]string, len(s.Columns))
	for i, l := range s.Columns {
		kinds[i] = l.Kind
	}
	c.fewOfAKind("columns", kinds)
	if identifiers == 0 {
		c.fail("columns", "no column holds an identifier", "give one a kind: email, phone, cookie or maid")
	}
	if s.Consent != nil {
		c.column("consent.column", s.Consent.Column)
		used[s.Consent.Column] = true
	}
	if s.UserKey != "" {
		c.column("user_key", s.UserKey)
		if used[s.UserKey] {
			c.fail("user_key", "the column is used for something else too", "name the column of your own, opaque keys")
		}
		used[s.UserKey] = true
	}
	c.drop(s.Drop, used)
	return done(s, c)
}

func (c *checker) identifier(path, column, kind, namespace string) {
	c.column(join(path, "column"), column)
	c.oneOf(join(path, "kind"), kind, Kinds())
	switch {
	case kind == KindCookie && namespace == "":
		c.fail(join(path, "namespace"), "a cookie column names its namespace", "add namespace: and the name of the site that both sides use")
	case kind != KindCookie && namespace != "":
		c.fail(join(path, "namespace"), "only cookies have a namespace", "take it out")
	case namespace != "":
		c.name(join(path, "namespace"), namespace)
	}
}

func (c *checker) attribute(path string, a *Attribute) {
	c.column(join(path, "column"), a.Column)
	c.dimension(join(path, "name"), a.Name)
	if !a.Sensitive() || a.Generalise != nil || a.Values != nil { // what is never read needs no domain
		c.domain(path, a.Column, a.Name, a.Generalise, a.Values)
	}
	if a.Shares == nil || c.err != nil {
		return
	}
	domain, sum := a.Domain(), 0.0
	for _, v := range sorted(a.Shares) {
		share := a.Shares[v]
		sum += share
		if !slices.Contains(domain, v) {
			c.fail(join(path, "shares"), echo(v)+" is not in the attribute's domain", "write each value as reports show it")
		}
		if share < 0 || share > 1 {
			c.fail(join(path, "shares"), "a share is between 0 and 1", "write 0.25 for 25 %")
		}
	}
	if sum > 1+1e-6 {
		c.fail(join(path, "shares"), "the shares add up to more than 1", "check them")
	}
}

// maxOfKind is how many identifiers of one kind a person may have: what they
// share with others bounds what their having been in the base shows (PRIVACY
// rule 3).
const maxOfKind = 8

// fewOfAKind counts identifier columns by kind.
func (c *checker) fewOfAKind(path string, kinds []string) {
	n := map[string]int{}
	for _, k := range kinds {
		if n[k]++; k != "" && n[k] > maxOfKind {
			c.fail(path, fmt.Sprintf("has more than %d columns of one kind", maxOfKind), "keep the ones that are used most")
		}
	}
}

func (c *checker) value(path string, l *ListColumn) {
	c.column(join(path, "column"), l.Column)
	if l.Name == "" {
		c.fail(path, "the column says neither what it identifies (kind) nor what it is called (name)", "add kind:, or name: and values:, or move it to drop:")
		return
	}
	c.dimension(join(path, "name"), l.Name)
	if SensitiveName(l.Column) || SensitiveName(l.Name) {
		c.failAs(CodeDimForbidden, path, "the column holds data that needs special care (要配慮個人情報)", "move it to drop:")
	}
	if l.Namespace != "" || l.Profile != "" {
		c.fail(path, "namespace and profile belong to an identifier", "take them out or add kind:")
	}
	c.domain(path, l.Column, l.Name, l.Generalise, l.Values)
}

// domain checks that a column's values are closed, by a generaliser or by a
// list, not both, and that they are groups of people: not somebody's name, nor
// a place finer than a prefecture.
func (c *checker) domain(path, column, name string, g *Generaliser, values []string) {
	switch {
	case g != nil && values != nil:
		c.fail(path, "has both generalise and values", "keep one")
	case g == nil && values == nil:
		c.fail(path, "has no closed domain", "add generalise: or values:")
	case g != nil:
		if detail, mend := g.fault(); detail != "" {
			c.fail(join(path, "generalise"), detail, mend)
		}
	default:
		c.values(join(path, "values"), values)
	}
	if LooksDirect(column) && (g == nil || !g.Prefecture && !g.Region) {
		c.fail(join(path, "column"), "the column looks like a name, an address or a postcode, which never enter", "drop it, or generalise it to prefecture or region")
	}
	if looksCoordinate(column) || looksCoordinate(name) {
		c.fail(join(path, "column"), "the column looks like a coordinate, which never enters", "write the prefecture into a column of its own and drop this one")
	}
	if c.err == nil && (looksTown(column) || looksTown(name)) && !isPlaces(domainOf(g, values)) {
		c.fail(join(path, "column"), "the column says where somebody is more finely than by prefecture", mendFine)
	}
}

// isPersonal tells a value that names a person: an address, a telephone number.
//
// A number of ten digits is one, with whatever between them, but for a band and
// a span of days.
func isPersonal(folded string) bool {
	if personal.MatchString(folded) {
		return true
	}
	rest := withoutDays(folded)
	isBand := band.MatchString(folded) && !trunk.MatchString(folded)
	return !isBand && (hashLike(rest) || tenDigits.MatchString(rest))
}

// trunk is how a telephone number begins and no band does.
var trunk = regexp.MustCompile(`^0[0-9]`)

var tenDigits = regexp.MustCompile(`(\pN(ー|[^\pL\pN])*){10}`)

var personal = regexp.MustCompile(`[^@\s]@[^@\s]+\.|[0-9]{10}|^[0-9]{2,4}-[0-9]{2,4}-[0-9]{4}$`)

func (c *checker) values(path string, values []string) {
	if len(values) == 0 {
		c.fail(path, "must not be empty", "list the values")
	}
	if n := len(valueDomain(values)); n > MaxDomain {
		c.fail(path, fmt.Sprintf("has %d values with %s, more than %d", n, Unknown, MaxDomain), "group them")
	}
	seen := map[string]bool{}
	for i, v := range values {
		if folded := fold(v); folded == "" || len(v) > 256 {
			c.fail(item(path, i), "must be a short text", "write the value as the file holds it")
		} else if isPersonal(folded) {
			// Declared values stand in the record log, which holds no identifier.
			c.fail(item(path, i), "looks like an address or a number of a person", "a domain lists groups of people")
		} else if finePlace(folded) {
			c.fail(item(path, i), "is an address, a postcode or a position", mendFine)
		} else if seen[folded] {
			c.fail(item(path, i), "is the same value as an earlier one", "full and half width, and upper and lower case of A to Z, are one: keep one")
		} else {
			seen[folded] = true
		}
	}
}

// maxChannels is the bits that seal.Person has for them.
const maxChannels = 64

func (c *checker) channels(s *BaseSchema, used map[string]bool) {
	c.atMost("channels", len(s.Channels), maxChannels)
	names := make([]string, len(s.Channels))
	for i, ch := range s.Channels {
		path := item("channels", i)
		used[ch.Column] = true
		c.column(join(path, "column"), ch.Column)
		c.name(join(path, "channel"), ch.Channel)
		names[i] = ch.Channel
	}
	c.distinct("channels", names)
}

func (c *checker) drop(drop []string, used map[string]bool) {
	c.each("drop", drop, func(path, s string) {
		c.column(path, s)
		if used[s] {
			c.fail(path, "the column is used above", "drop it or use it")
		}
	})
}
