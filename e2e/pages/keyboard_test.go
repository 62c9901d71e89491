package pages

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"kontor/e2e/chromium"
	"kontor/ready"
	"kontor/xs2aclient"
)

// A focus is what the keyboard acts on, as the page tells it.
type focus struct {
	What    string // id, value or text
	Seen    bool   // it is marked, and on the screen
	Place   int    // among all that the keyboard can reach, in the order of the page
	Reaches int    // how many that are
}

const focused = `(() => {
	const reach = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')].filter(e => !e.disabled)
		// Of choices of which one is to be made, the keyboard reaches the one that is.
		.filter(e => e.type !== 'radio' || e.checked || !document.querySelector('input[type=radio][name="' + e.name + '"]:checked'));
	const e = document.activeElement, place = reach.indexOf(e);
	if (place < 0) return {What: e.id === 'error' ? 'error' : '', Seen: e.id === 'error', Place: -1, Reaches: reach.length};
	const s = getComputedStyle(e), r = e.getBoundingClientRect();
	const marked = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && s.outlineColor !== getComputedStyle(document.body).backgroundColor;
	return {What: e.id || e.value || e.textContent.trim(), Seen: marked && r.width > 0 && r.left >= 0 && r.top >= 0 && r.right <= innerWidth + 1 && r.bottom <= innerHeight + 1, Place: place, Reaches: reach.length};
})()`

// presses presses keys, and returns where the focus is then.
func (b *tab) presses(keys string, more ...chromedp.KeyOption) focus {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys, more...))
	return evaluate[focus](b, focused)
}

// roundTrip goes through the page with the tabulator: all that can be reached is, in the order in
// which it is read, each is seen, and the way leads out of the page at its end.
func (b *tab) roundTrip() {
	b.t.Helper()
	at := evaluate[focus](b, focused)
	for want := at.Place + 1; want < at.Reaches; want++ {
		f := b.presses(kb.Tab)
		if f.Place != want {
			b.t.Errorf("%s: the focus is on %q, the %d. of %d, and not on the %d.", b.address(), f.What, f.Place+1, f.Reaches, want+1)
			return
		}
		if !f.Seen {
			b.t.Errorf("%s: the focus is not seen on %q", b.address(), f.What)
		}
	}
	// Beyond the last there is the browser itself; without a window, the page begins anew.
	if f := b.presses(kb.Tab); f.Place > 0 {
		b.t.Errorf("%s: the keyboard is caught in the page, on %q", b.address(), f.What)
	}
}

// reach tabs to what, and stays there.
func (b *tab) reach(what string) {
	b.t.Helper()
	seen := []string{}
	for range 60 {
		f := b.presses(kb.Tab)
		if seen = append(seen, f.What); f.What == what {
			return
		}
	}
	b.t.Fatalf("%s: the keyboard does not reach %q, but %q", b.address(), what, seen)
}

