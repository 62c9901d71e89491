package payment_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/bank/payment"
)

// process is another process on the same database, with the same bank.
func (b *bench) process() *payment.Service {
	return &payment.Service{
		Store: b.Store, Authorisations: b.auths, Cores: b.Cores, Banks: b.Banks, Audit: b.Audit,
		Atomically: b.Atomically, ReturnURL: b.ReturnURL, Now: b.Now, NewID: b.NewID, Log: b.Log,
	}
}

// lostMany creates n payments of which nobody knows whether they arrived, and returns their
// sessions, the oldest first. The same moment is that of several.
func (b *bench) lostMany(t *testing.T, n int) (sessions []string) {
	t.Helper()
	b.bank.FirstUpdateWait = time.Millisecond
	b.answer = func(o core.PaymentOrder) (*core.Update, error) {
		sessions = append(sessions, o.Session)
		return nil, core.ErrUnknownOutcome
	}
	for i := range n {
		b.create(t, fmt.Sprint("r", i))
		b.pass(time.Duration(i%3) * time.Millisecond)
	}
	b.answer = b.page
	b.pass(2 * time.Minute)
	b.unknown(t, n)
	return sessions
}

// A meeting holds everybody until n are there; it waits for a moment only, so that a test in
// which too few come fails.
type meeting struct {
	n  int
	mu sync.Mutex

	there, most int
	full        chan struct{}
	once        sync.Once
}

func (m *meeting) join() {
	m.mu.Lock()
	m.there++
	m.most = max(m.most, m.there)
	if m.there == m.n {
		m.once.Do(func() { close(m.full) })
	}
	m.mu.Unlock()
	select {
	case <-m.full:
	case <-time.After(2 * time.Second):
	}
	time.Sleep(5 * time.Millisecond) // one too many would come now
	m.mu.Lock()
	m.there--
	m.mu.Unlock()
}

func TestABankIsAskedForSeveralPaymentsAtOnceAndForEachOnlyOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		sessions := b.lostMany(t, 40)
		once := meeting{n: 16, full: make(chan struct{})}
		var mu sync.Mutex
		var asked []string
		b.ask = func(session string) (*core.Update, error) {
			mu.Lock()
			asked = append(asked, session)
			mu.Unlock()
			once.join()
			return &core.Update{Status: "ACTC"}, nil
		}
		var all sync.WaitGroup
		for range 3 { // in one process one of them is enough
			all.Go(func() {
				if err := b.Sweep(t.Context(), "lon"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		b.unknown(t, 0)
		if once.most != 16 {
			t.Errorf("%d were asked for at once; want 16", once.most)
		}
		slices.Sort(sessions)
		if slices.Sort(asked); !slices.Equal(asked, sessions) {
			t.Errorf("asked %d times for %d payments", len(asked), len(sessions))
		}
	})
}

func TestTwoProcessesHandAPaymentOverAnewOnlyOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const n = 12
		sessions := b.lostMany(t, n)
		both := map[string]*meeting{}
		for _, s := range sessions {
			both[s] = &meeting{n: 2, full: make(chan struct{})}
		}
		b.ask = func(session string) (*core.Update, error) {
			both[session].join() // both have asked before either hears
			return nil, core.ErrPaymentUnknown
		}
		var mu sync.Mutex
		sent := map[string]int{}
		b.answer = func(o core.PaymentOrder) (*core.Update, error) {
			mu.Lock()
			defer mu.Unlock()
			sent[o.PaymentID]++
			return b.page(o)
		}
		var all sync.WaitGroup
		for _, process := range []*payment.Service{b.process(), b.process()} {
			all.Go(func() {
				if err := process.Sweep(t.Context(), "lon"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		b.unknown(t, 0)
		for _, m := range both {
			if m.most != 2 {
				t.Error("the two processes did not ask at the same moment")
			}
		}
		if len(sent) != n {
			t.Errorf("%d were handed over anew; want %d", len(sent), n)
		}
		for id, times := range sent {
			if times != 1 {
				t.Errorf("%s was handed over %d times more", id, times)
			}
		}
	})
}

func TestPaymentsForWhichTheBankDoesNotAnswerKeepNobodyFromTheOthers(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const silent = 20 // more than are asked for at once
		sessions := b.lostMany(t, 40)
		b.ask = func(session string) (*core.Update, error) {
			if slices.Contains(sessions[:silent], session) {
				return nil, fmt.Errorf("%w: time is up", core.ErrUnavailable)
			}
			return &core.Update{Status: "ACTC"}, nil
		}
		failed := false
		for range 41 {
			failed = b.Sweep(t.Context(), "lon") != nil || failed
		}
		b.unknown(t, silent)
		if !failed {
			t.Error("nobody was told")
		}
	})
}
