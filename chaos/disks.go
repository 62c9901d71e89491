package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"kontor/chaos/disk"
)

// whole is the file that is added to the program while it is built. There is none in the house.
const whole = `package main

import "kontor/chaos/disk"

var broken = disk.Break()
`

// buildBreakable builds the program with a disk that can fail.
func buildBreakable(ctx context.Context, dir string) (program string, err error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "kontor/cmd/kontor").Output()
	if err != nil {
		return "", err
	}
	added, overlay, program := filepath.Join(dir, "disk.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "kontor-disk")
	place := filepath.Join(string(root[:len(root)-1]), "disk.go")
	err = errors.Join(os.WriteFile(added, []byte(whole), 0o600),
		os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace":{%q:%q}}`, place, added), 0o600))
	if err != nil {
		return "", err
	}
	if said, err := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", program, "kontor/cmd/kontor").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build kontor with a disk that fails: %w\n%s", err, said)
	}
	return program, nil
}

// A journey is what one third party does with one customer from its beginning to its end.
type journey struct {
	name string
	do   func(ctx context.Context, p *payer)
}

var journeys = []journey{
	{"a payment", func(ctx context.Context, p *payer) { p.payFor(ctx, p.order()) }},
	{"a payment for a later day that is cancelled", func(ctx context.Context, p *payer) { p.payFor(ctx, p.keep(p.laterOrder(late))) }},
	{"a payment that is cancelled before it is approved", func(ctx context.Context, p *payer) { p.payFor(ctx, p.keep(p.laterOrder(early))) }},
	{"a bulk", func(ctx context.Context, p *payer) { p.payFor(ctx, p.keep(p.bulkOrder(never))) }},
	{"a series that is cancelled", func(ctx context.Context, p *payer) { p.payFor(ctx, p.keep(p.seriesOrder(late))) }},
	{"a consent to questions about funds, one question, and its end", func(ctx context.Context, p *payer) {
		p.renew(ctx)
		p.askFunds(ctx)
		if p.consent != "" {
			p.endConsent(ctx)
		}
	}},
}

// deaths are how a request to the disk can go wrong, in turn.
var deaths = []string{disk.Before, disk.Torn, disk.After, disk.Broken}

// journeyMax bounds one journey: it is made while a process dies once.
const journeyMax = time.Minute

// nth has each journey made over and over: hub or bank, in turn, dies with its n-th request
// to the disk, with n growing by step until one comes through alive.
func (s *system) nth(ctx context.Context, l *load, step int, r *report) error {
	p := l.payers[0]
	p.steadfast = true
	l.faulty.Store(true)
	defer func() { p.steadfast = false; l.faulty.Store(false) }()
	for n, j := range journeys {
		fmt.Fprintf(os.Stderr, "%d of %d journeys, %d failures of the disk\n", n, len(journeys), r.points)
		for _, victim := range []*process{s.hub, s.bank} {
			for n := 1; ; n += step {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				how := deaths[(n/step)%len(deaths)]
				died, err := s.dieAt(ctx, victim, fmt.Sprintf("%s %d", how, n), func(ctx context.Context) { j.do(ctx, p) })
				if err != nil {
					return fmt.Errorf("%s, %s %d: %w", j.name, how, n, err)
				}
				r.points++
				if died {
					r.deaths++
				}
				if !died && how != disk.Broken {
					break
				}
			}
		}
	}
	return ctx.Err()
}

// restart ends both as an operator does, and starts them whole.
func (s *system) restart() error {
	for _, p := range []*process{s.hub, s.bank} {
		p.program, p.env = s.program, ""
		if err := errors.Join(p.end(), p.start()); err != nil {
			return err
		}
	}
	return nil
}

// dieAt starts victim with a disk that fails once, and does something. When the process ends
// of that, it is started again at once, whole.
func (s *system) dieAt(ctx context.Context, victim *process, failure string, do func(context.Context)) (died bool, err error) {
	victim.kill()
	victim.program, victim.env = s.breakable, disk.Variable+"="+failure
	err = victim.start()
	victim.program, victim.env = s.program, ""
	if err != nil { // it died of it while it started
		died = true
		if err = victim.start(); err != nil {
			return died, err
		}
	}
	ended := victim.ended
	done := make(chan struct{})
	limited, cancel := context.WithTimeout(ctx, journeyMax)
	defer cancel()
	go func() { do(limited); close(done) }()
	for {
		select {
		case <-done:
			if !died { // what did not fail yet must not do so later
				victim.kill()
				err = victim.start()
			}
			return died, err
		case <-ended:
			if died {
				return died, errors.New("it ended once more, without a reason")
			}
			if died, err = true, victim.start(); err != nil {
				<-done
				return died, err
			}
			ended = victim.ended
		}
	}
}

// fillUp lets the disk of hub, bank, or both, be full for a while, again and again, while l
// pays. Nobody starts anything anew in between.
func (s *system) fillUp(ctx context.Context, l *load, times int, r *report) error {
	files := map[*process]string{s.hub: filepath.Join(s.dir, "hub-full"), s.bank: filepath.Join(s.dir, "bank-full")}
	for p, file := range files {
		p.program, p.env = s.breakable, disk.Variable+"="+disk.Full+" "+file
		if err := errors.Join(p.end(), p.start()); err != nil {
			return err
		}
	}
	l.faulty.Store(true)
	stop := l.begin(ctx)
	defer func() { stop(); l.faulty.Store(false) }()
	for n := range times {
		var full []string
		switch n % 3 {
		case 0:
			full = []string{files[s.hub]}
		case 1:
			full = []string{files[s.bank]}
		default:
			full = []string{files[s.hub], files[s.bank]}
		}
		pause(ctx, 1500*time.Millisecond)
		for _, file := range full {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				return err
			}
		}
		pause(ctx, time.Second)
		for _, file := range full {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
		r.full++
		for p := range files {
			select {
			case <-p.ended:
				return fmt.Errorf("a program ended because its disk was full: see %s", p.log)
			default:
			}
		}
	}
	pause(ctx, 2*time.Second)
	before := l.names.Load()
	pause(ctx, 2*time.Second)
	if l.names.Load() == before {
		r.violate("I12", "nobody can pay although there is space again")
	}
	return ctx.Err()
}
