package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"kontor/bank/core"
	"kontor/kit/day"
	"kontor/kit/money"
)

// A Head is what a whole report says before its entries.
type Head struct {
	Account  Described
	From, To day.Day
	// Opening and Closing are the booked balances before the first and after the last day;
	// nil where nobody asked for them, or the bank tells too little.
	Opening, Closing *money.Amount
}

// Whole checks and permits a report and gives it unpaged: head once, then yield for each
// entry, newest first. However long it is, no more of it is in memory than a page of the
// bank's. With balances, Head says how the account stood before and after, which the
// consent must allow.
func (s *Service) Whole(ctx context.Context, r Read, q Report, balances bool, head func(Head) error, yield func(*core.Transaction) error) error {
	q.Cursor, q.WithBalance, q.statement = "", false, balances
	rep, err := s.begin(ctx, r, q, "transactions/", "account.transactions")
	if err != nil {
		return err
	}
	return s.whole(ctx, r, rep, head, yield)
}

// Download is Whole for a report that Downloaded returned: part of one that was counted, and
// not counted again.
func (s *Service) Download(ctx context.Context, r Read, q Report, balances bool, head func(Head) error, yield func(*core.Transaction) error) error {
	q.statement = balances
	rep, err := s.begin(ctx, r, q, "", "account.download")
	if err != nil {
		return err
	}
	return s.whole(ctx, r, rep, head, yield)
}

// A ticket is what a download names.
type ticket struct {
	Status    string  `json:"b"`
	From      day.Day `json:"f"`
	To        day.Day `json:"u"`
	Reference string  `json:"e,omitempty"`
	Since     int64   `json:"t"`
}

func (s *Service) ticket(r Read, q Report, since int64) string {
	b, _ := json.Marshal(ticket{q.BookingStatus, q.From, q.To, q.EntryReferenceFrom, since}) // days and texts
	return s.sealed(b, "download", r.Bank.Code, r.ConsentID, q.ResourceID)
}

// Downloaded returns the report that download names: Page.Download of one of its pages. It
// returns ErrTransaction where there is none, or none any more.
func (s *Service) Downloaded(r Read, resourceID, download string) (Report, error) {
	var t ticket
	b, ok := s.unsealed(download, "download", r.Bank.Code, r.ConsentID, resourceID)
	if !ok || json.Unmarshal(b, &t) != nil {
		return Report{}, fmt.Errorf("%w: there is no such download", ErrTransaction)
	}
	if s.Now().After(time.Unix(t.Since, 0).Add(cursorLife)) {
		return Report{}, fmt.Errorf("%w: the download has expired; begin the report again", ErrTransaction)
	}
	return Report{ResourceID: resourceID, BookingStatus: t.Status, From: t.From, To: t.To, EntryReferenceFrom: t.Reference}, nil
}

// whole gives rep, with the balances before and after it where it is a statement.
func (s *Service) whole(ctx context.Context, r Read, rep report, head func(Head) error, yield func(*core.Transaction) error) error {
	h := Head{From: rep.from, To: rep.to}
	var err error
	if h.Account.Account = rep.account; !rep.q.EntriesOnly {
		if h.Account, err = s.described(ctx, r, rep); err != nil {
			return err
		}
	}
	w, err := s.walkOf(ctx, rep, yield)
	if err != nil {
		return err
	}
	if rep.q.statement {
		newest, err := s.stood(ctx, r, rep, &h)
		if err != nil {
			return err
		}
		if newest != "" {
			// What is booked while the report is on its way is in none of its balances.
			belongs, since := w.wants, false
			w.wants = func(t *core.Transaction) bool {
				since = since || string(t.ID) == newest
				return since && belongs(t)
			}
		}
	}
	if err := head(h); err != nil {
		return err
	}
	if err := s.standingOrders(ctx, r, rep, yield); err != nil {
		return err
	}
	return s.all(ctx, r, rep, w)
}

