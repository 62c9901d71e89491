package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"kontor/xs2aclient"
)

// profileSteps hold two banks to the letter of their profiles. They come after the steps
// about payments, which have the tokens of the bank with the profile bankart.
func profileSteps() []step {
	return []step{
		{"salt: the authorization server wants PKCE, and the organizationIdentifier as client_id", holdSaltOAuth},
		{"salt: validity, frequency and one-off consents within its limits", holdSaltLimits},
		{"salt: withBalance is ignored, and so are the dates of standing orders", holdSaltReads},
		{"salt: every answer carries x-fapi-interaction-id; what it does not offer is refused", holdSaltAnswers},
		{"bankart: dedicated consents by IBAN, and no other", holdBankartConsents},
		{"bankart: booked, pending and both; withBalance; no owner names, and no parameters that it does not know", holdBankartReads},
	}
}

func holdSaltOAuth(ctx context.Context, g *guide) (string, error) {
	r := &g.read
	var err error
	if r.created, err = g.askFor(ctx, recurring(xs2aclient.Access{AllPSD2: xs2aclient.AllAccountsWithOwnerName})); err != nil {
		return "", err
	}
	flow, err := r.oauth.Begin(xs2aclient.ScopeOfConsent(r.created.ConsentID), nil)
	if err != nil {
		return "", err
	}
	changed := func(change func(url.Values)) (string, error) {
		u, err := url.Parse(flow.URL)
		if err != nil {
			return "", err
		}
		q := u.Query()
		change(q)
		u.RawQuery = q.Encode()
		c := g.at(g.payee)
		defer c.browser.close()
		p, left, err := c.browser.open(ctx, u.String())
		g.print.browsed(c.Login, c.browser.told(), left)
		if err == nil && left == "" {
			return fmt.Sprint(p.status), nil
		}
		back, err2 := url.Parse(left)
		if err = all(err, err2); err != nil {
			return "", err
		}
		return back.Query().Get("error"), nil
	}
	without, err := changed(func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") })
	plainly, err2 := changed(func(q url.Values) { q.Set("code_challenge_method", "plain") })
	stranger, err3 := changed(func(q url.Values) { q.Set("client_id", "PSDSI-BS-0000000") })
	return "without PKCE, or with the method plain: invalid_request; an unknown client: a page that says so", all(err, err2, err3,
		is("without code_challenge", without, "invalid_request"), is("code_challenge_method=plain", plainly, "invalid_request"), is("status for an unknown client", stranger, "400"))
}

func holdSaltLimits(ctx context.Context, g *guide) (string, error) {
	c := g.read.client.WithPSU(present)
	long := recurring(xs2aclient.BankOffered())
	long.ValidUntil, long.FrequencyPerDay = "9999-12-31", 9
	created, err := g.askFor(ctx, long)
	if err != nil {
		return "", err
	}
	con, err := c.Consent(ctx, created.ConsentID)
	if err = all(err, is("frequencyPerDay", con.FrequencyPerDay, 4), is("180 days", con.ValidUntil >= daysAgo(-178) && con.ValidUntil <= daysAgo(-180), true)); err != nil {
		return "", err
	}
	// The day before yesterday is over everywhere, and the day after tomorrow has not begun.
	once := xs2aclient.ConsentRequest{Access: xs2aclient.BankOffered(), ValidUntil: con.LastActionDate, FrequencyPerDay: 1}
	for path, change := range map[string]func(*xs2aclient.ConsentRequest){
		"validUntil":               func(r *xs2aclient.ConsentRequest) { r.ValidUntil = time.Now().AddDate(0, 0, 2).Format(time.DateOnly) },
		"frequencyPerDay":          func(r *xs2aclient.ConsentRequest) { r.FrequencyPerDay = 2 },
		"combinedServiceIndicator": func(r *xs2aclient.ConsentRequest) { r.CombinedServiceIndicator = true },
	} {
		wrong := once
		change(&wrong)
		_, err := c.CreateConsent(ctx, wrong, g.redirects())
		if err := refusedAt(err, path, "FORMAT_ERROR", "SESSIONS_NOT_SUPPORTED"); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("9999-12-31 and 9 become %s and %d; a one-off consent is for today, once", con.ValidUntil, con.FrequencyPerDay), c.DeleteConsent(ctx, created.ConsentID)
}

func holdSaltReads(ctx context.Context, g *guide) (_ string, err error) {
	r := &g.read
	var chosen []string
	for _, a := range g.payee.Accounts {
		chosen = append(chosen, a.IBAN)
	}
	if r.token, err = g.through(ctx, r.created, plan{accounts: chosen}); err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, true)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(accounts, func(a xs2aclient.Account) bool { return len(a.Balances) > 0 }) {
		return "", errors.New("the list has balances, though withBalance is ignored")
	}
	a, err := account(accounts, g.payee.Accounts[0])
	if err != nil {
		return "", err
	}
	q := lately(xs2aclient.Booked)
	q.WithBalance = true
	page, err := r.attended().Transactions(ctx, a.ResourceID, q)
	orders, err2 := r.attended().Transactions(ctx, a.ResourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Information})
	dated, err3 := r.attended().Transactions(ctx, a.ResourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Information, DateFrom: daysAgo(2000), DateTo: daysAgo(1999)})
	return fmt.Sprintf("%d standing orders, with dates and without; the owner is %s", len(orders.Information), a.OwnerName), all(err, err2, err3,
		is("balances beside the report", len(page.Balances), 0), is("a standing order", len(orders.Information) > 0, true),
		is("standing orders with dates", len(dated.Information), len(orders.Information)),
		is("ownerName", a.OwnerName, g.payee.Name), is("psuName", a.PSUName, g.payee.Name))
}

