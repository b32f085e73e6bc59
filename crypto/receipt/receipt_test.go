package receipt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// tree is a record log in memory.
type tree struct {
	lines  []string
	hashes []tlog.Hash
}

func (t *tree) read(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, x := range at {
		if x >= int64(len(t.hashes)) {
			return nil, errors.New("no such hash")
		}
		out[i] = t.hashes[x]
	}
	return out, nil
}

func newTree(lines ...string) *tree {
	t := &tree{}
	for _, line := range lines {
		t.hashes = append(t.hashes, must(tlog.StoredHashes(int64(len(t.lines)), []byte(line), tlog.HashReaderFunc(t.read)))...)
		t.lines = append(t.lines, line)
	}
	return t
}

func (t *tree) n() int64               { return int64(len(t.lines)) }
func (t *tree) root(n int64) tlog.Hash { return must(tlog.TreeHash(n, tlog.HashReaderFunc(t.read))) }

// proof is a LogProof of an entry under a checkpoint of the whole log.
func (t *tree) proof(s *Signer, index int64) LogProof {
	path := must(tlog.ProveRecord(t.n(), index, tlog.HashReaderFunc(t.read)))
	return LogProof{t.lines[index], index, string(must(s.Checkpoint(t.n(), t.root(t.n())))), raw(path)}
}

// growth is the JSON of a Consistency.
func (t *tree) growth(s *Signer, from, to int64) []byte {
	path := must(tlog.ProveTree(to, from, tlog.HashReaderFunc(t.read)))
	return must(json.Marshal(Consistency{ConsistencySchema, from, string(must(s.Checkpoint(to, t.root(to)))), raw(path)}))
}

func raw(path []tlog.Hash) [][]byte {
	out := make([][]byte, len(path))
	for i := range path {
		out[i] = path[i][:]
	}
	return out
}

const question = `{"schema":"awase.report/v1","report":"profile","entrustment":"acme-2026","list":"spring","dims":["age"],"recipient":"acme"}`

// withoutReceipt is a release as it is hashed.
const withoutReceipt = `{"schema":"awase.release/v1","report":"profile","entrustment":"acme-2026","version":2,"list":"spring","list_version":3,"list_rows":5000,` +
	`"question":` + question + `,"dims":[{"name":"age","domain":["\u003c20","20-29"]}],` +
	`"cells":[{"key":{"age":"\u003c20"},"status":"withheld"},{"key":{"age":"20-29"},"status":"released","users":{"value":812,"low":792,"high":832}}],` +
	`"total":{"users":{"value":812,"low":792,"high":832},"partial":true},` +
	`"privacy":{"k":50,"tau":107,"sigma":10,"rho":0.005,"epsilon":0.5,"delta":0.000001,"withheld":1,"cells":2,"dev":true,` +
	`"statement":{"ja":"標準偏差 10 人、50 人以上、107 以上","en":"deviation 10, at least 50 people, at least 107"}},"released_at":"2026-04-01T00:00:00Z","receipt":null}`

// entryOf is a log entry like those of package enclave.
func entryOf(c *Claims) string {
	key := sha256.Sum256(append([]byte("awase report v1\n"), must(json.Marshal(struct {
		Question      json.RawMessage
		Version, List int
		Specs         []string
		Policy        string
		Recipient     string
	}{json.RawMessage(question), 2, 3, c.Specs, c.Policy, c.Recipient}))...))
	return string(must(json.Marshal(map[string]any{"seq": 5, "kind": EntryKind, "salt": "c2FsdA==", "body": map[string]any{
		"key": hex.EncodeToString(key[:]), "table": c.Table, "confinement": c.Confinement, "entrustment": c.Entrustment, "version": c.Version, "recipient": c.Recipient,
		"specs": c.Specs, "policy": c.Policy, "rho_nano": c.RhoNano, "delta_e15": c.DeltaE15,
	}})))
}

func newSigner(seed byte) *Signer {
	return must(NewSigner([32]byte{seed}, "awase/test"))
}

