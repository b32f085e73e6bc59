// Package account is the arithmetic of signing in: passwords (argon2id), one-time
// codes (RFC 6238), recovery codes, and the secrets that cookies, API tokens and
// links are. It keeps nothing and knows no person.
//
//	password ─▶ argon2id, parameters beside it     slow on purpose, a few at a time
//	secret   ─▶ SHA-256                            256 random bits: nothing to guess
//
// It does not count attempts: who calls it does.
package account
