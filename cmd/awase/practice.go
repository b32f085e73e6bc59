package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"awase/api"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/people"
	"awase/sql/control"
	"awase/web"
)

// practiceUsers are few enough to be there within seconds, and enough for a report
// with something in it.
const practiceUsers = 30_000

// practiceSpecs are the questions that a room to rehearse in begins with: the
// client's, one of the operator, and the results of a campaign of either.
var practiceSpecs = []string{"overlap.yaml", "spec.yaml", "cube.yaml", "tier.yaml", "shop-delivery.yaml", "shop-lift.yaml", "labels-delivery.yaml", "labels-lift.yaml"}

// practiceCommand fills a room to rehearse in. awase serve --practice runs it before
// the front.
func practiceCommand() *cobra.Command {
	var socket, dir string
	cmd := &cobra.Command{
		Use:    "practice --socket S --data DIR",
		Short:  "Fill a room to rehearse in with made-up people",
		Hidden: true,
		Args:   exactArgs(),
	}
	cmd.Flags().StringVar(&socket, "socket", "", "the enclave's `socket`")
	cmd.Flags().StringVar(&dir, "data", "", "the service's `directory`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if socket == "" || dir == "" {
			return usageError{errors.New("name the enclave's socket with --socket and the service's directory with --data")}
		}
		if err := furnish(cmd.Context(), socket, filepath.Join(dir, "people")); err != nil {
			return &startError{fmt.Errorf("filling the room to rehearse in: %w", err)}
		}
		return nil
	}
	return cmd
}

// furnish brings the demo's parties, contracts, people, lists, logs and campaigns in. What a
// start that was cut short brought in stands, and is brought in once. The first
// questions are the front's to ask, whose reports they become.
func furnish(ctx context.Context, socket, out string) error {
	done := filepath.Join(out, demoMark)
	if raw, err := os.ReadFile(done); err == nil && !strings.HasSuffix(string(raw), markOpen) {
		return nil
	}
	// Nothing is written before the enclave says that it is one to rehearse in.
	client, err := dialEnded(ctx, socket, nil)
	if err != nil {
		return err
	}
	return askClient(ctx, client, func(e wire.Enclave) error {
		room, err := e.Room(ctx)
		if err != nil {
			return err
		}
		if !room.Practice {
			return errors.New("the room is not one to rehearse in: it gets no made-up people")
		}
		return fill(ctx, e, filepath.Join(filepath.Dir(out), "vault"), out)
	})
}

func fill(ctx context.Context, e wire.Enclave, at, out string) error {
	d := &demoRun{vault: at, demoOptions: demoOptions{users: practiceUsers, seed: 1, out: out, noProgress: true, brief: true}, w: io.Discard, errOut: io.Discard}
	c, err := d.cast(ctx)
	if err != nil {
		return err
	}
	c.docs.Specs, c.docs.MoreSpecs = nil, nil
	for i := len(c.lists) - 1; i >= 0; i-- {
		if strings.HasPrefix(c.lists[i].list, people.DemoList+"-") { // hashed ones, to be compared
			c.lists = append(c.lists[:i], c.lists[i+1:]...)
		}
	}
	if err := prepareDemo(out); err != nil {
		return err
	}
	if err := d.receivers(c); err != nil {
		return err
	}
	if err := d.writeData(c); err != nil {
		return err
	}
	if err := d.inVault(ctx, e, c); err != nil {
		return err
	}
	return closeDemo(out)
}

// practiceAccounts are who rehearses: one of each role, and who acts in the flows with
// an ad platform and by a trustee: who uploads and asks for the platform, who asks for
// the trustee, who asks and reads for the operator.
func practiceAccounts(operator string) []api.Account {
	var out []api.Account
	for _, r := range api.Roles() {
		party := operator
		if r == api.AdOps || r == api.Marketing || r == api.Viewer {
			party = "acme"
		}
		out = append(out, api.Account{Email: string(r) + "@" + party + ".example", Name: "Practice " + string(r), Party: party, Role: r})
	}
	for _, more := range []struct {
		party string
		role  api.Role
	}{{operator, api.AdOps}, {operator, api.Marketing}, {"acme", api.Admin}, {"adco", api.AdOps}, {"adco", api.Marketing}, {"worker", api.Marketing}, {"worker", api.Viewer}} {
		out = append(out, api.Account{Email: string(more.role) + "@" + more.party + ".example", Name: "Practice " + string(more.role), Party: more.party, Role: more.role})
	}
	return out
}

