package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"awase/api"
	"awase/internal/apitest"
)

// repeatedUsers is a table of users in which one stands twice.
func repeatedUsers(header, row string, n int) string {
	var b strings.Builder
	b.WriteString(header + "\n")
	for i := range n {
		fmt.Fprintf(&b, row+"\n", fmt.Sprint("canary-user-", map[bool]int{true: 3, false: i}[i == n-2]), i)
	}
	return b.String()
}

// TestRepeatedUserKeysAreNamed: a base that is refused for user keys that stand in
// several rows is refused with the rows, by --problems too, at a vault and over the
// network; the keys are in neither.
func TestRepeatedUserKeysAreNamed(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := writeDocs(dir); err != nil {
		t.Fatal(err)
	}
	room := apitest.Start(t)
	room.Furnish()
	for name, text := range map[string]string{
		"users.csv":  repeatedUsers("user_id,ok,version,agreed,email,mobile,birth,sex,zip,name", "%s,true,2024-01-29,,u%d@example.jp,,1990-01-01,female,1000001,x", 40),
		"api.csv":    repeatedUsers("id,ok,version,date,email,sex,area", "%s,true,v2,,u%d@example.jp,f,east", 40),
		"room.yaml":  apitest.BaseDoc,
		"broken.csv": "user_id,ok\nu1,true\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(status int, line string) string {
		t.Helper()
		code, out, errOut := command(t, strings.Fields(line)...)
		if code != status {
			t.Fatalf("%s: status %d\n%s\n%s", line, code, out, errOut)
		}
		return out + errOut
	}
	refused := func(line, file string) {
		t.Helper()
		said := run(1, line)
		has(t, said, "user keys with more than one row: 1; the first of them in rows 5, 40", "user_key_repeated", "first at row 40")
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		has(t, string(raw), "\n40,", "user_key_repeated,the user key stands in row 5 already")
		if strings.Contains(said+string(raw), "canary-user") {
			t.Errorf("it says a key: %s", said)
		}
	}
	run(0, "party add --vault V operator.yaml")
	run(0, "policy add --vault V policies.yaml")
	refused("base load --vault V --schema base.yaml --no-progress --problems p.csv users.csv", "p.csv")
	run(1, "base load --vault V --schema base.yaml --no-progress --problems q.csv broken.csv")
	t.Setenv(serverEnv, room.URL)
	t.Setenv(tokenEnv, room.Token(apitest.Person(apitest.Operator, api.AdOps)))
	refused("base load --schema room.yaml --no-progress --problems n.csv api.csv", "n.csv")
}
