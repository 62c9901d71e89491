package authorisation_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/core"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// A subject writes what it is told into a table of its own, once for each end: a noun as
// small as one can be.
type subject struct {
	db  *sqldb.DB
	err error // to fail with
}

var tables = []fs.FS{authorisationsql.Migrations, fstest.MapFS{
	"9001_subject.sql": {Data: []byte("-- +goose Up\nCREATE TABLE subject (id TEXT NOT NULL PRIMARY KEY, told TEXT NOT NULL, ended INTEGER NOT NULL);\nINSERT INTO subject VALUES ('c1', '', 0);\n")},
}}

var errEnded = errors.New("subject has ended already")

func (s subject) note(ctx context.Context, word string, end int) error {
	n, err := s.db.Exec(ctx, `UPDATE subject SET told = told || $1, ended = ended + $2 WHERE id = 'c1' AND (ended = 0 OR $2 = 0)`, word+";", end)
	if err == nil && n == 0 {
		err = errEnded
	}
	return errors.Join(err, s.err)
}

func (s subject) Authorised(ctx context.Context, a authorisation.Authorisation, ok core.Success) error {
	return s.note(ctx, "authorised "+ok.Token, 1)
}

func (s subject) Refused(ctx context.Context, a authorisation.Authorisation, f core.Fail) error {
	return s.note(ctx, "refused "+f.Class, 1)
}

func (s subject) Progressed(ctx context.Context, a authorisation.Authorisation, u core.Update) error {
	if a.Status == authorisation.Failed && u.Status != "ACSC" {
		return core.ErrSessionClosed // what only changes before the end
	}
	if u.FundsAvailable != nil {
		return s.note(ctx, fmt.Sprint("funds ", *u.FundsAvailable), 0)
	}
	return s.note(ctx, "progressed", 0)
}

type clock struct{ atomic.Pointer[time.Time] }

func (c *clock) now() time.Time { return *c.Load() }
func (c *clock) set(t time.Time) {
	c.Store(&t)
}

type world struct {
	*authorisation.Service
	db    *sqldb.DB
	clock *clock
	a     authorisation.Authorisation
}

func (w world) told(t *testing.T) string {
	t.Helper()
	var told string
	if err := w.db.QueryRow(t.Context(), `SELECT told FROM subject WHERE id = 'c1'`).Scan(&told); err != nil {
		t.Fatal(err)
	}
	return told
}

func (w world) status(t *testing.T) authorisation.Status {
	t.Helper()
	a, err := w.Store.Get(t.Context(), "lon", w.a.ID)
	if err != nil {
		t.Fatal(err)
	}
	return a.Status
}

// another returns a second process of the hub on the same database.
func (w world) another(err error) *authorisation.Service {
	s := subject{w.db, err}
	return &authorisation.Service{
		Store: w.Store, Atomically: w.db.Atomically, Now: w.clock.now, NewID: w.NewID,
		Subjects: map[authorisation.Kind]authorisation.Subject{authorisation.OfConsent: s, authorisation.OfPayment: s, authorisation.OfLogin: s},
	}
}

func each(t *testing.T, kind authorisation.Kind, test func(t *testing.T, w world)) {
	t.Helper()
	eachOf(t, kind, tables, test)
}

// eachOf is each with more tables than an authorisation needs.
func eachOf(t *testing.T, kind authorisation.Kind, tables []fs.FS, test func(t *testing.T, w world)) {
	t.Helper()
	sqldbtest.Each(t, tables, func(t *testing.T, db *sqldb.DB) {
		c, n := &clock{}, atomic.Int32{}
		c.set(noon)
		w := world{db: db, clock: c}
		s := subject{db, nil}
		w.Service = &authorisation.Service{
			Store: authorisationsql.Store{DB: db}, Atomically: db.Atomically, Now: c.now, NewID: func() string { return fmt.Sprint("id", n.Add(1)) },
			Subjects: map[authorisation.Kind]authorisation.Subject{authorisation.OfConsent: s, authorisation.OfPayment: s, authorisation.OfLogin: s},
		}
		w.a = w.New(authorisation.Start{Bank: "lon", Kind: kind, Subject: "c1", TPP: "PSDSI-BS-1234567", Timeout: 5 * time.Minute})
		if err := w.Store.Create(t.Context(), w.a); err != nil {
			t.Fatal(err)
		}
		test(t, w)
	})
}

