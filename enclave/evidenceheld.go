package enclave

import (
	"fmt"
	"slices"

	"awase/enclave/wire"
)

// held gives what the room held when the period of an incident began: what was
// loaded before, and had neither ended nor expired nor been replaced. It was there to
// be leaked as much as what came in the period, and no entry of the period tells of
// it. Of a list and of the base it is the newest version, which holds all rows.
func (f *file) held() ([]wire.EvidenceUpload, error) {
	var out []wire.EvidenceUpload
	digests := map[hexID]int64{} // of event logs, to their entries
	drop := func(gone func(*wire.EvidenceUpload) bool) {
		out = slices.DeleteFunc(out, func(u wire.EvidenceUpload) bool { return gone(&u) })
	}
	for i := range f.records {
		r := &f.records[i]
		if !r.Time.Before(f.From.Start()) {
			break
		}
		u := wire.EvidenceUpload{Seq: r.Seq, At: utc(r.Time), Kind: r.Kind}
		var err error
		switch r.Kind {
		case kindBase:
			var b *baseRecord
			if b, err = body[baseRecord](r); err == nil {
				drop(func(u *wire.EvidenceUpload) bool { return u.Kind == kindBase })
				u.Party, u.Version, u.Rows = f.Operator, b.Version, b.Users
				out = append(out, u)
			}
		case kindList:
			var l *listRecord
			if l, err = body[listRecord](r); err == nil {
				drop(func(u *wire.EvidenceUpload) bool {
					return u.Kind == kindList && u.Entrustment == l.Entrustment && u.Name == l.Name && u.Party == l.Party
				})
				u.Party, u.Entrustment, u.Name, u.Version, u.Rows = l.Party, l.Entrustment, l.Name, l.Version, l.Rows
				out = append(out, u)
			}
		case kindEvents:
			var l *eventsRecord
			if l, err = body[eventsRecord](r); err == nil {
				for _, d := range l.Instead {
					drop(func(u *wire.EvidenceUpload) bool { return u.Seq == digests[d] })
				}
				digests[l.Digest] = r.Seq
				u.Party, u.Entrustment, u.Version, u.Rows = l.Party, outside(l.Entrustment), l.Version, l.Rows
				out = append(out, u)
			}
		case kindExpired:
			var x *expiredRecord
			if x, err = body[expiredRecord](r); err == nil {
				drop(func(u *wire.EvidenceUpload) bool {
					return slices.ContainsFunc(x.Things, func(t expired) bool { return t.Entry == u.Seq })
				})
			}
		case kindEnd:
			var end *endRecord
			if end, err = body[endRecord](r); err == nil {
				drop(func(u *wire.EvidenceUpload) bool { return u.Entrustment == end.Entrustment })
			}
		}
		if err != nil {
			return nil, fmt.Errorf("reading entry %d of the record log: %w", r.Seq, err)
		}
	}
	return out, nil
}
