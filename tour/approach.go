package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"kontor/kit/money"
	"kontor/ready"
	"kontor/xs2aclient"
)

// The approaches to SCA, by the words of a bank's capabilities and of Options.
const (
	byRedirect  = "redirect"
	byOAuth     = "oauth"
	byDecoupled = "decoupled"
	byEmbedded  = "embedded"
)

// CheckApproaches says which of names is no approach that the tour can play.
func CheckApproaches(names []string) error {
	for _, name := range names {
		if _, known := approachTold(name); !known {
			return fmt.Errorf("the approach %q is unknown: there are %s, %s, %s and %s", name, byRedirect, byOAuth, byDecoupled, byEmbedded)
		}
	}
	return nil
}

// approachTold is how a reader is told where the PSU authorises.
func approachTold(way string) (where string, known bool) {
	switch way {
	case byRedirect:
		return "by redirect", true
	case byOAuth:
		return "inside OAuth", true
	case byDecoupled:
		return "on her phone", true
	case byEmbedded:
		return "at the TPP", true
	}
	return "", false
}

// approachChapters are one chapter for each of ways, in their order.
func approachChapters(ways ...string) []chapter {
	var all []chapter
	for i, way := range ways {
		if !slices.Contains(ways[:i], way) {
			where, _ := approachTold(way)
			all = append(all, chapter{"The approach " + way + ": all is authorised " + where, approachSteps(way, where)})
		}
	}
	return all
}

// approachSteps lead through everything that a PSU can authorise, in one approach. Where the
// bank does not offer something, they show that it is refused.
func approachSteps(way, where string) []step {
	a := &approached{way: way}
	return []step{
		{"A bank says that a PSU can authorise " + where, a.meet},
		{"She gives a consent, authorised " + where, a.give},
		{"Her account is read under the consent that she gave " + where, a.read},
		{"A payment is authorised " + where + ", and settled to the cent", a.pay},
		{"One for a later day is taken back, and that is authorised " + where, a.takeBack},
		{"A basket of two payments is authorised " + where, a.sign},
		{"Checks of funds are allowed " + where, a.letCheck},
	}
}

// An approached bank is where one approach is played, with what its steps pass on.
type approached struct {
	way    string
	bank   ready.Bank
	can    capabilities
	who    ready.Persona
	client *xs2aclient.Client // as the TPP, which prefers the approach; no token, nobody there
	server xs2aclient.Metadata
	given  xs2aclient.Token   // with the consent; empty where none comes with it
	reader *xs2aclient.Client // under the consent
	holder *observed
}

// An offer is what a bank says of itself.
type offer struct {
	bank ready.Bank
	can  capabilities
}

func (o offer) operations() (n int) {
	for _, e := range o.can.Endpoints {
		if e.Offered {
			n++
		}
	}
	return n
}

// offering returns which of offers has the approach, and most beside it.
func offering(way string, offers []offer) (offer, error) {
	var best offer
	var told []string
	for _, o := range offers {
		told = append(told, o.bank.Code+" "+strings.Join(o.can.SCA.Approaches, ", "))
		if slices.Contains(o.can.SCA.Approaches, way) && o.operations() > best.operations() {
			best = o
		}
	}
	if best.bank.Code == "" {
		return best, fmt.Errorf("no bank offers the approach %s; there are: %s", way, strings.Join(told, "; "))
	}
	return best, nil
}

