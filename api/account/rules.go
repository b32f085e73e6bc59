package account

import (
	_ "embed"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"awase/entrustment"
)

const (
	minPassword = 12
	maxPassword = 256
)

//go:embed common.txt
var commonFile string

// common are passwords that everybody tries, one a line, in lower case.
var common = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(commonFile) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			all[line] = true
		}
	}
	return all
})

// CheckPassword holds a new password against NIST SP 800-63B: at least 12
// characters of any kind, and none that is tried first: common ones, runs,
// repetitions, and what is about the person (their words). It gives a refusal.
func CheckPassword(password string, words ...string) error {
	refuse := func(detail, mend string) error {
		return &entrustment.Error{Code: entrustment.CodeSpec, Field: "password", Detail: detail, Mend: mend}
	}
	if !utf8.ValidString(password) {
		return refuse("it is not UTF-8 text", "type it anew")
	}
	p := []rune(norm.NFKC.String(password))
	switch {
	case len(p) < minPassword:
		return refuse("it has less than 12 characters", "four words that have nothing to do with each other are long enough, and easy to keep")
	case len(p) > maxPassword:
		return refuse("it has more than 256 characters", "take a shorter one")
	}
	bare := bare(strings.ToLower(string(p)), words)
	if utf8.RuneCountInString(bare) < minPassword/2 {
		return refuse("it is mostly your own name, your address or this service's name", "take words that have nothing to do with you")
	}
	if low := strings.ToLower(string(p)); common()[low] || common()[strings.TrimRight(low, "0123456789!?.-_@#$")] || repeats([]rune(low)) || runs([]rune(low)) {
		return refuse("it is one of those that are tried first", "four words that have nothing to do with each other are as easy to keep")
	}
	return nil
}

// bare gives what is left of a password without the words of its person.
func bare(p string, words []string) string {
	for _, w := range append([]string{"awase"}, words...) {
		w = strings.ToLower(norm.NFKC.String(strings.TrimSpace(w)))
		if utf8.RuneCountInString(w) >= 3 {
			p = strings.ReplaceAll(p, w, "")
		}
	}
	return p
}

// repeats tells whether p is a piece of up to 4 characters, over and over.
func repeats(p []rune) bool {
	for n := 1; n <= 4; n++ {
		same := true
		for i := n; i < len(p) && same; i++ {
			same = p[i] == p[i-n]
		}
		if same {
			return true
		}
	}
	return false
}

// runs tells whether each character is next to the one before, as in 123456789012
// or lkjihgfedcba; 9 and 0 are next to each other.
func runs(p []rune) bool {
	up, down := true, true
	for i := 1; i < len(p); i++ {
		step := p[i] - p[i-1]
		up = up && (step == 1 || p[i-1] == '9' && p[i] == '0')
		down = down && (step == -1 || p[i-1] == '0' && p[i] == '9')
	}
	return up || down
}
