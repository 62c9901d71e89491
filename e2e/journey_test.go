package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"kontor/e2e/chromium"
	"kontor/ready"
	"kontor/xs2aclient"
)

const (
	ok        = http.StatusOK
	unfit     = http.StatusUnprocessableEntity
	accounts  = "Choose accounts"
	enterCode = "Enter the code"
)

func texts(all ...string) []string { return all }

// TestPages leads PSUs through every page. Each journey has a browser profile of its own, and
// all share one sandbox, as customers do.
func TestPages(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for _, j := range []struct {
		name  string
		takes func(*world, *testing.T, *tab)
	}{
		{"a TPP reads accounts until the PSU withdraws", (*world).readsAccounts},
		{"the same without JavaScript", (*world).readsAccountsWithoutScript},
		{"a TPP pays from an account", (*world).pays},
		{"a PSU refuses, is wrong three times, and has not enough", (*world).doesNotPay},
		{"a PSU refuses access, gives it to one account, and to checks of funds", (*world).givesMore},
		{"where the TPP names no account: access to all, and a choice for a payment", (*world).namesNone},
		{"a PSU approves a standing order", (*world).ordersEachMonth},
		{"one code for a bulk", (*world).paysMany},
		{"a PSU takes a payment back", (*world).takesBack},
		{"a PSU ends an access on the hub's dashboard", (*world).endsAccess},
		{"pages that stand alone, and those that say what went wrong", (*world).looksAround},
		{"the TPP starts the SCA by a request of its own, explicitly", (*world).startsItself},
		{"the PSU is asked on her phone only, decoupled", (*world).asksThePhone},
		{"the PSU never leaves the TPP, embedded", (*world).staysAtTheTPP},
		{"the TPP is an app with a scheme of its own, which the PSU comes back to: app", (*world).returnsToAnApp},
		{"a PSU approves by an authenticator app", (*world).approvesByClock},
		{"a PSU approves by a photo", (*world).approvesByPicture},
		{"a PSU approves by a chip reader", (*world).approvesByChip},
		{"a PSU approves by her phone", (*world).approvesByPhone},
		{"a PSU adds a passkey, approves by it, and removes it: passkey", (*world).approvesByPasskey},
	} {
		t.Run(j.name, func(t *testing.T) {
			t.Parallel()
			words := strings.Fields(j.name)
			j.takes(w, t, w.tab(t, words[len(words)-1]))
		})
	}
}

func recurring(access xs2aclient.Access) xs2aclient.ConsentRequest {
	return xs2aclient.ConsentRequest{Access: access, RecurringIndicator: true, ValidUntil: time.Now().AddDate(0, 0, 90).Format(time.DateOnly), FrequencyPerDay: 4}
}

// logsIn fills in the log-in page and leads to the next, which shows texts.
func (b *tab) logsIn(p ready.Persona, shown ...string) seen {
	b.t.Helper()
	return b.comes(ok, shown, fill("login", p.Login), fill("password", p.Password), button("login"))
}

// asks has the TPP create a consent at bank, and returns what comes of it and where it sends
// the PSU.
func (w *world) asks(t *testing.T, bank ready.Bank, access xs2aclient.Access) (*xs2aclient.Client, xs2aclient.ConsentCreated, xs2aclient.Flow) {
	t.Helper()
	client := w.client(t, bank)
	created := must[xs2aclient.ConsentCreated](t)(client.CreateConsent(t.Context(), recurring(access), w.redirects()))
	flow := must[xs2aclient.Flow](t)(w.oauth(t, bank).Begin(xs2aclient.ScopeOfConsent(created.ConsentID), nil))
	return client, created, flow
}

// redeem exchanges the code with which a PSU came back.
func (w *world) redeem(t *testing.T, bank ready.Bank, flow xs2aclient.Flow, cameBack string) xs2aclient.Token {
	t.Helper()
	code := must[string](t)(flow.Code(cameBack))
	return must[xs2aclient.Token](t)(w.client(t, bank).Exchange(t.Context(), w.oauth(t, bank), flow, code))
}

// choose ticks the account of a page of choices.
func choose(a ready.Account) chromedp.Action[chromedp.Void] {
	var groups []string
	for four := range slices.Chunk([]byte(a.IBAN), 4) {
		groups = append(groups, string(four))
	}
	return chromedp.Click(chromedp.Search(fmt.Sprintf("//label[contains(., '%s')]", strings.Join(groups, " "))))
}

