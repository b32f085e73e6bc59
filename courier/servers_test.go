package courier

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// strict reads JSON in which every member is known, and nothing follows.
func strict(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something follows: %w", err)
	}
	return nil
}

func isHex64(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && s == strings.ToLower(s)
}

// googleServer is the Data Manager API.
type googleServer struct {
	common
	processing int // polls that find a request in process
	failed     bool
	base64     bool
	added      map[string]time.Time
	now        func() time.Time
	validated  int
	removedAll int
}

func newGoogleServer(t testing.TB) *googleServer {
	return &googleServer{common: common{t: t, hashes: map[string]bool{}}, added: map[string]time.Time{}, now: func() time.Time { return testNow }}
}

func (s *googleServer) options() Options {
	return Options{Credentials: bearer, Target: Target{Account: "111", LoginAccount: "222", Audience: "333", AdUserData: "granted", AdPersonalization: "denied", AcceptTerms: true, Base64: s.base64}}
}

func (s *googleServer) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, s.do) }

func (s *googleServer) do(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+testToken {
		s.errorf(w, "authorization")
		return
	}
	s.seen = append(s.seen, r.URL.Path)
	switch r.Method + " " + r.URL.Path {
	case "GET /requestStatus:retrieve":
		s.status(w, r)
	case "POST /audienceMembers:ingest", "POST /audienceMembers:remove":
		s.members(w, r, strings.HasSuffix(r.URL.Path, "ingest"))
	case "POST /audienceMembers:removeAll":
		var body struct {
			Destinations   json.RawMessage `json:"destinations"`
			RemoveAsOfTime string          `json:"removeAsOfTime"`
		}
		at, err := time.Time{}, strict(r.Body, &body)
		if err == nil {
			at, err = time.Parse(time.RFC3339, body.RemoveAsOfTime)
		}
		if err != nil || !s.destination(body.Destinations) || at.After(s.now()) {
			s.errorf(w, "removeAll: %v", err)
			return
		}
		s.removedAll++
		for k, added := range s.added {
			if added.Before(at) {
				delete(s.added, k)
				delete(s.hashes, k)
			}
		}
		fmt.Fprint(w, `{"requestId":"all-1"}`)
	default:
		s.errorf(w, "%s %s", r.Method, r.URL.Path)
	}
}

func (s *googleServer) destination(raw json.RawMessage) bool {
	return string(raw) == `[{"loginAccount":{"accountType":"GOOGLE_ADS","accountId":"222"},"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"111"},"productDestinationId":"333"}]`
}

func (s *googleServer) status(w http.ResponseWriter, r *http.Request) {
	if q := r.URL.Query(); len(q) != 1 || !strings.HasPrefix(q.Get("requestId"), "req-") {
		s.errorf(w, "status of %v", q)
		return
	}
	word := "SUCCESS"
	switch s.processing--; {
	case s.processing >= 0:
		word = "PROCESSING"
	case s.failed:
		word = "FAILED"
	}
	fmt.Fprintf(w, `{"requestStatusPerDestination":[{"destination":{},"requestStatus":%q}]}`, word)
}

