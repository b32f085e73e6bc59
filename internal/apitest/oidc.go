package apitest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// OIDC is an OpenID provider on the loopback, as far as a sign-in needs one. A
// provider of others, which forgives less, is that of internal/oidcop.
type OIDC struct {
	URL string
	// Forgives: it takes a code back without what proves who began (PKCE), as
	// providers do that know none.
	Forgives bool

	t     testing.TB
	key   *rsa.PrivateKey
	mu    sync.Mutex
	codes map[string]granted
}

// granted is what a code is good for, once.
type granted struct{ subject, email, nonce, challenge, redirect string }

// Who the room is there.
const (
	OIDCClient = "awase"
	OIDCSecret = "a client's secret"
)

// StartOIDC starts a provider; secure: behind srv's TLS, whose certificate
// httptest.Server.Certificate gives.
func StartOIDC(t testing.TB, secure bool) (p *OIDC, srv *httptest.Server) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p = &OIDC{t: t, key: key, codes: map[string]granted{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.says)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("POST /token", p.token)
	srv = httptest.NewUnstartedServer(mux)
	if secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	p.URL = srv.URL
	return p, srv
}

// Back signs somebody in who was sent to the address at, and gives the address that
// the provider sends them back to.
func (p *OIDC) Back(at, subject, email string) string {
	p.t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("client_id") != OIDCClient || q.Get("response_type") != "code" {
		p.t.Fatalf("the room asks the provider for %s", at)
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = granted{subject, email, q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
	p.mu.Unlock()
	return q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

func (p *OIDC) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who asked may be gone
}

func (p *OIDC) says(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"}})
}

func (p *OIDC) keys(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, map[string]any{"keys": []any{map[string]string{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1",
		"n": b64url(p.key.N.Bytes()), "e": b64url(big.NewInt(int64(p.key.E)).Bytes())}}})
}

// token changes a code for a token, once, for the client alone.
func (p *OIDC) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if s, err := url.QueryUnescape(secret); id != OIDCClient || err != nil || s != OIDCSecret {
		p.answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	g, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	p.mu.Unlock()
	proof := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || r.PostFormValue("redirect_uri") != g.redirect || !p.Forgives && b64url(proof[:]) != g.challenge {
		p.answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	now := time.Now()
	token, err := p.sign(map[string]any{"iss": p.URL, "aud": OIDCClient, "sub": g.subject, "nonce": g.nonce, "email": g.email, "email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()})
	if err != nil {
		p.t.Error(err)
	}
	p.answer(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 60, "id_token": token})
}

// sign gives claims as a signed token.
func (p *OIDC) sign(claims map[string]any) (string, error) {
	raw, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := b64url([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + b64url(raw)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	return text + "." + b64url(sig), err
}

func b64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
