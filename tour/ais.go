package tour

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/ready"
	"kontor/xs2aclient"
)

// reading is what the steps about accounts pass on to each other.
type reading struct {
	client  *xs2aclient.Client // as the TPP; no token, nobody there
	oauth   xs2aclient.OAuth
	created xs2aclient.ConsentCreated
	token   xs2aclient.Token
	account xs2aclient.Account
	entries []xs2aclient.Transaction // booked, of the last 80 days
}

// attended reads for a PSU who is there; what is read so is not counted.
func (r *reading) attended() *xs2aclient.Client { return r.unattended().WithPSU(present) }

// unattended reads on the TPP's own account.
func (r *reading) unattended() *xs2aclient.Client {
	return r.client.WithToken(r.token.AccessToken).WithConsent(r.created.ConsentID)
}

// frequency is what the first consent asks for: small, so that the limit is soon reached.
const frequency = 2

// historyDays is how far back reports go here: within what the law allows without new SCA.
const historyDays = 80

func accountSteps() []step {
	return []step{
		{"The TPP asks for a consent and leaves the choice of accounts to the PSU", askForConsent},
		{"The authorization server describes itself", discover},
		{"The PSU logs in at her bank, chooses an account and approves with a code", authorise},
		{"Accounts, details and balances are read with the token", readAccounts},
		{"Transactions come page by page until the last, and none is lost", readPages},
		{"Booked, pending and both agree, and a range of dates is kept", readStatuses},
		{"One transaction is read in detail", readDetails},
		{"The consent shows what the PSU chose", readConsent},
		{"A refresh token brings a new access token", refreshToken},
	}
}

func recurring(access xs2aclient.Access) xs2aclient.ConsentRequest {
	return xs2aclient.ConsentRequest{
		Access: access, RecurringIndicator: true, ValidUntil: time.Now().AddDate(0, 0, 90).Format(time.DateOnly), FrequencyPerDay: frequency,
	}
}

// askFor creates a consent on the salt bank and checks the answer.
func (g *guide) askFor(ctx context.Context, r xs2aclient.ConsentRequest) (created xs2aclient.ConsentCreated, err error) {
	created, err = g.read.client.WithPSU(present).CreateConsent(ctx, r, g.redirects())
	return created, all(err,
		is("consentStatus", created.ConsentStatus, xs2aclient.ConsentReceived), has("consentId", created.ConsentID),
		has("the scaOAuth link", created.Links["scaOAuth"]), has("the scaStatus link", created.Links["scaStatus"]),
		has("the status link", created.Links["status"]), has("Location", created.Location), is("ASPSP-SCA-Approach", created.SCAApproach, "REDIRECT"))
}

func askForConsent(ctx context.Context, g *guide) (_ string, err error) {
	if g.read.client, err = g.client(g.salt, g.tpp); err != nil {
		return "", err
	}
	if g.read.created, err = g.askFor(ctx, recurring(xs2aclient.BankOffered())); err != nil {
		return "", err
	}
	status, err := g.read.client.ConsentStatus(ctx, g.read.created.ConsentID)
	ids, err2 := g.read.client.Authorisations(ctx, g.read.created.Links["self"])
	return "consent received; the bank says where its authorization server is",
		all(err, err2, is("consentStatus", status, xs2aclient.ConsentReceived), is("number of authorisations", len(ids), 1))
}

func discover(ctx context.Context, g *guide) (string, error) {
	m, err := g.read.client.Metadata(ctx, g.read.created.Links["scaOAuth"])
	if err != nil {
		return "", err
	}
	g.read.oauth = xs2aclient.OAuth{Metadata: m, ClientID: g.tpp.OrganizationIdentifier, RedirectURI: g.tpp.RedirectURIs[0]}
	return "PKCE with S256, tokens bound to the certificate", all(
		is("S256 among the PKCE methods", slices.Contains(m.CodeChallengeMethods, "S256"), true),
		is("tls_client_certificate_bound_access_tokens", m.CertificateBoundTokens, true))
}

// through leads a PSU through the authorization server with a consent, and redeems the code.
func (g *guide) through(ctx context.Context, created xs2aclient.ConsentCreated, do plan) (xs2aclient.Token, error) {
	return g.leads(ctx, g.payee, g.read.client, g.read.oauth, xs2aclient.ScopeOfConsent(created.ConsentID), do)
}

