package enclave

import (
	"encoding/binary"
	"errors"
	"iter"
	"maps"
	"slices"

	"awase/aggregator"
	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/entrustment"
	"awase/matcher"
)

// logsOf gives the event logs that questions under a contract may read: the
// operator's own, and those loaded under the contract.
func (e *Enclave) logsOf(c *entrustRecord) []*eventsRecord {
	return slices.Concat(e.state.events[seal.BaseEntrustment], e.state.events[c.Contract.ID])
}

// eventSources gives what the gate knows of the event logs. A receiver's whose users
// the contract joins no more, as it was amended, is not read.
func (e *Enclave) eventSources(c *entrustRecord, facts *entrustment.Facts, src *aggregator.Sources) []aggregator.EventSource {
	if len(c.Contract.Events) == 0 {
		return nil
	}
	var out []aggregator.EventSource
	loggers := facts.Loggers()
	for _, l := range e.logsOf(c) {
		s := aggregator.EventSource{ID: matcher.EventsID(l.Digest), Types: typesOf(l), Last: entrustment.DateOf(l.at).Add(-1), Owner: src.BaseOwner}
		if l.Entrustment != seal.BaseEntrustment {
			s.Owner = e.ownerOfLog(l)
		}
		if l.Received && !slices.Contains(loggers, l.Party) {
			continue
		}
		if l.Of != nil {
			s.From, s.To = l.Of.From, l.Of.To
		}
		out = append(out, s)
	}
	return out
}

// logOwner gives who is charged for what is read of a party's log.
func (e *Enclave) logOwner(l *eventsRecord) aggregator.Owner {
	return aggregator.Owner{Party: l.Party, Group: e.group(l.Party)}
}

// logsToCome stands for the logs of every party that may load some under a contract, in
// what is priced and put aside before they are there.
func (e *Enclave) logsToCome(facts *entrustment.Facts, last entrustment.Date) []aggregator.EventSource {
	var out []aggregator.EventSource
	for _, id := range facts.Loggers() {
		out = append(out, aggregator.EventSource{ID: toComeOf(id), Last: last, Owner: aggregator.Owner{Party: id, Group: e.group(id)}})
	}
	return out
}

// receivers gives the receivers of deliveries whose logs a plan reads, sorted.
func (e *Enclave) receivers(c *entrustRecord, plan *aggregator.Plan) []string {
	reads, out := plan.Logs(), []string(nil)
	for _, l := range e.state.events[c.Contract.ID] {
		if l.Received && slices.Contains(reads, matcher.EventsID(l.Digest)) {
			out = append(out, l.Party)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func typesOf(l *eventsRecord) []matcher.EventType {
	out := make([]matcher.EventType, len(l.Types))
	for i, t := range l.Types {
		out[i] = matcher.EventType{Kind: t.Kind, Category: t.Category}
	}
	return out
}

// boundLog names a log bound to the present base.
type boundLog struct{ population, log hexID }

// logReader reads the rows of a stored log, in the form that readEvents writes.
type logReader struct {
	days  map[string][]byte // columns of a segment
	codes int               // value columns of a row
	err   error
}

var errLog = errors.New("the segment is not an event log")

// all gives the rows, day by day; a fault ends them and is in err.
func (r *logReader) all() iter.Seq[matcher.EventRow] {
	return func(yield func(matcher.EventRow) bool) {
		for _, name := range slices.Sorted(maps.Keys(r.days)) {
			if !r.day(name, r.days[name], yield) {
				return
			}
		}
	}
}

func (r *logReader) day(name string, rest []byte, yield func(matcher.EventRow) bool) bool {
	for len(rest) > 0 {
		if len(rest) < 2 {
			r.err = errLog
			return false
		}
		n := int(binary.BigEndian.Uint16(rest))
		if len(rest) < 2+n {
			r.err = errLog
			return false
		}
		row, ok := r.row(rest[2 : 2+n])
		if !ok || dayColumn(row.Day) != name {
			r.err = errLog
			return false
		}
		if !yield(row) {
			return false
		}
		rest = rest[2+n:]
	}
	return true
}

func (r *logReader) row(b []byte) (matcher.EventRow, bool) {
	const head, one, value = 6, 1 + token.Size, 8
	if len(b) < head || len(b) != head+int(b[5])*one+r.codes+value {
		return matcher.EventRow{}, false
	}
	row := matcher.EventRow{Day: int32(binary.BigEndian.Uint32(b)), Type: b[4], Value: int64(binary.BigEndian.Uint64(b[len(b)-value:]))}
	for i := range int(b[5]) {
		t := b[head+i*one:]
		if t[0] == 255 {
			user := token.Token(t[1:one])
			row.User = &user
			continue
		}
		row.Tokens = append(row.Tokens, matcher.KindToken{Kind: matcher.Kind(t[0]), Token: token.Token(t[1:one])})
	}
	return row, true
}
