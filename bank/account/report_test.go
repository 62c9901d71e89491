package account_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"kontor/bank/account"
	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/kit/day"
	"kontor/kit/money"
)

// everything lets the bank of d show every kind of report.
func (d *desk) everything() {
	d.At.Accounts.BookingStatuses = []string{"booked", "pending", "both", "information", "all"}
	d.At.Accounts.EntryReferenceFrom, d.At.Accounts.DeltaList, d.At.Accounts.Downloads = true, true, true
	d.At.Accounts.Cards, d.At.Accounts.TrustedBeneficiaries = true, true
}

func TestLinksLeadToEveryPage(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.everything()
	c := d.given(t)
	id := d.first(t, c)
	all := entries(47)
	names := func(from, to int) (ids []string) {
		for _, e := range all[from:to] {
			ids = append(ids, e.ID)
		}
		return ids
	}
	for _, bankSize := range []int{0, 1, 4, 10, 13} {
		t.Run(fmt.Sprintf("%d of the bank's to a page", bankSize), func(t *testing.T) {
			d.Bank.PageSize = bankSize
			q := account.Report{ResourceID: id, BookingStatus: "both", From: since, ItemsPerPage: 10}
			to := func(cursor string, want []string, index int) account.Page {
				t.Helper()
				q := q
				q.Cursor = cursor
				got, p, err := d.page(t, d.attended(c), q)
				if err != nil || !slices.Equal(got, want) || p.Index != index {
					t.Fatalf("page %d: %v, %v; want page %d: %v", p.Index, got, err, index, want)
				}
				return p
			}
			first := to("", names(0, 10), 0)
			if first.First != "" || first.Previous != "" || first.Next == "" || first.Last == "" {
				t.Errorf("the first page leads to %+v", first)
			}
			last := to(first.Last, names(40, 47), 4)
			if last.Next != "" || last.Last != "" {
				t.Errorf("the last page leads on: %+v", last)
			}
			fourth := to(last.Previous, names(30, 40), 3)
			to(fourth.Next, names(40, 47), 4)
			to(fourth.First, names(0, 10), 0)
			third := to(fourth.Previous, names(20, 30), 2)
			to(third.Last, names(40, 47), 4)
		})
	}
}

