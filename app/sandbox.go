package app

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"kontor/connector/jws"
	"kontor/kit/eidas"
	"kontor/kit/secretbox"
	"kontor/ready"
)

// A sandbox is a folder that holds everything `kontor dev` needs beside the databases: a
// test CA, keys and secrets, and TPPs with certificates. What is missing is made; what is
// there is kept, so that a restart changes nothing for those who use it.
type sandbox struct {
	dir          string
	ca           *eidas.CA
	tpps         []ready.TPP
	connectorKey *rsa.PrivateKey // of the hub
	bankKey      *rsa.PrivateKey // of the reference banks
}

// prepare opens the sandbox in dir. hosts are the names and addresses its listeners have.
func prepare(dir string, now time.Time, hosts []string) (*sandbox, error) {
	s := &sandbox{dir: dir}
	for _, sub := range []string{"", "secrets", "tpps"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	// RSA keys take longest, so they are made beside the rest.
	var g errgroup.Group
	g.Go(func() (err error) { s.connectorKey, err = rsaKey(s.file("secrets/hub.key")); return err })
	g.Go(func() (err error) { s.bankKey, err = rsaKey(s.file("secrets/bank.key")); return err })
	g.Go(func() error { return s.makeSecrets() })
	g.Go(func() (err error) {
		if s.ca, err = eidas.LoadCA(dir); errors.Is(err, fs.ErrNotExist) {
			if s.ca, err = eidas.NewCA("Kontor", now, nil); err == nil {
				err = s.ca.Save(dir)
			}
		}
		if err != nil {
			return fmt.Errorf("sandbox CA: %w", err)
		}
		s.ca.Now = func() time.Time { return now }
		if err := s.serverCertificate(hosts); err != nil {
			return err
		}
		return errors.Join(s.makeTPPs(), s.makeSeal())
	})
	return s, g.Wait()
}

func (s *sandbox) file(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// makeSecrets makes what is random and small.
func (s *sandbox) makeSecrets() error {
	keyset, err := secretbox.Generate()
	return errors.Join(err,
		keep(s.file("secrets/keyset.json"), keyset),
		keep(s.file("secrets/naming.key"), []byte(random())),
		keep(s.file("secrets/connector-secret"), []byte(random())))
}

// serverCertificate makes the certificate of the TLS listeners. It is made anew at every
// start: addresses change, and it is not what others remember.
func (s *sandbox) serverCertificate(hosts []string) error {
	names, ips := []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			ips = append(ips, ip)
		} else if h != "" {
			names = append(names, h)
		}
	}
	issued, err := s.ca.IssueServer(names, ips)
	if err != nil {
		return err
	}
	_, _, err = issued.Save(s.dir, "server")
	// Some clients send their own certificate alone: the hub must know the one above it.
	above := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.ca.Issuing.Raw})
	return errors.Join(err, os.WriteFile(s.file(issuingFile), above, 0o644))
}

// issuingFile holds the certificate that issued those of the sandbox's TPPs.
const issuingFile = "issuing.pem"

// The TPPs of the sandbox: one that may do everything, and two that may not.
var sandboxTPPs = []struct {
	file, name, id, country, domain string
	roles                           []eidas.Role
}{
	{"alpa", "Alpa Plačila d.o.o.", "PSDSI-BS-7402113", "SI", "alpa.example", []eidas.Role{eidas.AI, eidas.PI, eidas.IC}},
	{"carpat", "Carpat Agregare SRL", "PSDRO-NBR-0042", "RO", "carpat.example", []eidas.Role{eidas.AI}},
	{"isarpay", "Isarpay GmbH", "PSDDE-BAFIN-118734", "DE", "isarpay.example", []eidas.Role{eidas.PI, eidas.IC}},
}

