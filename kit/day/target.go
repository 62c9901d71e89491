package day

import "time"

// IsWeekend says whether d is a Saturday or a Sunday.
func (d Day) IsWeekend() bool {
	return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
}

// IsTARGETDay says whether TARGET is open on d, by which banks settle payments in euro: it
// is closed on weekends and on six holidays.
//
// Source: European Central Bank, long-term calendar for TARGET closing days.
func (d Day) IsTARGETDay() bool {
	switch {
	case d.IsWeekend(),
		d.Month() == time.January && d.DayOfMonth() == 1,                             // New Year
		d.Month() == time.May && d.DayOfMonth() == 1,                                 // Labour Day
		d.Month() == time.December && (d.DayOfMonth() == 25 || d.DayOfMonth() == 26): // Christmas
		return false
	}
	sunday := easter(d.Year())
	return d != sunday.AddDays(-2) && d != sunday.AddDays(1) // Good Friday, Easter Monday
}

// easter returns Easter Sunday in the Gregorian calendar, by the rule that is known after
// Meeus, Jones and Butcher.
func easter(year int) Day {
	a, b, c := year%19, year/100, year%100
	d := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	e := (32 + 2*(b%4) + 2*(c/4) - d - c%4) % 7
	f := d + e - 7*((a+11*d+22*e)/451) + 114
	return New(year, time.Month(f/31), f%31+1)
}
