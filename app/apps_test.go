package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"kontor/app/apptest"
)

// An app's scheme is in no certificate: it counts where an app of the TPP has registered it.
func TestAnAppIsReturnedToWhereItIsRegistered(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	isar, alpa := s.Bank("standard"), s.Client(s.Certificate(s.TPPs[0]))
	own := func(i int) string {
		uris := s.TPPs[i].RedirectURIs
		return uris[slices.IndexFunc(uris, func(uri string) bool { return !strings.HasPrefix(uri, "http") })]
	}
	const body = `{"access":{"allPsd2":"allAccounts"},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false}`
	for _, c := range []struct {
		name, uri string
		status    int
	}{
		{"the scheme of its own app", own(0), http.StatusCreated},
		{"an address that its app has registered, outside of its domains", "http://127.0.0.1:9080/callback", http.StatusCreated},
		{"the scheme of another TPP's app", own(1), http.StatusBadRequest},
		{"its own scheme, and another path", own(0) + "/../other", http.StatusBadRequest},
		{"a scheme that nobody has registered", "com.example.mallory:/callback", http.StatusBadRequest},
		{"a foreign domain", "https://carpat.example/callback", http.StatusBadRequest},
		{"what a browser would run", "javascript:/alert(1)", http.StatusBadRequest},
	} {
		if a := s.Ask(alpa, http.MethodPost, isar.XS2A+"/v1/consents", apptest.H{"TPP-Redirect-URI": c.uri}, body); a.Status != c.status {
			t.Errorf("%s: %s", c.name, a)
		}
	}
}