// leads leads who through an authorization server, and redeems the code.
func (g *guide) leads(ctx context.Context, who ready.Persona, client *xs2aclient.Client, o xs2aclient.OAuth, scope string, do plan) (token xs2aclient.Token, err error) {
	flow, err := o.Begin(scope, nil)
	if err != nil {
		return token, err
	}
	c := g.at(who)
	defer c.browser.close()
	cameBack, err := c.follows(ctx, flow.URL, do)
	if err != nil {
		return token, err
	}
	code, err := flow.Code(cameBack)
	if err != nil {
		return token, err
	}
	return client.Exchange(ctx, o, flow, code)
}

// becomes waits until a consent has a status.
func (g *guide) becomes(ctx context.Context, client *xs2aclient.Client, consentID, want string) error {
	var status string
	err := eventually(ctx, func() (_ bool, err error) {
		status, err = client.ConsentStatus(ctx, consentID)
		return status == want, err
	})
	if err != nil {
		return fmt.Errorf("consentStatus %s: %w; it is %s", want, err, status)
	}
	return nil
}

// chosen is the account that the PSU chooses for the first consent: the last, which on the
// page is not the one that anybody would tick for her.
func (g *guide) chosen() ready.Account { return g.payee.Accounts[len(g.payee.Accounts)-1] }

func authorise(ctx context.Context, g *guide) (_ string, err error) {
	iban := g.chosen().IBAN
	sawTPP := false
	g.read.token, err = g.through(ctx, g.read.created, plan{accounts: []string{iban}, look: func(p *page) error {
		sawTPP = sawTPP || contains(p.text, g.tpp.Name)
		return nil
	}})
	if err != nil {
		return "", err
	}
	sca, err := g.read.client.SCAStatus(ctx, g.read.created.Links["scaStatus"])
	return fmt.Sprintf("token for %v, for the account the PSU chose", g.read.token.Lifetime()), all(err,
		is("the TPP's name on the bank's page", sawTPP, true),
		is("scaStatus", sca.Status, xs2aclient.SCAFinalised), has("refresh_token of a recurring consent", g.read.token.RefreshToken),
		g.becomes(ctx, g.read.client, g.read.created.ConsentID, xs2aclient.ConsentValid))
}

func readAccounts(ctx context.Context, g *guide) (string, error) {
	r := &g.read
	accounts, err := r.attended().Accounts(ctx, false)
	if err = all(err, is("number of accounts", len(accounts), 1)); err != nil {
		return "", err
	}
	r.account = accounts[0]
	detail, err := r.attended().Account(ctx, r.account.ResourceID, false)
	if err != nil {
		return "", err
	}
	balances, err := r.attended().Balances(ctx, r.account.ResourceID)
	if err != nil {
		return "", err
	}
	booked, ok := balances.Of("interimBooked", "closingBooked", "expected")
	if !ok {
		return "", errors.New("there is no booked balance")
	}
	_, err = booked.Amount.Money()
	return fmt.Sprintf("%s %s, %s %s", r.account.IBAN, r.account.Product, booked.Amount.Amount, booked.Amount.Currency), all(err,
		is("IBAN", r.account.IBAN, g.chosen().IBAN), is("IBAN in the details", detail.IBAN, r.account.IBAN),
		is("IBAN beside the balances", balances.Account.IBAN, r.account.IBAN), has("resourceId", r.account.ResourceID),
		is("the IBAN in resourceId", contains(r.account.ResourceID, r.account.IBAN), false),
		has("the transactions link", r.account.Links["transactions"]), has("the balances link", r.account.Links["balances"]))
}

// report reads all pages of a report.
func report(ctx context.Context, c *xs2aclient.Client, resourceID string, q xs2aclient.TransactionQuery) (booked, pending []xs2aclient.Transaction, pages int, err error) {
	for page, err := range c.TransactionPages(ctx, resourceID, q) {
		if err != nil {
			return nil, nil, pages, err
		}
		if n := len(page.Booked) + len(page.Pending); q.ItemsPerPage > 0 && n > q.ItemsPerPage {
			return nil, nil, pages, fmt.Errorf("a page has %d entries, but %d were asked for", n, q.ItemsPerPage)
		}
		pages++
		booked, pending = append(booked, page.Booked...), append(pending, page.Pending...)
	}
	return booked, pending, pages, nil
}

