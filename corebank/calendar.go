package corebank

import "kontor/kit/day"

// following is d, or the first day after it on which TARGET is open.
func following(d day.Day) day.Day {
	for !d.IsTARGETDay() {
		d = d.AddDays(1)
	}
	return d
}

// preceding is d, or the last such day before it.
func preceding(d day.Day) day.Day {
	for !d.IsTARGETDay() {
		d = d.AddDays(-1)
	}
	return d
}
