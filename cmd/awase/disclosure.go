package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
)

// requestNumber reads the number of a request from the command line.
func requestNumber(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, usageError{errors.New("name the request by its number (awase requests)")}
	}
	return n, nil
}

func disclosureFetch() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "disclosure --vault V --out FILE NUMBER",
		Short: "Fetch what was disclosed for a request, sealed to the privacy desk's key",
		Long: "Two officers of the operator sign for it first (awase drafts, awase approve). The file is of one size, whatever is known of the person, and the same each time; awase requests open opens it at the desk, " +
			"and the request's receipt has its hash.",
		Args: exactArgs("NUMBER"),
	}
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write the sealed disclosure to")
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		n, err := requestNumber(args[0])
		if err != nil {
			return err
		}
		if out == "" {
			return usageError{errors.New("name the file to write with --out")}
		}
		raw, err := e.Disclosure(cmd.Context(), n)
		if err != nil {
			return err
		}
		if err := writeFile(out, func(w io.Writer) error { _, err := w.Write(raw); return err }); err != nil {
			return err
		}
		sum := sha256.Sum256(raw)
		return answer(cmd, map[string]any{"number": n, "file": out, "sha256": hex.EncodeToString(sum[:])}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s: the disclosure of request %d, sealed; awase requests open opens it at the desk\n", out, n)
			return err
		})
	})
}

func discloseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "disclose --vault V NUMBER",
		Short: "Draft the disclosure of a request anew",
		Long: "A request for disclosure is drafted when it is handed in. This drafts it anew, where that draft lapsed, was taken back, or names a key of the desk that was replaced since. " +
			"In a development vault, where nobody signs, it makes the disclosure.",
		Args: exactArgs("NUMBER"),
	}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		n, err := requestNumber(args[0])
		if err != nil {
			return err
		}
		ack, err := e.Disclose(cmd.Context(), n)
		if err != nil {
			return err
		}
		return said(cmd, "disclosure", ack)
	})
}

func disclosureOpen() *cobra.Command {
	var keyFile, receiptFile string
	cmd := &cobra.Command{
		Use:   "open --key desk.key [--receipt receipt.json] FILE",
		Short: "Open a disclosure at the privacy desk, offline",
		Long:  "Prints what the operator's base held of the person. Anybody who has the desk's public key could seal a file to it: name the request's receipt, and compare its key with awase verify, to know that the room made this one.",
		Args:  exactArgs("FILE"),
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "the desk's private key: the `file` that awase desk key wrote")
	cmd.Flags().StringVar(&receiptFile, "receipt", "", "refuse unless this `file`, of awase requests receipt, is of this disclosure")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if keyFile == "" {
			return usageError{errors.New("name the desk's private key with --key")}
		}
		key, err := readDeskKey(keyFile)
		if err != nil {
			return err
		}
		_, raw, err := document(args[0])
		if err != nil {
			return err
		}
		d, err := openDisclosure(args[0], raw, key)
		if err != nil {
			return err
		}
		if receiptFile == "" {
			fmt.Fprintln(cmd.ErrOrStderr(), "awase: nobody checked that the room made this disclosure: name the receipt of the request with --receipt")
		} else if err := ofReceipt(receiptFile, raw, d.Number); err != nil {
			return err
		}
		return answer(cmd, d, func(w io.Writer) error {
			_, err := io.WriteString(w, sayDisclosed(d))
			return err
		})
	}
	return jsonFlag(cmd)
}

// openDisclosure opens a disclosure and reads it.
func openDisclosure(path string, raw []byte, key seal.PrivateKey) (*wire.Disclosed, error) {
	tag, content, err := seal.OpenDisclosure(raw, key)
	if refused, ok := errors.AsType[*seal.Error](err); ok {
		detail, mend := string(refused.Reason), "fetch it again: awase requests disclosure"
		if refused.Detail != "" {
			detail += ": " + refused.Detail
		}
		if tag, terr := seal.ReadDisclosureTag(raw); terr == nil && tag.Key != key.Public().Fingerprint() {
			mend = "name the key of that fingerprint with --key: disclosures of before a replacement open with the key of before"
		}
		return nil, badFile(path, detail, mend)
	}
	if err != nil {
		return nil, err
	}
	d, err := wire.ParseDisclosed(content)
	if err != nil || d.Number != tag.Number {
		return nil, badFile(path, wire.ErrDisclosed.Error(), "open it with the version of awase that the room runs")
	}
	return d, nil
}