// byKeyboard gives access to an account with nothing but a keyboard, and without JavaScript:
// log-in, choice, code, and back to the third party.
func byKeyboard(t *testing.T, browser context.Context, world ready.Ready) {
	salt := world.Banks[slices.IndexFunc(world.Banks, func(b ready.Bank) bool { return b.Profile == "salt" })]
	psu, tpp := world.Personas[5], world.TPPs[0]
	b := openTab(t, browser, world.Web, world.WebTLS, world.Bank, strings.TrimSuffix(tpp.RedirectURIs[0], "/callback"))
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	back := b.answersFor(tpp.RedirectURIs[0])

	address := flow(t, world, salt, tpp)
	b.goes(chromium.Navigate(address))
	if f := b.presses(kb.Tab); f.Place != 0 || !f.Seen {
		t.Errorf("the first that the keyboard reaches is not the way past the head of the page: %+v", f)
	}
	b.goes(chromium.Navigate(address))
	b.roundTrip()

	// What went wrong is read first, and the fields follow.
	b.goes(chromium.Navigate(address))
	b.reach("login")
	b.presses(psu.Login)
	b.reach("password")
	b.presses("not it")
	b.goes(chromedp.KeyEvent(kb.Enter))
	f := evaluate[focus](b, focused)
	for end := time.Now().Add(chromium.Patience); f.What != "error" && time.Now().Before(end); f = evaluate[focus](b, focused) {
		time.Sleep(50 * time.Millisecond) // the focus comes when the page is drawn, and not when it is there
	}
	if f.What != "error" {
		t.Errorf("after a wrong password, the focus is on %+v", f)
	}
	if said := evaluate[string](b, `document.title`); !strings.HasPrefix(said, "That did not work: ") {
		t.Errorf("the title does not say that something went wrong: %s", said)
	}
	if said := evaluate[string](b, `document.getElementById(document.getElementById('password').getAttribute('aria-describedby')).textContent`); !strings.Contains(said, "not right") {
		t.Errorf("the password is described by %q", said)
	}
	b.reach("password")
	b.presses(psu.Password)
	b.goes(chromedp.KeyEvent(kb.Enter))

	b.roundTrip()
	b.goes(chromium.Navigate(b.address()))
	box := evaluate[string](b, `document.querySelector('input[name=accounts]').id`)
	b.reach(box)
	b.presses(" ")
	if !evaluate[bool](b, `document.querySelector('input[name=accounts]').checked`) {
		t.Error("the space bar does not choose the account")
	}
	b.reach("approve")
	b.goes(chromedp.KeyEvent(kb.Enter))

	b.roundTrip()
	b.goes(chromium.Navigate(b.address()))
	b.reach("code")
	b.presses(code(t, world, psu.Login, path.Base(b.address())))
	b.do(chromedp.KeyEvent(kb.Enter))
	select {
	case came := <-back:
		if !strings.Contains(came, "code=") {
			t.Errorf("the customer came back with %s", came)
		}
	case <-time.After(chromium.Patience):
		t.Errorf("the customer did not come back from %s: %q", b.address(), b.notices())
	}
}

// answersFor answers what the browser asks of the third party at address, which is nowhere.
func (b *tab) answersFor(address string) <-chan string {
	came := make(chan string, 8)
	if err := chromedp.Listen(b.ctx, func(event any) {
		e, ok := event.(*fetch.EventRequestPaused)
		if !ok {
			return
		}
		came <- e.Request.URL
		go chromedp.Call(b.ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{RequestID: e.RequestID, ResponseCode: http.StatusNoContent})
	}); err != nil {
		b.t.Fatal(err)
	}
	call(b, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: address + "*"}}})
	return came
}

// flow has the third party ask for access at bank, and returns where it sends the customer.
func flow(t *testing.T, world ready.Ready, bank ready.Bank, tpp ready.TPP) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(tpp.QWAC, tpp.QWACKey)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(world.CA)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		t.Fatal("no CA", err)
	}
	c, err := xs2aclient.New(xs2aclient.Config{BaseURL: bank.XS2A, Certificate: &pair, Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	c = c.WithPSU(xs2aclient.PSU{IPAddress: "192.0.2.7"})
	created, err := c.CreateConsent(t.Context(), xs2aclient.ConsentRequest{Access: xs2aclient.BankOffered(), RecurringIndicator: true,
		ValidUntil: time.Now().AddDate(0, 0, 90).Format(time.DateOnly), FrequencyPerDay: 4}, xs2aclient.Redirects{URI: tpp.RedirectURIs[0], Brand: tpp.Name})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Metadata(t.Context(), bank.OAuth+"/.well-known/oauth-authorization-server")
	if err != nil {
		t.Fatal(err)
	}
	f, err := xs2aclient.OAuth{Metadata: m, ClientID: tpp.OrganizationIdentifier, RedirectURI: tpp.RedirectURIs[0]}.Begin(xs2aclient.ScopeOfConsent(created.ConsentID), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.URL
}

// code reads the text message about a journey.
func code(t *testing.T, world ready.Ready, login, journey string) string {
	t.Helper()
	resp, err := http.Get(world.Outbox + "?login=" + login)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []struct{ Session, Code string }
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Session == journey {
			return m.Code
		}
	}
	t.Fatalf("no message has come about %s: %s", journey, fmt.Sprint(all))
	return ""
}
