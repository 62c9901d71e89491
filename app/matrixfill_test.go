package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"kontor/app/apptest"
	"kontor/ready"
	"kontor/xs2aclient"
)

// fill makes all that the TPPs have of one customer, in the order in which it can be made.
func (m *matrix) fill(p int) {
	who, stranger := m.people[p], m.people[(p+1)%psus]
	for _, a := range []int{2 * p, 2*p + 1} {
		m.accounts[a].iban = who.Accounts[a%2].IBAN
		// What she ends herself is ended all at once, before the rest is made.
		m.consents[revoked][a] = m.make(owner, consents, m.consentBody(a), stays)
		m.finalised(who, m.consents[revoked][a])
		m.funds[revoked][a] = m.make(owner, fundsConsents, m.fundsBody(a), stays)
		m.finalised(who, m.funds[revoked][a])
	}
	browser, page := entered(m.t, m.Sandbox, m.isar, who)
	browser.Open(my(m.Sandbox, m.isar)+"/end", token(m.t, page))
	for _, a := range []int{2 * p, 2*p + 1} {
		m.fillConsents(who, stranger, a)
		m.fillPayments(who, stranger, a)
		m.fillBaskets(who, stranger, a)
		m.describe(a)
	}
	for tpp := range tpps {
		switch {
		case tpp == owner:
		case tpp == 3: // it may not read
			m.own[tpp][p] = m.given(tpp, who, xs2aclient.ScopeOfFundsConsent, fundsConsents, m.fundsBody(2*p)).token
		default:
			m.own[tpp][p] = m.given(tpp, who, xs2aclient.ScopeOfConsent, consents, m.consentBody(2*p)).token
		}
	}
}

const (
	consents      = "/v1/consents"
	fundsConsents = "/v2/consents/confirmation-of-funds"
	baskets       = "/v1/signing-baskets"
)

func (m *matrix) consentBody(a int) string {
	who := m.people[a/2]
	account, all := fmt.Sprintf(`{"iban":%q}`, m.accounts[a].iban), ""
	if all = account; who.Card != "" && a%2 == 0 {
		all += fmt.Sprintf(`,{"maskedPan":%q}`, who.Card)
	}
	return fmt.Sprintf(`{"access":{"accounts":[%s],"balances":[%s],"transactions":[%s],"additionalInformation":{"trustedBeneficiaries":[%s]}},"recurringIndicator":true,"validUntil":%q,"frequencyPerDay":4,"combinedServiceIndicator":false}`,
		all, all, all, account, time.Now().AddDate(0, 0, 80).Format(time.DateOnly))
}

func (m *matrix) fundsBody(a int) string {
	return fmt.Sprintf(`{"account":{"iban":%q}}`, m.accounts[a].iban)
}

func (m *matrix) end(path string, x made) {
	if a := m.send(owner, request{method: http.MethodDelete, path: path + "/" + x.id}, false); a.Status != http.StatusNoContent {
		m.t.Errorf("DELETE %s: %s", path, a)
	}
}

func (m *matrix) fillConsents(who, stranger ready.Persona, a int) {
	of := func(all *[states][accounts]made, path, body string) {
		all[started][a] = m.make(owner, path, body, begun(a))
		all[refused][a] = m.make(owner, path, body, stays)
		m.approve(stranger, all[refused][a].answer.Get("_links", "scaStatus", "href"))
		all[expired][a] = m.make(owner, path, body, stays)
		m.finalised(who, all[expired][a])
		m.until(all[expired][a], "consentStatus", "valid") // the bank tells it a moment later
		if err := m.dev.Expire(m.t.Context(), m.isar.Code, all[expired][a].id); err != nil {
			m.t.Error(err)
		}
		all[terminated][a] = m.make(owner, path, body, alone)
		m.end(path, all[terminated][a])
	}
	of(&m.consents, consents, m.consentBody(a))
	m.consents[valid][a] = m.given(owner, who, xs2aclient.ScopeOfConsent, consents, m.consentBody(a))
	of(&m.funds, fundsConsents, m.fundsBody(a))
	m.funds[valid][a] = m.make(owner, fundsConsents, m.fundsBody(a), stays)
	m.finalised(who, m.funds[valid][a])
}

