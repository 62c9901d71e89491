package corebank

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"kontor/corebank/ledger"
)

// sca is the page a journey happens on: log-in, choice and approval, code, and the way
// back. What is shown follows from the journey's state and the browser's session; a post
// changes one of them and leads back here, so reloading repeats nothing.
func (b *Bank) sca(w http.ResponseWriter, r *http.Request) {
	j, err := b.journey(r.Context(), r.PathValue("id"))
	// A member has no page: it is approved with its basket or not at all. Nor has what goes on by steps.
	if errors.Is(err, errJourney) || err == nil && (j.Basket != "" || j.bySteps()) {
		b.oops(w, r, http.StatusNotFound, "error.notfound")
		return
	}
	if err != nil {
		b.fault(w, r, err)
		return
	}
	v, err := b.visitor(w, r)
	if err != nil {
		b.fault(w, r, err)
		return
	}
	r = inLanguage(r, j)
	s := scaVisit{b: b, w: w, r: r, j: j, v: v}
	err = s.look()
	if err == nil {
		err = s.lookAtMeans()
	}
	if err != nil {
		b.fault(w, r, err)
		return
	}
	if r.Method != http.MethodPost || s.ended() && !(s.strayed() && r.PostFormValue("action") == "login") {
		s.showState(http.StatusOK, "")
		return
	}
	if !b.formIsOurs(r, v, r.URL.Path) {
		b.oops(w, r, http.StatusForbidden, "error.form")
		return
	}
	key, err := s.act(r.PostFormValue("action"))
	switch {
	case errors.Is(err, errJourney): // it ended meanwhile, perhaps in another window
		s.again()
	case err != nil:
		b.fault(w, r, err)
	case key != "":
		if j, err := b.journey(r.Context(), j.ID); err == nil {
			s.j = j
		}
		if err := s.lookAtMeans(); err != nil {
			b.fault(w, r, err)
			return
		}
		s.showState(http.StatusUnprocessableEntity, key)
	default:
		s.again()
	}
}

// A scaVisit is one request to a journey's page.
type scaVisit struct {
	b *Bank
	w http.ResponseWriter
	r *http.Request
	j journey
	v visitor

	accounts  []account // what the logged-in customer is offered
	fixed     bool
	means     []means // of the logged-in customer
	asked     means   // which of them has to answer
	challenge challenge
	payment   *payment
	members   []*scaVisit // of a basket
	part      string      // of the names of fields, where this is a member
}

func (s *scaVisit) ended() bool { return s.j.over() || s.over() }
func (s *scaVisit) over() bool  { return !s.b.now().Before(s.j.ExpiresAt) }

// look finds out what the logged-in customer is offered on this journey.
func (s *scaVisit) look() (err error) {
	ctx := s.r.Context()
	if s.ended() {
		return nil
	}
	if id := s.j.payment(); id != "" {
		p, err := s.b.payment(ctx, id)
		if err != nil {
			return err
		}
		s.payment = &p
	}
	if s.j.Kind == kindBasket {
		return s.lookAtMembers()
	}
	if s.v.who != nil {
		s.accounts, s.fixed, err = s.b.offered(ctx, s.j, s.v.who.ID)
	}
	return err
}

// lookAtMeans finds out how the customer can approve, and what she is asked just now.
func (s *scaVisit) lookAtMeans() (err error) {
	if s.ended() || !s.mayGoOn() || s.j.Kind == kindLogin {
		return nil
	}
	if s.means, err = s.b.meansOf(s.r.Context(), s.v.who.ID); err != nil || s.j.State != stateCode {
		return err
	}
	s.asked, s.challenge, _, err = s.b.asked(s.r.Context(), s.j, s.v.who.Language)
	if errors.Is(err, errCodeOver) {
		err = nil
	}
	return err
}

// mayGoOn says whether the browser's customer is the one this journey needs.
func (s *scaVisit) mayGoOn() bool {
	return s.v.who != nil && len(s.accounts) > 0 && (s.j.State == stateOpen || s.j.Customer == s.v.who.ID)
}

