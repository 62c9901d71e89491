package persona

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"kontor/corebank/ledger"
	"kontor/kit/day"
	"kontor/kit/money"
)

// months is how far the history reaches back: a year that can be compared, and the first
// month of the one before.
const months = 13

// ISO 20022 bank transaction codes of what happens here.
const (
	codeSalary       = "PMNT-RCDT-SALA"
	codeReceived     = "PMNT-RCDT-ESCT"
	codeSent         = "PMNT-ICDT-ESCT"
	codeStanding     = "PMNT-ICDT-STDO"
	codeDebit        = "PMNT-IDDT-ESDD"
	codeCard         = "PMNT-CCRD-POSD"
	codeCash         = "PMNT-CCRD-CWDL"
	codeSettled      = "PMNT-CCRD-SMRT"
	codeInterest     = "ACMT-MCOP-INTR"
	codeFee          = "ACMT-MDOP-CHRG"
	codeOpening      = "PMNT-RCDT-DMCT"
	codeExchange     = "PMNT-ICDT-BOOK"
	codePayroll      = "PMNT-ICDT-SALA"
	codeCheque       = "PMNT-RCHQ-CCHQ"
	codeTakings      = "PMNT-MCRD-POSP"
	codeLoanInterest = "LDAS-MGLN-INTR"
)

// A monthly thing happens on one day of each month; a frequent one about so often a week.
type monthly struct {
	dayOfMonth     int
	account        int   // index of Persona.Accounts
	amount, spread int64 // minor units; spread is added at random
	code, text     string
	party          Party
	*special       // nil: nothing special about it
}

// special is what only some monthly things have.
type special struct {
	months       []int  // 1 … 12, when it is not due in all of them
	rule         string // following, preceding: where a weekend moves it; "": it does not
	since, until int    // months before and after today; 0: long ago, without end
	reference    bool   // an RF creditor reference goes with it
	ultimate     string // who stands behind the other side
	purpose      string // ISO 20022 external purpose code
}

type frequent struct {
	account        int // index of Persona.Accounts; onCard for the card
	perWeek        float64
	amount, spread int64 // both positive: spent
	code           string
	texts          []string
	parties        []Party
}

const onCard = -1

// savingDay is when money is put aside.
const savingDay = 12

type life struct {
	opening []int64 // per account
	monthly []monthly
	often   []frequent
	saving  int64 // from the first account to the second on the 12th, 0: none
	// words of the bank in the customer's language
	savingText, settledText, interestText, feeText, openingText string
	feeMonthly                                                  int64
	pending                                                     []pending
	drainTo                                                     int64 // 0: not; else what the last day leaves on the first account
	drainText                                                   string
	abroad                                                      []abroad
	own                                                         []own
	batches                                                     []batch
	takings                                                     int64 // of a shop, each working day, on the first account
	takingsText                                                 string
	exchanges                                                   []exchange
	cheque                                                      *cheque
}

type pending struct {
	account int
	amount  int64
	text    string
	party   Party
}

// History returns what happened to personas up to and including today, in booking order,
// and what is pending. It is the same for the same day.
func History(personas []Persona, today day.Day) ([]ledger.Posting, []ledger.Hold) {
	var events []event
	var holds []ledger.Hold
	all := lives()
	for _, p := range personas {
		l, known := all[p.ID]
		if !known {
			continue
		}
		events = append(events, p.live(l, today)...)
		for i, w := range l.pending {
			id, currency := p.ledgerAccount(w.account)
			details := ledger.Details{Code: codeCard, PartyName: w.party.Name, PartyIBAN: w.party.IBAN, Text: w.text}
			if w.account == onCard {
				details = atMerchant(details, today, w.amount)
			}
			holds = append(holds, ledger.Hold{
				ID: fmt.Sprintf("seed-%s-%d", id, i), Account: id, Amount: money.Amount{Minor: w.amount, Currency: currency},
				At: noon(today), Value: today.AddDays(1 + i).String(), Details: details,
			})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.day.Start(time.UTC).Compare(b.day.Start(time.UTC)) })
	return daily(events), holds
}

