package psu

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/dashboard"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/edge/page"
	"kontor/kit/day"
)

// A card shows one consent or payment.
type card struct {
	ID, Name string
	Kind     page.Text
	Facts    []fact
	URL      string
	EndURL   string // "": there is nothing to end, or the bank does not let us
	OnlyURL  string // to everything of the same TPP; "" where that is all
	NoEnd    *page.Text
}

// A fact is a label, a key of the catalogue, and what is said under it.
type fact struct {
	Label  string
	Values []any
}

// shown is what every page for a visitor has.
type shown struct {
	Bank, Base, Token string
	Notice            *page.Text
}

func (d *Dashboard) shown(v visitor) shown {
	return shown{Bank: d.Bank.Name, Base: d.Path, Token: dashboard.FormToken(v.secret)}
}

func text(key string, pairs ...any) page.Text { return page.Text{Key: key, Pairs: pairs} }

// list shows a page of what she gave: what is in force, or what has ended; of all TPPs, or one.
func (d *Dashboard) list(w http.ResponseWriter, r *http.Request, v visitor) {
	in := r.URL.Query()
	q := dashboard.Query{Bank: d.Bank.Code, PSU: v.PSU, TPP: tpp.ID(in.Get("tpp")), Ended: in.Get("show") == "ended", Limit: pageSize}
	from := in.Get("from")
	q, ok := q.From(from)
	if !ok || from != "" && !named(from) || q.TPP != "" && !named(string(q.TPP)) {
		d.Pages.Error(w, r, http.StatusNotFound, "error.notFound")
		return
	}
	found, err := d.Dashboard.List(r.Context(), q)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	p := struct {
		shown
		Ended                                         bool
		Only                                          string
		OpenURL, EndedURL, AllURL, NextURL, EndAllURL string
		Cards                                         []card
	}{shown: d.shown(v), Ended: q.Ended}
	p.OpenURL, p.EndedURL, p.AllURL = d.address(q.TPP, false, ""), d.address(q.TPP, true, ""), d.address("", q.Ended, "")
	for _, one := range found.Payments {
		p.Cards = append(p.Cards, d.paymentCard(one, q.TPP == ""))
	}
	for _, one := range found.Consents {
		p.Cards = append(p.Cards, d.consentCard(one, q.TPP == ""))
	}
	if found.More {
		p.NextURL = d.address(q.TPP, q.Ended, found.Next())
	}
	if len(p.Cards) > 0 {
		if q.TPP != "" {
			p.Only = p.Cards[0].Name
		}
		if !q.Ended {
			p.EndAllURL = d.endURL(q.TPP)
		}
	}
	d.Pages.Dashboard(w, r, http.StatusOK, "my", p)
}

// address is that of a list.
func (d *Dashboard) address(t tpp.ID, ended bool, from string) string {
	q := url.Values{}
	if t != "" {
		q.Set("tpp", string(t))
	}
	if ended {
		q.Set("show", "ended")
	}
	if from != "" {
		q.Set("from", from)
	}
	return withQuery(d.Path, q)
}

