package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"kontor/kit/money"
	"kontor/ready"
	"kontor/xs2aclient"
)

// paying is what the steps about payments pass on to each other.
type paying struct {
	client   *xs2aclient.Client // as the TPP; no token, nobody there
	metadata xs2aclient.Metadata
	toPay    *xs2aclient.Client // with the payer's token for payments
	debtor   *observed          // the payer's account, read through a consent
	creditor *observed          // the payee's

	request xs2aclient.PaymentRequest
	created xs2aclient.PaymentCreated
}

// An observed account is one that the TPP watches through a consent of its holder.
type observed struct {
	ready.Account
	reader     *xs2aclient.Client
	consentID  string
	resourceID string
	balance    money.Amount // booked, as last seen
	available  money.Amount // at the standard bank

	earlier map[string]bool // entries that were booked before: the tour may not be the first at these banks
}

// look reads the booked balance.
func (o *observed) look(ctx context.Context) (money.Amount, error) {
	b, err := o.reader.Balances(ctx, o.resourceID)
	if err != nil {
		return money.Amount{}, err
	}
	booked, ok := b.Of("interimBooked", "expected", "closingBooked")
	if !ok {
		return money.Amount{}, errors.New("there is no booked balance")
	}
	return booked.Amount.Money()
}

// moved checks that the balance has changed by exactly change since it was last seen.
func (o *observed) moved(ctx context.Context, change money.Amount) error {
	now, err := o.look(ctx)
	if err != nil {
		return err
	}
	if want := o.balance.Plus(change); now != want {
		return fmt.Errorf("balance of %s: %s %s became %s, not %s", o.IBAN, o.balance, o.Currency, now, want)
	}
	o.balance = now
	return nil
}

// euros makes an amount of cents.
func euros(cents int64) money.Amount { return money.Amount{Minor: cents, Currency: "EUR"} }

// price of the payment that the tour looks at most closely.
const price = 4550

func paymentSteps() []step {
	return []step{
		{"Without a token the bank says where to get one", needToken},
		{"The PSU logs in at her bank and lets the TPP start payments, for five minutes", letPay},
		{"Payer and payee let the TPP see their accounts (dedicated consents by redirect)", watchAccounts},
		{"A payment is initiated; its authorisation has begun by itself", initiate},
		{"The bank shows payee, amount, account and TPP, and binds the code to them; the PSU approves", approvePayment},
		{"The money has moved, to the cent, on both accounts", seeBalances},
		{"The booked transaction stands on both accounts", seeTransactions},
		{"The code for one payment is worth nothing for another", mixUpCodes},
		{"An instant payment is settled", payInstantly},
		{"A payment to an own account needs no code: it is exempt from SCA", payExempt},
	}
}

func needToken(ctx context.Context, g *guide) (_ string, err error) {
	if g.pay.client, err = g.client(g.bankart, g.tpp); err != nil {
		return "", err
	}
	g.pay.request = xs2aclient.PaymentRequest{
		EndToEndIdentification: "TOUR-1", DebtorAccount: &xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN},
		InstructedAmount: xs2aclient.NewAmount(euros(price)), CreditorAccount: xs2aclient.AccountReference{IBAN: g.payee.Accounts[0].IBAN},
		CreditorName: g.payee.Name, RemittanceInformationUnstructured: "Invoice 2041, thank you",
	}
	_, err = g.pay.client.WithPSU(present).CreatePayment(ctx, xs2aclient.Payments, xs2aclient.SEPACreditTransfers, g.pay.request, g.redirects())
	if err := refusedWith(err, http.StatusUnauthorized, "TOKEN_INVALID", "TOKEN_UNKNOWN"); err != nil {
		return "", err
	}
	refused, _ := errors.AsType[*xs2aclient.Error](err)
	g.pay.metadata, err = g.pay.client.Metadata(ctx, refused.Links["scaOAuth"])
	return "its scaOAuth link leads to the authorization server", all(err,
		is("psd2:pay among the scopes", slices.Contains(g.pay.metadata.ScopesSupported, "psd2:pay"), true))
}

