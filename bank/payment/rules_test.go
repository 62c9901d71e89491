package payment

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
	"kontor/kit/money"
)

// offering is a bank with every product of the standard, and one of its own.
func offering() profile.Bank {
	b := bank()
	products := []string{
		"sepa-credit-transfers", "instant-sepa-credit-transfers", "target-2-payments", "cross-border-credit-transfers", "domestic-credit-transfers-ro",
		"pain.001-sepa-credit-transfers",
	}
	b.Payments.Products = map[string][]string{Single: products, Bulk: products, Periodic: products}
	b.Payments.ProductRules = map[string]profile.ProductRules{"domestic-credit-transfers-ro": {Currencies: []string{"RON"}, Calendar: profile.Weekdays, CutOff: "15:00"}}
	b.Payments.BulkMax, b.Payments.ExecutionRules, b.Payments.ClosedDays = 10_000, []string{"following"}, profile.ClosedShift
	return b
}

type ruleCase struct {
	name   string
	change func(*profile.Bank, *Request)
	err    error
	field  string // of a FieldError
}

func checkRules(t *testing.T, base func() Request, cases []ruleCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			b, r := offering(), base()
			tt.change(&b, &r)
			_, err := New(b, "p1", tpp.TPP{ID: "PSDSI-BS-1234567"}, r, now)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("got %v; want %v", err, tt.err)
			}
			if fe, ok := errors.AsType[*FieldError](err); ok != (tt.field != "") || ok && fe.Field != tt.field {
				t.Errorf("got %v; want the field %s", err, tt.field)
			}
		})
	}
}

// each of a single payment's fields
func order(change func(*core.Payment)) func(*profile.Bank, *Request) {
	return func(_ *profile.Bank, r *Request) { change(&r.Order) }
}

