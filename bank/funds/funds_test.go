package funds_test

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/consent"
	"kontor/bank/consent/consentsql"
	"kontor/bank/core"
	"kontor/bank/funds"
	"kontor/bank/funds/fundssql"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit/auditsql"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/secretbox"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

const (
	ours   = "SI56191000000123438"
	theirs = "DE89370400440532013000"
	carded = "SI56020360253863406"
	caller = tpp.ID("PSDSI-BS-1234567")
)

var now = time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)

// till is a bank that confirms up to a hundred euro.
type till struct {
	core.Bank // the rest of a bank is not asked
	asked     []core.AccountReference
	access    core.Access
	limit     int64 // cents; 0: a hundred euro
	err       error
}

func (b *till) FundsAvailable(_ context.Context, a core.Access, account core.AccountReference, amount money.Amount) (bool, error) {
	b.asked, b.access = append(b.asked, account), a
	return b.err == nil && amount.Minor <= cmp.Or(b.limit, 10000), b.err
}

// open returns a Service whose TPP holds these consents: f for ours in euro, f-ended for
// theirs, and ais for accounts.
func open(t *testing.T, db *sqldb.DB) (*funds.Service, *till) {
	keys, err := secretbox.Generate()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secretbox.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return now }
	b := profile.Bank{Code: "lon", Zone: time.UTC}
	cores := map[string]core.Bank{}
	record := auditsql.Log{DB: db}
	consents := &consent.Service{
		Store: consentsql.Store{DB: db, Box: box}, Cores: cores, Banks: map[string]profile.Bank{"lon": b}, Audit: record, Atomically: db.Atomically, Now: clock,
		RevokeTokens:   func(context.Context, string, string) error { return nil },
		Authorisations: &authorisation.Service{Store: authorisationsql.Store{DB: db}, Atomically: db.Atomically, Now: clock},
	}
	account := func(iban, currency string) consent.Access {
		return consent.Access{Accounts: &[]core.AccountReference{{IBAN: iban, Currency: currency}}}
	}
	for _, c := range []consent.Consent{
		{ID: "f", Model: consent.Funds, Access: account(ours, "EUR"), Status: consent.Valid},
		{ID: "f-ended", Model: consent.Funds, Access: account(theirs, "EUR"), Status: consent.RevokedByPSU},
		{ID: "f-card", Model: consent.Funds, Access: account(carded, "EUR"), Status: consent.Valid, Card: consent.Card{Number: "5409051234561234"}},
		{ID: "f-other-card", Model: consent.Funds, Access: account(carded, "EUR"), Status: consent.Valid, Card: consent.Card{Number: "5409051234560000"}, AuthorisedAt: now.Add(-time.Hour)},
		{ID: "f-usd", Model: consent.Funds, Access: account(carded, "USD"), Status: consent.Valid, AuthorisedAt: now.Add(time.Hour)},
		{ID: "ais", Model: consent.Dedicated, Access: account(ours, "EUR"), Status: consent.Valid},
	} {
		c.Bank, c.TPP, c.CreatedAt = "lon", caller, now
		if c.AuthorisedAt.IsZero() {
			c.AuthorisedAt = now
		}
		c.ValidUntil, c.ExpiresAt, c.LastActionDate = day.New(9999, 12, 31), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), day.New(2026, 3, 2)
		c.Token, c.Session = "token-"+c.ID, "session-"+c.ID
		if err := consents.Store.Create(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	bank := &till{}
	cores["lon"] = bank
	return &funds.Service{Consents: consents, Cores: cores, Audit: record, Answers: fundssql.Store{DB: db}, Now: clock}, bank
}

func each(t *testing.T, test func(t *testing.T, s *funds.Service, b *till)) {
	sqldbtest.Each(t, []fs.FS{auditsql.Migrations, authorisationsql.Migrations, consentsql.Migrations, fundssql.Migrations}, func(t *testing.T, db *sqldb.DB) {
		s, b := open(t, db)
		test(t, s, b)
	})
}

func question() funds.Question {
	return funds.Question{Bank: "lon", TPP: caller, Account: core.AccountReference{IBAN: ours}, Amount: money.Amount{Minor: 10000, Currency: "EUR"}, RequestID: "r1", Body: []byte(`{"a":1}`)}
}

func TestAvailable(t *testing.T) {
	each(t, testAvailable)
}

