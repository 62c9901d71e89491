package consent_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
)

const (
	ibanA = "SI56020360253863406"
	ibanB = "SI56051008000032875"
)

// refs makes a list that was sent; refs() is the empty one.
func refs(all ...core.AccountReference) *[]core.AccountReference {
	if all == nil {
		all = []core.AccountReference{}
	}
	return &all
}

func byIBAN(iban string) core.AccountReference { return core.AccountReference{IBAN: iban} }

var ljubljana = func() *time.Location {
	z, err := time.LoadLocation("Europe/Ljubljana")
	if err != nil {
		panic(err)
	}
	return z
}()

// bank is a bank that offers everything; override changes a copy.
func bank(override ...func(*profile.Bank)) profile.Bank {
	b := profile.Bank{Code: "lon", Zone: ljubljana}
	b.SCATimeout = 15 * time.Minute
	b.Consent = profile.Consent{Dedicated: true, BankOffered: true, Global: true, AvailableAccounts: true, RestrictedTo: true, ReplaceOlder: true, ValidityDaysMax: 180, FrequencyMax: 4}
	b.Accounts = profile.Accounts{OwnerName: true, SavingsAndLoans: true, ReferenceTypes: []string{"iban", "bban", "pan", "maskedPan"}}
	b.Funds = profile.Funds{Enabled: true, ConsentVia: profile.FundsByConsents}
	for _, o := range override {
		o(&b)
	}
	return b
}

var someTPP = tpp.TPP{ID: "PSDSI-BS-1234567", Name: "Fin Pregled d.o.o."}

// noon is midday in Ljubljana on 1 March 2026.
var noon = time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)

func recurring(a consent.Access) consent.Request {
	return consent.Request{Access: a, Recurring: true, ValidUntil: day.New(2026, 5, 1), FrequencyPerDay: 4}
}

