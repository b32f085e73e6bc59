package api

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plainPath tells whether an address is written the one way that ours are: what is
// encoded in it is text that has to be, never a slash, a dot or a control
// character, by which one address would be another to who stands before us.
func plainPath(u *url.URL) bool {
	if !strings.HasPrefix(u.Path, "/") || !utf8.ValidString(u.Path) || strings.ContainsFunc(u.Path, func(r rune) bool { return unicode.IsControl(r) || r == '\\' }) {
		return false
	}
	for part := range strings.SplitSeq(u.Path[1:], "/") {
		if part == "." || part == ".." {
			return false
		}
	}
	if strings.Contains(u.Path, "//") {
		return false
	}
	written := strings.ToLower(u.EscapedPath())
	for _, trick := range []string{"%2f", "%5c", "%2e", "%25"} {
		if strings.Contains(written, trick) {
			return false
		}
	}
	return true
}