// login gets a token of the step before: the PSU only says who she is.
func (g *guide) login(ctx context.Context, who ready.Persona, scope string) (token xs2aclient.Token, err error) {
	o := xs2aclient.OAuth{Metadata: g.pay.metadata, ClientID: g.tpp.ClientID, ClientSecret: g.tpp.ClientSecret, RedirectURI: g.tpp.RedirectURIs[0]}
	flow, err := o.Begin(scope, url.Values{"iban": {who.Accounts[0].IBAN}})
	if err != nil {
		return token, err
	}
	c := g.at(who)
	defer c.browser.close()
	cameBack, err := c.follows(ctx, flow.URL, plan{})
	if err != nil {
		return token, err
	}
	code, err := flow.Code(cameBack)
	if err != nil {
		return token, err
	}
	return g.pay.client.Exchange(ctx, o, flow, code)
}

func letPay(ctx context.Context, g *guide) (string, error) {
	token, err := g.login(ctx, g.payer, "psd2:pay")
	if err != nil {
		return "", err
	}
	g.pay.toPay = g.pay.client.WithToken(token.AccessToken).WithPSU(present)
	const fiveMinutes = 300
	_, reading := g.pay.toPay.CreateConsent(ctx, recurring(xs2aclient.Dedicated(xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN})), g.redirects())
	return "scope psd2:pay, and for nothing else", all(is("expires_in", token.ExpiresIn, fiveMinutes),
		is("refresh_token", token.RefreshToken, ""), refusedWith(reading, http.StatusUnauthorized, "TOKEN_INVALID"))
}

// returned checks that a PSU came back to the good address or to the other.
func (g *guide) returned(cameBack, want string) error {
	if !strings.HasPrefix(cameBack, want) {
		return fmt.Errorf("the PSU came back to %s, not to %s", cameBack, want)
	}
	return nil
}

// watch gets a consent for the first account of who, by plain redirect.
func (g *guide) watch(ctx context.Context, who ready.Persona) (*observed, error) {
	token, err := g.login(ctx, who, "psd2:acc")
	if err != nil {
		return nil, err
	}
	o := &observed{Account: who.Accounts[0]}
	r := recurring(xs2aclient.Dedicated(xs2aclient.AccountReference{IBAN: o.IBAN}))
	client := g.pay.client.WithToken(token.AccessToken).WithPSU(present)
	created, err := client.CreateConsent(ctx, r, g.redirects())
	if err = all(err, has("the scaRedirect link", created.Links["scaRedirect"])); err != nil {
		return nil, err
	}
	c := g.at(who)
	defer c.browser.close()
	cameBack, err := c.follows(ctx, created.Links["scaRedirect"], plan{})
	if err = all(err, g.returned(cameBack, g.redirects().URI), g.becomes(ctx, client, created.ConsentID, xs2aclient.ConsentValid)); err != nil {
		return nil, err
	}
	o.reader, o.consentID = client.WithConsent(created.ConsentID), created.ConsentID
	accounts, err := o.reader.Accounts(ctx, false)
	if err = all(err, is("number of accounts", len(accounts), 1)); err != nil {
		return nil, err
	}
	o.resourceID = accounts[0].ResourceID
	o.balance, err = o.look(ctx)
	return o, all(err, is("IBAN", accounts[0].IBAN, o.IBAN))
}

func watchAccounts(ctx context.Context, g *guide) (_ string, err error) {
	if g.pay.debtor, err = g.watch(ctx, g.payer); err != nil {
		return "", fmt.Errorf("%s: %w", g.payer.Name, err)
	}
	if g.pay.creditor, err = g.watch(ctx, g.payee); err != nil {
		return "", fmt.Errorf("%s: %w", g.payee.Name, err)
	}
	return fmt.Sprintf("payer %s EUR, payee %s EUR", g.pay.debtor.balance, g.pay.creditor.balance), nil
}

// initiates sends a payment and checks what every answer to one has.
func (g *guide) initiates(ctx context.Context, product string, r xs2aclient.PaymentRequest) (created xs2aclient.PaymentCreated, err error) {
	created, err = g.pay.toPay.CreatePayment(ctx, xs2aclient.Payments, product, r, g.redirects())
	return created, all(err, has("paymentId", created.PaymentID), has("the self link", created.Links["self"]),
		has("the status link", created.Links["status"]), has("the scaStatus link", created.Links["scaStatus"]), has("Location", created.Location))
}

