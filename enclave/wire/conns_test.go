package wire_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"awase/enclave/wire"
)

// TestConnections: so many connections are answered at once, and the next one when
// one of them ends; where more are let in, it does not wait.
func TestConnections(t *testing.T) {
	for _, c := range []struct {
		free  int
		waits bool
	}{{0, true}, {wire.MaxConns + 1, false}} { // 0: as it is served
		t.Run(fmt.Sprint(c.free), func(t *testing.T) {
			var asking atomic.Int64
			release := make(chan bool)
			client, _ := serve(t, &fake{gate: func(context.Context) (*wire.Gate, error) {
				asking.Add(1)
				<-release
				return &wire.Gate{Version: 1}, nil
			}}, wire.Conns(c.free))
			answered := make(chan error)
			ask := func() {
				_, err := client.Gate(t.Context())
				answered <- err
			}
			reach := func(n int64, within time.Duration) bool {
				for end := time.Now().Add(within); asking.Load() != n && time.Now().Before(end); {
					time.Sleep(time.Millisecond)
				}
				return asking.Load() == n
			}
			for range wire.MaxConns {
				go ask()
			}
			if !reach(wire.MaxConns, 10*time.Second) {
				t.Fatalf("%d of %d get in", asking.Load(), wire.MaxConns)
			}
			go ask()
			within := 10 * time.Second
			if c.waits {
				within = 200 * time.Millisecond
			}
			if waits := !reach(wire.MaxConns+1, within); waits != c.waits {
				t.Errorf("one more waits: %t", waits)
			}
			close(release)
			for range wire.MaxConns + 1 {
				if err := <-answered; err != nil {
					t.Error(err)
				}
			}
		})
	}
}
