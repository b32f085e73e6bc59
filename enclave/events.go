package enclave

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// eventsRecord adds an event log to an entrustment, or to the operator's own.
type eventsRecord struct {
	Entrustment string           `json:"entrustment"`     // seal.BaseEntrustment: the operator's own
	Version     int              `json:"version"`         // of the logs of that entrustment together
	Under       int              `json:"under,omitempty"` // version of the entrustment
	Segment     vault.SegmentRef `json:"segment"`
	Digest      hexID            `json:"digest"` // keyed hash of the content: the same log is not added twice
	Types       []seal.EventType `json:"types"`
	Columns     []seal.Column    `json:"columns"`
	Unit        string           `json:"unit,omitempty"` // of the values; "": there are none
	Rows        int64            `json:"rows"`
	From        entrustment.Date `json:"from"` // JST days that occur; for its uploader's eyes alone
	To          entrustment.Date `json:"to"`
	// The days that it was declared to be of; nil: any.
	Of      *entrustment.Window `json:"of,omitempty"`
	Instead []hexID             `json:"instead,omitempty"` // contents of the logs whose place it takes
	Upload  uploadID            `json:"upload"`

	Party string `json:"party"` // whose log it is
	// Its party receives deliveries, and the lists are another's. Its logs follow one
	// another by themselves: nobody else's are told of by them, or replaced.
	Received bool `json:"received,omitempty"`

	// Of a log by the keys of a list: which, its version as it was read, and the rows
	// that were left out, as their keys were not on it.
	List        string `json:"list,omitempty"`
	ListVersion int    `json:"list_version,omitempty"`
	Unknown     int64  `json:"unknown,omitempty"` // for its uploader's eyes alone

	seq int64 // of its record
	at  time.Time

	since time.Time // when its whole content was last uploaded
}

// what names what the log becomes one of.
func (l *eventsRecord) what() string { return logStream(l.Entrustment, l.Party, l.Received) }

// logStream names the event logs of one party under an entrustment, which follow one
// another. No id has a space.
func logStream(id, party string, received bool) string {
	if !received {
		return kindEvents + " " + id
	}
	return kindEvents + " " + id + " " + party
}

// firstDay bounds the days of events: 2000-01-01, counted from 1970-01-01.
const firstDay = 10957

// maxEvents bounds one log: it is sorted in memory.
const maxEvents = 50_000_000

// LoadEvents adds a sealed event log.
func (e *Enclave) LoadEvents(ctx context.Context, req wire.EventsRequest, sealed io.Reader) (wire.EventsLoaded, error) {
	return loadOf(ctx, e, kindEvents, req.Entrustment, req.Party, func() (wire.EventsLoaded, error) {
		return e.loadEvents(ctx, cmp.Or(req.Entrustment, seal.BaseEntrustment), req.Party, sealed)
	})
}

// mayAdd decides about an event log by its header. The room's lock is held.
func (e *Enclave) mayAdd(id string, f *opened) error {
	if err := e.retention.before(); err != nil {
		return err
	}
	own := id == seal.BaseEntrustment
	var c *entrustRecord
	if !own {
		var err error
		if c, err = e.contract(id); err != nil {
			return err
		}
		if c.Version != f.terms.Version {
			return e.amended(c)
		}
	}
	return entrustment.DecideEvents(e.facts(c), eventsAct(f.terms.Party, own, f.header))
}

// sameEvents gives the log of id that has a content, nil where there is none.
func (e *Enclave) sameEvents(id string, content hexID) *eventsRecord {
	for _, l := range e.state.events[id] {
		if l.Digest == content {
			return l
		}
	}
	return nil
}

