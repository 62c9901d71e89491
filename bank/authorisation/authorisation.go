// Package authorisation runs strong customer authentication (SCA) for whatever needs it:
// a consent, a payment, a log-in.
//
// An authorisation starts with a session secret that the bank is told. The bank leads the
// PSU through its own pages and reports by events: Update moves the scaStatus and brings
// the address of those pages, Success finalises, Fail ends it. What nobody finishes in time
// has failed. Every step is a pure method that is told the time; the noun that is being
// authorised hears the end through Subject, in the same transaction.
//
// What needs the signatures of several PSUs has an authorisation of each. The bank says with
// each success whether another signature is needed; the subject is authorised with the last,
// and one PSU's refusal ends all.
//
// Where the PSU comes back from the bank's pages, the TPP may have to confirm that she came back
// to it, by a code that only her browser has: until then the bank holds what she approved.
//
// An scaStatus never goes back, and the end is final: that is what makes it safe that
// events arrive twice or in any order.
//
// What a PSU sees and how she proves who she is, is the bank's affair.
package authorisation

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/bank/core"
	"kontor/bank/tpp"
)

// Status is how far the PSU has come.
//
// spec: xs2a/scaStatus
type Status string

const (
	Received          Status = "received"
	PSUIdentified     Status = "psuIdentified"
	PSUAuthenticated  Status = "psuAuthenticated"
	SCAMethodSelected Status = "scaMethodSelected"
	Started           Status = "started"
	Unconfirmed       Status = "unconfirmed" // at the bank all is well; the TPP has to confirm it
	Finalised         Status = "finalised"   // final
	Failed            Status = "failed"      // final
	Exempted          Status = "exempted"    // final: no SCA was needed
)

// order is the way of an authorisation; final states have no way on.
var order = []Status{Received, PSUIdentified, PSUAuthenticated, SCAMethodSelected, Started, Unconfirmed}

// Final says whether s is an end.
func (s Status) Final() bool { return s == Finalised || s == Failed || s == Exempted }

// A Kind says what is being authorised.
type Kind string

const (
	OfConsent Kind = "consent"
	OfPayment Kind = "payment"
	OfLogin   Kind = "login" // nothing but who the PSU is

	OfCancellation Kind = "cancellation" // of a payment; Subject is the payment's ID
	OfBasket       Kind = "basket"       // of several payments and consents at once
)

// Callers tell these apart with errors.Is.
var (
	ErrUnknown = errors.New("authorisation unknown") // none such, or another TPP's or resource's
	ErrStatus  = errors.New("authorisation status does not allow this")
	// ErrNotOffered: SCA happens on the bank's pages, so there is no other step to take.
	ErrNotOffered = errors.New("this step is not offered: follow the links of the authorisation")
	ErrRepeated   = errors.New("authorisation was started before")
	// ErrOther: the request is not the one that was made before under its X-Request-ID.
	ErrOther = errors.New("X-Request-ID was used for another authorisation")
	// ErrNotAccepted is for a Subject to say of a success: SCA has failed then.
	ErrNotAccepted = errors.New("success is not accepted")
)

// Classes of failures that no bank tells.
const (
	NotAccepted = "NotAccepted"    // what follows ErrNotAccepted
	NotStarted  = "NotStarted"     // the bank did not take the request
	RanOut      = "SessionExpired" // the PSU did not finish in time
)

// AccessDenied is the class by which a bank says that the PSU does not want to.
const AccessDenied = "AccessDenied"

// RepeatWindow is how long a request that is made again is the same request.
const RepeatWindow = 24 * time.Hour

// An Authorisation is one SCA run.
type Authorisation struct {
	Bank    string
	ID      string // shown to the TPP
	Kind    Kind
	Subject string // ID of what is being authorised; of a log-in: its own
	TPP     tpp.ID
	Status  Status
	// Approach is how the PSU authenticates; OAuth: she comes through the authorization server.
	Approach Approach
	OAuth    bool

	// What the bank says of how she proves who she is; empty once that is over.
	Methods   []core.SCAMethod // of which she has to choose one
	Chosen    *core.SCAMethod
	Challenge *core.Challenge

	Session        string // secret shared with the bank; its events name it
	BankURL        string // the bank's page for the PSU; "" until the bank told it
	ReturnKey      string // secret in the hub's own return address
	RedirectURI    string // TPP-Redirect-URI
	NokRedirectURI string // TPP-Nok-Redirect-URI
	OAuthSession   string // of the authorization server, when it waits for this run
	PSU            string // the bank's id of the PSU, once known
	PSUMessage     string

	CreatedAt    time.Time
	ExpiresAt    time.Time // the PSU must be done by then
	FinalisedAt  time.Time
	SuccessToken []byte // SHA-256 of the token that came with success: a repeat is recognised

	// Confirm: where the PSU comes back from the bank's pages, the TPP has to prove that she came
	// back to it, by a code that only her browser is given.
	Confirm     bool
	CodeHash    []byte    // SHA-256 of that code; nil until SCA succeeded
	ConfirmedAt time.Time // when the right code came; the end is still the bank's to tell

	Signs       string    // session of the first signature, to which this adds one; "": it adds to none
	AwaitsUntil time.Time // of the first of several signatures: the next may come until then; zero: none

	Exemption string // why the bank wanted no SCA, as RTS-16 of core.Exemptions; "": it did, or does not tell

	RequestID string   // X-Request-ID, where a TPP started this by itself; "" once another may have it
	Digest    [32]byte // of what was sent with it
}

