package config

import (
	"net/netip"
	"time"
)

// Schema is that of the file.
const Schema = "awase.config/v1"

// NoFront is the listen address of a service that answers no HTTP.
const NoFront = "none"

// Config is what the keys come to. Paths are as they were given; those of the file
// are joined to its directory.
type Config struct {
	Listen         string // host:port, or NoFront
	PublicURL      string // without a slash at its end; "": that of Listen
	TLS            TLS
	TrustedProxies []netip.Prefix
	Data           string
	Vault          string // "": in Data
	VaultKey       string // file:PATH, credential:NAME or command:LINE; "": the file beside the vault
	NextKey        string
	Socket         string // "": in Data
	Operator       string
	OIDC           OIDC
	SMTP           SMTP
	Webhooks       Webhooks
	Uploads        Uploads
	Rate           Rate
	Log            Log
	Metrics        Metrics
	Engine         Engine
	AllowMissing   []string
	Practice       bool
}

// TLS is what the front shows who it is with; empty: it speaks plain HTTP.
type TLS struct{ CertFile, KeyFile string }

// OIDC is who people may sign in with besides; Issuer "": nobody.
type OIDC struct{ Issuer, ClientID, ClientSecretFile string }

// SMTP is who carries mail; Host "": nobody.
type SMTP struct {
	Host         string
	Port         int // 0: that of TLS
	User         string
	PasswordFile string
	From         string
	TLS          string // starttls | tls | none
}

// Webhooks says where webhooks may go besides public addresses.
type Webhooks struct{ Allow []netip.Prefix }

// Uploads are the limits of sealed files.
type Uploads struct {
	Quota   int64 // bytes of one party
	Files   int   // of one party
	MaxSize int64 // of one file
	Expire  time.Duration
}

// Rate says how often one asker may ask.
type Rate struct {
	PerSecond float64
	Burst     int
	Strangers float64
}

// Log says what is logged, and how.
type Log struct{ Level, Format string }

// Metrics says where they are shown; Listen "": nowhere.
type Metrics struct{ Listen string }

// Engine is a ClickHouse cluster that counts where one machine is not enough; without
// Shards the enclave counts by itself.
type Engine struct {
	Shards       []string // host:port of each
	Database     string
	User         string
	PasswordFile string
	CAFile       string
	ServerName   string // "": the host of each address
	TLS          string // tls | none
	Memory       int64  // bytes that a statement may use on a shard
	Time         time.Duration
}

// Layer is where a value comes from.
type Layer string

// The layers, the weakest first.
const (
	Default     Layer = "default"
	File        Layer = "file"
	Environment Layer = "environment"
	Flag        Layer = "flag"
)

// Value is what a key has, and from where.
type Value struct {
	Text  []string // as written; of a key that is no list, one
	Layer Layer
	At    string // "awase.yaml:3:5", "AWASE_LISTEN", "--listen"; "": a default
}

// Given are the layers above the defaults.
type Given struct {
	File string // its name, for places; "": there is none
	Data []byte
	// Env gives a variable of the environment; nil: there are none.
	Env   func(name string) (string, bool)
	Flags map[string][]string // by Key.Flag, those that were set
}

// Effective is a configuration that holds together, and where each key's value is
// from.
type Effective struct {
	Config
	Values map[string]Value // by Key.Name, all of them
}

// Load reads all layers. Its error joins every *entrustment.Error that there is.
func Load(g Given) (*Effective, error) {
	e := &Effective{Values: map[string]Value{}}
	var all problems
	file := all.file(g.File, g.Data)
	for i := range keys {
		k := &keys[i]
		v := k.defaults()
		if f, ok := file[k.Name]; ok {
			v = f
		}
		if g.Env != nil {
			if text, ok := g.Env(k.Env()); ok && text != "" {
				v = Value{k.split(text), Environment, k.Env()}
			}
		}
		if text, ok := g.Flags[k.Flag()]; ok {
			v = Value{text, Flag, "--" + k.Flag()}
		}
		e.Values[k.Name] = v
		if len(v.Text) == 0 && !k.List {
			continue
		}
		if detail, mend := k.set(&e.Config, v.Text); detail != "" {
			all.add(v.At, k.Name, detail, mend)
		} else if v.Layer == File && k.path {
			k.within(&e.Config, g.File)
		}
	}
	if len(all) == 0 { // what does not hold alone says nothing of the whole
		all.whole(e)
	}
	return e, all.err()
}
