package corebank

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jacoelho/banking/iban"

	"kontor/connector/wire"
	"kontor/kit/day"
	"kontor/kit/money"
)

// amountMinorMax is the largest amount of one transfer, in minor units.
const amountMinorMax = 99_999_999_999

// scheduledDaysMax bounds how far ahead a payment may be ordered.
const scheduledDaysMax = 366

// bulkMax bounds how many payments a bulk has.
const bulkMax = 10_000

// A refusal is why a payment is rejected before anybody is asked: the protocol's class, the
// reason in the words of ISO 20022, and a sentence.
type refusal struct{ class, reason, message string }

func (r refusal) Error() string { return r.class + ": " + r.told() }
func (r refusal) told() string  { return r.reason + " " + r.message }

func invalid(reason, message string) refusal {
	return refusal{"InvalidAttributeValue", reason, message}
}

var errDebtorUnknown = refusal{"AccountNotFound", "AC02", "debtor account is unknown"}

// readOrder checks an order of any service and finds the account it names to be debited.
func (b *Bank) readOrder(ctx context.Context, r wire.PaymentCreate) (p payment, debtor account, err error) {
	p = payment{State: payReceived, Service: string(r.PaymentService), Product: string(r.PaymentProduct)}
	if p.Service == "" {
		p.Service = servicePayments
	}
	kind, offered := b.product(p.Product, p.Service)
	if !offered {
		return p, debtor, invalid("AG03", "payment product is not offered")
	}
	if !isPlain(string(r.UserID)) {
		return p, debtor, invalid(reasonText, "user is unknown")
	}
	named := r.Payment.DebtorAccount
	switch p.Service {
	case serviceBulk:
		if r.Bulk == nil {
			return p, debtor, invalid(reasonText, "there is no bulk")
		}
		named = r.Bulk.DebtorAccount
		if err = b.readBulk(ctx, &p, kind, *r.Bulk); err == nil {
			err = b.readDate(&p, kind, r.Bulk.RequestedExecutionDate, r.Bulk.RequestedExecutionTime)
		}
	case servicePeriodic:
		if r.Periodic == nil {
			return p, debtor, invalid(reasonText, "there is no plan")
		}
		if p.transfer, err = b.readPayment(ctx, kind, r.Payment); err == nil {
			err = b.readPlan(&p, kind, *r.Periodic)
		}
	default:
		if p.transfer, err = b.readPayment(ctx, kind, r.Payment); err == nil {
			err = b.readDate(&p, kind, r.Payment.RequestedExecutionDate, r.Payment.RequestedExecutionTime)
		}
	}
	if err != nil {
		return p, debtor, err
	}
	if user := string(r.UserID); user != "" {
		if _, err := b.customer(ctx, user); errors.Is(err, sql.ErrNoRows) {
			return p, debtor, invalid(reasonText, "user is unknown")
		} else if err != nil {
			return p, debtor, err
		}
	}
	if named == nil || *named == (wire.Account{}) {
		return p, debtor, nil
	}
	p.NamedDebtor = true
	debtor, err = b.readDebtor(ctx, &p, *named, string(r.UserID))
	return p, debtor, err
}

// readPayment checks a payment that comes alone, and the payee's account where it is here.
func (b *Bank) readPayment(ctx context.Context, kind product, w wire.Payment) (t transfer, err error) {
	if t, err = readTransfer(kind, w); err != nil || t.CreditorIBAN == "" {
		return t, err
	}
	reason, err := b.takes(b.reading(ctx), t.CreditorIBAN, t.Amount.Currency)
	if err == nil {
		err = refusedBy(reason)
	}
	return t, err
}

