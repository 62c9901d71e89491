package apptest

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"kontor/ready"
)

// A Browser is that of one customer. It keeps cookies, runs no scripts, and agrees to
// whatever her bank asks.
type Browser struct {
	s   *Sandbox
	who ready.Persona
	*http.Client
	At *url.URL // of the page that it shows
}

// Browser opens one with no cookies.
func (s *Sandbox) Browser(who ready.Persona) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := *s.Client(nil)
	c.Jar = jar
	return &Browser{s: s, who: who, Client: &c}
}

// Open opens an address, and goes on through redirects and the pages of the bank to the first
// page that is for the customer to read. With a form, it is sent there.
func (b *Browser) Open(address string, form url.Values) Answer {
	b.s.t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		b.s.t.Fatal(err)
	}
	if b.At != nil {
		at = b.At.ResolveReference(at)
	}
	for range 40 {
		method, header := http.MethodGet, H{"Accept": "text/html"}
		if form != nil {
			method, header["Content-Type"] = http.MethodPost, "application/x-www-form-urlencoded"
			header["Origin"] = at.Scheme + "://" + at.Host
		}
		page := b.s.Ask(b.Client, method, at.String(), header, form.Encode())
		next := page.Header.Get("Location")
		if m := refreshTag.FindStringSubmatch(page.Body); next == "" && m != nil {
			next = html.UnescapeString(m[1])
		}
		form = nil
		switch {
		case next != "":
			if at, err = at.Parse(next); err != nil {
				b.s.t.Fatal(err)
			}
			continue
		case strings.HasPrefix(at.String(), b.s.Ready.Bank):
			if form, err = b.s.fill(b.who, at, page.Body); err == nil {
				continue
			}
		}
		b.At = at
		return page
	}
	b.s.t.Fatalf("the pages never end; now at %s", at)
	return Answer{}
}
