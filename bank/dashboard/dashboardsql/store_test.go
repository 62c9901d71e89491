package dashboardsql_test

import (
	"testing"

	"kontor/bank/dashboard"
	"kontor/bank/dashboard/dashboardsql"
	"kontor/bank/dashboard/dashboardtest"
	"kontor/kit/sqldb/sqldbtest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	dashboardtest.Exercise(t, func(t *testing.T) dashboard.Sessions {
		return dashboardsql.Store{DB: sqldbtest.SQLite(t, dashboardsql.Migrations)}
	})
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	dashboardtest.Exercise(t, func(t *testing.T) dashboard.Sessions {
		return dashboardsql.Store{DB: sqldbtest.PostgreSQL(t, dashboardsql.Migrations)}
	})
}
