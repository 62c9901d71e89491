package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"kontor/xs2aclient"
)

// What has begun is an authorisation, as the TPP was told of it.
type begun struct {
	links    xs2aclient.Links
	offer    xs2aclient.Offer
	approach string // ASPSP-SCA-Approach
	scope    string // with which OAuth leads to it
	tells    func(text string) error

	refuse bool // on her phone
	wrong  bool // what she enters at the TPP is wrong before it is right; the code of her return is only wrong
}

// often is how much time passes before the TPP looks again.
const often = 50 * time.Millisecond

// authorises has the customer go through SCA, and checks how that ends. The token is empty
// where none comes with it.
func (a *approached) authorises(ctx context.Context, g *guide, b begun) (token xs2aclient.Token, err error) {
	approach := map[string]string{byDecoupled: xs2aclient.ApproachDecoupled, byEmbedded: xs2aclient.ApproachEmbedded}[a.way]
	if approach == "" {
		approach = xs2aclient.ApproachRedirect
	}
	if err = all(is("ASPSP-SCA-Approach", b.approach, approach), has("the scaStatus link", b.links["scaStatus"])); err != nil {
		return token, err
	}
	untold := errors.New("nothing was shown to her")
	look := plan{look: func(p *page) error {
		if untold != nil {
			untold = b.tells(p.text) // once is enough
		}
		return nil
	}}
	switch a.way {
	case byRedirect:
		if err = a.redirected(ctx, g, b, look); b.wrong {
			b.refuse = true // one wrong code is enough: nobody types it
		}
	case byOAuth:
		token, err = g.leads(ctx, a.who, a.client, a.oauth(g), b.scope, look)
		err = all(err, has("the scaOAuth link", b.links["scaOAuth"]), has("access_token", token.AccessToken))
	case byDecoupled:
		untold, err = nil, a.onPhone(ctx, g, b)
	case byEmbedded:
		untold, err = nil, a.atTPP(ctx, g, b)
	}
	if err = all(err, untold); err != nil {
		return token, err
	}
	want := xs2aclient.SCAFinalised
	if b.refuse {
		want = xs2aclient.SCAFailed
	}
	sca, err := a.client.AwaitSCA(ctx, b.links["scaStatus"], often)
	return token, all(err, is("scaStatus", sca.Status, want))
}

// redirected leads the customer to her bank, and back. Where the bank wants to know that it was
// she who came back, the TPP confirms that with the code that her browser brings.
func (a *approached) redirected(ctx context.Context, g *guide, b begun, do plan) error {
	if err := has("the scaRedirect link", b.links["scaRedirect"]); err != nil {
		return err
	}
	c := g.at(a.who)
	defer c.browser.close()
	cameBack, err := c.follows(ctx, b.links["scaRedirect"], do)
	if err = all(err, g.returned(cameBack, g.redirects().URI)); err != nil {
		return err
	}
	back, err := url.Parse(cameBack)
	if err != nil || a.can.SCA.Confirmation != "code" {
		return err
	}
	sca, err := a.client.AwaitSCA(ctx, b.links["scaStatus"], often)
	code := back.Query().Get(a.can.SCA.ConfirmationParameter)
	if err = all(err, is("scaStatus", sca.Status, xs2aclient.SCAUnconfirmed), has("the confirmation link", b.links["confirmation"]), has("the code that confirms it", code)); err != nil {
		return err
	}
	if b.wrong {
		_, err = a.client.Confirm(ctx, b.links["confirmation"], otherCode(code))
		return refusedWith(err, http.StatusBadRequest, "SCA_INVALID")
	}
	s, err := a.client.Confirm(ctx, b.links["confirmation"], code)
	return all(err, is("scaStatus", s.Status, xs2aclient.SCAFinalised))
}

// onPhone says who the PSU is, where that was not said, and has her answer on her phone.
func (a *approached) onPhone(ctx context.Context, g *guide, b begun) error {
	if link := b.links["updatePsuIdentification"]; link != "" {
		who := present
		who.ID = a.who.Login
		s, err := a.client.WithPSU(who).Identify(ctx, link)
		if err = all(err, is("scaStatus", s.Status, xs2aclient.SCAStarted), has("psuMessage", s.PSUMessage)); err != nil {
			return err
		}
		g.print.line("    %-9s is told: %s", a.who.Login, s.PSUMessage)
	}
	answer := "approve"
	if b.refuse {
		answer = "refuse"
	}
	c := g.at(a.who)
	defer c.browser.close()
	return c.answers(ctx, g.ready.Bank+"/"+a.bank.Code+"/phone", answer, b.tells)
}

