package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"kontor/bench/floor/store"
	"kontor/kit/sqldb"
)

// A Commits row says how many durable commits share one fsync, and how long a commit takes.
//
// On SQLite the fsyncs are those that strace sees of a process that only writes; stopping it
// there makes each a little slower, so the times are from other runs, without it. On
// PostgreSQL they are those of the whole server (pg_stat_wal), so nobody else must use it.
type Commits struct {
	Database string  `json:"database"`
	Writers  int     `json:"writers"`
	Product  *Commit `json:"product"`
	Floor    *Commit `json:"floor"`
	// Alone is the p50 of the product to that of a single connection that commits each row.
	Alone float64 `json:"p50ToSingleCommits,omitempty"`
}

// A Commit is what one side did.
type Commit struct {
	Commits   int     `json:"commits"`
	Syncs     int     `json:"fsyncs"`
	PerSync   float64 `json:"commitsPerFsync"`
	P50Micros float64 `json:"p50Micros"`
	PerSecond float64 `json:"perSecond"`
}

const (
	rowTable  = `CREATE TABLE IF NOT EXISTS bench_row (id BIGINT PRIMARY KEY, body TEXT NOT NULL)`
	insertRow = `INSERT INTO bench_row (id, body) VALUES ($1, $2)`
)

var rowBody = strings.Repeat("x", 600)

// openWriting opens what writes a row durably: the product's way, the floor's, or plainly.
func openWriting(ctx context.Context, side, dsn string) (write func(id int64) error, closes func() error, err error) {
	switch side {
	case "product":
		db, err := sqldb.Open(ctx, dsn)
		if err != nil {
			return nil, nil, err
		}
		_, err = db.Exec(ctx, rowTable)
		return func(id int64) error {
			return db.Write(ctx, func(tx *sqldb.Tx) error {
				_, err := tx.Exec(insertRow, id, rowBody)
				return err
			})
		}, db.Close, err
	case "floor":
		db, err := store.Open(dsn, rowTable, nil)
		return func(id int64) error { return db.Write(store.Statement{Query: insertRow, Args: []any{id, rowBody}}) }, func() error { return nil }, err
	}
	driver := "pgx"
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, rowTable); err != nil {
		return nil, nil, err
	}
	insert, err := db.PrepareContext(ctx, insertRow)
	return func(id int64) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.StmtContext(ctx, insert).ExecContext(ctx, id, rowBody); err != nil {
			return err
		}
		return tx.Commit()
	}, db.Close, err
}

// writes is what a process that only writes tells at its end.
type writes struct {
	Commits    int
	Begin, End float64 // seconds since 1970, as strace has them
}