func TestOnlyWhatIsNewerThanAnEntry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, reference, status string
		from                    day.Day
		want                    []string
	}{
		{"booked entries after the one that is named", "ref-e04", "booked", day.Day{}, []string{"e01", "e02", "e03"}},
		{"pending ones among them", "ref-e04", "both", day.Day{}, []string{"e00", "e01", "e02", "e03"}},
		{"nothing after the newest", "ref-e01", "booked", day.Day{}, []string{}},
		{"a period narrows it further", "ref-e04", "booked", day.New(2026, 2, 27), []string{"e01", "e02"}},
		{"an entry that nobody knows ends nothing", "none", "booked", day.New(2026, 2, 26), []string{"e01", "e02", "e03"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.everything()
			for i := range d.Bank.Booked["1"] {
				d.Bank.Booked["1"][i].Reference = "ref-" + d.Bank.Booked["1"][i].ID
			}
			con := d.given(t)
			got, _, err := d.page(t, d.attended(con), account.Report{ResourceID: d.first(t, con), BookingStatus: c.status, From: c.from, EntryReferenceFrom: c.reference})
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestOnlyWhatIsNewSinceTheLastReport(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.everything()
	d.Bank.Booked["1"] = entries(8)
	c := d.given(t)
	id := d.first(t, c)
	delta := func(want ...string) {
		t.Helper()
		got := []string{}
		q := account.Report{ResourceID: id, BookingStatus: "booked", Delta: true, ItemsPerPage: 3}
		for {
			ids, p, err := d.page(t, d.attended(c), q)
			if err != nil {
				t.Fatal(err)
			}
			if p.Download != "" {
				t.Error("what is new can be downloaded, which would be all")
			}
			got = append(got, ids...)
			if q.Cursor = p.Next; q.Cursor == "" {
				break
			}
		}
		if !slices.Equal(got, append([]string{}, want...)) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	book := func(ids ...string) {
		for _, id := range ids {
			d.Bank.Booked["1"] = slices.Insert(d.Bank.Booked["1"], 0, consenttest.Entry{ID: id, Amount: "1.00", Currency: "EUR", Date: "2026-03-01"})
		}
	}
	delta("e01", "e02", "e03", "e04", "e06", "e07")
	delta()
	book("n1", "n2")
	delta("n2", "n1")
	book("n3")
	// A report whose later pages nobody fetched was not read: the next one tells it again.
	book("n4", "n5", "n6", "n7")
	if ids, p, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "booked", Delta: true, ItemsPerPage: 3}); err != nil || len(ids) != 3 || p.Next == "" {
		t.Fatalf("%v, %+v, %v", ids, p, err)
	}
	delta("n7", "n6", "n5", "n4", "n3")
	delta()

	other := d.Given(t, consenttest.Everything(), "u2", &core.Grant{AllPSD2: true})
	ids, _, err := d.page(t, d.attended(other), account.Report{ResourceID: d.first(t, other), BookingStatus: "booked", Delta: true})
	if err != nil || len(ids) != 13 {
		t.Errorf("another consent has read nothing yet, and gets %d entries, %v", len(ids), err)
	}
}

func TestParametersThatABankDoesNotOffer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		q    account.Report
		err  error
	}{
		{"a reference alone", account.Report{BookingStatus: "booked", EntryReferenceFrom: "x"}, account.ErrNotSupported},
		{"news alone", account.Report{BookingStatus: "booked", Delta: true}, account.ErrNotSupported},
		{"a reference with a period, which is served", account.Report{BookingStatus: "booked", EntryReferenceFrom: "x", From: since}, nil},
		{"news with a period, which is served", account.Report{BookingStatus: "booked", Delta: true, From: since}, nil},
		{"both at once", account.Report{BookingStatus: "booked", Delta: true, EntryReferenceFrom: "x", From: since}, account.ErrParameter},
		{"standing orders", account.Report{BookingStatus: "information"}, account.ErrNotSupported},
		{"everything", account.Report{BookingStatus: "all", From: since}, account.ErrNotSupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.At.Accounts.EntryReferenceFrom, d.At.Accounts.DeltaList = false, false
			d.At.Accounts.BookingStatuses = []string{"booked", "pending", "both"}
			con := d.given(t)
			c.q.ResourceID = d.first(t, con)
			if _, _, err := d.page(t, d.attended(con), c.q); !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
		})
	}
}

func TestStandingOrders(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.everything()
	c := d.given(t)
	id := d.first(t, c)
	if _, _, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "information"}); !errors.Is(err, account.ErrNotSupported) {
		t.Errorf("a bank that tells none: %v", err)
	}
	d.Bank.Standing = map[string][]consenttest.Entry{"1": {{ID: "s1", Amount: "-450.00", Currency: "EUR", Date: "2026-01-01", Text: "Najemnina"}}}
	ids, _, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "information"})
	if err != nil || !slices.Equal(ids, []string{"s1"}) {
		t.Errorf("alone: %v, %v", ids, err)
	}
	q := account.Report{ResourceID: id, BookingStatus: "all", From: since, ItemsPerPage: 40}
	ids, p, err := d.page(t, d.attended(c), q)
	if err != nil || len(ids) != 41 || ids[0] != "s1" {
		t.Errorf("with all else: %v, %v", ids, err)
	}
	q.Cursor = p.Next
	if ids, _, err = d.page(t, d.attended(c), q); err != nil || len(ids) != 7 {
		t.Errorf("they stand on the first page only: %v, %v", ids, err)
	}
}

