package consent_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/kit/day"
)

var success = core.Success{UserID: "u1", Token: "t1"}

// made returns a consent in status, created at noon, with 15 minutes for SCA, good for
// ten days.
func made(status consent.Status) consent.Consent {
	last := day.Of(noon, ljubljana).AddDays(9)
	return consent.Consent{
		Bank: "lon", ID: "c1", TPP: someTPP.ID, Model: consent.Dedicated, Recurring: true, FrequencyPerDay: 4, Status: status,
		ValidUntil: last, ExpiresAt: last.AddDays(1).Start(ljubljana), CreatedAt: noon, AuthoriseBy: noon.Add(15 * time.Minute),
		Access: consent.Access{Accounts: refs(byIBAN(ibanA)), Balances: refs(byIBAN(ibanA)), Transactions: refs(byIBAN(ibanA))},
	}
}

type move struct {
	name string
	do   func(consent.Consent, time.Time) (consent.Consent, error)
}

func on(at time.Time) day.Day { return day.Of(at, ljubljana) }

var (
	authorise = move{"authorise", func(c consent.Consent, at time.Time) (consent.Consent, error) {
		return c.Authorise(at, ljubljana, success, 0)
	}}
	reject    = move{"reject", func(c consent.Consent, at time.Time) (consent.Consent, error) { return c.Reject(at, ljubljana) }}
	revoke    = move{"revoke", func(c consent.Consent, at time.Time) (consent.Consent, error) { return c.Revoke(at, ljubljana) }}
	expire    = move{"expire", func(c consent.Consent, at time.Time) (consent.Consent, error) { return c.Expire(at, ljubljana) }}
	terminate = move{"terminate", func(c consent.Consent, at time.Time) (consent.Consent, error) { return c.Terminate(at, ljubljana), nil }}
	advance   = move{"advance", func(c consent.Consent, at time.Time) (consent.Consent, error) { return c.Advance(at, ljubljana) }}
	moves     = []move{authorise, reject, revoke, expire, terminate, advance}
)

func TestStatusMachine(t *testing.T) {
	soon, late, after := noon.Add(time.Minute), noon.Add(15*time.Minute), noon.AddDate(0, 0, 30)
	const no = consent.Status("")
	for _, tt := range []struct {
		name string
		from consent.Status
		move move
		at   time.Time
		want consent.Status // no: refused with ErrStatus
	}{
		{"the PSU authorises", consent.Received, authorise, soon, consent.Valid},
		{"in the last moment", consent.Received, authorise, late.Add(-1), consent.Valid},
		{"too late", consent.Received, authorise, late, no},
		{"the PSU refuses", consent.Received, reject, soon, consent.Rejected},
		{"what was never given cannot be revoked", consent.Received, revoke, soon, no},
		{"what was never given does not expire, it is rejected", consent.Received, expire, soon, consent.Rejected},
		{"the TPP ends it before SCA", consent.Received, terminate, soon, consent.TerminatedByTPP},
		{"the TPP ends what time has rejected: it stays rejected", consent.Received, terminate, late, consent.Rejected},

		{"one PSU of two has, and the other does", consent.PartiallyAuthorised, authorise, soon, consent.Valid},
		{"the other comes too late", consent.PartiallyAuthorised, authorise, late, no},
		{"the other refuses", consent.PartiallyAuthorised, reject, soon, consent.Rejected},
		{"what was half given cannot be revoked", consent.PartiallyAuthorised, revoke, soon, no},
		{"nor does it expire", consent.PartiallyAuthorised, expire, soon, consent.Rejected},
		{"the TPP ends what was half given", consent.PartiallyAuthorised, terminate, soon, consent.TerminatedByTPP},
		{"a first PSU authorises", consent.Received, advance, soon, consent.PartiallyAuthorised},
		{"a first PSU comes too late", consent.Received, advance, late, no},
		{"half given once only", consent.PartiallyAuthorised, advance, soon, no},
		{"what is valid is whole", consent.Valid, advance, soon, no},
		{"what was refused stays so", consent.Rejected, advance, soon, no},

		{"authorised once only", consent.Valid, authorise, soon, no},
		{"given is given", consent.Valid, reject, soon, no},
		{"the PSU revokes", consent.Valid, revoke, soon, consent.RevokedByPSU},
		{"replaced, or over at the bank", consent.Valid, expire, soon, consent.Expired},
		{"the TPP ends a valid one", consent.Valid, terminate, soon, consent.TerminatedByTPP},
		{"expired by its date, it cannot be revoked", consent.Valid, revoke, after, no},
		{"nor expire again", consent.Valid, expire, after, no},
		{"the TPP ends what its date has ended: it stays expired", consent.Valid, terminate, after, consent.Expired},

		{"rejected, then authorised", consent.Rejected, authorise, soon, no},
		{"rejected, then rejected", consent.Rejected, reject, soon, no},
		{"rejected, then revoked", consent.Rejected, revoke, soon, no},
		{"rejected, then expired", consent.Rejected, expire, soon, no},
		{"rejected, then terminated, is no error", consent.Rejected, terminate, soon, consent.Rejected},
		{"expired, then authorised", consent.Expired, authorise, soon, no},
		{"expired, then rejected", consent.Expired, reject, soon, no},
		{"expired, then revoked", consent.Expired, revoke, soon, no},
		{"expired, then expired", consent.Expired, expire, soon, no},
		{"expired, then terminated, is no error", consent.Expired, terminate, soon, consent.Expired},
		{"revoked, then authorised", consent.RevokedByPSU, authorise, soon, no},
		{"revoked, then rejected", consent.RevokedByPSU, reject, soon, no},
		{"revoked, then revoked", consent.RevokedByPSU, revoke, soon, no},
		{"revoked, then expired", consent.RevokedByPSU, expire, soon, no},
		{"revoked, then terminated, is no error", consent.RevokedByPSU, terminate, soon, consent.RevokedByPSU},
		{"terminated, then authorised", consent.TerminatedByTPP, authorise, soon, no},
		{"terminated, then rejected", consent.TerminatedByTPP, reject, soon, no},
		{"terminated, then revoked", consent.TerminatedByTPP, revoke, soon, no},
		{"terminated, then expired", consent.TerminatedByTPP, expire, soon, no},
		{"terminated twice is no error", consent.TerminatedByTPP, terminate, soon, consent.TerminatedByTPP},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := made(tt.from)
			got, err := tt.move.do(c, tt.at)
			if tt.want == no {
				if !errors.Is(err, consent.ErrStatus) || got.Status != tt.from {
					t.Errorf("got %s, %v; want it refused and unchanged", got.Status, err)
				}
				return
			}
			if err != nil || got.Status != tt.want {
				t.Errorf("got %s, %v; want %s", got.Status, err, tt.want)
			}
			if moved := c.At(tt.at, ljubljana).Status != tt.want; moved && got.LastActionDate != on(tt.at) {
				t.Errorf("lastActionDate is %s", got.LastActionDate)
			}
		})
	}
}

