package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"awase/api"
	"awase/internal/apitest"
)

// A token with the scopes that docs/uploads.md names does a whole upload, and with any
// of them away it does none, and is told all that it needs.
func TestUploadScopes(t *testing.T) {
	doc, err := os.ReadFile("../../docs/uploads.md")
	if err != nil {
		t.Fatal(err)
	}
	scopes := strings.Split(uploadScopes, ", ")
	if want := "exactly the scopes `" + strings.Join(scopes, "`, `") + "`"; !strings.Contains(string(doc), want) {
		t.Errorf("docs/uploads.md does not say %q", want)
	}
	u := newUploader(t)
	env := u.env
	list := []string{"--entrustment", apitest.Entrustment, "--name", "vips", "--enclave-key", u.key, "list.csv"}
	with := func(scopes []string) {
		p := apitest.Person(apitest.Acme, api.AdOps)
		p.Scopes = scopes
		u.env = append(slices.Clip(env), "AWASE_TOKEN="+u.Token(p))
	}
	for i, missing := range scopes {
		u.write("list.csv", emails(1000*i, 300))
		with(slices.Delete(slices.Clone(scopes), i, i+1))
		has(t, u.run(1, list...), "E_FORBIDDEN", "the scope "+missing, uploadScopes)
	}
	u.write("list.csv", emails(0, 300))
	with(scopes)
	has(t, u.run(0, list...), "list vips")
	u.as(apitest.Operator)
	u.write("base.yaml", apitest.BaseDoc)
	u.write("users.csv", "id,ok,version,date,sex,area,email\nu1,true,v2,2024-02-01,f,east,taro.1@example.jp\n")
	env = u.env
	p := apitest.Person(apitest.Operator, api.AdOps)
	p.Scopes = scopes
	u.env = append(slices.Clip(env), "AWASE_TOKEN="+u.Token(p))
	has(t, u.run(0, "--base", "--schema", "base.yaml", "--enclave-key", u.key, "users.csv"), "base loaded: 1 user")
}
