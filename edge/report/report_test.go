package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/edge/report"
	"kontor/kit/day"
	"kontor/kit/money"
)

// text is s as it stands within a JSON string.
func text(s string) core.Text {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return core.Text(b[1 : len(b)-1])
}

func bucharest(t testing.TB) *time.Location {
	zone, err := time.LoadLocation("Europe/Bucharest")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// head is one of an account in currency with everything a head can say.
func head(t testing.TB, currency string) report.Head {
	included := true
	return report.Head{
		ID:      "0197f3c2-5d7e-7b1a-9c55-2f6e8a1b4c3",
		Created: time.Date(2026, 7, 1, 6, 30, 5, 0, time.UTC),
		Account: core.Account{
			Reference: core.AccountReference{IBAN: "RO66BACX0000001234567890"},
			Currency:  currency, Name: "Cont curent & economii", OwnerName: "Ștefan Țăran <jr>", BIC: "KONTROBUXXX",
		},
		BankName: "Kontor Bank",
		From:     day.New(2026, 6, 1), To: day.New(2026, 6, 30),
		Zone: bucharest(t), Page: 1, Last: true,
		Balances: []core.Balance{
			{Type: "interimAvailable", Amount: money.Amount{Minor: 123456, Currency: currency}, CreditLimitIncluded: &included},
			{Type: "expected", Amount: money.Amount{Minor: -5, Currency: currency}, ReferenceDate: day.New(2026, 7, 2)},
			{Type: "interimBooked", Amount: money.Amount{Currency: currency}, LastChangeDateTime: time.Date(2026, 6, 30, 22, 0, 0, 0, time.UTC)},
			{Type: "forwardAvailable", Amount: money.Amount{Minor: 99, Currency: currency}, ReferenceDate: day.New(2026, 7, 3)},
			{Type: "nonInvoiced", Amount: money.Amount{Minor: 1, Currency: currency}},
		},
	}
}

// whole is an entry with everything a single payment can say.
func whole(amount, currency string) core.Transaction {
	return core.Transaction{
		ID: text("6e0a4bfa-3f0e-4b7c-8c1d-000000000001"), Amount: text(amount), Currency: text(currency),
		BookingDate: text("2026-06-15"), ValueDate: text("2026-06-16"),
		EndToEndID: text("INV 2026/0815"), EntryReference: text("E-1"), MandateID: text("MD-77"), CheckID: text("000123"),
		CreditorID: text("DE98ZZZ09999999999"), CreditorName: text("Müller & Söhne \"Backstube\" <GmbH>"),
		CreditorAccount: core.TextAccount{IBAN: text("DE89 3704 0044 0532 0130 00"), Currency: text("EUR")},
		CreditorAgent:   text("cobadeff"), UltimateCreditor: text("Ćirić"),
		DebtorName: text("Zoë O'Neil"), DebtorAccount: core.TextAccount{BBAN: text("1234567890")},
		DebtorAgent: text("KONTROBUXXX"), UltimateDebtor: text("Αθηνά"),
		RemittanceStructured: text("RF18539007547034"), Remittance: text("Rechnung 4711, Brötchen für Juni \u2014 100 % \U0001F950"),
		AdditionalInformation: text("Card fee\nsecond line"), PurposeCode: text("SUPP"),
		BankTransactionCode: text("PMNT-ICDT-ESCT"), ProprietaryCode: text("117"),
		Exchange: []core.TextExchange{
			{SourceCurrency: text("USD"), TargetCurrency: text(currency), UnitCurrency: text("USD"), Rate: text("1.08673"), QuotationDate: text("2026-06-14"), ContractID: text("FX-1")},
			{SourceCurrency: text("GBP"), Rate: text("0.123456789012")},
		},
	}
}

// batch is an entry of three payments.
func batch(amount, currency string) core.Transaction {
	t := core.Transaction{
		ID: text("B-1"), Amount: text(amount), Currency: text(currency), BookingDate: text("2026-06-20"), Batch: true,
		BatchCount: text("3"), BankTransactionCode: text("PMNT-ICDT-BOOK"), AdditionalInformation: text("Salaries June"),
	}
	third := whole("-0.10", currency)
	t.Entries = []core.Transaction{whole("-1", currency), {EndToEndID: text("only this")}, third}
	return t
}

// write makes a whole report.
func write(t testing.TB, f report.Format, h report.Head, entries ...core.Transaction) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := report.New(f, &b, h)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if err := w.Entry(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pair gives h the balances of a statement.
func pair(h report.Head, currency string, opening, closing int64) report.Head {
	h.Opening = &report.Balance{Amount: money.Amount{Minor: opening, Currency: currency}, Day: day.New(2026, 6, 1)}
	h.Closing = &report.Balance{Amount: money.Amount{Minor: closing, Currency: currency}, Day: day.New(2026, 6, 30)}
	return h
}

func TestEntries(t *testing.T) {
	t.Parallel()
	pending := whole("-3", "EUR")
	pending.Pending = true
	for _, tt := range []struct {
		name   string
		format report.Format
		change func(*core.Transaction)
		err    error
	}{
		{"a booked entry", report.Camt053V02, func(*core.Transaction) {}, nil},
		{"a pending one is in a report", report.Camt052V08, func(t *core.Transaction) { t.Pending = true }, nil},
		{"a pending one is in an interim report", report.MT942, func(t *core.Transaction) { t.Pending = true }, nil},
		{"a pending one is in no statement", report.Camt053V08, func(t *core.Transaction) { t.Pending = true }, report.ErrEntry},
		{"a pending one is in no notification", report.Camt054V02, func(t *core.Transaction) { t.Pending = true }, report.ErrEntry},
		{"a pending one is in no MT940", report.MT940, func(t *core.Transaction) { t.Pending = true }, report.ErrEntry},
		{"a standing order is no entry", report.Camt052V02, func(t *core.Transaction) { t.Standing = &core.StandingOrder{} }, report.ErrEntry},
		{"an amount with an exponent is none", report.Camt052V02, func(t *core.Transaction) { t.Amount = text("1e3") }, core.ErrMalformed},
		{"an amount without digits is none", report.MT942, func(t *core.Transaction) { t.Amount = text("-") }, core.ErrMalformed},
		{"an amount of a tenth of a thousandth is none", report.MT942, func(t *core.Transaction) { t.Amount = text("1.0001") }, core.ErrMalformed},
		{"an amount of fifteen digits is none", report.Camt052V02, func(t *core.Transaction) { t.Amount = text("100000000000000") }, core.ErrMalformed},
		{"zeros beyond the thousandths are nothing", report.Camt052V02, func(t *core.Transaction) { t.Amount = text("1.5000000") }, nil},
		{"a currency in small letters is none", report.Camt054V08, func(t *core.Transaction) { t.Currency = text("eur") }, core.ErrMalformed},
		{"a payment of a batch has a wrong amount", report.Camt054V08, func(t *core.Transaction) {
			t.Entries = []core.Transaction{{Amount: text("x"), Currency: text("EUR")}}
		}, core.ErrMalformed},
		{"camt has room for fourteen digits", report.Camt054V08, func(t *core.Transaction) { t.Amount = text("99999999999999.999") }, nil},
		{"MT has room for twelve digits", report.MT942, func(t *core.Transaction) { t.Amount = text("-999999999999.99") }, nil},
		{"MT has no room for thirteen digits", report.MT942, func(t *core.Transaction) { t.Amount = text("1000000000000.00") }, report.ErrEntry},
		{"MT tells of no other currency", report.MT942, func(t *core.Transaction) { t.Currency = text("USD") }, report.ErrEntry},
		{"camt does", report.Camt052V02, func(t *core.Transaction) { t.Currency = text("USD") }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := head(t, "EUR")
			if tt.format == report.MT940 {
				h = pair(h, "EUR", 0, 0)
			}
			var b bytes.Buffer
			w, err := report.New(tt.format, &b, h)
			if err != nil {
				t.Fatal(err)
			}
			e := whole("-3", "EUR")
			tt.change(&e)
			if err := w.Entry(&e); !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err := w.Close(); !errors.Is(err, tt.err) {
				t.Errorf("Close: got %v, want %v: a report that broke off is not ended", err, tt.err)
			}
		})
	}
}

func TestSums(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		format           report.Format
		currency         string
		opening, closing int64
		entries          []string
		err              error
	}{
		{"nothing happened", report.MT940, "EUR", 5, 5, nil, nil},
		{"debit and credit", report.Camt053V02, "EUR", 1000, 850, []string{"-2.5", "1"}, nil},
		{"yen", report.Camt053V08, "JPY", 1000, 997, []string{"-5", "2.00"}, nil},
		{"dinars", report.MT940, "KWD", 1000, -1001, []string{"-2.001"}, nil},
		{"negative nothing", report.MT940, "EUR", -7, -7, []string{"-0.00"}, nil},
		{"a cent is missing", report.MT940, "EUR", 1000, 851, []string{"-2.5", "1"}, report.ErrSum},
		{"an interim report is checked, too", report.Camt052V02, "EUR", 0, 1, nil, report.ErrSum},
		{"a tenth of a cent", report.Camt053V02, "EUR", 0, 0, []string{"0.001"}, report.ErrSum},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			w, err := report.New(tt.format, &b, pair(head(t, tt.currency), tt.currency, tt.opening, tt.closing))
			if err != nil {
				t.Fatal(err)
			}
			for _, amount := range tt.entries {
				if err := w.Entry(&core.Transaction{Amount: text(amount), Currency: text(tt.currency)}); err != nil {
					t.Fatal(err)
				}
			}
			if tt.format.Pending() { // what is not booked changes no balance
				if err := w.Entry(&core.Transaction{Amount: text("77"), Currency: text(tt.currency), Pending: true}); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if tt.err != nil && (strings.Contains(b.String(), "</Document>") || strings.Contains(b.String(), ":62F:")) {
				t.Error("the report has an end, although it is wrong")
			}
		})
	}
}

