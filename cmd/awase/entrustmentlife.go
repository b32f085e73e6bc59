package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/enclave/wire"
	"awase/entrustment"
)

// contractDiff is what one version of a contract, or a document, changes of another,
// as the API has it.
type contractDiff struct {
	Entrustment string               `json:"entrustment"`
	From        int                  `json:"from"`
	To          int                  `json:"to,omitempty"` // of a file none
	Draft       string               `json:"draft,omitempty"`
	File        string               `json:"file,omitempty"`
	Changes     []entrustment.Change `json:"changes"`
	only        bool                 // there is one version
}

func entrustmentDiff() *cobra.Command {
	var from, to int
	var draft, with string
	cmd := &cobra.Command{
		Use:   "diff --vault V [--from N] [--to N | --draft HASH | --with contract.yaml] ID",
		Short: "Say what changed between two versions of a contract, and whether more or less may leave for it",
		Long: "Between the newest two versions; between those that are named; or what a draft, or a file that is no draft yet, would change of what is in force. " +
			"Each change is a line: + more may leave, - less may leave, = what may leave stays, ? read what it means. Below it stands the same in Japanese.",
		Args: exactArgs("ID"),
	}
	cmd.Flags().IntVar(&from, "from", 0, "the `version` before; 0: the one before the other, or of none")
	cmd.Flags().IntVar(&to, "to", 0, "the `version` after; 0: the newest")
	cmd.Flags().StringVar(&draft, "draft", "", "in place of --to: a draft, by its `hash`")
	cmd.Flags().StringVar(&with, "with", "", "in place of --to: a contract.yaml (`file`)")
	inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		d, err := diffOf(cmd, e, args[0], from, to, draft, with)
		if err != nil {
			return err
		}
		return answer(cmd, d, func(w io.Writer) error { return sayDiff(w, d) })
	})
	cmd.ValidArgsFunction = first(entrustmentIDs)
	return cmd
}

func diffOf(cmd *cobra.Command, e wire.Enclave, id string, from, to int, draft, with string) (*contractDiff, error) {
	if given := map[bool]int{true: 1}; given[to != 0]+given[draft != ""]+given[with != ""] > 1 || draft != "" && from != 0 {
		return nil, usageError{errors.New("--to, --draft and --with don't go together, nor does --from with --draft")}
	}
	if draft != "" {
		return diffOfDraft(cmd, e, id, draft)
	}
	var after *entrustment.Contract
	file := ""
	if with != "" {
		name, raw, err := document(with)
		if err != nil {
			return nil, err
		}
		file = name
		if after, err = entrustment.ParseContract(name, raw); err != nil {
			return nil, err
		}
		if after.ID != id {
			return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "id", Detail: "the document is of another entrustment", Mend: "name that one"}
		}
	}
	in, err := e.Entrustment(cmd.Context(), id)
	if err != nil {
		return nil, err
	}
	at := func(version int) (*entrustment.Contract, error) {
		for _, v := range in.Versions {
			if v.Version == version {
				return v.Contract, nil
			}
		}
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "version", Detail: fmt.Sprintf("the entrustment has no version %d", version), Mend: fmt.Sprintf("name one from 1 to %d", in.Version)}
	}
	if to == 0 {
		to = in.Version
	}
	switch {
	case after != nil:
		to = in.Version + 1
	default:
		if after, err = at(to); err != nil {
			return nil, err
		}
	}
	if from == 0 {
		from = to - 1
	}
	var before *entrustment.Contract
	if from > 0 {
		if before, err = at(from); err != nil {
			return nil, err
		}
	}
	d := &contractDiff{Entrustment: id, From: from, To: to, File: file, Changes: entrustment.Diff(before, after), only: in.Version == 1}
	if file != "" {
		d.To = 0
	}
	return d, nil
}

