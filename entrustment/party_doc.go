package entrustment

import (
	"regexp"
	"slices"
	"strings"
)

// ParseParty reads party.yaml. file names the document in errors.
func ParseParty(file string, data []byte) (*Party, error) {
	p, at, err := decode[Party](file, data, SchemaParty)
	if err != nil {
		return nil, err
	}
	c := &checker{at: at}
	c.id("id", p.ID)
	c.id("group", p.Group)
	c.country("country", p.Country)
	if p.UploadKey != "" {
		if _, err := ParseUploadKey(p.UploadKey); err != nil {
			c.fail("upload_key", "is no Ed25519 public key", "write what awase seal-key printed: ed25519: and 44 characters of Base64")
		}
	}
	c.sealKeys(p)
	c.officers(p.Officers)
	return done(p, c)
}

// sealKeyForm is the form of a key that files are sealed to; whether it is one is
// decided where it is pinned.
var sealKeyForm = regexp.MustCompile(`^awase-seal-(xwing|x25519)-[A-Za-z0-9_-]+$`)

// sealKeyLengths are those of the two suites.
var sealKeyLengths = []int{len("awase-seal-xwing-") + 1622, len("awase-seal-x25519-") + 43}

func looksSealKey(text string) bool {
	return slices.Contains(sealKeyLengths, len(text)) && sealKeyForm.MatchString(text)
}

// sealKeys checks the form of the keys that a party receives by.
func (c *checker) sealKeys(p *Party) {
	if p.DeliveryKey != "" && !looksSealKey(p.DeliveryKey) {
		c.fail("delivery_key", "is no key that deliveries can be sealed to", "write the line of the .pub file that awase courier key made, the whole of it")
	}
	switch {
	case p.ServingKey == "":
	case !looksSealKey(p.ServingKey):
		c.fail("serving_key", "is no key that labels can be sealed to", "write the line of the .pub file that awase courier key --serving made, the whole of it")
	case p.Class != ClassAdPlatform:
		c.fail("serving_key", "only an ad platform serves ads by labels", "take it out, or write class: ad-platform")
	case p.ServingKey == p.DeliveryKey:
		c.fail("serving_key", "it is the delivery key: who carries deliveries could open the labels", "the partner makes another with awase courier key --serving")
	}
}

// CheckOfficers checks officers as ParseParty does, of a party that was not
// written in one document. It gives an *Error of CodeDocument.
func CheckOfficers(officers []Officer) error {
	c := &checker{at: &places{file: "officers", at: map[string]place{}}}
	c.officers(officers)
	_, err := done(&officers, c)
	return err
}

// officers checks the form of each; whether a key is one, and nobody else's, is
// decided where the keys are pinned.
func (c *checker) officers(officers []Officer) {
	c.atMost("officers", len(officers), maxOfficers)
	names, keys := map[string]bool{}, map[string]bool{}
	for i, o := range officers {
		path := item("officers", i)
		c.id(join(path, "name"), o.Name)
		if names[o.Name] {
			c.fail(join(path, "name"), "two officers have one name", "rename one")
		}
		if keys[o.Key] {
			c.fail(join(path, "key"), "two officers have one key", "each officer makes a key of their own with awase officer key")
		}
		names[o.Name], keys[o.Key] = true, true
		cose, passkey := strings.CutPrefix(o.Key, passkeyPrefix)
		switch _, err := ParseUploadKey(o.Key); {
		case passkey && (len(cose) > 1024 || !base64Text.MatchString(cose)):
			c.fail(join(path, "key"), "is no passkey", "write what the page showed: passkey: and Base64")
		case passkey && o.Origin == "":
			c.fail(path, "a passkey belongs to a page", "add origin: https://… as the browser shows it")
		case passkey:
		case err != nil:
			c.fail(join(path, "key"), "is no officer's public key", "write what awase officer key printed: ed25519: and 44 characters of Base64")
		case o.Origin != "":
			c.fail(join(path, "origin"), "only a passkey belongs to a page", "take it out")
		}
	}
}

var base64Text = regexp.MustCompile(`^[A-Za-z0-9+/]+={0,2}$`)

// ParsePolicies reads policies.yaml. A version without clauses covers no flow.
func ParsePolicies(file string, data []byte) (*Policies, error) {
	p, at, err := decode[Policies](file, data, SchemaPolicies)
	if err != nil {
		return nil, err
	}
	c := &checker{at: at}
	c.atMost("policies", len(p.Policies), 1000)
	seen := map[string]bool{}
	for i, v := range p.Policies {
		path := item("policies", i)
		c.name(join(path, "version"), v.Version)
		if seen[v.Version] {
			c.fail(join(path, "version"), "the version is given twice", "keep one")
		}
		seen[v.Version] = true
		for _, clause := range sorted(v.Clauses) {
			sub := member(join(path, "clauses"), clause)
			c.name(sub, clause)
			c.distinct(sub, words(v.Clauses[clause]...))
		}
	}
	return done(p, c)
}