func (s *googleServer) members(w http.ResponseWriter, r *http.Request, ingest bool) {
	var body struct {
		Destinations    json.RawMessage `json:"destinations"`
		AudienceMembers []struct {
			UserData struct {
				UserIdentifiers []map[string]string `json:"userIdentifiers"`
			} `json:"userData"`
		} `json:"audienceMembers"`
		Consent        json.RawMessage `json:"consent"`
		ValidateOnly   bool            `json:"validateOnly"`
		Encoding       string          `json:"encoding"`
		TermsOfService json.RawMessage `json:"termsOfService"`
	}
	if err := strict(r.Body, &body); err != nil {
		s.errorf(w, "body: %v", err)
		return
	}
	consent, terms := `{"adUserData":"CONSENT_GRANTED","adPersonalization":"CONSENT_DENIED"}`, `{"customerMatchTermsOfServiceStatus":"ACCEPTED"}`
	if !ingest { // remove has neither
		consent, terms = "", ""
	}
	want := map[bool]string{false: "HEX", true: "BASE64"}[s.base64]
	if !s.destination(body.Destinations) || string(body.Consent) != consent || string(body.TermsOfService) != terms || body.Encoding != want {
		s.errorf(w, "destinations, consent, terms or encoding")
		return
	}
	identifiers := 0
	for _, m := range body.AudienceMembers {
		ids := m.UserData.UserIdentifiers
		identifiers += len(ids)
		if len(ids) < 1 || len(ids) > 10 {
			s.errorf(w, "%d identifiers of a member", len(ids))
			return
		}
		for _, id := range ids {
			kind, value := "email", id["emailAddress"]
			if p, ok := id["phoneNumber"]; ok {
				kind, value = "phone", p
			}
			if s.base64 {
				raw, err := base64.StdEncoding.DecodeString(value)
				if err != nil {
					s.errorf(w, "not Base64")
				}
				value = hex.EncodeToString(raw)
			}
			if len(id) != 1 || !isHex64(value) {
				s.errorf(w, "an identifier of %d members", len(id))
				return
			}
			if key := kind + " " + value; body.ValidateOnly {
				s.validated++
			} else if ingest {
				s.hashes[key], s.added[key] = true, s.now()
			} else {
				delete(s.hashes, key)
			}
		}
	}
	if identifiers < 1 || identifiers > 10_000 {
		s.errorf(w, "%d identifiers", identifiers)
		return
	}
	fmt.Fprintf(w, `{"requestId":"req-%d"}`, len(s.seen))
}

// metaServer is Custom Audiences of the Marketing API.
type metaServer struct {
	common
	session  int64
	complete bool
	batches  []int // of replacements, in the order they came
	sessions int
}

func newMetaServer(t testing.TB) *metaServer {
	return &metaServer{common: common{t: t, hashes: map[string]bool{}}}
}

func (s *metaServer) options() Options {
	return Options{Credentials: bearer, Target: Target{Audience: "444"}}
}

func (s *metaServer) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, s.do) }

func (s *metaServer) do(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(raw))
	s.seen = append(s.seen, r.Method+" "+r.URL.Path)
	remove := r.Method+" "+r.URL.Path == "DELETE /444/users"
	want := []string{"access_token", "payload", "session"}
	if remove {
		want = []string{"access_token", "payload"}
	}
	if err != nil || !remove && r.Method+" "+r.URL.Path != "POST /444/usersreplace" || r.URL.RawQuery != "" ||
		!slices.Equal(slices.Sorted(maps.Keys(form)), want) || form.Get("access_token") != testToken || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		s.errorf(w, "%s %s with %v", r.Method, r.URL.Path, slices.Sorted(maps.Keys(form)))
		return
	}
	var payload struct {
		Schema []string   `json:"schema"`
		Data   [][]string `json:"data"`
	}
	var session struct {
		ID    int64 `json:"session_id"`
		Batch int   `json:"batch_seq"`
		Last  bool  `json:"last_batch_flag"`
	}
	if err := strict(strings.NewReader(form.Get("payload")), &payload); err != nil || !slices.Equal(payload.Schema, []string{"EMAIL", "PHONE"}) || len(payload.Data) < 1 || len(payload.Data) > 10_000 {
		s.errorf(w, "payload of %d rows: %v", len(payload.Data), err)
		return
	}
	if !remove {
		if err := strict(strings.NewReader(form.Get("session")), &session); err != nil || session.ID < 1 || session.Batch < 1 {
			s.errorf(w, "session: %v", err)
			return
		}
		switch {
		case session.ID == s.session && s.complete:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"message":"CANARY","type":"OAuthException","code":2650,"error_subcode":1870159}}`)
			return
		case session.ID != s.session && session.Batch != 1:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"code":2650,"error_subcode":1870147}}`)
			return
		case session.Batch == 1: // a replacement begins: who was there goes
			if session.ID != s.session {
				s.sessions++
			}
			s.session, s.complete = session.ID, false
			clear(s.hashes)
		}
		s.batches = append(s.batches, session.Batch)
		s.complete = session.Last
	}
	for _, row := range payload.Data {
		if len(row) != 2 || row[0]+row[1] == "" {
			s.errorf(w, "a row of %d", len(row))
			return
		}
		for i, kind := range []string{"email", "phone"} {
			if row[i] == "" {
				continue
			}
			if !isHex64(row[i]) {
				s.errorf(w, "no hash")
				return
			}
			if key := kind + " " + row[i]; remove {
				delete(s.hashes, key)
			} else {
				s.hashes[key] = true
			}
		}
	}
	fmt.Fprintf(w, `{"audience_id":"444","session_id":%d,"num_received":%d,"num_invalid_entries":0,"invalid_entry_samples":[]}`, session.ID, len(payload.Data))
}

