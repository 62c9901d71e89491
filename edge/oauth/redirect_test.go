package oauth_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// spoils are ways to change an address so that a careless comparison takes it for the same.
var spoils = []func(uri string) string{
	suffix("/"), suffix("//"), suffix("/."), suffix("/.."), suffix("/../callback"), suffix("/./"), suffix("%2f"), suffix("%2F.."), suffix("%00"), suffix("%0d%0a"), suffix("%20"),
	suffix("?"), suffix("?x=1"), suffix("?code=1"), suffix("?next=https://evil.example"), suffix("&x=1"), suffix(";x=1"), suffix("#"), suffix("#x"), suffix("#@evil.example"),
	suffix(" "), suffix("\t"), suffix("\n"), suffix("\x00"), suffix("\u00a0"), suffix("\u202e"), suffix("\\"), suffix("\\.evil.example"), suffix("@evil.example"), suffix(".evil.example"),
	suffix("*"), suffix(".php"), suffix("/evil"), suffix("s"), suffix(","), suffix("\r\nSet-Cookie: a=b"),
	prefix(" "), prefix("\t"), prefix("\n"), prefix("\x00"), prefix("\ufeff"), prefix("https://evil.example/"), prefix("https://evil.example?"), prefix("https://evil.example#"),
	prefix("//"), prefix("view-source:"), prefix("javascript:"), prefix("data:text/html,"), prefix("https:"), prefix("x"),
	swap("https://", "http://"), swap("https://", "HTTPS://"), swap("https://", "httpS://"), swap("https://", "https:/"), swap("https://", "https:"), swap("https://", "https:///"),
	swap("https://", "https:\\\\"), swap("https://", "//"), swap("https://", ""), swap("https://", "ftp://"), swap("https://", "javascript://"), swap("https://", "intent://"),
	swap("https://", "https://evil.example@"), swap("https://", "https://user:pass@"), swap("https://", "https://evil.example\\@"), swap("https://", "https://evil.example%2f@"),
	swap("https://", "https://evil.example#@"), swap("https://", "https://evil.example?@"), swap("https://", "https://www."), swap("https://", "https://evil"), swap("https://", "https://-"),
	swap("alpa.example", "ALPA.example"), swap("alpa.example", "alpa.EXAMPLE"), swap("alpa.example", "alpa.example."), swap("alpa.example", "alpa.example:443"), swap("alpa.example", "alpa.example:80"),
	swap("alpa.example", "alpa.example:"), swap("alpa.example", "alpa.example:0443"), swap("alpa.example", "alpa.example.evil.example"), swap("alpa.example", "alpa.exampleevil"),
	swap("alpa.example", "evil.example/alpa.example"), swap("alpa.example", "evil.example?alpa.example"), swap("alpa.example", "\u0430lpa.example"), swap("alpa.example", "xn--lpa-7cd.example"),
	swap("alpa.example", "alpa\u3002example"), swap("alpa.example", "alpa%2eexample"), swap("alpa.example", "al%70a.example"), swap("alpa.example", "alpa..example"), swap("alpa.example", "alpa\u00ad.example"),
	swap("alpa.example", "localhost"), swap("alpa.example", "127.0.0.1"), swap("alpa.example", "2130706433"), swap("alpa.example", "[::1]"), swap("alpa.example", "169.254.169.254"), swap("alpa.example", ""),
	swap("/callback", "/Callback"), swap("/callback", "/call%62ack"), swap("/callback", "//callback"), swap("/callback", "/x/../callback"), swap("/callback", "/x/%2e%2e/callback"),
	swap("/callback", "\\callback"), swap("/callback", "/;/callback"), swap("/callback", "/callbac"), swap("/callback", ""), swap("/callback", "/"), swap("/callback", "/callback/nok/../"),
}

func suffix(s string) func(string) string { return func(uri string) string { return uri + s } }
func prefix(s string) func(string) string { return func(uri string) string { return s + uri } }
func swap(old, new string) func(string) string {
	return func(uri string) string { return strings.Replace(uri, old, new, 1) }
}

