package api_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"awase/api"
	"awase/api/store"
	"awase/crypto/seal"
	"awase/entrustment"
	"awase/internal/apitest"
)

// uploader is somebody of a party who may send files.
func uploader(party string) api.Principal {
	return api.Principal{Person: "per-" + party, Party: party, Roles: []api.Role{api.AdOps}, Operator: party == "operator", Session: "ses"}
}

// entrusted puts parties and contracts into a room: acme and beta have one each.
func entrusted(t testing.TB, r *apitest.Room) {
	t.Helper()
	e := r.Enclave
	fail := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	for _, p := range []string{"operator", "acme", "beta"} {
		class := "client"
		if p == "operator" {
			class = p
		}
		party, err := entrustment.ParseParty("party.yaml", []byte("schema: awase.party/v1\nid: "+p+"\nclass: "+class+"\ngroup: "+p+"\ncountry: JP\n"))
		fail(err)
		_, err = e.AddParty(t.Context(), party)
		fail(err)
	}
	policies, err := entrustment.ParsePolicies("policies.yaml", []byte("schema: awase.policies/v1\npolicies:\n  - {version: \"2024\", date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n"))
	fail(err)
	_, err = e.SetPolicies(t.Context(), policies)
	fail(err)
	for _, p := range []string{"acme", "beta"} {
		c, err := entrustment.ParseContract("contract.yaml", fmt.Appendf(nil, `schema: awase.entrustment/v1
id: %[1]s-2026
flow: 5-analysis
principal: %[1]s
trustee: operator
purpose: statistics
basis:
  - {party: operator, code: CONSENT_POLICY, policy: "2024", clauses: ["5"], evidence: "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"}
  - {party: %[1]s, code: CONSENT_27_1, scope: analysis by the operator, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}
identifiers: [email]
attributes: []
outputs: [overlap]
recipients: [%[1]s]
countries: {%[1]s: JP}
retention: {lists: 90d, reports: 365d}
from: 2026-04-01
until: 2036-03-31
`, p))
		fail(err)
		_, err = e.Entrust(t.Context(), c)
		fail(err)
	}
}

// uploads starts a room with parties and contracts in it.
func uploads(t testing.TB, change ...func(*api.Options)) *apitest.Room {
	t.Helper()
	r := apitest.Start(t, change...)
	entrusted(t, r)
	return r
}

// sealedBytes begins as a sealed file does; what follows only the enclave reads.
func sealedBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	copy(b, seal.Magic)
	return b
}

func metadata(entrustmentID, name string) string {
	text := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return "entrustment " + text(entrustmentID) + ",name " + text(name)
}

const octets = "application/offset+octet-stream"

// create makes an upload of n bytes, and gives its path.
func create(t testing.TB, c *apitest.Client, party string, n int) string {
	t.Helper()
	return c.Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(n), "Upload-Metadata", metadata(party+"-2026", "spring")).
		Want(http.StatusCreated).Header.Get("Location")
}

func appendTo(c *apitest.Client, path string, at int, p []byte) *apitest.Answer {
	return c.Do(http.MethodPatch, path, p, "Tus-Resumable", "1.0.0", "Upload-Offset", strconv.Itoa(at), "Content-Type", octets)
}

func idOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func TestUpload(t *testing.T) {
	r := uploads(t)
	acme, beta := r.As(uploader("acme")), r.As(uploader("beta"))
	if got := r.Nobody().Do(http.MethodOptions, "/v1/uploads", nil).Want(http.StatusOK).Header.Get("Tus-Extension"); got != "creation,creation-with-upload,termination" {
		t.Errorf("extensions %q", got)
	}
	file := sealedBytes(100_000)
	path := create(t, acme, "acme", len(file))
	id := idOf(path)
	appendTo(acme, path, 0, file[:5]).Want(http.StatusNoContent) // less than what says that it is sealed
	appendTo(acme, path, 5, file[5:40_000]).Want(http.StatusNoContent)
	if _, err := os.Stat(filepath.Join(r.Inbox, id)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a file that is not whole has the name by which the enclave opens it: %v", err)
	}
	a := acme.Do(http.MethodHead, path, nil).Want(http.StatusOK)
	if a.Header.Get("Upload-Offset") != "40000" || a.Header.Get("Upload-Length") != "100000" {
		t.Fatalf("it stands at %v", a.Header)
	}
	// Nobody of another party sees it, ends its PATCH, or learns that it is there.
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
		beta.Do(method, path, nil, "Tus-Resumable", "1.0.0").Want(http.StatusNotFound)
	}
	appendTo(beta, path, 40_000, file[40_000:]).Want(http.StatusNotFound)
	var shown struct {
		State  store.UploadState
		Offset int
		Items  []struct{ ID string }
	}
	acme.Do(http.MethodGet, path, nil).Want(http.StatusOK).JSON(&shown)
	if shown.State != store.UploadOpen || shown.Offset != 40_000 {
		t.Fatalf("%+v", shown)
	}
	if got := appendTo(acme, path, 40_000, file[40_000:]).Want(http.StatusNoContent).Header.Get("Upload-Offset"); got != "100000" {
		t.Fatalf("it stands at %s", got)
	}
	acme.Do(http.MethodGet, path, nil).Want(http.StatusOK).JSON(&shown)
	if shown.State != store.UploadComplete {
		t.Fatalf("%+v", shown)
	}
	got, err := os.ReadFile(filepath.Join(r.Inbox, id))
	if err != nil || !bytes.Equal(got, file) {
		t.Fatalf("%d bytes of it, %v", len(got), err)
	}
	if st, err := os.Stat(filepath.Join(r.Inbox, id)); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", st.Mode(), err)
	}
	// The last answer may have been lost: who asks again sees that it is whole.
	if a := acme.Do(http.MethodHead, path, nil).Want(http.StatusOK); a.Header.Get("Upload-Offset") != "100000" {
		t.Fatalf("it stands at %v", a.Header)
	}
	acme.Do(http.MethodGet, "/v1/uploads", nil).Want(http.StatusOK).JSON(&shown)
	if len(shown.Items) != 1 || shown.Items[0].ID != id {
		t.Fatalf("%+v", shown)
	}
	beta.Do(http.MethodGet, "/v1/uploads", nil).Want(http.StatusOK).JSON(&shown)
	if len(shown.Items) != 0 {
		t.Fatalf("another party sees %+v", shown)
	}
	acme.Do(http.MethodDelete, path, nil, "Tus-Resumable", "1.0.0").Want(http.StatusNoContent)
	acme.Do(http.MethodHead, path, nil).Want(http.StatusNotFound)
	if left, err := os.ReadDir(r.Inbox); err != nil || len(left) != 0 {
		t.Fatalf("left in the inbox: %v %v", left, err)
	}
}

