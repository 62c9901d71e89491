// Package sqldb opens SQLite or PostgreSQL and runs the same SQL text on both.
//
// Statements use $1 parameters and portable types only (TEXT, BIGINT, INTEGER, BYTEA);
// times are BIGINT microseconds, days are TEXT, truth values are INTEGER 0 and 1.
//
// SQLite has one writer. All writes of the process go through one goroutine that takes
// whatever is waiting, runs it in one transaction and commits once: a write alone is not
// delayed, and many at once share one fsync. PostgreSQL writes are plain transactions; one begins in the same message as its
// first statement.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A DB is one open database. It is safe for use by many goroutines.
type DB struct {
	read     *sql.DB
	readStmt stmts
	writer   *writer // SQLite only
	postgres bool
}

// Open opens the database that url names: "postgres://…", "sqlite:PATH" or a bare PATH.
// A SQLite file that does not exist is created.
func Open(ctx context.Context, dsn string) (*DB, error) {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		return openPostgres(ctx, dsn)
	}
	return openSQLite(ctx, strings.TrimPrefix(dsn, "sqlite:"))
}

func openSQLite(ctx context.Context, path string) (*DB, error) {
	dsn := func(extra string) string {
		u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
		return u.String() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)" + extra
	}
	wdb, err := sql.Open("sqlite", dsn(""))
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	wdb.SetMaxOpenConns(1)
	conn, err := wdb.Conn(ctx)
	if err != nil {
		wdb.Close()
		return nil, fmt.Errorf("open SQLite %s: %w", path, err)
	}
	rdb, err := sql.Open("sqlite", dsn("&_pragma=query_only(1)"))
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	// More readers than processors starve the writer.
	rdb.SetMaxOpenConns(max(2, runtime.GOMAXPROCS(0)))
	rdb.SetMaxIdleConns(max(2, runtime.GOMAXPROCS(0)))
	w := &writer{db: wdb, conn: conn, jobs: make(chan *job, batchMax), stop: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return &DB{read: rdb, writer: w}, nil
}

// Postgres says whether this is PostgreSQL; only migrations and diagnostics may care.
func (db *DB) Postgres() bool { return db.postgres }

// Close finishes the writes that were accepted and closes the database.
func (db *DB) Close() error {
	db.readStmt.close()
	var werr error
	if db.writer != nil {
		werr = db.writer.close()
	}
	return errors.Join(db.read.Close(), werr)
}

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.read.PingContext(ctx) }

// Query runs a reading statement.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if tx := db.joined(ctx); tx != nil {
		return tx.Query(query, args...)
	}
	st, err := db.readStmt.get(ctx, db.read, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

// A Row is the one row that QueryRow found, or the error that Scan reports.
type Row struct {
	row  *sql.Row
	read func(dest []any) error // instead of row, when Scan is called
	err  error
}

// Scan copies the row; it returns sql.ErrNoRows where there was none.
func (r Row) Scan(dest ...any) error {
	switch {
	case r.err != nil:
		return r.err
	case r.read != nil:
		return r.read(dest)
	}
	return r.row.Scan(dest...)
}

// QueryRow runs a reading statement that answers at most one row.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) Row {
	if tx := db.joined(ctx); tx != nil {
		return tx.QueryRow(query, args...)
	}
	if db.postgres {
		return Row{read: func(dest []any) error { return db.rowPostgres(ctx, query, args, dest) }}
	}
	// A cancellable context costs the SQLite driver a goroutine for each statement,
	// and a point read is over before it could be cancelled.
	ctx = context.WithoutCancel(ctx)
	st, err := db.readStmt.get(ctx, db.read, query)
	if err != nil {
		return Row{err: err}
	}
	return Row{row: st.QueryRowContext(ctx, args...)}
}

// Exec runs one writing statement durably and says how many rows it changed.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if tx := db.joined(ctx); tx != nil {
		return tx.Exec(query, args...)
	}
	if db.writer == nil {
		return db.execPostgres(ctx, query, args)
	}
	var n int64
	err := db.writer.do(ctx, &job{single: true, fn: func(tx *Tx) (err error) {
		n, err = tx.Exec(query, args...)
		return err
	}})
	return n, err
}

