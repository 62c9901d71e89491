package oauth_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kontor/bank/token"
	"kontor/kit/eidas"
)

// processor is the processor time that this process has used.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRefresh exchanges refresh tokens, many TPPs' at a time, on SQLite; without the
// network, with everything else. cpu-µs/op is what counts: the rest is waiting for the disk.
func BenchmarkRefresh(b *testing.B) {
	w := newWorld(b, salt(b))
	issued, err := w.ca.Issue(eidas.Request{
		Kind: eidas.QWAC, Organization: "Alpa", OrganizationIdentifier: alpa, Roles: []eidas.Role{eidas.AI}, DNSNames: []string{"alpa.example"},
	})
	if err != nil {
		b.Fatal(err)
	}
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{issued.Cert, issued.Issuer}}
	mux := http.NewServeMux()
	w.oauth.Mount(mux)
	var n atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(8)
	var before time.Duration
	start := func() string {
		id := fmt.Sprint("consent-", n.Add(1))
		g, _, err := w.tokens.Begin(b.Context(), token.Request{
			Bank: "salt", Client: alpa, TPP: alpa, Scope: token.Scope{Kind: token.AIS, Resource: id, Asked: "AIS:" + id},
			RedirectURI: back, Refreshable: true, EndsAt: w.clock().AddDate(0, 0, 90), Wait: time.Hour,
		})
		if err != nil {
			b.Fatal(err)
		}
		code, err := w.tokens.Approve(b.Context(), g, "psu-1", time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		t, err := w.tokens.Redeem(b.Context(), token.Redemption{
			Bank: "salt", Client: token.Client{ID: alpa, TPP: alpa, Thumbprint: [32]byte{1}}, Code: code, RedirectURI: back, TTL: time.Minute,
		})
		if err != nil {
			b.Fatal(err)
		}
		return t.Refresh
	}
	seeds := make(chan string, 64)
	for range cap(seeds) {
		seeds <- start()
	}
	before = processor(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		refresh := <-seeds
		for pb.Next() {
			form := url.Values{"grant_type": {"refresh_token"}, "client_id": {alpa}, "refresh_token": {refresh}}.Encode()
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, w.issuer+"/token", strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.TLS = state
			rec := httptest.NewRecorder()
			mux.ServeHTTP(rec, r)
			_, rest, _ := strings.Cut(rec.Body.String(), `"refresh_token":"`)
			if refresh, _, _ = strings.Cut(rest, `"`); refresh == "" {
				b.Errorf("%d %s", rec.Code, rec.Body)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64((processor(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}
