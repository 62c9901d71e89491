package corebank

import (
	"errors"
	"strings"
	"testing"

	"kontor/connector/sdk"
	"kontor/connector/wire"
)

func TestACustomerAllowsChecksOfFundsAtTheBank(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const tpp, other = "PSDSI-BS-1234567", "PSDDE-BAFIN-118734"
		ask := func(tpp, iban, currency, amount string) (bool, error) {
			return w.c.FundsAvailableAtBank(t.Context(), wire.FundsAtBank{
				SessionSecret: "s", ProviderCode: "lon", TPP: wire.String(tpp), Account: wire.Account{IBAN: wire.String(iban), Currency: wire.String(currency)},
				InstructedAmount: wire.Amount{Amount: wire.String(amount), Currency: "EUR"},
			})
		}
		denied := func(why, tpp, iban string) {
			t.Helper()
			if got, err := ask(tpp, iban, "", "1.00"); got || !errors.Is(err, sdk.ErrAccessDenied) {
				t.Errorf("%s: %t %v", why, got, err)
			}
		}
		denied("nothing is allowed yet", tpp, ibanOf["ana"])
		b := w.browser().open(w.url+"/me").logIn("ana").sees("Who may check funds", "Identifier of the third party")
		b.submit("allow", "tpp", "Boutique", "account", "ana-current").sees("does not look like one", `value="Boutique"`)
		b.submit("allow", "tpp", tpp, "account", "luka-current").sees("does not look like one")
		b.submit("allow", "tpp", tpp, "account", "ana-card").sees("does not look like one")
		b.submit("allow", "tpp", " "+tpp+" ", "called", "Košarica <d.o.o.>", "account", "ana-current").sees("Allow checks of funds", "Košarica <d.o.o.> ("+tpp+")", "Osebni račun")
		if strings.Contains(b.raw, "<d.o.o.>") {
			t.Error("the name of a third party can be markup")
		}
		b.submit("approve").sees("Enter the code")
		denied("it is not approved yet", tpp, ibanOf["ana"])
		if text := w.message("ana"); !strings.Contains(text, "dovoljujete preverjanje sredstev na svojem računu: Košarica <d.o.o.> ("+tpp+")") {
			t.Error(text)
		}
		b.submit("confirm", "code", w.code("ana")).sees("Done", `href="`+w.url+`/me?allowed=1"`)
		if w.hub.heard() != "" {
			t.Errorf("the hub heard of it: %s", w.hub.heard())
		}
		for _, tt := range []struct {
			amount string
			want   bool
		}{{"1.00", true}, {"999999.00", false}} {
			for _, currency := range []string{"", "EUR"} {
				if got, err := ask(tpp, ibanOf["ana"], currency, tt.amount); err != nil || got != tt.want {
					t.Errorf("%s: %t %v", tt.amount, got, err)
				}
			}
		}
		denied("another third party", other, ibanOf["ana"])
		denied("another account of hers", tpp, ibanOf["ana+"])
		denied("somebody else's account", tpp, ibanOf["luka"])
		denied("an account that is nobody's", tpp, elsewhere)
		denied("no account", tpp, "")
		denied("no third party", "", ibanOf["ana"])
		if _, err := ask(tpp, ibanOf["ana"], "USD", "1.00"); !errors.Is(err, sdk.ErrAccessDenied) {
			t.Errorf("another currency of the account: %v", err)
		}
		if _, err := ask(tpp, ibanOf["ana"], "", "-1.00"); !errors.Is(err, sdk.ErrInvalid) {
			t.Errorf("less than nothing: %v", err)
		}
		// Another customer cannot end it; she can, at once and without a code.
		l := w.browser().open(w.url + "/me").logIn("luka")
		l.submit("disallow", "tpp", tpp, "account", "ana-current")
		if got, err := ask(tpp, ibanOf["ana"], "", "1.00"); err != nil || !got {
			t.Errorf("ended by somebody else: %v", err)
		}
		b.open(w.url+"/me?allowed=1").sees("It may check funds from now on", "Košarica <d.o.o.> ("+tpp+")").submit("disallow", "tpp", tpp, "account", "ana-current")
		b.sees("The access was withdrawn")
		denied("it was withdrawn", tpp, ibanOf["ana"])
	})
}
