package api_test

import (
	"strings"
	"sync"
	"testing"

	"awase/api"
	"awase/api/account"
	"awase/internal/apitest"
)

// The setup code makes one admin, once, whoever is first.
func TestSetupOnce(t *testing.T) {
	r := apitest.Start(t)
	old, _, err := api.SetupCode(t.Context(), r.Store, apitest.Operator)
	if err != nil {
		t.Fatal(err)
	}
	code, needed, err := api.SetupCode(t.Context(), r.Store, apitest.Operator) // a restart
	if err != nil || !needed || code == old {
		t.Fatal(needed, err)
	}
	ask := func(code string) int {
		return r.Nobody().Do("POST", "/v1/setup", body{"token": code, "email": account.NewTOTP()[:8] + "@operator.example", "name": "N", "password": good}).Status
	}
	for _, bad := range []string{old, "", "x", account.NewSecret()} {
		if got := ask(bad); got != 404 {
			t.Errorf("%q: %d", bad, got)
		}
	}
	var mu sync.Mutex
	made := 0
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if ask(code) == 201 {
				mu.Lock()
				defer mu.Unlock()
				made++
			}
		})
	}
	all.Wait()
	if made != 1 {
		t.Errorf("%d first admins", made)
	}
	if got := ask(code); got != 404 {
		t.Errorf("a used code: %d", got)
	}
	// A code from before the first admin is worth nothing after.
	if err := r.Store.SetSetup(t.Context(), account.Hash("left over")); err != nil {
		t.Fatal(err)
	}
	if got := ask("left over"); got != 404 {
		t.Errorf("a second first admin: %d", got)
	}
}

// The account is in the language that the page was shown in, or that the browser asks for.
func TestSetupLanguage(t *testing.T) {
	r := apitest.Start(t)
	for _, row := range []struct {
		query, browser string
		english        bool
	}{{"", "", false}, {"", "en-GB,en;q=0.9", true}, {"", "ja,en;q=0.8", false}, {"?lang=en", "ja", true}, {"?lang=ja", "en", false}} {
		page := string(r.Nobody().Do("GET", "/setup"+row.query, nil, "Accept-Language", row.browser).Want(200).Body)
		if strings.Contains(page, `value="en" lang="en" selected`) != row.english {
			t.Errorf("%q for %q: %s", row.query, row.browser, page)
		}
	}
	r.Nobody().Bad("GET", "/setup?lang=fr", "").Want(422)
	for lang, want := range map[string]string{"": "ja", "ja": "ja", "en": "en"} {
		r := apitest.Start(t)
		code, _, err := api.SetupCode(t.Context(), r.Store, apitest.Operator)
		if err != nil {
			t.Fatal(err)
		}
		in := body{"token": code, "email": "hana@operator.example", "name": "N", "password": good}
		if lang != "" {
			in["language"] = lang
		}
		var made struct{ Language string }
		r.Nobody().Do("POST", "/v1/setup", in).Want(201).JSON(&made)
		if made.Language != want {
			t.Errorf("%q: made in %q", lang, made.Language)
		}
	}
}

// The page without script makes the first admin too, and lets nothing in.
func TestSetupPage(t *testing.T) {
	r := apitest.Start(t)
	code, _, err := api.SetupCode(t.Context(), r.Store, apitest.Operator)
	if err != nil {
		t.Fatal(err)
	}
	page := r.Nobody().Do("GET", "/setup", nil).Want(200)
	csp := page.Header.Get("Content-Security-Policy")
	if strings.Contains(string(page.Body), "<script") || !strings.Contains(csp, "form-action 'self'") || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(string(page.Body), `method="post" action="/setup"`) {
		t.Errorf("%s\n%s", csp, page.Body)
	}
	const form = "application/x-www-form-urlencoded"
	post := func(raw, media string, header ...string) *apitest.Answer {
		t.Helper()
		return r.Nobody().Bad("POST", "/setup", raw, append(header, "Content-Type", media)...)
	}
	rest := "&language=en&email=hana%40operator.example&name=%3Cb%3E%E8%8A%B1&password=" + strings.ReplaceAll(good, " ", "+")
	if a := post("code=x"+rest, form).Want(404); !strings.Contains(string(a.Body), "&lt;b&gt;花") || strings.Contains(string(a.Body), good) {
		t.Errorf("%s", a.Body)
	}
	post("code="+code+rest+"&party=x", form).Want(422)
	post("code="+code+"&code=x"+rest, form).Want(422)
	post("code="+code+rest, "text/plain").Want(422)
	post("code="+code+strings.Replace(rest, "=en", "=fr", 1), form).Want(422)
	post("code="+code+strings.Replace(rest, "plum", "", 1), form, "Origin", "https://evil.example").Want(403)
	post("code="+code+"&language=ja&email=hana%40operator.example&name=H&password=short", form).Want(422)
	done := post("code="+code+rest, form).Want(201)
	if !strings.Contains(string(done.Body), `href="/sign-in"`) || !strings.Contains(string(done.Body), "/v1/session") || strings.Contains(string(done.Body), code) {
		t.Errorf("%s", done.Body)
	}
	var me struct{ Language string }
	signIn(t, r, "hana@operator.example", good).Do("GET", "/v1/me", nil).Want(200).JSON(&me)
	if me.Language != "en" {
		t.Errorf("an account made in English is in %q", me.Language)
	}
	// Once it is set up, who comes there is told so, and how to sign in.
	if a := r.Nobody().Do("GET", "/setup", nil).Want(404); !strings.Contains(string(a.Body), "the room is set up") || !strings.Contains(string(a.Body), "sign in (POST /v1/session)") {
		t.Errorf("%s", a.Body)
	}
	over := r.Nobody().Do("GET", "/setup", nil, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8").Want(404)
	if text := string(over.Body); !strings.HasPrefix(over.Header.Get("Content-Type"), "text/html") || !strings.Contains(text, "このルームは設定済みです") || !strings.Contains(text, `href="/sign-in"`) || !strings.Contains(text, "/v1/session") || strings.Contains(text, "<form") {
		t.Errorf("%s", over.Body)
	}
	if strings.Contains(r.Log.String(), code) {
		t.Error("the log holds the code")
	}
}
