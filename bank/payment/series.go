package payment

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"kontor/bank/core"
	"kontor/kit/day"
)

// Steps of the frequencies, in days or in months.
//
// spec: xs2a/frequency
var (
	stepDays   = map[string]int{"Daily": 1, "Weekly": 7, "EveryTwoWeeks": 14}
	stepMonths = map[string]int{
		"Monthly": 1, "EveryTwoMonths": 2, "Quarterly": 3, "SemiAnnual": 6, "Annual": 12, "MonthlyVariable": 1,
	}
)

// series checks a series whose payments are like o.
func (c check) series(o core.Payment, s *core.Periodic) error {
	if !o.RequestedExecutionDate.IsZero() || !o.RequestedExecutionTime.IsZero() {
		return wrong("requestedExecutionDate", "is not for a series, which has a startDate")
	}
	if err := c.single(o); err != nil {
		return err
	}
	if s == nil || s.StartDate.IsZero() {
		return wrong("startDate", "is missing")
	}
	days, months := stepDays[s.Frequency], stepMonths[s.Frequency]
	dayMax := 31
	if days > 0 {
		dayMax = 7 // of the week, from Monday
	}
	switch n, ok := number(s.DayOfExecution, dayMax); {
	case s.StartDate.Before(c.today):
		return fmt.Errorf("%w: startDate %s is over; it is %s at the bank", ErrExecutionDate, s.StartDate, c.today)
	case s.StartDate.After(c.today.AddDays(c.b.Payments.DaysAheadMax)):
		return fmt.Errorf("%w: startDate %s is more than %d days ahead", ErrExecutionDate, s.StartDate, c.b.Payments.DaysAheadMax)
	case !s.EndDate.IsZero() && s.EndDate.Before(s.StartDate):
		return fmt.Errorf("%w: endDate %s is before startDate %s", ErrPeriod, s.EndDate, s.StartDate)
	case days+months == 0:
		return wrong("frequency", "is none of Daily, Weekly, EveryTwoWeeks, Monthly, EveryTwoMonths, Quarterly, SemiAnnual, Annual, MonthlyVariable")
	case s.ExecutionRule != "" && s.ExecutionRule != "following" && s.ExecutionRule != "preceding":
		return wrong("executionRule", "is neither following nor preceding")
	case s.ExecutionRule != "" && !slices.Contains(c.b.Payments.ExecutionRules, s.ExecutionRule):
		return fmt.Errorf("%w: executionRule %s", ErrNotSupported, s.ExecutionRule)
	case s.DayOfExecution != "" && days == 1:
		return wrong("dayOfExecution", "is not for payments of every day")
	case s.DayOfExecution != "" && (!ok || n == 0):
		return wrong("dayOfExecution", fmt.Sprintf("is no number from 1 to %d, without a zero before it", dayMax))
	case s.Frequency != "MonthlyVariable" && s.MonthsOfExecution != nil:
		return wrong("monthsOfExecution", "is only for the frequency MonthlyVariable")
	case s.Frequency == "MonthlyVariable" && (len(s.MonthsOfExecution) == 0 || len(s.MonthsOfExecution) > 11):
		return wrong("monthsOfExecution", "must name 1 to 11 months")
	}
	for i, m := range s.MonthsOfExecution {
		if _, ok := number(m, 12); !ok || slices.Contains(s.MonthsOfExecution[:i], m) {
			return wrong(fmt.Sprintf("monthsOfExecution[%d]", i), "is no number from 1 to 12, without a zero before it, or stands there twice")
		}
	}
	if _, ok := Next(*s, s.StartDate.AddDays(-1)); !ok {
		return fmt.Errorf("%w: no payment falls due before endDate %s", ErrPeriod, s.EndDate)
	}
	return nil
}

// number reads 1 … most, in the one spelling that a number has.
func number(s string, most int) (n int, ok bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= most && strconv.Itoa(n) == s
}

// Next returns the first day after a day on which a payment of s falls due; ok is false when
// there is none any more. Days are counted from the start and not from the one before, so
// that a series of the 31st, which February has on its last day, is on the 31st again in March.
//
// The first payment is due on the first day of execution from the start on, in a month, or
// week, that is a whole number of steps from that of the start.
func Next(s core.Periodic, after day.Day) (due day.Day, ok bool) {
	if step := stepDays[s.Frequency]; step > 0 {
		due = nextByDays(s, step, after)
	} else if step := stepMonths[s.Frequency]; step > 0 {
		due = nextByMonths(s, step, after)
	}
	return due, !due.IsZero() && (s.EndDate.IsZero() || !due.After(s.EndDate))
}

func nextByDays(s core.Periodic, step int, after day.Day) day.Day {
	first := s.StartDate
	if weekday, ok := number(s.DayOfExecution, 7); ok && step > 1 {
		for int(first.Weekday()+6)%7+1 != weekday {
			first = first.AddDays(1)
		}
	}
	if after.Before(first) {
		return first
	}
	gone := int(after.Start(time.UTC).Sub(first.Start(time.UTC)) / (24 * time.Hour))
	return first.AddDays((gone/step + 1) * step)
}

func nextByMonths(s core.Periodic, step int, after day.Day) day.Day {
	wanted, ok := number(s.DayOfExecution, 31)
	if !ok {
		wanted = s.StartDate.DayOfMonth()
	}
	start := months(s.StartDate)
	gone := max(0, months(after)-start)
	for n := gone / step * step; n <= gone+12+step; n += step {
		year, month := (start+n)/12, time.Month((start+n)%12+1)
		if s.Frequency == "MonthlyVariable" && !slices.Contains(s.MonthsOfExecution, strconv.Itoa(int(month))) {
			continue
		}
		last := day.New(year, month+1, 0).DayOfMonth()
		if due := day.New(year, month, min(wanted, last)); due.After(after) && !due.Before(s.StartDate) {
			return due
		}
	}
	return day.Day{}
}

// months counts the months since the year 0.
func months(d day.Day) int { return d.Year()*12 + int(d.Month()) - 1 }
