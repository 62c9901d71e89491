package sqldb_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

func TestStatementsSentTogether(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, schema, func(t *testing.T, db *sqldb.DB) {
		const add = `INSERT INTO number (n, word) VALUES ($1, $2)`
		var word string
		var none int
		err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
			counts, err := tx.Each(
				sqldb.Statement{Query: add, Args: []any{1, "one"}},
				sqldb.Statement{Query: add + ` ON CONFLICT DO NOTHING`, Args: []any{1, "uno"}},
				sqldb.Statement{Query: `UPDATE number SET word = $1 WHERE n = $2 RETURNING word`, Args: []any{"ena", 1}, Dest: []any{&word}},
				sqldb.Statement{Query: `SELECT n FROM number WHERE n = $1`, Args: []any{2}, Dest: []any{&none}},
				sqldb.Statement{Query: add + `, ($3, $4)`, Args: []any{3, "three", 4, "four"}},
			)
			if want := []int64{1, 0, 1, 0, 2}; !slices.Equal(counts, want) || word != "ena" {
				t.Errorf("got %v and %q, want %v and ena", counts, word, want)
			}
			return err
		})
		if got := numbers(t, db); err != nil || !slices.Equal(got, []int{1, 3, 4}) {
			t.Errorf("rows %v, %v", got, err)
		}
		for name, first := range map[string]bool{"the first of them": true, "a later one": false} {
			err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
				all := []sqldb.Statement{{Query: add, Args: []any{10, "ten"}}, {Query: add, Args: []any{11, "one of its own"}}}
				if first {
					all[0].Args[0] = 1
				} else {
					all[1].Args[0] = 1
				}
				_, err := tx.Each(all...)
				return err
			})
			if got := numbers(t, db); !sqldb.IsUnique(err) || len(got) != 3 {
				t.Errorf("%s is refused: got %v and rows %v", name, err, got)
			}
		}
		if err := db.Write(t.Context(), func(*sqldb.Tx) error { return nil }); err != nil {
			t.Errorf("a transaction of nothing: %v", err)
		}
	})
}

// PostgreSQL goes on with nothing after a statement that failed, and a caller that overlooked
// the failure must not believe that the rest is stored.
func TestAFailureThatIsOverlookedIsNotCommitted(t *testing.T) {
	t.Parallel()
	db := sqldbtest.PostgreSQL(t, schema...)
	if err := insert(t.Context(), db, 1); err != nil {
		t.Fatal(err)
	}
	for name, fn := range map[string]func(tx *sqldb.Tx){
		"the first statement": func(tx *sqldb.Tx) { insertIn(tx, 1) },
		"a later statement":   func(tx *sqldb.Tx) { insertIn(tx, 2); insertIn(tx, 1) },
		"one that is no SQL":  func(tx *sqldb.Tx) { tx.Exec("NONSENSE") },
		"a list": func(tx *sqldb.Tx) {
			rows, err := tx.Query(`SELECT 1 / (n - n) FROM number`)
			if err == nil {
				rows.Next()
				rows.Close()
			}
		},
	} {
		err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
			fn(tx)
			insertIn(tx, 3)
			return nil
		})
		if got := numbers(t, db); err == nil || len(got) != 1 {
			t.Errorf("%s fails: got %v and rows %v", name, err, got)
		}
	}
}

func TestAContextThatEndsWithinATransaction(t *testing.T) {
	t.Parallel()
	db := sqldbtest.PostgreSQL(t, schema...)
	for range 40 { // more often than there are connections
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			if err := insertIn(tx, 1); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want cancelled", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := db.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO number SELECT 5, 'five' FROM pg_sleep(5)`)
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a statement that takes too long: %v", err)
	}
	if err := insert(t.Context(), db, 2); err != nil {
		t.Error(err)
	}
	if got := numbers(t, db); !slices.Equal(got, []int{2}) {
		t.Errorf("rows %v", got)
	}
}

// terminate ends the connections that have name, as a restart of the server does.
func terminate(t *testing.T, admin *sql.DB, name string) {
	t.Helper()
	if _, err := admin.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, name); err != nil {
		t.Error(err)
	}
}