// writeOnly is the process under strace: bench write SIDE DSN WRITERS.
func writeOnly(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("write", flag.ContinueOnError)
	duration := f.Duration("for", time.Second, "how long")
	if err := f.Parse(args); err != nil || f.NArg() != 3 {
		return errors.New("write SIDE DSN WRITERS")
	}
	writers, err := strconv.Atoi(f.Arg(2))
	if err != nil {
		return err
	}
	write, closes, err := openWriting(ctx, f.Arg(0), f.Arg(1))
	if err != nil {
		return err
	}
	w, first := counting64(write), make([]int, writers)
	begin := time.Now()
	p, err := w.slice(writers, *duration, first)
	end := time.Now()
	if err = errors.Join(err, p.Failure, closes()); err != nil {
		return err
	}
	seconds := func(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
	return json.NewEncoder(os.Stdout).Encode(writes{p.Requests, seconds(begin), seconds(end)})
}

// counting64 gives every write an id of its own.
func counting64(write func(int64) error) writing {
	var serial atomic.Int64
	serial.Store(time.Now().UnixNano()) // several processes write to one table
	return writing{do: func(int, int) error { return write(serial.Add(1)) }}
}

// commits measures on one database.
func commits(ctx context.Context, m *machine, o options, r *Report, db string, open func(name string) (string, error), _ func(name string) ([]int, error)) error {
	fmt.Printf("%s: commits per fsync …\n", db)
	if _, err := exec.LookPath("strace"); err != nil && db == "sqlite" {
		r.Skipped = append(r.Skipped, "commits per fsync on SQLite, because there is no strace")
		return nil
	}
	sides := []string{"product", "floor", "plain"}
	all, dsn := make([]writing, len(sides)), make([]string, len(sides))
	for i, side := range sides {
		var err error
		if dsn[i], err = open("commits_" + side); err != nil {
			return err
		}
		write, closes, err := openWriting(ctx, side, dsn[i])
		if err != nil {
			return err
		}
		defer closes()
		all[i] = counting64(write)
	}
	rounds, duration := []int{1, 16, 64}, 2*time.Second
	if o.quick {
		rounds, duration = rounds[1:2], 200*time.Millisecond
	}
	for _, writers := range rounds {
		contenders := all[:2]
		if writers == 1 {
			contenders = all
		}
		parts, counts, err := raceWritings(ctx, contenders, writers, max(o.slices/2, 1))
		if err != nil {
			return err
		}
		row := Commits{Database: db, Writers: writers}
		var both [2]*Commit
		for i := range both {
			sum := summary(parts[i], counts[i])
			if sum.Failures > 0 {
				return errors.New(sum.Failure)
			}
			both[i] = &Commit{P50Micros: sum.P50Micros, PerSecond: sum.PerSecond}
			count := syncsSQLite
			if db == "postgres" {
				count = syncsPostgres
			}
			if both[i].Commits, both[i].Syncs, err = count(ctx, m, sides[i], dsn[i], writers, duration); err != nil {
				return err
			}
			both[i].PerSync = float64(both[i].Commits) / float64(max(both[i].Syncs, 1))
		}
		row.Product, row.Floor = both[0], both[1]
		if writers == 1 {
			row.Alone = row.Product.P50Micros / summary(parts[2], counts[2]).P50Micros
		}
		r.Commits = append(r.Commits, row)
	}
	return nil
}

func child(ctx context.Context, before []string, side, dsn string, writers int, duration time.Duration) (w writes, err error) {
	self, err := os.Executable()
	if err != nil {
		return w, err
	}
	line := append(before, self, "write", "-for", duration.String(), side, dsn, strconv.Itoa(writers))
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return w, fmt.Errorf("%s writes: %w", side, err)
	}
	return w, json.Unmarshal(out, &w)
}

// syncsSQLite counts what strace sees between begin and end.
func syncsSQLite(ctx context.Context, m *machine, side, dsn string, writers int, duration time.Duration) (commits, syncs int, err error) {
	log := filepath.Join(m.dir, "strace.log")
	w, err := child(ctx, []string{"strace", "-f", "--seccomp-bpf", "-ttt", "-e", "trace=fsync,fdatasync", "-o", log}, side, dsn, writers, duration)
	if err != nil {
		return 0, 0, err
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) { // PID TIME fsync(9) = 0
		fields := strings.Fields(line)
		if len(fields) < 3 || !strings.HasPrefix(fields[2], "fsync(") && !strings.HasPrefix(fields[2], "fdatasync(") {
			continue
		}
		if at, err := strconv.ParseFloat(fields[1], 64); err == nil && at >= w.Begin && at <= w.End {
			syncs++
		}
	}
	return w.Commits, syncs, nil
}

// syncsPostgres counts those of the server while the child ran. A backend that ends has told
// what it did.
func syncsPostgres(ctx context.Context, _ *machine, side, dsn string, writers int, duration time.Duration) (commits, syncs int, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(ctx)
	count := func() (n int, err error) {
		err = conn.QueryRow(ctx, "SELECT wal_sync FROM pg_stat_wal").Scan(&n)
		return n, err
	}
	before, err := count()
	if err != nil {
		return 0, 0, err
	}
	w, err := child(ctx, nil, side, dsn, writers, duration)
	if err != nil {
		return 0, 0, err
	}
	time.Sleep(200 * time.Millisecond)
	after, err := count()
	return w.Commits, after - before, err
}
