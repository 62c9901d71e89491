package oauth_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"kontor/bank/app"
)

// An app is opened by its own scheme. The page that leaves has a link to it, and the address of
// a code is the registered one and nothing else.
func TestAnAppIsReturnedToByAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	const own = "com.example.alpa:/back?from=bank"
	must(t, w.apps.Register(t.Context(), app.App{ClientID: "alpa-1", TPP: alpa, RedirectURIs: []string{own}}, ""))
	for _, foreign := range []string{"com.example.mallory:/back", "com.example.alpa:/other", "com.example.alpa:/back", "COM.example.alpa:/back?from=bank"} {
		if r := w.authorize(w.client(), request("redirect_uri", foreign)); r.StatusCode != http.StatusBadRequest || strings.Contains(r.body, "http-equiv") {
			t.Errorf("%s: %d", foreign, r.StatusCode)
		}
	}
	browser := w.client()
	if r := w.authorize(browser, request("redirect_uri", own)); r.StatusCode != http.StatusFound {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	r := w.goBack(browser)
	link := regexp.MustCompile(`<a class="button" id="continue" href="([^"]*)"`).FindStringSubmatch(r.body)
	if r.StatusCode != http.StatusOK || r.Header.Get("Location") != "" || r.Header.Get("Cache-Control") != "no-store" || link == nil {
		t.Fatalf("%d %v\n%s", r.StatusCode, r.Header, r.body)
	}
	u, err := url.Parse(html.UnescapeString(link[1]))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme != "com.example.alpa" || u.Path != "/back" || q.Get("from") != "bank" || q.Get("code") == "" || q.Get("iss") != w.issuer {
		t.Errorf("the page leads to %s", u)
	}
}