// act does what a button asks. It returns the key of what to tell the customer when the
// page has to be shown again.
func (s *scaVisit) act(action string) (key string, err error) {
	ctx := s.r.Context()
	switch {
	case action == "refuse" && s.j.Signs != "" && !s.mayGoOn(): // whoever holds the page is none of those who sign
		return "", s.b.end(ctx, s.j, stateFailed, classUnsigned, textUnsigned, nil)
	case action == "refuse":
		return "", s.b.refuse(ctx, s.j)
	case action == "login":
		return s.logIn(ctx)
	case !s.mayGoOn():
		return "", nil // the session ended: the page shows the log-in
	case action == "approve" && s.j.State == stateOpen:
		return s.approve(ctx)
	case action == "resend" && s.j.State == stateCode:
		return told(s.b.sendCode(ctx, s.j, *s.v.who, s.asked.ID))
	case strings.HasPrefix(action, "by ") && s.j.State == stateCode:
		return told(s.b.sendCode(ctx, s.j, *s.v.who, strings.TrimPrefix(action, "by ")))
	case action == "answered" && s.j.State == stateCode: // on the phone, which we have not heard of
		return "method.wait", nil
	case action == "confirm" && s.j.State == stateCode:
		return told(s.b.confirm(ctx, s.j, plainCode(s.r.PostFormValue("code"))))
	case action == "passkey" && s.j.State == stateCode:
		key, err := told(s.b.confirm(ctx, s.j, s.r.PostFormValue("answer")))
		if key == "code.wrong" {
			key = "passkey.wrong"
		}
		return key, err
	}
	return "", nil
}

// told separates what a customer is told from what is a fault.
func told(err error) (key string, _ error) {
	switch {
	case errors.Is(err, errCodeWrong):
		return "code.wrong", nil
	case errors.Is(err, errCodeOver):
		return "code.over", nil
	case errors.Is(err, errCodesSent):
		return "code.nomore", nil
	case errors.Is(err, errMethod):
		return "method.unknown", nil
	case errors.Is(err, errNone):
		return "method.none", nil
	case errors.Is(err, errLocked):
		return "method.locked", nil
	case errors.Is(err, errCodeBlocked), errors.Is(err, ledger.ErrFunds):
		return "", nil // the journey has ended: its page says so
	}
	return "", err
}

func (s *scaVisit) logIn(ctx context.Context) (string, error) {
	c, err := s.b.authenticate(ctx, strings.TrimSpace(s.r.PostFormValue("login")), s.r.PostFormValue("password"))
	if errors.Is(err, errCredentials) {
		s.v.who = nil
		return "login.wrong", nil
	}
	if err != nil {
		return "", err
	}
	if err := s.b.logIn(s.w, s.r, s.v, c); err != nil || s.j.Kind != kindLogin {
		return "", err
	}
	// She was told who asks, and has shown who she is: to ask her once more would be a step that
	// only those have who come from a third party. Who was logged in before is asked.
	hers, _, err := s.b.offered(ctx, s.j, c.ID)
	if err != nil || len(hers) == 0 {
		return "", err
	}
	s.j.Customer = c.ID
	return "", s.b.allow(ctx, s.j)
}

// approve takes the customer's choice. A log-in is over then; all else needs a code.
func (s *scaVisit) approve(ctx context.Context) (string, error) {
	s.j.Customer = s.v.who.ID
	if s.j.Kind == kindLogin {
		return "", s.b.allow(ctx, s.j)
	}
	if s.j.Kind == kindBasket {
		return s.approveMembers(ctx)
	}
	if s.j.Kind == kindEnrol {
		return told(s.b.sendCode(ctx, s.j, *s.v.who, s.r.PostFormValue("method")))
	}
	chosen := s.choose()
	if len(chosen) == 0 {
		return "access.none", nil
	}
	if done, err := s.b.listNow(ctx, s.j, chosen); done || err != nil {
		return "", err
	}
	if s.j.Kind == kindPayment && s.payment.Service != servicePeriodic {
		// The money is looked at only now: before the customer is there, nobody may learn
		// from a rejected payment how much an account holds, unless the TPP asked just that.
		if debit, fee := s.b.cost(*s.payment, chosen[0].Currency); chosen[0].Spendable() < debit.Minor+fee.Minor {
			return "", s.b.end(ctx, s.j, stateFailed, classFunds, textFunds, new(false))
		}
	}
	return told(s.b.sendCode(ctx, s.j, *s.v.who, s.r.PostFormValue("method")))
}

