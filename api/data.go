package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"awase/api/store"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// DataStore is what the operations of this file keep.
type DataStore interface{}

// dataEndpoints are the operations of this file.
func (s *Server) dataEndpoints() []endpoint {
	return []endpoint{
		{"loadList", http.MethodPost, "/v1/lists", s.loadList},
		{"listLists", http.MethodGet, "/v1/entrustments/:entrustment/lists", s.listLists},
		{"getList", http.MethodGet, "/v1/lists/:entrustment/:list", s.getList},
		{"loadBase", http.MethodPost, "/v1/bases", s.loadBase},
		{"listBases", http.MethodGet, "/v1/bases", s.listBases},
		{"loadEvents", http.MethodPost, "/v1/events", s.loadEvents},
		{"listOwnEvents", http.MethodGet, "/v1/events", s.listOwnEvents},
		{"listRetention", http.MethodGet, "/v1/entrustments/:entrustment/retention", s.listRetention},
		{"listEvents", http.MethodGet, "/v1/entrustments/:entrustment/events", s.listEvents},
	}
}

// loadSubject is what a job that loads an upload is to do.
type loadSubject struct {
	Upload      string          `json:"upload"`
	Entrustment string          `json:"entrustment,omitempty"` // "": the operator's own data
	Name        string          `json:"name,omitempty"`        // of a list
	Schema      json.RawMessage `json:"schema,omitempty"`      // of a base
}

// uploads refuses who is not of the party that uploads under an entrustment: a
// list is a row of that party. A log, of events, may be a receiver's of deliveries.
func (s *Server) uploads(c *call, id string, log bool) error {
	if id != seal.BaseEntrustment {
		if _, err := s.seen(c, id); err != nil {
			return err
		}
	}
	t, err := s.Enclave.Terms(c.ctx(), id)
	if err != nil {
		return err
	}
	if t.Party == c.who.Party || log && slices.Contains(t.Loggers, c.who.Party) {
		return nil
	}
	return store.ErrNotFound
}

// addLoad makes a job that loads an upload of who asks, sealed for the name
// under the entrustment.
func (s *Server) addLoad(c *call, kind string, sub loadSubject, entrustmentID, name string) (*answer, error) {
	u, err := s.wholeUpload(c.ctx(), c.who.Party, sub.Upload)
	if err != nil {
		return nil, err
	}
	refused := func(field, detail, mend string) error {
		return &entrustment.Error{Code: entrustment.CodeSpec, Field: field, Detail: detail, Mend: mend}
	}
	switch {
	case u.Entrustment != entrustmentID:
		return nil, refused("entrustment", "the upload is for another", "name the one that the file is sealed for")
	case u.Name != name:
		return nil, refused("name", "the upload is of another name", "name the one that the file is sealed for")
	}
	j, err := c.newJob(kind, sub)
	if err != nil {
		return nil, err
	}
	j.Upload = sub.Upload
	err = s.Store.AddJob(c.ctx(), j)
	if errors.Is(err, store.ErrConflict) {
		return nil, &entrustment.Error{Code: CodeConflict, Field: "upload", Detail: "a job loads it already", Mend: "see GET /v1/jobs?state=running"}
	} else if err != nil {
		return nil, err
	}
	return acceptedJob(j), nil
}

// load is a job that loads an upload: list, base, event log.
func (s *Server) load(ctx context.Context, j *store.Job) (outcome, error) {
	var sub loadSubject
	if err := json.Unmarshal(j.Subject, &sub); err != nil {
		return outcome{}, err
	}
	req := wire.WorkRequest{Upload: sub.Upload}
	switch j.Kind {
	case kindList:
		req.Kind, req.List = wire.WorkList, &wire.ListRequest{Entrustment: sub.Entrustment, Name: sub.Name}
	case kindEvents:
		req.Kind, req.Events = wire.WorkEvents, &wire.EventsRequest{Entrustment: sub.Entrustment, Party: j.Party}
	case kindBase:
		req.Kind, req.Base = wire.WorkBase, sub.Schema
	}
	st, done, err := s.work(ctx, j, req)
	if err != nil || !done {
		return goesOn, err
	}
	var loaded any
	switch j.Kind {
	case kindList:
		loaded = st.List
	case kindEvents:
		loaded = st.Events
	case kindBase:
		loaded = st.Base
	}
	raw, err := json.Marshal(loaded)
	return outcome{result: raw}, err
}