func TestCards(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.everything()
	d.Bank.Cards[0].Balances = []core.Balance{{Type: "nonInvoiced", Amount: money.Amount{Minor: -4200, Currency: "EUR"}}}
	d.Bank.CardEntries = map[string][]consenttest.Entry{"1": entries(12)}
	c := d.given(t)
	cards, err := d.CardAccounts(t.Context(), d.attended(c), true)
	if err != nil || len(cards) != 1 || len(cards[0].CardAccount.Balances) != 1 {
		t.Fatalf("%+v, %v", cards, err)
	}
	id := cards[0].ResourceID
	if card, err := d.CardAccount(t.Context(), d.attended(c), id, false); err != nil || card.MaskedPAN != "5409****1234" || card.CardAccount.Balances != nil {
		t.Errorf("details: %+v, %v", card, err)
	}
	if card, err := d.CardBalances(t.Context(), d.attended(c), id); err != nil || len(card.CardAccount.Balances) != 1 {
		t.Errorf("balances: %+v, %v", card, err)
	}
	for _, status := range []string{"booked", "pending", "both"} {
		got := []string{}
		q := account.Report{ResourceID: id, BookingStatus: status, From: since, ItemsPerPage: 5}
		for {
			p, err := d.CardTransactions(t.Context(), d.attended(c), q, func(e *core.CardTransaction) error {
				got = append(got, string(e.ID))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if q.Cursor = p.Next; q.Cursor == "" {
				break
			}
		}
		if want := map[string]int{"booked": 9, "pending": 3, "both": 12}[status]; len(got) != want {
			t.Errorf("%s: %v", status, got)
		}
	}
	for _, status := range []string{"information", "all"} {
		if _, err := d.CardTransactions(t.Context(), d.attended(c), account.Report{ResourceID: id, BookingStatus: status, From: since}, nil); !errors.Is(err, account.ErrNotSupported) {
			t.Errorf("cards have no standing orders: %v", err)
		}
	}
	account1 := d.first(t, c)
	if _, err := d.CardAccount(t.Context(), d.attended(c), account1, false); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("an account is no card: %v", err)
	}
}

// Each kind of read of each card is counted by itself, as with accounts.
func TestReadsOfCardsAreCounted(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.everything()
	d.Bank.CardEntries = map[string][]consenttest.Entry{"1": entries(3)}
	c := d.given(t)
	cards, err := d.CardAccounts(t.Context(), d.attended(c), false)
	if err != nil {
		t.Fatal(err)
	}
	id := cards[0].ResourceID
	for name, read := range map[string]func() error{
		"the list": func() error { _, err := d.CardAccounts(t.Context(), d.read(c), false); return err },
		"details":  func() error { _, err := d.CardAccount(t.Context(), d.read(c), id, false); return err },
		"balances": func() error { _, err := d.CardBalances(t.Context(), d.read(c), id); return err },
		"transactions": func() error {
			_, err := d.CardTransactions(t.Context(), d.read(c), account.Report{ResourceID: id, BookingStatus: "booked", From: since}, func(*core.CardTransaction) error { return nil })
			return err
		},
	} {
		for n := range c.FrequencyPerDay {
			if err := read(); err != nil {
				t.Errorf("%s, read %d: %v", name, n+1, err)
			}
		}
		if err := read(); !errors.Is(err, consent.ErrExceeded) {
			t.Errorf("%s, once more: %v", name, err)
		}
	}
}

func TestTrustedBeneficiaries(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.everything()
	d.Bank.Beneficiaries = []core.TrustedBeneficiary{
		{ID: "b1", CreditorName: "Pekarna", CreditorAccount: core.AccountReference{IBAN: "SI56191000000123438"}},
		{ID: "b2", CreditorName: "Luka", CreditorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, DebtorAccount: core.AccountReference{IBAN: savings}},
		{ID: "b3", CreditorName: "Tujec", CreditorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, DebtorAccount: core.AccountReference{IBAN: "SI56330010500001193"}},
	}
	c := d.given(t)
	all, err := d.TrustedBeneficiaries(t.Context(), d.attended(c), nil)
	if err != nil || len(all) != 2 || all[0].ID == "b1" || len(all[0].ID) != 36 {
		t.Fatalf("%+v, %v", all, err)
	}
	id := d.first(t, c)
	if of, err := d.TrustedBeneficiaries(t.Context(), d.attended(c), &id); err != nil || len(of) != 1 || of[0].ID != all[0].ID {
		t.Errorf("of the first account: %+v, %v", of, err)
	}
	none := "none"
	if _, err := d.TrustedBeneficiaries(t.Context(), d.attended(c), &none); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("of an account that is none: %v", err)
	}
	empty := []core.AccountReference{}
	plain := d.Given(t, consent.Request{Access: consent.Access{Accounts: &empty}, Recurring: true, FrequencyPerDay: 4, ValidUntil: day.New(2026, 4, 1)}, "u3", &core.Grant{AllPSD2: true})
	if _, err := d.TrustedBeneficiaries(t.Context(), d.attended(plain), nil); !errors.Is(err, consent.ErrInvalid) {
		t.Errorf("under a consent to accounts only: %v", err)
	}
}

