package intake

import (
	"bytes"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"awase/crypto/identifier"
	"awase/entrustment"
)

// KeyFault is what is wrong with a user key that somebody typed. It says nothing of
// the value.
type KeyFault struct {
	Detail, Mend string
	Doubt        bool // it can be sealed, and a base may have such keys
}

// keyNames are the folded headers of columns of user keys.
var keyNames = []string{
	"id", "uid", "userid", "userkey", "user", "key", "memberid", "member", "memberno", "membernumber", "customerid", "customer", "customerno", "customernumber", "accountid", "account",
	"clientid", "ユーザーid", "ユーザid", "ユーザー", "ユーザーキー", "会員", "会員id", "会員no", "会員番号", "会員コード", "顧客", "顧客id", "顧客no", "顧客番号", "顧客コード", "利用者id", "利用者番号", "お客様番号", "お客様id", "管理番号",
}

// CheckUserKey looks at a key of a request of a data subject. Nothing that comes back
// from the room tells a key that the base has not from one that it has, so what is
// plainly no key is to be found where it is typed, or the receipt says that something is
// in force for nobody. first: of the first line, which may be a header.
func CheckUserKey(key []byte, first bool) (*KeyFault, error) {
	const asBase = "write the key as the base has it"
	if len(key) > maxUserKey {
		return &KeyFault{Detail: fmt.Sprintf("it is longer than %d bytes, which no key of a base is", maxUserKey), Mend: "write one user key a line"}, nil
	}
	doubt := func(detail, mend string) (*KeyFault, error) { return &KeyFault{detail, mend, true}, nil }
	switch {
	case first && (slices.Contains(keyNames, fold(string(key))) || kindOf(string(key)) != ""):
		return doubt("it is the name of a column, not a user key", "take the header line out")
	case !utf8.Valid(key) || bytes.ContainsFunc(key, unseen):
		return doubt("it has a character that is not seen, a tab among them, or is no UTF-8", "write one user key a line, and nothing else")
	case bytes.ContainsFunc(key, wide):
		return doubt("it has full-width letters, digits or signs", asBase+", mostly in half-width")
	case bytes.ContainsRune(key, '@'):
		return doubt("it has an @: an address is no user key", "look the person's key up in your own systems by the address")
	}
	if !bytes.ContainsAny(key[:min(1, len(key))], "0+(") {
		return nil, nil // a bare number may be a key as well
	}
	norm, err := identifier.New(entrustment.Home)
	if err != nil {
		return nil, fmt.Errorf("looking at a user key: %w", err)
	}
	if _, _, err := norm.Canonical(identifier.Phone, key); err == nil {
		return doubt("it looks like a phone number, which is no user key", "look the person's key up in your own systems by the number")
	}
	return nil, nil
}

// unseen tells whether a character shows as nothing, or moves what follows.
func unseen(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// wide tells the full-width forms of ASCII, with the space of their width.
func wide(r rune) bool { return r >= '\uff01' && r <= '\uff5e' || r == '\u3000' }
