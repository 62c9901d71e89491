// Package persona invents the customers of a sandbox bank and thirteen months of their
// lives: salaries, rent, shopping, standing orders, card settlements, a loan, the batches of
// a company, money in several currencies, in the languages they
// speak. The same customers come out on every day and machine; only the history slides with
// the day it is told, so that it always ends today.
//
// It is data and arithmetic only: what it returns is posted through the ledger, which
// checks it like any other posting.
package persona

import (
	"fmt"

	"github.com/jacoelho/banking/iban"

	"kontor/corebank/ledger"
	"kontor/kit/money"
)

// A Persona is an invented customer.
type Persona struct {
	ID       string
	Login    string
	Password string
	Name     string
	Phone    string
	Language string // en, de, sl, ro
	Accounts []Account
	Card     Card
	Trusted  []Trusted
	Methods  []string // how the customer approves, by kind; what is offered first first
}

// Kinds of methods.
const (
	SMS   = "SMS_OTP"
	TOTP  = "TOTP"
	Photo = "PHOTO_OTP"
	Chip  = "CHIP_OTP"
	Push  = "PUSH_OTP"
)

// An Account of a persona.
type Account struct {
	ID       string
	IBAN     string
	Currency string // money.Several: the account bundles those of its IBAN
	Type     string // CACC, SVGS, LOAN
	Product  string
	Extra
}

// Extra is what only some accounts have.
type Extra struct {
	DisplayName string   // given by the customer
	Usage       string   // ORGA; "": PRIV
	Details     string   // what the bank wants to say
	Owners      []string // who has it, where that is not the customer alone
	Limit       int64    // of a loan: how much was lent, minor units
	Signatures  int      // how many of those who have it must sign together; 0: each alone
}

// A Card of a persona, settled every month from the first account. Without ID there is none.
type Card struct {
	ID        string
	MaskedPAN string
	Product   string
	Limit     int64 // minor units of EUR
}

// A Trusted is a beneficiary the PSU can pay without SCA.
type Trusted struct {
	Party
	Alias   string // the customer's word for it
	Account string // ID of the only account it holds for; "": all
}

// A Party is somebody on the other side of a transaction.
type Party struct{ Name, IBAN string }

// A Shop is a customer who has no method: it can log in and approve nothing.
//
// It is a customer of one bank only: its IBANs lie in the range of that bank, which begins
// with the country and goes on with the bank's part of the number.
func Shop(bank, name, ibans string) Persona {
	number := func(n string) string {
		country, rest := ibans[:2], ibans[2:]
		switch country {
		case "SI":
			return slovenian(rest, "10090", "00"+n)
		case "RO":
			return romanian(rest, "0000900100000"+n)
		}
		return german(rest, "0900100"+n)
	}
	owner := "Shop of " + name
	return Persona{
		ID: "2001", Login: "shop", Password: "shop-kontor-1", Name: owner, Phone: "+38640555900", Language: "en",
		Accounts: []Account{
			{bank + "-shop", number("101"), "EUR", "CACC", "Business account", Extra{Usage: "ORGA", Owners: []string{owner}}},
			{bank + "-shop-lei", number("102"), "RON", "CACC", "Business account RON", Extra{Usage: "ORGA", Owners: []string{owner}}},
		},
	}
}

// ClosedIBAN is the number of an account of Shop that is closed: payments to it come back.
func ClosedIBAN(ibans string) string {
	switch ibans[:2] {
	case "SI":
		return slovenian(ibans[2:], "10090", "00199")
	case "RO":
		return romanian(ibans[2:], "0000900100000199")
	}
	return german(ibans[2:], "0900100199")
}

// IDs of the bank's own ledger accounts: one per currency.
func ClearingID(currency string) string { return "clearing-" + currency }
func IncomeID(currency string) string   { return "income-" + currency }
func DeskID(currency string) string     { return "exchange-" + currency }
func BatchID(currency string) string    { return "batch-" + currency } // between a bulk's one debit and its payees

