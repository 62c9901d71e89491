package xs2a

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kontor/bank/core"
	"kontor/bank/payment"
)

// bulkRequest is what a TPP sends to initiate many payments, which the PSU approves at once.
//
// spec: xs2a/bulkRequest
type bulkRequest struct {
	BatchBookingPreferred  *bool             `json:"batchBookingPreferred,omitempty" doc:"true: one entry for all of them."`
	DebtorAccount          *accountReference `json:"debtorAccount,omitempty"`
	DebtorName             string            `json:"debtorName,omitempty" since:"1.3.9" maxLength:"70"`
	PaymentInformationID   string            `json:"paymentInformationId,omitempty" maxLength:"35"`
	RequestedExecutionDate string            `json:"requestedExecutionDate,omitempty" format:"date"`
	RequestedExecutionTime string            `json:"requestedExecutionTime,omitempty" format:"date-time" doc:"Instead of a date."`
	Payments               []transfer        `json:"payments" minItems:"1"`
}

// bulkInformation is a bulk as it was taken, with its status.
//
// spec: xs2a/bulkInformation
type bulkInformation struct {
	BatchBookingPreferred  *bool             `json:"batchBookingPreferred,omitempty"`
	DebtorAccount          *accountReference `json:"debtorAccount,omitempty"`
	DebtorName             string            `json:"debtorName,omitempty" since:"1.3.9"`
	PaymentInformationID   string            `json:"paymentInformationId,omitempty"`
	RequestedExecutionDate string            `json:"requestedExecutionDate,omitempty" format:"date"`
	RequestedExecutionTime string            `json:"requestedExecutionTime,omitempty" format:"date-time"`
	Payments               []transfer        `json:"payments"`
	TransactionStatus      string            `json:"transactionStatus"`
}

// readBulk reads a bulk in JSON.
func (a *API) readBulk(c *call, r *payment.Request) ([]byte, error) {
	var body struct {
		bulkRequest
		Payments json.RawMessage `json:"payments"` // one by one: see readItems
	}
	text, err := c.readText(&body)
	if err != nil {
		return nil, err
	}
	if body.DebtorName != "" && !a.since("1.3.9") {
		return nil, fmt.Errorf("%w: debtorName", payment.ErrNotSupported)
	}
	b := &core.Bulk{BatchBooking: body.BatchBookingPreferred, DebtorName: body.DebtorName, PaymentInformationID: body.PaymentInformationID}
	if b.DebtorAccount, err = debtor(body.DebtorAccount); err != nil {
		return nil, err
	}
	if b.RequestedExecutionDate, err = optionalDay("requestedExecutionDate", body.RequestedExecutionDate); err != nil {
		return nil, err
	}
	if body.RequestedExecutionTime != "" {
		if body.RequestedExecutionDate != "" {
			return nil, fmt.Errorf("%w: requestedExecutionDate and requestedExecutionTime", errInconsistent)
		}
		if b.RequestedExecutionTime, err = time.Parse(time.RFC3339, body.RequestedExecutionTime); err != nil {
			return nil, malformed("requestedExecutionTime", "is not a date and time as in 2026-03-02T15:30:00+01:00")
		}
	}
	if b.Payments, err = a.readItems(body.Payments); err != nil {
		return nil, err
	}
	r.Bulk = b
	return text, nil
}

// readItems reads the payments of a bulk, and stops as soon as there are too many of them.
func (a *API) readItems(list json.RawMessage) ([]core.Payment, error) {
	if !given(list) {
		return nil, malformed("payments", "is missing")
	}
	if list[0] != '[' {
		return nil, malformed("payments", "is not a list")
	}
	d := json.NewDecoder(bytes.NewReader(list))
	d.Token() // the bracket: the text is valid, and begins with it
	var all []core.Payment
	for i := 0; d.More(); i++ {
		if i == a.Bank.Payments.BulkMax {
			return nil, malformed("payments", fmt.Sprintf("has more than %d payments", i))
		}
		path := itemPath(i)
		var w transfer
		if err := d.Decode(&w); err != nil {
			if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
				if mistyped.Field != "" {
					path += "." + mistyped.Field
				}
				return nil, malformed(path, "is not of the type that is expected here, but "+cut(mistyped.Value, 40))
			}
			return nil, malformed(path, err.Error())
		}
		o, err := a.transfer(w, path+".")
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// wireBulk turns a bulk into wire.
func wireBulk(p payment.Payment) bulkInformation {
	b := p.Bulk
	w := bulkInformation{
		BatchBookingPreferred: b.BatchBooking, DebtorAccount: wireDebtor(b.DebtorAccount), DebtorName: b.DebtorName, PaymentInformationID: b.PaymentInformationID,
		RequestedExecutionDate: b.RequestedExecutionDate.String(), TransactionStatus: string(p.Status), Payments: make([]transfer, len(b.Payments)),
	}
	if !b.RequestedExecutionTime.IsZero() {
		w.RequestedExecutionTime = b.RequestedExecutionTime.Format(time.RFC3339)
	}
	for i, o := range b.Payments {
		w.Payments[i] = wireTransfer(o)
	}
	return w
}
