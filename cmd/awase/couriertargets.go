package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"

	"awase/courier"
	"awase/entrustment"
)

const courierSchema = "awase.courier/v1"

// courierDoc is courier.yaml: whose audience each campaign is at its platform.
type courierDoc struct {
	Schema  string          `yaml:"schema"`
	Targets []courierTarget `yaml:"targets"`
}

type courierTarget struct {
	Entrustment       string  `yaml:"entrustment"`
	Campaign          string  `yaml:"campaign"`
	Account           string  `yaml:"account"`
	AccountType       string  `yaml:"account_type"`
	LoginAccount      string  `yaml:"login_account"`
	Audience          string  `yaml:"audience"`
	AdUserData        string  `yaml:"ad_user_data"`
	AdPersonalization string  `yaml:"ad_personalization"`
	AcceptTerms       bool    `yaml:"accept_terms"`
	Base64            bool    `yaml:"base64"`
	Endpoint          string  `yaml:"endpoint"`
	Credentials       string  `yaml:"credentials"` // a file of mode 0600, from the document's directory
	Rate              float64 `yaml:"rate"`
	Attempts          int     `yaml:"attempts"`
	Wait              string  `yaml:"wait"`

	wait time.Duration
}

// readTargets reads courier.yaml; without a path there are none.
func readTargets(path string) (map[[2]string]*courierTarget, error) {
	out := map[[2]string]*courierTarget{}
	if path == "" {
		return out, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	name := filepath.Base(path)
	var doc courierDoc
	if err := yaml.UnmarshalWithOptions(raw, &doc, yaml.Strict()); err != nil {
		return nil, &entrustment.Error{Code: entrustment.CodeDocument, Field: name, Detail: yaml.FormatError(err, false, false), Mend: "see docs/deliveries.md for its keys"}
	}
	bad := func(field, detail, mend string) error {
		return &entrustment.Error{Code: entrustment.CodeDocument, Field: name + ", " + field, Detail: detail, Mend: mend}
	}
	if doc.Schema != courierSchema {
		return nil, bad("schema", "it is not a document "+courierSchema, "see docs/deliveries.md")
	}
	for i := range doc.Targets {
		t, at := &doc.Targets[i], fmt.Sprintf("targets[%d]", i)
		key := [2]string{t.Entrustment, t.Campaign}
		if entrustment.CheckID("entrustment", t.Entrustment) != nil || entrustment.CheckID("campaign", t.Campaign) != nil {
			return nil, bad(at, "it names no campaign", "write entrustment: and campaign:, as awase courier fetch -n shows them")
		}
		if out[key] != nil {
			return nil, bad(at, "the campaign has two targets", "keep one: an audience of each")
		}
		if t.Rate < 0 || t.Attempts < 0 {
			return nil, bad(at, "rate and attempts are not below 0", "leave them out for the platform's own")
		}
		t.wait = 3 * time.Hour
		if t.Wait != "" {
			if t.wait, err = time.ParseDuration(t.Wait); err != nil || t.wait < 0 {
				return nil, bad(at+".wait", "it is no span", "write it like 3h")
			}
		}
		if t.Credentials != "" && !filepath.IsAbs(t.Credentials) {
			t.Credentials = filepath.Join(filepath.Dir(path), t.Credentials)
		}
		out[key] = t
	}
	return out, nil
}

// options are how a target's deliveries are sent.
func (t *courierTarget) options() courier.Options {
	return courier.Options{
		Target: courier.Target{Endpoint: t.Endpoint, Account: t.Account, AccountType: t.AccountType, LoginAccount: t.LoginAccount, Audience: t.Audience,
			AdUserData: t.AdUserData, AdPersonalization: t.AdPersonalization, AcceptTerms: t.AcceptTerms, Base64: t.Base64},
		Credentials: func() (courier.Credentials, error) { return readCredentials(t.Credentials) },
		Rate:        t.Rate, Attempts: t.Attempts, Wait: t.wait,
	}
}
