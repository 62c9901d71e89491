package app

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"kontor/bank/account"
	"kontor/bank/account/accountsql"
	bankapp "kontor/bank/app"
	"kontor/bank/app/appsql"
	"kontor/bank/authorisation"
	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/basket"
	"kontor/bank/basket/basketsql"
	"kontor/bank/consent"
	"kontor/bank/consent/consentsql"
	"kontor/bank/core"
	"kontor/bank/dashboard"
	"kontor/bank/dashboard/dashboardsql"
	"kontor/bank/funds"
	"kontor/bank/funds/fundssql"
	"kontor/bank/journey"
	"kontor/bank/notify"
	"kontor/bank/notify/notifysql"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/token/tokensql"
	"kontor/bank/tpp"
	"kontor/connector/client"
	"kontor/edge/callback"
	"kontor/edge/page"
	"kontor/edge/push"
	"kontor/kit/audit/auditsql"
	"kontor/kit/secretbox"
	"kontor/kit/sqldb"
)

// Migrations are those of every noun; together they are the schema of a hub.
var Migrations = []fs.FS{
	auditsql.Migrations, authorisationsql.Migrations, consentsql.Migrations, paymentsql.Migrations,
	tokensql.Migrations, appsql.Migrations, accountsql.Migrations, fundssql.Migrations,
	notifysql.Migrations, basketsql.Migrations, dashboardsql.Migrations,
}

// A Hub is ready to serve.
type Hub struct {
	cfg     Config
	log     *slog.Logger
	now     func() time.Time
	db      *sqldb.DB
	trust   *tpp.Trust
	secrets openedSecrets
	servers []*server

	callbacks    []callback.Bank            // the banks as they report to the hub
	certificates map[string]tls.Certificate // by listener
	appSecrets   []string                   // in the order of cfg.Apps
	seals        map[string]push.Seal       // by bank code; "": of the hub

	banks          map[string]profile.Bank
	cores          map[string]core.Bank
	authorisations *authorisation.Service
	consents       *consent.Service
	payments       *payment.Service
	baskets        *basket.Service
	accounts       *account.Service
	funds          *funds.Service
	tokens         *token.Service
	apps           *bankapp.Service
	journeys       *journey.Service
	dashboards     *dashboard.Service
	notices        *notify.Service
	push           *push.Sender
	continueURLs   map[string]func(session, key string) string // by bank code
	testing        []page.Link                                 // shown on the start page of a sandbox
}

type openedSecrets struct {
	box          secretbox.Box
	naming       []byte
	connectorKey *rsa.PrivateKey
}

// New builds a hub. It opens its listeners, so that its addresses are known, but serves
// nothing before Run. The schema must be up to date (Migrate).
func New(ctx context.Context, cfg Config, log *slog.Logger) (*Hub, error) {
	a := newHub(cfg, log)
	if err := a.read(); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{a.openDatabase, a.openBanks, a.build, a.register, a.listen} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	return a, nil
}

func newHub(cfg Config, log *slog.Logger) *Hub {
	a := &Hub{
		cfg: cfg, log: log, now: cfg.now, banks: map[string]profile.Bank{}, cores: map[string]core.Bank{},
		certificates: map[string]tls.Certificate{}, continueURLs: map[string]func(string, string) string{}, seals: map[string]push.Seal{},
	}
	if a.now == nil {
		a.now = time.Now
	}
	return a
}

// Migrate brings the schema of cfg's database up to date and names what it applied.
func Migrate(ctx context.Context, cfg Config) ([]string, error) {
	errs := slices.Clone(cfg.malformed)
	cfg.checkDatabase(func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) })
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	dsn, err := cfg.dsn()
	if err != nil {
		return nil, err
	}
	db, err := sqldb.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	applied, err := sqldb.Migrate(ctx, db, Migrations...)
	return applied, errors.Join(err, db.Close())
}

func (a *Hub) openDatabase(ctx context.Context) error {
	dsn, err := a.cfg.dsn()
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if a.db, err = sqldb.Open(ctx, dsn); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if a.cfg.migrated {
		return nil
	}
	if err := migrated(ctx, a.db); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// migrated says what the schema of db lacks, without changing it. Serving on an old schema
// would start, and fail in the middle of requests.
func migrated(ctx context.Context, db *sqldb.DB) error {
	var n int
	if db.QueryRow(ctx, "SELECT COUNT(*) FROM goose_db_version").Scan(&n) != nil {
		return errors.New("it is empty: run kontor migrate")
	}
	pending, err := sqldb.Pending(ctx, db, Migrations...)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		return fmt.Errorf("%d migration(s) are not applied yet: run kontor migrate", len(pending))
	}
	return nil
}

// openBanks makes the wire to every bank.
func (a *Hub) openBanks(context.Context) error {
	for _, b := range a.cfg.Banks {
		a.banks[b.bank.Code] = b.bank
		c, err := client.New(client.Config{
			BankCode: b.bank.Code, ConnectorURL: b.Connector.URL, SigningKey: a.secrets.connectorKey,
			Capabilities: b.Connector.Capabilities, Now: a.now, Log: a.log, ReportErrors: true,
		})
		if err != nil {
			return fmt.Errorf("bank %s: %w", b.bank.Code, err)
		}
		a.cores[b.bank.Code] = c
	}
	return nil
}

