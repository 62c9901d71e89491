package xs2a

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kontor/bank/payment"
	"kontor/edge/pain"
	"kontor/kit/day"
)

const (
	xmlMedia       = "application/xml"
	multipartMedia = "multipart/form-data"
)

// inXML says whether payments of product are sent as pain.001. All of the standard's that are
// have such a name; whatever else a bank calls its products is JSON.
func inXML(product string) bool { return strings.HasPrefix(product, "pain.") }

// readXML reads a payment in XML, of any service. The document is kept as it was sent; body
// has it as a repeat has it.
func (a *API) readXML(c *call, r *payment.Request) (body []byte, err error) {
	media := xmlMedia
	if r.Service == periodicPayments {
		media = multipartMedia
	}
	text, err := c.body(media)
	if err != nil {
		return nil, err
	}
	r.Document = payment.Document{Media: media, Bytes: text}
	if r.Service == periodicPayments {
		if text, err = a.readMultipart(c, r); err != nil {
			return nil, err
		}
	}
	order, err := pain.Parse(text, a.painLimits(r.Service))
	if err != nil {
		return nil, err
	}
	if err := a.fits(order, r.Product); err != nil {
		return nil, err
	}
	if r.Service == bulkPayments {
		r.Bulk = &order.Bulk
	} else if r.Order, err = order.Single(); err != nil {
		return nil, err
	}
	if r.Service == periodicPayments {
		// A pain.001 cannot do without a date; that of a series stands in the other part.
		r.Order.RequestedExecutionDate, r.Order.RequestedExecutionTime = day.Day{}, time.Time{}
	}
	return r.Document.Bytes, nil
}

// readMultipart reads when the payments of a standing order are made, and returns the part
// that is XML. The message is kept in one spelling, the XML in it byte for byte: whatever
// boundary a TPP takes for a repeat, it is the same.
func (a *API) readMultipart(c *call, r *payment.Request) (document []byte, err error) {
	document, standing, err := pain.ParsePeriodic(c.Header.Get("Content-Type"), r.Document.Bytes)
	if err != nil {
		return nil, err
	}
	r.Periodic = &standing
	r.Document.Media, r.Document.Bytes, err = pain.WritePeriodic(document, standing)
	return document, err
}

func (a *API) painLimits(service string) pain.Limits {
	l := pain.Limits{Transactions: 1, Zone: a.Bank.Zone}
	if service == bulkPayments {
		l.Transactions = a.Bank.Payments.BulkMax
	}
	return l
}

// fits refuses a document that says something else than the product in the path, or that is
// meant for another bank.
func (a *API) fits(o pain.Order, product string) error {
	const information = "/Document/CstmrCdtTrfInitn/PmtInf/"
	instant := strings.Contains(product, "instant-")
	level := "NURG"
	switch {
	case strings.HasSuffix(product, "sepa-credit-transfers"):
		level = "SEPA"
	case strings.HasSuffix(product, "target-2-payments"):
		level = "URGP"
	}
	switch {
	case o.ServiceLevel != "" && o.ServiceLevel != level:
		return malformed(information+"PmtTpInf/SvcLvl/Cd", fmt.Sprintf("is not %s, which is that of %s", level, product))
	case instant && o.LocalInstrument != "" && o.LocalInstrument != "INST":
		return malformed(information+"PmtTpInf/LclInstrm/Cd", "is not that of an instant payment")
	case !instant && o.LocalInstrument != "":
		return malformed(information+"PmtTpInf/LclInstrm/Cd", fmt.Sprintf("cannot be handed on to the bank by %s", product))
	case o.DebtorAgent != "" && a.Bank.BIC != "" && !sameBank(o.DebtorAgent, a.Bank.BIC):
		return malformed(information+"DbtrAgt/FinInstnId", "is another bank")
	}
	return nil
}

// sameBank compares BICs without their branches.
func sameBank(x, y string) bool {
	const bank = 8
	return strings.EqualFold(cut(x, bank), cut(y, bank))
}

// wantsXML says whether a status is to be told as pain.002: only a payment that came in XML
// has one, and it is told so unless the TPP prefers JSON.
func wantsXML(c *call, product string) (bool, error) {
	ranges, asked := accepted(c.Header.Values("Accept"))
	if !asked {
		return inXML(product), nil
	}
	for _, m := range ranges {
		switch m.name {
		case "application/json", "application/problem+json":
			return false, nil
		case "*/*", "application/*":
			return inXML(product), nil
		case xmlMedia, "text/xml":
			if inXML(product) {
				return true, nil
			}
		}
	}
	return false, errAccept
}

// reportItems says in r how each payment of a bulk stands, once the bank has told of any.
// Those of which nobody knows are left out.
func reportItems(r *pain.StatusReport, p payment.Payment) {
	if p.Bulk == nil || p.Items == nil {
		return
	}
	r.Transactions = nil // what was found out about payees comes before
	for n, o := range p.Bulk.Payments {
		i, known := p.Item(n)
		if !known {
			continue
		}
		t := pain.TransactionStatus{InstructionID: o.InstructionID, EndToEndID: o.EndToEndID, Status: i.Status}
		if i.Reason != "" {
			t.Reasons = []pain.Reason{{Code: i.Reason}}
		}
		r.Transactions = append(r.Transactions, t)
	}
}

// statusReport tells the status of the payment in the path as pain.002, of the version that
// goes with its pain.001.
func (a *API) statusReport(c *call) (answer, error) {
	p, err := a.wholePayment(c)
	if err != nil {
		return answer{}, err
	}
	document := p.Document.Bytes
	if p.Service == periodicPayments {
		if document, _, err = pain.ParsePeriodic(p.Document.Media, document); err != nil {
			return answer{}, fmt.Errorf("payment %s cannot be read again: %v", p.ID, err)
		}
	}
	order, err := pain.Parse(document, a.painLimits(p.Service))
	if err != nil {
		return answer{}, fmt.Errorf("payment %s cannot be read again: %v", p.ID, err)
	}
	version := pain.Status10
	if order.Version == pain.Version03 {
		version = pain.Status03
	}
	report := order.Report(a.Payments.NewID(), a.Now(), string(p.Status))
	reportPayees(&report, p)
	reportItems(&report, p)
	var b bytes.Buffer
	if err := pain.Status(&b, version, report); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, raw: b.Bytes(), header: http.Header{"Content-Type": {xmlMedia}}}, nil
}
