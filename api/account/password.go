package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Cost is the work of one hash. The zero Cost is the second recommendation of
// RFC 9106 §4: 64 MiB, 3 passes, 4 lanes.
type Cost struct {
	MiB    uint32
	Passes uint32
	Lanes  uint8
}

func (c Cost) orDefault() Cost {
	if c == (Cost{}) {
		return Cost{MiB: 64, Passes: 3, Lanes: 4}
	}
	return c
}

const (
	saltLen = 16
	hashLen = 32
)

// maxCost bounds what a stored hash may make us do.
var maxCost = Cost{MiB: 1024, Passes: 16, Lanes: 16}

// Hasher hashes passwords, a few at a time: however many people sign in at once,
// memory holds only so many. It is safe for concurrent use.
type Hasher struct {
	cost  Cost
	slots chan struct{}
	dummy string // of no password
}

// NewHasher makes a hasher of a cost that hashes at most atOnce passwords at once.
func NewHasher(c Cost, atOnce int) (*Hasher, error) {
	h := &Hasher{cost: c.orDefault(), slots: make(chan struct{}, max(1, atOnce))}
	if h.cost.MiB == 0 || h.cost.Passes == 0 || h.cost.Lanes == 0 || h.cost.MiB > maxCost.MiB || h.cost.Passes > maxCost.Passes || h.cost.Lanes > maxCost.Lanes {
		return nil, fmt.Errorf("a password can't cost %d MiB, %d passes, %d lanes: each is at least 1, and at most 1024, 16, 16", c.MiB, c.Passes, c.Lanes)
	}
	var err error
	h.dummy, err = h.Hash(context.Background(), rand.Text())
	return h, err
}

// Hash gives a password with its parameters and a new salt, as PHC strings are
// written. Its one error is ctx's, that no slot came free in time.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails
	sum, err := h.sum(ctx, password, salt, h.cost, hashLen)
	if err != nil {
		return "", err
	}
	return encode(h.cost, salt, sum), nil
}

func encode(c Cost, salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.MiB<<10, c.Passes, c.Lanes, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// Check tells whether a password is that of a hash, and whether the hash is of
// less work than the hasher's. Of an empty hash, which is nobody's, it says no after
// the same work. Errors are ctx's, and that the hash can't be read.
func (h *Hasher) Check(ctx context.Context, password, hash string) (ok, old bool, err error) {
	nobody := hash == ""
	if nobody {
		hash = h.dummy
	}
	cost, salt, want, err := decode(hash)
	if err != nil {
		return false, false, err
	}
	got, err := h.sum(ctx, password, salt, cost, uint32(len(want)))
	if err != nil {
		return false, false, err
	}
	same := subtle.ConstantTimeCompare(got, want) == 1
	return same && !nobody, cost.MiB < h.cost.MiB || cost.Passes < h.cost.Passes, nil
}

// sum waits for a slot and hashes. The same password typed on another machine may
// be composed otherwise (が, か゛), so it is normalised.
func (h *Hasher) sum(ctx context.Context, password string, salt []byte, c Cost, n uint32) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to hash a password: %w", context.Cause(ctx))
	}
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, c.Passes, c.MiB<<10, c.Lanes, n), nil
}

var errHash = errors.New("a stored password hash can't be read: reset the account's password")

// decode reads a hash that Hash gave.
func decode(hash string) (c Cost, salt, sum []byte, err error) {
	part := strings.Split(hash, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errHash
	}
	var kib uint32
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &kib, &c.Passes, &c.Lanes); err != nil {
		return c, nil, nil, errHash
	}
	c.MiB = kib >> 10
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(part[4])
	sum, err2 := base64.RawStdEncoding.Strict().DecodeString(part[5])
	// One encoding a hash, and no work that a damaged row could ask for.
	if err1 != nil || err2 != nil || len(salt) < saltLen || len(sum) < hashLen || len(sum) > 64 ||
		c.Passes == 0 || c.Lanes == 0 || c.MiB == 0 || c.MiB > maxCost.MiB || c.Passes > maxCost.Passes || c.Lanes > maxCost.Lanes || encode(c, salt, sum) != hash {
		return c, nil, nil, errHash
	}
	return c, salt, sum, nil
}
