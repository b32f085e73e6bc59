package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"awase/crypto/seal"
	"awase/entrustment"
)

// Disclosures is how a data subject is told what is held of them. It is sealed to the
// key of the operator's privacy desk, which two officers of the operator pinned, and
// made once two of them signed for it: whoever asks here sees ciphertext of one size.
type Disclosures interface {
	// SetDeskKey pins the key that disclosures are sealed to, or drafts that.
	SetDeskKey(ctx context.Context, key seal.PublicKey) (Ack, error)
	// DeskKey gives the key that is pinned.
	DeskKey(ctx context.Context) (*DeskKey, error)
	// Disclose drafts the disclosure of a request anew, where the draft of before
	// lapsed or was taken back. In a vault without officers it makes the disclosure.
	Disclose(ctx context.Context, number int64) (Ack, error)
	// Disclosure gives the sealed disclosure of a request, seal.DisclosureSize bytes:
	// the same ones each time.
	Disclosure(ctx context.Context, number int64) ([]byte, error)
}

// DeskKey is the pinned key of the privacy desk.
type DeskKey struct {
	Key         seal.PublicKey `json:"key"`
	Fingerprint string         `json:"fingerprint"`
	Version     int            `json:"version"`
	Seq         int64          `json:"log_entry"`
}

// DisclosedSchema is the schema name of what is disclosed.
const DisclosedSchema = "awase.disclosed/v1"

// Disclosed is what the room holds of one person in the operator's base, as the desk
// opens it. It has no identifier, hash or token.
type Disclosed struct {
	Schema   string          `json:"schema"`
	Dev      bool            `json:"dev,omitempty"`      // made by a vault without officers
	Practice bool            `json:"practice,omitempty"` // of made-up people
	Number   int64           `json:"number"`             // of the request
	At       string          `json:"at"`                 // RFC 3339, UTC: as it was then
	Base     *DisclosedBase  `json:"base"`               // null: there was none
	Users    []DisclosedUser `json:"users"`              // in the order of the request's user keys
	// Sensitive are the attributes that the operator's table calls sensitive: none of
	// their values is taken into the room, of anybody.
	Sensitive []string `json:"sensitive"`
	// Cut names the parts that did not fit whole: "events", "requests", "sensitive",
	// "attributes", "identifiers".
	Cut    []string        `json:"cut"`
	Others DisclosedOthers `json:"others"`
}

// DisclosedBase is the base that was looked at.
type DisclosedBase struct {
	Version int              `json:"version"`
	On      entrustment.Date `json:"on"` // the JST day on which it was loaded
}

// DisclosedUser is what is held under one user key. Nothing else of one that is not
// known is set but its requests.
type DisclosedUser struct {
	Known       bool                  `json:"known"`    // the base has a row of the user key
	Verified    bool                  `json:"verified"` // their identifiers are matched
	Identifiers []DisclosedIdentifier `json:"identifiers"`
	Attributes  []DisclosedAttribute  `json:"attributes"`
	Policy      string                `json:"policy_version"`
	Consent     entrustment.Date      `json:"consent,omitzero"`
	Service     string                `json:"service_limited"` // the one service that their data serves, "": not limited
	EnquiryOnly bool                  `json:"enquiry_only"`
	Channels    []string              `json:"channels"` // of the operator's own that they opted in to
	Events      []DisclosedEvents     `json:"events"`   // of the operator's own log
	Requests    []DisclosedRequest    `json:"requests"` // for deletion or a stop of use
}

// DisclosedIdentifier is how many forms are matched of a sort of identifiers. One
// address may be matched in several, as others may write it.
type DisclosedIdentifier struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Forms     int    `json:"forms"`
}

// DisclosedAttribute is a banded attribute and its value.
type DisclosedAttribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// DisclosedEvents are the events of a category.
type DisclosedEvents struct {
	Kind     string           `json:"kind"`
	Category string           `json:"category"`
	Events   int64            `json:"events"`
	From     entrustment.Date `json:"from"`
	To       entrustment.Date `json:"to"`
}

// DisclosedRequest is an earlier request of the user key.
type DisclosedRequest struct {
	Number  int64            `json:"number"`
	Kind    seal.RequestKind `json:"kind"`
	On      entrustment.Date `json:"on"`
	InForce bool             `json:"in_force"` // false: the person agreed again later
}

// DisclosedOthers is said in the same words whether there is any such data or not.
type DisclosedOthers struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// OfOthers refers to those who entrusted their data.
var OfOthers = DisclosedOthers{
	"他の企業等から委託を受けて取り扱う個人情報については、その有無にかかわらず、ここには記載していません。委託元にご請求ください。",
	"Personal data that others entrust to us, if there is any, is not stated here. Requests about it go to those who entrusted it.",
}

// ErrDisclosed says that what was opened is no disclosure.
var ErrDisclosed = errors.New("not a disclosure that this version reads")

// ParseDisclosed reads what a disclosure holds, as the enclave writes it and in no
// other way. What is no disclosure is ErrDisclosed.
func ParseDisclosed(content []byte) (*Disclosed, error) {
	d := new(Disclosed)
	if len(content) > seal.MaxDisclosure || unmarshal(content, d) != nil || d.Schema != DisclosedSchema {
		return nil, ErrDisclosed
	}
	if again, err := d.Content(); err != nil || !bytes.Equal(again, content) {
		return nil, ErrDisclosed
	}
	return d, nil
}

// Content writes a disclosure as it is sealed.
func (d *Disclosed) Content() ([]byte, error) {
	raw, err := marshal(d)
	if err != nil {
		return nil, fmt.Errorf("writing a disclosure: %w", err)
	}
	return raw, nil
}

type deskKeyRequest struct {
	Key seal.PublicKey `json:"key"`
}

var (
	setDeskKey = route[deskKeyRequest, Ack]{"set-desk-key", func(ctx context.Context, e Enclave, q *deskKeyRequest) (Ack, error) {
		return e.SetDeskKey(ctx, q.Key)
	}}
	deskKey = route[nothing, *DeskKey]{"desk-key", func(ctx context.Context, e Enclave, _ *nothing) (*DeskKey, error) {
		return e.DeskKey(ctx)
	}}
	disclose = route[requestNumber, Ack]{"disclose", func(ctx context.Context, e Enclave, q *requestNumber) (Ack, error) {
		return e.Disclose(ctx, q.Number)
	}}
	disclosure = route[requestNumber, []byte]{"disclosure", func(ctx context.Context, e Enclave, q *requestNumber) ([]byte, error) {
		return e.Disclosure(ctx, q.Number)
	}}
)

// onDisclosures answers the routes of Disclosures.
func onDisclosures(h *handler) {
	on(h, setDeskKey)
	on(h, deskKey)
	on(h, disclose)
	on(h, disclosure)
}

// SetDeskKey pins the desk's key, or drafts that.
func (c *Client) SetDeskKey(ctx context.Context, key seal.PublicKey) (Ack, error) {
	return ask(ctx, c, setDeskKey, &deskKeyRequest{key})
}

// DeskKey gives the desk's key.
func (c *Client) DeskKey(ctx context.Context) (*DeskKey, error) {
	return ask(ctx, c, deskKey, &nothing{})
}

// Disclose drafts the disclosure of a request anew.
func (c *Client) Disclose(ctx context.Context, number int64) (Ack, error) {
	return ask(ctx, c, disclose, &requestNumber{number})
}

// Disclosure gives the sealed disclosure of a request.
func (c *Client) Disclosure(ctx context.Context, number int64) ([]byte, error) {
	return ask(ctx, c, disclosure, &requestNumber{number})
}
