package persona

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"kontor/corebank/ledger"
	"kontor/kit/day"
	"kontor/kit/money"
)

// due says whether m happens on d. A weekend moves it where m has a rule for that.
func (m monthly) due(d, today day.Day) bool {
	if m.special == nil {
		return m.dayOfMonth == d.DayOfMonth()
	}
	planned := d
	for n := range 3 {
		switch m.rule {
		case "following":
			planned = d.AddDays(-n)
		case "preceding":
			planned = d.AddDays(n)
		}
		if planned.DayOfMonth() == m.dayOfMonth {
			break
		}
	}
	return m.moved(planned) == d && m.planned(planned, today)
}

// planned says whether m is due on d, before a weekend moves it.
func (m monthly) planned(d, today day.Day) bool {
	start, end := m.period(today)
	return d.DayOfMonth() == m.dayOfMonth && !d.Before(start) && (end.IsZero() || !d.After(end)) &&
		(m.special == nil || len(m.months) == 0 || slices.Contains(m.months, int(d.Month())))
}

// moved is the day on which m happens that is planned for d.
func (m monthly) moved(d day.Day) day.Day {
	for m.special != nil && m.rule != "" && weekend(d) {
		if m.rule == "following" {
			d = d.AddDays(1)
		} else {
			d = d.AddDays(-1)
		}
	}
	return d
}

// next is the first planned day of which the history up to today knows nothing; zero: none.
func (m monthly) next(today day.Day) day.Day {
	const aYear = 366
	for d := today.AddDays(-3); !d.After(today.AddDays(aYear)); d = d.AddDays(1) {
		if m.planned(d, today) && m.moved(d).After(today) {
			return d
		}
	}
	return day.Day{}
}

func weekend(d day.Day) bool { return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday }

// period is from when until when m happens; a zero end is none.
func (m monthly) period(today day.Day) (start, end day.Day) {
	start = day.New(today.Year()-3, time.March, m.dayOfMonth)
	if m.special == nil {
		return start, end
	}
	on := func(months int) day.Day {
		d := monthsBefore(today, months)
		return day.New(d.Year(), d.Month(), m.dayOfMonth)
	}
	if m.since > 0 {
		start = on(m.since)
	}
	if m.until > 0 {
		end = on(-m.until)
	}
	return start, end
}

// words are those of m's entry.
func (m monthly) words(d day.Day, amount int64) ledger.Details {
	w := ledger.Details{Code: m.code, Text: fmt.Sprintf(m.text, monthLabel(d)),
		PartyName: m.party.Name, PartyIBAN: m.party.IBAN, EndToEnd: endToEnd(m.code, d, m.dayOfMonth)}
	w = w.With(ledger.Agent, AgentOf(m.party.IBAN))
	switch m.code {
	case codeSalary:
		w = w.With(ledger.Purpose, "SALA")
	case codeDebit:
		w = w.With(ledger.Mandate, fmt.Sprintf("MN-%08d", number(m.party.Name+m.text)%100_000_000)).With(ledger.CreditorID, creditorID(m.party))
	}
	if s := m.special; s != nil {
		w = w.With(ledger.Purpose, s.purpose)
		if s.reference {
			w = w.With(ledger.Structured, reference(fmt.Sprintf("%06d%d%02d", number(m.party.Name)%1_000_000, d.Year(), int(d.Month()))))
		}
		if amount < 0 {
			w = w.With(ledger.UltimateCreditor, s.ultimate)
		} else {
			w = w.With(ledger.UltimateDebtor, s.ultimate)
		}
	}
	return w
}

// An abroad is a card purchase in another currency, each month.
type abroad struct {
	dayOfMonth     int
	currency       string
	amount, spread int64 // minor units of currency
	rate           int64 // of currency to one euro, times 10,000
	text, merchant string
}

// markup is what the bank takes for the exchange: 1.5 %, in thousandths.
const markup = 15

// buy returns what the purchase costs in euro, the fee included.
func (a abroad) buy(d day.Day, luck *rand.Rand) (int64, ledger.Details) {
	original := a.amount + luck.Int64N(a.spread)
	rate := a.rate + luck.Int64N(120)
	euro := original * 10_000 / rate
	fee := euro * markup / 1000
	bought := d.AddDays(-2)
	w := atMerchant(ledger.Details{Code: codeCard, Text: a.text, PartyName: a.merchant}, bought, original)
	w = w.With(ledger.Original, ledger.Join(money.Amount{Minor: -original, Currency: a.currency}.String(), a.currency)).
		With(ledger.Exchange, ledger.Join("", rateText(rate), bought.String(), a.currency, "EUR", "EUR")).
		With(ledger.Markup, ledger.Join(money.Amount{Minor: fee, Currency: "EUR"}.String(), "1.5"))
	return euro + fee, w
}

func rateText(rate int64) string { return fmt.Sprintf("%d.%04d", rate/10_000, rate%10_000) }

// atMerchant adds to the words of a card's entry where and when it was bought.
func atMerchant(w ledger.Details, bought day.Day, amount int64) ledger.Details {
	m, known := merchantOf(w.PartyName)
	if !known {
		return w
	}
	at := bought.Start(time.UTC).Add(8*time.Hour + time.Duration(amount%(11*3600))*time.Second)
	return w.With(ledger.Bought, bought.String()).With(ledger.At, at.Format(time.RFC3339)).With(ledger.Category, m.category).
		With(ledger.Acceptor, ledger.Join(fmt.Sprintf("%015d", number(w.PartyName)%1_000_000_000_000), fmt.Sprintf("T%07d", number("terminal "+w.PartyName)%10_000_000),
			m.street, m.house, m.town, m.code, m.country, m.phone))
}

