package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"awase/api/mail"
	"awase/api/store"
	"awase/entrustment"
)

func (s *Server) noticeEndpoints() []endpoint {
	return []endpoint{
		{"listNotices", http.MethodGet, "/v1/notices", s.listNotices},
		{"readNotice", http.MethodPost, "/v1/notices/:notice/read", s.readNotice},
		{"readNotices", http.MethodPost, "/v1/notices/read-all", s.readNotices},
		{"getNoticeSettings", http.MethodGet, "/v1/me/notices", s.getNoticeSettings},
		{"changeNoticeSettings", http.MethodPatch, "/v1/me/notices", s.changeNoticeSettings},
	}
}

// noticeView is a notice as its person sees it.
type noticeView struct {
	ID      string          `json:"id"`
	Event   string          `json:"event"`
	Kind    string          `json:"kind"`
	Title   words           `json:"title"`
	Subject string          `json:"subject"`
	Details json.RawMessage `json:"details,omitempty"`
	At      time.Time       `json:"at"`
	Read    *time.Time      `json:"read,omitempty"`
}

func (s *Server) listNotices(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	unread, err := c.choice("unread", "true", "false")
	if err != nil {
		return nil, err
	}
	rows, n, err := s.Store.Notices(c.ctx(), c.who.Person, unread == "true", p)
	if err != nil {
		return nil, err
	}
	views := make([]noticeView, len(rows))
	for i, r := range rows {
		views[i] = noticeView{ID: r.ID, Event: r.Event, Kind: r.Kind, Subject: r.Subject, Details: r.Data, At: r.At, Read: moment(r.Read), Title: words{r.Kind, r.Kind}}
		if k, ok := kindOf(r.Kind); ok { // of a newer program, where not
			views[i].Title = k.words
		}
	}
	return ok(struct {
		listed[noticeView]
		Unread int `json:"unread"`
	}{paged(views, p, func(v noticeView) string { return v.ID }), n}), nil
}

func (s *Server) readNotice(c *call) (*answer, error) {
	if err := s.Store.ReadNotice(c.ctx(), c.who.Person, c.param("notice"), s.Now()); err != nil {
		return nil, err
	}
	return noContent(), nil
}

func (s *Server) readNotices(c *call) (*answer, error) {
	if err := s.Store.ReadNotices(c.ctx(), c.who.Person, s.Now()); err != nil {
		return nil, err
	}
	return noContent(), nil
}

// noticeSettings is what a person is told of, and how.
type noticeSettings struct {
	Mail    []string   `json:"mail"`     // kinds that come by mail, too
	CanMail bool       `json:"can_mail"` // the room has a mail server
	Kinds   []kindView `json:"kinds"`    // that the person's roles are told of
}

type kindView struct {
	Kind  string `json:"kind"`
	Title words  `json:"title"`
}

func (s *Server) getNoticeSettings(c *call) (*answer, error) {
	kinds, err := s.Store.MailKinds(c.ctx(), c.who.Person)
	if err != nil {
		return nil, err
	}
	v := noticeSettings{Mail: kinds, CanMail: s.Hooks.Mail != nil, Kinds: []kindView{}}
	if v.Mail == nil {
		v.Mail = []string{}
	}
	for _, k := range eventKinds() {
		if k.toldTo(c.who.Roles) {
			v.Kinds = append(v.Kinds, kindView{k.name, k.words})
		}
	}
	return ok(v), nil
}

func (s *Server) changeNoticeSettings(c *call) (*answer, error) {
	var ch struct {
		Mail *[]string `json:"mail"`
	}
	if err := c.decode(&ch); err != nil {
		return nil, err
	}
	if ch.Mail != nil {
		kinds, err := wantedKinds(*ch.Mail)
		if err != nil {
			return nil, err
		}
		if err := s.Store.SetMailKinds(c.ctx(), c.who.Person, kinds); err != nil {
			return nil, err
		}
	}
	return s.getNoticeSettings(c)
}

// mailNotice is the runner of a notice that goes by mail. One that was read in
// between is not sent.
func (s *Server) mailNotice(ctx context.Context, j *store.Job) (outcome, error) {
	var e store.Errand
	if err := json.Unmarshal(j.Subject, &e); err != nil {
		return outcome{}, fmt.Errorf("reading what to send: %w", err)
	}
	l, err := s.Store.Letter(ctx, e.Notice)
	if errors.Is(err, store.ErrNotFound) || err == nil && !l.Read.IsZero() || s.Hooks.Mail == nil {
		return outcome{}, nil
	} else if err != nil {
		return outcome{}, err
	}
	kind, known := kindOf(l.Kind)
	if !known {
		return outcome{}, nil
	}
	title := kind.words.JA
	if l.Language == "en" {
		title = kind.words.EN
	}
	refused := &entrustment.Error{Code: entrustment.CodeSpec, Field: "mail", Detail: "the mail server does not take the message", Mend: "see whether the person's address is right, and the server there; the notice is in the inbox"}
	err = s.Hooks.Mail.Send(ctx, mail.Letter{ID: l.ID, To: l.Address, Subject: "[Awase] " + title, Link: strings.TrimSuffix(s.Hooks.URL, "/") + "/notices/" + l.ID, At: l.At})
	switch {
	case errors.Is(err, mail.ErrRefused):
		return outcome{}, refused
	case errors.Is(err, mail.ErrServer) && s.Now().Sub(l.At) < mailLife:
		return outcome{again: jitter(mailWait)}, nil
	case errors.Is(err, mail.ErrServer):
		return outcome{}, refused
	}
	return outcome{}, err
}

// A mail server that is away is asked again for a day.
const (
	mailWait = time.Minute
	mailLife = 24 * time.Hour
)
