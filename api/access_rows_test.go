package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"awase/api"
	"awase/api/account"
	"awase/api/store"
	"awase/internal/apitest"
)

// accessRows tells, for each operation that names a row, how to make one for a
// party.
var accessRows = map[string]entry{
	// room: the operator runs it, and sees every party and entrustment
	"party":              {sees: true, of: at("/v1/parties/" + apitest.Acme)},
	"putParty":           {sees: true, of: at("/v1/parties/" + apitest.Acme)},
	"entrustment":        {sees: true, of: at("/v1/entrustments/" + apitest.Entrustment)},
	"putEntrustment":     {sees: true, of: at("/v1/entrustments/" + apitest.Entrustment)},
	"entrustmentChanges": {sees: true, of: at("/v1/entrustments/" + apitest.Entrustment + "/changes")},
	"attributes":         {sees: true, of: at("/v1/entrustments/" + apitest.Entrustment + "/attributes")},
	"terms":              {sees: true, of: at("/v1/entrustments/" + apitest.Entrustment + "/terms")},
	"toEnd":              {sees: true, of: at("/v1/entrustments/" + apitest.Entrustment + "/end")},
	"endEntrustment":     {sees: true, of: at("/v1/entrustments/" + apitest.Entrustment + "/end")}, // without its confirmation
	"certificate":        {sees: true, elsewhere: "TestRoomEnd", of: at("/v1/entrustments/" + apitest.Entrustment + "/certificate")},
	"draft":              {elsewhere: "TestRoomOfficers", of: at("/v1/drafts/" + strings.Repeat("0", 64))},
	"approve":            {elsewhere: "TestRoomOfficers", of: at("/v1/drafts/" + strings.Repeat("0", 64) + "/approvals")},
	"reviewDraft":        {elsewhere: "TestRoomOfficers", of: at("/v1/drafts/" + strings.Repeat("0", 64) + "/review")},
	"dropReview":         {elsewhere: "TestRoomOfficers", of: at("/v1/drafts/" + strings.Repeat("0", 64) + "/review")},
	"withdrawDraft":      {elsewhere: "TestRoomOfficers", of: at("/v1/drafts/" + strings.Repeat("0", 64) + "/withdrawal")},
	"inclusion":          {anybody: true, of: at("/v1/log/entries/1/proof")},

	// requests of data subjects: the operator's alone
	"requestReceipt": {anybody: true, of: at("/v1/requests/1/receipt")},
	"disclosure":     {anybody: true, of: at("/v1/requests/1/disclosure")},
	"disclose":       {anybody: true, of: at("/v1/requests/1/disclosure")},
	"evidence":       {sees: true, of: at("/v1/entrustments/" + apitest.Entrustment + "/evidence")},

	// people
	"endSession": {of: func(m *matrix, owner *apitest.Client, _ string) asks {
		return asks{path: "/v1/me/sessions/" + m.session(owner)}
	}},
	"revokeToken": {of: func(m *matrix, owner *apitest.Client, party string) asks {
		return asks{path: "/v1/tokens/" + m.token(owner, party)}
	}},
	"getPerson": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/people/" + m.as(party, api.Viewer).Person}
	}},
	"changePerson": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/people/" + m.as(party, api.Viewer).Person, body: body{"name": "N"}}
	}},
	"resetPerson": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/people/" + m.as(party, api.Viewer).Person + "/reset"}
	}},
	"dropInvitation": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/invitations/" + m.invitation(party)}
	}},

	// uploads
	"createUpload": {of: func(m *matrix, _ *apitest.Client, _ string) asks {
		return asks{path: "/v1/uploads", header: []string{"Tus-Resumable", "1.0.0", "Upload-Length", "100", "Upload-Metadata", metadata(apitest.Entrustment, apitest.List)}}
	}},
	"getUpload": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/uploads/" + m.upload(party)}
	}},
	"offsetUpload": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/uploads/" + m.upload(party), header: []string{"Tus-Resumable", "1.0.0"}}
	}},
	"appendUpload": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/uploads/" + m.upload(party), body: []byte("x"), header: []string{"Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", octets}}
	}},
	"deleteUpload": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/uploads/" + m.upload(party), header: []string{"Tus-Resumable", "1.0.0"}}
	}},

	// data
	"loadList": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/lists", body: body{"upload": m.upload(party), "entrustment": apitest.Entrustment, "name": apitest.List}}
	}},
	"listLists": {sees: true, of: func(*matrix, *apitest.Client, string) asks {
		return asks{path: "/v1/entrustments/" + apitest.Entrustment + "/lists"}
	}},
	"getList": {of: func(*matrix, *apitest.Client, string) asks {
		return asks{path: "/v1/lists/" + apitest.Entrustment + "/" + apitest.List}
	}},
	"loadBase": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/bases", body: body{"upload": m.upload(party), "schema": json.RawMessage(apitest.BaseDoc)}}
	}},
	"loadEvents": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/events", body: body{"upload": m.upload(party), "entrustment": apitest.Entrustment}}
	}},
	"listRetention": {sees: true, of: func(*matrix, *apitest.Client, string) asks {
		return asks{path: "/v1/entrustments/" + apitest.Entrustment + "/retention"}
	}},
	"listEvents": {sees: true, of: func(*matrix, *apitest.Client, string) asks {
		return asks{path: "/v1/entrustments/" + apitest.Entrustment + "/events"}
	}},

	// reports: the operator is the trustee of the entrustment, and may ask; the table is its recipient's
	"priceQuestion": {sees: true, of: func(*matrix, *apitest.Client, string) asks { return asks{path: "/v1/prices", body: theQuestion} }},
	"askReport":     {sees: true, of: func(*matrix, *apitest.Client, string) asks { return asks{path: "/v1/reports", body: theQuestion} }},
	"askCube":       {sees: true, of: func(*matrix, *apitest.Client, string) asks { return asks{path: "/v1/cubes", body: theQuestion} }},
	"reserve": {sees: true, of: func(m *matrix, _ *apitest.Client, _ string) asks {
		return asks{path: "/v1/reservations", body: reservationOf(m)}
	}},
	"freeReservation": {sees: true, of: func(m *matrix, _ *apitest.Client, _ string) asks {
		return asks{path: "/v1/reservations/" + m.reservation()}
	}},
	"priceReservation": {sees: true, of: func(m *matrix, _ *apitest.Client, _ string) asks {
		return asks{path: "/v1/reservations/" + m.reservation() + "/price"}
	}},
	"askReservation": {sees: true, of: func(m *matrix, _ *apitest.Client, _ string) asks {
		return asks{path: "/v1/reservations/" + m.reservation() + "/report"}
	}},
	"getReport": {of: func(m *matrix, _ *apitest.Client, _ string) asks {
		return asks{path: "/v1/reports/" + m.report}
	}},
	"getReceipt": {of: func(m *matrix, _ *apitest.Client, _ string) asks {
		return asks{path: "/v1/reports/" + m.report + "/receipt"}
	}},
	"getReportFile": {of: func(m *matrix, _ *apitest.Client, _ string) asks {
		return asks{path: "/v1/reports/" + m.report + "/files/csv"}
	}},
	"sizeFromCube": {of: func(m *matrix, _ *apitest.Client, _ string) asks {
		return asks{path: "/v1/cubes/" + m.cube + "/sizes"}
	}},
	"addSchedule": {sees: true, of: func(m *matrix, _ *apitest.Client, _ string) asks {
		return asks{path: "/v1/schedules", body: body{"name": account.NewSecret(), "cron": "0 6 * * 1", "question": json.RawMessage(apitest.Question("profile", `"dims": ["gender"]`))}}
	}},
	"getSchedule": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/schedules/" + m.schedule(party)}
	}},
	"changeSchedule": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/schedules/" + m.schedule(party), body: body{"state": "paused"}}
	}},
	"dropSchedule": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/schedules/" + m.schedule(party)}
	}},

	// campaigns and deliveries: the furnished room has none
	"priceCampaign": {sees: true, of: func(*matrix, *apitest.Client, string) asks {
		return asks{path: "/v1/campaign-prices", body: body{"campaign": apitest.CampaignUnder(apitest.Entrustment, "c", apitest.Acme, "google", "")}}
	}},
	"putCampaign": {sees: true, of: func(*matrix, *apitest.Client, string) asks {
		return asks{path: "/v1/campaigns/" + apitest.Entrustment + "/c", body: apitest.CampaignUnder(apitest.Entrustment, "c", apitest.Acme, "google", "")}
	}},
	"getCampaign":        {elsewhere: "TestCampaigns", of: at("/v1/campaigns/" + apitest.Entrustment + "/c")},
	"deliverCampaign":    {elsewhere: "TestCampaigns", of: at("/v1/campaigns/" + apitest.Entrustment + "/c/deliver")},
	"closeCampaign":      {elsewhere: "TestCampaigns", of: at("/v1/campaigns/" + apitest.Entrustment + "/c/close")},
	"campaignDeliveries": {elsewhere: "TestCampaigns", of: at("/v1/campaigns/" + apitest.Entrustment + "/c/deliveries")},
	"receivedDelivery":   {elsewhere: "TestCampaigns", of: at("/v1/deliveries/" + apitest.Entrustment + "/c/1")},
	"deliveryFile":       {elsewhere: "TestCampaigns", of: at("/v1/deliveries/" + apitest.Entrustment + "/c/1/file")},
	"reportDelivery":     {elsewhere: "TestCampaigns", of: at("/v1/deliveries/" + apitest.Entrustment + "/c/1/report")},

	// jobs
	"getJob": {of: func(m *matrix, _ *apitest.Client, party string) asks { return asks{path: "/v1/jobs/" + m.job(party)} }},
	"watchJob": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/jobs/" + m.job(party) + "/events"}
	}},
	"cancelJob": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/jobs/" + m.job(party) + "/cancel"}
	}},

	// webhooks, notices
	"readNotice": {of: func(m *matrix, owner *apitest.Client, party string) asks {
		return asks{path: "/v1/notices/" + m.notice(owner, party) + "/read"}
	}},
	"getWebhook": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/webhooks/" + m.webhook(party)}
	}},
	"changeWebhook": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/webhooks/" + m.webhook(party), body: body{"description": "d"}}
	}},
	"dropWebhook": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/webhooks/" + m.webhook(party)}
	}},
	"rotateWebhook": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/webhooks/" + m.webhook(party) + "/secret"}
	}},
	"testWebhook": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/webhooks/" + m.webhook(party) + "/test"}
	}},
	"listDeliveries": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		return asks{path: "/v1/webhooks/" + m.webhook(party) + "/deliveries"}
	}},
	"resendDelivery": {of: func(m *matrix, _ *apitest.Client, party string) asks {
		hook := m.webhook(party)
		return asks{path: "/v1/webhooks/" + hook + "/deliveries/" + m.delivery(party, hook) + "/resend"}
	}},
}

