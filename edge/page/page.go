// Package page shows the hub's own pages: in the language of the reader, from the templates
// in web, under headers that let them do nothing but be read.
//
// A page is written to memory first, so a template that fails ends as an error page and not
// as half a page. The pages a PSU passes through hold no personal data, and are not kept by
// browsers or proxies all the same.
package page

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"kontor/kit/i18n"
	"kontor/kit/locale"
	"kontor/web"
)

// Pages shows pages. It is made once, by New, and used by many requests at a time.
type Pages struct {
	texts  *i18n.Catalogue
	assets *assets
	// Per language, since texts are a function of the templates; few languages, few pages.
	templates map[string]map[string]*template.Template
}

// New reads all templates and texts, and refuses what is wrong with them.
func New() (*Pages, error) {
	texts, err := i18n.New(web.Text())
	if err != nil {
		return nil, err
	}
	files, err := readAssets(web.Assets())
	if err != nil {
		return nil, err
	}
	p := &Pages{texts: texts, assets: files, templates: map[string]map[string]*template.Template{}}
	for _, lang := range texts.Languages() {
		of := p.texts.Choose(lang)
		shell, err := template.New("shell").Funcs(template.FuncMap{
			"t": of.Text, "say": func(t Text) string { return of.Text(t.Key, t.Pairs...) }, "asset": files.url,
			"show": func(v any) string { return show(of, v) },
		}).ParseFS(web.Templates(), "shell.html", "my_parts.html")
		if err != nil {
			return nil, err
		}
		p.templates[lang] = map[string]*template.Template{}
		for _, name := range []string{"leave", "waiting", "error", "oauth", "start", "capabilities", "onward", "my_login", "my", "my_access", "my_end", "my_ended"} {
			t, err := template.Must(shell.Clone()).ParseFS(web.Templates(), name+".html")
			if err != nil {
				return nil, err
			}
			p.templates[lang][name] = t
		}
	}
	return p, nil
}

// A shell is what every template is given.
type shell struct {
	Language  string
	Languages []locale.Language // that it can be read in; empty: it cannot be shown again
	Refresh   string            // of <meta http-equiv="refresh">; empty: the page stays
	Page      any
}

// of finds the texts that the reader of r reads.
func (p *Pages) of(w http.ResponseWriter, r *http.Request) i18n.Texts {
	return locale.Texts(p.texts, w, r, "/")
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, name, refresh string, data any) {
	texts := p.of(w, r)
	lang := texts.Language()
	var languages []locale.Language
	if name != "leave" { // it is gone at once, and what leads to it may be good for one time only
		languages = locale.Languages(p.texts, texts, r)
	}
	var b bytes.Buffer
	if err := p.templates[lang][name].ExecuteTemplate(&b, "shell", shell{lang, languages, refresh, data}); err != nil {
		// A mistake in a template; the tests show each page. Even then a PSU gets an answer.
		Secure(w.Header())
		http.Error(w, p.texts.Choose().Text("error.internal"), http.StatusInternalServerError)
		return
	}
	Secure(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", lang)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(b.Bytes())
	}
}

// Secure sets the headers of a page that loads only our own style sheet and images, posts
// only to us, is framed by nobody, tells nobody where its reader came from, and is kept
// nowhere.
//
// form-action is 'self', and browsers hold a whole chain of redirects after a POST to it. So
// a form must never end in a redirect to a TPP: it ends in a page, and that page leaves.
func Secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// Leave shows "Returning you to …", which goes on to an address of the TPP at once, and has
// a link to it where a browser does not go by itself.
//
// A redirect would be quicker, but the PSU comes from a form at the bank, whose policy may
// forbid the whole chain of redirects that follows it.
func (p *Pages) Leave(w http.ResponseWriter, r *http.Request, to string) {
	u, err := url.Parse(to)
	if err != nil || !mayLeaveTo(u) {
		p.Error(w, r, http.StatusNotFound, "return.unknown")
		return
	}
	name := u.Host
	if u.Scheme != "https" && u.Scheme != "http" {
		name = p.of(w, r).Text("return.app")
	}
	// The serialised form has no spaces, quotes or line breaks, so it can stand in a refresh.
	link := u.String()
	p.show(w, r, http.StatusOK, "leave", "0; url="+link, struct {
		Name string
		URL  template.URL // an app's own scheme is no danger; those that are were refused
	}{name, template.URL(link)})
}

// mayLeaveTo refuses addresses that a browser would run or show as a page of ours. The
// schemes of apps are open, so it is the others that are named.
func mayLeaveTo(u *url.URL) bool {
	switch strings.ToLower(u.Scheme) {
	case "", "javascript", "vbscript", "data", "blob", "file", "about", "view-source", "filesystem", "ftp", "ws", "wss":
		return false
	case "https", "http":
		return u.Host != "" && u.User == nil
	}
	return !strings.ContainsAny(u.String(), "\"'<> \t\r\n")
}

// Waiting shows a page that asks the same address again at once. It is for addresses that hold
// their answer back for some seconds: the reader sees the page until there is another, and it
// is never taken away from her at a time that somebody else has set (WCAG 2.2, 2.2.1).
func (p *Pages) Waiting(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "waiting", "0", nil)
}

// Error shows that something did not work. reason is a key of the catalogue; the X-Request-ID
// that the answer already carries, if any, is shown as its reference.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, status int, reason string) {
	p.show(w, r, status, "error", "", struct{ Reason, Reference string }{reason, w.Header().Get("X-Request-Id")})
}

// OAuth shows that an authorisation request is refused and its sender cannot be told, because
// it is not known where it may be told. reason is a key of the catalogue or empty; code is the
// error code of RFC 6749, for the TPP's developers.
func (p *Pages) OAuth(w http.ResponseWriter, r *http.Request, status int, reason, code string) {
	p.show(w, r, status, "oauth", "", struct{ Reason, Code string }{reason, code})
}

// A Bank is what the start page says about one.
type Bank struct {
	Code, Name, Profile string
	XS2A                string // base URL of the interface, before /v1
	OAuth               string // its authorization server's metadata; empty: there is none
	Capabilities        string // where people read what it can do
	OpenAPI             string // where the document of the interface can be read
}

// A Link leads to another page.
type Link struct{ Name, URL string }

// Start shows the page at the root of the web listener: the banks, and where their
// documents are. testing leads to what only a sandbox has, and is empty otherwise.
func (p *Pages) Start(w http.ResponseWriter, r *http.Request, banks []Bank, testing []Link) {
	p.show(w, r, http.StatusOK, "start", "", struct {
		Banks   []Bank
		Testing []Link
	}{banks, testing})
}

// Assets serves GET /assets/…: names carry a hash of their content, so they may be kept for ever.
func (p *Pages) Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := p.assets.files[path.Base(r.URL.Path)]
		if !ok || path.Dir(r.URL.Path) != "/assets" {
			p.Error(w, r, http.StatusNotFound, "error.notFound")
			return
		}
		file.serve(w, r)
	})
}
