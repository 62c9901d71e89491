package payment

import (
	"fmt"
	"time"

	"kontor/bank/profile"
	"kontor/kit/day"
)

// date refuses a day on which the payment cannot be executed; at may be given in its place.
// Whether a bank that takes closed days shifts to the day before or after is its affair.
func (c check) date(on day.Day, at time.Time) error {
	if !at.IsZero() {
		if !on.IsZero() {
			return wrong("requestedExecutionTime", "excludes requestedExecutionDate")
		}
		if at.Before(c.now) {
			return fmt.Errorf("%w: %s is over", ErrExecutionDate, at.In(c.b.Zone).Format(time.RFC3339))
		}
		on = day.Of(at, c.b.Zone)
	}
	switch {
	case on.IsZero():
		return nil
	case on.Before(c.today):
		return fmt.Errorf("%w: %s is over; it is %s at the bank", ErrExecutionDate, on, c.today)
	case c.rules.Instant && (on != c.today || !at.IsZero()):
		return fmt.Errorf("%w: an instant payment is executed at once", ErrExecutionDate)
	case on.After(c.today.AddDays(c.b.Payments.DaysAheadMax)):
		return fmt.Errorf("%w: %s is more than %d days ahead", ErrExecutionDate, on, c.b.Payments.DaysAheadMax)
	case c.b.Payments.ClosedDays != profile.ClosedRefuse:
		return nil
	case !Open(c.rules.Calendar, on):
		return fmt.Errorf("%w: payments by this product are not executed on %s", ErrExecutionDate, on)
	case on == c.today && c.late():
		return fmt.Errorf("%w: payments by this product are executed on the same day until %s", ErrExecutionDate, c.rules.CutOff)
	}
	return nil
}

// late says whether the cut-off time of the product is over for today.
func (c check) late() bool {
	return c.rules.CutOff != "" && c.now.In(c.b.Zone).Format("15:04") >= c.rules.CutOff
}

// Open says whether payments of a product with this calendar are executed on d.
func Open(calendar string, d day.Day) bool {
	weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
	switch calendar {
	case profile.Weekdays:
		return !weekend
	case profile.Target:
		return !weekend && !targetHoliday(d)
	}
	return true
}

// targetHoliday says whether TARGET is closed on d though it is no weekend.
//
// Source: European Central Bank, long-term calendar for TARGET closing days.
func targetHoliday(d day.Day) bool {
	switch {
	case d.Month() == time.January && d.DayOfMonth() == 1, // New Year
		d.Month() == time.May && d.DayOfMonth() == 1,                                 // Labour Day
		d.Month() == time.December && (d.DayOfMonth() == 25 || d.DayOfMonth() == 26): // Christmas
		return true
	}
	sunday := easter(d.Year())
	return d == sunday.AddDays(-2) || d == sunday.AddDays(1) // Good Friday, Easter Monday
}

// easter returns Easter Sunday: the Sunday after the full moon that the church reckons with,
// on or after 21 March.
//
// Source: the method of Gauss, as Lichtenberg corrected it.
func easter(year int) day.Day {
	century := year / 100
	moon := 15 + (3*century+3)/4 - (8*century+13)/25 // secular shift of the moon
	sun := 2 - (3*century+3)/4                       // and of the sun
	golden := year % 19
	seed := (19*golden + moon) % 30 // days from 21 March to the full moon
	limit := seed/29 + (seed/28-seed/29)*(golden/11)
	full := 21 + seed - limit
	firstSunday := 7 - (year+year/4+sun)%7
	return day.New(year, time.March, full+7-(full-firstSunday)%7)
}
