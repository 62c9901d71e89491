// Command bench compares the product with a floor: a program that does the least that is
// still correct, on the same machine, in the same quarter of a second.
//
// It builds kontor, the floor and a bank, gives both sides a database of ten thousand
// consents, and lets them answer the same requests in turn. Figures of one machine say
// little about another, and speed on a shared machine little about itself; so the result
// is the median of the ratios of neighbouring slices, of processor time first of all.
//
// Read the table as product | floor. CPU is that of the server and of its PostgreSQL
// backends; the bank's is shown beside it, and counted for nobody. "Beside RSA" is the ratio
// of CPU without the signatures of the calls to the bank, which neither side can save. A
// row with an answer that was not the expected one is void.
//
// A second part compares the product with itself: with a million consents stored and with a
// thousand, and with reads that are counted under many consents, under one, and not at all.
// A third has the reference bank's ledger beside the least that a ledger can do, and a fourth
// counts how many durable commits share one fsync. A fifth takes the time of every page that a
// customer of a sandbox sees, and the last compares what nobody may tell apart by its time.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"kontor/bench/load"
)

type options struct {
	databases []string
	paths     []hotPath
	slices    int
	alone     string
	parts     []string
	quick     bool
	json      string
	keep      bool
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "write" {
		if err := writeOnly(context.Background(), os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	db := flag.String("db", "sqlite,postgres", "databases to measure on")
	only := flag.String("only", "", "hot paths, separated by commas (default all): "+pathNames())
	pairs := flag.Int("slices", 14, "pairs of 250 ms slices with 16 connections; a fifth of it with 1 and 64")
	file := flag.String("json", "bench.json", "where the result is written")
	alone := flag.String("alone", "", "measure one side only, without ratios: product or floor")
	keep := flag.Bool("keep", false, "keep the folder with databases and logs, and print its name")
	parts := flag.String("parts", "paths,flat,ledger,commits,pages,times", "what to measure: paths (product and floor), flat (few and many consents, and how they are counted), ledger (transfers), commits (how many share an fsync), pages (what customers see), times (what must not be told apart by them)")
	quick := flag.Bool("quick", false, "show that everything works, and measure nothing well")
	flag.Parse()

	o := options{databases: strings.Split(*db, ","), slices: *pairs, json: *file, alone: *alone, keep: *keep, parts: strings.Split(*parts, ","), quick: *quick}
	if o.quick {
		o.slices = 1
	}
	var err error
	if o.paths, err = choose(*only); err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		const longest = 30 * time.Minute // about ten are usual, more on a busy machine
		ctx, cancel := context.WithTimeout(ctx, longest)
		defer cancel()
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.slices < 1 || o.alone != "" && o.alone != "product" && o.alone != "floor" {
		return errors.New("--slices must be positive, and --alone product or floor")
	}
	dir, err := os.MkdirTemp("", "kontor-bench-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Println("files are in", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	fmt.Println("building …")
	programs := []string{"kontor/bench/core", "kontor/bench/floor", "kontor/cmd/kontor"}
	if o.alone == "floor" {
		programs = programs[:2]
	}
	if !slices.Contains(o.parts, "paths") && !slices.Contains(o.parts, "flat") {
		programs = nil // the other parts run in this process
	}
	m, err := newMachine(ctx, dir, programs...)
	if err != nil {
		return err
	}
	report := newReport()
	for _, db := range o.databases {
		switch db {
		case "sqlite":
			err = onSQLite(ctx, m, o, report)
		case "postgres":
			err = onPostgres(ctx, m, o, report)
		default:
			err = fmt.Errorf("there is no database %q; there are sqlite and postgres", db)
		}
		// What was measured is worth keeping when the next database does not answer.
		if err := errors.Join(err, report.save(o.json)); err != nil {
			return err
		}
	}
	fmt.Println()
	report.print(os.Stdout)
	if report.void() {
		return errors.New("the run is void")
	}
	return nil
}

func onSQLite(ctx context.Context, m *machine, o options, r *Report) error {
	return onDatabase(ctx, m, o, r, "sqlite", func(name string) (string, error) { return "sqlite:" + filepath.Join(m.dir, name+".db"), nil }, nil)
}

// postgresURL is where a PostgreSQL is that may be measured, or empty.
func postgresURL() string {
	return cmp.Or(os.Getenv("BENCH_POSTGRES_URL"), os.Getenv("TEST_POSTGRES_URL"))
}

func onPostgres(ctx context.Context, m *machine, o options, r *Report) error {
	dsn := postgresURL()
	if dsn == "" {
		r.Skipped = append(r.Skipped, "PostgreSQL, because neither BENCH_POSTGRES_URL nor TEST_POSTGRES_URL is set")
		return nil
	}
	c, err := openCluster(ctx, dsn)
	if err != nil {
		return err
	}
	const prefix = "kontor_bench_"
	defer c.drop(prefix+"product", prefix+"floor", prefix+"many", prefix+"few", prefix+"ledger_product", prefix+"ledger_floor",
		prefix+"commits_product", prefix+"commits_floor", prefix+"commits_plain")
	return onDatabase(ctx, m, o, r, "postgres", func(name string) (string, error) { return c.schema(ctx, prefix+name) },
		func(name string) ([]int, error) { return c.backends(ctx, prefix+name) })
}

// onDatabase measures all that o asks for on one database. open makes an empty database for
// a side, and backends lists the processes that serve it, where there are any.
func onDatabase(ctx context.Context, m *machine, o options, r *Report, db string, open func(name string) (string, error), backends func(name string) ([]int, error)) error {
	for _, part := range o.parts {
		var err error
		switch part {
		case "paths":
			err = compare(ctx, m, o, r, db, open, backends)
		case "flat":
			err = flat(ctx, m, o, r, db, open, backends)
		case "ledger":
			err = ledgers(ctx, o, r, db, open, backends)
		case "commits":
			err = commits(ctx, m, o, r, db, open, backends)
		case "pages":
			err = pages(ctx, m, o, r, db, open, backends)
		case "times":
			err = times(ctx, m, o, r, db)
		default:
			err = fmt.Errorf("there is no part %q; there are paths, flat, ledger, commits, pages and times", part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compare measures all paths on one database.
func compare(ctx context.Context, m *machine, o options, r *Report, db string, open func(name string) (string, error), backends func(name string) ([]int, error)) error {
	makers := []struct {
		name string
		make func(context.Context, *machine, string, int) (*side, error)
	}{{"product", newProduct}, {"floor", newFloor}}
	customers := consents
	if o.quick {
		customers = flatCustomers
	}
	var sides []*side
	defer func() {
		for _, s := range sides {
			s.down()
		}
	}()
	for _, maker := range makers {
		if o.alone != "" && o.alone != maker.name {
			continue
		}
		fmt.Printf("%s: filling the database of the %s …\n", db, maker.name)
		dsn, err := open(maker.name)
		if err != nil {
			return err
		}
		s, err := maker.make(ctx, m, dsn, customers)
		if s != nil {
			sides = append(sides, s)
		}
		if err != nil {
			return err
		}
		if backends != nil {
			s.backend = func() ([]int, error) { return backends(maker.name) }
		}
		starts := 5
		if o.quick {
			starts = 1
		}
		if err := s.up(m, starts); err != nil {
			return err
		}
		if s.target.download == nil && slices.ContainsFunc(o.paths, func(p hotPath) bool { return p.name == "transactions-long" }) {
			if err := downloads(m, &s.target); err != nil {
				return err
			}
		}
	}
	for _, path := range o.paths {
		fmt.Printf("%s: %s …\n", db, path.about)
		few := (o.slices + 4) / 5
		rounds := []struct{ connections, pairs int }{{1, few}, {16, o.slices}, {connections, few}}
		if o.quick {
			rounds = []struct{ connections, pairs int }{{4, 1}}
		} else if path.long {
			rounds = []struct{ connections, pairs int }{{1, few}, {16, few}}
		}
		for _, c := range rounds {
			if path.most > 0 {
				c.connections = min(c.connections, path.most)
			}
			row, err := measure(ctx, m, path, sides, c.connections, c.pairs)
			if err != nil {
				return err
			}
			row.Database = db
			r.Rows = append(r.Rows, row)
		}
	}
	for _, s := range sides {
		loaded, err := load.Memory(s.server.cmd.Process.Pid)
		if err != nil {
			return err
		}
		r.Programs = append(r.Programs, Program{Name: s.name, Database: db, ReadyMillis: float64(s.ready) / float64(time.Millisecond), IdleBytes: s.idle,
			LoadedBytes: loaded, BinaryBytes: m.size(map[string]string{"product": "kontor", "floor": "floor"}[s.name])})
	}
	return nil
}
