package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/render"
)

// ReportStore is what the operations of reports and schedules keep.
type ReportStore interface {
	// AddReport keeps a table once for its recipient; it gives the row that stands.
	AddReport(ctx context.Context, r *store.Report) (*store.Report, error)
	Report(ctx context.Context, party, id string) (*store.Report, error)
	Reports(ctx context.Context, party string, f store.ReportFilter, p store.Page) ([]*store.Report, error)
	// ExpireReports forgets the reports that are kept no longer, and has each kept for
	// as many days as its entrustment says.
	ExpireReports(ctx context.Context, now time.Time, days map[string]entrustment.Days) error
	// ReportFiles gives of all reports digest, entrustment and release alone.
	ReportFiles(ctx context.Context) ([]*store.Report, error)
	scheduleStore
}

// reportEndpoints are the operations of reports, cubes and schedules.
func (s *Server) reportEndpoints() []endpoint {
	return append([]endpoint{
		{"priceQuestion", http.MethodPost, "/v1/prices", s.priceQuestion},
		{"askReport", http.MethodPost, "/v1/reports", s.askReport},
		{"listReports", http.MethodGet, "/v1/reports", s.listReports},
		{"getReport", http.MethodGet, "/v1/reports/:report", s.getReport},
		{"getReceipt", http.MethodGet, "/v1/reports/:report/receipt", s.getReceipt},
		{"getReportFile", http.MethodGet, "/v1/reports/:report/files/:format", s.getReportFile},
		{"askCube", http.MethodPost, "/v1/cubes", s.askCube},
		{"listCubes", http.MethodGet, "/v1/cubes", s.listCubes},
		{"sizeFromCube", http.MethodPost, "/v1/cubes/:cube/sizes", s.sizeFromCube},
	}, append(s.reservationEndpoints(), s.scheduleEndpoints()...)...)
}

// reportSubject is what a job of a report is to ask.
type reportSubject struct {
	Question    json.RawMessage `json:"question"`
	Reservation string          `json:"reservation,omitempty"` // that holds it
	Schedule    string          `json:"schedule,omitempty"`
}

// reportResult is what came of it. The table is the recipient's; who asked from
// another party is told that there is one.
type reportResult struct {
	Report    string `json:"report"`
	Recipient string `json:"recipient"`
}

// maxQuestion is how many bytes a question may have: it is kept with its job, for
// months, and a page shows 200 of them. Every municipality of Japan fits in.
const maxQuestion = 32 << 10

// question reads a question that who asks may ask (entrustment.Contract.MayAsk).
// What else forbids it, the enclave tells: on which days a sub-trustee may, too, where
// the question is charged.
func (s *Server) question(c *call, raw json.RawMessage) (*entrustment.Question, error) {
	if raw == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "question", Detail: "there is none", Mend: "send spec.yaml as JSON (docs/documents.md)"}
	}
	if len(raw) > maxQuestion {
		return nil, &entrustment.Error{Code: entrustment.CodeLimit, Field: "question", Detail: fmt.Sprintf("it is longer than %d bytes", maxQuestion), Mend: "ask with fewer values in conditions, or of a list"}
	}
	q, err := entrustment.ParseQuestion("question", raw)
	if err != nil {
		return nil, err
	}
	e, err := s.seen(c, q.Entrustment)
	if err != nil {
		return nil, err
	}
	if !s.asks(&e, c.who.Party) {
		return nil, by(&e, "recipients", &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "docs/service.md", Field: "question, entrustment",
			Detail: "your party does not ask under the entrustment", Mend: "people of its trustee, of sub-trustees whose work it is, of its recipients and, but for 5-improvement, of its principal ask"})
	}
	return q, nil
}

