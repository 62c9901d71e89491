package callback

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/dashboard"
	"kontor/bank/payment"
	"kontor/bank/tpp"
	"kontor/connector/wire"
	"kontor/kit/day"
)

// perPageAccesses bounds a page, and is its size where none is asked for.
const perPageAccesses = 100

// asked reads the data of an operation on accesses. The PSU is named in what is signed, and so
// is the one access that a path names: what is only in an address nobody vouches for.
func asked(r *http.Request, b *bank, data json.RawMessage) (wire.AccessesQuery, dashboard.Query, error) {
	var q wire.AccessesQuery
	if err := json.Unmarshal(data, &q); err != nil {
		return q, dashboard.Query{}, fmt.Errorf("%w: data has a member of the wrong kind", core.ErrEvent)
	}
	for name, s := range map[string]wire.String{"user_id": q.UserID, "tpp": q.TPP, "id": q.ID, "from_id": q.FromID} {
		if !plain(string(s)) {
			return q, dashboard.Query{}, fmt.Errorf("%w: %s is too long or has odd signs in it", core.ErrEvent, name)
		}
	}
	d := dashboard.Query{Bank: b.code, PSU: string(q.UserID), TPP: tpp.ID(q.TPP), Ended: q.Status == "ended", Limit: perPageAccesses}
	switch {
	case q.UserID == "":
		return q, d, fmt.Errorf("%w: user_id is missing", core.ErrEvent)
	case string(q.ID) != r.PathValue("id"):
		return q, d, fmt.Errorf("%w: id is not the one in the path", core.ErrEvent)
	case q.Status != "" && q.Status != "active" && q.Status != "ended":
		return q, d, fmt.Errorf("%w: status is neither active nor ended", core.ErrEvent)
	case q.ReturnURL != "" && !wire.BrowserURL(q.ReturnURL):
		return q, d, fmt.Errorf("%w: return_url is not an http or https address", core.ErrEvent)
	}
	if q.PerPage != "" {
		n, err := strconv.Atoi(string(q.PerPage))
		if err != nil || n < 1 {
			return q, d, fmt.Errorf("%w: per_page is not a number from 1 to %d", core.ErrEvent, perPageAccesses)
		}
		d.Limit = min(n, perPageAccesses)
	}
	d, ok := d.From(string(q.FromID))
	if !ok {
		return q, d, fmt.Errorf("%w: from_id is not one that was given", core.ErrEvent)
	}
	return q, d, nil
}

// plain says whether s is a text that a database takes.
func plain(s string) bool {
	if len(s) > textMax {
		return false
	}
	for _, c := range s {
		if c < ' ' || c == 0x7f || c == '\uFFFD' {
			return false
		}
	}
	return true
}

// accesses lists what a PSU gave.
func (h *hub) accesses(r *http.Request, b *bank, data json.RawMessage) (any, string, error) {
	_, q, err := asked(r, b, data)
	if err != nil {
		return nil, "", err
	}
	page, err := h.dashboard.List(r.Context(), q)
	if err != nil {
		return nil, "", err
	}
	entries := []wire.AccessEntry{}
	for _, p := range page.Payments {
		entries = append(entries, h.paymentEntry(p))
	}
	for _, a := range page.Consents {
		entries = append(entries, consentEntry(a))
	}
	return entries, page.Next(), nil
}

// access shows one of them with its history.
func (h *hub) access(r *http.Request, b *bank, data json.RawMessage) (any, string, error) {
	q, d, err := asked(r, b, data)
	if err != nil {
		return nil, "", err
	}
	entry, err := h.find(r, d, string(q.ID))
	if err != nil {
		return nil, "", err
	}
	lines, _, err := h.dashboard.History(r.Context(), b.code, entry.ID, tpp.ID(entry.TPP), time.Time{})
	for _, l := range lines {
		entry.History = append(entry.History, wire.AccessHappened{At: l.At.UTC().Format(time.RFC3339), What: string(l.What), Count: l.Count, Available: l.Allowed})
	}
	return entry, "", err
}

func (h *hub) find(r *http.Request, q dashboard.Query, id string) (wire.AccessEntry, error) {
	a, err := h.dashboard.Consent(r.Context(), q.Bank, q.PSU, id)
	if !errors.Is(err, dashboard.ErrUnknown) {
		return consentEntry(a), err
	}
	p, err := h.dashboard.Payment(r.Context(), q.Bank, q.PSU, id)
	return h.paymentEntry(p), err
}

