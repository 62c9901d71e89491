package notify_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/bank/consent"
	"kontor/bank/consent/consenttest"
	"kontor/bank/core"
	"kontor/bank/notify"
	"kontor/bank/notify/notifysql"
	"kontor/bank/profile"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// A desk is real consents and authorisations whose changes are told to an inbox.
type desk struct {
	*consenttest.World
	notices *notify.Service
	inbox
}

// An inbox is the TPP's end of the line.
type inbox struct {
	mu   sync.Mutex
	got  []string // bodies
	ids  []string
	uris []string
	err  error // of every attempt
}

func (b *inbox) deliver(_ context.Context, _, uri, id string, body []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids, b.uris = append(b.ids, id), append(b.uris, uri)
	if b.err == nil {
		b.got = append(b.got, string(body))
	}
	return b.err
}

func (b *inbox) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func newDesk(t *testing.T, db *sqldb.DB) *desk {
	d := &desk{World: consenttest.NewWorld(t, db)}
	d.notices = d.another()
	d.Service.Notify, d.Authorisations.Notify = d.notices, d.notices
	return d
}

// another is one more process on the same database.
func (d *desk) another() *notify.Service {
	return &notify.Service{
		Store: notifysql.Store{DB: d.DB}, Deliver: d.deliver, Now: d.Now, NewID: rand.Text, Log: slog.New(slog.DiscardHandler),
	}
}

// send delivers all that is due.
func (d *desk) send(t *testing.T, by *notify.Service) {
	t.Helper()
	for range 20 {
		if err := by.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		by.Wait()
	}
}

const uri = "https://fin-pregled.example/told"

