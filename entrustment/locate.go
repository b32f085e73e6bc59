package entrustment

import (
	"errors"
	"strings"
)

// PlaceQuestion gives a refusal of a question its place in the file that the
// question was read from: file:line:column (path). A refusal of something else,
// or of what the file does not say, is given as it is.
func PlaceQuestion(file string, data []byte, err error) error {
	refused, ok := errors.AsType[*Error](err)
	if !ok || refused.Field == "" {
		return err
	}
	_, at, derr := decode[Question](file, data, SchemaReport)
	if derr != nil {
		return err
	}
	top := refused.Field
	if i := strings.IndexAny(top, ".["); i >= 0 {
		top = top[:i]
	}
	if _, ok := at.at[top]; !ok {
		return err
	}
	placed := *refused
	placed.Field = at.refuse(refused.Field, "", "").Field
	return &placed
}
