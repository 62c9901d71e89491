package paymentsql

import (
	"time"

	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/kit/day"
	"kontor/kit/money"
)

// fixed is what of a payment never changes, as it is stored: of a single payment its order
// alone, as it always was. The entries of a bulk have a place of their own.
type fixed struct {
	order
	Brand         string         `json:"brand,omitempty"`
	RejectNoFunds bool           `json:"rejectNoFunds,omitempty"`
	Bulk          *bulk          `json:"bulk,omitempty"`
	Periodic      *periodic      `json:"periodic,omitempty"`
	Payees        payment.Status `json:"payees,omitempty"` // how their verification ended
	Count         int            `json:"count,omitempty"`
}

// order is what of an order never changes, as it is stored. In a bulk it has no debtor.
type order struct {
	EndToEndID        string                `json:"endToEndId,omitempty"`
	InstructionID     string                `json:"instructionId,omitempty"`
	DebtorName        string                `json:"debtorName,omitempty"`
	UltimateDebtor    string                `json:"ultimateDebtor,omitempty"`
	Minor             int64                 `json:"minor,omitempty"`
	Currency          string                `json:"currency,omitempty"`
	CreditorName      string                `json:"creditorName,omitempty"`
	CreditorAccount   core.AccountReference `json:"creditorAccount,omitzero"`
	CreditorAgent     string                `json:"creditorAgent,omitempty"`
	CreditorAgentName string                `json:"creditorAgentName,omitempty"`
	CreditorAddress   *core.Address         `json:"creditorAddress,omitempty"`
	CreditorID        string                `json:"creditorId,omitempty"`
	UltimateCreditor  string                `json:"ultimateCreditor,omitempty"`
	PurposeCode       string                `json:"purposeCode,omitempty"`
	CategoryPurpose   string                `json:"categoryPurpose,omitempty"`
	ChargeBearer      string                `json:"chargeBearer,omitempty"`
	Remittance        string                `json:"remittance,omitempty"`
	Structured        *structured           `json:"structured,omitempty"`
	ExecutionDate     day.Day               `json:"executionDate,omitzero"`
	ExecutionTime     time.Time             `json:"executionTime,omitzero"`
	Verified          verified              `json:"verified,omitzero"`
}

// verified is what was found out about the payee.
type verified struct {
	Match core.PayeeMatch `json:"match"`
	Name  string          `json:"name,omitempty"`
}

type structured struct {
	Reference string `json:"reference"`
	Type      string `json:"type,omitempty"`
	Issuer    string `json:"issuer,omitempty"`
}

// bulk is the head of a bulk.
type bulk struct {
	DebtorName    string    `json:"debtorName,omitempty"`
	BatchBooking  *bool     `json:"batchBooking,omitempty"`
	ExecutionDate day.Day   `json:"executionDate,omitzero"`
	ExecutionTime time.Time `json:"executionTime,omitzero"`
	InformationID string    `json:"informationId,omitempty"`
}

type periodic struct {
	Start     day.Day  `json:"start"`
	End       day.Day  `json:"end,omitzero"`
	Frequency string   `json:"frequency"`
	Rule      string   `json:"rule,omitempty"`
	Day       string   `json:"day,omitempty"`
	Months    []string `json:"months,omitempty"`
}

func fixedOf(p payment.Payment) fixed {
	f := fixed{order: orderOf(p.Order), Brand: p.Brand, RejectNoFunds: p.RejectNoFunds, Payees: p.Payees, Count: p.Count}
	if b := p.Bulk; b != nil {
		f.Bulk = &bulk{b.DebtorName, b.BatchBooking, b.RequestedExecutionDate, b.RequestedExecutionTime, b.PaymentInformationID}
	}
	if s := p.Periodic; s != nil {
		f.Periodic = &periodic{s.StartDate, s.EndDate, s.Frequency, s.ExecutionRule, s.DayOfExecution, s.MonthsOfExecution}
	}
	return f
}

func (f fixed) into(p *payment.Payment) {
	p.Order, p.Brand, p.RejectNoFunds, p.Payees, p.Count = f.payment(), f.Brand, f.RejectNoFunds, f.Payees, f.Count
	if b := f.Bulk; b != nil {
		p.Bulk = &core.Bulk{
			DebtorName: b.DebtorName, BatchBooking: b.BatchBooking, RequestedExecutionDate: b.ExecutionDate,
			RequestedExecutionTime: b.ExecutionTime, PaymentInformationID: b.InformationID,
		}
	}
	if s := f.Periodic; s != nil {
		p.Periodic = &core.Periodic{
			StartDate: s.Start, EndDate: s.End, Frequency: s.Frequency, ExecutionRule: s.Rule, DayOfExecution: s.Day, MonthsOfExecution: s.Months,
		}
	}
}

func entriesOf(payments []core.Payment) []order {
	all := make([]order, len(payments))
	for i, p := range payments {
		all[i] = orderOf(p)
	}
	return all
}

func orderOf(o core.Payment) order {
	stored := order{
		EndToEndID: o.EndToEndID, InstructionID: o.InstructionID, DebtorName: o.DebtorName, UltimateDebtor: o.UltimateDebtor,
		Minor: o.Amount.Minor, Currency: o.Amount.Currency, CreditorName: o.CreditorName, CreditorAccount: o.CreditorAccount,
		CreditorAgent: o.CreditorAgent, CreditorAgentName: o.CreditorAgentName, CreditorAddress: o.CreditorAddress,
		CreditorID: o.CreditorID, UltimateCreditor: o.UltimateCreditor, PurposeCode: o.PurposeCode, CategoryPurpose: o.CategoryPurpose, ChargeBearer: o.ChargeBearer,
		Remittance: o.Remittance, ExecutionDate: o.RequestedExecutionDate, ExecutionTime: o.RequestedExecutionTime,
		Verified: verified(o.Verified),
	}
	if r := o.Structured; r != nil {
		stored.Structured = &structured{r.Reference, r.ReferenceType, r.ReferenceIssuer}
	}
	return stored
}

// payment returns the order that was stored, without the debtor's account.
func (o order) payment() core.Payment {
	p := core.Payment{
		EndToEndID: o.EndToEndID, InstructionID: o.InstructionID, DebtorName: o.DebtorName, UltimateDebtor: o.UltimateDebtor,
		Amount: money.Amount{Minor: o.Minor, Currency: o.Currency}, CreditorName: o.CreditorName, CreditorAccount: o.CreditorAccount,
		CreditorAgent: o.CreditorAgent, CreditorAgentName: o.CreditorAgentName, CreditorAddress: o.CreditorAddress,
		CreditorID: o.CreditorID, UltimateCreditor: o.UltimateCreditor, PurposeCode: o.PurposeCode, CategoryPurpose: o.CategoryPurpose, ChargeBearer: o.ChargeBearer,
		Remittance: o.Remittance, RequestedExecutionDate: o.ExecutionDate, RequestedExecutionTime: o.ExecutionTime,
		Verified: core.PayeeResult(o.Verified),
	}
	if r := o.Structured; r != nil {
		p.Structured = &core.StructuredRemittance{Reference: r.Reference, ReferenceType: r.Type, ReferenceIssuer: r.Issuer}
	}
	return p
}
