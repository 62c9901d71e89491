package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A session is a column of what it authorises, because each resource has exactly one here.
// The unique parent makes a refresh token good for one use without reading it first.
const schema = `
CREATE TABLE IF NOT EXISTS token (access BYTEA PRIMARY KEY, refresh BYTEA NOT NULL UNIQUE, parent BYTEA UNIQUE, tpp TEXT NOT NULL,
	consent TEXT NOT NULL, x5t BYTEA NOT NULL, expires_at BIGINT NOT NULL, refresh_expires_at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS consent (id TEXT PRIMARY KEY, tpp TEXT NOT NULL, status TEXT NOT NULL, access TEXT NOT NULL, valid_until TEXT NOT NULL,
	recurring INTEGER NOT NULL, last_action TEXT NOT NULL, frequency INTEGER NOT NULL, resource TEXT NOT NULL, iban TEXT NOT NULL,
	savings_iban TEXT NOT NULL, account TEXT NOT NULL, bank_token TEXT NOT NULL,
	session TEXT NOT NULL UNIQUE, redirect_url TEXT NOT NULL, session_expires_at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS used (consent TEXT NOT NULL, day TEXT NOT NULL, key TEXT NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (consent, day, key));
CREATE TABLE IF NOT EXISTS payment (id TEXT PRIMARY KEY, tpp TEXT NOT NULL, request_id TEXT NOT NULL, status TEXT NOT NULL, body BYTEA NOT NULL,
	session TEXT NOT NULL UNIQUE, redirect_url TEXT NOT NULL, session_expires_at BIGINT NOT NULL, UNIQUE (tpp, request_id));
CREATE TABLE IF NOT EXISTS audit (at BIGINT NOT NULL, tpp TEXT NOT NULL, action TEXT NOT NULL, resource TEXT NOT NULL, request_id TEXT NOT NULL)`

var (
	errTaken = errors.New("there is such a row already")
	errNone  = errors.New("there is no such row")
)

type store interface {
	// row reads one row, or returns errNone.
	row(dest []any, query string, args ...any) error
	// write runs the statements in one durable commit. When the first is refused by a unique
	// key, or finds no row to return, nothing is written and the error is errTaken or errNone.
	write(statements ...statement) error
}

type statement struct {
	query string
	args  []any
	dest  []any // of RETURNING
}

func open(dsn string) (store, error) {
	if strings.HasPrefix(dsn, "postgres://") {
		return openPostgres(dsn)
	}
	return openSQLite(strings.TrimPrefix(dsn, "sqlite:"))
}

type lite struct {
	read, ready map[string]*sql.Stmt // filled before the first request; ready is the writer's
	readers     *sql.DB
	conn        *sql.Conn
	jobs        chan *job
}

type job struct {
	statements []statement
	err        error
	done       chan struct{}
}

func openSQLite(path string) (store, error) {
	const pragmas = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)"
	writer, err := sql.Open("sqlite", "file:"+path+pragmas)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	s := &lite{read: map[string]*sql.Stmt{}, ready: map[string]*sql.Stmt{}, jobs: make(chan *job, 256)}
	if s.conn, err = writer.Conn(ctx); err != nil {
		return nil, err
	}
	if _, err := s.conn.ExecContext(ctx, schema); err != nil {
		return nil, err
	}
	if s.readers, err = sql.Open("sqlite", "file:"+path+pragmas+"&_pragma=query_only(1)"); err != nil {
		return nil, err
	}
	s.readers.SetMaxOpenConns(2)
	s.readers.SetMaxIdleConns(2)
	for _, q := range reads {
		if s.read[q], err = s.readers.Prepare(q); err != nil {
			return nil, err
		}
	}
	go s.run()
	return s, nil
}

func (s *lite) row(dest []any, query string, args ...any) error {
	err := s.read[query].QueryRow(args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return errNone
	}
	return err
}

func (s *lite) write(statements ...statement) error {
	j := &job{statements: statements, done: make(chan struct{})}
	s.jobs <- j
	<-j.done
	return j.err
}

// run commits whatever is waiting at once: alone a write does not wait, and many share an fsync.
func (s *lite) run() {
	batch := make([]*job, 0, 256)
	for j := range s.jobs {
		batch = append(batch[:0], j)
	drain:
		for len(batch) < cap(batch) {
			select {
			case j := <-s.jobs:
				batch = append(batch, j)
			default:
				break drain
			}
		}
		if err := s.commit(batch); err != nil {
			s.exec(statement{query: "ROLLBACK"})
			for _, j := range batch {
				j.err = err
			}
		}
		for _, j := range batch {
			close(j.done)
		}
	}
}

func (s *lite) commit(batch []*job) error {
	if err := s.exec(statement{query: "BEGIN IMMEDIATE"}); err != nil {
		return err
	}
	for _, j := range batch {
		for i, st := range j.statements {
			err := s.exec(st)
			if i == 0 && (errors.Is(err, errTaken) || errors.Is(err, errNone)) {
				j.err = err
				break
			}
			if err != nil {
				return err
			}
		}
	}
	return s.exec(statement{query: "COMMIT"})
}

func (s *lite) exec(st statement) error {
	ready, ok := s.ready[st.query]
	if !ok {
		var err error
		if ready, err = s.conn.PrepareContext(context.Background(), st.query); err != nil {
			return err
		}
		s.ready[st.query] = ready
	}
	var err error
	if st.dest != nil {
		err = ready.QueryRow(st.args...).Scan(st.dest...)
	} else {
		_, err = ready.Exec(st.args...)
	}
	if refused, ok := errors.AsType[*sqlite.Error](err); ok &&
		(refused.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || refused.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY) {
		return errTaken
	}
	if errors.Is(err, sql.ErrNoRows) {
		return errNone
	}
	return err
}

type postgres struct{ pool *pgxpool.Pool }

func openPostgres(dsn string) (store, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 32
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	_, err = pool.Exec(context.Background(), schema, pgx.QueryExecModeSimpleProtocol)
	return &postgres{pool}, err
}

func (s *postgres) row(dest []any, query string, args ...any) error {
	return pgError(s.pool.QueryRow(context.Background(), query, args...).Scan(dest...))
}

// write sends several statements at once; without a transaction of their own PostgreSQL
// treats them as one.
func (s *postgres) write(statements ...statement) error {
	ctx := context.Background()
	if st := statements[0]; len(statements) == 1 {
		if st.dest != nil {
			return s.row(st.dest, st.query, st.args...)
		}
		_, err := s.pool.Exec(ctx, st.query, st.args...)
		return pgError(err)
	}
	batch := &pgx.Batch{}
	for _, st := range statements {
		if st.dest != nil {
			return fmt.Errorf("a batch returns nothing")
		}
		batch.Queue(st.query, st.args...)
	}
	return pgError(s.pool.SendBatch(ctx, batch).Close())
}

func pgError(err error) error {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "23505" {
		return errTaken
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return errNone
	}
	return err
}
