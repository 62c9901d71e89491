package verdict

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kontor/bank/tpp"
	"kontor/kit/eidas"
	"kontor/kit/trustlist"
)

// presentedMax bounds how many intermediates of a presented chain are looked at.
const presentedMax = 8

// path looks for a way from the leaf to a service that may issue for that use, and
// returns the leaf's issuer and what the service's list says beyond the leaf's own words.
func (j *Judge) path(q Question, v *Verdict) (*x509.Certificate, []string) {
	if j.Set == nil {
		v.refuse(Path, tpp.ErrCertificateInvalid, "there are no trusted lists that could vouch for its issuer")
		return nil, nil
	}
	paths, err := j.paths(q)
	if err != nil {
		v.refuse(Path, tpp.ErrCertificateInvalid, "no service of a trusted list issued it: its issuer is %s", nameOf(q.Chain[0].Issuer))
		v.find("path", "%v", err)
		return nil, nil
	}
	best := j.best(q, paths)
	for _, cert := range best.path {
		v.Path = append(v.Path, Link{Subject: nameOf(cert.Subject), SHA256: fingerprint(cert.Raw), NotAfter: cert.NotAfter.UTC()})
	}
	s := best.service
	v.Service = serviceOf(s, best.then, best.now, best.qualifiers)
	if best.why != "" {
		v.refuse(Granted, tpp.ErrCertificateInvalid, "%s", best.why)
	}
	for _, l := range []*trustlist.List{j.Set.Lists, j.Set.Of(s.Territory)} {
		v.Lists = append(v.Lists, listOf(l))
		switch {
		case !l.Stale(q.At):
		case l.NextUpdate.IsZero():
			v.refuse(Current, tpp.ErrCertificateInvalid, "the trusted list of %s is closed", l.Territory)
		case q.At.After(l.NextUpdate.Add(j.StaleMax)):
			v.refuse(Current, tpp.ErrCertificateInvalid, "the trusted list of %s should have been replaced by %s", l.Territory, day(l.NextUpdate))
		default:
			v.find("list-stale", "the trusted list of %s should have been replaced by %s", l.Territory, day(l.NextUpdate))
		}
	}
	return best.path[1], best.qualifiers
}

