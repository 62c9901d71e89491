package xs2a

import (
	"bytes"
	"encoding/json"
	"net/url"

	"kontor/bank/core"
)

// A writer turns entries of the bank into entries of ours, as bytes. Texts of the bank are
// checked and still escaped, so they are copied as they are: an account report of a hundred
// entries becomes ours without a value, a map or a copy in between.
type writer struct {
	booked, pending []byte
	nBooked         int
	detailsLink     string // before the transaction's ID
	withDetails     bool
}

// entry appends t to the booked or to the pending ones.
func (w *writer) entry(t *core.Transaction) error {
	if t.Pending {
		if len(w.pending) > 0 {
			w.pending = append(w.pending, ',')
		}
		w.pending = w.write(w.pending, t)
		return nil
	}
	if w.nBooked++; w.nBooked > 1 {
		w.booked = append(w.booked, ',')
	}
	w.booked = w.write(w.booked, t)
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
	b = member(b, "mandateId", t.MandateID)
	b = member(b, "checkId", t.CheckID)
	b = member(b, "creditorId", t.CreditorID)
	b = member(b, "bookingDate", t.BookingDate)
	b = member(b, "valueDate", t.ValueDate)
	b = comma(b)
	b = append(append(b, `"transactionAmount":{"currency":"`...), t.Currency...)
	b = append(append(append(b, `","amount":"`...), t.Amount...), `"}`...)
	if len(t.Exchange) > 0 {
		b = append(b, `,"currencyExchange":[`...)
		for i, x := range t.Exchange {
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
		b = append(b, ']')
	}
	b = member(b, "creditorName", t.CreditorName)
	b = accountMember(b, "creditorAccount", &t.CreditorAccount)
	b = member(b, "ultimateCreditor", t.UltimateCreditor)
	b = member(b, "debtorName", t.DebtorName)
	b = accountMember(b, "debtorAccount", &t.DebtorAccount)
	b = member(b, "ultimateDebtor", t.UltimateDebtor)
	b = member(b, "remittanceInformationUnstructured", t.Remittance)
	b = member(b, "remittanceInformationStructured", t.RemittanceStructured)
	b = member(b, "additionalInformation", t.AdditionalInformation)
	b = member(b, "purposeCode", t.PurposeCode)
	b = member(b, "bankTransactionCode", t.BankTransactionCode)
	b = member(b, "proprietaryBankTransactionCode", t.ProprietaryCode)
	if w.withDetails && !t.Pending && len(t.ID) > 0 {
		b = append(b, `,"_links":{"transactionDetails":{"href":"`...)
		b = append(b, w.detailsLink...)
		b = appendPathSegment(b, t.ID)
		b = append(b, `"}}`...)
	}
	return append(b, '}')
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
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("a wire type cannot be written: " + err.Error())
	}
	b.Truncate(b.Len() - 1) // Encode ends with a line feed
}
