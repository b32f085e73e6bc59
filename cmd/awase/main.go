// Command awase is the clean room: one binary for its operator, its clients
// and the people who check it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	// A reader that closes its end early (| head) fails a write, and does not kill
	// the process in the middle of an act.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError is a command line that says nothing to do: exit status 2.
type usageError struct{ error }

// run runs one command line. It gives the exit status: 0 done, 1 refused or
// failed, 2 not understood, 3 the process can't be confined, 4 it could not begin to serve, 130 interrupted.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	shown := &screen{Writer: out}
	root.SetOut(shown)
	root.SetErr(errOut)
	addCompletion(root)
	cmd, err := root.ExecuteContextC(ctx)
	// Who closed the pipe had read enough; a file that could not be written is
	// another matter.
	if err == nil || shown.closed != nil && errors.Is(err, shown.closed) {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	code := statusOf(err)
	sayRefused(errOut, wantsJSON(cmd, args), code, err)
	return code
}

var errInterrupted = errors.New("interrupted. What was acknowledged stands, the rest did not happen; run the same command again (a question that was charged is not charged twice)")

// statusOf gives the exit status of a command that failed.
func statusOf(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	if _, ok := errors.AsType[*startError](err); ok && !notConfined(err) {
		return statusNotServing
	}
	switch {
	case errors.Is(err, errInterrupted):
		return statusInterrupted
	case notConfined(err):
		return statusUnconfined
	}
	return 1
}

// screen is standard output. It keeps the error by which its reader went away.
type screen struct {
	io.Writer
	closed error
}

// fileOf gives the file that is written to, where it is one.
func fileOf(w io.Writer) (*os.File, bool) {
	if s, ok := w.(*screen); ok {
		w = s.Writer
	}
	f, ok := w.(*os.File)
	return f, ok
}

// errClosed is that the reader of standard output went away.
type errClosed struct{ error }

func (e errClosed) Unwrap() error { return e.error }

// Write writes p.
func (s *screen) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		s.closed = &errClosed{err}
		err = s.closed
	}
	return n, err
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "awase",
		Short:         "A clean room for advertising audiences",
		Long:          "Awase matches one company's user list with another's users. Only noised aggregates that passed the release gate come out.",
		Version:       thisBuild().String(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(
		group("party", "Parties of the room", partyAdd()),
		group("policy", "Versions of the operator's privacy policy", policyAdd(), policyShow()),
		group("gate", "Parameters of the release gate", gateSet(), gateShow()),
		group("base", "The operator's identity base", baseLoad(), baseList()),
		entrust(),
		evidenceCommand(), incidentCommand(),
		group("entrustment", "What changed of an entrustment, and its end", entrustmentDiff(), entrustmentEnd(), entrustmentCertificate()),
		group("list", "Lists uploaded under an entrustment", listLoad(), listCheck()),
		group("events", "Event logs", eventsLoad(), eventsList()),
		report(),
		renderCommand(),
		reserve(),
		ledger(),
		verify(),
		group("log", "The record log", logKey(), logProof(), logEntries(), logCheckpoint(), logInclusion()),
		initCommand(),
		group("officer", "Keys of officers, who sign for a party", officerKey()),
		draftsCommand(),
		approveCommand(),
		freezeCommand(),
		group("admin", "The vault itself", acceptClock()),
		group("vault", "The vault at rest", vaultRotate(), vaultConfirm()),
		engineCommand(),
		backupCommand(),
		restoreCommand(),
		serveCommand(),
		configCommand(),
		enclaveCommand(),
		relayCommand(),
		frontCommand(),
		practiceCommand(),
		attestationCommand(),
		terms(),
		sealCommand(),
		sealKey(),
		uploadCommand(),
		identifierCommand(),
		demo(),
		benchCommand(),
		versionCommand(),
		roomCommand(),
		partiesCommand(),
		entrustmentsCommand(),
		listsCommand(),
		retentionCommand(),
		reportsCommand(),
		cubesCommand(),
		requestCommand(),
		requestsCommand(),
		deskCommand(),
		campaignCommand(),
		courierCommand(),
		labelCommand(),
	)
	for _, n := range nouns() {
		root.AddCommand(n.command())
	}
	completions(root)
	return root
}

// group is a command that only holds others.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: name, Short: short, Args: unknownCommand, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	g.AddCommand(commands...)
	return g
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s has no command %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())}
	}
	return nil
}

// exactArgs is cobra.ExactArgs with our words and exit status.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usageError{fmt.Errorf("usage: %s", usageOf(cmd))}
		}
		return nil
	}
}
