package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"awase/crypto/identifier"
)

// TestCanaries feeds identifiers through every path, good and bad, and looks
// for them, and for their hashes in every encoding, in all that came out: standard
// output and error, file names, every file but the ones fed in, and TMPDIR.
func TestCanaries(t *testing.T) {
	t.Parallel()
	dir := smallWorld(t)
	fed := listFiles(t, dir)
	bad := map[string]string{
		"stray.csv":  "Email,Phone,Rank,Name\n\"canary.1.zyx@example.jp\"x,canary-090-7700-0001,gold,Canary-\n\"canary.2.zyx@example.jp,,,\n",
		"wide.csv":   "Email,Phone,Rank,Name\ncanary.1.zyx@example.jp,090-7700-0001,gold,Canary-,canary.extra,canary.more\n",
		"long.csv":   "Email,Phone,Rank,Name\ncanary.1.zyx@example.jp," + strings.Repeat("canary-", 400_000) + ",gold,x\n",
		"odd.csv":    "Email,canary.1.zyx@example.jp\ncanary.2.zyx@example.jp,1\n",
		"dup.csv":    "user_id,email,mobile,ok,version,agreed,birth,sex,zip,name\ncanary-user-1,canary.1.zyx@example.jp,,true,2024-01-29,2024-01-29,1990-01-01,male,100,Canary-\ncanary-user-1,canary.2.zyx@example.jp,090-7700-0001,true,2024-01-29,2024-01-29,canary-date,canary-sex,canary-zip,Canary-\n",
		"broken.csv": "user_id,email\ncanary-user-1,canary.1.zyx@example.jp\n",
		"a.parquet":  "PAR1canary.1.zyx@example.jpPAR1",
		"doc.yaml":   "schema: awase.party/v1\nid: canary.1.zyx@example.jp\nclass: canary.1.zyx@example.jp\n",
		"spec.yaml":  "schema: awase.report/v1\nreport: profile\nentrustment: acme-2026\nlist: spring\ndims: [gender]\nwhere: {in: {gender: [\"canary.1.zyx@example.jp\"]}}\n",
		"lines.txt":  "canary.1.zyx@example.jp\n",
		"tier.yaml":  "schema: awase.report/v1\nreport: profile\nentrustment: acme-2026\nlist: spring\ndims: [gender]\nwhere: {in: {tier: [\"canary.1.zyx@example.jp\"]}}\n",
		"phone.yaml": "schema: awase.report/v1\nreport: profile\nentrustment: acme-2026\nlist: spring\ndims: [gender]\nwhere: {in: {age_band: [\"" + canaryPhone(1) + "\"]}}\n",
		"names.yaml": "schema: awase.report/v1\nreport: profile\nentrustment: acme-2026\nlist: canary.1.zyx@example.jp\ndims: [gender]\n",
		"dims.yaml":  "schema: awase.report/v1\nreport: profile\nentrustment: acme-2026\nlist: spring\ndims: [canary.1.zyx@example.jp]\n",
		"keys.txt":   "canary-user-1\n" + canaryHash(3) + "\n",
		"keys17.txt": strings.Repeat("canary-user-1\n", 17),
		"hash.yaml":  "schema: awase.report/v1\nreport: profile\nentrustment: " + canaryHash(1) + "\nlist: " + canaryHash(1) + "\ndims: [gender]\n",
	}
	for name, text := range bad {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		fed = append(fed, path)
	}
	var said bytes.Buffer
	run := func(wantFail bool, args ...string) {
		t.Helper()
		cmd := awase(t, dir, args...)
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Run(); (err != nil) != wantFail {
			t.Errorf("awase %s: %v\n%s", strings.Join(args, " "), err, said.String())
		}
	}
	for _, args := range mainJob {
		run(false, args...)
	}
	list := func(file string, more ...string) []string {
		return append([]string{"list", "load", "--vault", "V", "--entrustment", "acme-2026", "--name", "other", "--problems", file + ".problems.csv", file}, more...)
	}
	schema := []string{"--schema", "list.yaml"}
	run(true, list("stray.csv", schema...)...)
	run(true, list("wide.csv", schema...)...)
	run(true, list("long.csv", schema...)...)
	run(true, list("odd.csv")...)
	run(true, list("a.parquet", schema...)...)
	run(true, "base", "load", "--vault", "V", "--schema", "base.yaml", "dup.csv")
	run(true, "base", "load", "--vault", "V", "--schema", "base.yaml", "broken.csv")
	run(true, "party", "add", "--vault", "V", "doc.yaml")
	run(true, "report", "--vault", "V", "--spec", "spec.yaml")
	for _, spec := range []string{"tier.yaml", "phone.yaml", "names.yaml", "dims.yaml", "hash.yaml"} {
		run(true, "report", "--vault", "V", "--spec", spec)
		run(true, "report", "--vault", "V", "--spec", spec, "-n")
		run(true, "reserve", "--vault", "V", "--spec", spec, "--name", "later", "--until", "2030-01-01")
	}
	run(true, "ledger", "--vault", "V", "--group", "canary.1.zyx@example.jp")
	run(true, "ledger", "--vault", "V", "--group", canaryHash(2))
	run(true, "list", "load", "--vault", "V", "--entrustment", "canary.1.zyx@example.jp", "--name", "spring", "list.csv")
	run(true, "report", "--vault", "V", "--reserved", "canary.1.zyx@example.jp", "-n")
	run(false, "list", "check", "--propose", "proposed.yaml", "list.csv")
	run(false, "gate", "show", "--vault", "V")
	run(false, "ledger", "--vault", "V")
	run(false, "ledger", "--vault", "V", "--json")
	run(false, "report", "--vault", "V", "--spec", "profile.yaml", "--out", "r.csv", "--out", "r.xlsx", "--out", "r.json")

	run(false, "request", "--vault", "V", "--check", "document", "--on", "2026-04-01", "--out", "request.json", "deletion", "keys.txt")
	run(true, "request", "--vault", "V", "--check", "document", "--on", "2026-04-01", "deletion", "keys17.txt")
	run(true, "request", "--vault", "V", "--check", "canary.1.zyx@example.jp", "--on", "2026-04-01", "deletion", "keys.txt")
	run(false, "requests", "--vault", "V", "--json")

	for _, args := range evidenceCommands("before") {
		run(false, args...)
	}
	run(false, "vault", "rotate", "--vault", "V")
	run(false, "entrustment", "end", "--vault", "V", "--yes", "acme-2026")
	run(false, "entrustment", "certificate", "--vault", "V", "acme-2026")
	for _, args := range evidenceCommands("after") {
		run(false, args...)
	}

	allSought(t, fed)
	needles := canaryNeedles(t)
	look := func(where string, data []byte) {
		t.Helper()
		if needles.in(data) {
			t.Errorf("%s holds an identifier, or a hash of one", where)
		}
	}
	// The test can fail: the files fed in hold them.
	if raw, err := os.ReadFile(filepath.Join(dir, "list.csv")); err != nil || !needles.in(raw) {
		t.Fatal("the canaries are not in the list")
	}
	look("standard output or error", said.Bytes())
	packs := 0
	for _, path := range listFiles(t, dir) {
		if slices.Contains(fed, path) {
			continue
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		look("the file name "+filepath.Ext(rel), []byte(rel))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		look(rel, data)
		if filepath.Ext(rel) == ".zip" {
			packs++
			lookInto(t, needles, data, look)
		}
	}
	if packs != 6 {
		t.Errorf("%d packs of evidence were looked into", packs)
	}
	for _, left := range listFiles(t, filepath.Join(dir, "tmp")) {
		t.Errorf("TMPDIR holds %s", filepath.Base(left))
	}
}

// canaryHash is what a list hashed beforehand holds of a person.
func canaryHash(i int) string {
	sum := sha256.Sum256([]byte(canaryEmail(i)))
	return hex.EncodeToString(sum[:])
}

// TestVaultWithoutKey: a copy of a full vault, its key left behind, holds no
// canary in any encoding. The same bytes with a canary in them do.
func TestVaultWithoutKey(t *testing.T) {
	t.Parallel()
	dir := smallWorld(t)
	for _, args := range mainJob {
		mustRun(t, dir, args...)
	}
	needles := canaryNeedles(t)
	files := 0
	for _, path := range listFiles(t, filepath.Join(dir, "V")) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if files++; needles.in(data) {
			t.Errorf("%s holds a canary", filepath.Base(path))
		}
		if len(data) < 1000 {
			continue
		}
		for name, form := range canaryForms([]byte(canaryEmail(1234))) {
			planted := slices.Concat(data[:700], form, data[700:])
			if !needles.in(planted) {
				t.Errorf("a canary in %s is not found", name)
			}
		}
	}
	if files < 8 {
		t.Errorf("only %d files", files)
	}
}

