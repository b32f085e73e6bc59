package config

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"awase/entrustment"
)

var update = flag.Bool("update", false, "write docs/config.md and schema.json anew")

// said gives every error as "field: detail", in order.
func said(err error) []string {
	var out []string
	for _, e := range all(err) {
		out = append(out, e.Field+": "+e.Detail)
	}
	return out
}

func all(err error) []*entrustment.Error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*entrustment.Error
		for _, e := range many.Unwrap() {
			out = append(out, all(e)...)
		}
		return out
	}
	if e, ok := errors.AsType[*entrustment.Error](err); ok {
		return []*entrustment.Error{e}
	}
	return nil
}

const head = "schema: awase.config/v1\n"

// TestErrors: everything that is wrong is told at once, with its place, and no
// value is repeated.
func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		env   map[string]string
		flags map[string][]string
		want  []string
	}{
		"nothing":         {file: "", want: []string{"c.yaml:1:1: it is empty"}},
		"no schema":       {file: "listen: 127.0.0.1:1\n", want: []string{`c.yaml:1:1 (schema): required key "schema" is missing`}},
		"another schema":  {file: "schema: awase.party/v1\n", want: []string{"c.yaml:1:9 (schema): it is not awase.config/v1"}},
		"a list":          {file: "- canary\n", want: []string{"c.yaml:1:1: a configuration is a mapping of keys to values"}},
		"a word":          {file: "canary\n", want: []string{"c.yaml:1:1: a configuration is a mapping of keys to values"}},
		"broken":          {file: head + "listen: [canary\n", want: []string{"c.yaml:2:9: it can't be read as YAML"}},
		"two documents":   {file: head + "---\nlisten: canary\n", want: []string{"c.yaml:3:7: the file holds more than one document"}},
		"an anchor":       {file: head + "listen: &canary 127.0.0.1:1\n", want: []string{"c.yaml:2:9: anchors, aliases, tags, directives and blocks of text are not taken"}},
		"a block":         {file: head + "operator: |\n  canary\n", want: []string{"c.yaml:2:11: anchors, aliases, tags, directives and blocks of text are not taken"}},
		"not text":        {file: head + "listen: \xff\n", want: []string{"c.yaml: it is not UTF-8 text"}},
		"too large":       {file: head + strings.Repeat("#canary\n", 9000), want: []string{"c.yaml: it is larger than 65536 bytes"}},
		"too deep":        {file: head + "tls: " + strings.Repeat("[", 20) + "\n", want: []string{"c.yaml:2:14: it is nested too deep"}},
		"unknown":         {file: head + "canary: 1\ntls: {canary: 2}\n", want: []string{"c.yaml:2:1: there is no such key here", "c.yaml:3:7: there is no such key here"}},
		"twice":           {file: head + "practice: false\npractice: true\n", want: []string{"c.yaml:3:1: the key is given twice"}},
		"a group's value": {file: head + "tls: canary\n", want: []string{"c.yaml:2:6 (tls): it takes keys of its own"}},
		"a list's value":  {file: head + "webhooks: {allow: canary}\n", want: []string{"c.yaml:2:19 (webhooks.allow): it is no list"}},
		"a mapping":       {file: head + "listen: {canary: 1}\n", want: []string{"c.yaml:2:9 (listen): it is no plain string"}},
		"quoted":          {file: head + "practice: \"true\"\nrate: {burst: '1'}\n", want: []string{"c.yaml:2:11 (practice): it is no plain boolean", "c.yaml:3:15 (rate.burst): it is no plain integer"}},
		"everything at once": {file: head + "listen: canary\nlog: {level: canary, format: text}\nrate:\n  burst: 0\n  per_second: fast\ntrusted_proxies: [canary]\n", env: map[string]string{"AWASE_UPLOADS_QUOTA": "canary"}, flags: map[string][]string{"uploads-expire": {"1s"}},
			want: []string{"c.yaml:2:9 (listen): it is no address with a port", "c.yaml:7:18 (trusted_proxies): one of them is no network", "AWASE_UPLOADS_QUOTA: it is no size", "--uploads-expire: it is no span of time from a minute to a year",
				"c.yaml:6:15 (rate.per_second): it is no number from 0.01 to 1000000", "c.yaml:5:10 (rate.burst): it is no whole number from 1 to 1000000", "c.yaml:3:14 (log.level): it is none of the values that there are"}},
		"an open address":         {file: head + "listen: 0.0.0.0:443\n", want: []string{"c.yaml:2:9 (listen): others than this machine reach it, and it would speak plain HTTP", "c.yaml:2:9 (listen): others than this machine reach it, and links would not say how"}},
		"half of TLS":             {file: head + "tls: {cert_file: canary}\n", want: []string{"c.yaml:2:18 (tls.cert_file): a certificate needs tls.key_file"}},
		"plain links":             {file: head + "public_url: http://127.0.0.1\ntls: {cert_file: a, key_file: b}\n", want: []string{"c.yaml:2:13 (public_url): it is not https, and the service answers HTTPS"}},
		"a path in links":         {file: head + "public_url: https://canary/x\n", want: []string{"c.yaml:2:13 (public_url): it has a path"}},
		"a password in it":        {file: head + "oidc: {issuer: \"https://a:canary@b\", client_id: x}\n", want: []string{"c.yaml:2:16 (oidc.issuer): it is no address of a page"}},
		"no client":               {file: head + "oidc: {issuer: \"https://b\"}\n", want: []string{"c.yaml:2:16 (oidc.issuer): a sign-in provider needs oidc.client_id"}},
		"no provider":             {env: map[string]string{"AWASE_OIDC_CLIENT_ID": "x"}, file: head, want: []string{"AWASE_OIDC_CLIENT_ID: it needs oidc.issuer"}},
		"mail from nobody":        {flags: map[string][]string{"smtp-host": {"mail"}}, file: head, want: []string{"--smtp-host: mail needs smtp.from"}},
		"mail in the clear":       {file: head + "smtp: {host: canary, from: a@b.jp, tls: none}\n", want: []string{"c.yaml:2:41 (smtp.tls): mail would cross the network in the clear"}},
		"a password in the clear": {file: head + "smtp: {host: localhost, from: a@b.jp, tls: none, user: canary, password_file: p}\n", want: []string{"c.yaml:2:44 (smtp.tls): the password would be sent in the clear"}},
		"a user alone":            {file: head + "smtp: {host: h, from: a@b.jp, user: u}\n", want: []string{"c.yaml:2:37 (smtp.user): a user needs smtp.password_file"}},
		"a file too large":        {file: head + "uploads: {max_size: 2TiB}\n", want: []string{"c.yaml:2:21 (uploads.max_size): one file would be more than uploads.quota"}},
		"two on a port":           {file: head + "metrics: {listen: \"127.0.0.1:8740\"}\n", want: []string{"c.yaml:2:19 (metrics.listen): the service itself listens there"}},
		"a key's place":           {file: head + "vault_key: canary\n", want: []string{"c.yaml:2:12 (vault_key): it names no place of a key"}},
		"a key alone":             {file: head + "next_key: credential:canary\n", want: []string{"c.yaml:2:11 (next_key): it needs vault_key"}},
		"a file's next key":       {file: head + "vault_key: file:a\nnext_key: file:canary\n", want: []string{"c.yaml:3:11 (next_key): the next key of a file is made"}},
		"a shard without a port":  {file: head + "engine: {shards: [canary]}\n", want: []string{"c.yaml:2:18 (engine.shards): one of them is no server with its port"}},
		"a shard's port":          {file: head + "engine: {shards: [\"canary:0\"]}\n", want: []string{"c.yaml:2:18 (engine.shards): one of them is no server with its port"}},
		"a shard with a space":    {file: head + "engine: {shards: [\"can ary:1\"]}\n", want: []string{"c.yaml:2:18 (engine.shards): one of them is no server with its port"}},
		"servers of one shard":    {file: head + "engine: {shards: [\"canary:1|b:1\"]}\n", want: []string{"c.yaml:2:18 (engine.shards): one of them is no server with its port"}},
		"a shard twice":           {file: head + "engine: {shards: [\"canary:1\", \"b:1\", \"CANARY:1\"]}\n", want: []string{"c.yaml:2:18 (engine.shards): one server is there twice"}},
		"too many shards":         {file: head + "engine: {shards: [" + strings.Repeat("\"a:1\", ", 64) + "\"canary:1\"]}\n", want: []string{"c.yaml:2:18 (engine.shards): it has more than 64 shards"}},
		"an engine in the clear":  {file: head + "engine: {shards: [\"127.0.0.1:1\", \"canary:1\"], tls: none}\n", want: []string{"c.yaml:2:52 (engine.tls): what the servers hold would cross the network in the clear"}},
		"an engine of strangers":  {file: head + "engine: {shards: [\"canary:1\"]}\n", want: []string{"c.yaml:2:18 (engine.shards): TLS needs engine.ca_file", "c.yaml:2:18 (engine.shards): TLS needs engine.user", "c.yaml:2:18 (engine.shards): TLS needs engine.password_file"}},
		"a name in the clear":     {file: head + "engine: {shards: [\"127.0.0.1:1\"], tls: none, server_name: canary, ca_file: canary}\n", want: []string{"c.yaml:2:76 (engine.ca_file): it is for TLS, and engine.tls is none", "c.yaml:2:59 (engine.server_name): it is for TLS, and engine.tls is none"}},
		"an engine without one":   {file: head + "engine: {memory: 1GiB, password_file: canary}\n", want: []string{"c.yaml:2:39 (engine.password_file): it needs engine.shards", "c.yaml:2:18 (engine.memory): it needs engine.shards"}},
		"its user alone":          {file: head + "engine: {shards: [\"127.0.0.1:1\"], tls: none, user: canary}\n", want: []string{"c.yaml:2:52 (engine.user): a user needs engine.password_file"}},
		"no piece":                {file: head + "allow_missing: [network, canary]\n", want: []string{"c.yaml:2:16 (allow_missing): no piece of confinement is called one of them"}},
	} {
		_, err := Load(Given{File: "c.yaml", Data: []byte(c.file), Env: func(n string) (string, bool) { v, ok := c.env[n]; return v, ok }, Flags: c.flags})
		if got := said(err); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: a value is repeated: %v", name, err)
		}
		for _, e := range all(err) {
			if e.Mend == "" {
				t.Errorf("%s: %s has no mend", name, e.Field)
			}
		}
	}
}