// readTransfer checks what one credit transfer says.
func readTransfer(kind product, w wire.Payment) (t transfer, err error) {
	t = transfer{
		CreditorName: strings.TrimSpace(string(w.CreditorName)), CreditorIBAN: plainIBAN(w.CreditorAccount.IBAN),
		EndToEnd: string(w.EndToEndIdentification), Remittance: string(w.RemittanceInformationUnstructured),
		Words: words{
			Instruction: string(w.InstructionIdentification), DebtorName: string(w.DebtorName), UltimateDebtor: string(w.UltimateDebtor),
			UltimateCreditor: string(w.UltimateCreditor), CreditorID: string(w.CreditorID), Purpose: string(w.PurposeCode),
			ChargeBearer: string(w.ChargeBearer), Agent: string(w.CreditorAccount.BIC), AgentName: string(w.CreditorAgentName), Address: w.CreditorAddress,
			Verified: readVerification(w.PayeeVerification),
		},
	}
	if s := w.RemittanceInformationStructured; s != nil {
		t.Words.Structured, t.Words.StructuredType, t.Words.StructuredIssuer = string(s.Reference), string(s.ReferenceType), string(s.ReferenceIssuer)
	}
	if t.Amount, err = money.Parse(string(w.InstructedAmount.Amount), string(w.InstructedAmount.Currency)); err != nil {
		return t, invalid("AM12", "amount is not valid")
	}
	switch {
	case t.Amount.Minor <= 0:
		return t, invalid("AM01", "amount is not valid")
	case t.Amount.Minor > amountMinorMax:
		return t, invalid("AM02", "amount is too large")
	case kind.currency != "" && t.Amount.Currency != kind.currency:
		return t, invalid("AM03", "payments of this product are in "+kind.currency)
	case rateOf(t.Amount.Currency) == 0:
		return t, invalid("AM03", "payments in this currency are not offered")
	}
	if t.CreditorIBAN == "" && kind.name == productCrossBorder {
		for _, s := range []wire.String{w.CreditorAccount.BBAN, w.CreditorAccount.BankAccountIdentifier} {
			if t.Words.Account == "" {
				t.Words.Account = string(s)
			}
		}
	}
	for _, s := range []struct {
		text string
		max  int // bytes: four for each character the standard allows
	}{
		{t.CreditorName, 280}, {t.EndToEnd, 140}, {t.Remittance, 560}, {t.Words.Instruction, 140}, {t.Words.DebtorName, 280}, {t.Words.UltimateDebtor, 280},
		{t.Words.UltimateCreditor, 280}, {t.Words.CreditorID, 140}, {t.Words.Purpose, 35}, {t.Words.ChargeBearer, 4}, {t.Words.Structured, 560},
		{t.Words.StructuredType, 140}, {t.Words.StructuredIssuer, 140}, {t.Words.Agent, 11}, {t.Words.AgentName, 560}, {t.Words.Account, 140},
	} {
		if !isPlain(s.text) {
			return t, invalid(reasonText, "a text has characters that cannot be printed")
		}
		if len(s.text) > s.max {
			return t, invalid(reasonText, "creditor name is missing or a text is too long")
		}
	}
	if a := t.Words.Address; a != nil && (!isPlain(string(a.StreetName+a.BuildingNumber+a.TownName+a.PostCode+a.Country)) ||
		len(a.StreetName)+len(a.BuildingNumber)+len(a.TownName)+len(a.PostCode)+len(a.Country) > 1000) {
		return t, invalid(reasonText, "creditor address is not valid")
	}
	switch t.Words.ChargeBearer {
	case "", "DEBT", "CRED", "SHAR", "SLEV":
	default:
		return t, invalid(reasonText, "charge bearer is not known")
	}
	if t.CreditorName == "" {
		return t, invalid("BE04", "creditor name is missing or a text is too long")
	}
	if t.CreditorIBAN == "" && t.Words.Account != "" {
		return t, nil
	}
	if iban.Validate(t.CreditorIBAN) != nil {
		return t, invalid(reasonAccount, "creditor IBAN is not valid")
	}
	return t, nil
}

// refusedBy is what a payee's account of this bank has against being credited.
func refusedBy(reason string) error {
	switch reason {
	case "AM03":
		return invalid(reason, "creditor account is kept in another currency")
	case "AC04":
		return invalid(reason, "creditor account is closed")
	}
	return nil
}

// takes says why an account of this bank cannot be credited in currency, in the words of
// ISO 20022: AC01 when it is none of this bank's, AM03 or AC04 when it is; "" when it can.
func (b *Bank) takes(query reader, iban, currency string) (reason string, err error) {
	all, err := b.kept(query, currency, iban)
	if reason, ours := all[iban]; ours || err != nil {
		return reason, err
	}
	return reasonAccount, nil
}

// keptAtOnce is how many IBANs one statement asks for.
const keptAtOnce = 50

