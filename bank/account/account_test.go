package account_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kontor/bank/account"
	"kontor/bank/account/accountsql"
	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb/sqldbtest"
)

const (
	giro    = "SI56020360253863406"
	savings = "SI56051008000032875"
)

// A desk is accounts at a World.
type desk struct {
	*account.Service
	*consenttest.World
}

func open(t *testing.T) desk {
	t.Helper()
	db := sqldbtest.SQLite(t, append([]fs.FS{accountsql.Migrations}, consenttest.Migrations...)...)
	w := consenttest.NewWorld(t, db)
	balances := []core.Balance{{Type: "interimAvailable", Amount: money.Amount{Minor: 123_45, Currency: "EUR"}}}
	w.Bank.Listed = []core.Account{
		{ID: "1", Reference: core.AccountReference{IBAN: giro}, Currency: "EUR", Name: "Giro", OwnerName: "Ana Novak", Balances: balances},
		{ID: "2", Reference: core.AccountReference{IBAN: savings}, Currency: "EUR", Name: "Varčevanje", OwnerName: "Ana Novak", Balances: balances},
	}
	w.Bank.Cards = []core.CardAccount{{ID: "1", MaskedPAN: "5409****1234", Currency: "EUR"}}
	w.Bank.Booked = map[string][]consenttest.Entry{"1": entries(47), "2": {}}
	return desk{&account.Service{Consents: w.Service, Cores: w.Cores, Store: accountsql.Store{DB: db}, Key: []byte(strings.Repeat("k", 32)), Now: w.Now, NewID: rand.Text}, w}
}

// entries makes n entries, newest first, every fifth of them pending, one a day.
func entries(n int) (all []consenttest.Entry) {
	for i := range n {
		all = append(all, consenttest.Entry{
			ID: fmt.Sprintf("e%02d", i), Amount: "-1.00", Currency: "EUR", Pending: i%5 == 0,
			Date: day.New(2026, 3, 1).AddDays(-i).String(),
		})
	}
	return all
}

func (d desk) read(c consent.Consent) account.Read {
	return account.Read{Bank: d.At, TPP: consenttest.AISP, ConsentID: c.ID}
}

func (d desk) attended(c consent.Consent) account.Read {
	r := d.read(c)
	r.PSU.IPAddress = "192.0.2.7"
	return r
}

func (d desk) given(t *testing.T) consent.Consent {
	return d.Given(t, consenttest.Everything(), "u1", &core.Grant{AllPSD2: true})
}

// first returns the resource ID of the account that the bank lists first.
func (d desk) first(t *testing.T, c consent.Consent) string {
	t.Helper()
	all, err := d.Accounts(t.Context(), d.attended(c), false)
	if err != nil || len(all) == 0 {
		t.Fatalf("%v, %v", all, err)
	}
	return all[0].ResourceID
}

var since = day.New(2026, 1, 1)

// page reads one page as a list of IDs.
func (d desk) page(t *testing.T, r account.Read, q account.Report) ([]string, account.Page, error) {
	t.Helper()
	ids := []string{}
	p, err := d.Transactions(t.Context(), r, q, func(e *core.Transaction) error {
		ids = append(ids, string(e.ID))
		return nil
	})
	return ids, p, err
}

