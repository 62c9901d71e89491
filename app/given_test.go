package app_test

import (
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/app/apptest"
	"kontor/connector/jws"
	"kontor/ready"
	"kontor/xs2aclient"
)

// A giving is a sandbox in which one customer has given much: at two banks, to two third
// parties, consents and a standing order.
type giving struct {
	*apptest.Sandbox
	t          *testing.T
	ana        ready.Persona
	isar, salt ready.Bank
	alpa       ready.TPP
	carpat     ready.TPP
	told       *apptest.Receiver // Alpa's

	ofAlpa, ofCarpat, elsewhere *given
	rent                        xs2aclient.PaymentID
}

// A given consent, with what reads under it.
type given struct {
	id     string
	reader *xs2aclient.Client
}

// gives has Ana give a consent to everything at b.
func (g *giving) gives(b ready.Bank, t ready.TPP, change func(*xs2aclient.Client) *xs2aclient.Client) *given {
	g.t.Helper()
	client := g.XS2A(b, g.Certificate(t))
	created, err := change(client).CreateConsent(g.t.Context(), xs2aclient.ConsentRequest{
		Access: xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts}, RecurringIndicator: true, ValidUntil: "9999-12-31", FrequencyPerDay: 4,
	}, xs2aclient.Redirects{URI: t.RedirectURIs[0], Brand: t.Name})
	if err != nil {
		g.t.Fatal(err)
	}
	return &given{created.ConsentID, client.WithConsent(created.ConsentID).WithToken(g.through(b, client, t, xs2aclient.ScopeOfConsent(created.ConsentID)))}
}

// through leads Ana through the authorization server of b, for a token.
func (g *giving) through(b ready.Bank, client *xs2aclient.Client, t ready.TPP, scope string) string {
	g.t.Helper()
	m, err := client.Metadata(g.t.Context(), b.OAuth+"/.well-known/oauth-authorization-server")
	if err != nil {
		g.t.Fatal(err)
	}
	o := xs2aclient.OAuth{Metadata: m, ClientID: t.OrganizationIdentifier, RedirectURI: t.RedirectURIs[0]}
	flow, err := o.Begin(scope, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	code, err := flow.Code(g.Follow(g.ana, flow.URL))
	if err != nil {
		g.t.Fatal(err)
	}
	token, err := client.Exchange(g.t.Context(), o, flow, code)
	if err != nil {
		g.t.Fatal(err)
	}
	return token.AccessToken
}

// orders has Ana approve a standing order at the Isarbank.
func (g *giving) orders() xs2aclient.PaymentID {
	g.t.Helper()
	client := g.XS2A(g.isar, g.Certificate(g.alpa))
	id := xs2aclient.PaymentID{Service: xs2aclient.PeriodicPayments, Product: xs2aclient.SEPACreditTransfers}
	created, err := client.CreatePayment(g.t.Context(), id.Service, id.Product, xs2aclient.PeriodicRequest{
		PaymentRequest: xs2aclient.PaymentRequest{
			DebtorAccount: &xs2aclient.AccountReference{IBAN: g.ana.Accounts[0].IBAN}, InstructedAmount: xs2aclient.Amount{Currency: "EUR", Amount: "3.00"},
			CreditorAccount: xs2aclient.AccountReference{IBAN: g.Personas[1].Accounts[0].IBAN}, CreditorName: g.Personas[1].Name,
		},
		Standing: xs2aclient.Standing{StartDate: time.Now().AddDate(0, 1, 0).Format(time.DateOnly), Frequency: "Monthly", DayOfExecution: "1"},
	}, xs2aclient.Redirects{URI: g.alpa.RedirectURIs[0], Brand: g.alpa.Name})
	if err != nil {
		g.t.Fatal(err)
	}
	id.ID = created.PaymentID
	g.through(g.isar, client, g.alpa, xs2aclient.ScopeOfPayment(id.ID))
	return id
}

// reads says how the TPP's reading under c is answered: "" where it is, else the code.
func (g *giving) reads(c *given) string {
	g.t.Helper()
	_, err := c.reader.Accounts(g.t.Context(), false)
	if err == nil {
		return ""
	}
	refused, ok := err.(*xs2aclient.Error)
	if !ok {
		g.t.Fatal(err)
	}
	return refused.Code()
}

// atBank waits until the bank's own page names the TPPs so many times: only what the bank
// itself has kept stands there.
func (g *giving) atBank(b ready.Bank, t ready.TPP, want int) {
	g.t.Helper()
	browser := g.Browser(g.ana)
	section := regexp.MustCompile(`<h3>` + regexp.QuoteMeta(t.Name))
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		page := browser.Open(g.Ready.Bank+"/"+b.Code+"/me", nil)
		if n := len(section.FindAllString(page.Body, -1)); n == want {
			return
		} else if time.Now().After(end) {
			g.t.Fatalf("%s shows %d accesses of %s, not %d", b.Code, n, t.Name, want)
		}
	}
}