func (a *approached) meet(ctx context.Context, g *guide) (string, error) {
	var offers []offer
	for _, b := range g.ready.Banks {
		can, err := g.capable(ctx, b)
		if err != nil {
			return "", fmt.Errorf("%s: %w", b.Code, err)
		}
		offers = append(offers, offer{b, can})
	}
	best, err := offering(a.way, offers)
	if err != nil {
		return "", err
	}
	a.bank, a.can, a.who = best.bank, best.can, g.payer
	yes, no := true, false
	wish := xs2aclient.Preferences{Redirect: &yes}
	switch a.way {
	case byDecoupled:
		wish, a.who = xs2aclient.Preferences{Decoupled: &yes}, g.traveller // whose phone can be asked
	case byEmbedded:
		wish, a.who = xs2aclient.Preferences{Redirect: &no, Decoupled: &no}, g.traveller
	}
	client, err := g.client(a.bank, g.tpp)
	if err != nil {
		return "", err
	}
	a.client = client.WithPreferences(wish)
	if a.way == byOAuth || a.can.Access.OAuth.Mode == "preStep" {
		if a.server, err = client.Metadata(ctx, a.bank.OAuth+"/.well-known/oauth-authorization-server"); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s: %s; %s prefers %s, and its customer is %s", a.bank.Code, strings.Join(a.can.SCA.Approaches, ", "), g.tpp.Name, a.way, a.who.Name), has("a customer who can", a.who.Login)
}

// asks is the TPP with a customer who is there, and whom it names where the approach is for the
// bank to find her. Where the bank wants her to log in before anything, for a token, she does.
func (a *approached) asks(ctx context.Context, g *guide, scope func(capabilities) string) (*xs2aclient.Client, error) {
	who := present
	if a.way == byDecoupled || a.way == byEmbedded {
		who.ID = a.who.Login
	}
	client := a.client.WithPSU(who)
	if a.can.Access.OAuth.Mode != "preStep" {
		return client, nil
	}
	token, err := g.leads(ctx, a.who, a.client, a.oauth(g), scope(a.can), plan{})
	return client.WithToken(token.AccessToken), err
}

// oauth is the TPP at the bank's authorization server.
func (a *approached) oauth(g *guide) xs2aclient.OAuth {
	o := xs2aclient.OAuth{Metadata: a.server, ClientID: g.tpp.OrganizationIdentifier, RedirectURI: g.tpp.RedirectURIs[0]}
	if a.can.Access.ClientID == "portalKey" {
		o.ClientID, o.ClientSecret = g.tpp.ClientID, g.tpp.ClientSecret
	}
	return o
}

// toRead and toPay are the scopes of the tokens that come before anything.
func toRead(c capabilities) string { return c.scope(0) }
func toPay(c capabilities) string  { return c.scope(1) }

func (c capabilities) scope(i int) string {
	if i < len(c.Access.OAuth.Scopes) {
		return c.Access.OAuth.Scopes[i].Name
	}
	return ""
}

// account is the customer's account that all is about.
func (a *approached) account() xs2aclient.AccountReference {
	first := a.who.Accounts[0]
	if len(a.who.Accounts) > 1 && a.who.Accounts[1].IBAN == first.IBAN {
		return xs2aclient.AccountReference{IBAN: first.IBAN, Currency: first.Currency}
	}
	return xs2aclient.AccountReference{IBAN: first.IBAN}
}

func (a *approached) give(ctx context.Context, g *guide) (string, error) {
	client, err := a.asks(ctx, g, toRead)
	if err != nil {
		return "", err
	}
	client = client.WithPSU(present) // who she is, is said by a step of its own
	created, err := client.CreateConsent(ctx, recurring(xs2aclient.Dedicated(a.account())), g.redirects())
	if err = all(err, is("consentStatus", created.ConsentStatus, xs2aclient.ConsentReceived), has("consentId", created.ConsentID)); err != nil {
		return "", err
	}
	a.given, err = a.authorises(ctx, g, begun{
		links: created.Links, offer: created.Offer, approach: created.SCAApproach, scope: xs2aclient.ScopeOfConsent(created.ConsentID),
		tells: func(text string) error { return is("the TPP's name is told", contains(text, g.tpp.Name), true) },
	})
	if err != nil {
		return "", err
	}
	a.reader = client.WithPSU(present).WithConsent(created.ConsentID)
	if a.given.AccessToken != "" {
		a.reader = a.reader.WithToken(a.given.AccessToken)
	}
	a.holder = &observed{Account: a.who.Accounts[0], reader: a.reader, consentID: created.ConsentID}
	how := "no token comes with it: certificate and consent open the accounts"
	switch a.way {
	case byRedirect:
		if how = "back at TPP-Redirect-URI"; a.can.SCA.Confirmation == "code" {
			how += ", with a code by which the TPP confirms that it was her"
		}
	case byOAuth:
		how = "a token of " + created.ConsentID + " and nothing else"
	}
	return "valid; " + how, all(g.becomes(ctx, a.client, created.ConsentID, xs2aclient.ConsentValid))
}

func (a *approached) read(ctx context.Context, g *guide) (string, error) {
	accounts, err := a.reader.Accounts(ctx, false)
	if err = all(err, is("number of accounts", len(accounts), 1)); err != nil {
		return "", err
	}
	a.holder.resourceID = accounts[0].ResourceID
	if a.holder.balance, err = a.holder.look(ctx); err != nil {
		return "", err
	}
	page, err := a.reader.Transactions(ctx, accounts[0].ResourceID, lately(xs2aclient.Booked))
	if err != nil {
		return "", err
	}
	stranger, err := g.client(a.bank, g.other)
	if err != nil {
		return "", err
	}
	_, foreign := stranger.WithPSU(present).WithConsent(a.holder.consentID).Accounts(ctx, false)
	refused, isRefusal := errors.AsType[*xs2aclient.Error](foreign)
	return fmt.Sprintf("%s, %s %s, %d entries; another TPP reads nothing", accounts[0].IBAN, a.holder.balance, accounts[0].Currency, len(page.Booked)), all(
		is("IBAN", accounts[0].IBAN, a.who.Accounts[0].IBAN), is("entries", len(page.Booked) > 0, true),
		is("another TPP is refused", isRefusal && slices.Contains([]string{"CONSENT_UNKNOWN", "TOKEN_INVALID"}, refused.Code()), true))
}

// order is a payment from the customer to the payee.
func (a *approached) order(g *guide, cents int64, text string) xs2aclient.PaymentRequest {
	r := g.transfer(cents, text)
	debtor := a.account()
	r.DebtorAccount, r.EndToEndIdentification = &debtor, "TOUR-"+strings.ToUpper(a.way)
	return r
}

// ordered has the TPP create a payment, whose authorisation begins by itself.
func (a *approached) ordered(ctx context.Context, g *guide, product string, r xs2aclient.PaymentRequest) (id xs2aclient.PaymentID, b begun, err error) {
	client, err := a.asks(ctx, g, toPay)
	if err != nil {
		return id, b, err
	}
	created, err := client.CreatePayment(ctx, xs2aclient.Payments, product, r, g.redirects())
	id = xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: product, ID: created.PaymentID}
	return id, begun{
		links: created.Links, offer: created.Offer, approach: created.SCAApproach, scope: xs2aclient.ScopeOfPayment(created.PaymentID), tells: tells(r),
	}, all(err, is("transactionStatus", created.TransactionStatus, xs2aclient.PaymentReceived), has("paymentId", created.PaymentID))
}