func TestEvents(t *testing.T) {
	yes := true
	for _, tt := range []struct {
		name   string
		kind   authorisation.Kind
		events func(ctx context.Context, w world) error // returns the last one's
		err    error
		told   string
		status authorisation.Status
	}{
		{"an update, then success", authorisation.OfConsent, func(ctx context.Context, w world) error {
			return errors.Join(w.Update(ctx, "lon", core.Update{Session: w.a.Session, SCAStatus: "started"}), w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"}))
		}, nil, "progressed;authorised t1;", authorisation.Finalised},
		{"success without any update", authorisation.OfConsent, func(ctx context.Context, w world) error {
			return w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"})
		}, nil, "authorised t1;", authorisation.Finalised},
		{"the same success again is taken, and told once", authorisation.OfConsent, func(ctx context.Context, w world) error {
			err := w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"})
			return errors.Join(err, w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"}))
		}, nil, "authorised t1;", authorisation.Finalised},
		{"the same success after ten minutes is refused", authorisation.OfConsent, func(ctx context.Context, w world) error {
			err := w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"})
			w.clock.set(noon.Add(10 * time.Minute))
			return errors.Join(err, w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"}))
		}, core.ErrSessionFinalised, "authorised t1;", authorisation.Finalised},
		{"another success is refused", authorisation.OfConsent, func(ctx context.Context, w world) error {
			err := w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"})
			return errors.Join(err, w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t2"}))
		}, core.ErrSessionFinalised, "authorised t1;", authorisation.Finalised},
		{"success after failure is refused", authorisation.OfConsent, func(ctx context.Context, w world) error {
			err := w.Fail(ctx, "lon", core.Fail{Session: w.a.Session, Class: "AccessDenied"})
			return errors.Join(err, w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"}))
		}, core.ErrSessionClosed, "refused AccessDenied;", authorisation.Failed},
		{"failure after success is refused", authorisation.OfConsent, func(ctx context.Context, w world) error {
			err := w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"})
			return errors.Join(err, w.Fail(ctx, "lon", core.Fail{Session: w.a.Session}))
		}, core.ErrSessionFinalised, "authorised t1;", authorisation.Finalised},
		{"failure twice is refused", authorisation.OfConsent, func(ctx context.Context, w world) error {
			err := w.Fail(ctx, "lon", core.Fail{Session: w.a.Session, Class: "AccessDenied"})
			return errors.Join(err, w.Fail(ctx, "lon", core.Fail{Session: w.a.Session, Class: "AccessDenied"}))
		}, core.ErrSessionClosed, "refused AccessDenied;", authorisation.Failed},
		{"success after its time is refused", authorisation.OfConsent, func(ctx context.Context, w world) error {
			w.clock.set(noon.Add(5 * time.Minute))
			return w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"})
		}, core.ErrSessionExpired, "", authorisation.Received},
		{"a bank that took its time says so in time", authorisation.OfConsent, func(ctx context.Context, w world) error {
			err := w.Update(ctx, "lon", core.Update{Session: w.a.Session, ExpiresAt: noon.Add(20 * time.Minute)})
			w.clock.set(noon.Add(19 * time.Minute))
			return errors.Join(err, w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"}))
		}, nil, "progressed;authorised t1;", authorisation.Finalised},
		{"the funds of a payment may be told after its success", authorisation.OfPayment, func(ctx context.Context, w world) error {
			err := w.Success(ctx, "lon", core.Success{Session: w.a.Session})
			return errors.Join(err, w.Update(ctx, "lon", core.Update{Session: w.a.Session, FundsAvailable: &yes}))
		}, nil, "authorised ;funds true;", authorisation.Finalised},
		{"and so may its next status", authorisation.OfPayment, func(ctx context.Context, w world) error {
			err := w.Success(ctx, "lon", core.Success{Session: w.a.Session})
			return errors.Join(err, w.Update(ctx, "lon", core.Update{Session: w.a.Session, Status: "ACSC"}))
		}, nil, "authorised ;progressed;", authorisation.Finalised},
		{"but an scaStatus may not", authorisation.OfPayment, func(ctx context.Context, w world) error {
			err := w.Success(ctx, "lon", core.Success{Session: w.a.Session})
			return errors.Join(err, w.Update(ctx, "lon", core.Update{Session: w.a.Session, SCAStatus: "started"}))
		}, core.ErrSessionFinalised, "authorised ;", authorisation.Finalised},
		{"nothing more comes after the end of a consent's session", authorisation.OfConsent, func(ctx context.Context, w world) error {
			err := w.Success(ctx, "lon", core.Success{Session: w.a.Session})
			return errors.Join(err, w.Update(ctx, "lon", core.Update{Session: w.a.Session, Status: "received"}))
		}, core.ErrSessionFinalised, "authorised ;", authorisation.Finalised},
		{"nor after a failure of a payment's", authorisation.OfPayment, func(ctx context.Context, w world) error {
			err := w.Fail(ctx, "lon", core.Fail{Session: w.a.Session, Class: "NoFunds"})
			return errors.Join(err, w.Update(ctx, "lon", core.Update{Session: w.a.Session, Status: "ACTC"}))
		}, core.ErrSessionClosed, "refused NoFunds;", authorisation.Failed},
		{"unless the payment wants to hear it", authorisation.OfPayment, func(ctx context.Context, w world) error {
			err := w.Fail(ctx, "lon", core.Fail{Session: w.a.Session, Class: "NoFunds"})
			return errors.Join(err, w.Update(ctx, "lon", core.Update{Session: w.a.Session, Status: "ACSC"}))
		}, nil, "refused NoFunds;progressed;", authorisation.Failed},
		{"time keeps its own word when the payment has nothing to hear", authorisation.OfPayment, func(ctx context.Context, w world) error {
			w.clock.set(noon.Add(5 * time.Minute))
			return w.another(core.ErrSessionClosed).Update(ctx, "lon", core.Update{Session: w.a.Session, Status: "ACTC"})
		}, core.ErrSessionExpired, "", authorisation.Received},
		{"a session that is not known", authorisation.OfConsent, func(ctx context.Context, w world) error {
			return w.Success(ctx, "lon", core.Success{Session: "guess"})
		}, core.ErrSessionUnknown, "", authorisation.Received},
		{"a session of another bank", authorisation.OfConsent, func(ctx context.Context, w world) error {
			return w.Success(ctx, "par", core.Success{Session: w.a.Session})
		}, core.ErrSessionUnknown, "", authorisation.Received},
		{"what the subject refuses has not happened", authorisation.OfConsent, func(ctx context.Context, w world) error {
			return w.another(core.ErrSessionClosed).Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"})
		}, core.ErrSessionClosed, "", authorisation.Received},
		{"a bank that refuses the request has ended it", authorisation.OfConsent, func(ctx context.Context, w world) error {
			return w.Handed(ctx, w.a, nil, core.ErrUnavailable)
		}, nil, "refused NotStarted;", authorisation.Failed},
		{"a bank that answers with an update", authorisation.OfConsent, func(ctx context.Context, w world) error {
			return w.Handed(ctx, w.a, &core.Update{RedirectURL: "https://bank.example/p"}, nil)
		}, nil, "progressed;", authorisation.Received},
		{"a bank that ends by an event and then refuses the request", authorisation.OfConsent, func(ctx context.Context, w world) error {
			err := w.Fail(ctx, "lon", core.Fail{Session: w.a.Session, Class: "AccessDenied"})
			return errors.Join(err, w.Handed(ctx, w.a, nil, core.ErrRefused))
		}, nil, "refused AccessDenied;", authorisation.Failed},
		{"a bank that succeeds by an event and then answers with an update", authorisation.OfConsent, func(ctx context.Context, w world) error {
			err := w.Success(ctx, "lon", core.Success{Session: w.a.Session, Token: "t1"})
			return errors.Join(err, w.Handed(ctx, w.a, &core.Update{Status: "received"}, nil))
		}, nil, "authorised t1;", authorisation.Finalised},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			each(t, tt.kind, func(t *testing.T, w world) {
				err := tt.events(t.Context(), w)
				if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
					t.Errorf("got %v, want %v", err, tt.err)
				}
				if told := w.told(t); told != tt.told {
					t.Errorf("the subject was told %q, want %q", told, tt.told)
				}
				if s := w.status(t); s != tt.status {
					t.Errorf("stored is %s, want %s", s, tt.status)
				}
			})
		})
	}
}

// Banks report from several threads, without order: whatever arrives at the same moment,
// the success is not lost and is told once.
func TestEventsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	each(t, authorisation.OfPayment, func(t *testing.T, w world) {
		var wg sync.WaitGroup
		yes := true
		for range 4 {
			wg.Go(func() {
				if err := w.Success(context.Background(), "lon", core.Success{Session: w.a.Session, Token: "t1"}); err != nil {
					t.Errorf("success: %v", err)
				}
			})
			wg.Go(func() {
				if err := w.Update(context.Background(), "lon", core.Update{Session: w.a.Session, FundsAvailable: &yes}); err != nil {
					t.Errorf("update: %v", err)
				}
			})
		}
		wg.Wait()
		told := strings.Split(strings.TrimSuffix(w.told(t), ";"), ";")
		slices.Sort(told)
		if want := []string{"authorised t1", "funds true", "funds true", "funds true", "funds true"}; !slices.Equal(told, want) {
			t.Errorf("the subject was told %q", told)
		}
		if s := w.status(t); s != authorisation.Finalised {
			t.Errorf("stored is %s", s)
		}
	})
}

func TestAwait(t *testing.T) {
	t.Parallel()
	const plenty = 20 * time.Second
	each(t, authorisation.OfConsent, func(t *testing.T, w world) {
		t.Run("what comes never is not waited for longer than asked", func(t *testing.T) {
			a, err := w.Await(t.Context(), "lon", w.a.ID, 30*time.Millisecond)
			if err != nil || a.BankURL != "" || a.Status != authorisation.Received {
				t.Errorf("got %+v, %v", a, err)
			}
		})
		t.Run("an unknown one is an error at once", func(t *testing.T) {
			if _, err := w.Await(t.Context(), "lon", "none", plenty); !errors.Is(err, authorisation.ErrUnknown) {
				t.Errorf("got %v", err)
			}
		})
		t.Run("a PSU who goes away is not waited for", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := w.Await(ctx, "lon", w.a.ID, plenty); err != nil {
				t.Error(err)
			}
		})
		t.Run("an event in this process wakes everybody", func(t *testing.T) {
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					a, err := w.Await(context.Background(), "lon", w.a.ID, plenty)
					if err != nil || a.BankURL != "https://bank.example/p" {
						t.Errorf("got %q, %v", a.BankURL, err)
					}
				})
			}
			time.Sleep(20 * time.Millisecond)
			if err := w.Update(t.Context(), "lon", core.Update{Session: w.a.Session, RedirectURL: "https://bank.example/p"}); err != nil {
				t.Error(err)
			}
			wg.Wait()
		})
		t.Run("an event in another process is seen soon", func(t *testing.T) {
			done := make(chan authorisation.Authorisation)
			go func() {
				a, err := w.AwaitEnd(context.Background(), "lon", w.a.ID, plenty)
				if err != nil {
					t.Error(err)
				}
				done <- a
			}()
			time.Sleep(20 * time.Millisecond)
			if err := w.another(nil).Success(t.Context(), "lon", core.Success{Session: w.a.Session, Token: "t1"}); err != nil {
				t.Error(err)
			}
			begin := time.Now()
			if a := <-done; a.Status != authorisation.Finalised {
				t.Errorf("got %s", a.Status)
			} else if late := time.Since(begin); late > 5*time.Second {
				t.Errorf("seen after %v", late)
			}
		})
	})
	t.Run("time that runs out is an end", func(t *testing.T) {
		each(t, authorisation.OfConsent, func(t *testing.T, w world) {
			w.clock.set(noon.Add(5 * time.Minute))
			if a, err := w.AwaitEnd(t.Context(), "lon", w.a.ID, plenty); err != nil || a.Status != authorisation.Failed {
				t.Errorf("got %s, %v", a.Status, err)
			}
		})
	})
}

