package corebank

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"kontor/connector/sdk"
	"kontor/kit/money"
)

// me is the customer's own page: accounts, and who may see them.
func (b *Bank) me(w http.ResponseWriter, r *http.Request) {
	v, err := b.visitor(w, r)
	if err != nil {
		b.fault(w, r, err)
		return
	}
	if r.Method != http.MethodPost {
		b.showMe(w, r, v, http.StatusOK, "")
		return
	}
	if !b.formIsOurs(r, v, r.URL.Path) {
		b.oops(w, r, http.StatusForbidden, "error.form")
		return
	}
	to := b.prefix + "/me"
	switch action := r.PostFormValue("action"); {
	case action == "login":
		c, err := b.authenticate(r.Context(), strings.TrimSpace(r.PostFormValue("login")), r.PostFormValue("password"))
		if errors.Is(err, errCredentials) {
			v.who = nil
			b.showMe(w, r, v, http.StatusUnprocessableEntity, "login.wrong")
			return
		}
		if err == nil {
			err = b.logIn(w, r, v, c)
		}
		if err != nil {
			b.fault(w, r, err)
			return
		}
	case v.who == nil: // the session ended meanwhile: the page shows the log-in
	case action == "logout":
		if err := b.logOut(r.Context(), v); err != nil {
			b.fault(w, r, err)
			return
		}
		to = b.prefix + "/"
	case action == "withdraw":
		err := b.withdraw(r.Context(), v.who.ID, r.PostFormValue("access"))
		if err != nil && !errors.Is(err, sdk.ErrTokenUnknown) { // not there: withdrawn before
			b.fault(w, r, err)
			return
		}
		to += "?withdrawn=1"
	case action == "disallow":
		if err := b.disallow(r.Context(), v.who.ID, r.PostFormValue("tpp"), r.PostFormValue("account")); err != nil {
			b.fault(w, r, err)
			return
		}
		to += "?withdrawn=1"
	case action == "allow":
		path, key, err := b.startAllow(r.Context(), v.who.ID, funder{TPP: r.PostFormValue("tpp"), Name: r.PostFormValue("called")}, r.PostFormValue("account"))
		switch {
		case err != nil:
			b.fault(w, r, err)
			return
		case key != "":
			b.showMe(w, r, v, http.StatusUnprocessableEntity, key)
			return
		}
		to = path
	case action == "unenrol":
		if err := b.dropPasskey(r.Context(), v.who.ID, r.PostFormValue("passkey")); err != nil {
			b.fault(w, r, err)
			return
		}
		to += "?passkey=0"
	case action == "enrol" && b.enrols:
		path, key, err := b.startEnrol(r.Context(), *v.who, r.PostFormValue("passkeyname"), b.textsFor(r).Day(b.now().In(b.zone)))
		switch {
		case err != nil:
			b.fault(w, r, err)
			return
		case key != "":
			b.showMe(w, r, v, http.StatusUnprocessableEntity, key)
			return
		}
		to = path
	case action == "change":
		path, err := b.startChange(r.Context(), v.who.ID, r.PostFormValue("access"))
		switch {
		case errors.Is(err, sdk.ErrTokenUnknown), errors.Is(err, errJourney): // ended meanwhile: the page says so
		case err != nil:
			b.fault(w, r, err)
			return
		default:
			to = path
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (b *Bank) showMe(w http.ResponseWriter, r *http.Request, v visitor, status int, key string) {
	p := page{Title: "me.title", Error: key, CSRF: b.formToken(v, r.URL.Path), Login: r.PostFormValue("login")}
	if v.who == nil {
		p.Title, p.Text = "login.title", "login.me"
		b.show(w, r, status, "login", p)
		return
	}
	p.Name = v.who.Name
	t := b.textsFor(r)
	if r.URL.Query().Get("withdrawn") != "" {
		p.Notice = "me.withdrawn"
	}
	if r.URL.Query().Get("changed") != "" {
		p.Notice = "me.changed"
	}
	accounts, err := b.accountsOf(r.Context(), v.who.ID)
	if err != nil {
		b.fault(w, r, err)
		return
	}
	if r.URL.Query().Get("allowed") != "" {
		p.Notice = "me.allowed"
	}
	switch r.URL.Query().Get("passkey") {
	case "1":
		p.Notice = "passkey.added"
	case "0":
		p.Notice = "passkey.removed"
	}
	if err := b.showPasskeys(r, v, &p); err != nil {
		b.fault(w, r, err)
		return
	}
	alone, err := b.alone(r.Context(), accounts)
	if err != nil {
		b.fault(w, r, err)
		return
	}
	labels := map[string]string{}
	for _, a := range accounts {
		labels[a.ID] = a.Shown()
		switch {
		case a.bundles():
			labels[a.ID] += " – " + a.Product
		case a.IBAN != "":
			labels[a.ID] += " " + a.Currency
		}
		if a.checked() && slices.ContainsFunc(alone, func(one account) bool { return one.ID == a.ID }) {
			p.Accounts = append(p.Accounts, accountChoice{ID: a.ID, Label: labels[a.ID], Product: a.Product, Checked: r.PostFormValue("account") == a.ID})
		}
		if a.bundles() {
			continue
		}
		view := balanceView{Product: a.Product, Label: a.Shown(), Booked: amountIn(t, money.Amount{Minor: a.Booked, Currency: a.Currency})}
		if a.Type != typeLoan {
			view.Available = amountIn(t, money.Amount{Minor: a.Spendable(), Currency: a.Currency})
		}
		p.Balances = append(p.Balances, view)
	}
	if p.Allowed, err = b.allowedBy(r.Context(), v.who.ID); err != nil {
		b.fault(w, r, err)
		return
	}
	for i := range p.Allowed {
		p.Allowed[i].Label, p.Allowed[i].Since = labels[p.Allowed[i].Account], t.Minute(p.Allowed[i].since)
	}
	p.Login, p.AppName = r.PostFormValue("tpp"), r.PostFormValue("called")
	accesses, err := b.accessesOf(r.Context(), v.who.ID)
	if err != nil {
		b.fault(w, r, err)
		return
	}
	for _, a := range accesses {
		view := accessView{ID: a.ID, AppName: a.AppName, Service: "me." + a.Service, Since: t.Minute(a.CreatedAt.In(b.zone)), Until: dayIn(t, a.ValidUntil)}
		for _, g := range a.Granted.Accounts {
			shown := accessAccount{Label: labels[g.ID]}
			switch {
			case a.Service != serviceAccounts:
			case g.Balances && !g.Transactions:
				shown.Only = "rights.balances"
			case g.Transactions && !g.Balances:
				shown.Only = "rights.transactions"
			}
			view.Accounts = append(view.Accounts, shown)
		}
		view.Changeable = a.changeable()
		p.Accesses = append(p.Accesses, view)
	}
	b.show(w, r, status, "me", p)
}

// showPasskeys lists the customer's passkeys. Where browsers have none, there may still be some
// to remove: of when the bank was at another address.
func (b *Bank) showPasskeys(r *http.Request, v visitor, p *page) error {
	all, err := b.passkeysOf(r.Context(), v.who.ID)
	for _, m := range all {
		p.Passkeys = append(p.Passkeys, passkeyView{m.ID, m.Name, b.textsFor(r).Minute(m.since.In(b.zone))})
	}
	p.Enrols = b.enrols
	return err
}

// A message is a text message that a customer of the sandbox would have got.
type message struct {
	To      string `json:"to"`
	Login   string `json:"login"`
	Text    string `json:"text"`
	Code    string `json:"code"`
	Session string `json:"session"` // the journey: the last part of its page's address
	At      string `json:"at"`
	at      int64
	zone    *time.Location

	Language string `json:"-"` // of Text: the customer's, and not the reader's
}

// Came is when the message did.
func (m message) Came() time.Time { return time.UnixMicro(m.at).In(m.zone) }

// messagesMax bounds what the outbox shows.
const messagesMax = 50

// messages lists the newest first, of one customer where login names one.
func (b *Bank) messages(r *http.Request) ([]message, error) {
	all := []message{}
	login := r.URL.Query().Get("login")
	if !isPlain(login) {
		return all, nil
	}
	rows, err := b.db.Query(r.Context(), `SELECT m.at, m.login, m.phone, m.journey, m.code, m.text, COALESCE(c.language, '')
		FROM corebank_message m LEFT JOIN corebank_customer c ON c.bank = m.bank AND c.login = m.login
		WHERE m.bank = $1 AND (m.login = $2 OR $3 = 1) ORDER BY m.at DESC, m.id LIMIT $4`, b.code, login, flag(login == ""), messagesMax)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m message
		var at int64
		if err := rows.Scan(&at, &m.Login, &m.To, &m.Session, &m.Code, &m.Text, &m.Language); err != nil {
			return nil, err
		}
		m.at, m.zone = at, b.zone
		m.At = time.UnixMicro(at).In(b.zone).Format(time.RFC3339)
		all = append(all, m)
	}
	return all, rows.Err()
}

// SharedOutbox serves the text messages of several sandbox banks as one list, for programs
// that need not know at which of them a customer is asked.
func SharedOutbox(banks ...*Bank) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all := []message{}
		for _, b := range banks {
			if !b.outbox {
				continue
			}
			some, err := b.messages(r)
			if err != nil {
				b.log.Error("messages cannot be read", "error", err)
				http.Error(w, b.textsFor(r).Text("error.internal"), http.StatusInternalServerError)
				return
			}
			all = append(all, some...)
		}
		slices.SortStableFunc(all, func(a, b message) int { return cmp.Compare(b.at, a.at) })
		writeMessages(w, all[:min(len(all), messagesMax)])
	})
}

func writeMessages(w http.ResponseWriter, all []message) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(all)
}

func (b *Bank) outboxPage(w http.ResponseWriter, r *http.Request) {
	all, err := b.messages(r)
	if err != nil {
		b.fault(w, r, err)
		return
	}
	b.show(w, r, http.StatusOK, "outbox", page{Title: "outbox.title", Messages: all})
}

func (b *Bank) outboxJSON(w http.ResponseWriter, r *http.Request) {
	all, err := b.messages(r)
	if err != nil {
		b.fault(w, r, err)
		return
	}
	writeMessages(w, all)
}
