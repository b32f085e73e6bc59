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

// add adds fingerprints; their order doesn't change the count.
func (d *distinct) add(prints []uint64) {
	var parts [shards][]uint64
	for _, p := range prints {
		parts[p%shards] = append(parts[p%shards], p)
	}
	for i, part := range parts {
		if len(part) == 0 {
			continue
		}
		s := &d.shard[i]
		s.Lock()
		for _, p := range part {
			if s.full {
				break
			}
			p |= 1 << 63 // never the free mark
			if 4*(s.used+1) > 3*len(s.set) {
				if s.used >= maxDistinct/shards {
					s.full, s.set = true, nil
					break
				}
				s.set = grow(s.set)
			}
			if insert(s.set, p) {
				s.used++
			} else {
				s.dup++
			}
		}
		s.Unlock()
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

// grow doubles a set.
func grow(set []uint64) []uint64 {
	bigger := make([]uint64, max(64, 2*len(set)))
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
