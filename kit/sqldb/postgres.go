package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// What runs often goes to PostgreSQL past database/sql, for which the driver makes two
// functions and a value of each column, and which cannot send two statements in one message.
// The pool, its checks of idle connections, and lists of rows stay with it.

// brokenMax is how many connections may be found broken that nobody was using.
const brokenMax = 3

func openPostgres(ctx context.Context, dsn string) (*DB, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	// Plans are kept with prepared statements. One that was made while a table was nearly
	// empty would go on reading it whole when it has grown; what runs often here has an index.
	// The server takes what must be read whole for dear then, and would compile it.
	db := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET enable_seqscan = off; SET jit = off")
		return err
	}))
	// Idle connections are kept: reconnecting costs more than holding them.
	db.SetMaxOpenConns(32)
	db.SetMaxIdleConns(32)
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("reach PostgreSQL: %w", err)
	}
	return &DB{read: db, postgres: true}, nil
}

// onPostgres runs do on a connection, and again on another one as long as do could not even
// send anything.
func (db *DB) onPostgres(ctx context.Context, do func(c *pgx.Conn) error) error {
	var err error
	for range brokenMax {
		var conn *sql.Conn
		if conn, err = db.read.Conn(ctx); err != nil {
			return err
		}
		broken := raw(conn, func(c *pgx.Conn) error {
			if err = do(c); pgconn.SafeToRetry(err) {
				return driver.ErrBadConn // do not use it again
			}
			return nil
		})
		conn.Close()
		if broken == nil {
			break
		}
		err = cmp.Or(err, broken)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return sql.ErrNoRows
	}
	return err
}

func raw(conn *sql.Conn, do func(c *pgx.Conn) error) error {
	return conn.Raw(func(c any) error { return do(c.(*stdlib.Conn).Conn()) })
}

func (db *DB) rowPostgres(ctx context.Context, query string, args, dest []any) error {
	return db.onPostgres(ctx, func(c *pgx.Conn) error { return c.QueryRow(ctx, query, args...).Scan(dest...) })
}

func (db *DB) execPostgres(ctx context.Context, query string, args []any) (n int64, err error) {
	err = db.onPostgres(ctx, func(c *pgx.Conn) error {
		tag, err := c.Exec(ctx, query, args...)
		n = tag.RowsAffected()
		return err
	})
	return n, err
}

// errNotBegun is a transaction whose connection was lost before it did anything.
var errNotBegun = errors.New("the connection was lost before the transaction began")

// writePostgres runs fn in one transaction.
func (db *DB) writePostgres(ctx context.Context, fn func(tx *Tx) error) (err error) {
	for range brokenMax {
		if err = db.tryPostgres(ctx, fn); !errors.Is(err, errNotBegun) {
			return err
		}
	}
	return err
}

func (db *DB) tryPostgres(ctx context.Context, fn func(tx *Tx) error) error {
	conn, err := db.read.Conn(ctx)
	if err != nil {
		return err
	}
	s := &session{ctx: ctx, conn: conn}
	defer s.giveUp() // nothing, when it was committed; also when fn panics
	if err := fn(&Tx{ctx: ctx, pg: s}); err != nil {
		if s.lost {
			return fmt.Errorf("%w: %w", errNotBegun, err)
		}
		return err
	}
	return s.commit()
}

// A session is a transaction on a connection of PostgreSQL. It begins with its first
// statement, in the same message.
type session struct {
	ctx   context.Context
	conn  *sql.Conn
	begun bool
	lost  bool  // the connection broke before the transaction had begun
	err   error // of a statement: the transaction can only be given up
}

// each runs statements in the transaction, all in one message, and says of each how many
// rows it changed or found.
func (s *session) each(all []Statement) ([]int64, error) {
	if s.err != nil {
		return nil, fmt.Errorf("after a statement that failed: %w", s.err)
	}
	counts := make([]int64, len(all))
	err := raw(s.conn, func(c *pgx.Conn) error {
		if s.begun && len(all) == 1 {
			return s.one(c, all[0], counts)
		}
		b := &pgx.Batch{}
		if !s.begun {
			b.Queue("BEGIN")
		}
		for _, st := range all {
			b.Queue(st.Query, st.Args...)
		}
		results := c.SendBatch(s.ctx, b)
		defer results.Close()
		if !s.begun {
			if _, err := results.Exec(); err != nil {
				s.lost = c.IsClosed() && s.ctx.Err() == nil
				return err
			}
			s.begun = true
		}
		for i, st := range all {
			if st.Dest != nil {
				switch err := results.QueryRow().Scan(st.Dest...); {
				case err == nil:
					counts[i] = 1
				case !errors.Is(err, pgx.ErrNoRows):
					return err
				}
				continue
			}
			tag, err := results.Exec()
			if err != nil {
				return err
			}
			counts[i] = tag.RowsAffected()
		}
		return results.Close()
	})
	s.err = err
	return counts, err
}

func (s *session) one(c *pgx.Conn, st Statement, counts []int64) error {
	if st.Dest == nil {
		tag, err := c.Exec(s.ctx, st.Query, st.Args...)
		counts[0] = tag.RowsAffected()
		return err
	}
	err := c.QueryRow(s.ctx, st.Query, st.Args...).Scan(st.Dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	counts[0] = 1
	return err
}

// query lists rows. They are read by database/sql, on the same connection.
func (s *session) query(query string, args ...any) (*sql.Rows, error) {
	if s.err == nil && !s.begun {
		if _, s.err = s.each([]Statement{{Query: "SELECT 1"}}); s.err != nil {
			return nil, s.err
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	rows, err := s.conn.QueryContext(s.ctx, query, args...)
	s.err = err
	return rows, err
}

// commit waits for the answer even when the context ends meanwhile: the caller must learn
// what became of the transaction.
func (s *session) commit() error {
	switch {
	case s.err != nil:
		return fmt.Errorf("a statement failed: %w", s.err)
	case !s.begun:
		return nil
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	return raw(s.conn, func(c *pgx.Conn) error {
		tag, err := c.Exec(context.WithoutCancel(s.ctx), "COMMIT")
		if err == nil && tag.String() != "COMMIT" {
			return errors.New("a statement failed, and PostgreSQL gave the transaction up")
		}
		return err
	})
}

// giveUp undoes what was not committed and gives the connection back.
func (s *session) giveUp() {
	const patience = 5 * time.Second
	raw(s.conn, func(c *pgx.Conn) error {
		if c.IsClosed() {
			return driver.ErrBadConn
		}
		if c.PgConn().TxStatus() == 'I' {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), patience)
		defer cancel()
		if _, err := c.Exec(ctx, "ROLLBACK"); err != nil {
			return driver.ErrBadConn
		}
		return nil
	})
	s.conn.Close()
}

// isConflict says whether PostgreSQL gave up a transaction in favour of another one.
func isConflict(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}
