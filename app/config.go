// Package app builds the program from one Config: databases, rules, wires, listeners. It is
// the only package that knows all the others, and is read from top to bottom as the map of
// the house.
//
// Config is the shape of the file that `kontor serve` reads. Everything that is wrong with
// it is said at once, at start. No secret stands in it: secrets are named by file or by
// environment variable.
package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"kontor/bank/profile"
	"kontor/connector/client"
)

// A Config says everything that a hub needs to know at start.
type Config struct {
	// Database is "sqlite:PATH", or "postgres://…", or "env:NAME" of a variable that holds it.
	Database string `yaml:"database"`

	API     Listener `yaml:"api"`     // TPPs: XS2A and tokens, over TLS with client certificates
	Web     Listener `yaml:"web"`     // browsers and connectors
	WebTLS  Listener `yaml:"webTLS"`  // the same over TLS; optional behind a proxy that does TLS
	Metrics string   `yaml:"metrics"` // address of Prometheus metrics; empty: none

	Secrets Secrets `yaml:"secrets"`
	Trust   Trust   `yaml:"trust"`
	Banks   []Bank  `yaml:"banks"`
	Apps    []App   `yaml:"apps"`

	// Seal is what notifications to TPPs are sealed with, unless a bank has its own; they are
	// not sealed where there is none.
	Seal Seal `yaml:"seal"`

	// Sandbox allows trust anchors of a sandbox. In production it is false, and a sandbox
	// anchor is refused at start.
	Sandbox bool `yaml:"sandbox"`

	dir    string           // of the file: relative paths in it start there
	now    func() time.Time // nil: time.Now
	limits limits

	migrated  bool    // known to be: New need not look
	malformed []error // what Read could not make sense of
}

// A Listener is an address to listen on and the URL under which others reach it.
type Listener struct {
	Address     string `yaml:"address"`     // host:port; empty: not listened on
	URL         string `yaml:"url"`         // as others see it; default: made from the address
	Certificate string `yaml:"certificate"` // PEM file with the chain; TLS listeners only
	Key         string `yaml:"key"`         // PEM file

	opened net.Listener // by whoever had to know the port beforehand
}

// Secrets names files, or variables as "env:NAME", that hold secrets.
type Secrets struct {
	Keyset       string `yaml:"keyset"`       // Tink keyset (JSON) that seals banks' tokens
	NamingKey    string `yaml:"namingKey"`    // at least 32 bytes: names accounts and pages towards TPPs
	ConnectorKey string `yaml:"connectorKey"` // RSA private key (PEM) that signs calls to connectors
}

// Trust says whose certificates identify TPPs.
type Trust struct {
	Anchors       []string `yaml:"anchors"`       // PEM files of root certificates
	Intermediates []string `yaml:"intermediates"` // PEM files
	Blocked       []string `yaml:"blocked"`       // authorisation numbers that are turned away
}

// A Seal is a certificate for electronic seals (QSealC) with its key.
type Seal struct {
	Certificate string `yaml:"certificate"` // PEM file
	Key         string `yaml:"key"`         // PEM file
}

// A Bank is one bank of the hub.
type Bank struct {
	File      string    `yaml:"file"` // the bank's own file: profile and switches
	Connector Connector `yaml:"connector"`
	Seal      Seal      `yaml:"seal"` // of the bank itself

	bank profile.Bank
}

// A Connector is how the hub and a bank reach each other.
type Connector struct {
	URL          string   `yaml:"url"` // before /api/priora/v2
	AppID        string   `yaml:"appId"`
	AppSecret    string   `yaml:"appSecret"`  // file or env:NAME
	PublicKeys   []string `yaml:"publicKeys"` // PEM files of the keys that the bank signs with
	Capabilities []string `yaml:"capabilities"`
	Disabled     bool     `yaml:"disabled"`
}

// An App is a registered client of the authorization server.
type App struct {
	ClientID     string   `yaml:"clientId"`
	ClientSecret string   `yaml:"clientSecret"` // file or env:NAME
	TPP          string   `yaml:"tpp"`          // organizationIdentifier
	Name         string   `yaml:"name"`
	RedirectURIs []string `yaml:"redirectUris"`
}

// Read reads a file. Unknown settings are errors, which Check reports with all the others: a
// misspelt switch must not be silently off.
func Read(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, plain(err))
	}
	c := Config{dir: filepath.Dir(path)}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	err = dec.Decode(&c)
	var wrong *yaml.TypeError
	switch {
	case errors.As(err, &wrong):
		for _, message := range wrong.Errors {
			c.malformed = append(c.malformed, fmt.Errorf("%s: %s", path, plainYAML(message)))
		}
	case err != nil && !errors.Is(err, io.EOF):
		return Config{}, fmt.Errorf("%s: is not YAML: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return c, nil
}

var (
	unknownSetting = regexp.MustCompile(`^(line \d+): field (\S+) not found in type \S+$`)
	misfit         = regexp.MustCompile("^(line \\d+): cannot unmarshal !!\\w+(?: `(.*)`)? into .*$")
)

// plainYAML turns a message about Go types into one about the file.
func plainYAML(message string) string {
	if m := unknownSetting.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s: there is no setting %q here", m[1], m[2])
	}
	if m := misfit.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s: %q is not what belongs here; kontor serve --help shows the shape", m[1], m[2])
	}
	return message
}

