package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

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

const whole = `{"id":"1","amount":"-1.50","currency":"EUR","status":"booked","value_date":"2026-02-28"}`

func TestTransactionsAreReadTolerantly(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       string // of the one entry, as "field=value field=value"
		next       string
	}{
		{"as the protocol writes it", `{"data":[` + whole + `],"meta":{"next_id":"2"}}`, "ID=1 Amount=-1.50 Currency=EUR ValueDate=2026-02-28", "2"},
		{"meta may come first", `{"meta":{"next_id":"2"},"data":[` + whole + `]}`, "ID=1 Amount=-1.50 Currency=EUR ValueDate=2026-02-28", "2"},
		{"meta may be missing", `{"data":[` + whole + `]}`, "ID=1 Amount=-1.50 Currency=EUR ValueDate=2026-02-28", ""},
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
		{"cut off within an entry", `{"data":[` + whole[:40], errShape},
		{"cut off between entries", `{"data":[` + whole + `,`, errShape},
		{"cut off before the end", `{"data":[` + whole + `]`, errShape},
		{"something behind the end", `{"data":[]} x`, errShape},
		{"a comma too many in a list", `{"data":[` + whole + `,]}`, errShape},
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
	f.Add([]byte(`{"data":[` + whole + `],"meta":{"next_id":"2"}}`))
	f.Add([]byte(`{"meta":{"next_id":17},"data":[{"id":1,"amount":-1.50,"currency":"EUR","status":"pending","extra":{"check_id":"\u0041"},"creditor_details":{"name":"a","account":{"iban":"b","currency_code":null}}}]}`))
	f.Add([]byte(`{"data":[{"id":"\\","amount":"1.5000","currency":"EUR","status":"booked","currency_exchange":[{"quotation_date":"28-02-2026"},{}],"remittance_information":{"unstructured":"x"}}]}`))
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
	})
}

// copied takes e out of the body it lies in.
func copied(e *core.Transaction) core.Transaction {
	c := core.Transaction{Pending: e.Pending}
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
		case f.Kind() == reflect.Slice:
			for j := range f.Len() {
				x := reflect.New(f.Type().Elem()).Elem()
				copyTexts(f.Index(j), x)
				to.Field(i).Set(reflect.Append(to.Field(i), x))
			}
		}
	}
}

type members map[string]json.RawMessage

// reference reads a page by encoding/json, slowly and from its own idea of the rules.
func reference(body []byte) (all []core.Transaction, next string, ok bool) {
	defer func() {
		if p := recover(); p == errReference {
			all, next, ok = nil, "", false
		} else if p != nil {
			panic(p)
		}
	}()
	if !utf8.Valid(body) || !json.Valid(body) || depth(body) > depthMax || dataCount(body) != 1 {
		return nil, "", false
	}
	top := object(body)
	var list []json.RawMessage
	must(json.Unmarshal(top["data"], &list) == nil)
	for _, raw := range list {
		must(string(raw) != "null")
		all = append(all, referenceEntry(object(raw)))
	}
	if raw := top["meta"]; raw != nil {
		if cursor := text(object(raw)["next_id"]); cursor != nil {
			must(json.Unmarshal(append(append([]byte{'"'}, cursor...), '"'), &next) == nil)
		}
	}
	return all, next, true
}