func TestFields(t *testing.T) {
	checkRules(t, request, []ruleCase{
		{"every field of 1.3.11", order(func(o *core.Payment) {
			o.InstructionID, o.DebtorName, o.UltimateDebtor, o.CreditorID, o.UltimateCreditor = "I-1", "Ana Novak", "Ana d.o.o.", "DE98ZZZ09999999999", "Čebela"
			o.PurposeCode, o.ChargeBearer, o.Remittance = "SALA", "SLEV", ""
			o.Structured = &core.StructuredRemittance{Reference: "RF18539007547034", ReferenceType: "SCOR", ReferenceIssuer: "ISO"}
		}), nil, ""},
		{"an instruction with an umlaut", order(func(o *core.Payment) { o.InstructionID = "Ü" }), ErrRequest, "instructionIdentification"},
		{"an instruction of 36 characters", order(func(o *core.Payment) { o.InstructionID = strings.Repeat("x", 36) }), ErrRequest, "instructionIdentification"},
		{"a debtor of 71 characters", order(func(o *core.Payment) { o.DebtorName = strings.Repeat("x", 71) }), ErrRequest, "debtorName"},
		{"an ultimate debtor of 71", order(func(o *core.Payment) { o.UltimateDebtor = strings.Repeat("x", 71) }), ErrRequest, "ultimateDebtor"},
		{"an ultimate creditor of 71", order(func(o *core.Payment) { o.UltimateCreditor = strings.Repeat("x", 71) }), ErrRequest, "ultimateCreditor"},
		{"a creditor's id of 36", order(func(o *core.Payment) { o.CreditorID = strings.Repeat("x", 36) }), ErrRequest, "creditorId"},
		{"a bank's name of 141", order(func(o *core.Payment) { o.CreditorAgentName = strings.Repeat("x", 141) }), ErrRequest, "creditorAgentName"},
		{"a purpose in small letters", order(func(o *core.Payment) { o.PurposeCode = "sala" }), ErrRequest, "purposeCode"},
		{"a purpose of five letters", order(func(o *core.Payment) { o.PurposeCode = "SALAR" }), ErrRequest, "purposeCode"},
		{"two kinds of remittance", order(func(o *core.Payment) { o.Structured = &core.StructuredRemittance{Reference: "1"} }), ErrRequest, "remittanceInformationStructured"},
		{"a reference that is empty", order(func(o *core.Payment) { o.Remittance, o.Structured = "", &core.StructuredRemittance{} }), ErrRequest, "remittanceInformationStructured.reference"},
		{"a reference of 36 characters", order(func(o *core.Payment) {
			o.Remittance, o.Structured = "", &core.StructuredRemittance{Reference: strings.Repeat("1", 36)}
		}), ErrRequest, "remittanceInformationStructured.reference"},
		{"a creditor reference with wrong check digits", order(func(o *core.Payment) {
			o.Remittance, o.Structured = "", &core.StructuredRemittance{Reference: "RF19539007547034", ReferenceType: "SCOR"}
		}), ErrRequest, "remittanceInformationStructured.reference"},
		{"a reference of the payee's own that begins with RF", order(func(o *core.Payment) {
			o.Remittance, o.Structured = "", &core.StructuredRemittance{Reference: "RF-2026/17"}
		}), nil, ""},
		{"an issuer that cannot be printed", order(func(o *core.Payment) {
			o.Remittance, o.Structured = "", &core.StructuredRemittance{Reference: "1", ReferenceIssuer: "a\u0000"}
		}), ErrRequest, "remittanceInformationStructured.referenceIssuer"},
		{"a house number of 17 characters", order(func(o *core.Payment) {
			o.CreditorAddress = &core.Address{Country: "DE", BuildingNumber: strings.Repeat("1", 17)}
		}), ErrRequest, "creditorAddress.buildingNumber"},
		{"a country in small letters", order(func(o *core.Payment) { o.CreditorAddress = &core.Address{Country: "de"} }), ErrRequest, "creditorAddress.country"},
		{"more than SEPA carries", order(func(o *core.Payment) { o.Amount.Minor = 100_000_000_000 }), ErrRequest, "instructedAmount.amount"},
		{"as much as SEPA carries", order(func(o *core.Payment) { o.Amount.Minor = 99_999_999_999 }), nil, ""},
		{"XML by a product in JSON", func(_ *profile.Bank, r *Request) { r.Document.Bytes = []byte("<x/>") }, ErrRequest, "Content-Type"},
		{"JSON by a product in XML", func(_ *profile.Bank, r *Request) { r.Product = "pain.001-sepa-credit-transfers" }, ErrRequest, "Content-Type"},
		{"XML by a product in XML, with the rules of SEPA", func(_ *profile.Bank, r *Request) {
			r.Product, r.Document, r.Order.Amount.Currency = "pain.001-sepa-credit-transfers", Document{"application/xml", []byte("<x/>")}, "RON"
		}, ErrRequest, "instructedAmount.currency"},
	})
}

