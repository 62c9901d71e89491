package corebank

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"time"

	"kontor/kit/i18n"
	"kontor/kit/locale"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/bank.css
var stylesheet []byte

//go:embed assets/passkey.js
var passkeyModule []byte

//go:embed assets/icon.svg
var icon []byte

// formMax bounds the body of a form.
const formMax = 64 << 10

// A page is what every template is given. The fields below the first are for some of them.
type page struct {
	Title    string
	texts    i18n.Texts        // in the reader's language
	Reads    []locale.Language // that the page can be read in
	Bank     string
	Prefix   string // of every link
	Style    string
	CSRF     string
	Error    string // key of the text, or empty
	ErrorOf  string // whom it is about, for the text that says so
	Notice   string // key of the text, or empty
	ReturnTo string // where the browser goes on by itself; checked when the journey began
	Outbox   bool

	AppName  string
	Text     string
	Accounts []accountChoice
	Fixed    bool // nothing to choose
	Single   bool // one of the accounts
	Until    string
	Button   string // key of the approving button
	Payment  *paymentView
	Basket   *basketView
	Part     string // of the names of fields, on what is one of several
	Card     *cardView
	Signers  *signView
	Methods  []methodChoice
	Asked    *askedView
	Passkey  string // what the browser asks for one; empty: it does not
	Script   string // name of the module that does so
	Passkeys []passkeyView
	Enrols   bool // passkeys can be added
	Pending  []pending
	Clocks   []clockView
	Bound    string // key of what the code is only good for
	State    string
	Name     string
	Login    string
	Balances []balanceView
	Accesses []accessView
	Allowed  []allowance
	Messages []message
}

type accountChoice struct {
	ID, Label, Product, Currency, Available string
	Checked                                 bool
	Rights                                  bool   // there is a choice of what is shown
	Only                                    string // what was chosen of it
}

// Told is the key of what was chosen, or empty.
func (c accountChoice) Told() string {
	if c.Only == "" {
		return ""
	}
	return "rights." + c.Only
}

// A paymentView is what a customer is told of a payment: everything that the code is tied to.
type paymentView struct {
	Payee, IBAN, Amount, Reference, Date, From string
	Debit, Rate, Fee                           string // where money is exchanged, and where it costs
	Verified                                   *payeeView
	Plan                                       *planView
	Bulk                                       *bulkView
}

type planView struct {
	Dates           []string // of the first instalments, as they are executed
	Next, End, Rule string
	Frequency       string // key of the text
}

type bulkView struct {
	Count, Refused, More int
	First                []paymentView
	Differing            []paymentView // payees that are called otherwise, or of whom that is not known
	MoreDiffering        int
	Batch                bool
	Digest               string // the start of the hash that the code is tied to
}

type balanceView struct{ Product, Label, Booked, Available string }

type accessView struct {
	ID, AppName, Service, Since, Until string
	Accounts                           []accessAccount
	Changeable                         bool
}

// An accessAccount is an account as an access covers it. Only is the key of what it is
// limited to, or empty.
type accessAccount struct{ Label, Only string }

// Minute writes a time of day as it is done in the page's language.
func (p page) Minute(at time.Time) string { return p.texts.Minute(at) }

// Lang is the page's language.
func (p page) Lang() string { return p.texts.Language() }

// T returns a text of the catalogue in the page's language.
func (p page) T(key string, args ...any) string { return p.texts.Fill(key, args...) }

// ErrorText says what went wrong.
func (p page) ErrorText() string {
	if p.ErrorOf != "" {
		return p.T(p.Error, p.ErrorOf)
	}
	return p.T(p.Error)
}

// Wrong says whether it is what was entered that is wrong: its field then says so, too.
func (p page) Wrong() bool {
	return slices.Contains([]string{"login.wrong", "access.none", "code.wrong", "allowed.wrong"}, p.Error)
}