// All returns the sandbox's customers.
func All() []Persona {
	return []Persona{
		{
			ID: "1001", Login: "ana", Password: "ana-kontor-1", Name: "Ana Novak", Phone: "+38640555101", Language: "sl", Methods: []string{SMS},
			Accounts: []Account{
				{"ana-current", slovenian("02", "10001", "00101"), "EUR", "CACC", "Osebni račun", Extra{}},
				{"ana-savings", slovenian("02", "10001", "00102"), "EUR", "SVGS", "Varčevalni račun", Extra{DisplayName: "Za morje"}},
			},
			Card: Card{"ana-card", "535501******7215", "Mastercard Zlata", 150000},
			Trusted: []Trusted{
				{Party{"Pekarna Zlati klas d.o.o.", slovenian("03", "10022", "77001")}, "Pekarna", ""},
				{Party{"Luka Zupan", slovenian("02", "10001", "00401")}, "Luka", "ana-current"},
			},
		},
		{
			ID: "1002", Login: "andrei", Password: "andrei-kontor-1", Name: "Andrei Ionescu", Phone: "+40740555202", Language: "ro", Methods: []string{SMS},
			Accounts: []Account{
				{"andrei-current", romanian("KNTR", "0000100200000201"), "EUR", "CACC", "Cont curent EUR", Extra{}},
				{"andrei-savings", romanian("KNTR", "0000100200000202"), "EUR", "SVGS", "Cont de economii", Extra{DisplayName: "Vacanță"}},
				{"andrei-lei", romanian("KNTR", "0000100200000203"), "RON", "CACC", "Cont curent RON", Extra{}},
			},
			Card:    Card{"andrei-card", "416598******3340", "Visa Classic", 100000},
			Trusted: []Trusted{{Party{"Brutăria Spicul SRL", romanian("BTRL", "0000770100000001")}, "Brutăria", ""}},
		},
		{
			ID: "1003", Login: "katharina", Password: "katharina-kontor-1", Name: "Katharina Vogel", Phone: "+4915550000303", Language: "de", Methods: []string{SMS},
			Accounts: []Account{
				{"katharina-current", german("76026000", "0100300301"), "EUR", "CACC", "Girokonto", Extra{}},
				{"katharina-savings", german("76026000", "0100300302"), "EUR", "SVGS", "Tagesgeldkonto", Extra{}},
			},
			Card:    Card{"katharina-card", "540012******0918", "Mastercard Gold", 250000},
			Trusted: []Trusted{{Party{"Bäckerei Ährenhof", german("70090100", "0007700301")}, "Bäcker", "katharina-current"}},
		},
		{
			ID: "1004", Login: "luka", Password: "luka-kontor-1", Name: "Luka Zupan", Phone: "+38640555404", Language: "sl", Methods: []string{SMS},
			Accounts: []Account{
				{"luka-current", slovenian("02", "10001", "00401"), "EUR", "CACC", "Študentski račun", Extra{}},
				{"luka-savings", slovenian("02", "10001", "00402"), "EUR", "SVGS", "Varčevalni račun", Extra{}},
			},
			Card: Card{"luka-card", "535501******4408", "Mastercard Modra", 20000},
		},
		{
			ID: "1005", Login: "maja", Password: "maja-kontor-1", Name: "Maja Kos", Phone: "+38640555505", Language: "sl", Methods: []string{SMS, TOTP, Photo},
			Accounts: append([]Account{
				{"maja-current", slovenian("02", "10001", "00501"), "EUR", "CACC", "Osebni račun", Extra{}},
				{"maja-savings", slovenian("02", "10001", "00502"), "EUR", "SVGS", "Varčevalni račun", Extra{DisplayName: "Streha"}},
			}, shared()...),
			Trusted: []Trusted{{Party{"Vrtec Mavrica", slovenian("01", "10060", "82210")}, "Vrtec", "kos-joint"}},
		},
		{
			ID: "1006", Login: "peter", Password: "peter-kontor-1", Name: "Peter Kos", Phone: "+38640555606", Language: "sl", Methods: []string{SMS, Chip},
			Accounts: append([]Account{
				{"peter-current", slovenian("02", "10001", "00601"), "EUR", "CACC", "Osebni račun", Extra{}},
				{"peter-savings", slovenian("02", "10001", "00602"), "EUR", "SVGS", "Varčevalni račun", Extra{}},
			}, shared()...),
		},
		{
			ID: "1007", Login: "pekarna", Password: "pekarna-kontor-1", Name: "Nina Hribar", Phone: "+38640555707", Language: "sl", Methods: []string{SMS, TOTP, Photo, Chip, Push},
			Accounts: []Account{
				{"pekarna-business", slovenian("02", "10001", "00701"), "EUR", "CACC", "Poslovni račun", Extra{DisplayName: "Glavni račun", Usage: "ORGA", Owners: []string{bakery}}},
				{"pekarna-reserve", slovenian("02", "10001", "00702"), "EUR", "SVGS", "Poslovni depozit", Extra{Usage: "ORGA", Owners: []string{bakery}}},
			},
			Card: Card{"pekarna-card", "535501******7071", "Mastercard Business", 300000},
			Trusted: []Trusted{
				{Party{"Mlin Zrno d.o.o.", slovenian("03", "10022", "45001")}, "Mlin", ""},
				{Party{"Mlekarna Planika d.d.", slovenian("01", "10060", "45002")}, "Mlekarna", "pekarna-business"},
			},
		},
		{
			ID: "1008", Login: "sofia", Password: "sofia-kontor-1", Name: "Sofia Keller", Phone: "+4915550000808", Language: "de", Methods: []string{SMS, Push},
			Accounts: []Account{
				{"sofia-eur", german("76026000", "0100300801"), "EUR", "CACC", "Währungskonto EUR", Extra{}},
				{"sofia-usd", german("76026000", "0100300801"), "USD", "CACC", "Währungskonto USD", Extra{}},
				{"sofia-chf", german("76026000", "0100300801"), "CHF", "CACC", "Währungskonto CHF", Extra{}},
				{"sofia-all", german("76026000", "0100300801"), money.Several, "CACC", "Währungskonto, alle Währungen",
					Extra{Details: "Multi-currency account: one IBAN with sub-accounts in EUR, USD and CHF. Here are the balances and transactions of all of them."}},
			},
		},
		{
			ID: "1009", Login: "tine", Password: "tine-kontor-1", Name: "Tine Golob", Phone: "+38640555909", Language: "sl", Methods: []string{SMS},
			Accounts: append(signed(), Account{"tine-current", slovenian("02", "10001", "00903"), "EUR", "CACC", "Osebni račun", Extra{}}),
		},
		{ID: "1010", Login: "vesna", Password: "vesna-kontor-1", Name: "Vesna Golob", Phone: "+38640555910", Language: "sl", Methods: []string{SMS, Push}, Accounts: signed()},
		{ID: "1011", Login: "jan", Password: "jan-kontor-1", Name: "Jan Žagar", Phone: "+38640555911", Language: "sl", Methods: []string{SMS, TOTP}, Accounts: signed()[:1]},
	}
}

