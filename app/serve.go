package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/time/rate"

	bankapp "kontor/bank/app"
	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/tpp"
	"kontor/edge/callback"
	"kontor/edge/describe"
	"kontor/edge/page"
	"kontor/edge/psu"
	"kontor/edge/xs2a"
)

// A server is one listener with what it serves.
type server struct {
	*http.Server
	ln net.Listener
}

func (s *server) serve() error {
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(s.ln, "", "")
	} else {
		err = s.Serve(s.ln)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// listen opens the listeners and puts the handlers behind them.
func (a *Hub) listen(context.Context) error {
	api, web := http.NewServeMux(), http.NewServeMux()
	pages, err := page.New()
	if err != nil {
		return err
	}
	if err := a.mountBanks(api, web, pages); err != nil {
		return err
	}
	a.mountShared(api)
	a.mountShared(web)
	a.mountWeb(web, pages)
	// The client's certificate is asked for but not verified in the handshake: a TPP with a
	// bad one shall get an answer that says so, not a broken connection.
	if err := a.open("api", &a.cfg.API, api, tls.RequestClientCert); err != nil {
		return err
	}
	if err := a.open("web", &a.cfg.Web, web, tls.NoClientCert); err != nil {
		return err
	}
	if a.cfg.WebTLS.Address != "" {
		if err := a.open("webTLS", &a.cfg.WebTLS, web, tls.NoClientCert); err != nil {
			return err
		}
	}
	if a.cfg.Metrics != "" {
		metrics := http.NewServeMux()
		metrics.Handle("GET /metrics", promhttp.Handler())
		if err := a.open("metrics", &Listener{Address: a.cfg.Metrics}, metrics, tls.NoClientCert); err != nil {
			return err
		}
	}
	return nil
}

// open listens on l's address and will serve h there.
func (a *Hub) open(name string, l *Listener, h http.Handler, clients tls.ClientAuthType) error {
	ln, err := listener(l)
	if err != nil {
		return wrap(name, err)
	}
	s := &server{Server: a.cfg.limits.server(h, a.log), ln: ln}
	if cert, ok := a.certificates[name]; ok {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: clients, MinVersion: tls.VersionTLS12}
	}
	a.servers = append(a.servers, s)
	return nil
}

// limits bound what one connection may cost. The zero value stands for those of production.
type limits struct {
	header, request, answer time.Duration
}

func (l limits) server(h http.Handler, log *slog.Logger) *http.Server {
	if l == (limits{}) {
		l = limits{header: 10 * time.Second, request: 30 * time.Second, answer: 60 * time.Second}
	}
	return &http.Server{
		Handler: h, ReadHeaderTimeout: l.header, ReadTimeout: l.request, WriteTimeout: l.answer,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: quietLog(log),
	}
}

// quietLog takes the complaints of the HTTP server, of which anybody outside can cause as
// many as they like: only so many a second are written down.
func quietLog(to *slog.Logger) *log.Logger {
	const perSecond, burst = 1, 20
	return log.New(&limited{to, rate.NewLimiter(perSecond, burst)}, "", 0)
}

type limited struct {
	to    *slog.Logger
	limit *rate.Limiter
}

func (l *limited) Write(b []byte) (int, error) {
	if l.limit.Allow() {
		l.to.Info("connection", "what", string(bytes.TrimSpace(b)))
	}
	return len(b), nil
}

// mountBanks serves every bank's interface and authorization server.
func (a *Hub) mountBanks(api, web *http.ServeMux, pages *page.Pages) error {
	for _, b := range a.banks {
		x := &xs2a.API{
			Bank: b, BaseURL: a.bankURL(b), MetadataURL: a.metadataURL(b),
			Consents: a.consents, Authorisations: a.authorisations, Accounts: a.accounts, Payments: a.payments, Baskets: a.baskets, Funds: a.funds,
			Identify: a.identify, IdentifySeal: a.trust.IdentifySeal, CheckToken: a.checkToken, Registered: a.registered, Now: a.now, Log: a.log,
		}
		served := http.StripPrefix(b.BasePath, x.Handler())
		api.Handle(b.BasePath+"/v1/", served)
		api.Handle(b.BasePath+"/v2/", served)
		if err := a.mountDescription(b, api, web, pages); err != nil {
			return err
		}
		a.mountDashboard(b, web, pages)
		if b.OAuth.Mode != profile.OAuthNone {
			if err := a.mountOAuth(b, api, web, pages); err != nil {
				return fmt.Errorf("bank %s: %w", b.Code, err)
			}
		}
	}
	return nil
}