func referenceEntry(m members) core.Transaction {
	extra := members{}
	if raw := m["extra"]; raw != nil && raw[0] == '{' {
		extra = object(raw)
	}
	loose := func(name string) core.Text {
		if raw := extra[name]; raw != nil && strings.IndexByte("\"-0123456789", raw[0]) >= 0 {
			return text(raw)
		}
		return nil
	}
	remittance := object(m["remittance_information"])
	e := core.Transaction{
		ID: text(m["id"]), Amount: text(m["amount"]), Currency: text(m["currency"]), BookingDate: date(m["booking_date"]), ValueDate: date(m["value_date"]),
		EndToEndID: text(m["end_to_end_id"]), RemittanceStructured: text(remittance["structured"]), Remittance: text(remittance["unstructured"]),
		EntryReference: loose("entry_reference"), MandateID: loose("mandate_id"), CheckID: loose("check_id"), CreditorID: loose("creditor_id"),
		UltimateCreditor: loose("ultimate_creditor"), UltimateDebtor: loose("ultimate_debtor"), PurposeCode: loose("purpose_code"),
		BankTransactionCode: loose("bank_transaction_code"), ProprietaryCode: loose("proprietary_bank_transaction_code"), AdditionalInformation: loose("additional_information"),
	}
	party := func(name string) (core.Text, core.TextAccount) {
		m := object(m[name])
		a := object(m["account"])
		t := core.TextAccount{IBAN: text(a["iban"]), BBAN: text(a["bban"]), PAN: text(a["pan"]), MaskedPAN: text(a["masked_pan"]), MSISDN: text(a["msisdn"]), Currency: text(a["currency"])}
		if c, has := a["currency_code"]; has {
			must(a["currency"] == nil) // which of both came last cannot be seen here
			t.Currency = text(c)
		}
		return text(m["name"]), t
	}
	e.CreditorName, e.CreditorAccount = party("creditor_details")
	e.DebtorName, e.DebtorAccount = party("debtor_details")
	var exchanges []json.RawMessage
	if raw := m["currency_exchange"]; raw != nil {
		must(json.Unmarshal(raw, &exchanges) == nil)
	}
	for _, raw := range exchanges {
		must(string(raw) != "null")
		x := object(raw)
		e.Exchange = append(e.Exchange, core.TextExchange{
			ContractID: text(x["contract_identification"]), Rate: text(x["exchange_rate"]), QuotationDate: date(x["quotation_date"]),
			SourceCurrency: text(x["source_currency"]), TargetCurrency: text(x["target_currency"]), UnitCurrency: text(x["unit_currency"]),
		})
	}
	status := strings.ToLower(string(text(m["status"])))
	must(status == "booked" || status == "pending")
	e.Pending = status == "pending"
	must(regexp.MustCompile(`^[A-Z]{3}$`).Match(e.Currency))
	amount := regexp.MustCompile(`^(-?\d{1,14}(?:\.\d{1,3})?)0*$`).FindSubmatch(e.Amount)
	must(amount != nil)
	e.Amount = amount[1]
	if regexp.MustCompile(`^\d{15}`).Match(bytes.TrimPrefix(e.Amount, []byte("-"))) || bytes.IndexByte(e.Amount, '.') < 0 && len(amount[0]) != len(amount[1]) {
		panic(errReference)
	}
	if regexp.MustCompile(`^-[0.]+$`).Match(e.Amount) {
		e.Amount = e.Amount[1:]
	}
	return e
}

var errReference = errors.New("refused")

func must(ok bool) {
	if !ok {
		panic(errReference)
	}
}

func object(raw json.RawMessage) members {
	if raw == nil {
		return nil
	}
	var m members
	must(json.Unmarshal(raw, &m) == nil)
	return m
}

// text returns the inside of a string or a number as it stands.
func text(raw json.RawMessage) core.Text {
	switch {
	case raw == nil || string(raw) == "null":
		return nil
	case raw[0] == '"':
		if len(raw) == 2 {
			return nil
		}
		return core.Text(raw[1 : len(raw)-1])
	}
	must(raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
	return core.Text(raw)
}

func date(raw json.RawMessage) core.Text {
	t := text(raw)
	if t == nil {
		return nil
	}
	ymd := regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)(?:[T ]|$)`).FindSubmatch(t)
	if dmy := regexp.MustCompile(`^(\d\d)-(\d\d)-(\d{4})(?:[T ]|$)`).FindSubmatch(t); dmy != nil {
		ymd = [][]byte{nil, dmy[3], dmy[2], dmy[1]}
	}
	must(ymd != nil)
	s := string(ymd[1]) + "-" + string(ymd[2]) + "-" + string(ymd[3])
	must(dayOf(s))
	return core.Text(s)
}

// depth is how deep body nests.
func depth(body []byte) (deepest int) {
	n, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			n++
			deepest = max(deepest, n)
		case c == '}' || c == ']':
			n--
		}
	}
	return deepest
}

// dataCount is how often the member "data" stands at the top.
func dataCount(body []byte) (n int) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, _ := dec.Token(); open != json.Delim('{') {
		return 0
	}
	for dec.More() {
		name, err := dec.Token()
		must(err == nil)
		if name == "data" {
			n++
		}
		var skipped json.RawMessage
		must(dec.Decode(&skipped) == nil)
	}
	return n
}

func dayOf(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