func (e *Enclave) loadEvents(ctx context.Context, id, party string, sealed io.Reader) (wire.EventsLoaded, error) {
	var none wire.EventsLoaded
	f, err := e.openBy(func() (wire.Terms, error) { return e.logTerms(id, party) }, seal.EventsName, sealed)
	if err != nil {
		return none, err
	}
	what := logStream(id, f.terms.Party, f.received())
	var keyed *listRecord
	same, err := locked(e, func() (*wire.EventsLoaded, error) {
		if err := e.mayAdd(id, f); err != nil {
			return nil, err
		}
		was, ok := e.state.uploads[f.upload]
		if !ok { // only loads take files, and they take turns
			if err := e.follows(what, f.header); err != nil || f.header.List == "" {
				return nil, err
			}
			var err error
			if keyed, err = e.keyedList(id, f.header.List); err == nil {
				e.copying[keyed.Keys.Segment.ID]++ // it may expire while its keys are read
			}
			return nil, err
		}
		if l := e.sameEvents(id, was.Content); l != nil && was.Became == what {
			return e.eventsAck(l, true)
		}
		return nil, errUpload
	})
	if err != nil || same != nil {
		return deref(same), err
	}
	log, err := e.readEvents(ctx, f, keyed)
	if err != nil {
		return none, err
	}
	if len(log.rows) == 0 && log.unknown > 0 {
		return none, noneOfList(keyed)
	}
	if len(log.rows) == 0 {
		return none, &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §4", Field: "events",
			Detail: "no row of the file can be used", Mend: "mend what the report names; nothing was added"}
	}
	digest := log.digest(e.lists, f)
	same, err = locked(e, func() (*wire.EventsLoaded, error) {
		if err := e.retention.before(); err != nil { // the same one may have expired while the file was read
			return nil, err
		}
		if err := e.stillKeyed(keyed); err != nil {
			return nil, err
		}
		gone, err := e.insteadOf(id, what, f.header)
		l := e.sameEvents(id, digest)
		if err != nil || l == nil || len(gone) > 1 { // others stand beside the same one
			return nil, err
		}
		if err := e.useUp(f, what, digest); err != nil {
			return nil, err
		}
		return e.eventsAck(l, true)
	})
	if err != nil || same != nil {
		return deref(same), err
	}
	key := dataKey(id) // made with the entrustment, and never again: it may have ended meanwhile
	if id == seal.BaseEntrustment {
		key = baseKey
		if err := e.vault.MakeDataKey(key); err != nil {
			return none, err
		}
	}
	ref, err := e.writeSegment(key, log.days)
	if err != nil {
		return none, err
	}
	if err := e.reached(ctx); err != nil {
		return none, err
	}
	defer e.outer.kick()
	return locked(e, func() (wire.EventsLoaded, error) {
		if err := e.mayAdd(id, f); err != nil { // the contract may have been amended
			return none, err
		}
		if err := e.stillKeyed(keyed); err != nil {
			return none, err
		}
		gone, err := e.insteadOf(id, what, f.header)
		if err != nil {
			return none, err
		}
		rec := &eventsRecord{Entrustment: id, Version: e.state.versions[what] + 1, Under: f.terms.Version, Segment: ref, Digest: digest, Types: f.header.Events, Columns: f.header.Columns, Unit: f.header.Unit,
			Rows: int64(len(log.rows)), From: entrustment.DateOfNumber(log.from), To: entrustment.DateOfNumber(log.to), Upload: f.upload, Party: f.terms.Party, Received: f.received()}
		if keyed != nil {
			rec.List, rec.ListVersion, rec.Unknown = keyed.Name, keyed.Version, log.unknown
		}
		if h := f.header; h.From != 0 {
			rec.Of = &entrustment.Window{From: entrustment.DateOfNumber(h.From), To: entrustment.DateOfNumber(h.To)}
		}
		for _, l := range gone {
			rec.Instead = append(rec.Instead, l.Digest)
		}
		ack, err := e.eventsAck(rec, false)
		if err != nil {
			return none, err
		}
		for _, l := range gone {
			if l.Digest != digest && !e.state.keepsLog(l.Digest) {
				e.retire(l.Digest)
			}
		}
		return *ack, e.vault.Sweep(e.segments())
	})
}

