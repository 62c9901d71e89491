package e2e

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
	"testing"

	"kontor/xs2aclient"
)

// TestMethods leads a PSU who has them all through each of her methods: what a picture, a
// reader, an app or a phone needs must get past the policy of the page, too.
func TestMethods(t *testing.T) {
	t.Parallel()
	w := begin(t)
	psu := w.ready.Personas[6]
	for i, m := range []struct{ id, kind, shows string }{
		{"totp", "TOTP", "Open your authenticator app"},
		{"photo", "PHOTO_OTP", "Take a photo of the picture"},
		{"chip", "CHIP_OTP", "For the reader"},
		{"push", "PUSH_OTP", "We asked you on your phone"},
	} {
		b := w.tab(t, m.id)
		r := w.transfer(psu, []string{"61.00", "62.00", "63.00", "64.00"}[i], "By "+m.id)
		id, flow := w.orders(t, b, psu, xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers}, r, "How you confirm it", "Authenticator app", "Chip card and reader")
		b.comes(ok, texts(m.shows, r.InstructedAmount.Amount, r.CreditorName), click("#method-"+m.id), button("approve"))
		at := b.address()
		bank := at[:strings.Index(at, "/sca/")]
		if m.id == "photo" && evaluate[int64](b, `document.querySelector('img.photo').naturalWidth`) < 200 {
			t.Error("the picture is not drawn")
		}
		if m.id == "push" {
			b.check(b.goes(button("answered")), http.StatusUnprocessableEntity, "has not answered yet")
			phone := w.tab(t, "phone")
			phone.comes(ok, texts("Log in as the customer"), navigate(bank+"/phone"))
			phone.logsIn(psu, "Asked on your phone", strings.Replace(r.InstructedAmount.Amount, ".", ",", 1), r.CreditorName, w.tpp.Name)
			phone.comes(ok, texts("Nothing waits"), button("approve"))
			b.comes(ok, texts("Done"), button("answered"))
		} else {
			b.comes(ok, texts("Done"), fill("code", device(t, bank, psu.Login, m.kind, path.Base(at))), button("confirm"))
		}
		w.redeem(t, w.bank(t, "standard"), flow, w.returned(b, b.goesOn()))
		w.stands(t, id, xs2aclient.PaymentSettled)
	}
}

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
