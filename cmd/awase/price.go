package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"

	"awase/enclave/wire"
	"awase/render"
)

// showPrice writes what a question costs, and, where it does not fit now, what
// does. Of a reservation it writes the question first.
func showPrice(w io.Writer, reservation string, p *wire.Price) error {
	if p.Question != nil {
		text, err := yaml.Marshal(p.Question)
		if err != nil {
			return fmt.Errorf("writing the question: %w", err)
		}
		if _, err := fmt.Fprintf(w, "%s holds this question, and its price:\n  %s\n", reservation, strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n  ")); err != nil {
			return err
		}
	}
	if err := render.Price(w, p, terminalOptions(w)); err != nil {
		return err
	}
	for _, why := range []*wire.Short{p.Stopped, p.Short} {
		if why == nil {
			continue
		}
		if _, err := fmt.Fprintf(w, "It can't be asked now: %s.\n  %s\n", why.Detail, strings.ReplaceAll(why.Mend, "; ", "\n  ")); err != nil {
			return err
		}
	}
	if p.Short == nil && p.Charged == 0 && p.Rho > 0 {
		_, err := fmt.Fprintln(w, "It is paid for: asking it again costs nothing, whatever is left.")
		return err
	}
	return nil
}
