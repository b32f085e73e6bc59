package config

import (
	"errors"
	"strings"

	"awase/entrustment"
)

// problems are all that is wrong.
type problems []error

func (p *problems) add(at, name, detail, mend string) {
	field := at
	if field != "" && name != "" && !strings.HasPrefix(field, "--") && !strings.HasPrefix(field, "AWASE_") {
		field += " (" + name + ")"
	} else if field == "" {
		field = name
	}
	*p = append(*p, &entrustment.Error{Code: entrustment.CodeDocument, Field: field, Detail: detail, Mend: mend})
}

func (p problems) err() error { return errors.Join(p...) }

// whole checks what keys say together.
func (p *problems) whole(e *Effective) {
	given := func(name string) bool { return len(e.Values[name].Text) > 0 && e.Values[name].Layer != Default }
	at := func(name string) string { return e.Values[name].At }
	// needs wants a key beside another.
	needs := func(name, other, why string) {
		if given(name) && !given(other) {
			p.add(at(name), name, why+" needs "+other, "give "+other+" too, or leave "+name+" out")
		}
	}
	needs("tls.cert_file", "tls.key_file", "a certificate")
	needs("tls.key_file", "tls.cert_file", "a key")
	for _, name := range []string{"oidc.client_id", "oidc.client_secret_file"} {
		needs(name, "oidc.issuer", "it")
	}
	needs("oidc.issuer", "oidc.client_id", "a sign-in provider")
	for _, name := range []string{"smtp.port", "smtp.user", "smtp.password_file", "smtp.from", "smtp.tls"} {
		needs(name, "smtp.host", "it")
	}
	needs("smtp.host", "smtp.from", "mail")
	needs("smtp.user", "smtp.password_file", "a user")
	needs("smtp.password_file", "smtp.user", "a password")
	needs("next_key", "vault_key", "it")
	if strings.HasPrefix(e.NextKey, "file:") && strings.HasPrefix(e.VaultKey, "file:") {
		p.add(at("next_key"), "next_key", "the next key of a file is made", "leave next_key out")
	}
	if e.Listen != NoFront && !Loopback(e.Listen) {
		if !given("tls.cert_file") {
			p.add(at("listen"), "listen", "others than this machine reach it, and it would speak plain HTTP", "give tls.cert_file and tls.key_file; or a loopback address, as 127.0.0.1:8740, and put a proxy with TLS before it")
		}
		if !given("public_url") {
			p.add(at("listen"), "listen", "others than this machine reach it, and links would not say how", "give public_url")
		}
	}
	if given("tls.cert_file") && strings.HasPrefix(e.PublicURL, "http://") {
		p.add(at("public_url"), "public_url", "it is not https, and the service answers HTTPS", "write https://…")
	}
	if e.Metrics.Listen != "" && e.Metrics.Listen == e.Listen && !strings.HasSuffix(e.Listen, ":0") {
		p.add(at("metrics.listen"), "metrics.listen", "the service itself listens there", "give another port")
	}
	if e.SMTP.TLS == "none" && !Loopback(e.SMTP.Host+":0") && e.SMTP.Host != "localhost" && e.SMTP.Host != "" {
		p.add(at("smtp.tls"), "smtp.tls", "mail would cross the network in the clear", "write starttls or tls; none is for this machine's own mail server")
	}
	if e.SMTP.TLS == "none" && e.SMTP.User != "" {
		p.add(at("smtp.tls"), "smtp.tls", "the password would be sent in the clear", "write starttls or tls, or leave smtp.user out")
	}
	p.engine(e, given)
	if e.Uploads.MaxSize > e.Uploads.Quota {
		p.add(at("uploads.max_size"), "uploads.max_size", "one file would be more than uploads.quota", "write less, or a larger quota")
	}
}