func TestPagesOverPagesOfTheBanks(t *testing.T) {
	t.Parallel()
	d := open(t)
	c := d.given(t)
	id := d.first(t, c)
	for _, status := range []string{"booked", "pending", "both"} {
		var want []string
		for _, e := range entries(47) {
			if status == "both" || e.Pending == (status == "pending") {
				want = append(want, e.ID)
			}
		}
		for _, bankSize := range []int{0, 1, 2, 3, 7, 10, 46, 47, 48} {
			d.Bank.PageSize = bankSize
			for _, size := range []int{1, 3, 7, 10, 47, 100} {
				name := fmt.Sprintf("%s, %d of ours over %d of the bank's", status, size, bankSize)
				var got []string
				q := account.Report{ResourceID: id, BookingStatus: status, From: since, ItemsPerPage: size}
				for n := 0; ; n++ {
					ids, p, err := d.page(t, d.attended(c), q)
					if err != nil || len(ids) > size || n > 100 {
						t.Fatalf("%s: page %d: %d entries, %v", name, n, len(ids), err)
					}
					got = append(got, ids...)
					if p.Next == "" {
						break
					}
					if len(ids) != size {
						t.Errorf("%s: page %d has %d entries and is not the last", name, n, len(ids))
					}
					q.Cursor, q.PageIndex = p.Next, n+1
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: got %v, want %v", name, got, want)
				}
			}
			// The same page, without a cursor.
			for _, index := range []int{0, 1, 3, 9, 1_000_000} {
				from, to := min(index*4, len(want)), min(index*4+4, len(want))
				ids, _, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: status, From: since, ItemsPerPage: 4, PageIndex: index})
				if err != nil || !slices.Equal(ids, want[from:to]) {
					t.Errorf("%s, page %d of four over %d of the bank's: got %v, %v; want %v", status, index, bankSize, ids, err, want[from:to])
				}
			}
		}
	}
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Change(func(b *profile.Bank) { b.Accounts.ItemsPerPageDefault, b.Accounts.ItemsPerPageMax = 10, 20 })
	c := d.given(t)
	id := d.first(t, c)
	for asked, want := range map[int]int{0: 10, 5: 5, 20: 20, 21: 20, 1_000_000: 20} {
		ids, p, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "both", From: since, ItemsPerPage: asked})
		if err != nil || len(ids) != want || p.Items != want {
			t.Errorf("asked for %d: got %d, %d, %v", asked, len(ids), p.Items, err)
		}
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	d := open(t)
	c := d.given(t)
	id := d.first(t, c)
	all, _ := d.Accounts(t.Context(), d.attended(c), false)
	q := account.Report{ResourceID: id, BookingStatus: "booked", From: since, ItemsPerPage: 5}
	_, p, err := d.page(t, d.read(c), q)
	if err != nil || p.Next == "" {
		t.Fatal(p, err)
	}
	other := d.Given(t, consenttest.Everything(), "u2", &core.Grant{AllPSD2: true})
	raw, _ := base64.RawURLEncoding.DecodeString(p.Next)
	forged := slices.Clone(raw)
	forged[len(forged)-2] ^= 1
	for _, tt := range []struct {
		name   string
		read   account.Read
		change func(*account.Report)
		err    error
	}{
		{"its own", d.read(c), func(q *account.Report) {}, nil},
		{"its own once more", d.read(c), func(q *account.Report) {}, nil},
		{"its own, with larger pages", d.read(c), func(q *account.Report) { q.ItemsPerPage = 9 }, nil},
		{"with a changed position", d.read(c), func(q *account.Report) { q.Cursor = base64.RawURLEncoding.EncodeToString(forged) }, account.ErrParameter},
		{"cut short", d.read(c), func(q *account.Report) { q.Cursor = q.Cursor[:20] }, account.ErrParameter},
		{"without a position", d.read(c), func(q *account.Report) { q.Cursor = base64.RawURLEncoding.EncodeToString(raw[:32]) }, account.ErrParameter},
		{"of no base64", d.read(c), func(q *account.Report) { q.Cursor = "%%%" }, account.ErrParameter},
		{"made up", d.read(c), func(q *account.Report) { q.Cursor = "1" }, account.ErrParameter},
		{"of another status", d.read(c), func(q *account.Report) { q.BookingStatus = "both" }, account.ErrParameter},
		{"of another period", d.read(c), func(q *account.Report) { q.From = since.AddDays(1) }, account.ErrParameter},
		{"of another end", d.read(c), func(q *account.Report) { q.To = since.AddDays(9) }, account.ErrParameter},
		{"of another account", d.read(c), func(q *account.Report) { q.ResourceID = all[1].ResourceID }, account.ErrParameter},
		{"of another consent", d.read(other), func(q *account.Report) {}, account.ErrParameter},
	} {
		q := q
		q.Cursor = p.Next
		tt.change(&q)
		if _, _, err := d.page(t, tt.read, q); !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.err)
		}
	}
	t.Run("an hour after the report began", func(t *testing.T) {
		q := q
		q.Cursor = p.Next
		d.Pass(59 * time.Minute)
		_, p, err := d.page(t, d.read(c), q)
		if err != nil || p.Next == "" {
			t.Fatal(p, err)
		}
		q.Cursor = p.Next // of the second page, but of the same report
		d.Pass(2 * time.Minute)
		if _, _, err := d.page(t, d.read(c), q); !errors.Is(err, account.ErrParameter) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAReportIsCountedOnceHoweverManyPages(t *testing.T) {
	t.Parallel()
	d := open(t)
	c := d.given(t)
	id := d.first(t, c)
	all, _ := d.Accounts(t.Context(), d.attended(c), false)
	q := account.Report{ResourceID: id, BookingStatus: "booked", From: since, ItemsPerPage: 5}
	for n := range 4 {
		q.Cursor = ""
		for page := 0; page == 0 || q.Cursor != ""; page++ {
			_, p, err := d.page(t, d.read(c), q)
			if err != nil {
				t.Fatalf("report %d, page %d: %v", n+1, page, err)
			}
			q.Cursor = p.Next
		}
		q.BookingStatus = []string{"both", "pending", "booked", "booked"}[n] // another status is the same read
	}
	if _, _, err := d.page(t, d.read(c), q); !errors.Is(err, consent.ErrExceeded) {
		t.Errorf("the fifth report: %v", err)
	}
	q.ResourceID = all[1].ResourceID
	if _, _, err := d.page(t, d.read(c), q); err != nil {
		t.Errorf("of another account: %v", err)
	}
	for i := range 5 {
		_, err := d.Balances(t.Context(), d.read(c), id)
		if (i == 4) != errors.Is(err, consent.ErrExceeded) {
			t.Errorf("balances, read %d: %v", i+1, err)
		}
	}
	if _, err := d.Account(t.Context(), d.read(c), id, true); err != nil {
		t.Errorf("details: %v", err)
	}
}

func TestResourceIDs(t *testing.T) {
	t.Parallel()
	d := open(t)
	c, other := d.given(t), d.Given(t, consenttest.Everything(), "u2", &core.Grant{AllPSD2: true})
	one, two := d.first(t, c), d.first(t, other)
	if one == two {
		t.Error("two consents name the account alike")
	}
	for range 3 {
		if d.first(t, c) != one {
			t.Error("it changes")
		}
	}
	if strings.Contains(one, giro) || len(one) < 20 {
		t.Errorf("%q says too much, or can be guessed", one)
	}
	cards, err := d.CardAccounts(t.Context(), d.attended(c), false)
	if err != nil || len(cards) != 1 || cards[0].ResourceID == one {
		t.Fatalf("%+v, %v; the card's ID at the bank is the account's", cards, err)
	}
	for name, id := range map[string]string{"of another consent": two, "of a card": cards[0].ResourceID, "the bank's own": "1", "an IBAN": giro, "none": ""} {
		if _, err := d.Account(t.Context(), d.attended(c), id, false); !errors.Is(err, account.ErrUnknown) {
			t.Errorf("%s: got %v", name, err)
		}
		if _, _, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "booked", From: since}); !errors.Is(err, account.ErrUnknown) {
			t.Errorf("transactions %s: got %v", name, err)
		}
	}
}

