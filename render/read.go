package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"awase/enclave/wire"
	"awase/entrustment"
)

// ReadRelease reads a release as Write writes it in JSON. A document with a
// member that no release has, with more behind it, or that contradicts itself, is
// refused: what people are shown of it would be another thing than it says. Who
// made it is not looked at; that is crypto/receipt's part.
func ReadRelease(doc []byte) (*wire.Release, error) {
	refused := func(detail string) error {
		return &entrustment.Error{Code: entrustment.CodeFile, Detail: detail, Mend: "name a report.json as it came"}
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	r := new(wire.Release)
	if err := d.Decode(r); err != nil {
		return nil, refused("it is not a release in JSON: " + plain(reason(err)))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, refused("there is something behind the release")
	}
	if r.Schema != wire.ReleaseSchema {
		return nil, refused(fmt.Sprintf("its schema is not %s", wire.ReleaseSchema))
	}
	if err := check(r); err != nil {
		return nil, refused("the release contradicts itself: " + plain(err.Error()))
	}
	return r, nil
}

// reason says where JSON went wrong, and not what stood there.
func reason(err error) string {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("byte %d", e.Offset)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("byte %d is of the wrong kind", e.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	return "a member that no release has"
}
