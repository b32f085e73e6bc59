package matcher

import (
	"encoding/binary"

	"github.com/dchest/siphash"
)

// Shares is how many equal shares a Share divides all clusters into: thousandths.
const Shares = 1000

// Share is a part of all clusters, chosen by a key and nothing else: the holdout of
// a campaign. Who is in it stays in it, whatever is loaded later, for as long as
// their cluster has its id; under another key it is an independent choice.
type Share struct {
	Key  [16]byte // secret: of the campaign
	From uint16   // the first of Shares, from 0
	To   uint16   // the one after the last
}

// Holds tells whether a cluster is in the share: SipHash-2-4 (Aumasson and
// Bernstein, 2012) of its id as 4 bytes, little-endian, modulo Shares.
func (s *Share) Holds(cluster uint32) bool {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], cluster)
	k0, k1 := s.Words()
	at := siphash.Hash(k0, k1, b[:]) % Shares
	return at >= uint64(s.From) && at < uint64(s.To)
}

// Words gives the key as SipHash takes it.
func (s *Share) Words() (k0, k1 uint64) {
	return binary.LittleEndian.Uint64(s.Key[:8]), binary.LittleEndian.Uint64(s.Key[8:])
}

func (s *Share) fault() string {
	switch {
	case s.From > s.To, s.To > Shares:
		return "a share is from a thousandth to a later one, of 1,000"
	case s.Key == [16]byte{}:
		return "a share without a key"
	}
	return ""
}