// tells checks that a PSU is told amount and payee of r.
func tells(r xs2aclient.PaymentRequest) func(string) error {
	return func(text string) error {
		return all(is("the amount is told", says(text, r.InstructedAmount.Amount), true), is("the payee's account is told", contains(plain(text), r.CreditorAccount.IBAN), true))
	}
}

// stands waits until a payment has a status.
func (a *approached) stands(ctx context.Context, id xs2aclient.PaymentID, want string) error {
	var s xs2aclient.PaymentStatus
	err := eventually(ctx, func() (_ bool, err error) {
		s, err = a.client.PaymentStatus(ctx, id)
		return s.TransactionStatus == want, err
	})
	if err != nil {
		return fmt.Errorf("transactionStatus %s: %w; it is %s", want, err, s.TransactionStatus)
	}
	return nil
}

// paid waits until exactly so much has gone from the account since its balance was last seen.
func (a *approached) paid(ctx context.Context, amount money.Amount) error {
	want := a.holder.balance.Plus(amount.Neg())
	var now money.Amount
	err := eventually(ctx, func() (_ bool, err error) {
		now, err = a.holder.look(ctx)
		return now == want, err
	})
	if err != nil {
		return fmt.Errorf("balance of %s: %w; %s became %s, not %s", a.holder.IBAN, err, a.holder.balance, now, want)
	}
	a.holder.balance = now
	return nil
}

