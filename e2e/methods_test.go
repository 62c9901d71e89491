package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"kontor/e2e/chromium"
	"kontor/ready"
	"kontor/xs2aclient"
)

// everyMethod is a PSU who has all methods that a bank gives.
func (w *world) everyMethod() ready.Persona { return w.ready.Personas[6] }

// by leads that PSU through the method with this ID to a payment: what a picture, a reader or an
// app needs must get past the policy of the page, too. answer goes on from the page that asks.
func (w *world) by(t *testing.T, b *tab, id, amount, shows string, answer func(at string)) {
	t.Helper()
	psu := w.everyMethod()
	r := w.transfer(psu, amount, "By "+id)
	paid, flow := w.orders(t, b, psu, xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers}, r, "How you confirm it", "Authenticator app", "Chip card and reader")
	b.comes(ok, texts(shows, r.InstructedAmount.Amount, r.CreditorName), click("#method-"+id), button("approve"))
	answer(b.address())
	w.redeem(t, w.bank(t, "standard"), flow, w.returned(b, b.goesOn()))
	w.stands(t, paid, xs2aclient.PaymentSettled)
}

// typed leads through a method whose code a device shows.
func (w *world) typed(t *testing.T, b *tab, id, kind, amount, shows string) {
	t.Helper()
	w.by(t, b, id, amount, shows, func(at string) {
		b.comes(ok, texts("Done"), fill("code", device(t, bankOf(at), w.everyMethod().Login, kind, path.Base(at))), button("confirm"))
	})
}

func (w *world) approvesByClock(t *testing.T, b *tab) {
	w.typed(t, b, "totp", "TOTP", "61.00", "Open your authenticator app")
}

func (w *world) approvesByPicture(t *testing.T, b *tab) {
	w.by(t, b, "photo", "62.00", "Take a photo of the picture", func(at string) {
		if evaluate[int64](b, `document.querySelector('img.photo').naturalWidth`) < 200 {
			t.Error("the picture is not drawn")
		}
		b.comes(ok, texts("Done"), fill("code", device(t, bankOf(at), w.everyMethod().Login, "PHOTO_OTP", path.Base(at))), button("confirm"))
	})
}

func (w *world) approvesByChip(t *testing.T, b *tab) {
	w.typed(t, b, "chip", "CHIP_OTP", "63.00", "For the reader")
}

func (w *world) approvesByPhone(t *testing.T, b *tab) {
	w.by(t, b, "push", "64.00", "We asked you on your phone", func(at string) {
		b.check(b.goes(button("answered")), unfit, "has not answered yet")
		phone := w.tab(t, "phone")
		phone.comes(ok, texts("Log in as the customer"), chromium.Navigate(bankOf(at)+"/phone"))
		phone.logsIn(w.everyMethod(), "Asked on your phone", "64,00", w.tpp.Name)
		phone.comes(ok, nil, approves("64,00"))
		b.comes(ok, texts("Done"), button("answered"))
	})
}

