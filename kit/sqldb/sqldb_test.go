package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

var schema = []fs.FS{fstest.MapFS{
	"9001_number.sql": {Data: []byte("-- +goose Up\nCREATE TABLE number (n BIGINT NOT NULL PRIMARY KEY, word TEXT NOT NULL);\n")},
	"9002_word.sql":   {Data: []byte("-- +goose Up\nCREATE UNIQUE INDEX number_word ON number (word);\n")},
}}

func insert(ctx context.Context, db *sqldb.DB, n int) error {
	_, err := db.Exec(ctx, `INSERT INTO number (n, word) VALUES ($1, $2)`, n, fmt.Sprint("w", n))
	return err
}

func insertIn(tx *sqldb.Tx, n int) error {
	_, err := tx.Exec(`INSERT INTO number (n, word) VALUES ($1, $2)`, n, fmt.Sprint("w", n))
	return err
}

func numbers(t *testing.T, db *sqldb.DB) []int {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT n FROM number ORDER BY n`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := []int{}
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

var errMine = errors.New("the caller's own error")

func TestWrite(t *testing.T) {
	t.Parallel()
	each := func(name string, test func(t *testing.T, db *sqldb.DB)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sqldbtest.Each(t, schema, test)
		})
	}

	each("what many write at once is all there, and a write that fails is undone alone", func(t *testing.T, db *sqldb.DB) {
		const writers = 60
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				var err error
				switch i % 3 {
				case 0: // one statement
					err = insert(t.Context(), db, i)
				case 1: // two, one transaction
					err = db.Write(t.Context(), func(tx *sqldb.Tx) error { return errors.Join(insertIn(tx, i), insertIn(tx, 1000+i)) })
				case 2: // writes, then fails
					err = db.Write(t.Context(), func(tx *sqldb.Tx) error { return errors.Join(insertIn(tx, i), errMine) })
					if !errors.Is(err, errMine) {
						t.Errorf("writer %d: got %v, want the caller's own error", i, err)
					}
					return
				}
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		var want []int
		for i := range writers {
			if i%3 != 2 {
				want = append(want, i)
			}
		}
		for i := range writers {
			if i%3 == 1 {
				want = append(want, 1000+i)
			}
		}
		if got := numbers(t, db); !slices.Equal(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	})

	each("a statement that is refused among others leaves the others", func(t *testing.T, db *sqldb.DB) {
		if err := insert(t.Context(), db, 7); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var refused atomic.Int32
		for i := range 40 {
			wg.Go(func() {
				n := i
				if i%2 == 0 {
					n = 7
				}
				if err := insert(t.Context(), db, n+100*(i%2)); sqldb.IsUnique(err) {
					refused.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := len(numbers(t, db)); got != 21 || refused.Load() != 20 {
			t.Errorf("%d rows and %d refused, want 21 and 20", got, refused.Load())
		}
	})

	each("a panic in one write undoes it and disturbs nobody", func(t *testing.T, db *sqldb.DB) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if i%4 != 0 {
					if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return insertIn(tx, i) }); err != nil {
						t.Error(err)
					}
					return
				}
				err := func() (err error) {
					defer func() {
						if p := recover(); p != nil { // on PostgreSQL it is the caller's own
							err = fmt.Errorf("panic: %v", p)
						}
					}()
					return db.Write(t.Context(), func(tx *sqldb.Tx) error {
						if err := insertIn(tx, i); err != nil {
							return err
						}
						panic("a bug of the caller's")
					})
				}()
				if err == nil || !strings.Contains(err.Error(), "a bug of the caller's") {
					t.Errorf("got %v, want the panic", err)
				}
			})
		}
		wg.Wait()
		if got := len(numbers(t, db)); got != 15 {
			t.Errorf("%d rows, want 15", got)
		}
	})

	each("what is committed is read at once", func(t *testing.T, db *sqldb.DB) {
		for i := range 50 {
			if err := insert(t.Context(), db, i); err != nil {
				t.Fatal(err)
			}
			var n int
			if err := db.QueryRow(t.Context(), `SELECT n FROM number WHERE word = $1`, fmt.Sprint("w", i)).Scan(&n); err != nil || n != i {
				t.Fatalf("got %d, %v; want %d", n, err, i)
			}
		}
	})

	each("nobody sees what is not committed yet", func(t *testing.T, db *sqldb.DB) {
		err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
			if err := insertIn(tx, 1); err != nil {
				return err
			}
			if err := tx.QueryRow(`SELECT n FROM number WHERE n = $1`, 1).Scan(new(int)); err != nil {
				t.Errorf("its own write: %v", err)
			}
			if err := db.QueryRow(context.Background(), `SELECT n FROM number WHERE n = $1`, 1).Scan(new(int)); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("another reader: got %v, want no rows", err)
			}
			return nil
		})
		if err != nil || len(numbers(t, db)) != 1 {
			t.Errorf("got %v, %v", err, numbers(t, db))
		}
	})

	each("Atomically joins Exec, Write and itself, and undoes all of them together", func(t *testing.T, db *sqldb.DB) {
		try := func(end error) error {
			return db.Atomically(t.Context(), func(ctx context.Context) error {
				if err := insert(ctx, db, 1); err != nil {
					return err
				}
				if err := db.Write(ctx, func(tx *sqldb.Tx) error { return insertIn(tx, 2) }); err != nil {
					return err
				}
				if err := db.Atomically(ctx, func(ctx context.Context) error { return insert(ctx, db, 3) }); err != nil {
					return err
				}
				rows, err := db.Query(ctx, `SELECT n FROM number`)
				if err != nil {
					return err
				}
				seen := 0
				for rows.Next() {
					seen++
				}
				if rows.Close(); seen != 3 {
					t.Errorf("within: %d rows, want 3", seen)
				}
				return end
			})
		}
		if err := try(errMine); !errors.Is(err, errMine) || len(numbers(t, db)) != 0 {
			t.Errorf("undone: got %v and rows %v", err, numbers(t, db))
		}
		if err := try(nil); err != nil || len(numbers(t, db)) != 3 {
			t.Errorf("kept: got %v and rows %v", err, numbers(t, db))
		}
	})

	each("a transaction of one database is not joined by another", func(t *testing.T, db *sqldb.DB) {
		other := sqldbtest.SQLite(t, schema...)
		err := db.Atomically(t.Context(), func(ctx context.Context) error {
			return errors.Join(insert(ctx, other, 5), errMine)
		})
		if !errors.Is(err, errMine) || len(numbers(t, other)) != 1 {
			t.Errorf("got %v and rows %v, want one in the other database", err, numbers(t, other))
		}
	})

	each("a second row with the same key is told apart from other failures", func(t *testing.T, db *sqldb.DB) {
		if err := insert(t.Context(), db, 1); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name, sql string
			args      []any
			want      bool
		}{
			{"primary key", `INSERT INTO number (n, word) VALUES ($1, $2)`, []any{1, "other"}, true},
			{"unique index", `INSERT INTO number (n, word) VALUES ($1, $2)`, []any{2, "w1"}, true},
			{"NOT NULL", `INSERT INTO number (n, word) VALUES ($1, $2)`, []any{3, nil}, false},
		} {
			_, err := db.Exec(t.Context(), tt.sql, tt.args...)
			if err == nil || sqldb.IsUnique(err) != tt.want {
				t.Errorf("%s: %v: unique is %v, want %v", tt.name, err, sqldb.IsUnique(err), tt.want)
			}
			err = db.Write(t.Context(), func(tx *sqldb.Tx) error {
				_, err := tx.Exec(tt.sql, tt.args...)
				return fmt.Errorf("wrapped: %w", err)
			})
			if sqldb.IsUnique(err) != tt.want {
				t.Errorf("%s, wrapped: unique is not %v", tt.name, tt.want)
			}
		}
		if sqldb.IsUnique(nil) || sqldb.IsUnique(errMine) {
			t.Error("errors of others count as unique")
		}
	})

	each("a context that is over writes nothing", func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := insert(ctx, db, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want cancelled", err)
		}
		if err := db.Write(ctx, func(tx *sqldb.Tx) error { return insertIn(tx, 2) }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want cancelled", err)
		}
		if got := numbers(t, db); len(got) != 0 {
			t.Errorf("rows %v, want none", got)
		}
	})

	each("Exec says how many rows it changed", func(t *testing.T, db *sqldb.DB) {
		for i := range 3 {
			if err := insert(t.Context(), db, i); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := db.Exec(t.Context(), `UPDATE number SET n = n + 10 WHERE n > $1`, 0); n != 2 || err != nil {
			t.Errorf("got %d, %v; want 2", n, err)
		}
	})
}

// A write of PostgreSQL that loses a deadlock runs again; SQLite, with its one writer, has none.
func TestWritersThatLockEachOtherBothEnd(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, schema, func(t *testing.T, db *sqldb.DB) {
		for n := range 2 {
			if err := insert(t.Context(), db, n); err != nil {
				t.Fatal(err)
			}
		}
		touch := func(tx *sqldb.Tx, n int) error {
			_, err := tx.Exec(`UPDATE number SET word = word || 'x' WHERE n = $1`, n)
			return err
		}
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
					if err := touch(tx, i); err != nil {
						return err
					}
					time.Sleep(50 * time.Millisecond) // the other has its first row by now
					return touch(tx, 1-i)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var word string
		if err := db.QueryRow(t.Context(), `SELECT word FROM number WHERE n = $1`, 0).Scan(&word); err != nil || word != "w0xx" {
			t.Errorf("got %q, %v; want both changes", word, err)
		}
	})
}

func TestCloseFinishesWhatWasAccepted(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "test.db")
	db, err := sqldb.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqldb.Migrate(t.Context(), db, schema...); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var kept []int
	started := make(chan struct{}, 200)
	for i := range 200 {
		wg.Go(func() {
			started <- struct{}{}
			err := db.Write(context.Background(), func(tx *sqldb.Tx) error { return insertIn(tx, i) })
			if err == nil {
				mu.Lock()
				kept = append(kept, i)
				mu.Unlock()
			}
		})
	}
	for range 20 {
		<-started
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("a writer hangs after Close")
	}
	if err := db.Write(context.Background(), func(tx *sqldb.Tx) error { return insertIn(tx, 999) }); err == nil {
		t.Error("a write after Close succeeded")
	}
	again, err := sqldb.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	slices.Sort(kept)
	if got := numbers(t, again); !slices.Equal(got, kept) {
		t.Errorf("in the file: %v\ntold so:     %v", got, kept)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, nil, func(t *testing.T, db *sqldb.DB) {
		if got, err := sqldb.Migrate(t.Context(), db, schema...); err != nil || !slices.Equal(got, []string{"9001_number.sql", "9002_word.sql"}) {
			t.Errorf("first: got %v, %v", got, err)
		}
		if got, err := sqldb.Migrate(t.Context(), db, schema...); err != nil || len(got) != 0 {
			t.Errorf("second: got %v, %v; want none", got, err)
		}
		// The writer works after it lent its connection twice.
		if err := insert(t.Context(), db, 1); err != nil {
			t.Error(err)
		}
		twice := fstest.MapFS{"9001_other.sql": {Data: []byte("-- +goose Up\nCREATE TABLE other (n BIGINT);\n")}}
		if _, err := sqldb.Migrate(t.Context(), db, append([]fs.FS{twice}, schema...)...); err == nil || !strings.Contains(err.Error(), "same number") {
			t.Errorf("two migrations with one number: got %v", err)
		}
		broken := fstest.MapFS{"9003_broken.sql": {Data: []byte("-- +goose Up\nCREATE TABLE nonsense (;\n")}}
		if _, err := sqldb.Migrate(t.Context(), db, append([]fs.FS{broken}, schema...)...); err == nil {
			t.Error("a broken migration was applied")
		}
		if err := insert(t.Context(), db, 2); err != nil {
			t.Errorf("after a broken migration: %v", err)
		}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{
		"a folder that is not there":    filepath.Join(t.TempDir(), "none", "test.db"),
		"a server that does not answer": "postgres://nobody@127.0.0.1:1/none?sslmode=disable&connect_timeout=2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if db, err := sqldb.Open(t.Context(), dsn); err == nil {
				db.Close()
				t.Error("it was opened")
			}
		})
	}
}

func TestPathsOfAllKindsAreOpened(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain.db", "with space.db", "with?question.db", "with#hash.db", "with%percent.db"} {
		db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := sqldb.Migrate(t.Context(), db, schema...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := db.Ping(t.Context()); err != nil || db.Postgres() {
			t.Errorf("%s: ping %v, postgres %v", name, err, db.Postgres())
		}
		db.Close()
	}
}

func TestTimesAreKeptToTheMicrosecond(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 10, 25, 2, 30, 0, 123456000, time.FixedZone("", 3600))
	if got := sqldb.Time(sqldb.Micros(at)); !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("got %v, want %v", got, at)
	}
	if got := sqldb.Time(sqldb.Micros(time.Time{})); !got.IsZero() {
		t.Errorf("no time: got %v", got)
	}
	// The last day there is, as a consent without an end has it.
	if end := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC); !sqldb.Time(sqldb.Micros(end)).Equal(end) {
		t.Error("the end of the year 9999 is lost")
	}
}
