package tour

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"kontor/ready"
)

// A psu is a customer at her bank's pages.
type psu struct {
	ready.Persona
	g       *guide
	browser *browser
	told    string // the code that was last read to the reader of the tour
}

// A plan is what a PSU means to do when a TPP sends her to her bank.
type plan struct {
	accounts   []string // IBANs to choose, where the bank leaves a choice
	only       string   // right that the accounts are given for: balances or transactions; "": all that is asked
	refuse     bool     // once she sees what is asked
	wrongCodes int      // that she enters before the right one
	otherCode  string   // that she enters first: the bank sent it for something else
	// look is called with the page that asks for approval and with the one that asks for
	// the code.
	look func(*page) error
	// alerted is called when the page that asks for the code says what was wrong with the last.
	alerted func(alert string)
	// read is called with the text message that brings the code. errEnough from it ends the
	// visit.
	read func(message) error
}

// errEnough says that a PSU closes her browser in the middle.
var errEnough = errors.New("the PSU has seen enough")

// pagesMax bounds how many pages a PSU bears with.
const pagesMax = 20

// follows goes where the TPP sends her and does as planned. It returns the address at which
// she comes back to the TPP.
func (c *psu) follows(ctx context.Context, address string, do plan) (cameBack string, err error) {
	p, left, err := c.browser.open(ctx, address)
	for range pagesMax {
		if err != nil {
			return "", err
		}
		if left != "" {
			c.g.print.browsed(c.Login, c.browser.told(), left)
			return left, nil
		}
		p, left, err = c.act(ctx, p, &do)
	}
	return "", fmt.Errorf("the bank asks without end: %s", strings.Join(c.browser.told(), " → "))
}

// act does what a page asks for.
func (c *psu) act(ctx context.Context, p *page, do *plan) (*page, string, error) {
	if p.status >= 400 && p.status != http.StatusUnprocessableEntity {
		return nil, "", fmt.Errorf("the page %s says %d: %s", p.url.Path, p.status, p.text)
	}
	if f, ok := p.field("password"); ok {
		if p.alert != "" {
			return nil, "", errors.New("log-in failed: " + p.alert)
		}
		return c.browser.submit(ctx, p, f, "login", url.Values{"login": {c.Login}, "password": {c.Password}})
	}
	if f, ok := p.field("code"); ok {
		return c.enterCode(ctx, p, f, do)
	}
	if f, ok := p.button("approve"); ok {
		if do.look != nil {
			if err := do.look(p); err != nil {
				return nil, "", err
			}
		}
		if do.refuse {
			return c.browser.submit(ctx, p, f, "refuse", nil)
		}
		chosen, err := choose(p, f, do.accounts, do.only)
		if err != nil {
			return nil, "", err
		}
		return c.browser.submit(ctx, p, f, "approve", chosen)
	}
	return nil, "", fmt.Errorf("the page %q (%s) leads nowhere: %s", p.title, p.url.Path, p.text)
}

