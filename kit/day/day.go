// Package day is the calendar date: the day a consent ends, a payment is executed or a
// transaction is booked. A day has no time and no zone until somebody asks when it starts
// somewhere, which is how a bank's own calendar stays out of everybody else's.
package day

import (
	"fmt"
	"time"
)

// A Day is one date. The zero Day is no day; days compare with ==.
type Day struct{ t time.Time } // midnight UTC

// New returns the day of year, month and day of the month.
func New(year int, month time.Month, dayOfMonth int) Day {
	return Day{time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC)}
}

// Of returns the day that t falls on in zone.
func Of(t time.Time, zone *time.Location) Day {
	y, m, d := t.In(zone).Date()
	return New(y, m, d)
}

// Parse reads YYYY-MM-DD.
func Parse(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Day{}, fmt.Errorf("%.20q is not a date (YYYY-MM-DD)", s)
	}
	return Day{t}, nil
}

// String formats YYYY-MM-DD; no day is the empty text.
func (d Day) String() string {
	if d.IsZero() {
		return ""
	}
	return d.t.Format(time.DateOnly)
}

// MarshalText and UnmarshalText make a Day a JSON string.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *Day) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*d = Day{}
		return nil
	}
	*d, err = Parse(string(b))
	return err
}

func (d Day) IsZero() bool          { return d.t.IsZero() }
func (d Day) Before(e Day) bool     { return d.t.Before(e.t) }
func (d Day) After(e Day) bool      { return d.t.After(e.t) }
func (d Day) AddDays(n int) Day     { return Day{d.t.AddDate(0, 0, n)} }
func (d Day) Weekday() time.Weekday { return d.t.Weekday() }
func (d Day) Month() time.Month     { return d.t.Month() }
func (d Day) DayOfMonth() int       { return d.t.Day() }
func (d Day) Year() int             { return d.t.Year() }

// Start returns the first moment of d in zone. Clocks may skip midnight, or go back over it;
// then it is the moment at which the day before is over for good.
func (d Day) Start(zone *time.Location) time.Time {
	const window = 24 * time.Hour // no zone is further away from UTC
	start, last := time.Time{}, d.t.Add(window)
	for at := d.t.Add(-window).In(zone); ; {
		_, offset := at.Zone()
		_, change := at.ZoneBounds()
		if !change.IsZero() && !change.After(at) { // it says so at the end of some leap years
			change = at.Add(time.Hour)
		}
		// Until the clocks change, the day before is over when they show midnight.
		if over := d.t.Add(-time.Duration(offset) * time.Second); at.Before(over) {
			if start = over; !change.IsZero() && change.Before(over) {
				start = change
			}
		}
		if change.IsZero() || change.After(last) {
			return start.In(zone)
		}
		at = change
	}
}
