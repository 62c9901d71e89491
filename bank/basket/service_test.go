package basket_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/basket"
	"kontor/bank/basket/basketsql"
	"kontor/bank/consent"
	"kontor/bank/consent/consentsql"
	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit/auditsql"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/secretbox"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// A desk is a Service on a real database, with real payments and consents, and a bank that
// does what the test says.
type desk struct {
	core.Bank // the rest of a bank is not asked
	*basket.Service
	auths *authorisation.Service
	audit auditsql.Log
	bank  profile.Bank
	tpp   tpp.TPP
	now   time.Time
	next  int

	handed []core.BasketOrder
	answer error                                      // of StartBasket
	loses  bool                                       // what StartBasket was given never arrives
	status func(session string) (*core.Update, error) // of PaymentStatus; nil: not offered
}

func (d *desk) StartBasket(_ context.Context, o core.BasketOrder) (*core.Update, error) {
	if !d.loses && !core.NotTaken(d.answer) {
		d.handed = append(d.handed, o)
	}
	if d.answer != nil {
		return nil, d.answer
	}
	return &core.Update{RedirectURL: "https://bank.example/sca/1"}, nil
}

func (d *desk) StartAccess(context.Context, core.AccessRequest) (*core.Update, error) {
	return nil, nil
}

func (d *desk) PaymentStatus(_ context.Context, session, _ string) (*core.Update, error) {
	if d.status == nil {
		return nil, core.ErrNotOffered
	}
	return d.status(session)
}

// got answers for a bank that took what is in d.handed, and knows nothing of SCA yet.
func (d *desk) got(session string) (*core.Update, error) {
	for _, o := range d.handed {
		if slices.ContainsFunc(o.Payments, func(p core.PaymentOrder) bool { return p.Session == session }) {
			return &core.Update{Status: "RCVD"}, nil
		}
	}
	return nil, core.ErrPaymentUnknown
}

func open(t *testing.T, db *sqldb.DB) *desk {
	keys, err := secretbox.Generate()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secretbox.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.Load("standard")
	if err != nil {
		t.Fatal(err)
	}
	p.FirstUpdateWait, p.Baskets = time.Millisecond, profile.Baskets{Enabled: true, Mixed: true, SizeMax: 5}
	d := &desk{
		now: time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC), tpp: tpp.TPP{ID: "PSDSI-BS-1234567", Name: "Plačilo d.o.o."},
		bank: profile.Bank{Code: "lon", Zone: time.UTC, Profile: p}, audit: auditsql.Log{DB: db},
	}
	clock := func() time.Time { return d.now }
	newID := func() string { d.next++; return fmt.Sprintf("id%03d", d.next) }
	cores, banks := map[string]core.Bank{"lon": d}, map[string]profile.Bank{"lon": d.bank}
	back := func(bank, key string) string { return "https://hub.example/return/" + bank + "/" + key }
	log := slog.New(slog.DiscardHandler)
	d.auths = &authorisation.Service{Store: authorisationsql.Store{DB: db}, Atomically: db.Atomically, Now: clock, NewID: newID}
	d.Service = &basket.Service{
		Store: basketsql.Store{DB: db}, Authorisations: d.auths, Cores: cores, Banks: banks, Audit: d.audit, Atomically: db.Atomically,
		ReturnURL: back, Now: clock, NewID: newID, Log: log,
		Payments: &payment.Service{
			Store: paymentsql.Store{DB: db}, Authorisations: d.auths, Cores: cores, Banks: banks, Audit: d.audit, Atomically: db.Atomically,
			ReturnURL: back, Now: clock, NewID: newID, Log: log,
		},
		Consents: &consent.Service{
			Store: consentsql.Store{DB: db, Box: box}, Authorisations: d.auths, Cores: cores, Banks: banks, Audit: d.audit, Atomically: db.Atomically,
			RevokeTokens: func(context.Context, string, string) error { return nil }, ReturnURL: back, Now: clock, NewID: newID, Log: log,
		},
	}
	d.auths.Subjects = map[authorisation.Kind]authorisation.Subject{
		authorisation.OfPayment: d.Payments, authorisation.OfConsent: d.Consents, authorisation.OfBasket: d.Service,
	}
	return d
}

func each(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Parallel()
	all := []fs.FS{auditsql.Migrations, authorisationsql.Migrations, paymentsql.Migrations, consentsql.Migrations, basketsql.Migrations}
	sqldbtest.Each(t, all, func(t *testing.T, db *sqldb.DB) { test(t, open(t, db)) })
}