func (w *world) readsAccounts(t *testing.T, b *tab) {
	bank, psu := w.bank(t, "salt"), w.ready.Personas[0]
	client, created, flow := w.asks(t, bank, xs2aclient.BankOffered())
	b.comes(ok, texts("Log in", w.tpp.Name), chromium.Navigate(flow.URL))
	wrongLogin := b.comes(unfit, texts("Log in"), fill("login", psu.Login), fill("password", "not it"), button("login"))
	if wrongLogin.Alert == "" {
		t.Error("a wrong password is not said to be wrong")
	}
	b.logsIn(psu, accounts, w.tpp.Name)
	if s := b.comes(unfit, texts(accounts), button("approve")); s.Alert == "" {
		t.Error("that no account is chosen is not said")
	}
	b.comes(ok, texts(enterCode), choose(psu.Accounts[0]), button("approve"))
	code, message := w.code(b)
	if !strings.Contains(message, w.tpp.Name) {
		t.Errorf("the text message does not say who asks: %s", message)
	}
	atBank := b.address()

	// Whoever goes to the hub before the bank is done waits there, and can go on at the bank.
	waiting := w.continueAddress(b)
	if s := b.comes(ok, texts("Waiting for your bank"), chromium.Navigate(waiting)); s.Refresh == "" {
		t.Error("the waiting page does not look again")
	}
	if again := b.wouldGo(); again != waiting {
		t.Errorf("the waiting page goes to %s", again)
	}
	b.comes(ok, texts(enterCode), chromium.Navigate(atBank))

	if s := b.comes(unfit, texts(enterCode), fill("code", wrong(code)), button("confirm")); s.Alert == "" {
		t.Error("a wrong code is not said to be wrong")
	}
	end := b.comes(ok, texts("Done", w.tpp.Name), fill("code", code), button("confirm"))
	if end.Refresh == "" {
		t.Error("the last page of the bank does not lead on")
	}
	cameBack := w.returned(b, b.goesOn())
	if title := evaluate[string](b, "document.title"); title != "Back with script" {
		t.Errorf("JavaScript does not run, so nothing is known of pages with it: %q", title)
	}
	token := w.redeem(t, bank, flow, cameBack)
	reader := client.WithToken(token.AccessToken).WithConsent(created.ConsentID)
	list := must[[]xs2aclient.Account](t)(reader.Accounts(t.Context(), false))
	if len(list) != 1 || list[0].IBAN != psu.Accounts[0].IBAN {
		t.Errorf("the TPP sees %+v, not the account that was chosen", list)
	}
	// The way back leads once.
	b.comes(http.StatusBadRequest, texts("This request cannot be answered", "begin again"), chromium.Navigate(waiting))

	w.withdraws(t, b, bank, psu)
	becomes(t, "consentStatus", xs2aclient.ConsentRevokedByPSU, func() (string, error) { return client.ConsentStatus(t.Context(), created.ConsentID) })
	if _, err := reader.Accounts(t.Context(), false); err == nil {
		t.Error("the TPP still sees the account")
	}
}

// continueAddress is where the authorization server waits for this browser; its cookie says so.
func (w *world) continueAddress(b *tab) string {
	b.t.Helper()
	of := chromedp.FromContext(b.ctx).BrowserContextID
	all, err := chromedp.CallBrowser(b.ctx, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: of})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range all.Cookies {
		if c.Name == "kontor_authorize" {
			if !c.HTTPOnly || c.SameSite != network.CookieSameSiteLax {
				b.t.Errorf("the cookie is open to scripts or other sites: %+v", c)
			}
			return w.ready.WebTLS + c.Path
		}
	}
	b.t.Fatal("the authorization server set no cookie")
	return ""
}

// withdraws takes the access away on the PSU's own page, and logs out.
func (w *world) withdraws(t *testing.T, b *tab, bank ready.Bank, psu ready.Persona) {
	b.comes(ok, texts("Your accounts", psu.Name, w.tpp.Name), chromium.Navigate(w.pages(bank)+"/me"))
	b.comes(ok, texts("The access was withdrawn"), button("withdraw"))
	b.comes(ok, texts("Welcome"), button("logout"))
	b.comes(ok, texts("Log in"), click("a[href$='/me']"))
}

