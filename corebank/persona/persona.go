// Package persona invents the customers of a sandbox bank and thirteen months of their
// lives: salaries, rent, shopping, standing orders, card settlements, in the languages they
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
	Trusted  []Party // beneficiaries the PSU has put on the list of trusted ones
}

// An Account of a persona.
type Account struct {
	ID       string
	IBAN     string
	Currency string
	Type     string // CACC, SVGS
	Product  string
}

// A Card of a persona, settled every month from the first account.
type Card struct {
	ID        string
	MaskedPAN string
	Product   string
	Limit     int64 // minor units of EUR
}

// A Party is somebody on the other side of a transaction.
type Party struct{ Name, IBAN string }

// IDs of the bank's own ledger accounts: one per currency.
func ClearingID(currency string) string { return "clearing-" + currency }
func IncomeID(currency string) string   { return "income-" + currency }

// All returns the sandbox's customers.
func All() []Persona {
	return []Persona{
		{
			ID: "1001", Login: "ana", Password: "ana-kontor-1", Name: "Ana Novak", Phone: "+38640555101", Language: "sl",
			Accounts: []Account{
				{"ana-current", slovenian("02", "10001", "00101"), "EUR", "CACC", "Osebni račun"},
				{"ana-savings", slovenian("02", "10001", "00102"), "EUR", "SVGS", "Varčevalni račun"},
			},
			Card:    Card{"ana-card", "535501******7215", "Mastercard Zlata", 150000},
			Trusted: []Party{{"Pekarna Zlati klas d.o.o.", slovenian("03", "10022", "77001")}, {"Luka Zupan", slovenian("02", "10001", "00401")}},
		},
		{
			ID: "1002", Login: "andrei", Password: "andrei-kontor-1", Name: "Andrei Ionescu", Phone: "+40740555202", Language: "ro",
			Accounts: []Account{
				{"andrei-current", romanian("KNTR", "0000100200000201"), "EUR", "CACC", "Cont curent EUR"},
				{"andrei-savings", romanian("KNTR", "0000100200000202"), "EUR", "SVGS", "Cont de economii"},
				{"andrei-lei", romanian("KNTR", "0000100200000203"), "RON", "CACC", "Cont curent RON"},
			},
			Card:    Card{"andrei-card", "416598******3340", "Visa Classic", 100000},
			Trusted: []Party{{"Brutăria Spicul SRL", romanian("BTRL", "0000770100000001")}},
		},
		{
			ID: "1003", Login: "katharina", Password: "katharina-kontor-1", Name: "Katharina Vogel", Phone: "+4915550000303", Language: "de",
			Accounts: []Account{
				{"katharina-current", german("76026000", "0100300301"), "EUR", "CACC", "Girokonto"},
				{"katharina-savings", german("76026000", "0100300302"), "EUR", "SVGS", "Tagesgeldkonto"},
			},
			Card:    Card{"katharina-card", "540012******0918", "Mastercard Gold", 250000},
			Trusted: []Party{{"Bäckerei Ährenhof", german("70090100", "0007700301")}},
		},
		{
			ID: "1004", Login: "luka", Password: "luka-kontor-1", Name: "Luka Zupan", Phone: "+38640555404", Language: "sl",
			Accounts: []Account{
				{"luka-current", slovenian("02", "10001", "00401"), "EUR", "CACC", "Študentski račun"},
				{"luka-savings", slovenian("02", "10001", "00402"), "EUR", "SVGS", "Varčevalni račun"},
			},
			Card: Card{"luka-card", "535501******4408", "Mastercard Modra", 20000},
		},
	}
}

// LedgerAccounts returns every account the personas' books need, the bank's own included.
func LedgerAccounts(personas []Persona) []ledger.Account {
	var all []ledger.Account
	for _, currency := range []string{"EUR", "RON"} {
		all = append(all,
			ledger.Account{ID: ClearingID(currency), Kind: ledger.Clearing, Currency: currency, CreditLimit: ledger.Unlimited},
			ledger.Account{ID: IncomeID(currency), Kind: ledger.Income, Currency: currency, CreditLimit: ledger.Unlimited})
	}
	for _, p := range personas {
		for _, a := range p.Accounts {
			all = append(all, ledger.Account{ID: a.ID, Kind: ledger.Customer, Currency: a.Currency})
		}
		all = append(all, ledger.Account{ID: p.Card.ID, Kind: ledger.Card, Currency: "EUR", CreditLimit: p.Card.Limit})
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