// priceQuestion tells what a question costs. It charges nothing.
func (s *Server) priceQuestion(c *call) (*answer, error) {
	var body struct {
		Question json.RawMessage `json:"question"`
		Expect   int64           `json:"expect"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	q, err := s.question(c, body.Question)
	if err != nil {
		return nil, err
	}
	p, err := s.price(c, q, max(0, body.Expect))
	if err != nil {
		return nil, err
	}
	return ok(p), nil
}

// price prices a question.
func (s *Server) price(c *call, q *entrustment.Question, expect int64) (wire.Price, error) {
	if err := s.asksToday(c, q.Entrustment); err != nil {
		return wire.Price{}, err
	}
	p, err := s.Enclave.Price(c.ctx(), q, expect)
	if err == nil {
		err = s.ownForecast(c.ctx(), c.who.Party, &p, q)
	}
	return p, s.ownSize(c.ctx(), c.who.Party, q, err)
}

func (s *Server) askReport(c *call) (*answer, error) { return s.askAs(c, kindReport) }
func (s *Server) askCube(c *call) (*answer, error)   { return s.askAs(c, kindCube) }

// askAs makes a job of a question.
func (s *Server) askAs(c *call, kind string) (*answer, error) {
	var body struct {
		Question json.RawMessage `json:"question"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	q, err := s.question(c, body.Question)
	if err != nil {
		return nil, err
	}
	if kind == kindCube && q.Report != entrustment.ReportCube {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "question, report", Detail: "it asks for no planning cube", Mend: "write report: cube, or send it to POST /v1/reports"}
	}
	j, err := c.newJob(kind, reportSubject{Question: body.Question})
	if err != nil {
		return nil, err
	}
	if err := s.Store.AddJob(c.ctx(), j); err != nil {
		return nil, err
	}
	return acceptedJob(j), nil
}

// report is a job that asks a question and keeps the table for its recipient.
func (s *Server) report(ctx context.Context, j *store.Job) (outcome, error) {
	var sub reportSubject
	if err := json.Unmarshal(j.Subject, &sub); err != nil {
		return outcome{}, err
	}
	req := wire.WorkRequest{Kind: wire.WorkReport, Question: sub.Question}
	if sub.Reservation != "" {
		req.Question, req.Reservation = nil, sub.Reservation
	}
	st, done, err := s.ask(ctx, j, sub.Question, req)
	if err != nil || !done {
		return goesOn, err
	}
	return s.keep(ctx, j, st.Release, nil)
}

// ask is the work of a question; its refusals are what the job's party may read.
func (s *Server) ask(ctx context.Context, j *store.Job, question json.RawMessage, req wire.WorkRequest) (wire.WorkState, bool, error) {
	req.Party = s.asker(j.Party)
	st, done, err := s.work(ctx, j, req)
	return st, done, s.ownSizeOf(ctx, j.Party, question, err)
}

// keep keeps a release: its file, then its row, then the word that it is there.
// Kept again, it is the same file, row and word.
func (s *Server) keep(ctx context.Context, j *store.Job, r *wire.Release, of *store.Schedule) (outcome, error) {
	if r == nil || r.Question == nil || r.Question.Recipient == "" {
		return outcome{}, errors.New("a release does not say whose it is")
	}
	raw, err := marshal(r)
	if err != nil {
		return outcome{}, err
	}
	until, err := s.keptUntil(ctx, r)
	if err != nil {
		return outcome{}, err
	}
	digest, err := s.reports.put(raw)
	if err != nil {
		return outcome{}, err
	}
	question, err := json.Marshal(r.Question)
	if err != nil {
		return outcome{}, err
	}
	released, err := time.Parse(time.RFC3339, r.ReleasedAt)
	if err != nil {
		return outcome{}, err
	}
	row := &store.Report{
		ID: sameID("rep", j.ID, digest), Party: r.Question.Recipient, Entrustment: r.Entrustment, Version: r.Version, Kind: r.Report, List: r.List, ListVersion: r.ListVersion,
		Question: question, Digest: digest, AskedBy: j.Party, Person: j.Person, Job: j.ID, Created: s.Now().UTC(), Released: released, Until: until,
	}
	var formats []string
	if of != nil {
		row.Schedule, formats = of.ID, of.Formats
	}
	if row, err = s.Store.AddReport(ctx, row); err != nil {
		return outcome{}, err
	}
	if err := s.tellOnce(ctx, row.Party, store.EventReportReady, j.ID, row.ID, struct {
		Entrustment string   `json:"entrustment"`
		Kind        string   `json:"kind"`
		Schedule    string   `json:"schedule,omitempty"`
		Files       []string `json:"files,omitempty"`
	}{row.Entrustment, row.Kind, row.Schedule, filesOf(row.ID, formats)}); err != nil {
		return outcome{}, err
	}
	result, err := json.Marshal(reportResult{row.ID, row.Party})
	return outcome{result: result}, err
}

