package push_test

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/notify"
	"kontor/bank/notify/notifysql"
	"kontor/edge/push"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// A TPP whose server is down in every way, while the hub is started anew again and again,
// hears everything in the end: in order, each under one ID, and nothing of the PSU.
func TestATPPHearsEverything(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, slices.Concat(consenttest.Migrations, []fs.FS{notifysql.Migrations}), func(t *testing.T, db *sqldb.DB) {
		t.Parallel()
		ca := newCA(t)
		var mu sync.Mutex
		var heard, ids []string
		calls := 0
		hold := make(chan struct{})
		defer close(hold)
		srv := listen(t, ca, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			calls++
			call := calls
			mu.Unlock()
			body, _ := io.ReadAll(r.Body)
			switch call % 4 {
			case 1:
				w.WriteHeader(http.StatusInternalServerError)
			case 2:
				panic(http.ErrAbortHandler)
			case 3:
				select {
				case <-hold:
				case <-r.Context().Done():
				}
				panic(http.ErrAbortHandler) // an answer now could still be heard, and would count
			default:
				mu.Lock()
				heard, ids = append(heard, string(body)), append(ids, r.Header.Get("X-Request-ID"))
				mu.Unlock()
			}
		})
		w := consenttest.NewWorld(t, db)
		start := func() (*notify.Service, func()) {
			s := push.New(push.Config{Roots: ca.Roots(), AnyAddress: true, Timeout: 300 * time.Millisecond, Now: w.Now})
			return &notify.Service{
				Store: notifysql.Store{DB: db}, Deliver: s.Deliver, Now: w.Now, NewID: rand.Text, Log: slog.New(slog.DiscardHandler),
			}, s.Close
		}
		n, _ := start()
		w.Notify, w.Authorisations.Notify = n, n
		told := consenttest.AISP
		told.DNSNames = []string{"localhost"}
		uri := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) + "/told"
		wish := notify.Grant(told, uri, nil, []notify.Content{notify.SCA, notify.Process, notify.Last})
		if wish.IsZero() {
			t.Fatal("its own domain was not accepted")
		}
		c, a, err := w.Create(t.Context(), w.At, told, consent.Creation{
			Request: consenttest.Everything(), Start: consent.Start{RequestID: "q1", Notification: wish},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.Allow(t, c, "psu-secret-name", nil)
		if err := w.Terminate(t.Context(), "lon", told.ID, c.ID, "q2"); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			n, stop := start() // each time a new process
			if err := n.Send(t.Context()); err != nil {
				t.Fatal(err)
			}
			n.Wait()
			stop()
			w.Pass(20 * time.Minute)
		}
		mu.Lock()
		defer mu.Unlock()
		want := []string{
			`{"consentId":"` + c.ID + `","authorisationId":"` + a.ID + `","scaStatus":"finalised"}`,
			`{"consentId":"` + c.ID + `","consentStatus":"valid"}`,
			`{"consentId":"` + c.ID + `","consentStatus":"terminatedByTpp"}`,
		}
		if !slices.Equal(heard, want) {
			t.Errorf("heard %v", heard)
		}
		if calls != 12 || len(ids) != 3 || ids[0] == ids[1] || ids[1] == ids[2] {
			t.Errorf("%d calls, IDs %v", calls, ids)
		}
		for _, body := range heard {
			if !json.Valid([]byte(body)) || strings.Contains(body, "psu-secret-name") {
				t.Error(body)
			}
		}
	})
}
