package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"awase/cmd/awase/config"
	"awase/matcher/matchbench"
	"awase/sql/clickhouse"
)

// passwordVariable has the account's password, where no file has it.
const passwordVariable = "AWASE_CLICKHOUSE_PASSWORD"

// besideFlags say which engine is measured beside ours, and where it is.
type besideFlags struct {
	engine, shards, database, user, passwordFile, ca, name string
}

func (f *besideFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.engine, "engine", "embedded", "embedded, or clickhouse: that beside ours")
	fl.StringVar(&f.shards, "clickhouse", "", "its shards, `HOST:PORT[,HOST:PORT…]`")
	fl.StringVar(&f.database, "clickhouse-database", "awase", "the database, which is there already and holds no room's tables")
	fl.StringVar(&f.user, "clickhouse-user", "awase", "the account")
	fl.StringVar(&f.passwordFile, "clickhouse-password-file", "", "a `file` with its password; without it, "+passwordVariable)
	fl.StringVar(&f.ca, "clickhouse-ca", "", "the CA that signed the servers' certificates (`file`, PEM); none: no TLS, which loopback alone takes")
	fl.StringVar(&f.name, "clickhouse-name", "", "the name in the certificates; none: the host's")
}

// besideEngine is one that is measured, or none.
type besideEngine struct {
	engine matchbench.Beside
	shut   func() error
}

func (b *besideEngine) close() {
	if b.shut != nil {
		_ = b.shut() // all was answered
	}
}

// open connects to the engine that the flags name. It gives the number of shards.
func (f *besideFlags) open(ctx context.Context) (*besideEngine, int, error) {
	switch {
	case f.engine == "embedded" && f.shards == "":
		return &besideEngine{}, 0, nil
	case f.engine != "clickhouse":
		return nil, 0, usageError{errors.New("--engine takes embedded or clickhouse; --clickhouse goes with the latter")}
	case f.shards == "":
		return nil, 0, usageError{errors.New("--clickhouse takes the shards, HOST:PORT[,HOST:PORT…]")}
	}
	r := &remote{Engine: config.Engine{Database: f.database, User: f.user, ServerName: f.name}, password: os.Getenv(passwordVariable), logger: slog.New(slog.DiscardHandler)}
	loopback := true
	for shard := range strings.SplitSeq(f.shards, ",") {
		host, _, err := net.SplitHostPort(shard)
		if err != nil {
			return nil, 0, usageError{fmt.Errorf("--clickhouse: %q is no HOST:PORT", shard)}
		}
		ip := net.ParseIP(host)
		loopback = loopback && (host == "localhost" || ip != nil && ip.IsLoopback())
		if slices.ContainsFunc(r.Shards, func(other string) bool { return strings.EqualFold(other, shard) }) {
			return nil, 0, usageError{errors.New("--clickhouse names one server twice: name each once")}
		}
		r.Shards = append(r.Shards, shard)
	}
	if f.passwordFile != "" {
		text, err := os.ReadFile(f.passwordFile)
		if err != nil {
			return nil, 0, fmt.Errorf("reading the password: %w", err)
		}
		r.password = strings.TrimRight(string(text), "\n")
	}
	var err error
	if r.trusted, err = f.authority(loopback); err != nil {
		return nil, 0, err
	}
	o := r.options(tcp)
	o.Owner = clickhouse.Measurement // it opens no database that has tables of a room
	e, err := clickhouse.Open(ctx, o)
	if err != nil {
		return nil, 0, fmt.Errorf("connecting to ClickHouse: %w", err)
	}
	return &besideEngine{e, e.Close}, len(r.Shards), nil
}

// authority gives who signs the servers' certificates; nobody on loopback, where none is
// named.
func (f *besideFlags) authority(loopback bool) (*x509.CertPool, error) {
	if f.ca == "" {
		if !loopback {
			return nil, usageError{errors.New("--clickhouse-ca is needed: without TLS loopback alone is connected to")}
		}
		return nil, nil
	}
	pem, err := os.ReadFile(f.ca)
	if err != nil {
		return nil, fmt.Errorf("reading the CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", f.ca)
	}
	return pool, nil
}