// endAccess ends one of them.
func (h *hub) endAccess(r *http.Request, b *bank, data json.RawMessage) (any, string, error) {
	q, d, err := asked(r, b, data)
	if err != nil {
		return nil, "", err
	}
	err = h.dashboard.EndConsent(r.Context(), b.code, d.PSU, string(q.ID), dashboard.Bank)
	if err == nil {
		entry, err := h.find(r, d, string(q.ID))
		return entry, "", err
	}
	if !errors.Is(err, dashboard.ErrUnknown) {
		return nil, "", err
	}
	if _, err := h.dashboard.Payment(r.Context(), b.code, d.PSU, string(q.ID)); err != nil {
		return nil, "", err
	}
	if q.ReturnURL == "" {
		return nil, "", fmt.Errorf("%w: return_url is missing", core.ErrEvent)
	}
	c, err := h.dashboard.EndPayment(r.Context(), b.code, d.PSU, string(q.ID), dashboard.Bank, func(string) string { return string(q.ReturnURL) })
	return h.cancelled(c), "", err
}

// endAccesses ends all of them, or all of one TPP.
func (h *hub) endAccesses(r *http.Request, b *bank, data json.RawMessage) (any, string, error) {
	q, d, err := asked(r, b, data)
	if err == nil && q.ReturnURL == "" {
		err = fmt.Errorf("%w: return_url is missing", core.ErrEvent)
	}
	if err != nil {
		return nil, "", err
	}
	e, err := h.dashboard.EndAll(r.Context(), b.code, d.PSU, d.TPP, dashboard.Bank, func(string) string { return string(q.ReturnURL) })
	answer := struct {
		Consents int                `json:"consents"` // that ended
		Payments []wire.AccessEntry `json:"payments"`
		More     bool               `json:"more"` // payments are left: ask again
	}{e.Consents, []wire.AccessEntry{}, e.More}
	for _, c := range e.Payments {
		answer.Payments = append(answer.Payments, h.cancelled(c))
	}
	return answer, "", err
}

func (h *hub) cancelled(c dashboard.Cancellation) wire.AccessEntry {
	entry := h.paymentEntry(c.Payment)
	ended := &wire.AccessEnded{Status: "done", RedirectURL: c.PageURL}
	switch {
	case c.Err != nil:
		ended.Status, ended.Reason = "refused", c.Err.Error()
	case c.PageURL != "":
		ended.Status = "approve"
	case c.Status != payment.Cancelled:
		ended.Status, ended.Reason = "refused", "the bank has not said that it is cancelled"
	}
	entry.Cancelling = ended
	return entry
}

func consentEntry(a dashboard.Access) wire.AccessEntry {
	e := wire.AccessEntry{
		ID: a.ID, Kind: "consent", TPP: string(a.TPP), TPPName: a.TPPName, AppName: a.GivenTo(), Status: string(a.Status), Active: a.Status == consent.Valid,
		CreatedAt: moment(a.CreatedAt), GivenAt: moment(a.AuthorisedAt), LastUsedAt: moment(a.LastUsed),
	}
	if a.Model == consent.Funds {
		e.Kind = "funds"
	}
	if a.ValidUntil.Year() < 9999 {
		e.ValidUntil = a.ValidUntil.String()
	}
	for _, right := range a.Rights() {
		e.Rights = append(e.Rights, string(right))
	}
	if refs := a.GivenAccounts(); refs != nil {
		accounts := []wire.Account{}
		for _, ref := range refs {
			accounts = append(accounts, account(ref))
		}
		e.Accounts = &accounts
	}
	return e
}

func (h *hub) paymentEntry(p payment.Payment) wire.AccessEntry {
	zone := time.UTC
	if b, ok := h.dashboard.Banks[p.Bank]; ok {
		zone = b.Zone
	}
	e := wire.AccessEntry{
		ID: p.ID, Kind: "payment", TPP: string(p.TPP), TPPName: p.TPPName, AppName: p.GivenTo(), Status: string(p.Status),
		Active: p.ToCome(day.Of(h.now(), zone), zone), CreatedAt: moment(p.CreatedAt), Payment: &wire.AccessPayment{Service: p.Service, Product: p.Product},
	}
	if p.Bulk == nil {
		to := account(p.Order.CreditorAccount)
		e.Payment.CreditorName, e.Payment.Creditor = p.Order.CreditorName, &to
		e.Payment.Amount, e.Payment.Currency = p.Order.Amount.String(), p.Order.Amount.Currency
	}
	if s := p.Periodic; s != nil {
		e.Payment.Frequency, e.Payment.StartDate = s.Frequency, s.StartDate.String()
	}
	if due := p.Due(); due.Year() < 9999 {
		e.ValidUntil, e.Payment.EndDate = due.String(), due.String()
	}
	return e
}

func account(r core.AccountReference) wire.Account {
	return wire.Account{
		IBAN: wire.String(r.IBAN), BBAN: wire.String(r.BBAN), PAN: wire.String(r.PAN), MaskedPAN: wire.String(r.MaskedPAN),
		MSISDN: wire.String(r.MSISDN), BankAccountIdentifier: wire.String(r.Other.Identification), Currency: wire.String(r.Currency),
	}
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