// readsAccountsWithoutScript goes the same way, and by the link instead of the refresh.
func (w *world) readsAccountsWithoutScript(t *testing.T, b *tab) {
	b.withoutScript()
	bank, psu := w.bank(t, "salt"), w.ready.Personas[1]
	client, created, flow := w.asks(t, bank, xs2aclient.BankOffered())
	b.comes(ok, texts("Log in", w.tpp.Name), chromium.Navigate(flow.URL))
	b.logsIn(psu, accounts)
	b.comes(ok, texts(enterCode), choose(psu.Accounts[1]), button("approve"))
	b.comes(ok, texts(enterCode), button("resend"))
	code, _ := w.code(b)
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	b.wouldGo()
	cameBack := w.returned(b, b.goes(click("#return")))
	if title := evaluate[string](b, "document.title"); title != "Back" {
		t.Errorf("JavaScript runs: %q", title)
	}
	token := w.redeem(t, bank, flow, cameBack)
	list := must[[]xs2aclient.Account](t)(client.WithToken(token.AccessToken).WithConsent(created.ConsentID).Accounts(t.Context(), false))
	if len(list) != 1 || list[0].IBAN != psu.Accounts[1].IBAN {
		t.Errorf("the TPP sees %+v, not the account that was chosen", list)
	}
}

// mayAsk leads a PSU through the step before everything else at a bankart bank, and returns
// a client with the token.
func (w *world) mayAsk(t *testing.T, b *tab, scope string, psu ready.Persona) *xs2aclient.Client {
	t.Helper()
	bank := w.bank(t, "bankart")
	flow := must[xs2aclient.Flow](t)(w.oauth(t, bank).Begin(scope, url.Values{"iban": {psu.Accounts[0].IBAN}}))
	b.comes(ok, texts("Log in", w.tpp.Name, "confirm that you are its customer"), chromium.Navigate(flow.URL))
	b.logsIn(psu, "Done", w.tpp.Name)
	return w.client(t, bank).WithToken(w.redeem(t, bank, flow, w.returned(b, b.goesOn())).AccessToken)
}

// initiates creates a payment to the third customer.
func (w *world) initiates(t *testing.T, c *xs2aclient.Client, debtor *xs2aclient.AccountReference, amount string) (xs2aclient.PaymentRequest, xs2aclient.PaymentCreated) {
	t.Helper()
	payee := w.ready.Personas[2]
	r := xs2aclient.PaymentRequest{
		DebtorAccount: debtor, InstructedAmount: xs2aclient.Amount{Currency: "EUR", Amount: amount},
		CreditorAccount: xs2aclient.AccountReference{IBAN: payee.Accounts[0].IBAN}, CreditorName: payee.Name, RemittanceInformationUnstructured: "Invoice 2041, thank you",
	}
	created := must[xs2aclient.PaymentCreated](t)(c.CreatePayment(t.Context(), xs2aclient.Payments, xs2aclient.SEPACreditTransfers, r, w.redirects()))
	return r, created
}

func (w *world) status(t *testing.T, c *xs2aclient.Client, created xs2aclient.PaymentCreated, want string) {
	t.Helper()
	becomes(t, "transactionStatus", want, func() (string, error) {
		s, err := c.PaymentStatus(t.Context(), xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers, ID: created.PaymentID})
		return s.TransactionStatus, err
	})
}

// leaves goes from the last page of the bank over the hub's to the TPP.
func (w *world) leaves(b *tab, way string) {
	b.t.Helper()
	if s := b.check(b.goesOn(), ok, "Returning you to"); !strings.HasSuffix(s.Refresh, way) {
		b.t.Errorf("%s: the PSU is sent to %q, not to %s", b.name, s.Refresh, way)
	}
	if last := w.returned(b, b.goesOn()); last != way {
		b.t.Errorf("%s: the PSU came back to %s, not to %s", b.name, last, way)
	}
}

func (w *world) pays(t *testing.T, b *tab) {
	psu := w.ready.Personas[0]
	c := w.mayAsk(t, b, "psd2:pay", psu)
	r, created := w.initiates(t, c, &xs2aclient.AccountReference{IBAN: psu.Accounts[0].IBAN}, "45.50")
	essential := texts(r.CreditorName, "45.50 EUR", spaced(r.CreditorAccount.IBAN), spaced(psu.Accounts[0].IBAN), r.RemittanceInformationUnstructured)
	b.comes(ok, append(essential, "Approve a payment", w.tpp.Name), chromium.Navigate(created.Links["scaRedirect"]))
	b.comes(ok, append(essential, enterCode), button("approve"))
	code, message := w.code(b)
	if !strings.Contains(message, "45,50 EUR") || !strings.Contains(message, r.CreditorName) {
		t.Errorf("the text message does not say what the code is good for: %s", message)
	}
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	w.leaves(b, w.back)
	w.status(t, c, created, xs2aclient.PaymentSettled)

	// The same by the links, as where a browser does not go on by itself.
	_, created = w.initiates(t, c, &xs2aclient.AccountReference{IBAN: psu.Accounts[0].IBAN}, "3.10")
	b.comes(ok, texts("Approve a payment"), chromium.Navigate(created.Links["scaRedirect"]))
	b.comes(ok, texts(enterCode), button("approve"))
	code, _ = w.code(b)
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	b.wouldGo()
	b.check(b.goes(click("#return")), ok, "Returning you to")
	b.wouldGo()
	w.returned(b, b.goes(click("#continue")))
	w.status(t, c, created, xs2aclient.PaymentSettled)
}

