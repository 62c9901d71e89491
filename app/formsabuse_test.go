package app_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/app/apptest"
	"kontor/ready"
)

// withoutToken are the forms that no browser's secret is needed for, with the reason. All others
// carry one, or the test fails.
var withoutToken = []string{
	"/my/login", // it only leads to the bank: who comes back needs two secrets, of the browser and of the way back
}

// A shownForm is a form as the browser that was shown it can send it.
type shownForm struct {
	form
	browser *surfer
	name    string
}

// crawl opens every page of a site that the browser can reach by links, and returns its forms.
func crawl(t *testing.T, b *surfer, base string) (all []shownForm) {
	t.Helper()
	seen, waiting := map[string]bool{}, []string{base}
	for len(waiting) > 0 && len(seen) < 80 {
		address := waiting[0]
		waiting = waiting[1:]
		if plain, _, _ := strings.Cut(address, "#"); seen[plain] || !strings.HasPrefix(plain, base) || strings.Contains(plain, "/assets/") {
			continue
		} else {
			seen[plain] = true
		}
		b.open(address, nil)
		all = append(all, b.shown(t)...)
		for _, m := range linkTag.FindAllStringSubmatch(b.page.Body, -1) {
			if to, err := b.at.Parse(html.UnescapeString(m[1])); err == nil && b.ours(to) && !strings.Contains(to.RawQuery, "lang=") {
				waiting = append(waiting, to.String())
			}
		}
	}
	return all
}

var idInPath = regexp.MustCompile(`/[A-Za-z0-9]{20,}`)

// shown returns the forms of the page, and checks the headers that it came with.
func (b *surfer) shown(t *testing.T) (all []shownForm) {
	t.Helper()
	for _, f := range b.forms {
		at, err := url.Parse(f.at)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, shownForm{f, b, idInPath.ReplaceAllString(at.Path, "/{id}") + " " + f.button})
	}
	if strings.HasPrefix(b.page.Header.Get("Content-Type"), "text/html") {
		framed(t, b.at.String(), b.page)
	}
	return all
}

// framed checks what keeps a page out of frames, caches and referrers.
func framed(t *testing.T, address string, page apptest.Answer) {
	t.Helper()
	csp := page.Header.Get("Content-Security-Policy")
	for _, policy := range []string{"frame-ancestors 'none'", "default-src 'none'", "form-action 'self'", "base-uri 'none'"} {
		if !strings.Contains(csp, policy) {
			t.Errorf("%s lacks %s: %q", address, policy, csp)
		}
	}
	for name, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin"} {
		if got := page.Header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", address, name, got, want)
		}
	}
	for _, c := range (&http.Response{Header: page.Header}).Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode || strings.HasPrefix(address, "https:") && !c.Secure && !strings.Contains(c.Name, "lang") {
			t.Errorf("%s sets %s", address, c)
		}
	}
}

