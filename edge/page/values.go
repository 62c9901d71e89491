package page

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"kontor/kit/day"
	"kontor/kit/i18n"
	"kontor/kit/money"
)

// show writes a value of a page in the reader's language: a Text, a day, a moment, an amount.
// A moment is shown in the zone that it is given in.
func show(of i18n.Texts, v any) string {
	switch v := v.(type) {
	case *Text:
		return show(of, *v)
	case Text:
		pairs := make([]any, len(v.Pairs))
		for i, p := range v.Pairs {
			switch p.(type) {
			case Text, day.Day, time.Time, money.Amount:
				p = show(of, p)
			}
			pairs[i] = p
		}
		return of.Text(v.Key, pairs...)
	case day.Day:
		return of.Day(v.Start(time.UTC))
	case time.Time:
		return of.Minute(v)
	case money.Amount:
		return of.Decimal(v.String()) + " " + v.Currency
	}
	return fmt.Sprint(v)
}

// Dashboard shows a page of the PSU's dashboard: "my_login", "my", "my_access", "my_end" or "my_ended".
func (p *Pages) Dashboard(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	p.show(w, r, status, name, "", data)
}

// Onward shows "Taking you to …", which goes on to a page of the bank's at once. A form of ours
// may not end in a redirect to elsewhere, so it ends here.
func (p *Pages) Onward(w http.ResponseWriter, r *http.Request, bank, to string) {
	u, err := url.Parse(to)
	if err != nil || !mayLeaveTo(u) {
		p.Error(w, r, http.StatusBadGateway, "error.unavailable")
		return
	}
	link := u.String()
	p.show(w, r, http.StatusOK, "onward", "0; url="+link, struct {
		Bank string
		URL  template.URL // mayLeaveTo has looked at it
	}{bank, template.URL(link)})
}