func spaced(iban string) string {
	var groups []string
	for four := range slices.Chunk([]byte(iban), 4) {
		groups = append(groups, string(four))
	}
	return strings.Join(groups, " ")
}

func (w *world) doesNotPay(t *testing.T, b *tab) {
	psu := w.ready.Personas[1]
	c := w.mayAsk(t, b, "psd2:pay", psu)
	from := &xs2aclient.AccountReference{IBAN: psu.Accounts[0].IBAN}
	nok := w.redirects().NokURI

	_, created := w.initiates(t, c, from, "20.00")
	b.comes(ok, texts("Approve a payment"), chromium.Navigate(created.Links["scaRedirect"]))
	b.comes(ok, texts("You refused"), button("refuse"))
	w.leaves(b, nok)
	w.status(t, c, created, xs2aclient.PaymentRejected)

	_, created = w.initiates(t, c, from, "21.00")
	b.comes(ok, texts("Approve a payment"), chromium.Navigate(created.Links["scaRedirect"]))
	b.comes(ok, texts(enterCode), button("approve"))
	code, _ := w.code(b)
	for range 2 {
		b.comes(unfit, texts(enterCode, "That is not the code"), fill("code", wrong(code)), button("confirm"))
	}
	b.comes(ok, texts("It could not be done"), fill("code", wrong(code)), button("confirm"))
	w.leaves(b, nok)
	w.status(t, c, created, xs2aclient.PaymentRejected)

	_, created = w.initiates(t, c, from, "9000000.00")
	b.comes(ok, texts("Approve a payment"), chromium.Navigate(created.Links["scaRedirect"]))
	b.comes(ok, texts("It could not be done"), button("approve"))
	w.leaves(b, nok)
	w.status(t, c, created, xs2aclient.PaymentRejected)

	// Another customer's browser cannot pay from this one's account.
	_, created = w.initiates(t, c, from, "22.00")
	call(b, network.ClearBrowserCookies, cdp.Empty{})
	b.comes(ok, texts("Log in"), chromium.Navigate(created.Links["scaRedirect"]))
	b.logsIn(w.ready.Personas[0], "is not yours")
	b.comes(ok, texts("You refused"), button("refuse"))
	w.leaves(b, nok)
}

func (w *world) givesMore(t *testing.T, b *tab) {
	psu := w.ready.Personas[1]
	_, _, flow := w.asks(t, w.bank(t, "salt"), xs2aclient.BankOffered())
	b.comes(ok, texts("Log in"), chromium.Navigate(flow.URL))
	b.comes(ok, texts("You refused"), button("refuse"))
	if _, err := flow.Code(w.returned(b, b.goesOn())); !errors.Is(err, xs2aclient.ErrDenied) {
		t.Errorf("a refusal reaches the TPP as %v", err)
	}

	c := w.mayAsk(t, b, "psd2:acc", psu)
	created := must[xs2aclient.ConsentCreated](t)(c.CreateConsent(t.Context(), recurring(xs2aclient.Dedicated(xs2aclient.AccountReference{IBAN: psu.Accounts[0].IBAN})), w.redirects()))
	b.comes(ok, texts(accounts, spaced(psu.Accounts[0].IBAN)), chromium.Navigate(created.Links["scaRedirect"]))
	b.comes(ok, texts(enterCode), button("approve"))
	code, _ := w.code(b)
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	w.leaves(b, w.back)
	becomes(t, "consentStatus", xs2aclient.ConsentValid, func() (string, error) { return c.ConsentStatus(t.Context(), created.ConsentID) })

	none := []xs2aclient.AccountReference{}
	r := recurring(xs2aclient.Access{Accounts: &[]xs2aclient.AccountReference{{IBAN: psu.Accounts[0].IBAN}}, Balances: &none, Transactions: &none})
	r.ConfirmationOfFundsAllowed = true
	created = must[xs2aclient.ConsentCreated](t)(c.CreateConsent(t.Context(), r, w.redirects()))
	b.comes(ok, texts("Allow checks of funds", spaced(psu.Accounts[0].IBAN)), chromium.Navigate(created.Links["scaRedirect"]))
	b.comes(ok, texts(enterCode), button("approve"))
	code, _ = w.code(b)
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	w.leaves(b, w.back)
	becomes(t, "consentStatus", xs2aclient.ConsentValid, func() (string, error) { return c.ConsentStatus(t.Context(), created.ConsentID) })
	b.comes(ok, texts("checks funds"), chromium.Navigate(w.pages(w.bank(t, "bankart"))+"/me"))
}

