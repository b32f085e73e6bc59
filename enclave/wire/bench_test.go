package wire_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"

	"awase/enclave/wire"
)

// BenchmarkUpload is what the socket costs a sealed file: the bytes are made and
// thrown away.
func BenchmarkUpload(b *testing.B) {
	const size = 256 << 20
	socket := filepath.Join(b.TempDir(), "s", "s")
	l, err := wire.Listen(socket)
	if err != nil {
		b.Fatal(err)
	}
	e := &fake{loadList: func(_ context.Context, _ wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
		_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{sealed}, make([]byte, 1<<20))
		return wire.ListLoaded{}, err
	}}
	serveBench(b, l, e)
	c, err := wire.Dial(socket)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		if _, err := c.LoadList(b.Context(), wire.ListRequest{}, io.LimitReader(zeros{}, size)); err != nil {
			b.Fatal(err)
		}
	}
}

func serveBench(b *testing.B, l net.Listener, e wire.Enclave) {
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- wire.Serve(ctx, l, e, wire.Options{}) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(fmt.Errorf("serving: %w", err))
		}
	})
}
