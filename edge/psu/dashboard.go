package psu

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"kontor/bank/dashboard"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/edge/page"
)

// A Dashboard shows a PSU which third parties she let in at one bank, and lets her end that.
// It works in any browser, without scripts: a page asks, a form answers, and each form carries
// a token that only the page of the same browser knows.
//
// Paths stand below base, the address of the dashboard, such as https://hub.example/psd2/lon/my.
type Dashboard struct {
	Bank    profile.Bank
	URL     string // of the dashboard, without a slash at its end
	Path    string // of URL
	Offered bool   // the bank logs PSUs in for it
	// Secure says that browsers reach the hub over TLS: the cookie then never goes without.
	Secure bool
	// OwnTLS says that it is the hub itself that ends TLS, so that who comes without is sent there.
	OwnTLS    bool
	Dashboard *dashboard.Service
	Pages     *page.Pages
	Log       *slog.Logger
}

// pageSize bounds how many things one page shows: with all their accounts and rights they
// must stay within the weight of a page.
const pageSize = 20

// formMax bounds what a form may hold: a token.
const formMax = 4 << 10

// stayMax is how long the cookie is kept; the session ends before, or with it.
const stayMax = time.Hour

// Handler serves everything at and below Path.
func (d *Dashboard) Handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, do func(http.ResponseWriter, *http.Request, visitor)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { d.visit(w, r, do) })
	}
	mux.HandleFunc("POST "+d.Path+"/login", d.login)
	mux.HandleFunc("GET "+d.Path+"/entered/{entry}", d.enter)
	on("GET "+d.Path, d.list)
	on("POST "+d.Path+"/logout", d.logout)
	on("GET "+d.Path+"/consents/{id}", d.consent)
	on("GET "+d.Path+"/consents/{id}/end", d.askConsent)
	on("POST "+d.Path+"/consents/{id}/end", d.endConsent)
	on("GET "+d.Path+"/payments/{id}", d.payment)
	on("GET "+d.Path+"/payments/{id}/end", d.askPayment)
	on("POST "+d.Path+"/payments/{id}/end", d.endPayment)
	on("GET "+d.Path+"/end", d.askAll)
	on("POST "+d.Path+"/end", d.endAll)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.Pages.Error(w, r, http.StatusNotFound, "error.notFound")
	})
	// A form of another site, even one that shares a cookie with us, gets nowhere.
	same := http.NewCrossOriginProtection()
	same.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Pages.Error(w, r, http.StatusForbidden, "my.form") }))
	return same.Handler(mux)
}

// A visitor is a PSU who is logged in.
type visitor struct {
	dashboard.Session
	secret string // of her browser
}

// visit finds out who comes. Who is not logged in is shown how to; a form of hers that no
// longer counts is not.
func (d *Dashboard) visit(w http.ResponseWriter, r *http.Request, do func(http.ResponseWriter, *http.Request, visitor)) {
	if d.OwnTLS && r.TLS == nil && r.Method != http.MethodPost {
		http.Redirect(w, r, d.URL, http.StatusSeeOther)
		return
	}
	secret := d.secret(r)
	s, err := d.Dashboard.Session(r.Context(), d.Bank.Code, secret)
	switch {
	case errors.Is(err, dashboard.ErrSession):
		notice := ""
		if errors.Is(err, dashboard.ErrIdle) {
			notice = "my.expired"
		}
		d.welcome(w, r, notice)
		return
	case err != nil:
		d.broken(w, r, err)
		return
	}
	v := visitor{s, secret}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, formMax)
		if r.ParseForm() != nil || !dashboard.IsFormToken(secret, r.PostForm.Get("token")) {
			d.Pages.Error(w, r, http.StatusForbidden, "my.form")
			return
		}
	}
	do(w, r, v)
}

// welcome shows how to log in. notice is a key of the catalogue, or empty.
func (d *Dashboard) welcome(w http.ResponseWriter, r *http.Request, notice string) {
	status, role := http.StatusOK, "status"
	switch notice {
	case "my.failed":
		status, role = http.StatusForbidden, "alert"
	case "my.expired":
		role = "alert"
	}
	d.Pages.Dashboard(w, r, status, "my_login", struct {
		Bank, Base, Notice, Role string
		Offered                  bool
	}{d.Bank.Name, d.Path, notice, role, d.Offered})
}

