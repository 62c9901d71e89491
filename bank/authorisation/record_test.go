package authorisation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/kit/audit"
)

// Each step of an authorisation is in the audit record, and nothing of what a PSU has entered.
func TestTheRecordTellsEveryStep(t *testing.T) {
	t.Parallel()
	const requestID = "99391c7e-ad88-49ec-a2ad-000000000001"
	secrets := []string{"hidden-password", "hidden-code", "hidden-psu", "hidden-method", "hidden-message"}
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, w world, bank *stepper, step func(authorisation.Step, core.SCAStep) error)
		want []string
	}{
		{"a password, a method, a wrong code and the right one", func(t *testing.T, w world, bank *stepper, step func(authorisation.Step, core.SCAStep) error) {
			bank.u = &core.Update{SCAStatus: "psuAuthenticated", Methods: []core.SCAMethod{{ID: "hidden-method", Type: "SMS_OTP"}}, PSUMessage: "hidden-message"}
			step(authorisation.Authenticate, core.SCAStep{Password: "hidden-password", SCA: core.SCA{PSUID: "hidden-psu"}})
			bank.u = &core.Update{SCAStatus: "scaMethodSelected", Chosen: &core.SCAMethod{ID: "hidden-method", Type: "SMS_OTP"}}
			step(authorisation.Select, core.SCAStep{MethodID: "hidden-method"})
			bank.u, bank.err = nil, core.ErrCredentials
			step(authorisation.Send, core.SCAStep{Data: "hidden-code"})
			bank.u, bank.err = &core.Update{SCAStatus: "finalised"}, nil
			bank.do = func() {
				w.Success(t.Context(), "lon", core.Success{Session: w.a.Session, UserID: "hidden-psu", Token: "t1"})
			}
			step(authorisation.Send, core.SCAStep{Data: "hidden-code"})
		}, []string{
			"TPP authorisation.authenticate", "bank authorisation.psuAuthenticated", "TPP authorisation.select", "bank authorisation.method", "bank authorisation.scaMethodSelected",
			"TPP authorisation.send", "bank authorisation.send.fail", "TPP authorisation.send", "bank authorisation.finalised",
		}},
		{"one wrong password too many", func(t *testing.T, w world, bank *stepper, step func(authorisation.Step, core.SCAStep) error) {
			bank.u, bank.err = nil, core.ErrCredentials
			bank.do = func() {
				w.Fail(t.Context(), "lon", core.Fail{Session: w.a.Session, Class: "AccessDenied", Message: "hidden-message"})
			}
			if err := step(authorisation.Authenticate, core.SCAStep{Password: "hidden-password"}); !errors.Is(err, core.ErrCredentials) {
				t.Error(err)
			}
		}, []string{"TPP authorisation.authenticate", "bank authorisation.failed", "bank authorisation.authenticate.fail", "bank authorisation.lock"}},
		{"a step that is not due is no step", func(t *testing.T, _ world, bank *stepper, step func(authorisation.Step, core.SCAStep) error) {
			if err := step(authorisation.Send, core.SCAStep{Data: "hidden-code"}); !errors.Is(err, authorisation.ErrStatus) || len(bank.took) != 0 {
				t.Error(err, bank.took)
			}
		}, nil},
		{"no SCA was needed", func(t *testing.T, w world, _ *stepper, _ func(authorisation.Step, core.SCAStep) error) {
			w.Update(t.Context(), "lon", core.Update{Session: w.a.Session, SCAStatus: "exempted"})
		}, []string{"bank consent.exempt of c1", "bank authorisation.exempted"}},
		{"on the bank's pages, and again the same", func(t *testing.T, w world, _ *stepper, _ func(authorisation.Step, core.SCAStep) error) {
			w.Update(t.Context(), "lon", core.Update{Session: w.a.Session, SCAStatus: "started"})
			w.Update(t.Context(), "lon", core.Update{Session: w.a.Session, SCAStatus: "started"})
			w.Success(t.Context(), "lon", core.Success{Session: w.a.Session, Token: "t1"})
			w.Success(t.Context(), "lon", core.Success{Session: w.a.Session, Token: "t1"})
		}, []string{"bank authorisation.started", "bank authorisation.finalised"}},
		{"time is over", func(t *testing.T, w world, _ *stepper, _ func(authorisation.Step, core.SCAStep) error) {
			w.clock.set(noon.Add(5 * time.Minute))
			w.Sweep(t.Context())
		}, []string{"hub authorisation.failed"}},
		{"what it was for has ended", func(t *testing.T, w world, _ *stepper, _ func(authorisation.Step, core.SCAStep) error) {
			w.CloseAll(t.Context(), "lon", w.a.Kind, w.a.Subject)
		}, []string{"hub authorisation.failed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, authorisation.OfConsent, func(t *testing.T, w world) {
				bank, record := &stepper{}, &ledger{}
				w.Cores, w.Audit = map[string]core.Bank{"lon": bank}, record
				if err := w.Store.Update(t.Context(), "lon", w.a.ID, func(a authorisation.Authorisation) (authorisation.Authorisation, error) {
					a.Approach = authorisation.Embedded
					return a, nil
				}); err != nil {
					t.Fatal(err)
				}
				tt.do(t, w, bank, func(step authorisation.Step, by core.SCAStep) error {
					a, err := w.Store.Get(t.Context(), "lon", w.a.ID)
					if err != nil {
						t.Fatal(err)
					}
					_, err = w.Step(t.Context(), a, step, by, requestID, time.Second)
					return err
				})
				var want []string
				for _, s := range tt.want {
					entry, resource, of := strings.Cut(s, " of ")
					if !of {
						resource = w.a.ID
					}
					want = append(want, strings.Replace(entry, "TPP", string(w.a.TPP), 1)+" "+resource)
				}
				if !slices.Equal(record.all, want) {
					t.Errorf("recorded %q; want %q", record.all, want)
				}
				for _, s := range secrets {
					if strings.Contains(strings.Join(record.all, " "), s) {
						t.Errorf("the record tells %s", s)
					}
				}
			})
		})
	}
}

