package persona

import (
	"fmt"
	"strconv"
	"strings"

	"kontor/corebank/ledger"
	"kontor/kit/day"
	"kontor/kit/money"
)

// An Order is a standing order, as the history shows it executed.
type Order struct {
	ID        string
	Account   string // that is debited
	Amount    money.Amount
	Start     day.Day
	End       day.Day // zero: none
	Next      day.Day // the first due day that History does not show executed; zero: none
	Frequency string  // Monthly, MonthlyVariable
	Rule      string  // following, preceding or ""
	Months    string  // 3,6,9,12 where the frequency is MonthlyVariable
	Day       int     // of the month
	ledger.Details
}

// Orders returns the standing orders that personas have on today. Each has its entries in
// History, on its days and with its amount.
func Orders(personas []Persona, today day.Day) []Order {
	var all []Order
	told := lives()
	for _, p := range personas {
		l := told[p.ID]
		n := 0
		add := func(account int, amount int64, m monthly, d ledger.Details) {
			n++
			o := Order{ID: fmt.Sprintf("so-%s-%d", p.ID, n), Account: p.Accounts[account].ID, Amount: money.Amount{Minor: amount, Currency: p.Accounts[account].Currency},
				Frequency: "Monthly", Day: m.dayOfMonth, Details: d}
			o.Start, o.End = m.period(today)
			if m.special != nil {
				o.Rule = m.rule
				if len(m.months) > 0 {
					o.Frequency, o.Months = "MonthlyVariable", list(m.months)
				}
			}
			o.Next = m.next(today)
			all = append(all, o)
		}
		for _, m := range l.monthly {
			if m.code == codeStanding {
				d := ledger.Details{Code: m.code, Text: strings.TrimSpace(strings.ReplaceAll(m.text, "%s", "")), PartyName: m.party.Name, PartyIBAN: m.party.IBAN}
				add(m.account, m.amount, m, d.With(ledger.Agent, AgentOf(m.party.IBAN)))
			}
		}
		transfers := l.own
		if l.saving > 0 {
			transfers = append([]own{{savingDay, 0, 1, l.saving, l.savingText}}, transfers...)
		}
		for _, o := range transfers {
			to := p.Accounts[o.to]
			add(o.from, -o.amount, monthly{dayOfMonth: o.dayOfMonth}, ledger.Details{Code: codeStanding, Text: o.text, PartyName: p.owner(to), PartyIBAN: to.IBAN})
		}
	}
	return all
}

func list(months []int) string {
	texts := make([]string, len(months))
	for i, m := range months {
		texts[i] = strconv.Itoa(m)
	}
	return strings.Join(texts, ",")
}
