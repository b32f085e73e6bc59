package enclave

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"time"

	"awase/aggregator"
	"awase/crypto/delivery"
	"awase/crypto/identifier"
	"awase/crypto/label"
	"awase/crypto/token"
	"awase/entrustment"
	"awase/matcher"
)

// hashKinds gives each kind as hashes have it.
var hashKinds = [matcher.Kinds]identifier.Kind{matcher.Email: identifier.Email, matcher.Phone: identifier.Phone, matcher.Cookie: identifier.Cookie, matcher.MAID: identifier.MAID}

// makeDelivery writes the file of a delivery, and who is delivered to from here on. Its
// record stands only once endDelivery wrote it.
func (e *Enclave) makeDelivery(ctx context.Context, u *underWay, what act, d *aggregator.Delivery) error {
	switch what {
	case actCount:
		return e.makeCounted(ctx, u, d)
	case actLabels, actBlank:
		return e.makeLabelsAnew(ctx, u, what == actBlank)
	}
	return e.makeRemoval(ctx, u, what)
}

// member is one of a new audience: a range of its hits.
type member struct{ from, to int }

// people are the members of an audience that was counted, in the order of the delivery.
type people struct {
	hits    []matcher.Hit
	members []member
	users   []token.Token // by member
	index   []int32       // of the hits, by kind and token
}

var errFewer = errors.New("the base has fewer users than were counted")

// peopleOf lays an audience out, and finds whose user token each member is.
func (e *Enclave) peopleOf(u *underWay, d *aggregator.Delivery) (*people, error) {
	p := &people{members: make([]member, len(d.Members)), users: make([]token.Token, len(d.Members))}
	var last uint32
	for i, hits := range d.Members {
		p.members[i] = member{len(p.hits), len(p.hits) + len(hits)}
		p.hits = append(p.hits, hits...)
		last = max(last, hits[0].Cluster)
	}
	base, err := e.standing(u.base)
	if err != nil {
		return nil, err
	}
	at := make([]int32, int(last)+1) // by cluster: the member, from 1
	for i, hits := range d.Members {
		at[hits[0].Cluster] = int32(i + 1)
	}
	found := 0
	for piece := range base.UserKeys(findPiece) {
		for i, c := range piece.Values {
			if c <= last && at[c] != 0 {
				p.users[at[c]-1] = piece.Tokens[i]
				found++
			}
		}
	}
	if found < len(p.members) {
		return nil, errFewer // how many is nobody's business who reads a log
	}
	p.index = make([]int32, len(p.hits))
	for i := range p.index {
		p.index[i] = int32(i)
	}
	slices.SortFunc(p.index, func(a, b int32) int { return compareHit(&p.hits[a], p.hits[b].Kind, &p.hits[b].Token) })
	return p, nil
}

func compareHit(h *matcher.Hit, k matcher.Kind, t *token.Token) int {
	return cmp.Or(cmp.Compare(h.Kind, k), bytes.Compare(h.Token[:], t[:]))
}

// find gives the hit by a token, -1: nobody was matched by it.
func (p *people) find(k matcher.Kind, t *token.Token) int {
	i, ok := slices.BinarySearchFunc(p.index, t, func(i int32, t *token.Token) int { return compareHit(&p.hits[i], k, t) })
	if !ok {
		return -1
	}
	return int(p.index[i])
}

// file begins the file of a delivery whose slots are known.
func (e *Enclave) file(u *underWay, labels label.Set) (*outFile, *delivery.Writer, error) {
	h, err := u.header()
	if err != nil {
		return nil, nil, err
	}
	h.Labels = labels
	out, err := e.newOut(u)
	if err != nil {
		return nil, nil, err
	}
	w, err := delivery.NewWriter(out, u.to, h, e.roomKey(), nil)
	if err != nil {
		out.abort()
		return nil, nil, err
	}
	return out, w, nil
}

// roomKey signs deliveries: the key of receipts, which receivers hold them against.
func (e *Enclave) roomKey() ed25519.PrivateKey {
	seed := e.vault.Subkey("receipt signing")
	return ed25519.NewKeyFromSeed(seed[:])
}