// build puts the rules together.
func (a *Hub) build(context.Context) error {
	record := auditsql.Log{DB: a.db}
	a.notices = a.notifications()
	a.authorisations = &authorisation.Service{
		Store: authorisationsql.Store{DB: a.db}, Cores: a.cores, Atomically: a.db.Atomically, Now: a.now, NewID: newID, Notify: a.notices,
		Audit: record,
	}
	a.tokens = &token.Service{Store: tokensql.Store{DB: a.db}, Now: a.now}
	a.apps = &bankapp.Service{Store: appsql.Store{DB: a.db}}
	a.consents = &consent.Service{
		Store: consentsql.Store{DB: a.db, Box: a.secrets.box}, Authorisations: a.authorisations, Cores: a.cores, Banks: a.banks,
		Audit: record, RevokeTokens: a.tokens.RevokeResource, Atomically: a.db.Atomically, ReturnURL: a.returnURL,
		Now: a.now, NewID: newID, Log: a.log, Notify: a.notices,
	}
	a.payments = &payment.Service{
		Store: paymentsql.Store{DB: a.db}, Authorisations: a.authorisations, Cores: a.cores, Banks: a.banks,
		Audit: record, Atomically: a.db.Atomically, ReturnURL: a.returnURL, Now: a.now, NewID: newID, Log: a.log, Notify: a.notices,
	}
	a.baskets = &basket.Service{
		Store: basketsql.Store{DB: a.db}, Payments: a.payments, Consents: a.consents, Authorisations: a.authorisations, Cores: a.cores, Banks: a.banks,
		Audit: record, Atomically: a.db.Atomically, ReturnURL: a.returnURL, Now: a.now, NewID: newID, Log: a.log, Notify: a.notices,
	}
	a.authorisations.Subjects = map[authorisation.Kind]authorisation.Subject{
		authorisation.OfConsent: a.consents, authorisation.OfPayment: a.payments, authorisation.OfCancellation: a.payments,
		authorisation.OfBasket: a.baskets, authorisation.OfLogin: journey.Logins{},
	}
	a.accounts = &account.Service{Consents: a.consents, Cores: a.cores, Store: accountsql.Store{DB: a.db}, Key: a.secrets.naming, Now: a.now, NewID: newID}
	a.funds = &funds.Service{Consents: a.consents, Cores: a.cores, Answers: fundssql.Store{DB: a.db}, Audit: record, Now: a.now}
	a.dashboards = &dashboard.Service{
		Sessions: dashboardsql.Store{DB: a.db}, Consents: a.consents, Payments: a.payments, Answers: a.funds.Answers, Authorisations: a.authorisations,
		Cores: a.cores, Banks: a.banks, Audit: record, Record: record, Atomically: a.db.Atomically, ReturnURL: a.returnURL, Now: a.now, NewID: newID,
	}
	a.journeys = &journey.Service{Consents: a.consents, Baskets: a.baskets, Authorisations: a.authorisations, Banks: a.banks, Cores: a.cores, ReturnURL: a.returnURL}
	return nil
}

// register stores the clients that the configuration names.
func (a *Hub) register(ctx context.Context) error {
	var errs []error
	for i, c := range a.cfg.Apps {
		err := a.apps.Register(ctx, bankapp.App{ClientID: c.ClientID, TPP: tpp.ID(c.TPP), Name: c.Name, RedirectURIs: c.RedirectURIs}, a.appSecrets[i])
		errs = append(errs, wrap("app "+c.ClientID, err))
	}
	return errors.Join(errs...)
}

// graceMax is how long what was accepted may take to finish once the end is asked for.
const graceMax = 10 * time.Second

// Run serves until ctx ends, then finishes what was accepted.
func (a *Hub) Run(ctx context.Context) error {
	failed := make(chan error, len(a.servers))
	for _, s := range a.servers {
		go func() { failed <- s.serve() }()
	}
	sweeping, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	enough, swept := make(chan struct{}), make(chan struct{})
	go func() { a.sweep(sweeping, enough); close(swept) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	close(enough)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceMax)
	defer cancel()
	// In the order in which they were opened: while requests of TPPs finish, banks can still
	// report what those wait for.
	for _, s := range a.servers {
		err = errors.Join(err, unfinished(s.Shutdown(ending)))
	}
	select { // what a sweep has begun is finished as well
	case <-swept:
	case <-ending.Done():
		cut()
		<-swept
	}
	return errors.Join(err, a.Close())
}

func unfinished(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("requests were cut off that did not finish within %v", graceMax)
	}
	return err
}

