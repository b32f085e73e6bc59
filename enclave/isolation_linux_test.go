package enclave

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/sandbox"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// isolatedEnv makes this test binary serve a vault, confined as awase enclave is: a
// directory with the vault V and the socket s. Where it has a file named open,
// nothing confines it.
const isolatedEnv = "AWASE_TEST_ISOLATED"

// hasty is a clock that passes ten seconds whenever somebody looks, so that no tick
// is waited for.
type hasty struct{ at time.Time }

func (h *hasty) options() Options {
	now := func() time.Time { h.at = h.at.Add(10 * time.Second); return h.at }
	return Options{Now: now, boot: func() (string, func() (time.Duration, error)) {
		return "one", func() (time.Duration, error) { return now().Sub(morning), nil }
	}}
}

// keyInHand is a key that was read before confinement.
type keyInHand vault.Key

func (k keyInHand) Key(context.Context, bool) (vault.Key, error) { return vault.Key(k), nil }
func (keyInHand) Next(context.Context) (vault.Key, error)        { return vault.Key{}, vault.ErrNextKey }
func (keyInHand) Replace(context.Context, vault.Key) (bool, error) {
	return false, nil
}

// serveIsolated is awase enclave with a hasty clock.
func serveIsolated(dir string) error {
	vaultDir := filepath.Join(dir, "V")
	o := (&hasty{morning.Add(12 * time.Hour)}).options()
	key, err := (vault.KeyFile{Path: vaultDir + ".key"}).Key(context.Background(), false)
	if err != nil {
		return err
	}
	o.Key = keyInHand(key)
	if o.Prepared, err = vault.Prepare(vaultDir); err != nil {
		return err
	}
	l, err := wire.Listen(filepath.Join(dir, "s"))
	if err != nil {
		return err
	}
	if _, serr := os.Stat(filepath.Join(dir, "open")); serr != nil {
		if o.Confined, err = sandbox.Confine(sandbox.ForEnclave(vault.Dirs(vaultDir), dir+".in", dir+".out")); err != nil {
			return err
		}
	}
	e, err := Open(context.Background(), vaultDir, o)
	if err != nil {
		return err
	}
	return wire.Serve(context.Background(), l, e, wire.Options{})
}

const (
	wideAges        = 12
	widePrefectures = 47
)

// wide gives the documents of a base with 1,872 cells.
func wide() (base, list, contract string) {
	values := func(letter string, n int) string {
		var out []string
		for i := range n {
			out = append(out, letter+strconv.Itoa(i))
		}
		return "[" + strings.Join(out, ", ") + ", unknown]"
	}
	base = "schema: awase.base/v1\nregion: JP\nuser_key: id\nverified: ok\nconsent: {version: version, date: date}\nidentifiers:\n  - {column: email, kind: email}\nattributes:\n" +
		"  - {column: sex, name: gender, values: [f, m, unknown]}\n  - {column: age, name: age, values: " + values("a", wideAges) + "}\n  - {column: pref, name: pref, values: " + values("p", widePrefectures) + "}\n"
	list = "schema: awase.list/v1\ncolumns:\n  - {column: email, kind: email}\n"
	contract = strings.Replace(strings.Replace(oracleContract, "identifiers: [email, phone, cookie, maid]", "identifiers: [email]", 1), "attributes: [gender]", "attributes: [gender, age, pref]", 1)
	return base, list, contract
}

// fillWide loads so many users and rows, half of which are users.
func fillWide(t *testing.T, e *Enclave, users, rows int) {
	t.Helper()
	baseDoc, listDoc, contract := wide()
	furnish(t, e)
	ctx := t.Context()
	_, err := e.SetGate(ctx, "gate.yaml", []byte("schema: awase.gate/v1\ntick: 1s\n"))
	if _, cerr := e.Entrust(ctx, parse(t, entrustment.ParseContract, contract)); err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
	write := func(name string, head string, n int, row func(i int, b []byte) []byte) *os.File {
		f, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		w := bufio.NewWriterSize(f, 1<<20)
		_, err = w.WriteString(head)
		var b []byte
		for i := range n {
			if b = row(i, b[:0]); err == nil {
				_, err = w.Write(b)
			}
		}
		if err := errors.Join(err, w.Flush()); err != nil {
			t.Fatal(err)
		}
		return f
	}
	base := write("users.csv", "id,ok,version,date,sex,age,pref,email\n", users, func(i int, b []byte) []byte {
		return fmt.Appendf(b, "u%d,true,v2,2024-02-01,%s,a%d,p%d,taro.%d@example.jp\n", i, [2]string{"f", "m"}[i%2], i/7%wideAges, i/3%widePrefectures, i)
	})
	list := write("list.csv", "email\n", rows, func(i int, b []byte) []byte {
		if i%2 == 1 {
			i += users
		}
		return fmt.Appendf(b, "taro.%d@example.jp\n", i)
	})
	size := func(f *os.File) int64 {
		st, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return st.Size()
	}
	stream := func(id, name string, h seal.Header, rows seal.Rows) io.Reader {
		terms, err := e.Terms(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		r, w := io.Pipe()
		go func() {
			s, err := seal.NewWriter(w, terms.Key, seal.Address{Entrustment: terms.Entrustment, Version: terms.Version, Party: terms.Party, Name: name, Upload: seal.NewUpload()}, h, seal.WriterOptions{})
			for batch, rerr := range rows {
				if err = errors.Join(err, rerr); err != nil {
					break
				}
				err = s.Write(batch)
			}
			if err == nil {
				err = s.Close()
			}
			w.CloseWithError(err)
		}()
		return r
	}
	schema := parse(t, entrustment.ParseBaseSchema, baseDoc)
	in, err := intake.OpenBase(ctx, base, size(base), schema, intake.Options{Name: "users.csv"})
	if err != nil {
		t.Fatal(err)
	}
	if loaded, err := e.LoadBase(ctx, schema, stream(seal.BaseEntrustment, seal.BaseName, in.Header(), in.Rows())); err != nil || loaded.Users != int64(users) {
		t.Fatal(loaded, err)
	}
	in, err = intake.OpenList(ctx, list, size(list), parse(t, entrustment.ParseListSchema, listDoc), intake.Options{Name: "list.csv"})
	if err != nil {
		t.Fatal(err)
	}
	if loaded, err := e.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, stream("e", "l", in.Header(), in.Rows())); err != nil || loaded.Rows != int64(rows) {
		t.Fatal(loaded, err)
	}
}

