package basketsql_test

import (
	"io/fs"
	"testing"

	"kontor/bank/basket"
	"kontor/bank/basket/basketsql"
	"kontor/bank/basket/baskettest"
	"kontor/kit/sqldb/sqldbtest"
)

func TestStore(t *testing.T) {
	migrations := []fs.FS{basketsql.Migrations}
	t.Run("SQLite", func(t *testing.T) {
		baskettest.Exercise(t, func(t *testing.T) basket.Store { return basketsql.Store{DB: sqldbtest.SQLite(t, migrations...)} })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		baskettest.Exercise(t, func(t *testing.T) basket.Store { return basketsql.Store{DB: sqldbtest.PostgreSQL(t, migrations...)} })
	})
}
