package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

const baseEntrustment = seal.BaseEntrustment

func newBody(raw []byte) io.Reader { return bytes.NewReader(raw) }

// Job is a job of the room.
type Job struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	State    string `json:"state"`
	Progress *struct {
		Read int64 `json:"read"`
		Of   int64 `json:"of"`
	} `json:"progress"`
	Result json.RawMessage `json:"result"`
	Reason *struct {
		Code   entrustment.Code `json:"code"`
		Clause string           `json:"clause"`
		Field  string           `json:"field"`
		Detail string           `json:"detail"`
		Mend   string           `json:"mend"`

		Contract entrustment.ContractClause `json:"contract"`
	} `json:"reason"`
}

// Follow waits until a job ended, and reads its result into out. A job that failed
// gives its reason. Whoever breaks off leaves it running.
func (r *Room) Follow(ctx context.Context, id string, progress func(read, of int64), out any) error {
	var was Job
	since := time.Now()
	for pause := r.poll; ; pause = min(pause*3/2, 2*time.Second) {
		j, err := get[Job](ctx, r, "/v1/jobs/"+url.PathEscape(id))
		if err != nil {
			return err
		}
		if j.Progress != nil && progress != nil {
			progress(j.Progress.Read, j.Progress.Of)
		}
		switch j.State {
		case "done":
			if out == nil || len(j.Result) == 0 {
				return nil
			}
			if err := json.Unmarshal(j.Result, out); err != nil {
				return fmt.Errorf("reading what job %s did: %w", id, err)
			}
			return nil
		case "failed":
			e := &entrustment.Error{Code: entrustment.CodeInternal, Detail: "the job failed"}
			if j.Reason != nil {
				e = &entrustment.Error{Code: entrustment.Code(clean(string(j.Reason.Code))), Clause: clean(j.Reason.Clause), Field: clean(j.Reason.Field), Detail: clean(j.Reason.Detail), Mend: clean(j.Reason.Mend), Contract: cleanClause(j.Reason.Contract)}
			}
			return e
		case "canceled":
			return &entrustment.Error{Code: entrustment.CodeGone, Field: "job", Detail: "the job was cancelled", Mend: "start it again"}
		}
		if j.State != "waiting" && j.State != "running" {
			return noRoom("it says of a job what no room says")
		}
		if j.State != was.State || j.Progress != nil && (was.Progress == nil || *j.Progress != *was.Progress) {
			was, since = j, time.Now()
		}
		if time.Since(since) > r.o.JobWait {
			return &entrustment.Error{Code: entrustment.CodeInternal, Field: "job", Detail: "it got no further for " + r.o.JobWait.String(),
				Mend: "it may go on in the room: awase jobs " + clean(id) + " shows it, and awase jobs cancel ends it"}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// sendSealed spools a sealed file and sends it as an upload, and gives its id. The
// file is whole before the first byte is sent: a cut goes on from the same bytes.
func (r *Room) sendSealed(ctx context.Context, entrustmentID, name string, sealed io.Reader) (id string, err error) {
	dir, err := os.MkdirTemp(r.spool, "awase-upload-*") // mode 0700
	if err != nil {
		return "", fmt.Errorf("spooling a sealed file: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := os.OpenFile(filepath.Join(dir, "sealed"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("spooling a sealed file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := io.Copy(f, sealed)
	if err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if id, err = r.CreateUpload(ctx, entrustmentID, name, size); err != nil {
		return "", err
	}
	return id, r.Upload(ctx, id, f, size, func(done int64) { r.tell("sending", done, size) })
}

func (r *Room) tell(phase string, done, of int64) {
	if r.progress != nil {
		r.progress(phase, done, of)
	}
}

// load sends a sealed file, has it loaded, and waits for the job.
func load[T any](ctx context.Context, r *Room, path, entrustmentID, name string, sealed io.Reader, body map[string]any) (T, error) {
	var out T
	id, err := r.sendSealed(ctx, entrustmentID, name, sealed)
	if err != nil {
		return out, err
	}
	body["upload"] = id
	j, err := post[Job](ctx, r, path, body)
	if err != nil {
		return out, err
	}
	return out, r.Follow(ctx, j.ID, func(read, of int64) { r.tell("loading", read, of) }, &out)
}

// LoadList sends a sealed list and has it loaded.
func (r *Room) LoadList(ctx context.Context, req wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
	return load[wire.ListLoaded](ctx, r, "/v1/lists", req.Entrustment, req.Name, sealed, map[string]any{"entrustment": req.Entrustment, "name": req.Name})
}

// LoadBase sends a sealed base and has it loaded.
func (r *Room) LoadBase(ctx context.Context, schema *entrustment.BaseSchema, sealed io.Reader) (wire.BaseLoaded, error) {
	return load[wire.BaseLoaded](ctx, r, "/v1/bases", seal.BaseEntrustment, seal.BaseName, sealed, map[string]any{"schema": schema})
}

// LoadEvents sends a sealed event log and has it loaded.
func (r *Room) LoadEvents(ctx context.Context, req wire.EventsRequest, sealed io.Reader) (wire.EventsLoaded, error) {
	if req.Entrustment == "" {
		return load[wire.EventsLoaded](ctx, r, "/v1/events", seal.BaseEntrustment, seal.EventsName, sealed, map[string]any{"own": true})
	}
	return load[wire.EventsLoaded](ctx, r, "/v1/events", req.Entrustment, seal.EventsName, sealed, map[string]any{"entrustment": req.Entrustment})
}
