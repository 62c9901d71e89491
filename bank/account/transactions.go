package account

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/kit/day"
)

// A Report asks for an account's entries, or for one page of them.
type Report struct {
	ResourceID    string
	BookingStatus string  // booked, pending, both, information, all
	From, To      day.Day // of a period; a zero To is today
	// EntryReferenceFrom and Delta ask for what is newer than an entry: than the one with
	// this reference, or than the newest of the TPP's last such report. They exclude each
	// other, and need no From.
	EntryReferenceFrom string
	Delta              bool
	WithBalance        bool
	// EntriesOnly spares a whole report the question for its account: Head then tells of it
	// what the consent does.
	EntriesOnly  bool
	PageIndex    int // 0 is the first
	ItemsPerPage int // 0: the bank's default
	// Cursor is one of those in Page. It makes a page part of the same report, which is
	// counted once, and spares the bank the pages before.
	Cursor string

	card      bool
	statement bool // wants the balances before and after
}

// A Page is what a report has beside its entries.
type Page struct {
	Account  consent.Account
	Index    int
	Items    int            // per page
	Balances []core.Balance // where WithBalance asked for them

	First, Previous, Next, Last string // cursors of other pages; "" where there is none
	Download                    string // names the whole report, where it has several pages
}

// walkMax bounds how long a bank's pages are walked for one answer.
const walkMax = 30 * time.Second

// cursorLife is how long the pages of a report count as one read.
const cursorLife = time.Hour

// wants says whether a report of status shows an entry.
func wants(status string, pending bool) bool {
	switch status {
	case "booked":
		return !pending
	case "pending":
		return pending
	case "information":
		return false
	}
	return true
}

// A report is one that was permitted.
type report struct {
	consent  consent.Consent
	account  consent.Account
	q        Report
	from, to day.Day
	at       position
}

func (rep report) query(cursor string) core.TransactionQuery {
	return core.TransactionQuery{AccountID: rep.account.ID, From: rep.from, To: rep.to, Cursor: cursor}
}

// begin checks and permits the report q. What belongs to a report that was counted, by its
// cursor or without key, is not counted again.
func (s *Service) begin(ctx context.Context, r Read, q Report, key, action string) (rep report, err error) {
	p := r.Bank.Accounts
	switch {
	case !slices.Contains(p.BookingStatuses, q.BookingStatus):
		return rep, fmt.Errorf("%w: bookingStatus=%.20s", ErrNotSupported, q.BookingStatus)
	case q.EntryReferenceFrom != "" && q.Delta:
		return rep, fmt.Errorf("%w: entryReferenceFrom and deltaList exclude each other", ErrParameter)
	}
	// A TPP that also sends a period can be served by it.
	for _, parameter := range []struct {
		name        string
		used, offer bool
		drop        func()
	}{
		{"entryReferenceFrom", q.EntryReferenceFrom != "", p.EntryReferenceFrom, func() { q.EntryReferenceFrom = "" }},
		{"deltaList", q.Delta, p.DeltaList, func() { q.Delta = false }},
	} {
		if parameter.used && !parameter.offer {
			if q.From.IsZero() {
				return rep, fmt.Errorf("%w: %s", ErrNotSupported, parameter.name)
			}
			parameter.drop()
		}
	}
	switch p.WithBalance {
	case "ignore":
		q.WithBalance = false
	case "reject":
		if q.WithBalance {
			return rep, fmt.Errorf("%w: withBalance", ErrNotSupported)
		}
	}
	rep.q = q
	use := consent.Use{Transaction: true, Balances: q.WithBalance || q.statement, Key: key + q.ResourceID, Action: action}
	if q.Cursor != "" {
		if rep.at, err = s.position(r, q); err != nil {
			return rep, err
		}
	}
	if q.Cursor != "" || key == "" {
		use.Key = ""
	}
	if rep.consent, err = s.open(ctx, r, use, &q.ResourceID, q.card); err != nil {
		return rep, err
	}
	rep.account, _ = rep.consent.Find(q.ResourceID, q.card)
	if q.BookingStatus == "information" { // of standing orders there is one list, today's
		return rep, nil
	}
	rep.from, rep.to, err = period(r.Bank, rep.consent, q, s.Now())
	return rep, err
}

