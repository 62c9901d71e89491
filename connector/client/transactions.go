package client

import (
	"bytes"
	"errors"

	"kontor/bank/core"
)

var (
	errDate     = errors.New("a date is in no known form")
	errStatus   = errors.New("status is neither booked nor pending")
	errStanding = errors.New("a standing order does not say when it is executed")
)

// entry reads one entry of an account's report into t.
func (s *scanner) entry(t *core.Transaction) {
	status := s.transaction(t)
	t.Pending = s.pending(status)
}

// standingOrder reads one standing order into t. It has no status.
func (s *scanner) standingOrder(t *core.Transaction) {
	s.transaction(t)
	if s.err == nil && t.Standing == nil {
		s.fail(errStanding)
	}
}

// pending says what status means.
func (s *scanner) pending(status core.Text) bool {
	switch {
	case s.err != nil || string(status) == "booked":
	case string(status) == "pending":
		return true
	case bytes.EqualFold(status, []byte("booked")):
	case bytes.EqualFold(status, []byte("pending")):
		return true
	default:
		s.fail(errStatus)
	}
	return false
}

// transaction reads what entries and standing orders have in common into t and returns the
// status.
func (s *scanner) transaction(t *core.Transaction) (status core.Text) {
	status = s.members(t)
	if s.err == nil {
		t.Amount = s.amount(t.Amount, t.Currency)
	}
	return status
}

// members reads a transaction into t, of which only the room for lists is kept.
func (s *scanner) members(t *core.Transaction) (status core.Text) {
	*t = core.Transaction{Exchange: t.Exchange[:0], Entries: t.Entries[:0]}
	if !s.enter('{') {
		return nil
	}
	var creditorBIC, debtorBIC core.Text
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
		case "value_date":
			t.ValueDate = s.date()
		case "booking_date":
			t.BookingDate = s.date()
		case "end_to_end_id":
			t.EndToEndID = s.text()
		case "creditor_details":
			s.party(&t.CreditorName, &t.CreditorAccount, &creditorBIC)
		case "debtor_details":
			s.party(&t.DebtorName, &t.DebtorAccount, &debtorBIC)
		case "remittance_information":
			s.remittance(t)
		case "currency_exchange":
			t.Exchange = s.exchanges(t.Exchange)
		case "extra":
			s.extra(t)
		default:
			s.skip()
		}
	}
	// What the extras say of an agent is meant for it; an account may name it by the way.
	if t.CreditorAgent == nil {
		t.CreditorAgent = bic(creditorBIC)
	}
	if t.DebtorAgent == nil {
		t.DebtorAgent = bic(debtorBIC)
	}
	return status
}

// amount checks an amount that must be there and its currency.
func (s *scanner) amount(amount, currency core.Text) core.Text {
	if !isCurrency(currency) {
		s.fail(errCurrency)
	}
	amount, ok := decimal(amount)
	if !ok {
		s.fail(errAmount)
	}
	return amount
}

func (s *scanner) party(name *core.Text, account *core.TextAccount, agent *core.Text) {
	*name, *account, *agent = nil, core.TextAccount{}, nil
	if !s.object() {
		return
	}
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			return
		}
		switch string(key) {
		case "name":
			*name = s.text()
		case "account":
			*agent = s.account(account)
		default:
			s.skip()
		}
	}
}

// account reads an account into a and returns the BIC of the bank that keeps it.
func (s *scanner) account(a *core.TextAccount) (agent core.Text) {
	*a = core.TextAccount{}
	if !s.object() {
		return nil
	}
	var own, swift core.Text
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			break
		}
		switch string(key) {
		case "iban":
			a.IBAN = s.text()
		case "bban":
			a.BBAN = s.text()
		case "pan":
			a.PAN = s.text()
		case "masked_pan":
			a.MaskedPAN = s.text()
		case "msisdn":
			a.MSISDN = s.text()
		case "currency", "currency_code": // the second is what a known connector sends
			a.Currency = s.text()
		case "bic":
			agent = s.loose()
		case "swift_code":
			swift = s.loose()
		case "bank_account_identifier":
			own = s.loose()
		default:
			s.skip()
		}
	}
	if len(a.IBAN) == 0 && len(a.BBAN) == 0 {
		a.BBAN = own // as in accounts
	}
	if len(agent) == 0 {
		agent = swift
	}
	return agent
}