func TestHistory(t *testing.T) {
	today := day.New(2026, 3, 1)
	for _, tt := range []struct {
		name     string
		from, to day.Day
		later    time.Duration // after SCA
		err      error
	}{
		{"ninety days", today.AddDays(-90), day.Day{}, time.Hour, nil},
		{"one day more", today.AddDays(-91), day.Day{}, time.Hour, account.ErrPeriod},
		{"one day more, just after SCA", today.AddDays(-91), day.Day{}, 15*time.Minute - 1, nil},
		{"one day more, when the window is over", today.AddDays(-91), day.Day{}, 15 * time.Minute, account.ErrPeriod},
		{"two years, just after SCA", today.AddDays(-730), day.Day{}, time.Minute, nil},
		{"today only", today, today, time.Hour, nil},
		{"until the day after tomorrow is until today", today, today.AddDays(2), time.Hour, nil},
		{"from tomorrow on", today.AddDays(1), day.Day{}, time.Hour, account.ErrPeriod},
		{"from a day to the day before", today.AddDays(-3), today.AddDays(-4), time.Hour, account.ErrPeriod},
		{"from no day", day.Day{}, today, time.Hour, account.ErrParameter},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			c := d.given(t)
			id := d.first(t, c)
			d.Pass(tt.later)
			_, _, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "booked", From: tt.from, To: tt.to})
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
		})
	}
}

