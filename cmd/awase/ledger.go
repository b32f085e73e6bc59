package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/render"
)

func ledger() *cobra.Command {
	var req wire.LedgerRequest
	var all bool
	cmd := &cobra.Command{
		Use:   "ledger --vault V [--group G | --all] [--json]",
		Short: "The privacy budgets: what spent what, what is left, and when it comes back",
		Long: "Shows every account (a recipient group about the users of one party), what is spent and left of it in 30 and in 365 days, " +
			"and each charge with the moment at which it slides out of the window. Without --group it is the privacy officer's view: all groups, their accounts together, and alarms. " +
			"Over the network it is one's own group's, and --all is for the operator's privacy officers and auditors.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&req.Group, "group", "", "what this recipient `group` may see")
	cmd.Flags().BoolVar(&all, "all", false, "the officer's view: all groups, and alarms")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		if all && req.Group != "" {
			return usageError{fmt.Errorf("--all and --group contradict each other")}
		}
		_, network := e.(*client.Room)
		req.Officer = all || req.Group == "" && !network
		l, err := e.Ledger(cmd.Context(), req)
		if err != nil {
			return err
		}
		return answer(cmd, l, func(w io.Writer) error { return render.Ledger(w, l, terminalOptions(w)) })
	})
}

func reserve() *cobra.Command {
	var spec, name, until string
	var free bool
	cmd := &cobra.Command{
		Use:   "reserve --vault V (--name N --spec spec.yaml --until DATE | --free --name ENTRUSTMENT/N)",
		Short: "Hold the price of a question, to ask it later",
		Long: "Holds what a question costs until the end of a day, so that what is asked in between can't use it up; awase report --reserved ENTRUSTMENT/N asks it. " +
			"What is held is not spent: it comes back with --free, or with the day.",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&name, "name", "", "the reservation's `name`; with --free, the entrustment's id and a slash before it")
	cmd.Flags().StringVar(&spec, "spec", "", "spec.yaml: the question")
	cmd.Flags().StringVar(&until, "until", "", "the last `day` on which it is held: 2026-12-31")
	cmd.Flags().BoolVar(&free, "free", false, "give it up")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		switch {
		case name == "":
			return usageError{fmt.Errorf("name the reservation with --name")}
		case free && (spec != "" || until != ""), !free && (spec == "" || until == ""):
			return usageError{fmt.Errorf("write --spec and --until to hold, or --free to give up")}
		case free:
			r, err := e.Free(cmd.Context(), name)
			if err != nil {
				return err
			}
			word := "given up"
			if !r.Changed {
				word = "had run out already"
			}
			return answer(cmd, r, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "reservation %s: %s\n", r.Name, word)
				return err
			})
		}
		day, err := entrustment.ParseDate(until)
		if err != nil {
			return usageError{fmt.Errorf("--until: %w", err)}
		}
		q, place, err := readSpec(spec)
		if err != nil {
			return err
		}
		r, err := e.Reserve(cmd.Context(), wire.ReserveRequest{Name: name, Question: q, Until: day})
		if err != nil {
			return place(err)
		}
		word := "held"
		if !r.Changed {
			word = "held already"
		}
		return answer(cmd, r, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "reservation %s: rho %g %s until the end of %s; awase report --reserved %s asks it\n", r.Name, r.Rho, word, day, r.Name)
			return err
		})
	})
}

func acceptClock() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "accept-clock --vault V",
		Short: "Believe the machine's clock after it jumped",
		Long: "A budget slides back with time, so the vault does not follow a wall clock that jumps by more than a day: outside development it releases nothing new until the jump is accepted. " +
			"Set the machine's clock right first.",
		Args: exactArgs(),
	}
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		s, err := e.AcceptClock(cmd.Context())
		if err != nil {
			return err
		}
		return answerExact(cmd, s, func(w io.Writer) error {
			switch {
			case s.Waits != nil:
				waits(w, "clock", s.Waits)
			case s.Accepted == nil:
				_, err = fmt.Fprintf(w, "clock: nothing waits to be accepted; the vault's time is %s\n", japan(s.Now))
			default:
				_, err = fmt.Fprintf(w, "clock: accepted, from %s to %s, log entry %d\n", japan(s.Accepted.From), japan(s.Now), s.Seq)
			}
			return err
		})
	})
}
