package e2e

import (
	"errors"
	"strings"
	"testing"

	"kontor/e2e/chromium"
	"kontor/xs2aclient"
)

// weight is what the eye sees of two answers: neither may be larger or louder than the other.
const weight = `['#confirm', '#back'].map(id => {
	const e = document.querySelector(id), s = getComputedStyle(e);
	return [s.color, s.backgroundColor, s.borderTopColor, s.fontSize, s.fontWeight, s.paddingTop, s.paddingLeft, Math.round(e.getBoundingClientRect().height)].join(' ');
})`

// endsAccess has a PSU log in to the hub's dashboard by way of her bank, look at what she gave,
// change her mind once, and end it.
func (w *world) endsAccess(t *testing.T, b *tab) {
	bank, psu := w.bank(t, "standard"), w.ready.Personas[4]
	client, created, flow := w.asks(t, bank, xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts})
	b.logsInAt(flow.URL, psu, w.tpp.Name)
	b.comes(ok, texts(enterCode), button("approve"))
	code, _ := w.code(b)
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	token := w.redeem(t, bank, flow, w.returned(b, b.goesOn()))
	reader := client.WithToken(token.AccessToken).WithConsent(created.ConsentID)
	must[[]xs2aclient.Account](t)(reader.Accounts(t.Context(), false))

	my := w.ready.WebTLS + strings.TrimPrefix(bank.XS2A, w.ready.API) + "/my"
	b.comes(ok, texts("Third parties with access to your accounts", "must know who you are"), chromium.Navigate(my))
	b.comes(ok, texts("Isarbank"), click("#login"))
	if s := b.check(b.goesOn(), ok); strings.Contains(s.Title, "Log in") {
		b.logsIn(psu)
	}
	if s := b.look(); strings.Contains(s.Text, "Confirm who you are") {
		b.comes(ok, texts("Done"), button("approve"))
	}
	b.check(b.goesOn(), ok, "Returning you to")
	b.check(b.goesOn(), ok, w.tpp.Name, "May see your accounts", "What comes in and goes out", "In force", "Cancel everything")
	if b.address() != my {
		t.Errorf("the way in stays in the address: %s", b.address())
	}
	b.comes(ok, texts("What happened", "you approved it at your bank", "it was used once"), click("article.card a.button"))
	b.comes(ok, texts("Cancel access", "Back"), click("#end"))
	if both := evaluate[[]string](b, weight); len(both) != 2 || both[0] != both[1] {
		t.Errorf("one answer weighs more than the other: %q", both)
	}
	b.comes(ok, texts("What happened", "In force"), click("#back"))
	must[[]xs2aclient.Account](t)(reader.Accounts(t.Context(), false))
	b.comes(ok, texts("Cancel access"), click("#end"))
	b.comes(ok, texts("You cancelled it", "you cancelled it"), click("#confirm"))
	_, err := reader.Accounts(t.Context(), false)
	if refused, is := errors.AsType[*xs2aclient.Error](err); !is || refused.Code() != "CONSENT_INVALID" {
		t.Errorf("reading afterwards: %v", err)
	}
	becomes(t, "consentStatus", xs2aclient.ConsentRevokedByPSU, func() (string, error) { return client.ConsentStatus(t.Context(), created.ConsentID) })
	b.comes(ok, texts("No third party has access"), click("#back"))
	b.comes(ok, texts(w.tpp.Name, "You cancelled it"), click("ul.tabs li:last-child a"))
	b.comes(ok, texts("You are logged out"), click("#logout"))
	b.comes(ok, texts("must know who you are"), chromium.Navigate(my+"/consents/"+created.ConsentID))
}
