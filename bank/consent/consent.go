// Package consent decides what a TPP may read for a PSU, and until when.
//
// A TPP creates a consent (received) and the PSU authorises it at her bank (valid). It ends
// when its last day is over (expired), when the TPP terminates it, when the PSU revokes it
// at the bank or on the hub's own dashboard, or when a newer recurring consent of the same TPP and PSU takes its place
// (expired). One that the PSU refuses or forgets is rejected. She may authorise a valid one
// again, to open older history. Every change of status is a method that is told the time and
// the bank's zone, and returns a changed copy.
//
// What a TPP may read is the smaller of what it asked for and what the PSU gave. The names
// of the accounts come from the bank after SCA, so they are filled in when first needed.
//
// The reads themselves belong to package account, SCA to package authorisation.
package consent

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/bank/core"
	"kontor/bank/tpp"
	"kontor/kit/day"
)

// Status says where a consent stands in its life.
//
// spec: xs2a/consentStatus
type Status string

const (
	Received            Status = "received"            // created; no PSU has authorised it yet
	PartiallyAuthorised Status = "partiallyAuthorised" // one PSU has, and another must
	Valid               Status = "valid"               // authorised: the TPP may read
	Rejected            Status = "rejected"            // final: refused, or never authorised
	Expired             Status = "expired"             // final: the last day is over, used up, or replaced
	RevokedByPSU        Status = "revokedByPsu"        // final: withdrawn by the PSU
	TerminatedByTPP     Status = "terminatedByTpp"     // final: ended by the TPP that created it
)

// Pending says whether s waits for SCA.
func (s Status) Pending() bool { return s == Received || s == PartiallyAuthorised }

// Final says whether s is an end.
func (s Status) Final() bool { return !s.Pending() && s != Valid }

// Callers tell these apart with errors.Is. Each API maps them to its own codes.
var (
	ErrUnknown    = errors.New("consent unknown") // no such consent, or another TPP's
	ErrRequest    = errors.New("consent request cannot be accepted")
	ErrNotOffered = errors.New("this bank does not offer this kind of consent")
	ErrSessions   = errors.New("this bank does not combine account information with payments in one session")
	ErrStatus     = errors.New("consent status does not allow this")
	ErrInvalid    = errors.New("consent does not allow this")
	ErrExpired    = errors.New("consent has expired")
	ErrExceeded   = errors.New("reads of this kind are used up")
	ErrRepeated   = errors.New("request was made before")
	ErrBlocked    = errors.New("consent is part of a signing basket")
	errOtherPSU   = errors.New("another customer than the one who gave the consent")
)

// A Model is the kind of access, told by its shape.
type Model string

const (
	Dedicated         Model = "dedicated"         // accounts named by the TPP
	BankOffered       Model = "bankOffered"       // the PSU chooses at the bank
	AvailableAccounts Model = "availableAccounts" // the list only, perhaps with balances
	Global            Model = "global"            // everything: allPsd2
	Funds             Model = "funds"             // confirmations of funds on one account
)

// A Consent is the permission that one TPP asks of one PSU.
type Consent struct {
	Bank            string
	ID              string
	TPP             tpp.ID
	TPPName         string
	Brand           string // what the PSU is shown in place of TPPName, where given
	PSU             string // the bank's id of the PSU; "" before SCA
	Model           Model
	Access          Access
	Card            Card // of a consent to confirm funds; sealed at rest
	Recurring       bool
	ValidUntil      day.Day   // last day, inclusive, in the bank's calendar
	ExpiresAt       time.Time // the first moment after ValidUntil
	FrequencyPerDay int       // 0: no reads are counted, see OfItsOwn
	Status          Status
	LastActionDate  day.Day
	CreatedAt       time.Time
	AuthoriseBy     time.Time // not authorised by then: rejected
	AuthorisedAt    time.Time
	OneOffEnd       time.Time // end of a one-off's window after SCA; zero: each read once

	Session  string      // secret of the bank's session; "" until the bank is told of c
	Basket   string      // ID of the signing basket in which it is authorised; "": alone
	Token    string      // the bank's access token; sealed at rest
	Grant    *core.Grant // what the PSU gave; nil: what was asked
	Accounts []Account   // what Grant means in the bank's accounts; nil until first needed

	RequestID string   // X-Request-ID of the creation; "" once another request may have it
	Digest    [32]byte // of what was sent: a repeat has the same

	// PaymentAccountsOnly leaves savings and loan accounts out. It is not stored: the bank's
	// profile decides whenever a Service reads the consent.
	PaymentAccountsOnly bool
}

