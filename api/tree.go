package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// tree is a part of the contract, its keys in the order of the file: the page is to
// read like it.
type tree struct{ value any }

func readTree(raw []byte) (t tree, err error) {
	err = yaml.UnmarshalWithOptions(raw, &t.value, yaml.UseOrderedMap())
	return t, err
}

func (t tree) get(key string) tree {
	m, _ := t.value.(yaml.MapSlice)
	for _, item := range m {
		if fmt.Sprint(item.Key) == key {
			return tree{item.Value}
		}
	}
	return tree{}
}

// at follows a reference: #/components/schemas/Id.
func (t tree) at(ref string) tree {
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		t = t.get(part)
	}
	return t
}

func (t tree) keys() (out []string) {
	m, _ := t.value.(yaml.MapSlice)
	for _, item := range m {
		out = append(out, fmt.Sprint(item.Key))
	}
	return out
}

func (t tree) list() (out []tree) {
	l, _ := t.value.([]any)
	for _, v := range l {
		out = append(out, tree{v})
	}
	return out
}

// text gives a scalar as it is written; "" of none.
func (t tree) text() string {
	switch v := t.value.(type) {
	case nil, yaml.MapSlice, []any:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(t.value)
}

func (t tree) texts() (out []string) {
	for _, v := range t.list() {
		out = append(out, v.text())
	}
	return out
}

// set gives the tree with a key of another value; t stays as it is.
func (t tree) set(key string, value any) tree {
	m, _ := t.value.(yaml.MapSlice)
	m = slices.Clone(m)
	for i := range m {
		if fmt.Sprint(m[i].Key) == key {
			m[i].Value = value
			return tree{m}
		}
	}
	return tree{append(m, yaml.MapItem{Key: key, Value: value})}
}

// drop gives the tree without a key.
func (t tree) drop(key string) tree {
	m, _ := t.value.(yaml.MapSlice)
	return tree{slices.DeleteFunc(slices.Clone(m), func(item yaml.MapItem) bool { return fmt.Sprint(item.Key) == key })}
}

// add gives the tree with a value more in the list of a key.
func (t tree) add(key string, value any) tree {
	l, _ := t.get(key).value.([]any)
	return t.set(key, append(slices.Clone(l), value))
}

// has tells whether the list of a key holds a value.
func (t tree) has(key string, value any) bool {
	return slices.ContainsFunc(t.get(key).list(), func(v tree) bool { return reflect.DeepEqual(v.value, value) })
}

// json writes the tree.
func (t tree) json() ([]byte, error) {
	var b bytes.Buffer
	if err := t.write(&b); err != nil {
		return nil, err
	}
	return append(b.Bytes(), '\n'), nil
}

func (t tree) write(b *bytes.Buffer) error {
	switch v := t.value.(type) {
	case yaml.MapSlice:
		b.WriteByte('{')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := (tree{fmt.Sprint(item.Key)}).write(b); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := (tree{item.Value}).write(b); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, one := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := (tree{one}).write(b); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		b.Write(raw)
	}
	return nil
}