func TestTimeAlone(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    func() consent.Consent
		at   time.Time
		want consent.Status
	}{
		{"a received one waits for SCA", func() consent.Consent { return made(consent.Received) }, noon.Add(14 * time.Minute), consent.Received},
		{"and is rejected when nobody came", func() consent.Consent { return made(consent.Received) }, noon.Add(15 * time.Minute), consent.Rejected},
		{"and does not become expired later", func() consent.Consent { return made(consent.Received) }, noon.AddDate(1, 0, 0), consent.Rejected},
		{"one whose last day ends before SCA does is rejected then", func() consent.Consent {
			c := made(consent.Received)
			c.ExpiresAt = noon.Add(5 * time.Minute)
			return c
		}, noon.Add(5 * time.Minute), consent.Rejected},
		{"a one-off with a window expires with it", func() consent.Consent {
			c := made(consent.Received)
			c.Recurring = false
			c, _ = c.Authorise(noon, ljubljana, success, 10*time.Minute)
			return c
		}, noon.Add(10 * time.Minute), consent.Expired},
		{"but not before", func() consent.Consent {
			c := made(consent.Received)
			c.Recurring = false
			c, _ = c.Authorise(noon, ljubljana, success, 10*time.Minute)
			return c
		}, noon.Add(10*time.Minute - 1), consent.Valid},
		{"a recurring one has no window", func() consent.Consent {
			c, _ := made(consent.Received).Authorise(noon, ljubljana, success, 10*time.Minute)
			return c
		}, noon.Add(time.Hour), consent.Valid},
		{"a revoked one stays revoked", func() consent.Consent { return made(consent.RevokedByPSU) }, noon.AddDate(1, 0, 0), consent.RevokedByPSU},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.c().At(tt.at, ljubljana).Status; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAuthoriseKeepsWhatTheBankSaid(t *testing.T) {
	grant := &core.Grant{Balances: []core.AccountReference{byIBAN(ibanA)}}
	c, err := made(consent.Received).Authorise(noon, ljubljana, core.Success{UserID: "u7", Token: "t7", Granted: grant}, 0)
	if err != nil || c.PSU != "u7" || c.Token != "t7" || c.Grant != grant || !c.AuthorisedAt.Equal(noon) {
		t.Errorf("got %+v, %v", c, err)
	}
}

// No sequence of moves, at whatever times, leaves a final status, whether it was stored or
// only computed; and none ends in a status that the moves cannot reach.
func TestFinalIsFinal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := made(consent.Received)
		c.Recurring = rapid.Bool().Draw(t, "recurring")
		c.ExpiresAt = noon.Add(time.Duration(rapid.Int64Range(1, int64(40*time.Minute)).Draw(t, "life")))
		at, ended := noon, consent.Status("")
		window := time.Duration(rapid.SampledFrom([]int{0, 5, 10}).Draw(t, "window")) * time.Minute
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			at = at.Add(time.Duration(rapid.Int64Range(0, int64(8*time.Minute)).Draw(t, "later")))
			m := rapid.SampledFrom(moves).Draw(t, "move")
			before := c.At(at, ljubljana).Status
			var err error
			if m.name == "authorise" {
				c, err = c.Authorise(at, ljubljana, success, window)
			} else {
				c, err = m.do(c, at)
			}
			now := c.At(at, ljubljana).Status
			if before.Final() && now != before {
				t.Fatalf("%s took %s to %s", m.name, before, now)
			}
			if err != nil && now != before {
				t.Fatalf("%s was refused and yet took %s to %s", m.name, before, now)
			}
			if before == consent.Valid && now.Pending() || before == consent.PartiallyAuthorised && now == consent.Received {
				t.Fatalf("%s took %s to %s", m.name, before, now)
			}
			if ended != "" && now != ended {
				t.Fatalf("%s, then %s", ended, now)
			}
			if now.Final() {
				ended = now
				if c.Usable(at) == nil {
					t.Fatalf("%s, and yet it permits reads", now)
				}
			}
		}
	})
}

