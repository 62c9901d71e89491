package corebank

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/money"
)

// StandingOrders lists what is ordered to be paid from an account again and again. They are
// told with its transactions, so they need the same right.
func (c connector) StandingOrders(ctx context.Context, token, accountID string) ([]wire.TransactionAnswer, error) {
	acc, err := c.accessOf(ctx, token, serviceAccounts)
	if err != nil {
		return nil, err
	}
	if _, err := c.mayReport(ctx, acc, accountID, false); err != nil {
		return nil, err
	}
	rows, err := c.db.Query(ctx, `SELECT id, amount, currency, details, start_date, end_date, frequency, rule, months, day
		FROM corebank_standing_order WHERE bank = $1 AND account = $2 AND due <> '' ORDER BY id LIMIT 1000`, c.code, accountID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	orders := []wire.TransactionAnswer{}
	for rows.Next() {
		var amount money.Amount
		var id, details, months string
		var start, end, frequency, rule string
		var dayOfMonth int
		if err := rows.Scan(&id, &amount.Minor, &amount.Currency, &details, &start, &end, &frequency, &rule, &months, &dayOfMonth); err != nil {
			return nil, err
		}
		t := wire.TransactionAnswer{ID: wire.String(id), Amount: wire.String(amount.String())}
		describe(&t, amount, ledger.Unpack(details), &parts{})
		order := &wire.StandingOrder{StartDate: wire.String(start), EndDate: wire.String(end), Frequency: wire.String(frequency), ExecutionRule: wire.String(rule)}
		if dayOfMonth > 0 {
			order.DayOfExecution = wire.String(strconv.Itoa(dayOfMonth))
		}
		if months != "" {
			for m := range strings.SplitSeq(months, ",") {
				order.MonthsOfExecution = append(order.MonthsOfExecution, wire.String(m))
			}
		}
		t.Extra.StandingOrder = order
		orders = append(orders, t)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	given, err := c.seriesOf(ctx, accountID)
	return append(orders, given...), err
}

// seriesOf lists the periodic payments from an account that still have instalments to come:
// to the customer they are standing orders like those given at the bank.
func (b *Bank) seriesOf(ctx context.Context, account string) ([]wire.TransactionAnswer, error) {
	ids, err := b.column(ctx, `SELECT id FROM corebank_payment WHERE bank = $1 AND debtor = $2 AND service = 'periodic-payments' AND state = 'scheduled'
		ORDER BY id LIMIT 1000`, b.code, account)
	if err != nil {
		return nil, err
	}
	var orders []wire.TransactionAnswer
	for _, id := range ids {
		p, err := b.payment(ctx, id)
		if err != nil {
			return nil, err
		}
		if p.State != payScheduled || p.Plan == nil {
			continue
		}
		t := wire.TransactionAnswer{ID: wire.String("so-" + p.ID), Amount: wire.String(p.Amount.Neg().String())}
		describe(&t, p.Amount.Neg(), p.sent("P"+p.ID, "PMNT-ICDT-STDO"), &parts{})
		order := &wire.StandingOrder{
			StartDate: wire.String(p.Plan.Start.String()), EndDate: wire.String(p.Plan.End.String()), Frequency: wire.String(p.Plan.Frequency), ExecutionRule: wire.String(p.Plan.Rule),
		}
		if p.Plan.Day > 0 {
			order.DayOfExecution = wire.String(strconv.Itoa(p.Plan.Day))
		}
		for _, m := range p.Plan.Months {
			order.MonthsOfExecution = append(order.MonthsOfExecution, wire.String(strconv.Itoa(m)))
		}
		t.Extra.StandingOrder = order
		orders = append(orders, t)
	}
	return orders, nil
}

// TrustedBeneficiaries lists whom the customer can pay without SCA. One that holds for a
// single account is told where that account is granted, the others where any account is
// that can be paid from.
func (c connector) TrustedBeneficiaries(ctx context.Context, token string) ([]wire.TrustedBeneficiary, error) {
	acc, err := c.accessOf(ctx, token, serviceAccounts)
	if err != nil {
		return nil, err
	}
	all, err := c.accountsShown(ctx, acc.Customer)
	if err != nil {
		return nil, err
	}
	granted := map[string]account{}
	for _, a := range all {
		if _, ok := acc.Granted.of(a.ID); ok && a.pays(a.Currency) {
			granted[a.ID] = a
		}
	}
	rows, err := c.db.Query(ctx, `SELECT iban, name, alias, agent, account FROM corebank_beneficiary
		WHERE bank = $1 AND customer = $2 ORDER BY name, iban LIMIT 1000`, c.code, acc.Customer)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	beneficiaries := []wire.TrustedBeneficiary{}
	for rows.Next() {
		var iban, name, alias, agent, debtor string
		if err := rows.Scan(&iban, &name, &alias, &agent, &debtor); err != nil {
			return nil, err
		}
		t := wire.TrustedBeneficiary{
			ID: wire.String(c.beneficiaryID(acc.Customer, iban)), CreditorAccount: wire.Account{IBAN: wire.String(iban)},
			CreditorAgent: wire.String(agent), CreditorName: wire.String(name), CreditorAlias: wire.String(alias),
		}
		if debtor != "" {
			a, ok := granted[debtor]
			if !ok {
				continue
			}
			reference := a.reference()
			t.DebtorAccount = &reference
		}
		if len(granted) > 0 {
			beneficiaries = append(beneficiaries, t)
		}
	}
	return beneficiaries, rows.Err()
}

// beneficiaryID names a beneficiary for good without telling who it is: a UUID of version 8.
func (b *Bank) beneficiaryID(customer, iban string) string {
	id := b.mac("beneficiary", customer, iban)[:16]
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	s := hex.EncodeToString(id)
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}
