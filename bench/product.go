package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"kontor/bank/account"
	"kontor/bank/consent"
	"kontor/bank/consent/consentsql"
	"kontor/bank/core"
	"kontor/bank/dashboard"
	"kontor/bank/dashboard/dashboardsql"
	"kontor/bank/token"
	"kontor/bank/token/tokensql"
	"kontor/bank/tpp"
	"kontor/bench/seed"
	"kontor/kit/day"
	"kontor/kit/secretbox"
	"kontor/kit/sqldb"
)

const (
	bankCode = "bench"
	basePath = "/psd2/bench"
)

// bankFile is the bank's own file. OAuth is integrated, so creations need no token and
// reads need one, as on the floor.
const bankFile = `code: bench
name: Bench Bank
bic: BENCSI22
country: SI
basePath: ` + basePath + `
timezone: Europe/Ljubljana
profile: standard
override:
  accounts:
    cards: false
    trustedBeneficiaries: false
    bookingStatuses: [booked, pending, both]
  payments:
    products:
      payments: [sepa-credit-transfers, instant-sepa-credit-transfers]
      bulk-payments: [pain.001-sepa-credit-transfers]
      periodic-payments: []
    cancellation: none
    bulkMax: 10000
    executionRules: []
    painVersions: [pain.001.001.03]
`

const configFile = `database: %q
sandbox: true
api: {address: %q, url: %q, certificate: server.pem, key: server.key}
web: {address: %q}
metrics: %q
secrets: {keyset: %s-keyset.json, namingKey: %s-naming.key, connectorKey: hub.key}
trust: {anchors: [ca.pem]}
banks:
  - file: bank.yaml
    connector: {url: %q, appId: %q, appSecret: app-secret, publicKeys: [bank.pub], capabilities: [bulk-payments, periodic-payments, cancellation, baskets, decoupled, embedded]}
`

func newProduct(ctx context.Context, m *machine, dsn string, consents int) (*side, error) {
	return productOf(ctx, m, "product", dsn, consents, 0)
}

// productOf configures kontor as in production, fills its database by its own stores, and
// starts the bank behind it. others is how many more consents to store for each customer's.
func productOf(ctx context.Context, m *machine, name, dsn string, consents, others int) (*side, error) {
	ports, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	keyset, err := secretbox.Generate()
	if err != nil {
		return nil, err
	}
	box, err := secretbox.New(keyset)
	if err != nil {
		return nil, err
	}
	naming := make([]byte, 32)
	rand.Read(naming)
	naming = []byte(hex.EncodeToString(naming))
	config := filepath.Join(m.dir, name+".yaml")
	write := func(name string, data []byte) error { return os.WriteFile(filepath.Join(m.dir, name), data, 0o600) }
	err = errors.Join(write(name+"-keyset.json", keyset), write(name+"-naming.key", naming), write("app-secret", []byte(seed.AppSecret)), write("bank.yaml", []byte(bankFile)),
		write(name+".yaml", fmt.Appendf(nil, configFile, dsn, ports[0], "https://"+ports[0], ports[1], ports[2], name, name, "http://"+ports[3], seed.AppID)))
	if err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, filepath.Join(m.dir, "kontor"), "migrate", "--config", config).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("kontor migrate: %w\n%s", err, out)
	}
	resources, err := fillProduct(ctx, m, dsn, box, naming, consents, others)
	if err != nil {
		return nil, fmt.Errorf("fill the database of the %s: %w", name, err)
	}
	s := &side{name: name, api: ports[0], web: ports[1], metrics: "http://" + ports[2] + "/metrics", bankAddr: ports[3]}
	s.target = target{host: ports[0], base: basePath + "/v1", payments: basePath + "/v1", funds: basePath + "/v1", token: basePath + "/oauth/token", consents: consents,
		consent: table(consents, seed.Consent), fundsID: table(consents, fundsConsent), fundsBy: table(consents, fundsAccess), access: table(consents, seed.Access)}
	s.target.dashboard = basePath + "/my HTTP/1.1\r\nHost: " + ports[1] + "\r\nCookie: kontor-my-" + bankCode + "="
	s.target.resource = func(i int) string { return resources[i][0] }
	s.target.savings = func(i int) string { return resources[i][1] }
	s.run = func() (*process, error) { return m.start(ctx, name, "kontor", "serve", "--config", config) }
	return s, s.startBank(ctx, m, "http://"+ports[1])
}