// at asks for a row that stands in the furnished room.
func at(path string) func(*matrix, *apitest.Client, string) asks {
	return func(*matrix, *apitest.Client, string) asks { return asks{path: path} }
}

var theQuestion = asked(apitest.Question("profile", `"dims": ["gender"]`))

// furnish makes what is dear to make: a released table and a cube of acme's.
func (m *matrix) furnish() {
	m.Furnish()
	acme := m.as(apitest.Acme, api.Marketing)
	m.report = ask(m.t, acme, "/v1/reports", theQuestion).Result.Report
	m.cube = ask(m.t, acme, "/v1/cubes", asked(apitest.Question("cube", `"dims": ["gender", "area"]`))).Result.Report
	if m.report == "" || m.cube == "" {
		m.t.Fatal("no table, or no cube")
	}
}

// reservationOf is a new reservation of a question that costs little.
func reservationOf(m *matrix) body {
	m.reserved++
	some := func(bits int, values ...string) (in []string) { // a part of a domain
		for i, v := range values {
			if bits>>i&1 == 1 {
				in = append(in, fmt.Sprintf("%q", v))
			}
		}
		return in
	}
	n := m.reserved
	question := apitest.Question([]string{"size", "profile"}[n/36%2], fmt.Sprintf(`"sigma": 50, %s"where": {"all": [{"in": {"area": [%s]}}, {"in": {"gender": [%s]}}]}`,
		[]string{"", `"dims": ["gender"], `}[n/36%2], strings.Join(some(1+n%6, "east", "west", "unknown"), ", "), strings.Join(some(1+n/6%6, "f", "m", "unknown"), ", "))) // none before it
	return body{"name": fmt.Sprint("held-", m.reserved), "question": json.RawMessage(question), "until": time.Now().AddDate(0, 0, 3).Format("2006-01-02")}
}

