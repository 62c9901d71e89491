package auditsql_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kontor/kit/audit"
	"kontor/kit/audit/auditsql"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

func TestLog(t *testing.T) {
	sqldbtest.Each(t, []fs.FS{auditsql.Migrations}, func(t *testing.T, db *sqldb.DB) {
		log := auditsql.Log{DB: db}
		at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
		first := audit.Entry{At: at, Bank: "lon", Actor: "PSDSI-BS-1", Action: "consent.create", Resource: "c1", RequestID: "r1"}
		second := audit.Entry{At: at.Add(time.Second), Bank: "lon", Actor: "bank", Action: "consent.authorise", Resource: "c1"}
		others := []audit.Entry{
			{At: at, Bank: "lon", Actor: "a", Action: "b", Resource: "c2"},
			{At: at, Bank: "par", Actor: "a", Action: "b", Resource: "c1"},
		}
		for _, e := range append([]audit.Entry{second, first}, others...) {
			if err := log.Append(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		got, err := log.Of(t.Context(), "lon", "c1")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]audit.Entry{first, second}, got); diff != "" {
			t.Errorf("oldest first, of this bank and resource only:\n%s", diff)
		}

		undone := errors.New("undone")
		err = db.Atomically(t.Context(), func(ctx context.Context) error {
			return errors.Join(log.Append(ctx, audit.Entry{Bank: "lon", Resource: "c3"}), undone)
		})
		if got, _ := log.Of(t.Context(), "lon", "c3"); len(got) != 0 || !errors.Is(err, undone) {
			t.Errorf("an entry outlived what it speaks of: %v, %v", got, err)
		}
	})
}
