package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"awase/enclave/wire"
	"awase/entrustment"
)

// get asks for JSON of one type.
func get[T any](ctx context.Context, r *Room, path string) (T, error) {
	var out T
	err := r.Get(ctx, path, &out)
	return out, err
}

// mostRows is more than any room has parties or entrustments.
const mostRows = 100_000

// pages asks for every page of a list.
func pages[T any](ctx context.Context, r *Room, path string) ([]T, error) {
	return pagesOf[T](ctx, r, path, url.Values{})
}

// pagesOf is pages of a list that is narrowed by a query, which is spent.
func pagesOf[T any](ctx context.Context, r *Room, path string, query url.Values) ([]T, error) {
	var all []T
	query.Set("limit", "200")
	for {
		at := path + "?" + query.Encode()
		page, err := get[struct {
			Items []T    `json:"items"`
			Next  string `json:"next"`
		}](ctx, r, at)
		if err != nil {
			return nil, err
		}
		if all = append(all, page.Items...); page.Next == "" || len(page.Items) == 0 {
			return all, nil
		}
		if len(all) > mostRows {
			return nil, noRoom("its list has no end")
		}
		query.Set("cursor", page.Next)
	}
}

// List asks for the first rows of a list, at most most, as JSON has them.
func (r *Room) List(ctx context.Context, path string, query url.Values, most int) ([]any, error) {
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	all := []any{}
	for {
		q.Set("limit", strconv.Itoa(min(most-len(all), 200)))
		page, err := get[struct {
			Items []any  `json:"items"`
			Next  string `json:"next"`
		}](ctx, r, path+"?"+q.Encode())
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items[:min(len(page.Items), most-len(all))]...)
		if page.Next == "" || len(page.Items) == 0 || len(all) == most {
			return all, nil
		}
		q.Set("cursor", page.Next)
	}
}

// Cube buys a planning cube, waits for its job and gives the release.
func (r *Room) Cube(ctx context.Context, q *entrustment.Question) (*wire.Release, error) {
	rel, err := r.reported(ctx, "/v1/cubes", map[string]any{"question": q})
	return rel, noEntrustment(err, q.Entrustment)
}

// Size answers a size from a planning cube, which is free.
func (r *Room) Size(ctx context.Context, cube string, where *entrustment.Condition) (*wire.Release, error) {
	in := map[string]any{}
	if where != nil {
		in["where"] = where
	}
	return post[*wire.Release](ctx, r, "/v1/cubes/"+url.PathEscape(cube)+"/sizes", in)
}

// Released gives a report that the party received: a release as it was signed.
func (r *Room) Released(ctx context.Context, id string) ([]byte, error) {
	return r.rawJSON(ctx, "/v1/reports/"+url.PathEscape(id))
}

// ReportFile gives a report as a file of a format, as xlsx or csv-sjis.
func (r *Room) ReportFile(ctx context.Context, id, format string) ([]byte, error) {
	return r.raw(ctx, "/v1/reports/"+url.PathEscape(id)+"/files/"+url.PathEscape(format))
}

// Receipt gives the receipt of a report, for awase verify.
func (r *Room) Receipt(ctx context.Context, id string) ([]byte, error) {
	return r.rawJSON(ctx, "/v1/reports/"+url.PathEscape(id)+"/receipt")
}

// put sends a document. The same document again is nothing new, so it is tried
// again as GET is.
func put[T any](ctx context.Context, r *Room, path, media string, doc []byte) (T, error) {
	var out T
	err := r.patiently(ctx, func() error {
		res, err := r.send(ctx, http.MethodPut, path, newBody(doc), int64(len(doc)), http.Header{"Content-Type": {media}})
		return readJSON(res, err, &out)
	})
	return out, err
}

// post sends JSON under a key of its own.
func post[T any](ctx context.Context, r *Room, path string, in any) (T, error) {
	var out T
	err := r.Post(ctx, path, NewKey(), in, &out)
	return out, err
}

// NewKey gives a new idempotency key.
func NewKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func putJSON[T any](ctx context.Context, r *Room, path string, doc any) (T, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		var none T
		return none, fmt.Errorf("writing a document: %w", err)
	}
	return put[T](ctx, r, path, "application/json", raw)
}

// raw asks for an answer as it is: what is signed keeps its bytes.
func (r *Room) raw(ctx context.Context, path string) (out []byte, err error) {
	err = r.patiently(ctx, func() error {
		res, err := r.send(ctx, http.MethodGet, path, nil, 0, nil)
		if err != nil {
			return err
		}
		out, err = readAnswer(res)
		return err
	})
	return out, err
}

// rawJSON is raw of JSON.
func (r *Room) rawJSON(ctx context.Context, path string) ([]byte, error) {
	out, err := r.raw(ctx, path)
	if err == nil && !json.Valid(out) {
		err = noRoom("its answer is not what a room answers")
	}
	return out, err
}

// items asks for a list that comes in one page.
func items[T any](ctx context.Context, r *Room, path string) ([]T, error) {
	page, err := get[struct {
		Items []T `json:"items"`
	}](ctx, r, path)
	return page.Items, err
}

// unknown gives the refusal of the enclave itself where the room does not say
// whether a thing is not there or is another party's.
func unknown(err error, field, detail, mend string) error {
	e, refused := errors.AsType[*Error](err)
	if !refused || e.Refusal.Code != entrustment.CodeNotFound || e.Refusal.Field != "request" && e.Refusal.Field != "server" {
		return err
	}
	out := *e
	out.Refusal = &entrustment.Error{Code: entrustment.CodeNotFound, Field: field, Detail: detail, Mend: mend}
	return &out
}

// noEntrustment is unknown of an entrustment.
func noEntrustment(err error, id string) error {
	none := entrustment.NoEntrustment(id)
	return unknown(err, none.Field, none.Detail, none.Mend)
}

func noReservation(err error) error {
	return unknown(err, "name", "there is no such reservation", "awase ledger lists them")
}

// inFile gives a refusal of a document that was sent as it is the name of its file.
func inFile(err error, file string) error {
	e, refused := errors.AsType[*Error](err)
	if !refused || file == "" {
		return err
	}
	rest, ok := strings.CutPrefix(e.Refusal.Field, "body")
	if !ok || rest != "" && rest[0] != ':' && rest[0] != ' ' {
		return err
	}
	out, named := *e, *e.Refusal
	named.Field = file + rest
	out.Refusal = &named
	return &out
}
