package corebank

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// A basket's members leave to it what it says for all of them; the SDK has filled that in.
func (w *world) basket(members ...any) wire.BasketCreate {
	r := wire.BasketCreate{SessionSecret: wire.String(rand.Text()), ProviderCode: "lon", AppName: "Zlatka Pay", RedirectURL: hubReturn, BasketIdentification: 1}
	for _, m := range members {
		switch m := m.(type) {
		case wire.PaymentCreate:
			r.Payments = append(r.Payments, m)
		case wire.Access:
			a := accessRequest(m)
			a.SessionSecret, a.AppName = wire.String(rand.Text()), r.AppName
			r.Accesses = append(r.Accesses, wire.AccessCreate{TokenCreate: a, ConsentIdentification: 2})
		}
	}
	return r
}

// radio is a field of the page by which an account is chosen for a member.
var radio = regexp.MustCompile(`name="(accounts-[A-Z0-9]+)" value="([^"]+)"`)

// first chooses the first account on offer for every member that has something to choose.
func (b *browser) first() (fields []string) {
	seen := map[string]bool{}
	for _, m := range radio.FindAllStringSubmatch(b.body, -1) {
		if !seen[m[1]] {
			seen[m[1]] = true
			fields = append(fields, m[1], m[2])
		}
	}
	return fields
}

// of lists what the hub heard of one session, oldest first.
func (h *hub) of(session wire.String) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.sessions[session], ", ")
}

func TestBasket(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		ana, luka := w.booked("ana-current"), w.booked("luka-current")
		named := w.order("12.50")
		free := w.order("3.25", func(p *wire.PaymentCreate) { p.Payment.DebtorAccount = nil })
		later := w.order("7.00", func(p *wire.PaymentCreate) { p.Payment.RequestedExecutionDate = "2026-11-27" })
		series := w.order("2.00", func(p *wire.PaymentCreate) {
			p.PaymentService, p.Periodic = servicePeriodic, &wire.PeriodicDue{StartDate: "2026-12-01", Frequency: "Monthly"}
		})
		bulk := w.bulk(true, one(1, "1.00", ibanOf["luka"]), one(2, "2.00", "DE00"))
		r := w.basket(named, free, later, series, bulk, offered())
		w.do(w.c.StartBasket(ctx, r))
		w.do(w.c.StartBasket(ctx, r)) // repeated by a hub that did not hear us
		if got := w.hub.of(r.SessionSecret); got != "update RCVD received" {
			t.Fatal(got)
		}
		if got := w.hub.of(named.SessionSecret); got != "" {
			t.Errorf("a member was invited by itself: %s", got)
		}
		if e := w.status(free.SessionSecret); e.Status != "RCVD" || e.SCAStatus != "received" || string(e.RedirectURL) != w.page() {
			t.Errorf("%+v", e)
		}
		page := w.page()
		b := w.browser().open(page).sees("Zlatka Pay hands over payments and asks for access")
		b.logIn("luka").sees("You are logged in as Luka Zupan") // he cannot approve all of it
		b.logIn("ana").sees("Approve several things at once", `<dd class="count">5</dd>`, "25.75 EUR", "12.50 EUR", "3.25 EUR", "7.00 EUR", "every month", "2.00 EUR",
			"one, because something is wrong with it", "Luka Zupan", "Access 1", "Until 2027-01-31", "Osebni račun")
		b.submit("approve").sees("Choose at least one account")
		b.submit("approve", b.first()...).sees("Enter the code", "25.75 EUR", "only good for exactly these payments and accesses", "12.50 EUR", "Access 1", "Osebni račun")
		if text := w.message("ana"); !strings.Contains(text, "Zlatka Pay prosi za odobritev: 5 plačil, skupaj 25,75 EUR, in 1 dostop") {
			t.Error(text)
		}
		b.submit("confirm", "code", w.code("ana")).sees("Done", "Returning you to")
		for session, want := range map[wire.String]string{
			r.SessionSecret:             "update RCVD received, update finalised, success",
			named.SessionSecret:         "update ACTC finalised funds, success, update ACSC",
			free.SessionSecret:          "update ACTC finalised funds, success, update ACSC",
			later.SessionSecret:         "update ACTC finalised funds, success",
			series.SessionSecret:        "update ACTC finalised funds, success, update ACSP",
			bulk.SessionSecret:          "update RCVD, update ACTC finalised funds, success, update ACSP, update PART",
			r.Accesses[0].SessionSecret: "success",
		} {
			if got := w.hub.of(session); got != want {
				t.Errorf("heard %s; want %s", got, want)
			}
		}
		if ana-w.booked("ana-current") != 1675 || w.booked("luka-current")-luka != 1675 {
			t.Error(ana-w.booked("ana-current"), w.booked("luka-current")-luka)
		}
		token := string(w.hub.tokens[r.Accesses[0].SessionSecret])
		accounts, err := w.c.Accounts(ctx, token)
		w.do(err)
		if len(accounts) != 1 || accounts[0].ID != "ana-current" {
			t.Errorf("%+v", accounts)
		}
		// What waits for its day is executed then, as it is alone.
		w.pass(7 * 24 * time.Hour)
		w.do(w.bank.work(ctx, false))
		const ordered = 4200 // by a standing order of hers, which is due in these days
		if got := w.hub.of(later.SessionSecret); !strings.HasSuffix(got, "success, update ACSC") || ana-w.booked("ana-current") != 2375+ordered {
			t.Error(got, ana-w.booked("ana-current"))
		}
		b.open(page).sees("Done")
	})
}

func TestABasketThatComesToNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ana := w.booked("ana-current")
		for name, end := range map[string]func(b *browser){
			"its customer refuses": func(b *browser) { b.submit("refuse").sees("You refused") },
			"three codes are wrong": func(b *browser) {
				b.submit("approve", b.first()...)
				for range triesMax {
					b.submit("confirm", "code", wrongCode(w.code("ana")))
				}
				b.sees("It could not be done")
			},
		} {
			p := w.order("5.00")
			r := w.basket(p, offered())
			w.do(w.c.StartBasket(t.Context(), r))
			end(w.browser().open(w.page()).logIn("ana"))
			if got := w.hub.of(r.SessionSecret); got != "update RCVD received, fail RJCT AccessDenied" {
				t.Errorf("%s: %s", name, got)
			}
			if got := w.hub.of(p.SessionSecret) + w.hub.of(r.Accesses[0].SessionSecret); got != "" {
				t.Errorf("%s: a member was reported: %s", name, got)
			}
			if e := w.status(p.SessionSecret); e.Status != "RJCT" || e.SCAStatus != "failed" {
				t.Errorf("%s: %+v", name, e)
			}
		}
		p := w.order("5.00")
		w.do(w.c.StartBasket(t.Context(), w.basket(p)))
		w.pass(journeyFor)
		w.browser().open(w.page()).sees("The time is up")
		if e := w.status(p.SessionSecret); e.Status != "RJCT" || e.ErrorClass != "SessionExpired" {
			t.Errorf("%+v", e)
		}
		w.do(w.bank.work(t.Context(), false))
		if w.booked("ana-current") != ana {
			t.Error("something was paid")
		}
	})
}

// One member without cover is rejected; the others go on.
func TestOneOfABasketWithoutFunds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ana := w.booked("ana-current")
		first, dear, last := w.order("1.00"), w.order("900000.00"), w.order("2.00")
		told := w.order("900000.00", func(p *wire.PaymentCreate) { p.RejectNoFunds = true })
		wrong := w.order("0.00")
		r := w.basket(first, dear, told, wrong, last)
		w.do(w.c.StartBasket(t.Context(), r))
		if got := w.hub.of(told.SessionSecret); got != "update RCVD no funds, fail RJCT InsufficientFunds" {
			t.Error(got)
		}
		if got := w.hub.of(wrong.SessionSecret); got != "fail RJCT InvalidAttributeValue" {
			t.Error(got)
		}
		b := w.browser().open(w.page()).logIn("ana").sees(`<dd class="count">3</dd>`, "900,003.00 EUR")
		b.submit("approve").submit("confirm", "code", w.code("ana")).sees("Done")
		if got := w.hub.of(dear.SessionSecret); got != "update RCVD no funds, fail RJCT InsufficientFunds" {
			t.Error(got)
		}
		if e := w.status(dear.SessionSecret); e.Status != "RJCT" || e.ErrorClass != classFunds {
			t.Errorf("%+v", e)
		}
		if got := w.hub.of(r.SessionSecret); got != "update RCVD received, update finalised, success" || ana-w.booked("ana-current") != 300 {
			t.Error(got, ana-w.booked("ana-current"))
		}
		// Of a basket in which everything is wrong nobody is asked.
		wrong.SessionSecret = wire.String(rand.Text())
		r = w.basket(wrong)
		w.do(w.c.StartBasket(t.Context(), r))
		if got := w.hub.of(r.SessionSecret); got != "fail RJCT InvalidAttributeValue" {
			t.Error(got)
		}
	})
}