func TestShapesOfAccess(t *testing.T) {
	a, b := byIBAN(ibanA), byIBAN(ibanB)
	without := func(change func(*profile.Consent)) func(*profile.Bank) {
		return func(b *profile.Bank) { change(&b.Consent) }
	}
	for _, tt := range []struct {
		name   string
		access consent.Access
		bank   func(*profile.Bank)
		model  consent.Model
		err    error
	}{
		{"accounts alone, named", consent.Access{Accounts: refs(a)}, nil, consent.Dedicated, nil},
		{"balances alone, named", consent.Access{Balances: refs(a)}, nil, consent.Dedicated, nil},
		{"transactions alone, named", consent.Access{Transactions: refs(a)}, nil, consent.Dedicated, nil},
		{"all three, naming different accounts", consent.Access{Accounts: refs(a, b), Balances: refs(a), Transactions: refs(b)}, nil, consent.Dedicated, nil},
		{"named with owner names", consent.Access{Accounts: refs(a), OwnerName: refs(a)}, nil, consent.Dedicated, nil},
		{"a card by its masked number", consent.Access{Accounts: refs(core.AccountReference{MaskedPAN: "5409****1234"})}, nil, consent.Dedicated, nil},
		{"one empty list leaves the accounts to the PSU", consent.Access{Accounts: refs()}, nil, consent.BankOffered, nil},
		{"three empty lists too", consent.Access{Accounts: refs(), Balances: refs(), Transactions: refs()}, nil, consent.BankOffered, nil},
		{"empty lists with owner names left to the PSU", consent.Access{Accounts: refs(), OwnerName: refs()}, nil, consent.BankOffered, nil},
		{"empty lists with restrictedTo", consent.Access{Balances: refs(), RestrictedTo: []string{"CACC"}}, nil, consent.BankOffered, nil},
		{"the list of accounts", consent.Access{AvailableAccounts: consent.AllAccounts}, nil, consent.AvailableAccounts, nil},
		{"the list with owner names", consent.Access{AvailableAccounts: consent.AllAccountsWithOwnerName}, nil, consent.AvailableAccounts, nil},
		{"the list with balances", consent.Access{AvailableAccountsWithBalance: consent.AllAccounts}, nil, consent.AvailableAccounts, nil},
		{"everything", consent.Access{AllPSD2: consent.AllAccounts}, nil, consent.Global, nil},
		{"everything with owner names", consent.Access{AllPSD2: consent.AllAccountsWithOwnerName}, nil, consent.Global, nil},

		{"nothing at all", consent.Access{}, nil, "", consent.ErrRequest},
		{"owner names alone", consent.Access{OwnerName: refs(a)}, nil, "", consent.ErrRequest},
		{"everything, and the list", consent.Access{AllPSD2: consent.AllAccounts, AvailableAccounts: consent.AllAccounts}, nil, "", consent.ErrRequest},
		{"the list, and the list with balances", consent.Access{AvailableAccounts: consent.AllAccounts, AvailableAccountsWithBalance: consent.AllAccounts}, nil, "", consent.ErrRequest},
		{"everything, with named accounts", consent.Access{AllPSD2: consent.AllAccounts, Accounts: refs(a)}, nil, "", consent.ErrRequest},
		{"everything, with an empty list", consent.Access{AllPSD2: consent.AllAccounts, Balances: refs()}, nil, "", consent.ErrRequest},
		{"the list, with named accounts", consent.Access{AvailableAccounts: consent.AllAccounts, Transactions: refs(a)}, nil, "", consent.ErrRequest},
		{"everything, with owner names of an account", consent.Access{AllPSD2: consent.AllAccounts, OwnerName: refs(a)}, nil, "", consent.ErrRequest},
		{"one list named, one empty", consent.Access{Accounts: refs(a), Balances: refs()}, nil, "", consent.ErrRequest},
		{"owner names empty where the accounts are named", consent.Access{Accounts: refs(a), OwnerName: refs()}, nil, "", consent.ErrRequest},
		{"owner names named where the accounts are not", consent.Access{Accounts: refs(), OwnerName: refs(a)}, nil, "", consent.ErrRequest},
		{"the owner name of another account", consent.Access{Accounts: refs(a), OwnerName: refs(b)}, nil, "", consent.ErrRequest},
		{"restrictedTo with named accounts", consent.Access{Accounts: refs(a), RestrictedTo: []string{"CACC"}}, nil, "", consent.ErrRequest},
		{"beneficiaries of one of the accounts", consent.Access{Accounts: refs(a, b), TrustedBeneficiaries: refs(b)}, nil, consent.Dedicated, nil},
		{"beneficiaries left to the PSU", consent.Access{Accounts: refs(), TrustedBeneficiaries: refs()}, nil, consent.BankOffered, nil},
		{"beneficiaries alone", consent.Access{TrustedBeneficiaries: refs()}, nil, "", consent.ErrRequest},
		{"the beneficiaries of another account", consent.Access{Accounts: refs(a), TrustedBeneficiaries: refs(b)}, nil, "", consent.ErrRequest},
		{"beneficiaries beside everything, which has them", consent.Access{AllPSD2: consent.AllAccounts, TrustedBeneficiaries: refs()}, nil, "", consent.ErrRequest},
		{"everything of some types", consent.Access{AllPSD2: consent.AllAccounts, RestrictedTo: []string{"CACC", "SVGS"}}, nil, consent.Global, nil},
		{"the list of some types", consent.Access{AvailableAccounts: consent.AllAccounts, RestrictedTo: []string{"CACC"}}, nil, consent.AvailableAccounts, nil},
		{"an empty restriction is none", consent.Access{Accounts: refs(a), RestrictedTo: []string{}}, nil, consent.Dedicated, nil},
		{"a type in small letters", consent.Access{Accounts: refs(), RestrictedTo: []string{"cacc"}}, nil, "", consent.ErrRequest},
		{"a type that is a word", consent.Access{Accounts: refs(), RestrictedTo: []string{"CACC", "SAVINGS"}}, nil, "", consent.ErrRequest},
		{"an empty type", consent.Access{Accounts: refs(), RestrictedTo: []string{""}}, nil, "", consent.ErrRequest},
		{"types where the bank cannot tell them apart: leaving them out would ask for more", consent.Access{Accounts: refs(), RestrictedTo: []string{"CACC"}},
			without(func(c *profile.Consent) { c.RestrictedTo = false }), "", consent.ErrNotOffered},
		{"by an identifier of the bank's own, where it takes such", consent.Access{Accounts: refs(core.AccountReference{Other: core.Other{Identification: "L-77"}})},
			func(b *profile.Bank) { b.Accounts.ReferenceTypes = []string{"other"} }, consent.Dedicated, nil},
		{"by an identifier of the bank's own, where it does not", consent.Access{Accounts: refs(core.AccountReference{Other: core.Other{Identification: "L-77"}})}, nil, "", consent.ErrRequest},
		{"everything, misspelt", consent.Access{AllPSD2: "allaccounts"}, nil, "", consent.ErrRequest},
		{"a word that means nothing", consent.Access{AvailableAccounts: strings.Repeat("x", 5000)}, nil, "", consent.ErrRequest},
		{"an account by its telephone number, where the bank does not know such", consent.Access{Accounts: refs(core.AccountReference{MSISDN: "+38640123456"})}, nil, "", consent.ErrRequest},
		{"two accounts, one of them by an identifier the bank does not use", consent.Access{Balances: refs(a, core.AccountReference{MSISDN: "+38640123456"})}, nil, "", consent.ErrRequest},

		{"named, where that is not offered", consent.Access{Accounts: refs(a)}, without(func(c *profile.Consent) { c.Dedicated = false }), "", consent.ErrNotOffered},
		{"left to the PSU, where that is not offered", consent.Access{Accounts: refs()}, without(func(c *profile.Consent) { c.BankOffered = false }), "", consent.ErrNotOffered},
		{"everything, where that is not offered", consent.Access{AllPSD2: consent.AllAccounts}, without(func(c *profile.Consent) { c.Global = false }), "", consent.ErrNotOffered},
		{"the list, where that is not offered", consent.Access{AvailableAccountsWithBalance: consent.AllAccounts}, without(func(c *profile.Consent) { c.AvailableAccounts = false }), "", consent.ErrNotOffered},
		{"named, where the bank lets every PSU choose", consent.Access{Accounts: refs(a)}, without(func(c *profile.Consent) { c.ForceBankOffered = true }), consent.BankOffered, nil},
		{"everything stays everything where the bank lets every PSU choose", consent.Access{AllPSD2: consent.AllAccounts}, without(func(c *profile.Consent) { c.ForceBankOffered = true }), consent.Global, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bank()
			if tt.bank != nil {
				tt.bank(&b)
			}
			c, err := consent.New(b, "c1", someTPP, recurring(tt.access), noon)
			if !errors.Is(err, tt.err) || c.Model != tt.model {
				t.Errorf("got %q, %v; want %q, %v", c.Model, err, tt.model, tt.err)
			}
			if err != nil && len(err.Error()) > 300 {
				t.Errorf("the refusal repeats what was sent: %d bytes", len(err.Error()))
			}
		})
	}
}