func TestHeads(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		format report.Format
		change func(*report.Head)
		err    error
	}{
		{"a whole one", report.Camt052V02, func(*report.Head) {}, nil},
		{"an unknown format", "camt.052.001.99", func(*report.Head) {}, report.ErrFormat},
		{"no ID", report.Camt052V02, func(h *report.Head) { h.ID = "" }, report.ErrHead},
		{"an ID with a blank", report.MT942, func(h *report.Head) { h.ID = "a b" }, report.ErrHead},
		{"an ID of 36 characters", report.MT942, func(h *report.Head) { h.ID = strings.Repeat("a", 36) }, report.ErrHead},
		{"no identifier of the account", report.Camt054V08, func(h *report.Head) { h.Account.Reference = core.AccountReference{} }, report.ErrHead},
		{"no identifier of the account in MT", report.MT942, func(h *report.Head) { h.Account.Reference = core.AccountReference{} }, report.ErrHead},
		{"a masked card number is one", report.MT942, func(h *report.Head) { h.Account.Reference = core.AccountReference{MaskedPAN: "525412******3241"} }, nil},
		{"a statement with any balance", report.Camt053V02, func(*report.Head) {}, nil},
		{"a statement without any", report.Camt053V08, func(h *report.Head) { h.Balances = nil }, report.ErrHead},
		{"a report without any", report.Camt052V08, func(h *report.Head) { h.Balances = nil }, nil},
		{"MT940 without opening and closing", report.MT940, func(*report.Head) {}, report.ErrHead},
		{"a balance without a day", report.Camt052V08, func(h *report.Head) {
			h.Opening = &report.Balance{Amount: money.Amount{Currency: "EUR"}}
		}, report.ErrHead},
		{"two currencies", report.Camt053V08, func(h *report.Head) {
			*h = pair(*h, "EUR", 0, 0)
			h.Closing.Amount.Currency = "USD"
		}, report.ErrHead},
		{"MT of an account of many currencies", report.MT942, func(h *report.Head) { h.Account.Currency = money.Several }, report.ErrHead},
		{"camt of one", report.Camt052V02, func(h *report.Head) { h.Account.Currency = money.Several }, nil},
		{"a balance that is too large for MT", report.MT940, func(h *report.Head) { *h = pair(*h, "EUR", 1e14, 1e14) }, report.ErrHead},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := head(t, "EUR")
			h.ID = "R-1"
			tt.change(&h)
			if _, err := report.New(tt.format, &bytes.Buffer{}, h); !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
		})
	}
}

// short takes so many bytes and then fails.
type short int

var errFull = errors.New("no room")

func (s *short) Write(b []byte) (int, error) {
	if *s -= short(len(b)); *s < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestErrorsOfTheWriterComeBack(t *testing.T) {
	t.Parallel()
	for _, f := range report.Formats() {
		room := short(100_000)
		w, err := report.New(f, &room, pair(head(t, "EUR"), "EUR", 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		e := whole("0", "EUR")
		n := 0
		for err == nil && n < 10_000 {
			err = w.Entry(&e)
			n++
		}
		if !errors.Is(err, errFull) || n < 50 {
			t.Errorf("%s: after %d entries: %v", f, n, err)
		}
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("%s: Close: %v", f, err)
		}
	}
}
