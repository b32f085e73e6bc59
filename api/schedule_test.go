package api_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"awase/api"
	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// setTime is a time that a test sets.
type setTime struct{ at atomic.Int64 }

func (c *setTime) now() time.Time        { return time.UnixMilli(c.at.Load()) }
func (c *setTime) set(t time.Time)       { c.at.Store(t.UnixMilli()) }
func (c *setTime) option(o *api.Options) { o.Now, o.Jobs.Look = c.now, 20*time.Millisecond }

type schedule struct {
	ID      string
	State   string
	Next    time.Time
	Last    time.Time
	LastJob string `json:"last_job"`
	Reason  *struct{ Code, Mend string }
	Price   *struct {
		Run     struct{ Rho, Charged float64 }
		Runs    int `json:"runs_30d"`
		Bears   int `json:"bears_30d"`
		Warning string
	}
}

// runsOf waits until a schedule ran n times, and gives its runs, newest first.
func runsOf(t *testing.T, c *apitest.Client, n int) (out []job) {
	t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		var page struct{ Items []job }
		c.Do(http.MethodGet, "/v1/jobs?kind=schedule", nil).Want(http.StatusOK).JSON(&page)
		over := 0
		for _, j := range page.Items {
			if j.State != "waiting" && j.State != "running" {
				over++
			}
		}
		if over >= n {
			return page.Items
		}
	}
	t.Fatalf("no %d runs", n)
	return nil
}

func day(d, hour int) time.Time { return time.Date(2026, 11, d, hour, 0, 0, 0, entrustment.JST) }

// A schedule is priced when it is made, runs at its time, makes up for missed
// times with one run, and goes on.
func TestSchedule(t *testing.T) {
	c := &setTime{}
	c.set(day(24, 8))
	r := apitest.Start(t, c.option)
	r.Furnish()
	acme := marketing(r, apitest.Acme)
	var v schedule
	body := `{"name": "daily", "question": ` + apitest.Question("profile", `"dims": ["gender"]`) + `, "cron": "0 9 * * *", "formats": ["xlsx"]}`
	a := acme.Do(http.MethodPost, "/v1/schedules", body).Want(http.StatusCreated)
	a.JSON(&v)
	if v.Price == nil || v.Price.Run.Rho != 0.005 || v.Price.Runs != 30 || v.Price.Bears != 30 || v.Price.Warning != "" || !v.Next.Equal(day(24, 9)) || a.Header.Get("Location") != "/v1/schedules/"+v.ID {
		t.Fatalf("%s", a.Body)
	}
	if s := spent(t, r); s != 0 {
		t.Errorf("making it cost %v", s)
	}
	acme.Do(http.MethodPost, "/v1/schedules", body).Want(http.StatusConflict)
	c.set(day(24, 9))
	acme = marketing(r, apitest.Acme) // sessions end
	first := runsOf(t, acme, 1)
	if first[0].State != "done" || first[0].Result.Recipient != apitest.Acme {
		t.Fatalf("%+v %+v", first[0], first[0].Reason)
	}
	c.set(day(28, 12))                // four times were missed
	acme = marketing(r, apitest.Acme) // sessions end
	runsOf(t, acme, 2)
	c.set(day(28, 13))
	acme = marketing(r, apitest.Acme)  // sessions end
	time.Sleep(200 * time.Millisecond) // a second one would come now
	runs := runsOf(t, acme, 2)
	if len(runs) != 2 || runs[0].Result.Report != first[0].Result.Report {
		t.Errorf("%d runs, %+v; want one that makes up, with the same table", len(runs), runs)
	}
	acme.Do(http.MethodGet, "/v1/schedules/"+v.ID, nil).Want(http.StatusOK).JSON(&v)
	if !v.Next.Equal(day(29, 9)) || !v.Last.Equal(day(28, 9)) || v.LastJob != runs[0].ID {
		t.Errorf("%+v", v)
	}
	var page struct{ Items []struct{ ID string } }
	acme.Do(http.MethodGet, "/v1/reports?schedule="+v.ID, nil).Want(http.StatusOK).JSON(&page)
	if len(page.Items) != 1 || spent(t, r) != 0.005 {
		t.Errorf("%d reports for %v, want one for 0.005", len(page.Items), spent(t, r))
	}
	acme.Do(http.MethodDelete, "/v1/schedules/"+v.ID, nil).Want(http.StatusNoContent)
	acme.Do(http.MethodGet, "/v1/schedules/"+v.ID, nil).Want(http.StatusNotFound)
}