// TestWhatAPSUGaveEndsEverywhere has a customer with consents and a standing order, of several
// third parties at several banks, see and end them: on the dashboard, and on pages of her bank,
// which asks the hub for it. Each time the third party is told under the bank's seal, the bank
// is told, and reading is refused from then on.
func TestWhatAPSUGaveEndsEverywhere(t *testing.T) {
	t.Parallel()
	g := &giving{Sandbox: world(t, nil), t: t}
	g.ana, g.isar, g.salt, g.alpa, g.carpat = g.Personas[0], g.Bank("standard"), g.Bank("salt"), g.TPPs[0], g.TPPs[1]
	g.told = g.Receiver(g.alpa)
	notified := func(c *xs2aclient.Client) *xs2aclient.Client {
		return c.WithNotifications(xs2aclient.Notifications{URI: g.told.URI, Content: []string{xs2aclient.NotifyProcess}})
	}
	plainly := func(c *xs2aclient.Client) *xs2aclient.Client { return c }
	g.ofAlpa, g.ofCarpat, g.elsewhere = g.gives(g.isar, g.alpa, notified), g.gives(g.isar, g.carpat, plainly), g.gives(g.salt, g.alpa, plainly)
	g.rent = g.orders()
	for _, c := range []*given{g.ofAlpa, g.ofCarpat, g.elsewhere} {
		if code := g.reads(c); code != "" {
			t.Fatalf("before: %s", code)
		}
	}
	g.atBank(g.isar, g.alpa, 1)

	t.Run("the dashboard of a bank has all of that bank, over all third parties", g.seesAll)
	t.Run("to cancel one thing, or all, weighs as much as to look or to go back", g.choicesWeighTheSame)
	t.Run("what a bank shows its customers is its own customers' and no others'", g.banksSeeTheirOwn)
	t.Run("one that she ends is over, and everybody is told", g.endsOne)
	t.Run("one that she ends at her bank is over as well", g.endsAtBank)
	t.Run("everything at once: consents end, and payments wait for her approval", g.endsAll)
	t.Run("what she gave at another bank is untouched", func(t *testing.T) {
		if code := g.reads(g.elsewhere); code != "" {
			t.Errorf("got %s", code)
		}
	})
}

func (g *giving) seesAll(t *testing.T) {
	_, page := entered(t, g.Sandbox, g.isar, g.ana)
	shows(t, page, g.alpa.Name, g.carpat.Name, "/consents/"+g.ofAlpa.id+"/end", "/consents/"+g.ofCarpat.id+"/end", "/payments/"+g.rent.ID+"/end", "Every month", "3.00 EUR",
		"not: "+g.elsewhere.id)
	if n := strings.Count(page.Body, `<article class="card"`); n != 3 {
		t.Errorf("%d things are shown", n)
	}
	_, page = entered(t, g.Sandbox, g.salt, g.ana)
	shows(t, page, g.alpa.Name, "/consents/"+g.elsewhere.id+"/end", "not: "+g.carpat.Name, "not: "+g.ofAlpa.id, "not: "+g.rent.ID)
	_, page = entered(t, g.Sandbox, g.isar, g.Personas[2])
	shows(t, page, "No third party has access", "not: "+g.alpa.Name, "not: "+g.ofAlpa.id)
}

var choice = regexp.MustCompile(`<(?:a|button)[^>]*class="([^"]*)"`)

