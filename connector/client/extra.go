package client

import (
	"bytes"
	"strconv"

	"kontor/bank/core"
)

// Nothing in the extras is promised, so nothing in them stops an answer but broken JSON:
// a value that cannot be passed on is none. Batches are the exception. Their entries are
// payments of the PSU, told in the words of the protocol, and held to them.

const (
	// batchMax is how many payments of one batch are told one by one; a larger batch is told
	// without them.
	batchMax = 10_000
	// batchDepthMax is how deep batches stand within batches.
	batchDepthMax = 3
)

// extra reads the less usual members of a transaction.
func (s *scanner) extra(t *core.Transaction) {
	t.EntryReference, t.MandateID, t.CheckID, t.CreditorID, t.UltimateCreditor, t.UltimateDebtor = nil, nil, nil, nil, nil, nil
	t.PurposeCode, t.BankTransactionCode, t.ProprietaryCode, t.AdditionalInformation = nil, nil, nil, nil
	t.CreditorAgent, t.DebtorAgent, t.Batch, t.BatchCount, t.Entries = nil, nil, false, nil, t.Entries[:0]
	t.BalanceAfter, t.Standing = core.TextBalance{}, nil
	if !s.looseObject() {
		return
	}
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			break
		}
		switch string(key) {
		case "entry_reference":
			t.EntryReference = s.loose()
		case "mandate_id":
			t.MandateID = s.loose()
		case "check_id":
			t.CheckID = s.loose()
		case "creditor_id":
			t.CreditorID = s.loose()
		case "ultimate_creditor":
			t.UltimateCreditor = s.loose()
		case "ultimate_debtor":
			t.UltimateDebtor = s.loose()
		case "purpose_code":
			t.PurposeCode = s.loose()
		case "bank_transaction_code":
			t.BankTransactionCode = s.loose()
		case "proprietary_bank_transaction_code":
			t.ProprietaryCode = s.loose()
		case "additional_information":
			t.AdditionalInformation = s.loose()
		case "creditor_agent":
			t.CreditorAgent = bic(s.loose())
		case "debtor_agent":
			t.DebtorAgent = bic(s.loose())
		case "balance_after_transaction":
			t.BalanceAfter = s.balance()
		case "batch_indicator":
			t.Batch = string(s.truth()) == "true"
		case "batch_number_of_transactions":
			t.BatchCount = s.whole()
		case "entry_details":
			t.Entries = s.batch(t.Entries)
		case "standing_order":
			t.Standing = s.standing()
		default:
			s.skip()
		}
	}
}

// batch reads the payments of a batch into all, of which only the room is kept.
func (s *scanner) batch(all []core.Transaction) []core.Transaction {
	all = all[:0]
	if s.peek() != '[' || s.batches == batchDepthMax {
		s.skip()
		return all
	}
	s.batches++
	defer func() { s.batches-- }()
	s.enter('[')
	tooMany := false
	for first := true; s.more(first); first = false {
		if tooMany = tooMany || len(all) == batchMax; tooMany || s.peek() != '{' {
			s.skip()
			continue
		}
		if len(all) < cap(all) {
			all = all[:len(all)+1]
		} else {
			all = append(all, core.Transaction{})
		}
		t := &all[len(all)-1]
		if s.members(t); s.err != nil {
			break
		}
		if t.Amount == nil && t.Currency == nil { // somebody else's word for something else
			all = all[:len(all)-1]
			continue
		}
		t.Amount = s.amount(t.Amount, t.Currency)
	}
	if tooMany {
		return all[:0]
	}
	return all
}

// balance reads what an account holds after an entry, flat or nested as cards have it.
func (s *scanner) balance() (b core.TextBalance) {
	if !s.looseObject() {
		return b
	}
	var flat, nested core.TextAmount
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			break
		}
		switch string(key) {
		case "type", "balance_type":
			b.Type = s.loose()
		case "amount":
			flat.Amount = s.loose()
		case "currency":
			flat.Currency = s.loose()
		case "balance_amount":
			nested = s.looseAmount()
		case "reference_date":
			b.ReferenceDate = s.looseDate()
		default:
			s.skip()
		}
	}
	amount := nested
	if amount.Amount == nil {
		amount = usable(flat)
	}
	if len(b.Type) == 0 || amount.Amount == nil {
		return core.TextBalance{}
	}
	b.Amount, b.Currency = amount.Amount, amount.Currency
	return b
}