func (s *Server) loadList(c *call) (*answer, error) {
	var sub struct {
		Upload      string `json:"upload"`
		Entrustment string `json:"entrustment"`
		Name        string `json:"name"`
	}
	if err := c.decode(&sub); err != nil {
		return nil, err
	}
	if err := s.uploads(c, sub.Entrustment, false); err != nil {
		return nil, err
	}
	return s.addLoad(c, kindList, loadSubject{Upload: sub.Upload, Entrustment: sub.Entrustment, Name: sub.Name}, sub.Entrustment, sub.Name)
}

// lists gives the lists under an entrustment that who asks uploaded.
func (s *Server) lists(c *call) ([]wire.ListInfo, error) {
	id := c.param("entrustment")
	if _, err := s.seen(c, id); err != nil {
		return nil, err
	}
	lists, err := s.Enclave.Lists(c.ctx(), id)
	return slices.DeleteFunc(lists, func(l wire.ListInfo) bool { return l.Party != c.who.Party }), err
}

func (s *Server) listLists(c *call) (*answer, error) {
	lists, err := s.lists(c)
	if err != nil {
		return nil, err
	}
	return ok(whole(lists)), nil
}

func (s *Server) getList(c *call) (*answer, error) {
	lists, err := s.lists(c)
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		if l.Name == c.param("list") {
			return ok(l), nil
		}
	}
	return nil, store.ErrNotFound
}

func (s *Server) loadBase(c *call) (*answer, error) {
	var sub struct {
		Upload string          `json:"upload"`
		Schema json.RawMessage `json:"schema"`
	}
	if err := c.decode(&sub); err != nil {
		return nil, err
	}
	if _, err := entrustment.ParseBaseSchema("schema", sub.Schema); err != nil {
		return nil, err
	}
	return s.addLoad(c, kindBase, loadSubject{Upload: sub.Upload, Schema: sub.Schema}, seal.BaseEntrustment, seal.BaseName)
}

func (s *Server) listBases(c *call) (*answer, error) {
	bases, err := s.Enclave.Bases(c.ctx())
	if err != nil {
		return nil, err
	}
	return ok(whole(bases)), nil
}

func (s *Server) loadEvents(c *call) (*answer, error) {
	var sub struct {
		Upload      string `json:"upload"`
		Entrustment string `json:"entrustment"`
		Own         bool   `json:"own"`
	}
	if err := c.decode(&sub); err != nil {
		return nil, err
	}
	if sub.Own == (sub.Entrustment != "") {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "entrustment", Detail: "it names not exactly one of entrustment and own", Mend: "own: true is the operator's own log; else name the entrustment"}
	}
	under := sub.Entrustment
	if sub.Own {
		under = seal.BaseEntrustment
	}
	if err := s.uploads(c, under, true); err != nil {
		return nil, err
	}
	return s.addLoad(c, kindEvents, loadSubject{Upload: sub.Upload, Entrustment: sub.Entrustment}, under, seal.EventsName)
}

// listEvents gives the event logs of who asks under an entrustment.
func (s *Server) listEvents(c *call) (*answer, error) {
	id := c.param("entrustment")
	if _, err := s.seen(c, id); err != nil {
		return nil, err
	}
	return s.events(c, id)
}

func (s *Server) listOwnEvents(c *call) (*answer, error) { return s.events(c, "") }

func (s *Server) events(c *call, id string) (*answer, error) {
	logs, err := s.Enclave.EventLogs(c.ctx(), id)
	if err != nil {
		return nil, err
	}
	logs = slices.DeleteFunc(logs, func(l wire.EventsInfo) bool { return l.Party != c.who.Party })
	return ok(whole(logs)), nil
}

// whole is a list that comes in one page: there are few.
func whole[T any](rows []T) listed[T] {
	if rows == nil {
		rows = []T{}
	}
	return listed[T]{Items: rows}
}
