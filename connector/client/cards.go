package client

import (
	"errors"

	"kontor/bank/core"
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
			t.MarkupFeePercentage = s.text()
		case "card_acceptor_id":
			t.AcceptorID = s.text()
		case "card_acceptor_address":
			s.address(&t.AcceptorAddress)
		case "merchant_category_code":
			t.MerchantCategory = s.text()
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
			a.Country = s.loose()
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
			t.AcceptorTime = s.loose()
		case "card_acceptor_phone":
			t.AcceptorPhone = s.loose()
		case "grand_total_amount":
			t.GrandTotal = s.looseAmount()
		default:
			s.skip()
		}
	}
}

// looseObject begins an object of which nothing is promised: any other value is passed over,
// and it returns false.
func (s *scanner) looseObject() bool {
	if s.peek() != '{' {
		s.skip()
		return false
	}
	return s.enter('{')
}

// looseAmount reads an amount beside the one that counts. One that cannot be passed on is none.
func (s *scanner) looseAmount() (a core.TextAmount) {
	if !s.looseObject() {
		return a
	}
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			break
		}
		switch string(key) {
		case "amount":
			a.Amount = s.loose()
		case "currency":
			a.Currency = s.loose()
		default:
			s.skip()
		}
	}
	amount, ok := decimal(a.Amount)
	if !ok || !isCurrency(a.Currency) {
		return core.TextAmount{}
	}
	a.Amount = amount
	return a
}

// truth reads true or false, also where they are a text; anything else is neither.
func (s *scanner) truth() core.Text {
	from := s.i
	switch s.peek() {
	case 't', 'f':
		s.skip()
		if s.err != nil {
			return nil
		}
		for s.b[from] != 't' && s.b[from] != 'f' {
			from++
		}
		return s.b[from:s.i:s.i]
	case '"':
		if t := s.str(); string(t) == "true" || string(t) == "false" {
			return t
		}
		return nil
	}
	s.skip()
	return nil
}
