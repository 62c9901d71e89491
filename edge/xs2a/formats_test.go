package xs2a

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"kontor/bank/account"
	"kontor/kit/day"
)

func TestFormatsOfReports(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	yesterday, today := day.New(2026, 2, 28), day.New(2026, 3, 1)
	all := []string{"json", "camt.053.001.08", "camt.052.001.08", "camt.054.001.08", "mt940", "mt942"}
	jsonOnly := []string{"json"}
	for _, c := range []struct {
		name, status string
		to           day.Day
		accept       []string
		offered      []string
		want         []string // nil: 406
	}{
		{"no wish", "booked", today, nil, all, jsonOnly},
		{"an empty one", "booked", today, []string{","}, all, jsonOnly},
		{"JSON", "booked", today, []string{"application/json"}, all, jsonOnly},
		{"JSON in another spelling", "booked", today, []string{"Application/JSON; charset=utf-8"}, all, jsonOnly},
		{"anything", "booked", today, []string{"*/*"}, all, jsonOnly},
		{"problems for refusals, and JSON then", "booked", today, []string{"application/problem+json"}, all, jsonOnly},
		{"anything but JSON", "booked", today, []string{"application/json;q=0"}, all, nil},
		{"XML or, if need be, anything", "booked", today, []string{"application/xml, */*;q=0.1"}, jsonOnly, jsonOnly},
		{"text or JSON, in two headers", "booked", today, []string{"text/plain", "application/json"}, jsonOnly, jsonOnly},
		{"XML that is not offered", "booked", today, []string{"application/xml"}, jsonOnly, nil},
		{"text that is not offered", "booked", today, []string{"text/plain"}, jsonOnly, nil},
		{"a picture", "booked", today, []string{"image/png"}, all, nil},
		{"XML of days that are over: a statement, else a report", "booked", yesterday, []string{"application/xml"}, all, []string{"camt.053.001.08", "camt.052.001.08"}},
		{"XML of a day that is running", "booked", today, []string{"application/xml"}, all, []string{"camt.052.001.08", "camt.053.001.08"}},
		{"XML with pending entries", "both", yesterday, []string{"application/xml"}, all, []string{"camt.052.001.08"}},
		{"XML of standing orders", "information", day.Day{}, []string{"application/xml"}, all, nil},
		{"text of days that are over", "booked", yesterday, []string{"text/plain"}, all, []string{"mt940", "mt942"}},
		{"text of pending entries", "pending", yesterday, []string{"text/plain"}, all, []string{"mt942"}},
		{"a certain XML", "booked", today, []string{"application/xml;schema=camt.054"}, all, []string{"camt.054.001.08"}},
		{"a certain version, that is not offered", "booked", today, []string{`application/xml; schema="camt.053.001.02"`}, all, nil},
		{"a certain text", "booked", yesterday, []string{"text/plain;schema=MT942"}, all, []string{"mt942"}},
		{"what is wanted most", "booked", yesterday, []string{"application/json;q=0.5, application/xml;q=0.9"}, all, []string{"camt.053.001.08", "camt.052.001.08"}},
		{"what is wanted most, if it can be had", "information", day.Day{}, []string{"application/xml, application/json;q=0.2"}, all, jsonOnly},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := &API{Now: func() time.Time { return now }}
			a.Bank.Zone, a.Bank.Accounts.Formats = time.UTC, c.offered
			got, err := a.formats(&call{Request: &http.Request{Header: http.Header{"Accept": c.accept}}}, account.Report{BookingStatus: c.status, To: c.to})
			if !slices.Equal(got, c.want) || (c.want == nil) != errors.Is(err, errAccept) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}