// makeTPPs issues certificates and client credentials.
func (s *sandbox) makeTPPs() error {
	for _, t := range sandboxTPPs {
		entry := ready.TPP{
			Name: t.name, OrganizationIdentifier: t.id,
			QWAC: s.file("tpps/" + t.file + "-qwac.pem"), QWACKey: s.file("tpps/" + t.file + "-qwac.key"),
			QSeal: s.file("tpps/" + t.file + "-qseal.pem"), QSealKey: s.file("tpps/" + t.file + "-qseal.key"),
			RedirectURIs: []string{
				"https://" + t.domain + "/callback", "https://localhost:9443/callback", "http://localhost:9080/callback", "http://127.0.0.1:9080/callback",
				"example." + t.file + ":/callback", // of its app
			},
		}
		for _, r := range t.roles {
			entry.Roles = append(entry.Roles, string(r))
		}
		if _, err := os.Stat(entry.QSeal); errors.Is(err, fs.ErrNotExist) {
			for _, kind := range []eidas.Kind{eidas.QWAC, eidas.QSealC} {
				req := eidas.Request{Kind: kind, Organization: t.name, OrganizationIdentifier: t.id, Country: t.country, Roles: t.roles}
				name := t.file + "-qseal"
				if kind == eidas.QWAC {
					req.DNSNames = []string{t.domain, "localhost"}
					name = t.file + "-qwac"
				}
				issued, err := s.ca.Issue(req)
				if err == nil {
					_, _, err = issued.Save(s.file("tpps"), name)
				}
				if err != nil {
					return fmt.Errorf("certificate of %s: %w", t.name, err)
				}
			}
		}
		client := s.file("tpps/" + t.file + "-client.json")
		creds, err := json.Marshal(map[string]string{"clientId": t.file + "-" + random()[:16], "clientSecret": random()})
		if err := errors.Join(err, keep(client, creds)); err != nil {
			return err
		}
		b, err := os.ReadFile(client)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &entry); err != nil {
			return fmt.Errorf("%s: %w", client, err)
		}
		s.tpps = append(s.tpps, entry)
	}
	return nil
}

// makeSeal issues what the sandbox's banks seal notifications with.
func (s *sandbox) makeSeal() error {
	if _, err := os.Stat(s.file("seal.pem")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	issued, err := s.ca.Issue(eidas.Request{
		Kind: eidas.QSealC, Organization: "Lonska banka d.d.", OrganizationIdentifier: "PSDSI-BS-5860571", Country: "SI", Roles: []eidas.Role{eidas.AS},
	})
	if err == nil {
		_, _, err = issued.Save(s.dir, "seal")
	}
	return wrap("seal", err)
}

// publicKey writes the public half of key for those who verify with it.
func (s *sandbox) publicKey(key *rsa.PrivateKey, name string) (string, error) {
	text, err := jws.PublicPEM(&key.PublicKey)
	if err != nil {
		return "", err
	}
	path := s.file("secrets/" + name)
	return path, os.WriteFile(path, text, 0o600)
}

// MakeSecrets makes the secrets that a configuration names, and returns their paths. It
// overwrites nothing: what is sealed with a lost key is lost.
func MakeSecrets(dir string) (made []string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	keyset, naming, connector, public := filepath.Join(dir, "keyset.json"), filepath.Join(dir, "naming.key"), filepath.Join(dir, "connector.key"), filepath.Join(dir, "connector.pub")
	for _, file := range []string{keyset, naming, connector, public} {
		if _, err := os.Lstat(file); err == nil {
			return nil, fmt.Errorf("%s is there already: nothing was made", file)
		}
	}
	secret, err := secretbox.Generate()
	if err != nil {
		return nil, err
	}
	key, err := rsaKey(connector)
	if err != nil {
		return nil, err
	}
	text, err := jws.PublicPEM(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return []string{keyset, naming, connector, public}, errors.Join(
		keep(keyset, secret), keep(naming, []byte(random())), os.WriteFile(public, text, 0o644))
}

// rsaKey reads the key in path, or makes one.
func rsaKey(path string) (*rsa.PrivateKey, error) {
	if b, err := os.ReadFile(path); err == nil {
		key, err := jws.ParsePrivate(string(b))
		return key, wrap(path, err)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	const bits = 2048
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, keep(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// keep writes b to path unless something is there already. The file comes into being whole:
// a start that is cut off leaves nothing that the next one would trip over.
func keep(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // for its owner only
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// random returns 256 random bits as text.
func random() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
