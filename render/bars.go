package render

import (
	"math"
	"strings"

	"awase/enclave/wire"
)

// leastMark is the narrowest drawing of an index that can be read.
const leastMark = 15

var eighths = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// barRight draws v of top from the left edge, n columns at most, in eighths.
func barRight(v, top int64, n int) string {
	if v <= 0 || top <= 0 || n <= 0 {
		return ""
	}
	e := int(math.Round(float64(min(v, top)) / float64(top) * float64(n*8)))
	e = max(e, 1) // a released number is never drawn as nothing
	return strings.Repeat("█", e/8) + eighths[e%8]
}

// barLeft draws v of top towards the left; there are only halves to do it with.
func barLeft(v, top int64, n int) string {
	if v <= 0 || top <= 0 || n <= 0 {
		return ""
	}
	h := int(math.Round(float64(min(v, top)) / float64(top) * float64(n*2)))
	h = max(h, 1)
	return strings.Repeat("▐", h%2) + strings.Repeat("█", h/2)
}

// whiskers draws the interval of an index around 100 on a scale from 0 to top:
// ┊ is 100, ┃ the index, ├─┤ its interval. What lies beyond ends in an arrow.
func whiskers(x *wire.Ratio, top float64, n int) string {
	at := func(v float64) int {
		return min(max(int(math.Round(v/top*float64(n-1))), 0), n-1)
	}
	out := make([]rune, n)
	for i := range out {
		out[i] = ' '
	}
	out[at(100)] = '┊'
	if x != nil {
		low, mid, high := at(x.Low), at(x.Value), at(x.High)
		for i := low; i <= high; i++ {
			out[i] = '─'
		}
		out[low], out[high] = '├', '┤'
		out[mid] = '┃'
		if x.High > top {
			out[n-1] = '>'
		}
	}
	return string(out)
}

// indexTop gives the end of the scale: 200, or more where an index needs it,
// at most 500.
func indexTop(cells []wire.Cell) float64 {
	top := 200.0
	for i := range cells {
		if x := cells[i].Index; x != nil {
			top = max(top, math.Ceil(x.High/50)*50)
		}
	}
	return min(top, 500)
}