// payment creates one whose SCA the TPP starts by itself.
func (d *desk) payment(t *testing.T) string {
	t.Helper()
	p, _, err := d.Payments.Create(t.Context(), d.bank, d.tpp, payment.Creation{
		Request: payment.Request{Service: "payments", Product: "sepa-credit-transfers", Order: core.Payment{
			DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, Amount: money.Amount{Minor: 1250, Currency: "EUR"},
			CreditorName: "Žiga Čebela", CreditorAccount: core.AccountReference{IBAN: "DE89370400440532013000"},
		}},
		Start: payment.Start{Explicit: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

func (d *desk) consent(t *testing.T) string {
	t.Helper()
	c, _, err := d.Consents.Create(t.Context(), d.bank, d.tpp, consent.Creation{Explicit: true, Request: consent.Request{
		Access: consent.Access{AllPSD2: consent.AllAccounts}, Recurring: true, ValidUntil: day.New(2026, 5, 1), FrequencyPerDay: 4,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func (d *desk) basket(t *testing.T, payments, consents []string) basket.Basket {
	t.Helper()
	k, err := d.Create(t.Context(), d.bank, d.tpp, basket.Creation{Request: basket.Request{Payments: payments, Consents: consents}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (d *desk) start(t *testing.T, id string) authorisation.Authorisation {
	t.Helper()
	a, err := d.StartAuthorisation(t.Context(), d.bank, d.tpp, id, payment.Start{RedirectURI: "https://tpp.example/back"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// states tells how everything stands: the basket, its payments, its consents.
func (d *desk) states(t *testing.T, k basket.Basket) string {
	t.Helper()
	k, err := d.Get(t.Context(), d.bank, d.tpp.ID, k.ID)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{string(k.Status)}
	for _, id := range k.Payments {
		p, err := d.Payments.Status(t.Context(), d.bank, d.tpp.ID, "payments", "sepa-credit-transfers", id)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(p.Status))
	}
	for _, id := range k.Consents {
		c, err := d.Consents.Get(t.Context(), "lon", d.tpp.ID, id)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(c.Status))
	}
	return strings.Join(all, " ")
}

func (d *desk) want(t *testing.T, k basket.Basket, want string) {
	t.Helper()
	if got := d.states(t, k); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

// sweep does what the hub does all the time.
func (d *desk) sweep(t *testing.T) {
	t.Helper()
	_, err := d.auths.Sweep(t.Context())
	if err := errors.Join(err, d.Sweep(t.Context()), d.Payments.Sweep(t.Context(), "lon")); err != nil {
		t.Fatal(err)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reports lets the bank report of each member of the last basket that it was handed.
func (d *desk) reports(t *testing.T) {
	t.Helper()
	o := d.handed[len(d.handed)-1]
	for _, p := range o.Payments {
		ok(t, d.auths.Success(t.Context(), "lon", core.Success{Session: p.Session, UserID: "psu-7"}))
	}
	for _, a := range o.Accesses {
		ok(t, d.auths.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "psu-7", Token: "token-" + a.ConsentID}))
	}
}

func TestOneSCAForAll(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first bool // the bank reports of the members first
	}{{"members report after the basket", false}, {"members report before it", true}} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, d *desk) {
				k := d.basket(t, []string{d.payment(t), d.payment(t)}, []string{d.consent(t)})
				d.want(t, k, "RCVD RCVD RCVD received")
				a := d.start(t, k.ID)
				if len(d.handed) != 1 || len(d.handed[0].Payments) != 2 || len(d.handed[0].Accesses) != 1 || d.handed[0].Session != a.Session || a.BankURL == "" {
					t.Fatalf("the bank got %+v", d.handed)
				}
				ok(t, d.auths.Update(t.Context(), "lon", core.Update{Session: a.Session, Status: "PATC"}))
				d.want(t, k, "PATC RCVD RCVD received")
				success := func() {
					ok(t, d.auths.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "psu-7"}))
				}
				if !tt.first {
					success()
					d.want(t, k, "ACTC RCVD RCVD received")
				}
				d.reports(t)
				if tt.first {
					d.want(t, k, "PATC ACSC ACSC valid")
					success()
				}
				d.want(t, k, "ACSC ACSC ACSC valid") // as it reads
				d.sweep(t)
				if stored, err := d.Store.Get(t.Context(), "lon", k.ID); stored.Status != basket.Settled || err != nil {
					t.Errorf("stored is %s, %v", stored.Status, err)
				}
			})
		})
	}
}

func TestAnEndOfTheBasketIsThatOfItsMembers(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, d *desk, a authorisation.Authorisation)
		want string
	}{
		{"the PSU refuses", func(t *testing.T, d *desk, a authorisation.Authorisation) {
			ok(t, d.auths.Fail(t.Context(), "lon", core.Fail{Session: a.Session, Class: "AccessDenied"}))
		}, "RJCT RJCT rejected"},
		{"the bank cancels", func(t *testing.T, d *desk, a authorisation.Authorisation) {
			ok(t, d.auths.Fail(t.Context(), "lon", core.Fail{Session: a.Session, Class: "AccessDenied", Status: "CANC"}))
		}, "CANC CANC rejected"},
		{"the bank fails: the consent can be authorised alone", func(t *testing.T, d *desk, a authorisation.Authorisation) {
			ok(t, d.auths.Fail(t.Context(), "lon", core.Fail{Session: a.Session, Class: "InternalProviderError"}))
			id := d.handed[0].Accesses[0].ConsentID
			if c, err := d.Consents.Store.Get(t.Context(), "lon", id); c.Basket != "" || err != nil {
				t.Errorf("the consent is still in %q, %v", c.Basket, err)
			}
		}, "RJCT RJCT received"},
		{"the PSU forgets", func(t *testing.T, d *desk, _ authorisation.Authorisation) {
			d.now = d.now.Add(d.bank.SCATimeout)
			d.sweep(t)
		}, "RJCT RJCT received"},
		{"one member fails alone", func(t *testing.T, d *desk, a authorisation.Authorisation) {
			ok(t, d.auths.Fail(t.Context(), "lon", core.Fail{Session: d.handed[0].Payments[0].Session, Class: "NoFunds", Status: "RJCT"}))
			ok(t, d.auths.Success(t.Context(), "lon", core.Success{Session: a.Session}))
			ok(t, d.auths.Success(t.Context(), "lon", core.Success{Session: d.handed[0].Accesses[0].Session, UserID: "psu-7", Token: "t"}))
		}, "ACSC RJCT valid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, d *desk) {
				k := d.basket(t, []string{d.payment(t)}, []string{d.consent(t)})
				a := d.start(t, k.ID)
				tt.end(t, d, a)
				d.want(t, k, tt.want)
				d.sweep(t)
				d.want(t, k, tt.want)
			})
		})
	}
}

