package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/courier"
	"awase/crypto/delivery"
	"awase/enclave/wire"
	"awase/entrustment"
)

// reportEvery is when the room is told: at full spans from the beginning of a run. How
// long an audience took to send tells how large it is.
const reportEvery = 5 * time.Minute

func courierRun() *cobra.Command {
	var d deliveryFlags
	var dir, out, targets string
	var every, tick time.Duration
	var again, keep bool
	cmd := &cobra.Command{
		Use:   "run --server URL --dir DIR --key delivery.key --room-key KEY --out DIR [--targets courier.yaml] [--every 10m]",
		Short: "Fetch, open and hand over all deliveries of one's party, and tell the room how each ended",
		Long: "Fetches what is new, sends deliveries for google, meta and x to the audiences that courier.yaml names, and writes the files of all others into OUT/ENTRUSTMENT, each campaign in the order of its deliveries. " +
			"The room is told delivered, or failed and a reason code, at full five minutes (--report-every): counts, numbers of batches and how long they took stay here, in its own log on standard error. " +
			"Killed at any moment, run again it goes on where it was. The token needs the scopes deliveries:read and deliveries:write, of somebody with the role adops.",
		Args: exactArgs(),
	}
	d.add(cmd)
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "the `directory` of deliveries; made where there is none")
	f.StringVar(&out, "out", "", "the `directory` for the files of destinations without an API")
	f.StringVar(&targets, "targets", "", "courier.yaml: whose audience each campaign is at its platform (`file`)")
	f.DurationVar(&every, "every", 0, "look again each `span`, until interrupted; 0: once")
	f.DurationVar(&tick, "report-every", reportEvery, "tell the room at full `span`s of the run")
	f.BoolVar(&again, "again", false, "hand over again what failed for good")
	f.BoolVar(&keep, "keep", false, "keep the sealed files of what was delivered")
	return networkCommand(cmd, func(cmd *cobra.Command, _ []string, r *client.Room) error {
		if out == "" || d.key == "" || d.room == "" {
			return usageError{errors.New("name the delivery key with --key, the room's key with --room-key and the directory for files with --out")}
		}
		if every < 0 || tick < 0 {
			return usageError{errors.New("--every and --report-every are not below 0")}
		}
		if _, err := readSealingKey(d.key, deliveryKeyHead, "awase courier key"); err != nil {
			return err
		}
		to, err := readTargets(targets)
		if err != nil {
			return err
		}
		at, unlock, err := openDeliveryDir(dir)
		if err != nil {
			return err
		}
		defer unlock()
		run := &courierPass{room: r, dir: at, out: out, open: &d, targets: to, again: again, keep: keep, tick: tick, log: courierLog(cmd)}
		for {
			done, err := run.pass(cmd.Context())
			if serr := answer(cmd, map[string]any{"deliveries": done}, func(w io.Writer) error { return sayHandled(w, done) }); every == 0 || serr != nil || cmd.Context().Err() != nil {
				return errors.Join(serr, err)
			}
			if err != nil {
				run.log.Error("it is looked again", "after", every, "error", err)
			}
			select {
			case <-cmd.Context().Done():
				return nil
			case <-time.After(every):
			}
		}
	})
}

// courierPass hands over what there is.
type courierPass struct {
	room        *client.Room
	dir         *deliveryDir
	out         string
	open        *deliveryFlags
	targets     map[[2]string]*courierTarget
	again, keep bool
	tick        time.Duration
	log         *slog.Logger
	clock       reportClock // zero: the machine's
}

// reportClock is what tests take the place of.
type reportClock struct {
	now   func() time.Time
	after func(time.Duration) <-chan time.Time
}

// handled is how a delivery ended.
type handled struct {
	Entrustment string       `json:"entrustment"`
	Campaign    string       `json:"campaign"`
	Number      int          `json:"number"`
	Form        string       `json:"form"`
	Act         string       `json:"act"`
	Status      string       `json:"status,omitempty"` // that the room is told; "": nothing
	Code        courier.Code `json:"code,omitempty"`
	Told        bool         `json:"told"`
	Files       []string     `json:"files,omitempty"`
	Detail      string       `json:"detail,omitempty"`

	of *wire.Delivery
}

// lasts tells whether a delivery that failed so fails so again: the next of its campaign
// goes on. Others wait, for what is handed over later must not be undone by it.
func lasts(c courier.Code) bool {
	return slices.Contains([]courier.Code{courier.NotOpened, courier.NotSigned, courier.Expired, courier.NothingAccepted, courier.RejectedBody}, c)
}

