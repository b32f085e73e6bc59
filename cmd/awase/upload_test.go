package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/internal/apitest"
)

// uploader is a desk of acme's: a directory, and the environment of its commands.
type uploader struct {
	*apitest.Room
	t   *testing.T
	dir string
	key string // fingerprint of the enclave's
	env []string
}

func newUploader(t *testing.T) *uploader {
	t.Helper()
	r := apitest.Start(t)
	r.Furnish()
	terms, err := r.Enclave.Terms(t.Context(), apitest.Entrustment)
	if err != nil {
		t.Fatal(err)
	}
	u := &uploader{Room: r, t: t, dir: t.TempDir(), key: terms.Key.Fingerprint()}
	u.as(apitest.Acme)
	return u
}

// as makes the desk one of a party.
func (u *uploader) as(party string) {
	p := apitest.Person(party, api.AdOps)
	u.env = append(os.Environ(), "AWASE_SERVER="+u.URL, "AWASE_TOKEN="+u.Token(p), "XDG_CACHE_HOME="+filepath.Join(u.dir, "cache"))
}

func (u *uploader) command(args ...string) *exec.Cmd {
	cmd := awase(u.t, u.dir, append([]string{"upload"}, args...)...)
	cmd.Env = u.env
	return cmd
}

// run runs a command that must end with a status.
func (u *uploader) run(status int, args ...string) string {
	u.t.Helper()
	cmd := u.command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // its status says
	if got := cmd.ProcessState.ExitCode(); got != status {
		u.t.Fatalf("awase upload %s: status %d, want %d\n%s", strings.Join(args, " "), got, status, out.String())
	}
	return out.String()
}

func (u *uploader) write(name, text string) {
	u.t.Helper()
	if err := os.WriteFile(filepath.Join(u.dir, name), []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
}

// emails is a list of n people that begins with the given one.
func emails(from, n int) string {
	var b strings.Builder
	b.WriteString("email\n")
	for i := range n {
		fmt.Fprintf(&b, "canary.%d.upl@example.jp\n", from+i)
	}
	return b.String()
}

// jobs gives how many jobs of a kind there are, by state.
func (u *uploader) jobs(kind string) map[string]int {
	u.t.Helper()
	var page struct{ Items []struct{ State string } }
	u.As(apitest.Person(apitest.Acme, api.AdOps)).Do(http.MethodGet, "/v1/jobs?limit=200&kind="+kind, nil).Want(http.StatusOK).JSON(&page)
	out := map[string]int{}
	for _, j := range page.Items {
		out[j.State]++
	}
	return out
}

// files gives the names of files below a directory of the desk.
func (u *uploader) files(dir string) []string {
	u.t.Helper()
	var out []string
	err := filepath.WalkDir(filepath.Join(u.dir, dir), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		u.t.Fatal(err)
	}
	return out
}

func has(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in\n%s", w, text)
		}
	}
}

func TestUploadCommand(t *testing.T) {
	u := newUploader(t)
	u.write("list.csv", emails(0, 300)+"no address\n")
	list := []string{"--entrustment", apitest.Entrustment, "--name", "vips"}
	out := u.run(1, append(list, "--enclave-key", strings.Repeat("0000-", 7)+"0000", "list.csv")...)
	has(t, out, "another fingerprint", "send nothing")
	if n := u.jobs("list"); len(n) != 0 {
		t.Errorf("it was sent: %v", n)
	}
	out = u.run(0, append(list, "list.csv")...)
	has(t, out, "rows 301", "rejected 1", "list vips loaded: 300 distinct rows", "--enclave-key")
	out = u.run(0, append(list, "--enclave-key", u.key, "--json", "list.csv")...)
	if strings.Contains(out, "server's word") {
		t.Errorf("a key that was checked is warned of: %s", out)
	}
	var shown struct {
		File, Upload, Job string
		Report            struct{ Rows int }
		Result            struct{ Rows, Version int }
	}
	if err := json.Unmarshal([]byte(out), &shown); err != nil || shown.File != "list.csv" || shown.Report.Rows != 301 || shown.Result.Rows != 300 || shown.Job == "" {
		t.Errorf("%v %+v\n%s", err, shown, out)
	}
	// Nothing stays: no file in the inbox, none at the desk.
	if left, err := os.ReadDir(u.Inbox); err != nil || len(left) != 0 {
		t.Errorf("in the inbox: %v %v", left, err)
	}
	if left := u.files("cache"); len(left) != 0 {
		t.Errorf("at the desk: %v", left)
	}
	// A refusal of the room is told, and its upload taken back.
	out = u.run(1, "--entrustment", apitest.Entrustment, "--name", "vips", "--change", "add", "--schema", "missing.yaml", "list.csv")
	has(t, out, "missing.yaml", "no such file")
	u.as(apitest.Beta)
	out = u.run(1, append(list, "list.csv")...)
	has(t, out, "E_")
	u.env = append(u.env, "AWASE_TOKEN=awase_"+strings.Repeat("x", 43))
	has(t, u.run(1, append(list, "list.csv")...), "E_SIGN_IN")
	u.as(apitest.Operator)
	u.write("base.yaml", apitest.BaseDoc)
	u.write("users.csv", "id,ok,version,date,sex,area,email\nu1,true,v2,2024-02-01,f,east,taro.1@example.jp\nu2,true,v2,2024-02-01,m,west,taro.2@example.jp\n")
	has(t, u.run(0, "--base", "--schema", "base.yaml", "--enclave-key", u.key, "users.csv"), "base loaded: 2 users")
	for _, args := range [][]string{{}, {"list.csv"}, {"--watch", ".", "list.csv"}, {"--name", "a", "--entrustment", "b", "list.csv", "list.csv"}, {"--base", "--name", "a", "x"}, {"--once", "x"}} {
		u.run(2, args...)
	}
	if log := u.Log.String(); strings.Contains(log, "canary.") || strings.Contains(log, "list.csv") {
		t.Error("the room's log holds what the file held, or its name")
	}
}

