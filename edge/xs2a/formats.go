package xs2a

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kontor/bank/account"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/edge/report"
	"kontor/kit/day"
	"kontor/kit/money"
)

// formats returns the formats in which the report q can be served to a TPP that accepts
// what it says: one, or several between which the rights of the consent decide. JSON is
// served in pages, the others whole.
//
// Media types tell less than banks have: application/xml is camt.052, .053 or .054, and
// text/plain MT940 or MT942. A statement (camt.053, MT940) is made of days that are over;
// where the day is still running, or entries are pending, an interim report takes its place.
// A TPP that wants a certain one says so by a parameter: application/xml;schema=camt.054.
func (a *API) formats(c *call, q account.Report) ([]string, error) {
	accepted, asked := accepted(c.Header.Values("Accept"))
	if !asked {
		return []string{profile.FormatJSON}, nil
	}
	closed := !q.To.IsZero() && q.To.Before(day.Of(a.Now(), a.Bank.Zone))
	for _, m := range accepted {
		switch m.name {
		case "application/json", "application/problem+json", "application/*", "*/*":
			return []string{profile.FormatJSON}, nil
		case "application/xml", "text/xml":
			if found := a.fitting("camt.", m.schema, q.BookingStatus, closed); found != nil {
				return found, nil
			}
		case "text/plain", "text/*":
			if found := a.fitting("mt", m.schema, q.BookingStatus, closed); found != nil {
				return found, nil
			}
		}
	}
	return nil, errAccept
}

// fitting returns the bank's formats of one family that can tell entries of status, the best
// first. With a schema only those count that it names.
func (a *API) fitting(family, schema, status string, closed bool) (found []string) {
	if status == "information" || status == "all" {
		return nil // no such format knows standing orders
	}
	for _, name := range a.Bank.Accounts.Formats {
		f := report.Format(name)
		notice := strings.HasPrefix(name, "camt.054") // of single bookings: only for who asks
		if strings.HasPrefix(name, family) && strings.HasPrefix(name, schema) && (schema != "" || !notice) && (status == "booked" || f.Pending()) {
			found = append(found, name)
		}
	}
	slices.SortStableFunc(found, func(x, y string) int {
		return rank(report.Format(x).NeedsBalances() == closed) - rank(report.Format(y).NeedsBalances() == closed)
	})
	return found
}

func rank(best bool) int {
	if best {
		return 0
	}
	return 1
}

// A mediaRange is one of those that a TPP accepts.
type mediaRange struct {
	name, schema string
	quality      float64
}

// accepted reads the Accept header: what is wanted most comes first, and what is not wanted
// is left out. asked says whether there is such a header at all.
//
// Source: RFC 9110, section 12.5.1.
func accepted(headers []string) (all []mediaRange, asked bool) {
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			m := mediaRange{name: strings.ToLower(strings.TrimSpace(name)), quality: 1}
			if m.name == "" {
				continue
			}
			for p := range strings.SplitSeq(parameters, ";") {
				key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
				switch value = strings.Trim(value, `"`); strings.ToLower(key) {
				case "q":
					m.quality, _ = strconv.ParseFloat(value, 64)
				case "schema":
					m.schema = strings.ToLower(value)
				}
			}
			asked = true
			if m.quality > 0 {
				all = append(all, m)
			}
		}
	}
	slices.SortStableFunc(all, func(x, y mediaRange) int { return cmp.Compare(y.quality, x.quality) })
	return all, asked
}

// A reading gives a whole report: head once, then its entries.
type reading func(balances bool, head func(account.Head) error, entry func(*core.Transaction) error) error

// whole answers with a report as it comes from the bank, in the first of formats that the
// consent has the rights for. Once it has begun there is no way to refuse any more: what
// breaks off then breaks off the connection, so that nobody takes a part for the whole.
func (a *API) whole(c *call, q account.Report, formats []string, read reading) (answer, error) {
	for i, format := range formats {
		s := &stream{a: a, c: c, format: format, status: q.BookingStatus, out: bufio.NewWriterSize(deadlines{c.w}, streamBuffer)}
		s.json = a.writer(q.ResourceID)
		err := read(report.Format(format).NeedsBalances(), s.head, s.entry)
		if err == nil {
			err = s.end()
		}
		switch {
		case err == nil:
			return answer{sent: true}, nil
		case s.begun:
			a.Log.WarnContext(c.Context(), "report broke off", "bank", a.Bank.Code, "operation", c.op.id, "tpp", c.tpp.ID, "requestId", c.requestID, "err", err)
			panic(http.ErrAbortHandler)
		case i+1 < len(formats) && (errors.Is(err, consent.ErrInvalid) || errors.Is(err, report.ErrHead)):
			continue // no right to balances, or none are known: another format needs none
		}
		return answer{}, a.olderHistory(c, inHeader(err))
	}
	return answer{}, errAccept
}

const (
	// streamBuffer is how much of a report is written at once.
	streamBuffer = 32 << 10
	// streamPending bounds what is kept until the booked entries are written.
	streamPending = 8 << 20
	// streamPatience is how long a TPP may take to read so much.
	streamPatience = time.Minute
)

