package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"kontor/kit/sqldb"
)

// A Finding is one thing that the doctor looked at.
type Finding struct {
	OK   bool
	Text string // in plain words
}

// Doctor says what cfg sets up, what is missing, and what that means. It changes nothing.
func Doctor(ctx context.Context, cfg Config) []Finding {
	a := newHub(cfg, slog.New(slog.DiscardHandler))
	var all []Finding
	good := func(format string, args ...any) { all = append(all, Finding{true, fmt.Sprintf(format, args...)}) }
	bad := func(err error) bool {
		for _, one := range split(err) {
			all = append(all, Finding{false, one.Error()})
		}
		return err != nil
	}
	bad(a.cfg.Check())
	cfg = a.cfg // with what Check completed
	if !bad(a.readSecrets()) && cfg.Secrets != (Secrets{}) {
		good("secrets: what is named can be read")
	}
	if !bad(a.readTrust()) && len(cfg.Trust.Anchors) > 0 {
		good("trust: certificates that lead to %d file(s) of anchors identify third parties%s", len(cfg.Trust.Anchors), sandboxNote(cfg))
	}
	sound := true
	cfg.checkDatabase(func(string, ...any) { sound = false }) // Check said why
	if sound {
		all = append(all, databaseFindings(ctx, cfg)...)
	}
	bad(a.readCertificates())
	for _, l := range cfg.listeners() {
		if l.Address == "" || l.URL == "" {
			continue
		}
		text := fmt.Sprintf("%s: listens on %s, is reached at %s", l.name, l.Address, l.URL)
		if pair := a.certificates[l.name]; pair.Leaf != nil {
			all = append(all, certificateFinding(text, pair.Leaf))
			continue
		}
		good("%s", text)
	}
	if !cfg.Sandbox && cfg.Web.URL != "" && !strings.HasPrefix(a.browserURL(), "https://") {
		bad(errors.New("web: browsers would come without TLS; set webTLS, or a proxy in front and its https:// address as web.url"))
	}
	bad(a.readBanks())
	for _, b := range cfg.Banks {
		if b.bank.Code == "" {
			continue
		}
		good("bank %s: profile %s at %s; consents for at most %d days, %d reads a day without the customer",
			b.bank.Code, b.bank.ProfileName, a.bankURL(b.bank), b.bank.Consent.ValidityDaysMax, b.bank.Consent.FrequencyMax)
		if soundURL(b.Connector.URL) {
			all = append(all, reachFinding(ctx, b))
		}
	}
	if !bad(a.readApps()) && len(cfg.Apps) > 0 {
		good("apps: %d registered client(s)", len(cfg.Apps))
	}
	if !bad(a.readSeals()) {
		for _, code := range slices.Sorted(maps.Keys(a.seals)) {
			seal := a.seals[code]
			all = append(all, certificateFinding("notifications to third parties are sealed by "+seal.Certificate.Subject.CommonName, seal.Certificate))
		}
	}
	return all
}

func sandboxNote(cfg Config) string {
	if cfg.Sandbox {
		return " of this SANDBOX: anybody can get one"
	}
	return ", and no others do"
}

// split takes joined errors apart.
func split(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, split(e)...)
		}
		return all
	}
	return []error{err}
}

func databaseFindings(ctx context.Context, cfg Config) []Finding {
	wrong := func(err error) []Finding { return []Finding{{false, "database: " + err.Error()}} }
	dsn, err := cfg.dsn()
	if err != nil {
		return wrong(err)
	}
	if err := databaseExists(dsn); err != nil {
		return wrong(err)
	}
	db, err := sqldb.Open(ctx, dsn)
	if err != nil {
		return wrong(err)
	}
	defer db.Close()
	if err := migrated(ctx, db); err != nil {
		return wrong(err)
	}
	text := "database: SQLite, and its schema is up to date; enough for one process. Several processes need PostgreSQL"
	if db.Postgres() {
		text = "database: PostgreSQL answers, and its schema is up to date"
	}
	return append([]Finding{{true, text}}, unsettledFindings(ctx, db, cfg.clock(), cfg.bankCodes())...)
}

