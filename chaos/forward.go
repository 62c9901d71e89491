package main

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
)

// forwardOne of so many deaths of the bank is followed by another day.
const forwardOne = 15

// forward has the day come of everything that waits for one at the bank: of payments for a
// later day, and of the next instalment of each series. It writes into the bank's database
// while the bank is not there.
func (s *system) forward(ctx context.Context) error {
	driver, at := "pgx", s.bankDB
	if path, ok := strings.CutPrefix(s.bankDB, "sqlite:"); ok {
		driver, at = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=synchronous(full)"
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `UPDATE corebank_payment SET execute_on = '2000-01-01' WHERE bank = 'lon' AND state = 'scheduled'`)
	return errors.Join(err, db.Close())
}

// daysPass lets some days pass, between which nobody is killed.
func (s *system) daysPass(ctx context.Context, days int) error {
	for range days {
		if err := errors.Join(s.bank.end(), s.forward(ctx), s.bank.start()); err != nil {
			return err
		}
		pause(ctx, 3*time.Second)
	}
	return ctx.Err()
}
