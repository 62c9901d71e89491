package corebank

import (
	"context"
	"strings"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/money"
)

// CardAccounts lists the cards that the access covers.
func (c connector) CardAccounts(ctx context.Context, token string) ([]wire.CardAnswer, error) {
	acc, err := c.accessOf(ctx, token, serviceAccounts)
	if err != nil {
		return nil, err
	}
	all, err := c.accountsShown(ctx, acc.Customer)
	if err != nil {
		return nil, err
	}
	negative := false // debits are told as such
	answers := []wire.CardAnswer{}
	for _, a := range all {
		granted, ok := acc.Granted.of(a.ID)
		if !ok || a.Type != typeCard {
			continue
		}
		amount := func(minor int64) wire.Amount {
			return wire.Amount{Amount: wire.String(money.Amount{Minor: minor, Currency: a.Currency}.String()), Currency: wire.String(a.Currency)}
		}
		limit := amount(a.CreditLimit)
		answer := wire.CardAnswer{
			ID: wire.String(a.ID), Name: wire.String(a.Product), Product: wire.String(a.Product), MaskedPAN: wire.String(a.PAN),
			Currency: wire.String(a.Currency), Status: "enabled", CreditLimit: &limit, Balances: []wire.CardBalanceAnswer{},
			Extra: &wire.CardExtra{
				Usage: wire.String(a.Usage), Details: wire.String(a.Details), DisplayName: wire.String(a.DisplayName),
				OwnerName: wire.String(strings.Join(a.owners(), ", ")), DebitAccounting: &negative, Granted: granted.told(),
			},
		}
		if granted.Balances {
			answer.Balances = append(answer.Balances,
				wire.CardBalanceAnswer{BalanceType: "interimBooked", BalanceAmount: amount(a.Booked)},
				wire.CardBalanceAnswer{BalanceType: "interimAvailable", BalanceAmount: amount(a.Spendable())})
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// CardTransactions returns one page of a card's entries, in the order of Transactions.
// Purchases are negative; what the last monthly settlement has covered is invoiced.
func (c connector) CardTransactions(ctx context.Context, token string, q wire.TransactionsQuery) (wire.List[wire.CardTransactionAnswer], error) {
	page := wire.List[wire.CardTransactionAnswer]{Data: []wire.CardTransactionAnswer{}}
	r, err := c.entriesOf(ctx, token, q, true)
	if err != nil {
		return page, err
	}
	var pan string
	if err := c.db.QueryRow(ctx, `SELECT pan FROM corebank_account WHERE bank = $1 AND id = $2`, c.code, string(q.AccountID)).Scan(&pan); err != nil {
		return page, err
	}
	settled, err := c.book.Last(ctx, string(q.AccountID), codeSettled)
	if err != nil {
		return page, err
	}
	for _, h := range r.holds {
		t := cardAnswer(h.Amount.Neg(), h.Details)
		t.ID, t.Status, t.MaskedPAN = wire.String("p-"+h.ID), "pending", wire.String(pan)
		if t.TransactionDate == "" {
			t.TransactionDate = wire.String(h.Value)
		}
		page.Data = append(page.Data, t)
	}
	for _, e := range r.entries {
		t := cardAnswer(e.Amount, e.Details)
		invoiced := !(ledger.Position{Booked: e.Booked, Seq: e.Seq}).After(settled)
		t.ID, t.Status, t.MaskedPAN, t.Invoiced = wire.String(e.ID()), "booked", wire.String(pan), &invoiced
		t.BookingDate, t.ValueDate = wire.String(e.Booked), wire.String(e.Value)
		if t.TransactionDate == "" {
			t.TransactionDate = t.BookingDate
		}
		page.Data = append(page.Data, t)
	}
	page.Meta.NextID = wire.String(r.next)
	return page, nil
}

// codeSettled is the ISO 20022 code of a card's monthly settlement.
const codeSettled = "PMNT-CCRD-SMRT"

// cardAnswer tells what d says of a purchase or another movement on a card.
func cardAnswer(amount money.Amount, d ledger.Details) wire.CardTransactionAnswer {
	t := wire.CardTransactionAnswer{
		Amount: wire.String(amount.String()), Currency: wire.String(amount.Currency),
		TransactionDetails:             wire.String(strings.Trim(d.PartyName+", "+d.Text, ", ")),
		ProprietaryBankTransactionCode: wire.String(d.Code),
	}
	var extra wire.CardTransactionExtra
	for word, text := range d.Words() {
		switch word {
		case ledger.Bought:
			t.TransactionDate = wire.String(text)
		case ledger.At:
			extra.AcceptorTransactionDateTime = wire.String(text)
		case ledger.Category:
			t.MerchantCategoryCode = wire.String(text)
		case ledger.Acceptor:
			var id, terminal, street, number, town, code, country, phone string
			ledger.Split(text, &id, &terminal, &street, &number, &town, &code, &country, &phone)
			t.CardAcceptorID, t.TerminalID, extra.CardAcceptorPhone = wire.String(id), wire.String(terminal), wire.String(phone)
			t.CardAcceptorAddress = &wire.CardAddress{
				Street: wire.String(street), BuildingNumber: wire.String(number), City: wire.String(town),
				PostalCode: wire.String(code), Country: wire.String(country),
			}
		case ledger.Original:
			var original, currency string
			ledger.Split(text, &original, &currency)
			t.OriginalAmount = &wire.Amount{Amount: wire.String(original), Currency: wire.String(currency)}
		case ledger.Markup:
			var fee, percentage string
			ledger.Split(text, &fee, &percentage)
			t.MarkupFee, t.MarkupFeePercentage = &wire.Amount{Amount: wire.String(fee), Currency: t.Currency}, wire.String(percentage)
			extra.GrandTotalAmount = &wire.Amount{Amount: t.Amount, Currency: t.Currency}
		case ledger.Exchange:
			t.CurrencyExchange = append(t.CurrencyExchange, exchange(text))
		}
	}
	if extra != (wire.CardTransactionExtra{}) {
		t.Extra = &extra
	}
	return t
}
