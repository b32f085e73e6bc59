package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"awase/cmd/awase/config"
	"awase/enclave"
	"awase/enclave/relay"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/sql/clickhouse"
)

// remote is the enclave's way to the engine that is configured.
type remote struct {
	config.Engine
	trusted  *x509.CertPool // nil: no TLS
	password string

	listener net.Listener // at which the relay is let in
	secret   relay.Secret // which the relay shows; zero: none is asked
	pool     *relay.Pool
	logger   *slog.Logger
}

// engineKeys are the keys of the engine.
func engineKeys() (out []config.Key) {
	for _, k := range config.Keys() {
		if strings.HasPrefix(k.Name, "engine.") {
			out = append(out, k)
		}
	}
	return out
}

// engineArgs writes an engine as flags of the enclave. The password and the
// certificates are files, which it reads itself.
func engineArgs(e *config.Engine) []string {
	if e == nil || e.Shards == nil {
		return nil
	}
	out := []string{"--engine-shards=" + strings.Join(e.Shards, ","), "--engine-database=" + e.Database, "--engine-tls=" + e.TLS, fmt.Sprintf("--engine-memory=%d", e.Memory), "--engine-time=" + e.Time.String()}
	for flag, value := range map[string]string{"user": e.User, "password-file": e.PasswordFile, "ca-file": e.CAFile, "server-name": e.ServerName} {
		if value != "" {
			out = append(out, "--engine-"+flag+"="+value)
		}
	}
	return out
}

// channelsToSpare are a shard's beyond those that the driver's connections need: one
// that was closed keeps its channel until both sides have said so.
const channelsToSpare = 4

// relayChannels is how many channels the relay has to the enclave.
func relayChannels(e *config.Engine) int {
	return (clickhouse.Connections + channelsToSpare) * len(e.Shards)
}

// relaySocket is where the relay is let in, beside the enclave's own socket.
func relaySocket(socket string) string { return socket + ".relay" }

// engineSecrets reads whom an engine's TLS trusts, and its password.
func engineSecrets(e *config.Effective) (trusted *x509.CertPool, password string, err error) {
	if e.Engine.Shards == nil {
		return nil, "", nil
	}
	password, err = secret(e, "engine.password_file", e.Engine.PasswordFile)
	if e.Engine.CAFile == "" {
		return nil, password, err
	}
	trusted, terr := certificatesOf(e)
	return trusted, password, errors.Join(err, terr)
}

// certificatesOf reads the certificates that engine.ca_file holds.
func certificatesOf(e *config.Effective) (*x509.CertPool, error) {
	const most = 1 << 20
	pool, good := x509.NewCertPool(), false
	if f, err := os.Open(e.Engine.CAFile); err == nil {
		defer f.Close()
		raw, err := io.ReadAll(io.LimitReader(f, most))
		good = err == nil && pool.AppendCertsFromPEM(raw)
	}
	if !good {
		return nil, &entrustment.Error{Code: entrustment.CodeFile, Field: placeOf(e, "engine.ca_file"), Detail: "there is no such file, or it holds no certificate", Mend: "write the certificates of who signs the servers' as PEM"}
	}
	return pool, nil
}

// openRemote reads what the way to an engine needs; nil: none is configured.
func openRemote(e *config.Effective) (*remote, error) {
	if e.Engine.Shards == nil {
		return nil, nil
	}
	r := &remote{Engine: e.Engine}
	var err error
	r.trusted, r.password, err = engineSecrets(e)
	return r, err
}

// remoteOf is openRemote for a command that opens a vault itself: a configuration, the
// environment, or nothing names the engine.
func remoteOf(file string) (*remote, error) {
	g := config.Given{File: file, Env: func(name string) (string, bool) {
		if !strings.HasPrefix(name, "AWASE_ENGINE_") {
			return "", false
		}
		return os.LookupEnv(name)
	}}
	if g.File == "" {
		g.File = os.Getenv(configEnv)
	}
	if g.File != "" {
		var err error
		if g.Data, err = os.ReadFile(g.File); err != nil {
			return nil, fileError(g.File, err)
		}
	}
	e, err := config.Load(g)
	if err != nil {
		return nil, err
	}
	return openRemote(e)
}