// claimsOf is what a receipt of a table says, less the log's proof.
func claimsOf(table string) Claims {
	sum := sha256.Sum256([]byte(table))
	return Claims{Dev: true, Confinement: "without signals", Entrustment: "acme-2026", Version: 2, Recipient: "acme", Table: hex.EncodeToString(sum[:]),
		Specs: []string{strings.Repeat("ab", 32)}, Policy: strings.Repeat("cd", 32), RhoNano: 5_000_000}
}

// logOf is a log in which entry 5 of 9 is the one given.
func logOf(entry string) *tree {
	return newTree("0", "1", "2", "3", "4", entry, "6", "7", "8")
}

// signed is the receipt of a table, made as the enclave makes it.
func signed(s *Signer, table string) []byte {
	c := claimsOf(table)
	c.Log = logOf(entryOf(&c)).proof(s, 5)
	return must(s.Sign(c))
}

// file is a release with its receipt, laid out as render writes it.
func file(table string, receipt []byte) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(json.RawMessage(strings.TrimSuffix(table, "null}") + string(receipt) + "}")); err != nil {
		panic(err)
	}
	return bytes.ReplaceAll(b.Bytes(), []byte(`"\u003c20"`), []byte(`"<20"`))
}

// TestEveryBit: no bit of a report, a checkpoint, a log proof or a key line can be
// changed, and no white space of a report.
func TestEveryBit(t *testing.T) {
	s := newSigner(1)
	report := file(withoutReceipt, signed(s, withoutReceipt))
	if _, err := VerifyFile(report, s.Public()); err != nil {
		t.Fatal(err)
	}
	log := logOf("5")
	old, later, proof := must(s.Checkpoint(5, log.root(5))), must(s.Checkpoint(9, log.root(9))), log.growth(s, 5, 9)
	if from, to, err := CheckBetween(old, later, proof, s.Public()); err != nil || from != 5 || to != 9 {
		t.Fatal(from, to, err)
	}
	for name, c := range map[string]struct {
		content []byte
		check   func([]byte) error
	}{
		"report":             {report, func(b []byte) error { _, err := VerifyFile(b, s.Public()); return err }},
		"key":                {[]byte(s.VerifierKey()), func(b []byte) error { _, err := ParseVerifierKey(string(b)); return err }},
		"earlier checkpoint": {old, func(b []byte) error { _, _, err := CheckBetween(b, later, proof, s.Public()); return err }},
		"later checkpoint":   {later, func(b []byte) error { _, _, err := CheckBetween(old, b, proof, s.Public()); return err }},
		"proof":              {proof, func(b []byte) error { _, _, err := CheckBetween(old, later, b, s.Public()); return err }},
	} {
		for i := range c.content {
			for bit := range 8 {
				bad := bytes.Clone(c.content)
				bad[i] ^= 1 << bit
				if c.check(bad) == nil {
					t.Errorf("with bit %d of byte %d of the %s changed it verifies", bit, i, name)
				}
			}
			if name != "report" || !strings.ContainsRune(" \n", rune(c.content[i])) {
				continue
			}
			for _, space := range []string{"", " ", "\n", "\t", "\r", "  "} {
				bad := slices.Concat(c.content[:i], []byte(space), c.content[i+1:])
				if c.check(bad) == nil && !bytes.Equal(bad, c.content) {
					t.Errorf("with %q for byte %d of the report it verifies", space, i)
				}
			}
		}
	}
	// On one line, as an API gives it, it verifies too.
	var flat bytes.Buffer
	if err := json.Compact(&flat, report); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyFile(flat.Bytes(), s.Public()); err != nil {
		t.Error(err)
	}
}