func TestSweep(t *testing.T) {
	t.Parallel()
	each(t, authorisation.OfConsent, func(t *testing.T, w world) {
		if n, err := w.Sweep(t.Context()); n != 0 || err != nil {
			t.Errorf("in time: got %d, %v", n, err)
		}
		w.clock.set(noon.Add(5 * time.Minute))
		if _, err := w.another(errors.New("no")).Sweep(t.Context()); err == nil || w.status(t) != authorisation.Received {
			t.Errorf("a subject that refuses: got %v and %s", err, w.status(t))
		}
		if n, err := w.Sweep(t.Context()); n != 1 || err != nil || w.status(t) != authorisation.Failed {
			t.Errorf("overdue: got %d, %v and %s", n, err, w.status(t))
		}
		if n, err := w.Sweep(t.Context()); n != 0 || err != nil || w.told(t) != "refused SessionExpired;" {
			t.Errorf("again: got %d, %v; told %q", n, err, w.told(t))
		}
	})
}

func TestSeveralSweepersTellOnce(t *testing.T) {
	t.Parallel()
	each(t, authorisation.OfConsent, func(t *testing.T, w world) {
		w.clock.set(noon.Add(5 * time.Minute))
		var wg sync.WaitGroup
		for range 4 {
			s := w.another(nil)
			wg.Go(func() {
				if _, err := s.Sweep(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		if wg.Wait(); w.told(t) != "refused SessionExpired;" {
			t.Errorf("told %q", w.told(t))
		}
	})
}

func TestOnlyItsOwnersSeeAnAuthorisation(t *testing.T) {
	t.Parallel()
	each(t, authorisation.OfConsent, func(t *testing.T, w world) {
		if _, err := w.Get(t.Context(), "lon", w.a.TPP, authorisation.OfConsent, "c1", w.a.ID); err != nil {
			t.Error(err)
		}
		for name, get := range map[string]func() (authorisation.Authorisation, error){
			"another TPP": func() (authorisation.Authorisation, error) {
				return w.Get(t.Context(), "lon", "PSDSI-BS-7654321", authorisation.OfConsent, "c1", w.a.ID)
			},
			"another consent": func() (authorisation.Authorisation, error) {
				return w.Get(t.Context(), "lon", w.a.TPP, authorisation.OfConsent, "c2", w.a.ID)
			},
			"a payment of that name": func() (authorisation.Authorisation, error) {
				return w.Get(t.Context(), "lon", w.a.TPP, authorisation.OfPayment, "c1", w.a.ID)
			},
			"another bank": func() (authorisation.Authorisation, error) {
				return w.Get(t.Context(), "par", w.a.TPP, authorisation.OfConsent, "c1", w.a.ID)
			},
		} {
			if a, err := get(); !errors.Is(err, authorisation.ErrUnknown) || a.Session != "" {
				t.Errorf("%s: got %q, %v", name, a.ID, err)
			}
		}
	})
}

func TestTheLastOAuthSessionCounts(t *testing.T) {
	t.Parallel()
	each(t, authorisation.OfConsent, func(t *testing.T, w world) {
		for _, session := range []string{"o1", "o2"} {
			if err := w.ForOAuth(t.Context(), "lon", w.a.ID, session); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.ByOAuthSession(t.Context(), "lon", "o1"); !errors.Is(err, authorisation.ErrUnknown) {
			t.Errorf("the first: got %v", err)
		}
		if a, err := w.ByOAuthSession(t.Context(), "lon", "o2"); err != nil || a.ID != w.a.ID {
			t.Errorf("the last: got %q, %v", a.ID, err)
		}
		if err := w.CloseAll(t.Context(), "lon", authorisation.OfConsent, "c1"); err != nil {
			t.Fatal(err)
		}
		if err := w.ForOAuth(t.Context(), "lon", w.a.ID, "o3"); !errors.Is(err, authorisation.ErrStatus) {
			t.Errorf("after the end: got %v", err)
		}
	})
}

// behind is a store in which others have waited longer, for a bank that does not answer.
type behind struct {
	authorisation.Store
	others int
}

func (b behind) Overdue(ctx context.Context, now time.Time, limit int) ([]authorisation.Authorisation, error) {
	all := make([]authorisation.Authorisation, min(b.others, limit))
	for i := range all {
		all[i] = authorisation.Authorisation{Bank: "silent", Kind: authorisation.OfConsent}
	}
	if limit <= b.others {
		return all, nil
	}
	more, err := b.Store.Overdue(ctx, now, limit-b.others)
	return append(all, more...), err
}

// asked is a subject whose banks are asked; that of others does not answer.
type asked struct{ authorisation.Subject }

func (asked) RunsOut(_ context.Context, a authorisation.Authorisation) error {
	if a.Bank == "silent" {
		return core.ErrUnavailable
	}
	return nil
}

func (asked) Late(context.Context, authorisation.Authorisation, core.Success) error { return nil }

func TestABankThatDoesNotAnswerKeepsNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	each(t, authorisation.OfConsent, func(t *testing.T, w world) {
		w.clock.set(noon.Add(5 * time.Minute))
		s := w.another(nil)
		s.Store = behind{s.Store, 5000}
		s.Subjects = map[authorisation.Kind]authorisation.Subject{authorisation.OfConsent: asked{s.Subjects[authorisation.OfConsent]}}
		if n, err := s.Sweep(t.Context()); n != 1 || !errors.Is(err, core.ErrUnavailable) || w.status(t) != authorisation.Failed {
			t.Errorf("got %d, %v and %s", n, err, w.status(t))
		}
	})
}
