package courier

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
)

// google is the Data Manager API, v1: audienceMembers:ingest and :remove take at most
// 10,000 members a request and 10 identifiers a member; :removeAll with removeAsOfTime
// ends a replacement; requestStatus:retrieve tells how far a request is. A project may
// make 300 requests a minute. We count identifiers, so that a request holds at most
// 10,000 of those too (FORMATS §6).
//
// Read in developers.google.com/data-manager/api: reference/rest/v1/audienceMembers
// (ingest, remove, removeAll), reference/rest/v1/AudienceMember, Destination, Consent,
// requestStatus/retrieve; devguides/limits, devguides/audiences/google-ads/
// customer-match/remove-all-members.
type google struct{}

// googleMargin is how far this machine's clock may be ahead of Google's: without it,
// members that were just added would count as added before the replacement began.
const googleMargin = 2 * time.Minute

const (
	googleIngest = "/audienceMembers:ingest"
	googleRemove = "/audienceMembers:remove"
	googleAll    = "/audienceMembers:removeAll"
	googleStatus = "/requestStatus:retrieve"
)

type googleAccount struct {
	AccountType string `json:"accountType"`
	AccountID   string `json:"accountId"`
}

type googleDestination struct {
	LoginAccount         *googleAccount `json:"loginAccount,omitempty"`
	OperatingAccount     googleAccount  `json:"operatingAccount"`
	ProductDestinationID string         `json:"productDestinationId"`
}

type googleConsent struct {
	AdUserData        string `json:"adUserData,omitempty"`
	AdPersonalization string `json:"adPersonalization,omitempty"`
}

type googleIdentifier struct {
	EmailAddress string `json:"emailAddress,omitempty"`
	PhoneNumber  string `json:"phoneNumber,omitempty"`
}

type googleUserData struct {
	UserIdentifiers []googleIdentifier `json:"userIdentifiers"`
}

type googleMember struct {
	UserData googleUserData `json:"userData"`
}

type googleTerms struct {
	CustomerMatch string `json:"customerMatchTermsOfServiceStatus"`
}

// googleRequest is the body of ingest and remove; consent and terms are of ingest.
type googleRequest struct {
	Destinations    []googleDestination `json:"destinations"`
	AudienceMembers []googleMember      `json:"audienceMembers"`
	Consent         *googleConsent      `json:"consent,omitempty"`
	ValidateOnly    bool                `json:"validateOnly,omitempty"`
	Encoding        string              `json:"encoding"`
	TermsOfService  *googleTerms        `json:"termsOfService,omitempty"`
}

// googleRemoveAll is the body of removeAll.
type googleRemoveAll struct {
	Destinations   []googleDestination `json:"destinations"`
	RemoveAsOfTime string              `json:"removeAsOfTime"`
}

func (google) endpoint() string                    { return "https://datamanager.googleapis.com/v1" }
func (google) perSecond() float64                  { return 4 }
func (google) limit() int                          { return 10_000 }
func (google) weigh(ids []delivery.Identifier) int { return len(ids) }

func (google) takes(c Credentials) error { return c.token() }

func (google) fault(t *Target) error {
	switch {
	case !isDigits(t.Account):
		return errors.New("--account is the number of the account that the audience is of")
	case t.LoginAccount != "" && !isDigits(t.LoginAccount):
		return errors.New("--login-account is a number")
	case t.AccountType != "" && !isName(t.AccountType, 64):
		return errors.New("--account-type is a word as GOOGLE_ADS")
	case !isDigits(t.Audience):
		return errors.New("--audience is the audience's number")
	case !isConsent(t.AdUserData) || !isConsent(t.AdPersonalization):
		return errors.New("--ad-user-data and --ad-personalization are granted or denied")
	}
	return nil
}

func isConsent(s string) bool { return s == "" || s == "granted" || s == "denied" }

func (google) destinations(t *Target) []googleDestination {
	kind := t.AccountType
	if kind == "" {
		kind = "GOOGLE_ADS"
	}
	d := googleDestination{OperatingAccount: googleAccount{kind, t.Account}, ProductDestinationID: t.Audience}
	if t.LoginAccount != "" {
		d.LoginAccount = &googleAccount{kind, t.LoginAccount}
	}
	return []googleDestination{d}
}

func (g google) call(h *delivery.Header, t *Target, s session, b batch) call {
	r := googleRequest{Destinations: g.destinations(t), Encoding: "HEX", ValidateOnly: s.validate}
	text := func(h identifier.Hash) string { return hex.EncodeToString(h[:]) }
	if t.Base64 {
		r.Encoding = "BASE64"
		text = func(h identifier.Hash) string { return base64.StdEncoding.EncodeToString(h[:]) }
	}
	for _, ids := range b.people {
		var m googleMember
		for _, id := range ids {
			if id.Kind == identifier.Email {
				m.UserData.UserIdentifiers = append(m.UserData.UserIdentifiers, googleIdentifier{EmailAddress: text(id.Hash)})
			} else {
				m.UserData.UserIdentifiers = append(m.UserData.UserIdentifiers, googleIdentifier{PhoneNumber: text(id.Hash)})
			}
		}
		r.AudienceMembers = append(r.AudienceMembers, m)
	}
	if h.Act == delivery.Remove {
		return call{method: http.MethodPost, path: googleRemove, json: r}
	}
	word := map[string]string{"granted": "CONSENT_GRANTED", "denied": "CONSENT_DENIED"}
	if t.AdUserData != "" || t.AdPersonalization != "" {
		r.Consent = &googleConsent{word[t.AdUserData], word[t.AdPersonalization]}
	}
	if t.AcceptTerms {
		r.TermsOfService = &googleTerms{"ACCEPTED"}
	}
	return call{method: http.MethodPost, path: googleIngest, json: r}
}

func (google) sign(r *http.Request, _ url.Values, c Credentials) {
	r.Header.Set("Authorization", "Bearer "+c.Token)
}

func (google) read(status int, header http.Header, body []byte) verdict {
	if v := plain(status, header, time.Now()); v.code != "" {
		return v
	}
	var answer struct {
		RequestID string `json:"requestId"`
	}
	if json.Unmarshal(body, &answer) != nil || !isName(answer.RequestID, 200) {
		return unexpected(status)
	}
	return verdict{request: answer.RequestID}
}

// processed tells how far a request is: done, or failed as a whole. Of a partial
// success the rest are people whom Google could not read or place; they are no
// reason to leave the old audience in place.
func (google) processed(status int, header http.Header, body []byte) (done bool, v verdict) {
	if v := plain(status, header, time.Now()); v.code != "" {
		return false, v
	}
	var answer struct {
		Statuses []struct {
			Status string `json:"requestStatus"`
		} `json:"requestStatusPerDestination"`
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Statuses) == 0 {
		return false, unexpected(status)
	}
	for _, s := range answer.Statuses {
		switch s.Status {
		case "SUCCESS", "PARTIAL_SUCCESS":
		case "PROCESSING":
			return false, verdict{}
		case "FAILED":
			return false, verdict{code: RejectedBody, detail: "the platform could not process it"}
		default:
			return false, unexpected(status)
		}
	}
	return true, verdict{}
}