func TestProducts(t *testing.T) {
	by := func(product string, change func(*core.Payment)) func(*profile.Bank, *Request) {
		return func(_ *profile.Bank, r *Request) { r.Product = product; change(&r.Order) }
	}
	bban := core.AccountReference{BBAN: "0532013000"}
	checkRules(t, request, []ruleCase{
		{"who bears the charges of SEPA is no choice", by("sepa-credit-transfers", func(o *core.Payment) { o.ChargeBearer = "DEBT" }), ErrNotSupported, ""},
		{"charges that nobody bears", by("target-2-payments", func(o *core.Payment) { o.ChargeBearer = "BANK" }), ErrRequest, "chargeBearer"},
		{"TARGET shares them", by("target-2-payments", func(o *core.Payment) { o.ChargeBearer = "SHAR" }), nil, ""},
		{"TARGET is in euro", by("target-2-payments", func(o *core.Payment) { o.Amount.Currency = "USD" }), ErrRequest, "instructedAmount.currency"},
		{"TARGET reaches beyond SEPA", by("target-2-payments", func(o *core.Payment) { o.CreditorAccount.IBAN = "TR330006100519786457841326" }), nil, ""},
		{"dollars across borders", by("cross-border-credit-transfers", func(o *core.Payment) { o.Amount.Currency = "USD" }), nil, ""},
		{"across borders to a bare number", by("cross-border-credit-transfers", func(o *core.Payment) { o.CreditorAccount = bban }), ErrRequest, "creditorAgent"},
		{"across borders to a number at a bank", by("cross-border-credit-transfers", func(o *core.Payment) {
			o.CreditorAccount, o.CreditorAgent = bban, "CHASUS33"
		}), nil, ""},
		{"across borders to a number at a bank with a name and an address", by("cross-border-credit-transfers", func(o *core.Payment) {
			o.CreditorAccount, o.CreditorAgentName, o.CreditorAddress = bban, "First Bank of Ohio", &core.Address{Country: "US"}
		}), nil, ""},
		{"across borders to a bank with a name only", by("cross-border-credit-transfers", func(o *core.Payment) {
			o.CreditorAccount, o.CreditorAgentName = bban, "First Bank of Ohio"
		}), ErrRequest, "creditorAgent"},
		{"lei by the bank's own product", by("domestic-credit-transfers-ro", func(o *core.Payment) { o.Amount.Currency = "RON" }), nil, ""},
		{"euro by it", by("domestic-credit-transfers-ro", func(o *core.Payment) {}), ErrRequest, "instructedAmount.currency"},
		{"charges by it are no choice", by("domestic-credit-transfers-ro", func(o *core.Payment) { o.Amount.Currency, o.ChargeBearer = "RON", "SHAR" }), ErrNotSupported, ""},
	})
}

func TestDates(t *testing.T) {
	on := func(product string, d day.Day) func(*profile.Bank, *Request) {
		return func(b *profile.Bank, r *Request) {
			b.Payments.ClosedDays = profile.ClosedRefuse
			r.Product, r.Order.RequestedExecutionDate = product, d
		}
	}
	at := func(product, s string) func(*profile.Bank, *Request) {
		moment, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return func(_ *profile.Bank, r *Request) { r.Product, r.Order.RequestedExecutionTime = product, moment }
	}
	const sepa, instant = "sepa-credit-transfers", "instant-sepa-credit-transfers"
	goodFriday := day.New(2026, time.April, 3)
	saturday := day.New(2026, time.March, 7)
	checkRules(t, request, []ruleCase{
		{"a Tuesday", on(sepa, today.AddDays(1)), nil, ""},
		{"a Saturday", on(sepa, saturday), ErrExecutionDate, ""},
		{"a Saturday where the bank shifts", func(b *profile.Bank, r *Request) { r.Order.RequestedExecutionDate = saturday }, nil, ""},
		{"Good Friday, when TARGET is closed", on(sepa, goodFriday), ErrExecutionDate, ""},
		{"Good Friday by a product that works on it", on("cross-border-credit-transfers", goodFriday), nil, ""},
		{"a Sunday of next year", on(sepa, day.New(2027, time.February, 28)), ErrExecutionDate, ""},
		{"a moment of this week", at(sepa, "2026-03-04T10:00:00+01:00"), nil, ""},
		{"a moment that is over", at(sepa, "2026-03-02T00:29:59+01:00"), ErrExecutionDate, ""},
		{"this very moment", at(sepa, "2026-03-02T00:30:00+01:00"), nil, ""},
		{"a moment in two years", at(sepa, "2028-03-02T00:30:00+01:00"), ErrExecutionDate, ""},
		{"an instant payment at a moment", at(instant, "2026-03-02T10:00:00+01:00"), ErrExecutionDate, ""},
		{"a day and a moment", func(b *profile.Bank, r *Request) {
			r.Order.RequestedExecutionDate, r.Order.RequestedExecutionTime = today, now
		}, ErrRequest, "requestedExecutionTime"},
	})
	for _, tt := range []struct {
		name, at string
		want     error
	}{
		{"before the cut-off time", "2026-03-02T15:59:59+01:00", nil},
		{"at the cut-off time", "2026-03-02T16:00:00+01:00", ErrExecutionDate},
	} {
		b, r := offering(), request()
		b.Payments.ClosedDays, r.Order.RequestedExecutionDate = profile.ClosedRefuse, today
		moment, _ := time.Parse(time.RFC3339, tt.at)
		if _, err := New(b, "p1", tpp.TPP{}, r, moment); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: got %v; want %v", tt.name, err, tt.want)
		}
	}
}

