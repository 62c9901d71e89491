package payment

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/kit/day"
)

func seriesRequest() Request {
	r := request()
	r.Service, r.Periodic = Periodic, &core.Periodic{StartDate: today, Frequency: "Monthly", DayOfExecution: "31"}
	return r
}

func TestSeriesRules(t *testing.T) {
	in := func(change func(*core.Periodic)) func(*profile.Bank, *Request) {
		return func(_ *profile.Bank, r *Request) { change(r.Periodic) }
	}
	checkRules(t, seriesRequest, []ruleCase{
		{"each month on its last day, from today on", in(func(*core.Periodic) {}), nil, ""},
		{"no series", func(_ *profile.Bank, r *Request) { r.Periodic = nil }, ErrRequest, "startDate"},
		{"no start", in(func(s *core.Periodic) { s.StartDate = day.Day{} }), ErrRequest, "startDate"},
		{"a start that is over", in(func(s *core.Periodic) { s.StartDate = today.AddDays(-1) }), ErrExecutionDate, ""},
		{"a start in two years", in(func(s *core.Periodic) { s.StartDate = today.AddDays(730) }), ErrExecutionDate, ""},
		{"a date of a single payment", func(_ *profile.Bank, r *Request) { r.Order.RequestedExecutionDate = today }, ErrRequest, "requestedExecutionDate"},
		{"an end before the start", in(func(s *core.Periodic) { s.EndDate = today.AddDays(-1) }), ErrPeriod, ""},
		{"an end before the first payment", in(func(s *core.Periodic) { s.EndDate = today.AddDays(3) }), ErrPeriod, ""},
		{"an end on the day of the first payment", in(func(s *core.Periodic) { s.EndDate = day.New(2026, time.March, 31) }), nil, ""},
		{"no frequency", in(func(s *core.Periodic) { s.Frequency = "" }), ErrRequest, "frequency"},
		{"a frequency in small letters", in(func(s *core.Periodic) { s.Frequency = "monthly" }), ErrRequest, "frequency"},
		{"day 0", in(func(s *core.Periodic) { s.DayOfExecution = "0" }), ErrRequest, "dayOfExecution"},
		{"day 32", in(func(s *core.Periodic) { s.DayOfExecution = "32" }), ErrRequest, "dayOfExecution"},
		{"day 01", in(func(s *core.Periodic) { s.DayOfExecution = "01" }), ErrRequest, "dayOfExecution"},
		{"day +1", in(func(s *core.Periodic) { s.DayOfExecution = "+1" }), ErrRequest, "dayOfExecution"},
		{"no day is that of the start", in(func(s *core.Periodic) { s.DayOfExecution = "" }), nil, ""},
		{"each week on its seventh day", in(func(s *core.Periodic) { s.Frequency, s.DayOfExecution = "Weekly", "7" }), nil, ""},
		{"each week on its eighth", in(func(s *core.Periodic) { s.Frequency, s.DayOfExecution = "Weekly", "8" }), ErrRequest, "dayOfExecution"},
		{"each day on a day", in(func(s *core.Periodic) { s.Frequency, s.DayOfExecution = "Daily", "1" }), ErrRequest, "dayOfExecution"},
		{"the rule that the bank has", in(func(s *core.Periodic) { s.ExecutionRule = "following" }), nil, ""},
		{"the rule that it has not", in(func(s *core.Periodic) { s.ExecutionRule = "preceding" }), ErrNotSupported, ""},
		{"a rule that nobody has", in(func(s *core.Periodic) { s.ExecutionRule = "nearest" }), ErrRequest, "executionRule"},
		{"months of a monthly series", in(func(s *core.Periodic) { s.MonthsOfExecution = []string{"1"} }), ErrRequest, "monthsOfExecution"},
		{"variable months", in(func(s *core.Periodic) { s.Frequency, s.MonthsOfExecution = "MonthlyVariable", []string{"1", "12"} }), nil, ""},
		{"variable months without months", in(func(s *core.Periodic) { s.Frequency = "MonthlyVariable" }), ErrRequest, "monthsOfExecution"},
		{"variable months that are all twelve", in(func(s *core.Periodic) {
			s.Frequency, s.MonthsOfExecution = "MonthlyVariable", strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12")
		}), ErrRequest, "monthsOfExecution"},
		{"a month that stands there twice", in(func(s *core.Periodic) { s.Frequency, s.MonthsOfExecution = "MonthlyVariable", []string{"1", "1"} }), ErrRequest, "monthsOfExecution[1]"},
		{"month 13", in(func(s *core.Periodic) { s.Frequency, s.MonthsOfExecution = "MonthlyVariable", []string{"13"} }), ErrRequest, "monthsOfExecution[0]"},
		{"month 01", in(func(s *core.Periodic) { s.Frequency, s.MonthsOfExecution = "MonthlyVariable", []string{"01"} }), ErrRequest, "monthsOfExecution[0]"},
		{"its payments are checked like others", func(_ *profile.Bank, r *Request) { r.Order.CreditorName = "" }, ErrRequest, "creditorName"},
	})
}

