package enclave

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"awase/crypto/token"
	"awase/enclave/vault"
)

// TestTokensAtRest: no file of the vault holds a token of anybody, or the key of
// one, as it stands on the disk; opened with the vault key the segments hold them,
// so it is the encryption that hides them.
func TestTokensAtRest(t *testing.T) {
	e := openCrowd(t)
	loadCrowdEvents(t, e)
	users, err := token.NewMaker(e.tokens, userKind, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	emails, err := token.NewMaker(e.tokens, "email", 0, "")
	if err != nil {
		t.Fatal(err)
	}
	var secrets [][]byte
	for _, i := range []string{"0", "7", "1499"} {
		user, email := sha256.Sum256([]byte("user-"+i)), sha256.Sum256([]byte("taro."+i+"@example.jp"))
		for _, tok := range []token.Token{users.Make(&user), emails.Make(&email)} {
			reversed := slices.Clone(tok[:8]) // as an index keeps them
			slices.Reverse(reversed)
			secrets = append(secrets, tok[:8], reversed)
		}
	}
	holds := func(data []byte) (n int) {
		for _, s := range secrets {
			if bytes.Contains(data, s) || bytes.Contains(data, []byte(hex.EncodeToString(s))) {
				n++
			}
		}
		return n
	}
	secrets = append(secrets, e.tokens[:], e.lists[:])
	err = filepath.WalkDir(e.vault.Dir(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if holds(data) > 0 {
			t.Errorf("%s holds a token or a key", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	open := func(ref vault.SegmentRef) (n int) {
		cols, err := e.vault.ReadSegment(ref)
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range cols {
			n += holds(data)
		}
		return n
	}
	l := e.state.lists[listKey{"e", "l"}]
	for what, ref := range map[string]vault.SegmentRef{"base": e.state.base.Segment, "list": l.Segment, "rows": l.RowSegment, "events": e.logsOf(e.state.contracts["e"])[0].Segment} {
		if open(ref) < 3 {
			t.Errorf("the %s opened holds %d of the tokens: the test looks for the wrong ones", what, open(ref))
		}
	}
}
