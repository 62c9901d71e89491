package corebank

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// phone is the page that stands in for the devices of a sandbox's customer: what her phone is
// asked to approve, and what her photo app, her chip reader and her authenticator app show.
func (b *Bank) phone(w http.ResponseWriter, r *http.Request) {
	v, err := b.visitor(w, r)
	if err != nil {
		b.fault(w, r, err)
		return
	}
	if r.Method != http.MethodPost {
		b.showPhone(w, r, v, http.StatusOK, "")
		return
	}
	if !b.formIsOurs(r, v, r.URL.Path) {
		b.oops(w, r, http.StatusForbidden, "error.form")
		return
	}
	key := ""
	switch action := r.PostFormValue("action"); {
	case action == "login":
		var c customer
		c, err = b.authenticate(r.Context(), strings.TrimSpace(r.PostFormValue("login")), r.PostFormValue("password"))
		if errors.Is(err, errCredentials) {
			v.who = nil
			b.showPhone(w, r, v, http.StatusUnprocessableEntity, "login.wrong")
			return
		}
		if err == nil {
			err = b.logIn(w, r, v, c)
		}
	case v.who == nil: // the session ended meanwhile: the page shows the log-in
	case action == "logout":
		err = b.logOut(r.Context(), v)
	case action == "approve", action == "refuse":
		key, err = told(b.answerPush(r.Context(), *v.who, r.PostFormValue("journey"), action == "approve"))
		if errors.Is(err, errJourney) {
			key, err = "phone.over", nil
		}
	}
	switch {
	case err != nil:
		b.fault(w, r, err)
	case key != "":
		b.showPhone(w, r, v, http.StatusUnprocessableEntity, key)
	default:
		http.Redirect(w, r, b.prefix+"/phone", http.StatusSeeOther)
	}
}

func (b *Bank) showPhone(w http.ResponseWriter, r *http.Request, v visitor, status int, key string) {
	p := page{Title: "phone.title", Error: key, CSRF: b.formToken(v, r.URL.Path), Login: r.PostFormValue("login")}
	if v.who == nil {
		p.Title, p.Text = "login.title", "login.phone"
		b.show(w, r, status, "login", p)
		return
	}
	p.Name = v.who.Name
	var err error
	if p.Pending, err = b.pendingOf(r.Context(), *v.who); err == nil {
		err = b.showClocks(r, *v.who, &p)
	}
	if err != nil {
		b.fault(w, r, err)
		return
	}
	b.show(w, r, status, "phone", p)
}

// A clockView is what an authenticator app shows.
type clockView struct{ Code, Address string }

func (b *Bank) showClocks(r *http.Request, c customer, p *page) error {
	all, err := b.meansOf(r.Context(), c.ID)
	for _, m := range all {
		if m.Kind == kindTOTP {
			key := b.deviceKey(c.ID, m.ID)
			p.Clocks = append(p.Clocks, clockView{clockCodeAt(key, b.now().Unix()/clockPeriod), clockAddress(b.name, c.Login, key)})
		}
	}
	return err
}

// phoneJSON is what the page shows, for programs that play a customer of the sandbox, and
// without a log-in, as the outbox is: nothing can be approved here.
func (b *Bank) phoneJSON(w http.ResponseWriter, r *http.Request) {
	all := []pending{}
	c, found, err := b.customerByLogin(r.Context(), plainLogin(r.URL.Query().Get("login")))
	if err == nil && found {
		var some []pending
		if some, err = b.pendingOf(r.Context(), c); err == nil {
			all = append(all, some...)
			var p page
			if err = b.showClocks(r, c, &p); err == nil {
				for _, shown := range p.Clocks {
					all = append(all, pending{Kind: kindTOTP, Code: shown.Code})
				}
			}
		}
	}
	if err != nil {
		b.fault(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(all)
}

// plainLogin is what the databases take of what was asked for.
func plainLogin(s string) string {
	if !isPlain(s) {
		return "" // nobody's
	}
	return s
}