func readPages(ctx context.Context, g *guide) (string, error) {
	r := &g.read
	q := xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DateFrom: daysAgo(historyDays), ItemsPerPage: 500}
	atOnce, _, _, err := report(ctx, r.attended(), r.account.ResourceID, q)
	if err != nil {
		return "", err
	}
	if len(atOnce) < 2 {
		return "", fmt.Errorf("only %d entries in %d days: too few to show pages", len(atOnce), historyDays)
	}
	q.ItemsPerPage = max(1, len(atOnce)/3)
	var pages int
	r.entries, _, pages, err = report(ctx, r.attended(), r.account.ResourceID, q)
	if err != nil {
		return "", err
	}
	ids := func(all []xs2aclient.Transaction) (ids []string) {
		for _, t := range all {
			ids = append(ids, t.EntryReference+"/"+t.TransactionID)
		}
		return ids
	}
	paged := ids(r.entries)
	if !slices.Equal(paged, ids(atOnce)) {
		return "", fmt.Errorf("%d entries on pages of %d differ from %d at once", len(paged), q.ItemsPerPage, len(atOnce))
	}
	slices.Sort(paged)
	return fmt.Sprintf("%d entries, the same on %d pages as at once", len(atOnce), pages), all(
		is("more than one page", pages > 1, true), is("entries that come twice", len(paged)-len(slices.Compact(paged)), 0))
}

func readStatuses(ctx context.Context, g *guide) (string, error) {
	r := &g.read
	q := xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Pending, DateFrom: daysAgo(historyDays), ItemsPerPage: 500}
	none, pending, _, err := report(ctx, r.attended(), r.account.ResourceID, q)
	if err = all(err, is("booked entries among the pending", len(none), 0)); err != nil {
		return "", err
	}
	q.BookingStatus = xs2aclient.Both
	booked, alsoPending, _, err := report(ctx, r.attended(), r.account.ResourceID, q)
	if err = all(err, is("booked entries in both", len(booked), len(r.entries)), is("pending entries in both", len(alsoPending), len(pending))); err != nil {
		return "", err
	}
	from, to, within := daysAgo(40), daysAgo(20), 0
	for _, t := range r.entries {
		if t.BookingDate >= from && t.BookingDate <= to {
			within++
		}
	}
	booked, _, _, err = report(ctx, r.attended(), r.account.ResourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DateFrom: from, DateTo: to})
	for _, t := range booked {
		if t.BookingDate < from || t.BookingDate > to {
			return "", fmt.Errorf("the report from %s to %s has an entry of %s", from, to, t.BookingDate)
		}
	}
	_, wrong := r.attended().Transactions(ctx, r.account.ResourceID, xs2aclient.TransactionQuery{BookingStatus: "imagined", DateFrom: from})
	return fmt.Sprintf("%d booked, %d pending; %d from %s to %s", len(r.entries), len(pending), within, from, to),
		all(err, is("entries in the range", len(booked), within), refusedWith(wrong, 400, "PARAMETER_NOT_SUPPORTED", "FORMAT_ERROR"))
}

func readDetails(ctx context.Context, g *guide) (string, error) {
	r := &g.read
	want := r.entries[len(r.entries)/2]
	got, err := r.attended().TransactionDetails(ctx, r.account.ResourceID, want.TransactionID)
	return fmt.Sprintf("%s %s %s, %s", got.BookingDate, got.Amount.Amount, got.Amount.Currency, got.RemittanceInformationUnstructured), all(err,
		has("transactionId in the list", want.TransactionID), is("amount", got.Amount, want.Amount), is("entryReference", got.EntryReference, want.EntryReference),
		is("text", got.RemittanceInformationUnstructured, want.RemittanceInformationUnstructured))
}

func readConsent(ctx context.Context, g *guide) (string, error) {
	con, err := g.read.client.Consent(ctx, g.read.created.ConsentID)
	if err != nil {
		return "", err
	}
	if con.Access.Accounts == nil || len(*con.Access.Accounts) != 1 {
		return "", errors.New("the consent does not show exactly the account that the PSU chose")
	}
	return fmt.Sprintf("valid until %s, %d reads a day", con.ValidUntil, con.FrequencyPerDay), all(
		is("account", (*con.Access.Accounts)[0].IBAN, g.read.account.IBAN), is("consentStatus", con.ConsentStatus, xs2aclient.ConsentValid),
		is("frequencyPerDay", con.FrequencyPerDay, frequency), is("recurringIndicator", con.RecurringIndicator, true), has("lastActionDate", con.LastActionDate))
}

func refreshToken(ctx context.Context, g *guide) (string, error) {
	r := &g.read
	renewed, err := r.client.Refresh(ctx, r.oauth, r.token.RefreshToken)
	if err = all(err, is("the new token is another one", renewed.AccessToken != r.token.AccessToken, true)); err != nil {
		return "", err
	}
	if renewed.RefreshToken == "" { // not replaced: the old one stays good
		renewed.RefreshToken = r.token.RefreshToken
	}
	r.token = renewed
	accounts, err := r.attended().Accounts(ctx, false)
	return "accounts are read with the new token", all(err, is("number of accounts", len(accounts), 1))
}
