// Package load sends requests over raw connections, of TLS mostly, and measures the answers.
//
// It shares two processors with what it measures, so it must not be in the way: requests
// are bytes in a reused buffer, answers are read without net/http, latencies go into
// buckets. Each connection asks again as soon as it was answered (closed loop). An answer
// with an unexpected status is counted and kept, because it makes the run void: a refusal
// is always faster than the work.
package load

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// An Operation is one kind of request.
type Operation struct {
	// Append appends the bytes of a request. worker counts the connections from 0, and n
	// the requests of this connection.
	Append func(b []byte, worker, n int) []byte
	Status int // that every answer must have
	// Check looks at the body of an answer, which is only good until it returns; nil does not read it.
	Check func(worker, n int, body []byte) error
}

// A Result is what one slice measured.
type Result struct {
	Requests  int
	Elapsed   time.Duration
	Latencies Histogram
	Failures  int
	Failure   error // the first of them
}

// Clients are some connections to one server.
type Clients struct{ conns []*client }

type client struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	body []byte
	n    int
}

// Dial opens count connections; without a config they are not encrypted.
func Dial(addr string, config *tls.Config, count int) (*Clients, error) {
	dial := func() (net.Conn, error) { return net.Dial("tcp", addr) }
	if config != nil {
		dial = func() (net.Conn, error) { return tls.Dial("tcp", addr, config) }
	}
	c := &Clients{}
	for range count {
		conn, err := dial()
		if err != nil {
			c.Close()
			return nil, err
		}
		c.conns = append(c.conns, &client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)})
	}
	return c, nil
}

// Close closes the connections.
func (c *Clients) Close() {
	for _, one := range c.conns {
		one.conn.Close()
	}
}

// Run asks on the first count connections for the time given, and waits for the last answers.
func (c *Clients) Run(op Operation, count int, duration time.Duration) Result {
	results := make([]Result, count)
	var all sync.WaitGroup
	begin := time.Now()
	for w := range count {
		all.Go(func() { c.conns[w].run(op, w, begin.Add(duration), &results[w]) })
	}
	all.Wait()
	total := Result{Elapsed: time.Since(begin)}
	for i := range results {
		total.Add(&results[i])
	}
	return total
}

// Add adds o to r; the time spent is r's business.
func (r *Result) Add(o *Result) {
	r.Requests += o.Requests
	r.Failures += o.Failures
	if r.Failure == nil {
		r.Failure = o.Failure
	}
	r.Latencies.Add(&o.Latencies)
}

func (c *client) run(op Operation, worker int, end time.Time, r *Result) {
	c.conn.SetDeadline(end.Add(time.Minute)) // a batch of ten thousand on a busy machine
	for start := time.Now(); start.Before(end); {
		n := c.n
		c.n++
		c.out = op.Append(c.out[:0], worker, n)
		err := c.ask(op.Status, op.Check != nil)
		if err == nil && op.Check != nil {
			err = op.Check(worker, n, c.body)
		}
		now := time.Now()
		r.Latencies.Record(now.Sub(start))
		start = now
		r.Requests++
		if err != nil {
			r.Failures++
			if r.Failure == nil {
				r.Failure = err
			}
			if !errors.As(err, new(Unexpected)) {
				return // the connection is of no more use
			}
		}
	}
}

// Unexpected is an answer with another status than the expected one, or with a wrong body.
type Unexpected string

func (u Unexpected) Error() string { return string(u) }

func (c *client) ask(want int, keep bool) error {
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < 12 {
		return fmt.Errorf("%q is no status line", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return fmt.Errorf("%q is no status line", line)
	}
	length, chunked := -1, false
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	keep = keep || status != want
	c.body = c.body[:0]
	switch {
	case chunked:
		err = c.chunks(keep)
	case length > 0:
		err = c.take(length, keep)
	case length < 0 && status != 204:
		err = errors.New("the answer has no length")
	}
	if err == nil && status != want {
		err = Unexpected(fmt.Sprintf("%d instead of %d: %.300s", status, want, c.body))
	}
	return err
}

func (c *client) chunks(keep bool) error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
		if err != nil {
			return err
		}
		if err := c.take(int(size), keep); err != nil {
			return err
		}
		if _, err := c.in.Discard(2); err != nil || size == 0 {
			return err
		}
	}
}

func (c *client) take(n int, keep bool) error {
	if !keep {
		_, err := c.in.Discard(n)
		return err
	}
	old := len(c.body)
	c.body = append(c.body, make([]byte, n)...)
	_, err := io.ReadFull(c.in, c.body[old:])
	return err
}
