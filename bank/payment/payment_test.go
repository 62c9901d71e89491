package payment

import (
	"errors"
	"strings"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
	"kontor/kit/money"
)

var (
	ljubljana, _ = time.LoadLocation("Europe/Ljubljana")
	// now is one hour before midnight UTC, and already the next day at the bank.
	now   = time.Date(2026, time.March, 1, 23, 30, 0, 0, time.UTC)
	today = day.New(2026, time.March, 2)
)

func bank() profile.Bank {
	return profile.Bank{Code: "lon", Zone: ljubljana, Profile: profile.Profile{
		SCATimeout: 15 * time.Minute, FirstUpdateWait: 50 * time.Millisecond,
		Payments: profile.Payments{
			Enabled: true, FinalStatus: "ACSC", DaysAheadMax: 366,
			Products: map[string][]string{"payments": {"sepa-credit-transfers", "instant-sepa-credit-transfers", "domestic-credit-transfers-ro"}},
		},
	}}
}

func request() Request {
	return Request{Service: "payments", Product: "sepa-credit-transfers", Order: core.Payment{
		DebtorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, Amount: money.Amount{Minor: 1250, Currency: "EUR"},
		CreditorName: "Žiga Čebela", CreditorAccount: core.AccountReference{IBAN: "DE89370400440532013000"}, Remittance: "Račun 42 – hvala!",
	}}
}

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Request)
		err    error
		field  string
	}{
		{"a plain SEPA payment", func(r *Request) {}, nil, ""},
		{"today is a date at the bank, though it is yesterday in UTC", func(r *Request) { r.Order.RequestedExecutionDate = today }, nil, ""},
		{"yesterday at the bank is over, though it is today in UTC", func(r *Request) { r.Order.RequestedExecutionDate = today.AddDays(-1) }, ErrExecutionDate, ""},
		{"a year ahead", func(r *Request) { r.Order.RequestedExecutionDate = today.AddDays(366) }, nil, ""},
		{"more than a year ahead", func(r *Request) { r.Order.RequestedExecutionDate = today.AddDays(367) }, ErrExecutionDate, ""},
		{"an instant payment today", func(r *Request) {
			r.Product, r.Order.RequestedExecutionDate = "instant-sepa-credit-transfers", today
		}, nil, ""},
		{"an instant payment tomorrow", func(r *Request) {
			r.Product, r.Order.RequestedExecutionDate = "instant-sepa-credit-transfers", today.AddDays(1)
		}, ErrExecutionDate, ""},
		{"an unknown service", func(r *Request) { r.Service = "bulk-payments" }, ErrService, ""},
		{"an unknown product", func(r *Request) { r.Product = "target-2-payments" }, ErrProduct, ""},
		{"nothing", func(r *Request) { r.Order.Amount.Minor = 0 }, ErrRequest, "instructedAmount.amount"},
		{"less than nothing", func(r *Request) { r.Order.Amount.Minor = -1 }, ErrRequest, "instructedAmount.amount"},
		{"lei by SEPA", func(r *Request) { r.Order.Amount.Currency = "RON" }, ErrRequest, "instructedAmount.currency"},
		{"lei by a product of the bank's own", func(r *Request) {
			r.Product, r.Order.Amount.Currency = "domestic-credit-transfers-ro", "RON"
		}, nil, ""},
		{"no debtor account", func(r *Request) { r.Order.DebtorAccount = core.AccountReference{} }, ErrRequest, "debtorAccount"},
		{"a debtor account that is only a currency", func(r *Request) { r.Order.DebtorAccount = core.AccountReference{Currency: "EUR"} }, ErrRequest, "debtorAccount"},
		{"no creditor account", func(r *Request) { r.Order.CreditorAccount = core.AccountReference{} }, ErrRequest, "creditorAccount"},
		{"a wrong check digit", func(r *Request) { r.Order.CreditorAccount.IBAN = "DE88370400440532013000" }, ErrRequest, "creditorAccount.iban"},
		{"a wrong check digit of the debtor", func(r *Request) { r.Order.DebtorAccount.IBAN = "SI56191000000123439" }, ErrRequest, "debtorAccount.iban"},
		{"an IBAN of a wrong length", func(r *Request) { r.Order.CreditorAccount.IBAN = "DE8937040044053201300" }, ErrRequest, "creditorAccount.iban"},
		{"a BBAN by SEPA", func(r *Request) { r.Order.CreditorAccount = core.AccountReference{BBAN: "0532013000"} }, ErrRequest, "creditorAccount.iban"},
		{"a BBAN by a product of the bank's own", func(r *Request) {
			r.Product, r.Order.CreditorAccount = "domestic-credit-transfers-ro", core.AccountReference{BBAN: "0532013000"}
		}, nil, ""},
		{"an account outside SEPA", func(r *Request) { r.Order.CreditorAccount.IBAN = "TR330006100519786457841326" }, ErrRequest, "creditorAccount.iban"},
		{"no payee", func(r *Request) { r.Order.CreditorName = "" }, ErrRequest, "creditorName"},
		{"a payee of blanks", func(r *Request) { r.Order.CreditorName = "  " }, ErrRequest, "creditorName"},
		{"a name of seventy characters, each of two bytes", func(r *Request) { r.Order.CreditorName = strings.Repeat("č", 70) }, nil, ""},
		{"a name of seventy-one", func(r *Request) { r.Order.CreditorName = strings.Repeat("a", 71) }, ErrRequest, "creditorName"},
		{"a name with a line feed", func(r *Request) { r.Order.CreditorName = "Ana\nNovak" }, ErrRequest, "creditorName"},
		{"a name that is written backwards", func(r *Request) { r.Order.CreditorName = "Ana \u202ekavoN" }, ErrRequest, "creditorName"},
		{"a message of 140 characters", func(r *Request) { r.Order.Remittance = strings.Repeat("š", 140) }, nil, ""},
		{"a message of 141", func(r *Request) { r.Order.Remittance = strings.Repeat("s", 141) }, ErrRequest, "remittanceInformationUnstructured"},
		{"a QR reference", func(r *Request) {
			r.Order.Remittance, r.Order.Structured = "", &core.StructuredRemittance{Reference: "210000000003139471430009017", ReferenceType: "QRR"}
		}, nil, ""},
		{"a QR reference with a wrong check digit", func(r *Request) {
			r.Order.Remittance, r.Order.Structured = "", &core.StructuredRemittance{Reference: "210000000003139471430009018", ReferenceType: "QRR"}
		}, ErrRequest, "remittanceInformationStructured.reference"},
		{"a QR reference of 26 digits", func(r *Request) {
			r.Order.Remittance, r.Order.Structured = "", &core.StructuredRemittance{Reference: "21000000000313947143000901", ReferenceType: "QRR"}
		}, ErrRequest, "remittanceInformationStructured.reference"},
		{"a BIC of eight", func(r *Request) { r.Order.CreditorAgent = "MUSTDEFF" }, nil, ""},
		{"a BIC of nine", func(r *Request) { r.Order.CreditorAgent = "MUSTDEFFX" }, ErrRequest, "creditorAgent"},
		{"an end-to-end identification of 35 characters", func(r *Request) { r.Order.EndToEndID = strings.Repeat("X", 35) }, nil, ""},
		{"an end-to-end identification of 36", func(r *Request) { r.Order.EndToEndID = strings.Repeat("X", 36) }, ErrRequest, "endToEndIdentification"},
		{"an end-to-end identification that banks do not pass on", func(r *Request) { r.Order.EndToEndID = "račun_1" }, ErrRequest, "endToEndIdentification"},
		{"an address", func(r *Request) { r.Order.CreditorAddress = &core.Address{TownName: "Köln", Country: "DE"} }, nil, ""},
		{"an address without a country", func(r *Request) { r.Order.CreditorAddress = &core.Address{TownName: "Köln"} }, ErrRequest, "creditorAddress.country"},
		{"an address with a long street", func(r *Request) {
			r.Order.CreditorAddress = &core.Address{StreetName: strings.Repeat("a", 71), Country: "DE"}
		}, ErrRequest, "creditorAddress.streetName"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request()
			tt.change(&r)
			p, err := New(bank(), "p1", tpp.TPP{ID: "PSDSI-BS-1234567", Name: "Plačilo"}, r, now)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v; want %v", err, tt.err)
			}
			if fe, ok := errors.AsType[*FieldError](err); tt.field != "" && (!ok || fe.Field != tt.field) {
				t.Errorf("got %v; want the field %s", err, tt.field)
			}
			if err == nil && (p.Status != Received || p.Bank != "lon" || p.TPP != "PSDSI-BS-1234567" || !p.AuthoriseBy.Equal(now.Add(24*time.Hour))) {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestNewKeepsOrInventsTheEndToEndIdentification(t *testing.T) {
	r := request()
	p, err := New(bank(), "p1", tpp.TPP{}, r, now)
	if p.Order.EndToEndID != NotProvided || err != nil {
		t.Errorf("got %q, %v", p.Order.EndToEndID, err)
	}
	r.Order.EndToEndID = "RF-18"
	p, err = New(bank(), "p1", tpp.TPP{}, r, now)
	if p.Order.EndToEndID != "RF-18" || err != nil {
		t.Errorf("got %q, %v", p.Order.EndToEndID, err)
	}
}

func TestDebtorAccountMayBeLeftToThePSU(t *testing.T) {
	b, r := bank(), request()
	b.Payments.DebtorAccountOptional = true
	r.Order.DebtorAccount = core.AccountReference{}
	p, err := New(b, "p1", tpp.TPP{}, r, now)
	if err != nil {
		t.Fatal(err)
	}
	chosen := core.AccountReference{IBAN: "SI56191000000123438"}
	p = p.Authorise(today, ljubljana, Settled, core.Success{DebtorAccount: chosen, UserID: "psu-7"})
	if p.Order.DebtorAccount != chosen || p.PSU != "psu-7" {
		t.Errorf("got %+v, %q", p.Order.DebtorAccount, p.PSU)
	}
}

func TestStatusOnlyMovesForward(t *testing.T) {
	for _, tt := range []struct {
		name          string
		from, to, got Status
	}{
		{"checked after received", Received, Pending, Pending},
		{"accepted after received", Received, TechnicallyAccepted, TechnicallyAccepted},
		{"settled at once", Received, Settled, Settled},
		{"settled after accepted", TechnicallyAccepted, Settled, Settled},
		{"settled stays settled when accepted comes late", Settled, TechnicallyAccepted, Settled},
		{"the payee has it after settled", Settled, SettledOnCreditorAccount, SettledOnCreditorAccount},
		{"that is final", SettledOnCreditorAccount, Settled, SettledOnCreditorAccount},
		{"being settled does not become pending again", InProcess, Pending, InProcess},
		{"rejected while being settled", InProcess, Rejected, Rejected},
		{"cancelled before", AcceptedCustomer, Cancelled, Cancelled},
		{"debited money is not rejected", Settled, Rejected, Settled},
		{"rejected is final", Rejected, Settled, Rejected},
		{"rejected is not cancelled", Rejected, Cancelled, Rejected},
		{"cancelled is final", Cancelled, TechnicallyAccepted, Cancelled},
		{"a word of the protocol that is no status", Received, "redirect", Received},
		{"no word at all", Pending, "", Pending},
		{"a status of bulk payments", Received, "PART", Received},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Payment{Status: tt.from}.Progress(core.Update{Status: string(tt.to)}, false, time.Time{})
			if p.Status != tt.got {
				t.Errorf("got %s; want %s", p.Status, tt.got)
			}
		})
	}
}

