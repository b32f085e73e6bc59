package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/api"
	sealed "awase/crypto/delivery"
	"awase/enclave/wire"
	"awase/internal/apitest"
)

// adRoom is a room in which acme has campaigns, which adco receives.
type adRoom struct {
	*apitest.Room
	apitest.AdKeys
}

func newAdRoom(t *testing.T, change ...func(*api.Options)) *adRoom {
	t.Helper()
	r := &adRoom{Room: apitest.Start(t, change...)}
	r.AdKeys = r.FurnishAds()
	return r
}

func (r *adRoom) as(party string, role api.Role) *apitest.Client {
	return r.As(apitest.Person(party, role))
}

// live submits a campaign and has it delivered.
func (r *adRoom) live(t *testing.T, id, form, more string) {
	t.Helper()
	asks := r.as(apitest.Acme, api.Marketing)
	asks.Do(http.MethodPut, "/v1/campaigns/ads/"+id, apitest.CampaignDoc(id, form, more)).Want(http.StatusOK)
	asks.Do(http.MethodPost, "/v1/campaigns/ads/"+id+"/deliver", nil).Want(http.StatusOK)
}

type campaignPage struct {
	Items []wire.Campaign
}

type deliveryPage struct {
	Items []wire.Delivery
}

// TestCampaigns: a campaign is priced, submitted, delivered, fetched and reported on over
// HTTP, and each party sees of it what is its own.
func TestCampaigns(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t)
	asks, fetches := r.as(apitest.Acme, api.Marketing), r.as(apitest.AdCo, api.AdOps)
	doc := apitest.CampaignDoc("spring", "google", `"holdout": 10, "results": ["delivery"]`)
	var price wire.CampaignPrice
	asks.Do(http.MethodPost, "/v1/campaign-prices", body{"campaign": doc, "expect": 2000}).Want(http.StatusOK).JSON(&price)
	if price.Deliveries != 1 || price.Delivery.Sigma != 50 || len(price.Results) != 1 || len(price.Short) != 0 {
		t.Errorf("%+v", price)
	}
	var ack wire.Ack
	asks.Do(http.MethodPut, "/v1/campaigns/ads/spring", doc, "If-None-Match", "*").Want(http.StatusOK).JSON(&ack)
	if ack.ID != "ads/spring" || ack.Version != 1 || !ack.Changed {
		t.Errorf("%+v", ack)
	}
	asks.Do(http.MethodPut, "/v1/campaigns/ads/spring", doc, "If-None-Match", "*").Want(http.StatusPreconditionFailed)

	var m wire.Campaign
	asks.Do(http.MethodPost, "/v1/campaigns/ads/spring/deliver", nil).Want(http.StatusOK).JSON(&m)
	if m.State != wire.CampaignLive || len(m.Steps) != 7 || m.Steps[5].At == "" || m.Steps[6].At != "" {
		t.Fatalf("%+v", m)
	}
	r.live(t, "summer", "line", `"where": {"in": {"gender": ["f"]}}`)

	// What each sees.
	for _, c := range []struct {
		party          string
		campaigns, due int
	}{{apitest.Acme, 2, 0}, {apitest.Operator, 2, 0}, {apitest.AdCo, 2, 2}, {apitest.Beta, 0, 0}} {
		for _, role := range []api.Role{api.Privacy, api.Auditor} {
			who := r.as(c.party, role)
			var cs campaignPage
			var ds deliveryPage
			who.Do(http.MethodGet, "/v1/campaigns", nil).Want(http.StatusOK).JSON(&cs)
			who.Do(http.MethodGet, "/v1/deliveries", nil).Want(http.StatusOK).JSON(&ds)
			if len(cs.Items) != c.campaigns || len(ds.Items) != c.due {
				t.Errorf("%s of %s sees %d campaigns and %d deliveries", role, c.party, len(cs.Items), len(ds.Items))
			}
			status := http.StatusOK
			if c.campaigns == 0 {
				status = http.StatusNotFound
			}
			who.Do(http.MethodGet, "/v1/campaigns/ads/spring", nil).Want(status)
			a := who.Do(http.MethodGet, "/v1/campaigns/ads/spring/deliveries", nil).Want(status)
			who.Do(http.MethodGet, "/v1/campaigns?entrustment=ads", nil).Want(status)
			if strings.Contains(string(a.Body), "sha256") || strings.Contains(string(a.Body), "bytes") {
				t.Errorf("%s is told of a file: %s", c.party, a.Body)
			}
		}
	}
	var page campaignPage
	asks.Do(http.MethodGet, "/v1/campaigns?limit=1", nil).Want(http.StatusOK).JSON(&page)
	if len(page.Items) != 1 || page.Items[0].ID != "spring" {
		t.Errorf("%+v", page)
	}

	// What is made out to adco is adco's alone.
	var ds deliveryPage
	fetches.Do(http.MethodGet, "/v1/deliveries?entrustment=ads", nil).Want(http.StatusOK).JSON(&ds)
	d := ds.Items[0]
	if d.File != "" || d.Bytes == 0 || len(d.SHA256) != 64 || d.Status != wire.DeliveryReady || d.Receiver != apitest.AdCo {
		t.Fatalf("%+v", d)
	}
	at := "/v1/deliveries/ads/spring/1"
	fetches.Do(http.MethodGet, at, nil).Want(http.StatusOK)
	whole := fetches.Do(http.MethodGet, at+"/file", nil).Want(http.StatusOK)
	if sum := sha256.Sum256(whole.Body); hex.EncodeToString(sum[:]) != d.SHA256 || int64(len(whole.Body)) != d.Bytes {
		t.Fatalf("%d bytes, not %d", len(whole.Body), d.Bytes)
	}
	if f, err := sealed.Open(bytes.NewReader(whole.Body), r.Key, r.AdKeys.Room, time.Now()); err != nil || f.Header().Campaign != "spring" {
		t.Fatal(err)
	}
	part := fetches.Do(http.MethodGet, at+"/file", nil, "Range", "bytes=1000-", "If-Range", `"`+d.SHA256+`"`).Want(http.StatusPartialContent)
	if !bytes.Equal(part.Body, whole.Body[1000:]) {
		t.Error("a part is another")
	}
	if a := fetches.Do(http.MethodGet, at+"/file", nil, "Range", "bytes=1000-", "If-Range", `"`+strings.Repeat("0", 64)+`"`).Want(http.StatusOK); !bytes.Equal(a.Body, whole.Body) {
		t.Error("a part of another file")
	}
	for _, party := range []string{apitest.Acme, apitest.Operator, apitest.Beta} {
		other := r.as(party, api.AdOps)
		for _, path := range []string{at, at + "/file"} {
			a := other.Do(http.MethodGet, path, nil).Want(http.StatusNotFound)
			if strings.Contains(string(a.Body), "spring") || !strings.Contains(string(a.Body), "there is nothing of that id") {
				t.Errorf("%s learns of it: %s", party, a.Body)
			}
		}
		other.Do(http.MethodPost, at+"/report", body{"status": "delivered"}).Want(http.StatusNotFound)
	}
	for _, other := range []string{"/v1/deliveries/ads/spring/2", "/v1/deliveries/ads/spring/01", "/v1/deliveries/ads/spring/+1", "/v1/deliveries/ads/spring/0", "/v1/deliveries/spring/spring/1", "/v1/deliveries/ads/winter/1", "/v1/deliveries/ads/..%2Fads/1"} {
		fetches.Bad(http.MethodGet, other, nil).Want(http.StatusNotFound)
		fetches.Bad(http.MethodGet, other+"/file", nil).Want(http.StatusNotFound)
	}

	// The receiver's word: of a closed list, and no more than a word.
	fetches.Do(http.MethodPost, at+"/report", body{"status": "failed", "reason": "busy"}).Want(http.StatusOK)
	for what, bad := range map[string]any{
		"a count":      body{"status": "delivered", "count": 12},
		"no reason":    body{"status": "failed"},
		"a reason":     body{"status": "delivered", "reason": "busy"},
		"its own word": body{"status": "failed", "reason": "batch-7-refused"},
		"no word":      body{"status": "ready"},
		"twice":        []byte(`{"status":"failed","status":"delivered","reason":"busy"}`),
	} {
		if a := fetches.Bad(http.MethodPost, at+"/report", bad); a.Status != http.StatusUnprocessableEntity && a.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	asks.Do(http.MethodGet, "/v1/campaigns/ads/spring/deliveries", nil).Want(http.StatusOK).JSON(&ds)
	if len(ds.Items) != 1 || ds.Items[0].Status != wire.DeliveryFailed || ds.Items[0].Reason != "busy" {
		t.Errorf("%+v", ds.Items)
	}
	fetches.Do(http.MethodPost, at+"/report", body{"status": "delivered"}).Want(http.StatusOK)
	ds = deliveryPage{}
	asks.Do(http.MethodGet, "/v1/campaigns/ads/spring/deliveries", nil).Want(http.StatusOK).JSON(&ds)
	if ds.Items[0].Status != wire.DeliveryDone || ds.Items[0].Reason != "" {
		t.Errorf("%+v", ds.Items)
	}

	// Closed: what was there is superseded, and everybody is taken off.
	asks.Do(http.MethodPost, "/v1/campaigns/ads/summer/close", body{"confirm": "spring"}).Want(http.StatusUnprocessableEntity)
	for _, party := range []string{apitest.Beta} {
		r.as(party, api.Marketing).Do(http.MethodPost, "/v1/campaigns/ads/summer/close", body{"confirm": "summer"}).Want(http.StatusNotFound)
	}
	r.as(apitest.Acme, api.Privacy).Do(http.MethodPost, "/v1/campaigns/ads/summer/close", body{"confirm": "summer"}).Want(http.StatusOK)
	asks.Do(http.MethodPost, "/v1/campaigns/ads/summer/deliver", nil).Want(http.StatusOK).JSON(&m)
	if m.State != wire.CampaignClosed {
		t.Errorf("%+v", m)
	}
	fetches.Do(http.MethodGet, "/v1/deliveries/ads/summer/1/file", nil).Want(http.StatusGone)
}

