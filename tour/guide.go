package tour

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"kontor/kit/money"
	"kontor/ready"
	"kontor/xs2aclient"
)

// A guide knows who takes part, and what the steps so far have brought about.
type guide struct {
	ready ready.Ready
	print *printer
	roots *x509.CertPool
	known map[string]bool // hosts of the sandbox

	salt, bankart ready.Bank
	standard      ready.Bank // may be missing
	tpp           ready.TPP  // plays the tour; has every role
	other         ready.TPP  // another one, that may read accounts
	noAccounts    ready.TPP  // one that may not
	payer, payee  ready.Persona
	// Customers with what not everybody has; they may be missing where there is no bank with
	// the standard profile.
	family, company, traveller ready.Persona

	reports func(accept string, report []byte) // may be nil

	read reading
	isar standardBank
	pay  paying

	funds        *xs2aclient.Client // asks about funds under fundsConsent
	fundsConsent string
}

// newGuide checks that r has everything the tour needs, and says all that is missing.
func newGuide(r ready.Ready, p *printer) (*guide, error) {
	g := &guide{ready: r, print: p, roots: x509.NewCertPool(), known: map[string]bool{}}
	var errs []error
	missing := func(what string) { errs = append(errs, errors.New(what)) }
	if pem, err := os.ReadFile(r.CA); err != nil || !g.roots.AppendCertsFromPEM(pem) {
		missing("no CA certificate in the file " + r.CA)
	}
	for _, address := range []string{r.API, r.Web, r.WebTLS, r.Bank, r.Outbox} {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			g.known[u.Host] = true
		}
	}
	for _, b := range r.Banks {
		for _, address := range []string{b.XS2A, b.OAuth} {
			if u, err := url.Parse(address); err == nil && u.Host != "" {
				g.known[u.Host] = true
			}
		}
		switch {
		case b.Profile == "salt" && g.salt.Code == "":
			g.salt = b
		case b.Profile == "bankart" && g.bankart.Code == "":
			g.bankart = b
		case b.Profile == "standard" && g.standard.Code == "":
			g.standard = b
		}
	}
	if g.salt.XS2A == "" {
		missing("no bank with the profile salt")
	}
	if g.bankart.XS2A == "" {
		missing("no bank with the profile bankart")
	}
	for _, t := range r.TPPs {
		switch {
		case t.May("PSP_AI") && t.May("PSP_PI") && t.May("PSP_IC") && len(t.RedirectURIs) > 0 && t.ClientID != "" && g.tpp.Name == "":
			g.tpp = t
		case t.May("PSP_AI") && g.other.Name == "":
			g.other = t
		case !t.May("PSP_AI") && g.noAccounts.Name == "":
			g.noAccounts = t
		}
	}
	if g.tpp.Name == "" || g.other.Name == "" || g.noAccounts.Name == "" {
		missing("three TPPs are needed: one with every role and a redirect URI, another with PSP_AI, and one without")
	}
	g.meet(r.Personas)
	for _, c := range r.Personas {
		if len(c.Accounts) < 2 || c.Accounts[0].Currency != "EUR" {
			continue
		}
		if g.payer.Login == "" {
			g.payer = c
		} else if g.payee.Login == "" {
			g.payee = c
		}
	}
	if g.payee.Login == "" {
		missing("two customers with two accounts each are needed, the first in EUR")
	}
	if g.standard.XS2A != "" && (g.family.Login == "" || g.company.Login == "" || g.traveller.Login == "" || g.payer.Card == "") {
		missing("customers with a joint account and a loan, with a company, with an account in several currencies, and with a card are needed at the bank with the standard profile")
	}
	return g, errors.Join(errs...)
}

