package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestLongUserKeysAreSaid: who loads a base with channels is told where its user keys
// are too long for a delivery, and sees none of them.
func TestLongUserKeysAreSaid(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := writeDocs(dir); err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile("base.yaml")
	if err == nil {
		err = os.WriteFile("base.yaml", append(schema, "channels: [{column: mail_ok, channel: mail}]\n"...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"party add --vault V operator.yaml", "policy add --vault V policies.yaml"} {
		if code, _, errOut := command(t, strings.Fields(line)...); code != 0 {
			t.Fatalf("%s: %s", line, errOut)
		}
	}
	for _, n := range []int{128, 129} {
		key := strings.Repeat("k", n)
		rows := fmt.Sprintf("user_id,ok,version,agreed,email,mobile,birth,sex,zip,name,mail_ok\n%s,true,2024-01-29,,u@example.jp,,1990-01-01,female,1000001,x,true\n", key)
		if err := os.WriteFile("users.csv", []byte(rows), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, json := range []string{"", " --json"} {
			code, out, errOut := command(t, strings.Fields("base load --vault V --schema base.yaml --no-progress users.csv"+json)...)
			if code != 0 {
				t.Fatalf("status %d: %s", code, errOut)
			}
			if says := strings.Contains(out, "user keys of more than 128 bytes") || strings.Contains(out, `"long_keys": true`); says != (n > 128) || strings.Contains(out+errOut, key) {
				t.Errorf("%d bytes: %s", n, out)
			}
		}
	}
}
