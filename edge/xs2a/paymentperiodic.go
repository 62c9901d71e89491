package xs2a

import (
	"encoding/json"
	"fmt"

	"kontor/bank/core"
	"kontor/bank/payment"
)

// A series says when the payments of a standing order are made.
type series struct {
	StartDate         string   `json:"startDate" format:"date"`
	EndDate           string   `json:"endDate,omitempty" format:"date" doc:"Last day of a payment; without it the series goes on until it is cancelled."`
	ExecutionRule     string   `json:"executionRule,omitempty" enum:"following,preceding" doc:"What is done where the day is no business day."`
	Frequency         string   `json:"frequency" enum:"Daily,Weekly,EveryTwoWeeks,Monthly,EveryTwoMonths,Quarterly,SemiAnnual,Annual,MonthlyVariable"`
	DayOfExecution    string   `json:"dayOfExecution,omitempty" pattern:"^([1-9]|[12][0-9]|3[01])$" doc:"31 is the last day of a month."`
	MonthsOfExecution []string `json:"monthsOfExecution,omitempty" since:"1.3.11" doc:"With MonthlyVariable, and only then."`
}

// periodicRequest is what a TPP sends to initiate a standing order.
//
// spec: xs2a/periodicRequest
type periodicRequest struct {
	transfer
	series
	DebtorAccount *accountReference `json:"debtorAccount,omitempty"`
}

// periodicInformation is a standing order as it was taken, with its status.
//
// spec: xs2a/periodicInformation
type periodicInformation struct {
	transfer
	series
	DebtorAccount     *accountReference `json:"debtorAccount,omitempty"`
	TransactionStatus string            `json:"transactionStatus"`
}

// readPeriodic reads a standing order in JSON.
func (a *API) readPeriodic(c *call, r *payment.Request) ([]byte, error) {
	var body struct {
		periodicRequest
		RequestedExecutionDate json.RawMessage `json:"requestedExecutionDate"`
		RequestedExecutionTime json.RawMessage `json:"requestedExecutionTime"`
	}
	text, err := c.readText(&body)
	if err != nil {
		return nil, err
	}
	if given(body.RequestedExecutionDate) || given(body.RequestedExecutionTime) {
		return nil, fmt.Errorf("%w: startDate says when a standing order begins, not a requested execution", errInconsistent)
	}
	if r.Periodic, err = a.periodic(body.series); err != nil {
		return nil, err
	}
	if r.Order, err = a.transfer(body.transfer, ""); err != nil {
		return nil, err
	}
	r.Order.DebtorAccount, err = debtor(body.DebtorAccount)
	return text, err
}

// periodic turns wire into the days of a standing order.
func (a *API) periodic(w series) (*core.Periodic, error) {
	if w.StartDate == "" {
		return nil, malformed("startDate", "is missing")
	}
	if w.Frequency == "" {
		return nil, malformed("frequency", "is missing")
	}
	if len(w.MonthsOfExecution) > 0 && !a.since("1.3.11") {
		return nil, fmt.Errorf("%w: monthsOfExecution", payment.ErrNotSupported)
	}
	p := &core.Periodic{Frequency: w.Frequency, ExecutionRule: w.ExecutionRule, DayOfExecution: w.DayOfExecution, MonthsOfExecution: w.MonthsOfExecution}
	var err error
	if p.StartDate, err = optionalDay("startDate", w.StartDate); err != nil {
		return nil, err
	}
	p.EndDate, err = optionalDay("endDate", w.EndDate)
	return p, err
}

// wirePeriodic turns a standing order into wire.
func wirePeriodic(p payment.Payment) periodicInformation {
	s := p.Periodic
	return periodicInformation{
		transfer: wireTransfer(p.Order), DebtorAccount: wireDebtor(p.Order.DebtorAccount), TransactionStatus: string(p.Status),
		series: series{
			StartDate: s.StartDate.String(), EndDate: s.EndDate.String(), ExecutionRule: s.ExecutionRule, Frequency: s.Frequency,
			DayOfExecution: s.DayOfExecution, MonthsOfExecution: s.MonthsOfExecution,
		},
	}
}
