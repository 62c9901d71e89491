package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// A Report is bench.json.
type Report struct {
	At         time.Time   `json:"at"`
	Go         string      `json:"go"`
	Processors int         `json:"processors"`
	Rows       []Row       `json:"rows"`
	Flat       []Flat      `json:"flat,omitempty"`
	Spread     []Spread    `json:"spread,omitempty"`
	Ledger     []Ledger    `json:"ledger,omitempty"`
	Commits    []Commits   `json:"commits,omitempty"`
	Pages      []Rendering `json:"pages,omitempty"`
	Times      []Times     `json:"times,omitempty"`
	Programs   []Program   `json:"programs"`
	Skipped    []string    `json:"skipped,omitempty"`
}

// A Program is what one side costs before any request, and after all of them.
type Program struct {
	Name        string  `json:"name"`
	Database    string  `json:"database"`
	ReadyMillis float64 `json:"readyMillis"` // from start to the first answer, median
	IdleBytes   int64   `json:"residentIdleBytes"`
	LoadedBytes int64   `json:"residentAfterLoadBytes"`
	BinaryBytes int64   `json:"binaryBytes"`
}

func newReport() *Report {
	return &Report{At: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), Processors: runtime.NumCPU()}
}

func (r *Report) void() bool {
	for _, row := range r.Rows {
		if row.Void {
			return true
		}
	}
	for _, row := range r.Flat {
		if row.Void {
			return true
		}
	}
	for _, row := range r.Spread {
		if row.Void {
			return true
		}
	}
	for _, row := range r.Ledger {
		if row.Void {
			return true
		}
	}
	return slices.ContainsFunc(r.Times, func(t Times) bool { return math.Abs(t.T) >= timesLimit })
}

func (r *Report) save(file string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// print writes the tables; "a | b" is product | floor.
func (r *Report) print(out io.Writer) {
	if len(r.Rows) > 0 {
		r.printPaths(out)
	}
	r.printFlat(out)
	r.printLedger(out)
	r.printCommits(out)
	r.printPages(out)
	r.printTimes(out)
	for _, s := range r.Skipped {
		fmt.Fprintln(out, "skipped:", s)
	}
}

// printFlat writes what many consents cost, "many | few", and what counting does.
func (r *Report) printFlat(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(r.Flat) > 0 {
		fmt.Fprintln(w, "\npath\tdatabase\tc\tconsents\treq/s\tCPU s/1000\tof it DB\tp50 ms\tCPU ratio\tbeside RSA\treq/s ratio\tp50 ratio\t")
	}
	for _, f := range r.Flat {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d | %d\t%.0f | %.0f\t%.3f | %.3f\t%.3f | %.3f\t%.2f | %.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%s\n", f.Path, f.Database, f.Connections, f.ManyStored, f.FewStored,
			f.Many.PerSecond, f.Few.PerSecond, f.Many.CPUPer1000, f.Few.CPUPer1000, f.Many.DBCPUPer1000, f.Few.DBCPUPer1000, f.Many.P50Micros/1000, f.Few.P50Micros/1000,
			f.Ratios.CPU, f.Ratios.BesideSignatures, f.Ratios.PerSecond, f.Ratios.P50, voided(f.Void, f.Many, f.Few))
	}
	if len(r.Spread) > 0 {
		fmt.Fprintln(w, "\naccount lists\tdatabase\tc\treq/s: 16 consents | one | not counted\t16 to not counted\tone to not counted\t16 to one\tCPU, counted to not\t")
	}
	for _, s := range r.Spread {
		fmt.Fprintf(w, "\t%s\t%d\t%.0f | %.0f | %.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%s\n", s.Database, s.Connections, s.Many.PerSecond, s.One.PerSecond, s.Attended.PerSecond,
			s.ManyToFree, s.OneToFree, s.ManyToOne, s.CPUCounting, voided(s.Void, s.Many, s.One, s.Attended))
	}
	w.Flush()
}

// printLedger writes what the books of the reference bank do, "product | floor".
func (r *Report) printLedger(out io.Writer) {
	if len(r.Ledger) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\ntransfers\tdatabase\twriters\tper second\tfrom one account\tCPU s/1000\tof it DB\tp50 ms\tallocs\tto floor\tof one account\tone account to many\tCPU ratio\t")
	for _, l := range r.Ledger {
		fmt.Fprintf(w, "\t%s\t%d\t%.0f | %.0f\t%.0f | %.0f\t%.3f | %.3f\t%.3f | %.3f\t%.2f | %.2f\t%.0f | %.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%s\n", l.Database, l.Writers,
			l.Spread.PerSecond, l.Floor.PerSecond, l.Hot.PerSecond, l.FloorHot.PerSecond, l.Spread.CPUPer1000, l.Floor.CPUPer1000, l.Spread.DBCPUPer1000, l.Floor.DBCPUPer1000,
			l.Spread.P50Micros/1000, l.Floor.P50Micros/1000, l.Spread.AllocationsPerReq, l.Floor.AllocationsPerReq, l.ToFloor, l.HotToFloor, l.HotTo, l.CPU,
			voided(l.Void, l.Spread, l.Hot, l.Floor, l.FloorHot))
	}
	w.Flush()
}