// insteadOf gives the logs of id, of those named what, whose place a log takes. One
// that is of some of its days and of others too is refused: which of its events go
// can't be told.
func (e *Enclave) insteadOf(id, what string, h seal.Header) (gone []*eventsRecord, err error) {
	if h.Change != seal.Instead {
		return nil, nil
	}
	of := entrustment.Window{From: entrustment.DateOfNumber(h.From), To: entrustment.DateOfNumber(h.To)}
	for _, l := range e.state.events[id] {
		switch {
		case l.what() != what: // another party's
			continue
		case h.From == 0:
		case l.Of == nil:
			return nil, &entrustment.Error{Code: entrustment.CodeFile, Clause: "docs/events.md", Field: "period",
				Detail: fmt.Sprintf("version %d, %s from %s to %s, was not declared to be of certain days, so what of it to give up can't be told", l.Version, entrustment.Count(l.Rows, "row", "rows"), l.From, l.To),
				Mend:   "load one log of all days with --replace and without days, and after it each with its days; it takes the place of every log before it"}
		case l.Of.To.Start().Before(of.From.Start()) || l.Of.From.Start().After(of.To.Start()):
			continue
		case l.Of.From.Start().Before(of.From.Start()) || l.Of.To.Start().After(of.To.Start()):
			return nil, &entrustment.Error{Code: entrustment.CodeFile, Clause: "docs/events.md", Field: "period",
				Detail: fmt.Sprintf("version %d is of the days from %s to %s, of which these are a part", l.Version, l.Of.From, l.Of.To), Mend: "load a log of all of them"}
		}
		gone = append(gone, l)
	}
	return gone, nil
}

// eventsAck tells the uploader of its log; same: it stood already.
func (e *Enclave) eventsAck(rec *eventsRecord, same bool) (*wire.EventsLoaded, error) {
	ack, err := e.ack(kindEvents, strings.TrimPrefix(rec.what(), kindEvents+" "), same, rec)
	ack.ID, ack.Version = rec.Entrustment, rec.Version
	out := &wire.EventsLoaded{Ack: ack, Rows: rec.Rows, From: rec.From, To: rec.To, Party: rec.Party, List: rec.List, ListVersion: rec.ListVersion, Unknown: rec.Unknown}
	if !same {
		out.Replaced = len(rec.Instead)
	}
	for _, l := range e.state.events[rec.Entrustment] {
		if l.Digest != rec.Digest && l.what() == rec.what() {
			out.Before += l.Rows
			out.Overlaps = out.Overlaps || !l.To.Start().Before(rec.From.Start()) && !l.From.Start().After(rec.To.Start())
		}
	}
	return out, err
}

// eventsAct says what a sealed log holds, from its header alone.
func eventsAct(party string, own bool, h seal.Header) entrustment.EventsLoad {
	act := entrustment.EventsLoad{Party: party, Own: own, UserKey: len(h.Identifiers) == 0 && h.List == "", Kinds: loadAct(h).Kinds, List: h.List}
	for _, t := range h.Events {
		act.Types = append(act.Types, entrustment.EventType{Kind: entrustment.EventKind(t.Kind), Category: t.Category})
	}
	for _, c := range h.Columns {
		act.Columns = append(act.Columns, entrustment.EventDimension(c))
	}
	return act
}

// eventLog is a log whose rows are encoded, to be sorted: the order of the file
// would tell the order within a day.
type eventLog struct {
	rows     [][]byte
	from, to int32
	unknown  int64 // rows left out, as their keys are not on the list
}

var errEvent = misfit("an event does not fit its header")

