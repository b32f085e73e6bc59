package intake

import "sync"

// maxDistinct is how many rows a distinct set holds: 16 M, 256 MiB at most.
const maxDistinct = 1 << 24

// shards keeps workers off each other's locks.
const shards = 64

// distinct counts how often a 64-bit fingerprint is added again. Among 16 M
// rows the chance that two different ones share a fingerprint is under 10⁻⁵.
type distinct struct {
	shard [shards]struct {
		sync.Mutex
		set  []uint64 // open addressing; 0 is free
		used int
		dup  int64
		full bool
	}
}

// reserve makes room for about n rows, before any is added: growing costs as
// much as adding.
func (d *distinct) reserve(n int64) {
	slots := 1024
	for int64(slots)*shards*3/4 < min(n, maxDistinct) {
		slots *= 2
	}
	for i := range d.shard {
		d.shard[i].set = make([]uint64, slots)
	}
}

// pending holds fingerprints of one worker until there are many of a shard: a
// shard's part of the set is then in the processor's cache for all of them.
type pending [shards][]uint64

// pendingPrints is how many of a shard are kept back.
const pendingPrints = 512

// add adds fingerprints, perhaps later; their order doesn't change the count.
func (d *distinct) add(prints []uint64, late *pending) {
	for _, p := range prints {
		part := &late[p%shards]
		*part = append(*part, p)
		if len(*part) == pendingPrints {
			d.addTo(int(p%shards), *part)
			*part = (*part)[:0]
		}
	}
}

// flush adds what is kept back.
func (d *distinct) flush(late *pending) {
	for i, part := range late {
		d.addTo(i, part)
		late[i] = part[:0]
	}
}

// addTo adds fingerprints of one shard.
func (d *distinct) addTo(shard int, prints []uint64) {
	s := &d.shard[shard]
	s.Lock()
	defer s.Unlock()
	for _, p := range prints {
		if s.full {
			return
		}
		p |= 1 << 63 // never the free mark
		if 4*(s.used+1) > 3*len(s.set) {
			if s.used >= maxDistinct/shards {
				s.full, s.set = true, nil
				return
			}
			s.set = grow(s.set)
		}
		if insert(s.set, p) {
			s.used++
		} else {
			s.dup++
		}
	}
}

// duplicates gives the count, or -1 when there were too many rows.
func (d *distinct) duplicates() int64 {
	n := int64(0)
	for i := range d.shard {
		if d.shard[i].full {
			return -1
		}
		n += d.shard[i].dup
	}
	return n
}

// grow makes a set four times as large: on the way to 16 M there are seven of
// them, and no list of some ten thousand rows needs any.
func grow(set []uint64) []uint64 {
	bigger := make([]uint64, max(1024, 4*len(set)))
	for _, p := range set {
		if p != 0 {
			insert(bigger, p)
		}
	}
	return bigger
}

// insert tells whether p was new. Its low bits chose the shard, so the place
// comes from those above.
func insert(set []uint64, p uint64) bool {
	mask := uint64(len(set) - 1)
	for i := p / shards & mask; ; i = (i + 1) & mask {
		switch set[i] {
		case 0:
			set[i] = p
			return true
		case p:
			return false
		}
	}
}
