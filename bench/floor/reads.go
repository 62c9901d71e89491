package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"kontor/bench/floor/store"
)

// consent answers what the TPP holds. No token is asked for: the certificate says whose it is.
func (f *floor) consent(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time) error {
	var owner, status, access, validUntil, last string
	var recurring, frequency int64
	err := f.db.Row([]any{&owner, &status, &access, &validUntil, &recurring, &last, &frequency}, selectConsent, r.PathValue("consent"))
	if err != nil && !errors.Is(err, store.ErrNone) {
		return err
	}
	if err != nil || owner != t.id {
		return refusal{403, "CONSENT_UNKNOWN"}
	}
	if status == "valid" && validUntil < now.Format(time.DateOnly) {
		status = "expired"
	}
	_, err = fmt.Fprintf(w, `{"access":%s,"recurringIndicator":%t,"validUntil":%q,"frequencyPerDay":%d,"lastActionDate":%q,"consentStatus":%q,"_links":{"account":{"href":"/v1/accounts"}}}`,
		access, recurring == 1, validUntil, frequency, last, status)
	return err
}

func (f *floor) accounts(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time) error {
	a, err := f.allowed(r, t, now, "accounts")
	if err != nil {
		return err
	}
	body, err := f.ask(http.MethodGet, "/accounts", a.bankToken, a.consent, fmt.Appendf(nil, `{"session_secret":%q}`, a.session))
	if err != nil {
		return err
	}
	accounts, err := list(body)
	if err != nil {
		return err
	}
	return splice(w, `{"accounts":`, accounts, `}`)
}

// balances passes on the balances of one account, found as list finds the whole.
func (f *floor) balances(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time) error {
	a, err := f.allowed(r, t, now, "balances")
	if err != nil {
		return err
	}
	body, err := f.ask(http.MethodGet, "/accounts", a.bankToken, a.consent, fmt.Appendf(nil, `{"session_secret":%q}`, a.session))
	if err != nil {
		return err
	}
	_, rest, ok := bytes.Cut(body, []byte(`{"id":"`+a.account+`"`))
	_, rest, ok2 := bytes.Cut(rest, []byte(`"balances":`))
	end := bytes.IndexByte(rest, ']')
	if !ok || !ok2 || end < 0 {
		return errBank
	}
	return splice(w, `{"account":{"iban":"`+a.iban+`"},"balances":`, rest[:end+1], `}`)
}

func (f *floor) transactions(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time) error {
	q := r.URL.Query()
	from, to := q.Get("dateFrom"), q.Get("dateTo")
	if to == "" {
		to = now.Format(time.DateOnly)
	}
	if q.Get("bookingStatus") != "booked" {
		return refusal{400, "FORMAT_ERROR"}
	}
	return f.entries(w, r, t, now, from, to, "transactions")
}

// download gives all entries at once. Its address says of which days.
func (f *floor) download(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time) error {
	return f.entries(w, r, t, now, r.PathValue("from"), now.Format(time.DateOnly), "download")
}

func (f *floor) entries(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time, from, to, key string) error {
	first, err := time.Parse(time.DateOnly, from)
	last, err2 := time.Parse(time.DateOnly, to)
	if err != nil || err2 != nil {
		return refusal{400, "FORMAT_ERROR"}
	}
	if last.Before(first) || first.After(now) || first.Before(now.AddDate(0, 0, -91)) {
		return refusal{400, "PERIOD_INVALID"}
	}
	a, err := f.allowed(r, t, now, key)
	if err != nil {
		return err
	}
	xml := strings.HasPrefix(r.Header.Get("Accept"), "application/xml")
	var account []byte
	if xml { // which says more of the account than its IBAN
		if account, err = f.ask(http.MethodGet, "/accounts", a.bankToken, a.consent, fmt.Appendf(nil, `{"session_secret":%q}`, a.session)); err != nil {
			return err
		}
	}
	answer, err := f.open(http.MethodGet, "/accounts/"+a.account+"/transactions", a.bankToken, a.consent,
		fmt.Appendf(nil, `{"session_secret":%q,"account_id":%q,"from_date":%q,"to_date":%q}`, a.session, a.account, from, to))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if xml {
		return camt(w, a, account, answer.Body, from, to, now)
	}
	before := `{"account":{"iban":"` + a.iban + `"},"transactions":{"booked":`
	behind := `,"_links":{"account":{"href":"/v1/accounts/` + a.resource + `"}}}}`
	// What is read first holds a page; what is longer passes through.
	room := rooms.Get().(*[page]byte)
	defer rooms.Put(room)
	body := room[:]
	n, err := io.ReadFull(answer.Body, body)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		entries, err := list(body[:n])
		if err != nil {
			return err
		}
		return splice(w, before, entries, behind)
	case err != nil:
		return errBank
	}
	return pass(w, before, body, answer.Body, behind)
}

const page = 64 << 10

var rooms = sync.Pool{New: func() any { return new([page]byte) }}

func splice(w http.ResponseWriter, before string, body []byte, behind string) error {
	w.Header().Set("Content-Length", strconv.Itoa(len(before)+len(body)+len(behind)))
	w.Write([]byte(before))
	w.Write(body)
	w.Write([]byte(behind))
	return nil
}

// pass passes on a list that is longer than body, which holds its beginning. The end of what
// was read is kept back, because it may be the end of all.
func pass(w http.ResponseWriter, before string, body []byte, rest io.Reader, behind string) error {
	const begin, end = `{"data":`, `,"meta":{}}`
	if !bytes.HasPrefix(body, []byte(begin)) {
		return errBank
	}
	w.Write([]byte(before))
	w.Write(body[len(begin) : len(body)-len(end)])
	kept := copy(body, body[len(body)-len(end):])
	for {
		n, err := rest.Read(body[kept:])
		n += kept
		if err != nil {
			if err != io.EOF || string(body[max(0, n-len(end)):n]) != end {
				panic(http.ErrAbortHandler) // a part must not be taken for the whole
			}
			w.Write(body[:n-len(end)])
			_, err = w.Write([]byte(behind))
			return err
		}
		w.Write(body[:n-len(end)])
		kept = copy(body, body[n-len(end):n])
	}
}
