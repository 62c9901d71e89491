package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Payment services.
const (
	single   = "payments"
	bulk     = "bulk-payments"
	periodic = "periodic-payments"
)

// When a third party cancels a payment.
const (
	never = iota
	early // before the customer has approved it
	late  // after
)

const (
	bulkItems   = 3
	instalments = 4
)

// A payment is one that a third party asks for.
type payment struct {
	name, service string
	request, body string
	times         int  // how often money moves: for each payment of a bulk, each instalment of a series
	later         bool // not before another day
	cancel        int

	id, status, sca string // as acknowledged
}

// order returns a payment between two accounts of the customer, for now and not yet asked for.
func (p *payer) order() *payment {
	o := p.newPayment(single, 1)
	o.body = "{" + p.transfer(o.name) + p.debtor() + "}"
	return p.keep(o)
}

// anyOrder returns one of any service, for now or later, that may be cancelled again.
func (p *payer) anyOrder() *payment {
	if p.chance.IntN(10) < 5 {
		return p.order()
	}
	cancel := never
	switch n := p.chance.IntN(10); {
	case n < 2:
		cancel = early
	case n < 5:
		cancel = late
	}
	switch p.chance.IntN(3) {
	case 0:
		return p.keep(p.laterOrder(cancel))
	case 1:
		return p.keep(p.bulkOrder(cancel))
	}
	return p.keep(p.seriesOrder(cancel))
}

// day is the one that comes n days after tomorrow.
func day(n int) string { return time.Now().AddDate(0, 0, 1+n).Format(time.DateOnly) }

func (p *payer) laterOrder(cancel int) *payment {
	o := p.newPayment(single, 1)
	o.later, o.cancel = true, cancel
	o.body = fmt.Sprintf(`{%s%s,"requestedExecutionDate":%q}`, p.transfer(o.name), p.debtor(), day(1+p.chance.IntN(20)))
	return o
}

func (p *payer) bulkOrder(cancel int) *payment {
	o := p.newPayment(bulk, bulkItems)
	o.cancel = cancel
	var items []string
	for n := range bulkItems {
		items = append(items, "{"+p.transfer(fmt.Sprintf("%s/%d", o.name, n+1))+"}")
	}
	o.body = fmt.Sprintf(`{"paymentInformationId":%q,"batchBookingPreferred":%t%s,"payments":[%s]}`, o.name, p.chance.IntN(2) == 0, p.debtor(), strings.Join(items, ","))
	return o
}

func (p *payer) seriesOrder(cancel int) *payment {
	o := p.newPayment(periodic, instalments)
	o.later, o.cancel = true, cancel
	o.body = fmt.Sprintf(`{%s%s,"startDate":%q,"endDate":%q,"frequency":"Weekly","executionRule":"following"}`, p.transfer(o.name), p.debtor(), day(0), day(7*(instalments-1)))
	return o
}

func (p *payer) newPayment(service string, times int) *payment {
	return &payment{name: fmt.Sprintf("CHAOS-%d-%d", p.l.seed, p.l.names.Add(1)), service: service, times: times, request: uuid()}
}

func (p *payer) transfer(endToEnd string) string {
	return fmt.Sprintf(`"endToEndIdentification":%q,"instructedAmount":{"currency":"EUR","amount":"0.01"},"creditorAccount":{"iban":%q},"creditorName":%q`,
		endToEnd, p.who.Accounts[1].IBAN, p.who.Name)
}

func (p *payer) debtor() string {
	return fmt.Sprintf(`,"debtorAccount":{"iban":%q}`, p.who.Accounts[0].IBAN)
}

func (p *payer) keep(o *payment) *payment {
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	p.l.orders[o.name] = order{p, o}
	return o
}

// pay makes one payment as a third party does whose bank falls over: it repeats what was not
// answered, or gives up. The customer approves what she has to, as long as there is a page.
func (p *payer) pay(ctx context.Context) { p.payFor(ctx, p.anyOrder()) }

// payFor is pay for one order.
func (p *payer) payFor(ctx context.Context, o *payment) {
	if p.persist(ctx, func() error { return p.ask(ctx, o) }) != nil {
		return
	}
	if o.cancel == early {
		p.revoke(ctx, o)
	} else {
		p.agree(ctx, o, approved, o.sca)
	}
	if o.cancel == late {
		p.revoke(ctx, o)
	}
	p.own = append(p.own, o)
	if len(p.own) > 4 {
		p.own = p.own[1:]
	}
	p.look(ctx, p.own[p.chance.IntN(len(p.own))])
}

// persist tries until it is answered, or given up.
func (p *payer) persist(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		// Where nobody listens nothing has arrived: to give up then would be no test.
		if ctx.Err() != nil || errors.Is(err, errWrong) || !p.steadfast && !errors.Is(err, syscall.ECONNREFUSED) && p.chance.IntN(4) == 0 {
			return err
		}
		pause(ctx, 10*time.Millisecond)
	}
}

// errWrong says that an answer was one that should not be: it stands in the journal.
var errWrong = errors.New("wrong answer")

