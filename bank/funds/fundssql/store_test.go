package fundssql_test

import (
	"testing"

	"kontor/bank/funds"
	"kontor/bank/funds/fundssql"
	"kontor/bank/funds/fundstest"
	"kontor/kit/sqldb/sqldbtest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	fundstest.Exercise(t, func(t *testing.T) funds.Answers { return fundssql.Store{DB: sqldbtest.SQLite(t, fundssql.Migrations)} })
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	fundstest.Exercise(t, func(t *testing.T) funds.Answers {
		return fundssql.Store{DB: sqldbtest.PostgreSQL(t, fundssql.Migrations)}
	})
}
