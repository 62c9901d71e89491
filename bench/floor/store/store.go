// Package store keeps rows durably with as little as that takes: on SQLite one writer that
// commits whatever is waiting at once, on PostgreSQL statements that travel together.
//
// It is the floor's, and shares nothing with kit/sqldb: what both had would not be compared.
package store

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

// What a write may be refused for.
var (
	ErrTaken = errors.New("there is such a row already")
	ErrNone  = errors.New("there is no such row")
)

// A Store is one open database.
type Store interface {
	// Row reads one row, or returns ErrNone.
	Row(dest []any, query string, args ...any) error
	// Rows reads all rows, each into dest, and calls each for it.
	Rows(dest []any, each func(), query string, args ...any) error
	// Write runs the statements in one durable commit. When the first is refused by a unique
	// key, or finds no row to return, nothing is written and the error is ErrTaken or ErrNone.
	Write(statements ...Statement) error
}

// A Statement is written with others.
type Statement struct {
	Query string
	Args  []any
	Dest  []any // of RETURNING
}

// Open opens the database that dsn names and creates its tables. reads are the statements
// that Row is going to run.
func Open(dsn, schema string, reads []string) (Store, error) {
	if strings.HasPrefix(dsn, "postgres://") {
		return openPostgres(dsn, schema)
	}
	return openSQLite(strings.TrimPrefix(dsn, "sqlite:"), schema, reads)
}

type lite struct {
	read, ready map[string]*sql.Stmt // filled before the first request; ready is the writer's
	readers     *sql.DB
	conn        *sql.Conn
	jobs        chan *job
}

type job struct {
	statements []Statement
	err        error
	done       chan struct{}
}

func openSQLite(path, schema string, reads []string) (Store, error) {
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

func (s *lite) Row(dest []any, query string, args ...any) error {
	err := s.read[query].QueryRow(args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNone
	}
	return err
}

func (s *lite) Rows(dest []any, each func(), query string, args ...any) error {
	rows, err := s.read[query].Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		each()
	}
	return rows.Err()
}

func (s *lite) Write(statements ...Statement) error {
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
			s.exec(Statement{Query: "ROLLBACK"})
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
	if err := s.exec(Statement{Query: "BEGIN IMMEDIATE"}); err != nil {
		return err
	}
	for _, j := range batch {
		for i, st := range j.statements {
			err := s.exec(st)
			if i == 0 && (errors.Is(err, ErrTaken) || errors.Is(err, ErrNone)) {
				j.err = err
				break
			}
			if err != nil {
				return err
			}
		}
	}
	return s.exec(Statement{Query: "COMMIT"})
}

func (s *lite) exec(st Statement) error {
	ready, ok := s.ready[st.Query]
	if !ok {
		var err error
		if ready, err = s.conn.PrepareContext(context.Background(), st.Query); err != nil {
			return err
		}
		s.ready[st.Query] = ready
	}
	var err error
	if st.Dest != nil {
		err = ready.QueryRow(st.Args...).Scan(st.Dest...)
	} else {
		_, err = ready.Exec(st.Args...)
	}
	if refused, ok := errors.AsType[*sqlite.Error](err); ok &&
		(refused.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || refused.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY) {
		return ErrTaken
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNone
	}
	return err
}

type postgres struct{ pool *pgxpool.Pool }

func openPostgres(dsn, schema string) (Store, error) {
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

func (s *postgres) Row(dest []any, query string, args ...any) error {
	return pgError(s.pool.QueryRow(context.Background(), query, args...).Scan(dest...))
}

func (s *postgres) Rows(dest []any, each func(), query string, args ...any) error {
	rows, err := s.pool.Query(context.Background(), query, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, func() error { each(); return nil })
	return err
}

// Write sends several statements at once; without a transaction of their own PostgreSQL
// treats them as one.
func (s *postgres) Write(statements ...Statement) error {
	ctx := context.Background()
	if st := statements[0]; len(statements) == 1 {
		if st.Dest != nil {
			return s.Row(st.Dest, st.Query, st.Args...)
		}
		_, err := s.pool.Exec(ctx, st.Query, st.Args...)
		return pgError(err)
	}
	batch := &pgx.Batch{}
	for _, st := range statements {
		if st.Dest != nil {
			return fmt.Errorf("a batch returns nothing")
		}
		batch.Queue(st.Query, st.Args...)
	}
	return pgError(s.pool.SendBatch(ctx, batch).Close())
}

func pgError(err error) error {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "23505" {
		return ErrTaken
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNone
	}
	return err
}
