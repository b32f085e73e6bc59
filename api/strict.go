package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// keyError is a key that a body may not have.
type keyError struct{ path, detail string }

func (e *keyError) Error() string { return e.path + ": " + e.detail }

// decodeStrict reads one JSON value into v. encoding/json takes a key in letters of
// any case, and the last of keys that are given twice: who checked a body before us
// may have read another one.
func decodeStrict(raw []byte, v any, keys bool) error {
	if deeper(raw, 32) {
		return &keyError{"body", "it is nested too deep"}
	}
	if !json.Valid(raw) || !utf8.Valid(raw) {
		return errors.New("it is no JSON")
	}
	if keys {
		if err := checkKeys(raw, reflect.TypeOf(v)); err != nil {
			return err
		}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the value")
	}
	return nil
}

// checkKeys refuses keys that are given twice, and those that a struct does not
// have in these letters.
func checkKeys(raw []byte, t reflect.Type) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return checkValue(dec, t, "")
}

func checkValue(dec *json.Decoder, t reflect.Type, path string) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	t = plainType(t)
	switch token {
	case json.Delim('['):
		for i := 0; dec.More(); i++ {
			if err := checkValue(dec, element(t), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		known, seen := fieldsOf(t), map[string]bool{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			if seen[name] {
				return &keyError{inside(path), "a key is given twice"}
			}
			seen[name] = true
			field, ok := known[name]
			if known != nil && !ok {
				return &keyError{inside(path), unknownKey(name, known)}
			}
			if known == nil {
				field, name = element(t), "…" // of a map: its keys are the asker's words
			}
			if err := checkValue(dec, field, strings.TrimPrefix(path+"."+name, ".")); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = dec.Token()
	return err
}

// unknownKey names a key that is not taken, where it is a plain word: one that holds
// digits or signs may be a value that somebody put in the place of a key. It lists
// those that are taken.
func unknownKey(name string, known map[string]reflect.Type) string {
	text := "it has a key that this operation does not take"
	if len(name) <= 32 && plainWord.MatchString(name) {
		text = "it has a key " + name + ", which this operation does not take"
	}
	takes := slices.Sorted(maps.Keys(known))
	if len(takes) == 0 {
		return text + ": it takes none here"
	}
	if more := len(takes) - keysNamed; more > 0 {
		takes = append(takes[:keysNamed], fmt.Sprintf("and %d more", more))
	}
	return text + ": it takes " + strings.Join(takes, ", ")
}

// keysNamed is how many keys a refusal lists.
const keysNamed = 24

var plainWord = regexp.MustCompile(`^[A-Za-z]+(_[A-Za-z]+){0,3}$`)

func inside(path string) string {
	if path == "" {
		return "its outermost object"
	}
	return path
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// plainType follows pointers; nil: the type reads its JSON itself, or any is good.
func plainType(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() == reflect.Interface || reflect.PointerTo(t).Implements(unmarshaler) {
		return nil
	}
	return t
}

// element gives the type of what a list or a map holds; nil: any.
func element(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return t.Elem()
	}
	return nil
}

// fieldsOf gives the keys of a struct's JSON; nil of what is none.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	out := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" || !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		out[name] = f.Type
	}
	return out
}

// deeper tells whether JSON nests deeper than n.
func deeper(raw []byte, n int) bool {
	depth, text := 0, false
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case text && b == '\\':
			i++
		case b == '"':
			text = !text
		case text:
		case b == '{' || b == '[':
			if depth++; depth > n {
				return true
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return false
}