// An own is a standing order between two accounts of one customer.
type own struct {
	dayOfMonth, from, to int // the accounts by index
	amount               int64
	text                 string
}

// A batch is one order of many payments, booked as one entry.
type batch struct {
	dayOfMonth, account int
	code, text          string
	purpose             string
	structured          bool // each payment has an RF creditor reference instead of a text
	parts               []part
}

type part struct {
	party          Party
	amount, spread int64 // positive
	text           string
}

// order returns the sum of b's payments, negative, and the words that tell each of them.
func (b batch) order(d day.Day, luck *rand.Rand) (int64, ledger.Details) {
	w := ledger.Details{Code: b.code, Text: fmt.Sprintf(b.text, monthLabel(d)), EndToEnd: fmt.Sprintf("BATCH-%d%02d%02d", d.Year(), int(d.Month()), d.DayOfMonth())}
	sum := int64(0)
	for i, p := range b.parts {
		amount := p.amount + luck.Int64N(max(p.spread, 1))
		sum -= amount
		text, structured := fmt.Sprintf(p.text, monthLabel(d)), ""
		if b.structured {
			text, structured = "", reference(fmt.Sprintf("%d%02d%02d%03d", d.Year(), int(d.Month()), d.DayOfMonth(), i+1))
		}
		w = w.With(ledger.Part, ledger.Join(money.Amount{Minor: -amount, Currency: "EUR"}.String(), p.party.Name, p.party.IBAN,
			fmt.Sprintf("%s-%02d", w.EndToEnd, i+1), text, structured, b.purpose))
	}
	return sum, w
}

// An exchange turns money of one account into another currency, each month.
type exchange struct {
	dayOfMonth, from, to int // the accounts by index
	amount               int64
	rate                 int64 // times 10,000: how much of the second currency for one of the first
	text                 string
}

// trade tells both sides: each is booked against the bank's own money of that currency.
func (x exchange) trade(p Persona, d day.Day, luck *rand.Rand) []event {
	from, to := p.Accounts[x.from], p.Accounts[x.to]
	rate := x.rate + luck.Int64N(150)
	contract := fmt.Sprintf("FX-%d%02d%02d-%s%s", d.Year(), int(d.Month()), d.DayOfMonth(), from.Currency, to.Currency)
	w := ledger.Details{Code: codeExchange, Text: x.text + " " + from.Currency + "/" + to.Currency, PartyName: p.owner(to), PartyIBAN: to.IBAN}.
		With(ledger.Exchange, ledger.Join(contract, rateText(rate), d.String(), from.Currency, to.Currency, from.Currency))
	return []event{
		{day: d, currency: from.Currency, amount: x.amount, from: from.ID, to: ClearingID(from.Currency), fromText: w},
		{day: d, currency: to.Currency, amount: x.amount * rate / 10_000, from: ClearingID(to.Currency), to: to.ID, toText: w},
	}
}

// A cheque is paid in once.
type cheque struct {
	daysAgo int
	amount  int64
	number  string
	text    string
	drawer  string
}

// number makes a number of a name, the same each time.
func number(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// reference builds an ISO 11649 creditor reference with its check digits.
func reference(digits string) string { return fmt.Sprintf("RF%02d%s", 98-mod97(digits+"RF00"), digits) }

// creditorID builds the SEPA creditor identifier of a company: its country and national
// number carry the check digits, its own three letters do not.
func creditorID(p Party) string {
	country, width := "SI", 8
	switch {
	case strings.HasPrefix(p.IBAN, "DE"):
		country, width = "DE", 11
	case strings.HasPrefix(p.IBAN, "RO"):
		country, width = "RO", 13
	}
	national := fmt.Sprintf("%0*d", width, number(p.Name)%100_000_000)
	return fmt.Sprintf("%s%02dZZZ%s", country, 98-mod97(national+country+"00"), national)
}

// mod97 is the remainder that ISO 7064 takes of s, whose letters count from 10.
func mod97(s string) int {
	n := 0
	for _, c := range s {
		if c >= 'A' {
			n = (n*100 + int(c-'A') + 10) % 97
		} else {
			n = (n*10 + int(c-'0')) % 97
		}
	}
	return n
}

// AgentOf returns the BIC of the invented bank that keeps iban; "" when it is none of ours.
// A zero in eighth place marks a BIC that is never live.
func AgentOf(iban string) string {
	if len(iban) < 12 {
		return ""
	}
	switch iban[:2] {
	case "SI":
		return map[string]string{"01": "PRVASI20", "02": "LONBSI20", "03": "DRUGSI20", "06": "TRTJSI20"}[iban[4:6]]
	case "RO":
		return map[string]string{"RNCB": "CARPRO20", "BRDE": "MUNTRO20", "BTRL": "TRNSRO20", "KNTR": "SALNRO20"}[iban[4:8]]
	case "DE":
		return map[string]string{"70090100": "ISARDE20", "50050000": "MAINDE20", "76026000": "NORIDE20"}[iban[4:12]]
	}
	return ""
}
