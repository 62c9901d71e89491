package app

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"kontor/bank/tpp"
	"kontor/connector/jws"
	"kontor/edge/callback"
	"kontor/kit/eidas"
	"kontor/kit/secretbox"
)

// read checks the configuration and reads every file and variable that it names. All that
// is wrong is said at once: who fixes one thing shall not have to start again to learn of
// the next.
func (a *Hub) read() error {
	return errors.Join(a.cfg.Check(), a.readSecrets(), a.readTrust(), a.readBanks(), a.readCertificates(), a.readApps(), a.readSeals())
}

func (a *Hub) readSecrets() error {
	var errs []error
	read := func(name, from string, use func(string) error) {
		if from == "" {
			return // Check says so
		}
		text, err := a.cfg.secret(from)
		if err == nil {
			err = use(text)
		}
		errs = append(errs, wrap("secrets."+name, err))
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

func (a *Hub) readTrust() error {
	a.trust = &tpp.Trust{Now: a.now, Log: a.log, AcceptGrave: a.cfg.Sandbox}
	var err1, err2 error
	a.trust.Roots, err1 = a.pool("anchors", a.cfg.Trust.Anchors)
	a.trust.Intermediates, err2 = a.pool("intermediates", a.cfg.Trust.Intermediates)
	blocked := map[tpp.ID]bool{}
	for _, id := range a.cfg.Trust.Blocked {
		blocked[tpp.ID(id)] = true
	}
	a.trust.Blocked = func(id tpp.ID) bool { return blocked[id] }
	return errors.Join(err1, err2)
}

// pool reads certificates. A sandbox's anchor is refused outside a sandbox: its
// certificates are issued to anybody.
func (a *Hub) pool(setting string, files []string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	var errs []error
	for _, file := range files {
		certs, err := a.certificatesIn(file)
		if errs = append(errs, wrap("trust."+setting+": "+file, err)); err != nil {
			continue
		}
		for _, cert := range certs {
			pool.AddCert(cert)
		}
	}
	return pool, errors.Join(errs...)
}

func (a *Hub) certificatesIn(file string) ([]*x509.Certificate, error) {
	b, err := os.ReadFile(a.cfg.path(file))
	if err != nil {
		return nil, plain(err)
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue // a private key has no place here, but does no harm
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		switch {
		case eidas.IsSandbox(cert) && !a.cfg.Sandbox:
			return nil, errors.New("is of a sandbox, whose certificates anybody can get: never in production (sandbox: false)")
		case !eidas.IsSandbox(cert) && a.cfg.Sandbox:
			return nil, errors.New("is of production, and must not identify anybody in a sandbox (sandbox: true)")
		}
		all = append(all, cert)
	}
	if len(all) == 0 {
		return nil, errors.New("holds no certificate (PEM)")
	}
	return all, nil
}

// readBanks reads what the banks report with.
func (a *Hub) readBanks() error {
	var errs []error
	for _, b := range a.cfg.Banks {
		if b.bank.Code == "" {
			continue // Check says why
		}
		name := "bank " + b.bank.Code + ": connector."
		c := callback.Bank{Code: b.bank.Code, AppID: b.Connector.AppID, Enabled: !b.Connector.Disabled, Multilevel: slices.Contains(b.Connector.Capabilities, "multilevel")}
		var err error
		if b.Connector.AppSecret != "" {
			c.AppSecret, err = a.cfg.secret(b.Connector.AppSecret)
			errs = append(errs, wrap(name+"appSecret", err))
		}
		c.Keys, err = a.publicKeys(b.Connector.PublicKeys)
		errs = append(errs, wrap(name+"publicKeys", err))
		a.callbacks = append(a.callbacks, c)
	}
	return errors.Join(errs...)
}

func (a *Hub) readCertificates() error {
	var errs []error
	for _, l := range a.cfg.listeners() {
		if l.Certificate == "" || l.Key == "" {
			continue
		}
		pair, err := tls.LoadX509KeyPair(a.cfg.path(l.Certificate), a.cfg.path(l.Key))
		errs = append(errs, wrap(l.name+".certificate", plain(err)))
		a.certificates[l.name] = pair
	}
	return errors.Join(errs...)
}

func (a *Hub) readApps() error {
	var errs []error
	for _, c := range a.cfg.Apps {
		secret := ""
		if c.ClientSecret != "" {
			var err error
			secret, err = a.cfg.secret(c.ClientSecret)
			errs = append(errs, wrap("app "+c.ClientID+": clientSecret", err))
		}
		a.appSecrets = append(a.appSecrets, secret)
	}
	return errors.Join(errs...)
}

// publicKeys reads the keys that a bank signs with.
func (a *Hub) publicKeys(files []string) ([]jws.PublicKey, error) {
	var keys []jws.PublicKey
	for _, file := range files {
		b, err := os.ReadFile(a.cfg.path(file))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, plain(err))
		}
		key, err := jws.ParsePublic(string(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		keys = append(keys, jws.PublicKey{Key: key})
	}
	return keys, nil
}

// wrap says what an error is about. No error stays none.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// plain takes the system call and the path out of a file's error: who reads it knows which
// file is meant.
func plain(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return fmt.Errorf("cannot be read: %w", of.Err)
	}
	return err
}