// pass hands over all that is to be, once, and tells the room.
func (p *courierPass) pass(ctx context.Context) ([]*handled, error) {
	all, err := listed(ctx, p.room)
	if err != nil {
		return []*handled{}, err
	}
	words := p.reporter(ctx)
	done := []*handled{}
	waits := map[[2]string]bool{} // campaigns of which one is to be tried again first
	var failed []error
	for i := range all {
		d := &all[i]
		key := [2]string{d.Entrustment, d.Campaign}
		if d.Status == wire.DeliveryDone || waits[key] || d.Status == wire.DeliveryFailed && lasts(courier.Code(d.Reason)) && !p.again {
			continue
		}
		h := &handled{Entrustment: d.Entrustment, Campaign: d.Campaign, Number: d.Number, Form: d.Form, Act: d.Act, of: d}
		done = append(done, h)
		told, err := p.hand(ctx, h)
		refused, _ := errors.AsType[*client.Error](err)
		if !told && refused != nil && (refused.Status == http.StatusNotFound || refused.Status == http.StatusGone) {
			h.Detail = err.Error() // since it was listed: a newer one takes its place
			continue
		}
		if err != nil {
			h.Detail = err.Error()
			failed = append(failed, fmt.Errorf("%s/%s %d: %w", d.Entrustment, d.Campaign, d.Number, err))
		}
		if !told {
			waits[key] = true
			if refused != nil || errors.Is(err, errStopped) || ctx.Err() != nil {
				break // of the others the room says the same
			}
			continue
		}
		r := courier.Report{Status: wire.DeliveryDone}
		if err != nil {
			r = courier.Report{Status: wire.DeliveryFailed, Code: courier.CodeOf(err)}
			if handing, ok := errors.AsType[*handError](err); ok {
				r.Code = handing.code
			}
			waits[key] = !lasts(r.Code)
		}
		h.Status, h.Code = r.Status, r.Code
		words.add(h)
	}
	if err := words.end(); err != nil {
		failed = append(failed, err)
	}
	if ctx.Err() == nil {
		failed = append(failed, p.dir.sweep(all))
	}
	return done, errors.Join(failed...)
}

// handError is a failure of ours whose code no package of the courier gives.
type handError struct {
	code courier.Code
	err  error
}

func (e *handError) Error() string { return e.err.Error() }
func (e *handError) Unwrap() error { return e.err }

// hand fetches a delivery and hands it over. told is whether the room is to be told how
// that ended: not of what it knows itself, or where this machine is not set up for it.
func (p *courierPass) hand(ctx context.Context, h *handled) (told bool, err error) {
	to, err := delivery.ParseDestination(h.Form)
	if err != nil {
		return false, fmt.Errorf("this version does not know its form: %w", err)
	}
	t := p.targets[[2]string{h.Entrustment, h.Campaign}]
	if courier.Sends(to) {
		if t == nil {
			return false, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "targets", Detail: "courier.yaml names no audience for the campaign", Mend: "add it under targets: (docs/deliveries.md)"}
		}
		o := t.options()
		if wrong := courier.Check(to, &o.Target); wrong != nil {
			return false, usageError{wrong}
		}
	}
	if h.of.SHA256 == "" {
		return false, errStopped
	}
	if _, err := p.dir.fetch(ctx, p.room, h.of); err != nil {
		if refusal, ok := errors.AsType[*entrustment.Error](err); ok && refusal.Code == entrustment.CodeFile {
			return true, &handError{courier.NotOpened, err}
		}
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			return true, &handError{courier.NotWritten, err}
		}
		return false, err
	}
	path := p.dir.path(h.of)
	err = p.open.open(path, func(head *delivery.Header, f *delivery.File, err error) error {
		if err != nil {
			return err
		}
		if head.Destination != to {
			return &handError{courier.NotOpened, errors.New("it is for another destination than the room says")}
		}
		if err := p.newest(head); err != nil {
			return err
		}
		if courier.Sends(to) {
			o := t.options()
			o.State, o.Log = p.dir.state(h.of), p.log
			_, err := courier.Send(ctx, f, o)
			return err
		}
		dir := filepath.Join(p.out, h.Entrustment)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return &handError{courier.NotWritten, fileError(dir, err)}
		}
		w, err := courier.Write(ctx, f, dir)
		for _, name := range w.Files {
			h.Files = append(h.Files, filepath.Join(dir, name))
		}
		p.log.Info("written", "delivery", hex.EncodeToString(head.Delivery[:]), "people", w.Counts.People, "left_out", w.Counts.LeftOut)
		return err
	})
	if refusal, ok := errors.AsType[*entrustment.Error](err); ok && refusal.Field == "--room-key" {
		err = &handError{courier.NotSigned, err}
	}
	return true, err
}

// newestMark is what stands in the file of the newest delivery of a campaign that was
// begun to be handed over.
type newestMark struct {
	Delivery string `json:"delivery"`
	Created  int64  `json:"created"`
}

