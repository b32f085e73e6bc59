package courier

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"awase/crypto/delivery"
)

// Target is whose audience it is at a platform.
type Target struct {
	Endpoint     string // "": the platform's own
	Account      string // Google: the operating account; X: the ads account
	AccountType  string // Google; "": GOOGLE_ADS
	LoginAccount string // Google: the account that calls, where it is another one
	Audience     string // Google: the audience's id; Meta, X: the custom audience's

	// What the receiver states to Google about the people: "", granted or denied.
	AdUserData, AdPersonalization string
	AcceptTerms                   bool // Google's Customer Match terms of service
	Base64                        bool // Google: hashes in Base64 instead of hex
}

// call is one request to a platform.
type call struct {
	method string
	path   string
	query  url.Values
	json   any        // a body in JSON, or
	form   url.Values // as a form
	until  int64      // not made from then on, unix seconds; 0: whenever
}

// verdict is what an answer means.
type verdict struct {
	code    Code          // "": accepted
	again   bool          // another attempt may help
	after   time.Duration // not before
	request string        // the platform's own name of what it accepted; may be ""
	detail  string        // numbers, for the receiver's own log
	whole   bool          // refused, as the session has had its last batch
}

// platform is an API that takes people. Its documents are named where it is written.
type platform interface {
	endpoint() string
	perSecond() float64
	limit() int                          // units a request
	weigh(ids []delivery.Identifier) int // units of a person
	fault(t *Target) error               // of what the receiver said of it
	takes(c Credentials) error
	call(h *delivery.Header, t *Target, s session, b batch) call
	sign(r *http.Request, form url.Values, c Credentials)
	read(status int, header http.Header, body []byte) verdict
}

// platformOf gives the API of a destination.
func platformOf(d delivery.Destination) (platform, bool) {
	switch d {
	case delivery.Google:
		return google{}, true
	case delivery.Meta:
		return meta{}, true
	case delivery.X:
		return x{nonce: nonce, now: time.Now}, true
	}
	return nil, false
}

// Sends tells whether a destination's deliveries are sent to an API; the others are
// written as files.
func Sends(d delivery.Destination) bool {
	_, ok := platformOf(d)
	return ok
}

// Check says what is wrong with a target for a destination's deliveries, before
// anything is opened or sent: of that the room is not told.
func Check(d delivery.Destination, t *Target) error {
	p, ok := platformOf(d)
	if !ok {
		return fmt.Errorf("a delivery for %s is written as files, not sent: awase courier open", d)
	}
	if t.Endpoint != "" {
		if err := checkEndpoint(t.Endpoint); err != nil {
			return err
		}
	}
	switch {
	case d != delivery.Google && (t.AccountType+t.LoginAccount+t.AdUserData+t.AdPersonalization != "" || t.AcceptTerms || t.Base64):
		return errors.New("--account-type, --login-account, --ad-user-data, --ad-personalization, --accept-terms and --base64 are of deliveries for google")
	case d == delivery.Meta && t.Account != "":
		return errors.New("--account is of deliveries for google and x")
	}
	return p.fault(t)
}

// checkEndpoint refuses an address that credentials may not go to.
func checkEndpoint(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return fmt.Errorf("the endpoint is https://HOST/PATH, without a question mark or a name in it")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("the endpoint begins with https://; http:// is for this machine alone")
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

// isDigits tells whether s is a number of at most 20 digits, as platforms name
// accounts and audiences.
func isDigits(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

// isName tells whether s is letters, digits, - and _, as platforms name things.
func isName(s string, most int) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return s != "" && len(s) <= most
}

// plain is what holds for all platforms: an answer's status, where its body says
// nothing better.
func plain(status int, header http.Header, now time.Time) verdict {
	v := verdict{detail: fmt.Sprintf("status %d", status)}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		v.code = RejectedCredentials
	case status == http.StatusTooManyRequests:
		v.code, v.again, v.after = RateLimited, true, retryAfter(header, now)
	case status == http.StatusRequestTimeout, status >= 500:
		v.code, v.again, v.after = Unreachable, true, retryAfter(header, now)
	case status >= 400:
		v.code = RejectedBody
	case status < 200 || status >= 300: // a redirect would carry credentials elsewhere
		v.code = UnexpectedAnswer
	}
	return v
}

// unexpected is an answer that is not as it should be: whether the batch was taken is
// not known, and to send it once more does no harm.
func unexpected(status int) verdict {
	return verdict{code: UnexpectedAnswer, again: true, detail: fmt.Sprintf("status %d, and not the body that its documents tell", status)}
}

// retryAfter reads the header of RFC 9110 §10.2.3: seconds, or a date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if isDigits(text) && len(text) < 8 {
		var n int64
		fmt.Sscan(text, &n)
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
