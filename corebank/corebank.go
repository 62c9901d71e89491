// Package corebank is the reference bank: customers, a double-entry ledger, cards, and its
// own pages on which a customer logs in, chooses accounts and approves with a one-time code.
//
// It is a stranger to the hub. It knows connector/sdk and connector/wire and nothing else
// of the house; it has its own database, keys and clock. The hub starts a journey (access
// to accounts, checks of funds, a payment, a log-in), the bank reports the address of its
// page, leads the customer's browser, and reports how it ended before it sends the browser
// back. What it does here, any bank can do with the SDK.
//
// What happened and what the hub must hear of it are written in one transaction: the money
// moves exactly when the payment is approved, and the report goes to a queue that survives
// a crash. A code approves exactly one thing, by a seal over amount, payee, account and
// session; tokens are computed from a key and never stored.
//
// An approved payment is executed by the bank's own clock, the calendar of TARGET and the
// cut-off of its product; the instalments of a series, the pieces of a bulk and what goes to
// another bank of the house (Join) each have a posting ID of their own, so that each happens
// once, whoever dies in between. Nothing of a payment is executed while it is being cancelled.
// A basket is approved whole, by one code over all of its members, and then done member by
// member: what has no cover is rejected, and the others go on. Standing orders that were given
// at the bank itself are executed like a series; no third party hears of them.
//
// A customer approves by one of her methods: a text message, an authenticator app, a picture
// for her photo app, a chip reader, a passkey that she adds on her own page, or her phone, which
// asks by itself. All of them answer for
// exactly what is shown, and five wrong answers in a row over all of them lock them.
//
// What a customer gives can be less than was asked, account by account, and be changed
// later on her own page. The connector answers from the books, or from a copy of them that
// the hub can have refreshed.
//
// A sandbox bank has invented customers (package persona) and an outbox page where their
// text messages can be read. Both are switches of Config; no rule asks for them.
package corebank

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/corebank/schema"
	"kontor/kit/i18n"
	"kontor/kit/sqldb"
	"kontor/kit/webauthn"
)

// A Config says what one bank is. New lists all that is wrong with it at once.
type Config struct {
	Code string // the hub's code of this bank: lon. It is the first key of every row
	Name string // shown to customers; Code when empty

	// DB is the bank's own database, or one that several reference banks share. New
	// migrates it, so no other bank may be writing to it yet.
	DB *sqldb.DB

	BaseURL string // of the pages and the connector, with any path prefix: http://127.0.0.1:8090/lon
	HubURL  string // origin of the hub that is reported to

	AppID, AppSecret string           // the pair the hub gave the bank
	SigningKey       *rsa.PrivateKey  // signs the reports; the hub has its public half
	HubKeys          []*rsa.PublicKey // the hub's requests are signed with one of these

	// Secret seals tokens, codes and forms: at least 32 bytes, the same in every process
	// of the bank. Empty: derived from SigningKey, so that changing that key ends every access.
	Secret []byte

	// Copy makes the connector answer from a copy of the accounts, which is made when a
	// customer gives access and whenever the hub asks for it by /ais/refresh.
	Copy bool

	// Country is that of the bank, by two letters. Some payment products are of one country.
	Country string
	BIC     string // told to payees at other banks
	// IBANs is how the numbers of this bank begin, without their check digits: DE70990000.
	// What other banks of the same house (see Join) address there is this bank's to credit.
	// It is two digits in Slovenia, four letters in Romania, eight digits in Germany.
	IBANs string
	// RoundTheClock does away with cut-off times: what is not dated ahead is executed at
	// once on any day, also to other banks.
	RoundTheClock bool

	// Exempt is what needs no SCA beside low values to whom a customer trusts.
	Exempt Exemptions

	Seed   bool // fill an empty bank with invented customers
	Outbox bool // show text messages to everybody: never where real customers are

	Zone *time.Location // of the bank's calendar; nil: UTC
	Now  func() time.Time
	Log  *slog.Logger  // nil: discarded
	Hub  sdk.HubCaller // nil: the one at HubURL
}

