package api_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/entrustment"
	"awase/internal/apitest"
)

// hostile is one request of somebody who means ill, and what becomes of it.
type hostile struct {
	name         string
	as           api.Principal // the zero one: nobody
	method, path string
	header       []string
	body         any
	status       int
	has, hasNot  string
}

func gzipped(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// laughs is a document of aliases of aliases.
func laughs() string {
	var b strings.Builder
	b.WriteString("schema: awase.policies/v1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 20; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return b.String()
}

func TestHostile(t *testing.T) {
	r := furnished(t)
	op, acme, rival := everybody(apitest.Operator), everybody("acme"), everybody("rival")
	nobody := api.Principal{}
	const end = "/v1/entrustments/acme-spring/end"
	confirm := map[string]string{"confirm": "acme-spring"}
	rows := []hostile{
		// Bodies.
		{"a body too long", op, "PUT", "/v1/policies", nil, bytes.Repeat([]byte(" "), 1<<20+1), 413, `"code":"E_LIMIT"`, ""},
		{"a body too long, of nobody", nobody, "PUT", "/v1/policies", nil, bytes.Repeat([]byte(" "), 1<<20+1), 401, `E_SIGN_IN`, ""},
		{"a compressed body", op, "PUT", "/v1/policies", []string{"Content-Encoding", "gzip"}, gzipped(t, 50<<20), 415, `Content-Encoding`, ""},
		{"a body said not to be compressed", op, "PUT", "/v1/policies", []string{"Content-Encoding", "identity"}, policiesDoc, 415, `Content-Encoding`, ""},
		{"JSON that nests deep", acme, "POST", end, nil, strings.Repeat("[", 1<<19), 422, `nested too deep`, ""},
		{"JSON that nests deep inside", acme, "POST", end, nil, `{"confirm":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, 422, `nested too deep`, ""},
		{"a document that nests deep", op, "PUT", "/v1/policies", nil, strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), 422, `nested more than`, ""},
		{"a document of laughs", op, "PUT", "/v1/policies", []string{"Content-Type", asYAML}, laughs(), 422, `E_DOCUMENT`, ""},
		{"a document of many keys", op, "PUT", "/v1/policies", nil, `{"schema":"awase.policies/v1"` + strings.Repeat(`,"a":[]`, 100_000) + `}`, 422, `E_DOCUMENT`, ""},
		{"a number beyond numbers", acme, "POST", end, nil, `{"confirm":1e999999}`, 422, `"field":"body, confirm"`, ""},
		{"a key twice", acme, "POST", end, nil, `{"confirm":"no","confirm":"acme-spring"}`, 422, `given twice`, ""},
		{"a key twice, once in capitals", acme, "POST", end, nil, `{"confirm":"no","CONFIRM":"acme-spring"}`, 422, `does not take`, ""},
		{"two values", acme, "POST", end, nil, `{"confirm":"acme-spring"}{"confirm":"no"}`, 422, `not the JSON`, ""},
		{"text that is not UTF-8", acme, "POST", end, nil, "{\"confirm\":\"\xff\"}", 422, `not the JSON`, ""},
		{"no body", acme, "POST", end, nil, "", 422, `not the JSON`, ""},
		{"null", acme, "POST", end, nil, "null", 422, `"field":"confirm"`, ""},
		{"another type", acme, "POST", end, []string{"Content-Type", "text/plain"}, `{"confirm":"acme-spring"}`, 415, `Content-Type`, ""},
		{"a form", acme, "POST", end, []string{"Content-Type", "multipart/form-data; boundary=x"}, "--x--", 415, `Content-Type`, ""},
		// Addresses. In the plain form, the first would end the entrustment.
		{"a slash in an id", acme, "POST", "/v1/entrustments/acme-spring%2Fend", nil, confirm, 404, `no such page`, ""},
		{"dots", acme, "GET", "/v1/entrustments/../entrustments/acme-spring", nil, nil, 404, `no such page`, ""},
		{"dots in code", acme, "GET", "/v1/entrustments/%2e%2e/entrustments/acme-spring", nil, nil, 404, `no such page`, ""},
		{"code in code", acme, "GET", "/v1/entrustments/%252e%252e", nil, nil, 404, `no such page`, ""},
		{"a backslash", acme, "GET", "/v1/entrustments/..%5cacme-spring", nil, nil, 404, `no such page`, ""},
		{"two slashes", acme, "GET", "/v1//entrustments", nil, nil, 404, `no such page`, ""},
		{"a slash behind", acme, "GET", "/v1/entrustments/", nil, nil, 404, `no such page`, ""},
		{"another case", acme, "GET", "/V1/entrustments", nil, nil, 404, `no such page`, ""},
		{"an end of text", acme, "GET", "/v1/entrustments/acme-spring%00", nil, nil, 404, `no such page`, ""},
		{"an end of line", acme, "GET", "/v1/entrustments/acme-spring%0d%0aX-Evil:%20yes", nil, nil, 404, `no such page`, "Evil"},
		{"no UTF-8", acme, "GET", "/v1/entrustments/%ff", nil, nil, 404, `no such page`, ""},
		{"a parameter in the path", acme, "GET", "/v1/entrustments/acme-spring;x=y", nil, nil, 404, `E_NOT_FOUND`, ""},
		{"an id in wide letters", acme, "GET", "/v1/entrustments/%EF%BD%81cme-spring", nil, nil, 404, `another party's`, ""},
		{"a long id", acme, "GET", "/v1/entrustments/" + strings.Repeat("a", 8000), nil, nil, 404, `another party's`, "aaaaaaaa"},
		{"an id with markup", acme, "GET", "/v1/entrustments/%3Cscript%3E", nil, nil, 404, `another party's`, "script"},
		{"a program of the web", nobody, "GET", "/.git/config", nil, nil, 404, `no such page`, "git"},
		// Headers.
		{"another method in a header", acme, "GET", "/v1/entrustments/acme-spring", []string{"X-HTTP-Method-Override", "DELETE"}, nil, 200, `"state":"active"`, ""},
		{"a request id of the asker's", nobody, "GET", "/v1/room", []string{"X-Request-Id", "evil-evil"}, nil, 401, `E_SIGN_IN`, "evil"},
		{"a host of the asker's", nobody, "GET", "/v1/room", []string{"X-Forwarded-Host", "evil.example"}, nil, 401, `E_SIGN_IN`, "evil"},
		{"an idempotency key with spaces", acme, "POST", end, []string{"Idempotency-Key", "a b"}, confirm, 422, `Idempotency-Key`, ""},
		{"an idempotency key too long", acme, "POST", end, []string{"Idempotency-Key", strings.Repeat("k", 129)}, confirm, 422, `Idempotency-Key`, ""},
		// Queries.
		{"a parameter that is none", everybody(apitest.Operator), "GET", "/v1/ledger?oficer=true", nil, nil, 422, `no parameter`, "oficer"},
		{"a parameter twice", op, "GET", "/v1/ledger?officer=false&officer=true", nil, nil, 422, `more than once`, ""},
		{"a semicolon", op, "GET", "/v1/ledger?a;b", nil, nil, 422, `can't be read`, ""},
		{"a limit beyond", acme, "GET", "/v1/entrustments?limit=201", nil, nil, 422, `"field":"limit"`, ""},
		{"a limit below", acme, "GET", "/v1/entrustments?limit=-1", nil, nil, 422, `"field":"limit"`, ""},
		{"a cursor that is none", acme, "GET", "/v1/entrustments?cursor=%00", nil, nil, 422, `"field":"cursor"`, ""},
		{"a cursor of words", acme, "GET", "/v1/log?cursor=YWJj", nil, nil, 422, `"field":"cursor"`, ""},
		{"a log from before its beginning", acme, "GET", "/v1/log?from=-1", nil, nil, 422, `"field":"from"`, ""},
		{"a log from beyond numbers", acme, "GET", "/v1/log?from=99999999999999999999", nil, nil, 422, `"field":"from"`, ""},
		{"a log of everybody", acme, "GET", "/v1/log?all=true", nil, nil, 403, `E_FORBIDDEN`, "rival"},
		{"a ledger of everybody", acme, "GET", "/v1/ledger?officer=true", nil, nil, 403, `E_FORBIDDEN`, "rival"},
		{"a proof of a negative entry", acme, "GET", "/v1/log/entries/-1/proof", nil, nil, 404, `E_NOT_FOUND`, ""},
		{"a proof of an entry in words", acme, "GET", "/v1/log/entries/0x1/proof", nil, nil, 404, `E_NOT_FOUND`, ""},
		// Mass assignment: what the service sets, nobody sends.
		{"a party with its version", op, "PUT", "/v1/parties/acme", nil, `{"schema":"awase.party/v1","id":"acme","class":"client","group":"acme","country":"JP","version":9,"log_entry":1}`, 422, `not known here`, ""},
		{"a contract that is active", op, "PUT", "/v1/entrustments/acme-spring", []string{"Content-Type", asYAML}, contractDoc("acme-spring", "acme") + "state: active\n", 422, `not known here`, ""},
		{"an end with more", acme, "POST", end, nil, `{"confirm":"acme-spring","force":true}`, 422, `does not take`, ""},
		{"an approval of another draft", acme, "POST", "/v1/drafts/" + strings.Repeat("0", 64) + "/approvals", nil, `{"key":"k","signature":{},"draft":"x","effective":true}`, 422, `does not take`, ""},
		{"a freeze in another's name", acme, "POST", "/v1/freeze", nil, `{"party":"rival","officer":"ri1"}`, 422, `does not take`, ""},
		// What is another party's.
		{"another's entrustment", rival, "GET", "/v1/entrustments/acme-spring", nil, nil, 404, `another party's`, "acme"},
		{"another's terms", rival, "GET", "/v1/entrustments/acme-spring/terms", nil, nil, 404, `another party's`, "awase-seal"},
		{"another's end", rival, "POST", end, nil, confirm, 404, `another party's`, "acme"},
		{"another's certificate", rival, "GET", "/v1/entrustments/acme-spring/certificate", nil, nil, 404, `another party's`, "acme"},
		{"another party", rival, "GET", "/v1/parties/acme", nil, nil, 404, `another party's`, "acme"},
		{"an entrustment of one's own making", rival, "PUT", "/v1/entrustments/rival-2", []string{"Content-Type", asYAML}, contractDoc("rival-2", "rival"), 403, `only people of the operator`, ""},
		{"a party of one's own making", rival, "PUT", "/v1/parties/rival", nil, apitest.Party("rival", entrustment.ClassOperator), 403, `only people of the operator`, ""},
		{"the operator's gate", rival, "PUT", "/v1/gate", []string{"Content-Type", asYAML}, "schema: awase.gate/v1\nk: 20\n", 403, `only people of the operator`, ""},
		{"the operator's clock", rival, "POST", "/v1/clock/accept", nil, nil, 403, `only people of the operator`, ""},
		{"the vault's rotation", op, "POST", "/v1/vault/rotate", nil, nil, 404, `no such page`, ""},
		{"the enclave's own methods", op, "POST", "/enclave/v1/report", nil, `{}`, 404, `no such page`, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := assault(t, r, row)
			if a.Status != row.status || !strings.Contains(string(a.Body), row.has) {
				t.Errorf("%d %.300s, want %d and %s", a.Status, a.Body, row.status, row.has)
			}
			if row.hasNot != "" && (strings.Contains(string(a.Body), row.hasNot) || strings.Contains(fmt.Sprint(a.Header), row.hasNot)) {
				t.Errorf("it has %q: %v %s", row.hasNot, a.Header, a.Body)
			}
			if a.Status >= 400 && a.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("it is refused as %s", a.Header.Get("Content-Type"))
			}
		})
	}
	// None of it did anything, nor stands in the log as it was sent.
	r.As(acme).Do("GET", "/v1/entrustments/acme-spring", nil).Want(200)
	for _, never := range []string{"evil", "oficer", "%%%", "Bearer", "script", "cursor=", "?", "acme-spring"} {
		if strings.Contains(r.Log.String(), never) {
			t.Errorf("the log has %q", never)
		}
	}
}

// assault sends a request as it is written: no client makes its address plain first.
func assault(t *testing.T, r *apitest.Room, row hostile) *apitest.Answer {
	t.Helper()
	c := r.Nobody()
	if row.as.Party != "" {
		c = r.As(row.as)
	}
	return c.Raw(row.method, row.path, row.body, row.header...)
}

// Each of these attacks is stopped by one control, and succeeds without it.
func TestHostileTwins(t *testing.T) {
	acme, rival := everybody("acme"), everybody("rival")
	confirm := map[string]string{"confirm": "acme-spring"}
	const end = "/v1/entrustments/acme-spring/end"
	for _, c := range []struct {
		hostile
		without func(*api.Options)
		then    int // without the control
		gets    string
	}{
		{hostile{"another's entrustment", rival, "GET", "/v1/entrustments/acme-spring", nil, nil, 404, "", ""}, api.Without(api.ControlParty), 200, `"principal":"acme"`},
		{hostile{"another party", rival, "GET", "/v1/parties/acme", nil, nil, 404, "", ""}, api.Without(api.ControlParty), 200, `"id":"acme"`},
		{hostile{"a key twice", acme, "POST", end, nil, `{"confirm":"no","confirm":"acme-spring"}`, 422, "", ""}, api.Without(api.ControlKeys), 200, `awase.destruction`},
		{hostile{"a key in capitals", acme, "POST", end, nil, `{"CONFIRM":"acme-spring"}`, 422, "", ""}, api.Without(api.ControlKeys), 200, `awase.destruction`},
		{hostile{"a slash in an id", acme, "POST", "/v1/entrustments/acme-spring%2Fend", nil, confirm, 404, "", ""}, api.Without(api.ControlPath), 200, `awase.destruction`},
		{hostile{"a body too long", acme, "POST", end, nil, `{"confirm":"` + strings.Repeat("a", 8<<20) + `"}`, 413, "", ""}, api.Without(api.ControlLength), 422, `"field":"confirm"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a := assault(t, furnished(t), c.hostile); a.Status != c.status {
				t.Errorf("%d %.300s, want %d", a.Status, a.Body, c.status)
			}
			if a := assault(t, furnished(t, c.without), c.hostile); a.Status != c.then || !strings.Contains(string(a.Body), c.gets) {
				t.Errorf("without the control: %d %.300s, want %d and %s", a.Status, a.Body, c.then, c.gets)
			}
		})
	}
}

// Drafts are of the parties that sign them; without the control they are everybody's.
func TestDraftsTwin(t *testing.T) {
	for want, change := range map[int][]func(*api.Options){404: nil, 200: {api.Without(api.ControlParty)}} {
		r := apitest.StartSigned(t, change...)
		ack, err := r.Enclave.AddParty(t.Context(), apitest.Party("acme", entrustment.ClassClient, "ac1", "ac2"))
		if err != nil || ack.Waits == nil {
			t.Fatal(ack, err)
		}
		rival := r.As(everybody("rival"))
		rival.Do("GET", "/v1/drafts/"+ack.Waits.Hash, nil).Want(want)
		key, sig := apitest.Approval(t, &ack.Waits.Statement, "op1")
		rival.Do("POST", "/v1/drafts/"+ack.Waits.Hash+"/approvals", map[string]any{"key": key, "signature": sig}).Want(want)
		if list := rival.Do("GET", "/v1/drafts", nil).Want(200); strings.Contains(string(list.Body), "acme") != (want == 200) {
			t.Errorf("rival's drafts: %s", list.Body)
		}
	}
}

// What is another party's is answered as what never was, byte for byte but for the
// request's id.
func TestIDORSaysNothing(t *testing.T) {
	r := furnished(t)
	rival := r.As(everybody("rival"))
	for _, c := range []struct {
		method, path, none string
		body               any
	}{
		{"GET", "/v1/entrustments/acme-spring", "/v1/entrustments/never-was", nil},
		{"GET", "/v1/entrustments/acme-spring/terms", "/v1/entrustments/never-was/terms", nil},
		{"GET", "/v1/entrustments/acme-spring/certificate", "/v1/entrustments/never-was/certificate", nil},
		{"POST", "/v1/entrustments/acme-spring/end", "/v1/entrustments/never-was/end", map[string]string{"confirm": "x"}},
		{"GET", "/v1/parties/acme", "/v1/parties/never-was", nil},
	} {
		one, two := rival.Do(c.method, c.path, c.body).Want(404), rival.Do(c.method, c.none, c.body).Want(404)
		same := func(a *apitest.Answer) string {
			return strings.ReplaceAll(string(a.Body), a.Header.Get("X-Request-Id"), "")
		}
		if same(one) != same(two) {
			t.Errorf("%s: %s, and of none %s", c.path, one.Body, two.Body)
		}
	}
}

// dial opens a connection of its own and sends what no client would.
func dial(t *testing.T, r *apitest.Room, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// read reads one answer, and tells whether the connection ends behind it.
func read(t *testing.T, c net.Conn, r *bufio.Reader) (status int, body string, ends bool) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(raw), res.Close
}

// Bodies that do not come are not waited for without end, and who is refused before
// is not waited for at all.
func TestSlowBodies(t *testing.T) {
	soon := func(o *api.Options) { o.BodyWait = 200 * time.Millisecond }
	slow := func(r *apitest.Room) string {
		return "POST /v1/entrustments/acme-spring/end HTTP/1.1\r\nHost: x\r\n" + r.As(everybody("acme")).Header() + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
	}
	r := furnished(t, soon)
	c, in := dial(t, r, slow(r))
	if status, body, ends := read(t, c, in); status != 408 || !ends || !strings.Contains(body, "did not come whole") {
		t.Errorf("a slow body: %d %s, ends %v", status, body, ends)
	}
	t.Run("without the control", func(t *testing.T) {
		r := furnished(t, soon, api.Without(api.ControlTime))
		c, in := dial(t, r, slow(r))
		if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if b, err := in.ReadByte(); err == nil {
			t.Errorf("it was answered: %q…", b)
		}
	})
	for name, text := range map[string]string{
		"of nobody":       "POST /v1/freeze HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{",
		"to nowhere":      "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{",
		"to what is read": "POST /v1/room HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{",
		"in pieces":       "POST /none HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
	} {
		c, in := dial(t, furnished(t), text) // where a body has half a minute
		if status, body, ends := read(t, c, in); status < 400 || !ends {
			t.Errorf("%s: %d %s, ends %v", name, status, body, ends)
		}
	}
}

// What stands behind a body that was refused is not taken for a request.
func TestSmuggling(t *testing.T) {
	r := furnished(t)
	acme := r.As(everybody("acme"))
	bearer := acme.Header()
	inner := "POST /v1/freeze HTTP/1.1\r\nHost: x\r\n" + bearer + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	for name, text := range map[string]string{
		"behind a long body":         "PUT /v1/policies HTTP/1.1\r\nHost: x\r\n" + bearer + fmt.Sprintf("Content-Length: %d\r\n\r\n", 2<<20) + strings.Repeat(" ", 1<<20+1) + inner,
		"behind a refused body":      "PUT /none HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n" + inner,
		"two lengths":                "PUT /none HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\n{}\n" + inner,
		"a length and pieces":        "PUT /none HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
		"pieces of another encoding": "PUT /none HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + inner,
		"a space before the colon":   "PUT /none HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\n{}\n" + inner,
		"an end of line in a header": "GET /v1/room HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a\rb\r\n\r\n",
		"no host":                    "GET /v1/room HTTP/1.1\r\n\r\n",
		"a long header":              "GET /v1/room HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1<<16) + "\r\n\r\n",
	} {
		c, in := dial(t, r, text)
		if status, _, ends := read(t, c, in); status < 400 || !ends {
			t.Errorf("%s: %d, ends %v", name, status, ends)
		}
	}
	var f struct{ Frozen bool }
	acme.Do("GET", "/v1/freeze", nil).Want(200).JSON(&f)
	if f.Frozen {
		t.Error("a request inside of a body was answered")
	}
}