func (w *world) namesNone(t *testing.T, b *tab) {
	bank, psu := w.bank(t, "standard"), w.ready.Personas[1]
	client, created, flow := w.asks(t, bank, xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts})
	b.comes(ok, texts("Log in"), chromium.Navigate(flow.URL))
	b.logsIn(psu, "Give access", "all your accounts", spaced(psu.Accounts[0].IBAN))
	b.comes(ok, texts(enterCode), button("approve"))
	code, _ := w.code(b)
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	w.redeem(t, bank, flow, w.returned(b, b.goesOn()))
	becomes(t, "consentStatus", xs2aclient.ConsentValid, func() (string, error) { return client.ConsentStatus(t.Context(), created.ConsentID) })
	b.comes(ok, texts("Your accounts", "all accounts"), chromium.Navigate(w.pages(bank)+"/me"))

	_, payment := w.initiates(t, client, nil, "3.10")
	flow = must[xs2aclient.Flow](t)(w.oauth(t, bank).Begin(xs2aclient.ScopeOfPayment(payment.PaymentID), nil))
	b.comes(ok, texts("Approve a payment", "From account", "available"), chromium.Navigate(flow.URL))
	b.comes(ok, texts(enterCode, spaced(psu.Accounts[0].IBAN)), choose(psu.Accounts[0]), button("approve"))
	code, _ = w.code(b)
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	w.redeem(t, bank, flow, w.returned(b, b.goesOn()))
	w.status(t, client, payment, xs2aclient.PaymentSettled)
}

func (w *world) looksAround(t *testing.T, b *tab) {
	bank := w.bank(t, "salt")
	at := w.pages(bank)
	w.isIcon(t, b.comes(ok, texts("Open banking at this address", bank.XS2A), chromium.Navigate(w.ready.Web+"/")).Icon)
	b.comes(ok, texts("Open banking at this address", bank.XS2A), chromium.Navigate(w.ready.WebTLS+"/"))
	b.comes(http.StatusNotFound, texts("This did not work", "There is no page at this address"), chromium.Navigate(w.ready.WebTLS+"/assets/nothing.css"))
	b.comes(http.StatusNotFound, texts("This did not work", "There is no page at this address"), chromium.Navigate(w.ready.WebTLS+"/nothing"))
	b.comes(http.StatusNotFound, texts("This did not work", "way back is not known"), chromium.Navigate(w.ready.WebTLS+"/return/"+bank.Code+"/nothing"))
	authorize := w.oauth(t, bank).Metadata.AuthorizationEndpoint
	b.comes(http.StatusBadRequest, texts("This request cannot be answered", "who it is"), chromium.Navigate(authorize+"?client_id=nobody"))
	b.comes(http.StatusBadRequest, texts("This request cannot be answered", "does not belong to it"),
		chromium.Navigate(authorize+"?response_type=code&redirect_uri=https%3A%2F%2Felsewhere.example%2F&client_id="+w.tpp.OrganizationIdentifier))
	b.comes(http.StatusBadRequest, texts("This request cannot be answered", "too much time"), chromium.Navigate(authorize+"/continue/nothing"))

	w.isIcon(t, b.comes(ok, texts("Welcome"), chromium.Navigate(w.ready.Bank+"/")).Icon)
	b.comes(ok, texts("Welcome"), chromium.Navigate(at+"/"))
	b.comes(ok, texts("Text messages"), click("a[href$='/outbox']"))
	b.comes(http.StatusNotFound, texts("There is no such page"), chromium.Navigate(at+"/nothing"))
	b.comes(ok, texts("Welcome"), click("main a"))
	b.comes(ok, texts("Log in"), click("a[href$='/me']"))
	// A form that was shown to another browser is not taken.
	call(b, network.ClearBrowserCookies, cdp.Empty{})
	psu := w.ready.Personas[3]
	b.comes(http.StatusForbidden, texts("too old"), fill("login", psu.Login), fill("password", psu.Password), button("login"))
	b.comes(ok, texts("Log in"), chromium.Navigate(at+"/me"))
	b.logsIn(psu, "Your accounts", "Nobody has access")
}

// isIcon checks an icon: a browser without a window does not ask for it.
func (w *world) isIcon(t *testing.T, address string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != ok || kind != "image/svg+xml" {
		t.Errorf("the icon %s is %d %s", address, resp.StatusCode, kind)
	}
}
