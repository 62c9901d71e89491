package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"kontor/bank/core"
)

// Errors that end a walk over the bank's entries.
var (
	errPageFull   = errors.New("page is full")
	errReportOver = errors.New("report ends here")
)

// bankPages asks the bank for one page of entries, newest first, and returns the cursor of
// the next one.
type bankPages[T any] func(ctx context.Context, cursor string, entry func(*T) error) (next string, err error)

// A walk takes one page of ours out of the bank's own pages, which may be of any size.
type walk[T any] struct {
	wants func(*T) bool      // belongs to the report
	ends  func(*T) bool      // the report ends before it; nil: at the end of the period
	key   func(*T) core.Text // identifies an entry
	yield func(*T) error

	take, skip int
	taken      int
	seen       int // wanted entries of the bank's page under way
	resume     int // wanted entries of it that this report has used
}

func (w *walk[T]) entry(t *T) error {
	if w.ends != nil && w.ends(t) {
		return errReportOver
	}
	if !w.wants(t) {
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

// run walks from cursor of the bank on. It returns where the page after this one begins;
// more is false where there is none.
func (w *walk[T]) run(ctx context.Context, cursor string, pages bankPages[T]) (bank string, skip int, more bool, err error) {
	for {
		w.seen = 0
		next, err := pages(ctx, cursor, w.entry)
		switch {
		case errors.Is(err, errPageFull):
			return cursor, w.resume, true, nil
		case errors.Is(err, errReportOver):
			return "", 0, false, nil
		case err != nil:
			return "", 0, false, err
		case next == "":
			return "", 0, false, nil
		case next == cursor:
			return "", 0, false, fmt.Errorf("%w: its pages go round in a circle", core.ErrMalformed)
		case w.taken == w.take:
			// Full at the end of a page of the bank's: there is more, though perhaps of
			// another status. Asking first would cost every such page a second question.
			return next, 0, true, nil
		}
		cursor = next
		w.skip -= min(w.skip, w.seen)
	}
}

// last finds where the last page of size entries begins: it walks all of them once, and
// remembers on which of the bank's pages the last ones stood.
func (w *walk[T]) last(ctx context.Context, pages bankPages[T], size int) (bank string, skip, index int, err error) {
	type stretch struct {
		cursor string
		before int // entries of the report before this page of the bank's
	}
	total := 0
	var trail []stretch // long enough to hold the last page
	count := func(t *T) error {
		if w.ends != nil && w.ends(t) {
			return errReportOver
		}
		if w.wants(t) {
			total++
		}
		return nil
	}
	for cursor := ""; ; {
		trail = append(trail, stretch{cursor, total})
		for len(trail) > 1 && trail[1].before <= total-size {
			trail = trail[1:]
		}
		next, err := pages(ctx, cursor, count)
		if err != nil && !errors.Is(err, errReportOver) {
			return "", 0, 0, err
		}
		if err != nil || next == "" {
			break
		}
		if next == cursor {
			return "", 0, 0, fmt.Errorf("%w: its pages go round in a circle", core.ErrMalformed)
		}
		cursor = next
	}
	index = max(total-1, 0) / size
	from := index * size
	at := trail[0]
	for _, s := range trail {
		if s.before <= from {
			at = s
		}
	}
	return at.cursor, from - at.before, index, nil
}

// A position is where a page begins: so many wanted entries into a page of the bank's. It
// goes to the TPP and back as a cursor.
type position struct {
	Bank  string `json:"b,omitempty"`
	Skip  int    `json:"s,omitempty"`
	Index int    `json:"i,omitempty"` // of the page
	Last  bool   `json:"l,omitempty"` // the last page, wherever it begins
	Mark  string `json:"m,omitempty"` // digest of the report's newest entry
	Since int64  `json:"t"`           // when the report began, in seconds
}

// cursor writes p so that only this report, of this consent, can use it.
func (s *Service) cursor(r Read, q Report, p position) string {
	b, _ := json.Marshal(p) // numbers and texts
	return s.sealed(b, q.marks(r)...)
}

func (s *Service) position(r Read, q Report) (p position, err error) {
	b, ok := s.unsealed(q.Cursor, q.marks(r)...)
	if !ok || json.Unmarshal(b, &p) != nil {
		return p, fmt.Errorf("%w: cursor belongs to another report", ErrParameter)
	}
	if s.Now().After(time.Unix(p.Since, 0).Add(cursorLife)) {
		return p, fmt.Errorf("%w: cursor is too old; begin the report again", ErrParameter)
	}
	return p, nil
}

// marks tell q from every other report.
func (q Report) marks(r Read) []string {
	kind := "account"
	if q.card {
		kind = "card"
	}
	return []string{"cursor", r.Bank.Code, r.ConsentID, kind, q.ResourceID, q.BookingStatus, q.From.String(), q.To.String(), q.EntryReferenceFrom, strconv.FormatBool(q.Delta)}
}

// sealed writes payload so that it can only be used for what marks say.
func (s *Service) sealed(payload []byte, marks ...string) string {
	return base64.RawURLEncoding.EncodeToString(append(keyed(s.Key, append(marks, string(payload))...), payload...))
}

// unsealed returns the payload of what sealed made with the same marks.
func (s *Service) unsealed(text string, marks ...string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < sha256.Size {
		return nil, false
	}
	mac, payload := b[:sha256.Size], b[sha256.Size:]
	return payload, hmac.Equal(mac, keyed(s.Key, append(marks, string(payload))...))
}

// keyed is a digest of parts that only the holder of key can make. The first part says what
// for, and no part can run into the next.
func keyed(key []byte, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	var b []byte
	for _, p := range parts {
		b = append(append(binary.AppendUvarint(b, uint64(len(p))), p...), 0)
	}
	mac.Write(b)
	return mac.Sum(nil)
}

// digest keeps a client's text out of a key and gives it one length.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
