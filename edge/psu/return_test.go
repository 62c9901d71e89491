package psu_test

import (
	"crypto/sha256"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/profile"
	"kontor/edge/page"
	"kontor/edge/psu"
	"kontor/kit/sqldb/sqldbtest"
)

// Where a PSU goes who comes back from her bank, by how it went there.
func TestReturn(t *testing.T) {
	t.Parallel()
	const ok, nok, code = "https://tpp.example/back?state=1", "https://tpp.example/nok", "Zr1w_-8"
	now := time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)
	store := authorisationsql.Store{DB: sqldbtest.SQLite(t, authorisationsql.Migrations)}
	pages, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	b := profile.Bank{Code: "lon"}
	b.SCAConfirmation.Parameter = "code"
	h := (&psu.Return{
		Authorisations: &authorisation.Service{Store: store, Now: func() time.Time { return now }},
		Banks:          map[string]profile.Bank{"lon": b}, ContinueURL: func(_, session, _ string) string { return "https://hub.example/continue/" + session },
		Pages: pages, Log: slog.New(slog.DiscardHandler),
	}).Handler()
	hash := sha256.Sum256([]byte(code))
	for i, tt := range []struct {
		name   string
		change func(*authorisation.Authorisation)
		query  string
		want   string // address that she is sent to; empty: none
	}{
		{"all is well", nil, "", ok},
		{"she has refused", func(a *authorisation.Authorisation) { a.Status = authorisation.Failed }, "", nok},
		{"she has refused, and the TPP has one address only", func(a *authorisation.Authorisation) {
			a.Status, a.NokRedirectURI = authorisation.Failed, ""
		}, "", ok},
		{"no SCA was needed", func(a *authorisation.Authorisation) { a.Status = authorisation.Exempted }, "", ok},
		{"her time was over", func(a *authorisation.Authorisation) {
			a.Status, a.ExpiresAt = authorisation.Started, now
		}, "", nok},
		{"the authorization server waits for her", func(a *authorisation.Authorisation) { a.OAuthSession = "s7" }, "", "https://hub.example/continue/s7"},
		{"it waits for her, and she has refused", func(a *authorisation.Authorisation) {
			a.Status, a.OAuthSession = authorisation.Failed, "s8"
		}, "", "https://hub.example/continue/s8"},
		{"the TPP has to confirm", waits(hash[:]), "?confirmation_code=" + code, ok + "&code=" + code},
		{"the same, and it has a fragment", func(a *authorisation.Authorisation) {
			waits(hash[:])(a)
			a.RedirectURI = "https://tpp.example/back#there"
		}, "?confirmation_code=" + code, "https://tpp.example/back?code=" + code + "#there"},
		{"the same, by an app's own scheme", func(a *authorisation.Authorisation) {
			waits(hash[:])(a)
			a.RedirectURI = "saldo://back"
		}, "?confirmation_code=" + code, "saldo://back?code=" + code},
		{"a browser that brings no code is given none", waits(hash[:]), "", ok},
		{"a code that somebody made up would end what she approved", waits(hash[:]), "?confirmation_code=made-up", ok},
		{"what was confirmed has no code any more", nil, "?confirmation_code=" + code, ok},
		{"the time to confirm is over", func(a *authorisation.Authorisation) {
			waits(hash[:])(a)
			a.ExpiresAt = now
		}, "?confirmation_code=" + code, nok},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := string(rune('a' + i))
			a := authorisation.Authorisation{
				Bank: "lon", ID: id, Kind: authorisation.OfPayment, Subject: "p1", TPP: "PSDSI-BS-1234567", Status: authorisation.Finalised, Approach: authorisation.Redirect,
				Session: "session-" + id, ReturnKey: "key-" + id, RedirectURI: ok, NokRedirectURI: nok, CreatedAt: now, ExpiresAt: now.Add(time.Minute),
			}
			if tt.change != nil {
				tt.change(&a)
			}
			if err := store.Create(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/return/lon/key-"+id+tt.query, nil))
			body, _ := io.ReadAll(w.Body)
			got := w.Header().Get("Location")
			if _, rest, found := strings.Cut(string(body), "0; url="); found {
				got, _, _ = strings.Cut(rest, `"`)
				got = strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(got)
			}
			if _, err := url.Parse(got); got != tt.want || err != nil {
				t.Errorf("%d: she is sent to %q; want %q", w.Code, got, tt.want)
			}
		})
	}
	for _, path := range []string{"/return/lon/unknown", "/return/par/key-a", "/return/lon/" + strings.Repeat("x", 65)} {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil)); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// waits makes an authorisation wait for its code.
func waits(hash []byte) func(*authorisation.Authorisation) {
	return func(a *authorisation.Authorisation) {
		a.Status, a.Confirm, a.CodeHash = authorisation.Unconfirmed, true, hash
	}
}
