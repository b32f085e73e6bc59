package matcher

import (
	"fmt"

	"awase/entrustment"
)

const (
	maxCodes = 1 << 8    // values in the domain of a column: a code is one byte
	maxRows  = 1<<32 - 1 // rows or clusters: ids are 32 bits, the last means none
)

// checkColumns gives an error unless every column has a name of its own and a
// domain of 1 to 256 distinct values.
func checkColumns(columns []Column) error {
	names := make(map[string]bool, len(columns))
	for i, c := range columns {
		field := fmt.Sprintf("columns[%d]", i)
		if c.Name == "" {
			return badSpec(field, "column has no name")
		}
		if names[c.Name] {
			return badSpec(field, fmt.Sprintf("column %q is declared twice", c.Name))
		}
		names[c.Name] = true
		if len(c.Domain) == 0 || len(c.Domain) > maxCodes {
			return badSpec(field, fmt.Sprintf("domain of %q has %d values; it may have 1 to %d", c.Name, len(c.Domain), maxCodes))
		}
		values := make(map[string]bool, len(c.Domain))
		for _, v := range c.Domain {
			if values[v] {
				return badSpec(field, fmt.Sprintf("domain of %q declares a value twice", c.Name))
			}
			values[v] = true
		}
	}
	return nil
}

// cloneColumns copies columns so that a segment shares nothing with its maker.
func cloneColumns(columns []Column) []Column {
	out := make([]Column, len(columns))
	for i, c := range columns {
		out[i] = Column{Name: c.Name, Domain: append([]string(nil), c.Domain...)}
	}
	return out
}

// checkRow gives an error unless the codes and kinds of a row are declared.
func checkRow(columns []Column, codes []uint8, tokens []KindToken) error {
	if len(codes) != len(columns) {
		return &entrustment.Error{Code: entrustment.CodeDomain, Field: "columns",
			Detail: fmt.Sprintf("row has %d codes for %d columns", len(codes), len(columns))}
	}
	for i, code := range codes {
		if int(code) >= len(columns[i].Domain) {
			return &entrustment.Error{Code: entrustment.CodeDomain, Field: fmt.Sprintf("column %q", columns[i].Name),
				Detail: "code is outside the declared domain"}
		}
	}
	for i := range tokens {
		if tokens[i].Kind >= Kinds {
			return &entrustment.Error{Code: entrustment.CodeDomain, Field: "identifiers",
				Detail: "unknown kind of identifier"}
		}
	}
	return nil
}

// columnNamed is the position of a column, or -1.
func columnNamed(columns []Column, name string) int {
	for i := range columns {
		if columns[i].Name == name {
			return i
		}
	}
	return -1
}