func (s *scanner) remittance(t *core.Transaction) {
	t.RemittanceStructured, t.Remittance = nil, nil
	if !s.object() {
		return
	}
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			return
		}
		switch string(key) {
		case "structured":
			t.RemittanceStructured = s.text()
		case "unstructured":
			t.Remittance = s.text()
		default:
			s.skip()
		}
	}
}

// exchanges reads a list into all, of which only the room is kept.
func (s *scanner) exchanges(all []core.TextExchange) []core.TextExchange {
	all = all[:0]
	if !s.array() {
		return all
	}
	for first := true; s.more(first); first = false {
		var x core.TextExchange
		s.exchange(&x)
		if s.err != nil {
			return all
		}
		all = append(all, x)
	}
	return all
}

func (s *scanner) exchange(x *core.TextExchange) {
	if !s.enter('{') {
		return
	}
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			return
		}
		switch string(key) {
		case "contract_identification":
			x.ContractID = s.text()
		case "exchange_rate":
			x.Rate = s.text()
		case "quotation_date":
			x.QuotationDate = s.date()
		case "source_currency":
			x.SourceCurrency = s.text()
		case "target_currency":
			x.TargetCurrency = s.text()
		case "unit_currency":
			x.UnitCurrency = s.text()
		default:
			s.skip()
		}
	}
}

// date reads a date in any known form and returns it as YYYY-MM-DD.
func (s *scanner) date() core.Text {
	t := s.text()
	if len(t) == 0 {
		return nil
	}
	date, ok := parseDate(t)
	if !ok {
		s.fail(errDate)
	}
	return date
}

// parseDate takes YYYY-MM-DD, DD-MM-YYYY, and either with a time behind it. The second is
// turned into the first where it lies: both have ten bytes.
func parseDate(b []byte) ([]byte, bool) {
	const length = 10
	if len(b) < length || len(b) > length && b[length] != 'T' && b[length] != ' ' {
		return nil, false
	}
	b = b[:length:length]
	if b[2] == '-' && b[5] == '-' {
		d := [length]byte(b)
		copy(b[0:4], d[6:10])
		b[4], b[7] = '-', '-'
		b[5], b[6] = d[3], d[4]
		b[8], b[9] = d[0], d[1]
	}
	year, month, dayOfMonth := digits(b[0:4]), digits(b[5:7]), digits(b[8:10])
	if b[4] != '-' || b[7] != '-' || year < 0 || month < 1 || month > 12 || dayOfMonth < 1 || dayOfMonth > daysIn(year, month) {
		return nil, false
	}
	return b, true
}

func digits(b []byte) (n int) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// decimal checks an amount as Berlin Group wants it: up to 14 digits before the point and 3
// behind it. Zeros beyond are cut off, and so is the sign of nothing.
func decimal(b core.Text) (core.Text, bool) {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	from, zero := i, true
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		zero = zero && b[i] == '0'
	}
	if n := i - from; n < 1 || n > 14 {
		return nil, false
	}
	if i < len(b) {
		if b[i] != '.' || i+1 == len(b) {
			return nil, false
		}
		point := i
		for i++; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
			zero = zero && b[i] == '0'
		}
		if i != len(b) {
			return nil, false
		}
		for len(b)-point-1 > 3 && b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
		if len(b)-point-1 > 3 {
			return nil, false
		}
	}
	if zero && b[0] == '-' {
		b = b[1:]
	}
	return b, true
}

func isCurrency(b core.Text) bool {
	return len(b) == 3 && capital(b[0]) && capital(b[1]) && capital(b[2])
}

func capital(c byte) bool { return c >= 'A' && c <= 'Z' }