// listen has the enclave reach the engine through the relay, which is let in at a
// socket, and only once the process is confined and serve is called.
func (r *remote) listen(socket string, o *enclave.Options) (err error) {
	if r.listener, err = wire.Listen(socket); err != nil {
		return err
	}
	r.into(o, func(ctx context.Context, address string) (net.Conn, error) { return r.pool.Dial(ctx, address) })
	return nil
}

// serve lets the relay in.
func (r *remote) serve() {
	r.pool = relay.Serve(r.listener, relay.Options{Addresses: r.Shards, Channels: relayChannels(&r.Engine), Secret: r.secret, Logger: r.logger})
}

// direct has a vault that is opened in this process reach the engine without a relay.
func (r *remote) direct(o *enclave.Options) {
	r.into(o, tcp)
}

func tcp(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

func (r *remote) into(o *enclave.Options, dial dialer) {
	r.logger = o.Logger
	o.Engine = enclave.RemoteEngine{Name: "clickhouse", Shards: len(r.Shards)}
	for _, address := range r.Shards {
		o.RemoteShards = append(o.RemoteShards, address+"/"+r.Database)
	}
	o.Remote = func(ctx context.Context, owner string) (enclave.Remote, error) {
		c := r.options(dial)
		c.Owner = owner
		e, err := clickhouse.Open(ctx, c)
		if err != nil {
			return nil, err
		}
		return e, nil
	}
}

// options are those of the driver. It is given no TLS: it would not use it on a
// connection that it did not dial itself, so each is secured before it is handed over.
func (r *remote) options(dial dialer) clickhouse.Options {
	return clickhouse.Options{Shards: r.Shards, Database: r.Database, Username: r.User, Password: r.password, Memory: r.Memory, Time: r.Time, Logger: r.logger,
		Dial: r.told(r.secured(dial))}
}

// dialer opens a connection to a server.
type dialer func(ctx context.Context, address string) (net.Conn, error)

// secureWithin is how long a server may take to show who it is.
const secureWithin = 15 * time.Second

// secured opens connections whose server has shown who it is: by a certificate that
// the configured CA signed for the name that is wanted. Nothing is said before.
func (r *remote) secured(dial dialer) dialer {
	if r.trusted == nil {
		return dial // on the loopback: see config
	}
	return func(ctx context.Context, address string) (net.Conn, error) {
		plain, err := dial(ctx, address)
		if err != nil {
			return nil, err
		}
		name := r.ServerName
		if name == "" {
			if name, _, err = net.SplitHostPort(address); err != nil {
				return nil, errors.Join(err, plain.Close())
			}
		}
		c := tls.Client(plain, &tls.Config{RootCAs: r.trusted, ServerName: name, MinVersion: tls.VersionTLS12})
		limited, cancel := context.WithTimeout(ctx, secureWithin)
		defer cancel()
		if err := c.HandshakeContext(limited); err != nil {
			_ = plain.Close() // it may be closed already
			if limited.Err() != nil && ctx.Err() == nil {
				err = syscall.ETIMEDOUT // as of a network: it may come back
			}
			return nil, fmt.Errorf("%s: %w", address, insecure(err))
		}
		return c, nil
	}
}

// insecure says why a server is not believed.
func insecure(err error) error {
	why := "TLS failed"
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		why = "its certificate is signed by nobody of engine.ca_file"
	} else if _, ok := errors.AsType[x509.HostnameError](err); ok {
		why = "its certificate is for another name: engine.server_name, or the host, has to be in it"
	} else if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		why = "its certificate is not valid at this time"
	} else if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		why = "it does not speak TLS there: name the port that does"
	}
	return fmt.Errorf("%s: %w", why, err)
}

// told says in the log what could not be dialed: who asks is told no address.
func (r *remote) told(dial dialer) dialer {
	return func(ctx context.Context, address string) (net.Conn, error) {
		c, err := dial(ctx, address)
		if err != nil && ctx.Err() == nil {
			r.logger.LogAttrs(ctx, slog.LevelWarn, "a server of the engine can't be used", slog.String("address", address), slog.String("error", err.Error()))
		}
		return c, err
	}
}

// absolute makes the files of an engine those that they are from here: its processes
// may run elsewhere.
func absolute(e *config.Engine) error {
	for _, path := range []*string{&e.PasswordFile, &e.CAFile} {
		if *path != "" {
			at, err := filepath.Abs(*path)
			if err != nil {
				return err
			}
			*path = at
		}
	}
	return nil
}