// Check completes c and returns everything that is wrong with it, joined.
func (c *Config) Check() error {
	errs := slices.Clone(c.malformed)
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	c.checkDatabase(wrong)
	c.checkListeners(wrong)
	for _, s := range []struct{ name, from string }{
		{"keyset", c.Secrets.Keyset}, {"namingKey", c.Secrets.NamingKey}, {"connectorKey", c.Secrets.ConnectorKey},
	} {
		if s.from == "" {
			wrong("secrets.%s: is missing", s.name)
		}
	}
	if len(c.Trust.Anchors) == 0 {
		wrong("trust.anchors: without one, no TPP can be identified")
	}
	if len(c.Banks) == 0 {
		wrong("banks: there is none")
	}
	c.checkBanks(wrong)
	c.checkApps(wrong)
	return errors.Join(errs...)
}

type complaint func(format string, args ...any)

func (c *Config) checkDatabase(wrong complaint) {
	scheme, rest, _ := strings.Cut(c.Database, ":")
	switch {
	case c.Database == "":
		wrong("database: is missing")
	case !slices.Contains([]string{"sqlite", "postgres", "postgresql", "env"}, scheme) || rest == "":
		wrong("database: must be sqlite:FILE, postgres://… or env:NAME") // it may hold a password, so it is not repeated
	}
}

// A namedListener is a listener with its name in the file.
type namedListener struct {
	*Listener
	name          string
	tls, optional bool
}

func (c *Config) listeners() []namedListener {
	return []namedListener{{&c.API, "api", true, false}, {&c.Web, "web", false, false}, {&c.WebTLS, "webTLS", true, true}}
}

func (c *Config) checkListeners(wrong complaint) {
	taken := map[string]string{}
	address := func(name, address string) bool {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			wrong("%s: %q must be an address as host:port", name, address)
			return false
		}
		if other := taken[address]; other != "" && port != "0" {
			wrong("%s: %s listens on %s already", name, other, address)
		}
		taken[address] = name
		return true
	}
	for _, l := range c.listeners() {
		if l.Address == "" {
			if !l.optional {
				wrong("%s.address: is missing", l.name)
			} else if l.URL != "" || l.Certificate != "" {
				wrong("%s.address: is missing, so the rest of it means nothing", l.name)
			}
			continue
		}
		if !address(l.name+".address", l.Address) {
			continue
		}
		if l.URL == "" {
			l.URL = "http://" + l.Address
			if l.tls {
				l.URL = "https://" + l.Address
			}
		}
		l.URL = strings.TrimSuffix(l.URL, "/")
		if !soundURL(l.URL) {
			wrong("%s.url: %q must be http:// or https://, a host, and no query", l.name, l.URL)
		} else if l.tls && !strings.HasPrefix(l.URL, "https://") {
			wrong("%s.url: %q must begin with https://", l.name, l.URL)
		}
		switch {
		case l.tls && (l.Certificate == "" || l.Key == ""):
			wrong("%s: certificate and key are needed for TLS", l.name)
		case !l.tls && (l.Certificate != "" || l.Key != ""):
			wrong("%s: does not speak TLS, so it takes no certificate; webTLS does", l.name)
		}
	}
	if c.Metrics != "" {
		address("metrics", c.Metrics)
	}
}

// soundURL says whether other addresses can be made by appending paths to s.
func soundURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}