// ask makes the request of o once, and writes down what comes of it.
func (p *payer) ask(ctx context.Context, o *payment) error {
	j, since := p.l.s.journal, time.Now()
	j.write(line{What: asked, Name: o.name, Request: o.request, Service: o.service, Times: o.times, Later: o.later})
	// What is under way when the load ends is finished.
	status, body, err := p.call(context.WithoutCancel(ctx), http.MethodPost, p.l.at(o.service), p.token, o.request, o.body,
		"TPP-Notification-URI", p.l.hook.url, "TPP-Notification-Content-Preferred", "status=SCA,PROCESS")
	switch {
	case err != nil:
		j.write(line{What: unanswered, Name: o.name, Request: o.request, Text: err.Error()})
		return err
	case status == http.StatusCreated:
		var a struct {
			PaymentID         string
			TransactionStatus string
			Links             struct{ SCARedirect struct{ Href string } } `json:"_links"`
		}
		if err := json.Unmarshal(body, &a); err != nil || a.PaymentID == "" {
			return p.wrong(o, "201 without a payment: %.300s", body)
		}
		o.id, o.status, o.sca = a.PaymentID, a.TransactionStatus, a.Links.SCARedirect.Href
		j.write(line{What: acknowledged, Since: since, Name: o.name, Request: o.request, Payment: o.id, Status: o.status})
		if o.service == single {
			p.l.mu.Lock()
			p.l.ids = append(p.l.ids, o.id)
			p.l.mu.Unlock()
		}
		return nil
	case p.l.busy(status):
		j.write(line{What: unanswered, Name: o.name, Request: o.request, Text: fmt.Sprint(status)})
		return fmt.Errorf("answered %d", status)
	}
	return p.wrong(o, "creation answered %d: %.300s", status, body)
}

// wrong writes down an answer that should not be.
func (p *payer) wrong(o *payment, format string, args ...any) error {
	p.l.s.journal.write(line{What: wrong, Name: o.name, Request: o.request, Payment: o.id, Text: fmt.Sprintf(format, args...)})
	return errWrong
}

// agree leads the customer to a page of the bank, if there is one, until she has agreed.
func (p *payer) agree(ctx context.Context, o *payment, what, page string) {
	for range 20 {
		if page == "" || ctx.Err() != nil || p.approve(ctx, o, what, page) == nil {
			return
		}
		pause(ctx, 20*time.Millisecond)
	}
}

// approve leads the customer through the bank's pages.
func (p *payer) approve(ctx context.Context, o *payment, what, page string) error {
	left, err := p.browser.follow(ctx, page)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(left, redirect) {
		return p.wrong(o, "the customer came back to %s", left)
	}
	p.l.s.journal.write(line{What: what, Name: o.name, Payment: o.id})
	return nil
}

// revoke cancels o, as pay makes one. The customer agrees to that, where she is asked.
func (p *payer) revoke(ctx context.Context, o *payment) {
	request, page := uuid(), ""
	p.persist(ctx, func() (err error) {
		page, err = p.askToCancel(ctx, o, request)
		return err
	})
	p.agree(ctx, o, cancelApproved, page)
}

// askToCancel asks once for o to be cancelled, and returns the page on which the customer
// has to agree.
func (p *payer) askToCancel(ctx context.Context, o *payment, request string) (page string, err error) {
	j := p.l.s.journal
	j.write(line{What: cancelAsked, Name: o.name, Payment: o.id, Request: request})
	status, body, err := p.call(context.WithoutCancel(ctx), http.MethodDelete, p.l.at(o.service)+"/"+o.id, p.token, request, "")
	switch {
	case err != nil:
		return "", err
	case p.l.busy(status):
		return "", fmt.Errorf("answered %d", status)
	case status == http.StatusNoContent:
		j.write(line{What: cancelled, Name: o.name, Payment: o.id, Request: request})
		return "", nil
	case status == http.StatusAccepted:
		var a struct {
			Links struct{ SCARedirect struct{ Href string } } `json:"_links"`
		}
		if err := json.Unmarshal(body, &a); err != nil {
			return "", p.wrong(o, "202 that says nothing: %.300s", body)
		}
		return a.Links.SCARedirect.Href, nil
	case strings.Contains(string(body), "CANCELLATION_INVALID"):
		j.write(line{What: tooLate, Name: o.name, Payment: o.id, Request: request})
		return "", nil
	}
	return "", p.wrong(o, "cancellation answered %d: %.300s", status, body)
}

// look asks where o stands.
func (p *payer) look(ctx context.Context, o *payment) error {
	since := time.Now()
	status, body, err := p.call(ctx, http.MethodGet, p.l.at(o.service)+"/"+o.id+"/status", p.token, uuid(), "")
	if err != nil {
		return err
	}
	var a struct{ TransactionStatus string }
	switch {
	case status == http.StatusOK && json.Unmarshal(body, &a) == nil && a.TransactionStatus != "":
		o.status = a.TransactionStatus
		p.l.s.journal.write(line{What: seen, Since: since, Name: o.name, Payment: o.id, Status: a.TransactionStatus})
		return nil
	case p.l.busy(status):
		return fmt.Errorf("answered %d", status)
	}
	return p.wrong(o, "status answered %d: %.300s", status, body)
}