// Transactions checks and permits the report, then calls yield for each entry of one page,
// newest first. Standing orders stand on the first page.
//
// spec: xs2a/getTransactionList
func (s *Service) Transactions(ctx context.Context, r Read, q Report, yield func(*core.Transaction) error) (Page, error) {
	rep, err := s.begin(ctx, r, q, "transactions/", "account.transactions")
	if err != nil {
		return Page{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, walkMax)
	defer cancel()
	if err := s.standingOrders(ctx, r, rep, yield); err != nil {
		return Page{}, err
	}
	w, err := s.walkOf(ctx, rep, yield)
	if err != nil {
		return Page{}, err
	}
	page := Page{Account: rep.account}
	if rep.q.BookingStatus != "information" {
		if page, err = readPage(ctx, s, r, rep, w, s.entries(r, rep)); err != nil {
			return page, err
		}
	}
	if rep.q.WithBalance {
		page.Balances, err = s.balancesOf(ctx, r, rep)
	}
	return page, err
}

// entries asks the bank for the entries of rep.
func (s *Service) entries(r Read, rep report) bankPages[core.Transaction] {
	return func(ctx context.Context, cursor string, entry func(*core.Transaction) error) (string, error) {
		return s.Cores[rep.consent.Bank].Transactions(ctx, access(r, rep.consent), rep.query(cursor), entry)
	}
}

// walkOf says which entries belong to rep.
func (s *Service) walkOf(ctx context.Context, rep report, yield func(*core.Transaction) error) (walk[core.Transaction], error) {
	status := rep.q.BookingStatus
	w := walk[core.Transaction]{
		wants: func(t *core.Transaction) bool { return wants(status, t.Pending) },
		key:   func(t *core.Transaction) core.Text { return t.ID },
		yield: yield,
	}
	switch {
	case rep.q.EntryReferenceFrom != "":
		w.ends = func(t *core.Transaction) bool {
			return !t.Pending && len(t.EntryReference) > 0 && plain(t.EntryReference) == rep.q.EntryReferenceFrom
		}
	case rep.q.Delta:
		mark, err := s.Store.Mark(ctx, rep.consent.Bank, rep.consent.ID, rep.q.ResourceID)
		if err != nil {
			return w, err
		}
		if mark != "" {
			w.ends = func(t *core.Transaction) bool { return !t.Pending && digest(plain(t.ID)) == mark }
		}
	}
	return w, nil
}

// readPage reads one page of rep by w, and says where the others are.
func readPage[T any](ctx context.Context, s *Service, r Read, rep report, w walk[T], pages bankPages[T]) (Page, error) {
	p, q, at := r.Bank.Accounts, rep.q, rep.at
	page := Page{Account: rep.account, Index: at.Index, Items: min(cmp.Or(q.ItemsPerPage, p.ItemsPerPageDefault), p.ItemsPerPageMax)}
	if at.Since == 0 {
		at.Since = s.Now().Unix()
	}
	w.take, w.skip = page.Items, at.Skip
	switch {
	case q.Cursor == "":
		page.Index = q.PageIndex
		w.skip = q.PageIndex * page.Items
	case at.Last:
		var err error
		if at.Bank, w.skip, page.Index, err = w.last(ctx, pages, page.Items); err != nil {
			return page, s.heard(ctx, rep.consent, err)
		}
	}
	if q.Delta && page.Index == 0 {
		yield := w.yield
		w.yield = func(t *T) error {
			if id := w.key(t); at.Mark == "" && len(id) > 0 && !isPending(t) {
				at.Mark = digest(plain(id))
			}
			return yield(t)
		}
	}
	bank, skip, more, err := w.run(ctx, at.Bank, pages)
	if err != nil {
		return page, s.heard(ctx, rep.consent, err)
	}
	to := func(p position) string {
		p.Since, p.Mark = at.Since, at.Mark
		return s.cursor(r, q, p)
	}
	if more {
		page.Next = to(position{Bank: bank, Skip: skip, Index: page.Index + 1})
		page.Last = to(position{Last: true})
		if p.Downloads && !q.Delta && !q.card {
			page.Download = s.ticket(r, q, at.Since)
		}
	}
	if page.Index > 0 {
		page.First = to(position{})
		page.Previous = to(position{Skip: (page.Index - 1) * page.Items, Index: page.Index - 1})
	}
	if q.Delta && !more && at.Mark != "" { // all of it was read: the next one begins here
		err = s.Store.SetMark(ctx, rep.consent.Bank, rep.consent.ID, q.ResourceID, at.Mark)
	}
	return page, err
}

func isPending(t any) bool {
	switch t := t.(type) {
	case *core.Transaction:
		return t.Pending
	case *core.CardTransaction:
		return t.Pending
	}
	return false
}

// standingOrders yields the standing orders where rep shows them.
func (s *Service) standingOrders(ctx context.Context, r Read, rep report, yield func(*core.Transaction) error) error {
	status := rep.q.BookingStatus
	first := rep.q.Cursor == "" && rep.q.PageIndex == 0
	if !(status == "information" || status == "all" && first) {
		return nil
	}
	err := s.Cores[rep.consent.Bank].StandingOrders(ctx, access(r, rep.consent), rep.account.ID, yield)
	if errors.Is(err, core.ErrNotOffered) {
		if status == "all" {
			return nil
		}
		return fmt.Errorf("%w: bookingStatus=information", ErrNotSupported)
	}
	return s.heard(ctx, rep.consent, err)
}

// balancesOf returns the balances of the account of rep.
func (s *Service) balancesOf(ctx context.Context, r Read, rep report) ([]core.Balance, error) {
	accounts, err := s.Cores[rep.consent.Bank].Accounts(ctx, access(r, rep.consent))
	if err != nil {
		return nil, s.heard(ctx, rep.consent, err)
	}
	for _, a := range accounts {
		if a.ID == rep.account.ID {
			return a.Balances, nil
		}
	}
	return nil, ErrUnknown
}

// Transaction finds one entry by its ID. The protocol has no question for one entry, so
// the report is walked until it appears.
//
// spec: xs2a/getTransactionDetails
func (s *Service) Transaction(ctx context.Context, r Read, resourceID, id string, yield func(*core.Transaction) error) error {
	use := consent.Use{Transaction: true, Key: "transaction/" + resourceID + "/" + digest(id), Action: "account.transaction"}
	c, err := s.open(ctx, r, use, &resourceID, false)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, walkMax)
	defer cancel()
	account, _ := c.Find(resourceID, false)
	now := s.Now()
	rep := report{consent: c, account: account, from: oldest(r.Bank, c, now), to: day.Of(now, r.Bank.Zone)}
	w := walk[core.Transaction]{
		wants: func(t *core.Transaction) bool { return len(t.ID) > 0 && plain(t.ID) == id },
		yield: func(t *core.Transaction) error {
			if err := yield(t); err != nil {
				return err
			}
			return errReportOver
		},
		take: 1,
	}
	if _, _, _, err := w.run(ctx, "", s.entries(r, rep)); err != nil {
		return s.heard(ctx, c, err)
	}
	if w.taken == 0 {
		return ErrTransaction
	}
	return nil
}

// plain returns what t means: one text can be escaped in many ways.
func plain(t core.Text) string {
	if bytes.IndexByte(t, '\\') < 0 {
		return string(t)
	}
	var s string
	json.Unmarshal(slices.Concat([]byte{'"'}, t, []byte{'"'}), &s) // valid by the port's promise
	return s
}
