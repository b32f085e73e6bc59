package control

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river"
	"modernc.org/sqlite" // and the driver "sqlite"

	"awase/api/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed queries/*.sql
var queries embed.FS

// Store is the open control store. It is safe for concurrent use; one process
// has it open.
type Store struct {
	write *sql.DB // one connection: SQLite has one writer, and who waits for it waits here, not in SQLITE_BUSY
	read  *sql.DB
	stmts map[string]string                // by file name less .sql
	ready map[*sql.DB]map[string]*sql.Stmt // the same, prepared
	keys  keys                             // of control.key, beside the file
	queue *river.Client[*sql.Tx]
}

// ErrNewer is that the file was made by a newer program.
var ErrNewer = errors.New("the control store was made by a newer awase: run that one, or restore the copy from before")

// Open opens the store at path, makes it where there is none, and brings its
// schema up to date.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the control store's directory: %w", err)
	}
	// Made here, so that it is nobody else's from its first byte.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the control store: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("opening the control store: %w", err)
	}
	// As SQLite's own builds for Linux do: what a commit needs is on disk, its time of
	// writing need not be.
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return nil, fmt.Errorf("opening the control store: %w", err)
	}
	s := &Store{}
	if s.stmts, err = statements(); err != nil {
		return nil, err
	}
	if s.write, err = connect(path, "immediate", 1); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	if s.read, err = connect(path, "deferred", max(4, runtime.GOMAXPROCS(0))); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.keys, err = s.openKeys(ctx, path); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare prepares every statement: SQLite takes longer to read one than to do it.
// All at once, for who holds the one connection that writes can't wait for it to
// prepare another.
func (s *Store) prepare(ctx context.Context) error {
	s.ready = map[*sql.DB]map[string]*sql.Stmt{s.read: {}, s.write: {}}
	for db, ready := range s.ready {
		for name, text := range s.stmts {
			stmt, err := db.PrepareContext(ctx, text)
			if err != nil {
				return fmt.Errorf("preparing the control store's statement %s: %w", name, err)
			}
			ready[name] = stmt
		}
	}
	return nil
}

// connect opens the file with the settings that every connection needs. A commit
// is on disk before it is acknowledged (synchronous FULL): what a person was told
// survives the machine.
func connect(path, lock string, conns int) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}, "_time_format": {"sqlite"}}
	for _, p := range []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "temp_store(MEMORY)"} {
		q.Add("_pragma", p)
	}
	if lock == "deferred" {
		q.Add("_pragma", "query_only(ON)")
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening the control store: %w", err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// migrate brings the schema up to date, each step in a transaction of its own.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.write, steps, goose.WithVerbose(false))
	if err != nil {
		return fmt.Errorf("reading the control store's migrations: %w", err)
	}
	at, newest, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("reading the control store's schema: %w", err)
	}
	if at > newest {
		return ErrNewer
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bringing the control store up to date: %w", err)
	}
	return s.openQueue(ctx)
}

// statements reads the statements.
func statements() (map[string]string, error) {
	out := map[string]string{}
	names, err := fs.Glob(queries, "queries/*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		raw, err := queries.ReadFile(name)
		if err != nil {
			return nil, err
		}
		base := filepath.Base(name)
		out[base[:len(base)-len(".sql")]] = string(raw)
	}
	return out, nil
}

// Close closes the store.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close())
}

// Ping tells whether the store answers.
func (s *Store) Ping(ctx context.Context) error { return s.read.PingContext(ctx) }

// Writer is the one connection that writes, for the job queue, which shares it.
func (s *Store) Writer() *sql.DB { return s.write }

// querier is where a statement runs: s.read, s.write or a transaction of the writer.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// stmt gives a statement by the name of its file, for where it is to run.
func (s *Store) stmt(ctx context.Context, q querier, name string) (*sql.Stmt, error) {
	db, tx := s.write, (*sql.Tx)(nil)
	switch q := q.(type) {
	case *sql.DB:
		db = q
	case *sql.Tx: // the writer's alone
		tx = q
	}
	stmt := s.ready[db][name]
	if stmt == nil {
		return nil, fmt.Errorf("control store: there is no statement %s", name)
	}
	if tx != nil {
		stmt = tx.StmtContext(ctx, stmt)
	}
	return stmt, nil
}

// exec runs a statement that changes something.
func (s *Store) exec(ctx context.Context, name string, args ...any) (int64, error) {
	return s.execIn(ctx, s.write, name, args...)
}

func (s *Store) execIn(ctx context.Context, q querier, name string, args ...any) (int64, error) {
	stmt, err := s.stmt(ctx, q, name)
	if err != nil {
		return 0, err
	}
	r, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("control store, %s: %w", name, err)
	}
	return r.RowsAffected()
}

// within runs do in a transaction of the writer.
func (s *Store) within(ctx context.Context, what string, do func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("control store, %s: %w", what, err)
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("control store, %s: %w", what, err)
	}
	return nil
}

// one reads the first row of a statement; store.ErrNotFound where there is none.
func one[T any](ctx context.Context, s *Store, q querier, name string, scan func(row) (T, error), args ...any) (T, error) {
	stmt, err := s.stmt(ctx, q, name)
	if err != nil {
		var none T
		return none, err
	}
	v, err := scan(stmt.QueryRowContext(ctx, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, store.ErrNotFound
	}
	if err != nil {
		return v, fmt.Errorf("control store, %s: %w", name, err)
	}
	return v, nil
}

// all reads every row of a statement.
func all[T any](ctx context.Context, s *Store, q querier, name string, scan func(row) (T, error), args ...any) ([]T, error) {
	stmt, err := s.stmt(ctx, q, name)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("control store, %s: %w", name, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("control store, %s: %w", name, err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("control store, %s: %w", name, err)
	}
	return out, nil
}

// row is what a result is scanned from.
type row interface{ Scan(dest ...any) error }

// Times are stored as integers, milliseconds since 1970 UTC; 0 is none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

func scanText(r row) (text string, err error) { return text, r.Scan(&text) }
