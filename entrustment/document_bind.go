package entrustment

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// binder puts a document's nodes into Go values and remembers their places.
type binder struct{ at *places }

// selfBinder is a type with a form of its own: a scalar or a mapping.
type selfBinder interface {
	bindNode(b *binder, n *node, path string) *Error
}

// enum is a string type that takes a few values alone.
type enum interface{ Allowed() []string }

func (b *binder) bind(v reflect.Value, n *node, path string) *Error {
	b.at.set(path, n.place)
	switch p := v.Addr().Interface().(type) {
	case selfBinder:
		return p.bindNode(b, n, path)
	case *time.Duration:
		d, err := time.ParseDuration(n.text)
		if n.kind != scalarNode || err != nil {
			return b.at.refuse(path, "must be a span of time", "write it like 5s or 1m30s")
		}
		*p = d
		return nil
	case encoding.TextUnmarshaler:
		return b.bindText(p, n, path)
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if err := b.bind(p.Elem(), n, path); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case reflect.Struct:
		return b.bindStruct(v, n, path)
	case reflect.Map:
		return b.bindMap(v, n, path)
	case reflect.Slice:
		return b.bindSlice(v, n, path)
	}
	return b.bindScalar(v, n, path)
}

// bindInto binds a mapping into *p, a struct.
func (b *binder) bindInto(p any, n *node, path string) *Error {
	return b.bindStruct(reflect.ValueOf(p).Elem(), n, path)
}

func (b *binder) wrongKind(n *node, path, want string) *Error {
	return b.at.refuse(path, "must be "+want+", and is "+n.kind.String(), "write "+want)
}

func (b *binder) bindText(p encoding.TextUnmarshaler, n *node, path string) *Error {
	if n.kind != scalarNode {
		return b.wrongKind(n, path, "a single value")
	}
	if err := p.UnmarshalText([]byte(n.text)); err != nil {
		detail := err.Error()
		_, own := p.(interface{ fromDocument() })
		if !own && n.text != "" && strings.Contains(detail, n.text) {
			detail = "the value can't be read" // some types repeat what they were given
		}
		return b.at.refuse(path, detail, "correct the value")
	}
	return nil
}

func (b *binder) bindStruct(v reflect.Value, n *node, path string) *Error {
	if n.kind != mapNode {
		return b.wrongKind(n, path, "a mapping")
	}
	fields := fieldsOf(v.Type())
	for i, k := range n.keys {
		f := slices.IndexFunc(fields, func(f field) bool { return f.name == k.text })
		if f < 0 {
			names := make([]string, len(fields))
			for i := range fields {
				names[i] = fields[i].name
			}
			b.at.set(path, k.place)
			return b.at.refuse(path, "the key "+echo(k.text)+" is not known here", "allowed: "+strings.Join(names, ", "))
		}
		sub := join(path, k.text)
		b.at.set(sub, k.place)
		if n.items[i].kind == nullNode {
			continue
		}
		if err := b.bind(v.Field(fields[f].index), n.items[i], sub); err != nil {
			return err
		}
	}
	for _, f := range fields {
		kid := n.get(f.name)
		sub := join(path, f.name)
		if f.need != "" && (kid == nil || kid.kind == nullNode) {
			return b.at.refuse(sub, "required key "+echo(f.name)+" is missing", "add it")
		}
		if f.need == "value" && isEmpty(v.Field(f.index)) {
			return b.at.refuse(sub, "must not be empty", "give a value")
		}
	}
	return nil
}

// isEmpty tells an empty string, list or mapping, or a zero Date or span.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

func (b *binder) bindSlice(v reflect.Value, n *node, path string) *Error {
	if n.kind != seqNode {
		return b.wrongKind(n, path, "a list")
	}
	s := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, kid := range n.items {
		if err := b.bindItem(s.Index(i), kid, item(path, i)); err != nil {
			return err
		}
	}
	v.Set(s)
	return nil
}

func (b *binder) bindMap(v reflect.Value, n *node, path string) *Error {
	if n.kind != mapNode {
		return b.wrongKind(n, path, "a mapping")
	}
	m := reflect.MakeMapWithSize(v.Type(), len(n.keys))
	for i, k := range n.keys {
		name := reflect.New(v.Type().Key()).Elem()
		sub := member(path, k.text)
		if err := b.bindItem(name, &node{kind: scalarNode, text: k.text, place: k.place, quoted: true}, sub); err != nil {
			return err
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if err := b.bindItem(value, n.items[i], sub); err != nil {
			return err
		}
		m.SetMapIndex(name, value)
	}
	v.Set(m)
	return nil
}

// bindItem binds a member of a list or mapping, which can't be left out.
func (b *binder) bindItem(v reflect.Value, n *node, path string) *Error {
	if n.kind == nullNode {
		b.at.set(path, n.place)
		return b.at.refuse(path, "must not be empty", "give a value or take the entry out")
	}
	if err := b.bind(v, n, path); err != nil {
		return err
	}
	if v.Kind() == reflect.String && v.Len() == 0 {
		return b.at.refuse(path, "must not be empty", "give a value or take the entry out")
	}
	return nil
}

func (b *binder) bindScalar(v reflect.Value, n *node, path string) *Error {
	if n.kind != scalarNode {
		return b.wrongKind(n, path, "a single value")
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.text)
		if e, ok := v.Interface().(enum); ok && n.text != "" && !slices.Contains(e.Allowed(), n.text) {
			return b.at.refuse(path, echoNear(n.text, e.Allowed())+" is not a value of this key", "allowed: "+strings.Join(e.Allowed(), ", "))
		}
		return nil
	case reflect.Bool:
		if n.quoted || n.text != "true" && n.text != "false" {
			return b.at.refuse(path, "must be true or false", "write true or false, without quotes")
		}
		v.SetBool(n.text == "true")
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.text, 10, v.Type().Bits())
		if n.quoted || err != nil {
			return b.at.refuse(path, "must be a whole number", "write digits alone, without quotes")
		}
		v.SetInt(i)
		return nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(n.text, 10, v.Type().Bits())
		if n.quoted || err != nil {
			return b.at.refuse(path, "must be a whole number, not negative", "write digits alone, without quotes")
		}
		v.SetUint(u)
		return nil
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.text, v.Type().Bits())
		if n.quoted || err != nil || f-f != 0 || strings.ContainsAny(n.text, "xXpP_") { // f-f: not ∞, not NaN
			return b.at.refuse(path, "must be a decimal number", "write it like 0.25 or 1e-8, without quotes")
		}
		v.SetFloat(f)
		return nil
	}
	return b.at.refuse(path, fmt.Sprintf("a document can't hold a %s", v.Type()), "this is a fault of the program")
}

// field is a struct field as a document names it.
type field struct {
	name  string
	need  string // "", "key" or "value"
	index int
}

func fieldsOf(t reflect.Type) []field {
	out := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		out = append(out, field{name, f.Tag.Get("need"), i})
	}
	return out
}