// A bank that keeps balances after entries tells how a period began and ended by two of
// them; of another bank's the entries are summed up. Both must agree.
func TestWholeReportsTellHowTheAccountStood(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		for _, bankSize := range []int{0, 7} {
			t.Run(fmt.Sprintf("told %t, %d to a page", told, bankSize), func(t *testing.T) {
				t.Parallel()
				d := open(t)
				d.everything()
				d.Bank.PageSize = bankSize
				all := entries(60)
				left := 100_00 // cents, after the newest
				d.Bank.Listed[0].Balances = []core.Balance{{Type: "interimBooked", Amount: money.Amount{Minor: int64(left), Currency: "EUR"}}}
				for i := range all {
					if all[i].Pending {
						continue
					}
					if told {
						all[i].After = money.Amount{Minor: int64(left), Currency: "EUR"}.String()
					}
					left += 100
				}
				d.Bank.Booked["1"] = all
				c := d.given(t)
				q := account.Report{ResourceID: d.first(t, c), BookingStatus: "booked", From: day.New(2026, 2, 1), To: day.New(2026, 2, 20)}
				var head account.Head
				sum, n := int64(0), 0
				err := d.Whole(t.Context(), d.attended(c), q, true, func(h account.Head) error {
					head = h
					// What is booked from now on belongs to no balance that was told.
					d.Bank.Booked["1"] = slices.Insert(slices.Clone(d.Bank.Booked["1"]), 0, consenttest.Entry{ID: "late", Amount: "-5.00", Currency: "EUR", Date: "2026-02-20"})
					return nil
				}, func(e *core.Transaction) error {
					a, err := money.Parse(string(e.Amount), "EUR")
					sum, n = sum+a.Minor, n+1
					return err
				})
				if err != nil || n != 16 || head.Opening == nil || head.Closing == nil {
					t.Fatalf("%d entries, %+v, %v", n, head, err)
				}
				if head.Opening.Minor+sum != head.Closing.Minor || head.Closing.String() != "107.00" {
					t.Errorf("%s and %d entries of %d make %s", head.Opening, n, sum, head.Closing)
				}
			})
		}
	}
}

