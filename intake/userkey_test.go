package intake

import (
	"strings"
	"testing"
)

// TestCheckUserKey: what is plainly no user key is told where it is typed, with its
// mend and without the value; keys of all usual forms pass.
func TestCheckUserKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"u1", "canary-user-1", "12345", "00012345", "0000123456", "9012345678", "A-0001", "会員A1", "550e8400-e29b-41d4-a716-446655440000", "user_id_7", strings.Repeat("k", 512), "a b", "山田1"} {
		if f, err := CheckUserKey([]byte(key), true); f != nil || err != nil {
			t.Errorf("%q: %+v, %v", key, f, err)
		}
	}
	for key, says := range map[string]string{
		"ｕ１": "full-width", "u１": "full-width", "u　1": "full-width", "ａ＠example.jp": "full-width", "canary@example.jp": "@",
		"090-1234-5678": "phone", "+819012345678": "phone", "09012345678": "phone", "(03) 1234-5678": "phone",
		"u1\tu2": "not seen", "u\u200b1": "not seen", "\u202eu1": "not seen", "u1\x00": "not seen", "u\xff": "UTF-8",
	} {
		for _, first := range []bool{true, false} {
			f, err := CheckUserKey([]byte(key), first)
			if err != nil || f == nil || !f.Doubt || !strings.Contains(f.Detail, says) || f.Mend == "" || strings.Contains(f.Detail+f.Mend, key) {
				t.Errorf("%q: %+v, %v", key, f, err)
			}
		}
	}
	for _, header := range []string{"user_id", "User ID", "ＵＳＥＲ＿ＩＤ", "会員ID", "会員番号", "顧客コード", "id", "email", "customer no."} {
		f, err := CheckUserKey([]byte(header), true)
		if err != nil || f == nil || !strings.Contains(f.Detail, "name of a column") {
			t.Errorf("first line %q: %+v, %v", header, f, err)
		}
	}
	if f, _ := CheckUserKey([]byte("user_id"), false); f != nil {
		t.Errorf("a header in the middle: %+v", f)
	}
	if f, _ := CheckUserKey([]byte(strings.Repeat("k", 513)), false); f == nil || f.Doubt || !strings.Contains(f.Detail, "512 bytes") {
		t.Errorf("too long: %+v", f)
	}
}
