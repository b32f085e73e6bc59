package api

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// deliveryEndpoints are the operations of who receives deliveries (docs/deliveries.md).
// A delivery is a file of the outbox, sealed to its receiver: the service reads it as
// bytes, and gives it to no other party, the operator of the room neither.
func (s *Server) deliveryEndpoints() []endpoint {
	return []endpoint{
		{"receivedDeliveries", http.MethodGet, "/v1/deliveries", s.receivedDeliveries},
		{"receivedDelivery", http.MethodGet, "/v1/deliveries/:entrustment/:campaign/:number", s.receivedDelivery},
		{"deliveryFile", http.MethodGet, "/v1/deliveries/:entrustment/:campaign/:number/file", s.deliveryFile},
		{"reportDelivery", http.MethodPost, "/v1/deliveries/:entrustment/:campaign/:number/report", s.reportDelivery},
	}
}

// bySeq sorts deliveries as the room made them.
func bySeq(d wire.Delivery) string { return fmt.Sprintf("%019d", d.Seq) }

// unnamed takes out of a delivery its file's name in the outbox, which is of no use
// elsewhere.
func unnamed(d wire.Delivery) wire.Delivery {
	d.File = ""
	return d
}

// withoutFile takes out of a delivery all of its file: that is for its receiver.
func withoutFile(d wire.Delivery) wire.Delivery {
	d.File, d.Bytes, d.SHA256 = "", 0, ""
	return d
}

// receivedDeliveries lists what is made out to the asker's party and can be fetched.
func (s *Server) receivedDeliveries(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	all, err := s.Enclave.Deliveries(c.ctx(), wire.DeliveriesRequest{Receiver: s.receiver(c)})
	if err != nil {
		return nil, err
	}
	of := c.URL.Query().Get("entrustment")
	out := []wire.Delivery{}
	for _, d := range all {
		if of == "" || d.Entrustment == of {
			out = append(out, unnamed(d))
		}
	}
	return pageOf(out, p, bySeq), nil
}

// receiver gives whose deliveries are asked for.
func (s *Server) receiver(c *call) string {
	if s.holds(controlReceiver) {
		return c.who.Party
	}
	return ""
}

// received gives the delivery of the address, as the room gives it out now to the
// asker's party. What is another's is not found, in the words of one that never was.
func (s *Server) received(c *call) (*wire.Delivery, wire.DeliveryRef, error) {
	ref, err := s.deliveryRef(c)
	if err != nil {
		return nil, ref, err
	}
	d, err := s.Enclave.Delivery(c.ctx(), ref)
	if _, away := errors.AsType[*wire.Away](err); !away && err != nil && entrustment.Public(err).Code == entrustment.CodeNotFound {
		err = errNotFound
	}
	return d, ref, err
}

// deliveryRef reads the name of a delivery, whose number is written in one way.
func (s *Server) deliveryRef(c *call) (wire.DeliveryRef, error) {
	n, err := strconv.Atoi(c.param("number"))
	ref := wire.DeliveryRef{Entrustment: c.param("entrustment"), Campaign: c.param("campaign"), Number: n, Receiver: s.receiver(c)}
	if err != nil || n < 1 || strconv.Itoa(n) != c.param("number") || entrustment.CheckID("entrustment", ref.Entrustment) != nil || entrustment.CheckID("campaign", ref.Campaign) != nil {
		return ref, errNotFound
	}
	return ref, nil
}

func (s *Server) receivedDelivery(c *call) (*answer, error) {
	d, _, err := s.received(c)
	if err != nil {
		return nil, err
	}
	return ok(unnamed(*d)), nil
}

// outboxName is what the enclave calls a file of its outbox.
var outboxName = regexp.MustCompile(`^[0-9a-f]{32}\.delivery$`)

// deliveryFile gives the sealed file, or a part of it (Range), to its receiver. The room
// decides at each reading, and again each second while the file goes out: what was
// stopped meanwhile breaks off.
func (s *Server) deliveryFile(c *call) (*answer, error) {
	d, ref, err := s.received(c)
	if err != nil {
		return nil, err
	}
	f, err := s.openOutbox(d)
	if errors.Is(err, fs.ErrNotExist) {
		// Swept since the room was asked.
		if _, _, refused := s.received(c); refused != nil {
			err = refused
		}
	}
	if err != nil {
		return nil, err
	}
	h := http.Header{"Content-Type": {"application/octet-stream"}, "Etag": {`"` + d.SHA256 + `"`},
		"Content-Disposition": {fmt.Sprintf(`attachment; filename="%s-%d.delivery"`, ref.Campaign, ref.Number)}} // an id has no sign that ends it
	return &answer{status: http.StatusOK, header: h, serve: func(w http.ResponseWriter, r *http.Request) {
		defer f.Close()
		control := http.NewResponseController(w)
		asked := time.Now()
		http.ServeContent(w, r, "", time.Time{}, &guarded{f, func() error {
			_ = control.SetWriteDeadline(time.Now().Add(answerWait)) // for who takes nothing any more
			if time.Since(asked) < s.Watch || !s.holds(controlFile) {
				return nil
			}
			asked = time.Now()
			again, _, err := s.received(c)
			if err == nil && again.File != d.File {
				err = errNotFound
			}
			return err
		}})
	}}, nil
}

// openOutbox opens a file of the outbox that is as the enclave wrote it.
func (s *Server) openOutbox(d *wire.Delivery) (*os.File, error) {
	if s.Outbox == "" || !outboxName.MatchString(d.File) {
		return nil, errors.New("a delivery's file has no name, or there is no outbox")
	}
	root, err := os.OpenRoot(s.Outbox)
	if err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", pathless(err))
	}
	defer root.Close()
	f, err := root.Open(d.File)
	if err != nil {
		return nil, fmt.Errorf("opening a delivery: %w", pathless(err))
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() != d.Bytes {
		return nil, errors.Join(errors.New("opening a delivery: its file is not as it was written"), f.Close())
	}
	return f, nil
}

// pathless gives what went wrong with a file without its name, which is no word for a log.
func pathless(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// guarded asks before each reading whether it may.
type guarded struct {
	io.ReadSeeker
	may func() error
}

// Read reads on.
func (w *guarded) Read(p []byte) (int, error) {
	if err := w.may(); err != nil {
		return 0, err
	}
	return w.ReadSeeker.Read(p)
}

// reportDelivery takes the receiver's word on a delivery: delivered, or failed and a
// reason of a closed list. There is no room in it for a count.
func (s *Server) reportDelivery(c *call) (*answer, error) {
	var body struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	ref, err := s.deliveryRef(c)
	if err != nil {
		return nil, err
	}
	ack, err := s.Enclave.ReportDelivery(c.ctx(), wire.DeliveryReport{DeliveryRef: ref, Status: body.Status, Reason: body.Reason})
	if _, away := errors.AsType[*wire.Away](err); !away && err != nil && entrustment.Public(err).Code == entrustment.CodeNotFound {
		err = errNotFound
	}
	if err != nil {
		return nil, err
	}
	return acted(ack), nil
}
