package appsql_test

import (
	"testing"

	"kontor/bank/app"
	"kontor/bank/app/appsql"
	"kontor/bank/app/apptest"
	"kontor/kit/sqldb/sqldbtest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		apptest.Exercise(t, func(t *testing.T) app.Store { return appsql.Store{DB: sqldbtest.SQLite(t, appsql.Migrations)} })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		apptest.Exercise(t, func(t *testing.T) app.Store { return appsql.Store{DB: sqldbtest.PostgreSQL(t, appsql.Migrations)} })
	})
}
