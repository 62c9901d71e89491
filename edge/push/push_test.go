package push_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crypto/tls"

	"kontor/edge/push"
	"kontor/kit/eidas"
	"kontor/kit/httpsig"
)

const (
	id   = "8f14e45f-ceea-467f-a9f8-1c3d5e7b9a0c"
	body = `{"consentId":"c1","consentStatus":"valid"}`
)

func newCA(t testing.TB) *eidas.CA {
	t.Helper()
	ca, err := eidas.NewCA("Test", time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// listen is a TPP's server on the loopback, with a certificate of ca.
func listen(t testing.TB, ca *eidas.CA, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	issued, err := ca.IssueServer([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body) // a server that does not read does not see that its caller has gone
		r.Body = io.NopCloser(bytes.NewReader(sent))
		h(w, r)
	}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{issued.TLS()}}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	seal, err := ca.Issue(eidas.Request{
		Kind: eidas.QSealC, Organization: "Lonska banka d.d.", OrganizationIdentifier: "PSDSI-BS-5860571", Roles: []eidas.Role{eidas.AS},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, bank string
		sealed     bool
	}{
		{"under the seal of the bank", "lon", true},
		{"without a seal, where the bank has none", "isar", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got *http.Request
			var sent []byte
			srv := listen(t, ca, func(w http.ResponseWriter, r *http.Request) {
				got = r
				sent, _ = io.ReadAll(r.Body)
				w.WriteHeader(http.StatusNoContent)
			})
			s := push.New(push.Config{Roots: ca.Roots(), AnyAddress: true, Seals: map[string]push.Seal{"lon": {Certificate: seal.Cert, Key: seal.Key}}})
			defer s.Close()
			if err := s.Deliver(t.Context(), c.bank, srv.URL+"/told?of=c1", id, []byte(body)); err != nil {
				t.Fatal(err)
			}
			if got.Method != http.MethodPost || got.RequestURI != "/told?of=c1" || string(sent) != body {
				t.Errorf("%s %s %s", got.Method, got.RequestURI, sent)
			}
			if got.Header.Get("X-Request-ID") != id || got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%v", got.Header)
			}
			if err := httpsig.VerifyDigest(got.Header.Get("Digest"), sent); err != nil {
				t.Error(err)
			}
			if !c.sealed {
				if got.Header.Get("Signature") != "" {
					t.Error(got.Header.Get("Signature"))
				}
				return
			}
			cert, err := httpsig.ParseCertificate(got.Header.Get("TPP-Signature-Certificate"))
			if err != nil || !bytes.Equal(cert.Raw, seal.Cert.Raw) {
				t.Fatal(err)
			}
			signature, err := httpsig.Parse(got.Header.Get("Signature"))
			if err != nil {
				t.Fatal(err)
			}
			r := httpsig.Request{Method: got.Method, Target: got.RequestURI, Host: got.Host, Header: got.Header, Body: sent}
			if err := signature.Verify(r, cert, []string{"digest", "x-request-id", "date", "content-type"}, nil); err != nil {
				t.Error(err)
			}
			if err := signature.Names(cert); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is told is for the TPP alone: nothing is sent where others could read it.
func TestNothingIsSentInTheClear(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	t.Cleanup(srv.Close)
	s := push.New(push.Config{AnyAddress: true})
	defer s.Close()
	if err := s.Deliver(t.Context(), "lon", srv.URL, id, []byte(body)); err == nil || !strings.Contains(err.Error(), "not https") {
		t.Error(err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	ca, other := newCA(t), newCA(t)
	elsewhere := atomic.Bool{}
	target := listen(t, ca, func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) })
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	status := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) }
	}
	for _, c := range []struct {
		name   string
		ca     *eidas.CA
		answer http.HandlerFunc
		want   string // "": delivered
	}{
		{"200", ca, status(200), ""},
		{"201", ca, status(201), ""},
		{"202", ca, status(202), ""},
		{"299", ca, status(299), ""},
		{"400", ca, status(400), "status 400"},
		{"500", ca, status(500), "status 500"},
		{"a redirect is not followed", ca, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL, http.StatusTemporaryRedirect)
		}, "status 307"},
		{"no answer", ca, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		}, "no answer in time"},
		{"a closed connection", ca, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "closed before an answer"},
		{"a body without end is not read", ca, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, ""},
		{"a body that never comes is not waited for", ca, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, ""},
		{"headers without end", ca, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		}, "makes no sense"},
		{"a server that somebody else certifies", other, status(200), "certificate of the server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv := listen(t, c.ca, c.answer)
			s := push.New(push.Config{Roots: ca.Roots(), AnyAddress: true, Timeout: 2 * time.Second})
			defer s.Close()
			begin := time.Now()
			err := s.Deliver(t.Context(), "lon", srv.URL+"/secret-path", id, []byte(body))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret-path") {
				t.Error("the address is the TPP's own affair:", err)
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Error("took", took)
			}
		})
	}
	t.Cleanup(func() {
		if elsewhere.Load() {
			t.Error("the redirect was followed")
		}
	})
}

// A TPP's name may lead anywhere, and may lead elsewhere at the second look.
func TestNowhereInside(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var came atomic.Int32
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close() })
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	s := push.New(push.Config{Timeout: 2 * time.Second})
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"} {
		if err := s.Deliver(t.Context(), "lon", "https://"+host+":"+port+"/", id, []byte(body)); !errors.Is(err, push.ErrAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, uri := range []string{"http://fin-pregled.example/", "ftp://fin-pregled.example/", "https://fin-pregled.example/%zz", "", ":"} {
		if err := s.Deliver(t.Context(), "lon", uri, id, []byte(body)); err == nil {
			t.Errorf("%q was delivered", uri)
		}
	}
	if n := came.Load(); n > 0 {
		t.Errorf("%d connections were made", n)
	}
}
