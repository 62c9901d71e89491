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
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"kontor/bank/profile"
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

	// Sandbox allows trust anchors of a sandbox. In production it is false, and a sandbox
	// anchor is refused at start.
	Sandbox bool `yaml:"sandbox"`

	dir string // of the file: relative paths in it start there
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

// A Bank is one bank of the hub.
type Bank struct {
	File      string    `yaml:"file"` // the bank's own file: profile and switches
	Connector Connector `yaml:"connector"`

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

// Read reads a file. Unknown settings are errors: a misspelt switch must not be silently off.
func Read(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	var c Config
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	c.dir = filepath.Dir(path)
	return c, nil
}

// Check completes c and returns everything that is wrong with it, joined.
func (c *Config) Check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Database == "" {
		wrong("database: is missing")
	}
	for _, l := range []struct {
		name     string
		l        *Listener
		tls      bool
		optional bool
	}{{"api", &c.API, true, false}, {"web", &c.Web, false, false}, {"webTLS", &c.WebTLS, true, true}} {
		if l.l.Address == "" {
			if !l.optional {
				wrong("%s.address: is missing", l.name)
			}
			continue
		}
		if l.l.URL == "" {
			scheme := "http://"
			if l.tls {
				scheme = "https://"
			}
			l.l.URL = scheme + l.l.Address
		}
		l.l.URL = strings.TrimSuffix(l.l.URL, "/")
		if u, err := url.Parse(l.l.URL); err != nil || u.Host == "" {
			wrong("%s.url: %q is not a URL", l.name, l.l.URL)
		}
		if l.tls && (l.l.Certificate == "" || l.l.Key == "") {
			wrong("%s: certificate and key are needed for TLS", l.name)
		}
	}
	for name, s := range map[string]string{"keyset": c.Secrets.Keyset, "namingKey": c.Secrets.NamingKey, "connectorKey": c.Secrets.ConnectorKey} {
		if s == "" {
			wrong("secrets.%s: is missing", name)
		}
	}
	if len(c.Trust.Anchors) == 0 {
		wrong("trust.anchors: without one, no TPP can be identified")
	}
	if len(c.Banks) == 0 {
		wrong("banks: there is none")
	}
	codes, paths := map[string]bool{}, map[string]string{}
	for i := range c.Banks {
		b := &c.Banks[i]
		if b.bank.Code == "" {
			text, err := os.ReadFile(c.path(b.File))
			if err != nil {
				wrong("banks[%d].file: %w", i, err)
				continue
			}
			if b.bank, err = profile.ParseBank(text); err != nil {
				wrong("%s: %w", b.File, err)
				continue
			}
		}
		code := b.bank.Code
		if codes[code] {
			wrong("bank %s: stands twice", code)
		}
		codes[code] = true
		if other, taken := paths[b.bank.BasePath]; taken {
			wrong("bank %s: has the basePath of %s", code, other)
		}
		paths[b.bank.BasePath] = code
		if u, err := url.Parse(b.Connector.URL); err != nil || u.Host == "" {
			wrong("bank %s: connector.url: %q is not a URL", code, b.Connector.URL)
		}
		for name, s := range map[string]string{"appId": b.Connector.AppID, "appSecret": b.Connector.AppSecret} {
			if s == "" {
				wrong("bank %s: connector.%s: is missing", code, name)
			}
		}
		if len(b.Connector.PublicKeys) == 0 {
			wrong("bank %s: connector.publicKeys: without one, nothing of the bank can be believed", code)
		}
		if b.bank.OAuth.Mode == profile.OAuthPreStep && !slices.Contains(b.Connector.Capabilities, "logins") {
			wrong("bank %s: its profile needs a log-in before any call, but its connector does not declare the capability \"logins\"", code)
		}
	}
	return errors.Join(errs...)
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
		return "", err
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