// TestForms finds every form of the bank's and the hub's pages, and sends each in every way in
// which another site could have a browser send it. Nothing may come of it.
func TestForms(t *testing.T) {
	t.Parallel()
	x := newAttacker(t)
	ana, sofia, luka := x.who("ana"), x.who("sofia"), x.who("luka")
	later := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	body := apptest.Payment("FORMS", ana.Accounts[0].IBAN, luka.Accounts[0].IBAN, "55.00")
	series := x.Ask(x.alpa, http.MethodPost, x.isar.XS2A+"/v1/payments/sepa-credit-transfers", stays, fmt.Sprintf(`%s,"requestedExecutionDate":%q}`, body[:len(body)-1], later))
	x.finish(ana, series)
	given := x.Ask(x.alpa, http.MethodPost, x.isar.XS2A+"/v1/consents", stays, fmt.Sprintf(`{"access":{"balances":[{"iban":%q}]},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false}`, ana.Accounts[0].IBAN))
	x.finish(ana, given)
	funds := x.Ask(x.alpa, http.MethodPost, x.isar.XS2A+"/v2/consents/confirmation-of-funds", stays, fmt.Sprintf(`{"account":{"iban":%q}}`, ana.Accounts[0].IBAN))
	x.finish(ana, funds)
	pushed := x.order(sofia, h{"TPP-Redirect-Preferred": "false", "TPP-Decoupled-Preferred": "true", "PSU-ID": sofia.Login})

	// Journeys that stand at each of their pages.
	journeys := map[string]apptest.Answer{}
	var forms []shownForm
	journey := func(name string, until func(b *surfer)) {
		made, flow := x.flow(ana)
		journeys[name] = made
		b := surf(t, x.Sandbox).open(flow.URL, nil)
		until(b)
		forms = append(forms, b.shown(t)...)
	}
	journey("log-in", func(*surfer) {})
	journey("choice", func(b *surfer) { b.logIn(ana) })
	journey("code", func(b *surfer) { b.logIn(ana).press("approve") })

	atBank := x.Ready.Bank + "/isar/"
	forms = append(forms, crawl(t, surf(t, x.Sandbox), atBank)...)
	forms = append(forms, crawl(t, surf(t, x.Sandbox).open(atBank+"me", nil).logIn(ana), atBank)...)
	phone := surf(t, x.Sandbox).open(atBank+"phone", nil).logIn(sofia)
	for end := time.Now().Add(5 * time.Second); !phone.shows(`value="approve"`); time.Sleep(50 * time.Millisecond) {
		if phone.open(atBank+"phone", nil); time.Now().After(end) {
			t.Fatalf("her phone asks nothing: %s", phone.page)
		}
	}
	forms = append(forms, phone.shown(t)...)
	forms = append(forms, crawl(t, surf(t, x.Sandbox), my(x.Sandbox, x.isar))...)
	mine := surf(t, x.Sandbox)
	hers, _ := entered(t, x.Sandbox, x.isar, ana)
	mine.Jar = hers.Jar
	forms = append(forms, crawl(t, mine, my(x.Sandbox, x.isar))...)

	// Another customer, logged in everywhere: her forms are the attacker's own.
	other := surf(t, x.Sandbox)
	lukas, _ := entered(t, x.Sandbox, x.isar, luka)
	other.Jar = lukas.Jar
	other.open(atBank+"me", nil)
	if other.shows(`name="password"`) {
		other.logIn(luka)
	}

	standing := func() (all []string) {
		for _, made := range []apptest.Answer{series, given, funds, pushed, journeys["log-in"], journeys["choice"], journeys["code"]} {
			all = append(all, x.Ask(x.alpa, http.MethodGet, made.Get("_links", "status", "href"), nil, "").Body)
		}
		return all
	}
	before := standing()
	done, names := map[string]bool{}, []string(nil)
	requests := 0
	for _, f := range forms {
		if done[f.name] {
			continue
		}
		done[f.name] = true
		names = append(names, f.name)
		requests += x.forge(t, f, other)
		if after := standing(); !slices.Equal(before, after) {
			t.Fatalf("after %s: was %v, is %v", f.name, before, after)
		}
	}
	slices.Sort(names)
	t.Logf("%d forms, %d requests: %s", len(names), requests, strings.Join(names, ", "))
	for _, want := range []string{"/isar/me login", "/isar/me logout", "/isar/me withdraw", "/isar/me change", "/isar/me allow", "/isar/sca/{id} login", "/isar/sca/{id} approve", "/isar/sca/{id} refuse",
		"/isar/sca/{id} confirm", "/isar/sca/{id} resend", "/isar/phone login", "/isar/phone approve", "/isar/phone refuse", "/isar/my/login ", "/isar/my/logout ", "/isar/my/end ", "/isar/my/consents/{id}/end ", "/isar/my/payments/{id}/end "} {
		if !slices.Contains(names, want) {
			t.Errorf("the form %q was not found", want)
		}
	}
	// Whoever was logged in still is.
	if mine.open(my(x.Sandbox, x.isar), nil); !mine.shows(`id="logout"`) {
		t.Errorf("the dashboard: %s", mine.page)
	}
}