func (a *approached) pay(ctx context.Context, g *guide) (string, error) {
	id, wanted, err := a.ordered(ctx, g, xs2aclient.InstantSEPACreditTransfers, a.order(g, 4_20, "authorised "+a.way))
	if err != nil {
		return "", err
	}
	told := ""
	switch confirmed := a.can.SCA.Confirmation == "code"; {
	case a.way == byEmbedded:
		wanted.wrong, told = true, "; a wrong password, a wrong code: PSU_CREDENTIALS_INVALID"
	case a.way == byDecoupled:
		told, err = "; another one, that she refused: RJCT", a.comesToNothing(ctx, g, func(b *begun) { b.refuse = true })
	case a.way == byRedirect && confirmed:
		told, err = "; another one, confirmed with a wrong code: RJCT", a.comesToNothing(ctx, g, func(b *begun) { b.wrong = true })
	}
	if err != nil {
		return "", err
	}
	if _, err = a.authorises(ctx, g, wanted); err != nil {
		return "", err
	}
	return "ACSC; " + a.holder.balance.Plus(euros(-4_20)).String() + " EUR are left" + told, all(a.stands(ctx, id, xs2aclient.PaymentSettled), a.paid(ctx, euros(4_20)))
}

// comesToNothing orders a payment whose authorisation goes as how says, and which is rejected.
func (a *approached) comesToNothing(ctx context.Context, g *guide, how func(*begun)) error {
	id, b, err := a.ordered(ctx, g, xs2aclient.InstantSEPACreditTransfers, a.order(g, 77_00, "not wanted"))
	if err != nil {
		return err
	}
	how(&b)
	_, err = a.authorises(ctx, g, b)
	return all(err, a.stands(ctx, id, xs2aclient.PaymentRejected))
}

func (a *approached) takeBack(ctx context.Context, g *guide) (string, error) {
	if a.can.Payments.Cancellation == "none" {
		id, _, err := a.ordered(ctx, g, xs2aclient.SEPACreditTransfers, a.order(g, 1_00, "never taken back"))
		if err != nil {
			return "", err
		}
		_, never := a.client.CancelPayment(ctx, id, g.redirects())
		return "SERVICE_INVALID: " + a.bank.Code + " cancels nothing", refusedWith(never, http.StatusMethodNotAllowed, "SERVICE_INVALID")
	}
	r := a.order(g, 33_00, "taken back "+a.way)
	r.RequestedExecutionDate = workday(time.Now()).Format(time.DateOnly)
	id, b, err := a.ordered(ctx, g, xs2aclient.SEPACreditTransfers, r)
	if err != nil {
		return "", err
	}
	if _, err = a.authorises(ctx, g, b); err != nil {
		return "", err
	}
	client, err := a.asks(ctx, g, toPay)
	if err = all(err, a.stands(ctx, id, xs2aclient.PaymentAccepted)); err != nil {
		return "", err
	}
	c, err := client.CancelPayment(ctx, id, g.redirects())
	if err = all(err, is("done at once", c.Done, false), is("transactionStatus", c.TransactionStatus, xs2aclient.PaymentAccepted)); err != nil {
		return "", err
	}
	_, err = a.authorises(ctx, g, begun{links: c.Links, offer: c.Offer, approach: c.SCAApproach, scope: xs2aclient.ScopeOfCancellation(id.ID), tells: tells(r)})
	return "ACTC for " + r.RequestedExecutionDate + "; CANC", all(err, a.stands(ctx, id, xs2aclient.PaymentCancelled), a.paid(ctx, euros(0)))
}

