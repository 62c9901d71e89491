package app_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kontor/app/apptest"
	"kontor/corebank/corebanktest"
	"kontor/kit/day"
	"kontor/kit/sqldb"
)

// Half a million entries of one account go through bank, wire and hub, as XML and as JSON,
// and at no time is more than a page of them in memory.
func TestHalfAMillionEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("half a million entries take their time")
	}
	const entries = 500_000
	dev, stop := start(t, nil)
	defer func() {
		if err := stop(); err != nil {
			t.Errorf("the end: %v", err)
		}
	}()
	s := apptest.New(t, dev.Ready)
	isar, ana, alpa := s.Bank("standard"), s.Personas[0], s.Certificate(s.TPPs[0])
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(filepath.Dir(dev.Ready.CA), "banks.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	began := time.Now()
	long, err := corebanktest.LongAccount(t.Context(), db, "isar", "1001", entries, day.Of(time.Now(), zone))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("booked in %v", time.Since(began))

	c := s.ConsentAt(isar, alpa, s.TPPs[0].OrganizationIdentifier, apptest.Redirect, ana,
		`{"access":{"allPsd2":"allAccounts"},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false}`)
	list := s.Ask(s.Client(alpa), http.MethodGet, isar.XS2A+"/v1/accounts", c.Headers(), "").Body
	at := strings.Index(list, `"iban":"`+long.IBAN+`"`)
	if at < 0 {
		t.Fatalf("no %s in %s", long.IBAN, list)
	}
	id := list[strings.LastIndex(list[:at], `"resourceId":"`)+len(`"resourceId":"`):]
	id = id[:strings.Index(id, `"`)]

	for _, tt := range []struct {
		name, accept string
		count        func(io.Reader) (int, error)
	}{
		{"as XML", "application/xml", countXML},
		{"as JSON", "application/json", func(r io.Reader) (int, error) { return countText(r, `"transactionId":"`) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address := isar.XS2A + "/v1/accounts/" + id + "/transactions?bookingStatus=booked&dateFrom=" + time.Now().AddDate(0, 0, -88).Format(time.DateOnly)
			if tt.accept == "application/json" { // in pages; the whole is a download
				page := s.Ask(s.Client(alpa), http.MethodGet, address, c.Headers(), "")
				address = page.Get("_links", "download", "href")
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range c.Headers() {
				r.Header.Set(name, value)
			}
			r.Header.Set("X-Request-ID", apptest.UUID())
			r.Header.Set("PSU-IP-Address", "192.0.2.7")
			r.Header.Set("Accept", tt.accept)
			client := *s.Client(alpa)
			client.Timeout = 0
			highest, done := heap()
			began := time.Now()
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			n, err := tt.count(res.Body)
			grown := done() - highest
			if err != nil || res.StatusCode != http.StatusOK || n != entries {
				t.Fatalf("%d, %d entries, %v", res.StatusCode, n, err)
			}
			t.Logf("%d entries in %v; the heap grew by %d KiB", n, time.Since(began), int64(grown)>>10)
			const most = 48 << 20 // entries themselves would be ten times as much
			if int64(grown) > most {
				t.Errorf("the heap grew by %d MiB", int64(grown)>>20)
			}
		})
	}
}

// heap returns what is in use now, and what tells the most that was in use since then.
func heap() (before uint64, highest func() uint64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	var most atomic.Uint64
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(50 * time.Millisecond):
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapInuse))
		}
	}()
	return m.HeapInuse, func() uint64 { close(end); <-ended; return max(most.Load(), m.HeapInuse) }
}

// countXML reads the document to its end and counts the entries.
func countXML(r io.Reader) (n int, err error) {
	for d := xml.NewDecoder(r); ; {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if begin, ok := token.(xml.StartElement); ok && begin.Name.Local == "Ntry" {
			n++
		}
	}
}

// countText counts what in a stream, wherever pieces of it end.
func countText(r io.Reader, what string) (n int, err error) {
	var kept []byte
	piece := make([]byte, 64<<10)
	for {
		m, err := r.Read(piece)
		kept = append(kept, piece[:m]...)
		n += bytes.Count(kept, []byte(what))
		if last := bytes.LastIndex(kept, []byte(what)); last >= 0 {
			kept = kept[last+len(what):]
		}
		kept = append([]byte{}, kept[max(0, len(kept)-len(what)+1):]...)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
