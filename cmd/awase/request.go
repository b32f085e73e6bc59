package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// requestFlags are of a data subject's request at the privacy desk.
type requestFlags struct {
	method, on, terms, fingerprint, signKey, out string
	agent                                        bool
}

func requestCommand() *cobra.Command {
	var f requestFlags
	var kinds, methods []string
	for _, k := range seal.RequestKinds() {
		kinds = append(kinds, string(k))
	}
	for _, m := range wire.CheckMethods() {
		methods = append(methods, string(m))
	}
	cmd := &cobra.Command{
		Use:   "request --vault V --check METHOD --on DATE [--agent] [--out receipt.json] KIND KEYS",
		Short: "Hand in what a data subject asks for, sealed at the privacy desk, and get the receipt",
		Long: "KIND is one of " + strings.Join(kinds, ", ") + ". KEYS is a file with the user keys of one person, one a line, as the base has them, at most " + strconv.Itoa(seal.RequestRows) + "; - reads them from standard input, so that they need stand in no file. " +
			"They are sealed to the enclave here: nobody on the way sees who asks, and no answer tells whether the room knows them. A deletion or stop of use has taken effect when the command ends, and holds until the person agrees again. A disclosure is made once two officers of the operator signed for it (awase drafts), sealed to the desk's key. " +
			"Run again after an interruption it may be a second request, which changes nothing.",
		Args: exactArgs("KIND", "KEYS"), ValidArgs: kinds,
	}
	cmd.Flags().StringVar(&f.method, "check", "", "how you found out that the request is the person's own (`method`): "+strings.Join(methods, ", "))
	cmd.Flags().StringVar(&f.on, "on", "", "the `day` of the check, like 2026-11-23")
	cmd.Flags().BoolVar(&f.agent, "agent", false, "an agent asked for the person, whose authority you checked too")
	cmd.Flags().StringVar(&f.terms, "terms", "", "seal to the key in this `file`, which awase terms printed, in place of the one that the room tells now")
	cmd.Flags().StringVar(&f.fingerprint, "enclave-key", "", "refuse unless the enclave's key has this `fingerprint`")
	cmd.Flags().StringVar(&f.signKey, "sign-key", "", "sign the sealed request with the key in this `file` (awase seal-key)")
	cmd.Flags().StringVar(&f.out, "out", "", "write the receipt to this `file`")
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		raw, err := f.hand(cmd, e, seal.RequestKind(args[0]), args[1])
		if err != nil {
			return err
		}
		if f.out != "" {
			err := writeFile(f.out, func(w io.Writer) error { _, err := fmt.Fprintf(w, "%s\n", raw); return err })
			if err != nil {
				return fmt.Errorf("the request is taken, and its receipt not written (awase requests receipt prints it): %w", err)
			}
		}
		if asJSON(cmd) {
			return answerJSON(cmd, raw, nil)
		}
		r, err := receipt.VerifyRequest(raw, nil)
		if err != nil {
			return fmt.Errorf("the receipt: %w", err)
		}
		sayRequest(cmd, fmt.Sprintf("request %d", r.Number), r)
		if seal.RequestKind(r.Kind) == seal.Disclosure && r.Disclosed == nil {
			hash, err := drafted(cmd.Context(), e, r.Number)
			if err != nil {
				return err
			}
			if hash != "" {
				say(cmd, "  waits for two officers of the operator: awase approve %s", hash)
			}
		}
		if f.out == "" {
			say(cmd, "  awase requests receipt %d prints the receipt, for awase verify", r.Number)
		}
		return nil
	})
}

// hand seals a request and hands it in.
func (f *requestFlags) hand(cmd *cobra.Command, e wire.Enclave, kind seal.RequestKind, path string) ([]byte, error) {
	on, err := entrustment.ParseDate(f.on)
	if err != nil || f.on == "" || f.method == "" {
		return nil, usageError{errors.New("say with --check how you found out who asks, and with --on on which day")}
	}
	keys, err := readUserKeys(cmd.InOrStdin(), path)
	if err != nil {
		return nil, err
	}
	rows, err := seal.RequestOf(keys)
	if err != nil {
		return nil, badFile(path, fmt.Sprintf("it has not 1 to %d user keys", seal.RequestRows), "write the user keys of one person, one a line")
	}
	t, err := f.sealTo(cmd.Context(), e)
	if err != nil {
		return nil, err
	}
	if f.fingerprint == "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "awase: nobody compared the enclave's key, %s: name the one that you know with --enclave-key\n", t.Key.Fingerprint())
	}
	var o seal.WriterOptions
	if f.signKey != "" {
		if o.Sign, err = readSealKey(f.signKey); err != nil {
			return nil, err
		}
	}
	a := seal.BaseAddress(t.Party, seal.NewUpload())
	a.Name = seal.RequestName
	var sealed bytes.Buffer
	w, err := seal.NewWriter(&sealed, t.Key, a, seal.Header{Purpose: seal.Request, Asks: kind}, o)
	if err == nil {
		err = errors.Join(w.Write(rows), w.Close())
	}
	if err != nil {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "§7", Field: "request", Detail: "it can't be sealed: no such kind, or a user key over 512 bytes", Mend: "see awase request --help"}
	}
	return e.Request(cmd.Context(), wire.RightsRequest{Check: wire.IdentityCheck{Method: wire.CheckMethod(f.method), Agent: f.agent, On: on, By: caller()}, Sealed: sealed.Bytes()})
}

