// Package relay lets a process without a network reach the servers of a fixed list,
// through one that has a network and nothing else.
//
//	relay                                            enclave
//	connects some channels to its socket,
//	and only then confines itself
//	hello, who I am, the secret ─────────────────▶   one that is new ends those of the one before
//	                ◀───────────────── open, number  of the list
//	dials it
//	opened, or failed and why ───────────────────▶
//	                ◀──── data …, end (no more) ───▶  as each side of the connection does
//	                ◀──── gone ───────────────────▶  each once: the channel is free again
//
// A frame is a byte, a length of two and so many bytes. Channels are used again and
// again, so that the relay needs no unix socket once it is confined: it can reach no
// socket of the enclave's but by the channels that it has. A channel carries one
// connection at a time. What is not read on one side is not read on the other.
//
// The secret is of the supervisor's start, which hands it to both by a descriptor:
// another process may connect to the socket, too, as the front can, and would be the
// relay from then on. Whatever shows another is closed, and ends nobody's channels.
//
// The relay is trusted for nothing. TLS ends in the enclave. A relay that lies,
// hangs, floods, or answers what is no answer makes dialing fail, or a connection
// end, and no more: the enclave bounds channels, frames and the time of an answer.
package relay