func withQuery(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func (d *Dashboard) endURL(t tpp.ID) string {
	q := url.Values{}
	if t != "" {
		q.Set("tpp", string(t))
	}
	return withQuery(d.Path+"/end", q)
}

// consentCard shows a consent in plain words. linked: with a link to everything of its TPP.
func (d *Dashboard) consentCard(a dashboard.Access, linked bool) card {
	c := card{ID: "c-" + a.ID, Name: a.GivenTo(), Kind: text("my.consent"), URL: d.Path + "/consents/" + a.ID}
	switch {
	case a.Model == consent.Funds:
		c.Kind = text("my.funds")
	case !a.Recurring:
		c.Kind = text("my.consentOnce")
	}
	var rights []any
	for _, r := range a.Rights() {
		rights = append(rights, text("my.right."+string(r)))
	}
	c.Facts = append(c.Facts, fact{"my.accounts", accountsOf(a.Consent)}, fact{"my.rights", rights}, fact{"my.given", []any{a.AuthorisedAt.In(d.Bank.Zone)}})
	if a.LastUsed.IsZero() {
		c.Facts = append(c.Facts, fact{"my.used", []any{text("my.never")}})
	} else {
		c.Facts = append(c.Facts, fact{"my.used", []any{a.LastUsed.In(d.Bank.Zone)}})
	}
	until := any(a.ValidUntil)
	switch {
	case a.ValidUntil.Year() == 9999:
		until = text("my.noEnd")
	case !a.OneOffEnd.IsZero() && a.OneOffEnd.Before(a.ExpiresAt):
		until = a.OneOffEnd.In(d.Bank.Zone)
	}
	c.Facts = append(c.Facts, fact{"my.until", []any{until}}, fact{"my.state", []any{text(consentState(a.Status))}})
	if a.Status == consent.Valid {
		c.EndURL = c.URL + "/end"
	}
	if linked {
		c.OnlyURL = d.address(a.TPP, a.Status != consent.Valid, "")
	}
	return c
}

func consentState(s consent.Status) string {
	switch s {
	case consent.Valid:
		return "my.state.valid"
	case consent.RevokedByPSU:
		return "my.state.revoked"
	case consent.TerminatedByTPP:
		return "my.state.terminated"
	case consent.Expired:
		return "my.state.expired"
	}
	return "my.state.rejected"
}

// accountsMax bounds how many accounts a card names: a consent may name hundreds.
const accountsMax = 20

// accountsOf names the accounts of a consent as far as they are known.
func accountsOf(c consent.Consent) []any {
	refs := c.GivenAccounts()
	if refs == nil {
		return []any{text("my.allAccounts")}
	}
	names := []any{}
	for _, r := range refs {
		if len(names) == accountsMax {
			return append(names, "…")
		}
		names = append(names, nameOf(r))
	}
	return names
}

// nameOf is how a PSU knows an account. Of the number of a card only its end is shown.
func nameOf(r core.AccountReference) string {
	name := ""
	switch {
	case r.IBAN != "":
		name = spaced(r.IBAN)
	case r.BBAN != "":
		name = r.BBAN
	case r.MaskedPAN != "":
		name = r.MaskedPAN
	case r.PAN != "":
		name = "•••• " + r.PAN[max(0, len(r.PAN)-4):]
	case r.MSISDN != "":
		name = r.MSISDN
	default:
		name = r.Other.Identification
	}
	if r.Currency != "" {
		name += " " + r.Currency
	}
	return name
}

// spaced writes an IBAN as on paper: in groups of four.
func spaced(iban string) string {
	var b strings.Builder
	for i, c := range iban {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// paymentCard shows a series, or a payment of a later day.
func (d *Dashboard) paymentCard(p payment.Payment, linked bool) card {
	today := day.Of(d.Dashboard.Now(), d.Bank.Zone)
	open := p.ToCome(today, d.Bank.Zone)
	c := card{ID: "p-" + p.ID, Name: p.GivenTo(), Kind: text("my.later"), URL: d.Path + "/payments/" + p.ID}
	add := func(label string, v ...any) { c.Facts = append(c.Facts, fact{label, v}) }
	from := p.Order.DebtorAccount
	if p.Bulk != nil {
		c.Kind, from = text("my.bulk"), p.Bulk.DebtorAccount
	} else {
		add("my.payee", p.Order.CreditorName, nameOf(p.Order.CreditorAccount))
		add("my.amount", p.Order.Amount)
	}
	if !from.IsZero() {
		add("my.account", nameOf(from))
	}
	if s := p.Periodic; s != nil {
		c.Kind = text("my.series")
		add("my.frequency", text("my.frequency."+strings.ToLower(s.Frequency[:1])+s.Frequency[1:]))
		if next, ok := payment.Next(*s, later(today, s.StartDate).AddDays(-1)); ok && open {
			add("my.nextDue", next)
		}
		if !s.EndDate.IsZero() {
			add("my.last", s.EndDate)
		} else if open {
			add("my.last", text("my.noEnd"))
		}
	} else if on := executedOn(p, d.Bank.Zone); !on.IsZero() {
		add("my.on", on)
	}
	add("my.given", p.CreatedAt.In(d.Bank.Zone))
	add("my.state", text(paymentState(p, open)))
	switch _, err := p.Cancellable(today, d.Bank.Zone); {
	case !open || err != nil:
	case d.Bank.Payments.Cancellation == profile.CancelNone:
		no := text("my.noCancel")
		c.NoEnd = &no
	default:
		c.EndURL = c.URL + "/end"
	}
	if linked {
		c.OnlyURL = d.address(p.TPP, !open, "")
	}
	return c
}

func later(a, b day.Day) day.Day {
	if a.Before(b) {
		return b
	}
	return a
}

// executedOn is the day for which a single payment, or a bulk, was ordered.
func executedOn(p payment.Payment, zone *time.Location) day.Day {
	on, at := p.Order.RequestedExecutionDate, p.Order.RequestedExecutionTime
	if p.Bulk != nil {
		on, at = p.Bulk.RequestedExecutionDate, p.Bulk.RequestedExecutionTime
	}
	if !at.IsZero() {
		return day.Of(at, zone)
	}
	return on
}

func paymentState(p payment.Payment, open bool) string {
	switch {
	case p.Status == payment.Cancelled:
		return "my.state.cancelled"
	case p.Status == payment.Rejected:
		return "my.state.rejected"
	case open:
		return "my.state.waiting"
	case p.Status == payment.Settled || p.Status == payment.SettledOnCreditorAccount || p.Periodic != nil:
		return "my.state.done"
	}
	return "my.state.processing"
}

// consent shows one consent with its history.
func (d *Dashboard) consent(w http.ResponseWriter, r *http.Request, v visitor) {
	a, err := d.findConsent(r.Context(), r, v)
	if err != nil {
		d.failed(w, r, err)
		return
	}
	s := d.shown(v)
	if a.Status == consent.RevokedByPSU && r.URL.Query().Has("done") {
		done := text("my.doneConsent", "name", a.GivenTo())
		s.Notice = &done
	}
	d.detail(w, r, s, d.consentCard(a, false), a.ID, a.TPP)
}

func (d *Dashboard) payment(w http.ResponseWriter, r *http.Request, v visitor) {
	p, err := d.findPayment(r.Context(), r, v)
	if err != nil {
		d.failed(w, r, err)
		return
	}
	s := d.shown(v)
	if p.Status == payment.Cancelled && r.URL.Query().Has("done") {
		done := text("my.donePayment")
		s.Notice = &done
	}
	d.detail(w, r, s, d.paymentCard(p, false), p.ID, p.TPP)
}

// detail shows a card and what happened.
func (d *Dashboard) detail(w http.ResponseWriter, r *http.Request, s shown, c card, id string, t tpp.ID) {
	var before time.Time
	if text := r.URL.Query().Get("before"); text != "" {
		micros, err := strconv.ParseInt(text, 10, 64)
		if err != nil || micros <= 0 {
			d.Pages.Error(w, r, http.StatusNotFound, "error.notFound")
			return
		}
		before = time.UnixMicro(micros)
	}
	lines, next, err := d.Dashboard.History(r.Context(), d.Bank.Code, id, t, before)
	if err != nil {
		d.broken(w, r, err)
		return
	}
	p := struct {
		shown
		Card       card
		History    []page.Text
		EarlierURL string
	}{shown: s, Card: c}
	for _, l := range lines {
		p.History = append(p.History, d.line(l))
	}
	if !next.IsZero() {
		p.EarlierURL = c.URL + "?before=" + strconv.FormatInt(next.UnixMicro(), 10)
	}
	d.Pages.Dashboard(w, r, http.StatusOK, "my_access", p)
}

func (d *Dashboard) line(l dashboard.Line) page.Text {
	at := l.At.In(d.Bank.Zone)
	switch {
	case l.What == dashboard.Read:
		return text("my.happened.read", "at", day.Of(at, d.Bank.Zone), "count", l.Count)
	case l.Allowed != nil && *l.Allowed:
		return text("my.happened.checkedYes", "at", at)
	case l.Allowed != nil:
		return text("my.happened.checkedNo", "at", at)
	}
	return text("my.happened."+string(l.What), "at", at)
}