// choose ticks the accounts with these IBANs, where the page leaves a choice.
func choose(p *page, f form, ibans []string, only string) (url.Values, error) {
	if !slices.ContainsFunc(f.fields, func(x field) bool { return x.kind == "checkbox" }) {
		return nil, nil
	}
	values := url.Values{}
	for _, iban := range ibans {
		found := false
		for _, x := range f.fields {
			if x.kind == "checkbox" && strings.Contains(plain(p.labels[x.id]), iban) {
				values.Add(x.name, x.value)
				found = true
				if only != "" {
					values.Set("rights-"+x.value, only)
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("page %q does not offer the account %s", p.title, iban)
		}
	}
	return values, nil
}

func (c *psu) enterCode(ctx context.Context, p *page, f form, do *plan) (*page, string, error) {
	if p.alert != "" && do.alerted != nil {
		do.alerted(p.alert)
	}
	if do.look != nil && p.alert == "" {
		if err := do.look(p); err != nil {
			return nil, "", err
		}
	}
	m, err := c.message(ctx, path.Base(p.url.Path))
	if err != nil {
		return nil, "", err
	}
	if do.read != nil {
		if err := do.read(m); err != nil {
			return nil, "", err
		}
		do.read = nil
	}
	code := m.Code
	switch {
	case do.otherCode != "":
		code, do.otherCode = do.otherCode, ""
	case do.wrongCodes > 0:
		do.wrongCodes--
		code = otherCode(code)
	}
	return c.browser.submit(ctx, p, f, "confirm", url.Values{"code": {code}})
}

// A message is a text message in the outbox of the sandbox.
type message struct {
	Login   string `json:"login"`
	Text    string `json:"text"`
	Code    string `json:"code"`
	Session string `json:"session"` // last part of the address of the page that asks for the code
}

// messages reads all that is on her phone, the newest first.
func (c *psu) messages(ctx context.Context) ([]message, error) {
	u, err := url.Parse(c.g.ready.Outbox)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(u.Path, ".json") {
		u.Path += ".json"
	}
	q := u.Query()
	q.Set("login", c.Login)
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.browser.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var all []message
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return all, nil
}

// message looks at the phone for the newest message about session.
func (c *psu) message(ctx context.Context, session string) (message, error) {
	all, err := c.messages(ctx)
	if err != nil {
		return message{}, err
	}
	for _, m := range all {
		if m.Session == session && m.Login == c.Login && m.Code != "" {
			if m.Code != c.told {
				c.g.print.browsed(c.Login, c.browser.told(), "")
				c.g.print.read(c.Login, m)
				c.told = m.Code
			}
			return m, nil
		}
	}
	return message{}, errors.New("no text message with a code has come")
}

// withdraws takes away, on her own page at the bank, what she gave the TPP of this name.
func (c *psu) withdraws(ctx context.Context, ownPage, tppName string) error {
	p, f, err := c.finds(ctx, ownPage, tppName, "withdraw")
	if err != nil {
		return err
	}
	// The newest stands on top.
	if _, _, err = c.browser.submit(ctx, p, f, "withdraw", nil); err == nil {
		c.g.print.browsed(c.Login, c.browser.told(), "")
	}
	return err
}

// changes chooses anew, on her own page at the bank, what she gave the TPP of this name.
func (c *psu) changes(ctx context.Context, ownPage, tppName string, do plan) error {
	p, f, err := c.finds(ctx, ownPage, tppName, "change")
	if err != nil {
		return err
	}
	p, _, err = c.browser.submit(ctx, p, f, "change", nil)
	for range pagesMax {
		if err != nil {
			return err
		}
		if _, back := p.button("logout"); back {
			c.g.print.browsed(c.Login, c.browser.told(), "")
			return nil
		}
		if p, _, err = c.act(ctx, p, &do); err == nil && p == nil {
			return errors.New("the change leads away from the bank")
		}
	}
	return errors.New("the bank asks without end")
}

// finds logs in at her own page at the bank, and finds the form with button for what she gave
// the TPP of this name.
func (c *psu) finds(ctx context.Context, ownPage, tppName, button string) (*page, form, error) {
	p, left, err := c.browser.open(ctx, ownPage)
	for range pagesMax {
		if err != nil {
			return nil, form{}, err
		}
		if left != "" {
			return nil, form{}, errors.New("the bank's own page leads away to " + left)
		}
		f, isLogin := p.field("password")
		if isLogin {
			p, left, err = c.browser.submit(ctx, p, f, "login", url.Values{"login": {c.Login}, "password": {c.Password}})
			continue
		}
		f, ok := p.button(button)
		if !ok || !strings.Contains(p.text, tppName) {
			return nil, form{}, fmt.Errorf("page %q shows no access of %s", p.title, tppName)
		}
		return p, f, nil
	}
	return nil, form{}, errors.New("the bank asks without end for a log-in")
}
