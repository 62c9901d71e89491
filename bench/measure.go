package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"kontor/bench/load"
)

const (
	slice       = 250 * time.Millisecond
	warm        = 250 * time.Millisecond
	connections = 64
	consents    = 10240 // a multiple of every number of connections
)

// A Side is what one side did in one measurement.
type Side struct {
	Requests          int     `json:"requests"`
	PerSecond         float64 `json:"requestsPerSecond"`
	CPUPer1000        float64 `json:"cpuSecondsPer1000"`         // server and database together
	ServerCPUPer1000  float64 `json:"serverCpuSecondsPer1000"`   // of the server's process
	DBCPUPer1000      float64 `json:"databaseCpuSecondsPer1000"` // of its PostgreSQL backends
	BankCPUPer1000    float64 `json:"bankCpuSecondsPer1000"`     // of the bank behind it: in no sum
	BankCallsPerReq   float64 `json:"bankCallsPerRequest"`
	P50Micros         float64 `json:"p50Micros"`
	P95Micros         float64 `json:"p95Micros"`
	P99Micros         float64 `json:"p99Micros"`
	AllocationsPerReq float64 `json:"allocationsPerRequest"`
	Failures          int     `json:"failures,omitempty"`
	Failure           string  `json:"failure,omitempty"`
}

// A Row compares both sides on one hot path.
type Row struct {
	Path        string  `json:"path"`
	Database    string  `json:"database"`
	Connections int     `json:"connections"`
	Pairs       int     `json:"pairs"`
	Product     *Side   `json:"product,omitempty"`
	Floor       *Side   `json:"floor,omitempty"`
	Ratios      *Ratios `json:"ratios,omitempty"`
	Void        bool    `json:"void,omitempty"` // an answer was not the expected one
}

// Ratios are product / floor; those of speed and CPU are medians over the pairs of slices,
// because what a neighbour on the machine takes away, it takes from both.
type Ratios struct {
	CPU float64 `json:"cpu"`
	// BesideSignatures is CPU without the RSA signatures of the calls to the bank. The protocol
	// demands them of both sides, and they cost more than all the rest.
	BesideSignatures float64 `json:"cpuBesideSignatures"`
	PerSecond        float64 `json:"requestsPerSecond"`
	P50              float64 `json:"p50"`
	Allocations      float64 `json:"allocations"`
}

// A part is what one side did in one slice.
type part struct {
	load.Result
	server, database time.Duration
	signature        time.Duration // what one costs on this machine at this moment
}

func (p part) cpuPerRequest() float64 {
	return float64(p.server+p.database) / float64(max(p.Requests, 1))
}
func (p part) perSecond() float64 { return float64(p.Requests) / p.Elapsed.Seconds() }

// A contender is a kind of request to one side.
type contender struct {
	side *side
	op   load.Operation
	web  bool // it comes from a browser
}

// dial opens count connections to where requests of this kind go.
func (c contender) dial(m *machine, count int) (*load.Clients, error) {
	if c.web {
		return load.Dial(c.side.web, nil, count)
	}
	return load.Dial(c.side.api, m.client, count)
}

// counted is what only the whole of a race tells of a side, for each request.
type counted struct{ allocations, bankCPU, bankCalls float64 }

// race runs the contenders in turn, pairs times; a round begins with another one each time.
// counted makes sense where each has a side of its own.
func race(ctx context.Context, m *machine, all []contender, count, pairs int) (parts [][]part, counts []counted, err error) {
	clients, before := make([]*load.Clients, len(all)), make([]counted, len(all))
	parts, counts = make([][]part, len(all)), make([]counted, len(all))
	for i, c := range all {
		// Connections that say nothing for long are closed by a server, so each race has its own.
		if clients[i], err = c.dial(m, count); err != nil {
			return nil, nil, err
		}
		defer clients[i].Close()
		r := clients[i].Run(c.op, count, warm)
		if r.Failures > 0 {
			return nil, nil, fmt.Errorf("%s: %w\n%s", c.side.name, r.Failure, c.side.server.tail())
		}
	}
	for i, c := range all {
		if before[i], err = c.side.counts(); err != nil {
			return nil, nil, err
		}
	}
	for n := range pairs {
		signature, err := m.signature()
		if err != nil {
			return nil, nil, err
		}
		for k := range all {
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			i := (k + n) % len(all)
			p, err := all[i].side.slice(clients[i], all[i].op, count)
			if err != nil {
				return nil, nil, err
			}
			p.signature = signature
			parts[i] = append(parts[i], p)
		}
	}
	for i, c := range all {
		after, err := c.side.counts()
		if err != nil {
			return nil, nil, err
		}
		n := 0.0
		for _, p := range parts[i] {
			n += float64(p.Requests)
		}
		n = max(n, 1)
		counts[i] = counted{(after.allocations - before[i].allocations) / n, (after.bankCPU - before[i].bankCPU) / n, (after.bankCalls - before[i].bankCalls) / n}
	}
	return parts, counts, nil
}