// xServer is X's Ads API.
type xServer struct {
	common
}

func newXServer(t testing.TB) *xServer {
	return &xServer{common: common{t: t, hashes: map[string]bool{}}}
}

func (s *xServer) options() Options {
	return Options{Credentials: oauth, Target: Target{Account: "abc1", Audience: "aud9"}}
}

func (s *xServer) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, s.do) }

// signed checks OAuth 1.0a as RFC 5849 tells, apart from the code that signs.
func (s *xServer) signed(r *http.Request) bool {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	params := map[string]string{}
	for part := range strings.SplitSeq(text, ", ") {
		key, value, _ := strings.Cut(part, "=")
		plain, err := url.PathUnescape(strings.Trim(value, `"`))
		if err != nil {
			return false
		}
		params[key] = plain
	}
	base := "POST&" + url.QueryEscape("http://"+r.Host+r.URL.Path) + "&"
	var pairs []string
	for _, key := range []string{"oauth_consumer_key", "oauth_nonce", "oauth_signature_method", "oauth_timestamp", "oauth_token", "oauth_version"} {
		pairs = append(pairs, key+"%3D"+params[key])
	}
	mac := hmac.New(sha1.New, []byte("CANARY-cs&CANARY-as"))
	mac.Write([]byte(base + strings.Join(pairs, "%26")))
	return ok && len(params) == 7 && params["oauth_consumer_key"] == xConsumer && params["oauth_signature"] == base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (s *xServer) do(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r.Method+" "+r.URL.Path)
	if r.Method+" "+r.URL.Path != "POST /accounts/abc1/custom_audiences/aud9/users" || r.Header.Get("Content-Type") != "application/json" || !s.signed(r) || r.ContentLength < 1 || r.ContentLength > 5_000_000 {
		s.errorf(w, "%s %s, %d bytes", r.Method, r.URL.Path, r.ContentLength)
		return
	}
	var operations []struct {
		Type   string `json:"operation_type"`
		Params struct {
			ExpiresAt string                `json:"expires_at"`
			Users     []map[string][]string `json:"users"`
		} `json:"params"`
	}
	if err := strict(r.Body, &operations); err != nil || len(operations) < 1 || len(operations) > 2_500 {
		s.errorf(w, "%d operations: %v", len(operations), err)
		return
	}
	users := 0
	for _, o := range operations {
		if o.Type != "Update" && o.Type != "Delete" || (o.Type == "Update") != (o.Params.ExpiresAt == "2027-01-15T09:00:00Z") {
			s.errorf(w, "operation %q until %q", o.Type, o.Params.ExpiresAt)
			return
		}
		users += len(o.Params.Users)
		for _, u := range o.Params.Users {
			for field, hashes := range u {
				kind := map[string]string{"email": "email", "phone_number": "phone", "device_id": "maid"}[field]
				for _, h := range hashes {
					if kind == "" || !isHex64(h) {
						s.errorf(w, "user: %s", field)
						return
					}
					if key := kind + " " + h; o.Type == "Update" {
						s.hashes[key] = true
					} else {
						delete(s.hashes, key)
					}
				}
			}
		}
	}
	if users < 1 || users > 2_500 {
		s.errorf(w, "%d users", users)
		return
	}
	fmt.Fprintf(w, `{"data":{"success_count":%d,"total_count":%d},"request":{}}`, users, users)
}