// databaseExists says whether opening the database would make it, which nobody asked for.
func databaseExists(dsn string) error {
	path, ok := strings.CutPrefix(dsn, "sqlite:")
	if !ok {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("SQLite file %s does not exist yet: run kontor migrate", path)
	}
	return nil
}

func certificateFinding(text string, leaf *x509.Certificate) Finding {
	const soon = 30 * 24 * time.Hour
	text += fmt.Sprintf("; its certificate ends on %s", leaf.NotAfter.Format(time.DateOnly))
	switch left := time.Until(leaf.NotAfter); {
	case left <= 0:
		return Finding{false, text + ", which is over: nobody will connect"}
	case left < soon:
		return Finding{false, text + ", which is soon: renew it, then start again"}
	}
	return Finding{true, text}
}

// reachFinding asks a bank's connector for anything: that it refuses is a good answer.
func reachFinding(ctx context.Context, b Bank) Finding {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	at := fmt.Sprintf("bank %s: the connector at %s ", b.bank.Code, b.Connector.URL)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.Connector.URL+"/api/priora/v2/accounts", nil)
	if err != nil {
		return Finding{false, at + "cannot be asked: " + err.Error()}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		if of, ok := errors.AsType[*url.Error](err); ok {
			err = of.Err
		}
		return Finding{false, at + "does not answer: " + err.Error()}
	}
	res.Body.Close()
	if res.StatusCode >= http.StatusInternalServerError {
		return Finding{false, at + "answers " + res.Status}
	}
	return Finding{true, at + "answers"}
}

// ConfigHelp documents the configuration file; kontor serve --help shows it.
const ConfigHelp = `The file is YAML. Secrets never stand in it: a secret is the path of a file, or
env:NAME of an environment variable. Relative paths start at the file's folder.

  database: postgres://kontor@db/kontor     # or sqlite:FILE, or env:NAME
  api:                                      # third parties: XS2A and tokens
    address: 0.0.0.0:8443
    url: https://api.bank.example           # as others see it
    certificate: tls/api.pem
    key: tls/api.key
  web:                                      # browsers, and the banks' connectors
    address: 0.0.0.0:8080
    url: https://open.bank.example          # https when a proxy in front does TLS
  webTLS: {address: …, url: …, certificate: …, key: …}   # optional: TLS without a proxy
  metrics: 127.0.0.1:9090                   # Prometheus; leave out for none
  secrets:
    keyset: secrets/keyset.json             # Tink keyset that seals the banks' tokens
    namingKey: env:KONTOR_NAMING_KEY        # at least 32 bytes; names accounts towards TPPs
    connectorKey: secrets/connector.key     # RSA key that signs calls to connectors
  trust:
    anchors: [trust/roots.pem]              # whose certificates identify third parties
    intermediates: [trust/issuing.pem]
    blocked: [PSDXX-NCA-0000]               # third parties that are turned away
  banks:
    - file: banks/lon.yaml                  # code, name, basePath, timezone, profile, override
      connector:
        url: https://connector.lon.example  # before /api/priora/v2
        appId: lon
        appSecret: secrets/lon-app
        publicKeys: [keys/lon.pem]
        capabilities: [logins]
  apps:                                     # registered OAuth clients, where the profile wants them
    - {clientId: …, clientSecret: secrets/app1, tpp: PSDSI-BS-1234567, name: …, redirectUris: [https://…]}
  seal: {certificate: …, key: …}            # optional: QSealC that notifications are sealed with; a bank may have its own
  sandbox: false                            # true only with test certificates

kontor secrets --out secrets makes keyset.json, naming.key and connector.key.
kontor doctor --config FILE says in plain words what it makes of the file.
doc/serve.md leads through it from the start.`
