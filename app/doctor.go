package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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
	var all []Finding
	add := func(err error, good string, args ...any) {
		if err != nil {
			all = append(all, Finding{false, err.Error()})
			return
		}
		all = append(all, Finding{true, fmt.Sprintf(good, args...)})
	}
	if err := cfg.Check(); err != nil {
		for _, one := range split(err) {
			add(one, "")
		}
	}
	a := &Hub{cfg: cfg, log: slog.New(slog.DiscardHandler), now: time.Now}
	add(a.openSecrets(ctx), "secrets: keyset, naming key and connector key can be read")
	add(a.openTrust(ctx), "trust: %d file(s) of anchors; certificates of other issuers are refused", len(cfg.Trust.Anchors))
	all = append(all, databaseFinding(ctx, cfg))
	for name, l := range map[string]Listener{"api": cfg.API, "webTLS": cfg.WebTLS} {
		if l.Address != "" && l.Certificate != "" {
			all = append(all, certificateFinding(a, name, l))
		}
	}
	for _, b := range cfg.Banks {
		if b.bank.Code == "" {
			continue
		}
		add(nil, "bank %s: profile %s at %s%s; consents for at most %d days, %d reads a day without the customer", b.bank.Code, b.bank.ProfileName,
			cfg.API.URL, b.bank.BasePath, b.bank.Consent.ValidityDaysMax, b.bank.Consent.FrequencyMax)
		_, err := a.publicKeys(b.Connector.PublicKeys)
		add(wrap("bank "+b.bank.Code+": connector.publicKeys", err), "bank %s: the keys that its connector signs with can be read", b.bank.Code)
		all = append(all, reachFinding(ctx, b))
	}
	return all
}

// split takes joined errors apart.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, split(e)...)
		}
		return all
	}
	return []error{err}
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func databaseFinding(ctx context.Context, cfg Config) Finding {
	dsn, err := cfg.dsn()
	if err != nil {
		return Finding{false, "database: " + err.Error()}
	}
	db, err := sqldb.Open(ctx, dsn)
	if err != nil {
		return Finding{false, "database: " + err.Error()}
	}
	defer db.Close()
	pending, err := sqldb.Pending(ctx, db, Migrations...)
	switch {
	case err != nil:
		return Finding{false, "database: " + err.Error()}
	case len(pending) > 0:
		return Finding{false, fmt.Sprintf("database: %d migration(s) are not applied yet: run kontor migrate", len(pending))}
	case db.Postgres():
		return Finding{true, "database: PostgreSQL answers, and its schema is up to date"}
	}
	return Finding{true, "database: SQLite; enough for one process. Several processes need PostgreSQL"}
}

func certificateFinding(a *Hub, name string, l Listener) Finding {
	pair, err := tls.LoadX509KeyPair(a.cfg.path(l.Certificate), a.cfg.path(l.Key))
	if err != nil {
		return Finding{false, name + ": certificate: " + err.Error()}
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return Finding{false, name + ": certificate: " + err.Error()}
	}
	left := time.Until(leaf.NotAfter)
	const soon = 30 * 24 * time.Hour
	text := fmt.Sprintf("%s: certificate for %v ends on %s", name, leaf.DNSNames, leaf.NotAfter.Format(time.DateOnly))
	return Finding{left > soon, text}
}

// reachFinding asks a bank's connector for anything: that it refuses is a good answer.
func reachFinding(ctx context.Context, b Bank) Finding {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.Connector.URL+"/api/priora/v2/accounts", nil)
	if err != nil {
		return Finding{false, fmt.Sprintf("bank %s: connector: %v", b.bank.Code, err)}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return Finding{false, fmt.Sprintf("bank %s: the connector does not answer at %s: %v", b.bank.Code, b.Connector.URL, errors.Unwrap(err))}
	}
	res.Body.Close()
	return Finding{true, fmt.Sprintf("bank %s: the connector answers at %s", b.bank.Code, b.Connector.URL)}
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
    connectorKey: secrets/connector.pem     # RSA key that signs calls to connectors
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
  sandbox: false                            # true only with test certificates

kontor doctor --config FILE says in plain words what it makes of it.`
