package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/render"
)

type scheduleStore interface {
	AddSchedule(ctx context.Context, v *store.Schedule) error
	Schedule(ctx context.Context, party, id string) (*store.Schedule, error)
	Schedules(ctx context.Context, party string, p store.Page) ([]*store.Schedule, error)
	CountSchedules(ctx context.Context, party string) (int, error)
	DueSchedules(ctx context.Context, now time.Time) ([]*store.Schedule, error)
	// RunSchedule makes a run a job, and sets the next time of v as it was read;
	// store.ErrConflict where it changed.
	RunSchedule(ctx context.Context, v *store.Schedule, j *store.Job, slot, next time.Time) error
	ChangeSchedule(ctx context.Context, v *store.Schedule) error
	PauseSchedule(ctx context.Context, id string, why *entrustment.Error) error
	DropSchedule(ctx context.Context, party, id string) error
}

const maxSchedules = 50 // of a party

func (s *Server) scheduleEndpoints() []endpoint {
	return []endpoint{
		{"addSchedule", http.MethodPost, "/v1/schedules", s.addSchedule},
		{"listSchedules", http.MethodGet, "/v1/schedules", s.listSchedules},
		{"getSchedule", http.MethodGet, "/v1/schedules/:schedule", s.getSchedule},
		{"changeSchedule", http.MethodPatch, "/v1/schedules/:schedule", s.changeSchedule},
		{"dropSchedule", http.MethodDelete, "/v1/schedules/:schedule", s.dropSchedule},
	}
}

// scheduleView is a schedule as people see it.
type scheduleView struct {
	ID          string              `json:"id"`
	Name        string              `json:"name"`
	Entrustment string              `json:"entrustment"`
	Question    json.RawMessage     `json:"question"`
	Days        int                 `json:"days,omitempty"`
	Cron        string              `json:"cron"`
	Formats     []string            `json:"formats"`
	State       store.ScheduleState `json:"state"`
	Reason      *reasonView         `json:"reason,omitempty"`
	Next        *time.Time          `json:"next,omitempty"`
	Last        *time.Time          `json:"last,omitempty"`
	Job         string              `json:"last_job,omitempty"`
	Person      string              `json:"made_by"`
	Created     time.Time           `json:"created"`
	Price       *schedulePrice      `json:"price,omitempty"`
}

// schedulePrice is what a schedule costs, and what the budget bears of it.
type schedulePrice struct {
	Run     wire.Price `json:"run"`
	Runs    int        `json:"runs_30d"`  // that fall due in the next 30 days
	Bears   int        `json:"bears_30d"` // that the budget of 30 days bears, if nothing else is asked
	Warning string     `json:"warning,omitempty"`
}

func viewSchedule(v *store.Schedule) scheduleView {
	out := scheduleView{ID: v.ID, Name: v.Name, Entrustment: v.Entrustment, Question: v.Question, Days: v.Days, Cron: v.Cron, Formats: v.Formats, State: v.State, Reason: viewReason(v.Reason),
		Last: moment(v.Last), Job: v.Job, Person: v.Person, Created: v.Created}
	if v.State == store.ScheduleActive {
		out.Next = moment(v.Next)
	}
	return out
}

// scheduleBody is what people say of a schedule; nil: as it is.
type scheduleBody struct {
	Name     *string              `json:"name"`
	Question json.RawMessage      `json:"question"`
	Days     *int                 `json:"days"`
	Cron     *string              `json:"cron"`
	Formats  []string             `json:"formats"`
	State    *store.ScheduleState `json:"state"` // of PATCH
}

// into writes what b says into v, and gives v's question.
func (b *scheduleBody) into(c *call, v *store.Schedule) (*entrustment.Question, error) {
	wrong := func(field, detail, mend string) error {
		return &entrustment.Error{Code: entrustment.CodeSpec, Field: field, Detail: detail, Mend: mend}
	}
	if b.Name != nil {
		if v.Name = strings.TrimSpace(*b.Name); v.Name == "" || len(v.Name) > 200 || strings.ContainsFunc(v.Name, func(r rune) bool { return r < ' ' }) {
			return nil, wrong("name", "it is no name of 1 to 200 bytes", "say what it is for")
		}
	}
	if b.Days != nil {
		if v.Days = *b.Days; v.Days < 0 || v.Days > 366 {
			return nil, wrong("days", "it is not a number from 0 to 366", "0 leaves the window to the question")
		}
	}
	if b.Cron != nil {
		v.Cron = *b.Cron
	}
	if b.Formats != nil {
		v.Formats = b.Formats
	}
	if v.Formats == nil {
		v.Formats = []string{}
	}
	for i, f := range v.Formats {
		if _, ok := render.Lookup(render.Format(f)); !ok || slices.Index(v.Formats, f) != i {
			return nil, wrong("formats", "it names a format that there is not, or one twice", "csv, xlsx, pdf … (GET /v1/reports shows them)")
		}
	}
	if b.Question != nil {
		v.Question = b.Question
	}
	q, err := c.s.question(c, v.Question)
	if err != nil {
		return nil, err
	}
	v.Entrustment = q.Entrustment
	if v.Days > 0 && q.Window != nil {
		return nil, wrong("days", "the question has a window of its own, which is the same at each run", "leave window out of the question, or days out of the schedule")
	}
	return q, nil
}

