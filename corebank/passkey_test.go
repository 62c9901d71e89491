package corebank

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"kontor/connector/wire"
	"kontor/kit/webauthn/webauthntest"
)

var askPattern = regexp.MustCompile(`data-ask="([^"]*)"`)

// asked reads what the page wants to have of a passkey.
func (b *browser) asked() (ask passkeyAsk, challenge []byte) {
	b.w.t.Helper()
	m := askPattern.FindStringSubmatch(b.raw)
	if m == nil {
		b.w.t.Fatalf("%s asks for no passkey:\n%s", b.at, b.body)
	}
	b.w.do(json.Unmarshal([]byte(html.UnescapeString(m[1])), &ask))
	challenge, err := base64.RawURLEncoding.DecodeString(ask.Challenge)
	b.w.do(err)
	if len(challenge) != 32 || ask.PartyID != "localhost" {
		b.w.t.Errorf("odd question: %+v", ask)
	}
	return ask, challenge
}

// mayEnrol leads a customer to the page on which her browser makes a passkey.
func (w *world) mayEnrol(login, name string) *browser {
	w.t.Helper()
	b := w.browser().open(w.url+"/me").logIn(login).sees("Your passkeys").submit("enrol", "passkeyname", name).sees("You add the passkey", name)
	b.submit("approve", "method", "sms").submit("confirm", "code", w.code(login)).sees("Done")
	return b.open(w.url+"/me/passkey/"+b.id()).sees("Make the passkey", name)
}

// id is the last part of the page's address.
func (b *browser) id() string { return b.at[strings.LastIndex(b.at, "/")+1:] }

// enrols adds a passkey to a customer, and returns what plays her device.
func (w *world) enrols(login, name string) *webauthntest.Authenticator {
	w.t.Helper()
	b := w.mayEnrol(login, name)
	a := webauthntest.New(w.bank.party)
	b.makes(a).sees("The passkey was added", name)
	return a
}

func (b *browser) makes(a *webauthntest.Authenticator) *browser {
	b.w.t.Helper()
	ask, challenge := b.asked()
	user, err := base64.RawURLEncoding.DecodeString(ask.User)
	b.w.do(err)
	return b.submit("passkey", "answer", string(a.Create(challenge, user)))
}

// uses answers what the page asks with a passkey.
func (b *browser) uses(a *webauthntest.Authenticator) *browser {
	b.w.t.Helper()
	_, challenge := b.asked()
	return b.submit("passkey", "answer", string(a.Get(challenge)))
}

// paysByPasskey leads a customer to the page that asks for her only passkey.
func (w *world) paysByPasskey(amount, login string) *browser {
	w.t.Helper()
	b := w.pay(amount, login)
	id := regexp.MustCompile(`value="(passkey-[A-Z0-9]+)"`).FindStringSubmatch(b.body)
	if id == nil {
		w.t.Fatalf("no passkey is offered:\n%s", b.body)
	}
	return b.submit("approve", "accounts", login+"-current", "method", id[1]).sees("Approve with your passkey")
}