func testAvailable(t *testing.T, s *funds.Service, b *till) {
	recorded := 0
	for _, tt := range []struct {
		name   string
		change func(*funds.Question)
		want   bool
		err    error
	}{
		{"there is enough", func(q *funds.Question) {}, true, nil},
		{"there is a cent too little", func(q *funds.Question) { q.Amount.Minor++ }, false, nil},
		{"the consent is named", func(q *funds.Question) { q.ConsentID = "f" }, true, nil},
		{"the currency is named as in the consent", func(q *funds.Question) { q.Account.Currency = "EUR" }, true, nil},
		{"the account is known in another currency only", func(q *funds.Question) { q.Account.Currency = "USD" }, false, funds.ErrNoActivation},
		{"nobody allowed it for this account", func(q *funds.Question) { q.Account.IBAN = "SI56192001234567892" }, false, funds.ErrNoActivation},
		{"who allowed it has withdrawn", func(q *funds.Question) { q.Account.IBAN = theirs }, false, funds.ErrNoActivation},
		{"the consent that is named was withdrawn", func(q *funds.Question) { q.Account.IBAN, q.ConsentID = theirs, "f-ended" }, false, consent.ErrInvalid},
		{"the consent that is named is for another account", func(q *funds.Question) { q.Account.IBAN, q.ConsentID = theirs, "f" }, false, consent.ErrInvalid},
		{"the consent that is named only reads", func(q *funds.Question) { q.ConsentID = "ais" }, false, consent.ErrInvalid},
		{"the consent that is named is unknown", func(q *funds.Question) { q.ConsentID = "nothing" }, false, consent.ErrUnknown},
		{"another TPP asks", func(q *funds.Question) { q.TPP = "PSDSI-BS-7654321" }, false, funds.ErrNoActivation},
		{"another TPP names the consent", func(q *funds.Question) { q.TPP, q.ConsentID = "PSDSI-BS-7654321", "f" }, false, consent.ErrUnknown},
		{"no amount", func(q *funds.Question) { q.Amount.Minor = 0 }, false, funds.ErrRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := question()
			q.RequestID = tt.name
			tt.change(&q)
			b.asked = nil
			got, err := s.Available(t.Context(), q)
			if got != tt.want || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("got %t, %v; want %t, %v", got, err, tt.want, tt.err)
			}
			if tt.err != nil {
				if len(b.asked) != 0 {
					t.Error("the bank was asked without permission")
				}
				return
			}
			if b.asked[0] != (core.AccountReference{IBAN: ours, Currency: "EUR"}) || b.access.Token != "token-f" || b.access.Session != "session-f" {
				t.Errorf("the bank was asked %+v by %+v", b.asked, b.access)
			}
			recorded++
			entries, err := s.Audit.(auditsql.Log).Of(t.Context(), "lon", "f")
			if len(entries) != recorded || entries[0].Action != "funds.confirm" || entries[recorded-1].RequestID != tt.name || err != nil {
				t.Errorf("recorded: %+v, %v", entries, err)
			}
		})
	}
}

func TestTheBankSaysThatTheAccessIsOver(t *testing.T) {
	for _, tt := range []struct {
		name      string
		told, err error
		status    consent.Status
	}{
		{"it ran out", core.ErrTokenExpired, consent.ErrExpired, consent.Expired},
		{"it was withdrawn", core.ErrAccessDenied, consent.ErrInvalid, consent.RevokedByPSU},
		{"the account is closed", core.ErrAccountUnknown, funds.ErrNoActivation, consent.Valid},
		{"the bank is away", core.ErrUnavailable, core.ErrUnavailable, consent.Valid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, s *funds.Service, b *till) {
				b.err = tt.told
				if _, err := s.Available(t.Context(), question()); !errors.Is(err, tt.err) {
					t.Errorf("got %v; want %v", err, tt.err)
				}
				c, err := s.Consents.Get(t.Context(), "lon", caller, "f")
				if c.Status != tt.status || err != nil {
					t.Errorf("the consent is %s, %v; want %s", c.Status, err, tt.status)
				}
			})
		})
	}
}

func TestTheSameQuestionGetsTheSameAnswer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		later  time.Duration
		change func(*funds.Question)
		want   bool
		asked  int // of the bank, in all
		err    error
	}{
		{"at once", 0, func(*funds.Question) {}, true, 1, nil},
		{"after 23 hours and 59 minutes", 24*time.Hour - time.Minute, func(*funds.Question) {}, true, 1, nil},
		{"after a day it is another question", 24 * time.Hour, func(*funds.Question) {}, false, 2, nil},
		{"another request", 0, func(q *funds.Question) { q.RequestID = "r2" }, false, 2, nil},
		{"another body with the same X-Request-ID", 0, func(q *funds.Question) { q.Body = []byte(`{"a":2}`) }, false, 1, funds.ErrRequest},
		{"another consent with the same X-Request-ID", 0, func(q *funds.Question) { q.ConsentID = "f" }, false, 1, funds.ErrRequest},
		{"another TPP with the same X-Request-ID", 0, func(q *funds.Question) { q.TPP = "PSDSI-BS-7654321" }, false, 1, funds.ErrNoActivation},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, s *funds.Service, b *till) {
				clock := now
				s.Now = func() time.Time { return clock }
				if first, err := s.Available(t.Context(), question()); !first || err != nil {
					t.Fatalf("the first: %t, %v", first, err)
				}
				clock = clock.Add(tt.later)
				b.err = nil
				b.limit = 1 // the money is gone meanwhile
				q := question()
				tt.change(&q)
				restarted := *s
				got, err := restarted.Available(t.Context(), q)
				if got != tt.want || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) || len(b.asked) != tt.asked {
					t.Errorf("got %t, %v, and the bank was asked %d times; want %t, %v, %d", got, err, len(b.asked), tt.want, tt.err, tt.asked)
				}
			})
		})
	}
}

