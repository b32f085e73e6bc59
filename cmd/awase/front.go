package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"awase/api/mail"
	"awase/cmd/awase/config"
	"awase/enclave/sandbox"
	"awase/enclave/wire"
)

func frontCommand() *cobra.Command {
	var f configFlags
	var s serving
	var fd int
	cmd := &cobra.Command{
		Use:   "front [--config FILE] [--data DIR] …",
		Short: "Answer people and programs in front of an enclave",
		Long: "The process that awase serve starts beside the enclave: the API, accounts, uploads, jobs, reports. It confines itself before its first request: it can read no file of the vault and no key, and writes its own directories alone. " +
			"What may leave, the enclave decides.",
		Args: exactArgs(),
	}
	f.register(cmd)
	s.registerUnconfined(cmd)
	cmd.Flags().IntVar(&fd, "listen-fd", 0, "the `descriptor` of the socket to answer at, in place of --listen")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		e, err := f.load(cmd)
		if err != nil {
			return &startError{err}
		}
		if e.Listen == config.NoFront {
			return usageError{errors.New("the configuration has no front: it says listen: none")}
		}
		front, err := openFront(e, fd, s.unconfined, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		return front.serve(cmd.Context(), cmd.OutOrStdout())
	}
	return cmd
}

// front is the process that answers, confined.
type front struct {
	*config.Effective
	places
	secrets
	logger    *slog.Logger
	listener  net.Listener
	metrics   net.Listener // nil: none
	cert      *certificate // nil: plain HTTP
	enclave   *wire.Client
	mail      *mail.Sender // nil: nobody is told by mail
	confined  *sandbox.Statement
	publicURL string
}

// openFront opens what a confined process can't open any more, and confines this
// one. An error is that it could not begin to serve.
func openFront(e *config.Effective, fd int, unconfined bool, errOut io.Writer) (_ *front, err error) {
	f := &front{Effective: e, logger: logFlags{e.Log.Level, e.Log.Format}.logger("front", errOut)}
	if f.places, f.secrets, err = opened(e); err != nil {
		return nil, &startError{err}
	}
	if err := f.listen(fd); err != nil {
		return nil, &startError{err}
	}
	if e.TLS.CertFile != "" {
		if f.cert, err = openCertificate(e.TLS, f.logger); err != nil {
			return nil, &startError{err}
		}
	}
	f.publicURL = e.PublicURL
	if f.publicURL == "" {
		f.publicURL = f.scheme() + f.listener.Addr().String()
	}
	if e.SMTP.Host != "" {
		o := mail.Options{Host: e.SMTP.Host, Port: e.SMTP.Port, From: e.SMTP.From, Username: e.SMTP.User, PasswordFile: e.SMTP.PasswordFile, TLS: mail.TLS(e.SMTP.TLS)}
		if f.mail, err = mail.New(o); err != nil {
			return nil, &startError{err}
		}
	}
	sockets := filepath.Dir(f.socket)
	for _, dir := range []string{f.control, f.reports, f.inbox, f.outbox, sockets} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, &startError{fmt.Errorf("making the service's directories: %w", err)}
		}
	}
	if err := temporary(f.reports); err != nil {
		return nil, &startError{err}
	}
	// Whom TLS trusts is read once a process, and here while it can be.
	if _, err = x509.SystemCertPool(); err != nil {
		return nil, &startError{fmt.Errorf("reading whom TLS trusts: %w", err)}
	}
	// Names are looked up by Go itself: a C library opens more than is left.
	net.DefaultResolver.PreferGo = true
	f.enclave = wire.Later(f.socket)
	f.confined = sandbox.Unconfined("it was not asked for")
	if unconfined {
		return f, nil
	}
	keep, err := f.keep(sockets)
	if err != nil {
		return nil, &startError{err}
	}
	if f.confined, err = sandbox.Confine(keep); err != nil {
		return nil, fmt.Errorf("the front: %w", err)
	}
	return f, nil
}

// keep says what the process keeps.
func (f *front) keep(sockets string) (sandbox.Options, error) {
	read, err := certificateDirs(f.TLS)
	if err != nil {
		return sandbox.Options{}, err
	}
	names, dirs := lookups()
	keep := sandbox.ForFront(sandbox.FrontDirs{Sockets: sockets, Write: []string{f.control, f.inbox, f.reports}, Read: append(append(read, f.outbox), dirs...)}, names...)
	for _, n := range f.AllowMissing {
		keep.AllowMissing = append(keep.AllowMissing, sandbox.Name(n))
	}
	return keep, nil
}

// lookups gives the files by which names are looked up. Where the list of servers is
// kept outside /etc by a link, as systemd does, it is replaced there while the
// machine runs: then its directory has to be open.
func lookups() (files, dirs []string) {
	for _, path := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/mime.types"} {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			continue
		}
		if st, err := os.Stat(real); err != nil || !st.Mode().IsRegular() {
			continue
		}
		files = append(files, path)
		if dir := filepath.Dir(real); strings.HasPrefix(dir, "/run/") && strings.Count(dir, "/") > 2 {
			dirs = append(dirs, dir)
		}
	}
	return files, dirs
}

// temporary has temporary files made in a directory of the front's own, and takes
// away those that a front before it left.
func temporary(reports string) error {
	dir := filepath.Join(reports, "tmp")
	err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700), os.Setenv("TMPDIR", dir))
	if err != nil {
		return fmt.Errorf("making a directory for temporary files: %w", err)
	}
	return nil
}

// listen opens the sockets that the front answers at.
func (f *front) listen(fd int) (err error) {
	if fd != 0 {
		file := os.NewFile(uintptr(fd), "the listener")
		if file == nil {
			return usageError{errors.New("--listen-fd names no descriptor")}
		}
		defer file.Close()
		if f.listener, err = net.FileListener(file); err != nil {
			return fmt.Errorf("--listen-fd names no socket that is listened at: %w", err)
		}
	} else if f.listener, err = net.Listen("tcp", f.Listen); err != nil {
		return fmt.Errorf("the front: %w; name another address with --listen", err)
	}
	if f.Metrics.Listen != "" {
		if f.metrics, err = net.Listen("tcp", f.Metrics.Listen); err != nil {
			return errors.Join(fmt.Errorf("metrics: %w; name another address with --metrics-listen", err), f.listener.Close())
		}
	}
	return nil
}

func (f *front) scheme() string {
	if f.cert != nil {
		return "https://"
	}
	return "http://"
}
