package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// batchMax bounds how many writes share one commit, and how many may wait in the channel.
const batchMax = 256

var errClosed = errors.New("database is closed")

// A writer is the one goroutine that writes to a SQLite file.
type writer struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts stmts
	jobs  chan *job
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once
}

// A job is one caller's write. single marks one statement, which SQLite undoes by itself
// when it fails, so that it needs no savepoint.
type job struct {
	fn     func(tx *Tx) error
	single bool
	err    error
	done   chan struct{}
}

// do hands j to the writer and waits for its commit. Once handed over, a write is waited
// for even if ctx ends: the caller must learn what became of it.
func (w *writer) do(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.done = make(chan struct{})
	select {
	case w.jobs <- j:
	case <-w.stop:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.done:
		return j.err
	case <-w.done: // the writer ended; it may have served j last
		select {
		case <-j.done:
			return j.err
		default:
			return errClosed
		}
	}
}

func (w *writer) run() {
	defer close(w.done)
	batch := make([]*job, 0, batchMax)
	for {
		select {
		case j := <-w.jobs:
			batch = append(batch[:0], j)
		case <-w.stop:
			select {
			case j := <-w.jobs: // accepted before the stop
				batch = append(batch[:0], j)
			default:
				return
			}
		}
	drain:
		for len(batch) < batchMax {
			select {
			case j := <-w.jobs:
				batch = append(batch, j)
			default:
				break drain
			}
		}
		w.commit(batch)
		for _, j := range batch {
			close(j.done)
		}
	}
}

// commit runs batch in one transaction. A job that fails is undone alone.
func (w *writer) commit(batch []*job) {
	ctx := context.Background()
	tx := &Tx{ctx: ctx, conn: w.conn, stmts: &w.stmts}
	fail := func(err error) {
		for _, j := range batch {
			j.err = err
		}
	}
	if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
		fail(err)
		return
	}
	wrote := false
	for _, j := range batch {
		guard := !j.single && len(batch) > 1
		if guard {
			if _, err := tx.Exec("SAVEPOINT job"); err != nil {
				j.err = err
				continue
			}
		}
		j.err = run(j.fn, tx)
		switch {
		case guard && j.err != nil:
			_, err1 := tx.Exec("ROLLBACK TO job")
			_, err2 := tx.Exec("RELEASE job")
			if err := errors.Join(err1, err2); err != nil {
				tx.Exec("ROLLBACK")
				fail(err)
				return
			}
		case guard:
			if _, err := tx.Exec("RELEASE job"); err != nil {
				tx.Exec("ROLLBACK")
				fail(err)
				return
			}
		}
		wrote = wrote || j.err == nil
	}
	if !wrote {
		tx.Exec("ROLLBACK")
		return
	}
	if _, err := tx.Exec("COMMIT"); err != nil {
		tx.Exec("ROLLBACK")
		for _, j := range batch {
			if j.err == nil {
				j.err = fmt.Errorf("commit: %w", err)
			}
		}
	}
}

// run turns a panic of one caller's function into that caller's error: the writer serves all.
func run(fn func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a database write: %v", p)
		}
	}()
	return fn(tx)
}

func (w *writer) close() error {
	w.once.Do(func() { close(w.stop) })
	<-w.done
	w.stmts.close()
	return errors.Join(w.conn.Close(), w.db.Close())
}

// lend gives the writer's only connection back to its pool, for a migration. No write may
// be under way until takeBack.
func (w *writer) lend() error {
	w.stmts.close()
	w.stmts = stmts{}
	return w.conn.Close()
}

func (w *writer) takeBack() {
	conn, err := w.db.Conn(context.Background())
	if err != nil {
		panic("the connection that was just used cannot be had again: " + err.Error())
	}
	w.conn = conn
}
