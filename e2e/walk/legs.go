package walk

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"kontor/kit/webauthn"
	"kontor/kit/webauthn/webauthntest"
	"kontor/ready"
	"kontor/xs2aclient"
)

// alone sees the pages that need nothing but their address.
func (w *Walk) alone() error {
	c := w.customer(3)
	salt := w.bank("salt")
	at := w.pages(salt)
	c.opens(w.Sandbox.WebTLS + "/").sees("hub/start")
	c.opens(w.Sandbox.WebTLS + "/nothing").sees("hub/error: no page")
	c.opens(w.Sandbox.WebTLS + "/return/" + salt.Code + "/nothing").sees("hub/error: no way back")
	c.opens(w.hub(w.bank("standard")) + "/capabilities").sees("hub/capabilities")
	o, err := w.oauth(salt)
	if err != nil {
		return err
	}
	authorize := o.Metadata.AuthorizationEndpoint
	c.opens(authorize + "?client_id=nobody").sees("hub/oauth: unknown client")
	c.opens(authorize + "?response_type=code&redirect_uri=https%3A%2F%2Felsewhere.example%2F&client_id=" + url.QueryEscape(w.tpp.OrganizationIdentifier)).sees("hub/oauth: another's address")
	c.opens(authorize + "/continue/nothing").sees("hub/oauth: over")

	c.opens(at + "/").sees("bank/home")
	c.opens(at + "/nothing").sees("bank/error: no page")
	c.opens(at + "/me").sees("bank/login: own pages")
	c.tries("bank/error: a form of another page", "login", url.Values{"csrf": {"another"}})
	c.opens(at + "/phone").sees("bank/login: devices")
	c.logsIn().sees("bank/phone: nothing waits")
	c.opens(at + "/outbox").sees("bank/outbox: no messages")
	return c.err
}

// access gives access by OAuth, changes it on the customer's own page and takes it away.
func (w *Walk) access() error {
	c, salt := w.customer(0), w.bank("salt")
	address, err := w.consents(salt, xs2aclient.BankOffered())
	if err != nil {
		return err
	}
	c.opens(address).sees("bank/login: access")
	// Five wrong ones in a row would lock her out.
	c.tries("bank/login: wrong", "login", url.Values{"login": {c.Login}, "password": {"not it"}})
	c.logsIn().sees("bank/choose: accounts")
	c.tries("bank/choose: no account", "approve", nil)
	c.sends("approve", url.Values{"accounts": c.offers("accounts")[:1]}).sees("bank/code: text message")
	c.tries("bank/code: wrong", "confirm", url.Values{"code": {wrong(c.code(sms))}}, "en", "sl")
	c.waits("hub/waiting", c.waiting)
	c.confirms(sms).sees("bank/end: done").follows()
	c.opens(c.waiting).sees("hub/oauth: way back used")

	at := w.pages(salt)
	c.opens(at + "/outbox").sees("bank/outbox")
	c.opens(at + "/me").sees("bank/me")
	allow := url.Values{"tpp": {"nonsense"}, "called": {w.tpp.Name}}
	c.tries("bank/me: no third party", "allow", allow)
	allow.Set("tpp", w.tpp.OrganizationIdentifier)
	c.sends("allow", allow).sees("bank/choose: checks of funds, on her own page").sends("approve", nil)
	c.tries("bank/code: wrong", "confirm", url.Values{"code": {wrong(c.code(sms))}}, "de", "ro")
	c.confirms(sms).sees("bank/end: done, on her own page").follows().sees("bank/me: checks of funds allowed")
	c.opens(at+"/me").sends("change", nil).sees("bank/choose: change").sends("approve", nil).confirms(sms).follows().sees("bank/me: changed")
	c.opens(at+"/me").sends("withdraw", nil).sees("bank/me: withdrawn")
	if c.err != nil {
		return c.err
	}
	return w.passkey(c, salt)
}

