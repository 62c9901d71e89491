package tpp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"kontor/kit/eidas"
)

// presentedMax bounds how many certificates of a presented chain are looked at.
const presentedMax = 8

// Trust identifies TPPs by their certificates. The fields are set before the first use
// and not changed after it: a new trusted list means a new Trust, whose memory is empty.
// Its methods may be called at the same time.
type Trust struct {
	// Roots are the anchors. None means that nobody is trusted; the roots of the
	// operating system are never consulted, because they say nothing about PSD2.
	Roots *x509.CertPool

	// Intermediates helps TPPs that present their leaf alone; may be nil.
	Intermediates *x509.CertPool

	// Now is the clock; nil is the system's.
	Now func() time.Time

	// Blocked says whether a TPP is on the local stop list, or withdrawn from its
	// register. It is asked at every call, so it must be quick. nil blocks nobody.
	Blocked func(ID) bool

	// Revoked returns ErrCertificateRevoked when the issuer has revoked leaf, and any
	// other error when it cannot find out and the plan is to refuse then. It is asked
	// at every call, so that a revocation counts at once, and has to keep the
	// responses of OCSP and the CRLs by itself. nil revokes nothing.
	Revoked func(ctx context.Context, leaf, issuer *x509.Certificate) error

	// BanksMayActAsTPP is given on to every TPP.
	BanksMayActAsTPP bool

	// AcceptGrave lets certificates pass that no qualified provider would issue, such
	// as one of an authority in no country. Identity and roles are read as strictly as ever.
	AcceptGrave bool

	// Log is told, once per verification, why a chain was refused and what was found
	// about a certificate. nil is silent.
	Log *slog.Logger

	verified memory
}

// A verdict is what has been found out about a leaf whose chain leads to an anchor.
type verdict struct {
	leaf, issuer *x509.Certificate
	tpp          TPP
	kind         eidas.QcType
	err          error     // why the certificate identifies no TPP although its chain holds
	since, until time.Time // while it may be relied upon
}

// IdentifyTLS is Identify for the client certificate of a connection.
//
// The listener has to ask for a certificate without verifying it (tls.RequestClientCert):
// otherwise a bad one ends the handshake, and the TPP never learns why.
func (t *Trust) IdentifyTLS(ctx context.Context, state *tls.ConnectionState) (TPP, error) {
	if state == nil {
		return TPP{}, ErrCertificateMissing
	}
	return t.Identify(ctx, state.PeerCertificates)
}

// Identify returns the TPP that holds the QWAC at the head of chain. The certificates
// behind it are intermediates that the TPP has presented.
//
// The order of the checks is the order of what a TPP is told: a certificate that has
// expired is called expired even if nothing else about it is right. The error is one of
// this package's, or ctx's.
func (t *Trust) Identify(ctx context.Context, chain []*x509.Certificate) (TPP, error) {
	return t.identify(ctx, chain, eidas.Web)
}