// kills runs a command again and again, and kills it at a random moment, until
// done says that it is; with each kill it may run for longer, at most. It gives how
// often it killed it.
func (u *uploader) kills(rng *rand.Rand, most time.Duration, done func() bool, args ...string) int {
	u.t.Helper()
	for n := range 150 {
		cmd := u.command(args...)
		if err := cmd.Start(); err != nil {
			u.t.Fatal(err)
		}
		over := make(chan struct{})
		go func() { defer close(over); _ = cmd.Wait() }() // killed, or done
		select {
		case <-over:
		case <-time.After(time.Duration(rng.Int64N(int64(most)))):
			_ = cmd.Process.Kill() // it may have ended
			<-over
		}
		if done() {
			return n
		}
		most += most / 8
	}
	u.t.Fatalf("after 150 kills, the last after up to %s, it is not done", most)
	return 0
}

// A command that is killed at any moment, and run again, loads its file once.
func TestUploadCommandKilled(t *testing.T) {
	u := newUploader(t)
	seed := [2]uint64{rand.Uint64(), rand.Uint64()}
	t.Logf("seed %#x", seed)
	rng := rand.New(rand.NewPCG(seed[0], seed[1]))
	const lists = 5
	killed := 0
	for i := range lists {
		name := fmt.Sprintf("vips-%d", i)
		u.write("list.csv", emails(0, 2000+i))
		killed += u.kills(rng, 200*time.Millisecond, func() bool { return u.jobs("list")["done"] > i }, "--entrustment", apitest.Entrustment, "--name", name, "list.csv")
		if left := u.files("cache"); len(left) > 0 { // it was killed after the load, before it could say so
			// "already there" where the job had to ask the enclave again what it had done.
			out := u.run(0, "--entrustment", apitest.Entrustment, "--name", name, "list.csv")
			has(t, strings.Replace(out, "list "+name+" already there: ", "list "+name+" loaded: ", 1), "list "+name+" loaded: 2,00")
		}
	}
	t.Logf("killed %d times", killed)
	if jobs := u.jobs("list"); jobs["done"] != lists || len(jobs) != 1 {
		t.Errorf("jobs: %v, want %d that are done", jobs, lists)
	}
	if left := u.files("cache"); len(left) > 0 {
		t.Errorf("at the desk: %v", left)
	}
}

