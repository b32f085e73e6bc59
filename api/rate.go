package api

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"awase/entrustment"
)

// RateOptions says how often one asker may ask.
type RateOptions struct {
	PerSecond float64 // of one person or token, and of all tokens of a person together four times that; 0: 50
	Burst     int     // 0: 200
	Strangers float64 // a second, of one address that does not say who asks; 0: 5
}

// rates holds a bucket for each asker that asked of late.
type rates struct {
	o       RateOptions
	mu      sync.Mutex
	buckets map[string]*bucket
	swept   time.Time
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

const (
	maxBuckets = 100_000
	bucketLife = 10 * time.Minute
	together   = 4 // as much as one have all tokens of a person: they make as many as they like
)

func newRates(o RateOptions) *rates {
	if o.PerSecond == 0 {
		o.PerSecond = 50
	}
	if o.Burst == 0 {
		o.Burst = 200
	}
	if o.Strangers == 0 {
		o.Strangers = 5
	}
	return &rates{o: o, buckets: map[string]*bucket{}}
}

// of gives the bucket of an asker, who has so much of what one has.
func (r *rates) of(key string, stranger bool, much int, now time.Time) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.swept) > bucketLife || len(r.buckets) >= maxBuckets {
		// Where there are too many all the same, any go: a full bucket is what its
		// asker gets again.
		for k, b := range r.buckets {
			if now.Sub(b.used) > bucketLife || len(r.buckets) > maxBuckets*9/10 {
				delete(r.buckets, k)
			}
		}
		r.swept = now
	}
	b := r.buckets[key]
	if b == nil {
		b = &bucket{Limiter: rate.NewLimiter(rate.Limit(float64(much)*r.o.PerSecond), much*r.o.Burst)}
		if stranger {
			b.Limiter = rate.NewLimiter(rate.Limit(r.o.Strangers), int(4*r.o.Strangers)+1)
		}
		r.buckets[key] = b
	}
	b.used = now
	return b.Limiter
}

// uncounted are the operations that whoever watches over the process asks: it is
// not to seem ill because strangers ask much. And the page's beginning, as all of the
// page (site.go). They cost nothing.
var uncounted = map[string]bool{"health": true, "ready": true, "top": true}

// address gives the address that a request came from: that of the connection or,
// where this is a trusted proxy's, the last one in X-Forwarded-For that is not.
func (s *Server) address(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := at.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break // a proxy of ours writes addresses: this is its asker's word
		}
		addr = before.Unmap().WithZone("")
	}
	return addr
}

// network gives what one stranger has: an address or, of IPv6, where everybody has
// 2^64 of them, all of these.
func network(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // of no address: these are one stranger
	}
	return p
}

// limit takes one from the asker's bucket, and says on the answer what is left
// (draft-ietf-httpapi-ratelimit-headers).
func (s *Server) limit(c *call) error {
	if uncounted[c.op] {
		return nil
	}
	key, stranger := "", c.who == nil
	if stranger {
		key = "address " + network(s.address(c.Request)).String()
	} else {
		key = c.who.key()
	}
	now := s.Now()
	b := s.rates.of(key, stranger, 1, now)
	allowed := b.AllowN(now, 1)
	if allowed && !stranger && c.who.Token != "" && s.holds(controlTogether) {
		allowed = s.rates.of("tokens of "+c.who.Person, false, together, now).AllowN(now, 1)
	}
	left := max(0, int(b.TokensAt(now)))
	full := int(math.Ceil((float64(b.Burst()) - float64(left)) / float64(b.Limit())))
	h := c.gin.Writer.Header()
	h.Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=%d`, b.Burst(), int(math.Ceil(float64(b.Burst())/float64(b.Limit())))))
	h.Set("RateLimit", `"default";r=`+strconv.Itoa(left)+`;t=`+strconv.Itoa(full))
	if allowed {
		return nil
	}
	wait := int(math.Ceil(1 / float64(b.Limit())))
	return &retryError{&entrustment.Error{Code: entrustment.CodeRate, Field: "request", Detail: "too many requests in too short a time",
		Mend: fmt.Sprintf("ask again in %d s; the header RateLimit says how many are left", wait)}, wait}
}

var _ http.Handler = (*Server)(nil)
