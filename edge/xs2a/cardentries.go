package xs2a

import "kontor/bank/core"

// A cardWriter does for entries of cards what writer does for those of accounts.
type cardWriter struct {
	booked, pending []byte
	newest          bool // the bank's level knows grandTotalAmount and valueDate
}

func (w *cardWriter) entry(t *core.CardTransaction) error {
	list := &w.booked
	if t.Pending {
		list = &w.pending
	}
	if len(*list) > 0 {
		*list = append(*list, ',')
	}
	*list = w.write(*list, t)
	return nil
}

// write appends t as JSON.
//
// spec: xs2a/cardTransaction
func (w *cardWriter) write(b []byte, t *core.CardTransaction) []byte {
	b = append(b, '{')
	b = member(b, "cardTransactionId", t.ID)
	b = member(b, "terminalId", t.TerminalID)
	b = member(b, "transactionDate", t.TransactionDate)
	b = member(b, "acceptorTransactionDateTime", t.AcceptorTime)
	b = member(b, "bookingDate", t.BookingDate)
	if w.newest {
		b = member(b, "valueDate", t.ValueDate)
	}
	b = amountMember(b, "transactionAmount", core.TextAmount{Amount: t.Amount, Currency: t.Currency})
	if w.newest {
		b = amountMember(b, "grandTotalAmount", t.GrandTotal)
	}
	b = exchanges(b, t.Exchange)
	b = amountMember(b, "originalAmount", t.Original)
	b = amountMember(b, "markupFee", t.MarkupFee)
	b = member(b, "markupFeePercentage", t.MarkupFeePercentage)
	b = member(b, "cardAcceptorId", t.AcceptorID)
	if a := t.AcceptorAddress; len(a.Country) > 0 { // the one part that an address must have
		b = append(comma(b), `"cardAcceptorAddress":{`...)
		b = member(b, "streetName", a.StreetName)
		b = member(b, "buildingNumber", a.BuildingNumber)
		b = member(b, "townName", a.TownName)
		b = member(b, "postCode", a.PostCode)
		b = append(member(b, "country", a.Country), '}')
	}
	b = member(b, "cardAcceptorPhone", t.AcceptorPhone)
	if len(t.MerchantCategory) == 4 {
		b = member(b, "merchantCategoryCode", t.MerchantCategory)
	}
	b = member(b, "maskedPAN", t.MaskedPAN)
	b = member(b, "transactionDetails", t.Details)
	b = bare(b, "invoiced", t.Invoiced)
	b = member(b, "proprietaryBankTransactionCode", t.ProprietaryCode)
	return append(b, '}')
}
