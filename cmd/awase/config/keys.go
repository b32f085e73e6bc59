package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"awase/enclave/sandbox"
)

// Key is one key of the configuration.
type Key struct {
	Name    string   // as in the file, with a dot for each level
	Doc     string   // a line
	Type    string   // of JSON Schema: string | integer | number | boolean | array
	Values  []string // all that it takes; nil: anything of its form
	Example string   // that it takes
	List    bool
	Secret  string // how much of a value awase config show may print: "form" alone, up to the first colon; "": all

	preset string
	path   bool
	text   func(*Config) *string // of a path
	set    func(c *Config, text []string) (detail, mend string)
}

// Keys gives all keys, in the order of docs/config.md.
func Keys() []Key { return keys }

// Env is the variable of the environment that gives the key.
func (k Key) Env() string {
	return "AWASE_" + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Flag is the flag of awase serve that gives the key.
func (k Key) Flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(k.Name) }

// Preset is the default, as text; "": none.
func (k Key) Preset() string { return k.preset }

// Shown is what people may see of a value.
func (k Key) Shown(v Value) string {
	text := strings.Join(v.Text, ", ")
	if form, rest, ok := strings.Cut(text, ":"); k.Secret == "form" && ok && form != "file" && rest != "" {
		return form + ":…"
	}
	return text
}

func (k *Key) defaults() Value {
	v := Value{Layer: Default}
	if k.preset != "" {
		v.Text = k.split(k.preset)
	}
	return v
}

// split reads the text of a variable: of a list, values with commas between.
func (k *Key) split(text string) []string {
	if !k.List {
		return []string{text}
	}
	var out []string
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}

// within joins a path of the file to the file's directory.
func (k *Key) within(c *Config, file string) {
	p := k.text(c)
	form, path := "", *p
	if rest, ok := strings.CutPrefix(path, "file:"); ok {
		form, path = "file:", rest
	} else if k.Secret == "form" {
		return // a credential, or a command
	}
	if path != "" && !filepath.IsAbs(path) {
		*p = form + filepath.Join(filepath.Dir(file), path)
	}
}

// aPath is a key that names a file or a directory.
func aPath(name, preset, example, doc string, of func(*Config) *string) Key {
	return Key{Name: name, Doc: doc, Type: "string", Example: example, preset: preset, path: true, text: of, set: func(c *Config, text []string) (string, string) {
		if text[0] == "" || strings.ContainsRune(text[0], 0) {
			return "it names nothing", "write a path"
		}
		*of(c) = text[0]
		return "", ""
	}}
}

// aText is a key that is taken as it is where the test finds nothing wrong.
func aText(name, preset, example, doc string, of func(*Config) *string, wrong func(string) (string, string)) Key {
	return Key{Name: name, Doc: doc, Type: "string", Example: example, preset: preset, set: func(c *Config, text []string) (string, string) {
		if detail, mend := wrong(text[0]); detail != "" {
			return detail, mend
		}
		*of(c) = text[0]
		return "", ""
	}}
}

// aChoice is a key that takes some values.
func aChoice(name, doc string, of func(*Config) *string, values ...string) Key {
	k := aText(name, values[0], values[len(values)-1], doc, of, func(s string) (string, string) {
		for _, v := range values {
			if s == v {
				return "", ""
			}
		}
		return "it is none of the values that there are", "write one of " + strings.Join(values, ", ")
	})
	k.Values = values
	return k
}

