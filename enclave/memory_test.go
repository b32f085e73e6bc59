package enclave

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
)

// TestMemoryGivenBack: after a large load the process holds what it keeps and
// little else, by what the runtime says; so too after a list that takes the place
// of a large one, once no question reads that.
func TestMemoryGivenBack(t *testing.T) {
	if testing.Short() {
		t.Skip("6 million rows")
	}
	e := openRoom(t)
	entrustVersions(t, e)
	terms, err := e.Terms(t.Context(), "e")
	if err != nil {
		t.Fatal(err)
	}
	load := func(rows int) wire.ListLoaded {
		t.Helper()
		r, w := io.Pipe() // nothing of the file is kept
		go func() {
			a := seal.Address{Entrustment: terms.Entrustment, Version: terms.Version, Party: terms.Party, Name: "l", Upload: seal.NewUpload()}
			out, err := seal.NewWriter(w, terms.Key, a, seal.Header{Purpose: seal.List, Identifiers: versionIDs}, seal.WriterOptions{})
			batch := make([]seal.Row, 1000)
			for at := 0; at < rows && err == nil; at += len(batch) {
				for i := range batch {
					id := seal.Identifier{}
					binary.LittleEndian.PutUint64(id.Hash[:], uint64(at+i)*0x9e3779b97f4a7c15)
					batch[i].Identifiers = append(batch[i].Identifiers[:0], id)
				}
				err = out.Write(batch)
			}
			if err == nil {
				err = out.Close()
			}
			w.CloseWithError(err)
		}()
		got, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, r)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	debug.FreeOSMemory()
	before := held()
	const slack = 64 << 20 // directories, pools, what the runtime rounds up
	if got := load(6_000_000); got.Rows != 6_000_000 {
		t.Fatalf("%+v", got)
	}
	if got := held() - before; got > 6_000_000*24+slack {
		t.Errorf("%d MiB held after loading a list of 6 million rows", got>>20)
	}
	// A question that runs keeps the list that it was pinned to, and lets it go.
	users, _ := crowd(10)
	loadBaseFile(t, e, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	a, err := e.pinned(question())
	if err != nil {
		t.Fatal(err)
	}
	load(1000)
	if got := held() - before; got < slack {
		t.Errorf("%d MiB held while a question reads the list before", got>>20)
	}
	a.release()
	for wait := 0; held()-before > slack; wait++ {
		if wait == 1000 {
			t.Fatalf("%d MiB held after a short list took its place", (held()-before)>>20)
		}
		time.Sleep(10 * time.Millisecond)
	}
	load(6_000_000)
	load(1001)
	if got := held() - before; got > slack {
		t.Errorf("%d MiB held after a short list took its place, that nobody read", got>>20)
	}
}