func TestDownloads(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.everything()
	c := d.given(t)
	id := d.first(t, c)
	q := account.Report{ResourceID: id, BookingStatus: "booked", From: since, ItemsPerPage: 10}
	_, p, err := d.page(t, d.read(c), q)
	if err != nil || p.Download == "" {
		t.Fatalf("%+v, %v", p, err)
	}
	count := func(r account.Read, id, download string) (n int, err error) {
		whole, err := d.Downloaded(r, id, download)
		if err != nil {
			return 0, err
		}
		err = d.Download(t.Context(), r, whole, false, func(account.Head) error { return nil }, func(*core.Transaction) error { n++; return nil })
		return n, err
	}
	// It belongs to a report that was counted: it can be had as often as is needed.
	for range 2 * c.FrequencyPerDay {
		if n, err := count(d.read(c), id, p.Download); err != nil || n != 37 {
			t.Fatalf("%d entries, %v", n, err)
		}
	}
	other := d.Given(t, consenttest.Everything(), "u2", &core.Grant{AllPSD2: true})
	for name, f := range map[string]func() (int, error){
		"of another consent": func() (int, error) { return count(d.read(other), d.first(t, other), p.Download) },
		"of another account": func() (int, error) { return count(d.read(c), "other", p.Download) },
		"made up":            func() (int, error) { return count(d.read(c), id, "AAAA") },
		"a page":             func() (int, error) { return count(d.read(c), id, p.Next) },
	} {
		if _, err := f(); !errors.Is(err, account.ErrTransaction) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.Pass(2 * time.Hour)
	if _, err := count(d.read(c), id, p.Download); !errors.Is(err, account.ErrTransaction) {
		t.Errorf("much later: %v", err)
	}
}

func TestOlderHistoryIsOpenedByAuthorisation(t *testing.T) {
	t.Parallel()
	for how, want := range map[profile.OlderHistory]bool{profile.OlderByAuthorisation: true, profile.OlderByConsent: false} {
		d := open(t)
		d.At.Accounts.OlderHistory = how
		c := d.given(t)
		id := d.first(t, c)
		d.Pass(time.Hour)
		_, _, err := d.page(t, d.attended(c), account.Report{ResourceID: id, BookingStatus: "booked", From: day.New(2025, 1, 1)})
		if !errors.Is(err, account.ErrPeriod) || errors.Is(err, account.ErrOlder) != want {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func TestACopyOfTheBanksIsKeptFresh(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.At.Accounts.RefreshAfter = time.Hour
	asked := 0
	d.Bank.OnRefresh = func(session string) error {
		asked++
		return d.Refreshed(t.Context(), "lon", session, true)
	}
	c := d.given(t)
	reads := 0
	read := func(r account.Read, want int) {
		t.Helper()
		reads++
		if _, err := d.Accounts(t.Context(), r, false); err != nil || asked != want {
			t.Errorf("read %d: asked %d times, %v; want %d", reads, asked, err, want)
		}
	}
	read(d.read(c), 1)
	read(d.read(c), 1)
	d.Pass(2 * time.Minute)
	read(d.read(c), 1)
	read(d.attended(c), 2) // the PSU looks on
	read(d.attended(c), 2)
	d.Pass(61 * time.Minute)
	read(d.read(c), 3)

	for name, err := range map[string]error{"does not keep a copy after all": core.ErrNotOffered, "cannot just now": core.ErrUnavailable} {
		d.Pass(2 * time.Hour)
		d.Bank.OnRefresh = func(string) error { return err }
		if _, err := d.Accounts(t.Context(), d.attended(c), false); err != nil {
			t.Errorf("a bank that %s: %v", name, err)
		}
	}

	// One that keeps no copy is asked again only when its last answer is old.
	d.Pass(2 * time.Hour)
	asked = 0
	d.Bank.OnRefresh = func(string) error { asked++; return core.ErrNotOffered }
	read(d.attended(c), 1)
	read(d.attended(c), 1)
	// A refresh of which nothing is heard is believed to be under way for five minutes.
	d.Pass(2 * time.Hour)
	asked = 0
	d.Bank.OnRefresh = func(string) error { asked++; return nil }
	impatient, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for range 2 {
		if _, err := d.Accounts(impatient, d.attended(c), false); asked != 1 {
			t.Errorf("asked %d times, %v", asked, err)
		}
	}
	d.Pass(5*time.Minute + 1)
	impatient, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := d.Accounts(impatient, d.attended(c), false); asked != 2 {
		t.Errorf("when it must be lost: asked %d times, %v", asked, err)
	}
	if err := d.Refreshed(t.Context(), "lon", strconv.Itoa(1), true); !errors.Is(err, core.ErrSessionUnknown) {
		t.Errorf("a session of no refresh: %v", err)
	}
}
