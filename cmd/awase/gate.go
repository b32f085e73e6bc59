package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"awase/enclave/wire"
)

func gateSet() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "set --vault V [-n] gate.yaml",
		Short: "Set the release gate's parameters, and say what that changes",
		Long: "Puts the document in the place of the one before, and says which parameters that changes. A key that it leaves out has its default, whatever the document before said: " +
			"awase gate show prints the gate in force as a gate.yaml to begin with.",
		Args: exactArgs("document"),
	}
	cmd.Flags().BoolVarP(&dry, "dry-run", "n", false, "say what would change; change nothing")
	withVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		name, data, err := document(args[0])
		if err != nil {
			return err
		}
		changes, err := e.GateChanges(cmd.Context(), name, data)
		if dry {
			if err != nil {
				return err
			}
			return answer(cmd, gateSaid{Changes: changes}, func(w io.Writer) error {
				_, err := io.WriteString(w, gateChanges(changes)+"nothing was set\n")
				return err
			})
		}
		// What is refused is refused, and logged, by the act itself.
		ack, err := e.SetGate(cmd.Context(), name, data)
		if err != nil {
			return err
		}
		return answerExact(cmd, gateSaid{&ack, changes}, func(w io.Writer) error {
			if err := sayAck(w, "gate", ack); err != nil {
				return err
			}
			_, err := io.WriteString(w, gateChanges(changes))
			return err
		})
	})
	open := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dir := cmd.Flag("vault").Value.String(); dry && dir != "" { // which makes nothing, nor a vault
			if err := wantVault(dir); err != nil {
				return err
			}
		}
		return open(cmd, args)
	}
	return cmd
}

// gateSaid is what awase gate set prints as JSON.
type gateSaid struct {
	Set     *wire.Ack         `json:"set,omitempty"` // absent: nothing was set
	Changes []wire.GateChange `json:"changes"`
}

// gateChanges says in words what becomes of each parameter.
func gateChanges(changes []wire.GateChange) string {
	if len(changes) == 0 {
		return "  no parameter changes\n"
	}
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&b, "  %s %s -> %s\n", c.Key, gateValue(c.From), gateValue(c.To))
	}
	return b.String()
}

func gateValue(s wire.GateSetting) string {
	if s.Default {
		return s.Value + " (default)"
	}
	return s.Value
}

func gateShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show --vault V [--json]",
		Short: "Show the gate in force, as a gate.yaml",
		Args:  exactArgs(),
	}
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		g, err := e.Gate(cmd.Context())
		if err != nil {
			return err
		}
		return answer(cmd, g, func(w io.Writer) error {
			_, err := io.WriteString(w, gateDocument(g))
			return err
		})
	})
}

// gateDocument writes the gate in force as a gate.yaml that says the same.
func gateDocument(g *wire.Gate) string {
	var b strings.Builder
	if g.Version == 0 {
		b.WriteString("# the gate in force: no gate.yaml was set, so every key has its default\n")
	} else {
		fmt.Fprintf(&b, "# the gate in force: version %d, log entry %d\n", g.Version, g.Seq)
	}
	b.WriteString("schema: awase.gate/v1\n")
	within := ""
	for _, s := range g.Settings {
		name, member, nested := strings.Cut(s.Key, ".")
		if nested {
			if name != within {
				fmt.Fprintf(&b, "%s:\n", name)
			}
			within, name = name, "  "+member
		}
		text := name + ": " + s.Value
		if s.Default {
			text = fmt.Sprintf("%-28s # default", text)
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}