// passkey adds a passkey on the customer's own page, and is asked for it.
func (w *Walk) passkey(c *customer, bank ready.Bank) error {
	party, has := webauthn.PartyAt(w.Sandbox.Bank)
	if !has {
		return errors.New("browsers have no passkeys at the banks' address")
	}
	at := w.pages(bank)
	c.opens(at+"/me").sends("enrol", url.Values{"passkeyname": {"Laptop"}}).sees("bank/choose: passkey").sends("approve", nil).confirms(sms).follows().sees("bank/passkey")
	c.tries("bank/passkey: refused", "passkey", url.Values{"answer": {"nonsense"}})
	var ask struct{ Challenge, User []byte }
	if question := data.FindStringSubmatch(c.page.Body); question == nil {
		c.fail("no passkey is asked for")
	} else if text := map[string]any{}; json.Unmarshal([]byte(html.UnescapeString(question[1])), &text) == nil {
		ask.Challenge, _ = base64.RawURLEncoding.DecodeString(fmt.Sprint(text["challenge"]))
		ask.User, _ = base64.RawURLEncoding.DecodeString(fmt.Sprint(text["user"]))
	}
	if c.err != nil {
		return c.err
	}
	c.sends("passkey", url.Values{"answer": {string(webauthntest.New(party).Create(ask.Challenge, ask.User))}}).sees("bank/me: passkey")
	address, err := w.consents(bank, xs2aclient.BankOffered())
	if err != nil {
		return err
	}
	c.opens(address).sees("bank/choose: accounts and method")
	if ways := c.offers("method"); c.err == nil {
		c.sends("approve", url.Values{"accounts": c.offers("accounts")[:1], "method": ways[len(ways)-1:]}).sees("bank/code: passkey")
	}
	return c.err
}

var data = regexp.MustCompile(`data-ask="([^"]*)"`)

// signs has two of a company sign a payment together.
func (w *Walk) signs() error {
	tine, vesna, bank := w.customer(8), w.customer(9), w.bank("standard")
	id := single()
	address, err := w.initiates(id, w.transfer(tine.Persona, "640.00", "Steel"))
	if err != nil {
		return err
	}
	tine.opens(address).logsIn().sees("bank/choose: first of two signers").sends("approve", nil).confirms(sms).sees("bank/end: others have to sign")
	if tine.err != nil {
		return tine.err
	}
	client, err := w.client(bank)
	if err != nil {
		return err
	}
	if _, err := client.StartPaymentAuthorisation(w.ctx, *id, w.redirects()); err != nil {
		return err
	}
	flow, err := w.begin(bank, xs2aclient.ScopeOfPayment(id.ID), nil)
	if err != nil {
		return err
	}
	vesna.opens(flow.URL).logsIn().sees("bank/choose: second of two signers").sends("approve", url.Values{"method": {"sms"}}).sees("bank/code: second of two signers")
	return vesna.confirms(sms).sees("bank/end: all have signed").err
}

// named goes the way of a bank whose authorization server gives a token before all else: by
// links, and back over the hub's page.
func (w *Walk) named() error {
	c, lon := w.customer(1), w.bank("bankart")
	mine := refs(c.Accounts)[0]
	flow, err := w.begin(lon, "psd2:acc", url.Values{"iban": {mine.IBAN}})
	if err != nil {
		return err
	}
	c.opens(flow.URL).sees("bank/login: who she is").logsIn().sees("bank/end: who she is")
	if flow, err = w.begin(lon, "psd2:acc", url.Values{"iban": {mine.IBAN}}); err != nil {
		return err
	}
	c.opens(flow.URL).sees("bank/choose: who she is").sends("approve", nil).follows()
	if c.err != nil {
		return c.err
	}
	client, err := w.client(lon)
	if err != nil {
		return err
	}
	code, err := flow.Code(c.at.String())
	if err != nil {
		return err
	}
	o, err := w.oauth(lon)
	if err != nil {
		return err
	}
	token, err := client.Exchange(w.ctx, o, flow, code)
	if err != nil {
		return err
	}
	client = client.WithToken(token.AccessToken)
	asks := func(r xs2aclient.ConsentRequest) (string, error) {
		created, err := client.CreateConsent(w.ctx, r, w.redirects())
		return created.Links["scaRedirect"], err
	}
	named, err := asks(recurring(xs2aclient.Dedicated(mine)))
	if err != nil {
		return err
	}
	c.opens(named).sees("bank/choose: accounts that are named").sends("approve", nil).confirms(sms).follows().sees("hub/leave")

	none := []xs2aclient.AccountReference{}
	r := recurring(xs2aclient.Access{Accounts: &[]xs2aclient.AccountReference{mine}, Balances: &none, Transactions: &none})
	r.ConfirmationOfFundsAllowed = true
	funds, err := asks(r)
	if err != nil {
		return err
	}
	c.opens(funds).sees("bank/choose: checks of funds").sends("refuse", nil).sees("bank/end: refused").follows().sees("hub/leave: refused")

	// Her account, and somebody else's browser.
	again, err := asks(recurring(xs2aclient.Dedicated(mine)))
	if err != nil {
		return err
	}
	other := w.customer(0)
	other.opens(again).logsIn().sees("bank/login: somebody else's")
	if other.err != nil {
		return other.err
	}
	return c.err
}