// What is changed, added or removed after the code was sent makes the code worthless.
func TestACodeIsForTheWholeBasket(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		exec := func(query string, args ...any) {
			t.Helper()
			if n, err := w.bank.db.Exec(t.Context(), query, args...); err != nil || n == 0 {
				t.Fatal(n, err)
			}
		}
		var first, second wire.PaymentCreate
		var r wire.BasketCreate
		changes := map[string]func(){
			"nothing": func() {},
			"an amount": func() {
				exec(`UPDATE corebank_payment SET amount = 1 WHERE id = (SELECT id FROM corebank_journey WHERE session_secret = $1)`, string(second.SessionSecret))
			},
			"a currency": func() {
				exec(`UPDATE corebank_payment SET currency = 'RON' WHERE id = (SELECT id FROM corebank_journey WHERE session_secret = $1)`, string(second.SessionSecret))
			},
			"a payee": func() {
				exec(`UPDATE corebank_payment SET creditor_iban = $2 WHERE id = (SELECT id FROM corebank_journey WHERE session_secret = $1)`, string(second.SessionSecret), elsewhere)
			},
			"a payee's name": func() {
				exec(`UPDATE corebank_payment SET creditor_name = 'Mallory' WHERE id = (SELECT id FROM corebank_journey WHERE session_secret = $1)`, string(second.SessionSecret))
			},
			"a payer": func() {
				exec(`UPDATE corebank_payment SET debtor = 'luka-current' WHERE id = (SELECT id FROM corebank_journey WHERE session_secret = $1)`, string(second.SessionSecret))
			},
			"what is seen": func() {
				exec(`UPDATE corebank_journey SET choice = 'ana-current,ana-savings' WHERE session_secret = $1`, string(r.Accesses[0].SessionSecret))
			},
			"until when": func() {
				exec(`UPDATE corebank_journey SET request = REPLACE(request, '2027', '2028') WHERE session_secret = $1`, string(r.Accesses[0].SessionSecret))
			},
			"their order": func() {
				exec(`UPDATE corebank_journey SET place = 9 WHERE session_secret = $1`, string(first.SessionSecret))
			},
			"a member is gone": func() {
				exec(`UPDATE corebank_journey SET basket = '' WHERE session_secret = $1`, string(second.SessionSecret))
			},
			"a member is cancelled by itself": func() {
				w.do(w.c.CancelPayment(t.Context(), wire.PaymentCancel{SessionSecret: wire.String(rand.Text()), PaymentSession: second.SessionSecret, PaymentIdentification: 1, AppName: "Zlatka Pay", RedirectURL: hubReturn}))
			},
			"a member more": func() {
				exec(`INSERT INTO corebank_journey (bank, id, session_secret, kind, state, app_name, redirect_url, request, customer, bound, choice, created_at, expires_at, basket, place)
					SELECT bank, id || 'x', session_secret || 'x', kind, state, app_name, redirect_url, request, customer, bound, choice, created_at, expires_at, basket, 7 FROM corebank_journey WHERE session_secret = $1`,
					string(r.Accesses[0].SessionSecret))
			},
		}
		for _, name := range slices.Sorted(maps.Keys(changes)) {
			w.do(w.bank.Unlock(t.Context(), "ana")) // five wrong codes in a row would lock her methods
			first, second = w.order("5.00"), w.order("6.00")
			r = w.basket(first, second, offered())
			w.do(w.c.StartBasket(t.Context(), r))
			b := w.browser().open(w.page()).logIn("ana")
			b.submit("approve", b.first()...).sees("Enter the code")
			code := w.code("ana")
			changes[name]()
			b.submit("confirm", "code", code)
			if got := w.hub.of(r.SessionSecret) + w.hub.of(first.SessionSecret); strings.Contains(got, "success") != (name == "nothing") || strings.Contains(b.body, "<h1>Done") != (name == "nothing") {
				t.Errorf("%s: the code was good, or not: %s", name, got)
			}
			w.do(w.bank.work(t.Context(), false))
			b.submit("refuse")
		}
	})
}

func TestTheLastMemberEndsItsBasket(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := w.order("5.00")
		r := w.basket(p)
		w.do(w.c.StartBasket(t.Context(), r))
		w.do(w.c.CancelPayment(t.Context(), wire.PaymentCancel{SessionSecret: "c1", PaymentSession: p.SessionSecret, PaymentIdentification: 1, AppName: "Zlatka Pay", RedirectURL: hubReturn}))
		if got := w.hub.of(r.SessionSecret); got != "update RCVD received, fail RJCT PaymentCancelled" {
			t.Error(got)
		}
		if got := w.hub.of(p.SessionSecret); got != "fail CANC PaymentCancelled" {
			t.Error(got)
		}
	})
}

func TestBasketsThatAreRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		never := w.order("1.00")
		if _, err := w.c.PaymentStatus(t.Context(), wire.PaymentQuery{SessionSecret: never.SessionSecret, PaymentIdentification: 1}); !errors.Is(err, sdk.ErrPaymentUnknown) {
			t.Fatal(err)
		}
		known := w.order("1.00")
		w.do(w.c.StartPayment(t.Context(), known))
		late := w.basket(offered())
		late.Accesses[0].ValidUntil = "2026-11-19"
		foreign := w.basket(w.order("1.00"))
		foreign.UserID = "4711"
		many := make([]any, basketMax+1)
		for i := range many {
			many[i] = w.order("1.00")
		}
		beside := w.order("1.00")
		for name, r := range map[string]wire.BasketCreate{
			"a member that the hub was told never to have been": w.basket(beside, never),
			"a member that came alone before":                   w.basket(beside, known),
			"an access that is over":                            late,
			"a user that nobody is":                             foreign,
			"too many members":                                  w.basket(many...),
			"nothing":                                           w.basket(),
		} {
			if err := w.c.StartBasket(t.Context(), r); !errors.Is(err, sdk.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
			if got := w.hub.of(r.SessionSecret); got != "" {
				t.Errorf("%s: %s", name, got)
			}
		}
		// Nothing of what was refused was kept.
		if _, err := w.c.PaymentStatus(t.Context(), wire.PaymentQuery{SessionSecret: beside.SessionSecret, PaymentIdentification: 1}); !errors.Is(err, sdk.ErrPaymentUnknown) {
			t.Error(err)
		}
	})
}

// A member has no page on which it could be approved without the others.
func TestAMemberIsNotApprovedAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := w.order("5.00")
		w.do(w.c.StartBasket(t.Context(), w.basket(p, w.order("6.00"))))
		var id string
		w.do(w.bank.db.QueryRow(t.Context(), `SELECT id FROM corebank_journey WHERE session_secret = $1`, string(p.SessionSecret)).Scan(&id))
		if b := w.browser().open(w.url + "/sca/" + id); b.status != 404 {
			t.Errorf("%d: %s", b.status, b.body)
		}
	})
}

// What a process that died did not do is done by the next one, once.
func TestABasketIsFinishedLater(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		ana := w.booked("ana-current")
		var members []any
		for i := range 5 {
			members = append(members, w.order(fmt.Sprintf("%d.00", i+1)))
		}
		r := w.basket(append(members, offered())...)
		w.do(w.c.StartBasket(ctx, r))
		b := w.browser().open(w.page()).logIn("ana")
		b.submit("approve", b.first()...)
		j, err := scanJourney(w.bank.db.QueryRow(ctx, selectJourney+`session_secret = $2`, "lon", string(r.SessionSecret)))
		w.do(err)
		// As if the process had died right after the approval.
		w.do(w.bank.write(ctx, func(tx *sqldb.Tx, out *reports) error { return w.bank.complete(tx, out, j, payment{}, stateCode) }))
		if e := w.status(r.Payments[0].SessionSecret); e.Status != "RCVD" || e.SCAStatus != "finalised" || e.RedirectURL != "" {
			t.Errorf("%+v", e)
		}
		if w.booked("ana-current") != ana {
			t.Fatal("it was done at once")
		}
		w.pass(time.Hour) // the session is long over: what was approved is done all the same
		done := make(chan error, 4)
		for range cap(done) {
			go func() { done <- w.bank.work(ctx, false) }()
		}
		for range cap(done) {
			w.do(<-done)
		}
		if ana-w.booked("ana-current") != 1500 {
			t.Error(ana - w.booked("ana-current"))
		}
		for _, p := range r.Payments {
			if got := w.hub.of(p.SessionSecret); got != "update ACTC finalised funds, success, update ACSC" {
				t.Error(got)
			}
		}
		// Whoever was about to do a member that is done does nothing.
		for _, session := range []wire.String{r.Payments[0].SessionSecret, r.Accesses[0].SessionSecret} {
			j, err := scanJourney(w.bank.db.QueryRow(ctx, selectJourney+`session_secret = $2`, "lon", string(session)))
			w.do(err)
			w.do(w.bank.doMember(ctx, j.ID, false))
		}
		if got := w.hub.of(r.Accesses[0].SessionSecret); got != "success" {
			t.Error(got)
		}
		if e := w.status(r.Payments[0].SessionSecret); e.Status != "ACSC" || e.SCAStatus != "finalised" {
			t.Errorf("%+v", e)
		}
	})
}
