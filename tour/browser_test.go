package tour

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// bank serves pages that ask for a cookie, a form and patience.
func bank() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /start", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1", Path: "/"})
		http.Redirect(w, r, "/form", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /form", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<h1>Form</h1><form method="post" action="sent"><input name="code"><button name="action" value="go">Go</button></form>`)
	})
	mux.HandleFunc("POST /sent", func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("session")
		if err != nil || cookie.Value != "s1" || r.FormValue("code") != "7" || r.FormValue("action") != "go" || r.Header.Get("Origin") != "http://"+r.Host {
			http.Error(w, "this is not what the form asked for", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, `<meta http-equiv="refresh" content="0; url=/leave"><h1>Done</h1>`)
	})
	mux.HandleFunc("GET /leave", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://tpp.example/callback?code=abcdefghijkl", http.StatusFound)
	})
	mux.HandleFunc("GET /circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusFound) })
	return mux
}

func TestBrowserFindsTheWayBackToTheTPP(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(bank())
	defer s.Close()
	u, _ := url.Parse(s.URL)
	var out bytes.Buffer
	b := newBrowser(x509.NewCertPool(), map[string]bool{u.Host: true}, &printer{out: &out, verbose: true})
	defer b.close()
	p, left, err := b.open(t.Context(), s.URL+"/start")
	if err != nil || left != "" || p.title != "Form" {
		t.Fatalf("page %+v, left %q, %v", p, left, err)
	}
	f, _ := p.field("code")
	_, left, err = b.submit(t.Context(), p, f, "go", url.Values{"code": {"7"}})
	if err != nil || left != "https://tpp.example/callback?code=abcdefghijkl" {
		t.Fatalf("left for %q, %v", left, err)
	}
	if got := strings.Join(b.told(), ","); got != "Form,Done" {
		t.Errorf("pages seen: %s", got)
	}
	if strings.Contains(out.String(), "abcdefghijkl") {
		t.Errorf("the code is printed whole:\n%s", out.String())
	}
	if _, _, err := b.open(t.Context(), s.URL+"/circle"); err == nil {
		t.Error("pages that lead on for ever are followed for ever")
	}
}

func TestSecretsAreShortened(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		`{"access_token":"SECRETSECRETSECRET"}`, `{"refresh_token": "SECRETSECRETSECRET"}`, "code=SECRETSECRETSECRET&x=1", "a=1&code_verifier=SECRETSECRETSECRET",
		"Bearer SECRETSECRETSECRET", "Basic SECRETSECRETSECRET", "https://tpp.example/cb?state=1&code=SECRETSECRETSECRET",
	} {
		if got := shorten(s); strings.Contains(got, "SECRETSECRETSECRET") || !strings.Contains(got, "SECRET…") {
			t.Errorf("%s became %s", s, got)
		}
	}
}
