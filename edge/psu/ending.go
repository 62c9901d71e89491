package psu

import (
	"errors"
	"net/http"

	"kontor/bank/dashboard"
	"kontor/bank/payment"
	"kontor/bank/tpp"
	"kontor/edge/page"
)

// An asking asks whether she means it. Both answers weigh the same.
type asking struct {
	shown
	Question        page.Text
	Facts           []fact
	Means           string // a key of the catalogue
	Action, BackURL string
}

func (d *Dashboard) askConsent(w http.ResponseWriter, r *http.Request, v visitor) {
	a, err := d.findConsent(r.Context(), r, v)
	if err != nil {
		d.failed(w, r, err)
		return
	}
	c := d.consentCard(a, false)
	d.Pages.Dashboard(w, r, http.StatusOK, "my_end", asking{
		d.shown(v), text("my.askConsent", "name", c.Name), c.Facts, "my.meansConsent", c.URL + "/end", c.URL,
	})
}

func (d *Dashboard) endConsent(w http.ResponseWriter, r *http.Request, v visitor) {
	a, err := d.findConsent(r.Context(), r, v)
	if err == nil {
		err = d.Dashboard.EndConsent(r.Context(), d.Bank.Code, v.PSU, a.ID, dashboard.PSU)
	}
	if err != nil {
		d.failed(w, r, err)
		return
	}
	http.Redirect(w, r, d.Path+"/consents/"+a.ID+"?done", http.StatusSeeOther)
}

func (d *Dashboard) askPayment(w http.ResponseWriter, r *http.Request, v visitor) {
	p, err := d.findPayment(r.Context(), r, v)
	if err != nil {
		d.failed(w, r, err)
		return
	}
	c := d.paymentCard(p, false)
	d.Pages.Dashboard(w, r, http.StatusOK, "my_end", asking{
		d.shown(v), text("my.askPayment", "name", c.Name), c.Facts, "my.meansPayment", c.URL + "/end", c.URL,
	})
}

func (d *Dashboard) endPayment(w http.ResponseWriter, r *http.Request, v visitor) {
	p, err := d.findPayment(r.Context(), r, v)
	var c dashboard.Cancellation
	if err == nil {
		c, err = d.Dashboard.EndPayment(r.Context(), d.Bank.Code, v.PSU, p.ID, dashboard.PSU, d.back)
	}
	switch {
	case err != nil:
		d.failed(w, r, err)
	case c.PageURL != "":
		d.Pages.Onward(w, r, d.Bank.Name, c.PageURL)
	case c.Err == nil && c.Status == payment.Cancelled:
		http.Redirect(w, r, d.Path+"/payments/"+p.ID+"?done", http.StatusSeeOther)
	default:
		d.ended(w, r, v, dashboard.Ending{Payments: []dashboard.Cancellation{c}})
	}
}

// back is where she comes back to when she has approved a cancellation at the bank.
func (d *Dashboard) back(id string) string { return d.URL + "/payments/" + id + "?done" }

// only reads which TPP everything is to be ended of; false: the address is wrong.
func (d *Dashboard) only(w http.ResponseWriter, r *http.Request) (tpp.ID, bool) {
	t := r.URL.Query().Get("tpp")
	if t != "" && !named(t) {
		d.Pages.Error(w, r, http.StatusNotFound, "error.notFound")
		return "", false
	}
	return tpp.ID(t), true
}

func (d *Dashboard) askAll(w http.ResponseWriter, r *http.Request, v visitor) {
	t, ok := d.only(w, r)
	if !ok {
		return
	}
	question := text("my.askAll")
	if t != "" {
		found, err := d.Dashboard.List(r.Context(), dashboard.Query{Bank: d.Bank.Code, PSU: v.PSU, TPP: t, Limit: 1})
		switch {
		case err != nil:
			d.broken(w, r, err)
			return
		case len(found.Payments) > 0:
			question = text("my.askAllOf", "name", found.Payments[0].GivenTo())
		case len(found.Consents) > 0:
			question = text("my.askAllOf", "name", found.Consents[0].GivenTo())
		default:
			d.failed(w, r, dashboard.ErrUnknown)
			return
		}
	}
	d.Pages.Dashboard(w, r, http.StatusOK, "my_end", asking{
		d.shown(v), question, nil, "my.meansAll", d.endURL(t), d.address(t, false, ""),
	})
}

func (d *Dashboard) endAll(w http.ResponseWriter, r *http.Request, v visitor) {
	t, ok := d.only(w, r)
	if !ok {
		return
	}
	e, err := d.Dashboard.EndAll(r.Context(), d.Bank.Code, v.PSU, t, dashboard.PSU, d.back)
	if err != nil {
		d.failed(w, r, err)
		return
	}
	d.ended(w, r, v, e)
}

// ended shows what became of it, and where she still has to approve something. To do the same
// again does nothing more, so the page may be loaded anew.
func (d *Dashboard) ended(w http.ResponseWriter, r *http.Request, v visitor, e dashboard.Ending) {
	type entry struct {
		ID, Name string
		What     page.Text
		State    string // a key of the catalogue
		URL      string
	}
	p := struct {
		shown
		Payments []entry
		More     bool
	}{shown: d.shown(v), More: e.More}
	if e.Consents > 0 || len(e.Payments) == 0 {
		done := text("my.doneMany", "count", e.Consents)
		p.Notice = &done
	}
	for _, c := range e.Payments {
		card := d.paymentCard(c.Payment, false)
		p.Payments = append(p.Payments, entry{card.ID, card.Name, card.Kind, cancellationState(c), c.PageURL})
	}
	d.Pages.Dashboard(w, r, http.StatusOK, "my_ended", p)
}

func cancellationState(c dashboard.Cancellation) string {
	switch {
	case c.PageURL != "":
		return "my.cancel.approve"
	case c.Err == nil && c.Status == payment.Cancelled:
		return "my.cancel.done"
	case errors.Is(c.Err, payment.ErrService):
		return "my.noCancel"
	case errors.Is(c.Err, payment.ErrCancellation):
		return "my.cancel.late"
	case errors.Is(c.Err, payment.ErrBlocked):
		return "my.cancel.basket"
	case errors.Is(c.Err, payment.ErrStatus):
		return "my.cancel.underWay"
	}
	return "my.cancel.unavailable"
}