// A Bank serves its pages and the connector protocol.
type Bank struct {
	code, name      string
	db              *sqldb.DB
	book            ledger.Book
	hub             sdk.HubCaller
	baseURL         string // without a slash at the end
	origin, prefix  string // the two parts of baseURL
	secure          bool
	secret          []byte
	cookie          string
	style, script   string // names of assets
	party           webauthn.Party
	enrols          bool // browsers have passkeys at the bank's address
	texts           *i18n.Catalogue
	templates       map[string]*template.Template
	pictures        pictures
	outbox, seeded  bool
	copy            bool
	country, bic    string
	ibans           string
	joined          []*Bank // others that are paid without detours
	roundTheClock   bool
	exemptions      Exemptions
	zone            *time.Location
	now             func() time.Time
	log             *slog.Logger
	hashing         chan struct{}
	nobodysPassword string
	handler         http.Handler

	wake   chan struct{}
	cancel context.CancelFunc
	queue  sync.WaitGroup
}

var rangePattern = regexp.MustCompile(`^(SI[0-9]{2}|RO[A-Z]{4}|DE[0-9]{8})$`)

var codePattern = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// New opens the bank: it migrates the database and, where Config says so, invents customers.
func New(ctx context.Context, c Config) (*Bank, error) {
	var wrong []error
	need := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, errors.New(what))
		}
	}
	base, err := url.Parse(c.BaseURL)
	need(err == nil && (base.Scheme == "http" || base.Scheme == "https") && base.Host != "" && base.RawQuery == "" && base.Fragment == "", "BaseURL must be an http or https address")
	need(codePattern.MatchString(c.Code), "Code must be 1 to 32 small letters, digits or hyphens")
	need(c.DB != nil, "DB is missing")
	need(c.IBANs == "" || rangePattern.MatchString(c.IBANs), "IBANs must be a country and the bank's part of a number")
	need(len(c.Secret) == 0 || len(c.Secret) >= 32, "Secret must have at least 32 bytes")
	need(len(c.Secret) > 0 || c.SigningKey != nil, "Secret or SigningKey is missing")
	need(c.Hub != nil || len(c.HubKeys) > 0, "HubKeys are missing: no request of the hub could be believed")
	need(c.Hub != nil || c.SigningKey != nil && c.HubURL != "" && c.AppID != "" && c.AppSecret != "", "HubURL, AppID, AppSecret and SigningKey are needed to reach the hub")
	if len(wrong) > 0 {
		return nil, fmt.Errorf("reference bank %q: %w", c.Code, errors.Join(wrong...))
	}
	b := &Bank{
		code: c.Code, name: c.Name, db: c.DB, book: ledger.Book{DB: c.DB, Bank: c.Code}, hub: c.Hub,
		baseURL: strings.TrimRight(c.BaseURL, "/"), origin: base.Scheme + "://" + base.Host, prefix: strings.TrimRight(base.EscapedPath(), "/"),
		secure: base.Scheme == "https", secret: c.Secret, cookie: "bank_" + c.Code, style: versioned("bank", ".css", stylesheet), script: versioned("passkey", ".js", passkeyModule),
		outbox: c.Outbox, seeded: c.Seed, copy: c.Copy, country: c.Country, bic: c.BIC, ibans: c.IBANs, roundTheClock: c.RoundTheClock, exemptions: c.Exempt, zone: c.Zone, now: c.Now, log: c.Log,
		hashing: make(chan struct{}, 2), wake: make(chan struct{}, 1),
	}
	b.party, b.enrols = webauthn.PartyAt(b.baseURL)
	if b.name == "" {
		b.name = c.Code
	}
	if b.zone == nil {
		b.zone = time.UTC
	}
	if b.now == nil {
		b.now = time.Now
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	b.log = b.log.With("bank", b.code)
	if len(b.secret) == 0 {
		der, err := x509.MarshalPKCS8PrivateKey(c.SigningKey)
		if err != nil {
			return nil, fmt.Errorf("reference bank %q: signing key: %w", c.Code, err)
		}
		sum := sha256.Sum256(append([]byte("corebank secret\x00"), der...))
		b.secret = sum[:]
	}
	if b.texts, err = readTexts(); err != nil {
		return nil, fmt.Errorf("reference bank %q: %w", c.Code, err)
	}
	if b.templates, err = parseTemplates(); err != nil {
		return nil, fmt.Errorf("reference bank %q: %w", c.Code, err)
	}
	if _, err := sqldb.Migrate(ctx, c.DB, schema.FS); err != nil {
		return nil, fmt.Errorf("reference bank %q: %w", c.Code, err)
	}
	cost := costCustomer
	if c.Seed {
		cost = costPersona
		if err := b.seed(ctx); err != nil {
			return nil, fmt.Errorf("reference bank %q: seed: %w", c.Code, err)
		}
		if b.ibans != "" {
			if err := b.seedShop(ctx); err != nil {
				return nil, fmt.Errorf("reference bank %q: seed: %w", c.Code, err)
			}
		}
	}
	if err := b.planOrders(ctx); err != nil {
		return nil, fmt.Errorf("reference bank %q: standing orders: %w", c.Code, err)
	}
	if err := b.firstCopy(ctx); err != nil {
		return nil, fmt.Errorf("reference bank %q: copy: %w", c.Code, err)
	}
	b.nobodysPassword = hashPassword("nobody", cost)
	if err := b.connect(c); err != nil {
		return nil, fmt.Errorf("reference bank %q: %w", c.Code, err)
	}
	return b, nil
}