// isolationSize is the sizes that TestIsolationCost measures: AWASE_ISOLATION, as
// make bench-isolation sets it ("10000000 1000000 20": users, rows, rounds), or
// little.
func isolationSize(t *testing.T) (users, rows, rounds int, measured bool) {
	t.Helper()
	users, rows, rounds = 20_000, 4_000, 3
	if text := os.Getenv("AWASE_ISOLATION"); text != "" {
		if _, err := fmt.Sscan(text, &users, &rows, &rounds); err != nil || rounds < 1 || rounds >= widePrefectures {
			t.Fatalf("AWASE_ISOLATION: users, rows and fewer than %d rounds: %v", widePrefectures, err)
		}
		return users, rows, rounds, true
	}
	return users, rows, rounds, false
}

// TestIsolationCost asks the same questions of an enclave in this process, of one
// over its socket, and of a confined one over its socket, by turns, on copies of one
// vault, and gives what isolation costs. Nobody waits for a tick. The answers are the
// same.
func TestIsolationCost(t *testing.T) {
	users, rows, rounds, measured := isolationSize(t)
	root, err := os.MkdirTemp("", "awase")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(root)
	a := filepath.Join(root, "a")
	if err := os.Mkdir(a, 0o700); err != nil {
		t.Fatal(err)
	}
	e, err := Open(t.Context(), filepath.Join(a, "V"), (&hasty{morning}).options())
	if err != nil {
		t.Fatal(err)
	}
	fillWide(t, e, users, rows)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	apart := serveApart(t, root, a, "b", false)
	confined := serveApart(t, root, a, "c", true)
	if e, err = Open(t.Context(), filepath.Join(a, "V"), (&hasty{morning.Add(12 * time.Hour)}).options()); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	// Few cells, and as many as a person may ask for: the answer's own bytes are the
	// most of what the socket costs.
	for _, dims := range []string{"[gender, age]", "[gender, age, pref]"} {
		took, cells := byTurns(t, []wire.Enclave{e, apart, confined}, dims, rounds)
		more := func(d time.Duration) float64 { return 100 * (float64(d)/float64(took[0]) - 1) }
		t.Logf("%d users, %d rows, %d questions of %d cells each, by turns: in process %s, over a socket %s (%+.1f %%), confined and over a socket %s (%+.1f %%); medians",
			users, rows, rounds, cells, took[0], took[1], more(took[1]), took[2], more(took[2]))
		if measured && more(took[2]) > 5 && cells < 100 {
			t.Error("isolation costs more than 5 %")
		}
	}
}

// serveApart serves a copy of the room at from by a process of its own.
func serveApart(t *testing.T, root, from, name string, confined bool) *wire.Client {
	t.Helper()
	at := filepath.Join(root, name)
	for _, d := range []string{at, at + ".in", at + ".out"} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyRoom(at, from); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), isolatedEnv+"="+at)
	cmd.Stderr = os.Stderr
	if confined {
		attr, err := sandbox.Isolated()
		if err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = attr
	} else if err := os.WriteFile(filepath.Join(at, "open"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("NOT RUN, and CI has to: %v", err)
		}
		t.Skipf("NOT RUN: user namespaces are not permitted: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c, err := wire.Dial(filepath.Join(at, "s"))
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// byTurns asks all the same questions, and gives how long each took, in the median.
func byTurns(t *testing.T, all []wire.Enclave, dims string, rounds int) (medians []time.Duration, cells int) {
	t.Helper()
	took := make([][]time.Duration, len(all))
	for n := range rounds + 1 {
		var in []string
		for p := range widePrefectures {
			if p != n {
				in = append(in, "p"+strconv.Itoa(p))
			}
		}
		q := parse(t, entrustment.ParseQuestion, fmt.Sprintf("schema: awase.report/v1\nreport: profile\nentrustment: e\nlist: l\ndims: %s\nsigma: 50\nwhere: {in: {pref: [%s]}}\n", dims, strings.Join(in, ", ")))
		for turn := range all {
			who := (n + turn) % len(all)
			start := time.Now()
			r, err := all[who].Report(t.Context(), q)
			d := time.Since(start)
			if err != nil {
				t.Fatal(err)
			}
			if n+turn > 0 && len(r.Cells) != cells || len(r.Cells) == 0 {
				t.Errorf("%d cells, others gave %d", len(r.Cells), cells)
			}
			cells = len(r.Cells)
			if n > 0 { // the first opens the data
				took[who] = append(took[who], d)
			}
		}
	}
	for _, d := range took {
		slices.Sort(d)
		medians = append(medians, d[len(d)/2].Round(10*time.Microsecond))
	}
	return medians, cells
}
