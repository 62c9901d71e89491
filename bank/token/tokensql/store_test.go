package tokensql_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"kontor/bank/token"
	"kontor/bank/token/tokensql"
	"kontor/bank/token/tokentest"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

var migrations = []fs.FS{tokensql.Migrations}

func TestStore(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		tokentest.Exercise(t, func(t *testing.T) token.Store { return tokensql.Store{DB: sqldbtest.SQLite(t, migrations...)} })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		tokentest.Exercise(t, func(t *testing.T) token.Store { return tokensql.Store{DB: sqldbtest.PostgreSQL(t, migrations...)} })
	})
}

// A consent ends together with its tokens or not at all.
func TestEndOfResourceJoinsTheTransactionOfItsConsent(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, migrations, func(t *testing.T, db *sqldb.DB) {
		s := token.Service{Store: tokensql.Store{DB: db}, Now: time.Now}
		g, _, err := s.Begin(t.Context(), token.Request{
			Bank: "salt", Client: "x", TPP: "x", Scope: token.Scope{Kind: token.AIS, Resource: "c1", Asked: "AIS:c1"}, Wait: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		undone := errors.New("the consent could not be stored")
		for _, tt := range []struct {
			err  error
			want token.Status
		}{{undone, token.Waiting}, {nil, token.Ended}} {
			err := db.Atomically(t.Context(), func(ctx context.Context) error {
				return errors.Join(s.RevokeResource(ctx, "salt", "c1"), tt.err)
			})
			if !errors.Is(err, tt.err) {
				t.Fatal(err)
			}
			if got, err := s.Store.Get(t.Context(), "salt", g.ID); err != nil || got.Status != tt.want {
				t.Errorf("got %s, %v; want %s", got.Status, err, tt.want)
			}
		}
	})
}