// A run that the budget does not bear pauses the schedule, with the reason; it
// goes on when somebody says so, and times that passed are not made up for.
func TestSchedulePauses(t *testing.T) {
	c := &setTime{}
	c.set(day(24, 8))
	r := apitest.Start(t, c.option)
	r.Furnish("budget: {30d: 0.006}")
	acme := marketing(r, apitest.Acme)
	var v schedule
	acme.Do(http.MethodPost, "/v1/schedules", `{"name": "daily", "question": `+apitest.Question("profile", `"dims": ["gender"]`)+`, "cron": "0 9 * * *"}`).Want(http.StatusCreated).JSON(&v)
	if v.Price.Bears != 1 || v.Price.Warning == "" {
		t.Errorf("%+v, want a warning that the budget bears one run", v.Price)
	}
	if j := ask(t, acme, "/v1/reports", asked(apitest.Question("profile", `"dims": ["area"]`))); j.State != "done" {
		t.Fatalf("%+v", j)
	}
	c.set(day(24, 9))
	acme = marketing(r, apitest.Acme) // sessions end
	if runs := runsOf(t, acme, 1); runs[0].State != "failed" || runs[0].Reason.Code != "E_BUDGET" {
		t.Fatalf("%+v", runs)
	}
	acme.Do(http.MethodGet, "/v1/schedules/"+v.ID, nil).Want(http.StatusOK).JSON(&v)
	if v.State != "paused" || v.Reason == nil || v.Reason.Code != "E_BUDGET" || v.Reason.Mend == "" {
		t.Errorf("%+v", v)
	}
	c.set(day(27, 12))
	acme = marketing(r, apitest.Acme) // sessions end
	time.Sleep(200 * time.Millisecond)
	if runs := runsOf(t, acme, 1); len(runs) != 1 {
		t.Errorf("a paused schedule ran: %d runs", len(runs))
	}
	at := "/v1/schedules/" + v.ID
	v = schedule{}
	tag := acme.Do(http.MethodGet, at, nil).Header.Get("ETag")
	acme.Do(http.MethodPatch, at, `{"state": "active"}`, "If-Match", `"0"`).Want(http.StatusPreconditionFailed)
	acme.Do(http.MethodPatch, at, `{"state": "active"}`, "If-Match", tag).Want(http.StatusOK).JSON(&v)
	if v.State != "active" || v.Reason != nil || !v.Next.Equal(day(28, 9)) {
		t.Errorf("%+v", v)
	}
	marketing(r, apitest.Beta).Do(http.MethodPatch, at, `{"state": "paused"}`).Want(http.StatusNotFound)
	marketing(r, apitest.Beta).Do(http.MethodDelete, at, nil).Want(http.StatusNotFound)
}

// What is no schedule is refused.
func TestScheduleRefused(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	acme := marketing(r, apitest.Acme)
	q := apitest.Question("profile", `"dims": ["gender"]`)
	windowed := apitest.Question("profile", `"dims": ["gender"], "window": {"from": "2026-01-01", "to": "2026-01-31"}`)
	for _, row := range []struct{ cron, days, question, field string }{
		{"* * * * *", "0", q, "cron"},
		{"*/30 * * * *", "0", q, "cron"},
		{"0 9 * *", "0", q, "cron"},
		{"0 0 9 * * *", "0", q, "cron"},
		{"@daily", "0", q, "cron"},
		{"TZ=UTC 0 9 * * *", "0", q, "cron"},
		{"TZ= ", "0", q, "cron"},
		{"CRON_TZ=America/New_York 0 9 * * *", "0", q, "cron"},
		{"0 0 31 2 *", "0", q, "cron"},
		{"0 9 * * *", "7", windowed, "days"},
	} {
		a := acme.Bad(http.MethodPost, "/v1/schedules", fmt.Sprintf(`{"name": "n", "question": %s, "cron": %q, "days": %s}`, row.question, row.cron, row.days))
		if a.Status < 400 || a.Status > 499 || !strings.Contains(string(a.Body), `"field":"`+row.field+`"`) {
			t.Errorf("%q: %d %s", row.cron, a.Status, a.Body)
		}
	}
	var page struct{ Items []schedule }
	acme.Do(http.MethodGet, "/v1/schedules", nil).JSON(&page)
	if len(page.Items) != 0 {
		t.Errorf("%d schedules were made", len(page.Items))
	}
}

