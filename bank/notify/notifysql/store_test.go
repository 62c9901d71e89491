package notifysql_test

import (
	"testing"

	"kontor/bank/notify"
	"kontor/bank/notify/notifysql"
	"kontor/bank/notify/notifytest"
	"kontor/kit/sqldb/sqldbtest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	notifytest.Exercise(t, func(t *testing.T) notify.Store {
		return notifysql.Store{DB: sqldbtest.SQLite(t, notifysql.Migrations)}
	})
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	notifytest.Exercise(t, func(t *testing.T) notify.Store {
		return notifysql.Store{DB: sqldbtest.PostgreSQL(t, notifysql.Migrations)}
	})
}