func (t *Trust) identify(ctx context.Context, chain []*x509.Certificate, kind eidas.QcType) (TPP, error) {
	if len(chain) == 0 || chain[0] == nil {
		return TPP{}, ErrCertificateMissing
	}
	now := t.now()
	leaf := chain[0]
	if now.After(leaf.NotAfter) {
		return TPP{}, fmt.Errorf("%w: it ended on %s", ErrCertificateExpired, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if now.Before(leaf.NotBefore) {
		return TPP{}, fmt.Errorf("%w: it begins on %s", ErrCertificateExpired, leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	thumbprint := Thumbprint(sha256.Sum256(leaf.Raw))
	v, ok := t.verified.get(thumbprint, now)
	if !ok {
		var err error
		if v, err = t.verify(ctx, chain, thumbprint, now); err != nil {
			return TPP{}, err
		}
		t.verified.put(thumbprint, v)
	}
	if err := t.revoked(ctx, v); err != nil {
		return TPP{}, err
	}
	switch {
	case v.err != nil:
		return TPP{}, v.err
	case !t.serves(v.kind, kind):
		return TPP{}, invalid(fmt.Sprintf("its type is %q, not %q", v.kind, kind))
	case t.Blocked != nil && t.Blocked(v.tpp.ID):
		return TPP{}, ErrCertificateBlocked
	}
	return v.tpp, nil
}

// verify finds a path from the leaf to an anchor, and then reads the leaf.
func (t *Trust) verify(ctx context.Context, chain []*x509.Certificate, thumbprint Thumbprint, now time.Time) (*verdict, error) {
	leaf := chain[0]
	refuse := func(text string, cause error) (*verdict, error) {
		t.log(ctx, "certificate refused", thumbprint, leaf, slog.String("reason", text), slog.Any("cause", cause))
		return nil, invalid(text)
	}
	if err := eidas.Usable(leaf); err != nil {
		return refuse(err.Error(), nil)
	}
	if leaf.IsCA {
		return refuse("it is the certificate of a CA", nil)
	}
	if t.Roots == nil {
		return refuse("its issuer is not trusted", errors.New("there are no anchors"))
	}
	path, err := t.path(chain, now)
	if err != nil {
		return refuse("its issuer is not trusted", err)
	}
	v := &verdict{leaf: leaf, issuer: path[1], since: now, until: now.Add(rememberedMax)}
	for _, cert := range path {
		if end := cert.NotAfter; end.Before(v.until) {
			v.until = end
		}
	}
	var found []eidas.Finding
	v.tpp, v.kind, found, v.err = t.read(leaf, thumbprint)
	for _, f := range found {
		t.log(ctx, "finding about a certificate", thumbprint, leaf, slog.String("rule", f.Rule), slog.String("text", f.Text), slog.Bool("grave", f.Grave))
	}
	if v.err != nil {
		t.log(ctx, "certificate refused", thumbprint, leaf, slog.String("reason", v.err.Error()))
	}
	return v, nil
}

// path returns one path from the leaf to an anchor in which every key and signature is
// sound. Extended key usage is not asked for: genuine QWACs differ in it.
func (t *Trust) path(chain []*x509.Certificate, now time.Time) ([]*x509.Certificate, error) {
	intermediates := t.Intermediates
	if presented := chain[1:min(len(chain), presentedMax)]; len(presented) > 0 || intermediates == nil {
		if intermediates == nil {
			intermediates = x509.NewCertPool()
		} else {
			intermediates = intermediates.Clone()
		}
		for _, cert := range presented {
			// An oversized key would make the mere attempt to follow it expensive.
			if cert != nil && eidas.SoundKey(cert.PublicKey) == nil {
				intermediates.AddCert(cert)
			}
		}
	}
	paths, err := chain[0].Verify(x509.VerifyOptions{
		Roots:         t.Roots,
		Intermediates: intermediates,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, err
	}
	err = errors.New("the certificate is its own issuer")
	for _, path := range paths {
		if len(path) < 2 {
			continue
		}
		if err = sound(path); err == nil {
			return path, nil
		}
	}
	return nil, err
}

// sound looks at the issuers in path. The signature on an anchor is nobody's to verify.
func sound(path []*x509.Certificate) error {
	for _, issuer := range path[1 : len(path)-1] {
		if err := eidas.Usable(issuer); err != nil {
			return err
		}
	}
	return eidas.SoundKey(path[len(path)-1].PublicKey)
}

// read turns the leaf into a TPP. What it refuses stays refused, so the error may be
// remembered like the TPP.
func (t *Trust) read(leaf *x509.Certificate, thumbprint Thumbprint) (TPP, eidas.QcType, []eidas.Finding, error) {
	id, found, err := eidas.Parse(leaf)
	if err != nil {
		return TPP{}, "", found, invalid(err.Error())
	}
	if _, err := eidas.ParseOrganizationIdentifier(id.OrganizationIdentifier); err != nil {
		return TPP{}, "", found, invalid(err.Error())
	}
	for _, f := range found {
		if f.Grave && !t.AcceptGrave {
			return TPP{}, "", found, invalid(f.Text)
		}
	}
	p := TPP{
		ID:              ID(id.OrganizationIdentifier),
		Name:            id.Organization,
		Country:         id.Country,
		Roles:           id.Roles,
		NCAName:         id.NCAName,
		NCAId:           id.NCAId,
		Thumbprint:      thumbprint,
		NotAfter:        leaf.NotAfter,
		BankMayActAsTPP: t.BanksMayActAsTPP,
	}
	if p.Name == "" {
		p.Name = id.CommonName
	}
	if id.QcType == eidas.Web {
		if p.DNSNames = id.DNSNames; len(p.DNSNames) == 0 && id.CommonName != "" {
			p.DNSNames = []string{id.CommonName}
		}
	}
	return p, id.QcType, found, nil
}

func (t *Trust) revoked(ctx context.Context, v *verdict) error {
	if t.Revoked == nil {
		return nil
	}
	err := t.Revoked(ctx, v.leaf, v.issuer)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrCertificateRevoked):
		return ErrCertificateRevoked
	case ctx.Err() != nil:
		return ctx.Err()
	}
	t.log(ctx, "revocation unknown", Thumbprint(sha256.Sum256(v.leaf.Raw)), v.leaf, slog.Any("cause", err))
	return invalid("whether it is revoked cannot be found out")
}

func (t *Trust) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

// log writes who issued a certificate but not whom it names: until its chain holds,
// anybody can put anything there.
func (t *Trust) log(ctx context.Context, message string, thumbprint Thumbprint, leaf *x509.Certificate, more ...slog.Attr) {
	if t.Log == nil {
		return
	}
	t.Log.LogAttrs(ctx, slog.LevelInfo, message, append(more,
		slog.String("thumbprint", thumbprint.String()), slog.String("issuer", leaf.Issuer.CommonName))...)
}

func invalid(text string) error { return fmt.Errorf("%w: %s", ErrCertificateInvalid, text) }