func diffOfDraft(cmd *cobra.Command, e wire.Enclave, id, hash string) (*contractDiff, error) {
	ds, err := e.Drafts(cmd.Context())
	if err != nil {
		return nil, err
	}
	for i := range ds {
		d := &ds[i]
		if d.Hash != hash || d.Statement.Act != "entrust" || d.Statement.ID != id {
			continue
		}
		if err := checkDraft(d); err != nil {
			return nil, err
		}
		return &contractDiff{Entrustment: id, From: d.Statement.Version - 1, To: d.Statement.Version, Draft: d.Hash, Changes: draftChanges(d)}, nil
	}
	return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "draft", Detail: "no draft of this hash waits for this entrustment", Mend: "awase drafts shows what waits; give the whole hash"}
}

// draftChanges gives what the draft of a contract changes, and what that of a party
// does about the keys that are pinned for it; of another draft nothing.
func draftChanges(d *wire.Draft) []entrustment.Change {
	if d.Statement.Act == "party" {
		var before, after *entrustment.Party
		if json.Unmarshal(d.Document, &after) != nil || after == nil || len(d.Before) > 0 && json.Unmarshal(d.Before, &before) != nil {
			return nil
		}
		return entrustment.DiffKeys(before, after, keyPrint)
	}
	var before, after *entrustment.Contract
	if d.Statement.Act != "entrust" || json.Unmarshal(d.Document, &after) != nil || after == nil || len(d.Before) > 0 && json.Unmarshal(d.Before, &before) != nil {
		return nil
	}
	return entrustment.Diff(before, after)
}

// effectMarks are what stands before a change.
var effectMarks = map[entrustment.Effect]string{entrustment.Widens: "+", entrustment.Narrows: "-", entrustment.Either: "?", entrustment.Neither: "="}

// compared says what is compared with what.
func (d *contractDiff) compared() string {
	what := fmt.Sprintf("version %d", d.To)
	switch {
	case d.Draft != "":
		what = "draft " + plain(d.Draft)
	case d.File != "":
		what = "the file " + plain(d.File)
	case d.From == 0 && d.only:
		what = "version 1, and there is one version"
	}
	if d.From == 0 {
		return what + ", all of it new"
	}
	return fmt.Sprintf("version %d, and %s", d.From, what)
}

func sayDiff(w io.Writer, d *contractDiff) error {
	if _, err := fmt.Fprintf(w, "entrustment %s, %s: %s\n", plain(d.Entrustment), d.compared(), entrustment.Count(int64(len(d.Changes)), "change", "changes")); err != nil {
		return err
	}
	for _, c := range d.Changes {
		if _, err := fmt.Fprintf(w, "%s %s\n  %s\n", effectMarks[c.Effect], plain(c.Text.EN), plain(c.Text.JA)); err != nil {
			return err
		}
	}
	return nil
}

func draftsReview() *cobra.Command {
	var back bool
	cmd := &cobra.Command{
		Use:   "review [--take-back] HASH",
		Short: "Say that one read a draft, for the others to see",
		Long:  "The service keeps it, and shows it with the draft; a draft that is changed is another, that nobody read yet. No signature rests on it: an officer signs with awase approve.",
		Args:  exactArgs("HASH"),
	}
	cmd.Flags().BoolVar(&back, "take-back", false, "take back that one did")
	return networkCommand(cmd, func(cmd *cobra.Command, args []string, r *client.Room) error {
		d, err := r.Review(cmd.Context(), args[0], back)
		if err != nil {
			return err
		}
		return answerExact(cmd, d, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "draft %s: %s, read by %s\n", plain(d.Hash), plain(d.State), entrustment.Count(int64(len(d.Reviews)), "person", "people"))
			return err
		})
	})
}

func draftsWithdraw() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "withdraw --enclave S HASH",
		Short: "Take back a draft that waits for signatures",
		Long:  "What was signed of it is signed for nothing. Drafted again, it is another draft, which everybody signs anew. Over the network the operator's people do it, who make drafts.",
		Args:  exactArgs("HASH"),
	}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		ack, err := e.Withdraw(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return answer(cmd, ack, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "draft %s: taken back, log entry %d\n", plain(args[0]), ack.Seq)
			return err
		})
	})
}
