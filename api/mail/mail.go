// Package mail tells people by mail that something waits for them: a subject and a
// link, nothing else. What it is about, they see where they sign in.
//
// Nothing of what a person or a party wrote gets into a message: the subject comes
// from a table of the program, the link is the room's own address and an id, and
// the receiver is an address without a name. What could end a header is refused all
// the same.
package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// TLS says how the connection to the server is kept secret.
type TLS string

// The ways.
const (
	StartTLS TLS = "starttls" // begins in the clear, and ends where the server does not offer more
	Implicit TLS = "tls"      // from the first byte
	Clear    TLS = "none"     // of a server on this machine, or in a network of the operator's own
)

// wait is how long a server has for a message. An attempt of a job takes no more
// than 10 s.
const wait = 8 * time.Second

// Options is what a sender is made of.
type Options struct {
	Host         string
	Port         int            // 0: 587, with tls 465, with none 25
	From         string         // who sends: room@example.jp, or Room <room@example.jp>
	Username     string         // "": the server asks for none
	PasswordFile string         // holds the password of Username, on one line
	TLS          TLS            // "": starttls
	Roots        *x509.CertPool // whom the server's certificate comes from; nil: whom the system trusts
}

// ErrRefused is that the server will never take a message.
var ErrRefused = errors.New("the mail server refuses the message")

// ErrServer is that the server can't be reached, or does not take a message now.
var ErrServer = errors.New("the mail server does not take a message now")

// Sender sends messages. It is safe for concurrent use.
type Sender struct {
	o    Options
	from *mail.Address
	opts []gomail.Option
}

// New makes a sender. It does not ask the server anything yet.
func New(o Options) (*Sender, error) {
	s := &Sender{o: o}
	var err error
	if o.Host == "" || !plain(o.Host) {
		return nil, errors.New("smtp: the host is missing, or is no name of a host")
	}
	if s.from, err = mail.ParseAddress(o.From); err != nil || !plain(s.from.Address) || !line(s.from.Name) {
		return nil, fmt.Errorf("smtp: from %q is not an address: write it as room@example.jp", o.From)
	}
	s.opts = []gomail.Option{
		gomail.WithTimeout(wait), gomail.WithHELO("localhost"), // the machine's name is nobody's business
		gomail.WithTLSConfig(&tls.Config{ServerName: o.Host, MinVersion: tls.VersionTLS12, RootCAs: o.Roots}),
	}
	port := 587
	switch o.TLS {
	case StartTLS, "":
		s.opts = append(s.opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case Implicit:
		s.opts, port = append(s.opts, gomail.WithSSL()), 465
	case Clear:
		if o.Username != "" {
			return nil, errors.New("smtp: a password is not sent in the clear: use starttls or tls, or no username")
		}
		s.opts, port = append(s.opts, gomail.WithTLSPolicy(gomail.NoTLS)), 25
	default:
		return nil, fmt.Errorf("smtp: tls %q is none of starttls, tls, none", o.TLS)
	}
	if o.Port != 0 {
		port = o.Port
	}
	s.opts = append(s.opts, gomail.WithPort(port))
	if o.Username == "" {
		return s, nil
	}
	password, err := os.ReadFile(o.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("smtp: reading the password of %s: %w", o.Username, err)
	}
	s.opts = append(s.opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(o.Username),
		gomail.WithPassword(strings.TrimRight(string(password), "\r\n")))
	return s, nil
}

// Letter is one message.
type Letter struct {
	ID      string // the same at each try: mailboxes show a repetition once
	To      string // an address
	Subject string
	Link    string
	At      time.Time
}

// Send sends a message: nil is that the server has it. The errors say neither the
// address nor what the server said, which may repeat it: ErrRefused, ErrServer, or
// that of ctx.
func (s *Sender) Send(ctx context.Context, l Letter) error {
	to, err := mail.ParseAddress(l.To)
	if err != nil || to.Name != "" || to.Address != l.To || !plain(l.To) || !line(l.Subject) || !plain(l.Link) || !plain(l.ID) {
		return ErrRefused
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(s.from)
	if err := m.To(l.To); err != nil {
		return ErrRefused
	}
	m.Subject(l.Subject)
	m.SetDateWithValue(l.At)
	_, domain, _ := strings.Cut(s.from.Address, "@")
	m.SetMessageIDWithValue(l.ID + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no robot answers it
	m.SetBodyString(gomail.TypeTextPlain, l.Link+"\n")
	client, err := gomail.NewClient(s.o.Host, s.opts...)
	if err != nil {
		return fmt.Errorf("making a mail client: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if err = client.DialAndSendWithContext(ctx, m); err == nil {
		return nil
	}
	if bad, ok := errors.AsType[*gomail.SendError](err); ok && !bad.IsTemp() && bad.ErrorCode() >= 500 {
		return ErrRefused
	}
	return ErrServer
}

// line tells whether text stays in its header: no control characters, and short.
func line(text string) bool {
	for _, r := range text {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufffd' {
			return false
		}
	}
	return len(text) <= 200
}

// plain tells whether text is printable ASCII without spaces and brackets.
func plain(text string) bool {
	for _, r := range text {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\",;\\()[]", r) {
			return false
		}
	}
	return text != "" && len(text) <= 320
}
