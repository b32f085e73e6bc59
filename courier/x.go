package courier

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
)

// x is X's Ads API, version 12: POST accounts/:account_id/custom_audiences/:id/users takes
// at most 2,500 operations, 5,000,000 bytes and 1,500 requests a minute, hashes in
// lower-case hex, and OAuth 1.0a. A request of ours is one operation of at most 2,500
// users, which keeps the limit of older versions, of users a request, too: 2,500 users of
// four hashes are under 1,000,000 bytes. Update has the delivery's expiry as expires_at.
// The answer's success_count and total_count must be equal, or the request is sent again.
//
// X has no replacement: to replace, the audience is added to, people leave it by the
// room's removal deliveries and, at the latest, when the delivery expires.
//
// Read in docs.x.com/x-ads-api/audiences and developer.x.com/en/docs/x-ads-api/audiences/
// api-reference/custom-audience-users. What is counted in the answer, operations or users,
// could not be read there, so we look at no more than that the two numbers are equal and
// not 0.
type x struct {
	nonce func() string
	now   func() time.Time
}

type xUser struct {
	Email  []string `json:"email,omitempty"`
	Phone  []string `json:"phone_number,omitempty"`
	Device []string `json:"device_id,omitempty"`
}

type xParams struct {
	ExpiresAt string  `json:"expires_at,omitempty"`
	Users     []xUser `json:"users"`
}

type xOperation struct {
	Type   string  `json:"operation_type"`
	Params xParams `json:"params"`
}

func (x) endpoint() string                { return "https://ads-api.x.com/12" }
func (x) perSecond() float64              { return 20 }
func (x) limit() int                      { return 2_500 }
func (x) weigh([]delivery.Identifier) int { return 1 }

func (x) takes(c Credentials) error { return c.oauth1() }

func (x) fault(t *Target) error {
	switch {
	case !isName(t.Account, 64):
		return errors.New("--account is the ads account's id")
	case !isName(t.Audience, 64):
		return errors.New("--audience is the custom audience's id")
	}
	return nil
}

func (x) call(h *delivery.Header, t *Target, _ session, b batch) call {
	o := xOperation{Type: "Update", Params: xParams{ExpiresAt: time.Unix(h.Expires, 0).UTC().Format(time.RFC3339)}}
	if h.Act == delivery.Remove {
		o.Type, o.Params.ExpiresAt = "Delete", ""
	}
	for _, ids := range b.people {
		o.Params.Users = append(o.Params.Users, xUser{hexes(ids, identifier.Email), hexes(ids, identifier.Phone), hexes(ids, identifier.MAID)})
	}
	return call{method: http.MethodPost, path: "/accounts/" + t.Account + "/custom_audiences/" + t.Audience + "/users", json: []xOperation{o}}
}

func hexes(ids []delivery.Identifier, k identifier.Kind) (out []string) {
	for _, h := range ofKind(ids, k) {
		out = append(out, hex.EncodeToString(h[:]))
	}
	return out
}

func (p x) sign(r *http.Request, _ url.Values, c Credentials) {
	r.Header.Set("Authorization", oauth1(r.Method, r.URL, c, p.nonce(), p.now()))
}

func (p x) read(status int, header http.Header, body []byte) verdict {
	if v := plain(status, header, p.now()); v.code != "" {
		return v
	}
	var answer struct {
		Data *struct {
			Success int64 `json:"success_count"`
			Total   int64 `json:"total_count"`
		} `json:"data"`
		Errors []json.RawMessage `json:"operation_errors"`
	}
	switch err := json.Unmarshal(body, &answer); {
	case err != nil, answer.Data == nil, answer.Data.Total == 0, answer.Data.Success != answer.Data.Total, len(answer.Errors) > 0:
		return unexpected(status)
	}
	return verdict{}
}
