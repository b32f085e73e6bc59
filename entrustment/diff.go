package entrustment

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Effect is what a change of a contract does to what may leave under it.
type Effect string

// The effects.
const (
	Widens  Effect = "widens"  // more may leave, of more people, to more parties, or for longer
	Narrows Effect = "narrows" // less may
	Either  Effect = "either"  // it depends on what the words mean: read it
	Neither Effect = "neither" // nothing of it is decided by this
)

// Change is one difference between two contracts. Of a list, each member that was
// added or taken out is one, and so is another order of the same members.
type Change struct {
	// Path is the field as documents name it; of a basis and a country with the party:
	// attributes, retention.lists, basis[acme].until.
	Path   string `json:"path"`
	Before string `json:"before"` // as the document writes it; "" of what was not there
	After  string `json:"after"`
	Effect Effect `json:"effect"`
	// Text says it for people.
	Text Words `json:"text"`
}

// Words are the same in Japanese and English.
type Words struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// Diff gives the changes from before to after, in the order of the contract's fields. It is empty
// where both say the same; a nil before is a contract of which nothing was agreed.
func Diff(before, after *Contract) []Change {
	if before == nil {
		before = &Contract{}
	}
	d := differ{changes: []Change{}}
	d.fields("", "", reflect.ValueOf(*before), reflect.ValueOf(*after), 0)
	return d.changes
}

type differ struct{ changes []Change }

// change notes one. rule is the field's name without parties.
func (d *differ) change(path, rule, before, after string, effect Effect) {
	c := Change{Path: path, Before: before, After: after, Effect: effect}
	c.Text = c.words(clauses[rule].name)
	d.changes = append(d.changes, c)
}

// fields compares two structs of the same type, from a field on.
func (d *differ) fields(path, rule string, before, after reflect.Value, from int) {
	for i := from; i < before.NumField(); i++ {
		name, _, _ := strings.Cut(before.Type().Field(i).Tag.Get("json"), ",")
		d.values(join(path, name), join(rule, name), before.Field(i), after.Field(i))
	}
}

func (d *differ) values(path, rule string, before, after reflect.Value) {
	if _, text := before.Interface().(encoding.TextMarshaler); !text {
		switch before.Kind() {
		case reflect.Struct:
			d.fields(path, rule, before, after, 0)
			return
		case reflect.Slice:
			if before.Type().Elem().Kind() == reflect.Struct {
				d.keyed(path, rule, entries(before), entries(after), 1)
			} else {
				d.members(path, rule, texts(before), texts(after))
			}
			return
		case reflect.Map:
			d.keyed(path, rule, entries(before), entries(after), 0)
			return
		}
	}
	if before.Equal(after) {
		return
	}
	d.change(path, rule, asWritten(before), asWritten(after), clauses[rule].effect(before, after))
}

// members compares lists of words.
func (d *differ) members(path, rule string, before, after []string) {
	gone, added := without(before, after), without(after, before)
	for _, s := range gone {
		d.change(path, rule, s, "", clauses[rule].removed)
	}
	for _, s := range added {
		d.change(path, rule, "", s, clauses[rule].added)
	}
	if len(gone)+len(added) == 0 && !slices.Equal(before, after) {
		d.change(path, rule, strings.Join(before, ", "), strings.Join(after, ", "), clauses[rule].order)
	}
}

// entry is a struct of a list or a map, with what names it.
type entry struct {
	key   string
	value reflect.Value
}

// keyed compares lists and maps of structs, whose fields before from are their names.
func (d *differ) keyed(path, rule string, before, after []entry, from int) {
	keys := func(es []entry) (out []string) {
		for _, e := range es {
			out = append(out, e.key)
		}
		return out
	}
	for _, e := range before {
		i := slices.IndexFunc(after, func(o entry) bool { return o.key == e.key })
		if i < 0 {
			d.change(path, rule, e.key, "", clauses[rule].removed)
			continue
		}
		d.fields(path+"["+e.key+"]", rule+"[]", e.value, after[i].value, from)
	}
	for _, e := range after {
		if slices.ContainsFunc(before, func(o entry) bool { return o.key == e.key }) {
			continue
		}
		d.change(path, rule, "", e.key, clauses[rule].added)
		d.fields(path+"["+e.key+"]", rule+"[]", reflect.Zero(e.value.Type()), e.value, from)
	}
	if b, a := keys(before), keys(after); len(without(b, a))+len(without(a, b)) == 0 && !slices.Equal(b, a) {
		d.change(path, rule, strings.Join(b, ", "), strings.Join(a, ", "), clauses[rule].order)
	}
}

// entries gives the structs of a list, named by their first field, the party, or of
// a map, in the order of its keys. A party's second entry, which documents may not
// have, is named apart.
func entries(v reflect.Value) (out []entry) {
	if v.Kind() == reflect.Map {
		for _, k := range v.MapKeys() {
			out = append(out, entry{k.String(), v.MapIndex(k)})
		}
		slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.key, b.key) })
		return out
	}
	seen := map[string]int{}
	for i := range v.Len() {
		key := v.Index(i).Field(0).String()
		if seen[key]++; seen[key] > 1 {
			key = fmt.Sprintf("%s#%d", key, seen[key])
		}
		out = append(out, entry{key, v.Index(i)})
	}
	return out
}

// texts writes a list of words.
func texts(v reflect.Value) (out []string) {
	for i := range v.Len() {
		out = append(out, v.Index(i).String())
	}
	return out
}

// without gives what of a list another does not have, as often as it has more.
func without(list, other []string) (out []string) {
	left := map[string]int{}
	for _, s := range other {
		left[s]++
	}
	for _, s := range list {
		if left[s]--; left[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}

// asWritten writes a value as documents do: "" of one that is not given.
func asWritten(v reflect.Value) string {
	if v.Kind() == reflect.Bool {
		return fmt.Sprint(v.Bool())
	}
	if v.IsZero() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}
