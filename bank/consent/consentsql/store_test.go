package consentsql_test

import (
	"bytes"
	"io/fs"
	"testing"

	"kontor/bank/consent"
	"kontor/bank/consent/consentsql"
	"kontor/bank/consent/consenttest"
	"kontor/kit/day"
	"kontor/kit/secretbox"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

var migrations = []fs.FS{consentsql.Migrations}

func box(t *testing.T) secretbox.Box {
	t.Helper()
	keyset, err := secretbox.Generate()
	if err != nil {
		t.Fatal(err)
	}
	b, err := secretbox.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	consenttest.Exercise(t, func(t *testing.T) consent.Store {
		return consentsql.Store{DB: sqldbtest.SQLite(t, migrations...), Box: box(t)}
	})
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	consenttest.Exercise(t, func(t *testing.T) consent.Store {
		return consentsql.Store{DB: sqldbtest.PostgreSQL(t, migrations...), Box: box(t)}
	})
}

func TestTheBanksTokenCannotBeReadInTheTable(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, migrations, func(t *testing.T, db *sqldb.DB) {
		s := consentsql.Store{DB: db, Box: box(t)}
		c := consenttest.Sample()
		if err := s.Create(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		other := c
		other.ID, other.RequestID = "c2", "q2"
		if err := s.Create(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		rows, err := db.Query(t.Context(), `SELECT * FROM consent`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		columns, _ := rows.Columns()
		for rows.Next() {
			raw := make([][]byte, len(columns))
			to := make([]any, len(columns))
			for i := range raw {
				to[i] = &raw[i]
			}
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			for i, b := range raw {
				if bytes.Contains(b, []byte(c.Token)) {
					t.Errorf("column %s holds the token as it is", columns[i])
				}
			}
		}
		rows.Close()
		// A sealed token that is moved to another consent opens nothing.
		if _, err := db.Exec(t.Context(), `UPDATE consent SET token = (SELECT token FROM consent WHERE id = $1) WHERE id = $2`, "c1", "c2"); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(t.Context(), "lon", "c2"); err == nil {
			t.Errorf("a token of c1 was opened as that of c2: %q", got.Token)
		}
		if _, err := (consentsql.Store{DB: db, Box: box(t)}).Get(t.Context(), "lon", "c1"); err == nil {
			t.Error("another keyset opened the token")
		}
	})
}

func TestCountsOfDaysBeforeAreForgotten(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, migrations, func(t *testing.T, db *sqldb.DB) {
		s := consentsql.Store{DB: db}
		for _, at := range []day.Day{day.New(2026, 3, 1), {}, day.New(2026, 3, 2), day.New(2026, 3, 3)} {
			for _, id := range []string{"c1", "c2"} {
				if id == "c2" && at == day.New(2026, 3, 3) {
					continue // nobody read under it that day
				}
				if err := s.Count(t.Context(), "lon", id, at, "accounts", 4); err != nil {
					t.Fatal(err)
				}
			}
		}
		for id, want := range map[string]int{"c1": 2, "c2": 2} { // the last day, and that of a one-off's reads
			var n int
			if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM consent_usage WHERE consent = $1`, id).Scan(&n); err != nil || n != want {
				t.Errorf("%s: %d counts, %v; want %d", id, n, err, want)
			}
		}
	})
}