// meet finds the customers who have what not everybody has.
func (g *guide) meet(all []ready.Persona) {
	for _, c := range all {
		has := func(which func(ready.Account) bool) bool { return slices.ContainsFunc(c.Accounts, which) }
		switch {
		case g.family.Login == "" && len(c.Trusted) > 0 && has(joint) && has(func(a ready.Account) bool { return a.CashAccountType == "LOAN" }):
			g.family = c
		case g.company.Login == "" && has(func(a ready.Account) bool { return a.Usage == "ORGA" }):
			g.company = c
		case g.traveller.Login == "" && has(func(a ready.Account) bool { return a.Currency == money.Several }):
			g.traveller = c
		}
	}
}

func joint(a ready.Account) bool { return len(a.Owners) > 1 && a.CashAccountType == "CACC" }

// client calls bank as t; a TPP without files calls without a certificate.
func (g *guide) client(bank ready.Bank, t ready.TPP, change ...func(*xs2aclient.Config)) (*xs2aclient.Client, error) {
	who, _, _ := strings.Cut(t.Name, " ")
	if t.QWAC == "" {
		who = "nobody"
	}
	cfg := xs2aclient.Config{BaseURL: bank.XS2A, Roots: g.roots, Observe: func(e xs2aclient.Exchange) { g.print.exchanged(who, e) }}
	if t.QWAC != "" {
		pair, err := tls.LoadX509KeyPair(t.QWAC, t.QWACKey)
		if err != nil {
			return nil, err
		}
		cfg.Certificate = &pair
	}
	for _, set := range change {
		set(&cfg)
	}
	return xs2aclient.New(cfg)
}

// present is what the TPP says of a PSU who is there and asks.
var present = xs2aclient.PSU{IPAddress: "192.0.2.7", UserAgent: "Mozilla/5.0 (compatible; Kontor tour)"}

// at returns a customer with a browser of her own; close it.
func (g *guide) at(p ready.Persona) *psu {
	return &psu{Persona: p, g: g, browser: newBrowser(g.roots, g.known, g.print)}
}

// redirects are the TPP's addresses for PSUs who come back, the good way and the other.
func (g *guide) redirects() xs2aclient.Redirects {
	uri := g.tpp.RedirectURIs[0]
	return xs2aclient.Redirects{URI: uri + "?way=ok", NokURI: uri + "?way=nok", Brand: g.tpp.Name}
}

// daysAgo is a date of this machine's calendar; the bank's may be a day off.
func daysAgo(n int) string { return time.Now().AddDate(0, 0, -n).Format(time.DateOnly) }

// now is this moment in the zone of the standard bank, whose orders begin on its own days.
func (g *guide) now() time.Time {
	zone, err := time.LoadLocation(g.isar.zone)
	if err != nil {
		zone = time.Local
	}
	return time.Now().In(zone)
}

// today is the date there.
func (g *guide) today() string { return g.now().Format(time.DateOnly) }

// eventually asks again and again whether what the bank reports has arrived.
func eventually(ctx context.Context, ok func() (bool, error)) error {
	const often, long = 100 * time.Millisecond, 15 * time.Second
	deadline := time.Now().Add(long)
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("did not happen within %v", long)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(often):
		}
	}
}

// refusedWith checks that err is the refusal that the standard provides.
func refusedWith(err error, status int, codes ...string) error {
	if err == nil {
		return fmt.Errorf("was not refused; it should be, with %d %s", status, codes)
	}
	e, ok := errors.AsType[*xs2aclient.Error](err)
	if !ok || e.Status != status || !slices.Contains(codes, e.Code()) {
		return fmt.Errorf("should be refused with %d %s, but: %w", status, codes, err)
	}
	if e.RequestID == "" && e.Code() != "FORMAT_ERROR" {
		return fmt.Errorf("the refusal %s carries no X-Request-ID", e.Code())
	}
	return nil
}

// all returns the first error.
func all(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// is checks a value that was told.
func is[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, not %v", what, got, want)
	}
	return nil
}

// has checks that a text is there.
func has(what, got string) error {
	if got == "" {
		return fmt.Errorf("%s is missing", what)
	}
	return nil
}
