package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"awase/enclave"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// enclaveEnv names the socket of the enclave that commands use where neither
// --vault nor --enclave is given.
const enclaveEnv = "AWASE_ENCLAVE"

// withVault gives a command its --vault and --enclave flags and an enclave: that
// of a vault, which is made where there is none, or one that is served.
func withVault(cmd *cobra.Command, do func(cmd *cobra.Command, args []string, e wire.Enclave) error) *cobra.Command {
	return vaultCommand(cmd, false, &keyFlags{}, do)
}

// inVault is withVault for a command that can do nothing in a new vault: a
// mistyped name is told, not made.
func inVault(cmd *cobra.Command, do func(cmd *cobra.Command, args []string, e wire.Enclave) error) *cobra.Command {
	return vaultCommand(cmd, true, &keyFlags{}, do)
}

// atTheMachine is a command of inVault whose act is done at the machine of the room
// alone: it says so where it is asked over the network, and its help offers no way there.
func atTheMachine(cmd *cobra.Command) *cobra.Command {
	for _, name := range serverFlagNames {
		_ = cmd.Flags().MarkHidden(name) // it is there: register made it
	}
	return cmd
}

// usageOf gives the usage line of a command: to who works over the network, by the flag
// or the environment, it names the server in place of a vault or a socket.
func usageOf(cmd *cobra.Command) string {
	server := cmd.Flags().Lookup("server")
	if server == nil || server.Hidden || !server.Changed && os.Getenv(serverEnv) == "" {
		return cmd.UseLine()
	}
	return strings.NewReplacer(" --vault V", " --server URL", " --enclave S", " --server URL").Replace(cmd.UseLine())
}

// helpOf has a command's help show usageOf.
func helpOf(cmd *cobra.Command, args []string) {
	cmd.Use = strings.TrimPrefix(usageOf(cmd), strings.TrimSuffix(cmd.CommandPath(), cmd.Name()))
	cmd.Root().HelpFunc()(cmd, args)
}

func vaultCommand(cmd *cobra.Command, old bool, key *keyFlags, do func(cmd *cobra.Command, args []string, e wire.Enclave) error) *cobra.Command {
	var dir, socket string
	var server serverFlags
	help := "the vault's `directory`; made where there is none, its key beside it"
	if old {
		help = "the vault's `directory`; awase party add makes one"
	}
	cmd.Flags().StringVar(&dir, "vault", "", help)
	cmd.Flags().StringVar(&socket, "enclave", "", "in place of --vault: the `socket` of the enclave that serves it (awase serve); or set "+enclaveEnv)
	server.register(cmd)
	cmd.SetHelpFunc(helpOf)
	jsonFlag(cmd)
	key.register(cmd)
	var configured string
	cmd.Flags().StringVar(&configured, "config", "", "beside --vault: the service's configuration (`file`), where the room counts in ClickHouse; or set "+configEnv)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ask := func(e wire.Enclave) error { return do(cmd, args, e) }
		if dir != "" && socket != "" || server.named() && (dir != "" || socket != "") {
			return usageError{fmt.Errorf("--vault, --enclave and --server are ways to the same: name one")}
		}
		if dir == "" && socket == "" && !server.named() {
			socket = os.Getenv(enclaveEnv)
		}
		if configured != "" && dir == "" {
			return usageError{fmt.Errorf("--config is beside --vault: a room that is served has its configuration")}
		}
		if server.named() || dir == "" && socket == "" && os.Getenv(serverEnv) != "" {
			if key.now != "" || key.next != "" {
				return usageError{fmt.Errorf("the room has its key: --vault-key and --next-key are beside --vault")}
			}
			return askServer(cmd.Context(), patienceOf(cmd), &server, ask)
		}
		if socket != "" {
			if key.now != "" || key.next != "" {
				return usageError{fmt.Errorf("the enclave that serves a vault has its key: --vault-key and --next-key are beside --vault")}
			}
			return askEnclave(cmd.Context(), socket, ask)
		}
		if dir == "" {
			if cmd.Flags().Lookup("server").Hidden {
				return usageError{errors.New("name the vault's directory with --vault, or the enclave that serves it with --enclave")}
			}
			return usageError{errors.New("name the vault's directory with --vault, the enclave that serves it with --enclave, or the room's address with --server")}
		}
		if old {
			if err := wantVault(dir); err != nil {
				return err
			}
		}
		source, err := key.source(dir, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		way, err := remoteOf(configured)
		if err != nil {
			return err
		}
		return openVault(cmd.Context(), dir, source, way, cmd.ErrOrStderr(), ask)
	}
	return cmd
}

