package api_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"awase/api"
	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// A privacy officer of the operator hands a sealed request in, in their own name, and
// gets the receipt; the same again is the same request. Nothing that the service says,
// logs or keeps says who asks, and somebody whom the room does not know is answered in
// the same form.
func TestRequests(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	desk := r.As(opPrivacy)
	send := func(sealed []byte, check string) *apitest.Answer {
		return desk.Bad(http.MethodPost, "/v1/requests", `{"check":`+check+`,"sealed":"`+base64.StdEncoding.EncodeToString(sealed)+`"}`)
	}
	const checked = `{"method":"document","on":"2026-01-05"}`
	there := r.SealedRequest(seal.Deletion, "u1", "u2")
	first := send(there, checked).Want(http.StatusOK)
	got, err := receipt.VerifyRequest(bytes.TrimSpace(first.Body), nil)
	if err != nil || got.Number != 1 || got.Kind != "deletion" {
		t.Fatalf("%s: %v", first.Body, err)
	}
	nobody := send(r.SealedRequest(seal.Deletion, "never a user"), checked).Want(http.StatusOK)
	other, err := receipt.VerifyRequest(bytes.TrimSpace(nobody.Body), nil)
	if err != nil || other.Number != 2 || other.Statement != got.Statement || len(bodyOf(other.Log.Entry)) != len(bodyOf(got.Log.Entry)) {
		t.Errorf("of nobody %s\nof somebody %s", nobody.Body, first.Body)
	}
	if again, err := receipt.VerifyRequest(bytes.TrimSpace(send(there, checked).Want(http.StatusOK).Body), nil); err != nil || again.Number != 1 {
		t.Errorf("again: %v", err)
	}
	list := string(desk.Do(http.MethodGet, "/v1/requests", nil).Want(http.StatusOK).Body)
	if strings.Count(list, `"number"`) != 2 || !strings.Contains(list, `"state":"in-force"`) || !strings.Contains(list, "person per-") {
		t.Errorf("the list: %s", list)
	}
	if page := string(desk.Do(http.MethodGet, "/v1/requests?limit=1", nil).Want(http.StatusOK).Body); !strings.Contains(page, `"number":1`) || !strings.Contains(page, `"next"`) {
		t.Errorf("a page: %s", page)
	}
	desk.Do(http.MethodGet, "/v1/requests/1/receipt", nil).Want(http.StatusOK)
	for _, path := range []string{"/v1/requests/3/receipt", "/v1/requests/01/receipt", "/v1/requests/x/receipt"} {
		desk.Do(http.MethodGet, path, nil).Want(http.StatusNotFound)
	}
	for name, check := range map[string]string{
		"no way": `{"method":"","on":"2026-01-05"}`, "no day": `{"method":"document","on":""}`, "in the future": `{"method":"document","on":"2090-01-05"}`,
		"in another's name": `{"method":"document","on":"2026-01-05","by":"person x"}`, "words": `{"method":"document","on":"2026-01-05","note":"taro@example.jp"}`,
	} {
		if a := send(r.SealedRequest(seal.Stop, "u3"), check); a.Status != http.StatusUnprocessableEntity || strings.Contains(string(a.Body), "taro") {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	for _, who := range []api.Principal{opAdmin, opAdops, acPrivacy} {
		r.As(who).Bad(http.MethodPost, "/v1/requests", `{"check":`+checked+`,"sealed":"AA=="}`).Want(http.StatusForbidden)
	}
	for where, text := range map[string]string{"the list": list, "the log": r.Log.String(), "a receipt": string(first.Body)} {
		if strings.Contains(text, "never a user") || strings.Contains(text, `"u1"`) {
			t.Errorf("%s says who asks", where)
		}
	}
}

// A disclosure waits for two officers of the operator, then its privacy officers fetch
// it, and nobody else does; the service sees ciphertext of one size alone.
func TestDisclosure(t *testing.T) {
	r := apitest.StartSigned(t)
	desk := r.As(opPrivacy)
	key, err := seal.DeriveKey(seal.XWing, [32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	var ack wire.Ack
	desk.Do(http.MethodPut, "/v1/desk-key", map[string]any{"key": key.Public()}).Want(http.StatusAccepted).JSON(&ack)
	desk.Do(http.MethodGet, "/v1/desk-key", nil).Want(http.StatusNotFound)
	r.Approve(ack.Waits, "op1", "op2")
	var pinned wire.DeskKey
	got := desk.Do(http.MethodGet, "/v1/desk-key", nil).Want(http.StatusOK)
	got.JSON(&pinned)
	if pinned.Fingerprint != key.Public().Fingerprint() || pinned.Version != 1 {
		t.Errorf("%+v", pinned)
	}
	for _, body := range []string{`{"key":"x"}`, `{}`, `{"key":"awase-seal-xwing-"}`, `{"key":"x","by":"y"}`} {
		desk.Bad(http.MethodPut, "/v1/desk-key", body).Want(http.StatusUnprocessableEntity)
	}
	raw := r.SealedRequest(seal.Disclosure, "u1")
	desk.Do(http.MethodPost, "/v1/requests", map[string]any{"check": map[string]any{"method": "document", "on": "2026-01-05"}, "sealed": raw}).Want(http.StatusOK)
	desk.Do(http.MethodGet, "/v1/requests/1/disclosure", nil).Want(http.StatusNotFound)
	list := string(desk.Do(http.MethodGet, "/v1/requests", nil).Want(http.StatusOK).Body)
	if !strings.Contains(list, `"state":"waiting"`) || !strings.Contains(list, `"draft":"`) {
		t.Errorf("the list: %s", list)
	}
	ack = wire.Ack{}
	desk.Do(http.MethodPost, "/v1/requests/1/disclosure", map[string]any{}).Want(http.StatusAccepted).JSON(&ack) // the draft that waits
	r.Approve(ack.Waits, "op2", "op1")
	file := desk.Do(http.MethodGet, "/v1/requests/1/disclosure", nil).Want(http.StatusOK)
	if tag, content, err := seal.OpenDisclosure(file.Body, key); err != nil || tag.Number != 1 || !bytes.Contains(content, []byte(`"known":false`)) {
		t.Errorf("%+v, %s, %v", tag, content, err)
	}
	if again := desk.Do(http.MethodGet, "/v1/requests/1/disclosure", nil).Want(http.StatusOK); !bytes.Equal(again.Body, file.Body) || file.Header.Get("Content-Type") != "application/octet-stream" {
		t.Error("it is other bytes, or of another type")
	}
	desk.Do(http.MethodPost, "/v1/requests/1/disclosure", map[string]any{}).Want(http.StatusForbidden)
	for _, path := range []string{"/v1/requests/2/disclosure", "/v1/requests/01/disclosure", "/v1/requests/x/disclosure"} {
		desk.Do(http.MethodGet, path, nil).Want(http.StatusNotFound)
		desk.Do(http.MethodPost, path, map[string]any{}).Want(http.StatusNotFound)
	}
	for _, who := range []api.Principal{opAdmin, opAdops, acPrivacy, somebody(apitest.Operator, api.Auditor)} {
		r.As(who).Do(http.MethodGet, "/v1/requests/1/disclosure", nil).Want(http.StatusForbidden)
	}
	for where, text := range map[string]string{"the list": list, "the log": r.Log.String()} {
		if strings.Contains(text, `"u1"`) {
			t.Errorf("%s says who asks", where)
		}
	}
}

// bodyOf is what an entry of the log says, without where and when it stands.
func bodyOf(entry string) string {
	_, body, _ := strings.Cut(entry, `"body"`)
	return body
}
