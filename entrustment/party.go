package entrustment

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
)

// PartyClass is what a legal entity is in the room.
type PartyClass string

// The classes of DESIGN §8.
const (
	ClassOperator   PartyClass = "operator"
	ClassClient     PartyClass = "client"
	ClassAdPlatform PartyClass = "ad-platform"
	ClassTrustee    PartyClass = "trustee"
)

// Party is a legal entity with people of its own in the room (当事者).
type Party struct {
	Schema  string     `yaml:"schema" json:"schema" need:"value"`
	ID      string     `yaml:"id" json:"id" need:"value"`
	Class   PartyClass `yaml:"class" json:"class" need:"value"`
	Group   string     `yaml:"group" json:"group" need:"value"` // budgets are held by group; an agency joins its clients'
	Country string     `yaml:"country" json:"country" need:"value"`
	// UploadKey pins the Ed25519 key that signs the party's sealed files
	// ("ed25519:" and 44 characters of Base64); "": they need no signature.
	UploadKey string `yaml:"upload_key,omitempty" json:"upload_key,omitempty"`
	// DeliveryKey pins the key that deliveries to the party are sealed to, in the text
	// of crypto/seal ("awase-seal-xwing-" and 1,622 characters of base64url); "": it
	// receives none.
	DeliveryKey string `yaml:"delivery_key,omitempty" json:"delivery_key,omitempty"`
	// ServingKey pins the key that opens the labels of an ad platform, which may be in
	// other hands than the one that opens its deliveries; "": it receives no labels.
	ServingKey string `yaml:"serving_key,omitempty" json:"serving_key,omitempty"`
	// Officers sign for the party what widens what may leave (DESIGN §2 rule 9).
	Officers []Officer `yaml:"officers,omitempty" json:"officers,omitempty"`
}

// Officer is somebody who signs for a party (責任者).
type Officer struct {
	Name string `yaml:"name" json:"name" need:"value"` // an id: it stands in the record log
	// Key is "ed25519:" and the Base64 of the public key of a file, or "passkey:"
	// and that of a passkey's COSE key.
	Key string `yaml:"key" json:"key" need:"value"`
	// Origin is the page that the passkey belongs to ("https://room.example.jp").
	Origin string `yaml:"origin,omitempty" json:"origin,omitempty"`
}

// maxOfficers is how many officers a party may have.
const maxOfficers = 32

// passkeyPrefix begins the key of a passkey.
const passkeyPrefix = "passkey:"

// uploadKeyPrefix names the algorithm of an upload key.
const uploadKeyPrefix = "ed25519:"

// ParseUploadKey reads an upload key as documents write it.
func ParseUploadKey(text string) (ed25519.PublicKey, error) {
	raw, ok := strings.CutPrefix(text, uploadKeyPrefix)
	key, err := base64.StdEncoding.DecodeString(raw)
	if !ok || err != nil || len(key) != ed25519.PublicKeySize || FormatUploadKey(key) != text {
		return nil, errors.New("an upload key is written ed25519: and 44 characters of Base64")
	}
	return key, nil
}

// FormatUploadKey writes an upload key as documents have it.
func FormatUploadKey(key ed25519.PublicKey) string {
	return uploadKeyPrefix + base64.StdEncoding.EncodeToString(key)
}

// Flow is one of the entrustment flows of DESIGN §2.
type Flow string

// The six flows.
const (
	FlowDelivery24   Flow = "2-4-delivery"
	FlowAnalysis26   Flow = "2-6-analysis"
	FlowAnalysis5    Flow = "5-analysis"
	FlowDelivery5    Flow = "5-delivery"
	FlowImprovement5 Flow = "5-improvement"
	FlowOutsourcing5 Flow = "5-outsourcing"
)

// Policies is policies.yaml: which version of the operator's privacy policy
// lets which flow use a user's data, by clause.
type Policies struct {
	Schema   string          `yaml:"schema" json:"schema" need:"value"`
	Policies []PolicyVersion `yaml:"policies" json:"policies" need:"value"`
}

// PolicyVersion is one version of the privacy policy that users accepted.
type PolicyVersion struct {
	Version string            `yaml:"version" json:"version" need:"value"`
	Date    Date              `yaml:"date" json:"date" need:"value"`
	Clauses map[string][]Flow `yaml:"clauses" json:"clauses" need:"key"`
}