// variants are at least least addresses that look like uri, and are not: each way to spoil it,
// and then each two of them.
func variants(uri string, least int) (all []string) {
	seen := map[string]bool{uri: true}
	add := func(v string) {
		if !seen[v] {
			seen[v] = true
			all = append(all, v)
		}
	}
	for _, spoil := range spoils {
		add(spoil(uri))
	}
	for i := range spoils {
		for j := range spoils {
			if len(all) >= least && i > 0 {
				return all
			}
			// Far ones first, so that a few of each kind meet a few of each other.
			add(spoils[(j+i)%len(spoils)](spoils[j](uri)))
		}
	}
	return all
}

func TestNoVariantOfARedirectURIIsTaken(t *testing.T) {
	t.Parallel()
	const least = 2000
	all := variants(back, least)
	if len(all) < least {
		t.Fatalf("only %d variants", len(all))
	}
	own := map[string]bool{back: true, back + "/nok": true}
	w, f := newWorld(t, salt(t)), newWorld(t, fapi(t))
	browser, client := w.client(), f.client(f.certificate(alpa, ""))
	taken := 0
	for _, uri := range all {
		if own[uri] {
			continue // spoiled into the other one
		}
		r := w.authorize(browser, request("redirect_uri", uri))
		if r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || len(r.Cookies()) != 0 {
			taken++
			t.Errorf("in the address, %q: %d to %q", uri, r.StatusCode, r.Header.Get("Location"))
		}
		r = f.post(client, "/par", request("redirect_uri", uri).Encode())
		if r.StatusCode != http.StatusBadRequest || r.tokens(t).Error != "invalid_request" {
			taken++
			t.Errorf("pushed, %q: %d %s", uri, r.StatusCode, r.body)
		}
		if taken > 10 {
			t.FailNow()
		}
	}
	if len(w.journeys.begun) != 0 {
		t.Errorf("%d journeys were begun", len(w.journeys.begun))
	}
}

// What is said of the token endpoint holds for an address there as well.
func TestNoVariantOfARedirectURIRedeemsACode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	client := w.client(w.certificate(alpa, ""))
	code := w.code(request())
	for i, uri := range variants(back, 300)[:300] {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w.post(client, "/token", exchange(code, "redirect_uri", uri)).expect(t, 400, "invalid_grant")
		})
	}
	w.post(client, "/token", exchange(code)).expect(t, 200, "")
}

func TestPagesCannotBeFramedReadOrKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	browser, client := w.client(), w.client(w.certificate(alpa, ""))
	w.journeys.outcome.Over = false
	for _, tt := range []struct {
		name  string
		reply func() reply
		page  bool
	}{
		{"a redirect to the bank", func() reply { return w.authorize(browser, request()) }, true},
		{"the page that waits", func() reply { return w.goBack(browser) }, true},
		{"the page of another browser", func() reply { return w.goBack(w.client()) }, true},
		{"a page about a wrong address", func() reply { return w.authorize(w.client(), request("redirect_uri", "https://evil.example/")) }, true},
		{"an error that travels back", func() reply { return w.authorize(w.client(), request("scope", "x")) }, true},
		{"an error for a TPP", func() reply { return w.post(client, "/token", "") }, false},
		{"a pushed request", func() reply { return w.post(client, "/par", request().Encode()) }, false},
		{"a revocation", func() reply {
			return w.post(client, "/revoke", url.Values{"client_id": {alpa}, "token": {"x"}}.Encode(), "Origin", "https://evil.example")
		}, false},
		{"an introspection", func() reply {
			return w.post(client, "/introspect", url.Values{"client_id": {alpa}, "token": {"x"}}.Encode(), "Origin", "https://evil.example")
		}, false},
		{"the metadata", func() reply { return w.get(client, w.issuer+"/.well-known/oauth-authorization-server") }, false},
		{"a question of another site", func() reply {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, w.issuer+"/token", nil)
			must(t, err)
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Access-Control-Request-Method", "POST")
			return w.do(client, r)
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.reply()
			for name := range r.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s: %s", name, r.Header.Get(name))
				}
			}
			if !tt.page {
				return
			}
			if h := r.Header; !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("Referrer-Policy") != "no-referrer" ||
				h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" {
				t.Errorf("headers: %v", h)
			}
		})
	}
}
