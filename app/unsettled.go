package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"kontor/bank/notify"
	"kontor/bank/notify/notifysql"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// Unsettled is what a bank's staff has to know of: what Kontor cannot find out or do by
// itself. It holds nothing of a PSU.
type Unsettled struct {
	Payments      []UnknownPayment    `json:"payments"`
	Notifications []FailingNotice     `json:"notifications"`
	Totals        map[string]Unsolved `json:"totals"` // by bank code; every bank that was looked at
}

// Unsolved counts what is unsettled at one bank.
type Unsolved struct {
	Payments      int `json:"payments"`
	Notifications int `json:"notifications"`
}

// An UnknownPayment is one of which nobody knows whether its bank took it.
type UnknownPayment struct {
	Bank    string         `json:"bank"`
	Payment string         `json:"paymentId"`
	AtBank  int64          `json:"paymentIdentification"` // its name in the connector protocol
	Service string         `json:"paymentService"`
	Product string         `json:"paymentProduct"`
	Status  payment.Status `json:"transactionStatus"` // what its TPP reads
	TPP     string         `json:"tpp"`
	Since   time.Time      `json:"since"` // when it was handed over
}

// A FailingNotice is a notification that its TPP did not take.
type FailingNotice struct {
	Bank     string      `json:"bank"`
	Kind     notify.Kind `json:"kind"`
	Resource string      `json:"resourceId"`
	Serial   int64       `json:"serial"`
	TPP      string      `json:"tpp"`
	Since    time.Time   `json:"since"` // when there was something to tell
	Attempts int         `json:"attempts"`
	Next     time.Time   `json:"nextAttempt,omitzero"` // zero: it was given up
	GivenUp  time.Time   `json:"givenUp,omitzero"`
	Failure  string      `json:"failure"` // of the last attempt
}

// IsZero says whether there is nothing to do.
func (u Unsettled) IsZero() bool { return len(u.Payments) == 0 && len(u.Notifications) == 0 }

// FindUnsettled looks in cfg's database, at the bank with code only or, where that is "", at
// all of them. Notifications that were given up before since are left out: their TPPs have
// long asked by themselves. It changes nothing, and may run beside a hub that serves.
func FindUnsettled(ctx context.Context, cfg Config, code string, since time.Time) (Unsettled, error) {
	if err := cfg.Check(); err != nil {
		return Unsettled{}, err
	}
	codes := cfg.bankCodes()
	if code != "" {
		if !slices.Contains(codes, code) {
			return Unsettled{}, fmt.Errorf("bank %s: there is none in the configuration", code)
		}
		codes = []string{code}
	}
	dsn, err := cfg.dsn()
	if err != nil {
		return Unsettled{}, fmt.Errorf("database: %w", err)
	}
	if err := databaseExists(dsn); err != nil {
		return Unsettled{}, fmt.Errorf("database: %w", err)
	}
	db, err := sqldb.Open(ctx, dsn)
	if err != nil {
		return Unsettled{}, fmt.Errorf("database: %w", err)
	}
	if err = migrated(ctx, db); err != nil {
		return Unsettled{}, errors.Join(fmt.Errorf("database: %w", err), db.Close())
	}
	found, err := unsettled(ctx, db, cfg.clock(), codes, since)
	return found, errors.Join(err, db.Close())
}

