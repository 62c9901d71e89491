package corebank

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/sqldb"
)

// holdFor is how long what was approved waits to be confirmed: longer than the hub does, so that
// of the two it is the hub that ends it.
const holdFor = 10 * time.Minute

// holds says whether what is approved on j waits until the hub says that the customer came back
// to the third party that had led her here.
func (j journey) holds() bool { return j.Request.Confirm && !j.bySteps() && j.Basket == "" }

// hold keeps the approval of j, of which nothing has happened yet, and tells the hub.
func (b *Bank) hold(tx *sqldb.Tx, out *reports, j journey) error {
	if err := b.move(tx, j, stateHeld, stateCode); err != nil {
		return err
	}
	until := b.now().Add(holdFor)
	if _, err := tx.Exec(`UPDATE corebank_journey SET expires_at = $1 WHERE bank = $2 AND (id = $3 OR basket = $3)`, until.UnixMicro(), b.code, j.ID); err != nil {
		return err
	}
	// Nothing of a payment is executed while its cancellation waits.
	if _, err := tx.Exec(`UPDATE corebank_payment SET cancelling_until = $1 WHERE bank = $2 AND cancelling = $3`, until.UnixMicro(), b.code, j.ID); err != nil {
		return err
	}
	return b.report(tx, out, report{stream: j.Session, verb: verbUpdate, event: wire.Event{
		SessionSecret: wire.String(j.Session), SCAStatus: "unconfirmed", ConfirmationCodeSHA256: codeHash(b.returnCode(j)),
		SessionExpiresAt: wire.String(until.UTC().Format(time.RFC3339)),
	}})
}

// returnCode is what the browser that has approved j takes back with it. It is kept nowhere, and
// the same however often the browser asks.
func (b *Bank) returnCode(j journey) string {
	return base64.RawURLEncoding.EncodeToString(b.mac("return", j.ID, j.Session, j.Customer))
}

func codeHash(code string) wire.String {
	sum := sha256.Sum256([]byte(code))
	return wire.String(hex.EncodeToString(sum[:]))
}

// strayed says whether the customer who has approved is waited for to go back, and this browser
// is not hers: she may have approved on her phone, and her session here be over since.
func (s *scaVisit) strayed() bool {
	return s.j.State == stateHeld && !s.over() && (s.v.who == nil || s.v.who.ID != s.j.Customer)
}

// wayBack is where the browser goes in the end. Only that of the customer who has approved gets
// the code: whoever else knows the address of this page could confirm in her place.
func (s *scaVisit) wayBack() string {
	j := s.j
	if j.State != stateHeld || s.v.who == nil || s.v.who.ID != j.Customer {
		return j.RedirectURL
	}
	u, err := url.Parse(j.RedirectURL)
	if err != nil { // checked when j began
		return j.RedirectURL
	}
	q := u.Query()
	q.Set(wire.ParameterConfirmationCode, s.b.returnCode(j))
	u.RawQuery = q.Encode()
	return u.String()
}

// Confirm goes on with what is held, as if it were approved just now, or drops it. A second time
// nothing happens, and the answer is the same.
func (c connector) Confirm(ctx context.Context, r wire.SessionConfirm) (wire.Event, error) {
	b := c.Bank
	secret := string(r.SessionSecret)
	if !isPlain(secret) {
		return wire.Event{}, sdk.ErrStep
	}
	j, err := scanJourney(b.db.QueryRow(ctx, selectJourney+`session_secret = $2`, b.code, secret))
	switch {
	case errors.Is(err, errJourney), err == nil && !j.holds():
		return wire.Event{}, sdk.ErrStep
	case err != nil:
		return wire.Event{}, err
	case r.Confirmed:
		err = b.confirmed(ctx, j)
	default:
		err = b.end(ctx, j, stateFailed, "SessionClosed", "The third party did not confirm.", nil)
	}
	if err != nil && !errors.Is(err, errJourney) {
		return wire.Event{}, err
	}
	// Of a session that is over already, the answer says how it ended.
	if j, err = b.journey(ctx, j.ID); err != nil {
		return wire.Event{}, err
	}
	if j.State == stateOpen || j.State == stateCode || j.State == stateHeld {
		return wire.Event{}, sdk.ErrStep // not approved yet, or its time is up
	}
	return wire.Event{SCAStatus: scaStatus(j)}, nil
}

// confirmed does what was approved on j.
func (b *Bank) confirmed(ctx context.Context, j journey) error {
	var approved *payment
	err := b.write(ctx, func(tx *sqldb.Tx, out *reports) error {
		approved = nil
		stored, err := scanJourney(tx.QueryRow(selectJourney+`id = $2`, b.code, j.ID))
		if err != nil {
			return err
		}
		if stored.State != stateHeld {
			return errJourney
		}
		approves, err := b.approvalOf(tx, stored)
		if err != nil {
			return err
		}
		approved = &approves.payment
		return b.complete(tx, out, stored, approves.payment, stateHeld)
	})
	if errors.Is(err, ledger.ErrFunds) { // spent in the meantime
		return b.end(ctx, j, stateFailed, classFunds, textFunds, new(false))
	}
	if err == nil {
		b.afterwards(ctx, j, approved)
	}
	return err
}

// readLanguage keeps of an Accept-Language header what can be one; else nothing.
func readLanguage(header string) string {
	const longest = 200
	if len(header) > longest || !isPlain(header) {
		return ""
	}
	return header
}

// inLanguage lets the third party's word on the customer's language count more than what her
// browser says by itself, and less than what she has chosen on a page of the bank.
func inLanguage(r *http.Request, j journey) *http.Request {
	if j.Request.Language == "" {
		return r
	}
	r = r.Clone(r.Context())
	said := j.Request.Language
	if own := r.Header.Get("Accept-Language"); own != "" {
		said += "," + own
	}
	r.Header.Set("Accept-Language", said)
	return r
}
