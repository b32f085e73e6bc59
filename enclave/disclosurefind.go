package enclave

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// source is where a disclosure is looked up: the base, the operator's own event logs
// and the requests as they were at one moment. Its segments stay until release.
type source struct {
	name     string
	number   int64
	users    []token.Token
	desk     seal.PublicKey
	at       time.Time
	base     *baseRecord // nil: there is none
	loaded   wire.DisclosedBase
	logs     []*eventsRecord
	requests map[token.Token][]wire.DisclosedRequest // of the users; which of them the base lifts is not told yet
	release  func()
}

// found is a disclosure that was looked up and sealed.
type found struct {
	in     string
	sealed []byte
}

// ownLogs are the operator's own: what others entrusted is theirs to tell.
func (e *Enclave) ownLogs() []*eventsRecord { return e.state.events[seal.BaseEntrustment] }

// sourceName names what a disclosure is looked up in, and whom it is sealed to. The
// room's lock is held.
func (e *Enclave) sourceName() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d", e.state.acts[kindDeskKey+" "], len(e.state.requests))
	if e.state.base != nil {
		b.WriteString(" " + e.state.base.Segment.ID)
	}
	for _, l := range e.toldLogs() {
		b.WriteString(" " + l.Segment.ID)
	}
	return b.String()
}

// source gives where to look up what is disclosed for a request, and has it stay. The
// room's lock is held.
func (e *Enclave) source(number int64) (*source, error) {
	users, err := e.readRequest(&e.state.requests[number-1])
	if err != nil {
		return nil, fmt.Errorf("reading who asks: %w", err)
	}
	s := &source{name: e.sourceName(), number: number, users: users, desk: e.state.desk.Key, at: e.vault.Log().Now(), base: e.state.base,
		logs: slices.Clone(e.toldLogs()), requests: map[token.Token][]wire.DisclosedRequest{}}
	var refs []vault.SegmentRef
	if n := len(e.state.bases); s.base != nil && n > 0 {
		s.loaded = wire.DisclosedBase{Version: s.base.Version, On: entrustment.DateOf(e.state.bases[n-1].at)}
		refs = s.base.refs()
	}
	for _, l := range s.logs {
		refs = append(refs, l.Segment)
	}
	for _, u := range users {
		s.requests[u] = []wire.DisclosedRequest{}
		for _, n := range e.requestsOf[u] {
			r := &e.state.requests[n-1]
			s.requests[u] = append(s.requests[u], wire.DisclosedRequest{Number: n, Kind: r.Kind, On: entrustment.DateOf(r.at), InForce: true})
		}
	}
	for _, ref := range refs {
		e.copying[ref.ID]++
	}
	s.release = func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, ref := range refs {
			e.copied(ref.ID)
		}
	}
	return s, nil
}

// find looks up a disclosure and seals it, one at a time and without the room's lock:
// it reads every row of the base and of the logs, whoever asks, so that how long it
// takes tells nothing of whether they are there.
func (e *Enclave) find(ctx context.Context, s *source) (*found, error) {
	defer s.release()
	if err := e.finds.take(ctx); err != nil {
		return nil, fmt.Errorf("waiting for another disclosure: %w", err)
	}
	defer e.finds.give()
	defer giveBack()
	d := wire.Disclosed{Schema: wire.DisclosedSchema, Dev: e.vault.Dev(), Practice: e.vault.Practice(), Number: s.number, At: utc(s.at), Sensitive: []string{}, Cut: []string{}, Others: wire.OfOthers}
	people := map[token.Token]*wire.DisclosedUser{}
	for _, u := range s.users {
		people[u] = &wire.DisclosedUser{Identifiers: []wire.DisclosedIdentifier{}, Attributes: []wire.DisclosedAttribute{}, Channels: []string{}, Events: []wire.DisclosedEvents{}, Requests: s.requests[u]}
	}
	if s.base != nil {
		d.Base, d.Sensitive = &s.loaded, sensitiveOf(s.base.Schema)
		if err := e.findInBase(ctx, s, people); err != nil {
			return nil, err
		}
	}
	for _, u := range s.users {
		d.Users = append(d.Users, *people[u])
	}
	content, err := fitted(&d)
	if err != nil {
		return nil, err
	}
	var id [16]byte
	if _, err := hex.Decode(id[:], []byte(e.vault.ID())); err != nil {
		return nil, fmt.Errorf("reading the vault's id: %w", err)
	}
	sealed, err := seal.SealDisclosure(s.desk, id, s.number, content, nil)
	if err != nil {
		return nil, err
	}
	return &found{s.name, sealed}, nil
}

