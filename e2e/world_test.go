package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/app"
	"kontor/e2e/chromium"
	"kontor/kit/eidas"
	"kontor/ready"
	"kontor/xs2aclient"
)

// A world is a sandbox, a TPP with a website of its own, and a browser that knows both.
type world struct {
	ready   ready.Ready
	tpp     ready.TPP
	site    string // the TPP's origin
	back    string // where PSUs come back to
	browser context.Context
	roots   *x509.CertPool
	gallery gallery

	mu   sync.Mutex
	came []string // requests to the site, the last one last
}

func begin(t *testing.T) *world {
	t.Helper()
	chromium.Program(t) // no sandbox is started where no browser can look
	w := &world{roots: x509.NewCertPool()}
	dir := t.TempDir()
	w.ready = sandbox(t, dir)
	w.tpp = w.ready.TPPs[0]
	w.back = w.tpp.RedirectURIs[0]
	w.site = strings.TrimSuffix(w.back, "/callback")

	ca, err := eidas.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.roots = ca.Roots()
	name := strings.TrimPrefix(w.site, "https://")
	issued, err := ca.IssueServer([]string{name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	address := w.serve(t, issued.TLS())
	w.browser = chromium.Start(t, map[string]string{name: address}, trusting([]*x509.Certificate{issued.Cert, pair.Leaf}))
	return w
}

// sandbox starts hub and banks, and ends them with the test. What they log as an error is one.
func sandbox(t *testing.T, dir string) ready.Ready {
	t.Helper()
	const free = "127.0.0.1:0"
	logged := &errorLog{Handler: slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}), t: t}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	dev, err := app.NewDev(ctx, app.DevOptions{Data: dir, API: free, Web: free, WebTLS: free, Bank: free,
		// Where there are baskets, a TPP may start an SCA explicitly; by redirect, no built-in profile has both.
		Override: map[string]map[string]any{"lon": {"baskets": map[string]any{"enabled": true, "sizeMax": 5}}}}, slog.New(logged))
	if err != nil {
		stop()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	started := make(chan struct{})
	go func() { ended <- dev.Run(ctx, func() error { close(started); return nil }) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the sandbox did not end well: %v", err)
		}
	})
	<-started
	return dev.Ready
}

type errorLog struct {
	slog.Handler
	t *testing.T
}

func (l *errorLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		l.t.Errorf("the sandbox logged an error: %s", r.Message)
	}
	return l.Handler.Handle(ctx, r)
}

func (l *errorLog) WithAttrs(a []slog.Attr) slog.Handler {
	return &errorLog{l.Handler.WithAttrs(a), l.t}
}
func (l *errorLog) WithGroup(name string) slog.Handler {
	return &errorLog{l.Handler.WithGroup(name), l.t}
}

// serve runs the website of the TPP, which notes who comes, and returns its address.
func (w *world) serve(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			w.came = append(w.came, w.site+r.URL.RequestURI())
			w.mu.Unlock()
			rw.Header().Set("Content-Type", "text/html; charset=utf-8")
			// The script shows whether scripts run.
			fmt.Fprint(rw, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Back</title><h1>Back</h1><script>document.title += " with script"</script>`)
		}),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}, ReadHeaderTimeout: chromium.Patience, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	go server.ServeTLS(ln, "", "")
	t.Cleanup(func() { server.Close() })
	return ln.Addr().String()
}

// tab opens a browser for one PSU.
func (w *world) tab(t *testing.T, name string) *tab {
	t.Helper()
	return openTab(t, w.browser, &w.gallery, name, w.ready.Web, w.ready.WebTLS, w.ready.Bank)
}

// bank finds the first one with profile.
func (w *world) bank(t *testing.T, profile string) ready.Bank {
	t.Helper()
	for _, b := range w.ready.Banks {
		if b.Profile == profile {
			return b
		}
	}
	t.Fatalf("no bank has the profile %s", profile)
	return ready.Bank{}
}

// pages is the address of the pages of bank.
func (w *world) pages(bank ready.Bank) string { return w.ready.Bank + "/" + bank.Code }

var present = xs2aclient.PSU{IPAddress: "192.0.2.7", UserAgent: "Mozilla/5.0 (compatible; Kontor test)"}

// client calls bank as the TPP, for a PSU who is there.
func (w *world) client(t *testing.T, bank ready.Bank) *xs2aclient.Client {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(w.tpp.QWAC, w.tpp.QWACKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := xs2aclient.New(xs2aclient.Config{BaseURL: bank.XS2A, Certificate: &pair, Roots: w.roots})
	if err != nil {
		t.Fatal(err)
	}
	return c.WithPSU(present)
}

// oauth is the TPP at bank's authorization server.
func (w *world) oauth(t *testing.T, bank ready.Bank) xs2aclient.OAuth {
	t.Helper()
	m, err := w.client(t, bank).Metadata(t.Context(), bank.OAuth+"/.well-known/oauth-authorization-server")
	if err != nil {
		t.Fatal(err)
	}
	o := xs2aclient.OAuth{Metadata: m, ClientID: w.tpp.OrganizationIdentifier, RedirectURI: w.back}
	if bank.Profile == "bankart" {
		o.ClientID, o.ClientSecret = w.tpp.ClientID, w.tpp.ClientSecret
	}
	return o
}

// redirects tell the two ways back apart.
func (w *world) redirects() xs2aclient.Redirects {
	return xs2aclient.Redirects{URI: w.back, NokURI: w.back + "?way=nok", Brand: w.tpp.Name}
}

// code reads the text message about the page that b shows.
func (w *world) code(b *tab) (code, text string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, w.ready.Outbox, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []struct{ Session, Code, Text string } // the newest first
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		b.t.Fatal(err)
	}
	for _, m := range all {
		if m.Session == path.Base(b.address()) {
			return m.Code, m.Text
		}
	}
	b.t.Fatalf("%s: no message has come about %s", b.name, b.address())
	return "", ""
}

func wrong(code string) string {
	return code[:len(code)-1] + string('0'+(code[len(code)-1]-'0'+1)%10)
}

// returned lets the page go on, checks that the browser arrives at the TPP, and returns the
// address there.
func (w *world) returned(b *tab, v visit) string {
	b.t.Helper()
	last := v.documents[len(v.documents)-1]
	w.mu.Lock()
	defer w.mu.Unlock()
	if !strings.HasPrefix(last, w.back) || v.status != http.StatusOK || len(w.came) == 0 {
		b.t.Fatalf("%s: the PSU did not come back to the TPP, but by %q to status %d; noticed: %q", b.name, v.documents, v.status, v.noticed)
	}
	for _, address := range w.came {
		if address == last {
			return last
		}
	}
	b.t.Fatalf("%s: the TPP knows nothing of %s", b.name, last)
	return ""
}

// eventually asks until something is so.
func eventually(ok func() bool) bool {
	for deadline := time.Now().Add(chromium.Patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}

// becomes fails the test unless eventually got returns want.
func becomes(t *testing.T, what, want string, got func() (string, error)) {
	t.Helper()
	var last string
	var err error
	if !eventually(func() bool { last, err = got(); return last == want }) {
		t.Errorf("%s is %s, not %s (%v)", what, last, want, err)
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