// closeFile ends the file.
func (u *underWay) closeFile(out *outFile, w *delivery.Writer) error {
	if err := w.Close(); err != nil {
		return err
	}
	var err error
	u.file, u.rec.Sealed, err = out.commit()
	u.rec.Bytes = out.n
	return err
}

// makeCounted writes the delivery of an audience that was counted.
func (e *Enclave) makeCounted(ctx context.Context, u *underWay, d *aggregator.Delivery) error {
	p, err := e.peopleOf(u, d)
	if err != nil {
		return err
	}
	until := u.rec.Expires
	if u.rec.Form == entrustment.FormLabel {
		until = min(u.begun.AddDate(0, 0, int(u.contract.Contract.Retention.Deliveries)).Unix(), u.campaign.Until.End().Unix())
	}
	keeps, err := e.newAudience(u, roomOf(&u.campaign.Destination, u.list, d.Slots))
	if err != nil {
		return err
	}
	defer keeps.abort()
	if u.rec.Form == entrustment.FormLabel {
		err = e.makeLabels(ctx, u, func(k matcher.Kind, t *token.Token) bool { return p.find(k, t) >= 0 })
		for i := 0; err == nil && i < len(p.members); i++ {
			var has []byte
			for j := p.members[i].from; j < p.members[i].to; j++ {
				has = appendHit(has, &p.hits[j])
			}
			err = keeps.add(memberRow{user: p.users[i], has: has})
		}
	} else {
		err = e.makeSlots(ctx, u, d.Slots, p, keeps)
	}
	if err != nil {
		return err
	}
	if u.rec.Audience, err = keeps.end(until, d.Slots); err != nil {
		return err
	}
	if u.rec.Form == entrustment.FormX {
		u.rec.Left = u.was
	}
	return nil
}

// makeSlots writes a slot for each member.
func (e *Enclave) makeSlots(ctx context.Context, u *underWay, slots int64, p *people, keeps *audienceWriter) error {
	has, err := e.sentOf(ctx, u, p)
	if err != nil {
		return err
	}
	u.rec.Slots = slots
	out, w, err := e.file(u, label.Set{})
	if err != nil {
		return err
	}
	defer out.abort()
	for i := range p.members {
		row := memberRow{user: p.users[i], has: has(i)}
		if len(row.has) == 0 {
			continue // nothing of them can be sent: the slot is padding
		}
		if err := writeSlot(w, u.rec.Form, row); err != nil {
			return err
		}
		if err := keeps.add(row); err != nil {
			return err
		}
	}
	return u.closeFile(out, w)
}

// writeSlot writes the slot of a row of an audience.
func writeSlot(w *delivery.Writer, form entrustment.Form, row memberRow) error {
	if form == entrustment.FormOwnChannel {
		return w.User(row.has)
	}
	var ids [delivery.MaxIdentifiers]delivery.Identifier
	n := 0
	for b := row.has; len(b) >= sentIDLen && n < len(ids); b = b[sentIDLen:] {
		if matcher.Kind(b[0]) >= matcher.Kinds {
			return errAudience
		}
		ids[n] = delivery.Identifier{Kind: hashKinds[b[0]], Class: identifier.Class(b[1])}
		copy(ids[n].Hash[:], b[2:])
		n++
	}
	return w.Person(ids[:n])
}