// downloads asks for the first pages of the long accounts, which tell where the whole is.
func downloads(m *machine, t *target) error {
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: m.client}}
	defer client.CloseIdleConnections()
	for i := range connections {
		r, err := http.NewRequest(http.MethodGet, "https://"+t.host+t.base+"/accounts/"+t.savings(i)+"/transactions?bookingStatus=booked&dateFrom="+since(), nil)
		if err != nil {
			return err
		}
		r.Header = http.Header{"Consent-Id": {t.consent(i)}, "Authorization": {"Bearer " + t.access(i)}, "X-Request-Id": {fmt.Sprintf("00000000-0000-4000-9000-%012d", i)}}
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		_, rest, _ := bytes.Cut(body, []byte(`"download":`))
		link, ok := member(rest, "href")
		_, path, ok2 := strings.Cut(link, t.base)
		if err != nil || !ok || !ok2 {
			return fmt.Errorf("a long report has no download: %d %v %.300s", answer.StatusCode, err, body)
		}
		t.download = append(t.download, path)
	}
	return nil
}

func fundsConsent(i int) string { return "funds-" + seed.Consent(i) }
func fundsAccess(i int) string  { return "funds-" + seed.Access(i) }

// fillProduct gives every customer a consent to read accounts with its tokens, and one to
// confirm funds. It returns the names of the accounts towards the TPP.
func fillProduct(ctx context.Context, m *machine, dsn string, box secretbox.Box, naming []byte, count, others int) ([][2]string, error) {
	db, err := sqldb.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { db.Close() }()
	f := filling{now: time.Now().UTC().AddDate(0, 0, -1), naming: naming, thumbprint: sha256.Sum256(m.tpp.Cert.Raw),
		consents: consentsql.Store{DB: db, Box: box}, tokens: tokensql.Store{DB: db}, visits: dashboardsql.Store{DB: db}}
	resources := make([][2]string, count)
	for i := range resources {
		resources[i] = [2]string{f.resource(i, seed.Account(i)), f.resource(i, seed.Account(i)+seed.Savings)}
	}
	const piece = 512
	for from := 0; from < count; from += piece {
		err := db.Atomically(ctx, func(ctx context.Context) error {
			for i := from; i < min(from+piece, count); i++ {
				if err := f.customer(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if others > 0 {
		db.Close()
		if err := f.others(ctx, dsn, count, others); err != nil {
			return nil, err
		}
		if db, err = sqldb.Open(ctx, dsn); err != nil {
			return nil, err
		}
	}
	tidy := "ANALYZE"
	if db.Postgres() {
		tidy = "VACUUM ANALYZE"
	}
	_, err = db.Exec(ctx, tidy)
	return resources, err
}

func grantID(i int) string { return fmt.Sprintf("grant-%08d", i) }

type filling struct {
	now        time.Time
	naming     []byte
	thumbprint tpp.Thumbprint
	consents   consentsql.Store
	tokens     tokensql.Store
	visits     dashboardsql.Store
}

func (f *filling) customer(ctx context.Context, i int) error {
	today := day.Of(f.now, time.UTC)
	own := core.AccountReference{IBAN: seed.IBAN(i)}
	savings := core.AccountReference{IBAN: seed.SavingsIBAN(i), Currency: "EUR"}
	named := core.AccountReference{IBAN: own.IBAN, Currency: "EUR"}
	// Unattended reads are counted, but there are more of them than any bank allows.
	c := consent.Consent{
		Bank: bankCode, ID: seed.Consent(i), TPP: seed.TPP, TPPName: seed.TPPName, PSU: seed.PSU(i), Model: consent.Global,
		Access: consent.Access{AllPSD2: consent.AllAccounts}, Recurring: true, ValidUntil: today.AddDays(90), ExpiresAt: f.now.AddDate(0, 0, 90),
		FrequencyPerDay: 1_000_000, Status: consent.Valid, LastActionDate: today, CreatedAt: f.now, AuthoriseBy: f.now.Add(time.Hour), AuthorisedAt: f.now,
		Session: seed.Session(i), Token: seed.Bank(i), Grant: &core.Grant{AllPSD2: true},
		Accounts: []consent.Account{
			{ResourceID: f.resource(i, seed.Account(i)), ID: seed.Account(i), Reference: named, Balances: true, Transactions: true, Beneficiaries: true},
			{ResourceID: f.resource(i, seed.Account(i)+seed.Savings), ID: seed.Account(i) + seed.Savings, Reference: savings, Balances: true, Transactions: true, Beneficiaries: true},
		},
	}
	funds := c
	funds.ID, funds.Model, funds.Access = fundsConsent(i), consent.Funds, consent.Access{Accounts: &[]core.AccountReference{own}}
	funds.Session, funds.Token, funds.Accounts, funds.Grant = "funds-"+c.Session, "funds-"+c.Token, nil, nil
	grant := token.Grant{
		Bank: bankCode, ID: grantID(i), Client: seed.TPP, TPP: seed.TPP, Scope: token.Scope{Kind: token.AIS, Resource: c.ID, Asked: "AIS:" + c.ID},
		RedirectURI: seed.RedirectURI, Refreshable: true, EndsAt: c.ExpiresAt, CreatedAt: f.now, WaitUntil: c.ExpiresAt, Status: token.Redeemed, PSU: c.PSU,
	}
	pair := token.Pair{Bank: bankCode, Grant: grant.ID, Access: token.HashOf(seed.Access(i)), Refresh: token.HashOf(seed.Refresh(i)),
		Thumbprint: f.thumbprint, ExpiresAt: c.ExpiresAt}
	fundsGrant, fundsPair := grant, pair
	fundsGrant.ID, fundsGrant.Scope = "funds-"+grant.ID, token.Scope{Kind: token.PIIS, Resource: funds.ID, Asked: "PIIS:" + funds.ID}
	fundsPair.Grant, fundsPair.Access, fundsPair.Refresh = fundsGrant.ID, token.HashOf(fundsAccess(i)), token.HashOf("funds-"+seed.Refresh(i))
	// She has logged in to the dashboard, and stays as long as the measurement may take.
	began := time.Now()
	visit := dashboard.Session{Bank: bankCode, Key: sha256.Sum256([]byte(seed.Visit(i))), PSU: c.PSU, Began: began, Seen: began.Add(50 * time.Minute)}
	for _, store := range []func() error{
		func() error { return f.visits.Create(ctx, visit) },
		func() error { return f.consents.Create(ctx, c) },
		func() error { return f.consents.Create(ctx, funds) },
		func() error { return f.tokens.Create(ctx, grant) },
		func() error { return f.tokens.Rotate(ctx, pair) },
		func() error { return f.tokens.Create(ctx, fundsGrant) },
		func() error { return f.tokens.Rotate(ctx, fundsPair) },
		func() error {
			return f.consents.Count(ctx, bankCode, c.ID, today.AddDays(1), "accounts", c.FrequencyPerDay)
		},
	} {
		if err := store(); err != nil {
			return err
		}
	}
	return nil
}

// resource names an account of the bank as the TPP of customer i knows it.
func (f *filling) resource(i int, accountID string) string {
	return account.ResourceID(f.naming, bankCode, seed.Consent(i), accountID)
}