// TestDefaults: with nothing given, it holds together.
func TestDefaults(t *testing.T) {
	e, err := Load(Given{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Listen != "127.0.0.1:8740" || e.Data != "awase-data" || e.Operator != "operator" || e.Uploads.Quota != 100<<30 || e.Log.Format != "json" || e.Metrics.Listen != "" || e.Practice {
		t.Errorf("%+v", e.Config)
	}
	for name, v := range e.Values {
		if v.Layer != Default || v.At != "" {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestPaths: those of the file are beside it, the others where they are said.
func TestPaths(t *testing.T) {
	e, err := Load(Given{File: "/etc/awase/c.yaml", Data: []byte(head + "data: d\nengine: {shards: [\"a:1\", \"[::1]:3\"], user: u, ca_file: ca, password_file: pw}\nvault: /v\nvault_key: file:k\ntls: {cert_file: ../c, key_file: k}\nnext_key: null\n"), Flags: map[string][]string{"tls-key-file": {"mine"}}})
	if err != nil {
		t.Fatal(err)
	}
	if e.Data != "/etc/awase/d" || e.Vault != "/v" || e.VaultKey != "file:/etc/awase/k" || e.TLS.CertFile != "/etc/c" || e.TLS.KeyFile != "mine" {
		t.Errorf("%+v", e.Config)
	}
	if e.Engine.CAFile != "/etc/awase/ca" || e.Engine.PasswordFile != "/etc/awase/pw" || !slices.Equal(e.Engine.Shards, []string{"a:1", "[::1]:3"}) || e.Engine.Memory != 8<<30 || e.Engine.Time != 5*time.Minute {
		t.Errorf("%+v", e.Engine)
	}
}

// TestPrecedence: of any layers that give a key, the strongest has its way, and it
// is said which; the same value means the same in each.
func TestPrecedence(t *testing.T) {
	single := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return k.List || k.path })
	rapid.Check(t, func(t *rapid.T) {
		file, env, flags := head, map[string]string{}, map[string][]string{}
		want := map[string]Value{}
		needed := []string{"oidc.issuer", "oidc.client_id", "smtp.host", "smtp.from", "tls.cert_file", "tls.key_file", "smtp.user", "smtp.password_file", "vault_key", "engine.shards", "engine.user", "engine.password_file", "engine.ca_file"}
		base := map[string][]string{}
		for _, name := range needed { // so that the whole holds whatever is drawn
			base[name] = []string{keys[index(name)].Example}
		}
		for i := range single {
			k := single[i]
			if slices.Contains([]string{"listen", "metrics.listen", "smtp.tls", "uploads.max_size", "uploads.quota", "public_url", "engine.tls"}, k.Name) {
				continue // what they may be hangs on others
			}
			v := k.defaults()
			if rapid.Bool().Draw(t, k.Name+" file") {
				lead, last, nested := strings.Cut(k.Name, ".")
				_ = nested
				text := quote(k)
				if last != "" {
					file += fmt.Sprintf("%s: {%s: %s}\n", lead, last, text)
				} else {
					file += fmt.Sprintf("%s: %s\n", lead, text)
				}
				v = Value{[]string{k.Example}, File, ""}
			}
			if rapid.Bool().Draw(t, k.Name+" environment") {
				env[k.Env()] = k.Example
				v = Value{[]string{k.Example}, Environment, k.Env()}
			}
			if rapid.Bool().Draw(t, k.Name+" flag") {
				flags[k.Flag()] = []string{k.Example}
				v = Value{[]string{k.Example}, Flag, "--" + k.Flag()}
			}
			want[k.Name] = v
		}
		for name, text := range base {
			if _, drawn := want[name]; !drawn || want[name].Layer == Default {
				flags[keys[index(name)].Flag()] = text
				want[name] = Value{text, Flag, "--" + keys[index(name)].Flag()}
			}
		}
		file = merged(file)
		e, err := Load(Given{File: "c.yaml", Data: []byte(file), Env: func(n string) (string, bool) { v, ok := env[n]; return v, ok }, Flags: flags})
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		for name, w := range want {
			got := e.Values[name]
			if got.Layer != w.Layer || !slices.Equal(got.Text, w.Text) || w.Layer != File && got.At != w.At || w.Layer == File && !strings.HasPrefix(got.At, "c.yaml:") {
				t.Errorf("%s: %+v, want %+v", name, got, w)
			}
		}
	})
}

func index(name string) int {
	return slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
}

// quote writes a key's example in a file.
func quote(k Key) string {
	if k.Type == "string" {
		return `"` + k.Example + `"`
	}
	return k.Example
}

// merged puts the keys of one group into one mapping.
func merged(file string) string {
	groups, out := map[string][]string{}, ""
	for line := range strings.Lines(file) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), ": {"); ok {
			groups[name] = append(groups[name], strings.TrimSuffix(rest, "}"))
		} else {
			out += line
		}
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		out += name + ": {" + strings.Join(groups[name], ", ") + "}\n"
	}
	return out
}