// reservation makes one under acme's entrustment.
func (m *matrix) reservation() string {
	m.t.Helper()
	var r struct{ Name string }
	m.as(apitest.Acme, api.Marketing).Do(http.MethodPost, "/v1/reservations", reservationOf(m)).Want(http.StatusCreated).JSON(&r)
	return r.Name
}

func (m *matrix) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *matrix) session(owner *apitest.Client) string {
	m.t.Helper()
	now := time.Now()
	v := store.Session{ID: api.NewID("ses"), Hash: account.Hash(account.NewSecret()), Person: owner.Person, Created: now, Used: now, Ends: now.Add(time.Hour)}
	m.must(m.Store.AddSession(m.t.Context(), v, nil))
	return v.ID
}

func (m *matrix) token(owner *apitest.Client, party string) string {
	m.t.Helper()
	v := store.Token{ID: api.NewID("tok"), Hash: account.Hash(account.NewSecret()), Person: owner.Person, Party: party, Name: "t", Created: time.Now(), Ends: time.Now().Add(time.Hour)}
	m.must(m.Store.AddToken(m.t.Context(), v))
	return v.ID
}

func (m *matrix) invitation(party string) string {
	m.t.Helper()
	v := store.Invite{ID: api.NewID("inv"), Hash: account.Hash(account.NewSecret()), Party: party, Maker: party, Email: account.NewSecret() + "@acme.example", Name: "N", Roles: []string{"viewer"}, Created: time.Now(), Ends: time.Now().Add(time.Hour)}
	m.must(m.Store.AddInvite(m.t.Context(), v))
	return v.ID
}

