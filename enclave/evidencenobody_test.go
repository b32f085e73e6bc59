package enclave

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/wire"
	"awase/entrustment"
)

// planted are people whom nothing that leaves the room may name.
type planted struct{ text, exact [][]byte }

// add takes a value that must not be found: as it is, in hex and in Base64, wherever
// its bytes begin; and if it is no text, as its bytes.
func (p *planted) add(value []byte, text bool) {
	p.text = append(p.text, bytes.ToLower([]byte(hex.EncodeToString(value))))
	if text {
		p.text = append(p.text, bytes.ToLower(value))
	} else {
		p.exact = append(p.exact, value)
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			in := enc.EncodeToString(append(make([]byte, before), value...))
			p.exact = append(p.exact, []byte(in[(8*before+5)/6:8*(before+len(value))/6]))
		}
	}
}

func (p *planted) in(data []byte) bool {
	low := bytes.ToLower(data)
	return slices.ContainsFunc(p.text, func(n []byte) bool { return bytes.Contains(low, n) }) || slices.ContainsFunc(p.exact, func(n []byte) bool { return bytes.Contains(data, n) })
}

// TestEvidenceHoldsNobody: with known mailboxes, numbers, cookies, ad ids and user
// keys in the room, no byte of evidence, of the export of an incident, of a request's
// receipt, of the log or of what is said to the machine's log is one of them, in normal
// form or not, a hash of one, or a token. What is planted in them is found.
func TestEvidenceHoldsNobody(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	e, err := Open(t.Context(), filepath.Join(t.TempDir(), "V"), Options{Logger: slog.New(slog.NewJSONHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	furnish(t, e)
	var p planted
	tokens := map[string]token.Token{}
	value := func(kind, namespace, written, normal string) string {
		h := sha256.Sum256([]byte(normal))
		m, err := token.NewMaker(e.tokens, kind, 0, namespace)
		if err != nil {
			t.Fatal(err)
		}
		tok := m.Make(&h)
		p.add([]byte(written), true)
		p.add([]byte(normal), true)
		p.add(h[:], false)
		p.add(tok[:], false)
		tokens[kind] = tok
		return written
	}
	base, list := []string{"id,ok,version,date,sex,service,enquiry,email,phone,cookie,maid"}, []string{"email,phone,cookie,maid"}
	for i := range 6 {
		ids := []string{value("email", "", fmt.Sprintf("Planted.%d.Person@Example.JP", i), fmt.Sprintf("planted.%d.person@example.jp", i)), value("phone", "", fmt.Sprintf("090-1234-%04d", i), fmt.Sprintf("+81901234%04d", i)),
			value("cookie", "site", fmt.Sprintf("planted-cookie-%d", i), fmt.Sprintf("planted-cookie-%d", i)), value("maid", "", fmt.Sprintf("38400000-8CF0-11BD-B23E-10B96E40%04X", i), fmt.Sprintf("38400000-8cf0-11bd-b23e-10b96e40%04x", i))}
		key := value(userKind, "", fmt.Sprintf("planted-user-%d", i), fmt.Sprintf("planted-user-%d", i))
		base = append(base, key+",true,v2,2024-02-01,f,,false,"+strings.Join(ids, ","))
		list = append(list, strings.Join(ids, ","))
	}
	loadBaseFile(t, e, []byte(strings.Join(base, "\n")+"\n"))
	loadListFile(t, e, "l", []byte(strings.Join(list, "\n")+"\n"))
	var left [][]byte
	keep := func(raw []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, raw)
	}
	for i, kind := range []seal.RequestKind{seal.Deletion, seal.Stop, seal.Correction} {
		keep(e.Request(t.Context(), wire.RightsRequest{Check: goodCheck(), Sealed: sealedRequest(t, e, kind, [][]byte{fmt.Appendf(nil, "planted-user-%d", 5-i)})}))
		keep(e.RequestReceipt(t.Context(), int64(i)+1))
	}
	// A refusal of who names somebody stands in the log, and in evidence.
	q := question()
	q.List = "Planted.1.Person@Example.JP"
	if _, err := e.Report(t.Context(), q); err == nil {
		t.Fatal("a list of that name was there")
	} else {
		keep(json.Marshal(entrustment.Public(err)))
	}
	day := entrustment.DateOf(e.vault.Log().Now())
	for _, req := range []wire.EvidenceRequest{{Entrustment: "e"}, {Entrustment: "e", Party: "acme"}, {Entrustment: "e", Party: "operator"}, {From: day, To: day}, {From: day.Add(1), To: day.Add(1)}} {
		keep(e.Evidence(t.Context(), req))
	}
	requests, err := e.Requests(t.Context())
	if err != nil || len(requests) != 3 {
		t.Fatal(requests, err)
	}
	shown, err := json.Marshal(requests)
	keep(shown, err)
	records, err := json.Marshal(e.vault.Log().Records())
	keep(records, err)
	left = append(left, said.Bytes())
	for i, raw := range left {
		if p.in(raw) {
			t.Errorf("answer %d holds an identifier, a hash of one, or a token", i)
		}
	}

	// The test can fail: the room has those tokens, and what is planted is found.
	cols, err := e.vault.ReadSegment(e.state.requests[0].segment())
	if err != nil || !p.in(cols[requestColumn]) {
		t.Errorf("the token of who asked is not the room's: %v", err)
	}
	listed, err := e.vault.ReadSegment(e.state.lists[listKey{"e", "l"}].RowSegment)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"email", "phone", "cookie", "maid"} {
		tok := tokens[kind]
		found := false
		for _, col := range listed {
			found = found || bytes.Contains(col, tok[:])
		}
		if !found {
			t.Errorf("the token of a %s is not the room's", kind)
		}
	}
	whole := left[7][:2000] // of evidence
	for _, n := range slices.Concat(p.text, p.exact) {
		if at := len(whole) / 2; !p.in(slices.Concat(whole[:at], n, whole[at:])) {
			t.Fatalf("%q in evidence is not found", n)
		}
	}
}