func (c *Config) checkBanks(wrong complaint) {
	codes, paths, apps := map[string]bool{}, map[string]string{}, map[string]string{}
	for i := range c.Banks {
		b := &c.Banks[i]
		if b.bank.Code == "" && !c.readBank(i, b, wrong) {
			continue
		}
		code := b.bank.Code
		if codes[code] {
			wrong("bank %s: stands twice", code)
			continue
		}
		codes[code] = true
		for path, other := range paths {
			if strings.HasPrefix(path+"/", b.bank.BasePath+"/") || strings.HasPrefix(b.bank.BasePath+"/", path+"/") {
				wrong("bank %s: basePath %s and that of %s, %s, overlap", code, b.bank.BasePath, other, path)
			}
		}
		paths[b.bank.BasePath] = code
		if !soundURL(b.Connector.URL) {
			wrong("bank %s: connector.url: %q must be http:// or https://, a host, and no query", code, b.Connector.URL)
		}
		for _, s := range []struct{ name, value string }{{"appId", b.Connector.AppID}, {"appSecret", b.Connector.AppSecret}} {
			if s.value == "" {
				wrong("bank %s: connector.%s: is missing", code, s.name)
			}
		}
		if other, taken := apps[b.Connector.AppID]; taken && b.Connector.AppID != "" {
			wrong("bank %s: connector.appId: is that of %s; the hub could not tell their reports apart", code, other)
		}
		apps[b.Connector.AppID] = code
		if len(b.Connector.PublicKeys) == 0 {
			wrong("bank %s: connector.publicKeys: without one, nothing of the bank can be believed", code)
		}
		for _, c := range b.Connector.Capabilities {
			if !slices.Contains(client.Capabilities, c) {
				wrong("bank %s: there is no capability %q of connectors; there are %s", code, c, strings.Join(client.Capabilities, ", "))
			}
		}
		for name, needed := range map[string]bool{
			"trusted_beneficiaries": b.bank.Accounts.TrustedBeneficiaries,
			"standing_orders":       slices.Contains(b.bank.Accounts.BookingStatuses, "information"),
			"refresh":               b.bank.Accounts.RefreshAfter > 0,
			"funds_at_bank":         b.bank.Funds.ConsentVia == profile.FundsAtBank,
			"bulk-payments":         len(b.bank.Payments.Products["bulk-payments"]) > 0,
			"periodic-payments":     len(b.bank.Payments.Products["periodic-payments"]) > 0,
			"baskets":               b.bank.Baskets.Enabled,
			"decoupled":             slices.Contains(b.bank.SCAApproaches, profile.Decoupled),
			"embedded":              slices.Contains(b.bank.SCAApproaches, profile.Embedded),
			"cancellation":          b.bank.Payments.Cancellation != profile.CancelNone,
			"payee_verification":    b.bank.Payments.PayeeVerification,
			"confirmation":          b.bank.Confirms(),
		} {
			if needed && !slices.Contains(b.Connector.Capabilities, name) {
				wrong("bank %s: its profile offers what its connector does not: declare the capability %q, or switch it off", code, name)
			}
		}
		if b.bank.OAuth.Mode == profile.OAuthPreStep && !slices.Contains(b.Connector.Capabilities, "logins") {
			wrong("bank %s: its profile needs a log-in before any call, but its connector does not declare the capability \"logins\"", code)
		}
	}
}

// readBank reads the file of b.
func (c *Config) readBank(i int, b *Bank, wrong complaint) bool {
	if b.File == "" {
		wrong("banks[%d].file: is missing", i)
		return false
	}
	text, err := os.ReadFile(c.path(b.File))
	if err != nil {
		wrong("banks[%d].file: %s: %w", i, b.File, plain(err))
		return false
	}
	bank, err := profile.ParseBank(text)
	if err != nil {
		for _, one := range split(err) {
			wrong("%s: %w", b.File, one)
		}
		return false
	}
	b.bank = bank
	return true
}

func (c *Config) checkApps(wrong complaint) {
	seen := map[string]bool{}
	for i, a := range c.Apps {
		if a.ClientID == "" {
			wrong("apps[%d].clientId: is missing", i)
			continue
		}
		if seen[a.ClientID] {
			wrong("app %s: stands twice", a.ClientID)
		}
		seen[a.ClientID] = true
		for _, s := range []struct{ name, value string }{{"clientSecret", a.ClientSecret}, {"tpp", a.TPP}, {"name", a.Name}, {"redirectUris", strings.Join(a.RedirectURIs, "")}} {
			if s.value == "" {
				wrong("app %s: %s: is missing", a.ClientID, s.name)
			}
		}
	}
}

// path makes a path of the file absolute.
func (c *Config) path(p string) string {
	if filepath.IsAbs(p) || c.dir == "" {
		return p
	}
	return filepath.Join(c.dir, p)
}

// secret reads a secret from a file, or from the environment as "env:NAME".
func (c *Config) secret(from string) (string, error) {
	if name, ok := strings.CutPrefix(from, "env:"); ok {
		s := os.Getenv(name)
		if s == "" {
			return "", fmt.Errorf("environment variable %s is empty", name)
		}
		return s, nil
	}
	if text, ok := strings.CutPrefix(from, "plain:"); ok && c.Sandbox {
		return text, nil // a sandbox's secrets are no secrets
	}
	b, err := os.ReadFile(c.path(from))
	if err != nil {
		return "", fmt.Errorf("%s: %w", from, plain(err))
	}
	return strings.TrimSpace(string(b)), nil
}

// dsn is the database's address, wherever it stands.
func (c *Config) dsn() (string, error) {
	if strings.HasPrefix(c.Database, "env:") {
		return c.secret(c.Database)
	}
	if p, ok := strings.CutPrefix(c.Database, "sqlite:"); ok {
		return "sqlite:" + c.path(p), nil
	}
	return c.Database, nil
}
