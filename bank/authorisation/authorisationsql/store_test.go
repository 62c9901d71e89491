package authorisationsql_test

import (
	"testing"

	"kontor/bank/authorisation"
	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/authorisation/authorisationtest"
	"kontor/kit/sqldb/sqldbtest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	authorisationtest.Exercise(t, func(t *testing.T) authorisation.Store {
		return authorisationsql.Store{DB: sqldbtest.SQLite(t, authorisationsql.Migrations)}
	})
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	authorisationtest.Exercise(t, func(t *testing.T) authorisation.Store {
		return authorisationsql.Store{DB: sqldbtest.PostgreSQL(t, authorisationsql.Migrations)}
	})
}
