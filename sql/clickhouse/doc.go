// Package clickhouse is the engine for a room that outgrows one machine: it counts
// in ClickHouse servers inside the trust boundary, and gives the same exact cells
// as matcher.Embedded for the same query on the same data (matcher/enginetest).
//
//	enclave ──Put…──▶ tables by build, list, log, population (each shard its clusters)
//	Query ──Cells──▶ one statement a shard; distinct counts add up, since a cluster
//	                 is on one shard alone
//
// A cluster id is on the shard id mod n. Shards know nothing of each other: the
// engine asks each by itself and adds up. A list is on each, whole, with what the shard's
// clusters hold of it beside it where there are several. What a table is of stands in its name (a
// keyed digest, cut short) and its comment; no name of a column, a value or a
// category goes there, only codes. Consent, restrictions and tombstones go as one
// thing: whether a cluster is in the table of those who are eligible.
//
// The layout was chosen by measuring raw SQL, a list of 1 M on 10 M people over 1,692
// cells on two cores that others used, too (medians, one kind of identifier and
// three):
//
//	by hand: tokens of eligible people with their cells, merge join by key ranges    80 ms   293 ms
//	the same with a hash join                                                       275 ms  1198 ms
//	ours: merge joins by kind; people whose id is IN what they give                 125 ms   361 ms
//	codes beside the tokens, who is eligible as one bitmap                          122 ms   436 ms
//	the ids that were found as a bitmap, or joined to the people by hash            151 ms, 418 ms
//
// Codes are bytes, not LowCardinality labels: all people by three columns took 27 ms
// by code and 412 ms by label, those of the list 140 and 149; and a code says nothing
// to who reads a table. Tokens as numbers of 64 and 32 bits, or of 128, join no faster
// than as FixedString(12) (77, 86 and 83 ms).
package clickhouse