// Write runs fn in one transaction: everything it wrote is durable when Write returns nil,
// and nothing is when it returns an error. fn may run again after a conflict with another
// writer, so it must only compute and write through tx. fn must not call db: on SQLite it
// runs inside the one writer. Within Atomically, fn joins the transaction that is open.
func (db *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	if tx := db.joined(ctx); tx != nil {
		return fn(tx)
	}
	if db.writer != nil {
		return db.writer.do(ctx, &job{fn: fn})
	}
	const attempts = 10
	var err error
	for range attempts {
		if err = db.writePostgres(ctx, fn); !isConflict(err) {
			return err
		}
	}
	return fmt.Errorf("overtaken by other writers %d times: %w", attempts, err)
}

// Atomically runs fn in one transaction that every use of db with fn's context joins, so
// that several nouns can change together while each keeps its own tables. As with Write,
// fn may run again, and must not wait for anything but the database.
func (db *DB) Atomically(ctx context.Context, fn func(ctx context.Context) error) error {
	if db.joined(ctx) != nil {
		return fn(ctx)
	}
	return db.Write(ctx, func(tx *Tx) error {
		return fn(context.WithValue(ctx, joinedKey{db}, tx))
	})
}

type joinedKey struct{ db *DB }

// joined returns the transaction of db that ctx is in, or nil.
func (db *DB) joined(ctx context.Context) *Tx {
	tx, _ := ctx.Value(joinedKey{db}).(*Tx)
	return tx
}

// A Tx is an open transaction.
type Tx struct {
	ctx   context.Context
	pg    *session  // PostgreSQL
	conn  *sql.Conn // SQLite: the writer's connection, with the statements prepared on it
	stmts *stmts
}

// A Statement is one of several that are sent together.
type Statement struct {
	Query string
	Args  []any
	Dest  []any // where the one row goes that it returns; nil when it returns none
}

// Each runs statements in their order, and says of each how many rows it changed, or found
// where it has a Dest. PostgreSQL gets them in one message, so that they cost one journey;
// none can use what another one found.
func (tx *Tx) Each(all ...Statement) ([]int64, error) {
	if tx.pg != nil {
		return tx.pg.each(all)
	}
	counts := make([]int64, len(all))
	for i, st := range all {
		var err error
		if st.Dest == nil {
			counts[i], err = tx.Exec(st.Query, st.Args...)
		} else if err = tx.QueryRow(st.Query, st.Args...).Scan(st.Dest...); err == nil {
			counts[i] = 1
		} else if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// Exec runs one statement and says how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	if tx.pg != nil {
		n, err := tx.pg.each([]Statement{{Query: query, Args: args}})
		if err != nil {
			return 0, err
		}
		return n[0], nil
	}
	st, err := tx.stmts.get(tx.ctx, tx.conn, query)
	if err != nil {
		return 0, err
	}
	return affected(st.ExecContext(tx.ctx, args...))
}

// QueryRow reads one row as this transaction sees it.
func (tx *Tx) QueryRow(query string, args ...any) Row {
	if tx.pg != nil {
		return Row{read: func(dest []any) error {
			n, err := tx.pg.each([]Statement{{Query: query, Args: args, Dest: dest}})
			if err == nil && n[0] == 0 {
				return sql.ErrNoRows
			}
			return err
		}}
	}
	st, err := tx.stmts.get(tx.ctx, tx.conn, query)
	if err != nil {
		return Row{err: err}
	}
	return Row{row: st.QueryRowContext(tx.ctx, args...)}
}

// Query reads rows as this transaction sees them; close them before the next statement.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	if tx.pg != nil {
		return tx.pg.query(query, args...)
	}
	return tx.conn.QueryContext(tx.ctx, query, args...)
}

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// IsUnique says whether err is the refusal of a second row with the same key.
func IsUnique(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "23505"
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// stmts keeps prepared statements by their text. The texts are constants of the program,
// so the map does not grow without bound.
type stmts struct{ m sync.Map }

func (s *stmts) get(ctx context.Context, p interface {
	PrepareContext(context.Context, string) (*sql.Stmt, error)
}, query string) (*sql.Stmt, error) {
	if st, ok := s.m.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := p.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if old, loaded := s.m.LoadOrStore(query, st); loaded {
		st.Close()
		return old.(*sql.Stmt), nil
	}
	return st, nil
}

func (s *stmts) close() {
	s.m.Range(func(_, st any) bool { st.(*sql.Stmt).Close(); return true })
}