// expiryCap bounds how far a bank may put off the end of a session.
const expiryCap = 30 * time.Minute

// repeatWindow is how long an identical success is taken as a repeat.
const repeatWindow = 10 * time.Minute

// At returns a as it stands at now: what was not finished in time has failed.
func (a Authorisation) At(now time.Time) Authorisation {
	if !a.Status.Final() && !now.Before(a.ExpiresAt) {
		a.Status = Failed
	}
	return a
}

// Update moves a by what the bank reports. An scaStatus that would go back is ignored:
// updates may overtake each other on the way.
func (a Authorisation) Update(now time.Time, u core.Update) (Authorisation, error) {
	if err := a.open(now); err != nil {
		return a, err
	}
	if u.RedirectURL != "" {
		a.BankURL = u.RedirectURL
	}
	if u.PSUMessage != "" {
		a.PSUMessage = u.PSUMessage
	}
	a = a.offer(u)
	end := u.ExpiresAt
	if latest := now.Add(expiryCap); end.After(latest) {
		end = latest
	}
	if end.After(a.ExpiresAt) && a.Status != Unconfirmed { // a bank gives time; it does not take the profile's away
		a.ExpiresAt = end
	}
	// finalised and failed are told by Success and Fail, not by an Update: only they carry
	// what the resource needs.
	switch to := Status(u.SCAStatus); {
	case to == Exempted && a.BankURL == "":
		a.Status, a.Exemption = Exempted, u.Exemption
		a.FinalisedAt = now
		a = a.over()
	case to == Unconfirmed:
		a = a.hold(now, u.CodeHash)
	case slices.Index(order, to) > slices.Index(order, a.Status):
		a.Status = to
	}
	return a, nil
}

// Succeed finalises a. again is true when this very success was taken before: then nothing
// changes and nothing is to be done.
func (a Authorisation) Succeed(now time.Time, s core.Success) (_ Authorisation, again bool, err error) {
	digest := sha256.Sum256([]byte(s.Token))
	done := a.Status == Finalised || a.Status == Exempted && a.SuccessToken != nil
	if done {
		if subtle.ConstantTimeCompare(digest[:], a.SuccessToken) == 1 && now.Sub(a.FinalisedAt) < repeatWindow {
			return a, true, nil
		}
		return a, false, core.ErrSessionFinalised
	}
	if a.Status != Exempted {
		if err := a.open(now); err != nil {
			return a, false, err
		}
		if a.unheld() {
			return a, false, fmt.Errorf("%w: it was not confirmed", ErrNotAccepted)
		}
		a.Status = Finalised
		if s.Exemption != "" { // she was on the bank's page, and her log-in was enough
			a.Status, a.Exemption = Exempted, s.Exemption
		}
	}
	a.FinalisedAt = now
	a.SuccessToken = digest[:]
	a.PSU = s.UserID
	return a.over(), false, nil
}

// SucceedLate is Succeed for one that only time has ended, and that has succeeded at the
// bank all the same.
func (a Authorisation) SucceedLate(now time.Time, s core.Success) (Authorisation, error) {
	if !a.ranOut(now) {
		return a, a.open(now)
	}
	digest := sha256.Sum256([]byte(s.Token))
	a.Status, a.FinalisedAt, a.SuccessToken = Finalised, now, digest[:]
	if s.UserID != "" {
		a.PSU = s.UserID
	}
	return a.over(), nil
}

// ranOut says whether nothing but time has ended a.
func (a Authorisation) ranOut(now time.Time) bool {
	return a.At(now).Status == Failed && (a.FinalisedAt.IsZero() || !a.FinalisedAt.Before(a.ExpiresAt))
}

// Fail ends a without success.
func (a Authorisation) Fail(now time.Time, f core.Fail) (Authorisation, error) {
	if err := a.open(now); err != nil {
		return a, err
	}
	a.Status = Failed
	a.FinalisedAt = now
	if f.UserID != "" {
		a.PSU = f.UserID
	}
	return a.over(), nil
}

// Close ends a because what it was to authorise has ended. It leaves a finished one alone, but
// that no other signature is waited for.
func (a Authorisation) Close(now time.Time) Authorisation {
	a.AwaitsUntil = time.Time{}
	if !a.Status.Final() {
		a.Status = Failed
		a.FinalisedAt = now
		a = a.over()
	}
	return a
}

// open returns the reason why a takes no more events.
func (a Authorisation) open(now time.Time) error {
	switch {
	case a.Status == Finalised || a.Status == Exempted:
		return core.ErrSessionFinalised
	case a.Status == Failed:
		return core.ErrSessionClosed
	case !now.Before(a.ExpiresAt):
		return fmt.Errorf("%w at %s", core.ErrSessionExpired, a.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return nil
}
