package consentsql_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"kontor/bank/consent/consentsql"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// A hub that was running before the moment of the end was a column knows it after, too.
func TestTheEndsOfOlderConsentsAreFilledIn(t *testing.T) {
	t.Parallel()
	before := fstest.MapFS{}
	names, err := fs.Glob(consentsql.Migrations, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.Compare(name, "0033") < 0 {
			text, err := fs.ReadFile(consentsql.Migrations, name)
			if err != nil {
				t.Fatal(err)
			}
			before[name] = &fstest.MapFile{Data: text}
		}
	}
	sqldbtest.Each(t, []fs.FS{before}, func(t *testing.T, db *sqldb.DB) {
		for _, c := range []struct {
			id, status                string
			authoriseBy, one, expires int64
		}{
			{"waiting", "received", 10, 0, 90}, {"waiting, and over first", "received", 95, 0, 30}, {"valid", "valid", 5, 0, 40},
			{"window", "valid", 5, 20, 90}, {"later window", "valid", 5, 99, 50}, {"ended", "expired", 5, 0, 10}, {"alive", "valid", 5, 0, 91},
		} {
			_, err := db.Exec(t.Context(), `INSERT INTO consent (bank, id, tpp, tpp_name, psu, model, access, recurring, valid_until, expires_at, frequency_per_day, status,
				last_action_date, created_at, authorise_by, authorised_at, one_off_end, session, grant_json, accounts, told, version)
				VALUES ('lon', $1, 't', '', '', 'global', '{}', 1, '2026-03-01', $2, 4, $3, '2026-03-01', 1, $4, 0, $5, 's', '', '', 1, 1)`,
				c.id, c.expires, c.status, c.authoriseBy, c.one)
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := sqldb.Migrate(t.Context(), db, consentsql.Migrations); err != nil {
			t.Fatal(err)
		}
		all, err := consentsql.Store{DB: db, Box: box(t)}.Overdue(t.Context(), "lon", time.UnixMicro(90), 10)
		var got []string
		for _, c := range all {
			got = append(got, c.ID)
			if c.RequestID != "" || c.EndsAt().After(time.UnixMicro(90)) {
				t.Errorf("%s: %q, ends at %v", c.ID, c.RequestID, c.EndsAt())
			}
		}
		if want := []string{"waiting", "window", "waiting, and over first", "valid", "later window"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	})
}
