package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"awase/enclave/wire"
	"awase/entrustment"
)

// engineCommand holds what concerns the engine that counts.
func engineCommand() *cobra.Command {
	return group("engine", "The engine that counts: in the enclave's memory, or in ClickHouse", engineMove(), engineStatus(), enginePlanCommand())
}

func engineMove() *cobra.Command {
	var to, keyFile string
	var lost bool
	cmd := &cobra.Command{
		Use:   "move --enclave S --to clickhouse|embedded [--key KEYFILE]",
		Short: "Move what is counted to ClickHouse, or back into the enclave's memory",
		Long: "Puts the base, the lists and the event logs of all entrustments there, asks both engines the same, inside the enclave, and has the other one count only where every number is the same. Nothing of the comparison is shown but whether it held. " +
			"Questions are answered meanwhile; loads wait. What was released stays as it was, to the byte. Broken off anywhere the room counts where it did, and the move can be made again. " +
			"An officer of the operator signs for it, but in a dev vault. ClickHouse is named in the configuration (docs/clickhouse.md).",
		Args: exactArgs(),
	}
	cmd.Flags().StringVar(&to, "to", "", "the `engine` that is to count: clickhouse or embedded")
	cmd.Flags().StringVar(&keyFile, "key", "", "the officer's private key: the `file` that awase officer key wrote")
	cmd.Flags().BoolVar(&lost, "cluster-lost", false, "with --to embedded: the cluster is gone for good, so compare nothing with it")
	return atTheMachine(inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		switch {
		case to != wire.EngineClickHouse && to != wire.EngineEmbedded:
			return usageError{errors.New("say where it is to be counted with --to clickhouse or --to embedded")}
		case lost && to != wire.EngineEmbedded:
			return usageError{errors.New("--cluster-lost is of a move to embedded")}
		}
		req := wire.MoveRequest{To: to, Lost: lost}
		now, err := e.Engine(cmd.Context())
		if err != nil {
			return err
		}
		if now.Engine != to || lost && now.Declarable { // else nothing is signed for
			if req.By, err = signAct(cmd.Context(), e, "engine", req.Signs(), keyFile); err != nil {
				return err
			}
		}
		s, err := watchMove(cmd, e, req)
		if err != nil {
			return err
		}
		return answerLines(cmd, s.Engine, func() {
			switch {
			case s.Engine.Seq == now.Seq:
				say(cmd, "engine: it counts there already, and nothing was signed for")
			case now.Engine == to:
				say(cmd, "engine: it counts there already, and what is outside is declared lost, log entry %d", s.Engine.Seq)
			default:
				say(cmd, "engine: moved, log entry %d", s.Engine.Seq)
			}
			sayEngine(cmd, s.Engine)
		})
	}))
}

// watchMove starts the move and waits for its end.
func watchMove(cmd *cobra.Command, e wire.Enclave, req wire.MoveRequest) (wire.WorkState, error) {
	ctx := cmd.Context()
	s, err := e.StartWork(ctx, wire.WorkRequest{Job: "move-" + strings.ToLower(rand.Text()), Kind: wire.WorkMove, Move: &req})
	for last := int64(-1); err == nil && s.Status == wire.WorkRuns; {
		if s.Bytes > 0 && s.Read != last && !asJSON(cmd) {
			line := fmt.Sprintf("step %d of %d: %s", s.Read, s.Bytes, s.Step)
			fmt.Fprintln(cmd.ErrOrStderr(), strings.TrimSuffix(line, ": "))
			last = s.Read
		}
		job := s.Job
		if s, err = e.PollWork(ctx, job, 5*time.Second); ctx.Err() != nil {
			return s, fmt.Errorf("the move goes on in the enclave; awase engine status says what came of it: %w", ctx.Err())
		}
	}
	switch {
	case err != nil:
		return s, err
	case s.Refusal != nil:
		return s, s.Refusal
	case s.Status != wire.WorkDone || s.Engine == nil:
		return s, errors.New("the move ended without an answer; awase engine status says what came of it")
	}
	return s, nil
}

