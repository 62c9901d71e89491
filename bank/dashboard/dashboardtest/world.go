package dashboardtest

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/dashboard"
	"kontor/bank/dashboard/dashboardsql"
	"kontor/bank/funds/fundssql"
	"kontor/bank/journey"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// Migrations are those that a World needs.
var Migrations = slices.Concat(consenttest.Migrations, []fs.FS{paymentsql.Migrations, dashboardsql.Migrations, fundssql.Migrations})

// A World is the real dashboard over real consents and payments on a real database, with a bank
// in memory that logs in whomever a test says.
type World struct {
	*consenttest.World
	Dashboard *dashboard.Service
	t         testing.TB
	began     string // the session of the last log-in or cancellation
}

// bank adds log-ins and cancellations to one that has none.
type bank struct {
	*consenttest.Bank
	w *World
}

func (b bank) StartLogin(_ context.Context, r core.LoginRequest) (*core.Update, error) {
	b.w.began = r.Session
	return &core.Update{RedirectURL: "https://bank.example/login/" + r.Session}, nil
}

func (b bank) CancelPayment(_ context.Context, r core.Cancellation) (*core.Update, error) {
	b.w.began = r.Session
	return &core.Update{RedirectURL: "https://bank.example/cancel/" + r.Session}, nil
}

// NewWorld opens a World on an empty migrated database.
func NewWorld(t testing.TB, db *sqldb.DB) *World {
	t.Helper()
	c := consenttest.NewWorld(t, db)
	w := &World{World: c, t: t}
	c.Cores["lon"] = bank{c.Bank, w}
	payments := &payment.Service{
		Store: paymentsql.Store{DB: db}, Authorisations: c.Authorisations, Cores: c.Cores, Banks: c.Banks, Audit: c.Audit, Atomically: db.Atomically,
		ReturnURL: c.ReturnURL, Now: c.Now, NewID: c.NewID, Log: c.Log,
	}
	c.Authorisations.Subjects = map[authorisation.Kind]authorisation.Subject{
		authorisation.OfConsent: c.Service, authorisation.OfPayment: payments, authorisation.OfCancellation: payments, authorisation.OfLogin: journey.Logins{},
	}
	w.Dashboard = &dashboard.Service{
		Sessions: dashboardsql.Store{DB: db}, Consents: c.Service, Payments: payments, Answers: fundssql.Store{DB: db}, Authorisations: c.Authorisations,
		Cores: c.Cores, Banks: c.Banks, Audit: c.Audit, Record: c.Audit, Atomically: db.Atomically, ReturnURL: c.ReturnURL, Now: c.Now, NewID: c.NewID,
	}
	return w
}

// LogsIn has the bank say that psu has logged in, or has approved what it was last asked for.
func (w *World) LogsIn(psu string) {
	w.t.Helper()
	if err := w.Authorisations.Success(w.t.Context(), "lon", core.Success{Session: w.began, UserID: psu}); err != nil {
		w.t.Fatal(err)
	}
}

// Gives stores a consent of psu's.
func (w *World) Gives(psu, id string, change func(*consent.Consent)) consent.Consent {
	w.t.Helper()
	now := w.Now()
	c := consenttest.Sample()
	c.Bank, c.ID, c.PSU, c.TPP, c.TPPName, c.Token, c.Session = "lon", id, psu, consenttest.AISP.ID, consenttest.AISP.Name, "token-"+id, "session-"+id
	c.Status, c.Recurring, c.CreatedAt, c.AuthorisedAt, c.RequestID = consent.Valid, true, now, now, "request-"+id
	c.ValidUntil = day.Of(now, time.UTC).AddDays(60)
	c.ExpiresAt, c.OneOffEnd, c.Basket = c.ValidUntil.AddDays(1).Start(time.UTC), time.Time{}, ""
	if change != nil {
		change(&c)
	}
	if err := w.Dashboard.Consents.Store.Create(w.t.Context(), c); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// Orders stores a series of psu's, which the bank has taken.
func (w *World) Orders(psu, id string, change func(*payment.Payment)) payment.Payment {
	w.t.Helper()
	now := w.Now()
	p := payment.Payment{
		Bank: "lon", ID: id, TPP: consenttest.AISP.ID, TPPName: consenttest.AISP.Name, PSU: psu, Service: payment.Periodic, Product: "sepa-credit-transfers",
		Order: core.Payment{
			DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, Amount: money.Amount{Minor: 123450, Currency: "EUR"},
			CreditorName: "Zavod Zimzelen", CreditorAccount: core.AccountReference{IBAN: "DE89370400440532013000"},
		},
		Periodic: &core.Periodic{StartDate: day.Of(now, time.UTC).AddDays(3), Frequency: "Monthly"},
		Status:   payment.TechnicallyAccepted, Hand: payment.Taken, Session: "session-" + id, RequestID: fmt.Sprint("request-", id), CreatedAt: now,
	}
	if change != nil {
		change(&p)
	}
	if err := w.Dashboard.Payments.Store.Create(w.t.Context(), p, now.Add(-time.Hour)); err != nil {
		w.t.Fatal(err)
	}
	return p
}
