package tpp

import (
	"context"
	"crypto/x509"
	"slices"

	"kontor/kit/eidas"
)

// IdentifySeal returns the TPP that holds the QSealC at the head of chain, by the same rules
// as Identify and from the same memory. It has to be the TPP that is calling, supervised by
// the same authority and in a role that the QWAC has too: a seal of somebody else proves
// nothing about this request, even if the signature is right.
//
// Which role the call needs is asked of the answer (May), as it is asked of the caller.
func (t *Trust) IdentifySeal(ctx context.Context, chain []*x509.Certificate, caller TPP) (TPP, error) {
	sealer, err := t.identify(ctx, chain, eidas.ESeal)
	sealer.BankMayActAsTPP = caller.BankMayActAsTPP // as the profile has it
	switch {
	case err != nil:
		return TPP{}, err
	case sealer.ID != caller.ID:
		return TPP{}, invalid("the QSealC and the QWAC name different holders")
	case sealer.NCAId != caller.NCAId:
		return TPP{}, invalid("the QSealC and the QWAC name different authorities")
	case !sealer.sharesRole(caller):
		return TPP{}, invalid("the QSealC and the QWAC have no role in common")
	}
	return sealer, nil
}

// sharesRole asks for what they may do, because a bank often has the one role of a bank in
// its seal and those of a TPP in its QWAC.
func (t TPP) sharesRole(other TPP) bool {
	return slices.ContainsFunc([]eidas.Role{eidas.AI, eidas.PI, eidas.IC, eidas.AS, eidas.Unspecified}, func(role eidas.Role) bool {
		has := func(p TPP) bool { return slices.Contains(p.Roles, role) || p.May(role) == nil }
		return has(t) && has(other)
	})
}

// serves says whether a certificate of type kind may be used where wanted is needed. In a
// sandbox (AcceptGrave) a TPP may seal with its QWAC, or with a certificate that does not
// say what it is for. The signature of a person is no seal anywhere, and on TLS only a QWAC
// is a QWAC.
func (t *Trust) serves(kind, wanted eidas.QcType) bool {
	return kind == wanted || t.AcceptGrave && wanted == eidas.ESeal && (kind == eidas.Web || kind == "")
}
