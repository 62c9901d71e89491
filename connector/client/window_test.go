package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"kontor/bank/core"
)

// An answer must read the same wherever it is cut.
func TestAWindowReadsWhatTheWholeSays(t *testing.T) {
	bodies := []string{
		`{"meta":{"next_id":"first"},"data":[` + rich + `,` + simple + `],"count":12,"meta":{"next_id":"\u0032č"}} `,
		`{"data":null,"n":-1.5e3}`,
		`{"data":[]}`,
		`{"data":[{"id":"č","amount":-1,"currency":"EUR","status":"PENDING","booking_date":"28-02-2026 00:00:00"}],"x":[true,null,"é"]}`,
		`{"data":[` + simple + `,]}`,
		`{"data":[` + simple + `] "meta":{}}`,
		`{"data":[` + simple + `]} x`,
		`{"data":[],"n":01}`,
		`{"data":[],"n":1.}`,
		"{\"data\":[{\"id\":\"\xff\",\"amount\":-1,\"currency\":\"EUR\",\"status\":\"booked\"}]}",
		`{"data":[{"id":"1","amount":"0.0005","currency":"EUR","status":"booked"}]}`,
		`{"data":[],"data":[]}`,
		`{}`,
		`{"data":[` + simple,
		``,
	}
	read := func(w window) string {
		var all []string
		next, wrong, err := page(w, (*scanner).entry, func(e *core.Transaction) error { all = append(all, words(e)); return nil })
		return fmt.Sprint(strings.Join(all, "|"), next, wrong, err)
	}
	for _, body := range bodies {
		want := read(whole([]byte(body)))
		for cut := range len(body) + 1 {
			for name, rest := range map[string]io.Reader{
				"at once": strings.NewReader(body[cut:]), "byte by byte": iotest.OneByteReader(strings.NewReader(body[cut:])), "with its end": iotest.DataErrReader(strings.NewReader(body[cut:])),
			} {
				room := make([]byte, 4096)
				copy(room, body[:cut])
				if got := read(window{scanner: scanner{b: room[:cut]}, rest: rest, room: room}); got != want {
					t.Fatalf("%q cut at %d, then %s: got %s\nwant %s", body, cut, name, got, want)
				}
			}
		}
	}
}

func TestAWindowHoldsOneElement(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       error
	}{
		{"an element as large as the window", `{"data":[{"id":"` + strings.Repeat("x", 900) + `","amount":"1","currency":"EUR","status":"booked"}]}`, nil},
		{"an element that is larger", `{"data":[{"id":"` + strings.Repeat("x", 1100) + `","amount":"1","currency":"EUR","status":"booked"}]}`, errLarge},
		{"many elements", `{"data":[` + strings.Repeat(simple+`,`, 1000) + simple + `]}`, nil},
		{"blanks without end", `{"data":[` + simple + strings.Repeat(" ", 5000) + `]}`, errLarge},
		{"another member that is larger", `{"x":"` + strings.Repeat("x", 5000) + `","data":[]}`, errLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := window{rest: strings.NewReader(tt.body), room: make([]byte, 1024)}
			if _, wrong, _ := page(w, (*scanner).entry, func(*core.Transaction) error { return nil }); !errors.Is(wrong, tt.want) {
				t.Errorf("got %v; want %v", wrong, tt.want)
			}
		})
	}
}

// thousand entries, each with a comma before it. A date of each is the other way round.
var thousand = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&b, `,{"id":"t%03d","amount":"-%d.%02d","currency":"EUR","status":"booked","booking_date":"2026-11-20","value_date":"20-11-2026","end_to_end_id":"E2E-%08d",`+
			`"creditor_details":{"name":"Trgovina Pri lipi d.o.o.","account":{"iban":"SI56191000000123438","currency_code":"EUR"}},`+
			`"remittance_information":{"unstructured":"Račun št. %d, hvala za nakup"},"extra":{"bank_transaction_code":"PMNT-ICDT-ESCT"}}`, i, i, i%100, i, i)
	}
	return b.Bytes()
})