// What is refused when an upload is made; nothing of it stays.
func TestUploadNotMade(t *testing.T) {
	r := uploads(t, func(o *api.Options) { o.Uploads.Max = 1000 })
	good := metadata("acme-2026", "spring")
	text := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct {
		name   string
		as     string
		header []string // changed
		status int
		code   entrustment.Code
	}{
		{"too long", "acme", []string{"Upload-Length", "1001"}, 413, entrustment.CodeLimit},
		{"far too long", "acme", []string{"Upload-Length", "99999999999999999999"}, 400, entrustment.CodeSpec},
		{"empty", "acme", []string{"Upload-Length", "0"}, 422, entrustment.CodeFile},
		{"less than nothing", "acme", []string{"Upload-Length", "-1"}, 400, entrustment.CodeSpec},
		{"no length", "acme", []string{"Upload-Length", ""}, 400, entrustment.CodeSpec},
		{"length later", "acme", []string{"Upload-Length", "", "Upload-Defer-Length", "1"}, 400, entrustment.CodeSpec},
		{"no tus", "acme", []string{"Tus-Resumable", ""}, 412, entrustment.CodeSpec},
		{"no tus, by another method", "acme", []string{"Tus-Resumable", "", "X-HTTP-Method-Override", "GET"}, 412, entrustment.CodeSpec},
		{"concatenation", "acme", []string{"Upload-Concat", "final;/v1/uploads/a /v1/uploads/b", "Upload-Metadata", ""}, 422, entrustment.CodeSpec},
		{"no metadata", "acme", []string{"Upload-Metadata", ""}, 422, entrustment.CodeSpec},
		{"a file's name", "acme", []string{"Upload-Metadata", good + ",filename " + text("yamada-taro.csv")}, 422, entrustment.CodeSpec},
		{"twice", "acme", []string{"Upload-Metadata", good + ",name " + text("autumn")}, 422, entrustment.CodeSpec},
		{"no base64", "acme", []string{"Upload-Metadata", "entrustment acme-2026,name spring"}, 422, entrustment.CodeSpec},
		{"a line end", "acme", []string{"Upload-Metadata", metadata("acme-2026", "spring\r\nSet-Cookie: a=b")}, 422, entrustment.CodeSpec},
		{"a path", "acme", []string{"Upload-Metadata", metadata("acme-2026", "../../vault")}, 422, entrustment.CodeSpec},
		{"a path as entrustment", "acme", []string{"Upload-Metadata", metadata("../acme-2026", "spring")}, 422, entrustment.CodeSpec},
		{"a NUL", "acme", []string{"Upload-Metadata", metadata("acme-2026", "spring\x00")}, 422, entrustment.CodeSpec},
		{"too much", "acme", []string{"Upload-Metadata", metadata("acme-2026", strings.Repeat("a", 600))}, 422, entrustment.CodeSpec},
		{"the base of a contract", "acme", []string{"Upload-Metadata", metadata("acme-2026", "@base")}, 422, entrustment.CodeSpec},
		{"a list of nobody's", "operator", []string{"Upload-Metadata", metadata("@base", "spring")}, 422, entrustment.CodeSpec},
		{"no such contract", "acme", []string{"Upload-Metadata", metadata("acme-2027", "spring")}, 404, entrustment.CodeNotFound},
		{"another party's contract", "beta", nil, 404, entrustment.CodeNotFound},
		{"the operator's base, by a client", "acme", []string{"Upload-Metadata", metadata("@base", "@base")}, 404, entrustment.CodeNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := []string{"Tus-Resumable", "1.0.0", "Upload-Length", "500", "Upload-Metadata", good}
			a := r.As(uploader(c.as)).Bad(http.MethodPost, "/v1/uploads", nil, append(header, c.header...)...).Want(c.status)
			var p struct{ Code entrustment.Code }
			if a.JSON(&p); p.Code != c.code {
				t.Errorf("%s, want %s", a.Body, c.code)
			}
			for _, h := range []string{"Location", "Set-Cookie"} {
				if a.Header.Get(h) != "" {
					t.Errorf("%s: %s", h, a.Header.Get(h))
				}
			}
			if strings.Contains(string(a.Body), "yamada") || strings.Contains(string(a.Body), "vault") {
				t.Errorf("what was sent is said again: %s", a.Body)
			}
		})
	}
	r.As(uploader("acme")).Bad(http.MethodPost, "/v1/uploads", []byte("x"), "Tus-Resumable", "1.0.0", "Upload-Length", "500", "Upload-Metadata", good, "Content-Type", octets).
		Want(http.StatusUnprocessableEntity)
	var page struct{ Items []any }
	r.As(uploader("acme")).Do(http.MethodGet, "/v1/uploads", nil).JSON(&page)
	if len(page.Items) != 0 {
		t.Errorf("made: %v", page.Items)
	}
	if log := r.Log.String(); strings.Contains(log, "yamada") || strings.Contains(log, "Set-Cookie") {
		t.Errorf("what was sent is logged: %s", log)
	}
	// A Host of the client's is not told back.
	path := create(t, r.As(uploader("acme")), "acme", 500)
	if !strings.HasPrefix(path, "/v1/uploads/upl-") {
		t.Errorf("Location %s", path)
	}
}