// practiceQuestions are the first questions, and who asks them.
func practiceQuestions(operator string) (out []api.Asked, err error) {
	docs := people.DemoDocs()
	for _, doc := range slices.Concat(docs.Specs, docs.CampaignSpecs) {
		if !slices.Contains(practiceSpecs, doc.Name) {
			continue
		}
		q, err := entrustment.ParseQuestion(doc.Name, doc.YAML)
		if err != nil {
			return nil, err
		}
		if q.Report == entrustment.ReportCube { // over prefectures too, nearly all cells of so few people would be withheld
			q.Dims, q.Sigma = slices.DeleteFunc(q.Dims, func(d string) bool { return d == "prefecture" }), 10
		}
		a := api.Asked{Party: "acme", Email: "marketing@acme.example", Question: q}
		if q.Entrustment == people.DemoImprovement || q.Entrustment == people.DemoLabels {
			a.Party, a.Email = operator, "marketing@"+operator+".example"
		}
		out = append(out, a)
	}
	return out, nil
}

// rehearsers makes the accounts of a room to rehearse in, and gives what to print of
// them: their passwords are shown this once.
func rehearsers(ctx context.Context, store *control.Store, operator string) (string, error) {
	as := practiceAccounts(operator)
	if err := api.MakeAccounts(ctx, store, as); err != nil {
		return "", &startError{err}
	}
	var b strings.Builder
	b.WriteString("Passwords, for programs and other machines, printed this once:\n")
	for _, a := range as {
		fmt.Fprintf(&b, "  %-24s %-10s %s\n", a.Email, a.Role, a.Password)
	}
	return b.String(), nil
}

// rehearse prints what one does first in a room to rehearse in, and makes its accounts
// where there are none.
func (f *front) rehearse(ctx context.Context, store *control.Store, has bool) (string, error) {
	text := "A room to rehearse in: its people are made up. "
	var passwords string
	if !has {
		var err error
		if passwords, err = rehearsers(ctx, store, f.Operator); err != nil {
			return "", err
		}
		passwords += f.byProgram()
	} else {
		passwords = "Passwords were printed once, when it started first; for new ones end this, remove " + f.data + " and start it again.\n"
	}
	site, err := web.Embedded()
	if err != nil {
		return "", &startError{err}
	}
	who, err := store.Rehearsers(ctx)
	if err != nil {
		return "", &startError{fmt.Errorf("looking who rehearses: %w", err)}
	}
	switch at := f.scheme() + f.listener.Addr().String(); {
	case !site.Built():
		text += "This program holds no page to see it in (make web build); " + at + "/docs is every operation.\n"
	case !onLoopback(f.listener.Addr()) || len(who) == 0:
		text += "Open " + at + " in a browser, and sign in with a password.\n"
	default:
		text += "Open " + at + " in a browser and enter as each role with one click: lists, reports and budgets are there.\n"
	}
	return text + passwords, nil
}

// byProgram is what a program does first.
func (f *front) byProgram() string {
	const sent = `-H 'Content-Type: application/json' -d `
	return fmt.Sprintf("Sign in:      curl -sS -c awase.cookies %[2]s'{\"email\": \"marketing@acme.example\", \"password\": \"…\"}' %[1]s/v1/session\n"+
		"Make a token: curl -sS -b awase.cookies %[2]s'{\"name\": \"my script\", \"scopes\": [\"me:read\", \"reports:read\"]}' %[1]s/v1/tokens\n"+
		"Go on:        %[1]s/docs, docs/api-tour.md\n", f.publicURL, sent)
}