func TestNext(t *testing.T) {
	d := func(s string) day.Day {
		parsed, err := day.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, tt := range []struct {
		name                  string
		start, frequency, day string
		months                []string
		want                  string // the first ones
	}{
		{"daily", "2024-02-28", "Daily", "", nil, "2024-02-28 2024-02-29 2024-03-01"},
		{"weekly, on the weekday of the start", "2026-03-04", "Weekly", "", nil, "2026-03-04 2026-03-11 2026-03-18"},
		{"weekly on Mondays, from a Wednesday on", "2026-03-04", "Weekly", "1", nil, "2026-03-09 2026-03-16 2026-03-23"},
		{"every two weeks, over a change of clocks", "2026-03-20", "EveryTwoWeeks", "", nil, "2026-03-20 2026-04-03 2026-04-17"},
		{"monthly on the 31st has shorter months, and does not stay there", "2026-01-31", "Monthly", "", nil, "2026-01-31 2026-02-28 2026-03-31 2026-04-30 2026-05-31"},
		{"on the 29th in a leap year", "2028-01-29", "Monthly", "", nil, "2028-01-29 2028-02-29 2028-03-29"},
		{"the day was before the start", "2026-03-15", "Monthly", "1", nil, "2026-04-01 2026-05-01"},
		{"the last day of a quarter's month", "2026-03-15", "Quarterly", "31", nil, "2026-03-31 2026-06-30 2026-09-30 2026-12-31"},
		{"every two months over the year", "2026-11-05", "EveryTwoMonths", "", nil, "2026-11-05 2027-01-05"},
		{"twice a year", "2026-08-31", "SemiAnnual", "", nil, "2026-08-31 2027-02-28 2027-08-31"},
		{"each year on 29 February", "2028-02-29", "Annual", "", nil, "2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29"},
		{"in some months", "2026-03-15", "MonthlyVariable", "10", []string{"12", "3", "6"}, "2026-06-10 2026-12-10 2027-03-10 2027-06-10"},
		{"in one month, that is over this year", "2026-03-15", "MonthlyVariable", "10", []string{"3"}, "2027-03-10 2028-03-10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := core.Periodic{StartDate: d(tt.start), Frequency: tt.frequency, DayOfExecution: tt.day, MonthsOfExecution: tt.months}
			after := s.StartDate.AddDays(-1)
			for i, want := range strings.Fields(tt.want) {
				due, ok := Next(s, after)
				if !ok || due.String() != want {
					t.Fatalf("payment %d: got %s, %v; want %s", i+1, due, ok, want)
				}
				after = due
			}
			s.EndDate = after
			if due, ok := Next(s, after); ok {
				t.Errorf("after the end: got %s", due)
			}
			if due, ok := Next(s, after.AddDays(-1)); !ok || due != after {
				t.Errorf("on the end: got %s, %v; want %s", due, ok, after)
			}
		})
	}
}