// Handler serves everything under the path of Config.BaseURL: the pages, and the connector
// endpoints below {path}/api/priora/v2.
func (b *Bank) Handler() http.Handler { return b.handler }

// ConnectorURL is what the hub is told to reach this bank: the protocol's own path comes after it.
func (b *Bank) ConnectorURL() string { return b.baseURL }

// OutboxURL is where the text messages of a sandbox are read, with .json added by programs too.
func (b *Bank) OutboxURL() string { return b.baseURL + "/outbox" }

// soon is how long the background waits after it was woken.
const soon = 200 * time.Millisecond

// Start delivers in the background what could not be reported at once, and executes
// payments whose day has come, until Close.
func (b *Bank) Start(ctx context.Context) {
	ctx, b.cancel = context.WithCancel(ctx)
	b.queue.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for n := 0; ; n++ {
			if err := b.work(ctx, n%60 == 0); err != nil && ctx.Err() == nil {
				b.log.Error("background work failed; it is tried again", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-b.wake:
				// Soon, for a customer may be waiting with her phone in her hand; but not at once:
				// more of the same is on its way, and nobody shall tell by the time what was done.
				select {
				case <-ctx.Done():
					return
				case <-time.After(soon):
				}
			case <-tick.C:
			}
		}
	})
}

// Close stops the background work and waits for it. The database stays open.
func (b *Bank) Close() {
	if b.cancel != nil {
		b.cancel()
		b.queue.Wait()
	}
}

// work does what is due. swept says whether to remove what nobody needs any more.
func (b *Bank) work(ctx context.Context, sweep bool) error {
	_, err := b.deliverDue(ctx)
	err = errors.Join(err, b.askPhones(ctx), b.doApproved(ctx, ""), b.executeDue(ctx), b.executeOrders(ctx))
	if len(b.joined) > 0 {
		err = errors.Join(err, b.deliverTransfers(ctx))
	}
	if sweep {
		err = errors.Join(err, b.sweep(ctx))
	}
	return err
}

// sweep removes old browser sessions and messages. Journeys and payments stay: they are
// what makes a repeated start harmless.
func (b *Bank) sweep(ctx context.Context) error {
	_, err1 := b.db.Exec(ctx, `DELETE FROM corebank_browser WHERE bank = $1 AND began_at < $2`, b.code, b.now().Add(-sessionMax).UnixMicro())
	_, err2 := b.db.Exec(ctx, `DELETE FROM corebank_message WHERE bank = $1 AND at < $2`, b.code, b.now().Add(-24*time.Hour).UnixMicro())
	return errors.Join(err1, err2)
}

// Check proves that the bank's books are right.
func (b *Bank) Check(ctx context.Context) error { return b.book.Check(ctx) }

// Personas lists the invented customers of a seeded bank: every seeded bank has the same,
// with the same IBANs, so that a TPP can try each of them with the same data.
func (b *Bank) Personas() []persona.Persona {
	if !b.seeded {
		return nil
	}
	return persona.All()
}

// mount puts the connector endpoints and the pages under the bank's path.
func (b *Bank) mount(api http.Handler) {
	pages := b.pages()
	b.handler = http.StripPrefix(b.prefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, wire.ConnectorBase+"/"):
			api.ServeHTTP(w, r)
		case r.URL.Path == "":
			http.Redirect(w, r, b.prefix+"/", http.StatusPermanentRedirect)
		default:
			pages.ServeHTTP(w, r)
		}
	}))
}

// column reads what query selects, one text a row, and lets go of the connection before
// anything is done with it.
func (b *Bank) column(ctx context.Context, query string, args ...any) (all []string, err error) {
	rows, err := b.db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			rows.Close()
			return nil, err
		}
		all = append(all, one)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}
