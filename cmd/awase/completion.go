package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"awase/api/client"
)

// completionWait is how long a shell waits for the room when it completes a word.
const completionWait = 2 * time.Second

// words are what a room knows, for a shell to complete: each a word, and after a
// tab what it is.
type words func(ctx context.Context, r *client.Room) ([]string, error)

// completes asks the room that flags and environment name. It is silent: a shell
// that can't complete completes nothing.
func completes(cmd *cobra.Command, of words) []string {
	f := serverFlags{server: flagText(cmd, "server"), token: flagText(cmd, "token"), tokenFile: flagText(cmd, "token-file")}
	c, err := f.client(patience{most: completionWait, eager: true})
	if err != nil {
		return nil
	}
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, stop := context.WithTimeout(parent, completionWait)
	defer stop()
	all, err := of(ctx, c.Room("", nil))
	if err != nil {
		return nil
	}
	out := all[:0]
	for _, w := range all { // a word that a shell would have to quote is none of ours
		if id, _, _ := strings.Cut(w, "\t"); id != "" && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789._-") == "" {
			out = append(out, w)
		}
	}
	return out
}

func flagText(cmd *cobra.Command, name string) string {
	if f := cmd.Flags().Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// first completes the first argument alone.
func first(of words) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completes(cmd, of), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeIDs completes the ids that an operation lists.
func completeIDs(list *operation) cobra.CompletionFunc {
	if list == nil {
		return cobra.NoFileCompletions
	}
	return first(func(ctx context.Context, r *client.Room) ([]string, error) {
		return idsOf(r.List(ctx, list.path, nil, 100))
	})
}

func entrustmentIDs(ctx context.Context, r *client.Room) ([]string, error) {
	return r.Entrustments(ctx)
}

// addCompletion adds awase completion, with our own errors of usage. Where it prints
// to is settled now, so root has its output.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Args, c.RunE = unknownCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		for _, shell := range c.Commands() {
			shell.Args = exactArgs()
		}
	}
}

// completions gives the flags of all commands that take what a room knows their
// completion, and those that take a document none but files.
func completions(root *cobra.Command) {
	names := func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		under := flagText(cmd, "entrustment")
		if under == "" {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completes(cmd, func(ctx context.Context, r *client.Room) ([]string, error) {
			lists, err := r.Lists(ctx, under)
			var out []string
			for _, l := range lists {
				out = append(out, l.Name)
			}
			return out, err
		}), cobra.ShellCompDirectiveNoFileComp
	}
	entrustments := func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return completes(cmd, entrustmentIDs), cobra.ShellCompDirectiveNoFileComp
	}
	schedules := func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return completes(cmd, func(ctx context.Context, r *client.Room) ([]string, error) {
			return idsOf(r.List(ctx, "/v1/schedules", url.Values{}, 100))
		}), cobra.ShellCompDirectiveNoFileComp
	}
	of := map[string]cobra.CompletionFunc{"entrustment": entrustments, "name": names, "schedule": schedules}
	walk(root, func(cmd *cobra.Command) {
		for name, f := range of {
			if cmd.Flags().Lookup(name) == nil || cmd.Flags().Lookup("server") == nil || name == "name" && cmd.Flags().Lookup("entrustment") == nil {
				continue
			}
			_ = cmd.RegisterFlagCompletionFunc(name, f) // the flag is there, and has none yet
		}
		if cmd.ValidArgsFunction == nil && takesID(cmd) {
			cmd.ValidArgsFunction = completeIDs(listOf(cmd))
		}
	})
}

// takesID tells whether a command's first argument is an id of its noun.
func takesID(cmd *cobra.Command) bool {
	return listOf(cmd) != nil && strings.Contains(cmd.Use, " ")
}

// listOf gives the operation that lists what a command of a noun is about.
func listOf(cmd *cobra.Command) *operation {
	if cmd.Parent() == nil {
		return nil
	}
	for _, n := range nouns() {
		if n.name == cmd.Parent().Name() && n.operations[0].use == "" {
			return &n.operations[0]
		}
	}
	return nil
}

// walk visits every command.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		walk(c, visit)
	}
}