// choose takes down which accounts the customer chose; none where that is not enough.
func (s *scaVisit) choose() []account {
	if s.j.Signs != "" { // who signed first has chosen
		return s.accounts
	}
	chosen := s.accounts
	if !s.fixed {
		wanted := s.r.PostForm["accounts"+s.part]
		chosen = slices.DeleteFunc(slices.Clone(s.accounts), func(a account) bool { return !slices.Contains(wanted, a.ID) })
	}
	if len(chosen) > 1 && (s.payment != nil || s.j.Kind == kindFunds) {
		chosen = chosen[:1]
	}
	s.j.Choice = nil
	for _, a := range chosen {
		c := choice{account: a.ID}
		if s.rights(a) {
			c.only = s.only(a)
		}
		s.j.Choice = append(s.j.Choice, c)
	}
	return chosen
}

// rights says whether there is something to choose about what is shown of a.
func (s *scaVisit) rights(a account) bool {
	if s.fixed || s.j.Kind != kindAccess && s.j.Kind != kindChange {
		return false
	}
	asked := s.j.Request.asked(a)
	return asked.Balances && asked.Transactions
}

// only reads what the customer limits a to. Anything else than a known word is no limit,
// as for a program that sends none.
func (s *scaVisit) only(a account) string {
	switch word := s.r.PostFormValue("rights" + s.part + "-" + a.ID); word {
	case onlyBalances, onlyTransactions:
		return word
	}
	return ""
}

// again leads the browser back to the journey's page by GET.
func (s *scaVisit) again() {
	http.Redirect(s.w, s.r, s.b.prefix+"/sca/"+s.j.ID, http.StatusSeeOther)
}

// showState shows the page that fits where the journey is. key names what went wrong.
func (s *scaVisit) showState(status int, key string) {
	j := s.j
	p := page{AppName: j.AppName, Error: key, CSRF: s.b.formToken(s.v, s.r.URL.Path), State: j.State, Login: s.r.PostFormValue("login")}
	if s.payment != nil {
		view, err := s.viewPayment(s.r.Context())
		if err != nil {
			s.b.fault(s.w, s.r, err)
			return
		}
		p.Payment = view
	}
	if len(s.members) > 0 && s.mayGoOn() {
		view, err := s.viewBasket()
		if err != nil {
			s.b.fault(s.w, s.r, err)
			return
		}
		p.Basket = view
	}
	if s.mayGoOn() && !s.ended() {
		var err error
		if p.Signers, err = s.viewSigners(); err != nil {
			s.b.fault(s.w, s.r, err)
			return
		}
	}
	switch {
	case s.strayed():
		s.showLogIn(status, key, p)
	case s.ended():
		if !j.over() || j.State == stateHeld && s.over() {
			p.State = "over"
		}
		p.ReturnTo, p.Title = s.wayBack(), "end."+p.State
		if j.State == stateUsed {
			p.State, p.Title, p.ReturnTo = stateDone, "end.done", s.b.baseURL+"/me"
		}
		// The way back of what was approved is only for who approved it: somebody else may have
		// begun it, have sent her the address of this page, and wait here to come back as her.
		if (j.State == stateDone || j.State == stateHeld) && (s.v.who == nil || s.v.who.ID != j.Customer) {
			p.ReturnTo = ""
		}
		if j.own() {
			p.AppName = s.b.name
			if p.State != stateDone {
				p.ReturnTo = s.b.baseURL + "/me"
			}
		}
		s.b.show(s.w, s.r, http.StatusOK, "end", p)
	case !s.mayGoOn():
		s.showLogIn(status, key, p)
	case j.State == stateCode:
		p.Title = "code.title"
		s.showMeans(&p)
		switch {
		case p.Passkey != "":
			p.Title = "passkey.use"
		case j.Kind == kindBasket:
			p.Bound = "code.boundBasket"
		case j.Kind == kindCancel:
			p.Bound = "code.boundCancel"
		case s.payment != nil && s.payment.Service == serviceBulk:
			p.Bound = "code.boundBulk"
		case s.payment != nil:
			p.Bound = "code.bound"
		}
		s.b.show(s.w, s.r, status, "code", p)
	default:
		s.showChoice(status, p)
	}
}