// paths returns every way to a certificate of a service in which every key and signature
// is sound. What the anchor itself is signed with is nobody's to verify: its list is.
func (j *Judge) paths(q Question) ([][]*x509.Certificate, error) {
	intermediates := x509.NewCertPool()
	for _, cert := range q.Chain[1:min(len(q.Chain), presentedMax)] {
		// An oversized key would make the mere attempt to follow it expensive.
		if cert != nil && eidas.SoundKey(cert.PublicKey) == nil {
			intermediates.AddCert(cert)
		}
	}
	// An expired certificate is called so by its own check. That its issuer can be found
	// nevertheless helps whoever reads the verdict.
	leaf, when := q.Chain[0], q.At
	if when.After(leaf.NotAfter) {
		when = leaf.NotAfter
	}
	if when.Before(leaf.NotBefore) {
		when = leaf.NotBefore
	}
	// Understanding the leaf's own extensions is asked by eidas.Usable.
	bare := *leaf
	bare.UnhandledCriticalExtensions = nil
	found, err := bare.Verify(x509.VerifyOptions{
		Roots: j.Set.Anchors(), Intermediates: intermediates, CurrentTime: when,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, err
	}
	err = errors.New("it is its own issuer")
	found = slices.DeleteFunc(found, func(path []*x509.Certificate) bool {
		if len(path) < 2 {
			return true
		}
		for _, issuer := range path[1 : len(path)-1] {
			if e := eidas.Usable(issuer); e != nil {
				err = e
				return true
			}
		}
		if e := eidas.SoundKey(path[len(path)-1].PublicKey); e != nil {
			err = e
			return true
		}
		return false
	})
	if len(found) == 0 {
		return nil, err
	}
	return found, nil
}

// A candidate is a way to a service, and why the service does not vouch for the leaf.
type candidate struct {
	path       []*x509.Certificate
	service    *trustlist.Service
	then, now  trustlist.Period
	qualifiers []string
	why        string
}

// best returns the first candidate that vouches, or else the first of all. The same
// certificate may stand for several services, and one that vouches is enough; but a
// NotQualified of any of them counts, because it was written about this certificate.
func (j *Judge) best(q Question, paths [][]*x509.Certificate) candidate {
	var all []candidate
	for _, path := range paths {
		for _, service := range j.Set.ServicesOf(path[len(path)-1]) {
			all = append(all, weigh(q, path, service))
		}
	}
	for _, c := range all {
		if slices.Contains(c.qualifiers, trustlist.NotQualified) {
			return c
		}
	}
	for _, c := range all {
		if c.why == "" {
			return c
		}
	}
	return all[0]
}

// weigh asks whether service was, and is, qualified to issue such a certificate.
func weigh(q Question, path []*x509.Certificate, service *trustlist.Service) candidate {
	c := candidate{path: path, service: service}
	leaf := q.Chain[0]
	var known bool
	for _, m := range []struct {
		when   time.Time
		word   string
		period *trustlist.Period
	}{{leaf.NotBefore, "when it was issued", &c.then}, {q.At, "at this time", &c.now}} {
		if *m.period, known = service.At(m.when); known {
			for _, qualifier := range m.period.QualifiersOf(leaf) {
				if !slices.Contains(c.qualifiers, qualifier) {
					c.qualifiers = append(c.qualifiers, qualifier)
				}
			}
		}
		if c.why != "" {
			continue
		}
		switch p := *m.period; {
		case !known:
			c.why = fmt.Sprintf("the service %q of %s did not exist %s", service.Name, service.Provider, m.word)
		case p.Unknown != "":
			c.why = fmt.Sprintf("the trusted list of %s says %q of the service %q, which is not understood", service.Territory, p.Unknown, service.Name)
		case !p.IsGranted(m.when):
			c.why = fmt.Sprintf("the service %q of %s was %q %s, not granted", service.Name, service.Provider, last(p.Status), m.word)
		case !p.Is(trustlist.IssuesQualified, uri(q.Use)):
			c.why = fmt.Sprintf("the service %q of %s was not qualified for %s %s", service.Name, service.Provider, last(uri(q.Use)), m.word)
		}
	}
	if slices.Contains(c.qualifiers, trustlist.NotQualified) {
		c.why = fmt.Sprintf("the trusted list of %s says that such certificates of the service %q are not qualified", service.Territory, service.Name)
	}
	return c
}

// qualifiedAs returns what a certificate is for, and whether it is qualified, when the
// list has its say too (TS 119 615: what the list says goes before what the certificate says).
func qualifiedAs(id eidas.Identity, qualifiers []string) (eidas.QcType, bool) {
	kind := id.QcType
	var said []eidas.QcType
	for _, q := range qualifiers {
		switch q {
		case trustlist.QCForWSA:
			said = append(said, eidas.Web)
		case trustlist.QCForESeal:
			said = append(said, eidas.ESeal)
		case trustlist.QCForESig:
			said = append(said, eidas.ESign)
		}
	}
	if len(said) > 0 && !slices.Contains(said, kind) {
		kind = said[0]
	}
	return kind, id.QcCompliance || slices.Contains(qualifiers, trustlist.QCStatement)
}

func uri(use eidas.QcType) string {
	if use == eidas.ESeal {
		return trustlist.ForESeals
	}
	return trustlist.ForWebSiteAuthentication
}

func useName(use eidas.QcType) string {
	if use == eidas.ESeal {
		return "qseal"
	}
	return "qwac"
}

// last returns what distinguishes a URI of TS 119 612 from its neighbours.
func last(uri string) string { return uri[strings.LastIndex(uri, "/")+1:] }
