package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// renew has the customer allow questions about funds or, where she has, takes that back.
func (p *payer) renew(ctx context.Context) {
	if p.consent != "" {
		p.endConsent(ctx)
		return
	}
	j := p.l.s.journal
	request := uuid()
	account := fmt.Sprintf(`{"iban":%q}`, p.who.Accounts[0].IBAN)
	body := `{"access":{"accounts":[` + account + `],"balances":[],"transactions":[]},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false,"confirmationOfFundsAllowed":true}`
	var created struct {
		ConsentID string
		Links     struct{ SCARedirect struct{ Href string } } `json:"_links"`
	}
	err := p.persist(ctx, func() error {
		status, body, err := p.call(context.WithoutCancel(ctx), http.MethodPost, p.l.base+"/v1/consents", p.reading, request, body)
		switch {
		case err != nil:
			return err
		case p.l.busy(status):
			return fmt.Errorf("answered %d", status)
		case status != http.StatusCreated || json.Unmarshal(body, &created) != nil || created.ConsentID == "":
			return p.wrongConsent("", "creation of a consent answered %d: %.300s", status, body)
		}
		return nil
	})
	if err != nil {
		return
	}
	j.write(line{What: consented, Consent: created.ConsentID})
	for range 20 {
		if created.Links.SCARedirect.Href == "" || ctx.Err() != nil {
			return
		}
		left, err := p.browser.follow(ctx, created.Links.SCARedirect.Href)
		switch {
		case err != nil:
			pause(ctx, 20*time.Millisecond)
			continue
		case !strings.HasPrefix(left, redirect):
			p.wrongConsent(created.ConsentID, "the customer came back to %s", left)
		default:
			j.write(line{What: consentApproved, Consent: created.ConsentID})
			p.consent = created.ConsentID
		}
		return
	}
}

func (p *payer) wrongConsent(consent, format string, args ...any) error {
	p.l.s.journal.write(line{What: wrong, Consent: consent, Text: fmt.Sprintf(format, args...)})
	return errWrong
}

// endConsent takes the consent back. From the answer on it must open nothing.
func (p *payer) endConsent(ctx context.Context) {
	consent := p.consent
	err := p.persist(ctx, func() error {
		status, body, err := p.call(context.WithoutCancel(ctx), http.MethodDelete, p.l.base+"/v1/consents/"+consent, p.reading, uuid(), "")
		switch {
		case err != nil:
			return err
		case p.l.busy(status):
			return fmt.Errorf("answered %d", status)
		// One that was ended by a request without an answer cannot be ended again.
		case status == http.StatusNoContent, status == http.StatusConflict || strings.Contains(string(body), "CONSENT_"):
			return nil
		}
		return p.wrongConsent(consent, "the end of a consent was answered %d: %.300s", status, body)
	})
	p.consent = "" // given up or not, it may be over
	if err != nil {
		return
	}
	p.l.s.journal.write(line{What: consentEnded, Consent: consent})
	if status, body, err := p.confirm(ctx, consent); err == nil && status == http.StatusOK {
		p.wrongConsent(consent, "I8: after its end a consent was good for %.200s", body)
	}
}

// askFunds asks whether a cent is there, which it is.
func (p *payer) askFunds(ctx context.Context) {
	if p.consent == "" {
		return
	}
	status, body, err := p.confirm(ctx, p.consent)
	var a struct{ FundsAvailable *bool }
	switch {
	case err != nil || p.l.busy(status):
	case status == http.StatusOK && json.Unmarshal(body, &a) == nil && a.FundsAvailable != nil && *a.FundsAvailable:
		p.l.s.journal.write(line{What: confirmed, Consent: p.consent})
	// Her bank may not have come to tell the hub of her approval.
	case status == http.StatusUnauthorized && strings.Contains(string(body), "it is received"):
	default:
		p.wrongConsent(p.consent, "a question about funds was answered %d: %.300s", status, body)
	}
}

func (p *payer) confirm(ctx context.Context, consent string) (int, []byte, error) {
	return p.call(ctx, http.MethodPost, p.l.base+"/v1/funds-confirmations", p.reading, uuid(),
		fmt.Sprintf(`{"account":{"iban":%q},"instructedAmount":{"currency":"EUR","amount":"0.01"}}`, p.who.Accounts[0].IBAN), "Consent-ID", consent)
}