// showLogIn asks for the customer whom the journey needs.
func (s *scaVisit) showLogIn(status int, key string, p page) {
	p.Title, p.Text = "login.title", "login."+s.j.Kind
	if s.j.Kind == kindLogin {
		p.Text = "login.allowText"
	}
	if s.v.who != nil && key == "" {
		p.Error, p.ErrorOf = "login.other", s.v.who.Name
		if s.j.Signs != "" {
			p.Error = "sign.other"
		}
	}
	s.b.show(s.w, s.r, status, "login", p)
}

func (s *scaVisit) showChoice(status int, p page) {
	s.showMeans(&p)
	p.Fixed, p.Until, p.Button = s.fixed, dayIn(s.b.textsFor(s.r), s.j.Request.ValidUntil), "approve"
	switch s.j.Kind {
	case kindPayment:
		p.Title, p.Text, p.Single = "payment.title", "payment.text", true
		switch s.payment.Service {
		case serviceBulk:
			p.Title, p.Text = "payment.titleBulk", "payment.textBulk"
		case servicePeriodic:
			p.Title, p.Text = "payment.titlePlan", "payment.textPlan"
		}
	case kindCancel:
		p.Title, p.Text, p.Single, p.Button = "cancel.title", "cancel.text", true, "cancel.button"
		if s.payment.Service == servicePeriodic {
			p.Text = "cancel.textPlan"
		}
	case kindFunds:
		p.Title, p.Text, p.Card = "funds.title", "funds.text", s.j.Request.Card.in(s.b.textsFor(s.r))
	case kindBasket:
		p.Title, p.Text = "basket.title", "basket.text"
		s.b.show(s.w, s.r, status, "choose", p)
		return
	case kindAllow:
		p.Title, p.Text = "funds.title", "funds.text"
	case kindEnrol:
		p.Title, p.Text = "passkey.add", "passkey.allow"
		s.b.show(s.w, s.r, status, "choose", p)
		return
	case kindLogin:
		p.Title, p.Text, p.Button = "login.allowTitle", "login.allowText", "allow"
		s.b.show(s.w, s.r, status, "choose", p)
		return
	default:
		p.Title, p.Text = "access.title", "access.text"
		if s.j.Kind == kindChange {
			p.Title, p.Text = "change.title", "change.text"
		}
		if s.fixed {
			p.Title, p.Text = "access.titleAll", "access.all"
		}
		switch {
		case s.j.Signs != "":
			p.Title, p.Text = "sign.title", "sign.access"
		case s.j.Request.List != "":
			p.Text = "access.list." + string(s.j.Request.List)
		}
	}
	s.offer(&p)
	s.b.show(s.w, s.r, status, "choose", p)
}

// offer fills in the accounts that there are to choose from.
func (s *scaVisit) offer(p *page) {
	named := len(s.j.Request.named()) > 0 && s.j.Kind != kindChange
	ticked := s.r.PostForm["accounts"+s.part]
	for i, a := range s.accounts {
		c := accountChoice{ID: a.ID, Label: a.Shown(), Product: a.Product, Currency: a.Currency, Rights: s.rights(a), Checked: named || slices.Contains(ticked, a.ID)}
		if a.bundles() {
			c.Currency = ""
		}
		if before := slices.IndexFunc(s.j.Choice, func(c choice) bool { return c.account == a.ID }); s.r.Method == http.MethodPost {
			c.Only = s.only(a)
		} else if before >= 0 { // what the access covers until it is changed
			c.Checked, c.Only = true, s.j.Choice[before].only
		}
		if p.Single {
			c.Available, c.Checked = amountIn(s.b.textsFor(s.r), a.Available()), i == 0 && len(ticked) == 0 || slices.Contains(ticked, a.ID)
		}
		p.Accounts = append(p.Accounts, c)
	}
}