// TestCampaignRefusals: what is refused, to whom, and in which words.
func TestCampaignRefusals(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t)
	asks := r.as(apitest.Acme, api.Marketing)
	good := apitest.CampaignDoc("spring", "google", "")
	for what, c := range map[string]struct {
		who    *apitest.Client
		path   string
		doc    []byte
		status int
		has    []string
		hasNot []string
	}{
		"another's contract":          {r.as(apitest.Beta, api.Marketing), "ads/spring", good, 404, []string{"E_NOT_FOUND"}, []string{"acme", "adco"}},
		"under another address":       {asks, "spring/spring", good, 422, []string{`"entrustment"`}, nil},
		"of another name":             {asks, "ads/summer", good, 422, []string{`"id"`}, nil},
		"a key that it has not":       {asks, "ads/spring", bytes.Replace(good, []byte(`"list"`), []byte(`"lists"`), 1), 422, []string{"E_DOCUMENT", "lists", "allowed"}, nil},
		"a contract without delivery": {asks, "spring/c", apitest.CampaignUnder(apitest.Entrustment, "c", apitest.Acme, "google", ""), 403, []string{"E_FORBIDDEN", "delivers nothing"}, nil},
		"to who does not receive":     {asks, "ads/c", apitest.CampaignUnder(apitest.Ads, "c", apitest.Beta, "google", ""), 403, []string{"recipients", `"contract"`}, nil},
		"by an attribute":             {asks, "ads/c", apitest.CampaignDoc("c", "google", `"where": {"in": {"area": ["east"]}}`), 403, []string{"E_DIM_FORBIDDEN", "area", `"contract"`}, nil},
		"from who asks nothing":       {r.as(apitest.Acme, api.AdOps), "ads/spring", good, 403, []string{"docs/people.md", "it needs the role marketing"}, nil},
	} {
		a := c.who.Bad(http.MethodPut, "/v1/campaigns/"+c.path, c.doc)
		text := string(a.Body)
		if a.Status != c.status || slices.ContainsFunc(c.has, func(s string) bool { return !strings.Contains(text, s) }) || slices.ContainsFunc(c.hasNot, func(s string) bool { return strings.Contains(text, s) }) {
			t.Errorf("%s: %d %s", what, a.Status, text)
		}
	}
	for _, path := range []string{"/v1/campaigns/ads/none", "/v1/campaigns/ads/none/deliveries", "/v1/campaigns/none/none"} {
		asks.Do(http.MethodGet, path, nil).Want(http.StatusNotFound)
	}
	asks.Do(http.MethodPost, "/v1/campaigns/ads/none/deliver", nil).Want(http.StatusNotFound)
	asks.Do(http.MethodPost, "/v1/campaigns/ads/none/close", body{"confirm": "none"}).Want(http.StatusNotFound)
	asks.Bad(http.MethodPost, "/v1/campaign-prices", body{}).Want(http.StatusUnprocessableEntity)
	// One that its results make too dear is refused before it is drafted, with what to change.
	dear := apitest.CampaignDoc("dear", "google", `"holdout": 10, "conversion_rate": "2%", "results": ["lift"], "sigma": 5`)
	var ids []string
	for i := 0; ; i++ {
		a := asks.Do(http.MethodPut, fmt.Sprintf("/v1/campaigns/ads/dear%d", i), bytes.Replace(dear, []byte(`"dear"`), fmt.Appendf(nil, `"dear%d"`, i), 1))
		if a.Status == http.StatusOK {
			if ids = append(ids, fmt.Sprintf("dear%d", i)); i < 40 {
				continue
			}
			t.Fatal("the budget has no end")
		}
		if text := string(a.Body); a.Status != http.StatusForbidden || !strings.Contains(text, "E_BUDGET") || !strings.Contains(text, `"mend"`) {
			t.Errorf("%d %s", a.Status, text)
		}
		var price wire.CampaignPrice
		asks.Do(http.MethodPost, "/v1/campaign-prices", body{"campaign": dear}).Want(http.StatusOK).JSON(&price)
		if len(price.Short) == 0 || price.Short[0].Mend == "" {
			t.Errorf("%+v", price)
		}
		break
	}
	if len(ids) == 0 {
		t.Error("not one could be paid for")
	}
}