func engineStatus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status --enclave S",
		Short: "Say which engine counts, whether it is reached, and how many things it holds",
		Long: "It counts things: bases, populations, lists, event logs. No number of people is among what it says. " +
			"Shards are numbered as the configuration has them. Exit status 1 where ClickHouse gives no answer and was not declared lost, or nothing can be counted there: that is said first, with which shard and what is wrong.",
		Args: exactArgs(),
	}
	return atTheMachine(inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		s, err := e.Engine(cmd.Context())
		if err != nil {
			return err
		}
		err = answerLines(cmd, s, func() {
			since := "from the beginning"
			if s.Seq > 0 {
				since = fmt.Sprintf("since log entry %d", s.Seq)
			}
			say(cmd, "engine: %s, %s", s.Engine, since)
			sayEngine(cmd, &s)
		})
		if f := s.Fault; err == nil && f != nil && !s.Lost { // of what was declared lost nobody waits for an answer
			err = &entrustment.Error{Code: entrustment.CodeEngine, Clause: "docs/clickhouse.md", Field: f.Where, Detail: f.Detail, Mend: f.Mend}
		}
		return err
	}))
}

// sayEngine says what there is to say beside which engine counts.
func sayEngine(cmd *cobra.Command, s *wire.EngineState) {
	if s.Engine != wire.EngineEmbedded {
		say(cmd, "  %s with %s", s.Engine, entrustment.Count(s.Shards, "shard", "shards"))
	}
	switch {
	case s.Configured == nil && s.Engine != wire.EngineEmbedded:
		say(cmd, "  it is not configured for this process, and nothing can be counted: name the configuration with --config, or in that of the service")
	case s.Configured != nil && s.Configured.Others:
		say(cmd, "  the configuration names other servers than the record (%s, and there %s): none is asked, and nothing is counted there; configure the former again and move back, or say that they are lost (awase engine move --to embedded --cluster-lost)",
			strings.Join(s.Configured.Servers, ", "), strings.Join(s.Servers, ", "))
	case s.Configured == nil:
		say(cmd, "  no other engine is configured")
	case s.Engine == wire.EngineEmbedded || s.Configured.Shards != s.Shards:
		say(cmd, "  configured: %s with %s", s.Configured.Engine, entrustment.Count(s.Configured.Shards, "shard", "shards"))
	}
	sayShards(cmd, s)
	switch {
	case s.Reachable == nil:
	case !*s.Reachable:
		say(cmd, "  %s gives no answer: see what is said of its shards, and the service's log", s.Configured.Engine)
	case s.Holds != nil:
		say(cmd, "  it holds %s, %s, %s and %s", entrustment.Count(s.Holds.Bases, "base", "bases"), entrustment.Count(s.Holds.Populations, "population", "populations"),
			entrustment.Count(s.Holds.Lists, "list", "lists"), entrustment.Count(s.Holds.EventLogs, "event log", "event logs"))
	}
	if len(s.Servers) > 0 {
		say(cmd, "  servers that may hold data of the room: %s", strings.Join(s.Servers, ", "))
	}
	if s.Lost {
		say(cmd, "  an officer declared them lost: what they hold is dropped where they are configured again")
	} else if s.Remains {
		say(cmd, "  what it held of the room is not all dropped yet; the enclave tries again while it runs")
	}
	for _, id := range s.Undropped {
		say(cmd, "  entrustment %s ended, and that its data was dropped is not confirmed yet", id)
	}
}

// sayShards says which shards are configured, and what is wrong with one of them.
func sayShards(cmd *cobra.Command, s *wire.EngineState) {
	if s.Configured == nil {
		return
	}
	for i, shard := range s.Configured.Order {
		line := fmt.Sprintf("  shard %d: server %s", i+1, shard.Server)
		if shard.Name != "" {
			line += ", " + shard.Name
		}
		if s.Fault != nil && s.Fault.Where == fmt.Sprintf("shard %d", i+1) {
			line += ": " + s.Fault.Detail
		}
		say(cmd, "%s", line)
	}
}