// fillPayments makes those of a: begun, waiting for its day while it is being cancelled, refused,
// executed, kept for a basket, cancelled.
func (m *matrix) fillPayments(who, stranger ready.Persona, a int) {
	for state := range states {
		service := []string{xs2aclient.Payments, xs2aclient.BulkPayments, xs2aclient.PeriodicPayments}[(a+state)%3]
		body := strings.ReplaceAll(orderBodies(who, stranger)[service], `"1.00"`, `"41.00"`)
		if state == valid && service != xs2aclient.PeriodicPayments {
			body = fmt.Sprintf(`%s,"requestedExecutionDate":%q}`, body[:len(body)-1], time.Now().AddDate(0, 1, 0).Format(time.DateOnly))
		}
		path, header := "/v1/"+service+"/sepa-credit-transfers", stays
		if state == started {
			header = begun(a)
		}
		if state == expired || state == terminated {
			header = alone
		}
		x := m.make(owner, path, body, header)
		x.service = service
		switch state {
		case refused:
			m.approve(stranger, x.answer.Get("_links", "scaStatus", "href"))
		case valid:
			m.finalised(who, x)
			asked := m.send(owner, request{method: http.MethodDelete, path: path + "/" + x.id, header: stays}, false)
			if x.cancellation = lastOf(asked.Get("_links", "scaStatus", "href")); asked.Status != http.StatusAccepted || len(x.cancellation) < 10 {
				m.t.Errorf("cancellation of %s: %s", path, asked)
			}
		case revoked:
			m.finalised(who, x)
			if service != xs2aclient.PeriodicPayments {
				m.until(x, "transactionStatus", "ACSC")
			}
		case terminated:
			m.end(path, x)
		}
		m.payments[state][a] = x
	}
}

// fillBaskets makes those of a, of one payment and one consent each: begun, approved, refused,
// of a payment that is in the matrix itself, not begun, dissolved.
func (m *matrix) fillBaskets(who, stranger ready.Persona, a int) {
	for state := range states {
		payment := m.payments[expired][a].id
		if state != expired {
			payment = m.make(owner, "/v1/payments/sepa-credit-transfers", apptest.Payment("MATRIX", who.Accounts[0].IBAN, stranger.Accounts[0].IBAN, "42.00"), alone).id
		}
		consent := m.make(owner, consents, m.consentBody(a), alone).id
		x := m.make(owner, baskets, fmt.Sprintf(`{"paymentIds":[%q],"consentIds":[%q]}`, payment, consent), nil)
		if state < expired && state != revoked {
			begun := m.send(owner, request{method: http.MethodPost, path: baskets + "/" + x.id + "/authorisations", header: stays, body: "{}"}, false)
			x.sca = begun.Get("authorisationId")
			x.answer = begun
			if x.sca == "" {
				m.t.Errorf("basket: %s", begun)
			}
		}
		switch state {
		case valid:
			m.finalised(who, x)
		case refused:
			m.approve(stranger, x.answer.Get("_links", "scaStatus", "href"))
		case terminated:
			m.end(baskets, x)
		}
		m.baskets[state][a] = x
	}
}

// describe reads as the owner what a is called.
func (m *matrix) describe(a int) {
	c := m.consents[valid][a]
	read := func(path string) apptest.Answer {
		return m.send(owner, request{method: http.MethodGet, path: path, header: h{"Consent-ID": c.id, "Authorization": "Bearer " + c.token}}, false)
	}
	acc := &m.accounts[a]
	acc.id = firstOf(read("/v1/accounts"), "resourceId")
	entries := read("/v1/accounts/" + acc.id + "/transactions?bookingStatus=booked&itemsPerPage=1&dateFrom=" + m.since)
	acc.entry, acc.download = firstOf(entries, "transactionId"), lastOf(entries.Get("_links", "download", "href"))
	if acc.id == "" || acc.entry == "" || len(acc.download) < 5 {
		m.t.Errorf("account %d: %+v %s", a, acc, entries)
	}
	if a%2 == 0 {
		if m.cards[a/2] = firstOf(read("/v1/card-accounts"), "resourceId"); m.cards[a/2] == "" {
			m.cards[a/2] = noCard
		}
	}
}

// standing is what the owner reads of all that he has.
func (m *matrix) standing(t *testing.T) (all []string) {
	t.Helper()
	note := func(path string) {
		a := m.send(owner, request{method: http.MethodGet, path: path}, false)
		// The bank goes on with what was approved before.
		all = append(all, fmt.Sprint(path, " ", a.Status, " ", strings.ReplaceAll(a.Body, `"ACSP"`, `"ACSC"`)))
	}
	for s := range states {
		for a := range accounts {
			note(consents + "/" + m.consents[s][a].id)
			note(fundsConsents + "/" + m.funds[s][a].id)
			note(baskets + "/" + m.baskets[s][a].id)
			payment := m.payments[s][a].path + "/" + m.payments[s][a].id
			note(payment + "/status")
			for _, of := range []string{consents + "/" + m.consents[s][a].id, fundsConsents + "/" + m.funds[s][a].id, baskets + "/" + m.baskets[s][a].id, payment} {
				note(of + "/authorisations")
			}
		}
	}
	return all
}
