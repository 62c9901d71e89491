package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"kontor/bank/core"
)

type members map[string]json.RawMessage

// reference reads a page by encoding/json, slowly and from its own idea of the rules.
func reference(body []byte) (all []core.Transaction, next string, ok bool) {
	defer func() {
		if p := recover(); p == errReference {
			all, next, ok = nil, "", false
		} else if p != nil {
			panic(p)
		}
	}()
	if !utf8.Valid(body) || !json.Valid(body) || depth(body) > depthMax || dataCount(body) != 1 {
		return nil, "", false
	}
	top := object(body)
	var list []json.RawMessage
	must(json.Unmarshal(top["data"], &list) == nil)
	for _, raw := range list {
		must(string(raw) != "null")
		m := object(raw)
		e := referenceTransaction(m, 0)
		status := strings.ToLower(string(text(m["status"])))
		must(status == "booked" || status == "pending")
		e.Pending = status == "pending"
		e.Amount = referenceAmount(e.Amount, e.Currency)
		all = append(all, e)
	}
	if raw := top["meta"]; raw != nil {
		if cursor := text(object(raw)["next_id"]); cursor != nil {
			must(json.Unmarshal(append(append([]byte{'"'}, cursor...), '"'), &next) == nil)
		}
	}
	return all, next, true
}

// referenceTransaction reads m, which stands in so many batches.
func referenceTransaction(m members, batches int) core.Transaction {
	extra := members{}
	if raw := m["extra"]; raw != nil && raw[0] == '{' {
		extra = object(raw)
	}
	loose := func(name string) core.Text {
		if raw := extra[name]; raw != nil && strings.IndexByte("\"-0123456789", raw[0]) >= 0 {
			return text(raw)
		}
		return nil
	}
	remittance := object(m["remittance_information"])
	e := core.Transaction{
		ID: text(m["id"]), Amount: text(m["amount"]), Currency: text(m["currency"]), BookingDate: date(m["booking_date"]), ValueDate: date(m["value_date"]),
		EndToEndID: text(m["end_to_end_id"]), RemittanceStructured: text(remittance["structured"]), Remittance: text(remittance["unstructured"]),
		EntryReference: loose("entry_reference"), MandateID: loose("mandate_id"), CheckID: loose("check_id"), CreditorID: loose("creditor_id"),
		UltimateCreditor: loose("ultimate_creditor"), UltimateDebtor: loose("ultimate_debtor"), PurposeCode: loose("purpose_code"),
		BankTransactionCode: loose("bank_transaction_code"), ProprietaryCode: loose("proprietary_bank_transaction_code"), AdditionalInformation: loose("additional_information"),
	}
	party := func(name string) (core.Text, core.TextAccount, core.Text) {
		m := object(m[name])
		a := object(m["account"])
		t := core.TextAccount{IBAN: text(a["iban"]), BBAN: text(a["bban"]), PAN: text(a["pan"]), MaskedPAN: text(a["masked_pan"]), MSISDN: text(a["msisdn"]), Currency: text(a["currency"])}
		if c, has := a["currency_code"]; has {
			must(a["currency"] == nil) // which of both came last cannot be seen here
			t.Currency = text(c)
		}
		loosely := func(name string) core.Text {
			if raw := a[name]; raw != nil && strings.IndexByte("\"-0123456789", raw[0]) >= 0 {
				return text(raw)
			}
			return nil
		}
		if t.IBAN == nil && t.BBAN == nil {
			t.BBAN = loosely("bank_account_identifier")
		}
		agent := loosely("bic")
		if agent == nil {
			agent = loosely("swift_code")
		}
		return text(m["name"]), t, agent
	}
	e.CreditorName, e.CreditorAccount, e.CreditorAgent = party("creditor_details")
	e.DebtorName, e.DebtorAccount, e.DebtorAgent = party("debtor_details")
	var exchanges []json.RawMessage
	if raw := m["currency_exchange"]; raw != nil {
		must(json.Unmarshal(raw, &exchanges) == nil)
	}
	for _, raw := range exchanges {
		must(string(raw) != "null")
		x := object(raw)
		e.Exchange = append(e.Exchange, core.TextExchange{
			ContractID: text(x["contract_identification"]), Rate: text(x["exchange_rate"]), QuotationDate: date(x["quotation_date"]),
			SourceCurrency: text(x["source_currency"]), TargetCurrency: text(x["target_currency"]), UnitCurrency: text(x["unit_currency"]),
		})
	}
	referenceExtras(&e, extra, batches)
	return e
}