func (e *Enclave) findInBase(ctx context.Context, s *source, people map[token.Token]*wire.DisclosedUser) error {
	base, err := e.standing(s.base)
	if err != nil {
		return err
	}
	all := heldIn(base, people)
	if err := e.findParticulars(ctx, s, people, all); err != nil {
		return err
	}
	if s.base.Lifted != nil {
		cols, err := e.vault.ReadSegment(s.base.Lifted.Segment)
		if err != nil {
			return fmt.Errorf("reading whose requests the base lifts: %w", err)
		}
		l, ok := parseLifts(cols[liftedColumn])
		if !ok || e.liftedDigest(l) != s.base.Lifted.Digest {
			return fmt.Errorf("reading whose requests the base lifts: %w", vault.ErrSegment)
		}
		for u, p := range people {
			for i := range p.Requests {
				p.Requests[i].InForce = p.Requests[i].Number > l[u]
			}
		}
	}
	return e.findEvents(ctx, s, people, all)
}

// holders are the tokens by which a base finds those who ask, and whose each is.
type holders map[matcher.KindToken]token.Token

const findPiece = 1 << 16 // tokens at a time

// heldIn gives the tokens by which a base finds the users: unambiguous ones alone.
func heldIn(base *matcher.Base, people map[token.Token]*wire.DisclosedUser) holders {
	clusters := map[uint32]token.Token{}
	for piece := range base.UserKeys(findPiece) {
		for i, t := range piece.Tokens {
			if people[t] != nil {
				clusters[piece.Values[i]] = t
			}
		}
	}
	out := holders{}
	for k := range matcher.Kinds {
		for piece := range base.KindTokens(k, findPiece) {
			for i, c := range piece.Values {
				if u, ok := clusters[c]; ok {
					out[matcher.KindToken{Kind: k, Token: piece.Tokens[i]}] = u
				}
			}
		}
	}
	return out
}

// findParticulars fills in what the operator's table says of each, and how many forms
// of each sort of identifier are matched.
func (e *Enclave) findParticulars(ctx context.Context, s *source, people map[token.Token]*wire.DisclosedUser, all holders) error {
	err := e.vault.ReadColumns(s.base.Particulars.Segment, func(_ string, b []byte) error {
		for len(b) > 0 {
			r, rest, err := nextParticular(b, len(s.base.Columns))
			if err != nil {
				return err
			}
			if p := people[r.user]; p != nil {
				if err := fillIn(p, &r, s.base, all); err != nil {
					return err
				}
			}
			b = rest
		}
		return ctx.Err()
	})
	if err != nil {
		return fmt.Errorf("reading the particulars of the base: %w", err)
	}
	return nil
}

// fillIn writes what a row of the base says of a person.
func fillIn(p *wire.DisclosedUser, r *particular, base *baseRecord, all holders) error {
	p.Known, p.Verified, p.EnquiryOnly = true, r.verified, r.enquiryOnly
	p.Policy, p.Service = string(r.policy), string(r.service)
	if r.consent > 0 {
		p.Consent = entrustment.DateOfNumber(r.consent)
	}
	for i, c := range base.Columns {
		if int(r.codes[i]) >= len(c.Domain) {
			return errParticulars
		}
		p.Attributes = append(p.Attributes, wire.DisclosedAttribute{Name: c.Name, Value: c.Domain[r.codes[i]]})
	}
	for i, c := range base.Schema.Channels {
		if r.channels>>i&1 != 0 {
			p.Channels = append(p.Channels, c.Channel)
		}
	}
	columns := base.Particulars.Columns
	several, forms := severalOf(columns), make([]int, len(columns))
	seen := holders{}
	for b := r.tokens; len(b) > 0; b = b[1+token.Size:] {
		if int(b[0]) >= len(columns) {
			return errParticulars
		}
		t := matcher.KindToken{Kind: kindOf[columns[b[0]].Kind], Token: token.Token(b[1 : 1+token.Size])}
		if _, twice := seen[t]; !twice && all[t] == r.user {
			forms[b[0]]++
		}
		seen[t] = r.user
	}
	for t, u := range all {
		for i, c := range columns {
			if u == r.user && !several[uint8(i)] && kindOf[c.Kind] == t.Kind {
				forms[i]++
			}
		}
	}
	for i, c := range columns {
		if forms[i] > 0 {
			p.Identifiers = append(p.Identifiers, wire.DisclosedIdentifier{Kind: c.Kind, Namespace: c.Namespace, Forms: forms[i]})
		}
	}
	slices.SortFunc(p.Identifiers, func(a, b wire.DisclosedIdentifier) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace))
	})
	return nil
}

