package courier

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
)

// meta is Meta's Custom Audiences of the Marketing API: POST and DELETE /{id}/users and
// POST /{id}/usersreplace, at most 10,000 rows a call. The batches of an
// audience are one session, numbered from 1; a replacement takes the last one within 90
// minutes of the first. Rows are of several keys, of which one that is not known is left blank;
// hashes are in lower-case hex. A removal has no session, so its batches are calls of
// their own. Advertising ids are taken unhashed, so none is sent.
// A schema names each key once, so a person with two mailboxes takes two rows.
//
// Read in developers.facebook.com/documentation/ads-commerce/marketing-api:
// audiences/guides/custom-audiences, reference/custom-audience/users and /usersreplace.
// How many calls an hour are taken is not a number there (it grows with the account's
// spending), so we make one a second; the answer's 429, or its error, says when to wait.
type meta struct{}

// metaReplaceTime is how long after its first batch a replacement takes others: 90
// minutes by the document, less what a request may take.
const metaReplaceTime = 85 * time.Minute

type metaSession struct {
	ID    int64 `json:"session_id"`
	Batch int   `json:"batch_seq"`
	Last  bool  `json:"last_batch_flag"`
}

type metaPayload struct {
	Schema []string   `json:"schema"`
	Data   [][]string `json:"data"`
}

func (meta) endpoint() string   { return "https://graph.facebook.com/v25.0" }
func (meta) perSecond() float64 { return 1 }
func (meta) limit() int         { return 10_000 }

func (meta) weigh(ids []delivery.Identifier) int {
	return max(len(ofKind(ids, identifier.Email)), len(ofKind(ids, identifier.Phone)))
}

func (meta) takes(c Credentials) error { return c.token() }

func (meta) fault(t *Target) error {
	if !isDigits(t.Audience) {
		return errors.New("--audience is the custom audience's number")
	}
	return nil
}

func (meta) call(h *delivery.Header, t *Target, s session, b batch) call {
	p := metaPayload{Schema: []string{"EMAIL", "PHONE"}}
	for _, ids := range b.people {
		emails, phones := ofKind(ids, identifier.Email), ofKind(ids, identifier.Phone)
		for i := range max(len(emails), len(phones)) {
			p.Data = append(p.Data, []string{hexAt(emails, i), hexAt(phones, i)})
		}
	}
	c := call{method: http.MethodPost, path: "/" + t.Audience + "/usersreplace", form: url.Values{}}
	if h.Act == delivery.Remove {
		c.method, c.path = http.MethodDelete, "/"+t.Audience+"/users"
	}
	set := func(key string, v any) {
		raw, _ := json.Marshal(v) // of numbers and texts: it doesn't fail
		c.form.Set(key, string(raw))
	}
	set("payload", p)
	if h.Act == delivery.Replace {
		set("session", metaSession{s.id, b.n, b.last})
	}
	return c
}

// hexAt gives a hash in hex; "" where there is none.
func hexAt(hashes []identifier.Hash, i int) string {
	if i >= len(hashes) {
		return ""
	}
	return hex.EncodeToString(hashes[i][:])
}

// sign puts the token into the body: in a URL it would be in every proxy's log.
func (meta) sign(_ *http.Request, form url.Values, c Credentials) { form.Set("access_token", c.Token) }

// Codes of the Graph API's errors that mean the credentials, and its limits.
var (
	metaCredentials = []int{10, 102, 190, 200}
	metaLimits      = []int{4, 17, 32, 613, 80003}
)

func (meta) read(status int, header http.Header, body []byte) verdict {
	var answer struct {
		Audience string          `json:"audience_id"`
		Session  json.RawMessage `json:"session_id"`
		Received *int64          `json:"num_received"`
		Invalid  int64           `json:"num_invalid_entries"`
		Error    *struct {
			Code      int  `json:"code"`
			Subcode   int  `json:"error_subcode"`
			Transient bool `json:"is_transient"`
		} `json:"error"`
	}
	bad := json.Unmarshal(body, &answer) != nil
	if !bad && answer.Error != nil {
		e := answer.Error
		v := verdict{code: RejectedBody, detail: fmt.Sprintf("status %d, error %d, subcode %d", status, e.Code, e.Subcode)}
		switch {
		case e.Subcode == 1870145: // an update is in progress
			v.code, v.again = Busy, true
		case e.Subcode == 1870159: // the last batch is there
			v.code, v.whole = SessionEnded, true
		case e.Subcode == 1870147, e.Subcode == 1870158: // no first batch, timed out
			v.code = SessionEnded
		case slices.Contains(metaCredentials, e.Code):
			v.code = RejectedCredentials
		case slices.Contains(metaLimits, e.Code), status == http.StatusTooManyRequests:
			v.code, v.again, v.after = RateLimited, true, retryAfter(header, time.Now())
		case e.Transient, e.Code == 1, e.Code == 2, status >= 500:
			v.code, v.again = Unreachable, true
		}
		return v
	}
	if v := plain(status, header, time.Now()); v.code != "" {
		return v
	}
	if bad || answer.Received == nil {
		return unexpected(status)
	}
	v := verdict{}
	if answer.Invalid > 0 {
		v.detail = fmt.Sprintf("%d entries were invalid to the platform", answer.Invalid)
	}
	return v
}