// canaries are what must not be found: exact bytes, and text and patterns whatever their case.
type canaries struct {
	exact, text [][]byte
	pattern     []*regexp.Regexp
}

func (c canaries) in(data []byte) bool { return c.found(data) != "" }

// found gives the first that is found, quoted, with what stands around it; "": none is.
func (c canaries) found(data []byte) string {
	around := func(at, n int) string { return strconv.Quote(string(data[max(0, at-40):min(len(data), at+n+40)])) }
	for _, n := range c.exact {
		if at := bytes.Index(data, n); at >= 0 {
			return around(at, len(n))
		}
	}
	low := lower(data)
	for _, n := range c.text {
		if at := bytes.Index(low, n); at >= 0 {
			return around(at, len(n))
		}
	}
	for _, p := range c.pattern {
		if at := p.FindIndex(low); at != nil {
			return around(at[0], at[1]-at[0])
		}
	}
	return ""
}

// lower lowers ASCII letters, whatever stands around them.
func lower(data []byte) []byte {
	out := bytes.Clone(data)
	for i, b := range out {
		if 'A' <= b && b <= 'Z' {
			out[i] = b | 0x20
		}
	}
	return out
}

func (c *canaries) add(value []byte) {
	for name, form := range canaryForms(value) {
		if name == "raw" && !utf8.Valid(value) {
			c.exact = append(c.exact, form)
		} else {
			c.text = append(c.text, lower(form))
		}
	}
}