func bulkRequest() Request {
	o := request().Order
	o.DebtorAccount = core.AccountReference{}
	return Request{Service: Bulk, Product: "sepa-credit-transfers", Bulk: &core.Bulk{
		DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, BatchBooking: new(true), PaymentInformationID: "PMT-1",
		Payments: []core.Payment{o, o, o},
	}}
}

func TestBulks(t *testing.T) {
	in := func(change func(*core.Bulk)) func(*profile.Bank, *Request) {
		return func(_ *profile.Bank, r *Request) { change(r.Bulk) }
	}
	checkRules(t, bulkRequest, []ruleCase{
		{"three payments, of the same end-to-end identification", in(func(*core.Bulk) {}), nil, ""},
		{"no bulk", func(_ *profile.Bank, r *Request) { r.Bulk = nil }, ErrRequest, "payments"},
		{"no payment", in(func(b *core.Bulk) { b.Payments = nil }), ErrRequest, "payments"},
		{"ten thousand", in(func(b *core.Bulk) { b.Payments = slices.Repeat(b.Payments[:1], 10_000) }), nil, ""},
		{"one more", in(func(b *core.Bulk) { b.Payments = slices.Repeat(b.Payments[:1], 10_001) }), ErrRequest, "payments"},
		{"more than this bank takes", func(b *profile.Bank, _ *Request) { b.Payments.BulkMax = 2 }, ErrRequest, "payments"},
		{"no account", in(func(b *core.Bulk) { b.DebtorAccount = core.AccountReference{} }), ErrRequest, "debtorAccount"},
		{"the PSU chooses the account", func(b *profile.Bank, r *Request) {
			b.Payments.DebtorAccountOptional, r.Bulk.DebtorAccount = true, core.AccountReference{}
		}, nil, ""},
		{"an account of its own in one of them", in(func(b *core.Bulk) { b.Payments[1].DebtorAccount = b.DebtorAccount }), ErrRequest, "payments[1].debtorAccount"},
		{"a day of its own in one of them", in(func(b *core.Bulk) { b.Payments[2].RequestedExecutionDate = today }), ErrRequest, "payments[2].requestedExecutionDate"},
		{"a field of one of them", in(func(b *core.Bulk) { b.Payments[2].CreditorAccount.IBAN = "DE00" }), ErrRequest, "payments[2].creditorAccount.iban"},
		{"a name of one of them", in(func(b *core.Bulk) { b.Payments[0].CreditorName = "" }), ErrRequest, "payments[0].creditorName"},
		{"two currencies", func(_ *profile.Bank, r *Request) {
			r.Product = "cross-border-credit-transfers"
			r.Bulk.Payments[1].Amount.Currency = "USD"
		}, ErrRequest, "payments[1].instructedAmount.currency"},
		{"a day and a moment", in(func(b *core.Bulk) { b.RequestedExecutionDate, b.RequestedExecutionTime = today, now }), ErrRequest, "requestedExecutionTime"},
		{"yesterday", in(func(b *core.Bulk) { b.RequestedExecutionDate = today.AddDays(-1) }), ErrExecutionDate, ""},
		{"an identification of 36 characters", in(func(b *core.Bulk) { b.PaymentInformationID = strings.Repeat("x", 36) }), ErrRequest, "paymentInformationId"},
		{"a debtor of 71", in(func(b *core.Bulk) { b.DebtorName = strings.Repeat("x", 71) }), ErrRequest, "debtorName"},
		{"more money than there is", func(_ *profile.Bank, r *Request) {
			r.Product = "cross-border-credit-transfers"
			for i := range r.Bulk.Payments {
				r.Bulk.Payments[i].Amount = money.Amount{Minor: 500_000_000_000_000_000, Currency: "USD"}
			}
		}, ErrRequest, "payments"},
	})
	r := bulkRequest()
	p, err := New(offering(), "p1", tpp.TPP{}, r, now)
	if err != nil || p.Bulk.Payments[2].EndToEndID != NotProvided || r.Bulk.Payments[2].EndToEndID != "" {
		t.Errorf("got %+v, %v; the request itself must stay as it is", p.Bulk, err)
	}
}

