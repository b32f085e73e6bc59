package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"awase/crypto/seal"
	"awase/enclave/wire"
)

// acts are the acts that officers sign, in words.
var acts = map[string]string{"party": "party", "policies": "versions of the privacy policy", "gate": "parameters of the release gate", "entrust": "entrustment", "campaign": "campaign: its audience is delivered on its days",
	"desk-key": "key of the privacy desk, which opens what is disclosed", "disclosure": "disclosure to a data subject, of request",
	"lift": "let releases out again after a freeze", "accept-clock": "believe the machine's clock after a jump",
	"confirm": "release again after a restore: the requests and ends of the lost time were made again, and it was counted nowhere else"}

// shownDraft writes a draft for those who sign it: what it is, who signed, and
// the document line by line, those that change marked.
func shownDraft(d *wire.Draft) string {
	var b strings.Builder
	what := acts[d.Statement.Act]
	if what == "" {
		what = plain(d.Statement.Act)
	}
	fmt.Fprintf(&b, "draft %s\n  %s", d.Hash, what)
	if d.Statement.ID != "" {
		b.WriteString(" " + plain(d.Statement.ID))
	}
	fmt.Fprintf(&b, ", version %d, of vault %s, until %s\n", d.Statement.Version, plain(d.Statement.Vault), plain(japan(d.Statement.Expires)))
	fmt.Fprintf(&b, "  state: %s\n", plain(d.State))
	for _, r := range d.Reviews {
		by := "somebody"
		if r.By != "" {
			by = plain(r.By)
		}
		fmt.Fprintf(&b, "  read by %s of %s on %s, as the service says\n", by, plain(r.Party), plain(japan(r.At)))
	}
	for _, s := range d.Signed {
		fmt.Fprintf(&b, "  signed by %s of %s on %s\n", plain(s.Officer), plain(s.Party), plain(japan(s.At)))
	}
	fmt.Fprintf(&b, "  to be signed by %s\n", toSign(d))
	for _, c := range draftChanges(d) {
		b.WriteString("  * " + plain(c.Text.EN) + "\n    " + plain(c.Text.JA) + "\n")
	}
	before, after := lines(d.Before), lines(d.Document)
	had, has := set(before), set(after)
	for _, l := range before {
		if !has[l] {
			b.WriteString("  - " + l + "\n")
		}
	}
	for _, l := range after {
		mark := "+"
		if had[l] {
			mark = " "
		}
		b.WriteString("  " + mark + " " + l + "\n")
	}
	return b.String()
}

// toSign says whose signatures are missing.
func toSign(d *wire.Draft) string {
	if len(d.Parties) == 1 && len(d.Signed) == 0 {
		return "two officers of " + plain(d.Parties[0])
	}
	return "an officer of " + strings.Join(plainly(d.Needs), " and one of ")
}

func set(lines []string) map[string]bool {
	out := map[string]bool{}
	for _, l := range lines {
		out[l] = true
	}
	return out
}

// lines writes a document as one line a value, in its own order.
func lines(doc json.RawMessage) []string {
	if len(doc) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var out []string
	var walk func(path string) error
	walk = func(path string) error {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'):
			for dec.More() {
				key, err := dec.Token()
				if err != nil {
					return err
				}
				name := plain(fmt.Sprint(key))
				if path != "" {
					name = path + "." + name
				}
				if err := walk(name); err != nil {
					return err
				}
			}
			_, err := dec.Token()
			return err
		case json.Delim('['):
			n := 0
			for ; dec.More(); n++ {
				if err := walk(fmt.Sprintf("%s[%d]", path, n)); err != nil {
					return err
				}
			}
			if n == 0 {
				out = append(out, path+": []")
			}
			_, err := dec.Token()
			return err
		}
		text := fmt.Sprint(t)
		if t == nil {
			text = "null"
		}
		if path == "document" { // a file as it was written
			for l := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
				out = append(out, plain(l))
			}
			return nil
		}
		if _, err := seal.ParsePublicKey(text); err == nil { // hundreds of letters, which nobody compares
			text = "the key with the fingerprint " + keyPrint(text)
		}
		out = append(out, path+": "+plain(text))
		return nil
	}
	if err := walk(""); err != nil {
		return []string{"(a document that can't be read)"}
	}
	return out
}

func plainly(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = plain(s)
	}
	return out
}

// plain writes a text so that it shows as what it is: nothing in it moves the
// cursor or turns the direction of writing.
func plain(s string) string {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}