func filesOf(report string, formats []string) []string {
	out := make([]string, 0, len(formats))
	for _, f := range formats {
		out = append(out, "/v1/reports/"+report+"/files/"+f)
	}
	return out
}

// reportView is a report's row as people see it; the table is in the release.
type reportView struct {
	ID          string          `json:"id"`
	Entrustment string          `json:"entrustment"`
	Version     int             `json:"version"`
	Kind        string          `json:"kind"`
	List        string          `json:"list,omitempty"`
	ListVersion int             `json:"list_version,omitempty"`
	Question    json.RawMessage `json:"question"`
	AskedBy     string          `json:"asked_by"`
	Person      string          `json:"person,omitempty"`
	Job         string          `json:"job,omitempty"` // of who asked alone
	Schedule    string          `json:"schedule,omitempty"`
	Created     time.Time       `json:"created"`
	Released    time.Time       `json:"released_at"`
	Until       time.Time       `json:"kept_until"`
	State       string          `json:"state"`
	Files       []string        `json:"files"`
}

// The states of a report.
const (
	reportKept = "kept"
	reportGone = "gone" // its entrustment ended, or keeps it no longer
)

func viewReport(r *store.Report, state string) reportView {
	formats := make([]string, 0, 8)
	for _, f := range render.Formats() {
		if state != reportGone {
			formats = append(formats, string(f.Format))
		}
	}
	v := reportView{r.ID, r.Entrustment, r.Version, r.Kind, r.List, r.ListVersion, r.Question, r.AskedBy, "", "", "", r.Created, r.Released, r.Until, state, filesOf(r.ID, formats)}
	if r.AskedBy == r.Party { // else people and jobs of another party
		v.Person, v.Job, v.Schedule = r.Person, r.Job, r.Schedule
	}
	return v
}

func (s *Server) listReports(c *call) (*answer, error) {
	q := c.URL.Query()
	kind, err := c.choice("kind", entrustment.Reports()...)
	if err != nil {
		return nil, err
	}
	return s.pageReports(c, store.ReportFilter{ID: q.Get("report"), Entrustment: q.Get("entrustment"), Kind: kind, Schedule: q.Get("schedule")})
}

func (s *Server) listCubes(c *call) (*answer, error) {
	return s.pageReports(c, store.ReportFilter{Entrustment: c.URL.Query().Get("entrustment"), Kind: entrustment.ReportCube})
}

func (s *Server) pageReports(c *call, f store.ReportFilter) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.Store.Reports(c.ctx(), c.who.Party, f, p)
	if err != nil {
		return nil, err
	}
	st, err := s.standing(c.ctx())
	if err != nil {
		return nil, err
	}
	views := make([]reportView, len(rows))
	for i, r := range rows {
		gone, err := st.gone(c.ctx(), r)
		if err != nil {
			return nil, err
		}
		state := reportKept
		if gone != nil {
			state = reportGone
		}
		views[i] = viewReport(r, state)
	}
	return ok(paged(views, p, func(v reportView) string { return v.ID })), nil
}

// released reads the release of a report that who asks received, and that the room
// gives out now.
func (s *Server) released(c *call) (row *store.Report, raw []byte, r *wire.Release, err error) {
	if row, err = s.Store.Report(c.ctx(), c.who.Party, c.param("report")); err != nil {
		return nil, nil, nil, err
	}
	if err := s.mayRead(c.ctx(), row); err != nil {
		return nil, nil, nil, err
	}
	if raw, err = s.reports.get(row.Digest); errors.Is(err, fs.ErrNotExist) {
		// Swept since the room was asked.
		if refused := s.mayRead(c.ctx(), row); refused != nil {
			err = refused
		}
		return nil, nil, nil, err
	} else if err != nil {
		return nil, nil, nil, err
	}
	r = &wire.Release{}
	return row, raw, r, json.Unmarshal(raw, r)
}

func (s *Server) getReport(c *call) (*answer, error) {
	_, raw, _, err := s.released(c)
	if err != nil {
		return nil, err
	}
	return file("application/json", raw), nil
}