var keys = []Key{
	aText("listen", "127.0.0.1:8740", "127.0.0.1:0", "The address that the service answers HTTP at; port 0: any that is free; none: it answers none", func(c *Config) *string { return &c.Listen }, wrongListen),
	{Name: "public_url", Doc: "How people reach it: for links, cookies and the sign-in provider; without it the address of listen", Type: "string", Example: "https://room.example.jp", set: publicURL},
	aPath("tls.cert_file", "", "/etc/awase/tls.crt", "The certificate, and those between it and its root, as PEM; then the service answers HTTPS. Read again when it changed, or at SIGHUP", func(c *Config) *string { return &c.TLS.CertFile }),
	aPath("tls.key_file", "", "/etc/awase/tls.key", "The certificate's key, as PEM", func(c *Config) *string { return &c.TLS.KeyFile }),
	aNets("trusted_proxies", "10.0.0.0/8", "Addresses of proxies whose X-Forwarded-For is believed: by it strangers are told apart for rates", func(c *Config) *nets { return (*nets)(&c.TrustedProxies) }),
	aPath("data", "awase-data", "/var/lib/awase", "The directory of all that the service keeps; made where there is none", func(c *Config) *string { return &c.Data }),
	aPath("vault", "", "/var/lib/awase/vault", "The vault; without it, vault in data", func(c *Config) *string { return &c.Vault }),
	aKeySource("vault_key", "file:/etc/awase/vault.key", "Where the vault key is kept: file:PATH, credential:NAME of systemd, or command:LINE, whose output it is; without it, the file beside the vault", func(c *Config) *string { return &c.VaultKey }),
	aKeySource("next_key", "credential:next", "Where the key is that awase vault rotate goes to; not for a file, whose next key is made", func(c *Config) *string { return &c.NextKey }),
	aPath("socket", "", "/run/awase/awase.sock", "The enclave's socket, at most 103 bytes; without it, run/awase.sock in data", func(c *Config) *string { return &c.Socket }),
	aText("operator", "operator", "hatena", "The id of the party that runs the room", func(c *Config) *string { return &c.Operator }, wrongID),
	aText("oidc.issuer", "", "https://login.example.jp", "Who people may sign in with besides (OpenID Connect)", func(c *Config) *string { return &c.OIDC.Issuer }, wrongURL),
	aText("oidc.client_id", "", "awase", "This service's id there", func(c *Config) *string { return &c.OIDC.ClientID }, wrongWord),
	aPath("oidc.client_secret_file", "", "/etc/awase/oidc.secret", "The file that holds this service's secret there", func(c *Config) *string { return &c.OIDC.ClientSecretFile }),
	aText("smtp.host", "", "mail.example.jp", "Who carries mail: notices with a subject and a link", func(c *Config) *string { return &c.SMTP.Host }, wrongWord),
	aNumber("smtp.port", "", "2525", "Its port; without it that of smtp.tls: 587, 465 or 25", 1, 65535, func(c *Config, n int64) { c.SMTP.Port = int(n) }),
	aText("smtp.user", "", "awase", "Who signs in there", func(c *Config) *string { return &c.SMTP.User }, wrongWord),
	aPath("smtp.password_file", "", "/etc/awase/smtp.secret", "The file that holds the password", func(c *Config) *string { return &c.SMTP.PasswordFile }),
	aText("smtp.from", "", "awase@example.jp", "Whom mail is from", func(c *Config) *string { return &c.SMTP.From }, wrongAddress),
	aChoice("smtp.tls", "How the connection is protected: upgraded, from its first byte, or, on the loopback alone, not", func(c *Config) *string { return &c.SMTP.TLS }, "starttls", "tls", "none"),
	aNets("webhooks.allow", "10.20.0.0/16", "Addresses of private networks that webhooks may go to; public ones they may always", func(c *Config) *nets { return (*nets)(&c.Webhooks.Allow) }),
	aSize("uploads.quota", "100GiB", "256GiB", "What one party's sealed files may take together", func(c *Config) *int64 { return &c.Uploads.Quota }),
	aNumber("uploads.files", "50", "200", "And how many they may be", 1, 100_000, func(c *Config, n int64) { c.Uploads.Files = int(n) }),
	aSize("uploads.max_size", "32GiB", "64GiB", "What one sealed file may take", func(c *Config) *int64 { return &c.Uploads.MaxSize }),
	aSpan("uploads.expire", "168h", "24h", "How long a file that is whole waits to be loaded; one that is not waits a day for its rest", func(c *Config) *span { return (*span)(&c.Uploads.Expire) }),
	aReal("rate.per_second", "50", "20", "Requests a second of one person or token; all tokens of a person have four times that", func(c *Config) *float64 { return &c.Rate.PerSecond }),
	aNumber("rate.burst", "200", "100", "And so many at once", 1, 1_000_000, func(c *Config, n int64) { c.Rate.Burst = int(n) }),
	aReal("rate.strangers", "5", "2", "Requests a second of one address that does not say who asks", func(c *Config) *float64 { return &c.Rate.Strangers }),
	aChoice("log.level", "The least that is logged", func(c *Config) *string { return &c.Log.Level }, "info", "debug", "warn", "error"),
	aChoice("log.format", "How: a line of JSON, or of text, an entry", func(c *Config) *string { return &c.Log.Format }, "json", "text"),
	aText("metrics.listen", "", "127.0.0.1:9740", "The address of /metrics (Prometheus), plain HTTP; without it there are none", func(c *Config) *string { return &c.Metrics.Listen }, wrongAt),
	{Name: "engine.shards", Doc: "The ClickHouse servers that count in place of the enclave's own memory, a shard each; without it there are none", Type: "array", List: true, Example: "ch1.internal:9440", set: engineShards},
	aText("engine.database", "awase", "room", "The database there, which is made before", func(c *Config) *string { return &c.Engine.Database }, wrongWord),
	aText("engine.user", "", "awase", "Who signs in there", func(c *Config) *string { return &c.Engine.User }, wrongWord),
	aPath("engine.password_file", "", "/etc/awase-engine/clickhouse.secret", "The file that holds the password; the enclave alone reads it", func(c *Config) *string { return &c.Engine.PasswordFile }),
	aPath("engine.ca_file", "", "/etc/awase-engine/ca.crt", "Who signs the servers' certificates, as PEM: nobody else is believed", func(c *Config) *string { return &c.Engine.CAFile }),
	aText("engine.server_name", "", "clickhouse.internal", "The name that their certificates are for; without it, the host of each address", func(c *Config) *string { return &c.Engine.ServerName }, wrongWord),
	aChoice("engine.tls", "How the connections are protected: by TLS that ends in the enclave or, on the loopback alone, not", func(c *Config) *string { return &c.Engine.TLS }, "tls", "none"),
	aSize("engine.memory", "8GiB", "32GiB", "What a statement may use of a shard's memory", func(c *Config) *int64 { return &c.Engine.Memory }),
	aSpan("engine.time", "5m", "15m", "How long a count may take there", func(c *Config) *span { return (*span)(&c.Engine.Time) }),
	{Name: "allow_missing", Doc: "Pieces of confinement that this kernel may lack, as awase attestation names them; every receipt names those that are missing", Type: "array", List: true, Example: "network", set: func(c *Config, text []string) (string, string) {
		for _, n := range text {
			if !slices.Contains(sandbox.Names(), sandbox.Name(n)) {
				return "no piece of confinement is called one of them", fmt.Sprintf("there are %v", sandbox.Names())
			}
		}
		c.AllowMissing = text
		return "", ""
	}},
	{Name: "practice", Doc: "A room with made-up people, in data of its own, to rehearse in: every release says so", Type: "boolean", Example: "true", preset: "false", set: func(c *Config, text []string) (string, string) {
		c.Practice = text[0] == "true"
		if text[0] != "true" && text[0] != "false" {
			return "it is neither true nor false", "write true or false"
		}
		return "", ""
	}},
}
