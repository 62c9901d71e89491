package client

import (
	"bytes"
	"errors"
	"time"

	"kontor/bank/core"
	"kontor/connector/wire"
)

var errDay = errors.New("an entry has no date")

// cardEntry reads one entry of a card's report into t, of which only the room for exchanges
// is kept.
func (s *scanner) cardEntry(t *core.CardTransaction) {
	*t = core.CardTransaction{Exchange: t.Exchange[:0]}
	if !s.enter('{') {
		return
	}
	var status core.Text
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			break
		}
		switch string(key) {
		case "id":
			t.ID = s.text()
		case "amount":
			t.Amount = s.text()
		case "currency":
			t.Currency = s.text()
		case "status":
			status = s.text()
		case "transaction_date":
			t.TransactionDate = s.date()
		case "booking_date":
			t.BookingDate = s.date()
		case "value_date":
			t.ValueDate = s.date()
		case "transaction_details":
			t.Details = s.text()
		case "terminal_id":
			t.TerminalID = s.text()
		case "currency_exchange":
			t.Exchange = s.exchanges(t.Exchange)
		case "original_amount":
			t.Original = s.looseAmount()
		case "markup_fee":
			t.MarkupFee = s.looseAmount()
		case "markup_fee_percentage":
			t.MarkupFeePercentage, _ = decimal(s.loose())
		case "card_acceptor_id":
			t.AcceptorID = s.text()
		case "card_acceptor_address":
			s.address(&t.AcceptorAddress)
		case "merchant_category_code":
			t.MerchantCategory = category(s.loose())
		case "masked_pan":
			t.MaskedPAN = s.text()
		case "invoiced":
			t.Invoiced = s.truth()
		case "proprietary_bank_transaction_code":
			t.ProprietaryCode = s.text()
		case "extra":
			s.cardExtra(t)
		default:
			s.skip()
		}
	}
	if s.err != nil {
		return
	}
	t.Pending = s.pending(status)
	t.Amount = s.amount(t.Amount, t.Currency)
	if len(t.TransactionDate) == 0 && len(t.BookingDate) == 0 {
		s.fail(errDay)
	}
}

// address reads where a card was accepted. A known connector writes the names in camel case.
func (s *scanner) address(a *core.TextAddress) {
	*a = core.TextAddress{}
	if !s.looseObject() {
		return
	}
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			return
		}
		switch string(key) {
		case "street", "street_name", "streetName":
			a.StreetName = s.loose()
		case "building_number", "buildingNumber":
			a.BuildingNumber = s.loose()
		case "city", "town_name", "townName":
			a.TownName = s.loose()
		case "postal_code", "postalCode", "post_code", "postCode":
			a.PostCode = s.loose()
		case "country":
			a.Country = country(s.loose())
		default:
			s.skip()
		}
	}
}

func (s *scanner) cardExtra(t *core.CardTransaction) {
	t.AcceptorTime, t.AcceptorPhone, t.GrandTotal = nil, nil, core.TextAmount{}
	if !s.looseObject() {
		return
	}
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			return
		}
		switch string(key) {
		case "acceptor_transaction_date_time":
			t.AcceptorTime = moment(s.loose())
		case "card_acceptor_phone":
			t.AcceptorPhone = s.loose()
		case "grand_total_amount":
			t.GrandTotal = s.looseAmount()
		default:
			s.skip()
		}
	}
}

// category returns t as a merchant category: four digits. A number has lost its zeros.
func category(t core.Text) core.Text {
	const length = 4
	switch {
	case len(t) == 0 || len(t) > length || digits(t) < 0:
		return nil
	case len(t) < length:
		return append(bytes.Repeat([]byte{'0'}, length-len(t)), t...)
	}
	return t
}

// country returns t when it can be an ISO 3166 code.
func country(t core.Text) core.Text {
	if len(t) != 2 || !capital(t[0]) || !capital(t[1]) {
		return nil
	}
	return t
}

// moment returns t as RFC 3339 wants it.
func moment(t core.Text) core.Text {
	// Go's reader also takes a comma for the point.
	if _, err := time.Parse(time.RFC3339, string(t)); err == nil && bytes.IndexByte(t, ',') < 0 {
		return t
	}
	if at, ok := wire.ParseTime(wire.String(t)); ok {
		return core.Text(at.Format(time.RFC3339))
	}
	return nil
}
