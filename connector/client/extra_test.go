package client

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"kontor/bank/core"
)

// rich is an entry that says everything there is to say.
const rich = `{"id":"1","amount":"-300.00","currency":"EUR","status":"booked","value_date":"2026-02-28","booking_date":"2026-02-28","end_to_end_id":"e",
	"creditor_details":{"name":"Ana","account":{"iban":"SI56191000000123438","bic":"AAAASI2X"}},
	"debtor_details":{"name":"Zavod","account":{"bank_account_identifier":4711,"swift_code":"BBBBDEFFXXX","currency_code":"EUR"}},
	"extra":{"creditor_agent":"CCCCFRPP","batch_indicator":true,"batch_number_of_transactions":"002",
		"balance_after_transaction":{"type":"interimBooked","amount":"12.50","currency":"EUR","reference_date":"28-02-2026"},
		"entry_details":[
			{"amount":"-100.00","currency":"EUR","end_to_end_id":"e1","creditor_details":{"name":"Bor","account":{"iban":"SI56020170014356205"}}},
			{"amount":-200,"currency":"EUR","extra":{"purpose_code":"SALA"}}],
		"standing_order":{"start_date":"2026-01-15","end_date":"2027-01-15","frequency":"monthlyVariable","execution_rule":"preceding","within_a_month_flag":false,
			"months_of_execution":["1",6,"12"],"multiplicator":1,"day_of_execution":"05","limit_amount":{"amount":"500","currency":"EUR"}}}}`

const richWords = "ID=1 Amount=-300.00 Currency=EUR BookingDate=2026-02-28 ValueDate=2026-02-28 EndToEndID=e CreditorName=Ana CreditorAccount.IBAN=SI56191000000123438 " +
	"CreditorAgent=CCCCFRPP DebtorName=Zavod DebtorAccount.BBAN=4711 DebtorAccount.Currency=EUR DebtorAgent=BBBBDEFFXXX Batch BatchCount=2 " +
	"Entries.0.Amount=-100.00 Entries.0.Currency=EUR Entries.0.EndToEndID=e1 Entries.0.CreditorName=Bor Entries.0.CreditorAccount.IBAN=SI56020170014356205 " +
	"Entries.1.Amount=-200 Entries.1.Currency=EUR Entries.1.PurposeCode=SALA " +
	"BalanceAfter.Type=interimBooked BalanceAfter.Amount=12.50 BalanceAfter.Currency=EUR BalanceAfter.ReferenceDate=2026-02-28 " +
	"Standing.StartDate=2026-01-15 Standing.EndDate=2027-01-15 Standing.Frequency=MonthlyVariable Standing.ExecutionRule=preceding Standing.WithinAMonth=false " +
	"Standing.Months.0=1 Standing.Months.1=6 Standing.Months.2=12 Standing.Multiplicator=1 Standing.DayOfExecution=5 Standing.LimitAmount=500 Standing.LimitCurrency=EUR"

// words names everything that v has.
func words(v any) string { return strings.Join(wordsOf("", reflect.ValueOf(v)), " ") }

func wordsOf(name string, v reflect.Value) (all []string) {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return wordsOf(name, v.Elem())
	case v.Kind() == reflect.Bool && v.Bool():
		return []string{name}
	case v.Type() == reflect.TypeFor[core.Text]() && v.Len() > 0:
		return []string{name + "=" + string(v.Bytes())}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			all = append(all, wordsOf(strings.TrimPrefix(name+"."+v.Type().Field(i).Name, "."), v.Field(i))...)
		}
	case v.Kind() == reflect.Slice && v.Type() != reflect.TypeFor[core.Text]():
		for i := range v.Len() {
			all = append(all, wordsOf(fmt.Sprint(name, ".", i), v.Index(i))...)
		}
	}
	return all
}

