package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"kontor/bank/core"
	"kontor/kit/money"
)

// What real connectors send differs. Each case is one way that was seen; the answer must be
// read as if it were written by the book.
func TestWhatRealConnectorsSend(t *testing.T) {
	lists := map[string]func(f *fault) (string, error){
		"accounts": func(f *fault) (string, error) {
			all, err := f.Accounts(t.Context(), someAccess)
			return fmt.Sprintf("%+v", all), err
		},
		"cards": func(f *fault) (string, error) {
			all, err := f.CardAccounts(t.Context(), someAccess)
			for i := range all { // pointers say nothing in print
				if l := all[i].Limit; l != nil {
					all[i].Details += "limit " + l.String()
					all[i].Limit = nil
				}
			}
			return fmt.Sprintf("%+v", all), err
		},
		"entries": func(f *fault) (got string, err error) {
			_, err = f.Transactions(t.Context(), someAccess, core.TransactionQuery{AccountID: "a"}, func(e *core.Transaction) error { got += words(e); return nil })
			return got, err
		},
		"entries of a card": func(f *fault) (got string, err error) {
			_, err = f.CardTransactions(t.Context(), someAccess, core.TransactionQuery{AccountID: "a"}, func(e *core.CardTransaction) error { got += words(e); return nil })
			return got, err
		},
		"standing orders": func(f *fault) (got string, err error) {
			err = f.StandingOrders(t.Context(), someAccess, "a", func(e *core.Transaction) error { got += words(e); return nil })
			return got, err
		},
		"beneficiaries": func(f *fault) (string, error) {
			all, err := f.TrustedBeneficiaries(t.Context(), someAccess)
			return fmt.Sprintf("%+v", all), err
		},
	}
	const (
		account     = `{"data":[{"id":"17","name":"Račun","currency":"EUR","cash_account_type":"CACC","iban":"SI56020170014356205","balances":[{"type":"interimBooked","amount":"12.50","currency":"EUR"}]}]}`
		card        = `{"data":[{"id":"17","name":"Visa","masked_pan":"4532","currency":"EUR","status":"enabled","credit_limit":{"amount":"1500.00","currency":"EUR"},"balances":[{"balance_type":"interimBooked","balance_amount":{"amount":"12.50","currency":"EUR"}}]}]}`
		entry       = `{"data":[{"id":"17","amount":"-12.50","currency":"EUR","status":"booked","value_date":"2026-02-28"}],"meta":{}}`
		cardEntry   = `{"data":[{"id":"17","amount":"-12.50","currency":"EUR","status":"booked","transaction_date":"2026-02-28","transaction_details":"Pekarna"}]}`
		order       = `{"data":[{"id":"17","amount":"-12.50","currency":"EUR","extra":{"standing_order":{"start_date":"2026-02-28","frequency":"Monthly","day_of_execution":"5"}}}]}`
		beneficiary = `{"data":[{"id":"17","creditor_name":"Zavod","creditor_account":{"bban":"4711"}}]}`
	)
	exchange := strings.Replace(entry, `"value_date"`, `"currency_exchange":[{"source_currency":"USD","quotation_date":"2026-02-28"}],"value_date"`, 1)
	place := strings.Replace(cardEntry, `"status"`, `"card_acceptor_address":{"street":"Trg","building_number":"3","city":"Kranj","postal_code":"4000","country":"SI"},"status"`, 1)
	changed := strings.Replace(account, `"12.50"`, `"12.50","last_change_date_time":"2026-02-28T00:00:00Z"`, 1)
	for _, tt := range []struct {
		name, of  string
		book      string   // by the book
		cut, into []string // of it, what really comes
	}{
		{"the ID of an account is a number", "accounts", account, []string{`"17"`}, []string{`17`}},
		{"the ID of a card is a number", "cards", card, []string{`"17"`}, []string{`17`}},
		{"the ID of an entry is a number", "entries", entry, []string{`"17"`}, []string{`17`}},
		{"the ID of a card's entry is a number", "entries of a card", cardEntry, []string{`"17"`}, []string{`17`}},
		{"the ID of a standing order is a number", "standing orders", order, []string{`"17"`, `"5"`}, []string{`17`, `5`}},
		{"the ID and the account of a beneficiary are numbers", "beneficiaries", beneficiary, []string{`"17"`, `"4711"`}, []string{`17`, `4711`}},
		{"the balance of an account is a number", "accounts", account, []string{`"12.50"`}, []string{`12.50`}},
		{"the balance and the limit of a card are numbers", "cards", card, []string{`"12.50"`, `"1500.00"`}, []string{`12.5`, `1500`}},
		{"the amount of an entry is a number", "entries", entry, []string{`"-12.50"`}, []string{`-12.50`}},
		{"the amount of a card's entry is a number", "entries of a card", cardEntry, []string{`"-12.50"`}, []string{`-12.50`}},
		{"the amount of a standing order is a number", "standing orders", order, []string{`"-12.50"`}, []string{`-12.50`}},
		{"accounts have fields that nobody knows", "accounts", account, []string{`"id"`}, []string{`"new":{"a":[1,null]},"id"`}},
		{"cards have fields that nobody knows", "cards", card, []string{`"id"`}, []string{`"new":[{}],"id"`}},
		{"entries have fields that nobody knows", "entries", entry, []string{`"id"`}, []string{`"new":[{}],"extra":{"category":"x","icelandic_purpose":{"code":"1"}},"id"`}},
		{"entries of cards have fields that nobody knows", "entries of a card", cardEntry, []string{`"id"`}, []string{`"new":[{}],"extra":{"new":true},"id"`}},
		{"beneficiaries have fields that nobody knows", "beneficiaries", beneficiary, []string{`"id"`}, []string{`"new":[{}],"id"`}},
		{"accounts have null for what they lack", "accounts", account, []string{`"id"`}, []string{`"bban":null,"bic":null,"msisdn":null,"owner_name":null,"status":null,"product":null,"extra":null,"id"`}},
		{"balances have null for what they lack", "accounts", account, []string{`"type"`}, []string{`"credit_limit_included":null,"last_change_date_time":null,"reference_date":null,"last_committed_transaction":null,"type"`}},
		{"cards have null for what they lack", "cards", card, []string{`"id"`}, []string{`"product":null,"extra":null,"id"`}},
		{"entries have null for what they lack", "entries", entry, []string{`"id"`}, []string{`"booking_date":null,"end_to_end_id":null,"creditor_details":null,"debtor_details":{"name":null,"account":null},"remittance_information":null,"currency_exchange":null,"extra":null,"id"`}},
		{"entries of cards have null for what they lack", "entries of a card", cardEntry, []string{`"id"`}, []string{`"terminal_id":null,"invoiced":null,"original_amount":null,"markup_fee":{"amount":null},"card_acceptor_address":{"street":null},"masked_pan":null,"id"`}},
		{"beneficiaries have null for what they lack", "beneficiaries", beneficiary, []string{`"id"`}, []string{`"debtor_account":null,"creditor_address":null,"creditor_alias":null,"id"`}},
		{"extra is always there, and empty", "accounts", account, []string{`"id"`}, []string{`"extra":{},"id"`}},
		{"extra is an empty list, as some languages write an empty object", "accounts", account, []string{`"id"`}, []string{`"extra":[],"id"`}},
		{"extra of a card is a text", "cards", card, []string{`"id"`}, []string{`"extra":"none","id"`}},
		{"extra has odd values", "accounts", account, []string{`"id"`}, []string{`"extra":{"usage":"BOTH","display_name":[],"owner_names":[null,{}],"psu_name":{}},"id"`}},
		{"a quotation date begins with the day", "entries", exchange, []string{`"quotation_date":"2026-02-28"`}, []string{`"quotation_date":"28-02-2026"`}},
		{"a quotation date is a moment", "entries", exchange, []string{`"quotation_date":"2026-02-28"`}, []string{`"quotation_date":"2026-02-28T09:30:00.000Z"`}},
		{"a date has a time behind it", "entries of a card", cardEntry, []string{`"2026-02-28"`}, []string{`"2026-02-28 00:00:00 UTC"`}},
		{"a standing order begins on a day told the other way round", "standing orders", order, []string{`"2026-02-28"`}, []string{`"28-02-2026"`}},
		{"a moment is a date", "accounts", changed, []string{`"2026-02-28T00:00:00Z"`}, []string{`"2026-02-28"`}},
		{"a moment is in the way of Ruby", "accounts", changed, []string{`"2026-02-28T00:00:00Z"`}, []string{`"2026-02-28 00:00:00 UTC"`}},
		{"meta is missing", "entries", entry, []string{`,"meta":{}`}, []string{``}},
		{"meta is null", "entries", entry, []string{`"meta":{}`}, []string{`"meta":null`}},
		{"the address of an acceptor is in camel case", "entries of a card", place, []string{`building_number`, `postal_code`}, []string{`buildingNumber`, `postalCode`}},
		{"the address of an acceptor has numbers", "entries of a card", place, []string{`"3"`, `"4000"`}, []string{`3`, `4000`}},
		{"a status is in capitals", "entries", entry, []string{`"booked"`}, []string{`"BOOKED"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := tt.book
			for i, cut := range tt.cut {
				if !strings.Contains(body, cut) {
					t.Fatalf("%s is not in %s", cut, body)
				}
				body = strings.Replace(body, cut, tt.into[i], 1)
			}
			want, err := lists[tt.of](misbehaving(t, Config{Capabilities: everything}, say(200, tt.book)))
			if err != nil || want == "" || want == "[]" {
				t.Fatal(want, err)
			}
			f := misbehaving(t, Config{Capabilities: everything}, say(200, body))
			if got, err := lists[tt.of](f); got != want || err != nil {
				t.Errorf("%s\ngot  %s, %v\nwant %s", body, got, err, want)
			}
			if f.Close(); f.reports.Load() != 0 {
				t.Error("it was reported as an error")
			}
		})
	}
}

func TestCommandsAreAnsweredInManyWays(t *testing.T) {
	for _, tt := range []struct{ name, body string }{
		{"an empty object", `{}`},
		{"empty data", `{"data":{}}`},
		{"data that is null", `{"data":null}`},
		{"an empty list", `{"data":[]}`},
		{"empty data and meta", `{"data":{},"meta":{"time":"2026-11-21T12:00:00Z"}}`},
		{"nothing at all", ``},
		{"a line feed", "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := misbehaving(t, Config{Capabilities: everything}, say(200, tt.body))
			for name, do := range map[string]func() error{
				"access": f.begin, "revocation": f.revoke, "fresh copy": f.refresh, "payment": f.pay,
				"access to funds": func() error {
					_, err := f.StartFundsAccess(t.Context(), core.FundsAccessRequest{Session: "s"})
					return err
				},
				"end of access to funds": func() error { return f.RevokeFundsAccess(t.Context(), someAccess) },
				"log-in":                 func() error { _, err := f.StartLogin(t.Context(), core.LoginRequest{Session: "s"}); return err },
			} {
				if err := do(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if f.Close(); f.reports.Load() != 0 {
				t.Error("it was reported as an error")
			}
		})
	}
}

func TestTheFirstAddressComesUnderManyWords(t *testing.T) {
	for _, status := range []string{"received", "redirect", "RCVD", ""} {
		t.Run("status "+status, func(t *testing.T) {
			f := misbehaving(t, Config{}, say(200, `{"data":{"session_secret":"s","redirect_url":"https://bank.example/1","status":"`+status+`","extra":{}}}`))
			if u, err := f.StartAccess(t.Context(), core.AccessRequest{Session: "s"}); err != nil || u == nil || u.RedirectURL != "https://bank.example/1" || u.Status != status {
				t.Errorf("got %+v, %v", u, err)
			}
		})
	}
}

// A connector may lack much of the protocol; what it has must still work.
func TestWhatAConnectorLacksStopsNothingElse(t *testing.T) {
	for _, tt := range []struct {
		name string
		lack http.HandlerFunc
	}{
		{"404 with a page of HTML", say(404, html)},
		{"404 with nothing", say(404, ``)},
		{"404 with a class", say(404, `{"error_class":"RouteNotFound","error_message":"x"}`)},
		{"404 with the body of a framework", say(404, `{"timestamp":"2026-11-21T12:00:00.000+00:00","status":404,"error":"Not Found","path":"/x"}`)},
		{"405", say(405, ``)},
		{"501", say(501, ``)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := misbehaving(t, Config{Capabilities: everything}, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/accounts") || strings.HasSuffix(r.URL.Path, "/accounts/a/transactions") {
					io.WriteString(w, `{"data":[]}`)
					return
				}
				tt.lack(w, r)
			})
			for name, ask := range map[string]func() error{
				"cards": func() error { _, err := f.CardAccounts(t.Context(), someAccess); return err }, "entries of a card": f.cardTransactions,
				"standing orders": f.standingOrders, "beneficiaries": f.beneficiaries, "fresh copy": f.refresh, "revocation": f.revoke,
				"cancellation": f.cancel, "status of a payment": f.status, "bulk": f.payBulk,
			} {
				before := f.calls.Load()
				if err := ask(); !errors.Is(err, core.ErrNotOffered) {
					t.Errorf("%s: got %v", name, err)
				}
				if n := f.calls.Load() - before; n != 1 {
					t.Errorf("%s: asked %d times for what is not there", name, n)
				}
			}
			if err := errors.Join(f.accounts(), f.transactions()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnAccountMayBundleSubAccounts(t *testing.T) {
	f := misbehaving(t, Config{}, say(200, `{"data":[{"id":"1","name":"Račun","currency":"XXX","iban":"SI56020170014356205","balances":[
		{"type":"interimBooked","amount":"12.50","currency":"EUR"},{"type":"interimBooked","amount":"70","currency":"JPY"}],
		"extra":{"display_name":"Gospodinjstvo","usage":"priv","details":"d","linked_accounts":"l","owner_names":["Ana","Bor",null,7],"psu_name":"Ana"}}]}`))
	all, err := f.Accounts(t.Context(), someAccess)
	if err != nil {
		t.Fatal(err)
	}
	a := all[0]
	if a.Currency != money.Several || len(a.Balances) != 2 || a.Balances[1].Amount.String() != "70" || a.Balances[1].Amount.Currency != "JPY" {
		t.Errorf("%+v", a)
	}
	if a.DisplayName != "Gospodinjstvo" || a.Usage != "PRIV" || a.Details != "d" || a.LinkedAccounts != "l" || a.PSUName != "Ana" || fmt.Sprint(a.OwnerNames) != "[Ana Bor 7]" {
		t.Errorf("%+v", a)
	}
	f = misbehaving(t, Config{}, say(200, `{"data":[{"id":"1","currency":"XXX","balances":[{"type":"x","amount":"1"}]}]}`))
	if _, err := f.Accounts(t.Context(), someAccess); !errors.Is(err, core.ErrMalformed) {
		t.Errorf("a balance of no currency: %v", err)
	}
}

func TestCardsSayMoreInTheirExtra(t *testing.T) {
	f := misbehaving(t, Config{}, say(200, `{"data":[{"id":"1","name":"Visa","masked_pan":"4532","currency":"EUR","status":"enabled","balances":[],
		"extra":{"usage":"ORGA","details":"d","display_name":"Kartica","owner_name":"Ana","debit_accounting":"true"}}]}`))
	all, err := f.CardAccounts(t.Context(), someAccess)
	if err != nil {
		t.Fatal(err)
	}
	if c := all[0]; c.Usage != "ORGA" || c.Details != "d" || c.DisplayName != "Kartica" || c.OwnerName != "Ana" || c.DebitAccounting == nil || !*c.DebitAccounting {
		t.Errorf("%+v", c)
	}
}

func TestBeneficiaries(t *testing.T) {
	f := misbehaving(t, Config{Capabilities: everything}, say(200, `{"data":[{"id":"1","debtor_account":{"iban":"SI56020170014356205"},"creditor_account":{"iban":"SI56191000000123438","bic":"AAAASI2X"},
		"creditor_name":"Zavod","creditor_alias":"hiša","creditor_id":"9","creditor_address":{"street_name":"Trg","town_name":"Kranj","country":"SI"}},
		{"id":"2","creditor_account":{"bank_account_identifier":"4711"},"creditor_name":"Bor","creditor_address":{"town_name":"Kranj"}}]}`))
	all, err := f.TrustedBeneficiaries(t.Context(), someAccess)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	b := all[0]
	if b.DebtorAccount.IBAN != "SI56020170014356205" || b.CreditorAccount.IBAN != "SI56191000000123438" || b.CreditorAgent != "AAAASI2X" || b.CreditorAlias != "hiša" || b.CreditorID != "9" || b.CreditorAddress.TownName != "Kranj" {
		t.Errorf("%+v", b)
	}
	if b = all[1]; !b.DebtorAccount.IsZero() || b.CreditorAccount.BBAN != "4711" || b.CreditorAddress != nil {
		t.Errorf("%+v", b)
	}
	for name, body := range map[string]string{
		"no ID": `{"data":[{"creditor_account":{"iban":"x"},"creditor_name":"Bor"}]}`, "no name": `{"data":[{"id":"1","creditor_account":{"iban":"x"}}]}`,
		"no account": `{"data":[{"id":"1","creditor_name":"Bor"}]}`,
	} {
		f := misbehaving(t, Config{Capabilities: everything}, say(200, body))
		if err := f.beneficiaries(); !errors.Is(err, core.ErrMalformed) {
			t.Errorf("%s: got %v", name, err)
		}
		if f.Close(); f.reports.Load() != 1 {
			t.Errorf("%s: %d reports", name, f.reports.Load())
		}
	}
}