// ofReceipt refuses a disclosure that is another than the receipt's.
func ofReceipt(path string, sealed []byte, number int64) error {
	_, raw, err := document(path)
	if err != nil {
		return err
	}
	r, err := receipt.VerifyRequest(bytes.TrimSpace(raw), nil)
	if err != nil {
		return badFile(path, err.Error(), "print it again: awase requests receipt")
	}
	if r.Disclosed == nil {
		return badFile(path, "the receipt is of a request that was not disclosed yet", "print it again: awase requests receipt")
	}
	if sum := sha256.Sum256(sealed); r.Number != number || r.Disclosed.Sealed != hex.EncodeToString(sum[:]) {
		return badFile(path, "the receipt is of another disclosure", "name the receipt of the same request, and fetch the disclosure again")
	}
	return nil
}

// cutWords are the parts of a disclosure that may not fit whole.
var cutWords = map[string]string{"events": "行動履歴", "requests": "ご請求", "sensitive": "要配慮個人情報の項目", "attributes": "属性", "identifiers": "識別子"}

// sayDisclosed writes a disclosure in Japanese and English.
func sayDisclosed(d *wire.Disclosed) string {
	var b strings.Builder
	line := func(indent, ja, en, value string) { fmt.Fprintf(&b, "%s%s / %s: %s\n", indent, ja, en, plain(value)) }
	line("", "開示番号", "disclosure of request", strconv.FormatInt(d.Number, 10))
	line("", "作成日時", "made", japan(d.At))
	if d.Dev {
		b.WriteString("開発用の金庫 / made by a development vault: no officers watch it\n")
	}
	if d.Practice {
		b.WriteString("練習用（架空の人物） / of a practice room: the people are made up\n")
	}
	if d.Base == nil {
		b.WriteString("基盤なし / there was no base\n")
	} else {
		line("", "基盤", "base", fmt.Sprintf("version %d, %s", d.Base.Version, d.Base.On))
	}
	for i := range d.Users {
		u := &d.Users[i]
		fmt.Fprintf(&b, "\n会員 %d / account %d\n", i+1, i+1)
		sayDisclosedUser(&b, u, line)
	}
	b.WriteString("\n")
	if len(d.Sensitive) > 0 {
		line("", "要配慮個人情報（取り込みません）", "sensitive, not taken in of anybody", strings.Join(d.Sensitive, ", "))
	}
	for _, part := range d.Cut {
		line("", "一部を省略", "cut, as it did not fit", cutWords[part]+" "+part)
	}
	fmt.Fprintf(&b, "%s\n%s\n", plain(d.Others.JA), plain(d.Others.EN))
	return b.String()
}

func sayDisclosedUser(b *strings.Builder, u *wire.DisclosedUser, line func(indent, ja, en, value string)) {
	if !u.Known {
		b.WriteString("  該当なし / not in the base\n")
	} else {
		yes := map[bool]string{true: "はい / yes", false: "いいえ / no"}
		line("  ", "同意した版", "policy version agreed to", u.Policy)
		if !u.Consent.IsZero() {
			line("  ", "同意日", "day of consent", u.Consent.String())
		}
		line("  ", "識別子の確認済み", "identifiers verified", yes[u.Verified])
		for _, id := range u.Identifiers {
			line("  ", "照合用識別子", "identifier matched", fmt.Sprintf("%s %s × %d", id.Kind, id.Namespace, id.Forms))
		}
		for _, a := range u.Attributes {
			line("  ", "属性", "attribute", a.Name+" = "+a.Value)
		}
		if u.Service != "" {
			line("  ", "利用を限る", "serves one service alone", u.Service)
		}
		line("  ", "問い合わせ専用", "known from an enquiry alone", yes[u.EnquiryOnly])
		for _, c := range u.Channels {
			line("  ", "配信の同意", "opted in to", c)
		}
		for _, e := range u.Events {
			line("  ", "行動履歴", "events", fmt.Sprintf("%s %s × %d, %s – %s", e.Kind, e.Category, e.Events, e.From, e.To))
		}
	}
	for _, r := range u.Requests {
		stands := "有効 / in force"
		if !r.InForce {
			stands = "改めて同意 / lifted by a later consent"
		}
		line("  ", "ご請求", "request", fmt.Sprintf("%d %s, %s, %s", r.Number, r.Kind, r.On, stands))
	}
}

// sayDisclosure says in words what a receipt says of a disclosure.
func sayDisclosure(cmd *cobra.Command, d *receipt.Disclosed) {
	if d != nil {
		say(cmd, "  disclosed at %s, log entry %d, sealed to the desk's key %s", japan(d.At), d.Log.Index, d.Desk)
		say(cmd, "  SHA-256 of the sealed file: %s", d.Sealed)
	}
}

// drafted says which draft waits for a request, if one does.
func drafted(ctx context.Context, e wire.Enclave, number int64) (string, error) {
	all, err := e.Requests(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range all {
		if r.Number == number {
			return r.Draft, nil
		}
	}
	return "", nil
}