func TestPartialAcceptanceIsOfBulks(t *testing.T) {
	for _, tt := range []struct {
		name      string
		bulk      bool
		from, got Status
		to        string
	}{
		{"some were executed", true, InProcess, PartiallyAccepted, "PART"},
		{"then all", true, PartiallyAccepted, Settled, "ACSC"},
		{"what was executed in part is not rejected", true, PartiallyAccepted, PartiallyAccepted, "RJCT"},
		{"nor cancelled", true, PartiallyAccepted, PartiallyAccepted, "CANC"},
		{"a single payment has no parts", false, InProcess, InProcess, "PART"},
		{"more PSUs have to agree", true, Received, PartiallyAuthorised, "PATC"},
	} {
		p := Payment{Status: tt.from}
		if tt.bulk {
			p.Bulk = &core.Bulk{}
		}
		if p = p.Progress(core.Update{Status: tt.to}, false, time.Time{}); p.Status != tt.got {
			t.Errorf("%s: got %s; want %s", tt.name, p.Status, tt.got)
		}
	}
}

func TestCancellable(t *testing.T) {
	tomorrow := today.AddDays(1)
	series := &core.Periodic{StartDate: tomorrow}
	for _, tt := range []struct {
		name string
		p    Payment
		free bool
		err  error
	}{
		{"what the bank does not know of", Payment{Status: Received, Hand: Kept, AuthoriseBy: now}, true, nil},
		{"what nobody has authorised", Payment{Status: Received, Hand: Taken, AuthoriseBy: now}, true, nil},
		{"what some have", Payment{Status: PartiallyAuthorised, Hand: Taken, AuthoriseBy: now}, true, nil},
		{"what is authorised", Payment{Status: TechnicallyAccepted, Hand: Taken}, false, nil},
		{"what is being settled", Payment{Status: InProcess, Hand: Taken}, false, ErrCancellation},
		{"what is being settled tomorrow", Payment{Status: InProcess, Hand: Taken, Order: core.Payment{RequestedExecutionDate: tomorrow}}, false, nil},
		{"a bulk of tomorrow", Payment{Status: InProcess, Hand: Taken, Bulk: &core.Bulk{RequestedExecutionDate: tomorrow}}, false, nil},
		{"a bulk of which some are paid", Payment{Status: PartiallyAccepted, Hand: Taken, Bulk: &core.Bulk{RequestedExecutionDate: tomorrow}}, false, ErrCancellation},
		{"a series under way", Payment{Status: InProcess, Hand: Taken, Periodic: series}, false, nil},
		{"a series that is over", Payment{Status: Settled, Hand: Taken, Periodic: series}, false, ErrCancellation},
		{"what is settled", Payment{Status: Settled, Hand: Taken}, false, ErrCancellation},
		{"what is rejected", Payment{Status: Rejected, Hand: Kept}, false, ErrCancellation},
		{"what is cancelled", Payment{Status: Cancelled, Hand: Taken}, false, ErrCancellation},
	} {
		if free, err := tt.p.Cancellable(today, ljubljana); free != tt.free || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
			t.Errorf("%s: got %v, %v; want %v, %v", tt.name, free, err, tt.free, tt.err)
		}
	}
}
