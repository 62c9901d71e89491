package paymentsql_test

import (
	"io/fs"
	"testing"

	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/bank/payment/paymenttest"
	"kontor/kit/sqldb/sqldbtest"
)

func TestStore(t *testing.T) {
	migrations := []fs.FS{paymentsql.Migrations}
	t.Run("SQLite", func(t *testing.T) {
		paymenttest.Exercise(t, func(t *testing.T) payment.Store { return paymentsql.Store{DB: sqldbtest.SQLite(t, migrations...)} })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		paymenttest.Exercise(t, func(t *testing.T) payment.Store { return paymentsql.Store{DB: sqldbtest.PostgreSQL(t, migrations...)} })
	})
}