func TestExtrasOfTransactions(t *testing.T) {
	const plain = "ID=1 Amount=1 Currency=EUR"
	for _, tt := range []struct{ name, extra, want string }{
		{"null", `null`, plain},
		{"a list", `[]`, plain},
		{"a text", `"none"`, plain},
		{"a BIC that is none", `{"creditor_agent":"not a BIC","debtor_agent":7}`, plain},
		{"a batch of another kind", `{"batch_indicator":"yes","batch_number_of_transactions":-2,"entry_details":"see letter"}`, plain},
		{"a truth as a text", `{"batch_indicator":"true","batch_number_of_transactions":2}`, plain + " Batch BatchCount=2"},
		{"elements of a batch that are no payments", `{"entry_details":[null,7,{"note":"x"},{"amount":"1","currency":"EUR"}]}`, plain + " Entries.0.Amount=1 Entries.0.Currency=EUR"},
		{"batches in batches, to a depth", `{"entry_details":[{"amount":"1","currency":"EUR","extra":{"entry_details":[{"amount":"2","currency":"EUR","extra":{"entry_details":[{"amount":"3","currency":"EUR","extra":{"entry_details":[{"amount":"4","currency":"EUR"}]}}]}}]}}]}`,
			plain + " Entries.0.Amount=1 Entries.0.Currency=EUR Entries.0.Entries.0.Amount=2 Entries.0.Entries.0.Currency=EUR Entries.0.Entries.0.Entries.0.Amount=3 Entries.0.Entries.0.Entries.0.Currency=EUR"},
		{"a batch that is too large to be told", `{"batch_indicator":true,"entry_details":[` + strings.Repeat(`{"amount":"1","currency":"EUR"},`, batchMax) + `{"amount":"1","currency":"EUR"}]}`, plain + " Batch"},
		{"the second extra replaces the first whole", `{"batch_indicator":true,"creditor_agent":"AAAASI2X","entry_details":[{"amount":"1","currency":"EUR"}]},"extra":{}`, plain},
		{"a balance nested as cards have it", `{"balance_after_transaction":{"balance_type":"expected","balance_amount":{"amount":7,"currency":"EUR"}}}`, plain + " BalanceAfter.Type=expected BalanceAfter.Amount=7 BalanceAfter.Currency=EUR"},
		{"a balance without a type", `{"balance_after_transaction":{"amount":7,"currency":"EUR"}}`, plain},
		{"a balance without an amount", `{"balance_after_transaction":{"type":"expected","currency":"EUR"}}`, plain},
		{"a balance with a date that is none", `{"balance_after_transaction":{"type":"expected","amount":7,"currency":"EUR","reference_date":"soon"}}`, plain + " BalanceAfter.Type=expected BalanceAfter.Amount=7 BalanceAfter.Currency=EUR"},
		{"a standing order that never begins", `{"standing_order":{"frequency":"Daily"}}`, plain},
		{"a standing order of a frequency that nobody knows", `{"standing_order":{"start_date":"2026-01-15","frequency":"Often"}}`, plain},
		{"a standing order with odd details", `{"standing_order":{"start_date":"15-01-2026","frequency":"Weekly","day_of_execution":32,"months_of_execution":[0,13,"x",null,2],"multiplicator":"a","limit_amount":"5","within_a_month_flag":1}}`,
			plain + " Standing.StartDate=2026-01-15 Standing.Frequency=Weekly Standing.Months.0=2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			body := `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","extra":` + tt.extra + `}]}`
			if _, wrong, err := transactions([]byte(body), func(e *core.Transaction) error { got += words(e); return nil }); wrong != nil || err != nil || got != tt.want {
				t.Errorf("got %q, %v, %v\nwant %q", got, wrong, err, tt.want)
			}
		})
	}
	t.Run("everything at once, and nothing of it in the entry behind", func(t *testing.T) {
		var got []string
		body := `{"data":[` + rich + `,{"id":"2","amount":"1","currency":"EUR","status":"booked"}]}`
		if _, wrong, err := transactions([]byte(body), func(e *core.Transaction) error { got = append(got, words(e)); return nil }); wrong != nil || err != nil {
			t.Fatal(wrong, err)
		}
		if got[0] != richWords || got[1] != "ID=2 Amount=1 Currency=EUR" {
			t.Errorf("got %q\nwant %q", got, richWords)
		}
	})
	t.Run("a payment of a batch with half a cent stops the answer", func(t *testing.T) {
		body := `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","extra":{"entry_details":[{"amount":"0.0005","currency":"EUR"}]}}]}`
		if _, wrong, _ := transactions([]byte(body), func(*core.Transaction) error { return nil }); wrong != errAmount {
			t.Error(wrong)
		}
	})
}