// sealTo gives what the request is sealed to: the operator's own terms.
func (f *requestFlags) sealTo(ctx context.Context, e wire.Enclave) (wire.Terms, error) {
	if f.terms != "" {
		t, err := readTerms(f.terms, f.fingerprint)
		if err == nil && t.Entrustment != seal.BaseEntrustment {
			err = badFile(f.terms, "its terms are of an entrustment", "name those of awase terms without --entrustment")
		}
		return t, err
	}
	t, err := e.Terms(ctx, seal.BaseEntrustment)
	if err == nil && f.fingerprint != "" && t.Key.Fingerprint() != f.fingerprint {
		err = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: "enclave-key", Detail: "the room's key has another fingerprint", Mend: "hand nothing in; find out why the key changed"}
	}
	return t, err
}

// readUserKeys reads user keys, one a line, as intake reads those of the base:
// without white space around them.
func readUserKeys(stdin io.Reader, path string) (keys [][]byte, err error) {
	const most = 1 << 20
	raw := []byte(nil)
	if path == "-" {
		raw, err = io.ReadAll(io.LimitReader(stdin, most))
		if err != nil {
			return nil, fmt.Errorf("reading user keys: %w", err)
		}
	} else if _, raw, err = document(path); err != nil {
		return nil, err
	}
	for line := range bytes.Lines(bytes.TrimPrefix(raw, []byte("\uFEFF"))) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			keys = append(keys, line)
		}
	}
	return keys, nil
}

var requestColumns = []string{"number", "kind", "state", "at", "log_entry"}

func requestsCommand() *cobra.Command {
	cmd := asked("requests", "Requests of data subjects: what was asked for, and how each stands", requestColumns, func(ctx context.Context, e wire.Enclave, _ []string) (any, error) {
		return rows(e.Requests(ctx))
	})
	show := &cobra.Command{
		Use:   "receipt --vault V NUMBER",
		Short: "Print the signed receipt of a request",
		Long:  "Prints JSON for awase verify, signed by the key of awase log key. It says what was done, and nothing of whose request it is, nor whether the room knows them.",
		Args:  exactArgs("NUMBER"),
	}
	cmd.AddCommand(inVault(show, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		n, err := requestNumber(args[0])
		if err != nil {
			return err
		}
		raw, err := e.RequestReceipt(cmd.Context(), n)
		return answerJSON(cmd, raw, err)
	}), disclosureFetch(), discloseCommand(), disclosureOpen())
	return cmd
}

// sayRequest says in words what the receipt of a request says.
func sayRequest(cmd *cobra.Command, what string, r *receipt.SignedRequest) {
	say(cmd, "%s: %s, taken at %s, log entry %d", what, r.Kind, japan(r.At), r.Log.Index)
	say(cmd, "  %s", r.Statement.JA)
	say(cmd, "  %s", r.Statement.EN)
	if r.Told != nil {
		say(cmd, "  privacy policy %s of %s", r.Told.Version, r.Told.Date)
		for _, clause := range slices.Sorted(maps.Keys(r.Told.Clauses)) {
			say(cmd, "  clause %s: %s", clause, strings.Join(r.Told.Clauses[clause], ", "))
		}
	}
	sayDisclosure(cmd, r.Disclosed)
}

func verifyRequest(cmd *cobra.Command, name string, data, key []byte) error {
	r, err := receipt.VerifyRequest(bytes.TrimSpace(data), key)
	if err != nil {
		return fmt.Errorf("%s: not verified: %w", name, err)
	}
	if asJSON(cmd) {
		return answerExact(cmd, verified{File: name, Is: "request", Origin: key != nil, Key: receipt.Fingerprint(r.Key), Says: r}, nil)
	}
	say(cmd, "%s: verified", name)
	sayRequest(cmd, fmt.Sprintf("  request %d", r.Number), r)
	say(cmd, "  in the record log %s", receipt.Origin(r.Log.Checkpoint))
	if r.Dev {
		say(cmd, "  made by a development vault: no officers watch it")
	}
	sayKey(cmd, r.Key, key != nil)
	return nil
}