// sentOf gives, for each member, what the delivery has of them.
func (e *Enclave) sentOf(ctx context.Context, u *underWay, p *people) (func(i int) []byte, error) {
	d := &u.campaign.Destination
	if d.Form != entrustment.FormOwnChannel && len(d.Base) == 0 {
		return e.sentOfList(ctx, u, p)
	}
	of := make(map[token.Token]int, len(p.users))
	for i, t := range p.users {
		of[t] = i
	}
	rows := make([][]byte, len(p.users))
	want := func(user token.Token) bool { _, ok := of[user]; return ok }
	give := func(i int) []byte { return rows[i] }
	if d.Form == entrustment.FormOwnChannel {
		return give, e.baseUsers(ctx, u.base, d.Channel, want, func(user token.Token, key []byte) error {
			rows[of[user]] = bytes.Clone(key)
			return nil
		})
	}
	to, err := delivery.ParseDestination(string(d.Form))
	if err != nil {
		return nil, err
	}
	base, err := e.standing(u.base)
	if err != nil {
		return nil, err
	}
	for _, kind := range d.Base {
		if err := e.baseIdentifiers(ctx, u.base, base, kind, want, func(user token.Token, ids []delivery.Identifier) error {
			row := &rows[of[user]]
			for i := range ids {
				if to.Takes(ids[i]) {
					*row = appendSent(*row, kindOf[kind], ids[i].Class, &ids[i].Hash)
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return func(i int) []byte { return fitting(rows[i]) }, nil
}

// fitting gives as many of somebody's identifiers as a slot holds: the first of each kind
// before any second one, for one address may have several forms.
func fitting(row []byte) (out []byte) {
	var had [matcher.Kinds]bool
	var rest []byte
	for ; len(row) >= sentIDLen; row = row[sentIDLen:] {
		if k := row[0]; had[k] {
			rest = append(rest, row[:sentIDLen]...)
		} else {
			had[k] = true
			out = append(out, row[:sentIDLen]...)
		}
	}
	out = append(out, rest...)
	return out[:min(len(out), delivery.MaxIdentifiers*sentIDLen)]
}

// sentOfList gives the hashes of the list by which each member was matched, at most as
// many as a slot holds: what else stands in their rows was not matched with them, and may
// be somebody else's.
func (e *Enclave) sentOfList(ctx context.Context, u *underWay, p *people) (func(i int) []byte, error) {
	to, err := delivery.ParseDestination(string(u.rec.Form))
	if err != nil {
		return nil, err
	}
	type hash struct {
		class identifier.Class
		hash  identifier.Hash
		found bool
	}
	hashes := make([]hash, len(p.hits))
	err = e.eachKey(ctx, u.list.Keys, func(r *keyRow) error {
		for id := range r.ids {
			if i := p.find(id.Kind, &id.Token); i >= 0 && to.Takes(delivery.Identifier{Kind: hashKinds[id.Kind], Class: id.Class}) {
				hashes[i] = hash{id.Class, id.Hash, true}
			}
		}
		return nil
	})
	return func(i int) (out []byte) {
		for j := p.members[i].from; j < p.members[i].to; j++ {
			if h := &hashes[j]; h.found {
				out = appendSent(out, p.hits[j].Kind, h.class, &h.hash)
			}
		}
		return fitting(out)
	}, err
}

// makeLabels writes a label for each key of the partner's list.
func (e *Enclave) makeLabels(ctx context.Context, u *underWay, isMember func(matcher.Kind, *token.Token) bool) error {
	var keys, size int64
	if err := e.eachKey(ctx, u.list.Keys, func(r *keyRow) error {
		keys, size = keys+1, size+int64(len(r.user))
		return nil
	}); err != nil {
		return err
	}
	u.rec.Slots = delivery.LabelBytes(keys, size)
	sealer, err := label.NewSealer(u.serves, u.rec.ID, time.Unix(u.rec.Expires, 0), nil)
	if err != nil {
		return err
	}
	out, w, err := e.file(u, sealer.Set())
	if err != nil {
		return err
	}
	defer out.abort()
	row := uint32(0)
	if err := e.eachKey(ctx, u.list.Keys, func(r *keyRow) error {
		is := false
		for id := range r.ids { // every one, whoever it is of
			is = isMember(id.Kind, &id.Token) || is
		}
		l, err := sealer.Label(row, r.user, is)
		if err != nil {
			return err
		}
		row++
		return w.Label(r.user, l)
	}); err != nil {
		return err
	}
	return u.closeFile(out, w)
}

// makeLabelsAnew writes the labels of an audience that was counted before, but for who
// asked for deletion or a stop of use; of nobody where the audience is withdrawn.
func (e *Enclave) makeLabelsAnew(ctx context.Context, u *underWay, blank bool) error {
	members := map[matcher.KindToken]struct{}{}
	if !blank {
		keeps, err := e.newAudience(u, u.was.Room)
		if err != nil {
			return err
		}
		defer keeps.abort()
		if err := e.eachMember(ctx, u.was, func(r memberRow) error {
			if u.gone[string(r.user[:])] {
				return nil
			}
			for b := r.has; len(b) >= hitLen; b = b[hitLen:] {
				members[matcher.KindToken{Kind: matcher.Kind(b[0]), Token: token.Token(b[1:hitLen])}] = struct{}{}
			}
			return keeps.add(r)
		}); err != nil {
			return err
		}
		if u.rec.Audience, err = keeps.end(u.was.Until, u.was.Slots); err != nil {
			return err
		}
		u.rec.Expires = min(u.rec.Expires, u.was.Until)
	}
	return e.makeLabels(ctx, u, func(k matcher.Kind, t *token.Token) bool {
		_, ok := members[matcher.KindToken{Kind: k, Token: *t}]
		return ok
	})
}

// removalSlots is how many people a day's removal has room for: it follows from the
// audience's own slots, which its file shows. Who does not fit is taken off on the next
// day, before those who were named and whose receiver did not say that they are off.
func removalSlots(audience int64) int64 { return max(leastRemoval, audience/16) }

const leastRemoval = 1024

// makeRemoval writes who is taken off: of the audience those who asked for deletion or a
// stop of use; of the one before it, who is not in it; or everybody whom the receiver may
// have.
func (e *Enclave) makeRemoval(ctx context.Context, u *underWay, what act) error {
	if what == actRemove {
		return e.makeDaysRemoval(ctx, u)
	}
	of, off := u.was, func(memberRow) bool { return true }
	if what == actLeft {
		stay := map[token.Token]struct{}{}
		if u.was != nil {
			if err := e.eachMember(ctx, u.was, func(r memberRow) error {
				stay[r.user] = struct{}{}
				return nil
			}); err != nil {
				return err
			}
		}
		of, off = u.left, func(r memberRow) bool { _, stays := stay[r.user]; return !stays }
		u.rec.Audience = u.was
	}
	all, slots := append([]*audienceRecord{of}, u.older...), int64(0)
	for _, a := range all {
		slots += a.Slots
	}
	u.rec.Slots = min(delivery.SlotsFor(slots), delivery.MaxSlots)
	out, w, err := e.file(u, label.Set{})
	if err != nil {
		return err
	}
	defer out.abort()
	had := map[token.Token]struct{}{} // where there are several
	for _, a := range all {
		if err := e.eachMember(ctx, a, func(r memberRow) error {
			if _, twice := had[r.user]; twice || !off(r) {
				return nil
			}
			if len(all) > 1 {
				had[r.user] = struct{}{}
			}
			return writeSlot(w, u.rec.Form, r)
		}); err != nil {
			return err
		}
	}
	return u.closeFile(out, w)
}

// makeDaysRemoval takes off who asked for deletion or a stop of use. They stay in what is
// kept of the audience, and are named again each day, until the receiver said of all
// removals of it that they were delivered: one that failed there, was never fetched or was
// lost would leave them where they are for good.
func (e *Enclave) makeDaysRemoval(ctx context.Context, u *underWay) error {
	u.rec.Slots = removalSlots(u.was.Slots)
	out, w, err := e.file(u, label.Set{})
	if err != nil {
		return err
	}
	defer out.abort()
	keeps, err := e.newAudience(u, u.was.Room)
	if err != nil {
		return err
	}
	defer keeps.abort()
	asked := func(r memberRow) bool { return !r.named && u.gone[string(r.user[:])] }
	left := u.rec.Slots
	if err := e.eachMember(ctx, u.was, func(r memberRow) error {
		if !asked(r) || left == 0 {
			return nil
		}
		left--
		return writeSlot(w, u.rec.Form, r)
	}); err != nil {
		return err
	}
	fit := u.rec.Slots - left
	if err := e.eachMember(ctx, u.was, func(r memberRow) error {
		switch {
		case asked(r) && fit > 0:
			fit, r.named = fit-1, true
		case r.named && u.off:
			return nil
		case r.named && left > 0:
			left--
			if err := writeSlot(w, u.rec.Form, r); err != nil {
				return err
			}
		}
		return keeps.add(r)
	}); err != nil {
		return err
	}
	if u.rec.Audience, err = keeps.end(u.was.Until, u.was.Slots); err != nil {
		return err
	}
	return u.closeFile(out, w)
}
