package apitest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// SMTP is a mail server on the loopback, as far as a submission needs one.
type SMTP struct {
	Host  string
	Port  int
	Roots *x509.CertPool // of its certificate

	mode   string // starttls | tls | none
	accept string // what it says to a receiver; "": 250
	auth   string // user and password that it asks for; "": none
	tls    *tls.Config
	l      net.Listener
	mu     sync.Mutex
	got    []Mail
}

// Mail is a message that came.
type Mail struct {
	From   string
	To     []string
	Text   string // headers and body, as sent
	Secure bool   // it came by TLS
	User   string
}

// StartSMTP starts a server. mode: starttls, tls, none. accept: what it says to a
// receiver; "": yes. auth: "user:password" that it asks for; "": nothing.
func StartSMTP(t testing.TB, mode, accept, auth string) *SMTP {
	t.Helper()
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	defer cert.Close()
	s := &SMTP{Host: "127.0.0.1", Roots: x509.NewCertPool(), mode: mode, accept: accept, auth: auth, tls: &tls.Config{Certificates: cert.TLS.Certificates, MinVersion: tls.VersionTLS12}}
	s.Roots.AddCert(cert.Certificate())
	var err error
	if s.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.Port = s.l.Addr().(*net.TCPAddr).Port
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		if err := s.l.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
	return s
}

// Got gives what came.
func (s *SMTP) Got() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// serve holds one conversation; it ends where the other side does.
func (s *SMTP) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	secure := s.mode == "tls"
	if secure {
		c = tls.Server(c, s.tls)
	}
	in := bufio.NewReader(c)
	var m Mail
	say := func(text string) bool { _, err := io.WriteString(c, text+"\r\n"); return err == nil }
	for open := say("220 test ESMTP"); open; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		word, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		switch strings.ToUpper(word) {
		case "EHLO":
			offers := []string{"250-test"}
			if s.mode == "starttls" && !secure {
				offers = append(offers, "250-STARTTLS")
			}
			if s.auth != "" {
				offers = append(offers, "250-AUTH PLAIN")
			}
			open = say(strings.Join(append(offers, "250 8BITMIME"), "\r\n"))
		case "STARTTLS":
			if s.mode != "starttls" || secure || !say("220 go on") {
				return
			}
			c, secure = tls.Server(c, s.tls), true
			in = bufio.NewReader(c)
		case "AUTH":
			_, text, _ := strings.Cut(rest, " ")
			raw, err := base64.StdEncoding.DecodeString(text)
			parts := strings.Split(string(raw), "\x00")
			if err != nil || len(parts) != 3 || parts[1]+":"+parts[2] != s.auth {
				open = say("535 no")
				break
			}
			m.User = parts[1]
			open = say("235 yes")
		case "MAIL":
			m.From, m.To, m.Secure = rest, nil, secure
			open = say("250 yes")
		case "RCPT":
			if s.accept != "" {
				open = say(s.accept)
				break
			}
			m.To = append(m.To, rest)
			open = say("250 yes")
		case "DATA":
			if !say("354 go on") {
				return
			}
			var text strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(strings.TrimPrefix(line, "."))
			}
			m.Text = text.String()
			s.mu.Lock()
			s.got = append(s.got, m)
			s.mu.Unlock()
			open = say("250 yes")
		case "QUIT":
			say("221 bye")
			return
		default: // NOOP, RSET
			open = say("250 yes")
		}
	}
}