// report writes so many thousand entries in one answer, and calls pause before each thousand.
func report(w io.Writer, thousands int, pause func(i int)) {
	io.WriteString(w, `{"data":[`)
	for i := range thousands {
		if pause != nil {
			pause(i)
		}
		if i == 0 {
			w.Write(thousand()[1:])
		} else {
			w.Write(thousand())
		}
	}
	io.WriteString(w, `],"meta":{"next_id":"more"}}`)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func TestHalfAMillionEntriesInOneAnswerTakeNoMemory(t *testing.T) {
	const entries, heapMax = 500_000, 12 << 20 // the answer has more than 150 MB
	f := misbehaving(t, Config{}, func(w http.ResponseWriter, r *http.Request) { report(w, entries/1000, nil) })
	n, before, most := 0, heap(), uint64(0)
	next, err := f.Transactions(t.Context(), someAccess, core.TransactionQuery{AccountID: "a"}, func(e *core.Transaction) error {
		if want := fmt.Sprintf("t%03d", n%1000); n%777 == 0 && (string(e.ID) != want || string(e.ValueDate) != "2026-11-20") {
			return fmt.Errorf("entry %s stands where %s should", e.ID, want)
		}
		if n++; n%50_000 == 0 {
			most = max(most, heap())
		}
		return nil
	})
	if err != nil || n != entries || next != "more" {
		t.Fatalf("got %d entries, next %q, %v", n, next, err)
	}
	if most > before+heapMax {
		t.Errorf("heap grew from %d to %d bytes", before, most)
	}
	t.Logf("heap: %d kB before, at most %d kB", before>>10, most>>10)
}

func TestLongListsThatDoNotEndWell(t *testing.T) {
	const thousands, patience = 20, 3 * time.Second // some 7 MB
	later := func(i int, do func()) func(int) {
		return func(at int) {
			if at == i {
				do()
			}
		}
	}
	for _, tt := range []struct {
		name    string
		do      func(w http.ResponseWriter, r *http.Request)
		want    error
		reports int64
	}{
		{"the bank takes its time, but does not stand still", func(w http.ResponseWriter, r *http.Request) {
			report(w, thousands, func(i int) {
				if i > 6 && i <= 14 {
					w.(http.Flusher).Flush()
					time.Sleep(patience / 6)
				}
			})
		}, nil, 0},
		{"the bank stands still", func(w http.ResponseWriter, r *http.Request) {
			report(w, thousands, later(10, func() { w.(http.Flusher).Flush(); <-r.Context().Done() }))
		}, core.ErrUnavailable, 1},
		{"the connection is cut", func(w http.ResponseWriter, r *http.Request) {
			report(w, thousands, later(10, func() { panic(http.ErrAbortHandler) }))
		}, core.ErrUnavailable, 1},
		{"less comes than was announced", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "99999999999")
			report(w, thousands, nil)
		}, core.ErrUnavailable, 1},
		{"an entry in the midst is wrong", func(w http.ResponseWriter, r *http.Request) {
			report(w, thousands, later(10, func() { io.WriteString(w, `,{"id":"1","amount":"much"}`) }))
		}, core.ErrMalformed, 1},
		{"a byte in the midst is not UTF-8", func(w http.ResponseWriter, r *http.Request) {
			report(w, thousands, later(10, func() {
				io.WriteString(w, ",{\"id\":\"\xff\",\"amount\":\"1\",\"currency\":\"EUR\",\"status\":\"booked\"}")
			}))
		}, core.ErrMalformed, 1},
		{"an entry is larger than the window", func(w http.ResponseWriter, r *http.Request) {
			report(w, thousands, later(10, func() { io.WriteString(w, `,{"id":"`+strings.Repeat("x", 2<<20)) }))
		}, core.ErrMalformed, 1},
		{"a page of HTML follows", func(w http.ResponseWriter, r *http.Request) { report(w, thousands, nil); io.WriteString(w, html) }, core.ErrMalformed, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := misbehaving(t, Config{ReadTimeout: patience, IdleTimeout: patience}, tt.do)
			n := 0
			_, err := f.Transactions(t.Context(), someAccess, core.TransactionQuery{AccountID: "a"}, func(*core.Transaction) error { n++; return nil })
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("got %v; want %v", err, tt.want)
			}
			if n < 9000 || f.calls.Load() != 1 {
				t.Errorf("%d entries in %d calls", n, f.calls.Load())
			}
			f.Close()
			if f.reports.Load() != tt.reports {
				t.Errorf("%d reports", f.reports.Load())
			}
		})
	}
}

