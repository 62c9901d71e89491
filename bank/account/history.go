package account

import (
	"fmt"
	"time"

	"kontor/bank/consent"
	"kontor/bank/profile"
	"kontor/kit/day"
)

// historyMaxDays is as far back as is looked while older history is open.
const historyMaxDays = 3660

// period checks the dates of a report at now. History beyond the bank's limit is open only
// for a short time after SCA.
//
// Source: RTS (EU) 2018/389 art. 10; the profile's freshScaWindow.
func period(b profile.Bank, c consent.Consent, q Report, now time.Time) (from, to day.Day, err error) {
	today := day.Of(now, b.Zone)
	from, to = q.From, q.To
	if to.IsZero() || to.After(today) {
		to = today
	}
	if from.IsZero() && (q.EntryReferenceFrom != "" || q.Delta) {
		return oldest(b, c, now), to, nil // it ends at an entry, not at a day
	}
	switch {
	case from.IsZero():
		return from, to, fmt.Errorf("%w: dateFrom is missing", ErrParameter)
	case from.After(today):
		return from, to, fmt.Errorf("%w: dateFrom %s is in the future", ErrPeriod, from)
	case from.After(to):
		return from, to, fmt.Errorf("%w: dateFrom %s is after dateTo %s", ErrPeriod, from, to)
	case from.Before(oldest(b, c, now)) && !fresh(b, c, now):
		err := fmt.Errorf("%w: dateFrom %s is more than %d days ago; older entries need a new authorisation by the customer", ErrPeriod, from, b.Accounts.HistoryDays)
		if b.Accounts.OlderHistory == profile.OlderByAuthorisation {
			err = fmt.Errorf("%w: %w", ErrOlder, err)
		}
		return from, to, err
	}
	return from, to, nil
}

// oldest is the first day that can be read at now.
func oldest(b profile.Bank, c consent.Consent, now time.Time) day.Day {
	if fresh(b, c, now) {
		return day.Of(now, b.Zone).AddDays(-historyMaxDays)
	}
	return day.Of(now, b.Zone).AddDays(-b.Accounts.HistoryDays)
}

// fresh says whether SCA was so short a while ago that older history is open.
func fresh(b profile.Bank, c consent.Consent, now time.Time) bool {
	return !c.AuthorisedAt.IsZero() && now.Before(c.AuthorisedAt.Add(b.Accounts.FreshSCAWindow))
}