func TestARefusedQuestionDoesNotUseUpItsRequest(t *testing.T) {
	each(t, func(t *testing.T, s *funds.Service, b *till) {
		b.err = core.ErrUnavailable
		if _, err := s.Available(t.Context(), question()); !errors.Is(err, core.ErrUnavailable) {
			t.Fatal(err)
		}
		b.err = nil
		q := question()
		q.Body = []byte(`{"a":2}`)
		if got, err := s.Available(t.Context(), q); !got || err != nil {
			t.Errorf("got %t, %v", got, err)
		}
	})
}

// Of several consents on an account the newest that allows the question counts.
func TestWhichConsentCounts(t *testing.T) {
	each(t, func(t *testing.T, s *funds.Service, b *till) {
		eur, usd := core.AccountReference{IBAN: carded, Currency: "EUR"}, core.AccountReference{IBAN: carded, Currency: "USD"}
		for _, tt := range []struct {
			name   string
			change func(*funds.Question)
			token  string // "": the bank is not asked
			asked  core.AccountReference
			err    error
		}{
			{"the newest, in whichever currency", func(q *funds.Question) { q.Account.Currency = "" }, "token-f-usd", usd, nil},
			{"the newest in euro", func(q *funds.Question) {}, "token-f-card", eur, nil},
			{"that of the card", func(q *funds.Question) { q.CardNumber = "5409051234561234" }, "token-f-card", eur, nil},
			{"an older one, of another card", func(q *funds.Question) { q.CardNumber = "5409051234560000" }, "token-f-other-card", eur, nil},
			{"one that names no card is for all", func(q *funds.Question) { q.CardNumber, q.Account.Currency = "77", "USD" }, "token-f-usd", usd, nil},
			{"a card that none names", func(q *funds.Question) { q.CardNumber = "77" }, "", eur, funds.ErrCard},
			{"the card of another consent than the one that is named", func(q *funds.Question) { q.CardNumber, q.ConsentID = "5409051234560000", "f-card" }, "", eur, funds.ErrCard},
			{"a currency that none has", func(q *funds.Question) { q.Account.Currency = "CHF" }, "", eur, funds.ErrNoActivation},
			{"a currency that the one that is named has not", func(q *funds.Question) { q.Account.Currency, q.ConsentID = "CHF", "f-card" }, "", eur, consent.ErrInvalid},
		} {
			q := question()
			q.Account, q.RequestID = eur, tt.name
			tt.change(&q)
			b.asked, b.access = nil, core.Access{}
			ok, err := s.Available(t.Context(), q)
			if !errors.Is(err, tt.err) || ok != (tt.err == nil) || b.access.Token != tt.token {
				t.Errorf("%s: %t, %v, by %q; want %v by %q", tt.name, ok, err, b.access.Token, tt.err, tt.token)
			}
			if err == nil && (len(b.asked) != 1 || b.asked[0] != tt.asked) {
				t.Errorf("%s: asked about %+v", tt.name, b.asked)
			}
		}
	})
}

// Where the customer allows it at the bank, the bank says whether the TPP may ask.
func TestWhatIsAllowedAtTheBank(t *testing.T) {
	each(t, func(t *testing.T, s *funds.Service, b *till) {
		at := s.Consents.Banks["lon"]
		at.Funds.ConsentVia = profile.FundsAtBank
		s.Consents.Banks["lon"] = at
		for _, tt := range []struct {
			name    string
			consent string
			bank    error
			err     error
		}{
			{"the bank answers", "", nil, nil},
			{"the customer has not allowed it", "", core.ErrAccessDenied, funds.ErrNoActivation},
			{"the bank has no such account", "", core.ErrAccountUnknown, funds.ErrNoActivation},
			{"the bank takes no such question", "", core.ErrNotOffered, funds.ErrNoActivation},
			{"the bank does not answer", "", core.ErrUnavailable, core.ErrUnavailable},
			{"a consent is named", "f", nil, consent.ErrUnknown},
		} {
			q := question()
			q.Account.Currency, q.RequestID, q.ConsentID, q.CardNumber = "", tt.name, tt.consent, "77"
			b.asked, b.access, b.err = nil, core.Access{}, tt.bank
			ok, err := s.Available(t.Context(), q)
			if !errors.Is(err, tt.err) || ok != (tt.err == nil) {
				t.Errorf("%s: %t, %v", tt.name, ok, err)
			}
			if tt.consent == "" && (b.access != core.Access{TPP: string(caller)} || len(b.asked) != 1 || b.asked[0] != q.Account) {
				t.Errorf("%s: the bank was asked %+v by %+v", tt.name, b.asked, b.access)
			}
			b.err = core.ErrAccessDenied // since
			if again, err := s.Available(t.Context(), q); tt.err == nil && (err != nil || !again) {
				t.Errorf("%s: asked again: %t, %v", tt.name, again, err)
			}
		}
	})
}
