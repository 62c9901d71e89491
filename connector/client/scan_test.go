package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"kontor/bank/core"
	"kontor/connector/wire"
)

// hundred is a page as a connector of ours writes it.
func hundred(t testing.TB) []byte {
	list := wire.List[wire.TransactionAnswer]{Meta: wire.Meta{NextID: "100"}}
	for i := range 100 {
		list.Data = append(list.Data, entry(i))
	}
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// transactions reads a page of entries of an account.
func transactions(body []byte, yield func(*core.Transaction) error) (next string, wrong, err error) {
	return page(whole(body), (*scanner).entry, yield)
}

func BenchmarkTransactions(b *testing.B) {
	page := hundred(b)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if _, wrong, _ := transactions(page, func(*core.Transaction) error { n++; return nil }); wrong != nil || n != 100 {
			b.Fatal(wrong, n)
		}
	}
}

func TestScanningDoesNotAllocate(t *testing.T) {
	page := hundred(t)
	yield := func(*core.Transaction) error { return nil }
	if n := testing.AllocsPerRun(20, func() { transactions(page, yield) }); n > 5 {
		t.Errorf("%v allocations for a hundred entries", n)
	}
}

const simple = `{"id":"1","amount":"-1.50","currency":"EUR","status":"booked","value_date":"2026-02-28"}`

func TestTransactionsAreReadTolerantly(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       string // of the one entry, as "field=value field=value"
		next       string
	}{
		{"as the protocol writes it", `{"data":[` + simple + `],"meta":{"next_id":"2"}}`, "ID=1 Amount=-1.50 Currency=EUR ValueDate=2026-02-28", "2"},
		{"meta may come first", `{"meta":{"next_id":"2"},"data":[` + simple + `]}`, "ID=1 Amount=-1.50 Currency=EUR ValueDate=2026-02-28", "2"},
		{"meta may be missing", `{"data":[` + simple + `]}`, "ID=1 Amount=-1.50 Currency=EUR ValueDate=2026-02-28", ""},
		{"numbers stand for texts", `{"data":[{"id":17,"amount":-12.5,"currency":"EUR","status":"booked"}],"meta":{"next_id":3}}`, "ID=17 Amount=-12.5 Currency=EUR", "3"},
		{"null is absence", `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"pending","booking_date":null,"creditor_details":null,"currency_exchange":null,"extra":null,"remittance_information":{"structured":null}}],"meta":null}`, "ID=1 Pending Amount=1 Currency=EUR", ""},
		{"a list of null is empty", `{"data":null}`, "", ""},
		{"unknown members are ignored, however deep", `{"x":[[{"a":[true,false,null,1e5,"\u00e9"]}]],"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","y":{"z":[]}}]}`, "ID=1 Amount=1 Currency=EUR", ""},
		{"a quotation date with the day first", `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","currency_exchange":[{"quotation_date":"28-02-2026","exchange_rate":1.0832,"source_currency":"USD"}]}]}`, "ID=1 Amount=1 Currency=EUR Rate=1.0832 QuotationDate=2026-02-28", ""},
		{"a quotation date as a timestamp", `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","currency_exchange":[{"quotation_date":"2026-02-28T10:00:00.000Z"}]}]}`, "ID=1 Amount=1 Currency=EUR QuotationDate=2026-02-28", ""},
		{"dates with a time behind them", `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","booking_date":"2026-02-28 00:00:00 UTC"}]}`, "ID=1 Amount=1 Currency=EUR BookingDate=2026-02-28", ""},
		{"an empty date is none", `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","booking_date":""}]}`, "ID=1 Amount=1 Currency=EUR", ""},
		{"status in capitals", `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"PENDING"}]}`, "ID=1 Pending Amount=1 Currency=EUR", ""},
		{"zeros beyond the third decimal", `{"data":[{"id":"1","amount":"1.500000","currency":"EUR","status":"booked"}]}`, "ID=1 Amount=1.500 Currency=EUR", ""},
		{"nothing has no sign", `{"data":[{"id":"1","amount":"-0.00","currency":"EUR","status":"booked"}]}`, "ID=1 Amount=0.00 Currency=EUR", ""},
		{"currency of an account under its other name", `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","debtor_details":{"name":"Ana","account":{"iban":"SI56","currency_code":"EUR"}}}]}`, "ID=1 Amount=1 Currency=EUR DebtorName=Ana DebtorIBAN=SI56 DebtorCurrency=EUR", ""},
		{"escapes are handed on", `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","remittance_information":{"unstructured":"a \"b\" \u0041 \/"}}]}`, `ID=1 Amount=1 Currency=EUR Remittance=a \"b\" \u0041 \/`, ""},
		{"an escaped name is the same name", `{"d\u0061ta":[{"\u0069d":"1","amount":"1","currency":"EUR","status":"booked"}],"meta":{"next_id":"\u0032"}}`, "ID=1 Amount=1 Currency=EUR", "2"},
		{"the last of two members counts", `{"data":[{"id":"0","id":"1","amount":"1","currency":"EUR","status":"booked"}]}`, "ID=1 Amount=1 Currency=EUR", ""},
		{"odd values among the extras are none", `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","extra":{"purpose_code":{"code":"SALA"},"mandate_id":7,"check_id":true}}]}`, "ID=1 Amount=1 Currency=EUR MandateID=7", ""},
		{"extra that is a list", `{"data":[{"id":"1","amount":"1","currency":"EUR","status":"booked","extra":[]}]}`, "ID=1 Amount=1 Currency=EUR", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			next, wrong, err := transactions([]byte(tt.body), func(e *core.Transaction) error { got += describe(e); return nil })
			if wrong != nil || err != nil || got != tt.want || next != tt.next {
				t.Errorf("got %q, next %q, %v, %v; want %q, next %q", got, next, wrong, err, tt.want, tt.next)
			}
		})
	}
}