// What is refused of an upload that is there.
func TestUploadNotTaken(t *testing.T) {
	r := uploads(t)
	acme := r.As(uploader("acme"))
	file := sealedBytes(1000)
	path := create(t, acme, "acme", len(file))
	empty := func() {
		t.Helper()
		if left, err := os.ReadDir(r.Inbox); err != nil || len(left) != 0 {
			t.Fatalf("in the inbox: %v %v", left, err)
		}
	}
	plain := []byte("email,name\ntaro@example.jp,山田太郎\n")
	a := appendTo(acme, path, 0, plain).Want(http.StatusUnprocessableEntity)
	for _, want := range []string{`"E_FILE"`, "awase seal", "awase upload"} {
		if !strings.Contains(string(a.Body), want) {
			t.Errorf("%s is not in %s", want, a.Body)
		}
	}
	appendTo(acme, path, 0, []byte("AWASEAL2")).Want(http.StatusUnprocessableEntity)
	empty() // not a byte of it was written
	appendTo(acme, path, 0, file[:3]).Want(http.StatusNoContent)
	appendTo(acme, path, 3, plain).Want(http.StatusUnprocessableEntity)
	appendTo(acme, path, 0, file).Want(http.StatusConflict)
	appendTo(acme, path, 4, file[4:]).Want(http.StatusConflict)
	appendTo(acme, path, 3, file).Want(http.StatusRequestEntityTooLarge)
	for _, at := range []string{"", "-1", "x", "3.0", "1e0", "0x3", "99999999999999999999"} {
		acme.Bad(http.MethodPatch, path, file[3:], "Tus-Resumable", "1.0.0", "Upload-Offset", at, "Content-Type", octets).Want(http.StatusBadRequest)
	}
	acme.Bad(http.MethodPatch, path, file[3:], "Tus-Resumable", "1.0.0", "Upload-Offset", "3").Want(http.StatusUnsupportedMediaType)
	// An id is nothing but an id.
	outside := filepath.Join(r.Dir, "control.db")
	for _, id := range []string{"%2e%2e", "..%2fcontrol.db", "%2e%2e%2fcontrol.db", "upl-", "upl-0000000000000000000000000%2e", strings.ToUpper(idOf(path)), idOf(path) + ".part",
		idOf(path) + "%00", "%2fetc%2fpasswd", idOf(path)[:29], "upl-%0d%0aX-Injected:%20yes0000"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodDelete} {
			res := raw(t, r, uploader("acme"), method, "/v1/uploads/"+id)
			if res.StatusCode != http.StatusNotFound || res.Header.Get("X-Injected") != "" {
				t.Errorf("%s %s: %d %v", method, id, res.StatusCode, res.Header)
			}
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}

// raw asks without the contract, which knows no such paths.
func raw(t *testing.T, r *apitest.Room, as api.Principal, method, path string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Token(as))
	req.Header.Set("Tus-Resumable", "1.0.0")
	req.Header.Set("Upload-Offset", "0")
	req.Header.Set("Content-Type", octets)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res
}

// Only who sends files may; the operator sees none of a client's.
func TestUploadRoles(t *testing.T) {
	r := uploads(t)
	for _, role := range api.Roles() {
		who := uploader("acme")
		who.Roles = []api.Role{role}
		want := http.StatusForbidden
		if role == api.AdOps {
			want = http.StatusCreated
		}
		r.As(who).Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "100", "Upload-Metadata", metadata("acme-2026", "spring")).Want(want)
	}
	path := create(t, r.As(uploader("acme")), "acme", 100)
	r.As(uploader("operator")).Do(http.MethodGet, path, nil).Want(http.StatusNotFound)
	token := uploader("acme")
	token.Token, token.Session, token.Scopes = "tok", "", []string{"uploads:read"}
	r.As(token).Do(http.MethodGet, path, nil).Want(http.StatusOK)
	r.As(token).Do(http.MethodDelete, path, nil, "Tus-Resumable", "1.0.0").Want(http.StatusForbidden)
	r.Nobody().Do(http.MethodGet, path, nil).Want(http.StatusUnauthorized)
	// The operator's own data has a reserved name.
	r.As(uploader("operator")).Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "100", "Upload-Metadata", metadata("@base", "@base")).Want(http.StatusCreated)
	r.As(uploader("operator")).Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "100", "Upload-Metadata", metadata("@base", "@events")).Want(http.StatusCreated)
}
