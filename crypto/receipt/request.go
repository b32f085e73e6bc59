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

// DisclosureKind is the kind of the log entries by which a disclosure is made, and of
// the act where an officer's approval makes it.
const DisclosureKind = "disclosure"

const approvalKind = "approval"

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

	// Disclosed is what was made of a request for disclosure; nil: nothing yet.
	Disclosed *Disclosed `json:"disclosed,omitempty"`
}

// Disclosed says that a sealed disclosure was made, not of what.
type Disclosed struct {
	At     string   `json:"at"`     // RFC 3339, UTC
	Desk   string   `json:"desk"`   // fingerprint of the desk's key that it is sealed to
	Sealed string   `json:"sealed"` // SHA-256 of the sealed file in hex
	Log    LogProof `json:"log"`    // of the entry by which it was made
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
	"disclosure":     {"開示のご請求を受け付けました。当社の基盤に保有する内容は、承認権限を持つ二名が承認した後に、窓口の鍵で封をして作成されます。", "The request for disclosure is taken. What the operator's own base holds is disclosed, sealed to the privacy desk's key, once two officers have signed for it."},
	"disclosed":      {"開示のご請求について、当社の基盤に保有する内容（該当がない場合はその旨）を、承認権限を持つ者の承認を経て、窓口の鍵で封をして作成しました。", "What the operator's own base held, or that it held nothing, was disclosed as its officers approved, sealed to the privacy desk's key."},
}

// statementOf gives what was done for a request; false: there is no such.
func statementOf(r *Request) (Statement, bool) {
	kind := r.Kind
	if kind == DisclosureKind && r.Disclosed != nil {
		kind = "disclosed"
	}
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
	words, ok := statementOf(&r)
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
	{"disclosed", func(a *asked) error {
		d := a.Disclosed
		if d == nil {
			return nil
		}
		if err := inLog(&d.Log, a.Key); err != nil {
			return err
		}
		e, ok := disclosedBy(d.Log.Entry)
		return unless(ok && a.Kind == DisclosureKind && e.Number == a.Number && e.Desk == d.Desk && e.Sealed == d.Sealed && e.at == d.At && d.Log.Index > a.Log.Index && Origin(d.Log.Checkpoint) == Origin(a.Log.Checkpoint),
			"the log entry speaks of another disclosure")
	}},
	{"statement", func(a *asked) error {
		words, ok := statementOf(&a.Request)
		return unless(ok && words == a.Statement, "the receipt says in words something else than what is done for such a request")
	}},
}

// disclosedEntry is what an entry says of a disclosure.
type disclosedEntry struct {
	Number int64  `json:"number"`
	Desk   string `json:"desk"`
	Sealed string `json:"sealed"`
	at     string
}

// disclosedBy reads the entry by which a disclosure was made: an officer's approval,
// or, in a vault without officers, the act itself.
func disclosedBy(entry string) (out disclosedEntry, ok bool) {
	var e struct {
		Kind string          `json:"kind"`
		Time time.Time       `json:"time"`
		Body json.RawMessage `json:"body"`
	}
	if json.Unmarshal([]byte(entry), &e) != nil {
		return out, false
	}
	if e.Kind == approvalKind {
		var a struct {
			Act struct {
				Kind string          `json:"kind"`
				Body json.RawMessage `json:"body"`
			} `json:"act"`
		}
		if json.Unmarshal(e.Body, &a) != nil {
			return out, false
		}
		e.Kind, e.Body = a.Act.Kind, a.Act.Body
	}
	if e.Kind != DisclosureKind || json.Unmarshal(e.Body, &out) != nil {
		return out, false
	}
	out.at = e.Time.UTC().Format(time.RFC3339)
	return out, true
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
