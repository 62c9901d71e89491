package account

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/kit/day"
)

// A Report asks for one page of an account's entries.
type Report struct {
	ResourceID    string
	BookingStatus string // booked, pending, both
	From, To      day.Day
	PageIndex     int // 0 is the first
	ItemsPerPage  int // 0: the bank's default
	// Cursor is Page.Next of the page before; it makes the next page cheap, and part of the
	// same report: it is not counted as another read.
	Cursor string
}

// A Page is what a report has beside its entries.
type Page struct {
	Account   consent.Account
	PageIndex int
	Items     int    // per page
	Next      string // cursor of the next page; "" on the last
}

// historyMaxDays is as far back as one entry is looked for while older history is open.
const historyMaxDays = 3660

// walkMax bounds how long a bank's pages are walked for one answer.
const walkMax = 30 * time.Second

// cursorLife is how long the pages of a report count as one read.
const cursorLife = time.Hour

// Transactions checks and permits the report, then calls yield for each of its entries,
// newest first.
//
// spec: xs2a/getTransactionList
func (s *Service) Transactions(ctx context.Context, r Read, q Report, yield func(*core.Transaction) error) (Page, error) {
	p := r.Bank.Accounts
	if !slices.Contains(p.BookingStatuses, q.BookingStatus) {
		return Page{}, fmt.Errorf("%w: bookingStatus=%.20s", ErrNotSupported, q.BookingStatus)
	}
	use := consent.Use{Transaction: true, Key: "transactions/" + q.ResourceID, Action: "account.transactions"}
	at := position{}
	if q.Cursor != "" {
		var err error
		if at, err = s.position(r, q); err != nil {
			return Page{}, err
		}
		use.Key = ""
	}
	c, err := s.open(ctx, r, use, &q.ResourceID)
	if err != nil {
		return Page{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, walkMax)
	defer cancel()
	account, _ := c.Find(q.ResourceID, false)
	from, to, err := period(r.Bank, c, q.From, q.To, s.Now())
	if err != nil {
		return Page{}, err
	}
	page := Page{Account: account, PageIndex: q.PageIndex, Items: min(cmp.Or(q.ItemsPerPage, p.ItemsPerPageDefault), p.ItemsPerPageMax)}
	skip := at.Skip
	if q.Cursor == "" {
		skip = q.PageIndex * page.Items
	}
	w := walk{take: page.Items, skip: skip, status: q.BookingStatus, yield: yield}
	for cursor := at.Bank; ; {
		w.seen = 0
		next, err := s.Cores[c.Bank].Transactions(ctx, access(r, c), core.TransactionQuery{AccountID: account.ID, From: from, To: to, Cursor: cursor}, w.entry)
		switch {
		case errors.Is(err, errPageFull):
			page.Next = s.cursor(r, q, position{Bank: cursor, Skip: w.resume, Since: at.since(s.Now())})
			return page, nil
		case err != nil:
			return Page{}, s.heard(ctx, c, err)
		case next == "":
			return page, nil
		case next == cursor:
			return Page{}, fmt.Errorf("%w: its pages go round in a circle", core.ErrMalformed)
		case w.taken == w.take:
			// Full at the end of a page of the bank's: there is more, though perhaps of
			// another status. Asking first would cost every such page a second question.
			page.Next = s.cursor(r, q, position{Bank: next, Since: at.since(s.Now())})
			return page, nil
		}
		cursor = next
		w.skip -= min(w.skip, w.seen)
	}
}

// Transaction finds one entry by its ID. The protocol has no question for one entry, so
// the report is walked until it appears.
//
// spec: xs2a/getTransactionDetails
func (s *Service) Transaction(ctx context.Context, r Read, resourceID, id string, yield func(*core.Transaction) error) error {
	use := consent.Use{Transaction: true, Key: "transaction/" + resourceID + "/" + digest(id), Action: "account.transaction"}
	c, err := s.open(ctx, r, use, &resourceID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, walkMax)
	defer cancel()
	account, _ := c.Find(resourceID, false)
	now := s.Now()
	to := day.Of(now, r.Bank.Zone)
	from := to.AddDays(-r.Bank.Accounts.HistoryDays)
	if fresh(r.Bank, c, now) {
		from = to.AddDays(-historyMaxDays) // what the list shows can be looked at
	}
	entry := func(t *core.Transaction) error {
		if len(t.ID) == 0 || plain(t.ID) != id {
			return nil
		}
		if err := yield(t); err != nil {
			return err
		}
		return errPageFull
	}
	for cursor := ""; ; {
		next, err := s.Cores[c.Bank].Transactions(ctx, access(r, c), core.TransactionQuery{AccountID: account.ID, From: from, To: to, Cursor: cursor}, entry)
		switch {
		case errors.Is(err, errPageFull):
			return nil
		case err != nil:
			return s.heard(ctx, c, err)
		case next == "" || next == cursor:
			return ErrTransaction
		}
		cursor = next
	}
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

// errPageFull ends a walk over the bank's entries when there is enough.
var errPageFull = errors.New("page is full")

// A walk takes one page out of the bank's own pages, which may be of any size.
type walk struct {
	take, skip int
	status     string
	yield      func(*core.Transaction) error
	taken      int
	seen       int // matching entries of the bank's page under way
	resume     int // matching entries of it that this report has used
}

func (w *walk) entry(t *core.Transaction) error {
	if w.status == "booked" && t.Pending || w.status == "pending" && !t.Pending {
		return nil
	}
	if w.seen++; w.seen <= w.skip {
		return nil
	}
	if w.taken == w.take {
		w.resume = w.seen - 1
		return errPageFull
	}
	w.taken++
	return w.yield(t)
}

// A position is where a page begins: so many matching entries into a page of the bank's.
type position struct {
	Bank  string `json:"b,omitempty"`
	Skip  int    `json:"s,omitempty"`
	Since int64  `json:"t"` // when the report began, in seconds
}

func (p position) since(now time.Time) int64 {
	if p.Since == 0 {
		return now.Unix()
	}
	return p.Since
}

// cursor writes p so that only this report, of this consent, can use it.
func (s *Service) cursor(r Read, q Report, p position) string {
	b, _ := json.Marshal(p) // two numbers and a text
	return base64.RawURLEncoding.EncodeToString(append(s.cursorMAC(r, q, b), b...))
}

func (s *Service) position(r Read, q Report) (p position, err error) {
	b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil || len(b) < sha256.Size || !hmac.Equal(b[:sha256.Size], s.cursorMAC(r, q, b[sha256.Size:])) {
		return p, fmt.Errorf("%w: cursor belongs to another report", ErrParameter)
	}
	if err := json.Unmarshal(b[sha256.Size:], &p); err != nil {
		return p, fmt.Errorf("%w: cursor", ErrParameter)
	}
	if s.Now().After(time.Unix(p.Since, 0).Add(cursorLife)) {
		return p, fmt.Errorf("%w: cursor is too old; begin the report again", ErrParameter)
	}
	return p, nil
}

func (s *Service) cursorMAC(r Read, q Report, payload []byte) []byte {
	mac := hmac.New(sha256.New, s.Key)
	fmt.Fprintf(mac, "cursor\x00%s\x00%s\x00%s\x00%s\x00%s\x00%s\x00", r.Bank.Code, r.ConsentID, q.ResourceID, q.BookingStatus, q.From, q.To)
	mac.Write(payload)
	return mac.Sum(nil)
}

// digest keeps a client's text out of a key and gives it one length.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
