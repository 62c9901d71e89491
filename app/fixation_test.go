package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kontor/app/apptest"
	"kontor/ready"
	"kontor/xs2aclient"
)

// flow begins the authorisation of a new consent to accounts of who's, as the third party of the
// attacker; the consent names one of them.
func (x *attacker) flow(of ready.Persona) (made apptest.Answer, flow xs2aclient.Flow) {
	x.t.Helper()
	account := fmt.Sprintf(`[{"iban":%q}]`, of.Accounts[0].IBAN)
	body := fmt.Sprintf(`{"access":{"accounts":%s,"balances":%s},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false}`, account, account)
	made = x.Ask(x.alpa, http.MethodPost, x.isar.XS2A+"/v1/consents", h{"TPP-Redirect-URI": apptest.Redirect}, body)
	m, err := x.XS2A(x.isar, x.Certificate(x.TPPs[0])).Metadata(x.t.Context(), made.Get("_links", "scaOAuth", "href"))
	if err == nil {
		flow, err = xs2aclient.OAuth{Metadata: m, ClientID: x.TPPs[0].OrganizationIdentifier, RedirectURI: apptest.Redirect}.Begin(xs2aclient.ScopeOfConsent(made.Get("consentId")), nil)
	}
	if err != nil {
		x.t.Fatalf("%v: %s", err, made)
	}
	return made, flow
}

func (x *attacker) consentStatus(made apptest.Answer) string {
	x.t.Helper()
	return x.Ask(x.alpa, http.MethodGet, made.Get("_links", "status", "href"), nil, "").Get("consentStatus")
}

// approveOn takes a customer's browser from the log-in page of her bank to the end.
func (x *attacker) approveOn(b *surfer, who ready.Persona) {
	x.t.Helper()
	if b.shows(`name="password"`) {
		b.logIn(who)
	}
	b.press("approve")
	if b.shows("accounts") && b.shows(`value="approve"`) {
		x.t.Fatalf("she cannot approve: %s", b.page)
	}
	b.press("confirm", "code", texts(x.t, x.Sandbox, who.Login)[0])
}

func TestSomebodyElseApproves(t *testing.T) {
	t.Parallel()
	x := newAttacker(t)
	ana, luka, sofia := x.who("ana"), x.who("luka"), x.who("sofia")
	named := func(of ready.Persona) string {
		return fmt.Sprintf(`{"access":{"balances":[{"iban":%q}]},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false}`, of.Accounts[0].IBAN)
	}
	create := func(t *testing.T, header h, of ready.Persona) apptest.Answer {
		a := x.Ask(x.alpa, http.MethodPost, x.isar.XS2A+"/v1/consents", header, named(of))
		if a.Status != http.StatusCreated {
			t.Fatal(a)
		}
		return a
	}
	t.Run("embedded: the right password of the wrong customer", func(t *testing.T) {
		made := create(t, stays, ana)
		a := x.put(made.Get("_links", "scaStatus", "href"), luka, x.password(luka))
		if a.Get("_links", "authoriseTransaction", "href") != "" {
			t.Errorf("she is asked for a code: %s", a)
		}
		if got := x.consentStatus(made); got == "valid" {
			t.Errorf("the consent is %s", got)
		}
	})
	t.Run("on the bank's pages: the wrong customer logs in", func(t *testing.T) {
		made, flow := x.flow(ana)
		b := surf(t, x.Sandbox).open(flow.URL, nil).logIn(luka)
		if b.shows(`value="approve"`) || b.shows(`name="code"`) || b.shows(ana.Accounts[0].IBAN[10:]) {
			t.Errorf("she is shown %s", b.page)
		}
		// The form of the right page, sent by the wrong customer.
		b.open(b.at.String(), url.Values{"csrf": b.forms[0].fields["csrf"], "action": {"approve"}, "accounts": {"ana-current"}})
		b.open(b.at.String(), url.Values{"csrf": b.forms[0].fields["csrf"], "action": {"confirm"}, "code": {"000000"}})
		if got := x.consentStatus(made); got != "received" {
			t.Errorf("the consent is %s", got)
		}
	})
	t.Run("on the bank's pages: she logs in where the other one has got a code", func(t *testing.T) {
		made, flow := x.flow(ana)
		hers := surf(t, x.Sandbox).open(flow.URL, nil).logIn(ana).press("approve")
		if !hers.shows(`name="code"`) {
			t.Fatal(hers.page)
		}
		code := texts(t, x.Sandbox, ana.Login)[0]
		b := surf(t, x.Sandbox).open(hers.at.String(), nil).logIn(luka)
		b.open(b.at.String(), url.Values{"csrf": b.forms[0].fields["csrf"], "action": {"confirm"}, "code": {code}})
		if got := x.consentStatus(made); got != "received" {
			t.Errorf("the consent is %s", got)
		}
	})
	t.Run("on a phone: the wrong customer is asked", func(t *testing.T) {
		made := create(t, h{"TPP-Redirect-Preferred": "false", "TPP-Decoupled-Preferred": "true", "PSU-ID": sofia.Login}, ana)
		phone := surf(t, x.Sandbox).open(x.Ready.Bank+"/isar/phone", nil).logIn(sofia)
		for end := time.Now().Add(2 * time.Second); !phone.shows(`value="approve"`) && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			phone.open(phone.at.String(), nil)
		}
		if phone.shows(`value="approve"`) {
			phone.press("approve")
		}
		if got := x.consentStatus(made); got == "valid" {
			t.Errorf("the consent is %s", got)
		}
	})
}

