package mail_test

import (
	"errors"
	"mime"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/api/mail"
	"awase/internal/apitest"
)

func options(s *apitest.SMTP, how mail.TLS) mail.Options {
	return mail.Options{Host: s.Host, Port: s.Port, From: "Awase <room@example.jp>", TLS: how, Roots: s.Roots}
}

func letter() mail.Letter {
	return mail.Letter{ID: "ntc-1", To: "taro@example.jp", Subject: "[Awase] レポートができました", Link: "https://awase.example.jp/notices/ntc-1", At: time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)}
}

// A message holds a subject, a link and what mail itself needs.
func TestSend(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("s3cret word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, how := range []mail.TLS{mail.StartTLS, mail.Implicit, mail.Clear} {
		t.Run(string(how), func(t *testing.T) {
			auth := "room:s3cret word"
			if how == mail.Clear {
				auth = ""
			}
			srv := apitest.StartSMTP(t, string(how), "", auth)
			o := options(srv, how)
			if auth != "" {
				o.Username, o.PasswordFile = "room", password
			}
			s, err := mail.New(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Send(t.Context(), letter()); err != nil {
				t.Fatal(err)
			}
			got := srv.Got()
			if len(got) != 1 || got[0].Secure != (how != mail.Clear) || got[0].User != o.Username || strings.Join(got[0].To, " ") != "TO:<taro@example.jp>" || !strings.HasPrefix(got[0].From, "FROM:<room@example.jp>") {
				t.Fatalf("%+v", got)
			}
			m, err := netmail.ReadMessage(strings.NewReader(got[0].Text))
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range m.Header {
				switch k {
				case "Mime-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted":
				case "Date":
					if at, err := m.Header.Date(); err != nil || !at.Equal(letter().At) {
						t.Errorf("date %v", v)
					}
				case "Message-Id":
					if v[0] != "<ntc-1@example.jp>" {
						t.Errorf("message id %v", v)
					}
				case "From":
					if v[0] != `"Awase" <room@example.jp>` {
						t.Errorf("from %v", v)
					}
				case "To":
					if v[0] != "<taro@example.jp>" {
						t.Errorf("to %v", v)
					}
				case "Subject":
					text, err := new(mime.WordDecoder).DecodeHeader(v[0])
					if err != nil || text != letter().Subject {
						t.Errorf("subject %q, %v", text, err)
					}
				default:
					t.Errorf("it has %s: %v", k, v)
				}
			}
			_, body, _ := strings.Cut(got[0].Text, "\r\n\r\n")
			if strings.TrimSpace(body) != letter().Link {
				t.Errorf("the body is %q", body)
			}
		})
	}
}

// Nothing that is written into a message makes another header, receiver or line of
// it. The twin writes the same text as it is, and has the header.
func TestNoInjection(t *testing.T) {
	srv := apitest.StartSMTP(t, "none", "", "")
	s, err := mail.New(options(srv, mail.Clear))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com", "x\rBcc: eve@example.com", "x\r\n\r\nbody", "x\x00y", "x\u2028Bcc: eve@example.com", "x\u0085y"} {
		for _, change := range []func(*mail.Letter){
			func(l *mail.Letter) { l.Subject = text },
			func(l *mail.Letter) { l.To = "taro@example.jp" + text },
			func(l *mail.Letter) { l.To = text + " <taro@example.jp>" },
			func(l *mail.Letter) { l.Link += text },
			func(l *mail.Letter) { l.ID = text },
		} {
			l := letter()
			change(&l)
			if err := s.Send(t.Context(), l); !errors.Is(err, mail.ErrRefused) {
				t.Errorf("%+v: %v", l, err)
			}
		}
		o := options(srv, mail.Clear)
		o.From = text + " <room@example.jp>"
		if _, err := mail.New(o); err == nil {
			t.Errorf("from %q is taken", o.From)
		}
	}
	for _, to := range []string{"taro@example.jp, eve@example.com", "taro@example.jp>\r\nRCPT TO:<eve@example.com", "Taro <taro@example.jp>", "taro", "", "taro@example.jp;eve@example.com", "\"a b\"@example.jp"} {
		l := letter()
		l.To = to
		if err := s.Send(t.Context(), l); !errors.Is(err, mail.ErrRefused) {
			t.Errorf("to %q: %v", to, err)
		}
	}
	if got := srv.Got(); len(got) != 0 {
		t.Errorf("%+v came", got)
	}
	m, err := netmail.ReadMessage(strings.NewReader("Subject: x\r\nBcc: eve@example.com\r\n\r\n"))
	if err != nil || m.Header.Get("Bcc") == "" {
		t.Error("a line break in a subject makes no header: the attack is none")
	}
}

// A server that does not take a message: now, or ever. What it says, which repeats
// the address, is in no error.
func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		mode, accept, auth string
		how                mail.TLS
		roots              bool
		want               error
	}{
		{"none", "550 5.1.1 <taro@example.jp> unknown", "", mail.Clear, true, mail.ErrRefused},
		{"none", "451 4.7.1 <taro@example.jp> later", "", mail.Clear, true, mail.ErrServer},
		{"none", "", "", mail.StartTLS, true, mail.ErrServer},      // it does not offer TLS: nothing is sent in the clear
		{"starttls", "", "", mail.StartTLS, false, mail.ErrServer}, // a certificate of nobody
		{"tls", "", "", mail.Implicit, false, mail.ErrServer},
		{"none", "", "", mail.Implicit, true, mail.ErrServer},
	} {
		srv := apitest.StartSMTP(t, row.mode, row.accept, row.auth)
		o := options(srv, row.how)
		if !row.roots {
			o.Roots = nil
		}
		s, err := mail.New(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), letter()); !errors.Is(err, row.want) || strings.Contains(err.Error(), "taro") {
			t.Errorf("%+v: %v", row, err)
		}
		if got := srv.Got(); len(got) != 0 {
			t.Errorf("%+v: %+v came", row, got)
		}
	}
}

func TestOptions(t *testing.T) {
	good := mail.Options{Host: "mail.example.jp", From: "room@example.jp"}
	if _, err := mail.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(o *mail.Options){
		"no host":                      func(o *mail.Options) { o.Host = "" },
		"a host with a line":           func(o *mail.Options) { o.Host = "a\r\nb" },
		"no sender":                    func(o *mail.Options) { o.From = "" },
		"another TLS":                  func(o *mail.Options) { o.TLS = "maybe" },
		"a password in the clear":      func(o *mail.Options) { o.TLS, o.Username = mail.Clear, "room" },
		"a password that is not there": func(o *mail.Options) { o.Username, o.PasswordFile = "room", "/nowhere/password" },
	} {
		o := good
		change(&o)
		if _, err := mail.New(o); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}
