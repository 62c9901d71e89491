package corebank

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/connector/wire"
)

// clock is what the authenticator app of a customer shows.
func (w *world) clock(customer string) string {
	return clockCodeAt(w.bank.deviceKey(customer, "totp"), w.now().Unix()/clockPeriod)
}

// from makes the payer of an order another customer than Ana.
func from(login string) func(*wire.PaymentCreate) {
	return func(p *wire.PaymentCreate) {
		p.Payment.DebtorAccount = &wire.Account{IBAN: wire.String(ibanOf[login])}
	}
}

func (w *world) pay(amount, login string) *browser {
	w.t.Helper()
	w.do(w.c.StartPayment(w.t.Context(), w.order(amount, from(login))))
	return w.browser().open(w.page()).logIn(login)
}

// TestClockVectors is Appendix B of RFC 6238, cut to six digits.
func TestClockVectors(t *testing.T) {
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := clockCodeAt([]byte("12345678901234567890"), at/clockPeriod); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestClockStepIsGoodOnce(t *testing.T) {
	key := []byte("12345678901234567890")
	at := time.Unix(1_800_000_000, 0)
	step := at.Unix() / clockPeriod
	for name, c := range map[string]struct {
		last, of int64
		right    bool
	}{
		"the code of now is right":                 {0, step, true},
		"a phone may be half a minute behind":      {0, step - 1, true},
		"a phone may be half a minute ahead":       {0, step + 1, true},
		"two steps behind is too late":             {0, step - 2, false},
		"two steps ahead is too early":             {0, step + 2, false},
		"a step that was used is good for nothing": {step, step, false},
		"nor is one before it":                     {step, step - 1, false},
		"the one after it is":                      {step, step + 1, true},
	} {
		code, used := clockCode{}.check(occasion{key: key, now: at, means: means{step: c.last}}, clockCodeAt(key, c.of))
		if (code == "") != c.right || c.right && used != c.of {
			t.Errorf("%s: %q %d", name, code, used)
		}
	}
	if code, _ := (clockCode{}).check(occasion{key: key, now: at}, ""); code == "" {
		t.Error("nothing is a right answer")
	}
}

func TestCustomerChoosesAMethod(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.pay("50.00", "maja").sees("How you confirm it", `value="sms" id="method-sms" checked`, "Authenticator app")
		b.submit("approve", "accounts", "maja-current", "method", "nothing").sees("is not there any more")
		b.submit("approve", "accounts", "maja-current", "method", "totp").sees("Open your authenticator app", "50.00 EUR", "Code by text message")
		if strings.Contains(b.body, "We sent a code") {
			t.Error("nothing was sent")
		}
		code := w.clock("1005")
		b.submit("confirm", "code", code).sees("Done")
		b = w.pay("60.00", "maja")
		b.submit("approve", "accounts", "maja-current", "method", "totp").submit("confirm", "code", code).sees("That is not the code")
		// Another way: what the app shows is no answer to it, and the other way round.
		b.submit("by sms").sees("We sent a code", "Authenticator app")
		sent := w.code("maja")
		w.pass(time.Minute)
		b.submit("confirm", "code", w.clock("1005")).sees("That is not the code")
		b.submit("confirm", "code", sent).sees("Done")

		b = w.browser()
		w.do(w.c.StartPayment(t.Context(), w.order("50.00")))
		b.open(w.page()).logIn("ana")
		if strings.Contains(b.body, "How you confirm it") {
			t.Error("a choice where there is none")
		}
	})
}

func TestWrongAnswersLockAllMethods(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.pay("50.00", "maja").submit("approve", "accounts", "maja-current", "method", "totp")
		b.submit("confirm", "code", "x").submit("confirm", "code", "x").submit("confirm", "code", "x").sees("could not")
		b = w.pay("50.00", "maja").submit("approve", "accounts", "maja-current")
		right := w.code("maja")
		b.submit("confirm", "code", wrongCode(right)).sees("That is not the code")
		b.submit("confirm", "code", wrongCode(right)) // the fifth in a row
		if got := w.hub.heard(); !strings.HasSuffix(got, "fail RJCT AccessDenied") {
			t.Error(got)
		}
		locked := "your ways to confirm are locked"
		w.pay("50.00", "maja").submit("approve", "accounts", "maja-current", "method", "totp").sees(locked)
		w.pass(answersLockFor - time.Minute)
		w.pay("50.00", "maja").submit("approve", "accounts", "maja-current").sees(locked)
		w.pass(2 * time.Minute)
		w.pay("50.00", "maja").submit("approve", "accounts", "maja-current", "method", "totp").submit("confirm", "code", w.clock("1005")).sees("Done")

		// The bank's staff opens it before its time, and counting begins anew.
		for range 2 {
			b = w.pay("50.00", "maja").submit("approve", "accounts", "maja-current")
			for range 3 {
				b.submit("confirm", "code", "x")
			}
		}
		w.pay("50.00", "maja").submit("approve", "accounts", "maja-current").sees(locked)
		w.do(w.bank.Unlock(t.Context(), "maja"))
		w.pay("50.00", "maja").submit("approve", "accounts", "maja-current").submit("confirm", "code", w.code("maja")).sees("Done")
		if err := w.bank.Unlock(t.Context(), "nobody"); !errors.Is(err, ErrCustomer) {
			t.Error(err)
		}
	})
}

// A thousand guesses at once get no more than the limit, whatever the method.
func TestParallelGuesses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.pay("50.00", "maja").submit("approve", "accounts", "maja-current", "method", "totp")
		j, err := w.bank.journey(t.Context(), b.at[strings.LastIndex(b.at, "/")+1:])
		w.do(err)
		var mu sync.Mutex
		looked := 0
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				err := w.bank.confirm(t.Context(), j, "000000x")
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, errCodeWrong) || errors.Is(err, errCodeBlocked) {
					looked++
				}
			})
		}
		all.Wait()
		if looked != triesMax {
			t.Errorf("%d of a thousand guesses were looked at", looked)
		}
	})
}

func TestAnswersFitOneChallengeOnly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.pay("50.00", "maja").submit("approve", "accounts", "maja-current", "method", "totp")
		// The amount is bent behind the customer's back: what she answers is not for that.
		if _, err := w.bank.db.Exec(t.Context(), `UPDATE corebank_payment SET amount = 500000 WHERE state = 'received'`); err != nil {
			t.Fatal(err)
		}
		b.submit("confirm", "code", w.clock("1005")).sees("That is not the code")

		b = w.pay("50.00", "maja").submit("approve", "accounts", "maja-current", "method", "totp")
		w.pass(codeFor)
		b.submit("login", "login", "maja", "password", "maja-kontor-1").submit("confirm", "code", w.clock("1005")).sees("no longer good")
		b.submit("resend").sees("Open your authenticator app").submit("confirm", "code", w.clock("1005")).sees("Done")
	})
}
