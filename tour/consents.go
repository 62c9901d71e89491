package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"kontor/ready"
	"kontor/xs2aclient"
)

// consentSteps show the other models of consent, and how they end.
func consentSteps() []step {
	return []step{
		{"A dedicated consent: the TPP names the account", dedicatedConsent},
		{"A one-off consent, whose code is redeemed once and no second time", oneOffConsent},
		{"A global consent: all accounts; it replaces the older recurring one", globalConsent},
		{"The PSU refuses a consent at her bank", refuseConsent},
		{"The PSU withdraws the consent at her bank, and the TPP's next read is refused", withdrawConsent},
	}
}

func dedicatedConsent(ctx context.Context, g *guide) (_ string, err error) {
	r, named := &g.read, g.payee.Accounts[0]
	if r.created, err = g.askFor(ctx, recurring(xs2aclient.Dedicated(xs2aclient.AccountReference{IBAN: named.IBAN}))); err != nil {
		return "", err
	}
	if r.token, err = g.through(ctx, r.created, plan{accounts: []string{named.IBAN}}); err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, false)
	if err = all(err, is("number of accounts", len(accounts), 1)); err != nil {
		return "", err
	}
	return named.IBAN + " alone", all(is("IBAN", accounts[0].IBAN, named.IBAN), g.becomes(ctx, r.client, r.created.ConsentID, xs2aclient.ConsentValid))
}

func globalConsent(ctx context.Context, g *guide) (_ string, err error) {
	r, older := &g.read, g.read.created.ConsentID
	if r.created, err = g.askFor(ctx, recurring(xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts})); err != nil {
		return "", err
	}
	var ibans []string
	for _, a := range g.payee.Accounts {
		ibans = append(ibans, a.IBAN)
	}
	if r.token, err = g.through(ctx, r.created, plan{accounts: ibans}); err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, false)
	if err != nil {
		return "", err
	}
	for _, want := range g.payee.Accounts {
		found := false
		for _, a := range accounts {
			found = found || a.IBAN == want.IBAN && a.Currency == want.Currency
		}
		if !found {
			return "", fmt.Errorf("account %s %s is missing", want.IBAN, want.Currency)
		}
	}
	status, err := r.client.ConsentStatus(ctx, older)
	return fmt.Sprintf("%d accounts; the older consent is %s", len(accounts), status), all(err,
		is("number of accounts", len(accounts), len(g.payee.Accounts)),
		is("the older consent has ended", status == xs2aclient.ConsentExpired || status == xs2aclient.ConsentTerminated, true))
}

func oneOffConsent(ctx context.Context, g *guide) (string, error) {
	r := g.read // a copy: the dedicated consent is needed later
	// A one-off consent ends on the bank's today, which only the bank knows around midnight.
	older, err := r.client.Consent(ctx, r.created.ConsentID)
	if err != nil {
		return "", err
	}
	r.created, err = g.askFor(ctx, xs2aclient.ConsentRequest{
		Access: xs2aclient.BankOffered(), ValidUntil: older.LastActionDate, FrequencyPerDay: 1,
	})
	if err != nil {
		return "", err
	}
	flow, err := r.oauth.Begin(xs2aclient.ScopeOfConsent(r.created.ConsentID), nil)
	if err != nil {
		return "", err
	}
	c := g.at(g.payee)
	defer c.browser.close()
	cameBack, err := c.follows(ctx, flow.URL, plan{accounts: []string{g.payee.Accounts[0].IBAN}})
	if err != nil {
		return "", err
	}
	code, err := flow.Code(cameBack)
	if err != nil {
		return "", err
	}
	if r.token, err = r.client.Exchange(ctx, r.oauth, flow, code); err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, false)
	if err = all(err, is("number of accounts", len(accounts), 1), is("a refresh token of a one-off consent", r.token.RefreshToken, "")); err != nil {
		return "", err
	}
	_, again := r.client.Exchange(ctx, r.oauth, flow, code)
	refused, ok := errors.AsType[*xs2aclient.Error](again)
	if !ok || refused.OAuth != "invalid_grant" {
		return "", fmt.Errorf("the second time should be refused with invalid_grant, but: %w", orNil(again))
	}
	status, err := r.client.ConsentStatus(ctx, g.read.created.ConsentID)
	return "no refresh token; the code is refused with invalid_grant; the recurring consent stays", all(err,
		is("status of the recurring consent", status, xs2aclient.ConsentValid))
}

func refuseConsent(ctx context.Context, g *guide) (string, error) {
	created, err := g.askFor(ctx, recurring(xs2aclient.BankOffered()))
	if err != nil {
		return "", err
	}
	_, err = g.through(ctx, created, plan{refuse: true})
	if !errors.Is(err, xs2aclient.ErrDenied) {
		return "", fmt.Errorf("she should come back with access_denied, but: %w", orNil(err))
	}
	return "access_denied; rejected", g.becomes(ctx, g.read.client, created.ConsentID, xs2aclient.ConsentRejected)
}

func withdrawConsent(ctx context.Context, g *guide) (string, error) {
	r := &g.read
	return "CONSENT_INVALID; revokedByPsu", g.withdraws(ctx, g.payee, g.salt, r.attended(), r.created.ConsentID)
}

// withdraws lets a PSU take away her newest consent at a bank, and checks that reader,
// which reads under it, is told so.
func (g *guide) withdraws(ctx context.Context, who ready.Persona, bank ready.Bank, reader *xs2aclient.Client, consentID string) error {
	c := g.at(who)
	defer c.browser.close()
	if err := c.withdraws(ctx, g.ready.Bank+"/"+bank.Code+"/me", g.tpp.Name); err != nil {
		return err
	}
	var refused error
	err := eventually(ctx, func() (bool, error) {
		_, refused = reader.Accounts(ctx, false)
		return refused != nil, nil
	})
	return all(err, refusedWith(refused, http.StatusUnauthorized, "CONSENT_INVALID"), g.becomes(ctx, reader, consentID, xs2aclient.ConsentRevokedByPSU))
}
