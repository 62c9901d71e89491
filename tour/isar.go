package tour

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"kontor/ready"
	"kontor/xs2aclient"
)

// A standardBank is the bank with the standard profile, where SCA happens inside OAuth, with
// the consents that are open there.
type standardBank struct {
	client *xs2aclient.Client // as the TPP; no token, nobody there
	oauth  xs2aclient.OAuth
	// Consents to everything, one for each customer: a newer one takes the place of an older.
	family, company, traveller, payer *reading

	zone    string               // of its calendar
	watched *observed            // the payer's account, with what is available of it
	later   xs2aclient.PaymentID // a payment that she has approved, and that waits for its day

	standing xs2aclient.PaymentID // a standing order that runs
	signing  signing
	bulk     struct {
		id   xs2aclient.PaymentID
		sent []byte
	}
}

// asks creates a consent at the standard bank. The first time, it reads where the
// authorization server is.
func (g *guide) asks(ctx context.Context, r xs2aclient.ConsentRequest) (created xs2aclient.ConsentCreated, err error) {
	b := &g.isar
	if b.client == nil {
		if b.client, err = g.client(g.standard, g.tpp); err != nil {
			return created, err
		}
	}
	created, err = b.client.WithPSU(present).CreateConsent(ctx, r, g.redirects())
	if err = all(err, is("consentStatus", created.ConsentStatus, xs2aclient.ConsentReceived), has("the scaOAuth link", created.Links["scaOAuth"])); err != nil {
		return created, err
	}
	if b.oauth.ClientID == "" {
		m, err := b.client.Metadata(ctx, created.Links["scaOAuth"])
		if err != nil {
			return created, err
		}
		b.oauth = xs2aclient.OAuth{Metadata: m, ClientID: g.tpp.OrganizationIdentifier, RedirectURI: g.tpp.RedirectURIs[0]}
	}
	return created, nil
}

// gives has who give a consent at the standard bank.
func (g *guide) gives(ctx context.Context, who ready.Persona, r xs2aclient.ConsentRequest, do plan) (*reading, error) {
	created, err := g.asks(ctx, r)
	if err != nil {
		return nil, err
	}
	token, err := g.leads(ctx, who, g.isar.client, g.isar.oauth, xs2aclient.ScopeOfConsent(created.ConsentID), do)
	if err != nil {
		return nil, err
	}
	given := &reading{client: g.isar.client, oauth: g.isar.oauth, created: created, token: token}
	return given, g.becomes(ctx, given.client, created.ConsentID, xs2aclient.ConsentValid)
}

// everything asks for all there is, with the names of the owners.
func everything() xs2aclient.ConsentRequest {
	r := recurring(xs2aclient.Access{AllPSD2: xs2aclient.AllAccountsWithOwnerName})
	r.FrequencyPerDay = 4
	return r
}

// refusedRight checks that a read is refused for want of the right.
func refusedRight(what string, err error) error {
	if err := refusedWith(err, http.StatusUnauthorized, "CONSENT_INVALID"); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// account finds one of accounts as the ready file names it.
func account(accounts []xs2aclient.Account, a ready.Account) (xs2aclient.Account, error) {
	i := slices.IndexFunc(accounts, func(x xs2aclient.Account) bool { return x.IBAN == a.IBAN && x.Currency == a.Currency })
	if i < 0 {
		return xs2aclient.Account{}, fmt.Errorf("account %s %s is missing", a.IBAN, a.Currency)
	}
	return accounts[i], nil
}

// where returns the first account of p for which ok holds.
func where(p ready.Persona, ok func(ready.Account) bool) ready.Account {
	return p.Accounts[slices.IndexFunc(p.Accounts, ok)]
}

func ofType(kind string) func(ready.Account) bool {
	return func(a ready.Account) bool { return a.CashAccountType == kind }
}

// refs names accounts by IBAN.
func refs(accounts ...ready.Account) *[]xs2aclient.AccountReference {
	all := []xs2aclient.AccountReference{}
	for _, a := range accounts {
		all = append(all, xs2aclient.AccountReference{IBAN: a.IBAN})
	}
	return &all
}

// ibans lists what a consent shows that it covers; "none" where it does not show the list.
func ibans(refs *[]xs2aclient.AccountReference) string {
	if refs == nil {
		return "none"
	}
	var all []string
	for _, r := range *refs {
		all = append(all, r.IBAN)
	}
	slices.Sort(all)
	return fmt.Sprint(all)
}