// canaryForms are the encodings of a value that are looked for: raw, UTF-16, hex,
// and Base64 wherever the value begins in it.
func canaryForms(value []byte) map[string][]byte {
	out := map[string][]byte{"raw": value, "hex": []byte(hex.EncodeToString(value)), "UTF-16LE": nil, "UTF-16BE": nil}
	for _, b := range value {
		out["UTF-16LE"] = append(out["UTF-16LE"], b, 0)
		out["UTF-16BE"] = append(out["UTF-16BE"], 0, b)
	}
	for alphabet, enc := range map[string]*base64.Encoding{"Base64": base64.RawStdEncoding, "Base64 for URLs": base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), value...))
			// The digits that hang on nothing else.
			first, last := (8*before+5)/6, 8*(before+len(value))/6
			out[fmt.Sprint(alphabet, " after ", before)] = []byte(text[first:last])
		}
	}
	return out
}

// canaryWords are how every value that is fed begins. The six letters alone are in some
// Base64 by chance.
var canaryWords = []string{"canary.", "canary-", "canary "}

// allSought holds that nothing was fed that is not looked for.
func allSought(t *testing.T, fed []string) {
	t.Helper()
	for _, path := range fed {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		low, sought := lower(raw), 0
		for _, word := range canaryWords {
			sought += bytes.Count(low, []byte(word))
		}
		if n := bytes.Count(low, []byte("canary")); n != sought {
			t.Errorf("of %d canaries in %s %d are looked for", n, filepath.Base(path), sought)
		}
	}
}

// canaryNeedles are the canaries as fed and their hashes, in every form, for a
// sample of the people.
func canaryNeedles(t *testing.T) (out canaries) {
	t.Helper()
	n, err := identifier.New("JP")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range canaryWords {
		out.text = append(out.text, []byte(word))
	}
	for _, i := range []int{0, 1, 2, 9, 1234, 3999, 5999} {
		for kind, raw := range map[identifier.Kind]string{identifier.Email: canaryEmail(i), identifier.Phone: canaryPhone(i)} {
			out.add([]byte(raw))
			sums, _, err := n.AppendBase(nil, kind, []byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range sums {
				out.add(s.Hash[:])
			}
		}
		out.add(fmt.Appendf(nil, "canary-user-%d", i))
		key := sha256.Sum256(fmt.Appendf(nil, "canary-user-%d", i))
		out.add(key[:])
	}
	return out
}