// login leads to the bank's log-in.
func (d *Dashboard) login(w http.ResponseWriter, r *http.Request) {
	if !d.Offered {
		d.welcome(w, r, "")
		return
	}
	b, err := d.Dashboard.Begin(r.Context(), d.Bank.Code, func(entry string) string { return d.URL + "/entered/" + entry })
	switch {
	case errors.Is(err, dashboard.ErrNotOffered):
		d.Pages.Error(w, r, http.StatusNotFound, "error.notFound")
	case err != nil:
		d.Log.WarnContext(r.Context(), "log-in to the dashboard could not begin", "bank", d.Bank.Code, "err", err)
		d.Pages.Error(w, r, http.StatusServiceUnavailable, "error.unavailable")
	default:
		http.SetCookie(w, d.cookie(b.Secret, int(stayMax/time.Second)))
		d.Pages.Onward(w, r, d.Bank.Name, b.PageURL)
	}
}

// enter is where she comes back from the bank.
func (d *Dashboard) enter(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet { // a HEAD must not use up the way in
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	fresh, err := d.Dashboard.Enter(r.Context(), d.Bank.Code, d.secret(r), r.PathValue("entry"))
	switch {
	case errors.Is(err, dashboard.ErrLogIn):
		// Who reloads the page after she came in is in.
		if _, err := d.Dashboard.Session(r.Context(), d.Bank.Code, d.secret(r)); err == nil {
			http.Redirect(w, r, d.Path, http.StatusSeeOther)
			return
		}
		d.welcome(w, r, "my.failed")
	case err != nil:
		d.broken(w, r, err)
	default:
		http.SetCookie(w, d.cookie(fresh, int(stayMax/time.Second)))
		http.Redirect(w, r, d.Path, http.StatusSeeOther)
	}
}

func (d *Dashboard) logout(w http.ResponseWriter, r *http.Request, v visitor) {
	if err := d.Dashboard.Leave(r.Context(), d.Bank.Code, v.secret); err != nil {
		d.broken(w, r, err)
		return
	}
	http.SetCookie(w, d.cookie("", -1))
	d.welcome(w, r, "my.loggedOut")
}

// cookie keeps the browser's secret. Each bank has one of its own: who is a customer of two
// can be logged in at both.
func (d *Dashboard) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: d.cookieName(), Value: value, Path: "/", MaxAge: maxAge, Secure: d.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func (d *Dashboard) cookieName() string {
	const prefix = "__Host-" // browsers refuse it without TLS
	name := "kontor-my-" + d.Bank.Code
	if d.Secure {
		return prefix + name
	}
	return name
}

func (d *Dashboard) secret(r *http.Request) string {
	const longest = 128
	c, err := r.Cookie(d.cookieName())
	if err != nil || len(c.Value) > longest {
		return ""
	}
	return c.Value
}

func (d *Dashboard) broken(w http.ResponseWriter, r *http.Request, err error) {
	d.Log.ErrorContext(r.Context(), "dashboard failed", "bank", d.Bank.Code, "err", err)
	d.Pages.Error(w, r, http.StatusInternalServerError, "error.internal")
}

// failed answers when something of hers could not be found or changed.
func (d *Dashboard) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, dashboard.ErrUnknown) {
		d.Pages.Error(w, r, http.StatusNotFound, "my.unknown")
		return
	}
	d.broken(w, r, err)
}

// find returns what the path names, if it is hers.
func (d *Dashboard) findConsent(ctx context.Context, r *http.Request, v visitor) (dashboard.Access, error) {
	id := r.PathValue("id")
	if !named(id) {
		return dashboard.Access{}, dashboard.ErrUnknown
	}
	return d.Dashboard.Consent(ctx, d.Bank.Code, v.PSU, id)
}

func (d *Dashboard) findPayment(ctx context.Context, r *http.Request, v visitor) (payment.Payment, error) {
	id := r.PathValue("id")
	if !named(id) {
		return payment.Payment{}, dashboard.ErrUnknown
	}
	return d.Dashboard.Payment(ctx, d.Bank.Code, v.PSU, id)
}

// named says whether s can be an ID: databases do not take every text.
func named(s string) bool {
	const longest = 100
	if s == "" || len(s) > longest {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
