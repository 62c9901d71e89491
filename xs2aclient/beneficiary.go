package xs2aclient

import (
	"context"
	"net/url"
)

// A TrustedBeneficiary is somebody whom the PSU can pay without SCA.
type TrustedBeneficiary struct {
	ID              string            `json:"trustedBeneficiaryId"`
	DebtorAccount   *AccountReference `json:"debtorAccount"` // the only account it holds for; nil: all
	CreditorAccount AccountReference  `json:"creditorAccount"`
	CreditorAgent   string            `json:"creditorAgent"` // BIC
	CreditorName    string            `json:"creditorName"`
	CreditorAlias   string            `json:"creditorAlias"` // the PSU's word for it
	CreditorID      string            `json:"creditorId"`
	CreditorAddress Address           `json:"creditorAddress"`
}

// TrustedBeneficiaries lists those that the consent covers: of one account, named by its
// resourceID, or of all where that is empty.
func (c *Client) TrustedBeneficiaries(ctx context.Context, resourceID string) ([]TrustedBeneficiary, error) {
	u := c.at("trusted-beneficiaries")
	if resourceID != "" {
		u.RawQuery = url.Values{"account-id": {resourceID}}.Encode()
	}
	var w struct {
		TrustedBeneficiaries []TrustedBeneficiary `json:"trustedBeneficiaries"`
	}
	err := c.get(ctx, "TrustedBeneficiaries", u, &w)
	return w.TrustedBeneficiaries, err
}
