package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"kontor/bench/floor/ledger"
	"kontor/bench/load"
	product "kontor/corebank/ledger"
	"kontor/corebank/schema"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// A Ledger row compares the books of the reference bank with the floor's: transfers between
// many accounts, and such that all come from one. Both run in the process of the bench, one
// after the other; CPU is that of the process, and of PostgreSQL where it is used.
type Ledger struct {
	Database   string  `json:"database"`
	Writers    int     `json:"writers"`
	Spread     *Side   `json:"spread"`
	Hot        *Side   `json:"hot"`
	Floor      *Side   `json:"floorSpread"`
	FloorHot   *Side   `json:"floorHot"`
	ToFloor    float64 `json:"toFloor"`    // transfers per second, product to floor
	HotToFloor float64 `json:"hotToFloor"` // the same from one account
	HotTo      float64 `json:"hotToSpread"`
	CPU        float64 `json:"cpuToFloor"`
	Void       bool    `json:"void,omitempty"`
}

// accounts is how many the transfers are spread over.
const accounts = 1000

// A writing is what writers do at once, each again as soon as it is done.
type writing struct {
	do      func(worker, n int) error
	backend func() ([]int, error)
}

// slice measures it once, in this process.
func (w writing) slice(writers int, duration time.Duration, first []int) (part, error) {
	cpu := func() (own, database time.Duration, err error) {
		if own, err = load.CPU(os.Getpid()); err != nil || w.backend == nil {
			return own, 0, err
		}
		pids, err := w.backend()
		if err != nil {
			return 0, 0, err
		}
		database, err = load.CPU(pids...)
		return own, database, err
	}
	own, database, err := cpu()
	if err != nil {
		return part{}, err
	}
	results := make([]load.Result, writers)
	var all sync.WaitGroup
	begin := time.Now()
	for i := range writers {
		all.Go(func() {
			for r, start := &results[i], time.Now(); start.Sub(begin) < duration; {
				err := w.do(i, first[i])
				first[i]++
				now := time.Now()
				r.Latencies.Record(now.Sub(start))
				r.Requests, start = r.Requests+1, now
				if err != nil {
					r.Failures, r.Failure = r.Failures+1, err
					return
				}
			}
		})
	}
	all.Wait()
	p := part{Result: load.Result{Elapsed: time.Since(begin)}}
	for i := range results {
		p.Add(&results[i])
	}
	ownAfter, databaseAfter, err := cpu()
	p.server, p.database = ownAfter-own, databaseAfter-database
	return p, err
}

// raceWritings runs them in turn, as race does with requests.
func raceWritings(ctx context.Context, all []writing, writers, pairs int) ([][]part, []counted, error) {
	parts, counts := make([][]part, len(all)), make([]counted, len(all))
	done := make([]float64, len(all))
	first := make([][]int, len(all))
	for i, w := range all {
		first[i] = make([]int, writers)
		if _, err := w.slice(writers, warm, first[i]); err != nil {
			return nil, nil, err
		}
	}
	var before, after runtime.MemStats
	for n := range pairs {
		for k := range all {
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			i := (k + n) % len(all)
			runtime.ReadMemStats(&before)
			p, err := all[i].slice(writers, slice, first[i])
			if err != nil {
				return nil, nil, err
			}
			runtime.ReadMemStats(&after)
			counts[i].allocations += float64(after.Mallocs - before.Mallocs)
			done[i] += float64(p.Requests)
			parts[i] = append(parts[i], p)
		}
	}
	for i := range counts {
		counts[i].allocations /= max(done[i], 1)
	}
	return parts, counts, nil
}

