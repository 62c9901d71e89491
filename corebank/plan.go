package corebank

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"kontor/connector/wire"
	"kontor/kit/day"
)

// Execution rules: which business day counts for one that is none.
const (
	ruleFollowing = "following"
	rulePreceding = "preceding"
)

// A plan says when the instalments of a periodic payment fall due.
type plan struct {
	Start     day.Day `json:"start"`
	End       day.Day `json:"end"` // zero: until it is cancelled
	Frequency string  `json:"frequency"`
	Rule      string  `json:"rule"`
	Day       int     `json:"day"` // of the month, or of the week from Monday; 0: as on Start
	Months    []int   `json:"months,omitempty"`
	Instant   bool    `json:"instant,omitempty"` // paid by a product for which every day is one of business
}

// What is wrong with a plan, in words a TPP may read.
var (
	errPlanDates  = errors.New("start or end date is not possible")
	errPlanWords  = errors.New("frequency, execution rule or day of execution is not known")
	errPlanMonths = errors.New("months of execution do not fit the frequency")
	errPlanEmpty  = errors.New("no instalment lies between start and end date")
)

// Steps of the frequencies, in days or months.
var (
	daysOf   = map[string]int{"Daily": 1, "Weekly": 7, "EveryTwoWeeks": 14}
	monthsOf = map[string]int{"Monthly": 1, "MonthlyVariable": 1, "EveryTwoMonths": 2, "Quarterly": 3, "SemiAnnual": 6, "Annual": 12}
)

// readPlan checks a plan that is to begin today or later.
func readPlan(w wire.PeriodicDue, today day.Day) (p plan, err error) {
	p = plan{Frequency: string(w.Frequency), Rule: string(w.ExecutionRule)}
	if p.Start, err = day.Parse(string(w.StartDate)); err != nil || p.Start.Before(today) || p.Start.After(today.AddDays(scheduledDaysMax)) {
		return p, errPlanDates
	}
	if w.EndDate != "" {
		if p.End, err = day.Parse(string(w.EndDate)); err != nil || p.End.Before(p.Start) {
			return p, errPlanDates
		}
	}
	if p.Rule == "" {
		p.Rule = ruleFollowing
	}
	days, inDays := daysOf[p.Frequency]
	_, inMonths := monthsOf[p.Frequency]
	if !inDays && !inMonths || p.Rule != ruleFollowing && p.Rule != rulePreceding {
		return p, errPlanWords
	}
	if s := string(w.DayOfExecution); s != "" {
		dayMax := 31
		if inDays {
			dayMax = min(days, 7)
		}
		if p.Day, err = strconv.Atoi(s); err != nil || p.Day < 1 || p.Day > dayMax {
			return p, errPlanWords
		}
	}
	if variable := p.Frequency == "MonthlyVariable"; variable == (len(w.MonthsOfExecution) == 0) || len(w.MonthsOfExecution) > 12 {
		return p, errPlanMonths
	}
	for _, m := range w.MonthsOfExecution {
		n, err := strconv.Atoi(string(m))
		if err != nil || n < 1 || n > 12 || slices.Contains(p.Months, n) {
			return p, errPlanMonths
		}
		p.Months = append(p.Months, n)
	}
	slices.Sort(p.Months)
	if _, ok := p.first(); !ok {
		return p, errPlanEmpty
	}
	return p, nil
}

// first is the day the first instalment falls due.
func (p plan) first() (day.Day, bool) { return p.after(p.Start.AddDays(-1)) }

// after is the first due day after d; ok is false when there is none any more. A due day is
// counted from the start and not from the one before, so that a series on the 31st does not
// stay on the 28th after its first February.
func (p plan) after(d day.Day) (due day.Day, ok bool) {
	if step, inDays := daysOf[p.Frequency]; inDays {
		due = p.Start
		if p.Day > 0 && step > 1 {
			for (int(due.Weekday())+6)%7+1 != p.Day {
				due = due.AddDays(1)
			}
		}
		if gone := daysBetween(due, d); gone >= 0 {
			due = due.AddDays((gone/step + 1) * step)
		}
		return due, p.End.IsZero() || !due.After(p.End)
	}
	step := monthsOf[p.Frequency]
	month := int(p.Start.Month()) - 1
	skipped := max(0, (d.Year()-p.Start.Year())*12+int(d.Month())-int(p.Start.Month()))
	for n := skipped / step * step; n <= skipped+13*step; n += step {
		year, m := p.Start.Year()+(month+n)/12, time.Month((month+n)%12+1)
		if len(p.Months) > 0 && !slices.Contains(p.Months, int(m)) {
			continue
		}
		if due = p.onDay(year, m); due.After(d) && !due.Before(p.Start) {
			return due, p.End.IsZero() || !due.After(p.End)
		}
	}
	return day.Day{}, false
}

// onDay is the day of execution in a month, or the month's last where it is shorter.
func (p plan) onDay(year int, month time.Month) day.Day {
	wanted := p.Day
	if wanted == 0 {
		wanted = p.Start.DayOfMonth()
	}
	last := day.New(year, month+1, 1).AddDays(-1).DayOfMonth()
	return day.New(year, month, min(wanted, last))
}

// executed is the day on which the instalment due on d is paid: a business day, unless it is
// paid instantly.
func (p plan) executed(d day.Day) day.Day {
	switch {
	case p.Instant:
		return d
	case p.Rule == rulePreceding:
		return preceding(d)
	}
	return following(d)
}

func daysBetween(from, to day.Day) int {
	return int(to.Start(time.UTC).Sub(from.Start(time.UTC)) / (24 * time.Hour))
}
