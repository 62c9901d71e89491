package account

import (
	"context"
	"fmt"

	"kontor/bank/consent"
	"kontor/bank/core"
)

// TrustedBeneficiaries lists whom the PSU pays without SCA, from the account resourceID or,
// where it is nil, from all that the consent covers.
//
// spec: xs2a/trustedBeneficiaries
func (s *Service) TrustedBeneficiaries(ctx context.Context, r Read, resourceID *string) ([]core.TrustedBeneficiary, error) {
	u := consent.Use{Beneficiaries: true, Key: "trusted-beneficiaries/", Action: "trustedBeneficiaries.list"}
	if resourceID != nil {
		u.Key += *resourceID
	}
	c, err := s.open(ctx, r, u, resourceID, false)
	if err != nil {
		return nil, err
	}
	listed, err := s.Cores[c.Bank].TrustedBeneficiaries(ctx, access(r, c))
	if err != nil {
		return nil, s.heard(ctx, c, err)
	}
	all := []core.TrustedBeneficiary{}
	for _, b := range listed {
		if !s.mayShow(c, b, resourceID) {
			continue
		}
		b.ID = beneficiaryID(s.Key, c, b.ID)
		all = append(all, b)
	}
	return all, nil
}

// mayShow says whether b belongs to an account that is asked for and that c covers.
func (s *Service) mayShow(c consent.Consent, b core.TrustedBeneficiary, resourceID *string) bool {
	if b.DebtorAccount.IsZero() {
		return true
	}
	for _, a := range c.Accounts {
		if (resourceID == nil || a.ResourceID == *resourceID) && b.DebtorAccount.Matches(a.Reference) {
			return true
		}
	}
	return false
}

// beneficiaryID names a beneficiary towards the TPP, in the form of a UUID (version 8) that
// is the same at every call.
func beneficiaryID(key []byte, c consent.Consent, id string) string {
	u := keyed(key, "beneficiary", c.Bank, c.ID, id)
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