func (m *matrix) upload(party string) string {
	m.t.Helper()
	under, name := apitest.Entrustment, apitest.List
	if party == apitest.Operator {
		under, name = "@base", "@base"
	}
	c := m.as(party, api.AdOps)
	at := c.Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "100", "Upload-Metadata", metadata(under, name)).Want(http.StatusCreated).Header.Get("Location")
	return idOf(at)
}

func (m *matrix) schedule(party string) string {
	m.t.Helper()
	v := &store.Schedule{ID: api.NewID("sched"), Party: party, Person: "per-x", Name: account.NewSecret(), Entrustment: apitest.Entrustment,
		Question: json.RawMessage(apitest.Question("profile", `"dims": ["gender"]`)), Cron: "0 6 * * 1", Formats: []string{}, State: store.ScheduleActive, Next: time.Now().Add(24 * time.Hour), Created: time.Now()}
	m.must(m.Store.AddSchedule(m.t.Context(), v))
	return v.ID
}

// job makes a job that is over.
func (m *matrix) job(party string) string {
	m.t.Helper()
	j := reportJob(party, apitest.Question("profile", `"dims": ["gender"]`))
	m.must(m.Store.AddJob(m.t.Context(), j))
	j.State, j.Ended = store.JobCanceled, time.Now()
	_, err := m.Store.EndJob(m.t.Context(), j)
	m.must(err)
	return j.ID
}

func (m *matrix) webhook(party string) string {
	m.t.Helper()
	w := &store.Webhook{ID: api.NewID("hook"), Party: party, URL: "https://hooks.example/x", Kinds: []string{"webhook.test"}, Why: store.DisabledByPerson, Created: time.Now()}
	m.must(m.Store.AddWebhook(m.t.Context(), w, make([]byte, 32), 1000))
	return w.ID
}

// delivery makes a delivery to a webhook, that it refuses while it is disabled.
func (m *matrix) delivery(party, hook string) string {
	m.t.Helper()
	w, err := m.Store.Webhook(m.t.Context(), party, hook)
	m.must(err)
	w.Enabled, w.Why, w.Changed = true, "", time.Now()
	m.must(m.Store.SetWebhook(m.t.Context(), w))
	m.must(m.Store.Tell(m.t.Context(), &store.Telling{Event: store.Event{ID: api.NewID("evt"), Party: party, Kind: "webhook.test", Subject: hook, At: time.Now()}, Body: []byte("{}"), Webhook: hook, NewID: api.NewID}))
	rows, err := m.Store.Deliveries(m.t.Context(), party, hook, "", store.Page{Limit: 1})
	m.must(err)
	if len(rows) == 0 {
		m.t.Fatal("no delivery")
	}
	return rows[0].ID
}

func (m *matrix) notice(owner *apitest.Client, party string) string {
	m.t.Helper()
	roles := make([]string, len(api.Roles()))
	for i, r := range api.Roles() {
		roles[i] = string(r)
	}
	m.must(m.Store.Tell(m.t.Context(), &store.Telling{Event: store.Event{ID: api.NewID("evt"), Party: party, Kind: "freeze", Subject: "room", At: time.Now()}, Body: []byte("{}"), Roles: roles, NewID: api.NewID}))
	rows, _, err := m.Store.Notices(m.t.Context(), owner.Person, false, store.Page{Limit: 1})
	m.must(err)
	if len(rows) == 0 {
		m.t.Fatal("no notice")
	}
	return rows[0].ID
}