// choicesWeighTheSame looks at what answers weigh; what browsers make of it is looked at in
// Chromium.
func (g *giving) choicesWeighTheSame(t *testing.T) {
	browser, page := entered(t, g.Sandbox, g.isar, g.ana)
	groups := regexp.MustCompile(`(?s)<p class="choices">.*?</p>`)
	for what, body := range map[string]string{
		"the list": page.Body, "one": browser.Open(my(g.Sandbox, g.isar)+"/consents/"+g.ofAlpa.id, nil).Body,
		"the question about one":       browser.Open(my(g.Sandbox, g.isar)+"/consents/"+g.ofAlpa.id+"/end", nil).Body,
		"the question about a payment": browser.Open(my(g.Sandbox, g.isar)+"/payments/"+g.rent.ID+"/end", nil).Body,
		"the question about all":       browser.Open(my(g.Sandbox, g.isar)+"/end", nil).Body,
	} {
		found := groups.FindAllString(body, -1)
		if len(found) == 0 {
			t.Errorf("%s leaves no choice: %s", what, body)
		}
		for _, group := range found {
			classes := choice.FindAllStringSubmatch(group, -1)
			if len(classes) != 2 || classes[0][1] != "button" || classes[1][1] != "button" {
				t.Errorf("%s: of two answers one weighs more: %s", what, group)
			}
		}
	}
	shows(t, page, `<a class="button" id="end-all"`)
}

// asBank asks the hub as the bank b does for its own pages.
func (g *giving) asBank(t *testing.T, b ready.Bank, method, path string, data map[string]string) apptest.Answer {
	t.Helper()
	dir := filepath.Join(filepath.Dir(g.Ready.CA), "secrets")
	pem, err := os.ReadFile(filepath.Join(dir, "bank.key"))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(filepath.Join(dir, "connector-secret"))
	if err != nil {
		t.Fatal(err)
	}
	var key *rsa.PrivateKey
	if key, err = jws.ParsePrivate(string(pem)); err != nil {
		t.Fatal(err)
	}
	signed, err := jws.Sign(key, data, time.Now().Add(time.Minute), "")
	if err != nil {
		t.Fatal(err)
	}
	return g.Ask(g.Client(nil), method, g.Web+"/api/connectors/v2/accesses"+path,
		h{"App-Id": "app-" + b.Code, "App-Secret": string(secret), "Authorization": "Bearer " + signed}, "")
}

// userID is what the banks of the sandbox call a customer: her place among them.
func (g *giving) userID(i int) string { return []string{"1001", "1002", "1003"}[i] }

func (g *giving) banksSeeTheirOwn(t *testing.T) {
	ids := func(a apptest.Answer) (all []string) {
		t.Helper()
		var list struct{ Data []struct{ ID string } }
		if err := json.Unmarshal([]byte(a.Body), &list); err != nil || a.Status != http.StatusOK {
			t.Fatalf("%v: %s", err, a)
		}
		for _, e := range list.Data {
			all = append(all, e.ID)
		}
		slices.Sort(all)
		return all
	}
	same := func(what string, got []string, want ...string) {
		t.Helper()
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", what, got, want)
		}
	}
	of := func(i int) map[string]string { return map[string]string{"user_id": g.userID(i)} }
	same("Ana's at the Isarbank", ids(g.asBank(t, g.isar, http.MethodGet, "", of(0))), g.ofAlpa.id, g.ofCarpat.id, g.rent.ID)
	same("Ana's at another bank, of the same number", ids(g.asBank(t, g.salt, http.MethodGet, "", of(0))), g.elsewhere.id)
	same("another customer's", ids(g.asBank(t, g.isar, http.MethodGet, "", of(1))))
	// What is another customer's, or another bank's, is answered as what does not exist.
	const none = "there-is-no-such-access"
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		for _, id := range []string{g.ofAlpa.id, g.rent.ID} {
			for what, try := range map[string]struct {
				bank ready.Bank
				who  int
			}{"another customer": {g.isar, 1}, "another bank": {g.salt, 0}} {
				ask := func(id string) apptest.Answer {
					return g.asBank(t, try.bank, method, "/"+id, map[string]string{"user_id": g.userID(try.who), "id": id, "return_url": "https://bank.example/me"})
				}
				got, nothing := ask(id), ask(none)
				if got.Status != http.StatusNotFound || got.Status != nothing.Status || strings.ReplaceAll(got.Body, id, none) != nothing.Body {
					t.Errorf("%s, %s: %s; of nothing: %s", method, what, got, nothing)
				}
			}
		}
	}
	all := map[string]string{"user_id": g.userID(1), "return_url": "https://bank.example/me"}
	if a := g.asBank(t, g.isar, http.MethodDelete, "", all); a.Status != http.StatusOK || !strings.Contains(a.Body, `"consents":0`) {
		t.Errorf("to end all of a customer who gave nothing: %s", a)
	}
	for _, c := range []*given{g.ofAlpa, g.ofCarpat, g.elsewhere} {
		if code := g.reads(c); code != "" {
			t.Errorf("after all that: %s", code)
		}
	}
}