// Close lets go of everything; Run does so by itself.
func (a *Hub) Close() error {
	var err error
	for _, s := range a.servers {
		err = errors.Join(err, s.Close())
		s.ln.Close() // of a server that never served; otherwise it is closed already
	}
	if a.push != nil {
		a.push.Close()
	}
	if a.db != nil {
		err = errors.Join(err, a.db.Close())
		a.db = nil
	}
	return err
}

// sweep stores what only time has changed, and tells banks what they must know. Nothing
// that a TPP sees depends on when it runs.
func (a *Hub) sweep(ctx context.Context, enough <-chan struct{}) {
	// What a PSU or a bank waits for is done soon; what is only tidied up reads whole tables.
	const atOnce, soon, later = time.Second / 2, 2 * time.Second, 10 * time.Minute
	type work struct {
		name  string
		every time.Duration
		sweep func(context.Context) error
	}
	works := []work{
		{"authorisations", soon, func(ctx context.Context) error { _, err := a.authorisations.Sweep(ctx); return err }},
		{"signing baskets", soon, a.baskets.Sweep},
		{"banks", soon, a.consents.TellBanks},
		{"notifications", atOnce, a.notices.Send},
		{"tokens", later, a.tokens.Sweep},
		{"old notifications", later, a.notices.Sweep},
		{"consents", later, a.consents.Sweep},
		{"answers about funds", later, a.funds.Sweep},
		{"sessions of customers", later, a.dashboards.Sweep},
	}
	for code := range a.payments.Banks {
		works = append(works, work{"payments at " + code, soon, func(ctx context.Context) error { return a.payments.Sweep(ctx, code) }})
	}
	var all sync.WaitGroup
	for _, w := range works {
		all.Go(func() { a.sweepOne(ctx, enough, w.name, w.every, w.sweep) })
	}
	all.Wait()
	a.notices.Wait()
}

// sweepOne runs sweep again and again: one that waits for a bank must not keep the others.
func (a *Hub) sweepOne(ctx context.Context, enough <-chan struct{}, name string, every time.Duration, sweep func(context.Context) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-enough:
			return
		case <-tick.C:
		}
		if err := sweep(ctx); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "sweep did not finish; it goes on next time", "of", name, "err", err)
		}
	}
}

// returnURL is the hub's page where a bank sends the PSU back.
func (a *Hub) returnURL(bank, key string) string {
	return a.browserURL() + "/return/" + bank + "/" + key
}

// browserURL is where browsers reach the hub: over TLS where there is that.
func (a *Hub) browserURL() string {
	if a.cfg.WebTLS.URL != "" {
		return a.cfg.WebTLS.URL
	}
	return a.cfg.Web.URL
}

func (a *Hub) bankURL(b profile.Bank) string { return a.cfg.API.URL + b.BasePath }

// metadataURL is where the authorization server of b describes itself.
func (a *Hub) metadataURL(b profile.Bank) string {
	return a.bankURL(b) + "/oauth/.well-known/oauth-authorization-server"
}

// identify says which TPP is on the other end of a request's connection.
func (a *Hub) identify(r *http.Request) (tpp.TPP, error) {
	if r.TLS == nil {
		return tpp.TPP{}, tpp.ErrCertificateMissing
	}
	return a.trust.IdentifyTLS(r.Context(), r.TLS)
}

// newID returns an unguessable name of 130 bits, in small letters and digits.
func newID() string { return strings.ToLower(rand.Text()) }

// listener opens l's address, unless that was done before.
func listener(l *Listener) (net.Listener, error) {
	if l.opened != nil {
		return l.opened, nil
	}
	return net.Listen("tcp", l.Address)
}

// Addresses says where the hub is, for people.
func (a *Hub) Addresses() string {
	text := "third parties " + a.cfg.API.URL + ", browsers and connectors " + a.cfg.Web.URL
	if a.cfg.WebTLS.URL != "" {
		text += " and " + a.cfg.WebTLS.URL
	}
	return text
}

// events is what the hub hears from the banks: SCA goes to the authorisations, the end of a
// refresh to the accounts, withdrawals to the consents.
type events struct{ a *Hub }

func (e events) Update(ctx context.Context, bank string, u core.Update) error {
	return e.a.authorisations.Update(ctx, bank, u)
}

func (e events) Success(ctx context.Context, bank string, s core.Success) error {
	err := e.a.authorisations.Success(ctx, bank, s)
	if errors.Is(err, core.ErrSessionUnknown) {
		return e.a.accounts.Refreshed(ctx, bank, s.Session, true)
	}
	return err
}

func (e events) Fail(ctx context.Context, bank string, f core.Fail) error {
	err := e.a.authorisations.Fail(ctx, bank, f)
	if errors.Is(err, core.ErrSessionUnknown) {
		return e.a.accounts.Refreshed(ctx, bank, f.Session, false)
	}
	return err
}

func (e events) Revoked(ctx context.Context, bank, token string, funds bool) error {
	return e.a.consents.Revoke(ctx, bank, token, funds)
}

func (e events) Tokens(ctx context.Context, bank string, q core.TokenQuery) ([]core.TokenInfo, error) {
	return e.a.consents.Tokens(ctx, bank, q)
}
