package consent_test

import (
	"errors"
	"testing"
	"time"

	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/kit/day"
)

var debit = consent.Card{Number: "5409051234561234", ExpiryDate: day.New(2028, 7, 31), Information: "Debetna", Registration: "Pogodba 17"}

func TestFundsConsentsOfTheirOwn(t *testing.T) {
	a := core.AccountReference{IBAN: ibanA, Currency: "EUR"}
	for _, tt := range []struct {
		name string
		r    consent.FundsRequest
		bank func(*profile.Bank)
		err  error
	}{
		{"an account", consent.FundsRequest{Account: a}, nil, nil},
		{"an account and a card", consent.FundsRequest{Account: a, Card: debit}, nil, nil},
		{"the card's last day", consent.FundsRequest{Account: a, Card: consent.Card{ExpiryDate: day.New(2026, 3, 1)}}, nil, nil},
		{"a card that is over", consent.FundsRequest{Account: a, Card: consent.Card{ExpiryDate: day.New(2026, 2, 28)}}, nil, consent.ErrRequest},
		{"an account by a word that the bank does not use", consent.FundsRequest{Account: core.AccountReference{MSISDN: "+38640123456"}}, nil, consent.ErrRequest},
		{"where the bank confirms no funds", consent.FundsRequest{Account: a}, func(b *profile.Bank) { b.Funds.Enabled = false }, consent.ErrNotOffered},
		{"where such consents come as any other", consent.FundsRequest{Account: a}, func(b *profile.Bank) { b.Funds.ConsentVia = profile.FundsByConsents }, consent.ErrNotOffered},
		{"where they are given at the bank", consent.FundsRequest{Account: a}, func(b *profile.Bank) { b.Funds.ConsentVia = profile.FundsAtBank }, consent.ErrNotOffered},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := bank(func(b *profile.Bank) { b.Funds.ConsentVia = profile.FundsByV2 })
			if tt.bank != nil {
				tt.bank(&b)
			}
			c, err := consent.NewFunds(b, "c1", someTPP, tt.r, noon)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			if !c.OfItsOwn() || c.Card != tt.r.Card || (*c.Access.Accounts)[0] != a || c.Status != consent.Received {
				t.Errorf("got %+v", c)
			}
			if c, err = c.Authorise(noon, b.Zone, success, time.Minute); err != nil || c.At(noon.AddDate(500, 0, 0), b.Zone).Status != consent.Valid {
				t.Errorf("it does not live until somebody ends it: %+v, %v", c, err)
			}
		})
	}
}

func TestFundsConsentsLive(t *testing.T) {
	ask := func(t *testing.T, w *consenttest.World, r consent.Creation) consent.Consent {
		t.Helper()
		c, _, err := w.Create(t.Context(), w.At, consenttest.AISP, r)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	creation := func(request string) consent.Creation {
		return consent.Creation{
			Funds: &consent.FundsRequest{Account: core.AccountReference{IBAN: ibanA, Currency: "EUR"}, Card: debit},
			Start: consent.Start{RequestID: request, Body: []byte(`{"account":{}}`)},
		}
	}
	story(t, "the bank hears of account and card", func(t *testing.T, w *consenttest.World) {
		c := ask(t, w, creation(requestID))
		asked := w.Bank.AskedForFunds()
		if len(asked) != 1 {
			t.Fatalf("asked %d times", len(asked))
		}
		r := asked[0]
		got := consent.Card{Number: r.CardNumber, ExpiryDate: r.CardExpiryDate, Information: r.CardInformation, Registration: r.RegistrationInformation}
		if r.Account != (*c.Access.Accounts)[0] || got != debit || r.ConsentID != c.ID {
			t.Errorf("asked for %+v", r)
		}
	})
	story(t, "the same request creates one", func(t *testing.T, w *consenttest.World) {
		first := ask(t, w, creation(requestID))
		if again := ask(t, w, creation(requestID)); again.ID != first.ID || again.Card != debit || !again.OfItsOwn() {
			t.Errorf("got %+v", again)
		}
		r := creation(requestID)
		r.Body = []byte(`{"account":{"iban":""}}`)
		if _, _, err := w.Create(t.Context(), w.At, consenttest.AISP, r); !errors.Is(err, consent.ErrRequest) {
			t.Errorf("another one with the same X-Request-ID: %v", err)
		}
	})
	story(t, "another one of the same PSU and TPP takes no place", func(t *testing.T, w *consenttest.World) {
		first, second := ask(t, w, creation(requestID)), ask(t, w, creation(""))
		w.Allow(t, first, "u1", nil)
		w.Allow(t, second, "u1", nil)
		w.Given(t, consenttest.Everything(), "u1", nil)
		for _, id := range []string{first.ID, second.ID} {
			if c := w.Read(t, id); c.Status != consent.Valid {
				t.Errorf("%s is %s", id, c.Status)
			}
		}
	})
	story(t, "the TPP ends it, and the bank hears so", func(t *testing.T, w *consenttest.World) {
		c := ask(t, w, creation(requestID))
		w.Allow(t, c, "u1", nil)
		if err := w.Terminate(t.Context(), "lon", consenttest.AISP.ID, c.ID, requestID); err != nil {
			t.Fatal(err)
		}
		if err := w.TellBanks(t.Context()); err != nil || len(w.Bank.Revoked()) != 1 || w.Bank.Revoked()[0] != "funds/token-"+c.ID {
			t.Errorf("told %v, %v", w.Bank.Revoked(), err)
		}
	})
	story(t, "the PSU withdraws it at the bank", func(t *testing.T, w *consenttest.World) {
		c := ask(t, w, creation(requestID))
		w.Allow(t, c, "u1", nil)
		if err := w.Revoke(t.Context(), "lon", "token-"+c.ID, true); err != nil || w.Read(t, c.ID).Status != consent.RevokedByPSU {
			t.Errorf("%v, %s", err, w.Read(t, c.ID).Status)
		}
	})
}
