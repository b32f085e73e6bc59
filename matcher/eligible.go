package matcher

import (
	"context"
	"slices"
)

// mostEligible is how many sets of eligible users are kept for a base. A room
// asks under a few eligibilities again and again: one a flow and service.
const mostEligible = 8

// eligible is who of a base is eligible where these standings are allowed.
type eligible struct {
	allowed []uint8 // 0 or 1, by standing
	users   bitmap  // present, under no tombstone, in a standing that is allowed
}

// eligible gives the users of b whose standing is allowed, and keeps them: a bit
// a cluster takes the place of two bytes in each question that follows.
func (e *Embedded) eligible(ctx context.Context, b *Base, allowed []uint8) (bitmap, error) {
	if users := e.kept(b, allowed); users != nil {
		return users, nil
	}
	users, err := b.eligible(ctx, e.workers, allowed)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	sets := e.eligibles[b]
	if len(sets) == mostEligible { // the one asked for longest ago
		sets = slices.Delete(sets, 0, 1)
	}
	for _, held := range e.bases {
		if held == b { // not dropped meanwhile: else nobody would drop this
			e.eligibles[b] = append(sets, eligible{allowed, users})
			break
		}
	}
	return users, nil
}

// kept gives a set that is kept, nil: none. It becomes the last to go.
func (e *Embedded) kept(b *Base, allowed []uint8) bitmap {
	e.mu.Lock()
	defer e.mu.Unlock()
	sets := e.eligibles[b]
	i := slices.IndexFunc(sets, func(s eligible) bool { return slices.Equal(s.allowed, allowed) })
	if i < 0 {
		return nil
	}
	found := sets[i]
	copy(sets[i:], sets[i+1:])
	sets[len(sets)-1] = found
	return found.users
}

// dropEligible forgets what is kept for bases that are no population any more.
// The lock is held.
func (e *Embedded) dropEligible() {
	for b := range e.eligibles {
		held := false
		for _, h := range e.bases {
			held = held || h == b
		}
		if !held {
			delete(e.eligibles, b)
		}
	}
}

func (b *Base) eligible(ctx context.Context, workers int, allowed []uint8) (bitmap, error) {
	users := newBitmap(b.clusters())
	standing := b.standing.Uint16Values()
	everyone := !slices.Contains(allowed, 0)
	blocks := (len(users) + blockWords - 1) / blockWords
	err := parallel(ctx, workers, blocks, func(_, block int) error {
		for w := block * blockWords; w < min((block+1)*blockWords, len(users)); w++ {
			word := b.present[w]
			if b.tombstones != nil {
				word &^= b.tombstones[w]
			}
			if !everyone {
				may := uint64(0)
				for bit, s := range standing[w*64 : min(w*64+64, len(standing))] {
					may |= uint64(allowed[s]) << (bit & 63)
				}
				word &= may
			}
			users[w] = word
		}
		return nil
	})
	return users, err
}
