package app

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"kontor/bank/notify"
	"kontor/bank/notify/notifysql"
	"kontor/edge/push"
)

// readSeals reads what notifications are sealed with.
func (a *Hub) readSeals() error {
	errs := []error{a.readSeal("", "seal", a.cfg.Seal)}
	for _, b := range a.cfg.Banks {
		errs = append(errs, a.readSeal(b.bank.Code, "bank "+b.bank.Code+": seal", b.Seal))
	}
	return errors.Join(errs...)
}

// readSeal reads the seal of a bank, or that of the hub, whose code is "".
func (a *Hub) readSeal(code, name string, s Seal) error {
	if s == (Seal{}) {
		return nil
	}
	if s.Certificate == "" || s.Key == "" {
		return fmt.Errorf("%s: certificate and key belong together", name)
	}
	pair, err := tls.LoadX509KeyPair(a.cfg.path(s.Certificate), a.cfg.path(s.Key))
	if err != nil {
		return wrap(name, plain(err))
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return fmt.Errorf("%s: the key cannot sign", name)
	}
	a.seals[code] = push.Seal{Certificate: pair.Leaf, Key: key}
	return nil
}

// notifications is what tells TPPs of changes of status. Their servers may be certified by
// the public web, or by whoever certifies TPPs.
func (a *Hub) notifications() *notify.Service {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	for _, file := range a.cfg.Trust.Anchors {
		certs, _ := a.certificatesIn(file) // read before, by readTrust
		for _, c := range certs {
			roots.AddCert(c)
		}
	}
	seals := map[string]push.Seal{}
	for code := range a.banks {
		seal, own := a.seals[code]
		if !own {
			seal, own = a.seals[""]
		}
		if own {
			seals[code] = seal
		}
	}
	a.push = push.New(push.Config{Roots: roots, Seals: seals, AnyAddress: a.cfg.Sandbox, Now: a.now})
	return &notify.Service{Store: notifysql.Store{DB: a.db}, Deliver: a.push.Deliver, Now: a.now, NewID: newUUID, Log: a.log}
}

// newUUID returns a random UUID (version 4).
func newUUID() string {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