// findEvents reads the operator's own logs. An event is of everybody who holds one of
// its tokens, as where it is counted.
func (e *Enclave) findEvents(ctx context.Context, s *source, people map[token.Token]*wire.DisclosedUser, all holders) error {
	type sorted struct {
		user token.Token
		of   seal.EventType
	}
	counts := map[sorted]*wire.DisclosedEvents{}
	for _, l := range s.logs {
		r := logReader{codes: len(l.Columns)}
		err := e.vault.ReadColumns(l.Segment, func(day string, rows []byte) error {
			r.day(day, rows, func(row matcher.EventRow) bool {
				if int(row.Type) >= len(l.Types) {
					r.err = errLog
					return false
				}
				of, on := l.Types[row.Type], entrustment.DateOfNumber(row.Day)
				for _, u := range whose(&row, people, all) {
					n := counts[sorted{u, of}]
					if n == nil {
						n = &wire.DisclosedEvents{Kind: of.Kind, Category: of.Category, From: on, To: on}
						counts[sorted{u, of}] = n
					}
					n.Events++
					if on.Before(n.From) {
						n.From = on
					}
					if n.To.Before(on) {
						n.To = on
					}
				}
				return true
			})
			if r.err != nil {
				return r.err
			}
			return ctx.Err()
		})
		if err != nil {
			return fmt.Errorf("reading an event log: %w", err)
		}
	}
	for of, n := range counts {
		people[of.user].Events = append(people[of.user].Events, *n)
	}
	for _, p := range people {
		slices.SortFunc(p.Events, func(a, b wire.DisclosedEvents) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Category, b.Category))
		})
	}
	return nil
}

// whose gives those who ask that an event is of, each once.
func whose(row *matcher.EventRow, people map[token.Token]*wire.DisclosedUser, all holders) (out []token.Token) {
	if row.User != nil {
		if p := people[*row.User]; p != nil && p.Known {
			out = append(out, *row.User)
		}
		return out
	}
	for _, t := range row.Tokens {
		if u, ok := all[t]; ok && !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}

// fitted writes a disclosure so that it fits what is sealed. What can be told shorter
// is cut first, from its end, each person's alike, and the disclosure says of what.
func fitted(d *wire.Disclosed) ([]byte, error) {
	content, err := d.Content()
	if err != nil || len(content) <= seal.MaxDisclosure {
		return content, err
	}
	whole := slices.Clone(d.Users)
	sensitive := d.Sensitive
	for _, part := range []struct {
		name string
		keep func(n int)
	}{
		{"events", func(n int) {
			cutTo(d.Users, whole, n, func(u *wire.DisclosedUser) *[]wire.DisclosedEvents { return &u.Events })
		}},
		{"requests", func(n int) {
			cutTo(d.Users, whole, n, func(u *wire.DisclosedUser) *[]wire.DisclosedRequest { return &u.Requests })
		}},
		{"sensitive", func(n int) { d.Sensitive = sensitive[:min(n, len(sensitive))] }},
		{"attributes", func(n int) {
			cutTo(d.Users, whole, n, func(u *wire.DisclosedUser) *[]wire.DisclosedAttribute { return &u.Attributes })
		}},
		{"identifiers", func(n int) {
			cutTo(d.Users, whole, n, func(u *wire.DisclosedUser) *[]wire.DisclosedIdentifier { return &u.Identifiers })
		}},
	} {
		d.Cut = append(d.Cut, part.name)
		var failed error
		over := sort.Search(1<<16, func(n int) bool { // the least that does not fit
			part.keep(n)
			content, err := d.Content()
			failed = cmp.Or(failed, err)
			return err != nil || len(content) > seal.MaxDisclosure
		})
		part.keep(max(over-1, 0))
		content, err := d.Content()
		if err != nil || failed != nil {
			return nil, cmp.Or(err, failed)
		}
		if len(content) <= seal.MaxDisclosure {
			return content, nil
		}
	}
	return nil, fmt.Errorf("a disclosure does not fit its size")
}

// cutTo leaves n of a part to each.
func cutTo[T any](users, whole []wire.DisclosedUser, n int, part func(*wire.DisclosedUser) *[]T) {
	for i := range users {
		all := *part(&whole[i])
		*part(&users[i]) = all[:min(n, len(all))]
	}
}
