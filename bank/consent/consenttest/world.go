package consenttest

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata" // the bank's zone must be known everywhere

	"kontor/bank/authorisation"
	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/consent"
	"kontor/bank/consent/consentsql"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit/auditsql"
	"kontor/kit/day"
	"kontor/kit/eidas"
	"kontor/kit/secretbox"
	"kontor/kit/sqldb"
)

// Migrations are those that a World needs.
var Migrations = []fs.FS{auditsql.Migrations, authorisationsql.Migrations, consentsql.Migrations}

// Noon is when a World begins: midday of 1 March 2026 in Ljubljana.
var Noon = time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)

// AISP is a TPP that may read accounts and ask for funds.
var AISP = tpp.TPP{ID: "PSDSI-BS-1234567", Name: "Fin Pregled d.o.o.", Roles: []eidas.Role{eidas.AI, eidas.IC}}

// A World is the real consents and authorisations on a real database, a bank in memory, and
// a clock and IDs that a test can foretell.
type World struct {
	*consent.Service
	DB    *sqldb.DB
	Bank  *Bank
	Audit auditsql.Log
	At    profile.Bank

	now     atomic.Pointer[time.Time]
	mu      sync.Mutex
	revoked []string // consents whose OAuth tokens were ended
}

// NewWorld opens a World on an empty migrated database. Its bank has the profile standard.
func NewWorld(t testing.TB, db *sqldb.DB) *World {
	t.Helper()
	keyset, err := secretbox.Generate()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secretbox.New(keyset)
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Ljubljana")
	if err != nil {
		t.Fatal(err)
	}
	w := &World{DB: db, Bank: &Bank{URL: "https://bank.example/sca"}, Audit: auditsql.Log{DB: db}}
	w.Set(Noon)
	w.At = profile.Bank{Code: "lon", Name: "Banka Lon", BasePath: "/psd2/lon", Zone: zone, ProfileName: "standard"}
	if w.At.Profile, err = profile.Load("standard"); err != nil {
		t.Fatal(err)
	}
	w.At.FirstUpdateWait = 30 * time.Millisecond
	var n atomic.Int64
	newID := func() string { return fmt.Sprintf("id%d", n.Add(1)) }
	auths := &authorisation.Service{Store: authorisationsql.Store{DB: db}, Cores: map[string]core.Bank{"lon": w.Bank}, Atomically: db.Atomically, Now: w.Now, NewID: newID}
	w.Service = &consent.Service{
		Store: consentsql.Store{DB: db, Box: box}, Authorisations: auths, Cores: map[string]core.Bank{"lon": w.Bank}, Banks: map[string]profile.Bank{"lon": w.At},
		Audit: w.Audit, RevokeTokens: w.revokeTokens, Atomically: db.Atomically,
		ReturnURL: func(bank, key string) string { return "https://hub.example/return/" + bank + "/" + key },
		Now:       w.Now, NewID: newID, Log: slog.New(slog.DiscardHandler),
	}
	auths.Subjects = map[authorisation.Kind]authorisation.Subject{authorisation.OfConsent: w.Service}
	return w
}

func (w *World) revokeTokens(_ context.Context, _, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.revoked, id) {
		w.revoked = append(w.revoked, id)
	}
	return nil
}

// TokensRevoked lists the consents whose OAuth tokens were ended.
func (w *World) TokensRevoked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.revoked)
}

// Change changes the switches of the bank.
func (w *World) Change(change func(*profile.Bank)) {
	change(&w.At)
	w.Banks["lon"] = w.At
}

// Now is the clock of the World.
func (w *World) Now() time.Time { return *w.now.Load() }

// Set sets the clock.
func (w *World) Set(t time.Time) { w.now.Store(&t) }

// Pass lets time pass.
func (w *World) Pass(d time.Duration) { w.Set(w.Now().Add(d)) }

// Everything asks for all accounts, four times a day, for two months.
func Everything() consent.Request {
	return consent.Request{Access: consent.Access{AllPSD2: consent.AllAccounts}, Recurring: true, ValidUntil: day.New(2026, 5, 1), FrequencyPerDay: 4}
}

// Ask creates a consent for AISP.
func (w *World) Ask(t testing.TB, r consent.Request) consent.Consent {
	t.Helper()
	c, _, err := w.Create(t.Context(), w.At, AISP, consent.Creation{Request: r})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Allow plays the PSU who authorises c at the bank. Her access has the token "token-" and
// the consent's ID.
func (w *World) Allow(t testing.TB, c consent.Consent, psu string, grant *core.Grant) {
	t.Helper()
	stored, err := w.Store.Get(t.Context(), c.Bank, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Authorisations.Success(t.Context(), c.Bank, core.Success{Session: stored.Session, UserID: psu, Token: "token-" + c.ID, Granted: grant}); err != nil {
		t.Fatal(err)
	}
}

// Given is Ask and Allow.
func (w *World) Given(t testing.TB, r consent.Request, psu string, grant *core.Grant) consent.Consent {
	t.Helper()
	c := w.Ask(t, r)
	w.Allow(t, c, psu, grant)
	return w.Read(t, c.ID)
}

// Read returns a consent as it stands.
func (w *World) Read(t testing.TB, id string) consent.Consent {
	t.Helper()
	c, err := w.Get(t.Context(), "lon", AISP.ID, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
