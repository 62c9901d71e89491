// Command chaos kills Kontor in the middle of payments, and proves afterwards that nobody's
// money was lost or moved twice.
//
// It starts a hub and the reference banks as processes of their own, has third parties pay
// through them, and ends one of the two, or both, with SIGKILL at moments that chance
// chooses. It writes down before each request what it asks, and after each answer what it
// was told. Then it asks for some things many times over, and cuts the bank's answers after
// the bank has done what it was asked. In the end it stops everything and reads the two
// databases by itself, with queries of its own: what the programs believe of themselves is
// no evidence.
//
// It shares no code with what it tests: it speaks to sockets, and opens files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	kills, workers int
	repeated       int // requests that are made by many at once
	ambiguous      int // payments whose answer is cut
	nth            int // step between the requests to the disk at which a program dies; 0: none
	full           int // how often a disk is full
	within         time.Duration
	patience       time.Duration
	db             string
	seed           uint64
	keep           string
	program        string
	check          string // folder
}

// errViolated says that something promised did not hold.
var errViolated = errors.New("a promise did not hold")

func main() {
	var o options
	flag.IntVar(&o.kills, "kills", 500, "how often to kill a process")
	flag.DurationVar(&o.within, "within", 0, "how long to go on killing at most; 0: until the number is reached")
	flag.IntVar(&o.workers, "workers", 8, "third parties that pay at the same time")
	flag.IntVar(&o.repeated, "repeated", 50, "requests that 64 make at once, each of which may have one effect")
	flag.IntVar(&o.ambiguous, "ambiguous", 50, "payments whose answer is lost after the bank has executed them")
	flag.IntVar(&o.nth, "nth", 0, "have hub and bank die at every n-th request to the disk of each journey, on SQLite; 1: at each, 0: never")
	flag.IntVar(&o.full, "full", 0, "how often a disk is full for a while, on SQLite")
	flag.DurationVar(&o.patience, "patience", 150*time.Second, "how long what was interrupted may take to settle; 0 leaves it unsettled, and unjudged")
	flag.StringVar(&o.db, "db", "", "PostgreSQL address (postgres://…), where two schemas are made and dropped; default: SQLite files")
	flag.Uint64Var(&o.seed, "seed", 0, "seed of whom to kill and when; default: another one each time")
	flag.StringVar(&o.keep, "keep", "", "folder to keep: databases, logs and journal; it must be empty")
	flag.StringVar(&o.check, "check", "", "only check once more what an earlier run on SQLite has kept in this folder")
	flag.StringVar(&o.program, "kontor", "", "the program to test; default: built from ./cmd/kontor")
	flag.Parse()
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// run does it all and writes the table to out. It returns errViolated when a promise did not hold.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	if o.kills < 0 || o.workers < 1 || o.repeated < 0 || o.ambiguous < 0 || o.nth < 0 || o.full < 0 {
		return errors.New("none of the numbers may be negative, and somebody has to pay")
	}
	if o.check != "" {
		return checkAgain(ctx, o.check, out)
	}
	dir := o.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "kontor-chaos-"); err != nil {
			return err
		}
		defer func() {
			if errors.Is(err, errViolated) {
				fmt.Fprintln(out, "databases, logs and journal are kept in", dir)
				return
			}
			err = errors.Join(err, os.RemoveAll(dir))
		}()
	} else if err := empty(dir); err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if o.program == "" {
		o.program = filepath.Join(dir, "kontor")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.program, "./cmd/kontor")
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build kontor: %w\n%s", err, said)
		}
	}
	breakable := ""
	if o.nth > 0 || o.full > 0 {
		if o.db != "" {
			return errors.New("only SQLite has a disk that can be made to fail")
		}
		if breakable, err = buildBreakable(ctx, dir); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "seed %d\n", o.seed)
	s, err := newSystem(ctx, dir, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.breakable = breakable
	r := &report{seed: o.seed}
	if err := s.play(ctx, o, r); err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	if err := check(ctx, s.hubDB, s.bankDB, s.journal.path(), r); err != nil {
		return err
	}
	r.print(out)
	if len(r.violations) > 0 {
		return errViolated
	}
	return nil
}

// checkAgain checks what an earlier run has kept.
func checkAgain(ctx context.Context, dir string, out io.Writer) error {
	r := &report{}
	at := func(name string) string { return "sqlite:" + filepath.Join(dir, "data", name) }
	if err := check(ctx, at("apart.db"), at("banks.db"), filepath.Join(dir, "journal.jsonl"), r); err != nil {
		return err
	}
	r.print(out)
	if len(r.violations) > 0 {
		return errViolated
	}
	return nil
}

// empty makes dir where there is none, and refuses one in which something is.
func empty(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	found, err := os.ReadDir(dir)
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("%s is not empty", dir)
	}
	return err
}

// play kills, repeats and cuts, and waits until everything has settled.
func (s *system) play(ctx context.Context, o options, r *report) error {
	l, err := s.newLoad(ctx, o)
	if err != nil {
		return err
	}
	if o.kills > 0 {
		if err := s.massacre(ctx, l, o, r); err != nil {
			return err
		}
		l.inPeace(ctx)
		days := instalments
		if o.patience == 0 {
			days = 1
		}
		if err := s.daysPass(ctx, days); err != nil {
			return err
		}
	}
	if o.nth > 0 {
		if err := s.nth(ctx, l, o.nth, r); err != nil {
			return err
		}
	}
	if o.full > 0 {
		if err := s.fillUp(ctx, l, o.full, r); err != nil {
			return err
		}
		r.failed = int(l.failed.Load())
		if err := s.restart(); err != nil {
			return err
		}
	}
	// What the kills left behind would keep the hub busy while answers are lost.
	if o.kills > 0 && o.ambiguous > 0 {
		if err := s.settle(ctx, o.patience, r); err != nil {
			return err
		}
	}
	if err := l.repeatTogether(ctx, o.repeated, r); err != nil {
		return err
	}
	if err := l.loseAnswers(ctx, o.ambiguous, r); err != nil {
		return err
	}
	if err := s.settle(ctx, o.patience, r); err != nil {
		return err
	}
	return l.askAgain(ctx, r)
}
