package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"kontor/xs2aclient"
)

// useDashboard has a PSU log in to the hub's dashboard, end one consent there, and the TPP find
// out at its next read.
func useDashboard(ctx context.Context, g *guide) (string, error) {
	once := everything()
	once.RecurringIndicator, once.FrequencyPerDay = false, 1 // it takes no other consent's place
	given, err := g.gives(ctx, g.company, once, plan{})
	if err != nil {
		return "", err
	}
	c := g.at(g.company)
	defer c.browser.close()
	my := g.ready.WebTLS + strings.TrimPrefix(g.standard.XS2A, g.ready.API) + "/my"
	p, _, err := c.browser.open(ctx, my)
	if err != nil {
		return "", err
	}
	if len(p.forms) != 1 {
		return "", fmt.Errorf("the page %q has %d forms, not the one to log in", p.title, len(p.forms))
	}
	p, _, err = c.browser.submit(ctx, p, p.forms[0], "", nil)
	for range pagesMax { // the bank's pages
		if err != nil {
			return "", err
		}
		if _, ok := p.field("token"); ok {
			break
		}
		p, _, err = c.act(ctx, p, &plan{})
	}
	if err != nil || !strings.Contains(p.text, g.tpp.Name) {
		return "", errors.Join(err, fmt.Errorf("the dashboard does not show %s", g.tpp.Name))
	}
	p, _, err = c.browser.open(ctx, my+"/consents/"+string(given.created.ConsentID)+"/end")
	if err != nil {
		return "", err
	}
	f, ok := p.field("token")
	if !ok {
		return "", fmt.Errorf("the page %q has nothing to confirm", p.title)
	}
	if _, _, err = c.browser.submit(ctx, p, f, "", nil); err != nil {
		return "", err
	}
	g.print.browsed(c.Login, c.browser.told(), "")
	_, refused := given.attended().Accounts(ctx, false)
	return "CONSENT_INVALID; revokedByPsu", all(refusedWith(refused, http.StatusUnauthorized, "CONSENT_INVALID"),
		g.becomes(ctx, given.client, given.created.ConsentID, xs2aclient.ConsentRevokedByPSU))
}
