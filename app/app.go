package app

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"kontor/bank/account"
	bankapp "kontor/bank/app"
	"kontor/bank/app/appsql"
	"kontor/bank/authorisation"
	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/consent"
	"kontor/bank/consent/consentsql"
	"kontor/bank/core"
	"kontor/bank/funds"
	"kontor/bank/journey"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/token/tokensql"
	"kontor/bank/tpp"
	"kontor/connector/client"
	"kontor/connector/jws"
	"kontor/kit/audit/auditsql"
	"kontor/kit/eidas"
	"kontor/kit/secretbox"
	"kontor/kit/sqldb"
)

// Migrations are those of every noun; together they are the schema of a hub.
var Migrations = []fs.FS{
	auditsql.Migrations, authorisationsql.Migrations, consentsql.Migrations, paymentsql.Migrations,
	tokensql.Migrations, appsql.Migrations,
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

	banks          map[string]profile.Bank
	cores          map[string]core.Bank
	authorisations *authorisation.Service
	consents       *consent.Service
	payments       *payment.Service
	accounts       *account.Service
	funds          *funds.Service
	tokens         *token.Service
	apps           *bankapp.Service
	journeys       *journey.Service
	continueURLs   map[string]func(session string) string // by bank code
}

type openedSecrets struct {
	box          secretbox.Box
	naming       []byte
	connectorKey *rsa.PrivateKey
}

// New builds a hub. It opens its listeners, so that its addresses are known, but serves
// nothing before Run. The schema must be up to date (Migrate).
func New(ctx context.Context, cfg Config, log *slog.Logger) (*Hub, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	a := &Hub{cfg: cfg, log: log, now: time.Now, banks: map[string]profile.Bank{}, cores: map[string]core.Bank{}, continueURLs: map[string]func(string) string{}}
	steps := []func(context.Context) error{a.openSecrets, a.openTrust, a.openDatabase, a.openBanks, a.build, a.register, a.listen}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	return a, nil
}

// Migrate brings the schema of cfg's database up to date and names what it applied.
func Migrate(ctx context.Context, cfg Config) ([]string, error) {
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

func (a *Hub) openSecrets(context.Context) (err error) {
	var errs []error
	read := func(name, from string, use func(string) error) {
		text, err := a.cfg.secret(from)
		if err == nil {
			err = use(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("secrets.%s: %w", name, err))
		}
	}
	read("keyset", a.cfg.Secrets.Keyset, func(s string) (err error) {
		a.secrets.box, err = secretbox.New([]byte(s))
		return err
	})
	read("namingKey", a.cfg.Secrets.NamingKey, func(s string) error {
		const least = 32
		if a.secrets.naming = []byte(s); len(s) < least {
			return fmt.Errorf("is shorter than %d bytes", least)
		}
		return nil
	})
	read("connectorKey", a.cfg.Secrets.ConnectorKey, func(s string) (err error) {
		a.secrets.connectorKey, err = jws.ParsePrivate(s)
		return err
	})
	return errors.Join(errs...)
}

func (a *Hub) openTrust(context.Context) error {
	a.trust = &tpp.Trust{Now: a.now, Log: a.log, AcceptGrave: a.cfg.Sandbox}
	var err error
	if a.trust.Roots, err = a.pool(a.cfg.Trust.Anchors); err != nil {
		return err
	}
	if a.trust.Intermediates, err = a.pool(a.cfg.Trust.Intermediates); err != nil {
		return err
	}
	blocked := map[tpp.ID]bool{}
	for _, id := range a.cfg.Trust.Blocked {
		blocked[tpp.ID(id)] = true
	}
	a.trust.Blocked = func(id tpp.ID) bool { return blocked[id] }
	return nil
}

// pool reads certificates. A sandbox's anchor is refused outside a sandbox: its
// certificates are issued to anybody.
func (a *Hub) pool(files []string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, file := range files {
		b, err := os.ReadFile(a.cfg.path(file))
		if err != nil {
			return nil, fmt.Errorf("trust: %w", err)
		}
		found := false
		for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("trust: %s: %w", file, err)
			}
			if eidas.IsSandbox(cert) != a.cfg.Sandbox {
				return nil, fmt.Errorf("trust: %s: anchors of a sandbox and of production cannot be mixed (sandbox: %t)", file, a.cfg.Sandbox)
			}
			pool.AddCert(cert)
			found = true
		}
		if !found {
			return nil, fmt.Errorf("trust: %s holds no certificate", file)
		}
	}
	return pool, nil
}

