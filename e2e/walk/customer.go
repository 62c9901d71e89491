package walk

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"kontor/ready"
)

const (
	pageMax = 1 << 20
	hopsMax = 10 // redirects between two pages
)

// A customer is somebody at a browser, which keeps cookies and follows redirects, but not what
// a page would do by itself. The first thing that goes wrong is kept, and nothing is done after
// it; so what she does can be written down as she does it.
type customer struct {
	*Walk
	ready.Persona
	browser *http.Client
	at      *url.URL
	page    Page
	waiting string // path of the authorization server's cookie: where it waits for this browser
	did     []string
	err     error
}

func (w *Walk) customer(i int) *customer {
	jar, err := cookiejar.New(nil)
	return &customer{
		Walk: w, Persona: w.Sandbox.Personas[i], err: err,
		browser: &http.Client{Transport: w.http, Jar: jar, Timeout: 30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// fetch asks for one page. It touches nothing of c, so that several may be asked for at once.
func (c *customer) fetch(ctx context.Context, u *url.URL, form url.Values, language string) (Page, error) {
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, err
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", language)
	r.Header.Set("Accept-Encoding", "gzip")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", u.Scheme+"://"+u.Host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	began := time.Now()
	resp, err := c.browser.Do(r)
	if err != nil {
		return Page{}, err
	}
	defer resp.Body.Close()
	sent, err := io.ReadAll(io.LimitReader(resp.Body, pageMax))
	p := Page{URL: u, Status: resp.StatusCode, Header: resp.Header, Body: string(sent), Weight: len(sent), Took: time.Since(began)}
	if err == nil && resp.Header.Get("Content-Encoding") == "gzip" {
		var small io.Reader
		if small, err = gzip.NewReader(bytes.NewReader(sent)); err == nil {
			sent, err = io.ReadAll(io.LimitReader(small, pageMax))
			p.Body = string(sent)
		}
	}
	return p, err
}

func (c *customer) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s at %s: "+format, append([]any{c.Login, c.at}, args...)...)
	}
}

// opens goes to an address, and through redirects to the page that is there.
func (c *customer) opens(address string) *customer {
	u, err := url.Parse(address)
	if err != nil {
		c.fail("%w", err)
		return c
	}
	c.did = nil
	return c.comes(u, nil)
}

func (c *customer) comes(u *url.URL, form url.Values) *customer {
	if c.err != nil {
		return c
	}
	if c.at != nil {
		u = c.at.ResolveReference(u)
	}
	for range hopsMax {
		if !c.known(u) { // back at the third party
			c.at, c.page = u, Page{}
			return c
		}
		p, err := c.fetch(c.ctx, u, form, "en")
		if c.at = u; err != nil {
			c.fail("%w", err)
			return c
		}
		for _, cookie := range (&http.Response{Header: p.Header}).Cookies() {
			if strings.HasSuffix(cookie.Name, "kontor_authorize") {
				c.waiting = u.Scheme + "://" + u.Host + cookie.Path
			}
		}
		next := p.Header.Get("Location")
		if next == "" {
			c.page = p
			return c
		}
		if u, err = u.Parse(next); err != nil {
			c.fail("%w", err)
			return c
		}
		form = nil
	}
	c.fail("redirects never end")
	return c
}

// sees stops at the page. It is loaded by its address, so what a form is answered with is not
// seen by this.
func (c *customer) sees(kind string) *customer { return c.stops(Stop{Kind: kind}, c.at, nil) }

// waits sees a page that is long in coming, elsewhere.
func (c *customer) waits(kind, address string) *customer {
	u, err := url.Parse(address)
	if err != nil {
		c.fail("%w", err)
	}
	return c.stops(Stop{Kind: kind, Waits: true}, u, nil)
}

// tries sends a form whose answer is a page, and stays where she is.
func (c *customer) tries(kind, button string, values url.Values, languages ...string) *customer {
	if c.err != nil {
		return c
	}
	u, form, err := c.form(button, values)
	if err != nil {
		c.fail("%w", err)
		return c
	}
	return c.stops(Stop{Kind: kind, Form: true, Languages: languages}, u, form)
}

func (c *customer) stops(s Stop, u *url.URL, form url.Values) *customer {
	if c.err != nil {
		return c
	}
	s.Did = slices.Clone(c.did)
	s.Load = func(ctx context.Context, language string) (Page, error) {
		p, err := c.fetch(ctx, u, form, language)
		if err == nil && p.Header.Get("Location") != "" {
			err = fmt.Errorf("%s is no page, but leads on to %s", s.Kind, p.Header.Get("Location"))
		}
		return p, err
	}
	if err := c.See(s); err != nil {
		c.fail("%s: %w", s.Kind, err)
	}
	return c
}

// sends sends a form and goes on to the page that follows.
func (c *customer) sends(button string, values url.Values) *customer {
	if c.err != nil {
		return c
	}
	u, form, err := c.form(button, values)
	if err != nil {
		c.fail("%w", err)
		return c
	}
	c.did = append(c.did, button)
	return c.comes(u, form)
}

// logsIn fills in the log-in page, where there is one.
func (c *customer) logsIn() *customer {
	if c.err != nil || !strings.Contains(c.page.Body, `name="password"`) {
		return c
	}
	return c.sends("login", url.Values{"login": {c.Login}, "password": {c.Password}})
}

// confirms enters the code that she was sent, or that her device shows.
func (c *customer) confirms(kind string) *customer {
	return c.sends("confirm", url.Values{"code": {c.code(kind)}})
}

var refresh = regexp.MustCompile(`http-equiv="refresh" content="[0-9]+; ?url=([^"]*)"`)

// follows goes where the page would go by itself, unless that is back to the third party.
func (c *customer) follows() *customer {
	if c.err != nil {
		return c
	}
	m := refresh.FindStringSubmatch(c.page.Body)
	if m == nil {
		c.fail("the page does not lead on: %.300s", c.page.Body)
		return c
	}
	return c.opens(html.UnescapeString(m[1]))
}

var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*>.*?</form>`)
	buttonTag = regexp.MustCompile(`<button[^>]*>`)
	inputTag  = regexp.MustCompile(`<input[^>]*>`)
	selectTag = regexp.MustCompile(`(?s)<select[^>]*>.*?</select>`)
	optionTag = regexp.MustCompile(`<option[^>]*>`)
	attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
)

func attributes(tag string) map[string]string {
	a := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		a[m[1]] = html.UnescapeString(m[2])
	}
	return a
}

// form fills in the form with a button of this value or id: values where they are given, and
// what the page suggests where not.
func (c *customer) form(button string, values url.Values) (*url.URL, url.Values, error) {
	for _, f := range formTag.FindAllString(c.page.Body, -1) {
		sent := url.Values{}
		found := false
		for _, tag := range buttonTag.FindAllString(f, -1) {
			if a := attributes(tag); a["value"] == button || a["id"] == button {
				found = true
				if a["name"] != "" {
					sent.Set(a["name"], a["value"])
				}
			}
		}
		if !found {
			continue
		}
		for _, tag := range inputTag.FindAllString(f, -1) {
			a := attributes(tag)
			choice := a["type"] == "radio" || a["type"] == "checkbox"
			if _, given := values[a["name"]]; !given && (!choice || strings.HasSuffix(tag, " checked>")) {
				sent.Add(a["name"], a["value"])
			}
		}
		for _, list := range selectTag.FindAllString(f, -1) {
			options := optionTag.FindAllString(list, -1)
			i := max(0, slices.IndexFunc(options, func(o string) bool { return strings.HasSuffix(o, " selected>") }))
			if len(options) > 0 {
				sent.Set(attributes(list[:strings.Index(list, ">")+1])["name"], attributes(options[i])["value"])
			}
		}
		for name, v := range values {
			sent[name] = v
		}
		to := *c.at
		if action := attributes(f[:strings.Index(f, ">")+1])["action"]; action != "" {
			u, err := c.at.Parse(action)
			return u, sent, err
		}
		return &to, sent, nil
	}
	return nil, nil, fmt.Errorf("no form has the button %q: %d %.2000s", button, c.page.Status, c.page.Body)
}

// offers lists what the page offers for a field.
func (c *customer) offers(field string) []string {
	var all []string
	for _, tag := range inputTag.FindAllString(c.page.Body, -1) {
		if a := attributes(tag); a["name"] == field {
			all = append(all, a["value"])
		}
	}
	if len(all) == 0 {
		c.fail("nothing is offered for %s", field)
	}
	return all
}

// code reads the code for this journey: of a text message, or of a device of hers.
func (c *customer) code(kind string) string {
	if c.err != nil {
		return ""
	}
	u := c.Sandbox.Outbox
	if kind != sms {
		u = c.at.Scheme + "://" + c.at.Host + strings.Split(c.at.Path, "/sca/")[0] + "/phone.json"
	}
	at, err := url.Parse(u + "?login=" + c.Login)
	if err != nil {
		c.fail("%w", err)
		return ""
	}
	p, err := c.fetch(c.ctx, at, nil, "en")
	var all []struct{ Kind, Code, Session string }
	if err = errors.Join(err, json.Unmarshal([]byte(p.Body), &all)); err != nil {
		c.fail("%w", err)
		return ""
	}
	for _, one := range all {
		if (kind == sms || one.Kind == kind) && (one.Session == path.Base(c.at.Path) || one.Session == "") && one.Code != "" {
			return one.Code
		}
	}
	c.fail("no code by %s", kind)
	return ""
}

// Kinds of methods.
const (
	sms   = "SMS_OTP"
	totp  = "TOTP"
	photo = "PHOTO_OTP"
	chip  = "CHIP_OTP"
	push  = "PUSH_OTP"
)

// wrong is another code.
func wrong(code string) string {
	if code == "" {
		return ""
	}
	return code[:len(code)-1] + string('0'+(code[len(code)-1]-'0'+1)%10)
}
