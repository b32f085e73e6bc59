// Package aggregator is the release gate: a question becomes canonical specs,
// specs are charged, exact cells are counted, noised and locked, and only what
// passed leaves as a Table.
//
//	Question ──Compile──▶ Plan{Specs} ──Gate.Release──▶ Tables ──Compose──▶ numbers for a reader
//	                                     │ 1 stored already? the same bytes, uncharged
//	                                     │ 2 charge, durable before anything is counted
//	                                     │ 3 exact cells (matcher), digest
//	                                     │ 4 discrete Gaussian noise, keyed by the question
//	                                     │ 5 two locks: n ≥ k and n+z ≥ τ
//	                                     │ 6 store, wait for the tick
//
// A size may be answered from a planning cube that is stored: a sum of its
// noisy cells, uncharged. What a plan costs (Price), what of it is likely to be
// withheld (Forecast), what was spent (Statement) read no data.
//
// Everything a caller can observe besides the released values and statuses is
// a function of public facts (PRIVACY §0-11). The exact counts die in this
// package; a Table holds no value of a withheld cell but, of a planning cube, the
// noisy ones, which stay inside.
//
// PRIVACY.md is the specification; section and rule numbers below are its.
package aggregator