// At returns c as it stands at now. Reading a consent never writes: a status that only the
// passing of time has changed is computed here, whenever it is asked for, and so is the day
// in zone on which it changed.
func (c Consent) At(now time.Time, zone *time.Location) Consent {
	if status := c.statusAt(now); status != c.Status {
		c.LastActionDate = day.Of(c.EndsAt(), zone)
		c.Status = status
	}
	return c
}

// EndsAt is when time alone ends c, if nothing else does before; zero where it has ended.
func (c Consent) EndsAt() time.Time {
	end := c.ExpiresAt
	switch {
	case c.Status.Final():
		return time.Time{}
	// Whichever comes first: what was never authorised has not expired, and must not seem
	// to do so between its last day and the end of SCA.
	case c.Status.Pending() && c.AuthoriseBy.Before(end):
		return c.AuthoriseBy
	case c.Status == Valid && !c.OneOffEnd.IsZero() && c.OneOffEnd.Before(end):
		return c.OneOffEnd
	}
	return end
}

func (c Consent) statusAt(now time.Time) Status {
	switch {
	case c.Status.Final() || now.Before(c.EndsAt()):
		return c.Status
	case c.Status == Valid:
		return Expired
	}
	return Rejected
}

// Authorise makes c valid: the PSU has completed SCA at the bank.
//
// A one-off consent lives for oneOffWindow from then on. Without a window each kind of read
// can be had once, and c stays valid until its last day is over even when all are used: the
// hub cannot know which accounts and entries a TPP still means to read, and a consent that
// expired after the first read would leave it without the others.
func (c Consent) Authorise(now time.Time, zone *time.Location, s core.Success, oneOffWindow time.Duration) (Consent, error) {
	c, err := c.move(now, zone, Valid, Received, PartiallyAuthorised)
	if err != nil {
		return c, err
	}
	c.PSU, c.Token, c.Grant, c.AuthorisedAt = s.UserID, s.Token, s.Granted, now
	if !c.Recurring && oneOffWindow > 0 && c.Model != Funds {
		c.OneOffEnd = now.Add(oneOffWindow)
	}
	return c, nil
}

// AuthoriseAgain takes note that the PSU who gave c has completed SCA once more, in the
// bank's session: older history is open again, and the bank's new token takes the place of
// the old one. Nothing else about c changes, unless she now gives something else.
func (c Consent) AuthoriseAgain(now time.Time, session string, s core.Success) (Consent, error) {
	if status := c.statusAt(now); status != Valid {
		return c, fmt.Errorf("%w: it is %s", ErrStatus, status)
	}
	if s.UserID != c.PSU {
		return c, errOtherPSU
	}
	c.Session, c.AuthorisedAt = session, now
	if s.Token != "" {
		c.Token = s.Token
	}
	if s.Granted != nil {
		c.Grant, c.Accounts = s.Granted, nil
	}
	return c, nil
}

// Advance takes note that one of several PSUs has authorised c at the bank.
func (c Consent) Advance(now time.Time, zone *time.Location) (Consent, error) {
	return c.move(now, zone, PartiallyAuthorised, Received)
}

// Reject ends c because the PSU refused, or did not finish.
func (c Consent) Reject(now time.Time, zone *time.Location) (Consent, error) {
	return c.move(now, zone, Rejected, Received, PartiallyAuthorised)
}

// Revoke ends c at the wish of the PSU, told by the bank.
func (c Consent) Revoke(now time.Time, zone *time.Location) (Consent, error) {
	return c.move(now, zone, RevokedByPSU, Valid)
}

// Expire ends c before its time: replaced by a newer one, used up, or over at the bank.
func (c Consent) Expire(now time.Time, zone *time.Location) (Consent, error) {
	if c.statusAt(now).Pending() {
		return c.Reject(now, zone)
	}
	return c.move(now, zone, Expired, Valid)
}

// Terminate ends c at the wish of its TPP. What has ended already stays as it ended, and
// that is no error: the TPP has what it wants.
func (c Consent) Terminate(now time.Time, zone *time.Location) Consent {
	if c = c.At(now, zone); c.Status.Final() {
		return c
	}
	c.Status, c.LastActionDate = TerminatedByTPP, day.Of(now, zone)
	return c
}

// move takes c to status to, provided that at now it stands in one of from.
func (c Consent) move(now time.Time, zone *time.Location, to Status, from ...Status) (Consent, error) {
	if at := c.statusAt(now); !slices.Contains(from, at) {
		return c, fmt.Errorf("%w: %s to %s", ErrStatus, at, to)
	}
	c.Status, c.LastActionDate = to, day.Of(now, zone)
	return c, nil
}

// Usable returns why c permits no read at now, or nil.
func (c Consent) Usable(now time.Time) error {
	switch status := c.statusAt(now); status {
	case Valid:
		return nil
	case Expired:
		return ErrExpired
	default:
		return fmt.Errorf("%w: it is %s", ErrInvalid, status)
	}
}
