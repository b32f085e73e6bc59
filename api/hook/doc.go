// Package hook sends webhooks by the Standard Webhooks scheme, and to nowhere else
// than the open internet.
//
//	message ─▶ sign (HMAC-SHA256, each valid secret) ─▶ guard (the URL as written) ─▶ resolve ─▶ guard (the address dialled) ─▶ POST
//
// Parties write the URLs, so a URL is an attacker's word: it may name the room's
// own network, or a name that resolves to it, now or only at the second asking.
// The control is therefore at the socket: each address is held against the guard
// after it was resolved, right before it is connected to. Nothing is resolved
// twice, no redirect is followed, no proxy asked, and nothing of an answer is kept
// but its status and how long it may take until the next try.
package hook