// What cannot be recorded does not happen: neither the step nor the change of status.
func TestWhatCannotBeRecordedDoesNotHappen(t *testing.T) {
	t.Parallel()
	each(t, authorisation.OfConsent, func(t *testing.T, w world) {
		bank, _, a := w.held(t)
		steps := &stepper{}
		w.Cores, w.Audit = map[string]core.Bank{"lon": steps}, full{}
		if err := w.Store.Update(t.Context(), "lon", a.ID, func(a authorisation.Authorisation) (authorisation.Authorisation, error) {
			a.Approach, a.Status = authorisation.Embedded, authorisation.Received
			return a, nil
		}); err != nil {
			t.Fatal(err)
		}
		open, err := w.Store.Get(t.Context(), "lon", a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Step(t.Context(), open, authorisation.Authenticate, core.SCAStep{Password: "x"}, "", 0); !errors.Is(err, errFull) || len(steps.took) != 0 {
			t.Errorf("a step: %v, and the bank was asked %d times", err, len(steps.took))
		}
		if err := w.Update(t.Context(), "lon", core.Update{Session: a.Session, SCAStatus: "started"}); !errors.Is(err, errFull) || w.status(t) != authorisation.Received {
			t.Errorf("a report: %v, and it is %s", err, w.status(t))
		}
		if err := w.Store.Update(t.Context(), "lon", a.ID, func(authorisation.Authorisation) (authorisation.Authorisation, error) { return a, nil }); err != nil {
			t.Fatal(err)
		}
		w.Cores["lon"] = bank
		for _, code := range []string{code, "another"} {
			if _, err := w.Confirm(t.Context(), a, code, "", 0); !errors.Is(err, errFull) || w.status(t) != authorisation.Unconfirmed || bank.confirmed.Load()+bank.dropped.Load() != 0 {
				t.Errorf("the code %s: %v, and it is %s", code, err, w.status(t))
			}
		}
	})
}

var errFull = errors.New("the record is full")

// full is a record that takes nothing.
type full struct{}

func (full) Append(context.Context, audit.Entry) error { return errFull }
