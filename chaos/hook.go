package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"kontor/ready"
)

// A hook is where a third party is told of changes of status. It takes nothing that is not
// sealed by a bank, and some things only when it is told again.
type hook struct {
	url     string
	server  *http.Server
	journal *journal
	roots   *x509.CertPool
	others  *x509.CertPool // certificates between them and a seal

	mu    sync.Mutex
	tries map[string]int // of notices that were turned away
	count int
}

// refusedOne of so many notices is turned away when it comes for the first time.
const refusedOne = 16

func newHook(tpp ready.TPP, roots, others *x509.CertPool, j *journal) (*hook, error) {
	pair, err := tls.LoadX509KeyPair(tpp.QWAC, tpp.QWACKey)
	if err != nil {
		return nil, err
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return nil, err
	}
	h := &hook{url: "https://localhost:" + port + "/told", journal: j, roots: roots, others: others, tries: map[string]int{}}
	// Who is killed leaves connections behind; that is no news.
	h.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go h.server.Serve(ln)
	return h, nil
}

func (h *hook) close() error { return h.server.Close() }

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return
	}
	id := r.Header.Get("X-Request-ID")
	if h.refuses(id) {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	var n struct{ PaymentID, TransactionStatus, AuthorisationID, SCAStatus string }
	err = h.verify(r, body)
	if err == nil {
		err = json.Unmarshal(body, &n)
	}
	if err != nil {
		h.journal.write(line{What: wrong, Request: id, Text: fmt.Sprintf("a notification: %v: %.300s", err, body)})
	}
	h.journal.write(line{What: notified, Request: id, Payment: n.PaymentID, Status: n.TransactionStatus, Text: n.SCAStatus})
	w.WriteHeader(http.StatusNoContent)
}

// refuses says whether the notice with this ID is turned away this time.
func (h *hook) refuses(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tries[id] > 0 {
		delete(h.tries, id)
		return false
	}
	if h.count++; h.count%refusedOne != 0 {
		return false
	}
	h.tries[id]++
	return true
}

// verify proves that a bank has sealed the request.
func (h *hook) verify(r *http.Request, body []byte) error {
	digest := sha256.Sum256(body)
	if want := "SHA-256=" + base64.StdEncoding.EncodeToString(digest[:]); r.Header.Get("Digest") != want {
		return fmt.Errorf("its digest is %q", r.Header.Get("Digest"))
	}
	raw, err := base64.StdEncoding.DecodeString(r.Header.Get("TPP-Signature-Certificate"))
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return fmt.Errorf("its certificate: %w", err)
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: h.roots, Intermediates: h.others, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return fmt.Errorf("its certificate: %w", err)
	}
	part := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(r.Header.Get("Signature"), -1) {
		part[m[1]] = m[2]
	}
	var text bytes.Buffer
	covered := map[string]bool{}
	for i, name := range strings.Fields(part["headers"]) {
		if i > 0 {
			text.WriteByte('\n')
		}
		fmt.Fprintf(&text, "%s: %s", name, r.Header.Get(name))
		covered[name] = true
	}
	if !covered["digest"] || !covered["x-request-id"] {
		return fmt.Errorf("its signature covers %q", part["headers"])
	}
	value, err := base64.StdEncoding.DecodeString(part["signature"])
	if err != nil {
		return err
	}
	hash := sha256.Sum256(text.Bytes())
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], value)
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(key, hash[:], value) {
			return errors.New("its signature does not fit")
		}
		return nil
	}
	return errors.New("its certificate has a key of another kind")
}
