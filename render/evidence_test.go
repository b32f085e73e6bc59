package render

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// evidenceSample is evidence with something in each list. What it says of itself is
// hostile where others write it.
func evidenceSample(incident bool) *wire.EvidenceFile {
	c := &entrustment.Contract{Schema: "awase.entrustment/v1", ID: "acme-2026", Flow: entrustment.FlowOutsourcing5, Runs: "5-analysis", Principal: "operator", Trustee: "acme", Purpose: "statistics",
		Basis:       []entrustment.Basis{{Party: "operator", Code: entrustment.BasisConsentPolicy, Policy: "v2", Clauses: []string{"5"}}, {Party: "acme", Code: entrustment.BasisConsent27, Scope: "=1+1"}},
		Identifiers: []string{"email"}, Attributes: []string{"age_band"}, Recipients: []string{"operator"}, Retention: entrustment.Retention{Lists: 90, Reports: 365}, From: entrustment.Date{Year: 2026, Month: 4, Day: 1}, Until: entrustment.Date{Year: 2026, Month: 9, Day: 30}}
	const at = "2026-04-02T01:30:00Z"
	entry := func(seq int64, kind, detail string) wire.EvidenceEntry {
		return wire.EvidenceEntry{LogEntry: wire.LogEntry{Seq: seq, At: at, Kind: kind, Party: "acme", Entrustment: "acme-2026", Detail: json.RawMessage(detail), Leaf: strings.Repeat("ab", 32)}, Path: [][]byte{}}
	}
	f := &wire.EvidenceFile{Schema: wire.EvidenceSchema, Entrustment: "acme-2026", Operator: "operator", At: at, Key: make([]byte, 32), Size: 9, Checkpoint: "awase/test\n9\nroot\n",
		Parties:   []wire.EvidenceParty{{ID: "acme", Class: entrustment.ClassTrustee, Country: "US", Delivery: "1a2b-3c4d-5e6f-7081-92a3-b4c5-d6e7-f809"}, {ID: "operator", Class: entrustment.ClassOperator, Country: "JP"}},
		Contracts: []wire.EvidenceContract{{Entrustment: "acme-2026", Version: 1, Seq: 3, At: at, Document: strings.Repeat("cd", 32), Contract: c, Approvals: []wire.EvidenceApproval{{Party: "operator", Officer: "sato", Key: "ed25519:AAAA", Seq: 3, At: at}}}},
		Entries: []wire.EvidenceEntry{entry(3, "approval", `{"draft":"x","effective":true,"act":"entrust"}`), entry(4, "list", `{"name":"spring","version":1,"change":"replace"}`),
			entry(5, "report", `{"version":1,"recipient":"operator"}`), entry(6, "refusal", `{"act":"\u003cscript\u003ealert(1)\u003c/script\u003e"}`), entry(7, "end", `{"version":1}`), entry(8, "later-kind", `{}`)},
		Uploads: []wire.EvidenceUpload{{Seq: 4, At: at, Party: "acme", Entrustment: "acme-2026", Kind: "list", Name: "spring", Version: 1}},
		SubTrustees: []wire.EvidenceSubTrustee{{Entrustment: "acme-2026", Version: 1, Party: "helper", Country: entrustment.Country{Country: "SG", Ground: "equivalent-measures"}, Work: []entrustment.Work{"ask", "operate", "<b>"},
			Consent: "sha256:" + strings.Repeat("12", 32), From: c.From, Until: c.Until, Charges: 1, Releases: 1, Refusals: 1}},
		Asks: []wire.EvidenceAsk{{Seq: 4, At: at, Entrustment: "acme-2026", Party: "helper", Act: "charge", Report: "profile"}, {Seq: 5, At: at, Entrustment: "acme-2026", Party: "helper", Act: "release", Recipient: "operator"},
			{Seq: 6, At: at, Entrustment: "acme-2026", Party: "acme", Act: "refusal", Code: "E_FORBIDDEN", Clause: "recipients"}},
		Releases: []wire.EvidenceRelease{{Seq: 5, At: at, Entrustment: "acme-2026", Version: 1, Recipient: "operator", Table: strings.Repeat("ef", 32), RhoNano: 5_000_000, Confinement: "confined"}},
		Accounts: []wire.EvidenceAccount{{Recipient: "operator", Owner: "acme", Charges: 2, RhoNano: 10_000_000, DeltaE15: 2e9}},
		Provisions: []wire.EvidenceProvision{{Seq: 4, At: at, Entrustment: "acme-2026", Version: 1, From: "operator", To: "acme", Country: entrustment.Country{Country: "US", Ground: "consent", Evidence: "sha256:ab"}, Kind: "list",
			Items: []string{"email", "=cmd"}, Basis: c.Basis, Keep: entrustment.Date{Year: 2029, Month: 4, Day: 2}}},
		Ends:        []wire.EvidenceCertificate{{Entrustment: "acme-2026", Certificate: `{"version":1,"status":"key-destroyed","ended_at":"2026-04-02T01:30:00Z","end":{"index":7}}`}},
		Attestation: `{"mode":"process","build":"0123","policy":"4567","confinement":{"short":"confined"}}`,
	}
	if incident {
		f.Entrustment, f.From, f.To = "", entrustment.Date{Year: 2026, Month: 4, Day: 1}, entrustment.Date{Year: 2026, Month: 4, Day: 3}
		f.Uploads[0].Rows = 12345
		f.Held = []wire.EvidenceUpload{{Seq: 1, At: "2026-03-01T00:00:00Z", Party: "operator", Kind: "base", Version: 2, Rows: 54321},
			{Seq: 2, At: "2026-03-01T00:00:00Z", Party: "acme", Entrustment: "acme-2026", Kind: "list", Name: "spring", Version: 1, Rows: 23456}}
		f.Dev, f.Practice = true, true
	}
	return f
}