func holdSaltAnswers(ctx context.Context, g *guide) (string, error) {
	answers, named := 0, map[string]bool{}
	watched, err := g.client(g.salt, g.tpp, func(c *xs2aclient.Config) {
		told := c.Observe
		c.Observe = func(e xs2aclient.Exchange) {
			told(e)
			if id := e.ResponseHeader.Get("x-fapi-interaction-id"); id != "" {
				named[id] = true
			}
			answers++
		}
	})
	if err != nil {
		return "", err
	}
	c := watched.WithToken(g.read.token.AccessToken).WithConsent(g.read.created.ConsentID).WithPSU(present)
	accounts, err := c.Accounts(ctx, false)
	if err != nil {
		return "", err
	}
	_, unknown := c.Balances(ctx, "no-such-account")
	_, cards := c.CardAccounts(ctx, false)
	_, trusted := c.TrustedBeneficiaries(ctx, "")
	_, camt := c.Report(ctx, accounts[0].ResourceID, lately(xs2aclient.Booked), xs2aclient.AcceptXML)
	_, pay := c.CreatePayment(ctx, xs2aclient.Payments, xs2aclient.SEPACreditTransfers, g.pay.request, g.redirects())
	_, funds := c.FundsConfirmation(ctx, xs2aclient.FundsRequest{})
	const not = http.StatusMethodNotAllowed
	return fmt.Sprintf("%d answers, each with its own; cards, beneficiaries, payments and funds: SERVICE_INVALID; XML: REQUESTED_FORMATS_INVALID", answers), all(
		is("answers with x-fapi-interaction-id", len(named), answers), refusedWith(unknown, http.StatusNotFound, "RESOURCE_UNKNOWN"),
		refusedWith(cards, not, "SERVICE_INVALID"), refusedWith(trusted, not, "SERVICE_INVALID"), refusedWith(pay, not, "SERVICE_INVALID"), refusedWith(funds, not, "SERVICE_INVALID"),
		refusedWith(camt, http.StatusNotAcceptable, "REQUESTED_FORMATS_INVALID"))
}

func holdBankartConsents(ctx context.Context, g *guide) (string, error) {
	token, err := g.login(ctx, g.payer, "psd2:acc")
	if err != nil {
		return "", err
	}
	c := g.pay.client.WithToken(token.AccessToken).WithPSU(present)
	for what, access := range map[string]xs2aclient.Access{
		"bank-offered": xs2aclient.BankOffered(), "global": {AllPSD2: xs2aclient.AllAccounts},
		"available accounts": {AvailableAccounts: xs2aclient.AllAccounts}, "available accounts with balances": {AvailableAccountsWithBalance: xs2aclient.AllAccounts},
	} {
		_, err := c.CreateConsent(ctx, recurring(access), g.redirects())
		if err := refusedWith(err, http.StatusBadRequest, "SERVICE_INVALID"); err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
	}
	_, byCard := c.CreateConsent(ctx, recurring(xs2aclient.Dedicated(xs2aclient.AccountReference{MaskedPAN: "535501******7215"})), g.redirects())
	_, nowhere := c.CreateConsent(ctx, recurring(xs2aclient.Dedicated((*refs(g.payer.Accounts[0]))...)), xs2aclient.Redirects{})
	return fmt.Sprintf("other models: SERVICE_INVALID; other references, or no TPP-Redirect-URI: FORMAT_ERROR; the token lives %v", token.Lifetime()), all(
		is("life of the token", token.Lifetime(), 5*time.Minute), refusedWith(byCard, http.StatusBadRequest, "FORMAT_ERROR"), refusedAt(nowhere, "TPP-Redirect-URI", "FORMAT_ERROR"))
}

func holdBankartReads(ctx context.Context, g *guide) (string, error) {
	o := g.pay.debtor
	balanced, err := o.reader.Accounts(ctx, true)
	if err = all(err, is("number of accounts", len(balanced), 1)); err != nil {
		return "", err
	}
	q := lately(xs2aclient.Booked)
	q.WithBalance = true
	page, err := o.reader.Transactions(ctx, o.resourceID, q)
	if err != nil {
		return "", err
	}
	// What it does not know it leaves aside where there is a period, and refuses where there is none.
	q.EntryReferenceFrom = page.Booked[0].EntryReference
	same, err := o.reader.Transactions(ctx, o.resourceID, q)
	_, newer := o.reader.Transactions(ctx, o.resourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, EntryReferenceFrom: q.EntryReferenceFrom})
	_, delta := o.reader.Transactions(ctx, o.resourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DeltaList: true})
	_, orders := o.reader.Transactions(ctx, o.resourceID, lately(xs2aclient.Information))
	_, cards := o.reader.CardAccounts(ctx, false)
	const wrong = http.StatusBadRequest
	return fmt.Sprintf("%d balances in the list and %d beside the report; %s", len(balanced[0].Balances), len(page.Balances), strings.Join([]string{"deltaList", "entryReferenceFrom", "information: PARAMETER_NOT_SUPPORTED"}, ", ")), all(err,
		is("balances in the list", len(balanced[0].Balances) > 0, true), is("balances beside the report", len(page.Balances) > 0, true), is("ownerName", balanced[0].OwnerName, ""),
		is("entries with a period and entryReferenceFrom", len(same.Booked), len(page.Booked)),
		refusedWith(newer, wrong, "PARAMETER_NOT_SUPPORTED"), refusedWith(delta, wrong, "PARAMETER_NOT_SUPPORTED"), refusedWith(orders, wrong, "PARAMETER_NOT_SUPPORTED"),
		refusedWith(cards, http.StatusMethodNotAllowed, "SERVICE_INVALID"))
}