func TestFundsConsents(t *testing.T) {
	a, b := byIBAN(ibanA), byIBAN(ibanB)
	for _, tt := range []struct {
		name   string
		access consent.Access
		bank   func(*profile.Bank)
		err    error
	}{
		{"one account", consent.Access{Accounts: refs(a)}, nil, nil},
		{"one account, the others empty", consent.Access{Accounts: refs(a), Balances: refs(), Transactions: refs()}, nil, nil},
		{"no account", consent.Access{Accounts: refs()}, nil, consent.ErrRequest},
		{"two accounts", consent.Access{Accounts: refs(a, b)}, nil, consent.ErrRequest},
		{"balances as well", consent.Access{Accounts: refs(a), Balances: refs(a)}, nil, consent.ErrRequest},
		{"transactions as well", consent.Access{Accounts: refs(a), Transactions: refs(a)}, nil, consent.ErrRequest},
		{"everything as well", consent.Access{Accounts: refs(a), AllPSD2: consent.AllAccounts}, nil, consent.ErrRequest},
		{"where the bank confirms no funds", consent.Access{Accounts: refs(a)}, func(b *profile.Bank) { b.Funds.Enabled = false }, consent.ErrNotOffered},
		{"where such consents are given elsewhere", consent.Access{Accounts: refs(a)}, func(b *profile.Bank) { b.Funds.ConsentVia = profile.FundsNone }, consent.ErrNotOffered},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bank()
			if tt.bank != nil {
				tt.bank(&b)
			}
			r := recurring(tt.access)
			r.ConfirmationOfFundsAllowed, r.ValidUntil = true, day.New(9999, time.December, 31)
			c, err := consent.New(b, "c1", someTPP, r, noon)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err == nil && (c.Model != consent.Funds || c.ValidUntil != r.ValidUntil) {
				t.Errorf("got %s until %s; it lives until somebody ends it", c.Model, c.ValidUntil)
			}
		})
	}
}