// ledgers measures the books on one database.
func ledgers(ctx context.Context, o options, r *Report, db string, open func(name string) (string, error), backends func(name string) ([]int, error)) error {
	fmt.Printf("%s: transfers between accounts …\n", db)
	ids := make([]string, accounts)
	for i := range ids {
		ids[i] = fmt.Sprintf("account-%05d", i)
	}
	const limit = 1_000_000_000_000
	var dsn [2]string
	var backend [2]func() ([]int, error)
	for i, name := range []string{"product", "floor"} {
		var err error
		if dsn[i], err = open("ledger_" + name); err != nil {
			return err
		}
		if backends != nil {
			backend[i] = func() ([]int, error) { return backends("ledger_" + name) }
		}
	}
	book, err := openBook(ctx, dsn[0], limit, ids)
	if err != nil {
		return err
	}
	defer book.DB.Close()
	floor, err := ledger.Open(dsn[1], limit, ids)
	if err != nil {
		return err
	}
	var serial atomic.Int64
	spread := func() (string, string) {
		from := rand.IntN(accounts)
		return ids[from], ids[(from+1+rand.IntN(accounts-1))%accounts]
	}
	hot := func() (string, string) { return ids[accounts/2], ids[rand.IntN(accounts/2)] }
	own := func(accounts func() (string, string)) writing {
		return writing{backend: backend[0], do: func(int, int) error {
			from, to := accounts()
			return transfer(ctx, book, "t"+strconv.FormatInt(serial.Add(1), 10), from, to)
		}}
	}
	least := func(accounts func() (string, string)) writing {
		return writing{backend: backend[1], do: func(int, int) error {
			from, to := accounts()
			return floor.Transfer("t"+strconv.FormatInt(serial.Add(1), 10), from, to, 100, time.Now().UnixMicro())
		}}
	}
	rounds := []int{1, 16, 64, 256}
	if o.quick {
		rounds = rounds[1:2]
	}
	for _, writers := range rounds {
		parts, counts, err := raceWritings(ctx, []writing{own(spread), own(hot), least(spread), least(hot)}, writers, max(o.slices/2, 1))
		if err != nil {
			return err
		}
		row := Ledger{Database: db, Writers: writers, Spread: summary(parts[0], counts[0]), Hot: summary(parts[1], counts[1]),
			Floor: summary(parts[2], counts[2]), FloorHot: summary(parts[3], counts[3])}
		perSecond := func(_ int, p part) float64 { return p.perSecond() }
		row.ToFloor, row.HotToFloor = ratio([][]part{parts[0], parts[2]}, perSecond), ratio([][]part{parts[1], parts[3]}, perSecond)
		row.HotTo = ratio([][]part{parts[1], parts[0]}, perSecond)
		row.CPU = ratio([][]part{parts[0], parts[2]}, func(_ int, p part) float64 { return p.cpuPerRequest() })
		row.Void = row.Spread.Failures+row.Hot.Failures+row.Floor.Failures+row.FloorHot.Failures > 0
		r.Ledger = append(r.Ledger, row)
	}
	// A ledger that loses money is faster than any.
	off, err := floor.Off()
	if err == nil && off != 0 {
		err = fmt.Errorf("%d accounts or transfers of the floor are wrong", off)
	}
	return errors.Join(err, book.Check(ctx))
}

// openBook opens the reference bank's ledger with accounts that may owe as much as limit.
func openBook(ctx context.Context, dsn string, limit int64, ids []string) (product.Book, error) {
	db, err := sqldb.Open(ctx, dsn)
	if err != nil {
		return product.Book{}, err
	}
	if _, err := sqldb.Migrate(ctx, db, schema.FS); err != nil {
		return product.Book{}, err
	}
	book := product.Book{DB: db, Bank: bankCode}
	all := make([]product.Account, len(ids))
	for i, id := range ids {
		all[i] = product.Account{ID: id, Kind: product.Customer, Currency: "EUR", CreditLimit: limit}
	}
	return book, db.Write(ctx, func(tx *sqldb.Tx) error { return book.Open(tx, all...) })
}

// transfer moves one euro.
func transfer(ctx context.Context, book product.Book, id, from, to string) error {
	now := time.Now().UTC()
	return book.DB.Write(ctx, func(tx *sqldb.Tx) error {
		return book.Post(tx, product.Posting{ID: id, Booked: day.Of(now, time.UTC), At: now, Lines: []product.Line{
			{Account: from, Amount: money.Amount{Minor: -100, Currency: "EUR"}},
			{Account: to, Amount: money.Amount{Minor: 100, Currency: "EUR"}},
		}})
	})
}