func referenceAmount(amount, currency core.Text) core.Text {
	must(regexp.MustCompile(`^[A-Z]{3}$`).Match(currency))
	checked := plainAmount(amount)
	must(checked != nil)
	return checked
}

// plainAmount returns an amount without what it may carry too much, nil when it is none.
func plainAmount(amount core.Text) core.Text {
	found := regexp.MustCompile(`^(-?\d{1,14}(?:\.\d{1,3})?)0*$`).FindSubmatch(amount)
	if found == nil {
		return nil
	}
	plain := found[1]
	if regexp.MustCompile(`^\d{15}`).Match(bytes.TrimPrefix(plain, []byte("-"))) || bytes.IndexByte(plain, '.') < 0 && len(found[0]) != len(plain) {
		return nil
	}
	if regexp.MustCompile(`^-[0.]+$`).Match(plain) {
		plain = plain[1:]
	}
	return plain
}

func referenceExtras(e *core.Transaction, extra members, batches int) {
	loose := func(m members, name string) core.Text {
		if raw := m[name]; raw != nil && strings.IndexByte("\"-0123456789", raw[0]) >= 0 {
			return text(raw)
		}
		return nil
	}
	matching := func(t core.Text, pattern string) core.Text {
		if !regexp.MustCompile(`^(?:` + pattern + `)$`).Match(t) {
			return nil
		}
		return t
	}
	isObject := func(raw json.RawMessage) members {
		if raw == nil || raw[0] != '{' {
			return nil
		}
		return object(raw)
	}
	looseDate := func(m members, name string) (d core.Text) {
		defer func() { recover() }()
		t := loose(m, name)
		if t == nil {
			return nil
		}
		return date(json.RawMessage(append(append([]byte{'"'}, t...), '"')))
	}
	amount := func(m members) core.TextAmount {
		a := core.TextAmount{Amount: plainAmount(loose(m, "amount")), Currency: matching(loose(m, "currency"), "[A-Z]{3}")}
		if a.Amount == nil || a.Currency == nil {
			return core.TextAmount{}
		}
		return a
	}
	truth := func(m members, name string) core.Text {
		return matching(core.Text(bytes.Trim(m[name], `"`)), "true|false")
	}
	whole := func(raw json.RawMessage) core.Text {
		t := matching(loose(members{"": raw}, ""), `\d+`)
		if t != nil {
			if t = bytes.TrimLeft(t, "0"); len(t) == 0 {
				t = core.Text("0")
			}
		}
		return matching(t, `\d{1,9}`)
	}
	word := func(t core.Text, words string) core.Text {
		for w := range strings.SplitSeq(words, "|") {
			if strings.EqualFold(string(t), w) && len(t) == len(w) {
				return core.Text(w)
			}
		}
		return nil
	}
	const bicPattern = `[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?`
	if t := matching(loose(extra, "creditor_agent"), bicPattern); t != nil {
		e.CreditorAgent = t
	}
	if t := matching(loose(extra, "debtor_agent"), bicPattern); t != nil {
		e.DebtorAgent = t
	}
	e.CreditorAgent, e.DebtorAgent = matching(e.CreditorAgent, bicPattern), matching(e.DebtorAgent, bicPattern)
	e.Batch = string(truth(extra, "batch_indicator")) == "true"
	e.BatchCount = whole(extra["batch_number_of_transactions"])
	if b := isObject(extra["balance_after_transaction"]); b != nil {
		_, other := b["balance_type"]
		must(!other || b["type"] == nil) // which of both came last cannot be seen here
		a := amount(isObject(b["balance_amount"]))
		if a.Amount == nil {
			a = amount(b)
		}
		kind := loose(b, "type")
		if other {
			kind = loose(b, "balance_type")
		}
		if len(kind) > 0 && a.Amount != nil {
			e.BalanceAfter = core.TextBalance{Type: kind, Amount: a.Amount, Currency: a.Currency, ReferenceDate: looseDate(b, "reference_date")}
		}
	}
	if raw := extra["entry_details"]; raw != nil && raw[0] == '[' && batches < batchDepthMax {
		var list []json.RawMessage
		must(json.Unmarshal(raw, &list) == nil)
		for _, raw := range list {
			m := isObject(raw)
			if m == nil {
				continue
			}
			one := referenceTransaction(m, batches+1)
			if quoted(m["amount"]) || quoted(m["currency"]) {
				one.Amount = referenceAmount(one.Amount, one.Currency)
				e.Entries = append(e.Entries, one)
			}
		}
	}
	if o := isObject(extra["standing_order"]); o != nil {
		s := &core.StandingOrder{
			StartDate: looseDate(o, "start_date"), EndDate: looseDate(o, "end_date"),
			Frequency:     word(loose(o, "frequency"), "Daily|Weekly|EveryTwoWeeks|Monthly|EveryTwoMonths|Quarterly|SemiAnnual|Annual|MonthlyVariable"),
			ExecutionRule: word(loose(o, "execution_rule"), "following|preceding"), WithinAMonth: truth(o, "within_a_month_flag"),
			Multiplicator: whole(o["multiplicator"]), DayOfExecution: matching(whole(o["day_of_execution"]), `[1-9]|[12]\d|3[01]`),
		}
		limit := amount(isObject(o["limit_amount"]))
		s.LimitAmount, s.LimitCurrency = limit.Amount, limit.Currency
		if raw := o["months_of_execution"]; raw != nil && raw[0] == '[' {
			var list []json.RawMessage
			must(json.Unmarshal(raw, &list) == nil)
			for _, raw := range list {
				if m := matching(whole(raw), "[1-9]|1[0-2]"); m != nil && len(s.Months) < 12 {
					s.Months = append(s.Months, m)
				}
			}
		}
		if s.StartDate != nil && s.Frequency != nil {
			e.Standing = s
		}
	}
}