func TestPeriodFilters(t *testing.T) {
	t.Parallel()
	d := open(t)
	c := d.given(t)
	ids, _, err := d.page(t, d.attended(c), account.Report{ResourceID: d.first(t, c), BookingStatus: "both", From: day.New(2026, 2, 25), To: day.New(2026, 2, 27)})
	if want := []string{"e02", "e03", "e04"}; err != nil || !slices.Equal(ids, want) {
		t.Errorf("got %v, %v; want %v: both days count", ids, err, want)
	}
	// What the bank has dated ahead is none of today's entries.
	ahead := consenttest.Entry{ID: "ahead", Amount: "1.00", Currency: "EUR", Date: "2026-03-02"}
	d.Bank.Booked["1"] = append([]consenttest.Entry{ahead}, d.Bank.Booked["1"]...)
	ids, _, err = d.page(t, d.attended(c), account.Report{ResourceID: d.first(t, c), BookingStatus: "both", From: day.New(2026, 2, 25), To: day.New(2026, 3, 9)})
	if err != nil || len(ids) == 0 || slices.Contains(ids, "ahead") {
		t.Errorf("got %v, %v", ids, err)
	}
}

func TestOneTransaction(t *testing.T) {
	t.Parallel()
	d := open(t)
	strange := []string{`a&b`, `a"`, `"`, `a\b`, `<x>`, `š/č`, "1 2", "e03"}
	for _, id := range strange[:7] {
		d.Bank.Booked["1"] = append(d.Bank.Booked["1"], consenttest.Entry{ID: id, Amount: "1.00", Currency: "EUR", Date: "2026-02-01"})
	}
	d.Bank.PageSize = 4
	c := d.given(t)
	id := d.first(t, c)
	for _, want := range strange {
		found := 0
		err := d.Transaction(t.Context(), d.attended(c), id, want, func(e *core.Transaction) error { found++; return nil })
		if err != nil || found != 1 {
			t.Errorf("%s: found %d, %v", want, found, err)
		}
	}
	for _, none := range []string{"e99", "", "E03", "e03 ", "a\x00b", "\xff", strings.Repeat("x", 10_000), `a\u0026b`} {
		err := d.Transaction(t.Context(), d.attended(c), id, none, func(e *core.Transaction) error { t.Errorf("found %s", e.ID); return nil })
		if !errors.Is(err, account.ErrTransaction) {
			t.Errorf("%.20q: got %v", none, err)
		}
	}
	for i := range 5 {
		err := d.Transaction(t.Context(), d.read(c), id, "e03", func(*core.Transaction) error { return nil })
		if (i == 4) != errors.Is(err, consent.ErrExceeded) {
			t.Errorf("read %d: %v", i+1, err)
		}
	}
	if err := d.Transaction(t.Context(), d.read(c), id, "e04", func(*core.Transaction) error { return nil }); err != nil {
		t.Errorf("another one is counted by itself: %v", err)
	}
}