// ask creates a consent whose TPP wants to be told of content.
func (d *desk) ask(t *testing.T, r consent.Request, content ...notify.Content) consent.Consent {
	t.Helper()
	c, _, err := d.Create(t.Context(), d.At, consenttest.AISP, consent.Creation{
		Request: r, Start: consent.Start{RequestID: rand.Text(), Notification: notify.Wish{URI: uri, Content: content}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (d *desk) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// told returns what the TPP was told of c, in order: words of status.
func (d *desk) told(t *testing.T, c consent.Consent) string {
	t.Helper()
	d.send(t, d.notices)
	d.mu.Lock()
	defer d.mu.Unlock()
	var words []string
	for _, body := range d.got {
		rest, ok := strings.CutPrefix(body, `{"consentId":"`+c.ID+`",`)
		if !ok {
			continue
		}
		if after, status, ok := strings.Cut(rest, `"scaStatus":"`); ok {
			if !strings.HasPrefix(after, `"authorisationId":"id`) {
				t.Errorf("no authorisation in %s", body)
			}
			words = append(words, "sca:"+strings.TrimSuffix(status, `"}`))
		} else {
			words = append(words, strings.TrimSuffix(strings.TrimPrefix(rest, `"consentStatus":"`), `"}`))
		}
	}
	return strings.Join(words, " ")
}

func each(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Parallel()
	sqldbtest.Each(t, slices.Concat(consenttest.Migrations, []fs.FS{notifysql.Migrations}), func(t *testing.T, db *sqldb.DB) {
		t.Parallel()
		test(t, newDesk(t, db))
	})
}

// TestTold plays the lives of consents, and says what their TPP hears.
func TestTold(t *testing.T) {
	all := []notify.Content{notify.SCA, notify.Process, notify.Last}
	update := func(t *testing.T, d *desk, c consent.Consent, u core.Update) {
		u.Session = c.Session
		d.must(t, d.Authorisations.Update(t.Context(), "lon", u))
	}
	allow := func(t *testing.T, d *desk, c consent.Consent) { d.Allow(t, c, "u1", nil) }
	terminate := func(t *testing.T, d *desk, c consent.Consent) {
		d.must(t, d.Terminate(t.Context(), "lon", consenttest.AISP.ID, c.ID, "q"))
	}
	for _, tt := range []struct {
		name    string
		content []notify.Content
		live    []func(t *testing.T, d *desk, c consent.Consent)
		want    string
	}{
		{"one that is authorised", all, []func(*testing.T, *desk, consent.Consent){allow}, "sca:finalised valid"},
		{"each step of SCA, and none twice", all, []func(*testing.T, *desk, consent.Consent){
			func(t *testing.T, d *desk, c consent.Consent) {
				for _, s := range []string{"psuIdentified", "psuAuthenticated", "psuAuthenticated", "psuIdentified", "started"} {
					update(t, d, c, core.Update{SCAStatus: s})
				}
			}, allow, allow,
		}, "sca:psuIdentified sca:psuAuthenticated sca:started sca:finalised valid"},
		{"only SCA", []notify.Content{notify.SCA}, []func(*testing.T, *desk, consent.Consent){allow, terminate}, "sca:finalised"},
		{"only the status", []notify.Content{notify.Process}, []func(*testing.T, *desk, consent.Consent){allow, terminate}, "valid terminatedByTpp"},
		{"only the last status", []notify.Content{notify.Last}, []func(*testing.T, *desk, consent.Consent){allow, terminate}, "terminatedByTpp"},
		{"the last status is told once to who wants all", all, []func(*testing.T, *desk, consent.Consent){allow, terminate, terminate}, "sca:finalised valid terminatedByTpp"},
		{"one that ends while SCA is under way", all, []func(*testing.T, *desk, consent.Consent){terminate}, "terminatedByTpp sca:failed"},
		{"one that the PSU refuses", all, []func(*testing.T, *desk, consent.Consent){
			func(t *testing.T, d *desk, c consent.Consent) {
				d.must(t, d.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: c.Session, Class: "AccessDenied"}))
			},
		}, "sca:failed rejected"},
		{"one that nobody authorises", all, []func(*testing.T, *desk, consent.Consent){
			func(t *testing.T, d *desk, c consent.Consent) {
				d.Set(c.AuthoriseBy)
				_, err := d.Authorisations.Sweep(t.Context())
				d.must(t, err)
				d.must(t, d.Sweep(t.Context()))
			},
		}, "sca:failed rejected"},
		{"one that time ends", all, []func(*testing.T, *desk, consent.Consent){allow,
			func(t *testing.T, d *desk, c consent.Consent) {
				d.Set(c.ExpiresAt)
				d.must(t, d.Sweep(t.Context()))
			},
		}, "sca:finalised valid expired"},
		{"one that the PSU revokes at the bank", all, []func(*testing.T, *desk, consent.Consent){allow,
			func(t *testing.T, d *desk, c consent.Consent) {
				d.must(t, d.Revoke(t.Context(), "lon", "token-"+c.ID, false))
			},
		}, "sca:finalised valid revokedByPsu"},
		{"one that a newer one replaces", all, []func(*testing.T, *desk, consent.Consent){
			func(_ *testing.T, d *desk, _ consent.Consent) {
				d.Change(func(b *profile.Bank) { b.Consent.ReplaceOlder = true })
			}, allow,
			func(t *testing.T, d *desk, _ consent.Consent) { d.Given(t, consenttest.Everything(), "u1", nil) },
		}, "sca:finalised valid expired"},
		{"one of whose TPP wants to hear nothing", nil, []func(*testing.T, *desk, consent.Consent){allow, terminate}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, d *desk) {
				var c consent.Consent
				if tt.content == nil {
					c = d.Ask(t, consenttest.Everything())
				} else {
					c = d.ask(t, consenttest.Everything(), tt.content...)
				}
				for _, step := range tt.live {
					step(t, d, c)
				}
				if got := d.told(t, c); got != tt.want {
					t.Errorf("told %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestSubscription(t *testing.T) {
	t.Run("what the bank did not take is not told of", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			d.Bank.Fail(core.ErrRefused)
			_, _, err := d.Create(t.Context(), d.At, consenttest.AISP, consent.Creation{
				Request: consenttest.Everything(),
				Start:   consent.Start{RequestID: "q1", Notification: notify.Wish{URI: uri, Content: []notify.Content{notify.SCA, notify.Process}}},
			})
			if err == nil {
				t.Fatal("it was taken")
			}
			if d.send(t, d.notices); len(d.got) > 0 {
				t.Error(d.got)
			}
		})
	})
	t.Run("a wish with another authorisation counts from then on, for what waits as well", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			c := d.ask(t, consenttest.Everything(), notify.Last)
			d.must(t, d.Authorisations.Fail(t.Context(), "lon", core.Fail{Session: c.Session, Class: "Timeout"}))
			_, err := d.StartAuthorisation(t.Context(), d.At, consenttest.AISP, c.ID, consent.Start{
				RequestID: "q2", Notification: notify.Wish{URI: uri + "/2", Content: []notify.Content{notify.SCA}},
			})
			d.must(t, err)
			d.Allow(t, c, "u1", nil)
			if got := d.told(t, c); got != "sca:finalised" || !slices.Equal(d.uris, []string{uri + "/2"}) {
				t.Error(got, d.uris)
			}
		})
	})
	t.Run("a change that is undone is not told", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			c := d.ask(t, consenttest.Everything(), notify.SCA, notify.Process)
			undone := errors.New("undone")
			err := d.DB.Atomically(t.Context(), func(ctx context.Context) error {
				return errors.Join(d.Terminate(ctx, "lon", consenttest.AISP.ID, c.ID, "q"), undone)
			})
			if !errors.Is(err, undone) {
				t.Fatal(err)
			}
			if got := d.told(t, c); got != "" {
				t.Error(got)
			}
		})
	})
}