func TestUsable(t *testing.T) {
	for status, want := range map[consent.Status]error{
		consent.Received: consent.ErrInvalid, consent.PartiallyAuthorised: consent.ErrInvalid, consent.Valid: nil, consent.Rejected: consent.ErrInvalid, consent.Expired: consent.ErrExpired,
		consent.RevokedByPSU: consent.ErrInvalid, consent.TerminatedByTPP: consent.ErrInvalid,
	} {
		if err := made(status).Usable(noon.Add(time.Minute)); !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%s: got %v, want %v", status, err, want)
		}
	}
	if err := made(consent.Valid).Usable(noon.AddDate(0, 1, 0)); !errors.Is(err, consent.ErrExpired) {
		t.Errorf("after its last day: got %v", err)
	}
}

func TestPermits(t *testing.T) {
	full := &consent.Account{Balances: true, Transactions: true}
	bare := &consent.Account{}
	soon := noon.Add(time.Minute)
	for _, tt := range []struct {
		name   string
		change func(*consent.Consent)
		use    consent.Use
		err    error
	}{
		{"the list", nil, consent.Use{}, nil},
		{"the list with balances, asked for", nil, consent.Use{Balances: true}, nil},
		{"the list with balances, not asked for", func(c *consent.Consent) { c.Access.Balances = nil }, consent.Use{Balances: true}, consent.ErrInvalid},
		{"balances of an account with that right", nil, consent.Use{Account: full, Balances: true}, nil},
		{"balances of an account without", nil, consent.Use{Account: bare, Balances: true}, consent.ErrInvalid},
		{"details of an account without any right", nil, consent.Use{Account: bare}, nil},
		{"transactions of an account with that right", nil, consent.Use{Account: full, Transaction: true}, nil},
		{"transactions of an account without", nil, consent.Use{Account: bare, Transaction: true}, consent.ErrInvalid},
		{"transactions of no account", nil, consent.Use{Transaction: true}, consent.ErrInvalid},
		{"a consent to confirm funds opens no account", func(c *consent.Consent) { c.Model = consent.Funds }, consent.Use{}, consent.ErrInvalid},
		{"one that waits for SCA permits nothing", func(c *consent.Consent) { c.Status = consent.Received }, consent.Use{}, consent.ErrInvalid},
		{"one that was revoked permits nothing", func(c *consent.Consent) { c.Status = consent.RevokedByPSU }, consent.Use{}, consent.ErrInvalid},
		{"one that is over permits nothing", func(c *consent.Consent) { c.ExpiresAt = soon }, consent.Use{}, consent.ErrExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := made(consent.Valid)
			if tt.change != nil {
				tt.change(&c)
			}
			if err := c.Permits(soon, tt.use); !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
		})
	}
}

func TestFinalStatuses(t *testing.T) {
	open := []consent.Status{consent.Received, consent.PartiallyAuthorised, consent.Valid}
	for _, s := range []consent.Status{consent.Received, consent.PartiallyAuthorised, consent.Valid, consent.Rejected, consent.Expired, consent.RevokedByPSU, consent.TerminatedByTPP} {
		if s.Final() == slices.Contains(open, s) {
			t.Error(fmt.Sprint(s, " final: ", s.Final()))
		}
	}
}
