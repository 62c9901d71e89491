package corebank

import (
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"kontor/connector/sdk"
	"kontor/connector/wire"
)

// embedded is how a start says that the customer types everything at the third party.
func embedded(login wire.String) wire.SCA {
	return wire.SCA{SCAApproach: approachEmbedded, PSUID: login}
}

func byHub(login wire.String) func(*wire.PaymentCreate) {
	return func(p *wire.PaymentCreate) { p.SCA = embedded(login) }
}

// step takes a step and returns where the SCA stands, or what refused it.
func (w *world) step(session wire.String, s wire.SessionAuthorise) (string, wire.Event) {
	w.t.Helper()
	s.SessionSecret = session
	e, err := w.c.Authorise(w.t.Context(), s)
	if err != nil {
		return err.Error(), e
	}
	return string(e.SCAApproach + " " + e.SCAStatus), e
}

func (w *world) takes(session wire.String, s wire.SessionAuthorise, want string) wire.Event {
	w.t.Helper()
	got, e := w.step(session, s)
	if got != want {
		w.t.Fatalf("got %s, want %s", got, want)
	}
	return e
}

func password(login string) wire.SessionAuthorise {
	return wire.SessionAuthorise{Password: wire.String(login + "-kontor-1")}
}

func answered(code string) wire.SessionAuthorise {
	return wire.SessionAuthorise{SCAAuthenticationData: wire.String(code)}
}

func TestPaymentBySteps(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ana, luka := w.booked("ana-current"), w.booked("luka-current")
		order := w.order("42.50", byHub(""))
		w.do(w.c.StartPayment(t.Context(), order))
		w.do(w.c.StartPayment(t.Context(), order))
		if e := w.hub.last["update"]; e.RedirectURL != "" || e.SCAApproach != approachEmbedded || e.SCAStatus != "received" || e.Status != "RCVD" {
			t.Fatalf("%+v", e)
		}
		s := order.SessionSecret
		w.takes(s, answered("123456"), sdk.ErrStep.Error())
		w.takes(s, wire.SessionAuthorise{AuthenticationMethodID: "sms"}, sdk.ErrStep.Error())
		w.takes(s, wire.SessionAuthorise{Password: "x"}, sdk.ErrInvalid.Error()) // whose?
		w.takes(s, wire.SessionAuthorise{SCA: embedded("ana")}, "embedded psuIdentified")
		w.takes(s, wire.SessionAuthorise{SCA: embedded("luka")}, sdk.ErrStep.Error())
		e := w.takes(s, password("ana"), "embedded scaMethodSelected")
		if e.ChosenSCAMethod == nil || e.ChosenSCAMethod.AuthenticationType != "SMS_OTP" || e.ChallengeData == nil || e.ChallengeData.OTPFormat != "integer" {
			t.Errorf("%+v", e)
		}
		if text := w.message("ana"); !strings.Contains(text, "42,50 EUR") || !strings.Contains(text, "Luka Zupan") {
			t.Error(text)
		}
		right := w.code("ana")
		w.takes(s, password("ana"), "embedded scaMethodSelected") // its answer was lost
		if w.code("ana") != right {
			t.Error("a repeated password sent another code")
		}
		w.takes(s, answered(wrongCode(right)), sdk.ErrCode.Error())
		if w.booked("ana-current") != ana {
			t.Fatal("something was paid")
		}
		w.takes(s, answered(right), "embedded finalised")
		w.takes(s, answered(right), sdk.ErrStep.Error())
		w.do(w.c.StartPayment(t.Context(), order))
		if got, want := w.hub.heard(), paid; got != want {
			t.Error(got)
		}
		if w.booked("ana-current") != ana-4250 || w.booked("luka-current") != luka+4250 {
			t.Error("paid wrongly, or more than once")
		}
	})
}

