package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kontor/bank/core"
	"kontor/connector/wire"
)

// A request is one question to the connector.
type request struct {
	method, path string
	data         any
	tpp, consent string
	psu          core.PSUContext
	session      string
	token        string
	needsToken   bool
	once         bool      // never again once a connection stood
	bulk         bool      // too long for a header, perhaps
	long         bool      // the answer may be a list of any length
	secret       bool      // the path is one: it is named in no report
	until        time.Time // no other try after this; zero: when the context is over
	retry        []time.Duration
}

// An answer holds the body of a 200 in a buffer that goes back to the pool; of a long list
// only the beginning.
type answer struct {
	buffer *bytes.Buffer
	rest   io.ReadCloser // of a long list, else nil
	place  chan struct{} // taken by what is large, else nil
}

func (a answer) body() []byte { return a.buffer.Bytes() }

// room is what a window on a long list has.
func (a answer) room() []byte { return a.buffer.Bytes()[:largeAnswer] }

func (a answer) release() {
	if a.buffer == nil {
		return
	}
	if a.rest != nil {
		a.rest.Close()
	}
	if a.place != nil {
		<-a.place
	}
	// A buffer that has grown for one answer is not kept for the next.
	if a.place == nil || a.rest != nil {
		a.buffer.Reset()
		buffers.Put(a.buffer)
	}
}

var buffers = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, 64<<10)) }}

// A failure is one try that did not work.
type failure struct {
	err        error         // a sentinel of core, perhaps with words around it
	cause      error         // for the log
	again      bool          // another try may work
	retryAfter time.Duration // the connector's wish, 0: none
	resign     bool          // the connector found the token too old
}

// send asks until there is an answer of 200, a refusal, or no more reason to try.
func (c *Client) send(ctx context.Context, r request) (answer, error) {
	if r.needsToken && !wire.HeaderValue(r.token) {
		return answer{}, fmt.Errorf("%w: it is not there", core.ErrAccessDenied)
	}
	var signed envelope
	var exp time.Time
	resigned := false
	for try := 0; ; try++ {
		// One signature is the dearest part of a request; quick tries share it.
		if now := c.c.Now(); exp.Sub(now) < tokenLife-time.Minute {
			exp = now.Add(tokenLife)
			var err error
			if signed, err = c.seal(r, exp); err != nil {
				return answer{}, err
			}
		}
		a, f := c.try(ctx, r, signed)
		if f == nil {
			return a, nil
		}
		if f.resign && !resigned && !r.once {
			resigned, exp = true, time.Time{}
			try--
			continue
		}
		if !f.again || try >= len(r.retry) || !c.pause(ctx, r.until, r.retry[try], f.retryAfter) {
			c.c.Log.WarnContext(ctx, "bank did not answer a question", "method", r.method, "operation", operation(r.path), "tries", try+1, "error", f.err, "cause", f.cause)
			return answer{}, f.err
		}
	}
}

