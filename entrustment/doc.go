// Package entrustment is the domain of Awase: the parties, the six flows of
// the privacy policy, the legal basis of each party joined, the purposes, the
// attribute catalogue, the documents that people write, and the decision
// whether an act is allowed.
//
//	document ──Parse──▶ typed value ──▶ Decide* ──▶ nil, or an *Error that
//	(YAML or JSON)                                   names the clause and the mend
//
// It is pure: no file, no clock, no network, no randomness. Every fact a
// decision depends on is an argument, so each decision is a table in a test.
package entrustment