// daily makes one posting of each day's events, as a night's clearing does: the bank's own
// accounts get one line a day, the customers one for each event.
func daily(events []event) []ledger.Posting {
	var postings []ledger.Posting
	own := map[string]int64{} // by account, of the posting that is open
	currencies := map[string]string{}
	flush := func() {
		if len(postings) == 0 {
			return
		}
		p := &postings[len(postings)-1]
		for _, id := range slices.Sorted(maps.Keys(own)) {
			if own[id] != 0 {
				p.Lines = append(p.Lines, ledger.Line{Account: id, Amount: money.Amount{Minor: own[id], Currency: currencies[id]}})
			}
		}
		clear(own)
	}
	for i, e := range events {
		date := e.day.Start(time.UTC).Format("20060102")
		if i == 0 || events[i-1].day != e.day {
			flush()
			postings = append(postings, ledger.Posting{ID: "seed-" + date, Booked: e.day, At: noon(e.day)})
		}
		p := &postings[len(postings)-1]
		line := func(account string, amount int64, d ledger.Details) {
			if account == ClearingID(e.currency) || account == IncomeID(e.currency) {
				own[account] += amount
				currencies[account] = e.currency
				return
			}
			d.Reference = fmt.Sprintf("%s%06d", date, i+1)
			p.Lines = append(p.Lines, ledger.Line{Account: account, Amount: money.Amount{Minor: amount, Currency: e.currency}, Details: d})
		}
		line(e.from, -e.amount, e.fromText)
		line(e.to, e.amount, e.toText)
	}
	flush()
	return postings
}

// An event is one movement between two accounts of the ledger, told from both sides.
type event struct {
	day      day.Day
	currency string
	amount   int64 // positive: from → to
	from, to string
	fromText ledger.Details
	toText   ledger.Details
}

func noon(d day.Day) time.Time { return d.Start(time.UTC).Add(12 * time.Hour) }

// live plays a persona's life day by day.
func (p Persona) live(l life, today day.Day) []event {
	h := fnv.New64a()
	h.Write([]byte(p.ID))
	rnd := rand.New(rand.NewPCG(h.Sum64(), 13))
	luck := rand.New(rand.NewPCG(h.Sum64(), 14)) // of what came later: the history told before stays
	first := monthsBefore(today, months)
	var events []event
	cardDebt := int64(0)
	add := func(d day.Day, account int, amount int64, details ledger.Details) {
		id, currency := p.ledgerAccount(account)
		e := event{day: d, currency: currency, amount: amount, from: ClearingID(currency), to: id, toText: details}
		if details.Code == codeInterest || details.Code == codeFee || details.Code == codeLoanInterest {
			e.from = IncomeID(currency)
		}
		if amount < 0 {
			e.amount, e.from, e.to, e.fromText, e.toText = -amount, e.to, e.from, details, ledger.Details{}
		}
		events = append(events, e)
	}
	between := func(d day.Day, amount int64, from, to, code, text string, fromParty, toParty Party) {
		events = append(events, event{day: d, currency: "EUR", amount: amount, from: from, to: to,
			fromText: ledger.Details{Code: code, Text: text, PartyName: toParty.Name, PartyIBAN: toParty.IBAN},
			toText:   ledger.Details{Code: code, Text: text, PartyName: fromParty.Name, PartyIBAN: fromParty.IBAN}})
	}
	for i, opening := range l.opening {
		if opening == 0 { // a joint account, whose life another persona tells
			continue
		}
		add(first, i, opening, ledger.Details{Code: codeOpening, Text: l.openingText, PartyName: p.Name})
	}
	for d := first.AddDays(1); !d.After(today); d = d.AddDays(1) {
		for _, m := range l.monthly {
			if !m.due(d, today) {
				continue
			}
			amount := m.amount
			if m.spread > 0 {
				amount += rnd.Int64N(m.spread)
			}
			add(d, m.account, amount, m.words(d, amount))
		}
		for _, f := range l.often {
			if rnd.Float64()*7 >= f.perWeek {
				continue
			}
			amount := f.amount + rnd.Int64N(f.spread)
			i := rnd.IntN(len(f.parties))
			if f.account == onCard {
				if cardDebt+amount > p.Card.Limit*8/10 {
					continue
				}
				cardDebt += amount
			}
			details := ledger.Details{Code: f.code, Text: f.texts[rnd.IntN(len(f.texts))], PartyName: f.parties[i].Name, PartyIBAN: f.parties[i].IBAN}
			if f.account == onCard {
				details = atMerchant(details, d.AddDays(-1), amount)
			}
			add(d, f.account, -amount, details)
		}
		for _, o := range l.abroad {
			if o.dayOfMonth != d.DayOfMonth() {
				continue
			}
			amount, details := o.buy(d, luck)
			if cardDebt+amount > p.Card.Limit*8/10 {
				continue
			}
			cardDebt += amount
			add(d, onCard, -amount, details)
		}
		current, savings := p.Accounts[0], p.Accounts[1]
		self := func(a Account) Party { return Party{p.owner(a), a.IBAN} }
		for _, o := range l.own {
			if o.dayOfMonth == d.DayOfMonth() {
				from, to := p.Accounts[o.from], p.Accounts[o.to]
				between(d, o.amount, from.ID, to.ID, codeStanding, o.text, self(from), self(to))
			}
		}
		for _, g := range l.batches {
			if g.dayOfMonth == d.DayOfMonth() {
				amount, details := g.order(d, luck)
				add(d, g.account, amount, details)
			}
		}
		for _, x := range l.exchanges {
			if x.dayOfMonth == d.DayOfMonth() {
				events = append(events, x.trade(p, d, luck)...)
			}
		}
		if weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday; l.takings > 0 && !weekend {
			add(d, 0, l.takings+luck.Int64N(l.takings/2), ledger.Details{Code: codeTakings, Text: l.takingsText + " " + d.String()})
		}
		if c := l.cheque; c != nil && d == today.AddDays(-c.daysAgo) {
			add(d, 0, c.amount, ledger.Details{Code: codeCheque, Text: c.text, PartyName: c.drawer}.With(ledger.Check, c.number))
		}
		if l.saving > 0 && d.DayOfMonth() == savingDay {
			between(d, l.saving, current.ID, savings.ID, codeStanding, l.savingText, self(current), self(savings))
		}
		if d.DayOfMonth() == 27 && cardDebt > 0 {
			between(d, cardDebt, current.ID, p.Card.ID, codeSettled, l.settledText+" "+p.Card.MaskedPAN, Party{Name: p.Name}, Party{Name: p.Card.Product})
			cardDebt = 0
		}
		if d.DayOfMonth() == 28 {
			if savings.Type == "SVGS" {
				add(d, 1, 112+rnd.Int64N(60), ledger.Details{Code: codeInterest, Text: l.interestText + " " + monthLabel(d)})
			}
			for i, a := range p.Accounts {
				if a.Type == "LOAN" && i < len(l.opening) && l.opening[i] != 0 {
					add(d, i, -(41000 + luck.Int64N(900)), ledger.Details{Code: codeLoanInterest, Text: l.interestText + " " + monthLabel(d)})
				}
			}
			if l.feeMonthly > 0 {
				add(d, 0, -l.feeMonthly, ledger.Details{Code: codeFee, Text: l.feeText + " " + monthLabel(d)})
			}
		}
	}
	p.fund(events, first)
	if l.drainTo > 0 {
		left := int64(0)
		for _, e := range events {
			switch p.Accounts[0].ID {
			case e.to:
				left += e.amount
			case e.from:
				left -= e.amount
			}
		}
		if left > l.drainTo {
			add(today, 0, l.drainTo-left, ledger.Details{Code: codeCash, Text: l.drainText})
		}
	}
	return events
}