func initiate(ctx context.Context, g *guide) (_ string, err error) {
	p := &g.pay
	if p.created, err = g.initiates(ctx, xs2aclient.SEPACreditTransfers, p.request); err != nil {
		return "", err
	}
	if err = all(is("transactionStatus", p.created.TransactionStatus, xs2aclient.PaymentReceived), is("ASPSP-SCA-Approach", p.created.SCAApproach, "REDIRECT"),
		has("the scaRedirect link", p.created.Links["scaRedirect"])); err != nil {
		return "", err
	}
	kept, err := p.client.Payment(ctx, g.single(xs2aclient.SEPACreditTransfers, p.created))
	return fmt.Sprintf("%s EUR to %s: RCVD", euros(price), g.payee.Name), all(err,
		is("amount", kept.InstructedAmount, p.request.InstructedAmount), is("creditor account", kept.CreditorAccount.IBAN, p.request.CreditorAccount.IBAN),
		is("creditor name", kept.CreditorName, p.request.CreditorName), is("text", kept.RemittanceInformationUnstructured, p.request.RemittanceInformationUnstructured))
}

// single names a payment of the service payments.
func (g *guide) single(product string, created xs2aclient.PaymentCreated) xs2aclient.PaymentID {
	return xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: product, ID: created.PaymentID}
}

// ends waits until a payment has its final status, and checks how its authorisation ended.
func (g *guide) ends(ctx context.Context, product string, created xs2aclient.PaymentCreated, want string, sca ...string) error {
	var s xs2aclient.PaymentStatus
	err := eventually(ctx, func() (_ bool, err error) {
		s, err = g.pay.client.PaymentStatus(ctx, g.single(product, created))
		return s.TransactionStatus == want, err
	})
	if err != nil {
		return fmt.Errorf("transactionStatus %s: %w; it is %s", want, err, s.TransactionStatus)
	}
	a, err := g.pay.client.SCAStatus(ctx, created.Links["scaStatus"])
	if err == nil && !slices.Contains(sca, a.Status) {
		err = fmt.Errorf("scaStatus is %s, not %s", a.Status, strings.Join(sca, " or "))
	}
	return err
}

// shown checks that a page of the bank tells the PSU what she approves (RTS art. 5(1)(a)).
func shown(p *page, r xs2aclient.PaymentRequest) error {
	for what, text := range map[string]string{
		"payee": r.CreditorName, "payee's IBAN": r.CreditorAccount.IBAN, "amount": r.InstructedAmount.Amount + " " + r.InstructedAmount.Currency,
		"account": r.DebtorAccount.IBAN, "reference": r.RemittanceInformationUnstructured,
	} {
		if text != "" && !p.shows(text) {
			return fmt.Errorf("the bank's page %q does not show the %s, %q", p.title, what, text)
		}
	}
	return nil
}

func approvePayment(ctx context.Context, g *guide) (string, error) {
	r, sawTPP, pages := g.pay.request, false, 0
	c := g.at(g.payer)
	defer c.browser.close()
	cameBack, err := c.follows(ctx, g.pay.created.Links["scaRedirect"], plan{
		look: func(p *page) error {
			pages++
			sawTPP = sawTPP || contains(p.text, g.tpp.Name)
			return shown(p, r)
		},
		read: func(m message) error {
			return all(is("the amount in the text message", says(m.Text, r.InstructedAmount.Amount), true),
				is("the payee's IBAN in the text message", contains(plain(m.Text), r.CreditorAccount.IBAN), true))
		},
	})
	return "back at TPP-Redirect-URI; ACSC", all(err, is("pages that show the payment", pages >= 2, true), is("the TPP's name on the bank's page", sawTPP, true),
		g.returned(cameBack, g.redirects().URI),
		g.ends(ctx, xs2aclient.SEPACreditTransfers, g.pay.created, xs2aclient.PaymentSettled, xs2aclient.SCAFinalised))
}

// settled checks that amount has gone from the payer to the payee.
func (g *guide) settled(ctx context.Context, amount money.Amount) error {
	return all(g.pay.debtor.moved(ctx, amount.Neg()), g.pay.creditor.moved(ctx, amount))
}

func seeBalances(ctx context.Context, g *guide) (string, error) {
	err := g.settled(ctx, euros(price))
	return fmt.Sprintf("payer %s EUR, payee %s EUR", g.pay.debtor.balance, g.pay.creditor.balance), err
}

// entry finds the newest booked transaction of today with this text and amount.
func (o *observed) entry(ctx context.Context, amount money.Amount, text string) (xs2aclient.Transaction, error) {
	booked, _, _, err := report(ctx, o.reader, o.resourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DateFrom: daysAgo(1)})
	for _, t := range booked {
		if t.Amount == xs2aclient.NewAmount(amount) && t.RemittanceInformationUnstructured == text {
			return t, err
		}
	}
	return xs2aclient.Transaction{}, all(err, fmt.Errorf("account %s has no entry of %s EUR with the text %q", o.IBAN, amount, text))
}