// TestSecrets: what is shown of where a vault key is kept says no command.
func TestSecrets(t *testing.T) {
	k := keys[index("vault_key")]
	for text, want := range map[string]string{"command:get --token canary": "command:…", "credential:name": "credential:…", "file:/etc/k": "file:/etc/k"} {
		if got := k.Shown(Value{Text: []string{text}}); got != want {
			t.Errorf("%s is shown as %s", text, got)
		}
	}
	for _, k := range keys {
		for _, word := range []string{"secret", "password", "token"} {
			if strings.Contains(k.Name, word) && !strings.HasSuffix(k.Name, "_file") {
				t.Errorf("%s is a secret in the configuration", k.Name)
			}
		}
	}
}

// TestExamples: every example and every value that a key names is taken.
func TestExamples(t *testing.T) {
	for _, k := range keys {
		for _, text := range append(slices.Clone(k.Values), k.Example) {
			if detail, _ := k.set(&Config{}, []string{text}); detail != "" {
				t.Errorf("%s: %s: %s", k.Name, text, detail)
			}
		}
		if k.Doc == "" || k.Example == "" || strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s is not explained", k.Name)
		}
	}
}

// TestSchema: schema.json has every key with its type, values and default.
func TestSchema(t *testing.T) {
	want, err := json.MarshalIndent(schema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	hold(t, "schema.json", string(want)+"\n", func(string) string { return string(want) + "\n" })
}

func schema() map[string]any {
	object := func() map[string]any {
		return map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{}}
	}
	root := object()
	root["$schema"], root["$id"], root["title"], root["required"] = "https://json-schema.org/draft/2020-12/schema", "urn:awase:config:v1", "How awase serve is configured", []string{"schema"}
	root["properties"].(map[string]any)["schema"] = map[string]any{"const": Schema}
	for _, k := range keys {
		at, name := root, k.Name
		if group, last, ok := strings.Cut(k.Name, "."); ok {
			props := root["properties"].(map[string]any)
			if props[group] == nil {
				props[group] = object()
			}
			at, name = props[group].(map[string]any), last
		}
		s := map[string]any{"type": k.Type, "description": k.Doc}
		if k.List {
			s["items"] = map[string]any{"type": "string"}
		}
		if k.Values != nil {
			s["enum"] = k.Values
		}
		if k.preset != "" {
			s["default"] = k.preset
			if k.Type != "string" {
				s["default"] = json.RawMessage(k.preset)
			}
		}
		at["properties"].(map[string]any)[name] = s
	}
	return root
}