// falls says of one day alone whether a payment of s is due on it: another way to the same
// answer than that of Next.
func falls(s core.Periodic, d day.Day) bool {
	if d.Before(s.StartDate) || !s.EndDate.IsZero() && d.After(s.EndDate) {
		return false
	}
	switch s.Frequency {
	case "Daily":
		return true
	case "Weekly", "EveryTwoWeeks":
		first := s.StartDate
		for s.DayOfExecution != "" && fmt.Sprint((int(first.Weekday())+6)%7+1) != s.DayOfExecution {
			first = first.AddDays(1)
		}
		for step := map[string]int{"Weekly": 7, "EveryTwoWeeks": 14}[s.Frequency]; first.Before(d); {
			first = first.AddDays(step)
		}
		return first == d
	}
	wanted := s.StartDate.DayOfMonth()
	if s.DayOfExecution != "" {
		fmt.Sscan(s.DayOfExecution, &wanted)
	}
	ultimo := d.AddDays(1).DayOfMonth() == 1
	if d.DayOfMonth() != wanted && !(ultimo && d.DayOfMonth() < wanted) {
		return false
	}
	apart := (d.Year()-s.StartDate.Year())*12 + int(d.Month()) - int(s.StartDate.Month())
	switch s.Frequency {
	case "MonthlyVariable":
		return slices.Contains(s.MonthsOfExecution, fmt.Sprint(int(d.Month())))
	case "Monthly":
		return true
	case "EveryTwoMonths":
		return apart%2 == 0
	case "Quarterly":
		return apart%3 == 0
	case "SemiAnnual":
		return apart%6 == 0
	}
	return apart%12 == 0
}

// Whatever the series, Next finds the very days that can be told one by one.
func TestNextFindsEveryDayAndNoOther(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	frequencies := []string{"Daily", "Weekly", "EveryTwoWeeks", "Monthly", "EveryTwoMonths", "Quarterly", "SemiAnnual", "Annual", "MonthlyVariable"}
	for range 3000 {
		s := core.Periodic{StartDate: day.New(2024, time.January, 1).AddDays(r.IntN(1500)), Frequency: frequencies[r.IntN(len(frequencies))]}
		if r.IntN(2) == 0 {
			s.EndDate = s.StartDate.AddDays(r.IntN(1000))
		}
		if most := map[string]int{"Daily": 0, "Weekly": 7, "EveryTwoWeeks": 7}; r.IntN(2) == 0 && s.Frequency != "Daily" {
			n := 31
			if week := most[s.Frequency]; week > 0 {
				n = week
			}
			s.DayOfExecution = fmt.Sprint(1 + r.IntN(n))
		}
		if s.Frequency == "MonthlyVariable" {
			for _, m := range r.Perm(12)[:1+r.IntN(11)] {
				s.MonthsOfExecution = append(s.MonthsOfExecution, fmt.Sprint(m+1))
			}
		}
		after := s.StartDate.AddDays(r.IntN(900) - 100)
		want := after.AddDays(1)
		for horizon := after.AddDays(1400); !falls(s, want) && want.Before(horizon); {
			want = want.AddDays(1)
		}
		due, ok := Next(s, after)
		if falls(s, want) != ok || ok && due != want {
			t.Fatalf("%+v after %s: got %s, %v; want %s", s, after, due, ok, want)
		}
	}
}

func TestCalendars(t *testing.T) {
	for _, tt := range []struct {
		name, calendar, on string
		open               bool
	}{
		{"a Monday", profile.Target, "2026-03-02", true},
		{"a Saturday", profile.Target, "2026-03-07", false},
		{"a Sunday", profile.Weekdays, "2026-03-08", false},
		{"a Sunday for what is always open", profile.Always, "2026-03-08", true},
		{"what has no calendar is always open", "", "2026-12-25", true},
		{"New Year", profile.Target, "2026-01-01", false},
		{"New Year for what knows weekends only", profile.Weekdays, "2026-01-01", true},
		{"Labour Day", profile.Target, "2026-05-01", false},
		{"Christmas", profile.Target, "2026-12-25", false},
		{"the day after it", profile.Target, "2028-12-26", false},
		{"Christmas Eve", profile.Target, "2026-12-24", true},
		{"Good Friday of 2026", profile.Target, "2026-04-03", false},
		{"Easter Monday of 2026", profile.Target, "2026-04-06", false},
		{"the Tuesday after it", profile.Target, "2026-04-07", true},
		{"Whit Monday, which is no holiday of TARGET", profile.Target, "2026-05-25", true},
	} {
		d, err := day.Parse(tt.on)
		if err != nil || Open(tt.calendar, d) != tt.open {
			t.Errorf("%s: open is %v, %v", tt.name, Open(tt.calendar, d), err)
		}
	}
}