// signedSample is evidence as the enclave writes it; who signs it is no matter here.
func signedSample(t testing.TB, f *wire.EvidenceFile) []byte {
	t.Helper()
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, "%s,\"signature\":%q}\n", raw[:len(raw)-1], base64.StdEncoding.EncodeToString(make([]byte, 64)))
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func packOf(t testing.TB, f *wire.EvidenceFile) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := EvidencePack(&b, signedSample(t, f)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestEvidencePages: the pages in both languages, the CSV and the text of the PDF are
// the golden ones; what others wrote is text there and nothing else.
func TestEvidencePages(t *testing.T) {
	for name, incident := range map[string]bool{"evidence": false, "incident": true} {
		p, err := ReadPack(packOf(t, evidenceSample(incident)))
		if err != nil {
			t.Fatal(err)
		}
		if rendered, err := p.Check(); err != nil || !rendered {
			t.Errorf("%s: %v, %v", name, rendered, err)
		}
		for _, file := range []string{"index.html", "index.en.html", "provisions.csv"} {
			golden(t, name+"."+file, p.files[file])
			if text := string(p.files[file]); strings.Contains(text, "<script") || strings.Contains(text, "\n=") || strings.Contains(text, ",=") {
				t.Errorf("%s: %s runs what others wrote", name, file)
			}
		}
		golden(t, name+".pdf.txt", []byte(strings.Join(pdfText(t, p.files["evidence.pdf"]), "\f\n")))
	}
	if first, again := packOf(t, evidenceSample(false)), packOf(t, evidenceSample(false)); !bytes.Equal(first, again) {
		t.Error("the same evidence gave another pack")
	}
}

// TestIncidentItems: each item that a report of a leak has to tell stands in the
// export, in the order of the rule, with what there is to count; and each that a record
// of a provision has to have stands in evidence.
func TestIncidentItems(t *testing.T) {
	f := evidenceSample(true)
	d := reportDocket(f)
	for i, want := range [][2]string{{"一 概要", "outline"}, {"二 個人データの項目", "items of personal data"}, {"三 本人の数", "number of people"}, {"四 原因", "cause"}, {"五 二次被害", "secondary damage"},
		{"六 本人への対応", "measures towards the people"}, {"七 公表", "publication"}, {"八 再発防止", "measures against recurrence"}, {"九 その他", "other"}} {
		if item := d.rows[i][0]; !strings.HasPrefix(item.ja, want[0]) || !strings.HasSuffix(item.en, want[1]) {
			t.Errorf("item %d is %q, want %q", i, item, want)
		}
		for _, cell := range d.rows[i] {
			if cell.ja == "" || cell.en == "" || cell.ja == cell.en {
				t.Errorf("item %d is not said in both languages: %q", i, cell)
			}
		}
	}
	// The list was 23,456 rows when the period began and 12,345 in it: it is one list.
	if people := d.rows[2][1]; len(d.rows) != 9 || !strings.Contains(people.ja, "54,321 人") || !strings.Contains(people.ja, "1 件 23,456 行") || strings.Contains(people.ja, "12,345") {
		t.Errorf("%d items, people %q", len(d.rows), people)
	}
	if cause := d.rows[3][1]; !strings.Contains(cause.ja, "拒否 1 件") || !strings.Contains(cause.ja, "警報 0 件") {
		t.Errorf("cause %q", cause)
	}
	recorded := recordedDocket(evidenceSample(false))
	for i, want := range []string{"年月日", "氏名・名称、住所", "本人を特定", "項目", "同意", "取得の経緯", "外国", "保存期間"} {
		if !strings.Contains(recorded.rows[i][0].ja, want) {
			t.Errorf("item %d is %q, want %q", i, recorded.rows[i][0].ja, want)
		}
	}
}

// TestDetailWords: what an entry says is words and values, in its order; what can't be
// read stands as it is, and nothing that somebody wrote is taken for a word of ours but
// where it can be none else.
func TestDetailWords(t *testing.T) {
	for raw, want := range map[string]text{
		`{"name":"base","version":1200,"change":""}`:   {"名前：base、版：1,200", "name: base, version: 1,200"},
		`{"act":"base","all":true}`:                    {"行為：利用者基盤の読込、すべて：はい", "act: base loaded, all: yes"},
		`[{"rho_nano":5000000,"later":[1,"x"]}]`:       {"（ρ：0.005、later：1、x）", "(rho: 0.005, later: 1, x)"},
		`{"draft":"` + strings.Repeat("ab", 32) + `"}`: {"草案：abababababababab…", "draft: abababababababab…"},
		`{"expires":"2026-04-02T01:30:00Z"}`:           {"失効：2026年4月2日 10:30", "expires: 2 Apr 2026, 10:30 JST"},
		`{}`:                                           or(""), "": or(""), `{"a":`: asIs(`{"a":`), `{} {}`: asIs(`{} {}`),
		strings.Repeat("[", 20) + strings.Repeat("]", 20): asIs(strings.Repeat("[", 20) + strings.Repeat("]", 20)),
	} {
		if got := detailWords(json.RawMessage(raw)); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

// repack writes a pack anew, changed.
func repack(t testing.TB, data []byte, change func(files map[string][]byte)) []byte {
	t.Helper()
	p, err := ReadPack(data)
	if err != nil {
		t.Fatal(err)
	}
	change(p.files)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, raw := range p.files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPackTampered: each file that is changed, missing or added is noticed and
// named, also where the manifest was made to fit.
func TestPackTampered(t *testing.T) {
	good := packOf(t, evidenceSample(false))
	p, err := ReadPack(good)
	if err != nil {
		t.Fatal(err)
	}
	fit := func(files map[string][]byte) {
		var m manifest
		if err := json.Unmarshal(files[manifestFile], &m); err != nil {
			t.Fatal(err)
		}
		for i := range m.Files {
			f := &m.Files[i]
			f.Bytes, f.SHA256 = len(files[f.Name]), hashOf(files[f.Name])
		}
		files[manifestFile], _ = json.MarshalIndent(m, "", "  ")
	}
	for name := range p.files {
		for what, change := range map[string]func(map[string][]byte){
			"changed": func(files map[string][]byte) { files[name] = append(bytes.Clone(files[name]), ' ') },
			"changed, with a manifest that fits": func(files map[string][]byte) {
				files[name] = append(bytes.Clone(files[name]), ' ')
				if name != manifestFile {
					fit(files)
				}
			},
			"missing": func(files map[string][]byte) { delete(files, name) },
		} {
			if name == EvidenceFile {
				continue // its signature is receipt.VerifyEvidence's, below its loss
			}
			bad, err := ReadPack(repack(t, good, change))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := bad.Check(); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
	if _, err := ReadPack(repack(t, good, func(files map[string][]byte) { delete(files, EvidenceFile) })); !errors.Is(err, ErrNoPack) {
		t.Errorf("without evidence: %v", err)
	}
	added, err := ReadPack(repack(t, good, func(files map[string][]byte) { files["certificates/other.json"] = []byte("{}") }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := added.Check(); err == nil || !strings.Contains(err.Error(), "certificates/other.json was added") {
		t.Errorf("a file more: %v", err)
	}
	// A pack of another version: what is taken out is held, and it says that the rest is not.
	another := func(change func(map[string][]byte)) (bool, error) {
		p, err := ReadPack(repack(t, good, func(files map[string][]byte) {
			files[manifestFile] = bytes.Replace(files[manifestFile], fmt.Appendf(nil, "\"form\": %d", packForm), fmt.Appendf(nil, "\"form\": %d", packForm+1), 1)
			change(files)
		}))
		if err != nil {
			t.Fatal(err)
		}
		return p.Check()
	}
	if rendered, err := another(func(files map[string][]byte) { files["index.html"] = []byte("another page"); fit(files) }); rendered || err != nil {
		t.Errorf("of another version: %v, %v", rendered, err)
	}
	for _, name := range []string{"checkpoint.txt", "index.html"} {
		if _, err := another(func(files map[string][]byte) { files[name] = []byte("x") }); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("of another version, %s changed: %v", name, err)
		}
	}
}

// TestPackContainer: a ZIP whose files are those of the evidence and whose own bytes
// were changed does not check, wherever the change is: a name or a date that stands
// there twice, something before, after or between, and what follows in a stream.
func TestPackContainer(t *testing.T) {
	t.Parallel()
	good := packOf(t, evidenceSample(false))
	without := func([]packed, time.Time) error { return nil } // the twin, which looks at the files alone
	check := func(data []byte, twin bool) error {
		p, err := ReadPack(data)
		if err != nil {
			return err
		}
		hold := p.container
		if twin {
			hold = without
		}
		rendered, err := p.check(hold)
		if err == nil && !rendered {
			t.Error("read as of another version")
		}
		return err
	}
	if err := check(good, false); err != nil {
		t.Fatal(err)
	}
	directory := bytes.Index(good, []byte("PK\x01\x02"))
	flip := func(at int) []byte {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		return bad
	}
	for what, bad := range map[string][]byte{
		"another name in the local header":    bytes.Replace(good, []byte("evidence.pdf"), []byte("evidence.pdg"), 1),
		"another date in the local header":    flip(12),
		"another date in the directory":       flip(directory + 14),
		"bytes appended":                      append(bytes.Clone(good), "more"...),
		"bytes before":                        append([]byte("#!/bin/sh\n"), good...),
		"a comment":                           append(append(bytes.Clone(good[:len(good)-2]), 4, 0), "more"...),
		"bytes between files and directory":   inserted(good, directory, "more"),
		"another creator":                     flip(directory + 5),
		"attributes":                          flip(directory + 38),
		"other files' order":                  repack(t, good, func(map[string][]byte) {}),
		"something after the end of a stream": streamed(t, good, func(b []byte) []byte { return append(bytes.Clone(b), "more"...) }),
	} {
		if bytes.Equal(bad, good) {
			t.Fatalf("%s: nothing changed", what)
		}
		if err := check(bad, false); !errors.Is(err, errContainer) {
			t.Errorf("%s: %v", what, err)
		}
		if err := check(bad, true); err != nil {
			t.Errorf("%s is noticed without the check of the ZIP: %v", what, err)
		}
	}
	// A compressor of another version says the same in other bytes.
	slower := streamed(t, good, func(b []byte) []byte {
		raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(b)))
		var out bytes.Buffer
		w, werr := flate.NewWriter(&out, flate.HuffmanOnly)
		if err = errors.Join(err, werr); err == nil {
			_, err = w.Write(raw)
		}
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	})
	if err := check(slower, false); err != nil {
		t.Errorf("compressed otherwise: %v", err)
	}
}

// inserted puts text into a ZIP before its directory, and has the end point to it.
func inserted(good []byte, directory int, text string) []byte {
	bad := append(append(bytes.Clone(good[:directory]), text...), good[directory:]...)
	binary.LittleEndian.PutUint32(bad[len(bad)-6:], uint32(directory+len(text)))
	return bad
}

// streamed writes a pack with other compressed streams and headers that fit.
func streamed(t *testing.T, good []byte, change func([]byte) []byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range in.File {
		h, stream := f.FileHeader, change(streamOf(good, f))
		h.CompressedSize64 = uint64(len(stream))
		w, err := z.CreateRaw(&h)
		if err == nil {
			_, err = w.Write(stream)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestPackBounds: what no pack has is refused before it is held in memory.
func TestPackBounds(t *testing.T) {
	zipped := func(files ...packed) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, f := range files {
			w, err := z.Create(f.name)
			if err == nil {
				_, err = w.Write(f.data)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	of := func(name string) packed { return packed{name: name, data: []byte("{}")} }
	many := []packed{of(EvidenceFile)}
	for i := range maxPackFiles {
		many = append(many, of(fmt.Sprintf("certificates/c%d.json", i)))
	}
	bomb := packed{name: "index.html", data: make([]byte, maxPackFile+1)}
	for what, c := range map[string]struct {
		data []byte
		says string
	}{
		"no ZIP":             {[]byte("PK\x03\x04 and nothing"), "no pack"},
		"another ZIP":        {zipped(of("xl/workbook.xml")), "no pack"},
		"a bomb":             {zipped(of(EvidenceFile), bomb), "larger than any"},
		"too many":           {zipped(many...), "more than"},
		"one twice":          {zipped(of(EvidenceFile), of(EvidenceFile)), "twice"},
		"a path":             {zipped(of(EvidenceFile), of("../evidence.json")), "no pack has"},
		"a path of an id":    {zipped(of(EvidenceFile), of("certificates/../x.json")), "no pack has"},
		"longer than it may": {make([]byte, MaxPack+1), "at most"},
	} {
		if _, err := ReadPack(c.data); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, raw := range map[string]string{"nothing": "{}", "a release": `{"schema":"awase.release/v1"}`, "no contract": `{"schema":"awase.evidence/v1","at":"2026-04-02T01:30:00Z","contracts":[{}],"signature":"AA=="}`,
		"a name that is a path": `{"schema":"awase.evidence/v1","at":"2026-04-02T01:30:00Z","ends":[{"entrustment":"../x"}],"signature":"AA=="}`} {
		if err := EvidencePack(io.Discard, []byte(raw)); err == nil {
			t.Errorf("%s was packed", what)
		}
	}
}

// TestEvidenceKinds: the kinds that the enclave writes have words in both languages.
func TestEvidenceKinds(t *testing.T) {
	for _, kind := range []string{"approval", "alarm", "backup", "base", "charge", "draft", "end", "engine", "entrust", "events", "freeze", "lift", "list", "party", "refusal", "report", "restore", "table"} {
		if w := kindWord(kind); w.ja == kind || w.en == "" {
			t.Errorf("%s has no words", kind)
		}
	}
	if kindWord("later-kind") != asIs("later-kind") {
		t.Error("a kind of a later version does not keep its name")
	}
}

// FuzzReadPack: no file panics or takes more than its bounds, and only a whole pack
// checks.
func FuzzReadPack(f *testing.F) {
	good := packOf(f, evidenceSample(false))
	whole, err := ReadPack(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(repack(f, good, func(files map[string][]byte) { files["checkpoint.txt"] = nil }))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadPack(data)
		if err != nil {
			return
		}
		n := 0
		for _, raw := range p.files {
			n += len(raw)
		}
		if n > maxPackAll+maxPackFile {
			t.Errorf("%d bytes were read", n)
		}
		if !bytes.Equal(p.Evidence(), whole.Evidence()) {
			return // its signature does not fit
		}
		if rendered, err := p.Check(); err == nil && rendered {
			for name, raw := range whole.files {
				if !bytes.Equal(raw, p.files[name]) {
					t.Errorf("%s differs, and it checks", name)
				}
			}
		}
	})
}

// TestEvidencePDF: the PDF has what the page has, in both languages.
func TestEvidencePDF(t *testing.T) {
	for _, incident := range []bool{false, true} {
		p, err := ReadPack(packOf(t, evidenceSample(incident)))
		if err != nil {
			t.Fatal(err)
		}
		shown := strings.ReplaceAll(strings.Join(pdfText(t, p.files["evidence.pdf"]), ""), "\n", "")
		d := dossierOf(evidenceSample(incident))
		for _, want := range []string{d.title.ja, d.title.en, "operator → acme", "sato", "鍵を破棄済み", "2029-04-02", "awase verify"} {
			if !strings.Contains(strings.ReplaceAll(shown, " ", ""), strings.ReplaceAll(want, " ", "")) {
				t.Errorf("incident %v: %q is not in the PDF", incident, want)
			}
		}
	}
}

// BenchmarkEvidencePack packs a file of as many entries as one may hold; bytes is the
// size of the ZIP.
func BenchmarkEvidencePack(b *testing.B) {
	f := evidenceSample(true)
	one := f.Entries[3]
	f.Entries = nil
	for i := range wire.MaxEvidence {
		one.Seq, one.Path = int64(i), make([][]byte, 13)
		for j := range one.Path {
			one.Path[j] = fmt.Appendf(nil, "%032x", i<<8+j)[:32]
		}
		f.Entries = append(f.Entries, one)
	}
	raw := signedSample(b, f)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		var out bytes.Buffer
		if err := EvidencePack(&out, raw); err != nil {
			b.Fatal(err)
		}
		n = out.Len()
	}
	b.ReportMetric(float64(n), "bytes")
}
