package api

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"time"

	"awase/api/store"
	"awase/entrustment"
)

// UploadOptions bound what a party may have in the inbox.
type UploadOptions struct {
	Bytes   int64         // of a party's files together, as declared; 0: 100 GiB
	Files   int           // of a party; 0: 50
	Max     int64         // bytes of one file; 0: 32 GiB
	Expire  time.Duration // of a whole file that nobody loaded; 0: 7 days
	Silence time.Duration // a sender that sends nothing for so long is cut off, and may go on; 0: 2 minutes
}

func (o UploadOptions) orDefault() UploadOptions {
	if o.Bytes == 0 {
		o.Bytes = 100 << 30
	}
	if o.Files == 0 {
		o.Files = 50
	}
	if o.Expire == 0 {
		o.Expire = completeLife
	}
	if o.Max == 0 {
		o.Max = 32 << 30
	}
	if o.Silence == 0 {
		o.Silence = 2 * time.Minute
	}
	return o
}

// How long files stay in the inbox, and rows after them.
const (
	unfinishedLife = 24 * time.Hour      // after the last byte
	completeLife   = 7 * 24 * time.Hour  // that nobody loaded
	endedLife      = 30 * 24 * time.Hour // what became of it is told
)

// UploadStore is what the operations of this file keep.
type UploadStore interface {
	ReserveUpload(ctx context.Context, u store.Upload, q store.UploadQuota) error
	Upload(ctx context.Context, party, id string) (store.Upload, error)
	Uploads(ctx context.Context, party string, p store.Page) ([]store.Upload, error)
	HeldUploads(ctx context.Context, after string, limit int) ([]store.Upload, error)
	CompleteUpload(ctx context.Context, id string, at time.Time) error
	EndUpload(ctx context.Context, id string, from, to store.UploadState, at time.Time) error
	DropUpload(ctx context.Context, party, id string) error
	ForgetUploads(ctx context.Context, before time.Time) error
}

// uploadEndpoints are the operations of this file.
func (s *Server) uploadEndpoints() []endpoint {
	return []endpoint{
		{"listUploads", http.MethodGet, "/v1/uploads", s.listUploads},
		{"getUpload", http.MethodGet, "/v1/uploads/:upload", s.getUpload},
		{"discoverUploads", http.MethodOptions, "/v1/uploads", s.discoverUploads},
		{"createUpload", http.MethodPost, "/v1/uploads", s.createUpload},
		{"offsetUpload", http.MethodHead, "/v1/uploads/:upload", s.tusOf((*tusServer).HeadFile)},
		{"appendUpload", http.MethodPatch, "/v1/uploads/:upload", s.tusOf((*tusServer).PatchFile)},
		{"deleteUpload", http.MethodDelete, "/v1/uploads/:upload", s.tusOf((*tusServer).DelFile)},
	}
}

// uploadID is the form of an upload's id: nothing that is a path.
var uploadID = regexp.MustCompile(`^upl-[0-9b-z]{26}$`)

// uploadShown is an upload as its party sees it.
type uploadShown struct {
	ID          string            `json:"id"`
	Entrustment string            `json:"entrustment"`
	Name        string            `json:"name"`
	State       store.UploadState `json:"state"`
	Size        int64             `json:"size"`
	Offset      int64             `json:"offset"`
	Person      string            `json:"person"`
	Created     time.Time         `json:"created"`
	Completed   *time.Time        `json:"completed,omitempty"`
	Ended       *time.Time        `json:"ended,omitempty"`
}

func (s *Server) shownUpload(u store.Upload) (uploadShown, error) {
	out := uploadShown{u.ID, u.Entrustment, u.Name, u.State, u.Size, u.Size, u.Person, u.Created, moment(u.Completed), moment(u.Ended)}
	var err error
	if u.Completed.IsZero() {
		out.Offset, _, err = s.inbox.offset(u.ID)
	}
	return out, err
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *Server) listUploads(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.Store.Uploads(c.ctx(), c.who.Party, p)
	if err != nil {
		return nil, err
	}
	page := paged(rows, p, func(u store.Upload) string { return u.ID })
	out := listed[uploadShown]{Items: []uploadShown{}, Next: page.Next}
	for _, u := range page.Items {
		shown, err := s.shownUpload(u)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, shown)
	}
	return ok(out), nil
}

func (s *Server) getUpload(c *call) (*answer, error) {
	u, err := s.upload(c.ctx(), c.who.Party, c.param("upload"))
	if err != nil {
		return nil, err
	}
	shown, err := s.shownUpload(u)
	return ok(shown), err
}

// upload gives an upload of a party, as row and file agree on it.
func (s *Server) upload(ctx context.Context, party, id string) (store.Upload, error) {
	if !uploadID.MatchString(id) {
		return store.Upload{}, store.ErrNotFound
	}
	u, err := s.Store.Upload(ctx, party, id)
	if err != nil {
		return u, err
	}
	return s.settled(ctx, u)
}

// settled makes row and file of an upload agree, whatever ended in between: a
// file that has its last name is whole and on disk, a complete upload without a
// file is lost.
func (s *Server) settled(ctx context.Context, u store.Upload) (store.Upload, error) {
	if u.State != store.UploadOpen && u.State != store.UploadComplete {
		return u, nil
	}
	whole, err := s.inbox.whole(u.ID)
	if err != nil || whole == (u.State == store.UploadComplete) {
		return u, err
	}
	now := s.Now()
	if whole {
		u.State, u.Completed = store.UploadComplete, now
		return u, s.Store.CompleteUpload(ctx, u.ID, now)
	}
	if err := s.Store.EndUpload(ctx, u.ID, store.UploadComplete, store.UploadLost, now); err != nil {
		return u, err
	}
	u.State, u.Ended = store.UploadLost, now
	return u, s.tell(ctx, store.Event{ID: newID("evt"), Party: u.Party, Kind: "upload.lost", Subject: u.ID, At: now})
}

// wholeUpload gives an upload of a party that can be loaded: every byte of it is
// in the inbox. Whether it is what it was sealed as, the enclave tells.
func (s *Server) wholeUpload(ctx context.Context, party, id string) (store.Upload, error) {
	u, err := s.upload(ctx, party, id)
	if err != nil {
		return u, err
	}
	switch u.State {
	case store.UploadComplete:
		return u, nil
	case store.UploadOpen:
		return u, &entrustment.Error{Code: CodeConflict, Field: "upload", Detail: "not all of its bytes are there", Mend: "send the rest (HEAD /v1/uploads/… says from where), then load it"}
	}
	return u, goneUpload(u)
}

// goneUpload says why there is nothing any more to load, or to go on with.
func goneUpload(u store.Upload) error {
	e := &entrustment.Error{Code: entrustment.CodeGone, Field: "upload", Mend: "seal the file again, and send it as a new upload"}
	switch u.State {
	case store.UploadLoaded:
		e.Detail = "it was loaded, and its file removed"
	case store.UploadExpired:
		e.Detail = "it waited for too long, and its file was removed"
	default:
		e.Detail = "its file is not in the inbox any more"
	}
	return e
}

// loadedUpload removes the file of an upload that the enclave has taken. It may be
// told so twice; of a file that a crash left in between, the sweep is told by its
// row.
func (s *Server) loadedUpload(ctx context.Context, id string) error {
	err := s.Store.EndUpload(ctx, id, store.UploadComplete, store.UploadLoaded, s.Now())
	if errors.Is(err, store.ErrConflict) {
		return nil // it ended before
	}
	if err != nil {
		return err
	}
	return s.inbox.remove(id)
}