func TestTransactionsThatCannotBePassedOn(t *testing.T) {
	entry := func(members string) string { return `{"data":[{"id":"1",` + members + `}]}` }
	for _, tt := range []struct {
		name, body string
		want       error
	}{
		{"nothing", ``, errShape},
		{"no object", `[]`, errShape},
		{"no data", `{}`, errNoData},
		{"data is an object", `{"data":{}}`, errShape},
		{"data twice", `{"data":[],"data":[]}`, errShape},
		{"cut off within an entry", `{"data":[` + simple[:40], errShape},
		{"cut off between entries", `{"data":[` + simple + `,`, errShape},
		{"cut off before the end", `{"data":[` + simple + `]`, errShape},
		{"something behind the end", `{"data":[]} x`, errShape},
		{"a comma too many in a list", `{"data":[` + simple + `,]}`, errShape},
		{"a comma too many in an object", `{"data":[],}`, errShape},
		{"a comma missing", `{"data":[] "meta":{}}`, errShape},
		{"an entry that is null", `{"data":[null]}`, errShape},
		{"a control character in a text", entry("\"amount\":\"1\",\"currency\":\"EUR\",\"status\":\"booked\",\"end_to_end_id\":\"a\nb\""), errShape},
		{"an escape that does not exist", entry(`"amount":"1","currency":"EUR","status":"booked","end_to_end_id":"\x41"`), errShape},
		{"half an escape", `{"data":[{"id":"\u00`, errShape},
		{"bytes that are not UTF-8", entry("\"amount\":\"1\",\"currency\":\"EUR\",\"status\":\"booked\",\"end_to_end_id\":\"\xff\""), errShape},
		{"a number with a leading zero", entry(`"amount":01,"currency":"EUR","status":"booked"`), errShape},
		{"a number without an end", entry(`"amount":1.,"currency":"EUR","status":"booked"`), errShape},
		{"a truth for a text", entry(`"amount":true,"currency":"EUR","status":"booked"`), errShape},
		{"an object for a text", entry(`"amount":{"amount":"1"},"currency":"EUR","status":"booked"`), errShape},
		{"too deep", `{"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `,"data":[]}`, errShape},
		{"no amount", entry(`"currency":"EUR","status":"booked"`), errAmount},
		{"an amount with a comma", entry(`"amount":"1,50","currency":"EUR","status":"booked"`), errAmount},
		{"an amount with an exponent", entry(`"amount":1e3,"currency":"EUR","status":"booked"`), errAmount},
		{"an amount of thirty digits", entry(`"amount":"1000000000000000000000000000000","currency":"EUR","status":"booked"`), errAmount},
		{"an amount that was a binary fraction", entry(`"amount":0.30000000000000004,"currency":"EUR","status":"booked"`), errAmount},
		{"no currency", entry(`"amount":"1","status":"booked"`), errCurrency},
		{"a currency in small letters", entry(`"amount":"1","currency":"eur","status":"booked"`), errCurrency},
		{"a currency sign", entry(`"amount":"1","currency":"€","status":"booked"`), errCurrency},
		{"no status", entry(`"amount":"1","currency":"EUR"`), errStatus},
		{"another status", entry(`"amount":"1","currency":"EUR","status":"done"`), errStatus},
		{"a day that does not exist", entry(`"amount":"1","currency":"EUR","status":"booked","booking_date":"2026-02-29"`), errDate},
		{"a month that does not exist", entry(`"amount":"1","currency":"EUR","status":"booked","value_date":"2026-13-01"`), errDate},
		{"a date in another order", entry(`"amount":"1","currency":"EUR","status":"booked","value_date":"02/28/2026"`), errDate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, wrong, err := transactions([]byte(tt.body), func(*core.Transaction) error { return nil })
			if !errors.Is(wrong, tt.want) || err != nil {
				t.Errorf("got %v, %v; want %v", wrong, err, tt.want)
			}
		})
	}
}

// describe names what e has.
func describe(e *core.Transaction) string {
	var parts []string
	add := func(name string, t core.Text) {
		if len(t) > 0 {
			parts = append(parts, name+"="+string(t))
		}
	}
	add("ID", e.ID)
	if e.Pending {
		parts = append(parts, "Pending")
	}
	add("Amount", e.Amount)
	add("Currency", e.Currency)
	add("BookingDate", e.BookingDate)
	add("ValueDate", e.ValueDate)
	add("DebtorName", e.DebtorName)
	add("DebtorIBAN", e.DebtorAccount.IBAN)
	add("DebtorCurrency", e.DebtorAccount.Currency)
	add("Remittance", e.Remittance)
	add("MandateID", e.MandateID)
	for _, x := range e.Exchange {
		add("Rate", x.Rate)
		add("QuotationDate", x.QuotationDate)
	}
	return strings.Join(parts, " ")
}

// FuzzTransactions compares the scanner with encoding/json: both take the same bodies, and
// find the same texts in them.
func FuzzTransactions(f *testing.F) {
	f.Add(hundred(f)[:2000])
	f.Add([]byte(`{"data":[` + simple + `],"meta":{"next_id":"2"}}`))
	f.Add([]byte(`{"meta":{"next_id":17},"data":[{"id":1,"amount":-1.50,"currency":"EUR","status":"pending","extra":{"check_id":"\u0041"},"creditor_details":{"name":"a","account":{"iban":"b","currency_code":null}}}]}`))
	f.Add([]byte(`{"data":[{"id":"\\","amount":"1.5000","currency":"EUR","status":"booked","currency_exchange":[{"quotation_date":"28-02-2026"},{}],"remittance_information":{"unstructured":"x"}}]}`))
	f.Add([]byte(`{"data":[` + rich + `]}`))
	f.Add([]byte(`{"data":[{"id":"1","amount":1,"currency":"EUR","status":"booked","extra":{"balance_after_transaction":{"balance_type":"x","balance_amount":{"amount":"7","currency":"EUR"},"reference_date":"x"},"entry_details":[7,{"name":"?"},{"amount":1,"currency":"EUR","extra":{"entry_details":[{"amount":2,"currency":"EUR"}]}}],"standing_order":{"start_date":"01-12-2026","frequency":"monthly"}}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		want, next, ok := reference(body)
		var got []core.Transaction
		gotNext, wrong, err := transactions(bytes.Clone(body), func(e *core.Transaction) error {
			for _, text := range []core.Text{e.ID, e.Amount, e.Currency, e.BookingDate, e.CreditorName, e.Remittance, e.AdditionalInformation} {
				if !json.Valid(append(append([]byte{'"'}, text...), '"')) {
					t.Fatalf("%q cannot stand between quotes", text)
				}
			}
			got = append(got, copied(e))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if ok != (wrong == nil) {
			t.Fatalf("encoding/json takes it: %t; the scanner says %v", ok, wrong)
		}
		if ok && (gotNext != next || !reflect.DeepEqual(got, want)) {
			t.Fatalf("got %+v next %q\nwant %+v next %q", got, gotNext, want, next)
		}
		// In pieces it says the same.
		room := make([]byte, len(body)+refillMin)
		begin, all := len(body)/3, got
		copy(room, body[:begin])
		got = nil
		gotNext, wrong, _ = page(window{scanner: scanner{b: room[:begin]}, rest: iotest.HalfReader(bytes.NewReader(body[begin:])), room: room}, (*scanner).entry, func(e *core.Transaction) error {
			got = append(got, copied(e))
			return nil
		})
		if ok != (wrong == nil) || ok && (gotNext != next || !reflect.DeepEqual(got, all)) {
			t.Fatalf("in pieces: got %+v next %q, %v\nwant %+v next %q", got, gotNext, wrong, all, next)
		}
	})
}

// copied takes e out of the body it lies in.
func copied(e *core.Transaction) core.Transaction {
	c := core.Transaction{}
	from, to := reflect.ValueOf(e).Elem(), reflect.ValueOf(&c).Elem()
	copyTexts(from, to)
	return c
}

func copyTexts(from, to reflect.Value) {
	for i := range from.NumField() {
		switch f := from.Field(i); {
		case f.Type() == reflect.TypeFor[core.Text]():
			if f.Len() > 0 {
				to.Field(i).SetBytes(bytes.Clone(f.Bytes()))
			}
		case f.Kind() == reflect.Struct:
			copyTexts(f, to.Field(i))
		case f.Kind() == reflect.Bool:
			to.Field(i).SetBool(f.Bool())
		case f.Kind() == reflect.Pointer:
			if !f.IsNil() {
				to.Field(i).Set(reflect.New(f.Type().Elem()))
				copyTexts(f.Elem(), to.Field(i).Elem())
			}
		case f.Type() == reflect.TypeFor[[]core.Text]():
			for _, text := range f.Interface().([]core.Text) {
				to.Field(i).Set(reflect.Append(to.Field(i), reflect.ValueOf(bytes.Clone(text))))
			}
		case f.Kind() == reflect.Slice:
			for j := range f.Len() {
				x := reflect.New(f.Type().Elem()).Elem()
				copyTexts(f.Index(j), x)
				to.Field(i).Set(reflect.Append(to.Field(i), x))
			}
		}
	}
}
