package authorisation_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
)

func TestWhatAPSUCanDoNext(t *testing.T) {
	t.Parallel()
	const (
		identify, authenticate = authorisation.Identify, authorisation.Authenticate
		choose, send           = authorisation.Select, authorisation.Send
	)
	type steps = []authorisation.Step
	soon, late := noon.Add(time.Minute), noon.Add(5*time.Minute)
	closed, notHere := authorisation.ErrStatus, authorisation.ErrNotOffered
	for _, tt := range []struct {
		name     string
		approach authorisation.Approach
		status   authorisation.Status
		change   func(*authorisation.Authorisation)
		next     steps
		refused  map[authorisation.Step]error // of the others
	}{
		{"on the bank's pages there is nothing to do", authorisation.Redirect, authorisation.Received, nil, nil,
			map[authorisation.Step]error{authenticate: notHere, choose: notHere, send: notHere, identify: nil}},
		{"embedded begins with who she is, or with her password", authorisation.Embedded, authorisation.Received, nil, steps{identify, authenticate},
			map[authorisation.Step]error{choose: closed, send: closed}},
		{"who has logged in before need not say who she is", authorisation.Embedded, authorisation.Received, func(a *authorisation.Authorisation) { a.PSU = "u1" }, steps{authenticate},
			map[authorisation.Step]error{identify: closed}},
		{"then comes the password", authorisation.Embedded, authorisation.PSUIdentified, nil, steps{authenticate},
			map[authorisation.Step]error{identify: closed, choose: closed, send: closed}},
		{"then the choice, where there is one", authorisation.Embedded, authorisation.PSUAuthenticated, methods, steps{choose},
			map[authorisation.Step]error{identify: closed, authenticate: closed, send: closed}},
		{"and the bank's turn, where there is none", authorisation.Embedded, authorisation.PSUAuthenticated, nil, nil,
			map[authorisation.Step]error{choose: closed}},
		{"then the answer", authorisation.Embedded, authorisation.SCAMethodSelected, methods, steps{send},
			map[authorisation.Step]error{authenticate: closed, choose: closed}},
		{"until it is right", authorisation.Embedded, authorisation.Started, nil, steps{send}, nil},
		{"decoupled needs who she is", authorisation.Decoupled, authorisation.Received, nil, steps{identify},
			map[authorisation.Step]error{authenticate: notHere, send: notHere}},
		{"and perhaps which device", authorisation.Decoupled, authorisation.PSUIdentified, methods, steps{choose},
			map[authorisation.Step]error{authenticate: notHere, send: notHere, identify: closed}},
		{"and then nothing more", authorisation.Decoupled, authorisation.Started, methods, nil,
			map[authorisation.Step]error{identify: closed, choose: closed, send: notHere}},
		{"after the good end there is nothing to do", authorisation.Embedded, authorisation.Finalised, nil, nil,
			map[authorisation.Step]error{identify: closed, authenticate: closed, send: closed}},
		{"nor after the bad one", authorisation.Redirect, authorisation.Failed, nil, nil, map[authorisation.Step]error{identify: closed, send: closed}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := made(tt.status)
			if a.Approach = tt.approach; tt.change != nil {
				tt.change(&a)
			}
			if got := a.Next(); !slices.Equal(got, tt.next) {
				t.Errorf("next is %v, want %v", got, tt.next)
			}
			for _, step := range tt.next {
				if err := a.Takes(soon, step); err != nil {
					t.Errorf("%s: %v", step, err)
				}
				if err := a.Takes(late, step); !errors.Is(err, authorisation.ErrStatus) {
					t.Errorf("%s when the time is over: %v", step, err)
				}
			}
			for step, want := range tt.refused {
				if err := a.Takes(soon, step); !errors.Is(err, want) || (err == nil) != (want == nil) {
					t.Errorf("%s: got %v, want %v", step, err, want)
				}
			}
		})
	}
}

func methods(a *authorisation.Authorisation) {
	a.Methods = []core.SCAMethod{{ID: "sms", Type: "SMS_OTP"}, {ID: "push", Type: "PUSH_OTP"}}
}

func TestAMethodDecidesTheApproach(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		from  authorisation.Approach
		oauth bool
		told  string
		want  authorisation.Approach
	}{
		{"from the TPP to a device", authorisation.Embedded, false, "decoupled", authorisation.Decoupled},
		{"from the TPP to the bank's pages", authorisation.Embedded, false, "redirect", authorisation.Redirect},
		{"from a device to the bank's pages", authorisation.Decoupled, false, "redirect", authorisation.Redirect},
		{"never to the TPP, which would see more than was agreed", authorisation.Decoupled, false, "embedded", authorisation.Decoupled},
		{"nor from the bank's pages", authorisation.Redirect, false, "decoupled", authorisation.Redirect},
		{"nor from OAuth, whose token would be missed", authorisation.Redirect, true, "decoupled", authorisation.Redirect},
		{"a word that means nothing", authorisation.Embedded, false, "telepathy", authorisation.Embedded},
		{"nothing", authorisation.Embedded, false, "", authorisation.Embedded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := made(authorisation.PSUAuthenticated)
			a.Approach, a.OAuth = tt.from, tt.oauth
			got, err := a.Update(noon, core.Update{SCAApproach: tt.told})
			if got.Approach != tt.want || err != nil {
				t.Errorf("got %s, %v; want %s", got.Approach, err, tt.want)
			}
		})
	}
}