func TestConnectionsThatBreak(t *testing.T) {
	t.Parallel()
	url := sqldbtest.URL(t)
	name := "breaks-" + rand.Text()
	db, err := sqldb.Open(t.Context(), url+"&application_name="+name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := sqldb.Migrate(t.Context(), db, schema...); err != nil {
		t.Fatal(err)
	}
	admin, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()

	// One that nobody was using is not noticed before the first statement: nothing is lost.
	if err := insert(t.Context(), db, -1); err != nil {
		t.Fatal(err)
	}
	terminate(t, admin, name)
	if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return insertIn(tx, -2) }); err != nil {
		t.Errorf("a write on a connection that broke before: %v", err)
	}

	// In the middle of everything: what was told to be stored is, whole; the rest is whole or not there.
	var mu sync.Mutex
	told, asked := map[int]bool{}, 0
	var stop atomic.Bool
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				n := w*100_000 + i
				err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
					if err := insertIn(tx, n); err != nil {
						return err
					}
					return insertIn(tx, n+1_000_000)
				})
				mu.Lock()
				if asked++; err == nil {
					told[n] = true
				}
				mu.Unlock()
			}
		})
	}
	for range 10 {
		time.Sleep(30 * time.Millisecond)
		terminate(t, admin, name)
	}
	time.Sleep(30 * time.Millisecond)
	stop.Store(true)
	writers.Wait()
	there := map[int]bool{}
	rows, err := admin.Query(`SELECT n FROM number WHERE n >= 0`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		there[n] = true
	}
	t.Logf("%d asked, %d told, %d rows", asked, len(told), len(there))
	if len(told) == 0 || len(told) == asked {
		t.Error("nothing was written, or nothing was disturbed")
	}
	for n := range told {
		if !there[n] || !there[n+1_000_000] {
			t.Errorf("%d was told to be stored", n)
		}
	}
	for n := range there {
		if !there[(n+1_000_000)%2_000_000] {
			t.Errorf("%d is there by half", n)
		}
	}
}

// Whatever many writers do at once, each transaction is there whole when it was told so, and
// not at all when it failed, whatever its neighbours in one commit did.
func TestAnyMixOfWritersKeepsTransactionsWhole(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, schema, func(t *testing.T, db *sqldb.DB) {
		base := 0
		rapid.Check(t, func(t *rapid.T) {
			type plan struct {
				rows            int
				fails, together bool
				clash, single   bool
			}
			plans := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) plan {
				return plan{rapid.IntRange(1, 4).Draw(t, "rows"), rapid.Bool().Draw(t, "fails"), rapid.Bool().Draw(t, "together"),
					rapid.IntRange(0, 4).Draw(t, "clash") == 0, rapid.IntRange(0, 3).Draw(t, "single") == 0}
			}), 1, 12).Draw(t, "writers")
			base += 1000
			if err := insert(t.Context(), db, base); err != nil {
				t.Fatal(err)
			}
			errs := make([]error, len(plans))
			var all sync.WaitGroup
			for w, p := range plans {
				all.Go(func() {
					first := base + 1 + 10*w
					if p.single {
						errs[w] = insert(t.Context(), db, first)
						return
					}
					errs[w] = db.Write(t.Context(), func(tx *sqldb.Tx) error {
						var statements []sqldb.Statement
						for i := range p.rows {
							statements = append(statements, sqldb.Statement{Query: `INSERT INTO number (n, word) VALUES ($1, $2)`, Args: []any{first + i, fmt.Sprint("w", first+i)}})
						}
						if p.clash {
							statements[len(statements)-1].Args[0] = base
						}
						if p.together {
							if _, err := tx.Each(statements...); err != nil {
								return err
							}
						} else {
							for _, s := range statements {
								if _, err := tx.Exec(s.Query, s.Args...); err != nil {
									return err
								}
							}
						}
						if p.fails {
							return errMine
						}
						return nil
					})
				})
			}
			all.Wait()
			for w, p := range plans {
				want, rows := !p.fails && !p.clash, p.rows
				if p.single {
					want, rows = true, 1
				}
				if (errs[w] == nil) != want {
					t.Fatalf("writer %d of %+v: %v", w, p, errs[w])
				}
				var n int
				first := base + 1 + 10*w
				if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM number WHERE n BETWEEN $1 AND $2`, first, first+9).Scan(&n); err != nil {
					t.Fatal(err)
				}
				if want && n != rows || !want && n != 0 {
					t.Fatalf("writer %d of %+v left %d rows", w, p, n)
				}
			}
		})
	})
}