// approvesByPasskey has a PSU add a passkey on her own page, pay with it, and take it away.
func (w *world) approvesByPasskey(t *testing.T, b *tab) {
	psu, me := w.ready.Personas[5], w.pages(w.bank(t, "standard"))+"/me"
	device := b.authenticator()
	b.comes(ok, texts("Log in"), chromium.Navigate(me))
	b.logsIn(psu, "Your passkeys")
	b.comes(ok, texts("Add a passkey", "Sandbox device"), fill("passkey-name", "Sandbox device"), button("enrol"))
	b.comes(ok, texts(enterCode), button("approve"))
	code, message := w.code(b)
	if !strings.Contains(message, "Sandbox device") {
		t.Errorf("the text message does not say what is added: %s", message)
	}
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	b.check(b.goesOn(), ok, "Make the passkey", "Sandbox device")
	b.comes(ok, texts("The passkey was added", "Sandbox device"), button("passkey"))

	r := w.transfer(psu, "65.00", "By passkey")
	id, flow := w.orders(t, b, psu, xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers}, r, "How you confirm it", "Sandbox device")
	b.comes(ok, texts("Approve with your passkey", "65.00 EUR", r.CreditorName, spaced(r.CreditorAccount.IBAN), "compare it here"), click("input[value^=passkey-]"), button("approve"))
	// Who holds the device is not who should: the page says so, and nothing is sent.
	call(b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: false})
	b.do(button("passkey"))
	if !eventually(func() bool { return evaluate[bool](b, `!document.getElementById('passkey-failed').hidden`) }) {
		t.Error("a device that does not know its user is not said to have failed")
	}
	call(b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: true})
	b.comes(ok, texts("Done"), button("passkey"))
	w.redeem(t, w.bank(t, "standard"), flow, w.returned(b, b.goesOn()))
	w.stands(t, id, xs2aclient.PaymentSettled)

	w.turnsToThePage(t, b, psu)

	// Without JavaScript the page says so, and another way goes on.
	b.withoutScript()
	r = w.transfer(psu, "67.00", "By no passkey")
	_, flow = w.orders(t, b, psu, xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers}, r, "How you confirm it", "Sandbox device")
	b.comes(ok, texts("Approve with your passkey", "Passkeys need JavaScript", "Confirm it another way"), click("input[value^=passkey-]"), button("approve"))
	b.comes(ok, texts(enterCode), click("button[value='by sms']"))
	w.confirms(t, b, flow, "67,00 EUR")

	b.comes(ok, texts("Sandbox device"), chromium.Navigate(me))
	b.comes(ok, texts("The passkey was removed"), button("unenrol"))
}

// turnsToThePage: a PSU who enters her password at the TPP and chooses her passkey goes on at the
// bank, for a browser signs for the bank's own pages only.
func (w *world) turnsToThePage(t *testing.T, b *tab, psu ready.Persona) {
	bank := w.bank(t, "standard")
	created := w.sends(t, http.MethodPost, bank.XS2A+"/v1/payments/sepa-credit-transfers", w.transfer(psu, "68.00", "Turned"), "TPP-Redirect-Preferred", "false", "TPP-Decoupled-Preferred", "false")
	known := w.sends(t, http.MethodPut, created.Links["updatePsuAuthentication"].Href, map[string]any{"psuData": map[string]string{"password": psu.Password}}, "PSU-ID", psu.Login)
	id := ""
	for _, m := range known.SCAMethods {
		if m.AuthenticationType == "PASSKEY" {
			id = m.AuthenticationMethodID
		}
	}
	turned := w.sends(t, http.MethodPut, known.Links["selectAuthenticationMethod"].Href, map[string]string{"authenticationMethodId": id})
	if turned.approach != "REDIRECT" {
		t.Errorf("the TPP is told that the approach is %s", turned.approach)
	}
	b.comes(ok, texts("Approve a payment", "68.00 EUR"), chromium.Navigate(turned.Links["scaRedirect"].Href))
	b.comes(ok, texts("Approve with your passkey"), click("input[value^=passkey-]"), button("approve"))
	b.comes(ok, texts("Done"), button("passkey"))
	w.leaves(b, w.back)
	w.stands(t, xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers, ID: created.PaymentID}, xs2aclient.PaymentSettled)
}

// authenticator gives the tab a device of its own that has passkeys, and whose user always agrees.
func (b *tab) authenticator() webauthn.AuthenticatorID {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	return call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}).AuthenticatorID
}

// approves clicks the button that stands with the words, on a phone that may be asked more.
func approves(words string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.Search(fmt.Sprintf("//section[contains(., '%s')]//button[@value='approve']", words)))
}

// bankOf is where the pages of a bank begin, one of whose journeys is at an address.
func bankOf(at string) string { return at[:strings.Index(at, "/sca/")] }

// device reads the code that a PSU's device shows.
func device(t *testing.T, bank, login, kind, session string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, bank+"/phone.json?login="+login, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []struct{ Kind, Code, Session string }
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Kind == kind && (d.Session == session || d.Session == "") {
			return d.Code
		}
	}
	t.Fatalf("no %s is asked: %v", kind, all)
	return ""
}
