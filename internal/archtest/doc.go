// Package archtest holds the import law of DESIGN §3: which room may import
// which. It reads the files with go/parser, so its result is never served from
// the test cache after a violation.
package archtest