// fund raises the opening amounts where a life would otherwise spend money before it is
// earned: the seeded books must pass the ledger like any others.
func (p Persona) fund(events []event, first day.Day) {
	for _, a := range p.Accounts {
		if a.Type == "LOAN" {
			continue
		}
		balance, lowest, opening := int64(0), int64(0), -1
		for i, e := range events {
			switch a.ID {
			case e.to:
				balance += e.amount
				if opening < 0 && e.day == first {
					opening = i
				}
			case e.from:
				balance -= e.amount
			}
			lowest = min(lowest, balance)
		}
		if lowest < 0 && opening >= 0 {
			events[opening].amount -= lowest
		}
	}
}

func (p Persona) ledgerAccount(i int) (id, currency string) {
	if i == onCard {
		return p.Card.ID, "EUR"
	}
	return p.Accounts[i].ID, p.Accounts[i].Currency
}

// owner is who an account of p belongs to.
func (p Persona) owner(a Account) string {
	if len(a.Owners) > 0 {
		return strings.Join(a.Owners, ", ")
	}
	return p.Name
}

func endToEnd(code string, d day.Day, n int) string {
	if code == codeSalary || code == codeStanding || code == codeDebit {
		return fmt.Sprintf("E2E-%d%02d-%02d", d.Year(), int(d.Month()), n)
	}
	return ""
}

func monthLabel(d day.Day) string { return fmt.Sprintf("%02d/%d", int(d.Month()), d.Year()) }

// monthsBefore goes back n months and stays within the shorter month.
func monthsBefore(d day.Day, n int) day.Day {
	first := time.Date(d.Year(), d.Month()-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return day.New(first.Year(), first.Month(), min(d.DayOfMonth(), last))
}
