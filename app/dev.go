package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"gopkg.in/yaml.v3"

	"kontor/bank/profile"
	"kontor/edge/page"
	"kontor/ready"
)

// DevOptions say where `kontor dev` keeps its data and listens.
type DevOptions struct {
	Data                            string // folder
	DB                              string // PostgreSQL address; empty: SQLite files in Data
	Temporary                       bool   // PostgreSQL schemas are made anew and dropped at the end
	API, Web, WebTLS, Bank, Metrics string // host:port

	// Override has the switches in which a bank, by its code, differs from its profile: a TPP can
	// try at a sandbox what a bank of hers has.
	Override map[string]map[string]any

	// Exempt is that of BanksOptions.
	Exempt []string

	change   func(*Config)    // of the hub, by tests
	banksNow func() time.Time // of the banks, by tests
}

// A Dev is a hub and reference banks in one process, with everything a TPP needs to try
// them. It is the same hub as in production: only its trust anchors, its data and its
// neighbours are a sandbox's.
type Dev struct {
	Ready ready.Ready
	hub   *Hub
	banks *Banks
	after []func() error

	listeners [4]net.Listener // api, web, webTLS, bank
}

// NewDev prepares the data folder and builds hub and banks.
func NewDev(ctx context.Context, o DevOptions, log *slog.Logger) (*Dev, error) {
	d := &Dev{}
	if err := d.build(ctx, o, log); err != nil {
		if d.hub != nil {
			err = errors.Join(err, d.hub.Close())
		}
		if d.banks != nil {
			err = errors.Join(err, d.banks.Close())
		}
		for _, ln := range d.listeners {
			if ln != nil {
				ln.Close() // again, maybe: its server may have closed it
			}
		}
		return nil, errors.Join(append([]error{err}, d.close()...)...)
	}
	return d, nil
}

func (d *Dev) build(ctx context.Context, o DevOptions, log *slog.Logger) error {
	// Addresses come first: they stand in links, certificates and reports.
	for i, l := range []struct{ flag, address string }{{"--api", o.API}, {"--web", o.Web}, {"--web-tls", o.WebTLS}, {"--bank", o.Bank}} {
		var err error
		if d.listeners[i], err = net.Listen("tcp", l.address); err != nil {
			return fmt.Errorf("cannot listen there: %w (%s HOST:PORT chooses another address)", err, l.flag)
		}
	}
	hubDB, bankDB, err := d.databases(ctx, o)
	if err != nil {
		return err
	}
	// The schemas are made while keys are: that is what an empty folder takes longest for.
	var sb *sandbox
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return err
	}
	var first errgroup.Group
	first.Go(func() (err error) {
		sb, err = prepare(o.Data, time.Now(), hosts(o.API, o.WebTLS))
		return wrap("sandbox in "+o.Data, err)
	})
	first.Go(func() error { _, err := Migrate(ctx, Config{Database: hubDB}); return err })
	if err := first.Wait(); err != nil {
		return err
	}
	cfg, err := sb.config(hubDB, d.listeners, o.Metrics, o.Override)
	if err != nil {
		return err
	}
	if o.change != nil {
		o.change(&cfg)
	}
	var g errgroup.Group
	g.Go(func() (err error) {
		d.banks, err = NewBanks(ctx, BanksOptions{Data: o.Data, DB: bankDB, HubURL: cfg.Web.URL, Exempt: o.Exempt, sandbox: sb, listener: d.listeners[3], now: o.banksNow}, log)
		return err
	})
	g.Go(func() (err error) {
		d.hub, err = New(ctx, cfg, log)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	for i, b := range sandboxBanks {
		d.hub.testing = append(d.hub.testing,
			page.Link{Name: b.name, URL: d.banks.banks[i].ConnectorURL() + "/"},
			page.Link{Name: b.name + ": text messages", URL: d.banks.banks[i].OutboxURL()})
	}
	d.Ready = d.ready(sb)
	return nil
}

// Run serves until ctx ends. It calls whenReady as soon as requests are answered.
func (d *Dev) Run(ctx context.Context, whenReady func() error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	// The banks end last: what the hub has accepted may still need them.
	whileHub, hubEnded := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { defer hubEnded(); return d.hub.Run(ctx) })
	g.Go(func() error { return d.banks.Run(whileHub) })
	err := whenReady()
	if err != nil {
		stop()
	}
	return errors.Join(append([]error{err, g.Wait()}, d.close()...)...)
}

// Handlers are what stands behind the listeners of the hub, for TPPs and for browsers. Programs
// that ask them without a socket measure the hub, and nothing else.
func (d *Dev) Handlers() (api, web http.Handler) {
	return d.hub.servers[0].Handler, d.hub.servers[1].Handler
}

