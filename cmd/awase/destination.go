package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// destination is what a file is loaded as: under terms, of a name.
type destination struct {
	name  string
	terms func() (wire.Terms, error)
}

// sealedError adds to the refusal of a sealed file which file it is and, where it
// was sealed for something else, for what: the desk's own words, which the room
// does not repeat.
func (d destination) sealedError(file *os.File, err error) error {
	refused, ok := errors.AsType[*entrustment.Error](err)
	if !ok || refused.Code != entrustment.CodeFile || refused.Clause != "DESIGN §5" {
		return err
	}
	out := *refused
	out.Field = filepath.Base(file.Name()) + " (" + refused.Field + ")"
	head, herr := seal.ReadHead(io.NewSectionReader(file, 0, 1<<22))
	terms, terr := d.terms()
	if herr != nil || terr != nil {
		return &out
	}
	is, want := head.Address, seal.Address{Entrustment: terms.Entrustment, Version: terms.Version, Party: terms.Party, Name: d.name}
	is.Upload = want.Upload
	if is == want {
		return &out
	}
	out.Detail = "it was sealed for " + destined(is) + ", and is loaded as " + destined(want)
	out.Mend = "load it as what it was sealed for, or seal it again for this"
	if is.Version != want.Version {
		if is.Version = want.Version; is == want {
			out.Mend = "the contract was amended since: print the terms anew with awase terms, and seal the file again by them"
		}
	}
	return &out
}

// destined says in words what an address is.
func destined(a seal.Address) string {
	under := " of " + entrustment.Quote(a.Entrustment) + " version " + thousands(int64(a.Version))
	own := a.Entrustment == seal.BaseEntrustment
	what := "the list " + entrustment.Quote(a.Name) + under
	switch {
	case a.Name == seal.EventsName && own:
		what = "the operator's own event log"
	case a.Name == seal.EventsName:
		what = "an event log" + under
	case own:
		what = "the base"
	}
	return what + " by " + entrustment.Quote(a.Party)
}
