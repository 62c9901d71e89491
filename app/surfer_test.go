package app_test

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"kontor/app/apptest"
	"kontor/ready"
)

// A surfer is a browser that does what a test says, and nothing by itself but to follow
// redirects within the sandbox.
type surfer struct {
	s *apptest.Sandbox
	t *testing.T
	*http.Client
	at      *url.URL
	page    apptest.Answer
	forms   []form
	cookies []string // addresses for which cookies were set
}

// A form of a page, with one of its buttons.
type form struct {
	at     string // where it is sent to
	fields url.Values
	button string // its value: what it does
}

func surf(t *testing.T, s *apptest.Sandbox) *surfer {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := *s.Client(nil)
	c.Jar = jar
	return &surfer{s: s, t: t, Client: &c}
}

// open opens an address; a form is sent to it, as the page that it is on would.
func (b *surfer) open(address string, fields url.Values) *surfer {
	b.t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	if b.at != nil {
		at = b.at.ResolveReference(at)
	}
	for range 10 {
		method, header := http.MethodGet, h{"Accept": "text/html"}
		if fields != nil {
			method, header["Content-Type"], header["Origin"] = http.MethodPost, "application/x-www-form-urlencoded", at.Scheme+"://"+at.Host
		}
		b.page = b.s.Ask(b.Client, method, at.String(), header, fields.Encode())
		fields = nil
		b.at = at
		for _, c := range (&http.Response{Header: b.page.Header}).Cookies() {
			b.cookies = append(b.cookies, at.Scheme+"://"+at.Host+c.Path)
		}
		next := b.page.Header.Get("Location")
		if next == "" {
			break
		}
		if at, err = at.Parse(next); err != nil {
			b.t.Fatal(err)
		}
		if !b.ours(at) {
			b.at = at
			return b
		}
	}
	b.forms = formsOf(b.at, b.page.Body)
	return b
}

func (b *surfer) ours(at *url.URL) bool {
	for _, base := range []string{b.s.API, b.s.Web, b.s.WebTLS, b.s.Ready.Bank} {
		if strings.HasPrefix(at.String(), base+"/") || at.String() == base {
			return true
		}
	}
	return false
}

// press sends the form whose button does what is named, with further fields: name, value, …
func (b *surfer) press(button string, more ...string) *surfer {
	b.t.Helper()
	for _, f := range b.forms {
		if f.button != button {
			continue
		}
		for i := 0; i < len(more); i += 2 {
			f.fields.Set(more[i], more[i+1])
		}
		return b.open(f.at, f.fields)
	}
	b.t.Fatalf("%s has no button %q: %d %s", b.at, button, b.page.Status, b.page.Body)
	return b
}

// logIn enters who on a log-in page of a bank.
func (b *surfer) logIn(who ready.Persona) *surfer {
	b.t.Helper()
	return b.press("login", "login", who.Login, "password", who.Password)
}

func (b *surfer) shows(text string) bool {
	return strings.Contains(html.UnescapeString(b.page.Body), text)
}

var (
	formTag   = regexp.MustCompile(`(?s)<form([^>]*)>(.*?)</form>`)
	fieldTag  = regexp.MustCompile(`<(input|button|select)([^>]*)>`)
	optionTag = regexp.MustCompile(`(?s)<select[^>]*name="([^"]*)"[^>]*>\s*<option value="([^"]*)"`)
	attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	linkTag   = regexp.MustCompile(`<a [^>]*href="([^"]*)"`)
)

func attributes(tag string) map[string]string {
	all := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		all[m[1]] = html.UnescapeString(m[2])
	}
	return all
}

// formsOf finds the forms of a page at an address that are sent by POST, once for each button.
func formsOf(at *url.URL, page string) (all []form) {
	for _, m := range formTag.FindAllStringSubmatch(page, -1) {
		of := attributes(m[1])
		if !strings.EqualFold(of["method"], "post") {
			continue
		}
		to, err := at.Parse(of["action"])
		if err != nil {
			continue
		}
		fields, buttons := url.Values{}, []string(nil)
		for _, f := range fieldTag.FindAllStringSubmatch(m[2], -1) {
			a := attributes(f[2])
			switch {
			case f[1] == "button":
				buttons = append(buttons, a["value"])
			case f[1] == "input" && a["name"] != "" && (a["type"] != "radio" || fields.Get(a["name"]) == ""):
				fields.Add(a["name"], a["value"])
			}
		}
		for _, o := range optionTag.FindAllStringSubmatch(m[2], -1) {
			fields.Set(o[1], html.UnescapeString(o[2]))
		}
		for _, button := range buttons {
			own := url.Values{}
			for name, values := range fields {
				own[name] = append([]string(nil), values...)
			}
			if button != "" {
				own.Set("action", button)
			}
			all = append(all, form{to.String(), own, button})
		}
	}
	return all
}