func TestReadersEndALongList(t *testing.T) {
	for _, tt := range []struct {
		name string
		want error
		end  func(cancel func()) error
	}{
		{"by an error of their own", errReference, func(func()) error { return errReference }},
		{"by ending the context", core.ErrUnavailable, func(cancel func()) error { cancel(); return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gone := make(chan struct{})
			f := misbehaving(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
				defer close(gone)
				report(w, 1<<20, func(int) {
					if r.Context().Err() != nil {
						panic(http.ErrAbortHandler)
					}
				})
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			_, err := f.Transactions(ctx, someAccess, core.TransactionQuery{AccountID: "a"}, func(*core.Transaction) error {
				if n++; n == 20_000 {
					return tt.end(cancel)
				}
				return nil
			})
			if !errors.Is(err, tt.want) || n < 20_000 || n > 40_000 {
				t.Errorf("got %v after %d entries; want %v", err, n, tt.want)
			}
			select {
			case <-gone:
			case <-time.After(5 * time.Second):
				t.Error("the bank still writes")
			}
			f.Close()
			if f.reports.Load() != 0 {
				t.Error("that was reported to the bank, which can do nothing about it")
			}
		})
	}
}

func TestASlowReaderIsNotTheBanksFault(t *testing.T) {
	f := misbehaving(t, Config{ReadTimeout: 2 * time.Second, IdleTimeout: 500 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) { report(w, 20, nil) })
	n := 0
	_, err := f.Transactions(t.Context(), someAccess, core.TransactionQuery{AccountID: "a"}, func(*core.Transaction) error {
		if n++; n%5000 == 0 {
			time.Sleep(700 * time.Millisecond)
		}
		return nil
	})
	if err != nil || n != 20_000 {
		t.Errorf("got %d entries, %v", n, err)
	}
}

func TestLongListsDoNotHoldUpOtherQuestions(t *testing.T) {
	var under atomic.Int64
	f := misbehaving(t, Config{InFlightMax: 4, ReadTimeout: 2 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/transactions") {
			io.WriteString(w, `{"data":[]}`)
			return
		}
		report(w, 20, nil)
	})
	first, finish := make(chan struct{}), make(chan struct{})
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			n := 0
			_, err := f.Transactions(t.Context(), someAccess, core.TransactionQuery{AccountID: "a"}, func(*core.Transaction) error {
				if n++; n == 1 {
					if under.Add(1) == 1 {
						close(first)
					}
					<-finish
				}
				return nil
			})
			done <- err
		}()
	}
	<-first
	if err := f.accounts(); err != nil {
		t.Errorf("accounts: %v", err)
	}
	time.Sleep(2500 * time.Millisecond) // the others give up
	close(finish)
	unavailable := 0
	for range cap(done) {
		if err := <-done; errors.Is(err, core.ErrUnavailable) {
			unavailable++
		} else if err != nil {
			t.Error(err)
		}
	}
	if unavailable != 3 || under.Load() != 1 {
		t.Errorf("%d lists were under way at once, %d did not begin", under.Load(), unavailable)
	}
}