func TestAnOldTransactionIsFoundWhileHistoryIsOpen(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Bank.Booked["1"] = append(d.Bank.Booked["1"], consenttest.Entry{ID: "old", Amount: "1.00", Currency: "EUR", Date: "2025-06-01"})
	c := d.given(t)
	id := d.first(t, c)
	find := func() error {
		return d.Transaction(t.Context(), d.attended(c), id, "old", func(*core.Transaction) error { return nil })
	}
	if err := find(); err != nil {
		t.Errorf("just after SCA: %v", err)
	}
	d.Pass(time.Hour)
	if err := find(); !errors.Is(err, account.ErrTransaction) {
		t.Errorf("an hour later: got %v", err)
	}
}

func TestWhatTheConsentDoesNotGive(t *testing.T) {
	t.Parallel()
	d := open(t)
	named := func(iban string) *[]core.AccountReference { return &[]core.AccountReference{{IBAN: iban}} }
	r := consenttest.Everything()
	r.Access = consent.Access{Accounts: named(giro), Balances: named(giro), Transactions: named(savings)}
	c := d.Given(t, r, "u1", nil)
	all, err := d.Accounts(t.Context(), d.attended(c), true)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if all[0].Details.Balances == nil || all[1].Details.Balances != nil || all[0].Details.OwnerName != "" {
		t.Errorf("balances of one account and no owner: got %+v", all)
	}
	if _, err := d.Balances(t.Context(), d.attended(c), all[1].ResourceID); !errors.Is(err, consent.ErrInvalid) {
		t.Errorf("balances of the other: %v", err)
	}
	if _, err := d.Account(t.Context(), d.attended(c), all[1].ResourceID, true); !errors.Is(err, consent.ErrInvalid) {
		t.Errorf("details of the other, with balances: %v", err)
	}
	if _, _, err := d.page(t, d.attended(c), account.Report{ResourceID: all[0].ResourceID, BookingStatus: "booked", From: since}); !errors.Is(err, consent.ErrInvalid) {
		t.Errorf("transactions of the first: %v", err)
	}
	if _, _, err := d.page(t, d.attended(c), account.Report{ResourceID: all[1].ResourceID, BookingStatus: "booked", From: since}); err != nil {
		t.Errorf("transactions of the other: %v", err)
	}
	if all, err := d.Accounts(t.Context(), d.attended(c), false); err != nil || all[0].Details.Balances != nil {
		t.Errorf("balances that were not asked for are shown: %v, %v", all, err)
	}
	if got, err := d.CardAccounts(t.Context(), d.attended(c), false); err != nil || len(got) != 0 {
		t.Errorf("cards: %v, %v", got, err)
	}
}

func TestAConsentThatPermitsNothingAsksNothingOfTheBank(t *testing.T) {
	t.Parallel()
	d := open(t)
	waiting := d.Ask(t, consenttest.Everything())
	ended := d.given(t)
	d.first(t, ended)
	if err := d.Terminate(t.Context(), "lon", consenttest.AISP.ID, ended.ID, ""); err != nil {
		t.Fatal(err)
	}
	d.Change(func(b *profile.Bank) { b.Funds.ConsentVia = profile.FundsByConsents })
	funds := consenttest.Everything()
	funds.Access, funds.ConfirmationOfFundsAllowed = consent.Access{Accounts: &[]core.AccountReference{{IBAN: giro}}}, true
	piis := d.Given(t, funds, "u1", nil)
	before := d.Bank.Reads()
	for name, tt := range map[string]struct {
		read account.Read
		err  error
	}{
		"waiting": {d.read(waiting), consent.ErrInvalid}, "ended": {d.read(ended), consent.ErrInvalid}, "of funds": {d.read(piis), consent.ErrInvalid},
		"unknown": {account.Read{Bank: d.At, TPP: consenttest.AISP, ConsentID: "none"}, consent.ErrUnknown},
	} {
		if _, err := d.Accounts(t.Context(), tt.read, false); !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if d.Bank.Reads() != before {
		t.Error("the bank was asked")
	}
}

func TestTheBankSaysThatItIsOver(t *testing.T) {
	for _, tt := range []struct {
		name   string
		says   error
		err    error
		status consent.Status
	}{
		{"the token has expired", core.ErrTokenExpired, consent.ErrExpired, consent.Expired},
		{"the access was withdrawn", core.ErrAccessDenied, consent.ErrInvalid, consent.RevokedByPSU},
		{"the account is gone", core.ErrAccountUnknown, account.ErrUnknown, consent.Valid},
		{"the bank does not answer", core.ErrUnavailable, core.ErrUnavailable, consent.Valid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			c := d.given(t)
			id := d.first(t, c)
			d.Bank.End(c.Token, tt.says)
			if _, _, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "booked", From: since}); !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			if s := d.Read(t, c.ID).Status; s != tt.status {
				t.Errorf("the consent is %s, want %s", s, tt.status)
			}
			if ended := slices.Contains(d.TokensRevoked(), c.ID); ended != tt.status.Final() {
				t.Errorf("its tokens are ended: %v", ended)
			}
		})
	}
}

