package corebank

import (
	"strings"
	"testing"

	"kontor/connector/wire"
	"kontor/kit/day"
	"kontor/kit/money"
)

func TestPlan(t *testing.T) {
	today := day.New(2026, 11, 20)
	for _, c := range []struct {
		name string
		due  wire.PeriodicDue
		want string // the first days of execution, or the error
	}{
		{"every month, on the day it starts", wire.PeriodicDue{StartDate: "2026-12-15", Frequency: "Monthly"}, "2026-12-15 2027-01-15 2027-02-15 2027-03-15"},
		{"a day on a weekend moves to Monday", wire.PeriodicDue{StartDate: "2026-11-22", Frequency: "Monthly"}, "2026-11-23 2026-12-22 2027-01-22 2027-02-22"},
		{"or to Friday", wire.PeriodicDue{StartDate: "2026-11-22", Frequency: "Monthly", ExecutionRule: "preceding"}, "2026-11-20 2026-12-22 2027-01-22 2027-02-22"},
		{"the 31st is the last of every month", wire.PeriodicDue{StartDate: "2026-12-01", Frequency: "Monthly", DayOfExecution: "31", ExecutionRule: "preceding"}, "2026-12-31 2027-01-29 2027-02-26 2027-03-31"},
		{"a series that starts on the 31st is not stuck on the 28th", wire.PeriodicDue{StartDate: "2026-12-31", Frequency: "Monthly"}, "2026-12-31 2027-02-01 2027-03-01 2027-03-31"},
		{"the 29th of a leap year", wire.PeriodicDue{StartDate: "2027-11-18", Frequency: "Quarterly", DayOfExecution: "29"}, "2027-11-29 2028-02-29 2028-05-29 2028-08-29"},
		{"a day before the start is next month's", wire.PeriodicDue{StartDate: "2026-12-15", Frequency: "Monthly", DayOfExecution: "10"}, "2027-01-11 2027-02-10 2027-03-10 2027-04-12"},
		{"every day, business or not, is one instalment", wire.PeriodicDue{StartDate: "2026-11-20", Frequency: "Daily"}, "2026-11-20 2026-11-23 2026-11-23 2026-11-23"},
		{"every week", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "Weekly"}, "2026-11-24 2026-12-01 2026-12-08 2026-12-15"},
		{"every week on Friday", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "Weekly", DayOfExecution: "5"}, "2026-11-27 2026-12-04 2026-12-11 2026-12-18"},
		{"every two weeks", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "EveryTwoWeeks"}, "2026-11-24 2026-12-08 2026-12-22 2027-01-05"},
		{"every half year", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "SemiAnnual"}, "2026-11-24 2027-05-24 2027-11-24 2028-05-24"},
		{"every year", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "Annual"}, "2026-11-24 2027-11-24 2028-11-24 2029-11-26"},
		{"in March and September", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "MonthlyVariable", MonthsOfExecution: []wire.String{"9", "3"}, DayOfExecution: "1"}, "2027-03-01 2027-09-01 2028-03-01 2028-09-01"},
		{"the end counts whole", wire.PeriodicDue{StartDate: "2026-11-24", EndDate: "2027-01-24", Frequency: "Monthly"}, "2026-11-24 2026-12-24 2027-01-25"},
		{"no day between start and end", wire.PeriodicDue{StartDate: "2026-11-24", EndDate: "2026-11-30", Frequency: "Monthly", DayOfExecution: "10"}, errPlanEmpty.Error()},
		{"an end before the start", wire.PeriodicDue{StartDate: "2026-11-24", EndDate: "2026-11-23", Frequency: "Monthly"}, errPlanDates.Error()},
		{"a start that is over", wire.PeriodicDue{StartDate: "2026-11-19", Frequency: "Monthly"}, errPlanDates.Error()},
		{"a frequency nobody knows", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "Hourly"}, errPlanWords.Error()},
		{"a rule nobody knows", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "Monthly", ExecutionRule: "never"}, errPlanWords.Error()},
		{"day 32", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "Monthly", DayOfExecution: "32"}, errPlanWords.Error()},
		{"months without a frequency for them", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "Monthly", MonthsOfExecution: []wire.String{"3"}}, errPlanMonths.Error()},
		{"a month twice", wire.PeriodicDue{StartDate: "2026-11-24", Frequency: "MonthlyVariable", MonthsOfExecution: []wire.String{"3", "3"}}, errPlanMonths.Error()},
	} {
		p, err := readPlan(c.due, today)
		got := []string{}
		if err != nil {
			got = append(got, err.Error())
		} else {
			for due, ok := p.first(); ok && len(got) < 4; due, ok = p.after(due) {
				got = append(got, p.executed(due).String())
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", c.name, strings.Join(got, " "), c.want)
		}
	}
}

func TestExchange(t *testing.T) {
	for _, c := range []struct {
		amount money.Amount
		in     string
		want   int64
	}{
		{money.Amount{Minor: 10852, Currency: "USD"}, "EUR", 10000},
		{money.Amount{Minor: 10853, Currency: "USD"}, "EUR", 10001}, // rounded up: the payee gets all of it
		{money.Amount{Minor: 16384, Currency: "JPY"}, "EUR", 10000},
		{money.Amount{Minor: 40912, Currency: "BHD"}, "EUR", 10000},
		{money.Amount{Minor: 10000, Currency: "EUR"}, "RON", 49754},
		{money.Amount{Minor: 10852, Currency: "USD"}, "CHF", 9473},
	} {
		if got, ok := exchanged(c.amount, c.in); !ok || got.Minor != c.want || got.Currency != c.in {
			t.Errorf("%v is %v", c.amount, got)
		}
	}
	if _, ok := exchanged(money.Amount{Minor: 1, Currency: "XAF"}, "EUR"); ok {
		t.Error("a currency without a rate was exchanged")
	}
}