func (d *Dev) close() (errs []error) {
	for _, f := range d.after {
		errs = append(errs, f())
	}
	d.after = nil
	return errs
}

// config is the configuration of the hub of a sandbox, as an operator would write it.
func (s *sandbox) config(db string, ln [4]net.Listener, metrics string, override map[string]map[string]any) (Config, error) {
	// The hub's is for those who attach a connector of their own.
	if _, err := s.publicKey(s.connectorKey, "hub.pub"); err != nil {
		return Config{}, err
	}
	bankKey, err := s.publicKey(s.bankKey, "bank.pub")
	if err != nil {
		return Config{}, err
	}
	cert, key := s.file("server.pem"), s.file("server.key")
	cfg := Config{
		Database: db, Sandbox: true, Metrics: metrics, migrated: true,
		API:    Listener{Address: ln[0].Addr().String(), Certificate: cert, Key: key, opened: ln[0]},
		Web:    Listener{Address: ln[1].Addr().String(), opened: ln[1]},
		WebTLS: Listener{Address: ln[2].Addr().String(), Certificate: cert, Key: key, opened: ln[2]},
		Secrets: Secrets{
			Keyset: s.file("secrets/keyset.json"), NamingKey: s.file("secrets/naming.key"), ConnectorKey: s.file("secrets/hub.key"),
		},
		Trust: Trust{Anchors: []string{s.file("ca.pem")}, Intermediates: []string{s.file(issuingFile)}},
		Seal:  Seal{Certificate: s.file("seal.pem"), Key: s.file("seal.key")},
	}
	for code := range override {
		if !slices.ContainsFunc(sandboxBanks, func(b sandboxBank) bool { return b.code == code }) {
			return Config{}, fmt.Errorf("override: the sandbox has no bank %q", code)
		}
	}
	for _, b := range sandboxBanks {
		file := map[string]any{
			"code": b.code, "name": b.name, "profile": b.profile, "basePath": b.basePath, "bic": b.bic, "country": b.country, "timezone": b.zone,
		}
		capabilities := []string{
			"logins", "standing_orders", "trusted_beneficiaries", "bulk-payments", "periodic-payments", "cancellation", "payment_status", "baskets",
			"funds_at_bank", "payee_verification", "decoupled", "embedded", "multilevel", "confirmation", "exemptions",
		}
		differs := map[string]any{}
		file["override"] = differs
		if b.copy {
			differs["accounts"] = map[string]any{"refreshAfter": copyAge.String()}
			capabilities = append(capabilities, "refresh")
		}
		maps.Copy(differs, override[b.code])
		if b.steps {
			capabilities = append(capabilities, "embedded", "decoupled")
		}
		text, err := yaml.Marshal(file)
		if err != nil {
			return Config{}, err
		}
		parsed, err := profile.ParseBank(text)
		if err != nil {
			return Config{}, err
		}
		cfg.Banks = append(cfg.Banks, Bank{bank: parsed, Connector: Connector{
			URL: "http://" + ln[3].Addr().String() + "/" + b.code, AppID: "app-" + b.code, AppSecret: s.file("secrets/connector-secret"),
			PublicKeys: []string{bankKey}, Capabilities: capabilities,
		}})
	}
	for _, t := range s.tpps {
		cfg.Apps = append(cfg.Apps, App{
			ClientID: t.ClientID, ClientSecret: "plain:" + t.ClientSecret, TPP: t.OrganizationIdentifier, Name: t.Name, RedirectURIs: t.RedirectURIs,
		})
	}
	if err := cfg.Check(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

func (d *Dev) ready(s *sandbox) ready.Ready {
	cfg := d.hub.cfg
	r := ready.Ready{API: cfg.API.URL, Web: cfg.Web.URL, WebTLS: cfg.WebTLS.URL, Bank: d.banks.URL, CA: s.file("ca.pem"), TPPs: s.tpps, Outbox: d.banks.URL + "/outbox.json"}
	for _, b := range cfg.Banks {
		r.Banks = append(r.Banks, ready.Bank{
			Code: b.bank.Code, Profile: b.bank.ProfileName, XS2A: d.hub.bankURL(b.bank), OAuth: d.hub.bankURL(b.bank) + "/oauth",
		})
	}
	for _, p := range d.banks.banks[0].Personas() {
		persona := ready.Persona{Login: p.Login, Password: p.Password, Name: p.Name, Card: p.Card.MaskedPAN}
		for _, a := range p.Accounts {
			persona.Accounts = append(persona.Accounts, ready.Account{IBAN: a.IBAN, Currency: a.Currency, CashAccountType: a.Type, Usage: a.Usage, Owners: a.Owners})
		}
		for _, t := range p.Trusted {
			persona.Trusted = append(persona.Trusted, t.Name)
		}
		r.Personas = append(r.Personas, persona)
	}
	return r
}

// Welcome says where everything is and what to do first.
func (d *Dev) Welcome() string {
	r := d.Ready
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("Kontor is ready. Ctrl-C stops it.\n")
	p("  TPPs       %s   (TLS, with a client certificate)", r.API)
	p("  browsers   %s   %s", r.Web, r.WebTLS)
	p("  banks      %s   text messages: %s", r.Bank, r.Outbox)
	p("  sandbox CA %s\n", r.CA)
	for _, bank := range r.Banks {
		p("  bank %-5s profile %-8s %s", bank.Code, bank.Profile, bank.XS2A)
	}
	p("\nCustomers (the same at every bank):")
	for _, q := range r.Personas {
		accounts := make([]string, len(q.Accounts))
		for i, a := range q.Accounts {
			accounts[i] = a.IBAN + " " + a.Currency
		}
		p("  %-22s login %-8s password %-12s %s", q.Name, q.Login, q.Password, strings.Join(accounts, ", "))
	}
	p("\nThird parties (certificates in %s):", filepath.Dir(r.TPPs[0].QWAC))
	for _, t := range r.TPPs {
		p("  %-22s %-18s %s", t.Name, t.OrganizationIdentifier, strings.Join(t.Roles, ", "))
	}
	t := r.TPPs[0]
	salt := r.Banks[slices.IndexFunc(r.Banks, func(b ready.Bank) bool { return b.Profile == "salt" })]
	curl := fmt.Sprintf("curl --cacert %s --cert %s --key %s", r.CA, t.QWAC, t.QWACKey)
	p("\nTry:")
	p("  # 1. a consent: the customer chooses the accounts at her bank")
	p("  %s -H 'X-Request-ID: '$(cat /proc/sys/kernel/random/uuid) \\\n    -H 'PSU-IP-Address: 192.0.2.7' -H 'TPP-Redirect-URI: %s' -H 'Content-Type: application/json' \\\n    -d '{\"access\":{\"accounts\":[],\"balances\":[],\"transactions\":[]},\"recurringIndicator\":true,\"validUntil\":\"%s\",\"frequencyPerDay\":4,\"combinedServiceIndicator\":false}' \\\n    %s/v1/consents",
		curl, t.RedirectURIs[2], time.Now().AddDate(0, 3, 0).Format(time.DateOnly), salt.XS2A)
	p("  # 2. where the customer goes next stands in the metadata behind the scaOAuth link")
	p("  %s %s/.well-known/oauth-authorization-server", curl, salt.OAuth)
	p("  # 3. the codes that the bank sends to its customers")
	p("  curl %s", r.Outbox)
	p("\nAll of it at once: kontor tour")
	return b.String()
}

// databases says where hub and banks keep their data. On PostgreSQL each has its own schema:
// they are strangers.
func (d *Dev) databases(ctx context.Context, o DevOptions) (hub, banks string, err error) {
	if o.DB == "" {
		return "sqlite:" + filepath.Join(o.Data, "hub.db"), "", nil
	}
	admin, err := sql.Open("pgx", o.DB)
	if err != nil {
		return "", "", err
	}
	names := []string{"kontor_hub", "kontor_banks"}
	if o.Temporary {
		suffix := "_" + random()[:12]
		names[0], names[1] = names[0]+suffix, names[1]+suffix
		d.after = append(d.after, func() error {
			_, err := admin.Exec("DROP SCHEMA " + names[0] + " CASCADE; DROP SCHEMA " + names[1] + " CASCADE")
			return err
		})
	}
	d.after = append(d.after, admin.Close)
	urls := make([]string, len(names))
	for i, name := range names {
		if _, err := admin.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+name); err != nil {
			return "", "", errors.Join(append([]error{fmt.Errorf("database: %w", err)}, d.close()...)...)
		}
		u, err := url.Parse(o.DB)
		if err != nil {
			return "", "", err
		}
		q := u.Query()
		q.Set("search_path", name)
		u.RawQuery = q.Encode()
		urls[i] = u.String()
	}
	return urls[0], urls[1], nil
}

// hosts returns the host parts of addresses.
func hosts(addresses ...string) []string {
	var all []string
	for _, a := range addresses {
		if h, _, err := net.SplitHostPort(a); err == nil {
			all = append(all, h)
		}
	}
	return all
}
