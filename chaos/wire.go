package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// A wire stands between hub and bank. It can lose an answer once the other side has given
// it, which no network tells from one that was never given.
type wire struct {
	to     string
	ln     net.Listener
	server *http.Server
	client *http.Client
	loses  atomic.Pointer[func(*http.Request) bool] // whether the answer is lost; nil: none is
	lost   atomic.Int64
}

func newWire(to string) (*wire, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{to: to, ln: ln, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       40 * time.Second,
	}}
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second}
	go w.server.Serve(ln)
	return w, nil
}

func (w *wire) address() string { return w.ln.Addr().String() }
func (w *wire) close() error    { return w.server.Close() }

// lose has the answers lost to which which applies.
func (w *wire) lose(which func(*http.Request) bool) {
	if which == nil {
		w.loses.Store(nil)
		return
	}
	w.loses.Store(&which)
}

// ServeHTTP passes a request on. Where the other side is not there, or its answer is lost,
// the connection breaks, as it would without this wire.
func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	// The request goes on when the one who made it is gone: it had been sent.
	out, err := http.NewRequest(r.Method, "http://"+w.to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header, out.Host = r.Header.Clone(), r.Host
	answer, err := w.client.Do(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if which := w.loses.Load(); which != nil && (*which)(r) {
		w.lost.Add(1)
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header {
		rw.Header()[name] = values
	}
	rw.WriteHeader(answer.StatusCode)
	rw.Write(said)
}