func TestAuthorise(t *testing.T) {
	for _, tt := range []struct {
		name        string
		from, final Status
		on          day.Day
		want        Status
	}{
		{"a bank that told nothing leaves it at the profile's word", Received, Settled, day.Day{}, Settled},
		{"so does one that was checking", Pending, Settled, day.Day{}, Settled},
		{"the profile's word may be modest", Received, InProcess, day.Day{}, InProcess},
		{"accepted by the bank stays accepted until the bank says more", TechnicallyAccepted, Settled, day.Day{}, TechnicallyAccepted},
		{"the bank was faster", SettledOnCreditorAccount, Settled, day.Day{}, SettledOnCreditorAccount},
		{"what waits for a later day is accepted, not settled", Received, Settled, today.AddDays(1), TechnicallyAccepted},
		{"today is no later day", Received, Settled, today, Settled},
		{"rejected stays rejected", Rejected, Settled, day.Day{}, Rejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Payment{Status: tt.from, AuthoriseBy: now, PSU: "before"}
			p.Order.RequestedExecutionDate = tt.on
			p.Order.DebtorAccount.IBAN = "SI56191000000123438"
			p = p.Authorise(today, ljubljana, tt.final, core.Success{DebtorAccount: core.AccountReference{BBAN: "1"}})
			if p.Status != tt.want || !p.AuthoriseBy.IsZero() || p.PSU != "before" || p.Order.DebtorAccount.BBAN != "" {
				t.Errorf("got %+v; want %s", p, tt.want)
			}
		})
	}
}

