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
	shown := *p
	shown.Accounts = nil
	for _, a := range p.Accounts {
		// An account that owes nothing for the question is not short of it, however
		// much was spent of it.
		if a.Due > 0 || p.Charged == 0 && a.Spent <= a.Limit {
			shown.Accounts = append(shown.Accounts, a)
		}
	}
	if err := render.Price(w, &shown, terminalOptions(w)); err != nil {
		return err
	}
	var err error
	switch {
	case p.Short != nil:
		_, err = fmt.Fprintf(w, "It can't be asked now: %s.\n  %s\n", p.Short.Detail, strings.ReplaceAll(p.Short.Mend, "; ", "\n  "))
	case p.Charged == 0 && p.Rho > 0:
		_, err = fmt.Fprintln(w, "It is paid for: asking it again costs nothing, whatever is left.")
	}
	return err
}