// standing reads when a standing order is executed; nil when that is not told.
func (s *scanner) standing() *core.StandingOrder {
	if !s.looseObject() {
		return nil
	}
	o := &core.StandingOrder{}
	for first := true; s.err == nil; first = false {
		key := s.key(first)
		if key == nil {
			break
		}
		switch string(key) {
		case "start_date":
			o.StartDate = s.looseDate()
		case "end_date":
			o.EndDate = s.looseDate()
		case "frequency":
			o.Frequency = oneOf(s.loose(), "Daily", "Weekly", "EveryTwoWeeks", "Monthly", "EveryTwoMonths", "Quarterly", "SemiAnnual", "Annual", "MonthlyVariable")
		case "execution_rule":
			o.ExecutionRule = oneOf(s.loose(), "following", "preceding")
		case "within_a_month_flag":
			o.WithinAMonth = s.truth()
		case "months_of_execution":
			o.Months = s.months()
		case "multiplicator":
			o.Multiplicator = s.whole()
		case "day_of_execution":
			o.DayOfExecution = within(s.whole(), 1, 31)
		case "limit_amount":
			limit := s.looseAmount()
			o.LimitAmount, o.LimitCurrency = limit.Amount, limit.Currency
		default:
			s.skip()
		}
	}
	if o.StartDate == nil || o.Frequency == nil {
		return nil
	}
	return o
}

func (s *scanner) months() (all []core.Text) {
	const year = 12
	if s.peek() != '[' {
		s.skip()
		return nil
	}
	s.enter('[')
	for first := true; s.more(first); first = false {
		if m := within(s.whole(), 1, year); m != nil && len(all) < year {
			all = append(all, m)
		}
	}
	return all
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
	return usable(a)
}

func usable(a core.TextAmount) core.TextAmount {
	amount, ok := decimal(a.Amount)
	if !ok || !isCurrency(a.Currency) {
		return core.TextAmount{}
	}
	return core.TextAmount{Amount: amount, Currency: a.Currency}
}

// loose is text for members of which nothing is promised: other values are none.
func (s *scanner) loose() core.Text {
	if c := s.peek(); c == '"' || c == '-' || c >= '0' && c <= '9' {
		return s.text()
	}
	s.skip()
	return nil
}

// looseDate is date for such members.
func (s *scanner) looseDate() core.Text {
	date, _ := parseDate(s.loose())
	return date
}

// whole reads a number of something, without zeros before it; anything else is none.
func (s *scanner) whole() core.Text {
	const longest = 9
	t := s.loose()
	if digits(t) < 0 {
		return nil
	}
	for len(t) > 1 && t[0] == '0' {
		t = t[1:]
	}
	if len(t) == 0 || len(t) > longest {
		return nil
	}
	return t
}

// within returns whole number t when it is from least to most.
func within(t core.Text, least, most int) core.Text {
	if n, err := strconv.Atoi(string(t)); err != nil || n < least || n > most {
		return nil
	}
	return t
}

// truth reads true or false, also where they are a text; anything else is neither.
func (s *scanner) truth() core.Text {
	switch c := s.peek(); c {
	case 't', 'f':
		from := s.i
		if s.skip(); s.err != nil {
			return nil
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

// oneOf returns the word that t is, however it was capitalised.
func oneOf(t core.Text, words ...string) core.Text {
	for _, w := range words {
		if len(t) == len(w) && bytes.EqualFold(t, []byte(w)) {
			return core.Text(w)
		}
	}
	return nil
}

// bic returns t when it can be the BIC of a bank.
func bic(t core.Text) core.Text {
	const short, long, letters = 8, 11, 6
	if len(t) != short && len(t) != long {
		return nil
	}
	for i, c := range t {
		if !capital(c) && (i < letters || c < '0' || c > '9') {
			return nil
		}
	}
	return t
}
