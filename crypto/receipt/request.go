package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"reflect"
	"time"
)

// RequestSchema is the schema name of the receipt of a data subject's request.
const RequestSchema = "awase.request/v1"

// RequestKind is the kind of the log entries that such receipts prove.
const RequestKind = "request"

const requestPrefix = RequestSchema + "\n"

// Request is what the receipt of a data subject's request says: what was done, and
// nothing of whose it is, nor of whether the room knows them.
type Request struct {
	Schema    string    `json:"schema"`
	Dev       bool      `json:"dev"` // made by a vault without officers
	Number    int64     `json:"number"`
	Kind      string    `json:"kind"`
	At        string    `json:"at"` // RFC 3339, UTC: it has had effect since
	Statement Statement `json:"statement"`
	Told      *Policy   `json:"told,omitempty"` // of a notice of purposes
	Key       []byte    `json:"key"`            // Ed25519 public key
	Log       LogProof  `json:"log"`            // of its entry
}

// Policy is the version of the privacy policy in force, and which clause is for which
// use.
type Policy struct {
	Version string              `json:"version"`
	Date    string              `json:"date"`
	Clauses map[string][]string `json:"clauses"`
}

// Statement is one sentence or more in two languages.
type Statement struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// ofOthers is said of every request in the same words: whether there is data that
// others entrusted is for their principals to say.
var ofOthers = Statement{
	" 他の企業等から委託を受けて取り扱う個人情報については、その有無にかかわらず、委託元にご請求ください。",
	" Requests about personal data that others entrust to us, if there is any, go to those who entrusted it.",
}

var statements = map[string]Statement{
	"deletion":       {"ご請求に係る方の個人情報がある場合、受付時以降のすべての照合・集計・配信から除外しました。その方が改めて同意するまで、今後の取込みでも除外されます。", "Where there is personal data of the person, it has been out of every match, count and delivery since the request was taken, and stays out at every later load until the person agrees again."},
	"stop":           {"ご請求に係る方の個人情報がある場合、受付時以降のすべての照合・集計・配信での利用を停止しました。その方が改めて同意するまで、今後の取込みでも停止されます。", "Where there is personal data of the person, its use in every match, count and delivery has stopped since the request was taken, and stays stopped at every later load until the person agrees again."},
	"correction":     {"訂正のご請求を記録しました。訂正は元データで行い、次回の取込みで反映されます。", "The request for correction is recorded. The correction is made at the source, and reaches this service at the next load."},
	"addition":       {"追加のご請求を記録しました。追加は元データで行い、次回の取込みで反映されます。", "The request for addition is recorded. The addition is made at the source, and reaches this service at the next load."},
	"purpose-notice": {"利用目的の通知のご請求を記録しました。適用されるプライバシーポリシーの版と、条項ごとの利用を記載しています。", "The request for a notice of purposes is recorded. The version of the privacy policy that applies, and the uses by clause, are stated here."},
}

// statementOf gives what was done for a request of a kind; false: there is no such.
func statementOf(kind string) (Statement, bool) {
	w, ok := statements[kind]
	return Statement{w.JA + ofOthers.JA, w.EN + ofOthers.EN}, ok
}

// SignedRequest is a signed Request.
type SignedRequest struct {
	Request
	Signature []byte `json:"signature"` // Ed25519 over "awase.request/v1\n" ‖ JSON of the rest
}

// SignRequest gives the receipt of r as JSON. It fills in Schema, Statement and Key.
func (s *Signer) SignRequest(r Request) ([]byte, error) {
	words, ok := statementOf(r.Kind)
	if !ok {
		return nil, errors.New("there is no statement of such a request")
	}
	r.Schema, r.Statement, r.Key = RequestSchema, words, s.Public()
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return json.Marshal(SignedRequest{r, ed25519.Sign(s.key, append([]byte(requestPrefix), body...))})
}

// IsRequest tells whether a file says that it is the receipt of a request.
func IsRequest(file []byte) bool {
	var is struct {
		Schema string `json:"schema"`
	}
	return json.Unmarshal(file, &is) == nil && is.Schema == RequestSchema
}

// VerifyRequest checks the receipt of a request. key pins the enclave's public key;
// nil takes the receipt's own, and the caller must say that the origin was not
// checked. The error is a sentence that says what differs.
func VerifyRequest(file []byte, key ed25519.PublicKey) (*SignedRequest, error) {
	return verifyRequest(file, key, requestChecks)
}

// asked is what there is to check, read and not yet believed.
type asked struct {
	*SignedRequest
	key   ed25519.PublicKey // nil: any
	entry struct {
		Kind string    `json:"kind"`
		Time time.Time `json:"time"`
		Body struct {
			Number int64   `json:"number"`
			Kind   string  `json:"kind"`
			Told   *Policy `json:"told"`
		} `json:"body"`
	}
}

// A requestCheck is like check.
type requestCheck struct {
	name string
	hold func(*asked) error
}

var requestChecks = []requestCheck{
	{"key", func(a *asked) error {
		return unless(a.key == nil || bytes.Equal(a.key, a.Key), "the receipt is signed by another key than the one given")
	}},
	{"signature", func(a *asked) error {
		body, err := json.Marshal(a.Request)
		return unless(err == nil && ed25519.Verify(a.Key, append([]byte(requestPrefix), body...), a.Signature),
			"the receipt's signature does not fit what it says")
	}},
	{"log", func(a *asked) error { return inLog(&a.Log, a.Key) }},
	{"entry", func(a *asked) error {
		b := &a.entry.Body
		return unless(a.entry.Kind == RequestKind && b.Number == a.Number && b.Kind == a.Kind && reflect.DeepEqual(b.Told, a.Told) && a.entry.Time.UTC().Format(time.RFC3339) == a.At,
			"the log entry speaks of another request")
	}},
	{"statement", func(a *asked) error {
		words, ok := statementOf(a.Kind)
		return unless(ok && words == a.Statement, "the receipt says in words something else than what is done for such a request")
	}},
}

func verifyRequest(file []byte, key ed25519.PublicKey, checks []requestCheck) (*SignedRequest, error) {
	r := new(SignedRequest)
	if err := json.Unmarshal(file, r); err != nil || r.Schema != RequestSchema {
		return nil, errors.New("the file is not a receipt of a request that this version reads")
	}
	var flat bytes.Buffer
	again, err := json.Marshal(r)
	if err != nil || json.Compact(&flat, file) != nil || !bytes.Equal(flat.Bytes(), again) {
		return nil, errors.New("the receipt is not written as this vault writes it")
	}
	if len(r.Key) != ed25519.PublicKeySize {
		return nil, errors.New("the receipt's public key is damaged")
	}
	a := &asked{SignedRequest: r, key: key}
	if json.Unmarshal([]byte(r.Log.Entry), &a.entry) != nil {
		a.entry.Kind = "" // the check of the entry finds it
	}
	for _, check := range checks {
		if err := check.hold(a); err != nil {
			return nil, err
		}
	}
	return r, nil
}