// finish takes the steps of SCA on what was made.
func (x *attacker) finish(who ready.Persona, made apptest.Answer) {
	x.t.Helper()
	at := made.Get("_links", "scaStatus", "href")
	x.put(at, who, x.password(who))
	if a := x.put(at, who, sent(texts(x.t, x.Sandbox, who.Login)[0])); a.Get("scaStatus") != "finalised" {
		x.t.Fatalf("%s: %s", made, a)
	}
}

// forge sends a form in every way in which it must not be taken.
func (x *attacker) forge(t *testing.T, f shownForm, other *surfer) (requests int) {
	t.Helper()
	at, err := url.Parse(f.at)
	if err != nil {
		t.Fatal(err)
	}
	field := "token"
	if f.fields.Has("csrf") {
		field = "csrf"
	}
	tokenless := slices.ContainsFunc(withoutToken, func(path string) bool { return strings.HasSuffix(at.Path, path) })
	if !f.fields.Has(field) && !tokenless {
		t.Errorf("%s has no token", f.name)
		return 0
	}
	origin := at.Scheme + "://" + at.Host
	with := func(value string) url.Values {
		changed := url.Values{}
		for name, values := range f.fields {
			changed[name] = values
		}
		if changed.Del(field); value != "" {
			changed.Set(field, value)
		}
		return changed
	}
	theirs := strings.Repeat("0", 64)
	for _, g := range other.open(f.at, nil).forms {
		if g.fields.Has(field) {
			theirs = g.fields.Get(field)
		}
	}
	for _, tt := range []struct {
		name   string
		client *http.Client
		method string
		header h
		fields url.Values
		refuse bool // 403, and not only to no effect
		token  bool // is about the token
	}{
		{"no token", f.browser.Client, "POST", h{"Origin": origin}, with(""), true, true},
		{"another's token", f.browser.Client, "POST", h{"Origin": origin}, with(theirs), true, true},
		{"another's browser", other.Client, "POST", h{"Origin": origin}, f.fields, true, true},
		{"another's browser and token", other.Client, "POST", h{"Origin": origin}, with(theirs), false, true},
		{"GET", f.browser.Client, "GET", nil, f.fields, false, false},
		{"another method in its place", f.browser.Client, "GET", h{"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}, f.fields, false, false},
		{"from another site", f.browser.Client, "POST", h{"Origin": "https://evil.example"}, f.fields, true, false},
		{"from another site, as browsers say it", f.browser.Client, "POST", h{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, f.fields, true, false},
		{"from a neighbouring site", f.browser.Client, "POST", h{"Origin": "https://evil." + at.Host, "Sec-Fetch-Site": "same-site"}, f.fields, true, false},
		{"from nowhere", f.browser.Client, "POST", h{"Origin": "null"}, f.fields, true, false},
	} {
		// Whoever holds the address of a journey may refuse it, with a form of his own: she can before
		// she has logged in, and all that comes of it is that nothing comes of it.
		if tokenless && tt.token || tt.name == "another's browser and token" && f.button == "refuse" {
			continue
		}
		requests++
		address, body, header := f.at, tt.fields.Encode(), h{"Content-Type": "application/x-www-form-urlencoded"}
		if tt.method == http.MethodGet {
			header, body = h{}, ""
			u := *at
			u.RawQuery = tt.fields.Encode()
			address = u.String()
		}
		for name, value := range tt.header {
			header[name] = value
		}
		a := x.Ask(tt.client, tt.method, address, header, body)
		if a.Status >= 500 || tt.refuse && a.Status != http.StatusForbidden {
			t.Errorf("%s: %s: %d %.300s", f.name, tt.name, a.Status, a.Body)
		}
		if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			framed(t, f.name+": "+tt.name, a)
		}
	}
	return requests
}