// all yields every entry of rep.
func (s *Service) all(ctx context.Context, r Read, rep report, w walk[core.Transaction]) error {
	if rep.q.BookingStatus == "information" {
		return nil
	}
	w.take = math.MaxInt
	_, _, _, err := w.run(ctx, "", s.entries(r, rep))
	return s.heard(ctx, rep.consent, err)
}

// stood finds how the account of rep stood before and after it, and which of its entries is
// the newest. A bank that tells the balance after each entry tells both by two of them: the
// newest of the period, and the newest before it. Of another bank's, the entries are summed
// up first, back from today's balance.
func (s *Service) stood(ctx context.Context, r Read, rep report, h *Head) (newest string, err error) {
	before, err := s.balanceBefore(ctx, r, rep, rep.from)
	if err != nil {
		return "", err
	}
	after, err := s.balanceBefore(ctx, r, rep, rep.to.AddDays(1))
	if err != nil {
		return "", err
	}
	if before.balance != nil && after.balance != nil {
		h.Opening, h.Closing = before.balance, after.balance
		return after.entry, nil
	}
	return s.summedUp(ctx, r, rep, h)
}

// lookBack is how far before a day the newest entry is looked for.
const lookBack = 400

// A standing is a booked balance after an entry.
type standing struct {
	entry   string        // ID, as the bank's JSON has it
	balance *money.Amount // nil: the bank does not tell
}

// balanceBefore returns how the account stood before d, as the bank tells it with the newest
// entry booked until then.
func (s *Service) balanceBefore(ctx context.Context, r Read, rep report, d day.Day) (found standing, err error) {
	before := rep
	before.from, before.to = d.AddDays(-lookBack), d.AddDays(-1)
	w := walk[core.Transaction]{
		wants: func(t *core.Transaction) bool { return !t.Pending },
		yield: func(t *core.Transaction) error {
			found.entry = string(t.ID)
			if b := t.BalanceAfter; len(b.Type) > 0 {
				if amount, err := money.Parse(string(b.Amount), string(b.Currency)); err == nil {
					found.balance = &amount
				}
			}
			return errReportOver
		},
		take: 1,
	}
	_, _, _, err = w.run(ctx, "", s.entries(r, before))
	return found, s.heard(ctx, rep.consent, err)
}

// summedUp goes back from today's booked balance over every entry since rep.from. Without
// such a balance, or with entries in other currencies, there is nothing to tell.
func (s *Service) summedUp(ctx context.Context, r Read, rep report, h *Head) (newest string, err error) {
	var closing *money.Amount
	for _, b := range h.Account.Details.Balances {
		if b.Type == "interimBooked" && b.Amount.Currency == h.Account.Details.Currency {
			closing = &b.Amount
		}
	}
	if closing == nil {
		return "", nil
	}
	sum := money.Amount{Currency: closing.Currency} // of the entries within the period
	since := rep
	since.to = day.Of(s.Now(), r.Bank.Zone)
	until := rep.to.String()
	w := walk[core.Transaction]{
		wants: func(t *core.Transaction) bool { return !t.Pending },
		yield: func(t *core.Transaction) error {
			amount, err := money.Parse(string(t.Amount), string(t.Currency))
			if err != nil || amount.Currency != closing.Currency {
				return errNoSum
			}
			if string(t.BookingDate) > until {
				*closing = closing.Plus(amount.Neg())
				return nil
			}
			if newest == "" {
				newest = string(t.ID)
			}
			sum = sum.Plus(amount)
			return nil
		},
	}
	if err := s.all(ctx, r, since, w); errors.Is(err, errNoSum) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	opening := closing.Plus(sum.Neg())
	h.Opening, h.Closing = &opening, closing
	return newest, nil
}

// errNoSum ends a sum that has no meaning.
var errNoSum = errors.New("entries cannot be summed up")

// described returns the account of rep, as the consent shows it.
func (s *Service) described(ctx context.Context, r Read, rep report) (Described, error) {
	c, accounts, err := s.ask(ctx, r, rep.consent)
	if err != nil {
		return Described{}, err
	}
	for _, d := range s.describe(c, accounts, true) {
		if d.ResourceID == rep.account.ResourceID {
			return d, nil
		}
	}
	return Described{}, ErrUnknown
}