// slowly takes an answer, and does something after its first bytes.
type slowly struct {
	header http.Header
	status int
	n      int64
	once   sync.Once
	then   func()
}

func (w *slowly) Header() http.Header { return w.header }
func (w *slowly) WriteHeader(s int)   { w.status = s }
func (w *slowly) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	w.once.Do(w.then)
	return len(p), nil
}

// TestDeliveryFileStops: the room decides at each reading, and while a file goes out:
// what is stopped meanwhile breaks off. Without that it goes on.
func TestDeliveryFileStops(t *testing.T) {
	t.Parallel()
	for _, without := range []bool{false, true} {
		r := newAdRoom(t, func(o *api.Options) {
			o.Watch = 1
			if without {
				api.Without(api.ControlFile)(o)
			}
		})
		r.live(t, "spring", "google", "")
		fetches := r.as(apitest.AdCo, api.AdOps)
		at := "/v1/deliveries/ads/spring/1"
		var d wire.Delivery
		fetches.Do(http.MethodGet, at, nil).Want(http.StatusOK).JSON(&d)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/file", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", fetches.Authorization())
		w := &slowly{header: http.Header{}, then: func() {
			if _, err := r.Enclave.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
				t.Error(err)
			}
		}}
		r.Server.ServeHTTP(w, req)
		if whole := w.n == d.Bytes; w.status != http.StatusOK || w.n == 0 || whole != without {
			t.Errorf("without the control %t: %d, %d of %d bytes", without, w.status, w.n, d.Bytes)
		}
		for _, path := range []string{at, at + "/file"} {
			if a := fetches.Do(http.MethodGet, path, nil).Want(http.StatusServiceUnavailable); !strings.Contains(string(a.Body), "E_FROZEN") {
				t.Errorf("%s", a.Body)
			}
		}
		var ds deliveryPage
		fetches.Do(http.MethodGet, "/v1/deliveries", nil).Want(http.StatusOK).JSON(&ds)
		if len(ds.Items) != 1 || ds.Items[0].SHA256 != "" || ds.Items[0].Bytes != 0 {
			t.Errorf("%+v", ds.Items)
		}
	}
}