// Whatever becomes of the hand-over, nothing is handed over twice, and nothing is stuck.
func TestHandingOver(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.status = d.got
		k := d.basket(t, []string{d.payment(t)}, []string{d.consent(t)})
		start := func() error {
			_, err := d.StartAuthorisation(t.Context(), d.bank, d.tpp, k.ID, payment.Start{})
			return err
		}
		d.answer = core.ErrUnavailable
		if err := start(); !errors.Is(err, core.ErrUnavailable) {
			t.Fatalf("away: got %v", err)
		}
		d.want(t, k, "RCVD RCVD received")
		d.answer, d.loses = core.ErrUnknownOutcome, true
		ok(t, start())
		if err := start(); !errors.Is(err, basket.ErrStatus) {
			t.Errorf("while it is on its way: got %v", err)
		}
		d.sweep(t) // too soon to ask
		if err := start(); !errors.Is(err, basket.ErrStatus) {
			t.Errorf("too soon: got %v", err)
		}
		d.now = d.now.Add(time.Minute)
		d.sweep(t)
		d.want(t, k, "RCVD RCVD received")
		d.loses = false
		ok(t, start()) // it arrives, and the answer is lost
		d.now = d.now.Add(time.Minute)
		d.sweep(t)
		if err := start(); !errors.Is(err, basket.ErrStatus) || len(d.handed) != 1 {
			t.Errorf("after it arrived: got %v; the bank has %d", err, len(d.handed))
		}
		d.reports(t)
		ok(t, d.auths.Success(t.Context(), "lon", core.Success{Session: d.handed[0].Session}))
		d.want(t, k, "ACSC ACSC valid")
	})
}

// A success that is lost on its way is found out about, and one that is late counts.
func TestLostSuccess(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		k := d.basket(t, []string{d.payment(t)}, nil)
		d.start(t, k.ID)
		d.status = func(string) (*core.Update, error) { return &core.Update{Status: "ACSC", SCAStatus: "finalised"}, nil }
		d.now = d.now.Add(d.bank.SCATimeout)
		d.sweep(t)
		d.want(t, k, "ACSC ACSC")

		d.status = nil // a bank that does not tell is believed when it comes late
		k = d.basket(t, []string{d.payment(t)}, nil)
		a := d.start(t, k.ID)
		d.now = d.now.Add(d.bank.SCATimeout)
		d.sweep(t)
		d.want(t, k, "RJCT RJCT")
		ok(t, d.auths.Success(t.Context(), "lon", core.Success{Session: a.Session}))
		d.reports(t)
		d.want(t, k, "ACSC ACSC")
	})
}

func TestABankThatRefusesFreesTheMembers(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		p, c := d.payment(t), d.consent(t)
		k := d.basket(t, []string{p}, []string{c})
		d.answer = core.ErrRefused
		if _, err := d.StartAuthorisation(t.Context(), d.bank, d.tpp, k.ID, payment.Start{}); !errors.Is(err, core.ErrRefused) {
			t.Fatalf("got %v", err)
		}
		d.want(t, k, "RJCT RCVD received")
		d.answer = nil
		d.basket(t, []string{p}, []string{c})
	})
}