const startsWithin = 2 * time.Second

// askEnclave asks an enclave that runs as a process of its own.
func askEnclave(ctx context.Context, socket string, do func(wire.Enclave) error) error {
	c, err := wire.Dial(socket)
	// A service that was just started takes a moment.
	for end := time.Now().Add(startsWithin); err != nil && entrustment.Public(err).Code == entrustment.CodeNotFound && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		c, err = wire.Dial(socket)
	}
	if err != nil {
		return err
	}
	return askClient(ctx, c, do)
}

func askClient(ctx context.Context, c *wire.Client, do func(wire.Enclave) error) error {
	e := c.As(caller())
	return errors.Join(explain(ctx, e, do(e)), e.Close())
}

// caller names the user at this command line, by number where the name may be a
// person's address or phone number.
func caller() wire.Caller {
	if u, err := user.Current(); err == nil {
		if c := wire.Caller("awase/" + u.Username); c.OK() {
			return c
		}
	}
	return "awase/" + wire.OfUser(os.Getuid())
}

// wantVault refuses a directory that holds no vault: opening it would make one.
func wantVault(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "keys")); errors.Is(err, os.ErrNotExist) {
		return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "vault", Detail: fmt.Sprintf("there is no vault at %s", dir),
			Mend: "check the name; awase party add makes a vault"}
	}
	return nil
}

// explain adds to a refusal what the operator, whose command line this is, may
// see of the whole room: that of an unknown entrustment gets those that there are.
func explain(ctx context.Context, e wire.Enclave, err error) error {
	refusal, ok := errors.AsType[*entrustment.Error](err)
	if !ok || refusal.Code != entrustment.CodeNotFound || refusal.Field != "entrustment" && !strings.HasSuffix(refusal.Field, "(entrustment)") {
		return err
	}
	ids, lerr := e.Entrustments(ctx)
	if lerr != nil || len(ids) == 0 {
		return err
	}
	out := *refusal
	out.Mend = "there are " + strings.Join(ids, ", ") + "; or " + refusal.Mend
	return &out
}

// openVault opens a vault in this process. way is where it counts, where that is
// elsewhere.
func openVault(ctx context.Context, dir string, key vault.KeySource, way *remote, errOut io.Writer, do func(wire.Enclave) error) error {
	o := enclave.Options{Logger: slog.New(plainHandler{errOut}), Key: key, Outbox: strings.TrimSuffix(dir, "/") + vault.OutboxDir}
	if way != nil {
		way.direct(&o)
	}
	e, err := enclave.Open(ctx, dir, o)
	if err != nil {
		return fileError(dir, err)
	}
	return errors.Join(explain(ctx, e, do(e)), e.Close())
}

// plainHandler writes what the enclave logs as a line for a person.
type plainHandler struct{ w io.Writer }

func (plainHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (h plainHandler) WithAttrs([]slog.Attr) slog.Handler         { return h }
func (h plainHandler) WithGroup(string) slog.Handler              { return h }

func (h plainHandler) Handle(_ context.Context, r slog.Record) error {
	line := "awase: " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(", %s %s", a.Key, a.Value)
		return true
	})
	_, err := fmt.Fprintln(h.w, line)
	return err
}

// document reads a document that a person wrote, and gives its name for
// messages.
func document(path string) (name string, data []byte, err error) {
	data, err = os.ReadFile(path)
	if err != nil {
		return "", nil, fileError(path, err)
	}
	return filepath.Base(path), data, nil
}

// said writes how an act stands in the record log.
func said(cmd *cobra.Command, what string, a wire.Ack) error {
	return answerExact(cmd, a, func(w io.Writer) error { return sayAck(w, what, a) })
}

func sayAck(w io.Writer, what string, a wire.Ack) error {
	name := what
	if a.ID != "" {
		name += " " + a.ID
	}
	if a.Waits != nil {
		waits(w, name, a.Waits)
		return nil
	}
	stands := ""
	if !a.Changed {
		stands = "already there as "
	}
	_, err := fmt.Fprintf(w, "%s: %sversion %d, log entry %d\n", name, stands, a.Version, a.Seq)
	return err
}
