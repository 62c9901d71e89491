package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"kontor/bank/tpp"
	"kontor/bank/verdict"
	"kontor/kit/eidas"
	"kontor/kit/trustlist"
)

type certificateCommand struct {
	File     string        `arg:"" help:"The certificate: PEM or DER; intermediates may follow it." type:"existingfile"`
	Lists    string        `help:"Folder of trusted lists (*.xml): the list of the lists, its pivots, the national lists." placeholder:"DIR" type:"existingdir"`
	Signer   []string      `help:"Who signs the list of the lists, by the Official Journal: SHA-256 of a certificate, or a PEM file." placeholder:"HEX|FILE"`
	At       time.Time     `help:"The moment to judge for (RFC 3339). Default: now."`
	Use      string        `help:"What it is to be used for: ${enum}; auto asks the certificate." enum:"auto,qwac,qseal" default:"auto"`
	Role     string        `help:"Role that it must give: AI, PI, IC or AS." placeholder:"ROLE"`
	OCSP     []string      `name:"ocsp" help:"OCSP responses about it." placeholder:"FILE" type:"existingfile"`
	CRL      []string      `name:"crl" help:"Revocation lists of its issuer." placeholder:"FILE" type:"existingfile"`
	Answered bool          `help:"Refuse it unless a current OCSP response or revocation list is among those."`
	StaleMax time.Duration `help:"How long after its next update a list still counts." default:"0s" placeholder:"DURATION"`
	StopList string        `help:"File of organizationIdentifiers that are blocked, one a line." placeholder:"FILE" type:"existingfile"`
	JSON     bool          `help:"Print the verdict as JSON, as it would be stored."`
}

// Help is shown by kontor certificate --help.
func (certificateCommand) Help() string {
	return `Says whether a QWAC or QSealC may be relied upon, by which trusted list, and what is odd
about it. Nothing is fetched: put the lists into a folder under the names of their addresses, such as

  eu-lotl.xml                   https://ec.europa.eu/tools/lotl/eu-lotl.xml
  eu-lotl-pivot-341.xml         pivots that it names, if any
  SI.xml …                      the national lists that it points to

and give by --signer whom the Official Journal of the European Union names for the list of the
lists. The exit code is 0 if the certificate is accepted, and 1 if it is not.

Example: kontor certificate qwac.pem --lists lists --signer oj.pem --role AI`
}

func (c certificateCommand) Run() error {
	q := verdict.Question{At: c.At, Use: eidas.QcType(c.Use)}
	if q.At.IsZero() {
		q.At = time.Now()
	}
	var err error
	if q.Chain, err = certificatesIn(c.File); err != nil {
		return err
	}
	switch c.Use {
	case "qwac":
		q.Use = eidas.Web
	case "qseal":
		q.Use = eidas.ESeal
	default:
		q.Use = useOf(q.Chain[0])
	}
	if c.Role != "" {
		q.Role = eidas.Role("PSP_" + strings.TrimPrefix(strings.ToUpper(c.Role), "PSP_"))
		if !slices.Contains([]eidas.Role{eidas.AI, eidas.PI, eidas.IC, eidas.AS}, q.Role) {
			return fmt.Errorf("--role %s: it is none of AI, PI, IC and AS", c.Role)
		}
	}
	if q.OCSP, err = readAll(c.OCSP); err != nil {
		return err
	}
	if q.CRLs, err = readAll(c.CRL); err != nil {
		return err
	}
	j := verdict.Judge{StaleMax: c.StaleMax, MustAnswer: c.Answered}
	if j.Set, err = c.open(); err != nil {
		return err
	}
	if j.Blocked, err = c.blocked(); err != nil {
		return err
	}
	v := j.On(q)
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(v)
	} else {
		tell(os.Stdout, v)
	}
	if err == nil && !v.Accepted {
		err = fmt.Errorf("refused: %s", v.Code)
	}
	return err
}

// open verifies the lists. One that is not good is told of, and vouches for nobody.
func (c certificateCommand) open() (*trustlist.Set, error) {
	if c.Lists == "" {
		if len(c.Signer) > 0 {
			return nil, errors.New("--signer says who signs lists: give --lists too")
		}
		return nil, nil
	}
	var pins []trustlist.Pin
	for _, s := range c.Signer {
		if pin, err := trustlist.ParsePin(s); err == nil {
			pins = append(pins, pin)
			continue
		}
		certs, err := certificatesIn(s)
		if err != nil {
			return nil, fmt.Errorf("--signer %s is neither a SHA-256 nor a file of certificates: %w", s, err)
		}
		for _, cert := range certs {
			pins = append(pins, trustlist.PinOf(cert))
		}
	}
	if len(pins) == 0 {
		return nil, errors.New("--lists needs --signer: without knowing who signs the list of the lists, anybody could have")
	}
	names, err := filepath.Glob(filepath.Join(c.Lists, "*.xml"))
	if err != nil {
		return nil, err
	}
	var files []trustlist.File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, trustlist.File{Name: filepath.Base(name), Data: data})
	}
	set, err := trustlist.Open(files, pins)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Lists, err)
	}
	for _, p := range set.Problems {
		fmt.Fprintf(os.Stderr, "kontor: %s does not count: %v\n", p.File, p.Err)
	}
	return set, nil
}

