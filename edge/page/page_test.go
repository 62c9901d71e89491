package page_test

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kontor/edge/page"
	"kontor/kit/i18n"
	"kontor/web"
)

func pages(t *testing.T) *page.Pages {
	t.Helper()
	p, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// show records what a page answers to a plain GET.
func show(t *testing.T, answer func(http.ResponseWriter, *http.Request)) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	answer(w, httptest.NewRequest("GET", "/", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestPages(t *testing.T) {
	t.Parallel()
	p := pages(t)
	banks := []page.Bank{{Code: "lon", Name: "Lončar <Bank>", Profile: "bankart", XS2A: "https://127.0.0.1:8443/psd2/lon", OAuth: "https://127.0.0.1:8443/psd2/lon/oauth/.well-known/oauth-authorization-server", Capabilities: "/psd2/lon/capabilities", OpenAPI: "/psd2/lon/openapi.json"}}
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		status int
		shows  []string
		hides  []string
	}{
		{"a PSU goes on to the TPP by herself or by the link",
			func(w http.ResponseWriter, r *http.Request) {
				p.Leave(w, r, "https://app.tpp.example/back?state=a&code=b")
			}, 200,
			[]string{"Returning you to app.tpp.example", `content="0; url=https://app.tpp.example/back?state=a&amp;code=b"`, `href="https://app.tpp.example/back?state=a&amp;code=b"`}, nil},
		{"an app's own scheme is followed",
			func(w http.ResponseWriter, r *http.Request) { p.Leave(w, r, "example.tpp.app:/back?code=b") }, 200,
			[]string{"Returning you to the app", `href="example.tpp.app:/back?code=b"`}, nil},
		{"a script is not followed",
			func(w http.ResponseWriter, r *http.Request) { p.Leave(w, r, "JavaScript:alert(1)//") }, 404,
			[]string{"This way back is not known"}, []string{"alert(1)", "http-equiv"}},
		{"a page in the address is not followed",
			func(w http.ResponseWriter, r *http.Request) { p.Leave(w, r, "data:text/html,<h1>") }, 404, nil, []string{"http-equiv"}},
		{"an address with a user in it is not followed",
			func(w http.ResponseWriter, r *http.Request) { p.Leave(w, r, "https://bank.example@tpp.example/") }, 404, nil, []string{"http-equiv"}},
		{"a missing address is not followed",
			func(w http.ResponseWriter, r *http.Request) { p.Leave(w, r, "") }, 404, nil, []string{"http-equiv"}},
		{"quotes do not end an attribute",
			func(w http.ResponseWriter, r *http.Request) { p.Leave(w, r, `https://tpp.example/?q="><script>`) }, 200, nil, []string{"<script", `"><`}},
		{"waiting looks again", p.Waiting, 200, []string{`content="0"`, "Waiting for your bank"}, nil},
		{"an error says what to do",
			func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Request-ID", "0f6ad0c6")
				p.Error(w, r, 500, "error.internal")
			}, 500,
			[]string{"went wrong on our side", "mention this number: 0f6ad0c6"}, nil},
		{"an authorisation request that cannot be answered",
			func(w http.ResponseWriter, r *http.Request) { p.OAuth(w, r, 400, "oauth.redirect", "invalid_request") }, 400,
			[]string{"does not belong to it", "invalid_request"}, nil},
		{"the start lists banks, escaped",
			func(w http.ResponseWriter, r *http.Request) {
				p.Start(w, r, banks, []page.Link{{Name: "Outbox", URL: "http://127.0.0.1:8090/outbox"}})
			}, 200,
			[]string{"One bank", "Lončar &lt;Bank&gt;", "https://127.0.0.1:8443/psd2/lon", `href="/psd2/lon/capabilities"`, `href="/psd2/lon/openapi.json"`, "Outbox"}, nil},
		{"the start of a hub without banks",
			func(w http.ResponseWriter, r *http.Request) { p.Start(w, r, nil, nil) }, 200, []string{"No bank is configured yet"}, []string{"sandbox"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res, body := show(t, c.answer)
			if res.StatusCode != c.status {
				t.Errorf("status %d, want %d", res.StatusCode, c.status)
			}
			for _, s := range c.shows {
				if !strings.Contains(body, s) {
					t.Errorf("no %q in:\n%s", s, body)
				}
			}
			for _, s := range append(c.hides, "ZgotmplZ", "<no value>", "<script", "style=") {
				if strings.Contains(body, s) {
					t.Errorf("%q in:\n%s", s, body)
				}
			}
			for name, want := range map[string]string{
				"Content-Security-Policy":    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
				"Referrer-Policy":            "no-referrer",
				"X-Content-Type-Options":     "nosniff",
				"Cross-Origin-Opener-Policy": "same-origin",
				"Cache-Control":              "no-store",
				"Content-Type":               "text/html; charset=utf-8",
				"Content-Language":           "en",
			} {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	p := pages(t)
	_, body := show(t, p.Waiting)
	sheet := regexp.MustCompile(`/assets/kontor\.[0-9a-f]{12}\.css`).FindString(body)
	if sheet == "" {
		t.Fatalf("no style sheet in:\n%s", body)
	}
	for _, c := range []struct {
		name, path, accept, encoding string
		status                       int
	}{
		{"a style sheet is kept for ever", sheet, "", "", 200},
		{"a style sheet comes small to who can read it so", sheet, "br, gzip", "gzip", 200},
		{"a name without its hash is not known", "/assets/kontor.css", "", "", 404},
		{"there is no way out of the folder", "/assets/../templates/shell.html", "", "", 404},
		{"there is no folder below", "/assets/x" + strings.TrimPrefix(sheet, "/assets"), "", "", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
			r.URL.Path = c.path
			r.Header.Set("Accept-Encoding", c.accept)
			p.Assets().ServeHTTP(w, r)
			if w.Code != c.status || w.Header().Get("Content-Encoding") != c.encoding {
				t.Errorf("status %d, encoding %q", w.Code, w.Header().Get("Content-Encoding"))
			}
			if c.status == 200 && !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
				t.Errorf("Cache-Control: %s", w.Header().Get("Cache-Control"))
			}
		})
	}
	sheetFile, err := fs.ReadFile(web.Assets(), "kontor.css")
	if most := 10 << 10; err != nil || len(sheetFile) > most {
		t.Errorf("the style sheet has %d bytes (%v); 10 KiB must do", len(sheetFile), err)
	}
}

// A gap would show in English in the middle of a page in another language.
func TestEveryLanguageIsWhole(t *testing.T) {
	t.Parallel()
	catalogue, err := i18n.New(web.Text())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(catalogue.Languages(), " "); got != "en de ro sl" {
		t.Errorf("languages: %s", got)
	}
	for _, gap := range catalogue.Gaps() {
		t.Errorf("web/text: %s", gap)
	}
}

func TestPagesInEveryLanguage(t *testing.T) {
	t.Parallel()
	p := pages(t)
	for lang, title := range map[string]string{"en": "Waiting for your bank", "de": "Warten auf Ihre Bank", "ro": "Așteptăm banca dumneavoastră", "sl": "Čakamo na vašo banko"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/return/lon/x?lang="+lang, nil)
		r.Header.Set("Accept-Language", "fr,de")
		p.Waiting(w, r)
		body := w.Body.String()
		if !strings.Contains(body, `<html lang="`+lang+`">`) || !strings.Contains(body, title) || w.Header().Get("Content-Language") != lang {
			t.Errorf("%s: %s", lang, body)
		}
		if strings.Count(body, "hreflang=") != 3 || strings.Contains(body, `hreflang="`+lang) || !strings.Contains(body, `href="?lang=`) {
			t.Errorf("%s does not lead to the other three languages:\n%s", lang, body)
		}
		w = httptest.NewRecorder()
		p.Leave(w, r, "https://tpp.example/back?code=c")
		if strings.Contains(w.Body.String(), "hreflang") {
			t.Error("the way back can be gone once, and must not lead to itself")
		}
	}
}

// A page that asks for a text that is in no file would show its key to a PSU.
func TestEveryTextExists(t *testing.T) {
	t.Parallel()
	catalogue, err := i18n.New(web.Text())
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]string{} // key → file
	inTemplate := regexp.MustCompile(`\bt "([^"]+)"`)
	entries, err := fs.Glob(web.Templates(), "*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range entries {
		text, err := fs.ReadFile(web.Templates(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inTemplate.FindAllSubmatch(text, -1) {
			used[string(m[1])] = name
		}
	}
	// In Go, a key is a literal whose first word is that of other keys, in a file that shows pages.
	var first []string
	for _, key := range catalogue.Keys() {
		word, _, _ := strings.Cut(key, ".")
		if !slices.Contains(first, word) {
			first = append(first, word)
		}
	}
	inGo := regexp.MustCompile(`"((?:` + strings.Join(first, "|") + `)\.[a-z][A-Za-z0-9]*)"`)
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(source), `"kontor/edge/page"`) || strings.HasPrefix(string(source), "package page") {
			for _, m := range inGo.FindAllSubmatch(source, -1) {
				used[string(m[1])] = path
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, file := range used {
		if !slices.Contains(catalogue.Keys(), key) {
			t.Errorf("%s asks for the text %s, which is not in web/text/en.yaml", file, key)
		}
	}
	if len(used) < 20 {
		t.Errorf("only %d texts are used; is this test looking in the right place?", len(used))
	}
}