// methods pays, by each method in which something is entered.
func (w *Walk) methods() error {
	c := w.customer(6)
	address, err := w.initiates(single(), w.transfer(c.Persona, "61.00", "Flour"))
	if err != nil {
		return err
	}
	c.opens(address).sees("bank/login: payment").logsIn().sees("bank/choose: method of a payment")
	c.sends("approve", url.Values{"method": {"totp"}}).sees("bank/code: authenticator app")
	c.sends("by photo", nil).sees("bank/code: photo")
	c.sends("by chip", nil).sees("bank/code: chip card")
	c.tries("bank/code: no more codes", "by sms", nil)
	c.confirms(chip).sees("bank/end: payment done")
	return c.err
}

// phone pays by a method in which nothing is entered.
func (w *Walk) phone() error {
	c, holds := w.customer(6), w.customer(6)
	address, err := w.initiates(single(), w.transfer(c.Persona, "64.00", "Sugar"))
	if err != nil {
		return err
	}
	c.opens(address).logsIn().sends("approve", url.Values{"method": {"push"}}).sees("bank/code: phone")
	c.tries("bank/code: phone has not answered", "answered", nil)
	holds.opens(w.pages(w.bank("standard")) + "/phone").logsIn().sees("bank/phone")
	holds.sends("approve", nil)
	if holds.err != nil {
		return holds.err
	}
	return c.sends("answered", nil).sees("bank/end: done on the phone").err
}

// orders sees what a customer is told of orders of every kind, and leaves some of them to come.
func (w *Walk) orders() error {
	c, bank := w.customer(6), w.bank("standard")
	day := func(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }
	approves := func(kind string, id *xs2aclient.PaymentID, order any) error {
		address, err := w.initiates(id, order)
		if err != nil {
			return err
		}
		c.opens(address).logsIn().sees("bank/choose: "+kind).sends("approve", url.Values{"method": {"sms"}}).sees("bank/code: " + kind)
		return c.confirms(sms).err
	}

	series := &xs2aclient.PaymentID{Service: xs2aclient.PeriodicPayments, Product: xs2aclient.SEPACreditTransfers}
	if err := approves("standing order", series, xs2aclient.PeriodicRequest{PaymentRequest: w.transfer(c.Persona, "75.00", "Rent of the oven"),
		Standing: xs2aclient.Standing{StartDate: day(20), EndDate: day(200), Frequency: "Monthly", ExecutionRule: "following"}}); err != nil {
		return err
	}
	later, order := single(), w.transfer(c.Persona, "11.00", "Yeast")
	order.RequestedExecutionDate = day(20)
	if err := approves("payment of a later day", later, order); err != nil {
		return err
	}
	unlike := w.transfer(c.Persona, "12.00", "Butter")
	unlike.CreditorName = "Somebody Else"
	bulk := xs2aclient.BulkRequest{DebtorAccount: unlike.DebtorAccount}
	for range 7 {
		one := unlike
		one.DebtorAccount = nil
		bulk.Payments = append(bulk.Payments, one)
	}
	if err := approves("bulk", &xs2aclient.PaymentID{Service: xs2aclient.BulkPayments, Product: xs2aclient.SEPACreditTransfers}, bulk); err != nil {
		return err
	}
	if address, err := w.initiates(single(), unlike); err == nil {
		c.opens(address).sees("bank/choose: payee called otherwise").sends("refuse", nil)
	} else {
		return err
	}
	unlike.DebtorAccount = nil
	if address, err := w.initiates(single(), unlike); err == nil {
		c.opens(address).sees("bank/choose: account to pay from").sends("refuse", nil)
	} else {
		return err
	}

	client, err := w.client(bank)
	if err != nil {
		return err
	}
	if _, err := client.CancelPayment(w.ctx, *later, w.redirects()); err != nil {
		return err
	}
	flow, err := w.begin(bank, xs2aclient.ScopeOfPayment(later.ID), nil)
	if err != nil {
		return err
	}
	c.opens(flow.URL).sees("bank/choose: cancellation").sends("refuse", nil)

	access, err := w.consents(bank, xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts})
	if err != nil {
		return err
	}
	c.opens(access).sees("bank/choose: all accounts").sends("approve", url.Values{"method": {"sms"}}).confirms(sms)

	fundsConsent, err := client.CreateFundsConsent(w.ctx, xs2aclient.FundsConsentRequest{
		Account: refs(c.Accounts)[0], CardNumber: "5409 0512 3456 1234", CardExpiryDate: "2999-12-31", CardInformation: "Debit card with a heron", RegistrationInformation: "Contract 17",
	}, w.redirects())
	if err != nil {
		return err
	}
	if flow, err = w.begin(bank, xs2aclient.ScopeOfFundsConsent(fundsConsent.ConsentID), nil); err != nil {
		return err
	}
	c.opens(flow.URL).sees("bank/choose: checks of funds for a card").sends("refuse", nil)
	if c.err != nil {
		return c.err
	}
	return w.basket(c)
}

