package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"kontor/kit/eidas"
)

type certCommands struct {
	Issue certIssueCommand `cmd:"" help:"Issue a test certificate from a sandbox CA; the CA is made if there is none."`
}

type certIssueCommand struct {
	CA           string    `help:"Folder of the sandbox CA, such as the data folder of kontor dev." default:"kontor-data" type:"path"`
	Out          string    `help:"Folder for the certificate and its key." default:"." type:"path"`
	Name         string    `help:"Name of the files: NAME.pem and NAME.key. Default: the kind."`
	Kind         string    `help:"What to issue: ${enum}." enum:"qwac,qseal" default:"qwac"`
	Organization string    `help:"Legal name of the organisation." required:""`
	ID           string    `help:"organizationIdentifier, such as PSDSI-BS-1234567." required:""`
	Roles        []string  `help:"Roles, separated by commas: AI, PI, IC, AS." default:"AI,PI,IC"`
	Domains      []string  `help:"Domains of a QWAC." default:"localhost"`
	Country      string    `help:"Country of the organisation. Default: that of its authority."`
	NotBefore    time.Time `help:"First moment (RFC 3339). Default: now."`
	NotAfter     time.Time `help:"Last moment (RFC 3339). Default: in a year."`
	RSA          bool      `name:"rsa" help:"Use an RSA key instead of ECDSA P-256."`
	Defect       string    `help:"Issue a defective certificate, to test refusals."`
}

// Help is shown by kontor cert issue --help.
func (certIssueCommand) Help() string {
	return "Defects: " + defects() + ".\n\nExample: kontor cert issue --organization 'Alpa Plačila d.o.o.' --id PSDSI-BS-7402113 --roles AI,PI"
}

func (c certIssueCommand) Run() error {
	ca, err := eidas.LoadCA(c.CA)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(c.CA, 0o700); err != nil {
			return err
		}
		if ca, err = eidas.NewCA("Kontor", time.Now(), nil); err == nil {
			err = ca.Save(c.CA)
		}
	}
	if err != nil {
		return fmt.Errorf("sandbox CA: %w", err)
	}
	ca.Now = time.Now
	req := eidas.Request{
		Kind: eidas.QWAC, Organization: c.Organization, OrganizationIdentifier: c.ID, Country: c.Country, DNSNames: c.Domains,
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, Defect: eidas.Defect(c.Defect),
	}
	if c.Kind == "qseal" {
		req.Kind, req.DNSNames = eidas.QSealC, nil
	}
	if c.RSA {
		req.Key = eidas.RSA
	}
	for _, r := range c.Roles {
		req.Roles = append(req.Roles, eidas.Role("PSP_"+strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(r)), "PSP_")))
	}
	issued, err := ca.Issue(req)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		name = c.Kind
	}
	cert, key, err := issued.Save(c.Out, name)
	if err == nil {
		fmt.Printf("certificate %s\nkey         %s\nCA          %s/%s\n", cert, key, c.CA, eidas.CAFile)
	}
	return err
}

func defects() string {
	var all []string
	for _, d := range eidas.Defects() {
		all = append(all, string(d))
	}
	return strings.Join(all, ", ")
}
