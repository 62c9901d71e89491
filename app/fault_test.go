package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"kontor/app"
)

// A fault stands between the hub and the connectors of all banks, and does what a test says.
type fault struct {
	mu sync.Mutex
	do func(w http.ResponseWriter, r *http.Request, pass http.Handler)
}

// set says what happens to requests from now on; nil: they pass.
func (f *fault) set(do func(w http.ResponseWriter, r *http.Request, pass http.Handler)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.do = do
}

// between leads the hub's requests through f.
func (f *fault) between(t *testing.T) func(*app.Config) {
	return func(c *app.Config) {
		bank, err := url.Parse(c.Banks[0].Connector.URL)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{}
		proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: bank.Scheme, Host: bank.Host}) }}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			do := f.do
			f.mu.Unlock()
			if do == nil {
				do = func(w http.ResponseWriter, r *http.Request, pass http.Handler) { pass.ServeHTTP(w, r) }
			}
			do(w, r, proxy)
		}))
		t.Cleanup(func() { f.set(nil); srv.CloseClientConnections(); srv.Close(); transport.CloseIdleConnections() })
		for i := range c.Banks {
			c.Banks[i].Connector.URL = srv.URL + "/" + c.Banks[i].Code()
		}
	}
}
