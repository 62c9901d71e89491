package corebank

import (
	"time"

	"kontor/kit/day"
)

// isBusinessDay says whether payments between banks are settled on d: the calendar of
// TARGET, which is closed on weekends and six holidays.
func isBusinessDay(d day.Day) bool {
	switch d.Weekday() {
	case time.Saturday, time.Sunday:
		return false
	}
	switch {
	case d.Month() == time.January && d.DayOfMonth() == 1,
		d.Month() == time.May && d.DayOfMonth() == 1,
		d.Month() == time.December && (d.DayOfMonth() == 25 || d.DayOfMonth() == 26):
		return false
	}
	easter := easterSunday(d.Year())
	return d != easter.AddDays(-2) && d != easter.AddDays(1)
}

// easterSunday is the day of Easter in the Gregorian calendar, after the rule that Meeus,
// Jones and Butcher gave it.
func easterSunday(year int) day.Day {
	a, b, c := year%19, year/100, year%100
	d := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	e := (32 + 2*(b%4) + 2*(c/4) - d - c%4) % 7
	f := d + e - 7*((a+11*d+22*e)/451) + 114
	return day.New(year, time.Month(f/31), f%31+1)
}

// following is d, or the first business day after it.
func following(d day.Day) day.Day {
	for !isBusinessDay(d) {
		d = d.AddDays(1)
	}
	return d
}

// preceding is d, or the last business day before it.
func preceding(d day.Day) day.Day {
	for !isBusinessDay(d) {
		d = d.AddDays(-1)
	}
	return d
}