// newest refuses a delivery that is older than one of its campaign that was handed over:
// it would bring back people whom a later one took off. It is on the disk before anything
// of a delivery is handed over.
func (p *courierPass) newest(h *delivery.Header) error {
	path := filepath.Join(p.dir.dir, h.Entrustment, "."+h.Campaign+".newest")
	mark := newestMark{hex.EncodeToString(h.Delivery[:]), h.Created}
	var was newestMark
	switch raw, err := os.ReadFile(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return &handError{courier.NotWritten, fileError(path, err)}
	case json.Unmarshal(raw, &was) != nil:
		return &handError{courier.NotWritten, badFile(path, "it is not one that awase courier run wrote", "remove it once you know which delivery was the last")}
	case was.Delivery != mark.Delivery && was.Created > mark.Created:
		return &handError{courier.Expired, errors.New("a newer delivery of the campaign was handed over already")}
	case was == mark:
		return nil
	}
	raw, err := json.Marshal(mark)
	if err == nil {
		err = replaceFile(path, append(raw, '\n'))
	}
	if err != nil {
		return &handError{courier.NotWritten, err}
	}
	return nil
}

// replaceFile writes a file whole, or leaves the one before.
func replaceFile(path string, raw []byte) error {
	f, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fileError(path, err)
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".part", path)
	}
	if err != nil {
		return fileError(path, err)
	}
	return syncDir(filepath.Dir(path))
}

// reporter tells the room how deliveries ended, at full spans of the run.
type reporter struct {
	p     *courierPass
	ctx   context.Context
	mu    sync.Mutex
	words []*handled
	stop  chan struct{}
	ended chan error
	clock reportClock
}

func (p *courierPass) reporter(ctx context.Context) *reporter {
	r := &reporter{p: p, ctx: ctx, stop: make(chan struct{}), ended: make(chan error, 1), clock: p.clock}
	if r.clock.now == nil {
		r.clock = reportClock{time.Now, time.After}
	}
	go r.run(r.clock.now())
	return r
}

func (r *reporter) add(h *handled) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.words = append(r.words, h)
}

// end waits for the span in which the last delivery ended to be over, and for the room.
func (r *reporter) end() error {
	close(r.stop)
	return <-r.ended
}

func (r *reporter) run(began time.Time) {
	var failed []error
	for last := false; !last; {
		var next <-chan time.Time
		if r.p.tick > 0 {
			next = r.clock.after(r.p.tick - r.clock.now().Sub(began)%r.p.tick)
		}
		select {
		case <-next:
		case <-r.stop:
			last = true
			if r.waiting() && next != nil {
				r.p.log.Info("the room is told at the full span", "report_every", r.p.tick)
				select {
				case <-next:
				case <-r.ctx.Done(): // who interrupts says when
				}
			}
		}
		failed = append(failed, r.flush())
	}
	r.ended <- errors.Join(failed...)
}

func (r *reporter) waiting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.words) > 0
}

// lastWords is how long the room is told what an interrupted run ended with.
const lastWords = 10 * time.Second

// flush tells the room what is to be told. A word that it does not take is told by the
// next run, which finds the delivery handed over.
func (r *reporter) flush() error {
	r.mu.Lock()
	words := r.words
	r.words = nil
	r.mu.Unlock()
	ctx := r.ctx
	if ctx.Err() != nil {
		late, stop := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer stop()
		ctx = late
	}
	var failed []error
	for _, h := range words {
		_, err := r.p.room.ReportDelivery(ctx, wire.DeliveryReport{
			DeliveryRef: wire.DeliveryRef{Entrustment: h.Entrustment, Campaign: h.Campaign, Number: h.Number}, Status: h.Status, Reason: string(h.Code)})
		if err != nil {
			failed = append(failed, fmt.Errorf("telling the room of %s/%s %d: %w", h.Entrustment, h.Campaign, h.Number, err))
			continue
		}
		h.Told = true
		if h.Status == wire.DeliveryDone && !r.p.keep {
			failed = append(failed, r.p.dir.drop(h.of))
		}
	}
	return errors.Join(failed...)
}

// drop removes a delivery that was handed over.
func (d *deliveryDir) drop(of *wire.Delivery) error {
	for _, path := range []string{d.path(of), d.state(of)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fileError(path, err)
		}
	}
	return nil
}

func sayHandled(w io.Writer, done []*handled) error {
	if len(done) == 0 {
		_, err := fmt.Fprintln(w, "there is nothing to hand over")
		return err
	}
	var b strings.Builder
	for _, h := range done {
		fmt.Fprintf(&b, "%s/%s %d, %s for %s: %s", plain(h.Entrustment), plain(h.Campaign), h.Number, plain(h.Act), plain(h.Form), strings.TrimSpace(h.Status+" "+string(h.Code)))
		if h.Status == "" {
			b.WriteString("not handed over: " + plain(h.Detail))
		} else if !h.Told {
			b.WriteString(", which the room is not told yet")
		}
		b.WriteString("\n")
		for _, f := range h.Files {
			b.WriteString("  " + f + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
