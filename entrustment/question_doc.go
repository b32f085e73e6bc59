package entrustment

import (
	"fmt"
	"strings"
)

// MaxConditions is the most nodes that a condition tree may have.
const MaxConditions = 256

// ParseQuestion reads spec.yaml. An unknown report and a malformed condition
// are CodeSpec: they are questions that can't be asked.
func ParseQuestion(file string, data []byte) (*Question, error) {
	q, at, err := decode[Question](file, data, SchemaReport)
	if err != nil {
		return nil, err
	}
	c := &checker{at: at}
	if err := knownReport("report", q.Report); err != nil {
		c.failAs(CodeSpec, "report", err.Detail, err.Mend)
	}
	c.id("entrustment", q.Entrustment)
	if q.Campaign != "" {
		c.id("campaign", q.Campaign)
	}
	switch {
	case OfCampaign(q.Report) && q.Campaign == "":
		c.failAs(CodeSpec, "campaign", fmt.Sprintf("a %s report is on a campaign", q.Report), "add campaign: and its id")
	case !OfCampaign(q.Report) && q.Campaign != "":
		c.failAs(CodeSpec, "campaign", fmt.Sprintf("a %s report is on no campaign", q.Report), "leave it out, or ask for "+strings.Join(ads[:], ", "))
	}
	if q.List != "" {
		c.name("list", q.List)
	}
	c.each("dims", q.Dims, c.name)
	c.each("measures", q.Measures, c.name)
	c.each("categories", q.Categories, c.name)
	if q.Sigma < 0 {
		c.fail("sigma", "must not be negative", "leave it out for the default")
	}
	if q.Window != nil {
		c.span("window.to", q.Window.From, q.Window.To)
	}
	if q.Recipient != "" {
		c.id("recipient", q.Recipient)
	}
	c.attribution(q)
	if q.Where != nil {
		if err := q.Where.check("where"); err != nil {
			c.failAs(err.Code, err.Field, err.Detail, err.Mend)
		}
	}
	return done(q, c)
}

func knownReport(path, name string) *Error {
	for _, r := range Reports() {
		if r == name {
			return nil
		}
	}
	return &Error{Code: CodeSpec, Field: path, Detail: echo(name) + " is not a report", Mend: meant(name, AnsweredReports()) + "this version has " + strings.Join(AnsweredReports(), ", ")}
}

// Walk calls visit for the condition and all it holds, parents first, in
// document order, and stops at the first error.
func (c *Condition) Walk(visit func(*Condition) error) error {
	return c.walk("", func(_ string, c *Condition) error { return visit(c) })
}

// walk is Walk that also gives each condition's path.
func (c *Condition) walk(path string, visit func(path string, c *Condition) error) error {
	if c == nil {
		return nil
	}
	if err := visit(path, c); err != nil {
		return err
	}
	for i := range c.All {
		if err := c.All[i].walk(item(join(path, "all"), i), visit); err != nil {
			return err
		}
	}
	for i := range c.Any {
		if err := c.Any[i].walk(item(join(path, "any"), i), visit); err != nil {
			return err
		}
	}
	return c.Not.walk(join(path, "not"), visit)
}

// check holds a condition tree against its grammar: exactly one key a node, one
// attribute in `in` and `between`, two bounds. Field is the path alone.
func (c *Condition) check(path string) *Error {
	nodes := 0
	var fault *Error
	// The walk ends at the fault, which is kept in its own type.
	_ = c.walk(path, func(path string, c *Condition) error {
		if nodes++; nodes > MaxConditions {
			fault = &Error{Code: CodeLimit, Field: path, Detail: fmt.Sprintf("the condition has more than %d parts", MaxConditions), Mend: "use in: with several values instead of any:"}
		} else {
			fault = c.checkNode(path)
		}
		if fault != nil {
			return fault
		}
		return nil
	})
	return fault
}

const conditionForms = "{all: […]}, {any: […]}, {not: …}, {in: {attribute: […]}}, {between: {attribute: [a, b]}}, {list: name}, {event: {category, at_least, within}}"

func (c *Condition) checkNode(path string) *Error {
	given := 0
	for _, is := range []bool{c.All != nil, c.Any != nil, c.Not != nil, c.In != nil, c.Between != nil, c.List != "", c.Event != nil} {
		if is {
			given++
		}
	}
	spec := func(path, detail, mend string) *Error {
		return &Error{Code: CodeSpec, Field: path, Detail: detail, Mend: mend}
	}
	switch {
	case given != 1:
		return spec(path, "a condition has exactly one key", "write one of "+conditionForms)
	case len(c.In) != 1 && c.In != nil:
		return spec(join(path, "in"), "names exactly one attribute", "join several with all: or any:")
	case len(c.Between) != 1 && c.Between != nil:
		return spec(join(path, "between"), "names exactly one attribute", "join several with all:")
	case c.Event != nil && c.Event.AtLeast < 1:
		return spec(join(path, "event.at_least"), "must be 1 or more", "use not: for none")
	}
	for a, values := range c.In {
		if len(values) == 0 {
			return spec(member(join(path, "in"), a), "lists no value", "list the values")
		}
	}
	for a, bounds := range c.Between {
		if len(bounds) != 2 {
			return spec(member(join(path, "between"), a), "takes two bounds", `write ["25-29", "40-44"]`)
		}
	}
	return nil
}
