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
	switch calendar {
	case profile.Weekdays:
		return !d.IsWeekend()
	case profile.Target:
		return d.IsTARGETDay()
	}
	return true
}
