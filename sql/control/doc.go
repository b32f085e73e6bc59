// Package control is the control store: people, sessions, uploads, jobs, reports,
// webhooks and notices of the service, in one SQLite file. It holds no user of
// anybody's list, and nothing that decides what may leave: that is the enclave's.
//
//	api ──store types──▶ Store ──writer (one connection)──▶ control.db (WAL)
//	                           ──readers─────────────────▶
//
// Statements are files (queries/*.sql), one statement each; their head comment
// says who may see the result. Every row of a party names it, and statements that
// serve people bind the party: a row of another party is not found. Migrations
// (migrations/*.sql, goose) run when the store is opened; a file that a newer
// program made is refused.
package control
