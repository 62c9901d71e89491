package xs2a

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"

	"kontor/bank/core"
)

// A writer turns entries of the bank into entries of ours, as bytes. Texts of the bank are
// checked and still escaped, so they are copied as they are: an account report of a hundred
// entries becomes ours without a value, a map or a copy in between.
type writer struct {
	booked, pending, information []byte
	detailsLink                  string // before the transaction's ID; "": entries have no details
	batches                      bool   // the bank's level knows them
}

// entry appends t to the list where it belongs.
func (w *writer) entry(t *core.Transaction) error {
	list := &w.booked
	switch {
	case t.Standing != nil:
		list = &w.information
	case t.Pending:
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
// spec: xs2a/transaction
func (w *writer) write(b []byte, t *core.Transaction) []byte {
	b = append(b, '{')
	b = member(b, "transactionId", t.ID)
	b = member(b, "entryReference", t.EntryReference)
	b = member(b, "endToEndId", t.EndToEndID)
	if t.Batch && w.batches {
		b = append(comma(b), `"batchIndicator":true`...)
		b = bare(b, "batchNumberOfTransactions", t.BatchCount)
	}
	b = member(b, "mandateId", t.MandateID)
	b = member(b, "checkId", t.CheckID)
	b = member(b, "creditorId", t.CreditorID)
	b = member(b, "bookingDate", t.BookingDate)
	b = member(b, "valueDate", t.ValueDate)
	b = paymentMembers(b, t)
	if len(t.Entries) > 0 && w.batches {
		b = append(comma(b), `"entryDetails":[`...)
		for i := range t.Entries {
			if i > 0 {
				b = append(b, ',')
			}
			e := &t.Entries[i]
			b = append(b, '{')
			b = member(b, "endToEndId", e.EndToEndID)
			b = member(b, "mandateId", e.MandateID)
			b = member(b, "checkId", e.CheckID)
			b = member(b, "creditorId", e.CreditorID)
			b = paymentMembers(b, e)
			b = append(member(b, "purposeCode", e.PurposeCode), '}')
		}
		b = append(b, ']')
	}
	b = member(b, "additionalInformation", t.AdditionalInformation)
	if t.Standing != nil {
		b = standingOrder(b, t.Standing)
	}
	b = member(b, "purposeCode", t.PurposeCode)
	b = member(b, "bankTransactionCode", t.BankTransactionCode)
	b = member(b, "proprietaryBankTransactionCode", t.ProprietaryCode)
	if after := t.BalanceAfter; len(after.Type) > 0 {
		b = append(comma(b), `"balanceAfterTransaction":{`...)
		b = amountMember(b, "balanceAmount", core.TextAmount{Amount: after.Amount, Currency: after.Currency})
		b = member(b, "balanceType", after.Type)
		b = append(member(b, "referenceDate", after.ReferenceDate), '}')
	}
	if w.detailsLink != "" && !t.Pending && t.Standing == nil && len(t.ID) > 0 {
		b = append(b, `,"_links":{"transactionDetails":{"href":"`...)
		b = append(b, w.detailsLink...)
		b = appendPathSegment(b, t.ID)
		b = append(b, `"}}`...)
	}
	return append(b, '}')
}

// paymentMembers appends what an entry and one payment of a batch have in common.
func paymentMembers(b []byte, t *core.Transaction) []byte {
	b = amountMember(b, "transactionAmount", core.TextAmount{Amount: t.Amount, Currency: t.Currency})
	b = exchanges(b, t.Exchange)
	b = member(b, "creditorName", t.CreditorName)
	b = accountMember(b, "creditorAccount", &t.CreditorAccount)
	b = member(b, "creditorAgent", t.CreditorAgent)
	b = member(b, "ultimateCreditor", t.UltimateCreditor)
	b = member(b, "debtorName", t.DebtorName)
	b = accountMember(b, "debtorAccount", &t.DebtorAccount)
	b = member(b, "debtorAgent", t.DebtorAgent)
	b = member(b, "ultimateDebtor", t.UltimateDebtor)
	b = member(b, "remittanceInformationUnstructured", t.Remittance)
	return member(b, "remittanceInformationStructured", t.RemittanceStructured)
}

// standingOrder appends when the payments of a standing order are made.
//
// spec: xs2a/standingOrderDetails
func standingOrder(b []byte, o *core.StandingOrder) []byte {
	b = append(comma(b), `"additionalInformationStructured":{"standingOrderDetails":{`...)
	b = member(b, "startDate", o.StartDate)
	b = member(b, "frequency", o.Frequency)
	b = member(b, "endDate", o.EndDate)
	b = member(b, "executionRule", o.ExecutionRule)
	b = bare(b, "withinAMonthFlag", o.WithinAMonth)
	if len(o.Months) > 0 {
		b = append(comma(b), `"monthsOfExecution":[`...)
		for i, month := range o.Months {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), month...), '"')
		}
		b = append(b, ']')
	}
	b = bare(b, "multiplicator", o.Multiplicator)
	b = member(b, "dayOfExecution", o.DayOfExecution)
	b = amountMember(b, "limitAmount", core.TextAmount{Amount: o.LimitAmount, Currency: o.LimitCurrency})
	return append(b, "}}"...)
}

