package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"text/tabwriter"
	"time"

	"kontor/app"
	"kontor/bench/load"
	"kontor/e2e/walk"
)

// renderMax is what a page may take the server, 19 times of 20.
const renderMax = 20 * time.Millisecond

// A Rendering says how long a page takes, from the request to its last byte: with all that is
// asked of the database for it, and with the way there and back on this machine. Its files are
// not in it: browsers keep them.
type Rendering struct {
	Database  string  `json:"database"`
	Page      string  `json:"page"`
	Loads     int     `json:"loads"`
	P50Micros float64 `json:"p50Micros"`
	P95Micros float64 `json:"p95Micros"`
}

var sandboxLanguages = []string{"en", "sl", "ro", "de"}

// pages measures every page of a sandbox on one database. A page that answers a form is left out:
// its form would have to be sent again and again. So is one that waits for something to happen.
func pages(ctx context.Context, m *machine, o options, r *Report, db string, _ func(string) (string, error), _ func(string) ([]int, error)) (err error) {
	fmt.Printf("%s: pages …\n", db)
	const free = "127.0.0.1:0"
	options := app.DevOptions{Data: filepath.Join(m.dir, "pages-"+db), API: free, Web: free, WebTLS: free, Bank: free}
	if db == "postgres" {
		options.DB, options.Temporary = postgresURL(), true
	}
	ctx, stop := context.WithCancel(ctx)
	dev, err := app.NewDev(ctx, options, slog.New(slog.DiscardHandler))
	if err != nil {
		stop()
		return err
	}
	ended, started := make(chan error, 1), make(chan struct{})
	go func() { ended <- dev.Run(ctx, func() error { close(started); return nil }) }()
	defer func() { stop(); err = errors.Join(err, <-ended) }()
	select {
	case <-started:
	case err := <-ended:
		ended <- nil
		return err
	}
	loads := 200
	if o.quick {
		loads = 2
	}
	w := walk.Walk{Sandbox: dev.Ready, See: func(s walk.Stop) error {
		if s.Form || s.Waits {
			return nil
		}
		var took load.Histogram
		for n := range loads + 10 {
			p, err := s.Load(ctx, sandboxLanguages[n%len(sandboxLanguages)])
			if err != nil {
				return err
			}
			if n >= 10 { // the first ones find nothing prepared
				took.Record(p.Took)
			}
		}
		r.Pages = append(r.Pages, Rendering{db, s.Kind, loads, micros(took.Quantile(0.5)), micros(took.Quantile(0.95))})
		return nil
	}}
	return w.Go(ctx)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// printPages writes what pages take, in the order in which they were come to.
func (r *Report) printPages(out io.Writer) {
	if len(r.Pages) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\npage\tdatabase\tp50 ms\tp95 ms\t")
	late := 0
	for _, p := range r.Pages {
		slow := ""
		if p.P95Micros > micros(renderMax) {
			slow = "LATE"
			late++
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%s\n", p.Page, p.Database, p.P50Micros/1000, p.P95Micros/1000, slow)
	}
	w.Flush()
	fmt.Fprintf(out, "%d of %d pages take longer than %s at p95\n", late, len(r.Pages), renderMax)
}
