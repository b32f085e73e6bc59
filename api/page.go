package api

import (
	"encoding/base64"
	"strconv"

	"awase/api/store"
	"awase/entrustment"
)

const (
	defaultLimit = 50
	maxLimit     = 200
)

var errCursor = &entrustment.Error{Code: entrustment.CodeSpec, Field: "cursor", Detail: "it is not one that an answer gave", Mend: "take next of the page before, or leave it out for the first page"}

// cursorOf writes the cursor of the page after a row.
func cursorOf(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

// page reads ?limit= and ?cursor= of a list.
func (c *call) page() (store.Page, error) {
	p := store.Page{Limit: defaultLimit}
	q := c.URL.Query()
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return p, &entrustment.Error{Code: entrustment.CodeSpec, Field: "limit", Detail: "it is not a number from 1 to 200", Mend: "leave it out for 50"}
		}
		p.Limit = n
	}
	if text := q.Get("cursor"); text != "" {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(raw) > 192 {
			return p, errCursor
		}
		p.After = string(raw)
	}
	return p, nil
}

// listed is a page of rows.
type listed[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // the cursor of the next page
}

// paged makes a page of rows that were asked with one more than the limit, which
// tells whether there are more.
func paged[T any](rows []T, p store.Page, id func(T) string) listed[T] {
	out := listed[T]{Items: rows}
	if len(rows) > p.Limit {
		out.Items = rows[:p.Limit]
		out.Next = cursorOf(id(out.Items[p.Limit-1]))
	}
	if out.Items == nil {
		out.Items = []T{}
	}
	return out
}

// pageOf gives a page of rows that are all there, in the order of their ids.
func pageOf[T any](rows []T, p store.Page, id func(T) string) *answer {
	at := 0
	for p.After != "" && at < len(rows) && id(rows[at]) <= p.After {
		at++
	}
	return ok(paged(rows[at:min(at+p.Limit+1, len(rows))], p, id))
}