// TestDeliveryIsItsReceivers: the control that a mutant lacks keeps a delivery from
// everybody else.
func TestDeliveryIsItsReceivers(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, api.Without(api.ControlReceiver))
	r.live(t, "spring", "google", "")
	a := r.as(apitest.Beta, api.AdOps).Do(http.MethodGet, "/v1/deliveries/ads/spring/1/file", nil)
	if a.Status != http.StatusOK || len(a.Body) == 0 {
		t.Errorf("without the control a stranger gets %d", a.Status)
	}
}

// TestDeliverGoesOn: who asks for a delivery does not wait for ever, and it goes on
// without them.
func TestDeliverGoesOn(t *testing.T) {
	t.Parallel()
	r := newAdRoom(t, func(o *api.Options) { o.DeliverWait = 1 })
	asks := r.as(apitest.Acme, api.Marketing)
	asks.Do(http.MethodPut, "/v1/campaigns/ads/spring", apitest.CampaignDoc("spring", "google", "")).Want(http.StatusOK)
	a := asks.Do(http.MethodPost, "/v1/campaigns/ads/spring/deliver", nil).Want(http.StatusAccepted)
	if at := a.Header.Get("Location"); at != "/v1/campaigns/ads/spring" {
		t.Errorf("%q", at)
	}
	for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var m wire.Campaign
		asks.Do(http.MethodGet, "/v1/campaigns/ads/spring", nil).Want(http.StatusOK).JSON(&m)
		if m.State == wire.CampaignLive {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("it did not go on: %+v", m)
		}
	}
}