// signed are the accounts of a company for which its signers sign together: any two of the
// three, and the two partners.
func signed() []Account {
	owners := []string{"Kovinarstvo Golob d.o.o."}
	return []Account{
		{"golob-business", slovenian("02", "10001", "00901"), "EUR", "CACC", "Poslovni račun", Extra{DisplayName: "Glavni račun", Usage: "ORGA", Owners: owners, Signatures: 2}},
		{"golob-payroll", slovenian("02", "10001", "00902"), "EUR", "CACC", "Račun za plače", Extra{Usage: "ORGA", Owners: owners, Signatures: 2}},
	}
}

const bakery = "Pekarna Pri mlinu d.o.o."

// shared are the accounts that Maja and Peter have together.
func shared() []Account {
	owners := []string{"Maja Kos", "Peter Kos"}
	return []Account{
		{"kos-joint", slovenian("02", "10001", "00503"), "EUR", "CACC", "Skupni račun", Extra{DisplayName: "Gospodinjstvo", Owners: owners}},
		{"kos-loan", slovenian("02", "10001", "00504"), "EUR", "LOAN", "Stanovanjsko posojilo",
			Extra{Owners: owners, Limit: 15000000, Details: "Housing loan of 150,000.00 EUR, repaid monthly; the balance is what is owed."}},
	}
}

// LedgerAccounts returns every account the personas' books need, the bank's own included.
func LedgerAccounts(personas []Persona) []ledger.Account {
	var all []ledger.Account
	for _, currency := range []string{"EUR", "RON", "USD", "CHF"} {
		all = append(all,
			ledger.Account{ID: ClearingID(currency), Kind: ledger.Clearing, Currency: currency, CreditLimit: ledger.Unlimited},
			ledger.Account{ID: IncomeID(currency), Kind: ledger.Income, Currency: currency, CreditLimit: ledger.Unlimited})
	}
	seen := map[string]bool{} // a joint account is one account
	for _, p := range personas {
		for _, a := range p.Accounts {
			if !seen[a.ID] {
				all = append(all, ledger.Account{ID: a.ID, Kind: ledger.Customer, Currency: a.Currency, CreditLimit: a.Limit})
			}
			seen[a.ID] = true
		}
		if p.Card.ID != "" {
			all = append(all, ledger.Account{ID: p.Card.ID, Kind: ledger.Card, Currency: "EUR", CreditLimit: p.Card.Limit})
		}
	}
	return all
}

// slovenian builds an IBAN: two digits of the bank, three of the branch and eight of the
// account end in national check digits (the thirteen digits times 100, modulo 97, from 98).
func slovenian(bank, branchAndAccount, account string) string {
	thirteen := bank + branchAndAccount[:3] + branchAndAccount[3:] + "0" + account
	var n uint64
	for _, c := range thirteen {
		n = n*10 + uint64(c-'0')
	}
	return checked(fmt.Sprintf("SI00%s%02d", thirteen, 98-n*100%97))
}

func romanian(bank, account string) string { return checked("RO00" + bank + account) }

func german(bank, account string) string { return checked("DE00" + bank + account) }

// checked puts the right check digits into an IBAN that has 00. The IBANs here are fixed,
// so a wrong one is a programmer's error.
func checked(s string) string {
	s, err := iban.ReplaceChecksum(s)
	if err == nil {
		err = iban.Validate(s)
	}
	if err != nil {
		panic("persona: " + s + ": " + err.Error())
	}
	return s
}
