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

// bodyOf is what an entry of the log says, without where and when it stands.
func bodyOf(entry string) string {
	_, body, _ := strings.Cut(entry, `"body"`)
	return body
}