// TestSentences: the sentence names the part that differs.
func TestSentences(t *testing.T) {
	s := newSigner(1)
	report := string(file(withoutReceipt, signed(s, withoutReceipt)))
	inEntry := func(text string) string { return strings.ReplaceAll(text, `"`, `\"`) }
	for _, c := range []struct{ from, to, says string }{
		{`"entrustment": "acme-2026",` + "\n  \"version\"", `"entrustment": "acme-2027",` + "\n  \"version\"", "its entrustment differs"},
		{`"version": 2`, `"version": 3`, "its entrustment version"},
		{`"list_version": 3`, `"list_version": 4`, "the version of the list"},
		{`"dims": [` + "\n      \"age\"", `"dims": [` + "\n      \"sex\"", "its question"},
		{`"list": "spring",` + "\n    \"dims\"", `"list": "sprint",` + "\n    \"dims\"", "its question"},
		{`"k": 50`, `"k": 51`, "its parameters"},
		{`"tau": 107`, `"tau": 106`, "its parameters"},
		{`"sigma": 10`, `"sigma": 11`, "its parameters"},
		{`"rho": 0.005`, `"rho": 0.004`, "its parameters"},
		{`"delta": 0.000001`, `"delta": 0.000002`, "its parameters"},
		{`"withheld": 1`, `"withheld": 0`, "its parameters"},
		{`"dev": true,` + "\n    \"statement\"", `"dev": false,` + "\n    \"statement\"", "its parameters"},
		{`at least 50 people`, `at least 60 people`, "its parameters"},
		{`"value": 812`, `"value": 912`, "its cells"},
		{`"<20"`, `"<30"`, "its cells"},
		{`2026-04-01T00`, `2026-05-01T00`, "its cells"},
		{`"version": 2`, `"version": "2"`, "no table"},
		{`"rho_nano": 5`, `"rho_nano": 4`, "signature"},
		{`"policy": "cd`, `"policy": "ce`, "signature"},
		{`"index": 5`, `"index": 4`, "signature"},
		{inEntry(`"kind":"report"`), inEntry(`"kind":"resort"`), "signature"},
		{`"checkpoint": "awase/test\n9`, `"checkpoint": "awase/test\n8`, "signature"},
		{`"awase.receipt/v1"`, `"awase.receipt/v2"`, "not one that this version reads"},
		{`"rho_nano": 5000000`, `"rho_nano": 5e6`, "not one that this version reads"},
		{`"schema": "awase.receipt/v1"`, `"schema": "awase.receipt/v1", "x": 1`, "not written as this vault"},
		{`"receipt": {`, `"receipts": {`, "not a release with its receipt"},
		{`"k": 50`, `"k": 50,`, "not JSON"},
	} {
		bad := strings.Replace(report, c.from, c.to, 1)
		if bad == report {
			t.Errorf("%s is not in the report", c.from)
		} else if _, err := VerifyFile([]byte(bad), s.Public()); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s for %s: %v, want %q", c.to, c.from, err, c.says)
		}
	}
}

// without gives the checks less some.
func without(names ...string) []check {
	return slices.DeleteFunc(slices.Clone(checks), func(c check) bool { return slices.Contains(names, c.name) })
}

// forgery is a table with a receipt that it is not genuine by.
type forgery struct {
	table   string
	receipt []byte
	gone    []string // the checks that find it
}