// unsettled looks at the banks with codes.
func unsettled(ctx context.Context, db *sqldb.DB, now func() time.Time, codes []string, since time.Time) (Unsettled, error) {
	const page, noticesMax = 500, 10_000
	u := Unsettled{Payments: []UnknownPayment{}, Notifications: []FailingNotice{}, Totals: map[string]Unsolved{}}
	payments := payment.Service{Store: paymentsql.Store{DB: db}, Now: now}
	notices := notify.Service{Store: notifysql.Store{DB: db}}
	for _, code := range codes {
		var total Unsolved
		var after payment.Place
		for {
			some, err := payments.Unknown(ctx, code, after, page)
			if err != nil {
				return u, err
			}
			for _, p := range some {
				total.Payments++
				u.Payments = append(u.Payments, UnknownPayment{
					Bank: code, Payment: p.ID, AtBank: wire.Number(p.ID), Service: p.Service, Product: p.Product, Status: p.At(now()).Status,
					TPP: string(p.TPP), Since: p.HandedAt.UTC(),
				})
				after = payment.Place{HandedAt: p.HandedAt, ID: p.ID}
			}
			if len(some) < page {
				break
			}
		}
		failing, err := notices.List(ctx, code, noticesMax)
		if err != nil {
			return u, err
		}
		for _, n := range failing {
			f := FailingNotice{
				Bank: code, Kind: n.Kind, Resource: n.Resource, Serial: n.Serial, TPP: string(n.TPP),
				Since: n.CreatedAt.UTC(), Attempts: n.Attempts, Failure: n.Failure,
			}
			switch {
			case !n.Dropped:
				f.Next = n.NextAt.UTC()
			case n.DoneAt.Before(since):
				continue
			default:
				f.GivenUp = n.DoneAt.UTC()
			}
			total.Notifications++
			u.Notifications = append(u.Notifications, f)
		}
		u.Totals[code] = total
	}
	return u, nil
}

// unsettledFindings says how many payments and notifications wait for somebody.
func unsettledFindings(ctx context.Context, db *sqldb.DB, now func() time.Time, codes []string) []Finding {
	u, err := unsettled(ctx, db, now, codes, now().Add(-NoticesSince))
	if err != nil {
		return []Finding{{false, "payments of unknown fate cannot be looked for: " + err.Error()}}
	}
	var all []Finding
	for _, code := range slices.Sorted(maps.Keys(u.Totals)) {
		total := u.Totals[code]
		f := Finding{true, fmt.Sprintf("bank %s: the fate of every payment is known", code)}
		if total.Payments > 0 {
			f = Finding{false, fmt.Sprintf("bank %s: the fate of %s is unknown; kontor unsettled lists them", code, count(total.Payments, "payment"))}
		}
		if total.Notifications > 0 { // a third party that is out of reach is no fault of the bank's
			f.Text += fmt.Sprintf("; %s could not be delivered", count(total.Notifications, "notification"))
		}
		all = append(all, f)
	}
	return all
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// NoticesSince is how far back notifications that were given up are worth telling: a weekend
// and a day.
const NoticesSince = 72 * time.Hour

// bankCodes are those of the banks that could be read.
func (c *Config) bankCodes() []string {
	var all []string
	for _, b := range c.Banks {
		if b.bank.Code != "" {
			all = append(all, b.bank.Code)
		}
	}
	return all
}

func (c *Config) clock() func() time.Time {
	if c.now != nil {
		return c.now
	}
	return time.Now
}

// String says it in lines, one for each, for people and for grep.
func (u Unsettled) String() string {
	text := ""
	for _, p := range u.Payments {
		text += fmt.Sprintf("payment at %s: %s (payment_identification %d), %s/%s of %s: handed over %s, unknown since; its TPP reads %s\n",
			p.Bank, p.Payment, p.AtBank, p.Service, p.Product, p.TPP, p.Since.Format(time.RFC3339), p.Status)
	}
	for _, n := range u.Notifications {
		state := "given up " + n.GivenUp.Format(time.RFC3339)
		if n.GivenUp.IsZero() {
			state = "next attempt " + n.Next.Format(time.RFC3339)
		}
		text += fmt.Sprintf("notification of %s: %d about %s %s to %s: not delivered since %s, %s, %s: %s\n",
			n.Bank, n.Serial, n.Kind, n.Resource, n.TPP, n.Since.Format(time.RFC3339), count(n.Attempts, "attempt"), state, n.Failure)
	}
	return cmp.Or(text, "nothing is unsettled\n")
}
