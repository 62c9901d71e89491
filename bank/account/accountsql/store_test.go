package accountsql_test

import (
	"testing"

	"kontor/bank/account"
	"kontor/bank/account/accountsql"
	"kontor/bank/account/accounttest"
	"kontor/kit/sqldb/sqldbtest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		accounttest.Exercise(t, func(t *testing.T) account.Store {
			return accountsql.Store{DB: sqldbtest.SQLite(t, accountsql.Migrations)}
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		accounttest.Exercise(t, func(t *testing.T) account.Store {
			return accountsql.Store{DB: sqldbtest.PostgreSQL(t, accountsql.Migrations)}
		})
	})
}
