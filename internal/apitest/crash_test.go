package apitest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"awase/api"
	"awase/api/account"
	"awase/enclave"
	"awase/enclave/wire"
	"awase/sql/control"
)

// TestMain is also the processes that TestKilled kills.
func TestMain(m *testing.M) {
	dir := os.Getenv("AWASE_TEST_DIR")
	var err error
	switch os.Getenv("AWASE_TEST_PROCESS") {
	case "":
		os.Exit(m.Run())
	case "enclave":
		err = enclaveProcess(dir)
	case "front":
		err = frontProcess(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func socketOf(dir string) string { return filepath.Join(dir, "s") }

func enclaveProcess(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	e, err := enclave.Open(ctx, filepath.Join(dir, "vault"), enclave.Options{Inbox: filepath.Join(dir, "inbox")})
	if err != nil {
		return err
	}
	defer e.Close()
	if err := wire.Sweep(socketOf(dir)); err != nil {
		return err
	}
	l, err := wire.Listen(socketOf(dir))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return wire.Serve(ctx, l, e, wire.Options{})
}

func frontProcess(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var client *wire.Client
	var err error
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if client, err = wire.Dial(socketOf(dir)); err == nil || time.Now().After(until) {
			break
		}
	}
	if err != nil {
		return err
	}
	store, err := control.Open(ctx, filepath.Join(dir, "control.db"))
	if err != nil {
		return err
	}
	s, err := api.New(api.Options{Enclave: client, Store: store, OperatorParty: Operator, Passwords: account.Cost{MiB: 1, Passes: 1, Lanes: 1}, Version: "test", Inbox: filepath.Join(dir, "inbox"), Reports: filepath.Join(dir, "reports"),
		Rate: api.RateOptions{PerSecond: 10_000, Burst: 10_000, Strangers: 1000}, Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = api.HTTP(s).Serve(l) }()
	fmt.Println("http://" + l.Addr().String())
	return s.Run(ctx)
}

// process is one that is killed.
type process struct {
	cmd  *exec.Cmd
	said string
}

func launch(t *testing.T, what, dir string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(self)}
	p.cmd.Env = append(os.Environ(), "AWASE_TEST_PROCESS="+what, "AWASE_TEST_DIR="+dir)
	log, err := os.OpenFile(filepath.Join(dir, what+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		raw, _ := os.ReadFile(log.Name())
		t.Fatalf("%s: %v\n%s", what, err, raw)
	}
	p.said = strings.TrimSpace(line)
	return p
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // it was killed
}

// Front, enclave or both are killed at any moment, again and again. Every job that
// was accepted ends done, every table is charged once, every file is loaded once.
func TestKilled(t *testing.T) {
	rounds := 12 // as many questions as there are
	if testing.Short() {
		rounds = 3
	}
	dir, err := os.MkdirTemp("", "awase") // short: a socket's name has few bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "inbox"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := &Room{Dir: dir, now: time.Now, t: t}
	if r.Enclave, err = enclave.Open(t.Context(), filepath.Join(dir, "vault"), enclave.Options{}); err != nil {
		t.Fatal(err)
	}
	r.Furnish()
	var lists [][]byte
	for i := range rounds {
		lists = append(lists, r.SealedList(fmt.Sprintf("list-%d", i), 1100+i))
	}
	if err := r.Enclave.Close(); err != nil {
		t.Fatal(err)
	}
	if r.Store, err = control.Open(t.Context(), filepath.Join(dir, "control.db")); err != nil {
		t.Fatal(err)
	}
	marketing, ops := r.As(Person(Acme, api.Marketing)), r.As(Person(Acme, api.AdOps))
	if err := r.Store.Close(); err != nil { // one process has it open
		t.Fatal(err)
	}
	room, front := launch(t, "enclave", dir), launch(t, "front", dir)
	defer func() { room.kill(t); front.kill(t) }()
	r.URL = front.said
	var jobs []string
	accepted := func(a *Answer) {
		t.Helper()
		var j struct{ ID string }
		a.Want(http.StatusAccepted).JSON(&j)
		jobs = append(jobs, j.ID)
	}
	for i := range rounds {
		// Another question each time.
		more := fmt.Sprintf(`"dims": [%s], "sigma": %d`, [3]string{`"gender"`, `"area"`, `"gender", "area"`}[i%3], [4]int{5, 10, 20, 50}[i/3])
		accepted(marketing.Do(http.MethodPost, "/v1/reports", `{"question": `+Question("profile", more)+`}`))
		name := fmt.Sprintf("list-%d", i)
		accepted(ops.Do(http.MethodPost, "/v1/lists", `{"upload": "`+ops.Upload(Entrustment, name, lists[i])+`", "entrustment": "spring", "name": "`+name+`"}`))
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
		if i%3 != 1 {
			front.kill(t)
		}
		if i%3 != 0 {
			room.kill(t)
			room = launch(t, "enclave", dir)
		}
		if i%3 != 1 {
			front = launch(t, "front", dir)
		}
		r.URL = front.said
	}
	for _, id := range jobs {
		var j struct {
			Kind, State string
			Reason      json.RawMessage
		}
		for until := time.Now().Add(2 * time.Minute); j.State != "done"; time.Sleep(50 * time.Millisecond) {
			marketing.Do(http.MethodGet, "/v1/jobs/"+id, nil).Want(http.StatusOK).JSON(&j)
			if j.State == "failed" || time.Now().After(until) {
				t.Fatalf("%s: %s %s %s", id, j.Kind, j.State, j.Reason)
			}
		}
	}
	var page struct{ Items []struct{ ID string } }
	marketing.Do(http.MethodGet, "/v1/reports?limit=200", nil).Want(http.StatusOK).JSON(&page)
	if len(page.Items) != rounds {
		t.Errorf("%d reports, want %d", len(page.Items), rounds)
	}
	for _, it := range page.Items {
		marketing.Do(http.MethodGet, "/v1/reports/"+it.ID+"/files/json", nil).Want(http.StatusOK)
	}
	var got struct{ Items []wire.ListInfo }
	ops.Do(http.MethodGet, "/v1/entrustments/spring/lists", nil).Want(http.StatusOK).JSON(&got)
	if len(got.Items) != rounds+1 {
		t.Errorf("%d lists, want %d", len(got.Items), rounds+1)
	}
	for _, l := range got.Items {
		if len(l.Versions) != 1 {
			t.Errorf("list %s has %d versions: it was loaded twice", l.Name, len(l.Versions))
		}
	}
	client, err := wire.Dial(socketOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ledger, err := client.Ledger(t.Context(), wire.LedgerRequest{Group: Acme})
	if err != nil {
		t.Fatal(err)
	}
	charges := 0
	for _, a := range ledger.Accounts {
		charges += len(a.Charges)
	}
	if charges != rounds {
		t.Errorf("%d charges, want %d", charges, rounds)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "front.log"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("taro")) || bytes.Contains(raw, []byte("panicked")) {
		t.Error("the log says what it must not")
	}
}