// readEvents tokenises a log. A row is
//
//	day u32 ‖ type u8 ‖ tokens u8 ‖ (kind u8 ‖ token[12])… ‖ codes… ‖ value i64
//
// big-endian; a user named by key has one token of kind 255. Where keys are those of
// a list, keyed, they become what it holds of them.
func (e *Enclave) readEvents(ctx context.Context, f *opened, keyed *listRecord) (*eventLog, error) {
	if keyed != nil {
		defer e.keysRead(keyed)
	}
	tomorrow := entrustment.DateOf(e.vault.Log().Now()).Number() + 1
	// How users are named is decided from the header, so each row keeps to it.
	byKey := len(f.header.Identifiers) == 0
	unit := f.header.Unit
	if unit != "" && !slices.Contains(entrustment.EventUnit("").Allowed(), unit) {
		return nil, errEvent
	}
	log := &eventLog{}
	var arena rowArena
	err := e.tokenise(ctx, f.header, f.rows, func(t *tokened) error {
		r, ev := t.row, t.row.Event
		if ev == nil || int(ev.Type) >= len(f.header.Events) || ev.Day < firstDay || ev.Day > tomorrow || f.header.From != 0 && (ev.Day < f.header.From || ev.Day > f.header.To) ||
			(len(ev.Key) > 0) != byKey || (len(r.Identifiers) > 0) == byKey || ev.Value == math.MinInt64 || unit == "" && ev.Value != 0 || unit == string(entrustment.UnitCount) && ev.Value < 0 || !codesFit(r.Codes, f.header.Columns) {
			return errEvent
		}
		if len(log.rows) == maxEvents {
			return &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY §4.2", Field: "events",
				Detail: fmt.Sprintf("the log has more than %d rows", maxEvents), Mend: "load it in parts, by day"}
		}
		row := binary.BigEndian.AppendUint32(arena.begin(), uint32(ev.Day))
		row = append(row, ev.Type, byte(max(1, len(t.tokens))))
		if len(ev.Key) > 0 {
			row = append(append(row, 255), t.user[:]...)
		}
		for _, k := range t.tokens {
			row = append(append(row, byte(k.Kind)), k.Token[:]...)
		}
		row = append(row, r.Codes...)
		log.rows = append(log.rows, arena.end(binary.BigEndian.AppendUint64(row, uint64(ev.Value))))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if keyed != nil {
		if err := e.byKeys(ctx, log, keyed); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(log.rows, bytes.Compare)
	if n := len(log.rows); n > 0 {
		log.from, log.to = dayOf(log.rows[0]), dayOf(log.rows[n-1])
	}
	return log, nil
}

func dayOf(row []byte) int32 { return int32(binary.BigEndian.Uint32(row)) }

func codesFit(codes []uint8, columns []seal.Column) bool {
	if len(codes) != len(columns) {
		return false
	}
	for i, c := range codes {
		if int(c) >= len(columns[i].Domain) {
			return false
		}
	}
	return true
}

// days gives a column for each day, named by its number, in their order: the
// day's sorted rows, each after its length (u16).
func (l *eventLog) days(yield func(string, []byte) bool) {
	for begin, end := 0, 0; begin < len(l.rows); begin = end {
		day := l.rows[begin][:4]
		var out []byte
		for ; end < len(l.rows) && bytes.Equal(l.rows[end][:4], day); end++ {
			r := l.rows[end]
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(r))), r...)
		}
		if !yield(dayColumn(dayOf(day)), out) {
			return
		}
	}
}

func dayColumn(day int32) string { return fmt.Sprintf("day.%d", day) }

// digest is a keyed hash of what the log says, whatever the order of its file. What
// two parties say is two logs, if it were the same.
func (l *eventLog) digest(key [32]byte, f *opened) (d hexID) {
	mac, h := hmac.New(sha256.New, key[:]), f.header
	fmt.Fprintf(mac, "awase events v1\n%q\n%q\n%q\n%d %d\n", h.Events, h.Columns, h.Unit, h.From, h.To)
	if f.received() {
		fmt.Fprintf(mac, "of %q\n", f.terms.Party)
	}
	for name, rows := range l.days {
		fmt.Fprintf(mac, "%s %d\n", name, len(rows))
		mac.Write(rows)
	}
	mac.Sum(d[:0])
	return d
}