// deadlines gives a TPP that goes on reading as long as it takes.
type deadlines struct{ w http.ResponseWriter }

func (d deadlines) Write(b []byte) (int, error) {
	// Not every writer has deadlines; one that has none needs no more time.
	_ = http.NewResponseController(d.w).SetWriteDeadline(time.Now().Add(streamPatience))
	return d.w.Write(b)
}

// A stream writes a whole report in one format.
type stream struct {
	a      *API
	c      *call
	format string
	out    *bufio.Writer
	begun  bool
	report *report.Writer // of formats but JSON
	json   writer
	booked bool // a booked entry was written
	status string
}

// head begins the answer.
func (s *stream) head(h account.Head) (err error) {
	contentType := report.Format(s.format).ContentType()
	if s.format == profile.FormatJSON {
		contentType = "application/json"
	} else if s.report, err = report.New(report.Format(s.format), s.out, s.a.reportHead(h, s.format)); err != nil {
		return err
	}
	s.begun = true
	header := s.c.w.Header()
	header.Set("Content-Type", contentType)
	s.c.w.WriteHeader(http.StatusOK)
	if s.report == nil {
		_, err = io.WriteString(s.out, `{"account":`)
		writeJSON(s.out, wireReference(h.Account.Reference))
		io.WriteString(s.out, `,"transactions":{`)
		if showsBooked(s.status) {
			io.WriteString(s.out, `"booked":[`)
		}
	}
	return err
}

// reportHead tells a report what it says first. In MT the balance before is that of the
// evening before; in camt it is that of the first day's morning.
func (a *API) reportHead(h account.Head, format string) report.Head {
	head := report.Head{
		ID: strings.ReplaceAll(newUUID(), "-", ""), Created: a.Now(), Account: h.Account.Details, BankBIC: a.Bank.BIC, BankName: a.Bank.Name,
		From: h.From, To: h.To, Zone: a.Bank.Zone, Balances: h.Account.Details.Balances,
	}
	balance := func(amount *money.Amount, d day.Day) *report.Balance {
		if amount == nil {
			return nil
		}
		return &report.Balance{Amount: *amount, Day: d}
	}
	opened := h.From
	if report.Format(format) == report.MT940 {
		opened = opened.AddDays(-1)
	}
	head.Opening, head.Closing = balance(h.Opening, opened), balance(h.Closing, h.To)
	return head
}

// entry writes one entry. As JSON, pending ones wait: they stand in a list of their own.
func (s *stream) entry(t *core.Transaction) error {
	if s.report != nil {
		return s.report.Entry(t)
	}
	if t.Pending || t.Standing != nil {
		if len(s.json.pending)+len(s.json.information) > streamPending {
			return fmt.Errorf("%w: too many pending entries", core.ErrMalformed)
		}
		return s.json.entry(t)
	}
	b := s.json.booked[:0]
	if s.booked {
		b = append(b, ',')
	}
	s.booked = true
	s.json.booked = s.json.write(b, t)
	_, err := s.out.Write(s.json.booked)
	return err
}

// end ends the answer.
func (s *stream) end() error {
	if s.report != nil {
		return errors.Join(s.report.Close(), s.out.Flush())
	}
	if showsBooked(s.status) {
		io.WriteString(s.out, `],`)
	}
	for _, list := range []struct {
		name    string
		shown   bool
		entries []byte
	}{{"pending", showsPending(s.status), s.json.pending}, {"information", showsInformation(s.status), s.json.information}} {
		if list.shown {
			io.WriteString(s.out, `"`+list.name+`":[`)
			s.out.Write(list.entries)
			io.WriteString(s.out, `],`)
		}
	}
	io.WriteString(s.out, `"_links":`)
	writeJSON(s.out, links{Account: ptr(s.a.link("accounts", s.c.id("accountId")))})
	io.WriteString(s.out, "}}")
	return s.out.Flush() // bufio keeps the first error
}

// spec: xs2a/getTransactionDownload
func (a *API) downloadTransactions(c *call) (answer, error) {
	r, err := a.reader(c)
	if err != nil {
		return answer{}, err
	}
	id, download := c.id("accountId"), c.PathValue("downloadId")
	q, err := a.Accounts.Downloaded(r, id, download)
	if err != nil {
		return answer{}, inHeader(err)
	}
	formats, err := a.formats(c, q)
	if err != nil {
		return answer{}, err
	}
	q.EntriesOnly = formats[0] == profile.FormatJSON // which says nothing else
	return a.whole(c, q, formats, func(balances bool, head func(account.Head) error, entry func(*core.Transaction) error) error {
		return a.Accounts.Download(c.Context(), r, q, balances, head, entry)
	})
}

// olderHistory adds to a refusal of older history, where SCA anew opens it, how to begin that.
func (a *API) olderHistory(c *call, err error) error {
	if !errors.Is(err, account.ErrOlder) {
		return err
	}
	return &guided{err, links{StartAuthorisation: ptr(a.link("consents", plainID(c.Header.Get("Consent-ID")), "authorisations"))}}
}

// A guided error says what to do next.
type guided struct {
	error
	links links
}

func (e *guided) Unwrap() error { return e.error }
