package entrustment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Unknown is the value of a missing or unreadable attribute. It is in every
// domain, last.
const Unknown = "unknown"

// MaxDomain is the most values a dimension may declare (PRIVACY §4.1),
// Unknown included.
const MaxDomain = 64

// AttributeClass is how an attribute may be used.
type AttributeClass string

// The classes.
const (
	AttributeOrdinary  AttributeClass = ""          // the default
	AttributeSensitive AttributeClass = "sensitive" // 要配慮個人情報: never a dimension, condition or measure
)

// Generaliser turns a raw cell into a value of a declared domain. Exactly one
// field is set.
type Generaliser struct {
	BirthDate  *Band   // age band on the load's reference day
	Age        *Band   // age in whole years → band
	Prefecture bool    // prefecture name, or postcode or address that begins with one
	Region     bool    // as Prefecture, then one of the eight regions
	Amount     []int64 // ascending bounds → "<a", "a-b", ">=z"
	Day        bool    // a JST day
}

// Band is a banding of whole years: <From, From..From+Width-1, …, >=To.
type Band struct {
	Width int `yaml:"width" json:"width" need:"value"`
	From  int `yaml:"from" json:"from" need:"key"`
	To    int `yaml:"to" json:"to" need:"value"`
}

// IdentifierColumn says which column holds an identifier of which kind.
type IdentifierColumn struct {
	Column    string `yaml:"column" json:"column" need:"value"`
	Kind      string `yaml:"kind" json:"kind" need:"value"` // email | phone | cookie | maid
	Namespace string `yaml:"namespace,omitempty" json:"namespace,omitempty"`
	Profile   string `yaml:"profile,omitempty" json:"profile,omitempty"` // lists: the lossy rule the column was hashed by
}

// Attribute is one declared, banded attribute and its closed domain.
type Attribute struct {
	Column     string             `yaml:"column" json:"column" need:"value"`
	Name       string             `yaml:"name" json:"name" need:"value"`
	Class      AttributeClass     `yaml:"class,omitempty" json:"class,omitempty"`
	Generalise *Generaliser       `yaml:"generalise,omitempty" json:"generalise,omitempty"`
	Values     []string           `yaml:"values,omitempty" json:"values,omitempty"`
	Shares     map[string]float64 `yaml:"shares,omitempty" json:"shares,omitempty"` // public shares used for forecasts
}

// Restriction is a column that limits the use of a user's data (§11(1)).
type Restriction struct {
	Column string `yaml:"column" json:"column" need:"value"`
	Kind   string `yaml:"kind" json:"kind" need:"value"` // service_limited | enquiry_only
}

// Restriction kinds.
const (
	ServiceLimited = "service_limited"
	EnquiryOnly    = "enquiry_only"
)

// ConsentColumns says which columns hold the accepted policy version and its
// day.
type ConsentColumns struct {
	Version string `yaml:"version" json:"version" need:"value"`
	Date    string `yaml:"date" json:"date" need:"value"`
}

// Channel is an opt-in of one of the operator's own sending channels.
type Channel struct {
	Column  string `yaml:"column" json:"column" need:"value"`
	Channel string `yaml:"channel" json:"channel" need:"value"`
}

// BaseSchema is base.yaml: how the operator's table becomes the identity base.
type BaseSchema struct {
	Schema       string             `yaml:"schema" json:"schema" need:"value"`
	Region       string             `yaml:"region" json:"region" need:"value"`
	UserKey      string             `yaml:"user_key" json:"user_key" need:"value"`
	Verified     string             `yaml:"verified" json:"verified" need:"value"` // a column, or "all"
	Consent      ConsentColumns     `yaml:"consent" json:"consent" need:"value"`
	Identifiers  []IdentifierColumn `yaml:"identifiers" json:"identifiers" need:"value"`
	Attributes   []Attribute        `yaml:"attributes" json:"attributes" need:"key"`
	Restrictions []Restriction      `yaml:"restrictions,omitempty" json:"restrictions,omitempty"`
	Channels     []Channel          `yaml:"channels,omitempty" json:"channels,omitempty"`
	Drop         []string           `yaml:"drop,omitempty" json:"drop,omitempty"`
}

// VerifiedAll is the value of BaseSchema.Verified that declares every
// identifier verified.
const VerifiedAll = "all"

// ListColumn is one declared column of a list: an identifier (Kind set) or a
// value with a closed domain (Name and Values or Generalise set).
type ListColumn struct {
	Column     string       `yaml:"column" json:"column" need:"value"`
	Kind       string       `yaml:"kind,omitempty" json:"kind,omitempty"`
	Namespace  string       `yaml:"namespace,omitempty" json:"namespace,omitempty"`
	Profile    string       `yaml:"profile,omitempty" json:"profile,omitempty"`
	Name       string       `yaml:"name,omitempty" json:"name,omitempty"`
	Values     []string     `yaml:"values,omitempty" json:"values,omitempty"`
	Generalise *Generaliser `yaml:"generalise,omitempty" json:"generalise,omitempty"`
}

// ListConsent names the list's own consent column; rows without consent never
// enter.
type ListConsent struct {
	Column string `yaml:"column" json:"column" need:"value"`
}

// ListSchema is list.yaml: what the columns of a list are.
type ListSchema struct {
	Schema string `yaml:"schema" json:"schema" need:"value"`
	Region string `yaml:"region,omitempty" json:"region,omitempty"`
	// UserKey names the column of the party's own, opaque keys: deliveries under the
	// entrustment are made out to them.
	UserKey string       `yaml:"user_key,omitempty" json:"user_key,omitempty"`
	Columns []ListColumn `yaml:"columns" json:"columns" need:"value"`
	Consent *ListConsent `yaml:"consent,omitempty" json:"consent,omitempty"`
	Drop    []string     `yaml:"drop,omitempty" json:"drop,omitempty"`
}

// Digest gives the SHA-256 of what the document says, in lower-case hex: of its
// JSON with the keys in the order of the schema and without white space. Comments
// and the order of keys don't change it.
func (s *BaseSchema) Digest() (string, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("hash base.yaml: %w", err)
	}
	sum := sha256.Sum256(append([]byte("awase base document v1\n"), data...))
	return hex.EncodeToString(sum[:]), nil
}
