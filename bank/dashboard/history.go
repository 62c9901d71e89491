package dashboard

import (
	"context"
	"errors"
	"strings"
	"time"

	"kontor/bank/funds"
	"kontor/bank/tpp"
	"kontor/kit/audit"
	"kontor/kit/day"
)

// A Happening is what an entry of the record means to the PSU.
type Happening string

const (
	Asked       Happening = "asked"        // the TPP asked for it
	Authorised  Happening = "authorised"   // she approved it at her bank
	Refused     Happening = "refused"      // she did not, or did not finish
	Read        Happening = "read"         // the TPP read; all reads of a day are one line
	Checked     Happening = "checked"      // the TPP asked whether an amount is there
	Withdrawn   Happening = "withdrawn"    // she ended it
	Terminated  Happening = "terminated"   // the TPP ended it
	Ended       Happening = "ended"        // time, a newer one or the bank ended it
	Cancelling  Happening = "cancelling"   // its cancellation was asked for
	CancelledIt Happening = "cancelled"    // the payment was cancelled
	NotEnded    Happening = "notCancelled" // it was not, though that was asked for
)

// happenings tells entries of the record that are worth a line. Reads are all the others of
// a TPP.
var happenings = map[string]Happening{
	"consent.create": Asked, "payment.create": Asked,
	"consent.authorise": Authorised, "consent.reauthorise": Authorised, "payment.authorise": Authorised,
	"consent.reject": Refused, "payment.reject": Refused,
	"funds.confirm": Checked, "funds.repeat": Checked,
	"consent.revoke": Withdrawn, "consent.withdraw": Withdrawn,
	"consent.terminate": Terminated,
	"consent.expire":    Ended, "consent.replace": Ended, "consent.lapse": Ended,
	"payment.cancel.start": Cancelling, "payment.cancel": CancelledIt, "payment.cancel.fail": NotEnded,
}

// A Line of a history.
type Line struct {
	At      time.Time // the latest, where several are one line
	What    Happening
	Count   int   // how many they are
	Allowed *bool // what a check of funds said; nil where that is not kept any more
}

// A page of a history has linesMax lines, and reads at most entriesMax entries of the record.
const linesMax, entriesMax = 60, 1000

// History tells what happened to a consent or payment of the PSU's before a moment, the
// newest first; the zero time: from the newest on. next is where the page after begins, zero
// on the last. The caller has found the resource to be hers.
func (s *Service) History(ctx context.Context, bank, id string, t tpp.ID, before time.Time) (lines []Line, next time.Time, err error) {
	entries, err := s.Record.Latest(ctx, bank, id, before, entriesMax)
	if err != nil {
		return nil, next, err
	}
	zone := s.Banks[bank].Zone
	var last day.Day
	for i, e := range entries {
		what, worth := happenings[e.Action]
		if !worth && e.Actor == string(t) && !strings.HasPrefix(e.Action, "consent.") && !strings.HasPrefix(e.Action, "payment.") {
			what, worth = Read, true
		}
		on := day.Of(e.At, zone)
		same := len(lines) > 0 && lines[len(lines)-1].What == what && on == last
		switch {
		case !worth:
			continue
		case what == Read && same:
			lines[len(lines)-1].Count++
			continue
		case len(lines) == linesMax:
			return lines, entries[i-1].At, nil
		}
		last = on
		line := Line{At: e.At, What: what, Count: 1}
		if what == Checked {
			if line.Allowed, err = s.answered(ctx, e, t); err != nil {
				return nil, next, err
			}
		}
		lines = append(lines, line)
	}
	if len(entries) == entriesMax {
		next = entries[entriesMax-1].At
	}
	return lines, next, nil
}

// answered finds what was answered, which is kept for a day.
func (s *Service) answered(ctx context.Context, e audit.Entry, t tpp.ID) (*bool, error) {
	since := s.Now().Add(-24 * time.Hour)
	if s.Answers == nil || e.RequestID == "" || e.At.Before(since) {
		return nil, nil
	}
	a, err := s.Answers.Find(ctx, e.Bank, t, e.RequestID, since)
	if errors.Is(err, funds.ErrUnanswered) || err == nil && a.ConsentID != e.Resource {
		return nil, nil
	}
	return &a.Available, err
}