func TestSending(t *testing.T) {
	down := errors.New("the answer has status 500")
	t.Run("what fails is tried again under the same ID, and what follows waits for it", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			c := d.ask(t, consenttest.Everything(), notify.SCA, notify.Process)
			d.fail(down)
			d.Allow(t, c, "u1", nil)
			if got := d.told(t, c); got != "" || len(d.ids) != 1 {
				t.Fatalf("%q after %d attempts", got, len(d.ids))
			}
			failing, err := d.notices.List(t.Context(), "lon", 9)
			if err != nil || len(failing) != 1 || failing[0].Failure != down.Error() || failing[0].Dropped {
				t.Errorf("%+v, %v", failing, err)
			}
			d.fail(nil)
			d.Pass(time.Second - time.Microsecond)
			if got := d.told(t, c); got != "" {
				t.Errorf("before its time: %q", got)
			}
			d.Pass(time.Microsecond)
			if got := d.told(t, c); got != "sca:finalised valid" {
				t.Error(got)
			}
			if len(d.ids) != 3 || d.ids[0] != d.ids[1] || d.ids[1] == d.ids[2] {
				t.Error(d.ids)
			}
		})
	})
	t.Run("what nobody takes for a day is dropped, with all that waits, and stays on record", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			c := d.ask(t, consenttest.Everything(), notify.SCA, notify.Process)
			d.fail(down)
			d.Allow(t, c, "u1", nil)
			for range 30 {
				d.send(t, d.notices)
				d.Pass(time.Hour)
			}
			failing, err := d.notices.List(t.Context(), "lon", 9)
			if err != nil || len(failing) != 2 || !failing[0].Dropped || !failing[1].Dropped {
				t.Fatalf("%+v, %v", failing, err)
			}
			attempts := len(d.ids)
			d.fail(nil)
			d.Pass(24 * time.Hour)
			if got := d.told(t, c); got != "" || len(d.ids) != attempts {
				t.Errorf("tried again: %q", got)
			}
			d.Pass(91 * 24 * time.Hour)
			d.must(t, d.notices.Sweep(t.Context()))
			if failing, err := d.notices.List(t.Context(), "lon", 9); err != nil || len(failing) > 0 {
				t.Errorf("%+v, %v", failing, err)
			}
		})
	})
	t.Run("a process that dies in an attempt loses nothing: another one goes on", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			c := d.ask(t, consenttest.Everything(), notify.SCA, notify.Process)
			d.Allow(t, c, "u1", nil)
			dying := d.another()
			ctx, kill := context.WithCancel(t.Context())
			dying.Deliver = func(context.Context, string, string, string, []byte) error { kill(); return context.Canceled }
			d.must(t, dying.Send(ctx))
			dying.Wait()
			if failing, err := d.notices.List(t.Context(), "lon", 9); err != nil || len(failing) > 0 {
				t.Errorf("the end of a process is no fault of the TPP: %+v, %v", failing, err)
			}
			d.send(t, d.another())
			if len(d.got) > 0 {
				t.Error("while the lease lasts:", d.got)
			}
			d.Pass(time.Minute)
			d.notices = d.another()
			if got := d.told(t, c); got != "sca:finalised valid" {
				t.Error(got)
			}
		})
	})
	t.Run("what is delivered while the process ends is not delivered again", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			c := d.ask(t, consenttest.Everything(), notify.SCA, notify.Process)
			d.Allow(t, c, "u1", nil)
			ending := d.another()
			ctx, end := context.WithCancel(t.Context())
			ending.Deliver = func(context.Context, string, string, string, []byte) error { end(); return nil }
			d.must(t, ending.Send(ctx))
			ending.Wait()
			d.Pass(time.Hour)
			if got := d.told(t, c); got != "valid" {
				t.Error(got)
			}
		})
	})
	t.Run("a stranger's words are cut", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			c := d.ask(t, consenttest.Everything(), notify.Process)
			d.fail(errors.New(strings.Repeat("ű", 5000)))
			d.Allow(t, c, "u1", nil)
			d.send(t, d.notices)
			failing, err := d.notices.List(t.Context(), "lon", 9)
			if err != nil || len(failing) != 1 || len(failing[0].Failure) > 400 || !strings.HasSuffix(failing[0].Failure, "ű…") {
				t.Errorf("%+v, %v", failing, err)
			}
		})
	})
	t.Run("several processes at once deliver everything once, and in order", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			var all []consent.Consent
			for range 6 {
				c := d.ask(t, consenttest.Everything(), notify.SCA, notify.Process)
				d.must(t, d.Authorisations.Update(t.Context(), "lon", core.Update{Session: c.Session, SCAStatus: "psuIdentified"}))
				d.Allow(t, c, rand.Text(), nil)
				all = append(all, c)
			}
			var senders sync.WaitGroup
			for range 3 {
				senders.Go(func() { d.send(t, d.another()) })
			}
			senders.Wait()
			for _, c := range all {
				if got := d.told(t, c); got != "sca:psuIdentified sca:finalised valid" {
					t.Error(got)
				}
			}
			if ids := slices.Sorted(slices.Values(d.ids)); len(slices.Compact(ids)) != len(d.ids) || len(d.ids) != 18 {
				t.Errorf("%d attempts", len(d.ids))
			}
		})
	})
	t.Run("one TPP that does not answer leaves room for others", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			for range 20 {
				c := d.ask(t, consenttest.Everything(), notify.Last)
				d.must(t, d.Terminate(t.Context(), "lon", consenttest.AISP.ID, c.ID, "q"))
			}
			hold := make(chan struct{})
			var mu sync.Mutex
			waiting := 0
			d.notices.Deliver = func(context.Context, string, string, string, []byte) error {
				mu.Lock()
				waiting++
				mu.Unlock()
				<-hold
				return nil
			}
			for range 5 {
				d.must(t, d.notices.Send(t.Context()))
			}
			close(hold)
			d.notices.Wait()
			if waiting != 8 {
				t.Errorf("%d attempts at once", waiting)
			}
		})
	})
	t.Run("a Deliver that panics is a failed attempt", func(t *testing.T) {
		each(t, func(t *testing.T, d *desk) {
			c := d.ask(t, consenttest.Everything(), notify.Last)
			d.must(t, d.Terminate(t.Context(), "lon", consenttest.AISP.ID, c.ID, "q"))
			d.notices.Deliver = func(context.Context, string, string, string, []byte) error { panic("oh") }
			d.send(t, d.notices)
			if failing, err := d.notices.List(t.Context(), "lon", 9); err != nil || len(failing) != 1 {
				t.Errorf("%+v, %v", failing, err)
			}
		})
	})
}