// mountDescription serves what b can do, on both listeners: a TPP reads it before it has a
// certificate, and people read it in a browser.
func (a *Hub) mountDescription(b profile.Bank, api, web *http.ServeMux, pages *page.Pages) error {
	c := describe.Config{Bank: b, Place: xs2a.Place{Server: a.bankURL(b)}, Pages: pages}
	if a.cfg.Sandbox {
		c.Sandbox = a.testing
	}
	if b.OAuth.Mode != profile.OAuthNone {
		c.Issuer = a.bankURL(b) + "/oauth"
		c.Place.Metadata, c.Place.Token = a.metadataURL(b), c.Issuer+"/token"
		c.Place.Authorize = a.browserURL() + b.BasePath + "/oauth/authorize"
	}
	d, err := describe.New(c)
	if err != nil {
		return err
	}
	d.Mount(api)
	d.Mount(web)
	return nil
}

// mountDashboard serves what PSUs of b see of the third parties that they let in.
func (a *Hub) mountDashboard(b profile.Bank, web *http.ServeMux, pages *page.Pages) {
	url := a.browserURL()
	d := &psu.Dashboard{
		Bank: b, URL: url + b.BasePath + "/my", Path: b.BasePath + "/my", Offered: a.logsIn(b.Code),
		Secure: strings.HasPrefix(url, "https://"), OwnTLS: a.cfg.WebTLS.URL != "",
		Dashboard: a.dashboards, Pages: pages, Log: a.log,
	}
	h := d.Handler()
	web.Handle(d.Path, h)
	web.Handle(d.Path+"/", h)
}

// logsIn says whether the connector of a bank declares that it logs PSUs in.
func (a *Hub) logsIn(bank string) bool {
	return slices.ContainsFunc(a.cfg.Banks, func(b Bank) bool {
		return b.bank.Code == bank && slices.Contains(b.Connector.Capabilities, "logins")
	})
}

// mountShared serves what stands on every listener.
func (a *Hub) mountShared(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := a.db.Ping(r.Context()); err != nil {
			a.log.ErrorContext(r.Context(), "not ready", "err", err)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

// mountWeb serves browsers and connectors.
func (a *Hub) mountWeb(web *http.ServeMux, pages *page.Pages) {
	web.Handle("/api/connectors/v2/", callback.New(callback.Config{Banks: a.callbacks, Events: events{a}, Dashboard: a.dashboards, Now: a.now, Log: a.log}))
	returns := &psu.Return{Authorisations: a.authorisations, Banks: a.banks, ContinueURL: a.continueURL, Pages: pages, Log: a.log}
	web.Handle("/return/", returns.Handler())
	web.Handle("GET /.well-known/jwks.json", callback.KeySet(&a.secrets.connectorKey.PublicKey))
	web.Handle("GET /assets/", pages.Assets())
	web.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { pages.Start(w, r, a.startPage(), a.testing) })
	web.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { pages.Error(w, r, http.StatusNotFound, "error.notFound") })
}

// startPage lists the banks for the page at the root.
func (a *Hub) startPage() []page.Bank {
	var all []page.Bank
	for _, b := range a.cfg.Banks {
		entry := page.Bank{
			Code: b.bank.Code, Name: b.bank.Name, Profile: b.bank.ProfileName, XS2A: a.bankURL(b.bank), Capabilities: b.bank.BasePath + "/capabilities", OpenAPI: b.bank.BasePath + "/openapi.json",
		}
		if b.bank.OAuth.Mode != profile.OAuthNone {
			entry.OAuth = a.metadataURL(b.bank)
		}
		all = append(all, entry)
	}
	return all
}

// registered says whether an app of t has named uri as an address to come back to.
func (a *Hub) registered(ctx context.Context, bank string, t tpp.TPP, uri string) (bool, error) {
	apps, err := a.apps.OfTPP(ctx, bank, t.ID)
	return slices.ContainsFunc(apps, func(one bankapp.App) bool { return one.Accepts(t) && slices.Contains(one.RedirectURIs, uri) }), err
}

// checkToken says what a bearer token is good for.
func (a *Hub) checkToken(ctx context.Context, bank, bearer string, t tpp.TPP) (xs2a.Bearer, error) {
	tok, err := a.tokens.Check(ctx, bank, bearer, t, a.now())
	if err != nil {
		return xs2a.Bearer{}, err
	}
	b := xs2a.Bearer{Resource: tok.Scope.Resource, Basket: tok.Scope.Kind == token.SBS, PSU: tok.PSU}
	b.Accounts, b.Payments = tok.Scope.Kind == token.LoginAccounts, tok.Scope.Kind == token.LoginPayments
	return b, nil
}