// quoted says whether raw is there as a text or number.
func quoted(raw json.RawMessage) bool { return raw != nil && string(raw) != "null" }

var errReference = errors.New("refused")

func must(ok bool) {
	if !ok {
		panic(errReference)
	}
}

func object(raw json.RawMessage) members {
	if raw == nil {
		return nil
	}
	var m members
	must(json.Unmarshal(raw, &m) == nil)
	return m
}

// text returns the inside of a string or a number as it stands.
func text(raw json.RawMessage) core.Text {
	switch {
	case raw == nil || string(raw) == "null":
		return nil
	case raw[0] == '"':
		if len(raw) == 2 {
			return nil
		}
		return core.Text(raw[1 : len(raw)-1])
	}
	must(raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
	return core.Text(raw)
}

func date(raw json.RawMessage) core.Text {
	t := text(raw)
	if t == nil {
		return nil
	}
	ymd := regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)(?:[T ]|$)`).FindSubmatch(t)
	if dmy := regexp.MustCompile(`^(\d\d)-(\d\d)-(\d{4})(?:[T ]|$)`).FindSubmatch(t); dmy != nil {
		ymd = [][]byte{nil, dmy[3], dmy[2], dmy[1]}
	}
	must(ymd != nil)
	s := string(ymd[1]) + "-" + string(ymd[2]) + "-" + string(ymd[3])
	must(dayOf(s))
	return core.Text(s)
}

// depth is how deep body nests.
func depth(body []byte) (deepest int) {
	n, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			n++
			deepest = max(deepest, n)
		case c == '}' || c == ']':
			n--
		}
	}
	return deepest
}

// dataCount is how often the member "data" stands at the top.
func dataCount(body []byte) (n int) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, _ := dec.Token(); open != json.Delim('{') {
		return 0
	}
	for dec.More() {
		name, err := dec.Token()
		must(err == nil)
		if name == "data" {
			n++
		}
		var skipped json.RawMessage
		must(dec.Decode(&skipped) == nil)
	}
	return n
}

func dayOf(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
