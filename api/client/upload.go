package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"awase/entrustment"
)

const tus = "1.0.0"

// firstChunk is short: what the room refuses by the first bytes it has read whole
// when it answers, so the answer arrives.
const firstChunk = 64 << 10

// CreateUpload makes an upload of size bytes, and gives its id. It is not tried
// again after it may have been made: an upload that nobody knows of takes room
// until it expires.
func (c *Client) CreateUpload(ctx context.Context, entrustmentID, name string, size int64) (string, error) {
	text := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	header := http.Header{"Tus-Resumable": {tus}, "Upload-Length": {strconv.FormatInt(size, 10)},
		"Upload-Metadata": {"entrustment " + text(entrustmentID) + ",name " + text(name)}}
	var id string
	b := c.backoff()
	for {
		res, err := c.send(ctx, http.MethodPost, "/v1/uploads", nil, 0, header)
		if err == nil {
			id = res.Header.Get("Location")
			id = id[strings.LastIndexByte(id, '/')+1:]
			return id, res.Body.Close()
		}
		e, answered := errors.AsType[*Error](err)
		if !answered || e.Status != http.StatusTooManyRequests && e.Status != http.StatusServiceUnavailable {
			return "", err
		}
		if err := b.wait(ctx, err); err != nil {
			return "", err
		}
	}
}

// Offset tells how many bytes of an upload have come.
func (c *Client) Offset(ctx context.Context, id string) (int64, error) {
	res, err := c.send(ctx, http.MethodHead, "/v1/uploads/"+id, nil, 0, http.Header{"Tus-Resumable": {tus}})
	if err != nil {
		return 0, err
	}
	return offsetOf(res)
}

func offsetOf(res *http.Response) (int64, error) {
	if err := res.Body.Close(); err != nil {
		return 0, fmt.Errorf("reading the room's answer: %w", err)
	}
	n, err := strconv.ParseInt(res.Header.Get("Upload-Offset"), 10, 64)
	if err != nil || n < 0 {
		return 0, &unreachable{&entrustment.Error{Code: entrustment.CodeInternal, Field: "server", Detail: "it does not say where the upload stands", Mend: "does a proxy take the header Upload-Offset away?"}}
	}
	return n, nil
}

// Upload sends what is missing of an upload, and goes on after each cut from where
// the room has it. The same bytes must be at the same places of r each time.
// progress is told how many bytes the room has, or has been sent.
func (c *Client) Upload(ctx context.Context, id string, r io.ReaderAt, size int64, progress func(int64)) error {
	b := c.backoff()
	best := int64(-1)
	known, at := false, int64(0)
	for {
		err := func() (err error) {
			if !known {
				at, err = c.Offset(ctx, id)
				known = err == nil
				return err
			}
			n := min(c.o.Chunk, size-at)
			if at == 0 {
				n = min(n, firstChunk)
			}
			next, err := c.patch(ctx, id, r, at, n, progress)
			if known = err == nil; known {
				at = next
			}
			return err
		}()
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		if known && at > best {
			best = at
			b.further()
			progress(at)
		}
		switch {
		case err == nil && known && at == size:
			return nil
		case err == nil && at > size:
			return &unreachable{&entrustment.Error{Code: entrustment.CodeSpec, Field: "upload", Detail: "the room has more bytes of it than the file", Mend: "send the file as a new upload"}}
		case err == nil:
			continue
		}
		if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusConflict {
			err = &Error{Status: http.StatusLocked, Refusal: e.Refusal} // it stands elsewhere: ask where
		}
		if err := b.wait(ctx, err); err != nil {
			return err
		}
	}
}

// patch sends n bytes from at, and gives where the next ones begin.
func (c *Client) patch(ctx context.Context, id string, r io.ReaderAt, at, n int64, progress func(int64)) (int64, error) {
	body := &counted{r: io.NewSectionReader(r, at, n), at: at, tell: progress}
	res, err := c.send(ctx, http.MethodPatch, "/v1/uploads/"+id, body, n,
		http.Header{"Tus-Resumable": {tus}, "Upload-Offset": {strconv.FormatInt(at, 10)}, "Content-Type": {"application/offset+octet-stream"}})
	if err != nil {
		return 0, err
	}
	return offsetOf(res)
}

// counted tells how far a body was read.
type counted struct {
	r    io.Reader
	at   int64
	tell func(int64)
}

// Read reads.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.at += int64(n)
	if n > 0 {
		c.tell(c.at)
	}
	return n, err
}

// DeleteUpload takes an upload back.
func (c *Client) DeleteUpload(ctx context.Context, id string) error {
	return c.patiently(ctx, func() error {
		res, err := c.send(ctx, http.MethodDelete, "/v1/uploads/"+id, nil, 0, http.Header{"Tus-Resumable": {tus}})
		return readJSON(res, err, nil)
	})
}