// An attacker begins, and talks a customer into going on: what she approves must not come back
// to his browser.
func TestFixation(t *testing.T) {
	t.Parallel()
	x := newAttacker(t)
	ana := x.who("ana")
	t.Run("who began an authorisation that another browser approved gets no code", func(t *testing.T) {
		_, flow := x.flow(ana)
		his := surf(t, x.Sandbox).open(flow.URL, nil)
		page := his.at.String() // he sends it to her
		hers := surf(t, x.Sandbox).open(page, nil)
		x.approveOn(hers, ana)
		if !hers.shows("Returning") && !hers.shows(`id="return"`) {
			t.Fatalf("she has approved: %s", hers.page)
		}
		if back := linkTag.FindAllStringSubmatch(hers.page.Body, -1); len(back) == 0 {
			t.Errorf("she has no way back: %s", hers.page)
		}
		// He has the cookie of the request, the bank's page, and the address that the cookie is for.
		tries := []string{page}
		waits := continuing(t, his)
		tries = append(tries, waits, waits+"?back=", waits+"?back="+strings.Repeat("a", 26))
		for _, address := range tries {
			his.open(address, nil)
			for _, m := range linkTag.FindAllStringSubmatch(his.page.Body, -1) {
				if strings.Contains(m[1], "/return/") {
					t.Errorf("%s shows him the way back of the customer: %s", address, m[1])
				}
			}
			if strings.HasPrefix(his.at.String(), apptest.Redirect) {
				t.Errorf("%s leads him to %s", address, his.at)
				his.at = nil
			}
		}
		// Nor does she, who has not begun it.
		hers.open(returnOf(t, hers), nil)
		if _, err := flow.Code(hers.at.String()); err == nil || strings.HasPrefix(hers.at.String(), apptest.Redirect) {
			t.Errorf("a browser that began nothing is led to %s", hers.at)
		}
	})
	t.Run("who began and approved it in one browser gets it", func(t *testing.T) {
		_, flow := x.flow(ana)
		b := surf(t, x.Sandbox).open(flow.URL, nil)
		x.approveOn(b, ana)
		b.open(returnOf(t, b), nil)
		if _, err := flow.Code(b.at.String()); err != nil {
			t.Errorf("at %s: %v: %s", b.at, err, b.page)
		}
	})
	t.Run("an answer of one bank is not taken to another", func(t *testing.T) {
		_, flow := x.flow(ana)
		b := surf(t, x.Sandbox).open(flow.URL, nil)
		x.approveOn(b, ana)
		b.open(returnOf(t, b), nil)
		q := b.at.Query()
		if q.Get("iss") != x.isar.OAuth {
			t.Errorf("the answer says that it is of %q", q.Get("iss"))
		}
		form := url.Values{"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {apptest.Redirect}, "client_id": {x.TPPs[0].OrganizationIdentifier}, "code_verifier": {flow.Verifier}}
		for _, of := range []string{"salt", "bankart"} {
			a := x.Ask(x.alpa, http.MethodPost, x.Bank(of).OAuth+"/token", h{"Content-Type": "application/x-www-form-urlencoded"}, form.Encode())
			if a.Status < 400 || a.Status >= 500 {
				t.Errorf("at %s: %s", of, a)
			}
		}
		q.Set("iss", x.Bank("salt").OAuth)
		if _, err := flow.Code(apptest.Redirect + "?" + q.Encode()); err == nil {
			t.Error("our own client takes an answer of another issuer")
		}
	})
	t.Run("a cookie that was planted is nobody's after the log-in", func(t *testing.T) {
		plant := func(jar http.CookieJar, at string) {
			u, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			for name, path := range map[string]string{"bank_isar": "/isar/", "__Host-kontor-my-isar": "/", "kontor-my-isar": "/"} {
				jar.SetCookies(u, []*http.Cookie{{Name: name, Value: strings.Repeat("planted-", 6), Path: path, Secure: u.Scheme == "https"}})
			}
		}
		bank, mine := x.Ready.Bank+"/isar/me", my(x.Sandbox, x.isar)
		victim, his := surf(t, x.Sandbox), surf(t, x.Sandbox)
		plant(victim.Jar, bank)
		plant(his.Jar, bank)
		plant(his.Jar, mine)
		if victim.open(bank, nil).logIn(ana); !victim.shows(ana.Name) {
			t.Fatalf("she is not in: %s", victim.page)
		}
		if his.open(bank, nil); !his.shows(`name="password"`) || his.shows(ana.Name) {
			t.Errorf("the bank lets in who planted the cookie: %s", his.page)
		}
		hers := x.Browser(ana)
		plant(hers.Jar, mine)
		hers.Open(mine, nil)
		if page := hers.Open(mine+"/login", url.Values{}); !strings.Contains(page.Body, `id="logout"`) {
			t.Fatalf("she is not in: %s", page)
		}
		if his.open(mine, nil); !his.shows(`id="login"`) {
			t.Errorf("the dashboard lets in who planted the cookie: %s", his.page)
		}
	})
	t.Run("five idle minutes end a session", func(t *testing.T) {
		bank := surf(t, x.Sandbox).open(x.Ready.Bank+"/isar/me", nil).logIn(ana)
		mine, _ := entered(t, x.Sandbox, x.isar, ana)
		if !bank.shows(ana.Name) {
			t.Fatal(bank.page)
		}
		x.clock.by.Add(int64(5*time.Minute + time.Second))
		if bank.open(x.Ready.Bank+"/isar/me", nil); !bank.shows(`name="password"`) {
			t.Errorf("the bank: %s", bank.page)
		}
		if page := mine.Open(my(x.Sandbox, x.isar), nil); !strings.Contains(page.Body, `id="login"`) {
			t.Errorf("the dashboard: %s", page)
		}
	})
}

// returnOf is where the end page of a bank sends its reader.
func returnOf(t *testing.T, b *surfer) string {
	t.Helper()
	for _, m := range linkTag.FindAllStringSubmatch(b.page.Body, -1) {
		if strings.Contains(m[1], "/return/") {
			return m[1]
		}
	}
	t.Fatalf("no way back on %s: %s", b.at, b.page)
	return ""
}

// continuing is the address at the hub that the browser of a request waits for.
func continuing(t *testing.T, b *surfer) string {
	t.Helper()
	for _, address := range b.cookies {
		if strings.Contains(address, "/continue/") {
			return address
		}
	}
	t.Fatal("the request has set no cookie")
	return ""
}
