package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/app"
	"kontor/app/apptest"
)

const free = "127.0.0.1:0"

// world starts a hub and banks in this process, and ends them with the test.
func world(t *testing.T, change func(*app.Config)) *apptest.Sandbox {
	t.Helper()
	dev, stop := start(t, change)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the end: %v", err)
		}
	})
	return apptest.New(t, dev.Ready)
}

func start(t *testing.T, change func(*app.Config)) (dev *app.Dev, stop func() error) {
	t.Helper()
	o := app.DevOptions{}
	if change != nil {
		o = o.With(change)
	}
	return startWith(t, o)
}

// startWith is start where more than the hub's configuration is another.
func startWith(t *testing.T, o app.DevOptions) (dev *app.Dev, stop func() error) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	o.Data, o.API, o.Web, o.WebTLS, o.Bank = t.TempDir(), free, free, free, free
	ctx, cancel := context.WithCancel(context.Background())
	dev, err := app.NewDev(ctx, o, log)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() { ended <- dev.Run(ctx, func() error { close(ready); return nil }) }()
	<-ready
	return dev, sync.OnceValue(func() error { cancel(); return <-ended })
}

func TestRunLeavesNothingBehind(t *testing.T) {
	before := goroutines()
	dev, stop := start(t, nil)
	s := apptest.New(t, dev.Ready)
	alpa := s.Certificate(s.TPPs[0])
	c := s.Consent(alpa, s.TPPs[0].OrganizationIdentifier, apptest.Redirect, s.Personas[0])
	s.Ask(s.Client(alpa), http.MethodGet, s.Bank("salt").XS2A+"/v1/accounts", c.Headers(), "")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for _, client := range []*http.Client{s.Client(alpa), s.Client(nil)} {
		client.CloseIdleConnections()
	}
	http.DefaultClient.CloseIdleConnections()
	leaves(t, before)
}

func TestAStartThatFailsLetsGo(t *testing.T) {
	before := goroutines()
	taken, err := net.Listen("tcp", free)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	_, err = app.NewDev(t.Context(), app.DevOptions{Data: dir, API: free, Web: free, WebTLS: free, Bank: free, Metrics: taken.Addr().String()}, log)
	if err == nil || !strings.Contains(err.Error(), "metrics: ") {
		t.Fatalf("got %v, want an error about metrics", err)
	}
	leaves(t, before)
	// Nothing is locked or half made: the same folder starts.
	dev, err := app.NewDev(t.Context(), app.DevOptions{Data: dir, API: free, Web: free, WebTLS: free, Bank: free}, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := dev.Run(ctx, func() error { cancel(); return nil }); err != nil {
		t.Error(err)
	}
	if err := dev.Run(ctx, func() error { return errors.New("nobody wants it") }); err == nil {
		t.Error("an error of whoever waits for readiness is lost")
	}
}

// What was accepted before the end is asked for is finished: here a consent, whose creation
// asks the bank, which takes its time.
func TestTheEndFinishesWhatWasAccepted(t *testing.T) {
	t.Parallel()
	f := &fault{}
	dev, stop := start(t, f.between(t))
	s := apptest.New(t, dev.Ready)
	arrived := make(chan struct{}, 16)
	f.set(func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		arrived <- struct{}{}
		time.Sleep(700 * time.Millisecond)
		pass.ServeHTTP(w, r)
	})
	alpa := s.Client(s.Certificate(s.TPPs[0]))
	answered := make(chan apptest.Answer, 1)
	go func() {
		a, err := apptest.Try(alpa, http.MethodPost, s.Bank("salt").XS2A+"/v1/consents", apptest.H{"TPP-Redirect-URI": apptest.Redirect}, apptest.ConsentBody(30))
		if err != nil {
			t.Errorf("was cut off: %v", err)
		}
		answered <- a
	}()
	<-arrived
	if err := stop(); err != nil {
		t.Error(err)
	}
	if a := <-answered; a.Status != http.StatusCreated {
		t.Errorf("got %s", a)
	}
	if _, err := apptest.Try(alpa, http.MethodGet, s.API+"/healthz", nil, ""); err == nil {
		t.Error("it still answers")
	}
}

func TestWhatStandsOnEveryListener(t *testing.T) {
	t.Parallel()
	var metrics string
	s := world(t, func(c *app.Config) {
		ln, err := net.Listen("tcp", free)
		if err != nil {
			t.Fatal(err)
		}
		metrics = ln.Addr().String()
		ln.Close()
		c.Metrics = metrics
	})
	nobody := s.Client(nil)
	for _, base := range []string{s.API, s.Web, s.WebTLS} {
		for _, path := range []string{"/healthz", "/readyz"} {
			if a := s.Ask(nobody, http.MethodGet, base+path, nil, ""); a.Status != http.StatusOK {
				t.Errorf("%s%s: %s", base, path, a)
			}
		}
	}
	keys := s.Ask(nobody, http.MethodGet, s.Web+"/.well-known/jwks.json", nil, "")
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal([]byte(keys.Body), &set); err != nil || len(set.Keys) != 1 || set.Keys[0]["kty"] != "RSA" || set.Keys[0]["d"] != "" || set.Keys[0]["n"] == "" {
		t.Errorf("key set: %s", keys)
	}
	if a := s.Ask(nobody, http.MethodGet, "http://"+metrics+"/metrics", nil, ""); !strings.Contains(a.Body, "go_goroutines") {
		t.Errorf("metrics: %.200s", a)
	}
	if a := s.Ask(nobody, http.MethodGet, s.API+"/metrics", nil, ""); a.Status != http.StatusNotFound {
		t.Errorf("metrics stand in public: %s", a)
	}
	for _, b := range s.Banks {
		var doc struct {
			OpenAPI string
			Servers []struct{ URL string }
			Paths   map[string]any
		}
		a := s.Ask(nobody, http.MethodGet, b.XS2A+"/openapi.json", nil, "")
		if err := json.Unmarshal([]byte(a.Body), &doc); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(doc.OpenAPI, "3.") || len(doc.Servers) != 1 || doc.Servers[0].URL != b.XS2A || doc.Paths["/v1/consents"] == nil {
			t.Errorf("OpenAPI document of %s: %.300s", b.Code, a)
		}
		if web := s.Ask(nobody, http.MethodGet, s.WebTLS+strings.TrimPrefix(b.XS2A, s.API)+"/openapi.json", nil, ""); web.Body != a.Body {
			t.Errorf("OpenAPI document of %s differs between listeners", b.Code)
		}
	}
}