func (a *approached) sign(ctx context.Context, g *guide) (string, error) {
	client, err := a.asks(ctx, g, toPay)
	if err != nil {
		return "", err
	}
	if !a.can.Payments.SigningBaskets {
		_, never := client.CreateBasket(ctx, xs2aclient.BasketRequest{PaymentIDs: []string{"imagined"}}, g.redirects())
		return "SERVICE_INVALID: " + a.bank.Code + " has no baskets", refusedWith(never, http.StatusMethodNotAllowed, "SERVICE_INVALID")
	}
	waiting := client.WithPSU(present).WithPreferences(xs2aclient.Preferences{ExplicitAuthorisation: true})
	var ids []xs2aclient.PaymentID
	var request xs2aclient.BasketRequest
	for i, cents := range inBasket {
		id := xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.InstantSEPACreditTransfers}
		created, err := waiting.CreatePayment(ctx, id.Service, id.Product, a.order(g, cents, fmt.Sprintf("%s basket %d", a.way, i+1)), g.redirects())
		if err != nil {
			return "", err
		}
		id.ID = created.PaymentID
		ids, request.PaymentIDs = append(ids, id), append(request.PaymentIDs, id.ID)
	}
	created, err := client.CreateBasket(ctx, request, g.redirects())
	if err != nil {
		return "", err
	}
	var started xs2aclient.AuthorisationStarted
	if a.way == byEmbedded { // her password comes with the start
		started, err = client.StartAuthenticated(ctx, created.Links.Start(), a.who.Password, g.redirects())
	} else {
		started, err = client.StartAuthorisationAt(ctx, created.Links.Start(), g.redirects())
	}
	if err != nil {
		return "", err
	}
	_, err = a.authorises(ctx, g, begun{
		links: started.Links, offer: started.Offer, approach: started.SCAApproach, scope: xs2aclient.ScopeOfBasket(created.BasketID),
		tells: func(text string) error { return is("the sum is told", says(text, "36.00"), true) },
	})
	return "both ACSC", all(err, a.stands(ctx, ids[0], xs2aclient.PaymentSettled), a.stands(ctx, ids[1], xs2aclient.PaymentSettled),
		a.paid(ctx, euros(inBasket[0]+inBasket[1])))
}

func (a *approached) letCheck(ctx context.Context, g *guide) (string, error) {
	client, err := a.asks(ctx, g, toRead)
	if err != nil {
		return "", err
	}
	created, err := client.CreateFundsConsent(ctx, xs2aclient.FundsConsentRequest{Account: a.account(), CardInformation: "Card of the tour"}, g.redirects())
	if a.can.Funds.ConsentVia != "v2" {
		return "SERVICE_INVALID: " + a.bank.Code + " has other consents for it", refusedWith(err, http.StatusMethodNotAllowed, "SERVICE_INVALID")
	}
	if err = all(err, is("consentStatus", created.ConsentStatus, xs2aclient.ConsentReceived)); err != nil {
		return "", err
	}
	token, err := a.authorises(ctx, g, begun{
		links: created.Links, offer: created.Offer, approach: created.SCAApproach, scope: xs2aclient.ScopeOfFundsConsent(created.ConsentID),
		tells: func(text string) error { return is("the TPP's name is told", contains(text, g.tpp.Name), true) },
	})
	if err != nil {
		return "", err
	}
	asks := a.client.WithConsent(created.ConsentID)
	if token.AccessToken != "" {
		asks = asks.WithToken(token.AccessToken)
	}
	ask := func(amount money.Amount) (bool, error) {
		return asks.FundsConfirmation(ctx, xs2aclient.FundsRequest{Account: a.account(), Payee: "Buchhandlung Isar", InstructedAmount: xs2aclient.NewAmount(amount)})
	}
	little, err := ask(euros(1_00))
	much, err2 := ask(euros(999_999_999_00))
	if err = all(err, err2, is("the answer to little", little, true), is("the answer to much", much, false), a.client.DeleteFundsConsent(ctx, created.ConsentID)); err != nil {
		return "", err
	}
	_, over := ask(euros(1_00))
	return "1.00 EUR: true; 999999999.00 EUR: false; after the TPP ended it: CONSENT_INVALID", refusedWith(over, http.StatusUnauthorized, "CONSENT_INVALID")
}