// parseTemplates reads the pages; each is base.html filled by one file.
func parseTemplates() (map[string]*template.Template, error) {
	all := map[string]*template.Template{}
	for _, name := range []string{"home", "login", "choose", "code", "end", "me", "outbox", "phone", "passkey", "error"} {
		t, err := template.ParseFS(templateFiles, "templates/base.html", "templates/"+name+".html")
		if err != nil {
			return nil, err
		}
		all[name] = t
	}
	return all, nil
}

// versioned names a file after what is in it: a browser may keep it for ever.
func versioned(name, suffix string, content []byte) string {
	sum := sha256.Sum256(content)
	return name + "-" + base64.RawURLEncoding.EncodeToString(sum[:9]) + suffix
}

// policy is of every page: nothing but the style sheet and pictures, and forms of ours. Pages that
// ask for a passkey may run the module for it.
const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// pages are what browsers see, with the headers that all of them carry.
func (b *Bank) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.home)
	mux.HandleFunc("GET /sca/{id}", b.sca)
	mux.HandleFunc("POST /sca/{id}", b.sca)
	mux.HandleFunc("GET /me", b.me)
	mux.HandleFunc("POST /me", b.me)
	mux.HandleFunc("GET /me/passkey/{id}", b.passkeyPage)
	mux.HandleFunc("POST /me/passkey/{id}", b.passkeyPage)
	kept := func(name, kind string, content []byte) {
		mux.HandleFunc("GET /assets/"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind+"; charset=utf-8")
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			w.Write(content)
		})
	}
	kept(b.style, "text/css", stylesheet)
	kept(b.script, "text/javascript", passkeyModule)
	mux.HandleFunc("GET /assets/icon.svg", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Cache-Control", "public, max-age=86400")
		w.Write(icon)
	})
	if b.outbox {
		mux.HandleFunc("GET /outbox", b.outboxPage)
		mux.HandleFunc("GET /outbox.json", b.outboxJSON)
		mux.HandleFunc("GET /phone", b.phone)
		mux.HandleFunc("POST /phone", b.phone)
		mux.HandleFunc("GET /phone.json", b.phoneJSON)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { b.oops(w, r, http.StatusNotFound, "error.notfound") })
	guard := http.NewCrossOriginProtection()
	if err := guard.AddTrustedOrigin(b.origin); err != nil {
		panic("corebank: New let a base URL without origin pass: " + err.Error())
	}
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.oops(w, r, http.StatusForbidden, "error.form") }))
	guarded := guard.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		r.Body = http.MaxBytesReader(w, r.Body, formMax)
		guarded.ServeHTTP(w, r)
	})
}

// show writes a page. It is rendered before the first byte leaves, so that a failing
// template is an error page and not half of one.
func (b *Bank) show(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	p.texts = locale.Texts(b.texts, w, r, b.prefix+"/")
	p.Reads = locale.Languages(b.texts, p.texts, r)
	p.Bank, p.Prefix, p.Style, p.Script, p.Outbox = b.name, b.prefix, b.style, b.script, b.outbox
	if p.Passkey != "" {
		w.Header().Set("Content-Security-Policy", policy+"; script-src 'self'")
	}
	var out bytes.Buffer
	if err := b.templates[name].ExecuteTemplate(&out, "base.html", p); err != nil {
		b.log.Error("a page cannot be rendered", "page", name, "error", err)
		http.Error(w, p.T("error.internal"), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", p.Lang())
	w.WriteHeader(status)
	w.Write(out.Bytes())
}

// oops shows what went wrong, by the key of its text.
func (b *Bank) oops(w http.ResponseWriter, r *http.Request, status int, key string) {
	b.show(w, r, status, "error", page{Title: "error.title", Text: key})
}

// fault logs what nobody outside may read, and says only that it is ours.
func (b *Bank) fault(w http.ResponseWriter, r *http.Request, err error) {
	b.log.Error("a page failed", "path", r.URL.Path, "error", err)
	b.oops(w, r, http.StatusInternalServerError, "error.internal")
}

func (b *Bank) home(w http.ResponseWriter, r *http.Request) {
	b.show(w, r, http.StatusOK, "home", page{Title: "home.title"})
}