func TestRefuse(t *testing.T) {
	for _, tt := range []struct {
		name string
		from Status
		f    core.Fail
		want Status
	}{
		{"the PSU refuses", Received, core.Fail{Class: "AccessDenied"}, Rejected},
		{"the bank cancels", Received, core.Fail{Status: "CANC"}, Cancelled},
		{"the bank rejects what it accepted", TechnicallyAccepted, core.Fail{Status: "RJCT"}, Rejected},
		{"the bank rejects what it was settling", InProcess, core.Fail{Status: "RJCT"}, Rejected},
		{"time alone does not reject what is being settled", InProcess, core.Fail{}, InProcess},
		{"nothing rejects what is settled", Settled, core.Fail{Status: "RJCT"}, Settled},
		{"cancelled stays cancelled", Cancelled, core.Fail{Status: "RJCT"}, Cancelled},
		{"a status that is no end", Received, core.Fail{Status: "ACSC"}, Rejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if p := (Payment{Status: tt.from}).Refuse(tt.f); p.Status != tt.want {
				t.Errorf("got %s; want %s", p.Status, tt.want)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	by := now.Add(time.Minute)
	p := Payment{Status: Received, AuthoriseBy: by}
	p = p.Progress(core.Update{FundsAvailable: new(true), Status: "PDNG"}, false, by.Add(time.Minute))
	if p.FundsTold() || *p.FundsAvailable != true || p.Status != Pending || !p.AuthoriseBy.Equal(by.Add(time.Minute)) {
		t.Errorf("funds while pending, and a longer time: got %+v", p)
	}
	p = p.Progress(core.Update{}, true, by)
	if p.Status != TechnicallyAccepted || !p.AuthoriseBy.IsZero() || !p.FundsTold() {
		t.Errorf("exempted: got %+v", p)
	}
	p = p.Progress(core.Update{Status: "ACSC", FundsAvailable: new(false)}, true, by)
	if p.Status != Settled || p.FundsTold() {
		t.Errorf("settled: got %+v", p)
	}
	if p = p.Progress(core.Update{}, false, by); !p.AuthoriseBy.IsZero() {
		t.Errorf("a late update brings the time for SCA back: got %+v", p)
	}
}

func TestAt(t *testing.T) {
	p := Payment{Status: Received, Hand: Kept, CreatedAt: now, AuthoriseBy: now.Add(15 * time.Minute)}
	settling, taken := p, p
	settling.Status = InProcess
	taken.Hand = Taken
	for _, tt := range []struct {
		name string
		p    Payment
		at   time.Duration
		want Status
	}{
		{"just created", p, 0, Received},
		{"the last moment for SCA", p, 15*time.Minute - 1, Received},
		{"out of time", p, 15 * time.Minute, Rejected},
		{"out of time, but the bank may have executed it", taken, time.Hour, Received},
		{"being settled is beyond time", settling, time.Hour, InProcess},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.p.At(now.Add(tt.at)).Status; got != tt.want {
				t.Errorf("got %s; want %s", got, tt.want)
			}
		})
	}
}