func TestFields(t *testing.T) {
	today := day.New(2026, 3, 1)
	for _, tt := range []struct {
		name      string
		change    func(*consent.Request)
		bank      func(*profile.Bank)
		until     day.Day
		frequency int
		err       error
	}{
		{"as asked", func(*consent.Request) {}, nil, day.New(2026, 5, 1), 4, nil},
		{"more reads than the bank allows are lowered", func(r *consent.Request) { r.FrequencyPerDay = 99 }, nil, day.New(2026, 5, 1), 4, nil},
		{"fewer are not raised", func(r *consent.Request) { r.FrequencyPerDay = 1 }, nil, day.New(2026, 5, 1), 1, nil},
		{"no reads", func(r *consent.Request) { r.FrequencyPerDay = 0 }, nil, day.Day{}, 0, consent.ErrRequest},
		{"fewer reads than none", func(r *consent.Request) { r.FrequencyPerDay = -1 }, nil, day.Day{}, 0, consent.ErrRequest},
		{"until today", func(r *consent.Request) { r.ValidUntil = today }, nil, today, 4, nil},
		{"until yesterday", func(r *consent.Request) { r.ValidUntil = today.AddDays(-1) }, nil, day.Day{}, 0, consent.ErrRequest},
		{"no day", func(r *consent.Request) { r.ValidUntil = day.Day{} }, nil, day.Day{}, 0, consent.ErrRequest},
		{"180 days, today included", func(r *consent.Request) { r.ValidUntil = today.AddDays(179) }, nil, today.AddDays(179), 4, nil},
		{"one day more is lowered", func(r *consent.Request) { r.ValidUntil = today.AddDays(180) }, nil, today.AddDays(179), 4, nil},
		{"the longest there is", func(r *consent.Request) { r.ValidUntil = day.New(9999, 12, 31) }, nil, today.AddDays(179), 4, nil},
		{"together with payments", func(r *consent.Request) { r.CombinedServiceIndicator = true }, nil, day.Day{}, 0, consent.ErrSessions},
		{"one-off", func(r *consent.Request) { r.Recurring, r.FrequencyPerDay = false, 1 }, nil, day.New(2026, 5, 1), 1, nil},
		{"one-off, but four times a day", func(r *consent.Request) { r.Recurring = false }, nil, day.Day{}, 0, consent.ErrRequest},
		{"one-off until tomorrow, where it must be today", func(r *consent.Request) { r.Recurring, r.FrequencyPerDay, r.ValidUntil = false, 1, today.AddDays(1) },
			func(b *profile.Bank) { b.Consent.OneOffStrict = true }, day.Day{}, 0, consent.ErrRequest},
		{"one-off until today, where it must be", func(r *consent.Request) { r.Recurring, r.FrequencyPerDay, r.ValidUntil = false, 1, today },
			func(b *profile.Bank) { b.Consent.OneOffStrict = true }, today, 1, nil},
		{"recurring until tomorrow, where one-offs must be of today", func(r *consent.Request) { r.ValidUntil = today.AddDays(1) },
			func(b *profile.Bank) { b.Consent.OneOffStrict = true }, today.AddDays(1), 4, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bank()
			if tt.bank != nil {
				tt.bank(&b)
			}
			r := recurring(consent.Access{Accounts: refs(byIBAN(ibanA))})
			tt.change(&r)
			c, err := consent.New(b, "c1", someTPP, r, noon)
			if !errors.Is(err, tt.err) || c.ValidUntil != tt.until || c.FrequencyPerDay != tt.frequency {
				t.Errorf("got until %s, %d a day, %v; want %s, %d, %v", c.ValidUntil, c.FrequencyPerDay, err, tt.until, tt.frequency, tt.err)
			}
			if err == nil && (c.Status != consent.Received || c.LastActionDate != today || c.TPP != someTPP.ID || !c.AuthoriseBy.Equal(noon.Add(15*time.Minute))) {
				t.Errorf("a new consent is %+v", c)
			}
		})
	}
}

