package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
)

// toDestroy is what the end of an entrustment destroys, as -n prints it.
type toDestroy struct {
	Entrustment string        `json:"entrustment"`
	Version     int           `json:"version"`
	State       string        `json:"state"`
	EndedAt     string        `json:"ended_at,omitempty"`
	Destroys    []wire.Expiry `json:"destroys"`
}

func entrustmentEnd() *cobra.Command {
	var keyFile string
	var dry, yes bool
	cmd := &cobra.Command{
		Use:   "end --vault V [--key KEYFILE] [-n | --yes] ID",
		Short: "End an entrustment for good, and destroy its data",
		Long: "Nothing new is taken under it, questions under way are answered first, and then its lists, event logs and stored reports are destroyed: their data key is thrown away, " +
			"their files are removed, and the vault key is replaced, so that no old copy of the vault opens them with the key in use. What was spent of budgets stays spent. " +
			"It can't be undone: on a terminal it says what goes, and asks for the id once more; anywhere else it takes --yes. Run again it finishes what was left, and says how things stand. " +
			"An officer of its principal or its trustee signs for it, but in a dev vault.",
		Args: exactArgs("ID"),
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "the officer's private key: the `file` that awase officer key wrote")
	cmd.Flags().BoolVarP(&dry, "dry-run", "n", false, "say what would be destroyed, and destroy nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "end it without asking, as a script does")
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		id := args[0]
		if dry && yes {
			return usageError{errors.New("-n destroys nothing: leave --yes out")}
		}
		in, err := e.Entrustment(cmd.Context(), id)
		if err != nil {
			return err
		}
		over := wire.Over(in.State)
		if dry {
			what, err := endingOf(cmd, e, &in)
			if err != nil {
				return err
			}
			return answer(cmd, what, func(w io.Writer) error { return sayEnding(w, what) })
		}
		var by wire.ByOfficer
		if !over { // else nobody signs any more
			if by, err = signAct(cmd.Context(), e, "end", id, keyFile); err != nil {
				return err
			}
			if !yes {
				if err := asksToEnd(cmd, e, &in); err != nil {
					return err
				}
			}
		}
		raw, err := e.EndEntrustment(cmd.Context(), id, by)
		if err != nil {
			return err
		}
		c, err := receipt.VerifyDestruction(raw, nil)
		if err != nil {
			return fmt.Errorf("the certificate: %w", err)
		}
		if asJSON(cmd) {
			return answerJSON(cmd, raw, nil)
		}
		what := "entrustment " + c.Entrustment
		if over {
			what += " ended already, and nobody has to sign for that"
		}
		sayDestruction(cmd, what, c)
		say(cmd, "  awase entrustment certificate %s prints the certificate, for awase verify", c.Entrustment)
		return nil
	})
}

// endingOf tells what the end of an entrustment would destroy.
func endingOf(cmd *cobra.Command, e wire.Enclave, in *wire.EntrustmentInfo) (*toDestroy, error) {
	out := &toDestroy{in.ID, in.Version, in.State, in.EndedAt, []wire.Expiry{}}
	if wire.Over(in.State) {
		return out, nil
	}
	things, err := e.Retention(cmd.Context(), in.ID)
	if err != nil {
		return nil, err
	}
	out.Destroys = append(out.Destroys, things...)
	return out, nil
}

func sayEnding(w io.Writer, of *toDestroy) error {
	if wire.Over(of.State) {
		_, err := fmt.Fprintf(w, "entrustment %s ended already, at %s; awase entrustment certificate shows what was destroyed\n", plain(of.Entrustment), japan(of.EndedAt))
		return err
	}
	var lists, logs, reports, deliveries []string
	for _, x := range of.Destroys {
		switch x.What {
		case "list":
			lists = append(lists, plain(x.Name))
		case "events":
			logs = append(logs, plain(x.Party))
		case "delivery":
			deliveries = append(deliveries, plain(x.Name))
		default:
			reports = append(reports, plain(x.Party))
		}
	}
	also := ""
	if len(deliveries) > 0 {
		also = "  " + howMany(deliveries, "delivery", "deliveries") + ", and who was delivered to: close those campaigns first, or nobody is taken off at the receiver\n"
	}
	_, err := fmt.Fprintf(w, "the end of the entrustment %s, version %d (%s), destroys for good:\n  %s\n  %s\n  %s\n%s  and its data key; the vault key is replaced. Nobody can undo it\n",
		plain(of.Entrustment), of.Version, of.State, howMany(lists, "list", "lists"), howMany(logs, "event log", "event logs"), howMany(reports, "stored report", "stored reports"), also)
	return err
}

// howMany says how many there are, and which or whose.
func howMany(of []string, one, many string) string {
	n := entrustment.Count(int64(len(of)), one, many)
	if len(of) == 0 {
		return n
	}
	var names []string
	times := map[string]int{}
	for _, name := range of {
		if times[name]++; times[name] == 1 {
			names = append(names, name)
		}
	}
	for i, name := range names {
		if times[name] > 1 {
			names[i] = fmt.Sprintf("%s × %d", name, times[name])
		}
	}
	return n + ": " + strings.Join(names, ", ")
}

// asksToEnd says on a terminal what goes, and has the id typed.
func asksToEnd(cmd *cobra.Command, e wire.Enclave, in *wire.EntrustmentInfo) error {
	if f, ok := cmd.InOrStdin().(interface{ Fd() uintptr }); !ok || !term.IsTerminal(int(f.Fd())) {
		return usageError{fmt.Errorf("the end of %s destroys its data for good, and nobody is at a terminal to be asked: say --yes, or -n to see what would be destroyed", in.ID)}
	}
	what, err := endingOf(cmd, e, in)
	if err != nil {
		return err
	}
	w := cmd.ErrOrStderr()
	if err := sayEnding(w, what); err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, "type its id to end it: "); err != nil {
		return err
	}
	typed, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading what was typed: %w", err)
	}
	if strings.TrimSpace(typed) != in.ID {
		return errors.New("it is not its id: nothing is ended, and nothing destroyed")
	}
	return nil
}