// exchanges appends the currency exchanges of an entry.
func exchanges(b []byte, all []core.TextExchange) []byte {
	if len(all) == 0 {
		return b
	}
	b = append(comma(b), `"currencyExchange":[`...)
	for i, x := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		b = member(b, "sourceCurrency", x.SourceCurrency)
		b = member(b, "exchangeRate", x.Rate)
		b = member(b, "unitCurrency", x.UnitCurrency)
		b = member(b, "targetCurrency", x.TargetCurrency)
		b = member(b, "quotationDate", x.QuotationDate)
		b = member(b, "contractIdentification", x.ContractID)
		b = append(b, '}')
	}
	return append(b, ']')
}

// amountMember appends an amount, where there is one.
func amountMember(b []byte, name string, a core.TextAmount) []byte {
	if len(a.Amount) == 0 {
		return b
	}
	b = append(append(append(comma(b), '"'), name...), `":{"currency":"`...)
	b = append(append(b, a.Currency...), `","amount":"`...)
	return append(append(b, a.Amount...), `"}`...)
}

// bare appends a whole number, true or false, which stand without quotes; and nothing where
// value is none of these.
func bare(b []byte, name string, value core.Text) []byte {
	const digits = 9
	if s := string(value); s != "true" && s != "false" {
		if n, err := strconv.Atoi(s); err != nil || n < 0 || len(s) > digits || strconv.Itoa(n) != s {
			return b
		}
	}
	return append(append(append(append(comma(b), '"'), name...), `":`...), value...)
}

func member(b []byte, name string, value core.Text) []byte {
	if len(value) == 0 {
		return b
	}
	b = comma(b)
	b = append(append(append(b, '"'), name...), `":"`...)
	return append(append(b, value...), '"')
}

func accountMember(b []byte, name string, a *core.TextAccount) []byte {
	// Exactly one identifier names an account, the best known first.
	id, value := "iban", a.IBAN
	for _, other := range []struct {
		id    string
		value core.Text
	}{{"bban", a.BBAN}, {"maskedPan", a.MaskedPAN}, {"pan", a.PAN}, {"msisdn", a.MSISDN}} {
		if len(value) == 0 {
			id, value = other.id, other.value
		}
	}
	if len(value) == 0 {
		return b
	}
	b = comma(b)
	b = append(append(append(b, '"'), name...), `":{`...)
	b = member(b, id, value)
	b = member(b, "currency", a.Currency)
	return append(b, '}')
}

// comma separates a member from the one before it.
func comma(b []byte) []byte {
	if b[len(b)-1] == '{' {
		return b
	}
	return append(b, ',')
}

// appendPathSegment appends an ID, as it stands in the bank's JSON, as one segment of a path.
func appendPathSegment(b []byte, id core.Text) []byte {
	for _, c := range id {
		if !(c == '-' || c == '_' || c == '.' || c == '~' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			var plain string
			json.Unmarshal(append(append([]byte{'"'}, id...), '"'), &plain) // valid by the port's promise
			return append(b, url.PathEscape(plain)...)
		}
	}
	return append(b, id...)
}

// encode appends v as JSON; it is for small values that cannot fail.
func encode(b *bytes.Buffer, v any) {
	writeJSON(b, v)
	b.Truncate(b.Len() - 1) // Encode ends with a line feed
}

// writeJSON writes v and a line feed; it is for small values that cannot fail. What w does
// not take, w must remember.
func writeJSON(w io.Writer, v any) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if _, ok := errors.AsType[*json.UnsupportedTypeError](enc.Encode(v)); ok {
		panic("a wire type cannot be written")
	}
}