func (g *giving) endsOne(t *testing.T) {
	browser, _ := entered(t, g.Sandbox, g.isar, g.ana)
	at := my(g.Sandbox, g.isar) + "/consents/" + g.ofAlpa.id + "/end"
	shows(t, browser.Open(at, token(t, browser.Open(at, nil))), "You cancelled it")
	if code := g.reads(g.ofAlpa); code != "CONSENT_INVALID" {
		t.Errorf("reading is answered by %q", code)
	}
	g.told.Hears(g.ofAlpa.id, "revokedByPsu")
	g.atBank(g.isar, g.alpa, 0)
	if code := g.reads(g.ofCarpat); code != "" {
		t.Errorf("another third party's: %s", code)
	}
}

func (g *giving) endsAtBank(t *testing.T) {
	g.ofAlpa = g.gives(g.isar, g.alpa, func(c *xs2aclient.Client) *xs2aclient.Client {
		return c.WithNotifications(xs2aclient.Notifications{URI: g.told.URI, Content: []string{xs2aclient.NotifyLast}})
	})
	a := g.asBank(t, g.isar, http.MethodDelete, "/"+g.ofAlpa.id, map[string]string{"user_id": g.userID(0), "id": g.ofAlpa.id})
	if a.Status != http.StatusOK || !strings.Contains(a.Body, `"status":"revokedByPsu"`) {
		t.Fatalf("%s", a)
	}
	if code := g.reads(g.ofAlpa); code != "CONSENT_INVALID" {
		t.Errorf("reading is answered by %q", code)
	}
	g.told.Hears(g.ofAlpa.id, "revokedByPsu")
	g.atBank(g.isar, g.alpa, 0)
}

func (g *giving) endsAll(t *testing.T) {
	g.ofAlpa = g.gives(g.isar, g.alpa, func(c *xs2aclient.Client) *xs2aclient.Client { return c })
	browser, _ := entered(t, g.Sandbox, g.isar, g.ana)
	at := my(g.Sandbox, g.isar) + "/end"
	page := browser.Open(at, token(t, browser.Open(at, nil)))
	for _, c := range []*given{g.ofAlpa, g.ofCarpat} {
		if code := g.reads(c); code != "CONSENT_INVALID" {
			t.Errorf("reading is answered by %q", code)
		}
	}
	g.atBank(g.isar, g.alpa, 0)
	g.atBank(g.isar, g.carpat, 0)
	m := regexp.MustCompile(`<a class="button" href="(` + regexp.QuoteMeta(g.Ready.Bank) + `[^"]*)"`).FindStringSubmatch(page.Body)
	if m == nil {
		t.Fatalf("nothing to approve: %s", page)
	}
	client := g.XS2A(g.isar, g.Certificate(g.alpa))
	status := func() string {
		t.Helper()
		s, err := client.PaymentStatus(t.Context(), g.rent)
		if err != nil {
			t.Fatal(err)
		}
		return s.TransactionStatus
	}
	if s := status(); s == xs2aclient.PaymentCancelled {
		t.Error("the standing order was cancelled without her approval")
	}
	address, err := url.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
	if err != nil {
		t.Fatal(err)
	}
	shows(t, browser.Open(address.String(), nil), "This payment is cancelled")
	if s := status(); s != xs2aclient.PaymentCancelled {
		t.Errorf("after her approval: %s", s)
	}
	shows(t, browser.Open(my(g.Sandbox, g.isar), nil), "No third party has access")
}