func TestAnAccountThatTheBankClosesIsUnknown(t *testing.T) {
	t.Parallel()
	d := open(t)
	c := d.given(t)
	id := d.first(t, c)
	d.Bank.Listed = d.Bank.Listed[1:]
	if _, err := d.Account(t.Context(), d.attended(c), id, false); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if all, err := d.Accounts(t.Context(), d.attended(c), false); err != nil || len(all) != 1 {
		t.Errorf("got %v, %v", all, err)
	}
}

func TestBookingStatusesThatTheBankDoesNotOffer(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Change(func(b *profile.Bank) { b.Accounts.BookingStatuses = []string{"booked"} })
	c := d.given(t)
	id := d.first(t, c)
	for _, status := range []string{"pending", "both", "information", "", strings.Repeat("x", 5000)} {
		_, _, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: status, From: since})
		if !errors.Is(err, account.ErrNotSupported) || len(err.Error()) > 200 {
			t.Errorf("%.10s: got %v", status, err)
		}
	}
}

// A bank whose cursors never end must not keep a request for ever.
func TestPagesThatGoRoundInACircle(t *testing.T) {
	t.Parallel()
	d := open(t)
	c := d.given(t)
	id := d.first(t, c)
	d.At.Accounts.ItemsPerPageDefault = 1
	_, p, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "booked", From: since})
	if err != nil || p.Last == "" {
		t.Fatal(p, err)
	}
	d.Cores["lon"] = circle{d.Bank}
	if _, _, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "booked", From: since, Cursor: p.Last}); !errors.Is(err, core.ErrMalformed) {
		t.Errorf("the last page: %v", err)
	}
	_, _, err = d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "booked", From: since})
	if !errors.Is(err, core.ErrMalformed) {
		t.Errorf("got %v", err)
	}
	if err := d.Transaction(t.Context(), d.attended(c), id, "none", func(*core.Transaction) error { return nil }); !errors.Is(err, core.ErrMalformed) {
		t.Errorf("got %v", err)
	}
}

type circle struct{ *consenttest.Bank }

func (circle) Transactions(context.Context, core.Access, core.TransactionQuery, func(*core.Transaction) error) (string, error) {
	return "again", nil
}

func TestManyReadersAtOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	c := d.given(t) // nobody has asked yet which accounts it means
	var wg sync.WaitGroup
	var permitted atomic.Int32
	for range 16 {
		wg.Go(func() {
			all, err := d.Accounts(context.Background(), d.read(c), true)
			switch {
			case errors.Is(err, consent.ErrExceeded):
			case err != nil || len(all) != 2:
				t.Errorf("got %v, %v", all, err)
			default:
				permitted.Add(1)
			}
		})
	}
	wg.Wait()
	if permitted.Load() != 4 {
		t.Errorf("%d were permitted, want 4", permitted.Load())
	}
}