func (c certificateCommand) blocked() (func(tpp.ID) bool, error) {
	if c.StopList == "" {
		return nil, nil
	}
	data, err := os.ReadFile(c.StopList)
	if err != nil {
		return nil, err
	}
	stopped := map[tpp.ID]bool{}
	for line := range strings.Lines(string(data)) {
		stopped[tpp.ID(strings.TrimSpace(line))] = true
	}
	return func(id tpp.ID) bool { return stopped[id] }, nil
}

// useOf asks a certificate what it is for; one that does not say is judged as a QWAC.
func useOf(cert *x509.Certificate) eidas.QcType {
	if id, _, err := eidas.Parse(cert); err == nil && id.QcType == eidas.ESeal {
		return eidas.ESeal
	}
	return eidas.Web
}

// certificatesIn reads a file of certificates in PEM, or of one in DER.
func certificatesIn(name string) ([]*x509.Certificate, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, cert)
	}
	if len(all) > 0 {
		return all, nil
	}
	cert, err := x509.ParseCertificate(data)
	if err != nil {
		return nil, fmt.Errorf("%s holds no certificate: %w", name, err)
	}
	return []*x509.Certificate{cert}, nil
}

func readAll(names []string) ([][]byte, error) {
	var all [][]byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// tell prints a verdict for people.
func tell(w io.Writer, v verdict.Verdict) {
	line := func(what, format string, args ...any) {
		// Anybody can put anything into a certificate, such as what moves a terminal's cursor.
		shown := strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return unicode.ReplacementChar
			}
			return r
		}, fmt.Sprintf(format, args...))
		fmt.Fprintf(w, "%-12s %s\n", what, shown)
	}
	const day = "2006-01-02"
	if v.Accepted {
		line("ACCEPTED", "as %s on %s", v.Use, v.At.Format(time.RFC3339))
	} else {
		line("REFUSED", "as %s on %s: %s", v.Use, v.At.Format(time.RFC3339), v.Code)
	}
	for _, r := range v.Refusals {
		line("  because", "%s (%s: %s)", r.Reason, r.Check, r.Code)
	}
	if h := v.Holder; h != nil {
		line("holder", "%s, %s", h.Name, h.OrganizationIdentifier)
		line("roles", "%s", strings.Join(h.Roles, ", "))
		line("supervised", "by %s (%s)", h.NCAName, h.NCAId)
		if len(h.DNSNames) > 0 {
			line("domains", "%s", strings.Join(h.DNSNames, ", "))
		}
	}
	if cert := v.Certificate; cert != nil {
		line("certificate", "%s, from %s to %s", cert.Subject, cert.NotBefore.Format(day), cert.NotAfter.Format(day))
		line("  SHA-256", "%s", cert.SHA256)
		if len(v.Path) == 0 {
			line("issuer", "%s", cert.Issuer)
		}
	}
	for _, link := range v.Path[min(1, len(v.Path)):] {
		line("issued by", "%s, until %s", link.Subject, link.NotAfter.Format(day))
	}
	if s := v.Service; s != nil {
		line("service", "%s: %s of %s", s.Territory, s.Name, s.Provider)
		period := func(when string, p *verdict.Period) {
			if p != nil {
				line("  "+when, "%s since %s, %s", p.Status, p.Since.Format(day), strings.Join(p.Uses, ", "))
			}
		}
		period("at issuance", s.AtIssuance)
		period("now", s.Now)
		if len(s.Qualifiers) > 0 {
			line("  says", "%s", strings.Join(s.Qualifiers, ", "))
		}
	}
	for _, l := range v.Lists {
		until := "closed"
		if l.NextUpdate != nil {
			until = "next update " + l.NextUpdate.Format(day)
		}
		line("list", "%s %d of %s, %s, SHA-256 %s", l.Territory, l.Sequence, l.Issued.Format(day), until, l.SHA256)
	}
	if r := v.Revocation; r != nil {
		line("revocation", "%s of %s by %s", r.Source, r.ThisUpdate.Format(time.RFC3339), r.Signer)
	}
	for _, f := range v.Findings {
		line("finding", "%s (%s)", f.Text, f.Rule)
	}
}
