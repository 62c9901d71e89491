package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// A fault is where a wire breaks.
type fault int

const (
	none   fault = iota
	before       // the request does not arrive
	after        // it arrives, and is answered; the answer is lost
)

// A wire stands between hub and bank. It can lose an answer once the other side has given
// it, which looks to the one who asked like a question that never arrived.
type wire struct {
	to     string
	ln     net.Listener
	server *http.Server
	client *http.Client

	mu    sync.Mutex
	which func(r *http.Request, session string) fault // nil: nothing breaks
	cut   map[string]bool                             // sessions of which an answer was lost
	count int
}

func newWire(to string) (*wire, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{to: to, ln: ln, cut: map[string]bool{}, client: &http.Client{
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

// breakFor says from now on for which requests the wire breaks, and where.
func (w *wire) breakFor(which func(r *http.Request, session string) fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.which = which
}

// hasLost says whether an answer about session was lost.
func (w *wire) hasLost(session string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[session]
}

// lost is how many answers were.
func (w *wire) lost() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// fault says where the wire breaks for r. What it is going to lose counts as lost at once:
// the other side reports before it answers.
func (w *wire) fault(r *http.Request, session string) fault {
	w.mu.Lock()
	which := w.which
	w.mu.Unlock()
	if which == nil {
		return none
	}
	f := which(r, session)
	if f == after {
		w.mu.Lock()
		w.cut[session] = true
		w.count++
		w.mu.Unlock()
	}
	return f
}

// ServeHTTP passes a request on. Where the other side is not there, or the wire breaks, so
// does the connection.
func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	breaks := w.fault(r, session(r))
	if breaks == before {
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
	if err != nil || breaks == after {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header {
		rw.Header()[name] = values
	}
	rw.WriteHeader(answer.StatusCode)
	rw.Write(said)
}

var sessionWord = regexp.MustCompile(`"session_secret":"([^"]*)"`)

// session is the one that a request between hub and bank is about: it stands in the signed
// token that the request carries.
func session(r *http.Request) string {
	parts := strings.Split(r.Header.Get("Authorization"), ".")
	if len(parts) != 3 {
		return ""
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	if m := sessionWord.FindSubmatch(claims); m != nil {
		return string(m[1])
	}
	return ""
}
