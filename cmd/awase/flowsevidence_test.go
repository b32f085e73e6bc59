package main

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"awase/enclave/wire"
	"awase/entrustment"
)

// supervised: the operator's auditor takes the supervision file of what the trustee's
// and the sub-trustee's people did, up to the certificate of destruction; it verifies,
// it says who asked, and it holds nobody.
func (f *flowRoom) supervised(t *testing.T) {
	t.Helper()
	for _, who := range []string{"worker", "helper"} {
		if j, text := f.profile(t, who, "acme-out", "members", "shoe_size"); j.State != "failed" || !strings.Contains(text, "E_DIM_FORBIDDEN") {
			t.Errorf("%s asks for what is not listed: %s", who, text)
		}
	}
	f.refused(t, "helper", "needs the role", "evidence", "--out", "helper.zip", "acme-out") // none of its people here is an auditor
	f.must(t, "officer", "entrust", "outsourced-alone.yaml")
	if status, _, text := f.ask("POST", "/v1/reports", `{"question":{"schema":"awase.report/v1","report":"profile","entrustment":"acme-out","list":"members","dims":["gender"]}}`, "Authorization", "Bearer "+f.tokens["helper"]); status != 404 {
		t.Errorf("taken out, the sub-trustee is told %d %s", status, text)
	}
	f.must(t, "officer", "entrustment", "end", "--yes", "acme-out")
	f.must(t, "auditor", "evidence", "--out", "evidence.zip", "acme-out")
	if said := mustRun(t, f.dir, "verify", "--key", "awase.key", "evidence.zip"); !strings.Contains(said, "evidence of the entrustment acme-out") || !strings.Contains(said, "1 certificate of destruction") || !strings.Contains(said, "pages, PDF and CSV are what the signed evidence.json gives") {
		t.Errorf("%s", said)
	}
	files := unzipped(t, filepath.Join(f.dir, "evidence.zip"))
	var e wire.EvidenceFile
	if err := json.Unmarshal(files["evidence.json"], &e); err != nil {
		t.Fatal(err)
	}
	did := map[string]int{}
	for _, a := range e.Asks {
		did[a.Party+" "+a.Act+" "+a.Recipient+string(a.Code)]++
	}
	for _, want := range []string{"worker charge ", "worker release acme", "worker refusal E_DIM_FORBIDDEN", "helper charge ", "helper release acme", "helper refusal E_DIM_FORBIDDEN"} {
		if did[want] != 1 {
			t.Errorf("the evidence has %q %d times: %v", want, did[want], did)
		}
	}
	s := e.SubTrustees
	if len(s) != 1 || s[0].Version != 1 || s[0].Party != "helper" || s[0].Consent != "sha256:"+flowConsent || s[0].Country.Country != "JP" || s[0].From.String() != "2026-04-01" || s[0].Until.String() != "2036-03-31" ||
		s[0].Charges != 1 || s[0].Releases != 1 || s[0].Refusals != 1 || !slices.Equal(s[0].Work, []entrustment.Work{entrustment.WorkAsk}) {
		t.Errorf("sub-trustees: %+v", s)
	}
	if len(e.Contracts) != 2 || len(e.Contracts[1].Contract.SubTrustees) != 0 || len(e.Releases) != 2 || len(e.Accounts) == 0 || len(e.Ends) != 1 || e.Attestation == "" || files["certificates/acme-out.json"] == nil {
		t.Errorf("versions %d, releases %d, accounts %d, ends %d", len(e.Contracts), len(e.Releases), len(e.Accounts), len(e.Ends))
	}
	for page, words := range map[string]string{"index.html": "再委託先", "index.en.html": "Sub-trustees"} {
		if text := string(files[page]); !strings.Contains(text, words) || !strings.Contains(text, flowConsent) || !strings.Contains(text, "helper") {
			t.Errorf("%s says nothing of the sub-trustee", page)
		}
	}
	if found := planted(files); len(found) > 0 {
		t.Errorf("the evidence holds %v", found)
	}
	for _, p := range plants() { // the search is one
		with := map[string][]byte{"evidence.pdf": files["evidence.pdf"], "index.html": append(bytes.Clone(files["index.html"]), strings.ToUpper(p)...)}
		if !slices.Contains(planted(with), p) {
			t.Error("a search finds nothing where something is planted")
		}
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		if _, err := io.WriteString(z, p); err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		if !slices.Contains(planted(map[string][]byte{"evidence.pdf": slices.Concat([]byte("x\nstream\n"), b.Bytes(), []byte("\nendstream"))}), p) {
			t.Error("a search does not look into the streams of a PDF")
		}
	}
}

// plants are what is known of one user of the world, who is in the base and in the
// client's list: mailbox, telephone number, their hashes, user key.
func plants() []string {
	const user = 12_000
	mail, phone := strings.ToLower(flowMail(user)), strings.ReplaceAll(number(user), "-", "")
	plus := "+81" + phone[1:]
	out := []string{mail, phone, number(user), plus, "u12000"}
	for _, s := range []string{mail, phone, plus} {
		h := sha256.Sum256([]byte(s))
		out = append(out, hex.EncodeToString(h[:]))
	}
	return out
}

var streams = regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`)

// planted gives what of the plants stands in the bytes of files, however it is
// capitalised, in streams of a PDF too.
func planted(files map[string][]byte) (found []string) {
	for _, raw := range files {
		all := [][]byte{bytes.ToLower(raw)}
		for _, s := range streams.FindAllSubmatch(raw, -1) {
			r, err := zlib.NewReader(bytes.NewReader(s[1]))
			if err != nil {
				continue // not packed: searched as it is
			}
			text, _ := io.ReadAll(r) // as much as there is of it
			all = append(all, bytes.ToLower(text))
		}
		for _, p := range plants() {
			if slices.ContainsFunc(all, func(b []byte) bool { return bytes.Contains(b, []byte(p)) }) {
				found = append(found, p)
			}
		}
	}
	return found
}

func unzipped(t *testing.T, name string) map[string][]byte {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