func TestApproveWithAPasskey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.enrols("ana", "Laptop")
		b := w.paysByPasskey("50.00", "ana").sees("50.00 EUR", "Luka Zupan", spaced(ibanOf["luka"]), "compare it here", "Passkeys need JavaScript", "Code by text message")
		resp, err := b.http.Get(b.at)
		w.do(err)
		resp.Body.Close()
		if got := resp.Header.Get("Content-Security-Policy"); !strings.HasSuffix(got, "; script-src 'self'") || strings.Contains(got, "unsafe") {
			t.Errorf("the page that asks for a passkey has the policy %q", got)
		}
		if strings.Contains(b.raw, `name="code"`) {
			t.Error("there is nothing to type")
		}
		b.uses(a).sees("Done")
		if got := w.hub.heard(); !strings.Contains(got, "success") {
			t.Error(got)
		}

		// Access to accounts, and a second passkey allowed by the first.
		w.do(w.c.StartAccess(t.Context(), accessRequest(offered())))
		b = w.browser().open(w.page()).logIn("ana")
		id := regexp.MustCompile(`value="(passkey-[A-Z0-9]+)"`).FindStringSubmatch(b.body)[1]
		b.submit("approve", "accounts", "ana-current", "method", id).uses(a).sees("Done")
		b = w.browser().open(w.url+"/me").logIn("ana").submit("enrol", "passkeyname", " ").submit("approve", "method", id).uses(a).sees("Done")
		b.open(w.url + "/me/passkey/" + b.id())
		if ask, _ := b.asked(); len(ask.Passkeys) != 1 || ask.Passkeys[0] != plainBase64(a.ID) {
			t.Errorf("a device may make a second passkey: %+v", ask)
		}
		second := "passkey-" + b.id()
		b.makes(webauthntest.New(w.bank.party)).sees("2026-11-20") // where she gives no name, it is the day
		w.do(w.bank.dropPasskey(t.Context(), "1001", second))

		// Without JavaScript, or with the device at home, another way is open; and a passkey that
		// is taken away answers nothing.
		b = w.paysByPasskey("51.00", "ana")
		b.submit("by sms").sees("We sent a code").submit("confirm", "code", w.code("ana")).sees("Done")
		b = w.paysByPasskey("52.00", "ana")
		_, challenge := b.asked()
		me := w.browser().open(w.url + "/me").logIn("ana").sees("Laptop")
		w.browser().open(w.url+"/me").logIn("luka").submit("unenrol", "passkey", id)
		me.open(w.url + "/me").sees("Laptop")
		w.do(w.bank.dropPasskey(t.Context(), "1001", "sms")) // no passkey
		var n int
		w.do(w.bank.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM corebank_method WHERE customer = '1001'`).Scan(&n))
		if n != 2 {
			t.Errorf("%d methods are left", n)
		}
		if _, err := w.bank.db.Exec(t.Context(), `DELETE FROM corebank_method WHERE id = $1`, id); err != nil {
			t.Fatal(err)
		}
		b.submit("passkey", "answer", string(a.Get(challenge))).sees("no longer good")
	})
}

// What answers a passkey can give, and which of them are refused. Each is given on a journey of
// its own; earlier and elsewhere are answers that were good once, or would be somewhere.
func TestPasskeysRefuse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, lukas := w.enrols("ana", "Laptop"), w.enrols("luka", "Telefon")
		first := w.paysByPasskey("50.00", "ana")
		_, challenge := first.asked()
		a.Counter = 5
		earlier := a.Get(challenge)
		first.submit("passkey", "answer", string(earlier)).sees("Done")
		first.submit("passkey", "answer", string(earlier))
		if got := strings.Count(w.hub.heard(), "success"); got != 1 {
			t.Errorf("one answer was good %d times", got)
		}
		const wrong = "not the answer of this passkey"
		for _, c := range []struct {
			name   string
			answer func(b *browser, challenge []byte) []byte
			sees   string
		}{
			{"the answer to an earlier challenge", func(*browser, []byte) []byte { return earlier }, wrong},
			{"the answer to the challenge of another journey", func(*browser, []byte) []byte {
				_, elsewhere := w.paysByPasskey("50.00", "ana").asked()
				return a.Get(elsewhere)
			}, wrong},
			{"somebody else's passkey", func(_ *browser, c []byte) []byte { return lukas.Get(c) }, wrong},
			{"somebody else's passkey under her passkey's ID", func(_ *browser, c []byte) []byte {
				foreign := *lukas
				foreign.ID, foreign.User, foreign.Counter = a.ID, a.User, a.Counter
				return foreign.Get(c)
			}, wrong},
			{"another page", func(_ *browser, c []byte) []byte {
				return bent(a, func(a *webauthntest.Authenticator) { a.Origin = "https://lon.example" }).Get(c)
			}, wrong},
			{"another party", func(_ *browser, c []byte) []byte {
				return bent(a, func(a *webauthntest.Authenticator) { a.Party = "lon.example" }).Get(c)
			}, wrong},
			{"a device that did not look who holds it", func(_ *browser, c []byte) []byte {
				return bent(a, func(a *webauthntest.Authenticator) { a.Flags = 1 }).Get(c)
			}, wrong},
			{"a copy that has signed less often", func(_ *browser, c []byte) []byte {
				return bent(a, func(a *webauthntest.Authenticator) { a.Counter = 3 }).Get(c)
			}, wrong},
			{"a copy that has signed as often", func(_ *browser, c []byte) []byte {
				return bent(a, func(a *webauthntest.Authenticator) { a.Counter = 6 }).Again(c)
			}, wrong},
			{"a payment that was bent behind her back", func(_ *browser, c []byte) []byte {
				if _, err := w.bank.db.Exec(t.Context(), `UPDATE corebank_payment SET amount = 99900 WHERE state = 'received'`); err != nil {
					t.Fatal(err)
				}
				return a.Get(c)
			}, wrong},
			{"another third party behind her back", func(b *browser, c []byte) []byte {
				if _, err := w.bank.db.Exec(t.Context(), `UPDATE corebank_journey SET app_name = 'Mallory' WHERE id = $1`, b.id()); err != nil {
					t.Fatal(err)
				}
				return a.Get(c)
			}, wrong},
			{"nothing", func(*browser, []byte) []byte { return nil }, wrong},
			{"no JSON", func(*browser, []byte) []byte { return []byte("\x00{{") }, wrong},
			{"six minutes later", func(b *browser, c []byte) []byte {
				w.pass(codeFor + time.Second)
				b.submit("login", "login", "ana", "password", "ana-kontor-1")
				return a.Get(c)
			}, "no longer good"},
		} {
			b := w.paysByPasskey("50.00", "ana")
			_, challenge := b.asked()
			answer := c.answer(b, challenge)
			heard := w.hub.heard()
			b.submit("passkey", "answer", string(answer))
			if !strings.Contains(b.body, c.sees) || w.hub.heard() != heard {
				t.Errorf("%s: %d, the hub heard %s:\n%s", c.name, b.status, w.hub.heard(), b.body)
			}
			w.do(w.bank.Unlock(t.Context(), "ana"))
		}

		// An answer where a code is asked is a wrong code; and the limits are those of every method.
		b := w.pay("50.00", "ana").submit("approve", "accounts", "ana-current", "method", "sms").sees("We sent a code")
		b.submit("passkey", "answer", string(a.Get(challenge)))
		if b.status != http.StatusUnprocessableEntity {
			t.Errorf("%d:\n%s", b.status, b.body)
		}
		b = w.paysByPasskey("50.00", "ana")
		for range triesMax {
			b.submit("passkey", "answer", "{}")
		}
		b.sees("It could not be done")
		w.paysByPasskey("50.00", "ana").submit("passkey", "answer", "{}") // the fifth in a row
		w.pay("50.00", "ana").submit("approve", "accounts", "ana-current").sees("your ways to confirm are locked")
	})
}

func bent(a *webauthntest.Authenticator, bend func(*webauthntest.Authenticator)) *webauthntest.Authenticator {
	other := *a
	bend(&other)
	return &other
}

func TestWhoMayAddAPasskey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		me := w.browser().open(w.url + "/me").logIn("ana")
		me.submit("enrol", "passkeyname", strings.Repeat("č", 41)).sees("That name cannot be taken")
		// Before it is approved, there is nothing to make.
		b := me.submit("enrol", "passkeyname", "Laptop").sees("You add the passkey")
		id := b.id()
		gone := func(why string, b *browser) {
			t.Helper()
			if b.open(w.url + "/me/passkey/" + id); b.status != http.StatusNotFound {
				t.Errorf("%s: %d\n%s", why, b.status, b.body)
			}
		}
		gone("it was not approved", me)
		b.open(w.url + "/sca/" + id).submit("approve").sees("Enter the code")
		gone("the code was not entered", me)
		if text := w.message("ana"); !strings.Contains(text, "dodajate ključ za dostop Laptop") {
			t.Error(text)
		}
		b.open(w.url+"/sca/"+id).submit("confirm", "code", w.code("ana")).sees("Done", `href="`+w.url+`/me/passkey/`+id+`"`)
		if w.hub.heard() != "" {
			t.Error("the hub heard of it:", w.hub.heard())
		}
		gone("it is somebody else's", w.browser().open(w.url+"/me").logIn("luka"))
		w.browser().open(w.url + "/me/passkey/" + id).sees("Log in to see your accounts")

		page := b.open(w.url + "/me/passkey/" + id)
		refused := "That passkey cannot be added"
		page.submit("passkey", "answer", "{}").sees(refused)
		page.makes(bent(webauthntest.New(w.bank.party), func(a *webauthntest.Authenticator) { a.Origin = "https://lon.example" })).sees(refused)
		page.makes(bent(webauthntest.New(w.bank.party), func(a *webauthntest.Authenticator) { a.Flags = 1 })).sees(refused)
		_, challenge := page.asked()
		forged, err := page.http.PostForm(page.at, url.Values{"action": {"passkey"}, "answer": {string(webauthntest.New(w.bank.party).Create(challenge, nil))}, "csrf": {"of another page"}})
		w.do(err)
		forged.Body.Close()
		if forged.StatusCode != http.StatusForbidden {
			t.Errorf("another page adds a passkey: %d", forged.StatusCode)
		}
		_, elsewhere := w.mayEnrol("luka", "Telefon").asked()
		page.submit("passkey", "answer", string(webauthntest.New(w.bank.party).Create(elsewhere, nil))).sees(refused)
		a := webauthntest.New(w.bank.party)
		page.makes(a).sees("The passkey was added", "Laptop")
		gone("it was used", page)
		w.mayEnrol("luka", "Telefon").makes(a).sees(refused) // a passkey is of one customer

		late := w.mayEnrol("ana", "Tablica")
		w.pass(journeyFor)
		late.submit("passkey", "answer", "{}").sees("Log in") // the session is over
		me = w.browser().open(w.url + "/me").logIn("ana")
		id = late.id()
		for range passkeysMax {
			if _, err := w.bank.db.Exec(t.Context(), `INSERT INTO corebank_method (bank, customer, id, kind, name, position, step, credential, created_at)
				SELECT bank, customer, id || 'x', kind, name, position, step, credential, created_at FROM corebank_method
				WHERE customer = '1001' AND kind = 'PASSKEY' ORDER BY LENGTH(id) DESC LIMIT 1`); err != nil {
				t.Fatal(err)
			}
		}
		me.submit("enrol", "passkeyname", "One more").sees("as many passkeys as are possible")
	})
}

// At an address without a name there are none: browsers would refuse to make them.
func TestNoPasskeysWithoutAName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.bank.enrols = false
		b := w.browser().open(w.url + "/me").logIn("ana")
		if strings.Contains(b.body, "passkey") {
			t.Error("a passkey is offered")
		}
		if b.submit("enrol", "passkeyname", "Laptop").sees("Your accounts"); strings.Contains(b.body, "You add the passkey") {
			t.Error("a passkey can be added")
		}
	})
}

// A customer who gives a password to a third party goes on with a passkey at the bank.
func TestAPasskeyTurnsToTheBanksPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.enrols("ana", "Laptop")
		p := w.order("50.00")
		p.SCA = wire.SCA{SCAApproach: "embedded", PSUID: "ana"}
		w.do(w.c.StartPayment(t.Context(), p))
		e := w.takes(p.SessionSecret, wire.SessionAuthorise{Password: "ana-kontor-1"}, "embedded psuAuthenticated")
		var id wire.String
		for _, m := range e.SCAMethods {
			if m.AuthenticationType == "PASSKEY" {
				id = m.AuthenticationMethodID
			}
		}
		_, e = w.step(p.SessionSecret, wire.SessionAuthorise{AuthenticationMethodID: id})
		if e.SCAApproach != "redirect" || e.RedirectURL == "" {
			t.Fatalf("%+v", e)
		}
		b := w.browser().open(string(e.RedirectURL)).logIn("ana")
		b.submit("approve", "accounts", "ana-current", "method", string(id)).uses(a).sees("Done")
	})
}