// answers has her look at the page that stands in for her phone until it asks something, and
// answer.
func (c *psu) answers(ctx context.Context, phone, answer string, tells func(string) error) error {
	p, _, err := c.browser.open(ctx, phone)
	if err != nil {
		return err
	}
	if f, ok := p.field("password"); ok {
		if p, _, err = c.browser.submit(ctx, p, f, "login", url.Values{"login": {c.Login}, "password": {c.Password}}); err != nil {
			return err
		}
	}
	// What came last is on top: it must be what she came for.
	untold := errors.New("her phone asks nothing")
	err = eventually(ctx, func() (bool, error) {
		if _, asked := p.button(answer); asked {
			if untold = tells(p.text); untold == nil {
				return true, nil
			}
		}
		p, _, err = c.browser.open(ctx, phone)
		return false, err
	})
	if err != nil {
		return errors.Join(untold, err)
	}
	f, _ := p.button(answer)
	p, _, err = c.browser.submit(ctx, p, f, answer, nil)
	if err != nil {
		return err
	}
	c.g.print.browsed(c.Login, slices.Compact(c.browser.told()), "")
	c.g.print.line("    %-9s taps %s on her phone", c.Login, answer)
	return is("her phone asks the same once more", p.alert == "" && tells(p.text) == nil, false)
}

// atTPP passes on what the customer enters at the TPP: password, choice and code.
func (a *approached) atTPP(ctx context.Context, g *guide, b begun) error {
	who := present
	who.ID = a.who.Login
	client, links, offered := a.client.WithPSU(who), b.links, b.offer
	c := g.at(a.who)
	defer c.browser.close()
	before, err := c.messages(ctx)
	if err != nil {
		return err
	}
	take := func(s xs2aclient.Step, err error) error {
		if err == nil {
			links, offered = s.Links, s.Offer
		}
		return err
	}
	denied := func(_ xs2aclient.Step, err error) error {
		return refusedWith(err, http.StatusUnauthorized, "PSU_CREDENTIALS_INVALID")
	}
	if link := links["updatePsuIdentification"]; link != "" {
		if err := take(client.Identify(ctx, link)); err != nil {
			return err
		}
	}
	if link := links["updatePsuAuthentication"]; link != "" {
		if b.wrong {
			if err := denied(client.Authenticate(ctx, link, a.who.Password+"?")); err != nil {
				return err
			}
		}
		if err := take(client.Authenticate(ctx, link, a.who.Password)); err != nil {
			return err
		}
	}
	if link := links["selectAuthenticationMethod"]; link != "" {
		i := slices.IndexFunc(offered.Methods, func(m xs2aclient.Method) bool { return m.Type == "SMS_OTP" })
		if i < 0 {
			return fmt.Errorf("of %d methods none is a text message", len(offered.Methods))
		}
		if err := take(client.SelectMethod(ctx, link, offered.Methods[i].ID)); err != nil {
			return err
		}
	}
	if err := all(has("the authoriseTransaction link", links["authoriseTransaction"]), is("there is a challenge", offered.Challenge != nil, true)); err != nil {
		return err
	}
	m, err := c.newest(ctx, before)
	if err = all(err, has("what the PSU is to do", offered.Challenge.AdditionalInformation)); err != nil {
		return err
	}
	if err := b.tells(m.Text); err != nil {
		return fmt.Errorf("in the text message: %w", err)
	}
	g.print.read(c.Login, m)
	if b.wrong {
		if err := denied(client.AuthoriseTransaction(ctx, links["authoriseTransaction"], otherCode(m.Code))); err != nil {
			return err
		}
	}
	return take(client.AuthoriseTransaction(ctx, links["authoriseTransaction"], m.Code))
}

// newest returns the message with a code that has come since before was read.
func (c *psu) newest(ctx context.Context, before []message) (found message, err error) {
	err = eventually(ctx, func() (bool, error) {
		now, err := c.messages(ctx)
		i := slices.IndexFunc(now, func(m message) bool { return m.Code != "" && !slices.Contains(before, m) })
		if i >= 0 {
			found = now[i]
		}
		return i >= 0, err
	})
	if err != nil {
		err = errors.Join(errors.New("no text message with a code has come"), err)
	}
	return found, err
}

// otherCode is as long as code, and wrong.
func otherCode(code string) string {
	last := code[len(code)-1]
	if last < '0' || last > '9' {
		last = '0' - 1
	}
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}