func TestWhatTheBankOffersEndsWithSCA(t *testing.T) {
	t.Parallel()
	a := made(authorisation.PSUAuthenticated)
	a.Approach = authorisation.Embedded
	if err := a.Takes(noon, authorisation.Confirm); !errors.Is(err, authorisation.ErrNotOffered) {
		t.Errorf("a code of confirmation: got %v", err)
	}
	a, err := a.Update(noon, core.Update{Methods: []core.SCAMethod{{ID: "sms"}}, Chosen: &core.SCAMethod{ID: "sms"}, Challenge: &core.Challenge{Data: []string{"7"}}})
	if err != nil || len(a.Methods) != 1 || a.Chosen == nil || a.Challenge == nil {
		t.Fatalf("got %+v, %v", a, err)
	}
	done, _, err := a.Succeed(noon, core.Success{UserID: "u1", Token: "t1"})
	failed, ferr := a.Fail(noon, core.Fail{})
	for name, end := range map[string]authorisation.Authorisation{"success": done, "fail": failed, "close": a.Close(noon)} {
		if end.Methods != nil || end.Chosen != nil || end.Challenge != nil {
			t.Errorf("%s keeps %+v", name, end)
		}
	}
	if err != nil || ferr != nil {
		t.Error(err, ferr)
	}
}

// A stepper is a bank that takes steps, and nothing else.
type stepper struct {
	core.Bank
	took []core.SCAStep
	u    *core.Update
	err  error
	do   func() // before it answers
}

func (b *stepper) Authorise(_ context.Context, s core.SCAStep) (*core.Update, error) {
	b.took = append(b.took, s)
	if b.do != nil {
		b.do()
	}
	return b.u, b.err
}

func TestAStepIsPassedOnOnce(t *testing.T) {
	t.Parallel()
	each(t, authorisation.OfConsent, func(t *testing.T, w world) {
		bank := &stepper{u: &core.Update{SCAStatus: "scaMethodSelected", Chosen: &core.SCAMethod{ID: "sms", Type: "SMS_OTP"}}}
		w.Cores = map[string]core.Bank{"lon": bank}
		become := func(to authorisation.Approach) authorisation.Authorisation {
			var a authorisation.Authorisation
			if err := w.Store.Update(t.Context(), "lon", w.a.ID, func(old authorisation.Authorisation) (authorisation.Authorisation, error) {
				old.Approach = to
				a = old
				return old, nil
			}); err != nil {
				t.Fatal(err)
			}
			return a
		}
		if _, err := w.Step(t.Context(), become(authorisation.Redirect), authorisation.Identify, core.SCAStep{}, "", time.Second); err != nil || len(bank.took) != 0 {
			t.Errorf("on the bank's pages: got %v, and the bank was told %d times", err, len(bank.took))
		}
		a := become(authorisation.Embedded)
		hungUp, cancel := context.WithCancel(t.Context())
		cancel()
		got, err := w.Step(hungUp, a, authorisation.Authenticate, core.SCAStep{Password: "secret"}, "", time.Second)
		if err != nil || got.Status != authorisation.SCAMethodSelected || got.Chosen == nil || got.Chosen.ID != "sms" {
			t.Errorf("a password: got %+v, %v", got, err)
		}
		if len(bank.took) != 1 || bank.took[0].Session != a.Session || bank.took[0].Password != "secret" || bank.took[0].Approach != "embedded" || bank.took[0].TPP != string(a.TPP) {
			t.Errorf("the bank was told %+v", bank.took)
		}
		bank.u, bank.err = nil, core.ErrCredentials
		if _, err := w.Step(t.Context(), got, authorisation.Send, core.SCAStep{Data: "1"}, "", time.Second); !errors.Is(err, core.ErrCredentials) || w.status(t) != authorisation.SCAMethodSelected {
			t.Errorf("a wrong code: got %v and %s", err, w.status(t))
		}
		if _, err := w.Step(t.Context(), got, authorisation.Authenticate, core.SCAStep{Password: "secret"}, "", time.Second); !errors.Is(err, authorisation.ErrStatus) || len(bank.took) != 2 {
			t.Errorf("a password again: got %v, and the bank was told %d times", err, len(bank.took))
		}
		// The event comes before the answer, as it may.
		bank.u, bank.err = &core.Update{SCAStatus: "finalised"}, nil
		bank.do = func() {
			if err := w.Success(t.Context(), "lon", core.Success{Session: a.Session, UserID: "u1", Token: "t1"}); err != nil {
				t.Error(err)
			}
		}
		if got, err = w.Step(t.Context(), got, authorisation.Send, core.SCAStep{Data: "7"}, "", time.Second); err != nil || got.Status != authorisation.Finalised {
			t.Errorf("the right code: got %s, %v", got.Status, err)
		}
	})
}