// Whatever is taken for a cron falls due in Japan's minutes, later and later, and
// never twice within an hour.
func FuzzCron(f *testing.F) {
	for _, text := range []string{"0 9 * * 1", "30 8,20 * * *", "0 0 29 2 *", "0 0 1 1 0", "*/5 1-3 * * MON", "TZ=UTC 0 9 * * *", "TZ=", "@every 1s", "0 0 31 2 *", "? ? ? ? ?", "59 23 31 12 7", "1-60 * * * *", "*/0 * * * *"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := day(24, 8)
		times, err := api.CronTimes(text, last, 20)
		if err != nil {
			if refusal := entrustment.Public(err); refusal.Code == entrustment.CodeInternal || refusal.Mend == "" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for i, at := range times {
			if at.IsZero() { // no further one in years
				break
			}
			if !at.After(last) || i > 0 && at.Sub(last) < time.Hour || at.Second() != 0 {
				t.Errorf("%q: %v after %v", text, at, last)
			}
			last = at
		}
	})
}

// Two weeks of a weekday in Japan, from Monday 23 November 2026.
func TestCronIsOfJapan(t *testing.T) {
	got, err := api.CronTimes("0 9 * * 1", day(24, 8), 2)
	if err != nil || !got[0].Equal(day(30, 9)) || !got[1].Equal(day(37, 9)) {
		t.Errorf("%v, %v", got, err)
	}
}

// A planning cube is bought once; sizes over it are free, and what it does not
// answer is refused, not charged.
func TestCube(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish()
	acme, operator := marketing(r, apitest.Acme), marketing(r, apitest.Operator)
	acme.Do(http.MethodPost, "/v1/cubes", asked(apitest.Question("profile", `"dims": ["gender"]`))).Want(http.StatusUnprocessableEntity)
	j := ask(t, acme, "/v1/cubes", asked(apitest.Question("cube", `"dims": ["gender"], "sigma": 20`)))
	if j.State != "done" || j.Kind != "cube" {
		t.Fatalf("%+v %+v", j, j.Reason)
	}
	cost := spent(t, r)
	if cost == 0 {
		t.Fatal("a cube is not free")
	}
	var page struct{ Items []struct{ ID string } }
	acme.Do(http.MethodGet, "/v1/cubes", nil).Want(http.StatusOK).JSON(&page)
	if len(page.Items) != 1 || page.Items[0].ID != j.Result.Report {
		t.Errorf("%+v", page)
	}
	at := "/v1/cubes/" + j.Result.Report + "/sizes"
	var size struct {
		Total *struct{ Users *struct{ Value int64 } }
		Cells []struct{ Users *struct{ Value int64 } }
	}
	var before []byte
	for range 2 {
		a := acme.Do(http.MethodPost, at, `{"where": {"in": {"gender": ["f"]}}}`).Want(http.StatusOK)
		if before != nil && string(before) != string(a.Body) {
			t.Error("the same size twice is two numbers")
		}
		before = a.Body
		a.JSON(&size)
	}
	if len(size.Cells) != 1 || size.Cells[0].Users == nil || size.Cells[0].Users.Value < 550 || size.Cells[0].Users.Value > 950 {
		t.Errorf("%s, want about 750", before)
	}
	acme.Do(http.MethodPost, at, `{"where": {"in": {"area": ["east"]}}}`).Want(http.StatusUnprocessableEntity)
	acme.Do(http.MethodPost, at, `{"where": {"in": {"salary": ["east"]}}}`).Want(http.StatusForbidden)
	operator.Do(http.MethodPost, at, `{}`).Want(http.StatusNotFound)
	if s := spent(t, r); s != cost {
		t.Errorf("sizes cost %v", s-cost)
	}
}