func TestStepsOfEverything(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		approve := func(session wire.String) {
			t.Helper()
			w.takes(session, password("ana"), "embedded scaMethodSelected")
			w.takes(session, answered(w.code("ana")), "embedded finalised")
		}
		t.Run("access to named accounts, and nothing more", func(t *testing.T) {
			named := []wire.Account{{IBAN: wire.String(ibanOf["ana"])}}
			r := accessRequest(wire.Access{Balances: &named})
			r.SCA = embedded("ana")
			w.do(w.c.StartAccess(ctx, r))
			approve(r.SessionSecret)
			if got := w.hub.of(r.SessionSecret); got != "update received psuIdentified, success" {
				t.Fatal(got)
			}
			accounts, err := w.c.Accounts(ctx, string(w.hub.tokens[r.SessionSecret]))
			w.do(err)
			if len(accounts) != 1 || accounts[0].IBAN != named[0].IBAN {
				t.Errorf("%+v", accounts)
			}
		})
		t.Run("checks of funds", func(t *testing.T) {
			r := wire.FundsTokenCreate{SessionSecret: "f1", AppName: "Saldo", RedirectURL: hubReturn, Account: wire.Account{IBAN: wire.String(ibanOf["ana"])}, SCA: embedded("ana")}
			w.do(w.c.StartFundsAccess(ctx, r))
			approve("f1")
			if got := w.hub.of("f1"); got != "update received psuIdentified, success" {
				t.Error(got)
			}
		})
		t.Run("a bulk", func(t *testing.T) {
			r := w.bulk(false, one(1, "1.00", ibanOf["luka"]), one(2, "2.00", ibanOf["luka"]))
			r.SCA = embedded("ana")
			before := w.booked("ana-current")
			w.do(w.c.StartPayment(ctx, r))
			approve(r.SessionSecret)
			if got := w.booked("ana-current"); got != before-300 {
				t.Error(before - got)
			}
		})
		t.Run("a series, and its cancellation", func(t *testing.T) {
			r := w.periodic("5.00", wire.PeriodicDue{StartDate: "2026-12-01", Frequency: "Monthly"}, byHub("ana"))
			w.do(w.c.StartPayment(ctx, r))
			approve(r.SessionSecret)
			c := wire.PaymentCancel{SessionSecret: "c1", PaymentSession: r.SessionSecret, PaymentIdentification: 1, AppName: "Zlatka Pay", RedirectURL: hubReturn, SCA: embedded("ana")}
			w.do(w.c.CancelPayment(ctx, c))
			w.takes("c1", password("ana"), "embedded scaMethodSelected")
			w.takes("c1", answered(w.code("ana")), "embedded finalised")
			if got := w.hub.of("c1"); got != "update psuIdentified, update CANC finalised, success" {
				t.Error(got)
			}
			if e := w.status(r.SessionSecret); e.Status != "CANC" {
				t.Errorf("%+v", e)
			}
		})
		t.Run("a basket, by one code", func(t *testing.T) {
			named := []wire.Account{{IBAN: wire.String(ibanOf["ana"])}}
			p := w.order("3.00")
			r := w.basket(p, w.order("4.00"), wire.Access{Balances: &named})
			r.SCA = embedded("ana")
			before := w.booked("ana-current")
			w.do(w.c.StartBasket(ctx, r))
			if e := w.status(p.SessionSecret); e.RedirectURL != "" || e.SCAApproach != approachEmbedded {
				t.Errorf("%+v", e)
			}
			w.takes(p.SessionSecret, password("ana"), sdk.ErrStep.Error()) // a member goes with its basket
			approve(r.SessionSecret)
			if got := w.booked("ana-current"); got != before-700 {
				t.Error(before - got)
			}
			if got := w.hub.of(r.SessionSecret); got != "update RCVD psuIdentified, update finalised, success" {
				t.Error(got)
			}
		})
		t.Run("low values go without a code, as long as they may", func(t *testing.T) {
			n := 0
			for range exemptCountMax + 1 {
				r := w.order("1.00", byHub("ana"), func(p *wire.PaymentCreate) {
					p.Payment.CreditorName, p.Payment.CreditorAccount.IBAN = "Ana Novak", wire.String(ibanOf["ana+"])
				})
				w.do(w.c.StartPayment(ctx, r))
				if got, _ := w.step(r.SessionSecret, password("ana")); got == "embedded exempted" {
					n++
				} else if got != "embedded scaMethodSelected" {
					t.Fatal(got)
				}
			}
			if n != exemptCountMax {
				t.Error(n)
			}
		})
	})
}

func TestStepsThatLeadNowhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, ana := t.Context(), w.booked("ana-current")
		fails := func(session wire.String, want string) {
			t.Helper()
			if got := w.hub.of(session); !strings.HasSuffix(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		t.Run("accounts are chosen on the bank's pages only", func(t *testing.T) {
			r := accessRequest(offered())
			r.SCA = embedded("ana")
			w.do(w.c.StartAccess(ctx, r))
			if got := w.hub.of(r.SessionSecret); got != "fail InvalidAttributeValue" {
				t.Error(got)
			}
			b := w.basket(w.order("41.00"), offered())
			b.SCA = embedded("ana")
			w.do(w.c.StartBasket(ctx, b))
			fails(b.SessionSecret, "fail RJCT InvalidAttributeValue")
			w.takes(b.SessionSecret, password("ana"), sdk.ErrStep.Error())
		})
		t.Run("somebody else's account", func(t *testing.T) {
			r := w.order("41.00", byHub("luka"))
			w.do(w.c.StartPayment(ctx, r))
			w.takes(r.SessionSecret, password("luka"), "embedded failed")
			fails(r.SessionSecret, "fail RJCT AccessDenied")
		})
		t.Run("more than there is", func(t *testing.T) {
			r := w.order("900000.00", byHub("ana"))
			w.do(w.c.StartPayment(ctx, r))
			w.takes(r.SessionSecret, password("ana"), "embedded failed")
			fails(r.SessionSecret, "fail RJCT InsufficientFunds")
		})
		t.Run("the third wrong code", func(t *testing.T) {
			r := w.order("41.00", byHub("ana"))
			w.do(w.c.StartPayment(ctx, r))
			w.takes(r.SessionSecret, password("ana"), "embedded scaMethodSelected")
			right := w.code("ana")
			for range triesMax {
				w.takes(r.SessionSecret, answered(wrongCode(right)), sdk.ErrCode.Error())
			}
			w.takes(r.SessionSecret, answered(right), sdk.ErrStep.Error())
			fails(r.SessionSecret, "fail RJCT AccessDenied")
		})
		t.Run("the code of another session", func(t *testing.T) {
			r, other := w.order("41.00", byHub("ana")), w.order("42.00", byHub("ana"))
			w.do(w.c.StartPayment(ctx, r))
			w.do(w.c.StartPayment(ctx, other))
			w.takes(r.SessionSecret, password("ana"), "embedded scaMethodSelected")
			code := w.code("ana")
			w.takes(other.SessionSecret, password("ana"), "embedded scaMethodSelected")
			w.takes(other.SessionSecret, answered(code), sdk.ErrCode.Error())
		})
		t.Run("a session that is nobody's, or on the pages", func(t *testing.T) {
			r := w.order("41.00")
			w.do(w.c.StartPayment(ctx, r))
			p := password("ana")
			p.PSUID = "ana"
			w.takes(r.SessionSecret, p, sdk.ErrStep.Error())
			w.takes("nobody", p, sdk.ErrStep.Error())
		})
		t.Run("one that goes by steps has no page", func(t *testing.T) {
			r := w.order("41.00", byHub("ana"))
			w.do(w.c.StartPayment(ctx, r))
			j, err := scanJourney(w.bank.db.QueryRow(ctx, selectJourney+`session_secret = $2`, w.bank.code, string(r.SessionSecret)))
			w.do(err)
			if b := w.browser().open(w.bank.pageOf(j)); b.status != 404 {
				t.Error(b.status)
			}
		})
		t.Run("one that nobody goes on with", func(t *testing.T) {
			r := w.order("41.00", byHub("ana"))
			w.do(w.c.StartPayment(ctx, r))
			w.takes(r.SessionSecret, password("ana"), "embedded scaMethodSelected")
			code := w.code("ana")
			w.pass(journeyFor)
			w.do(w.bank.work(ctx, true))
			w.takes(r.SessionSecret, answered(code), sdk.ErrStep.Error())
			if e := w.status(r.SessionSecret); e.Status != "RJCT" || e.ErrorClass != "SessionExpired" {
				t.Errorf("%+v", e)
			}
		})
		if got := w.booked("ana-current"); got != ana {
			t.Errorf("%d were paid", ana-got)
		}
	})
}

func TestPasswordsBySteps(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		start := func(login wire.String) wire.String {
			r := accessRequest(everything())
			r.SessionSecret, r.SCA = wire.String(rand.Text()), embedded(login)
			w.do(w.c.StartAccess(t.Context(), r))
			return r.SessionSecret
		}
		t.Run("nothing tells whether a login exists", func(t *testing.T) {
			var told [2]string
			for i, login := range []wire.String{"katharina", "nobody"} {
				s := start(login)
				for range wrongPasswordsMax + 1 {
					got, _ := w.step(s, wire.SessionAuthorise{Password: "nope"})
					told[i] += got + ", "
				}
				told[i] += w.hub.of(s)
				if e := w.hub.last["fail"]; e.UserID != "" {
					t.Errorf("the hub is told %s", e.UserID)
				}
			}
			if told[0] != told[1] || !strings.HasSuffix(told[0], sdk.ErrStep.Error()+", update received psuIdentified, fail AccessDenied") {
				t.Error(told)
			}
		})
		t.Run("five wrong ones in a row lock, over both ways together", func(t *testing.T) {
			r := accessRequest(offered())
			r.SessionSecret = "page"
			w.do(w.c.StartAccess(t.Context(), r))
			b := w.browser().open(w.page())
			s := start("andrei")
			for range 2 {
				w.takes(s, wire.SessionAuthorise{Password: "nope"}, sdk.ErrCredentials.Error())
			}
			for range 3 {
				b.submit("login", "login", "andrei", "password", "nope").sees("is not right")
			}
			w.takes(s, password("andrei"), sdk.ErrCredentials.Error())
			b.logIn("andrei").sees("is not right")
			w.pass(lockFor)
			w.takes(start("andrei"), password("andrei"), "embedded scaMethodSelected")
		})
		t.Run("many guesses at once are no more than five", func(t *testing.T) {
			s := start("luka")
			var tried atomic.Int32
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					_, err := w.c.Authorise(t.Context(), wire.SessionAuthorise{SessionSecret: s, Password: "nope"})
					if errors.Is(err, sdk.ErrCredentials) {
						tried.Add(1)
					}
				})
			}
			wg.Wait()
			if tried.Load() > wrongPasswordsMax {
				t.Error(tried.Load())
			}
			w.takes(start("luka"), password("luka"), sdk.ErrCredentials.Error())
		})
		t.Run("a password that is encrypted, or two of them, are not what this bank has", func(t *testing.T) {
			s := start("maja")
			w.takes(s, wire.SessionAuthorise{EncryptedPassword: "x"}, sdk.ErrInvalid.Error())
			w.takes(s, wire.SessionAuthorise{Password: "x", AdditionalPassword: "y"}, sdk.ErrInvalid.Error())
		})
	})
}
