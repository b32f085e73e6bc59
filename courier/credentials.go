package courier

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Credentials are what a platform knows its caller by. Printing or logging them shows
// none.
type Credentials struct {
	Token string // of Google and Meta: an access token

	// Of X: OAuth 1.0a.
	ConsumerKey, ConsumerSecret, AccessToken, AccessSecret string
}

// Format prints that they are credentials, whatever the verb.
func (Credentials) Format(f fmt.State, _ rune) { fmt.Fprint(f, "credentials") }

// LogValue is Format for package slog.
func (Credentials) LogValue() slog.Value { return slog.StringValue("credentials") }

// MarshalJSON refuses: credentials are written nowhere.
func (Credentials) MarshalJSON() ([]byte, error) { return nil, errors.New("credentials") }

// maxCredentials bounds a file.
const maxCredentials = 64 << 10

// ReadCredentials reads a file that only its owner can read: one line that is an access
// token, or for X a JSON object of consumer_key, consumer_secret, access_token and
// access_secret. No error shows what the file holds.
func ReadCredentials(path string) (Credentials, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Credentials{}, withoutPath(err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return Credentials{}, fail(RejectedCredentials, "others than you can read the file: chmod 600 it, and renew them")
	}
	if st.Size() > maxCredentials {
		return Credentials{}, fail(RejectedCredentials, "the file is too long to be credentials")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Credentials{}, withoutPath(err)
	}
	return ParseCredentials(raw)
}

// withoutPath gives what the file system said; where secrets lie is for no log.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return &Error{Code: RejectedCredentials, Detail: "reading the file", Err: err}
}

// ParseCredentials reads what a file or an environment variable holds.
func ParseCredentials(raw []byte) (Credentials, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '{' {
		var doc struct {
			ConsumerKey    string `json:"consumer_key"`
			ConsumerSecret string `json:"consumer_secret"`
			AccessToken    string `json:"access_token"`
			AccessSecret   string `json:"access_secret"`
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if d.Decode(&doc) != nil {
			return Credentials{}, fail(RejectedCredentials, "a JSON object of consumer_key, consumer_secret, access_token, access_secret, and nothing else")
		}
		return Credentials{ConsumerKey: doc.ConsumerKey, ConsumerSecret: doc.ConsumerSecret, AccessToken: doc.AccessToken, AccessSecret: doc.AccessSecret}, nil
	}
	for _, b := range raw {
		if b <= ' ' || b >= 0x7F {
			return Credentials{}, fail(RejectedCredentials, "an access token is one line without spaces")
		}
	}
	if len(raw) == 0 {
		return Credentials{}, fail(RejectedCredentials, "there are none")
	}
	return Credentials{Token: string(raw)}, nil
}

func (c Credentials) token() error {
	if c.Token == "" {
		return fail(RejectedCredentials, "this platform takes an access token")
	}
	return nil
}

func (c Credentials) oauth1() error {
	if c.ConsumerKey == "" || c.ConsumerSecret == "" || c.AccessToken == "" || c.AccessSecret == "" {
		return fail(RejectedCredentials, "X takes consumer_key, consumer_secret, access_token and access_secret")
	}
	return nil
}

func nonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return fmt.Sprintf("%x", b)
}

// oauth1 gives the Authorization header of RFC 5849 with HMAC-SHA1, which is what X
// takes. A body in JSON is not part of what is signed (§3.4.1.3.1); the query is.
func oauth1(method string, u *url.URL, c Credentials, nonce string, now time.Time) string {
	params := [][2]string{
		{"oauth_consumer_key", c.ConsumerKey}, {"oauth_nonce", nonce}, {"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", strconv.FormatInt(now.Unix(), 10)}, {"oauth_token", c.AccessToken}, {"oauth_version", "1.0"},
	}
	signature := oauth1Signature(method, u, c, params)
	var b strings.Builder
	b.WriteString("OAuth ")
	for _, p := range append(params, [2]string{"oauth_signature", signature}) {
		if !strings.HasSuffix(b.String(), " ") {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, `%s="%s"`, p[0], escape(p[1]))
	}
	return b.String()
}

// oauth1Signature signs the base string of RFC 5849 §3.4.1.
func oauth1Signature(method string, u *url.URL, c Credentials, params [][2]string) string {
	var pairs []string
	for _, p := range params {
		pairs = append(pairs, escape(p[0])+"="+escape(p[1]))
	}
	for key, values := range u.Query() {
		for _, v := range values {
			pairs = append(pairs, escape(key)+"="+escape(v))
		}
	}
	slices.Sort(pairs)
	at := strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host) + u.EscapedPath()
	mac := hmac.New(sha1.New, []byte(escape(c.ConsumerSecret)+"&"+escape(c.AccessSecret)))
	mac.Write([]byte(method + "&" + escape(at) + "&" + escape(strings.Join(pairs, "&"))))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// escape is the encoding of RFC 5849 §3.6: all but unreserved characters, and a space
// is %20.
func escape(s string) string {
	return strings.NewReplacer("+", "%20", "%7E", "~").Replace(url.QueryEscape(s))
}