// kept says of each IBAN that is this bank's why it cannot be credited in currency, or "".
func (b *Bank) kept(query reader, currency string, ibans ...string) (map[string]string, error) {
	kept := map[string]string{}
	for len(ibans) > 0 {
		n := min(len(ibans), keptAtOnce)
		args := []any{b.code}
		for _, iban := range ibans[:n] {
			args = append(args, iban)
		}
		for n > 1 && len(args) <= keptAtOnce { // few different statements
			args = append(args, ibans[0])
		}
		ibans = ibans[n:]
		rows, err := query(`SELECT iban, currency, type FROM corebank_account WHERE bank = $1 AND iban IN ($2`+placeholders(3, len(args))+`)`, args...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var iban, in, kind string
			if err := rows.Scan(&iban, &in, &kind); err != nil {
				rows.Close()
				return nil, err
			}
			switch _, seen := kept[iban]; {
			case kind == typeClosed:
				kept[iban] = "AC04"
			case in == currency:
				kept[iban] = ""
			case !seen:
				kept[iban] = "AM03"
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// placeholders returns ",$from,…,$to".
func placeholders(from, to int) string {
	var s strings.Builder
	for ; from <= to; from++ {
		fmt.Fprintf(&s, ",$%d", from)
	}
	return s.String()
}

// readDate checks when p is to be executed. A day on which banks do not settle becomes the
// next one on which they do, and the page says so before anybody approves.
func (b *Bank) readDate(p *payment, kind product, date, moment wire.String) error {
	on, err := day.Parse(string(date))
	switch {
	case date != "" && moment != "":
		return invalid("DT01", "execution date and time exclude each other")
	case moment != "":
		at, err := time.Parse(time.RFC3339, string(moment))
		if err != nil {
			return invalid("DT01", "execution time is not possible")
		}
		on = day.Of(at, b.zone)
	case date == "":
		return nil
	case err != nil:
		return invalid("DT01", "execution date is not possible")
	}
	if on.Before(b.today()) || on.After(b.today().AddDays(scheduledDaysMax)) {
		return invalid("DT01", "execution date is not possible")
	}
	if !on.After(b.today()) {
		return nil
	}
	if kind.instant {
		return invalid("DT01", "an instant payment cannot be dated ahead")
	}
	p.ExecuteOn = following(on).String()
	return nil
}

func (b *Bank) readPlan(p *payment, kind product, w wire.PeriodicDue) error {
	plan, err := readPlan(w, b.today())
	switch {
	case errors.Is(err, errPlanDates), errors.Is(err, errPlanEmpty):
		return invalid("DT01", err.Error())
	case err != nil:
		return invalid(reasonText, err.Error())
	}
	plan.Instant = kind.instant
	p.Plan = &plan
	return nil
}

// readBulk checks each payment of a bulk. Those that cannot be executed are kept with their
// reason; when none is left, the bulk is refused.
func (b *Bank) readBulk(ctx context.Context, p *payment, kind product, w wire.Bulk) error {
	if len(w.Payments) == 0 || len(w.Payments) > bulkMax {
		return invalid("NARR", fmt.Sprintf("a bulk has 1 to %d payments", bulkMax))
	}
	p.Batch = w.BatchBookingPreferred == nil || *w.BatchBookingPreferred
	p.Words.DebtorName = string(w.DebtorName)
	if !isPlain(p.Words.DebtorName) || len(p.Words.DebtorName) > 280 {
		return invalid(reasonText, "debtor name is not valid")
	}
	p.Amount.Currency = kind.currency
	p.list = make([]item, 0, len(w.Payments))
	read := make([]transfer, len(w.Payments))
	wrong := make([]error, len(w.Payments))
	var ibans []string
	for n, one := range w.Payments {
		if one.DebtorName == "" {
			one.DebtorName = w.DebtorName
		}
		if read[n], wrong[n] = readTransfer(kind, one); wrong[n] == nil {
			ibans = append(ibans, read[n].CreditorIBAN)
		}
	}
	kept, err := b.kept(b.reading(ctx), kind.currency, ibans...)
	if err != nil {
		return err
	}
	var first error
	for n, t := range read {
		if wrong[n] == nil {
			wrong[n] = refusedBy(kept[t.CreditorIBAN])
		}
		i := item{n: n, state: payReceived, transfer: t}
		if refused, ok := errors.AsType[refusal](wrong[n]); ok {
			if p.Refused == 0 {
				first = refused
			}
			p.Refused++
			i = item{n: n, state: payRefused, reason: refused.reason, transfer: transfer{Amount: money.Amount{Currency: kind.currency}}}
			if e := string(w.Payments[n].EndToEndIdentification); isPlain(e) && len(e) <= 140 {
				i.EndToEnd = e
			}
		} else {
			p.Items++
			p.Amount.Minor += t.Amount.Minor // amounts and their number are bounded: no overflow
		}
		p.list = append(p.list, i)
	}
	if p.Items == 0 {
		return first
	}
	return nil
}

// readDebtor finds the account that an order names.
func (b *Bank) readDebtor(ctx context.Context, p *payment, named wire.Account, user string) (a account, err error) {
	number := plainIBAN(named.IBAN)
	if iban.Validate(number) != nil {
		return a, errDebtorUnknown
	}
	if number == p.CreditorIBAN {
		return a, invalid("AC02", "debtor and creditor account are the same")
	}
	if ours, err := b.hasIBAN(ctx, number); err != nil {
		return a, err
	} else if !ours {
		return a, errDebtorUnknown
	}
	currencies := []string{p.Amount.Currency}
	if p.Product == productCrossBorder { // an account of the payment's currency is nearest, then one in euro
		currencies = append(currencies, "EUR", "RON", "USD", "CHF")
	}
	if named.Currency != "" && isPlain(string(named.Currency)) {
		currencies = []string{string(named.Currency)}
	}
	found := false
	for _, currency := range currencies {
		if found {
			break
		}
		if a, found, err = b.accountByIBAN(ctx, number, currency, user); err != nil {
			return a, err
		}
	}
	if !found || !p.paidFrom(a) {
		return a, invalid("AC14", "payments in this currency cannot be made from the debtor account")
	}
	if user != "" && a.Customer != user {
		return a, errDebtorUnknown
	}
	// Nobody is both sides of one of the transfers.
	for i := range p.list {
		if one := &p.list[i]; one.state == payReceived && one.CreditorIBAN == number {
			p.Items, p.Refused, p.Amount.Minor = p.Items-1, p.Refused+1, p.Amount.Minor-one.Amount.Minor
			one.state, one.reason = payRefused, "AC02"
		}
	}
	if p.Service == serviceBulk && p.Items == 0 {
		return a, invalid("AC02", "debtor and creditor account are the same")
	}
	p.Debtor = a.ID
	return a, nil
}
