package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"awase/api"
	"awase/entrustment"
	"awase/internal/apitest"
)

// networkEnv makes the awase of scripts ask a service over HTTP for every vault that
// is there. It names who starts services.
const networkEnv = "AWASE_TEST_NETWORK"

// notOverNetwork are scripts that are about the machine of the vault, or have no
// room in them.
var notOverNetwork = map[string]string{
	"backup":          "a backup is made at the machine",
	"vault-key":       "the vault key is the machine's",
	"enclave":         "about sockets and services of its own",
	"officers":        "about services of its own, which it kills",
	"ceremony":        "about services of its own",
	"main-job":        "the README's walk serves its vault itself",
	"pipe":            "about this process's output",
	"receiver-log":    "--party is said at the machine: over the network it is who asks",
	"entrustment-end": "replaces the vault key at the machine",
	"demo":            "serves its vault itself", "bench": "has no room", "check": "has no room", "identifier": "has no room", "config": "has no room",
}

// TestScriptsNetwork runs the scripts with every vault behind a service on the
// loopback, each command as somebody of the party whose act it is: what is printed,
// and how it is refused, is the same.
func TestScriptsNetwork(t *testing.T) {
	t.Parallel()
	rooms := &rooms{t: t, at: map[string]*apitest.Room{}}
	manager := httptest.NewServer(rooms)
	t.Cleanup(manager.Close)
	all, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	p := scripts(func(env *testscript.Env) error {
		env.Setenv(networkEnv, manager.URL)
		return nil
	})
	p.Dir = ""
	for _, path := range all {
		if notOverNetwork[strings.TrimSuffix(filepath.Base(path), ".txtar")] == "" {
			p.Files = append(p.Files, path)
		}
	}
	t.Run("scripts", func(t *testing.T) { testscript.Run(t, p) })
	if n := len(rooms.at); n < 8 {
		t.Errorf("only %d vaults were asked over the network", n)
	}
}

// rooms starts a service for each vault, and gives who asks for one its address and
// a token of the party whose act a command line is.
type rooms struct {
	t  testing.TB
	mu sync.Mutex
	at map[string]*apitest.Room
}

// who is what an awase of a script asks.
type who struct {
	Vault string   `json:"vault"`
	Args  []string `json:"args"`
	Spec  []byte   `json:"spec"`
}

func (s *rooms) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q who
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	room := s.at[q.Vault]
	if room == nil {
		room = apitest.StartAt(s.t, q.Vault)
		s.at[q.Vault] = room
	}
	party := partyOf(room, &q)
	p := apitest.Person(party, api.Admin, api.Privacy, api.AdOps, api.Marketing, api.Viewer, api.Auditor)
	fmt.Fprintf(w, "%s\n%s\n", room.URL, room.Token(p))
}

// partyOf tells whose act a command line is: who uploads a list, or looks at it, who receives a
// report, whose budget is shown; else the operator's.
func partyOf(room *apitest.Room, q *who) string {
	after := func(flag string) string {
		if i := slices.Index(q.Args, flag); i >= 0 && i+1 < len(q.Args) {
			return q.Args[i+1]
		}
		return ""
	}
	ctx := room.Context()
	id := after("--entrustment")
	if len(q.Args) > 1 && q.Args[1] == "lists" { // one sees one's own
		id = q.Args[len(q.Args)-1]
	}
	if id != "" {
		if t, err := room.Enclave.Terms(ctx, id); err == nil {
			return t.Party
		}
	}
	if g := after("--group"); g != "" {
		all, err := room.Enclave.Parties(ctx)
		for _, p := range all {
			if err == nil && p.Party.Group == g {
				return p.Party.ID
			}
		}
	}
	recipient := ""
	if spec, err := entrustment.ParseQuestion("spec.yaml", q.Spec); err == nil {
		id, recipient = spec.Entrustment, spec.Recipient
	}
	for _, name := range []string{after("--reserved"), after("--name")} {
		if under, _, ok := strings.Cut(name, "/"); ok {
			id = under
		}
	}
	if recipient == "" && id != "" {
		if e, err := room.Enclave.Entrustment(ctx, id); err == nil {
			recipient = e.Versions[0].Contract.Recipients[0]
		}
	}
	if recipient != "" {
		return recipient
	}
	return apitest.Operator
}

// networkArgs puts a service in the place of the vault that the command line names,
// where it is there.
func networkArgs() {
	if len(os.Args) < 2 || slices.Contains([]string{"enclave", "serve", "front", "relay", "init", "demo", "bench"}, os.Args[1]) {
		return
	}
	i := slices.Index(os.Args, "--vault")
	if i < 0 || i+1 >= len(os.Args) || slices.Contains(os.Args, "--enclave") || slices.ContainsFunc(os.Args, func(a string) bool { return a == "--vault-key" || a == "--next-key" }) {
		return
	}
	dir, err := filepath.Abs(os.Args[i+1])
	if err != nil {
		return
	}
	if _, err := os.Stat(filepath.Join(dir, "keys")); err != nil {
		return
	}
	q := who{Vault: dir, Args: os.Args}
	if j := slices.Index(os.Args, "--spec"); j >= 0 && j+1 < len(os.Args) {
		q.Spec, _ = os.ReadFile(os.Args[j+1]) // one that can't be read the command refuses itself
	}
	url, token, err := q.ask()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Args[i], os.Args[i+1] = "--server", url
	if err := os.Setenv(tokenEnv, token); err != nil {
		panic(err)
	}
}

func (q *who) ask() (url, token string, err error) {
	raw, err := json.Marshal(q)
	if err != nil {
		return "", "", err
	}
	res, err := http.Post(os.Getenv(networkEnv), "application/json", bytes.NewReader(raw))
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	if _, err := fmt.Fscan(res.Body, &url, &token); err != nil || res.StatusCode != http.StatusOK {
		return "", "", errors.Join(err, errors.New("no service was started"))
	}
	return url, token, nil
}