func (s *Server) getReceipt(c *call) (*answer, error) {
	_, _, r, err := s.released(c)
	if err != nil {
		return nil, err
	}
	return file("application/json", r.Receipt), nil
}

// getReportFile gives a report as a file of a format, under a readable name.
func (s *Server) getReportFile(c *call) (*answer, error) {
	lang, err := c.choice("lang", string(render.Japanese), string(render.English))
	if err != nil {
		return nil, err
	}
	form, known := render.Lookup(render.Format(c.param("format")))
	if !known {
		return nil, store.ErrNotFound
	}
	row, _, r, err := s.released(c)
	if err != nil {
		return nil, err
	}
	done, err := s.layOut(c.ctx())
	if err != nil {
		return nil, err
	}
	defer done()
	var b bytes.Buffer
	if err := render.Write(&b, form.Format, r); err != nil {
		return nil, err
	}
	// Laying it out takes its time: what was stopped meanwhile does not go out.
	if err := s.mayRead(c.ctx(), row); err != nil {
		return nil, err
	}
	a := file(form.MediaType, b.Bytes())
	a.header.Set("Content-Disposition", render.ContentDisposition(r, form.Format, render.Lang(lang)))
	return a, nil
}

// layOut waits for a place to lay out files at, which takes memory: few are laid out at
// once, whoever asks.
func (s *Server) layOut(ctx context.Context) (done func(), err error) {
	select {
	case s.layouts <- struct{}{}:
		return func() { <-s.layouts }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sizeFromCube answers a size from a planning cube, which is free. One that the
// cube does not answer is refused, not charged.
func (s *Server) sizeFromCube(c *call) (*answer, error) {
	var body struct {
		Where json.RawMessage `json:"where"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	row, err := s.Store.Report(c.ctx(), c.who.Party, c.param("cube"))
	if err != nil {
		return nil, err
	}
	if row.Kind != entrustment.ReportCube {
		return nil, store.ErrNotFound
	}
	if err := s.mayRead(c.ctx(), row); err != nil {
		return nil, err
	}
	var cube entrustment.Question
	if err := json.Unmarshal(row.Question, &cube); err != nil {
		return nil, err
	}
	size, err := json.Marshal(struct {
		Schema      string          `json:"schema"`
		Report      string          `json:"report"`
		Entrustment string          `json:"entrustment"`
		List        string          `json:"list,omitempty"`
		Where       json.RawMessage `json:"where,omitempty"`
		Recipient   string          `json:"recipient"`
	}{cube.Schema, entrustment.ReportSize, cube.Entrustment, cube.List, body.Where, cube.Recipient})
	if err != nil {
		return nil, err
	}
	q, err := s.question(c, size)
	if err != nil {
		return nil, err
	}
	p, err := s.price(c, q, 0)
	if err != nil {
		return nil, err
	}
	if len(p.Tables) != 1 || p.Tables[0].Name != "cube" || !p.Tables[0].Paid || p.Charged != 0 {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "PRIVACY rule 7", Field: "where", Detail: "the cube does not answer it",
			Mend: "ask over the cube's dimensions alone; where the list or the base changed since, buy the cube again; or ask the size itself (POST /v1/reports), which is charged"}
	}
	// Of its own: what was refused under an id stays refused for an hour, and releases
	// may go on before. Asked again it is the release that was issued, and free.
	job := newID("size")
	st, err := s.Enclave.StartWork(c.ctx(), wire.WorkRequest{Job: job, Kind: wire.WorkReport, Question: size, Party: s.asker(c.who.Party)})
	if err == nil && st.Status == wire.WorkRuns {
		st, err = s.Enclave.PollWork(c.ctx(), job, sizeWait)
	}
	switch {
	case err != nil:
		return nil, err
	case st.Status == wire.WorkDone:
		return ok(st.Release), nil
	case st.Status == wire.WorkFailed:
		return nil, st.Refusal
	case st.Status == wire.WorkRuns:
		return nil, &retryError{&entrustment.Error{Code: entrustment.CodeRate, Field: "request", Detail: "it is being answered", Mend: "send it again"}, 1}
	}
	return nil, errors.New("the enclave broke at a size")
}

const sizeWait = 8 * time.Second
