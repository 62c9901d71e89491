package authorisation_test

import (
	"context"
	"io/fs"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/kit/audit/auditsql"
)

// What the bank wanted no SCA for is in the record once, with the article that it names.
func TestExemptionsAreRecordedWithTheirGround(t *testing.T) {
	t.Parallel()
	update := func(ctx context.Context, w world, u core.Update) error {
		u.Session = w.a.Session
		return w.Update(ctx, "lon", u)
	}
	for _, tt := range []struct {
		name   string
		kind   authorisation.Kind
		events func(ctx context.Context, w world) error
		record string
		status authorisation.Status
	}{
		{"a payment, by the bank's update", authorisation.OfPayment, func(ctx context.Context, w world) error {
			if err := update(ctx, w, core.Update{SCAStatus: "exempted", Status: "ACTC", Exemption: "RTS-16"}); err != nil {
				return err
			}
			if err := w.Success(ctx, "lon", core.Success{Session: w.a.Session}); err != nil {
				return err
			}
			return update(ctx, w, core.Update{SCAStatus: "exempted", Status: "ACSC", Exemption: "RTS-13"})
		}, "payment.exempt.RTS-16 ", authorisation.Exempted},
		{"a consent, whose PSU was on the bank's page", authorisation.OfConsent, func(ctx context.Context, w world) error {
			if err := update(ctx, w, core.Update{RedirectURL: "https://bank.example/p", SCAStatus: "started"}); err != nil {
				return err
			}
			ok := core.Success{Session: w.a.Session, Token: "t1", Exemption: "RTS-10"}
			if err := w.Success(ctx, "lon", ok); err != nil {
				return err
			}
			return w.Success(ctx, "lon", ok)
		}, "consent.exempt.RTS-10 ", authorisation.Exempted},
		{"one whose bank names no article", authorisation.OfPayment, func(ctx context.Context, w world) error {
			return update(ctx, w, core.Update{SCAStatus: "exempted", Status: "ACTC"})
		}, "payment.exempt ", authorisation.Exempted},
		{"what was authorised by SCA is none", authorisation.OfPayment, func(ctx context.Context, w world) error {
			return w.Success(ctx, "lon", core.Success{Session: w.a.Session})
		}, "", authorisation.Finalised},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachOf(t, tt.kind, append([]fs.FS{auditsql.Migrations}, tables...), func(t *testing.T, w world) {
				record := auditsql.Log{DB: w.db}
				w.Audit = record
				if err := tt.events(t.Context(), w); err != nil {
					t.Fatal(err)
				}
				entries, err := record.Latest(t.Context(), "lon", "c1", time.Time{}, 10)
				got := ""
				for _, e := range entries {
					got += e.Action + " "
				}
				if err != nil || got != tt.record || w.status(t) != tt.status {
					t.Errorf("%q, %s, %v", got, w.status(t), err)
				}
			})
		})
	}
}
