package payment_test

import (
	"context"
	"crypto/rand"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/core"
	"kontor/bank/notify"
	"kontor/bank/notify/notifysql"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/kit/audit/auditsql"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// TestTold plays the lives of payments, and says what their TPP hears.
func TestTold(t *testing.T) {
	t.Parallel()
	all := []notify.Content{notify.SCA, notify.Process, notify.Last}
	update := func(status string) func(*testing.T, *bench, string) error {
		return func(t *testing.T, b *bench, session string) error {
			return b.auths.Update(t.Context(), "lon", core.Update{Session: session, Status: status})
		}
	}
	allow := func(t *testing.T, b *bench, session string) error {
		return b.auths.Success(t.Context(), "lon", core.Success{Session: session, UserID: "psu-7"})
	}
	for _, tt := range []struct {
		name    string
		content []notify.Content
		live    []func(t *testing.T, b *bench, session string) error
		want    string
	}{
		{"one that is authorised and settled", all, []func(*testing.T, *bench, string) error{update("ACTC"), allow, update("ACSC"), update("ACCC")},
			"ACTC sca:finalised ACSC ACCC"},
		{"the last status is the payer's, and the payee's after it", []notify.Content{notify.Last},
			[]func(*testing.T, *bench, string) error{update("ACTC"), allow, update("ACSC"), update("ACSC"), update("ACCC")}, "ACSC ACCC"},
		{"one that the PSU refuses", all, []func(*testing.T, *bench, string) error{
			func(t *testing.T, b *bench, session string) error {
				return b.auths.Fail(t.Context(), "lon", core.Fail{Session: session, Class: "AccessDenied"})
			},
		}, "sca:failed RJCT"},
		{"one that the bank rejects while SCA is under way", all, []func(*testing.T, *bench, string) error{update("RJCT")}, "RJCT sca:failed"},
		{"one that nobody authorises", []notify.Content{notify.Process}, []func(*testing.T, *bench, string) error{
			func(t *testing.T, b *bench, _ string) error {
				b.pass(b.bank.SCATimeout)
				b.sweep(t)
				return nil
			},
		}, "RJCT"},
	} {
		t.Run(tt.name, func(t *testing.T) { t.Parallel(); hears(t, creation("r1"), tt.content, tt.live, tt.want) })
	}
	t.Run("one that the bank does not take is not told of", func(t *testing.T) {
		t.Parallel()
		sqldbtest.Each(t, []fs.FS{auditsql.Migrations, authorisationsql.Migrations, paymentsql.Migrations, notifysql.Migrations}, func(t *testing.T, db *sqldb.DB) {
			b := open(t, db)
			n := &notify.Service{Store: notifysql.Store{DB: db}, Now: b.clock, NewID: rand.Text, Log: slog.New(slog.DiscardHandler)}
			b.Service.Notify, b.auths.Notify = n, n
			b.answer = func(core.PaymentOrder) (*core.Update, error) { return nil, core.ErrRefused }
			c := creation("r1")
			c.Notification = notify.Wish{URI: "https://tpp.example/told", Content: all}
			if _, _, err := b.Create(t.Context(), b.bank, b.tpp, c); err == nil {
				t.Fatal("it was taken")
			}
			if due, err := n.Store.Due(t.Context(), b.clock(), 9, 9); err != nil || len(due) > 0 {
				t.Errorf("%+v, %v", due, err)
			}
		})
	})
}

// TestToldOfBulks plays the ends of bulks: one that was executed in part is over when none of
// its payments is open.
func TestToldOfBulks(t *testing.T) {
	t.Parallel()
	type steps []func(*testing.T, *bench, string) error
	update := func(status string, told *core.ItemStatuses) func(*testing.T, *bench, string) error {
		return func(t *testing.T, b *bench, session string) error {
			return b.auths.Update(t.Context(), "lon", core.Update{Session: session, Status: status, Items: told})
		}
	}
	allow := func(t *testing.T, b *bench, session string) error {
		return b.auths.Success(t.Context(), "lon", core.Success{Session: session, UserID: "psu-7"})
	}
	rejected := func(others string) *core.ItemStatuses {
		return &core.ItemStatuses{Told: []core.ItemStatus{{Index: 1, Status: "RJCT", Reason: "AC04"}}, Others: others}
	}
	for _, tt := range []struct {
		name    string
		content notify.Content
		live    steps
		want    string
	}{
		{"it ends in part", notify.Last, steps{update("PART", rejected("ACSC"))}, "PART"},
		{"nobody knows whether it has ended", notify.Last, steps{update("PART", nil), update("PART", rejected(""))}, ""},
		{"its end comes later than its status, and is repeated", notify.Last, steps{update("PART", rejected("ACSP")), update("PART", rejected("ACSC")), update("PART", rejected("ACSC"))}, "PART"},
		{"who hears of every change hears of each status once", notify.Process, steps{update("PART", rejected("ACSP")), update("PART", rejected("ACSC"))}, "ACTC PART"},
		{"a payment of it comes back", notify.Last, steps{update("ACSC", nil), update("ACSC", rejected("ACSC"))}, "ACSC"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := creation("r1")
			one := c.Order
			one.DebtorAccount = core.AccountReference{}
			c.Service, c.Bulk, c.Order = payment.Bulk, &core.Bulk{DebtorAccount: c.Order.DebtorAccount, Payments: []core.Payment{one, one, one}}, core.Payment{}
			hears(t, c, []notify.Content{tt.content}, append(steps{update("ACTC", nil), allow}, tt.live...), tt.want)
		})
	}
}

// hears plays the life of what c creates, and compares what its TPP is told with want.
func hears(t *testing.T, c payment.Creation, content []notify.Content, live []func(t *testing.T, b *bench, session string) error, want string) {
	sqldbtest.Each(t, []fs.FS{auditsql.Migrations, authorisationsql.Migrations, paymentsql.Migrations, notifysql.Migrations}, func(t *testing.T, db *sqldb.DB) {
		b := open(t, db)
		var told []string
		n := &notify.Service{
			Store: notifysql.Store{DB: db}, Now: b.clock, NewID: rand.Text, Log: slog.New(slog.DiscardHandler),
			Deliver: func(_ context.Context, _, _, _ string, body []byte) error {
				told = append(told, string(body))
				return nil
			},
		}
		b.Service.Notify, b.auths.Notify = n, n
		c.Notification = notify.Wish{URI: "https://tpp.example/told", Content: content}
		b.bank.Payments.Products[payment.Bulk] = b.bank.Payments.Products[payment.Single]
		b.bank.Payments.BulkMax = 10
		p, a, err := b.Create(t.Context(), b.bank, b.tpp, c)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range live {
			if err := step(t, b, a.Session); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 {
			if err := n.Send(t.Context()); err != nil {
				t.Fatal(err)
			}
			n.Wait()
		}
		text := strings.NewReplacer(`{"paymentId":"`+p.ID+`",`, "", `"authorisationId":"`+a.ID+`",`, "", `"scaStatus":"`, "sca:", `"transactionStatus":"`, "", `"}`, "").
			Replace(strings.Join(told, " "))
		if text != want {
			t.Errorf("told %q, want %q", text, want)
		}
	})
}