func (a *Hub) openDatabase(ctx context.Context) error {
	dsn, err := a.cfg.dsn()
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	a.db, err = sqldb.Open(ctx, dsn)
	return err
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
	a.authorisations = &authorisation.Service{
		Store: authorisationsql.Store{DB: a.db}, Atomically: a.db.Atomically, Now: a.now, NewID: newID,
	}
	a.tokens = &token.Service{Store: tokensql.Store{DB: a.db}, Now: a.now}
	a.apps = &bankapp.Service{Store: appsql.Store{DB: a.db}}
	a.consents = &consent.Service{
		Store: consentsql.Store{DB: a.db, Box: a.secrets.box}, Authorisations: a.authorisations, Cores: a.cores, Banks: a.banks,
		Audit: record, RevokeTokens: a.tokens.RevokeResource, Atomically: a.db.Atomically, ReturnURL: a.returnURL,
		Now: a.now, NewID: newID, Log: a.log,
	}
	a.payments = &payment.Service{
		Store: paymentsql.Store{DB: a.db}, Authorisations: a.authorisations, Cores: a.cores, Banks: a.banks,
		Audit: record, Atomically: a.db.Atomically, ReturnURL: a.returnURL, Now: a.now, NewID: newID, Log: a.log,
	}
	a.authorisations.Subjects = map[authorisation.Kind]authorisation.Subject{
		authorisation.OfConsent: a.consents, authorisation.OfPayment: a.payments, authorisation.OfLogin: journey.Logins{},
	}
	a.accounts = &account.Service{Consents: a.consents, Cores: a.cores, Key: a.secrets.naming, Now: a.now}
	a.funds = &funds.Service{Consents: a.consents, Cores: a.cores, Audit: record, Now: a.now}
	a.journeys = &journey.Service{Consents: a.consents, Authorisations: a.authorisations, Banks: a.banks, Cores: a.cores, ReturnURL: a.returnURL}
	return nil
}

// register stores the clients that the configuration names.
func (a *Hub) register(ctx context.Context) error {
	for _, c := range a.cfg.Apps {
		secret, err := a.cfg.secret(c.ClientSecret)
		if err != nil {
			return fmt.Errorf("app %s: %w", c.ClientID, err)
		}
		if err := a.apps.Register(ctx, bankapp.App{ClientID: c.ClientID, TPP: tpp.ID(c.TPP), Name: c.Name, RedirectURIs: c.RedirectURIs}, secret); err != nil {
			return fmt.Errorf("app %s: %w", c.ClientID, err)
		}
	}
	return nil
}

// Run serves until ctx ends, then finishes what was accepted.
func (a *Hub) Run(ctx context.Context) error {
	failed := make(chan error, len(a.servers))
	for _, s := range a.servers {
		go func() { failed <- s.serve() }()
	}
	sweeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	swept := make(chan struct{})
	go func() { a.sweep(sweeping); close(swept) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	const grace = 10 * time.Second
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for _, s := range a.servers {
		err = errors.Join(err, s.Shutdown(ending))
	}
	stop()
	<-swept
	return errors.Join(err, a.Close())
}

// Close lets go of everything; Run does so by itself.
func (a *Hub) Close() error {
	var err error
	for _, s := range a.servers {
		err = errors.Join(err, s.Close())
	}
	if a.db != nil {
		err = errors.Join(err, a.db.Close())
		a.db = nil
	}
	return err
}

// sweep stores what only time has changed, and tells banks what they must know. Nothing
// that a TPP sees depends on when it runs.
func (a *Hub) sweep(ctx context.Context) {
	const every = 2 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for name, sweep := range map[string]func(context.Context) error{
			"authorisations": func(ctx context.Context) error { _, err := a.authorisations.Sweep(ctx); return err },
			"banks":          a.consents.TellBanks,
			"payments":       a.payments.Sweep,
			"tokens":         a.tokens.Sweep,
		} {
			if err := sweep(ctx); err != nil && ctx.Err() == nil {
				a.log.WarnContext(ctx, "sweep did not finish; it goes on next time", "of", name, "err", err)
			}
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

// publicKeys reads the keys that a bank signs with.
func (a *Hub) publicKeys(files []string) ([]jws.PublicKey, error) {
	var keys []jws.PublicKey
	for _, file := range files {
		b, err := os.ReadFile(a.cfg.path(file))
		if err != nil {
			return nil, err
		}
		key, err := jws.ParsePublic(string(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		keys = append(keys, jws.PublicKey{Key: key})
	}
	return keys, nil
}

// Addresses says where the hub is, for people.
func (a *Hub) Addresses() string {
	text := "third parties " + a.cfg.API.URL + ", browsers and connectors " + a.cfg.Web.URL
	if a.cfg.WebTLS.URL != "" {
		text += " and " + a.cfg.WebTLS.URL
	}
	return text
}

// events is what the hub hears from the banks: SCA goes to the authorisations, withdrawals
// to the consents.
type events struct{ a *Hub }

func (e events) Update(ctx context.Context, bank string, u core.Update) error {
	return e.a.authorisations.Update(ctx, bank, u)
}

func (e events) Success(ctx context.Context, bank string, s core.Success) error {
	return e.a.authorisations.Success(ctx, bank, s)
}

func (e events) Fail(ctx context.Context, bank string, f core.Fail) error {
	return e.a.authorisations.Fail(ctx, bank, f)
}

func (e events) Revoked(ctx context.Context, bank, token string, funds bool) error {
	return e.a.consents.Revoke(ctx, bank, token, funds)
}

func (e events) Tokens(ctx context.Context, bank string, q core.TokenQuery) ([]core.TokenInfo, error) {
	return e.a.consents.Tokens(ctx, bank, q)
}

// certificate reads a listener's certificate.
func (a *Hub) certificate(l Listener) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(a.cfg.path(l.Certificate), a.cfg.path(l.Key))
}