// forgeries are what the checks are there against: of the key of s, made by another.
func forgeries(t *testing.T, s, forger *Signer) map[string]forgery {
	t.Helper()
	forgedTable := strings.Replace(withoutReceipt, `"value":812`, `"value":912`, 1)
	if forgedTable == withoutReceipt {
		t.Fatal("nothing is forged")
	}
	change := func(receipt []byte, do func(*Receipt)) []byte {
		var r Receipt
		if err := json.Unmarshal(receipt, &r); err != nil {
			t.Fatal(err)
		}
		do(&r)
		return must(json.Marshal(r))
	}
	all := map[string]forgery{
		"all of it by another key":      {forgedTable, signed(forger, forgedTable), []string{"key"}},
		"all of it in the key's name":   {forgedTable, change(signed(forger, forgedTable), func(r *Receipt) { r.Key = s.Public() }), []string{"signature", "checkpoint"}},
		"a dev vault's, passed as none": {withoutReceipt, change(signed(s, withoutReceipt), func(r *Receipt) { r.Dev = false }), []string{"signature"}},
		"another table":                 {forgedTable, signed(s, withoutReceipt), []string{"table"}},
		"a log never signed": {withoutReceipt, func() []byte {
			c := claimsOf(withoutReceipt)
			c.Log = logOf(entryOf(&c)).proof(forger, 5)
			return must(s.Sign(c))
		}(), []string{"checkpoint"}},
		"released beside the log": {withoutReceipt, func() []byte {
			c := claimsOf(withoutReceipt)
			c.Log = logOf("5").proof(s, 5)
			c.Log.Entry = entryOf(&c)
			return must(s.Sign(c))
		}(), []string{"inclusion"}},
	}
	// A receipt that says something else than the log: change is what it says.
	for name, change := range map[string]func(*Claims){
		"the entrustment": func(c *Claims) { c.Entrustment = "other" },
		"the version":     func(c *Claims) { c.Version++ },
		"the recipient":   func(c *Claims) { c.Recipient = "other" },
		"the specs":       func(c *Claims) { c.Specs = nil },
		"the policy":      func(c *Claims) { c.Policy = strings.Repeat("ef", 32) },
		"the confinement": func(c *Claims) { c.Confinement = Confined },
		"the price":       func(c *Claims) { c.RhoNano-- },
		"its delta":       func(c *Claims) { c.DeltaE15++ },
	} {
		c := claimsOf(withoutReceipt)
		c.Log = logOf(entryOf(&c)).proof(s, 5)
		change(&c)
		all["the log says otherwise of "+name] = forgery{withoutReceipt, must(s.Sign(c)), []string{"entry"}}
	}
	for name, entry := range map[string]func(*Claims) string{
		"another table":    func(c *Claims) string { d := claimsOf(forgedTable); return entryOf(&d) },
		"an act of a kind": func(c *Claims) string { return strings.Replace(entryOf(c), `"kind":"report"`, `"kind":"charge"`, 1) },
		"no act":           func(*Claims) string { return "5" },
	} {
		c := claimsOf(withoutReceipt)
		c.Log = logOf(entry(&c)).proof(s, 5)
		all["the log holds "+name] = forgery{withoutReceipt, must(s.Sign(c)), []string{"entry"}}
	}
	return all
}

// TestControls takes each check away and sees the forgery succeed that it is
// there against.
func TestControls(t *testing.T) {
	s, forger := newSigner(1), newSigner(2)
	for name, c := range forgeries(t, s, forger) {
		if _, err := verify(c.receipt, []byte(c.table), s.Public(), checks); err == nil {
			t.Errorf("%s: it verifies", name)
		}
		for _, one := range checks { // no other check finds it
			if len(c.gone) > 1 || !slices.Contains(c.gone, one.name) {
				if _, err := verify(c.receipt, []byte(c.table), s.Public(), without(one.name)); err == nil {
					t.Errorf("%s: without %q it verifies, and should not", name, one.name)
				}
			}
		}
		if _, err := verify(c.receipt, []byte(c.table), s.Public(), without(c.gone...)); err != nil {
			t.Errorf("%s: without %q it is no forgery: %v", name, c.gone, err)
		}
	}
}

// TestIndexOutside: an entry past the end of the log is told as such.
func TestIndexOutside(t *testing.T) {
	s := newSigner(1)
	for _, index := range []int64{-1, 9} {
		c := claimsOf(withoutReceipt)
		c.Log = logOf(entryOf(&c)).proof(s, 5)
		c.Log.Index = index
		if _, err := Verify(must(s.Sign(c)), []byte(withoutReceipt), s.Public()); err == nil || !strings.Contains(err.Error(), "outside the checkpoint") {
			t.Errorf("entry %d of 9: %v", index, err)
		}
	}
}