func TestWhatTheBankDoesNotTellIsLeftOut(t *testing.T) {
	a := byIBAN(ibanA)
	for _, tt := range []struct {
		name      string
		ask, want consent.Access
		bank      func(*profile.Bank)
	}{
		{"names of owners", consent.Access{Accounts: refs(a), OwnerName: refs(a)}, consent.Access{Accounts: refs(a)}, func(b *profile.Bank) { b.Accounts.OwnerName = false }},
		{"names of owners of everything", consent.Access{AllPSD2: consent.AllAccountsWithOwnerName}, consent.Access{AllPSD2: consent.AllAccounts},
			func(b *profile.Bank) { b.Accounts.OwnerName = false }},
		{"names of owners in the list", consent.Access{AvailableAccounts: consent.AllAccountsWithOwnerName}, consent.Access{AvailableAccounts: consent.AllAccounts},
			func(b *profile.Bank) { b.Accounts.OwnerName = false }},
		{"names of owners in the list with balances", consent.Access{AvailableAccountsWithBalance: consent.AllAccountsWithOwnerName},
			consent.Access{AvailableAccountsWithBalance: consent.AllAccounts}, func(b *profile.Bank) { b.Accounts.OwnerName = false }},
		{"trusted beneficiaries", consent.Access{Accounts: refs(a), OwnerName: refs(a), TrustedBeneficiaries: refs(a)}, consent.Access{Accounts: refs(a), OwnerName: refs(a)}, nil},
		{"nothing where the bank tells all", consent.Access{Accounts: refs(a), OwnerName: refs(a), TrustedBeneficiaries: refs(a)},
			consent.Access{Accounts: refs(a), OwnerName: refs(a), TrustedBeneficiaries: refs(a)}, func(b *profile.Bank) { b.Accounts.TrustedBeneficiaries = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bank()
			if tt.bank != nil {
				tt.bank(&b)
			}
			c, err := consent.New(b, "c1", someTPP, recurring(tt.ask), noon)
			if diff := cmp.Diff(tt.want, c.Access); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestARefusalNamesItsField(t *testing.T) {
	a, b := byIBAN(ibanA), byIBAN(ibanB)
	for _, tt := range []struct {
		field  string
		change func(*consent.Request)
	}{
		{"access", func(r *consent.Request) { r.Access = consent.Access{} }},
		{"access", func(r *consent.Request) { r.Access = consent.Access{Accounts: refs(a), Balances: refs()} }},
		{"access", func(r *consent.Request) { r.Access = consent.Access{Accounts: refs(a), AllPSD2: consent.AllAccounts} }},
		{"access.allPsd2", func(r *consent.Request) { r.Access = consent.Access{AllPSD2: "all"} }},
		{"access.availableAccounts", func(r *consent.Request) { r.Access = consent.Access{AvailableAccounts: "all"} }},
		{"access.availableAccountsWithBalance", func(r *consent.Request) { r.Access = consent.Access{AvailableAccountsWithBalance: "all"} }},
		{"access.balances", func(r *consent.Request) {
			r.Access = consent.Access{Balances: refs(core.AccountReference{MSISDN: "+38640123456"})}
		}},
		{"access.restrictedTo", func(r *consent.Request) { r.Access.RestrictedTo = []string{"CACC"} }},
		{"access.additionalInformation.ownerName", func(r *consent.Request) { r.Access.OwnerName = refs(b) }},
		{"access.additionalInformation.trustedBeneficiaries", func(r *consent.Request) { r.Access.TrustedBeneficiaries = refs(b) }},
		{"frequencyPerDay", func(r *consent.Request) { r.FrequencyPerDay = 0 }},
		{"frequencyPerDay", func(r *consent.Request) { r.Recurring = false }},
		{"validUntil", func(r *consent.Request) { r.ValidUntil = day.New(2026, 2, 28) }},
		{"combinedServiceIndicator", func(r *consent.Request) { r.CombinedServiceIndicator = true }},
		{"confirmationOfFundsAllowed", func(r *consent.Request) { r.ConfirmationOfFundsAllowed, r.Access.Balances = true, refs(a) }},
		{"access.accounts", func(r *consent.Request) { r.ConfirmationOfFundsAllowed, r.Access.Accounts = true, refs(a, b) }},
	} {
		r := recurring(consent.Access{Accounts: refs(a)})
		tt.change(&r)
		_, err := consent.New(bank(), "c1", someTPP, r, noon)
		if got, ok := errors.AsType[*consent.FieldError](err); !ok || got.Field != tt.field {
			t.Errorf("got %v, want it at %s", err, tt.field)
		}
	}
}

// The day of the bank decides, not that of UTC.
func TestTheLastDayIsTheBanks(t *testing.T) {
	for _, tt := range []struct {
		name, now, until string
		accepted         bool
		lastMoment       string // the last second of the consent, where accepted
	}{
		{"half past midnight in Ljubljana is still yesterday in UTC", "2026-06-30T22:30:00Z", "2026-06-30", false, ""},
		{"and today in Ljubljana", "2026-06-30T22:30:00Z", "2026-07-01", true, "2026-07-01T21:59:59Z"},
		{"one second before midnight in Ljubljana", "2026-06-30T21:59:59Z", "2026-06-30", true, "2026-06-30T21:59:59Z"},
		{"a last day in winter", "2026-12-01T12:00:00Z", "2026-12-31", true, "2026-12-31T22:59:59Z"},
		{"the day on which summer time begins, of 23 hours", "2026-03-28T12:00:00Z", "2026-03-29", true, "2026-03-29T21:59:59Z"},
		{"the day on which it ends, of 25", "2026-10-24T12:00:00Z", "2026-10-25", true, "2026-10-25T22:59:59Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, _ := time.Parse(time.RFC3339, tt.now)
			r := recurring(consent.Access{AllPSD2: consent.AllAccounts})
			r.ValidUntil, _ = day.Parse(tt.until)
			c, err := consent.New(bank(func(b *profile.Bank) { b.SCATimeout = 240 * time.Hour }), "c1", someTPP, r, now)
			if (err == nil) != tt.accepted {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				return
			}
			if c, err = c.Authorise(now, ljubljana, core.Success{UserID: "u1", Token: "t1"}, 0); err != nil {
				t.Fatal(err)
			}
			last, _ := time.Parse(time.RFC3339, tt.lastMoment)
			if got := c.At(last, ljubljana).Status; got != consent.Valid {
				t.Errorf("in its last second it is %s", got)
			}
			if got := c.At(last.Add(time.Second), ljubljana).Status; got != consent.Expired {
				t.Errorf("a second later it is %s", got)
			}
		})
	}
}