// The document is served as the code makes it for this bank: what is not offered is not in it.
func TestDocumentsSayWhatIsServed(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	alpa := s.Client(s.Certificate(s.TPPs[0]))
	for _, b := range s.Banks {
		var doc struct {
			Paths map[string]map[string]any
		}
		if err := json.Unmarshal([]byte(s.Ask(alpa, http.MethodGet, b.XS2A+"/openapi.json", nil, "").Body), &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Paths) < 10 {
			t.Fatalf("%s: only %d paths", b.Code, len(doc.Paths))
		}
		for path, operations := range doc.Paths {
			for method := range operations {
				if method == "parameters" || method == "servers" {
					continue
				}
				address := b.XS2A + strings.NewReplacer("{paymentProduct}", "sepa-credit-transfers").Replace(path)
				for strings.Contains(address, "{") {
					before, rest, _ := strings.Cut(address, "{")
					_, after, _ := strings.Cut(rest, "}")
					address = before + "unknown" + after
				}
				a := s.Ask(alpa, strings.ToUpper(method), address, nil, "")
				if a.Code() == "" && a.Status != http.StatusOK {
					t.Errorf("%s %s is in the document of %s, but is answered %s", method, path, b.Code, a)
				}
				if a.Status == http.StatusMethodNotAllowed || a.Body == "404 page not found\n" {
					t.Errorf("%s %s is in the document of %s, but is not served: %s", method, path, b.Code, a)
				}
			}
		}
	}
}

func TestTLSIsOfOurTime(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	for _, address := range []string{s.API, s.WebTLS} {
		host := strings.TrimPrefix(address, "https://")
		for version, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
			conn, err := tls.Dial("tcp", host, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
			if err == nil {
				conn.Close()
			}
			if (err == nil) != ok {
				t.Errorf("%s with %s: %v", host, tls.VersionName(version), err)
			}
		}
	}
}

func TestLimitsOfAConnection(t *testing.T) {
	t.Parallel()
	s := world(t, func(c *app.Config) { c.SetLimits(400*time.Millisecond, 800*time.Millisecond, 3*time.Second) })
	alpa := s.Client(s.Certificate(s.TPPs[0]))
	consents := s.Bank("salt").XS2A + "/v1/consents"

	t.Run("a head of more than 64 KiB is refused", func(t *testing.T) {
		a, err := apptest.Try(alpa, http.MethodGet, consents, apptest.H{"PSU-User-Agent": strings.Repeat("x", 80<<10)}, "")
		if err == nil && a.Status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("got %s", a)
		}
	})
	t.Run("a body of more than 1 MiB is refused, and the connection is not read on", func(t *testing.T) {
		a := s.Ask(alpa, http.MethodPost, consents, nil, `{"x":"`+strings.Repeat("x", 2<<20)+`"}`)
		if a.Status != http.StatusBadRequest || a.Code() != "FORMAT_ERROR" {
			t.Errorf("got %s", a)
		}
	})
	cert := s.Certificate(s.TPPs[0])
	dial := func(t *testing.T) *tls.Conn {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.API, "https://"), &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{*cert}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		return conn
	}
	ends := func(t *testing.T, conn *tls.Conn) []byte {
		began := time.Now()
		b, err := io.ReadAll(conn)
		if errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 8*time.Second {
			t.Errorf("the connection stays open: %v", err)
		}
		return b
	}
	t.Run("a head that does not end is not waited for", func(t *testing.T) {
		conn := dial(t)
		io.WriteString(conn, "POST /salt HTTP/1.1\r\nHost: x\r\nX-Slow: ")
		ends(t, conn)
	})
	t.Run("a body that does not come is not waited for", func(t *testing.T) {
		conn := dial(t)
		path := strings.TrimPrefix(consents, s.API)
		io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nX-Request-ID: "+apptest.UUID()+"\r\nPSU-IP-Address: 192.0.2.7\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"access\":")
		b := ends(t, conn)
		if !bytes.Contains(b, []byte("HTTP/1.1 400")) || !bytes.Contains(b, []byte("FORMAT_ERROR")) {
			t.Errorf("got %s", b)
		}
	})
	t.Run("others are served meanwhile and afterwards", func(t *testing.T) {
		if a := s.Ask(alpa, http.MethodPost, consents, apptest.H{"TPP-Redirect-URI": apptest.Redirect}, apptest.ConsentBody(30)); a.Status != http.StatusCreated {
			t.Errorf("got %s", a)
		}
	})
}
