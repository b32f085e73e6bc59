package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/enclave/wire"
)

// The room that commands ask over the network where no flag names it, and the API
// token they show.
const (
	serverEnv = "AWASE_SERVER"
	tokenEnv  = "AWASE_TOKEN"
)

// commandPatience is how long a command tries again what does not pass: somebody sits
// before it.
const commandPatience = 2 * time.Minute

// serverFlags name a room on the network.
type serverFlags struct {
	server, token, tokenFile string
}

// serverFlagNames are those that register makes.
var serverFlagNames = []string{"server", "token", "token-file"}

func (f *serverFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.server, "server", "", "in place of --vault: the `address` of the room's service, as https://room.example; or set "+serverEnv)
	cmd.Flags().StringVar(&f.token, "token", "", "with --server: an API `token`. Other users of this machine can read it there; better "+tokenEnv+", or --token-file")
	cmd.Flags().StringVar(&f.tokenFile, "token-file", "", "with --server: a `file` that holds the API token")
}

// named tells whether flags name a room.
func (f *serverFlags) named() bool { return f.server != "" }

// patience is how a command waits for a room that does not answer.
type patience struct {
	most  time.Duration // that it is tried again; 0: as long as is good for files on their way
	eager bool          // fail at once where nothing listens
	tell  io.Writer     // is told what is waited for; nil: nobody
}

// patienceOf is that of a command before which somebody sits. What sends files waits for
// a room that starts again.
func patienceOf(cmd *cobra.Command) patience {
	return patience{commandPatience, cmd.Name() != "load", cmd.ErrOrStderr()}
}

// client gives the client of the room that flags or environment name.
func (f *serverFlags) client(p patience) (*client.Client, error) {
	server, token := f.server, f.token
	if server == "" {
		server = os.Getenv(serverEnv)
	}
	switch {
	case token != "" && f.tokenFile != "":
		return nil, usageError{errors.New("--token and --token-file are two ways to the same: name one")}
	case f.tokenFile != "":
		raw, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return nil, fileError(f.tokenFile, err)
		}
		token = strings.TrimSpace(string(raw))
	case token == "":
		token = os.Getenv(tokenEnv)
	}
	if token == "" {
		return nil, usageError{fmt.Errorf("the room asks who you are: set %s to an API token, or name a file that holds one with --token-file", tokenEnv)}
	}
	o := client.Options{Token: token, Patience: p.most, Eager: p.eager}
	if p.tell != nil {
		o.Tell = func(text string) { fmt.Fprintln(p.tell, "awase:", text) }
	}
	return client.New(server, o)
}

// askServer asks a room over the network.
func askServer(ctx context.Context, p patience, f *serverFlags, do func(wire.Enclave) error) error {
	c, err := f.client(p)
	if err != nil {
		return err
	}
	r := c.Room("", nil)
	return errors.Join(explain(ctx, r, do(r)), r.Close())
}
