// Package ready is the file that `kontor dev --ready-file` writes when everything answers:
// the addresses, certificates, clients and customers of a sandbox. The tour starts from it,
// and so do tools and tests of others, in any language; its shape is kept.
package ready

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// A Ready is what stands in the file.
type Ready struct {
	API      string    `json:"api"`    // base URL for TPPs: TLS with client certificates
	Web      string    `json:"web"`    // base URL for browsers and connectors
	WebTLS   string    `json:"webTls"` // the same over TLS
	Bank     string    `json:"bank"`   // base URL of the reference banks
	CA       string    `json:"ca"`     // PEM file: trust it for the TLS addresses
	Banks    []Bank    `json:"banks"`
	TPPs     []TPP     `json:"tpps"`
	Personas []Persona `json:"personas"`
	Outbox   string    `json:"outbox"` // where the customers' text messages are read
}

// A Bank is one bank of the hub.
type Bank struct {
	Code    string `json:"code"`
	Profile string `json:"profile"`
	XS2A    string `json:"xs2a"`  // base URL of its interface, before /v1
	OAuth   string `json:"oauth"` // of its authorization server; empty where it has none
}

// A TPP is a third party with test certificates. Paths are of PEM files.
type TPP struct {
	Name                   string   `json:"name"`
	OrganizationIdentifier string   `json:"organizationIdentifier"`
	Roles                  []string `json:"roles"` // PSP_AI, PSP_PI, PSP_IC
	QWAC                   string   `json:"qwac"`
	QWACKey                string   `json:"qwacKey"`
	QSeal                  string   `json:"qseal"`
	QSealKey               string   `json:"qsealKey"`
	ClientID               string   `json:"clientId"` // where a bank's clients are registered
	ClientSecret           string   `json:"clientSecret"`
	RedirectURIs           []string `json:"redirectUris"`
}

// May says whether the TPP has role, such as PSP_AI.
func (t TPP) May(role string) bool { return slices.Contains(t.Roles, role) }

// A Persona is an invented customer, with the way into her accounts.
type Persona struct {
	Login    string    `json:"login"`
	Password string    `json:"password"`
	Name     string    `json:"name"`
	Accounts []Account `json:"accounts"`
	Card     string    `json:"card,omitempty"`    // masked number of her credit card
	Trusted  []string  `json:"trusted,omitempty"` // names of those she trusts with payments
}

// An Account is an account of a persona, the one for daily use first.
type Account struct {
	IBAN            string   `json:"iban"`
	Currency        string   `json:"currency"`                  // money.Several: it bundles the others of its IBAN
	CashAccountType string   `json:"cashAccountType,omitempty"` // CACC, SVGS, LOAN
	Usage           string   `json:"usage,omitempty"`           // ORGA: of a company
	Owners          []string `json:"owners,omitempty"`          // where it is not hers alone
}

// Read reads the file.
func Read(path string) (Ready, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Ready{}, err
	}
	var r Ready
	if err := json.Unmarshal(b, &r); err != nil {
		return Ready{}, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Write writes the file in one go, so that whoever waits for it never sees half of it. Only
// its owner may read it: it holds client secrets, though only those of a sandbox.
func (r Ready) Write(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".ready-*") // for its owner only
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