// TestDocs: docs/config.md lists every key.
func TestDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString("| key | variable, flag | default | |\n|---|---|---|---|\n")
	for _, k := range keys {
		doc := k.Doc
		if k.Values != nil {
			doc += ". One of `" + strings.Join(k.Values, "`, `") + "`"
		} else {
			doc += ". As `" + k.Example + "`"
		}
		preset := k.preset
		if preset != "" {
			preset = "`" + preset + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s`, `--%s` | %s | %s |\n", k.Name, k.Env(), k.Flag(), preset, doc)
	}
	const begin, end = "<!-- keys -->\n", "<!-- end -->\n"
	hold(t, "../../../docs/config.md", begin+b.String()+end, func(now string) string {
		before, rest, _ := strings.Cut(now, begin)
		_, after, ok := strings.Cut(rest, end)
		if !ok {
			t.Fatal("docs/config.md has no place for the keys")
		}
		return before + begin + b.String() + end + after
	})
}

// hold wants a text in a file; with -update it writes the file.
func hold(t *testing.T, path, text string, with func(now string) string) {
	t.Helper()
	now, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, []byte(with(string(now))), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !strings.Contains(string(now), text) {
		t.Errorf("%s is not what the table of keys says: go test ./cmd/awase/config -update", path)
	}
}

// FuzzConfig: no file ends the program; one that is taken means the same when it is
// read again; an error repeats nothing of it.
func FuzzConfig(f *testing.F) {
	seeds := 0
	for _, s := range []string{"", head, head + "listen: 127.0.0.1:1\n", head + "tls: {cert_file: a, key_file: b}\nrate: {burst: 3}\n", head + "allow_missing: [network]\n", head + "listen: \"zqcanaryqz\"\nx: [zqcanaryqz]\n", "a: &b [*b]", head + "log:\n  level: warn\n"} {
		f.Add([]byte(s))
		seeds++
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Load(Given{File: "c.yaml", Data: data})
		if err != nil {
			if len(all(err)) == 0 {
				t.Fatalf("an error without a place: %v", err)
			}
			if strings.Contains(err.Error(), "zqcanaryqz") {
				t.Fatal("a value is repeated")
			}
			return
		}
		b, err := Load(Given{File: "c.yaml", Data: data})
		if err != nil || fmt.Sprint(a.Config) != fmt.Sprint(b.Config) {
			t.Fatalf("read again it is %+v, %v", b, err)
		}
	})
}
