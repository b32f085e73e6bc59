package aggregator

import (
	"errors"
	"math/big"
	"math/bits"
	"math/rand/v2"
)

// The exact sampler of the discrete Gaussian N_Z(0, σ²): P[X = x] ∝
// exp(−x²/2σ²) on the integers, without a floating-point number anywhere.
// Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy",
// arXiv 2004.00010, algorithms 1–3.

// maxSigma2 bounds σ², so that no intermediate product needs more than the
// big-integer path can hold in reasonable time.
const maxSigma2 = 1 << 52

// source gives uniform random words. The gate's is a ChaCha8 stream keyed by
// the question and the cell.
type source interface{ Uint64() uint64 }

var _ source = (*rand.ChaCha8)(nil)

// sampler draws from one stream.
type sampler struct{ src source }

// below gives a uniform integer in [0, n), n > 0, by rejection: no modulo bias.
func (s sampler) below(n uint64) uint64 {
	mask := ^uint64(0) >> bits.LeadingZeros64(n-1|1)
	for {
		if v := s.src.Uint64() & mask; v < n {
			return v
		}
	}
}

// bernoulliExp gives true with probability exp(−n/d), d > 0.
func (s sampler) bernoulliExp(n, d uint64) bool {
	for ; n > d; n -= d {
		if !s.bernoulliExpUnit(1, 1) {
			return false
		}
	}
	return s.bernoulliExpUnit(n, d)
}

// bernoulliExpUnit is bernoulliExp for n ≤ d: the parity of the first failure
// of Bernoulli(n/(d·k)), k = 1, 2, …
func (s sampler) bernoulliExpUnit(n, d uint64) bool {
	k := uint64(1)
	for {
		hi, dk := bits.Mul64(d, k)
		if hi != 0 {
			return s.bernoulliExpBig(new(big.Int).SetUint64(n), new(big.Int).SetUint64(d), k)
		}
		if s.below(dk) >= n {
			return k%2 == 1
		}
		k++
	}
}

// bernoulliExpBig goes on from step k where d·k leaves 64 bits.
func (s sampler) bernoulliExpBig(n, d *big.Int, k uint64) bool {
	dk := new(big.Int)
	for {
		dk.Mul(d, new(big.Int).SetUint64(k))
		if s.belowBig(dk).Cmp(n) >= 0 {
			return k%2 == 1
		}
		k++
	}
}

// belowBig is below for n of any size.
func (s sampler) belowBig(n *big.Int) *big.Int {
	width := n.BitLen()
	words := make([]big.Word, (width+bits.UintSize-1)/bits.UintSize)
	excess := uint(len(words)*bits.UintSize - width)
	v := new(big.Int)
	for {
		for i := range words {
			words[i] = big.Word(s.src.Uint64())
		}
		words[len(words)-1] >>= excess
		if v.SetBits(words).Cmp(n) < 0 {
			return v
		}
	}
}

// laplace gives a discrete Laplace number of scale t ≥ 1: P[X = x] ∝ exp(−|x|/t).
func (s sampler) laplace(t uint64) int64 {
	for {
		u := s.below(t)
		if !s.bernoulliExpUnit(u, t) {
			continue
		}
		var v uint64
		for s.bernoulliExpUnit(1, 1) {
			v++
		}
		x := int64(u + t*v) // t < 2^26+1 and v is geometric: 2^36 in a row to overflow
		if s.src.Uint64()&1 == 0 {
			return x
		}
		if x != 0 { // −0 would count zero twice
			return -x
		}
	}
}

var errSigma = errors.New("aggregator: the noise's variance is outside [1, 2^52]")

// gaussian gives a discrete Gaussian number of variance parameter sigma2.
func (s sampler) gaussian(sigma2 uint64) (int64, error) {
	if sigma2 < 1 || sigma2 > maxSigma2 {
		return 0, errSigma
	}
	t := isqrt(sigma2) + 1
	for {
		y := s.laplace(t)
		if s.accept(y, t, sigma2) {
			return y, nil
		}
	}
}

// accept gives true with probability exp(−(|y|·t − σ²)² / (2σ²t²)).
func (s sampler) accept(y int64, t, sigma2 uint64) bool {
	abs := uint64(max(y, -y))
	h1, yt := bits.Mul64(abs, t)
	diff := max(yt, sigma2) - min(yt, sigma2)
	h2, num := bits.Mul64(diff, diff)
	h3, t2 := bits.Mul64(t, t)
	h4, den := bits.Mul64(2*sigma2, t2)
	if h1|h2|h3|h4 == 0 {
		return s.bernoulliExp(num, den)
	}
	bt := new(big.Int).SetUint64(t)
	bs := new(big.Int).SetUint64(sigma2)
	bn := new(big.Int).Mul(new(big.Int).SetUint64(abs), bt)
	bn.Sub(bn, bs).Mul(bn, bn)
	bd := new(big.Int).Mul(bt, bt)
	bd.Mul(bd, bs).Lsh(bd, 1)
	for bn.Cmp(bd) > 0 {
		if !s.bernoulliExpUnit(1, 1) {
			return false
		}
		bn.Sub(bn, bd)
	}
	return s.bernoulliExpBig(bn, bd, 1)
}

// isqrt gives ⌊√n⌋ for n ≤ 2^52.
func isqrt(n uint64) uint64 {
	r := uint64(0)
	for bit := uint64(1) << 26; bit > 0; bit >>= 1 {
		if c := r | bit; c*c <= n {
			r = c
		}
	}
	return r
}