// printCommits writes how many commits share an fsync, "product | floor".
func (r *Report) printCommits(out io.Writer) {
	if len(r.Commits) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\ncommits\tdatabase\twriters\tper fsync\tcommits\tfsyncs\tper second\tp50 ms\tp50 to single commits\t")
	for _, c := range r.Commits {
		alone := ""
		if c.Alone > 0 {
			alone = fmt.Sprintf("%.2f", c.Alone)
		}
		fmt.Fprintf(w, "\t%s\t%d\t%.1f | %.1f\t%d | %d\t%d | %d\t%.0f | %.0f\t%.2f | %.2f\t%s\t\n", c.Database, c.Writers, c.Product.PerSync, c.Floor.PerSync,
			c.Product.Commits, c.Floor.Commits, c.Product.Syncs, c.Floor.Syncs, c.Product.PerSecond, c.Floor.PerSecond, c.Product.P50Micros/1000, c.Floor.P50Micros/1000, alone)
	}
	w.Flush()
}

// voided says why a row is void.
func voided(void bool, sides ...*Side) string {
	if !void {
		return ""
	}
	for _, s := range sides {
		if s.Failures > 0 {
			return fmt.Sprintf("VOID: %d of %d answers were not the expected ones; the first: %s", s.Failures, s.Requests, s.Failure)
		}
	}
	return "VOID"
}

func (r *Report) printPaths(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "path\tdatabase\tc\treq/s\tCPU s/1000\tof it DB\tp50 ms\tp95 ms\tp99 ms\tallocs\tbank CPU\tCPU ratio\tbeside RSA\treq/s ratio\tp50 ratio\tallocs ratio\t")
	for _, row := range r.Rows {
		pair := func(format string, of func(*Side) float64) string {
			text := ""
			for _, s := range []*Side{row.Product, row.Floor} {
				switch {
				case s == nil:
				case text == "":
					text = fmt.Sprintf(format, of(s))
				default:
					text += " | " + fmt.Sprintf(format, of(s))
				}
			}
			return text
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t", row.Path, row.Database, row.Connections,
			pair("%.0f", func(s *Side) float64 { return s.PerSecond }),
			pair("%.3f", func(s *Side) float64 { return s.CPUPer1000 }),
			pair("%.3f", func(s *Side) float64 { return s.DBCPUPer1000 }),
			pair("%.2f", func(s *Side) float64 { return s.P50Micros / 1000 }),
			pair("%.2f", func(s *Side) float64 { return s.P95Micros / 1000 }),
			pair("%.2f", func(s *Side) float64 { return s.P99Micros / 1000 }),
			pair("%.0f", func(s *Side) float64 { return s.AllocationsPerReq }),
			pair("%.3f", func(s *Side) float64 { return s.BankCPUPer1000 }))
		switch {
		case row.Void:
			fmt.Fprint(w, "VOID\tVOID\tVOID\tVOID\tVOID\t\n")
		case row.Ratios == nil:
			fmt.Fprint(w, "\t\t\t\t\t\n")
		default:
			fmt.Fprintf(w, "%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", row.Ratios.CPU, row.Ratios.BesideSignatures, row.Ratios.PerSecond, row.Ratios.P50, row.Ratios.Allocations)
		}
	}
	w.Flush()
	for _, row := range r.Rows {
		for _, s := range []*Side{row.Product, row.Floor} {
			if s != nil && s.Failures > 0 {
				fmt.Fprintf(out, "VOID: %s on %s, c=%d: %d of %d answers were not the expected ones; the first: %s\n",
					row.Path, row.Database, row.Connections, s.Failures, s.Requests, s.Failure)
			}
		}
	}
	fmt.Fprintln(out)
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "program\tdatabase\tstart to first answer ms\tRSS idle MB\tRSS after load MB\tbinary MB\t")
	for _, p := range r.Programs {
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%.0f\t%.0f\t%.1f\t\n", p.Name, p.Database, p.ReadyMillis, mb(p.IdleBytes), mb(p.LoadedBytes), mb(p.BinaryBytes))
	}
	w.Flush()
}

func mb(bytes int64) float64 { return float64(bytes) / (1 << 20) }