func TestCardTransactionsAreReadTolerantly(t *testing.T) {
	const plain = "ID=1 TransactionDate=2026-02-28 Amount=-1.50 Currency=EUR Details=Pekarna"
	for _, tt := range []struct{ name, members, want string }{
		{"as the protocol writes it", `"booking_date":"2026-03-01","terminal_id":"T1","original_amount":{"currency":"USD","amount":"1.62"},"markup_fee":{"currency":"EUR","amount":"0.01"},"markup_fee_percentage":"0.3",
			"card_acceptor_id":"A1","card_acceptor_address":{"street":"Trg","building_number":"3a","city":"Kranj","postal_code":"4000","country":"SI"},"merchant_category_code":"5462","masked_pan":"453201******7215",
			"invoiced":false,"proprietary_bank_transaction_code":"P","currency_exchange":[{"exchange_rate":"1.08","source_currency":"USD","quotation_date":"28-02-2026"}]`,
			"ID=1 TerminalID=T1 TransactionDate=2026-02-28 BookingDate=2026-03-01 Amount=-1.50 Currency=EUR Exchange.0.SourceCurrency=USD Exchange.0.Rate=1.08 Exchange.0.QuotationDate=2026-02-28 " +
				"Original.Amount=1.62 Original.Currency=USD MarkupFee.Amount=0.01 MarkupFee.Currency=EUR MarkupFeePercentage=0.3 AcceptorID=A1 AcceptorAddress.StreetName=Trg AcceptorAddress.BuildingNumber=3a " +
				"AcceptorAddress.TownName=Kranj AcceptorAddress.PostCode=4000 AcceptorAddress.Country=SI MerchantCategory=5462 MaskedPAN=453201******7215 Details=Pekarna Invoiced=false ProprietaryCode=P"},
		{"nulls for what is absent", `"booking_date":null,"terminal_id":null,"currency_exchange":null,"original_amount":null,"markup_fee":null,"markup_fee_percentage":null,"card_acceptor_address":null,"merchant_category_code":null,"invoiced":null,"extra":null`, plain},
		{"camel case inside the address", `"card_acceptor_address":{"street":"Trg","buildingNumber":3,"city":"Kranj","postalCode":4000,"country":"SI"}`,
			"ID=1 TransactionDate=2026-02-28 Amount=-1.50 Currency=EUR AcceptorAddress.StreetName=Trg AcceptorAddress.BuildingNumber=3 AcceptorAddress.TownName=Kranj AcceptorAddress.PostCode=4000 AcceptorAddress.Country=SI Details=Pekarna"},
		{"a country by its name", `"card_acceptor_address":{"city":"Kranj","country":"Slovenia"}`, "ID=1 TransactionDate=2026-02-28 Amount=-1.50 Currency=EUR AcceptorAddress.TownName=Kranj Details=Pekarna"},
		{"a merchant category that lost its zero", `"merchant_category_code":742`, "ID=1 TransactionDate=2026-02-28 Amount=-1.50 Currency=EUR MerchantCategory=0742 Details=Pekarna"},
		{"a merchant category in words", `"merchant_category_code":"bakery"`, plain},
		{"in a word of four letters", `"merchant_category_code":"food"`, plain},
		{"extras", `"extra":{"acceptor_transaction_date_time":"2026-02-28T08:15:00+01:00","card_acceptor_phone":"+38615550100","grand_total_amount":{"amount":"1.51","currency":"EUR"}}`,
			"ID=1 TransactionDate=2026-02-28 AcceptorTime=2026-02-28T08:15:00+01:00 Amount=-1.50 Currency=EUR GrandTotal.Amount=1.51 GrandTotal.Currency=EUR AcceptorPhone=+38615550100 Details=Pekarna"},
		{"a comma in a time, which RFC 3339 does not know", `"extra":{"acceptor_transaction_date_time":"2026-02-28T08:15:00,5+01:00"}`, "ID=1 TransactionDate=2026-02-28 AcceptorTime=2026-02-28T07:15:00Z Amount=-1.50 Currency=EUR Details=Pekarna"},
		{"a time without a zone", `"extra":{"acceptor_transaction_date_time":"2026-02-28 08:15:00 UTC"}`, "ID=1 TransactionDate=2026-02-28 AcceptorTime=2026-02-28T08:15:00Z Amount=-1.50 Currency=EUR Details=Pekarna"},
		{"an amount beside it that is none", `"original_amount":{"amount":"1,62","currency":"USD"},"markup_fee":[],"markup_fee_percentage":"little"`, plain},
		{"the entry before leaves nothing", `"invoiced":"true"},{"id":"1","amount":"-1.50","currency":"EUR","status":"booked","transaction_date":"28-02-2026","transaction_details":"Pekarna"`,
			"ID=1 TransactionDate=2026-02-28 Amount=-1.50 Currency=EUR Details=Pekarna Invoiced=true" + plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			body := `{"data":[{"id":"1","amount":"-1.50","currency":"EUR","status":"booked","transaction_date":"28-02-2026","transaction_details":"Pekarna",` + tt.members + `}],"meta":{"next_id":7}}`
			next, wrong, err := page(whole([]byte(body)), (*scanner).cardEntry, func(e *core.CardTransaction) error { got += words(e); return nil })
			if wrong != nil || err != nil || next != "7" || got != tt.want {
				t.Errorf("got %q, %v, %v\nwant %q", got, wrong, err, tt.want)
			}
		})
	}
}

func TestCardTransactionsThatCannotBePassedOn(t *testing.T) {
	for _, tt := range []struct {
		name, entry string
		want        error
	}{
		{"null", `null`, errShape},
		{"no date", `{"id":"1","amount":"1","currency":"EUR","status":"booked"}`, errDay},
		{"no status", `{"id":"1","amount":"1","currency":"EUR","transaction_date":"2026-02-28"}`, errStatus},
		{"no amount", `{"id":"1","currency":"EUR","status":"booked","transaction_date":"2026-02-28"}`, errAmount},
		{"no currency", `{"id":"1","amount":"1","status":"booked","transaction_date":"2026-02-28"}`, errCurrency},
		{"a date that does not exist", `{"id":"1","amount":"1","currency":"EUR","status":"booked","transaction_date":"2026-02-30"}`, errDate},
		{"an extra that is cut off", `{"id":"1","extra":{"grand_total_amount":{`, errShape},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, wrong, _ := page(whole([]byte(`{"data":[`+tt.entry+`]}`)), (*scanner).cardEntry, func(*core.CardTransaction) error { return nil }); wrong != tt.want {
				t.Errorf("got %v; want %v", wrong, tt.want)
			}
		})
	}
}
