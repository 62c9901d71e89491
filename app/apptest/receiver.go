package apptest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"kontor/kit/eidas"
	"kontor/kit/httpsig"
	"kontor/ready"
)

// A Receiver is the server of a third party, which is told what banks tell her. What does not
// come under the seal of a bank fails the test.
type Receiver struct {
	URI string

	s     *Sandbox
	above *x509.CertPool // of the seals, beside the sandbox's roots
	mu    sync.Mutex
	heard []string // bodies, in the order in which they came
}

// Receiver opens the server of t, under her own certificate.
func (s *Sandbox) Receiver(t ready.TPP) *Receiver {
	s.t.Helper()
	cert := s.Certificate(t)
	r := &Receiver{s: s, above: x509.NewCertPool()}
	for _, der := range cert.Certificate[1:] { // whoever certified her certified the banks
		c, err := x509.ParseCertificate(der)
		if err != nil {
			s.t.Fatal(err)
		}
		r.above.AddCert(c)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(r.hear))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	s.t.Cleanup(server.Close)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	r.URI = "https://localhost:" + port + "/told"
	return r
}

func (r *Receiver) hear(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(io.LimitReader(q.Body, 1<<20))
	if err = errors.Join(err, r.sealed(q, body)); err != nil {
		r.s.t.Errorf("notification %s: %v", body, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, string(body))
	w.WriteHeader(http.StatusNoContent)
}

// sealed checks that it was a bank who sent q, and that nobody changed it on the way.
func (r *Receiver) sealed(q *http.Request, body []byte) error {
	cert, err := httpsig.ParseCertificate(q.Header.Get(httpsig.HeaderCertificate))
	if err != nil {
		return err
	}
	signature, err := httpsig.Parse(q.Header.Get(httpsig.HeaderSignature))
	if err != nil {
		return err
	}
	who, _, err := eidas.Parse(cert)
	if err == nil && !who.Has(eidas.AS) {
		err = errors.New("the seal is not a bank's")
	}
	_, trust := cert.Verify(x509.VerifyOptions{Roots: r.s.roots, Intermediates: r.above, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	request := httpsig.Request{Method: q.Method, Target: q.RequestURI, Host: q.Host, Header: q.Header, Body: body}
	return errors.Join(err, trust, httpsig.VerifyDigest(q.Header.Get(httpsig.HeaderDigest), body), signature.Names(cert),
		signature.Verify(request, cert, []string{"digest", "x-request-id", "date"}, nil))
}

// Hears waits for a notification that has all of texts in it.
func (r *Receiver) Hears(texts ...string) {
	r.s.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r.mu.Lock()
		heard := r.heard
		r.mu.Unlock()
		for _, body := range heard {
			if containsAll(body, texts) {
				return
			}
		}
		if time.Now().After(end) {
			r.s.t.Fatalf("nobody tells of %q, but: %q", texts, heard)
		}
	}
}

func containsAll(s string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(s, text) {
			return false
		}
	}
	return true
}