// TestGrowthControls is TestControls for the growth of the log.
func TestGrowthControls(t *testing.T) {
	s, forger := newSigner(1), newSigner(2)
	log, fork := logOf("5"), logOf("another")
	at := func(s *Signer, l *tree, n int64) []byte { return must(s.Checkpoint(n, l.root(n))) }
	none := must(s.Checkpoint(0, tlog.Hash{1}))
	fromNone := must(json.Marshal(Consistency{ConsistencySchema, 0, string(at(s, log, 9)), [][]byte{}}))
	for name, c := range map[string]struct {
		old, later, proof []byte
		gone, says        string
	}{
		"a checkpoint of another key":    {at(forger, log, 6), nil, log.growth(s, 6, 9), "earlier checkpoint", "earlier checkpoint is not signed"},
		"a log of another key":           {at(s, log, 6), nil, log.growth(forger, 6, 9), "later checkpoint", "later checkpoint, in the proof, is not signed"},
		"a fork":                         {at(s, fork, 6), nil, log.growth(s, 6, 9), "consistency", "does not begin"},
		"a proof from elsewhere":         {at(s, log, 6), nil, log.growth(s, 5, 9), "", "not from the earlier"},
		"not from nothing":               {none, nil, fromNone, "consistency", "does not begin"},
		"a proof to a log not held":      {at(s, log, 6), at(s, fork, 9), log.growth(s, 6, 9), "held checkpoint", "forked"},
		"a proof to another size":        {at(s, log, 6), at(s, log, 8), log.growth(s, 6, 9), "held checkpoint", "it leads to a log of"},
		"a checkpoint held of another's": {at(s, log, 6), at(forger, log, 9), log.growth(s, 6, 9), "held checkpoint", "not signed"},
		"the sizes the other way round":  {at(s, log, 9), nil, log.growth(s, 6, 6), "", "not from the earlier"},
	} {
		if _, _, err := checkGrowth(c.old, c.later, c.proof, s.Public(), growthChecks); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if c.gone == "" {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(growthChecks), func(g growthCheck) bool { return g.name == c.gone })
		if _, _, err := checkGrowth(c.old, c.later, c.proof, s.Public(), rest); err != nil {
			t.Errorf("%s: without %q it is no forgery: %v", name, c.gone, err)
		}
	}
	for from := int64(1); from <= 9; from++ {
		for to := from; to <= 9; to++ {
			if n, m, err := CheckBetween(at(s, log, from), at(s, log, to), log.growth(s, from, to), s.Public()); err != nil || n != from || m != to {
				t.Errorf("%d to %d: %d, %d, %v", from, to, n, m, err)
			}
		}
	}
	if _, _, err := CheckConsistency(must(s.Checkpoint(0, log.root(0))), fromNone, s.Public()); err != nil {
		t.Errorf("from nothing: %v", err)
	}
}

