// Package audit keeps the record of who was allowed to do what.
//
// An entry is written in the same transaction as what it speaks of, so that neither can
// exist without the other. Entries name resources, never their contents: no personal data
// of a PSU belongs here.
package audit

import (
	"context"
	"time"
)

// An Entry is one line of the record.
type Entry struct {
	At        time.Time
	Bank      string
	Actor     string // the TPP's authorisation number, "bank" or "hub"
	Action    string // consent.create, account.transactions, …
	Resource  string // ID of the consent, payment, …
	RequestID string // X-Request-ID where there is one
}

// A Log takes entries. Append joins the transaction that ctx is in.
type Log interface {
	Append(ctx context.Context, e Entry) error
}