// pause waits before the next try. It returns false when there is no time left for one.
func (c *Client) pause(ctx context.Context, until time.Time, wait, wish time.Duration) bool {
	if wish > retryAfterMax {
		return false
	}
	if wish > 0 {
		wait = wish
	}
	if deadline, ok := ctx.Deadline(); ok && (until.IsZero() || deadline.Before(until)) {
		until = deadline
	}
	if !until.IsZero() && time.Until(until) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// try asks once.
func (c *Client) try(ctx context.Context, r request, signed envelope) (answer, *failure) {
	if !c.enter(ctx) {
		return answer{}, &failure{err: core.ErrUnavailable, cause: errors.New("too many requests are under way to this bank")}
	}
	defer func() { <-c.places }()

	var connected atomic.Bool
	if r.once {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	}
	// What becomes of a request that may have arrived.
	lost := func(cause error) *failure {
		if r.once {
			return &failure{err: core.ErrUnknownOutcome, cause: cause}
		}
		return &failure{err: core.ErrUnavailable, cause: cause, again: ctx.Err() == nil}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, signed.reader())
	if err != nil {
		return answer{}, &failure{err: core.ErrMalformed, cause: err}
	}
	req.Header = header(r, signed.token)
	if signed.body != nil {
		req.Header.Set("Content-Type", wire.MediaJWT)
		// A connector that refuses says so before it closes its ears: to somebody who is still
		// sending, the refusal would be lost, and nobody could say what became of the bulk.
		req.Header.Set("Expect", "100-continue")
	}
	res, err := c.http.Do(req)
	if err != nil {
		var in *url.Error
		if errors.As(err, &in) {
			err = in.Err // without the address: account IDs of some banks are IBANs
		}
		if r.once && !connected.Load() && (c.traced || dialed(err)) {
			return answer{}, &failure{err: core.ErrUnavailable, cause: err, again: ctx.Err() == nil}
		}
		return answer{}, lost(err)
	}
	a, f := c.read(ctx, r, res)
	if a.rest == nil {
		defer res.Body.Close()
	}
	switch {
	case f != nil && f.err != nil:
		return answer{}, f
	case f != nil:
		return answer{}, lost(f.cause)
	case res.StatusCode == http.StatusOK && !refusesIn200(a.body()):
		return a, nil
	}
	defer a.release()
	return answer{}, c.refusal(r, res, a.body(), lost)
}

// enter takes a place among the requests under way; it waits a moment for one.
func (c *Client) enter(ctx context.Context) bool {
	select {
	case c.places <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(queueMax)
	defer timer.Stop()
	select {
	case c.places <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// read reads the body whole, or of a long list the beginning. A failure without err means
// that the body broke off.
func (c *Client) read(ctx context.Context, r request, res *http.Response) (answer, *failure) {
	tooLarge := func() *failure {
		err := c.malformed(r, fmt.Sprintf("answer is larger than %d bytes", c.c.AnswerMax))
		if r.once {
			err = fmt.Errorf("%w: %w", core.ErrUnknownOutcome, err)
		}
		return &failure{err: err}
	}
	long, body := r.long && res.StatusCode == http.StatusOK, res.Body
	if !long && res.ContentLength > c.c.AnswerMax {
		return answer{}, tooLarge()
	}
	a := answer{buffer: buffers.Get().(*bytes.Buffer)}
	a.buffer.Reset()
	begin := int64(largeAnswer)
	if !long {
		begin = min(begin, c.c.AnswerMax+1)
	}
	_, err := a.buffer.ReadFrom(io.LimitReader(body, begin))
	if err == nil && a.buffer.Len() == largeAnswer && (long || c.c.AnswerMax >= largeAnswer) {
		// Only a few large answers at a time: memory belongs to everybody.
		place := c.large
		if long {
			place = c.streams
		}
		select {
		case place <- struct{}{}:
			a.place = place
		case <-ctx.Done():
			err = ctx.Err()
		}
		switch {
		case err != nil:
		case long:
			a.rest = body
			return a, nil
		default:
			_, err = a.buffer.ReadFrom(io.LimitReader(body, c.c.AnswerMax+1-largeAnswer))
		}
	}
	if err != nil {
		a.release()
		return answer{}, &failure{cause: err}
	}
	if !long && int64(a.buffer.Len()) > c.c.AnswerMax {
		a.release()
		return answer{}, tooLarge()
	}
	return a, nil
}

// refusal says what an answer other than a plain 200 means.
func (c *Client) refusal(r request, res *http.Response, body []byte, lost func(error) *failure) *failure {
	var e wire.ErrorAnswer
	json.Unmarshal(body, &e) // a page of HTML has no class
	class := word(string(e.ErrorClass))
	cause := fmt.Errorf("answered %d %s", res.StatusCode, class)
	f := &failure{cause: cause}
	said := res.StatusCode >= 400 && !(r.once && res.StatusCode >= 500)
	switch status := res.StatusCode; {
	case said && class == "TokenExpired":
		f.err = core.ErrTokenExpired
	case said && (class == "AccessDenied" || class == "TokenNotFound"):
		f.err = core.ErrAccessDenied
	case said && class == "AccountNotFound":
		f.err = core.ErrAccountUnknown
	case said && class == "PaymentNotFound" && res.StatusCode == http.StatusNotFound:
		f.err = core.ErrPaymentUnknown
	case said && class == wire.ClassCredentials || said && class == wire.ClassCode:
		f.err = core.ErrCredentials
	case said && class == wire.ClassMethod:
		f.err = core.ErrMethodUnknown
	case said && class == "JWTExpiredSignature":
		f.err, f.resign = core.ErrRefused, true
	case status == http.StatusTooManyRequests:
		f = &failure{err: core.ErrUnavailable, cause: cause, again: !r.once}
	case status >= 500 && status != http.StatusNotImplemented || status < 200 || status >= 300 && status < 400:
		f = lost(cause)
	case status == http.StatusNotImplemented || status == http.StatusMethodNotAllowed || status == http.StatusNotFound && (class == "" || class == "RouteNotFound"):
		f.err = core.ErrNotOffered
	case status < 300: // 200 with the body of a refusal, or a 2xx that the protocol does not know
		f.err = c.malformed(r, fmt.Sprintf("answered %d with error_class %s", status, class))
		if r.once {
			f.err = fmt.Errorf("%w: %w", core.ErrUnknownOutcome, f.err)
		}
	case class == "":
		// Something before the connector refused: nothing was said about the access itself.
		f.err = core.ErrRefused
	default:
		f.err = fmt.Errorf("%w: %s", core.ErrRefused, class)
	}
	if f.again {
		f.retryAfter = retryAfter(res.Header.Get("Retry-After"), c.c.Now())
	}
	return f
}

// refusesIn200 says whether body is that of a refusal. It looks for the word before it
// decodes: answers are large and refusals rare.
func refusesIn200(body []byte) bool {
	const refusalMax = 4096
	if len(body) > refusalMax || !bytes.Contains(body, []byte(`"error_class"`)) {
		return false
	}
	var e struct {
		ErrorClass wire.String     `json:"error_class"`
		Data       json.RawMessage `json:"data"`
	}
	return json.Unmarshal(body, &e) == nil && e.ErrorClass != "" && (len(e.Data) == 0 || string(e.Data) == "null")
}

func header(r request, signed string) http.Header {
	const most = 12
	values := make([]string, 0, most) // of all headers in one piece
	h := make(http.Header, most)
	set := func(name, value string) {
		n := len(values)
		values = append(values, value)
		h[name] = values[n : n+1 : n+1]
	}
	set("Authorization", "Bearer "+signed)
	set("Accept", "application/json")
	set("Content-Type", "application/json")
	if r.tpp != "" { // the hub itself asks how a payment stands
		set(wire.HeaderClientID, strconv.FormatInt(wire.ClientNumber(r.tpp), 10))
	}
	if r.consent != "" {
		set(wire.HeaderConsentID, strconv.FormatInt(wire.Number(r.consent), 10))
	}
	if r.token != "" {
		set(wire.HeaderAccessToken, r.token)
	}
	for _, m := range [...]struct{ name, value string }{
		{"Psu-Device-Id", r.psu.DeviceID}, {"Psu-User-Agent", r.psu.UserAgent}, {"Psu-Geo-Location", r.psu.GeoLocation},
		{"Psu-Corporate-Id", r.psu.CorporateID}, {"Psu-Ip-Address", r.psu.IPAddress},
		{wire.HeaderLanguage, r.psu.AcceptLanguage},
	} {
		// A TPP wrote these; what cannot stand in a header must not stop its request.
		if wire.HeaderValue(m.value) {
			set(m.name, m.value)
		}
	}
	return h
}

// dialed says whether err happened before there was a connection.
func dialed(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// retryAfter reads seconds or an HTTP date.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n > 0 {
		return time.Duration(min(n, 1<<20)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

// word bounds what a connector called its refusal.
func word(class string) string {
	const longest = 64
	if len(class) > longest || strings.IndexFunc(class, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.')
	}) >= 0 {
		return "unreadable"
	}
	return class
}

// operation is path without IDs, for logs.
func operation(path string) string {
	for _, list := range []string{wire.PathAccounts, wire.PathCardAccounts} {
		if rest, ok := strings.CutPrefix(path, list+"/"); ok {
			_, of, _ := strings.Cut(rest, "/")
			return list + "/{id}/" + of
		}
	}
	if rest, ok := strings.CutPrefix(path, wire.PathSessions+"/"); ok {
		_, what, _ := strings.Cut(rest, "/")
		return wire.PathSessions + "/{secret}/" + what
	}
	if strings.HasPrefix(path, wire.PathPayments+"/") {
		return wire.PathPayments + "/{id}"
	}
	return path
}