// What a reservation holds is there when it is asked, whatever was asked in
// between, and what is given up is free again.
func TestReservation(t *testing.T) {
	r := apitest.Start(t)
	r.Furnish("budget: {30d: 0.011}")
	acme, operator, beta := marketing(r, apitest.Acme), marketing(r, apitest.Operator), marketing(r, apitest.Beta)
	body := `{"name": "later", "question": ` + apitest.Question("profile", `"dims": ["gender"]`) + `, "until": "2090-01-01"}`
	beta.Do(http.MethodPost, "/v1/reservations", body).Want(http.StatusNotFound)
	until := entrustment.DateOf(time.Now()).Add(5).String()
	body = strings.Replace(body, "2090-01-01", until, 1)
	at := acme.Do(http.MethodPost, "/v1/reservations", body).Want(http.StatusCreated).Header.Get("Location")
	if at != "/v1/reservations/spring/later" {
		t.Fatal(at)
	}
	beta.Do(http.MethodDelete, at, nil).Want(http.StatusNotFound)
	beta.Do(http.MethodPost, at+"/report", nil).Want(http.StatusNotFound)
	operator.Do(http.MethodPost, at+"/price", `{}`).Want(http.StatusOK)
	if j := ask(t, acme, "/v1/reports", asked(apitest.Question("profile", `"dims": ["area"]`))); j.State != "done" {
		t.Fatalf("%+v", j)
	}
	if j := ask(t, acme, "/v1/reports", asked(apitest.Question("profile", `"dims": ["area", "gender"]`))); j.State != "failed" || j.Reason.Code != "E_BUDGET" {
		t.Fatalf("what is held was spent: %+v", j)
	}
	for range 2 { // the second time it is paid for
		var j job
		acme.Do(http.MethodPost, at+"/report", nil).Want(http.StatusAccepted).JSON(&j)
		if j = await(t, acme, j.ID); j.State != "done" || spent(t, r) != 0.01 {
			t.Fatalf("%+v, spent %v", j, spent(t, r))
		}
	}
	acme.Do(http.MethodDelete, at, nil).Want(http.StatusOK)
	acme.Do(http.MethodPost, "/v1/reservations/spring/none/price", `{}`).Want(http.StatusNotFound)
}

// roomAt is a room whose clock the test sets, or stops.
type roomAt struct {
	api.Enclave
	c     *setTime
	stops atomic.Bool
}

func (r *roomAt) Room(ctx context.Context) (wire.Room, error) {
	room, err := r.Enclave.Room(ctx)
	room.Now = r.c.now().UTC().Format(time.RFC3339)
	if r.stops.Load() {
		room.Clock = &wire.ClockJump{}
	}
	return room, err
}

// What is kept no longer goes: reports with their files, jobs, answers under keys.
// Reports go by the contract in force and the room's clock.
func TestExpire(t *testing.T) {
	c := &setTime{}
	c.set(time.Now())
	reports := ""
	at := &roomAt{c: c}
	r := apitest.Start(t, c.option, func(o *api.Options) {
		reports = o.Reports
		at.Enclave, o.Enclave = o.Enclave, at
	})
	r.Furnish()
	acme := marketing(r, apitest.Acme)
	j := ask(t, acme, "/v1/reports", asked(apitest.Question("profile", `"dims": ["gender"]`)))
	files, err := filepath.Glob(filepath.Join(reports, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	stray := filepath.Join(reports, "part-of-a-crash")
	old := time.Now().Add(-2 * time.Hour)
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, stray) {
		if err := os.Chtimes(f, old, old); err != nil {
			t.Fatal(err)
		}
	}
	expired := func() bool { // the newest hour's expiry is done
		page, err := r.Store.Jobs(t.Context(), "", store.JobFilter{Kind: "expire", State: store.JobDone}, store.Page{Limit: 200})
		return err == nil && len(page) > 0 && page[0].Once == "expire/"+c.now().UTC().Format("2006-01-02T15")
	}
	waits := func() {
		t.Helper()
		for until := time.Now().Add(time.Minute); !expired(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatal("nothing expires")
			}
		}
	}
	c.set(c.now().Add(25 * time.Hour))
	acme = marketing(r, apitest.Acme) // sessions end
	waits()
	acme.Do(http.MethodGet, "/v1/reports/"+j.Result.Report, nil).Want(http.StatusOK)
	if _, err := os.Stat(stray); !os.IsNotExist(err) {
		t.Errorf("what a crash left is there: %v", err)
	}
	info, err := r.Enclave.Entrustment(t.Context(), apitest.Entrustment)
	if err != nil {
		t.Fatal(err)
	}
	amended := *info.Versions[0].Contract
	amended.Retention.Reports = 400
	if _, err := r.Enclave.Entrust(t.Context(), &amended); err != nil {
		t.Fatal(err)
	}
	passes := func(days, status int) {
		t.Helper()
		c.set(c.now().AddDate(0, 0, days))
		acme = marketing(r, apitest.Acme) // sessions end
		waits()
		acme.Do(http.MethodGet, "/v1/reports/"+j.Result.Report, nil).Want(status)
	}
	passes(370, http.StatusOK) // it was amended
	at.stops.Store(true)
	passes(40, http.StatusOK) // what the clock says waits for officers
	at.stops.Store(false)
	passes(1, http.StatusNotFound)
	acme.Do(http.MethodGet, "/v1/jobs/"+j.ID, nil).Want(http.StatusNotFound)
	if _, err := os.Stat(files[0]); !os.IsNotExist(err) {
		t.Errorf("an expired report's file is there: %v", err)
	}
}
