package tpp_test

import (
	"context"
	"crypto/x509"
	"errors"
	"testing"

	"kontor/bank/tpp"
	"kontor/kit/eidas"
)

func TestIdentifySeal(t *testing.T) {
	ca, stranger := newCA(t), newCA(t)
	sealed := func(change func(*eidas.Request)) func(*eidas.Request) {
		return func(r *eidas.Request) { seal(r); change(r) }
	}
	for _, tt := range []struct {
		name    string
		chain   []*x509.Certificate
		sandbox bool
		err     error
	}{
		{name: "the caller's own seal", chain: issue(t, ca, seal)},
		{name: "the caller's own seal without its issuer", chain: issue(t, ca, seal)[:1]},
		{name: "somebody else's seal", chain: issue(t, ca, sealed(func(r *eidas.Request) { r.OrganizationIdentifier = "PSDSI-BS-9" })), err: tpp.ErrCertificateInvalid},
		{name: "somebody else's seal in a sandbox", chain: issue(t, ca, sealed(func(r *eidas.Request) { r.OrganizationIdentifier = "PSDSI-BS-9" })), sandbox: true, err: tpp.ErrCertificateInvalid},
		{name: "a website certificate in place of a seal", chain: issue(t, ca, nil), err: tpp.ErrCertificateInvalid},
		{name: "a website certificate in place of a seal in a sandbox", chain: issue(t, ca, nil), sandbox: true},
		{name: "another authority, which only a sandbox lets into a certificate", chain: issue(t, ca, sealed(func(r *eidas.Request) { r.NCAId = "RO-NBR" })), sandbox: true, err: tpp.ErrCertificateInvalid},
		{name: "more roles than the QWAC", chain: issue(t, ca, sealed(func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.PI, eidas.AI} }))},
		{name: "no role of the QWAC", chain: issue(t, ca, sealed(func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.PI} })), err: tpp.ErrCertificateInvalid},
		{name: "the role of a bank, where banks may act as TPP", chain: issue(t, ca, sealed(func(r *eidas.Request) { r.Roles = []eidas.Role{eidas.AS} }))},
		{name: "no PSD2 statement", chain: issue(t, ca, sealed(defect(eidas.NoStatement))), sandbox: true, err: tpp.ErrCertificateInvalid},
		{name: "a weak key", chain: issue(t, ca, sealed(defect(eidas.WeakKey))), sandbox: true, err: tpp.ErrCertificateInvalid},
		{name: "an unknown issuer", chain: issue(t, stranger, seal), sandbox: true, err: tpp.ErrCertificateInvalid},
		{name: "an expired seal", chain: issue(t, ca, sealed(defect(eidas.Expired))), err: tpp.ErrCertificateExpired},
		{name: "a seal that is not valid yet", chain: issue(t, ca, sealed(defect(eidas.NotYetValid))), err: tpp.ErrCertificateExpired},
		{name: "no seal", err: tpp.ErrCertificateMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trust := trust(ca)
			trust.AcceptGrave = tt.sandbox
			caller, err := trust.Identify(t.Context(), issue(t, ca, nil))
			if err != nil {
				t.Fatal(err)
			}
			caller.BankMayActAsTPP = true
			for _, round := range []string{"first time", "from memory"} {
				sealer, err := trust.IdentifySeal(t.Context(), tt.chain, caller)
				if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
					t.Errorf("%s: got %v, want %v", round, err, tt.err)
				}
				if (sealer.ID == caller.ID) != (err == nil) {
					t.Errorf("%s: sealed by %q, with %v", round, sealer.ID, err)
				}
			}
		})
	}
}

func TestSealIsNoQWACEvenInASandbox(t *testing.T) {
	ca := newCA(t)
	trust := trust(ca)
	trust.AcceptGrave = true
	if _, err := trust.Identify(t.Context(), issue(t, ca, seal)); !errors.Is(err, tpp.ErrCertificateInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestBlockedAndRevokedSeals(t *testing.T) {
	ca := newCA(t)
	trust := trust(ca)
	var blocked bool
	var revoked error
	trust.Blocked = func(tpp.ID) bool { return blocked }
	trust.Revoked = func(_ context.Context, leaf, _ *x509.Certificate) error {
		if len(leaf.DNSNames) > 0 {
			return nil // the QWAC is in order
		}
		return revoked
	}
	caller, err := trust.Identify(t.Context(), issue(t, ca, nil))
	if err != nil {
		t.Fatal(err)
	}
	chain := issue(t, ca, seal)
	for _, step := range []struct {
		name    string
		blocked bool
		revoked error
		want    error
	}{
		{"in order", false, nil, nil},
		{"revoked a moment later", false, tpp.ErrCertificateRevoked, tpp.ErrCertificateRevoked},
		{"nobody can tell whether it is revoked", false, errors.New("no route to the responder"), tpp.ErrCertificateInvalid},
		{"blocked a moment later", true, nil, tpp.ErrCertificateBlocked},
		{"in order again", false, nil, nil},
	} {
		blocked, revoked = step.blocked, step.revoked
		if _, err := trust.IdentifySeal(t.Context(), chain, caller); !errors.Is(err, step.want) || step.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", step.name, err, step.want)
		}
	}
}