// A watched directory loses no file and loads none twice, however often its
// process is killed.
func TestWatchKilled(t *testing.T) {
	u := newUploader(t)
	seed := [2]uint64{rand.Uint64(), rand.Uint64()}
	t.Logf("seed %#x", seed)
	rng := rand.New(rand.NewPCG(seed[0], seed[1]))
	const good = 6
	u.write("watch.yaml", "schema: awase.watch/v1\nfiles:\n  - {match: \"add*.csv\", entrustment: spring, name: members, change: add}\n")
	want := map[string]string{}
	for i := range good {
		name := fmt.Sprintf("add-%d.csv", i)
		want[name] = emails(1000*i, 500)
		u.write(name, want[name])
	}
	want["add-bad.csv"] = "nothing,that,is\na,list,!\n"
	u.write("add-bad.csv", want["add-bad.csv"])
	u.write("other.csv", emails(0, 1)) // matches no rule
	settled := func() bool {
		return len(u.files("done"))+len(u.files("refused")) >= 3*(good+1)-1 && len(u.files(".awase")) <= 1
	}
	n := u.kills(rng, 200*time.Millisecond, settled, "--watch", ".", "--every", "10ms", "--enclave-key", u.key)
	t.Logf("killed %d times", n)
	u.run(0, "--watch", ".", "--every", "10ms", "--once", "--enclave-key", u.key)
	if jobs := u.jobs("list"); jobs["done"] != good || len(jobs) != 1 {
		t.Errorf("jobs: %v, want %d that are done", jobs, good)
	}
	got := map[string]string{}
	for _, dir := range []string{"done", "refused"} {
		for _, path := range u.files(dir) {
			name := filepath.Base(path)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			i := strings.Index(name, "add-")
			if i < 0 || i < 15 {
				t.Errorf("%s is there", path)
				continue
			}
			if _, twice := got[dir+"/"+name[i:]]; twice {
				t.Errorf("%s is there twice", name[i:])
			}
			got[dir+"/"+name[i:]] = string(raw)
		}
	}
	for name, text := range want {
		dir := "done/"
		if name == "add-bad.csv" {
			dir = "refused/"
		}
		if got[dir+name] != text {
			t.Errorf("%s%s is not what was dropped (%d bytes)", dir, name, len(got[dir+name]))
		}
		var report struct {
			File, State, Job string
			Validation       struct{ Rows int }
			Reason           *struct{ Code, Detail, Mend string }
		}
		if err := json.Unmarshal([]byte(got[dir+name+".report.json"]), &report); err != nil || report.File != name || report.State != strings.TrimSuffix(dir, "/") {
			t.Errorf("%s: %v %+v", name, err, report)
		}
		switch {
		case dir == "refused/":
			if report.Reason == nil || report.Reason.Code != "E_FILE" || report.Reason.Mend == "" {
				t.Errorf("%s was refused because of %+v", name, report.Reason)
			}
			has(t, got[dir+name+".report.txt"], "refused: E_FILE")
		default:
			if report.Validation.Rows != 500 || report.Job == "" {
				t.Errorf("%s: %+v", name, report)
			}
			has(t, got[dir+name+".report.txt"], name+": CSV", "rows 500", "list members loaded: 500 rows added")
		}
	}
	if _, err := os.Stat(filepath.Join(u.dir, "other.csv")); err != nil {
		t.Errorf("a file that no rule names was taken: %v", err)
	}
	if left := u.files(".awase"); len(left) != 1 {
		t.Errorf("under way: %v", left)
	}
}

// One process has a directory; a file that grows is left alone; a watch.yaml that
// is none takes no file.
func TestWatchDirectory(t *testing.T) {
	u := newUploader(t)
	for _, text := range []string{"", "schema: awase.watch/v1\n", "schema: awase.watch/v2\nfiles: [{match: a, base: true, schema: base.yaml}]\n", "schema: awase.watch/v1\nfiles: [{match: \"[\", entrustment: a, name: b}]\n",
		"schema: awase.watch/v1\nfiles: [{match: a, entrustment: a, name: b, token: c}]\n", "schema: awase.watch/v1\nfiles: [{match: a, entrustment: a}]\n", "schema: awase.watch/v1\nfiles: [{match: a, entrustment: a, name: b, schema: none.yaml}]\n"} {
		u.write("watch.yaml", text)
		u.write("list.csv", emails(0, 10))
		u.run(1, "--watch", ".", "--once", "--enclave-key", u.key)
		if _, err := os.Stat(filepath.Join(u.dir, "list.csv")); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	}
	u.write("watch.yaml", "schema: awase.watch/v1\nfiles: [{match: \"*.csv\", entrustment: spring, name: vips}]\n")
	grows, err := os.OpenFile(filepath.Join(u.dir, "list.csv"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer grows.Close()
	// The file counts as at rest where nothing was added between two looks: they are far
	// apart, for whoever adds may have to wait for its turn.
	first := u.command("--watch", ".", "--every", "2s", "--enclave-key", u.key)
	var said screenText
	first.Stderr = &said
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	stop, grown := make(chan struct{}), make(chan int)
	go func() { // every look finds it changed, whatever else goes on
		n := 0
		defer func() { grown <- n }()
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if _, err := fmt.Fprintf(grows, "canary.%d.grow@example.jp\n", n); err != nil {
				t.Error(err)
				return
			}
			n++
		}
	}()
	eventually(t, "a look", func() bool { return strings.Contains(said.text(), "watching ., every 2s") }) // which it says once the directory is its own
	has(t, u.run(1, "--watch", ".", "--once", "--enclave-key", u.key), "another awase upload --watch")
	time.Sleep(5 * time.Second) // two looks more
	close(stop)
	rows := 10 + <-grown
	if err := grows.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); len(u.files("done")) < 3; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it was not loaded: %v", u.files("."))
		}
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // killed
	for _, path := range u.files("done") {
		if strings.HasSuffix(path, ".report.txt") {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			has(t, string(raw), fmt.Sprintf("rows %d", rows))
		}
	}
}