// TestArgon checks proofs of a public Certificate Transparency log (RFC 6962).
func TestArgon(t *testing.T) {
	read := func(name string, into any) {
		t.Helper()
		if err := json.Unmarshal(must(os.ReadFile("testdata/argon2020/"+name+".json")), into); err != nil {
			t.Fatal(name, err)
		}
	}
	var head struct {
		Size int64     `json:"tree_size"`
		Root tlog.Hash `json:"sha256_root_hash"`
	}
	var leaf struct {
		Entries []struct {
			Data []byte `json:"leaf_input"`
		} `json:"entries"`
	}
	var inclusion struct {
		Index int64    `json:"leaf_index"`
		Path  [][]byte `json:"audit_path"`
	}
	var consistency struct {
		Path [][]byte `json:"consistency"`
	}
	read("sth", &head)
	read("entries", &leaf)
	read("proof", &inclusion)
	read("consistency", &consistency)
	included := func(path [][]byte) error {
		log := LogProof{Entry: string(leaf.Entries[0].Data), Index: inclusion.Index, Inclusion: path}
		return checks[slices.IndexFunc(checks, func(c check) bool { return c.name == "inclusion" })].hold(&shown{Receipt: &Receipt{Claims: Claims{Log: log}}, n: head.Size, root: head.Root})
	}
	before := must(tlog.ParseHash("AuIZ5V6sDUj1vn3Y1K85oOaQ7y+FJJKtyRTl1edIKBQ="))
	grown := func(path [][]byte) error {
		return growthChecks[slices.IndexFunc(growthChecks, func(c growthCheck) bool { return c.name == "consistency" })].hold(
			&growth{Consistency: Consistency{Path: path}, from: 3654490, to: head.Size, before: before, after: head.Root})
	}
	for name, c := range map[string]struct {
		path [][]byte
		hold func([][]byte) error
	}{"inclusion": {inclusion.Path, included}, "consistency": {consistency.Path, grown}} {
		if err := c.hold(c.path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i := range c.path {
			for what, bad := range map[string][][]byte{
				"left out": slices.Delete(slices.Clone(c.path), i, i+1),
				"changed":  slices.Replace(slices.Clone(c.path), i, i+1, append([]byte{c.path[i][0] ^ 1}, c.path[i][1:]...)),
				"twice":    slices.Insert(slices.Clone(c.path), i, c.path[i]),
				"short":    slices.Replace(slices.Clone(c.path), i, i+1, c.path[i][:31]),
			} {
				if c.hold(bad) == nil {
					t.Errorf("%s: with hash %d %s it holds", name, i, what)
				}
			}
		}
	}
}

// TestOneCheckpoint: a checkpoint has one form: no stray bits at the end of its
// signature, no other line.
func TestOneCheckpoint(t *testing.T) {
	s := newSigner(1)
	good := must(s.Checkpoint(3, tlog.Hash{1}))
	if n, root, err := s.OpenCheckpoint(good); err != nil || n != 3 || root != (tlog.Hash{1}) {
		t.Fatal(n, root, err)
	}
	last := len(good) - len("=\n") - 1
	stray := bytes.Clone(good)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	stray[last] = alphabet[strings.IndexByte(alphabet, stray[last])^1]
	other := must(newSigner(2).Checkpoint(3, tlog.Hash{1}))
	for name, bad := range map[string]string{
		"stray bits":          string(stray),
		"its signature twice": string(good) + string(good[bytes.LastIndex(good, []byte("— ")):]),
		"another's signature": string(good) + string(other[bytes.LastIndex(other, []byte("— ")):]),
		"another's alone":     string(other),
		"a line more":         strings.Replace(string(good), "\n\n", "\nx\n\n", 1),
		"nothing":             "",
	} {
		if _, _, err := s.OpenCheckpoint([]byte(bad)); err == nil {
			t.Errorf("%s: it opens", name)
		}
	}
	for i, line := range []string{"", "awase/test", s.VerifierKey() + "\n" + s.VerifierKey(), strings.Replace(s.VerifierKey(), "awase/test", "awase/best", 1)} {
		if _, err := ParseVerifierKey(line); err == nil {
			t.Errorf("key line %d is read", i)
		}
	}
	if key := must(ParseVerifierKey(" " + s.VerifierKey() + "\r\n")); !key.Equal(s.Public()) || len(Fingerprint(key)) != 39 || Fingerprint(key) == Fingerprint(newSigner(2).Public()) {
		t.Errorf("the key is read as another, of fingerprint %s", Fingerprint(key))
	}
}

// FuzzVerifyFile: nothing but a released table verifies, and no file panics.
func FuzzVerifyFile(f *testing.F) {
	s := newSigner(1)
	good := file(withoutReceipt, signed(s, withoutReceipt))
	var want bytes.Buffer
	if err := json.Compact(&want, good); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"receipt":{"schema":"awase.receipt/v1"}}`))
	f.Add([]byte(fmt.Sprintf(`{"receipt":{"schema":"awase.receipt/v1","key":"%044d"}}`, 0)))
	f.Fuzz(func(t *testing.T, content []byte) {
		if _, err := VerifyFile(content, s.Public()); err != nil {
			return
		}
		var escaped, wanted, got bytes.Buffer
		json.HTMLEscape(&wanted, want.Bytes())
		if err := json.Compact(&got, content); err != nil {
			t.Fatal(err)
		}
		json.HTMLEscape(&escaped, got.Bytes())
		if !bytes.Equal(escaped.Bytes(), wanted.Bytes()) {
			t.Error("another file verifies")
		}
	})
}
