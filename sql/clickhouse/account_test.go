package clickhouse

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"awase/internal/chtest"
)

// setupFiles is where the files are that an operator installs.
const setupFiles = "../../docs/clickhouse"

// stock is a server's own configuration, as it comes: it logs what was asked, a
// fifth of a second later.
var stock = func() string {
	var b strings.Builder
	b.WriteString("<clickhouse><users_config>users.xml</users_config>")
	for _, log := range strings.Fields("query_log query_thread_log query_views_log query_metric_log part_log text_log trace_log processors_profile_log session_log opentelemetry_span_log " +
		"asynchronous_insert_log metric_log asynchronous_metric_log transposed_metric_log latency_log error_log crash_log backup_log blob_storage_log background_schedule_pool_log") {
		b.WriteString("<" + log + "><database>system</database><table>" + log + "</table><flush_interval_milliseconds>200</flush_interval_milliseconds></" + log + ">")
	}
	return b.String() + "</clickhouse>"
}()

const (
	stockUsers = `<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password/>` +
		`<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota><access_management>1</access_management></default></users></clickhouse>`
	accountPassword = "correct horse battery staple"
)

// setUp starts a server with the files that setup.sh installs, changed by edit (nil:
// as they are; it is given a file's name and text), and makes the database. It gives a
// connection of who administers it.
func setUp(t *testing.T, edit func(name, text string) string) (*chtest.Server, driver.Conn) {
	t.Helper()
	if !chtest.There() {
		chtest.Start(t, 1, chtest.Options{}) // skips, or fails where CI is set
	}
	dir, root := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	password := filepath.Join(root, "password")
	write(password, accountPassword+"\n")
	out, err := exec.Command("sh", filepath.Join(setupFiles, "setup.sh"), "install", "--root", root, "--from", "127.0.0.1",
		"--cert", password, "--key", password, "--disk", filepath.Join(dir, "disk")+"/", "--password-file", password).CombinedOutput()
	if err != nil {
		t.Fatalf("setup.sh: %v: %s", err, out)
	}
	for _, name := range []string{"config.d/awase.xml", "users.d/awase.xml"} {
		text, err := os.ReadFile(filepath.Join(root, "etc/clickhouse-server", name))
		if err != nil {
			t.Fatal(err)
		}
		if edit != nil {
			text = []byte(edit(name, string(text)))
		}
		write(filepath.Join(dir, name), string(text))
	}
	env, err := os.ReadFile(filepath.Join(root, "etc/awase/clickhouse.env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(env)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		t.Setenv(name, value)
	}
	write(filepath.Join(dir, "users.xml"), stockUsers)
	s, err := chtest.New(dir, chtest.Options{Config: stock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() })
	admin := connectAs(t, s, "default", "")
	mustExec(t, admin, "CREATE DATABASE awase")
	return s, admin
}

func connectAs(t *testing.T, s *chtest.Server, user, password string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{s.Addr}, DialTimeout: 5 * time.Second, Auth: clickhouse.Auth{Username: user, Password: password}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func mustExec(t *testing.T, conn driver.Conn, statement string) {
	t.Helper()
	if err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// wrongs is what check.sql finds.
func wrongs(t *testing.T, admin driver.Conn) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(setupFiles, "check.sql"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := admin.Query(t.Context(), string(text))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSetup: as the files are, check.sql finds nothing wrong; the account may nothing
// but what it needs, and change nothing of what binds it.
func TestSetup(t *testing.T) {
	s, admin := setUp(t, nil)
	mustExec(t, admin, "CREATE DATABASE other")
	mustExec(t, admin, "CREATE TABLE other.t (a UInt8) ENGINE = MergeTree ORDER BY a")
	if w := wrongs(t, admin); len(w) > 0 {
		t.Errorf("check.sql finds: %q", w)
	}
	conn := connectAs(t, s, "awase", accountPassword)
	mustExec(t, conn, "CREATE TABLE awase.t (a UInt8) ENGINE = MergeTree ORDER BY a")
	mustExec(t, conn, "INSERT INTO awase.t VALUES (1)")
	for _, statement := range []string{
		"SELECT a FROM other.t", "INSERT INTO other.t VALUES (1)", "CREATE TABLE other.u (a UInt8) ENGINE = MergeTree ORDER BY a", "DROP TABLE other.t",
		"SELECT query FROM system.processes", "SELECT name FROM system.users", "SELECT name FROM system.disks", "SELECT last_error_message FROM system.errors", "SELECT name FROM system.parts",
		"SELECT * FROM file('x.csv', 'CSV', 'a UInt8')", "INSERT INTO FUNCTION file('x.csv', 'CSV', 'a UInt8') SELECT a FROM awase.t",
		"SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a UInt8')", "INSERT INTO FUNCTION url('http://127.0.0.1:1/', 'CSV', 'a UInt8') SELECT a FROM awase.t",
		"SELECT * FROM remote('127.0.0.1:1', awase.t)", "SELECT * FROM remoteSecure('127.0.0.1:1', awase.t)", "INSERT INTO FUNCTION remote('127.0.0.1:1', awase.t) SELECT a FROM awase.t",
		"SELECT * FROM s3('http://127.0.0.1:1/bucket/key.csv', NOSIGN, 'CSV', 'a UInt8')", "INSERT INTO FUNCTION s3('http://127.0.0.1:1/bucket/key.csv', NOSIGN, 'CSV', 'a UInt8') SELECT a FROM awase.t",
		"SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')", "SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
		"CREATE TABLE awase.u (a UInt8) ENGINE = File(CSV)", "CREATE TABLE awase.u (a UInt8) ENGINE = URL('http://127.0.0.1:1/', CSV)", "CREATE TABLE awase.u (a UInt8) ENGINE = Log",
		"CREATE TABLE awase.u (a UInt8) ENGINE = Distributed('c', 'awase', 't')", "CREATE TABLE awase.u (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS storage_policy = 'default'",
		"CREATE TABLE awase.u (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = 'default'",
		"CREATE DICTIONARY awase.d (a UInt64) PRIMARY KEY a SOURCE(NULL()) LAYOUT(FLAT()) LIFETIME(1)", "CREATE FUNCTION f AS (x) -> x", "CREATE NAMED COLLECTION c AS a = 1",
		"CREATE DATABASE d", "DROP DATABASE awase", "BACKUP TABLE awase.t TO File('/tmp/b')", "BACKUP DATABASE awase TO Disk('default', 'b')",
		"ALTER TABLE awase.t FREEZE", "ALTER TABLE awase.t MOVE PARTITION ID 'all' TO DISK 'default'", "ALTER TABLE awase.t FETCH PARTITION ID 'all' FROM '/x'",
		"SYSTEM DROP DNS CACHE", "SYSTEM FLUSH LOGS", "SYSTEM SHUTDOWN", "SYSTEM DROP MARK CACHE", "KILL QUERY WHERE user = 'default' SYNC",
		"CREATE USER u IDENTIFIED BY 'p'", "ALTER USER awase IDENTIFIED BY 'p'", "GRANT SELECT ON *.* TO awase", "CREATE ROLE r", "CREATE SETTINGS PROFILE p", "CREATE QUOTA q",
		"SET log_queries = 1", "SET log_query_threads = 1", "SET max_memory_usage = 0", "SET max_memory_usage = 1000000000000", "SET max_execution_time = 0", "SET max_bytes_before_external_sort = 1000000",
		"SET max_bytes_before_external_join = 1000000", "SET max_bytes_ratio_before_external_join = 0.5",
		"SET log_processors_profiles = 1", "SET query_profiler_cpu_time_period_ns = 1000000",
	} {
		err := conn.Exec(t.Context(), statement)
		var e *clickhouse.Exception
		if !errors.As(err, &e) {
			t.Errorf("not refused: %s: %v", statement, err)
			continue
		}
		switch e.Code {
		case 497, 452: // ACCESS_DENIED, SETTING_CONSTRAINT_VIOLATION
		default:
			t.Errorf("refused for another reason: %s: %d %s", statement, e.Code, e.Name)
		}
	}
	if err := connectAs(t, s, "awase", "another").Ping(t.Context()); err == nil {
		t.Error("another password opens it")
	}
}

// TestAccountFromElsewhere: who comes from another address than Awase's is refused,
// with the right password too.
func TestAccountFromElsewhere(t *testing.T) {
	s, _ := setUp(t, func(name, text string) string {
		return strings.Replace(text, `<ip from_env="AWASE_FROM"/>`, "<ip>192.0.2.1</ip>", 1)
	})
	if err := connectAs(t, s, "awase", accountPassword).Ping(t.Context()); err == nil {
		t.Error("it may come from anywhere")
	}
}

// TestCheckFinds: check.sql names each thing that is not as it has to be.
func TestCheckFinds(t *testing.T) {
	replace := func(old, by string) func(name, text string) string {
		return func(_, text string) string { return strings.Replace(text, old, by, 1) }
	}
	for _, c := range []struct {
		what, finds string
		edit        func(name, text string) string
		do          string
	}{
		{"a log", "a log of the server is kept: system.query_log", replace(`<query_log remove="1"/>`, ""), ""},
		{"an open address", "the account awase may come from anywhere", replace(`<ip from_env="AWASE_FROM"/>`, "<ip>::/0</ip>"), ""},
		{"a grant too many", "the account awase may more than it needs: BACKUP on awase.*", replace("<grants>", "<grants><query>GRANT BACKUP ON awase.*</query>"), ""},
		{"logging allowed", "the profile awase leaves free what it fixes: log_queries", replace("<log_queries><const/></log_queries>", ""), ""},
		{"spilling allowed", "the profile awase leaves free what it fixes: max_bytes_ratio_before_external_join", replace("<max_bytes_ratio_before_external_join><const/></max_bytes_ratio_before_external_join>", ""), ""},
		{"no profile", "the account awase has another profile", replace("<profile>awase</profile>", "<profile>default</profile>"), ""},
		{"a plain disk", "a disk of the policy awase is not encrypted: awase_below", replace("<disk>awase_encrypted</disk>", "<disk>awase_below</disk>"), ""},
		{"no default", "tables are not on the policy awase by default", replace("<storage_policy>awase</storage_policy>", ""), ""},
		{"another account", "an account besides awase and default: guest", replace("<users>", "<users><guest><password>x</password><networks><ip>127.0.0.1</ip></networks></guest>"), ""},
		{"a table elsewhere", "a table is not on the encrypted disk: t", nil, "CREATE TABLE awase.t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS storage_policy = 'default'"},
		{"no database", "there is no database awase", nil, "DROP DATABASE awase SYNC"},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, admin := setUp(t, c.edit)
			if c.do != "" {
				mustExec(t, admin, c.do)
			}
			for range 50 { // a log is made when it is first written
				w := wrongs(t, admin)
				if len(w) == 1 && w[0] == c.finds {
					return
				}
				if len(w) > 0 || !strings.Contains(c.finds, "log of") {
					t.Fatalf("found %q", w)
				}
				time.Sleep(100 * time.Millisecond)
			}
			t.Fatal("nothing is found")
		})
	}
}

// holdsBytes tells whether a file below dir holds some bytes.
func holdsBytes(t *testing.T, dir string, some []byte) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // parts come and go
		}
		data, err := os.ReadFile(path)
		found = found || err == nil && bytes.Contains(data, some)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A token on the disk is not to be seen; with the disk's encryption taken away it is.
func TestDiskIsEncrypted(t *testing.T) {
	const known = "k7#Qz!mV0x@Ld" // a token is twelve bytes
	for _, c := range []struct {
		what string
		seen bool
		edit func(name, text string) string
	}{
		{"as it is installed", false, nil},
		{"without the encryption", true, func(_, text string) string {
			return strings.Replace(text, "<disk>awase_encrypted</disk>", "<disk>awase_below</disk>", 1)
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			s, _ := setUp(t, c.edit)
			conn := connectAs(t, s, "awase", accountPassword)
			mustExec(t, conn, "CREATE TABLE awase.t (token FixedString(12) CODEC(NONE), id UInt32 CODEC(NONE)) ENGINE = MergeTree ORDER BY token")
			batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO awase.t (token, id)")
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(batch.Append(known[:12], uint32(7)), batch.Send()); err != nil {
				t.Fatal(err)
			}
			if seen := holdsBytes(t, s.Dir, []byte(known[:12])); seen != c.seen {
				t.Errorf("the token is in a file: %v", seen)
			}
			if !holdsBytes(t, s.Dir, []byte("FixedString(12)")) {
				t.Error("no file was looked at")
			}
		})
	}
}
