package relay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestImpostor: who may connect to the socket, as the front may, is not the relay by
// that: without the secret it is turned away, ends no connection and gets none. Where
// no secret is asked it gets the next.
func TestImpostor(t *testing.T) {
	mine := func(mark byte) string {
		return server(t, func(c net.Conn) {
			for b := make([]byte, 1); ; {
				if _, err := io.ReadFull(c, b); err != nil {
					return
				}
				if _, err := c.Write([]byte{mark}); err != nil {
					return
				}
			}
		})
	}
	at, evil := mine('t'), mine('f')
	answer := func(c net.Conn) string {
		t.Helper()
		b := make([]byte, 1)
		if _, err := c.Write(b); err != nil {
			return err.Error()
		}
		if _, err := io.ReadFull(c, b); err != nil {
			return err.Error()
		}
		return string(b)
	}
	secret := NewSecret()
	almost := secret
	almost[SecretSize-1] ^= 1
	for name, c := range map[string]struct {
		asked, shown Secret
		in           bool
	}{
		"none":          {secret, Secret{}, false},
		"another":       {secret, NewSecret(), false},
		"almost":        {secret, almost, false},
		"the secret":    {secret, secret, true},
		"nothing asked": {Secret{}, Secret{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "s")
			l, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			p := Serve(l, Options{Addresses: []string{at}, Channels: 4, Secret: c.asked})
			defer p.Close()
			startedWith(t, socket, c.asked, 4, &Carrier{Addresses: []string{at}})
			settled(t, p, 4)
			before := dial(t, p, at)
			if got := answer(before); got != "t" {
				t.Fatal(got)
			}
			conns, err := Connect(t.Context(), socket, c.shown, 4)
			if err != nil {
				t.Fatal(err)
			}
			defer closeAll(conns)
			if !c.in {
				for _, conn := range conns {
					_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second)) // one that is let in is told nothing
					if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil || strings.Contains(err.Error(), "timeout") {
						t.Fatalf("it is let in: %d, %v", n, err)
					}
				}
			} else {
				settled(t, p, 4)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go (&Carrier{Addresses: []string{at}, Dial: func(ctx context.Context, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, "tcp", evil)
				}}).Carry(ctx, conns)
				if got := answer(before); got == "t" { // it ends, or was taken from the true one
					t.Error("a new relay leaves a connection of the one before")
				}
			}
			c := map[bool]string{true: "f", false: "t"}[c.in]
			if c == "t" {
				if got := answer(before); got != "t" {
					t.Errorf("the connection that was there ended: %s", got)
				}
			}
			for range 3 {
				next := dial(t, p, at)
				if got := answer(next); got != c {
					t.Errorf("the next is answered %q, not %q", got, c)
				}
			}
		})
	}
}

// TestReadSecret: what is read is a whole secret and nothing else, and none is no
// secret. It is not printed.
func TestReadSecret(t *testing.T) {
	s := NewSecret()
	if got, err := ReadSecret(bytes.NewReader(s[:])); err != nil || got != s {
		t.Error(err)
	}
	for _, text := range [][]byte{nil, s[:SecretSize-1], append(s[:], 'x'), make([]byte, SecretSize)} {
		if got, err := ReadSecret(bytes.NewReader(text)); err == nil || got != (Secret{}) {
			t.Errorf("%d bytes are a secret", len(text))
		}
	}
	if NewSecret() == s {
		t.Error("two are the same")
	}
	for _, f := range []string{"%v", "%+v", "%s", "%#v"} {
		if got := fmt.Sprintf(f, Options{Secret: s}); !strings.Contains(got, s.String()) {
			t.Errorf("%s prints %s", f, got)
		}
	}
}