// addSchedule makes a schedule. It costs nothing now: the answer says what each
// run will, and how many the budget bears.
func (s *Server) addSchedule(c *call) (*answer, error) {
	var b scheduleBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	if b.Name == nil || b.Cron == nil || b.State != nil {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "body", Detail: "a new schedule has a name and a cron, and no state", Mend: "see POST /v1/schedules in /docs"}
	}
	n, err := s.Store.CountSchedules(c.ctx(), c.who.Party)
	if err != nil {
		return nil, err
	}
	if n >= maxSchedules {
		return nil, &entrustment.Error{Code: entrustment.CodeLimit, Field: "schedule", Detail: fmt.Sprintf("the party has %d schedules", n), Mend: "delete one that is not needed"}
	}
	now := s.Now().UTC()
	v := &store.Schedule{ID: newID("sched"), Party: c.who.Party, Person: c.who.Person, State: store.ScheduleActive, Created: now.Truncate(time.Millisecond)}
	q, err := b.into(c, v)
	if err != nil {
		return nil, err
	}
	cron, err := parseCron(v.Cron, now)
	if err != nil {
		return nil, err
	}
	v.Next = cron.Next(now)
	price, err := s.schedulePrice(c, q, v, cron, now)
	if err != nil {
		return nil, err
	}
	if err := s.Store.AddSchedule(c.ctx(), v); errors.Is(err, store.ErrConflict) {
		return nil, &entrustment.Error{Code: CodeConflict, Field: "name", Detail: "the party has a schedule of that name", Mend: "give it another name"}
	} else if err != nil {
		return nil, err
	}
	view := viewSchedule(v)
	view.Price = price
	return created("/v1/schedules/"+v.ID, view), nil
}

// schedulePrice prices a run as if it were now, and counts runs.
func (s *Server) schedulePrice(c *call, q *entrustment.Question, v *store.Schedule, cron cronTimes, now time.Time) (*schedulePrice, error) {
	p, err := s.price(c, windowed(q, v.Days, now), 0)
	if err != nil {
		return nil, err
	}
	out := &schedulePrice{Run: p, Runs: cron.count(now, now.AddDate(0, 0, 30))}
	out.Bears = bears(&p, out.Runs)
	if out.Bears < out.Runs {
		out.Warning = fmt.Sprintf("%s due in 30 days, and the budget bears %d of them: then the schedule pauses itself. Fewer runs, or a larger sigma, cost less", entrustment.Count(out.Runs, "run falls", "runs fall"), out.Bears)
	}
	return out, nil
}

// bears tells how many runs the 30-day budgets bear, at most.
func bears(p *wire.Price, most int) int {
	if p.Rho <= 0 {
		return most
	}
	for i := range p.Accounts {
		a := &p.Accounts[i]
		if a.Window == "30d" {
			// A millionth of a run is the rounding of sums.
			most = min(most, int(max(0, a.Limit-a.Spent)/p.Rho+1e-6))
		}
	}
	return most
}

// windowed gives the question of a run: its window is days whole days of Japan up
// to the day before.
func windowed(q *entrustment.Question, days int, slot time.Time) *entrustment.Question {
	if days == 0 {
		return q
	}
	of := *q
	last := entrustment.DateOf(slot.In(entrustment.JST)).Add(-1)
	of.Window = &entrustment.Window{From: last.Add(1 - days), To: last}
	return &of
}

func (s *Server) listSchedules(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.Store.Schedules(c.ctx(), c.who.Party, p)
	if err != nil {
		return nil, err
	}
	views := make([]scheduleView, len(rows))
	for i, v := range rows {
		views[i] = viewSchedule(v)
	}
	return ok(paged(views, p, func(v scheduleView) string { return v.ID })), nil
}

func scheduleTag(v *store.Schedule) string { return `"` + strconv.FormatInt(v.Version, 10) + `"` }

func (s *Server) getSchedule(c *call) (*answer, error) {
	v, err := s.Store.Schedule(c.ctx(), c.who.Party, c.param("schedule"))
	if err != nil {
		return nil, err
	}
	a := ok(viewSchedule(v))
	a.header = http.Header{"Etag": {scheduleTag(v)}}
	return a, nil
}

// changeSchedule changes a schedule, pauses it, or goes on with it. Times that
// passed while it was paused are not made up for.
func (s *Server) changeSchedule(c *call) (*answer, error) {
	var b scheduleBody
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	v, err := s.Store.Schedule(c.ctx(), c.who.Party, c.param("schedule"))
	if err != nil {
		return nil, err
	}
	if tag := c.Header.Get("If-Match"); tag != "" && !matches(tag, scheduleTag(v)) {
		return nil, errChanged
	}
	q, err := b.into(c, v)
	if err != nil {
		return nil, err
	}
	now := s.Now().UTC()
	cron, err := parseCron(v.Cron, now)
	if err != nil {
		return nil, err
	}
	if b.State != nil {
		switch *b.State {
		case store.ScheduleActive, store.SchedulePaused:
			v.State, v.Reason = *b.State, nil
		default:
			return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "state", Detail: "it is none that there is", Mend: "active or paused"}
		}
	}
	if b.Cron != nil || b.State != nil {
		v.Next = cron.Next(now)
	}
	price, err := s.schedulePrice(c, q, v, cron, now)
	if err != nil {
		return nil, err
	}
	if err := s.Store.ChangeSchedule(c.ctx(), v); err != nil {
		return nil, err
	}
	v.Version++
	view := viewSchedule(v)
	view.Price = price
	a := ok(view)
	a.header = http.Header{"Etag": {scheduleTag(v)}}
	return a, nil
}

func (s *Server) dropSchedule(c *call) (*answer, error) {
	if err := s.Store.DropSchedule(c.ctx(), c.who.Party, c.param("schedule")); err != nil {
		return nil, err
	}
	return noContent(), nil
}