// basket puts two payments and an access together.
func (w *Walk) basket(c *customer) error {
	bank := w.bank("standard")
	client, err := w.client(bank)
	if err != nil {
		return err
	}
	waiting := client.WithPreferences(xs2aclient.Preferences{ExplicitAuthorisation: true})
	var members xs2aclient.BasketRequest
	for _, amount := range []string{"17.00", "19.00"} {
		created, err := waiting.CreatePayment(w.ctx, xs2aclient.Payments, xs2aclient.SEPACreditTransfers, w.transfer(c.Persona, amount, "Together"), w.redirects())
		if err != nil {
			return err
		}
		members.PaymentIDs = append(members.PaymentIDs, created.PaymentID)
	}
	consent, err := waiting.CreateConsent(w.ctx, recurring(xs2aclient.BankOffered()), w.redirects())
	if err != nil {
		return err
	}
	members.ConsentIDs = []string{consent.ConsentID}
	created, err := client.CreateBasket(w.ctx, members, w.redirects())
	if err != nil {
		return err
	}
	if _, err := client.StartBasketAuthorisation(w.ctx, created.BasketID, w.redirects()); err != nil {
		return err
	}
	flow, err := w.begin(bank, xs2aclient.ScopeOfBasket(created.BasketID), nil)
	if err != nil {
		return err
	}
	c.opens(flow.URL).sees("bank/choose: basket")
	return c.err
}

// endings sees journeys that fail.
func (w *Walk) endings() error {
	c := w.customer(4)
	address, err := w.initiates(single(), w.transfer(c.Persona, "9000000.00", "Too much"))
	if err != nil {
		return err
	}
	c.opens(address).logsIn().sends("approve", url.Values{"method": {"sms"}}).sees("bank/end: failed")
	if w.Expire == nil || c.err != nil {
		return c.err
	}
	if address, err = w.initiates(single(), w.transfer(c.Persona, "1.00", "Too late")); err != nil {
		return err
	}
	if c.opens(address); c.err == nil {
		if err := w.Expire(path.Base(c.at.Path)); err != nil {
			return err
		}
	}
	return c.sees("bank/end: over").err
}

// dashboard sees the hub's pages for her who has given most.
func (w *Walk) dashboard() error {
	c := w.customer(6)
	my := w.hub(w.bank("standard")) + "/my"
	enters := func(c *customer) *customer {
		if c.opens(my).sends("login", nil).follows(); strings.Contains(c.page.Body, `name="password"`) {
			c.logsIn()
		} else {
			c.sends("approve", nil) // she is logged in already
		}
		c.follows()
		if refresh.MatchString(c.page.Body) { // the hub's own page on the way
			c.follows()
		}
		return c
	}
	c.opens(my).sees("hub/my_login").tries("hub/onward", "login", nil)
	enters(c).sees("hub/my")
	c.opens(my + "?show=ended").sees("hub/my: ended")
	if c.err != nil {
		return c.err
	}
	c.opens(my)
	if only := links(c.page.Body, "my?tpp="); len(only) > 0 {
		c.opens(only[0]).sees("hub/my: of one third party").opens(my)
	} else {
		c.fail("nothing leads to what one third party has")
	}
	for _, noun := range []string{"consents", "payments"} {
		all := links(c.page.Body, "/my/"+noun+"/")
		if len(all) == 0 {
			c.fail("there are no %s", noun)
			return c.err
		}
		c.opens(all[0]).sees("hub/my_access: " + noun)
		c.opens(all[0] + "/end").sees("hub/my_end: " + noun).opens(my)
	}
	c.opens(my+"/end").sees("hub/my_end: everything").tries("hub/my_ended", "confirm", nil)

	other := w.customer(3)
	enters(other).sees("hub/my: nothing").tries("hub/my_login: logged out", "logout", nil)
	if other.err != nil {
		return other.err
	}
	return c.err
}

var anchor = regexp.MustCompile(`<a [^>]*>`)

// links lists where the links of a page lead whose addresses have a part in them.
func links(body, part string) []string {
	var all []string
	for _, m := range anchor.FindAllString(body, -1) {
		if to := attributes(m)["href"]; strings.Contains(to, part) && !strings.Contains(to, "/end") {
			all = append(all, to)
		}
	}
	return all
}
