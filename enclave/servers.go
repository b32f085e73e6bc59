package enclave

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"awase/enclave/wire"
	"awase/entrustment"
)

// Which servers hold what: the record log has a keyed digest of the name of each, so
// that a configuration that names others is not taken for them. What one set of servers
// says to have dropped is said of no other.

// serversOf gives the digests of shards' names, by which they are known in whatever
// order they are configured.
func serversOf(shards []string, key [32]byte) []hexID {
	var out []hexID
	for _, name := range shards {
		out = append(out, serverOf(name, key))
	}
	return together(out)
}

func serverOf(name string, key [32]byte) hexID {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(name))
	return hexID(mac.Sum(nil))
}

// inOrder gives the shards as they are configured, for people.
func inOrder(shards []string, key [32]byte) (out []wire.EngineShard) {
	for _, name := range shards {
		out = append(out, wire.EngineShard{Server: texts([]hexID{serverOf(name, key)})[0], Name: name})
	}
	return out
}

// together sorts digests and leaves out what comes twice.
func together(of ...[]hexID) []hexID {
	all := slices.Concat(of...)
	slices.SortFunc(all, func(a, b hexID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(all)
}

func sameServers(a, b []hexID) bool { return len(a) > 0 && slices.Equal(a, b) }

// texts are digests as people are shown them: enough to tell them apart.
func texts(of []hexID) (out []string) {
	for _, id := range of {
		out = append(out, hex.EncodeToString(id[:8]))
	}
	return out
}

// unknownServer stands for servers that a vault which was restored without its newest
// log does not know of.
var unknownServer hexID

// errOthers is that the configuration names other servers than the record.
var errOthers = &entrustment.Error{Code: entrustment.CodeEngine, Clause: "docs/clickhouse.md", Field: "engine.shards", Detail: "the configuration names other servers than those that the room was moved to",
	Mend: "configure the former servers again, move back (awase engine move --to embedded), and then to the new ones; or, where the former are lost for good, awase engine move --to embedded --cluster-lost, and then to the new ones"}

// ours tells whether the configured servers are those that may hold the room's data, as
// far as the record knows any. The room's lock is held.
func (e *Enclave) ours() bool {
	return e.state.there == "" || sameServers(e.state.at, e.outer.at)
}

// losable gives the entrustments whose data may be on the servers: those that are there,
// and those that ended without its being dropped.
func (s *state) losable() (out []string) {
	for id := range s.since {
		end := s.ended[id]
		if end != nil && end.Engine != "" && s.dropped[id] == 0 || end == nil && s.had[id] && (s.there != "" || s.unknown(id)) {
			out = append(out, id)
		}
	}
	return out
}

// declareLost folds in that the servers are lost, with what they hold of each of those.
func (s *state) declareLost(seq int64) {
	for _, id := range s.losable() {
		if s.ended[id] == nil {
			s.left[id] = s.nowAt(id)
		}
		s.gone[id] = seq
	}
	s.loseExpiries(seq)
	s.lost = s.there != ""
}

// foundAgain folds in that the servers that were declared lost are there, with what they
// held: it is not lost any more, and waits to be dropped.
func (s *state) foundAgain() {
	s.lost = false
	s.findExpiries()
	for id, end := range s.ended {
		if sameServers(s.heldBy(end), s.at) {
			delete(s.gone, id)
		}
	}
	for id, left := range maps.Clone(s.left) {
		if s.ended[id] != nil {
			continue
		}
		left = slices.DeleteFunc(slices.Clone(left), func(one hexID) bool { return slices.Contains(s.at, one) })
		if s.left[id] = left; len(left) == 0 {
			delete(s.left, id)
			delete(s.gone, id)
		}
	}
}

// lookForLost writes down that servers that were declared lost are there again, before
// anything that they hold is dropped or put there. A name is no proof of that: a new
// machine may have it. That every shard holds one thing whole, which it was given, is.
func (e *Enclave) lookForLost(ctx context.Context, r Remote) error {
	lost := func() bool { return e.state.lost && e.ours() }
	if asks, _ := locked(e, func() (bool, error) { return lost(), nil }); !asks {
		return nil
	}
	h, err := r.Holds(ctx)
	if err != nil || len(h.Builds)+len(h.Lists)+len(h.Logs) == 0 {
		return err
	}
	_, err = locked(e, func() (struct{}, error) {
		if !lost() {
			return struct{}{}, nil
		}
		_, err := e.append(kindDropped, droppedRecord{Engine: e.outer.is.Name, Found: true})
		return struct{}{}, err
	})
	return err
}

// unknown tells whether data of an entrustment may be where a vault that was restored
// without its newest log does not know, and nobody answered for yet.
func (s *state) unknown(id string) bool {
	return s.since[id] < s.blind
}

// outsideOf gives where data of an entrustment may be: the engine, "" where it is
// nowhere, and its servers. Of those that were declared lost it is where it was then: the
// room counts by itself since.
func (s *state) outsideOf(id string) (string, []hexID) {
	at := s.nowAt(id)
	if len(at) == 0 && (s.there == "" || s.lost) {
		return "", nil
	}
	return wire.EngineClickHouse, at
}

// nowAt gives the servers that may have data of an entrustment that is there.
func (s *state) nowAt(id string) []hexID {
	at := s.left[id]
	if !s.lost {
		at = together(at, s.at)
	}
	if s.unknown(id) {
		at = together(at, []hexID{unknownServer})
	}
	return at
}

// heldBy gives the servers that may have data of an entrustment that ended: without what
// was not known when it did, where somebody answered for that since.
func (s *state) heldBy(end *ended) []hexID {
	return s.known(end.seq, end.Servers)
}

// known gives of servers that an entry names those that are known.
func (s *state) known(seq int64, servers []hexID) []hexID {
	if seq > s.sighted {
		return servers
	}
	return slices.DeleteFunc(slices.Clone(servers), func(one hexID) bool { return one == unknownServer })
}