func seeTransactions(ctx context.Context, g *guide) (string, error) {
	r := g.pay.request
	sent, err := g.pay.debtor.entry(ctx, euros(price).Neg(), r.RemittanceInformationUnstructured)
	if err != nil {
		return "", err
	}
	received, err := g.pay.creditor.entry(ctx, euros(price), r.RemittanceInformationUnstructured)
	return fmt.Sprintf("%s EUR to %s; %s EUR from %s", sent.Amount.Amount, sent.CreditorName, received.Amount.Amount, received.DebtorName), all(err,
		is("creditor of the payer's entry", sent.CreditorName, r.CreditorName), is("its account", sent.CreditorAccount.IBAN, r.CreditorAccount.IBAN),
		is("debtor of the payee's entry", received.DebtorName, g.payer.Name), is("endToEndId", received.EndToEndID, r.EndToEndIdentification))
}

// mixUpCodes enters, for a payment, the code that was sent for a much smaller one: as a
// fraudster would have it who shows one payment and starts another (RTS art. 5).
func mixUpCodes(ctx context.Context, g *guide) (string, error) {
	small, large := g.pay.request, g.pay.request
	small.InstructedAmount, large.InstructedAmount = xs2aclient.NewAmount(euros(1_00)), xs2aclient.NewAmount(euros(90_00))
	started, err := g.initiates(ctx, xs2aclient.SEPACreditTransfers, small)
	if err != nil {
		return "", err
	}
	c, code := g.at(g.payer), ""
	defer c.browser.close()
	_, err = c.follows(ctx, started.Links["scaRedirect"], plan{read: func(m message) error {
		code = m.Code
		return errEnough
	}})
	if !errors.Is(err, errEnough) {
		return "", err
	}
	created, err := g.initiates(ctx, xs2aclient.SEPACreditTransfers, large)
	if err != nil {
		return "", err
	}
	refused := false
	cameBack, err := c.follows(ctx, created.Links["scaRedirect"], plan{otherCode: code, look: func(p *page) error {
		return shown(p, large)
	}, alerted: func(string) { refused = true }})
	left, err2 := g.pay.client.PaymentStatus(ctx, g.single(xs2aclient.SEPACreditTransfers, started))
	return "refused; with its own code the payment is settled, and the other waits on", all(err, err2, is("the other code refused", refused, true),
		g.returned(cameBack, g.redirects().URI), is("status of the other payment", left.TransactionStatus, xs2aclient.PaymentReceived),
		g.ends(ctx, xs2aclient.SEPACreditTransfers, created, xs2aclient.PaymentSettled, xs2aclient.SCAFinalised), g.settled(ctx, euros(90_00)))
}

func payInstantly(ctx context.Context, g *guide) (string, error) {
	r, amount := g.pay.request, euros(31_07)
	r.InstructedAmount, r.EndToEndIdentification = xs2aclient.NewAmount(amount), "TOUR-2"
	created, err := g.initiates(ctx, xs2aclient.InstantSEPACreditTransfers, r)
	if err != nil {
		return "", err
	}
	c := g.at(g.payer)
	defer c.browser.close()
	cameBack, err := c.follows(ctx, created.Links["scaRedirect"], plan{look: func(p *page) error { return shown(p, r) }})
	return "ACSC; both balances agree", all(err, g.returned(cameBack, g.redirects().URI),
		g.ends(ctx, xs2aclient.InstantSEPACreditTransfers, created, xs2aclient.PaymentSettled, xs2aclient.SCAFinalised), g.settled(ctx, amount))
}

func payExempt(ctx context.Context, g *guide) (string, error) {
	amount := euros(12_00)
	r := xs2aclient.PaymentRequest{
		DebtorAccount: g.pay.request.DebtorAccount, InstructedAmount: xs2aclient.NewAmount(amount),
		CreditorAccount: xs2aclient.AccountReference{IBAN: g.payer.Accounts[1].IBAN}, CreditorName: g.payer.Name, RemittanceInformationUnstructured: "To my savings",
	}
	created, err := g.initiates(ctx, xs2aclient.SEPACreditTransfers, r)
	return "no scaRedirect; scaStatus exempted; ACSC", all(err, is("the scaRedirect link", created.Links["scaRedirect"], ""),
		g.ends(ctx, xs2aclient.SEPACreditTransfers, created, xs2aclient.PaymentSettled, xs2aclient.SCAExempted), g.pay.debtor.moved(ctx, amount.Neg()))
}