// measure runs the path on each side.
func measure(ctx context.Context, m *machine, path hotPath, sides []*side, count, pairs int) (Row, error) {
	row := Row{Path: path.name, Connections: count, Pairs: pairs}
	var all []contender
	for _, s := range sides {
		all = append(all, contender{s, path.prepare(&s.target, count), path.web})
	}
	parts, counts, err := race(ctx, m, all, count, pairs)
	if err != nil {
		return row, fmt.Errorf("%s: %w", path.name, err)
	}
	for i, s := range sides {
		sum := summary(parts[i], counts[i])
		row.Void = row.Void || sum.Failures > 0
		if s.name == "floor" {
			row.Floor = sum
		} else {
			row.Product = sum
		}
	}
	if len(sides) == 2 {
		row.Ratios = ratios(parts, counts, row.Product, row.Floor)
	}
	return row, nil
}

// ratios compares the first of two contenders, whose sums are one and other, with the second.
func ratios(parts [][]part, counts []counted, one, other *Side) *Ratios {
	return &Ratios{
		CPU:       ratio(parts, func(_ int, p part) float64 { return p.cpuPerRequest() }),
		PerSecond: ratio(parts, func(_ int, p part) float64 { return p.perSecond() }),
		BesideSignatures: ratio(parts, func(i int, p part) float64 {
			return p.cpuPerRequest() - counts[i].bankCalls*float64(p.signature)
		}),
		P50: one.P50Micros / other.P50Micros, Allocations: one.AllocationsPerReq / other.AllocationsPerReq,
	}
}

// slice measures one side once.
func (s *side) slice(clients *load.Clients, op load.Operation, count int) (part, error) {
	server, database, err := s.cpu()
	if err != nil {
		return part{}, err
	}
	p := part{Result: clients.Run(op, count, slice)}
	serverAfter, databaseAfter, err := s.cpu()
	p.server, p.database = serverAfter-server, databaseAfter-database
	return p, err
}

// counts reads what only grows: allocations, the CPU of the bank in seconds, and the calls it got.
func (s *side) counts() (c counted, err error) {
	if c.allocations, err = load.Allocations(s.metrics); err != nil {
		return c, err
	}
	cpu, err := load.CPU(s.bank.cmd.Process.Pid)
	if err != nil {
		return c, err
	}
	answer, err := http.Get("http://" + s.bankAddr + "/counts")
	if err != nil {
		return c, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return c, err
	}
	var bank struct{ Calls, Failures float64 }
	if err := json.Unmarshal(body, &bank); err != nil {
		return c, err
	}
	if bank.Failures > 0 {
		return c, fmt.Errorf("the bank of the %s had %v failures:\n%s", s.name, bank.Failures, s.bank.tail())
	}
	c.bankCPU, c.bankCalls = cpu.Seconds(), bank.Calls
	return c, nil
}

func summary(parts []part, c counted) *Side {
	var all load.Result
	var elapsed, server, database time.Duration
	for i := range parts {
		all.Add(&parts[i].Result)
		elapsed += parts[i].Elapsed
		server += parts[i].server
		database += parts[i].database
	}
	n := float64(max(all.Requests, 1))
	s := &Side{AllocationsPerReq: c.allocations, BankCPUPer1000: c.bankCPU * 1000, BankCallsPerReq: c.bankCalls,
		Requests: all.Requests, PerSecond: n / elapsed.Seconds(), Failures: all.Failures,
		ServerCPUPer1000: server.Seconds() / n * 1000, DBCPUPer1000: database.Seconds() / n * 1000, CPUPer1000: (server + database).Seconds() / n * 1000,
		P50Micros: float64(all.Latencies.Quantile(0.5).Nanoseconds()) / 1000, P95Micros: float64(all.Latencies.Quantile(0.95).Nanoseconds()) / 1000,
		P99Micros: float64(all.Latencies.Quantile(0.99).Nanoseconds()) / 1000}
	if all.Failure != nil {
		s.Failure = all.Failure.Error()
	}
	return s
}

// ratio returns the median over the pairs of product / floor.
func ratio(parts [][]part, of func(side int, p part) float64) float64 {
	var all []float64
	for i := range parts[0] {
		all = append(all, of(0, parts[0][i])/of(1, parts[1][i]))
	}
	return median(all)
}

func median[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
