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

// measure runs the path on each side in turn, pairs times; a pair begins with another side each time.
func measure(ctx context.Context, m *machine, path hotPath, sides []*side, count, pairs int) (Row, error) {
	row := Row{Path: path.name, Connections: count, Pairs: pairs}
	ops, clients := make([]load.Operation, len(sides)), make([]*load.Clients, len(sides))
	parts := make([][]part, len(sides))
	allocated, bankCPU, calls := make([]float64, len(sides)), make([]time.Duration, len(sides)), make([]float64, len(sides))
	for i, s := range sides {
		ops[i] = path.prepare(&s.target, count)
		var err error
		// Connections that say nothing for long are closed by a server, so each measurement has its own.
		if clients[i], err = load.Dial(s.api, m.client, count); err != nil {
			return row, err
		}
		defer clients[i].Close()
		r := clients[i].Run(ops[i], count, warm)
		if r.Failures > 0 {
			return row, fmt.Errorf("%s, %s: %w\n%s", path.name, s.name, r.Failure, s.server.tail())
		}
		if allocated[i], bankCPU[i], calls[i], err = s.counts(); err != nil {
			return row, err
		}
	}
	for n := range pairs {
		signature, err := m.signature()
		if err != nil {
			return row, err
		}
		for k := range sides {
			if ctx.Err() != nil {
				return row, ctx.Err()
			}
			i := (k + n) % len(sides)
			p, err := sides[i].slice(clients[i], ops[i], count)
			if err != nil {
				return row, err
			}
			p.signature = signature
			parts[i] = append(parts[i], p)
		}
	}
	perRequest := make([]float64, len(sides)) // calls to the bank
	for i, s := range sides {
		after, cpu, called, err := s.counts()
		if err != nil {
			return row, err
		}
		sum := summary(parts[i])
		n := float64(max(sum.Requests, 1))
		sum.AllocationsPerReq = (after - allocated[i]) / n
		sum.BankCPUPer1000 = (cpu - bankCPU[i]).Seconds() / n * 1000
		sum.BankCallsPerReq = (called - calls[i]) / n
		perRequest[i] = sum.BankCallsPerReq
		row.Void = row.Void || sum.Failures > 0
		if s.name == "floor" {
			row.Floor = sum
		} else {
			row.Product = sum
		}
	}
	if len(sides) == 2 {
		beside := func(i int, p part) float64 { return p.cpuPerRequest() - perRequest[i]*float64(p.signature) }
		row.Ratios = &Ratios{
			CPU:              ratio(parts, func(_ int, p part) float64 { return p.cpuPerRequest() }),
			PerSecond:        ratio(parts, func(_ int, p part) float64 { return p.perSecond() }),
			BesideSignatures: ratio(parts, beside),
			P50:              row.Product.P50Micros / row.Floor.P50Micros, Allocations: row.Product.AllocationsPerReq / row.Floor.AllocationsPerReq,
		}
	}
	return row, nil
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

// counts reads what only grows: allocations, the CPU of the bank, and the calls it got.
func (s *side) counts() (allocations float64, cpu time.Duration, calls float64, err error) {
	if allocations, err = load.Allocations(s.metrics); err != nil {
		return 0, 0, 0, err
	}
	if cpu, err = load.CPU(s.bank.cmd.Process.Pid); err != nil {
		return 0, 0, 0, err
	}
	answer, err := http.Get("http://" + s.bankAddr + "/counts")
	if err != nil {
		return 0, 0, 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, 0, 0, err
	}
	var c struct{ Calls, Failures float64 }
	if err := json.Unmarshal(body, &c); err != nil {
		return 0, 0, 0, err
	}
	if c.Failures > 0 {
		return 0, 0, 0, fmt.Errorf("the bank of the %s had %v failures:\n%s", s.name, c.Failures, s.bank.tail())
	}
	return allocations, cpu, c.Calls, nil
}

func summary(parts []part) *Side {
	var all load.Result
	var elapsed, server, database time.Duration
	for i := range parts {
		all.Add(&parts[i].Result)
		elapsed += parts[i].Elapsed
		server += parts[i].server
		database += parts[i].database
	}
	n := float64(max(all.Requests, 1))
	s := &Side{Requests: all.Requests, PerSecond: n / elapsed.Seconds(), Failures: all.Failures,
		ServerCPUPer1000: server.Seconds() / n * 1000, DBCPUPer1000: database.Seconds() / n * 1000, CPUPer1000: (server + database).Seconds() / n * 1000,
		P50Micros: float64(all.Latencies.Quantile(0.5).Nanoseconds()) / 1000, P99Micros: float64(all.Latencies.Quantile(0.99).Nanoseconds()) / 1000}
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
