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

// A Record can be read, one resource at a time.
type Record interface {
	// Latest lists entries of one resource that were made before a moment, the newest first;
	// the zero time: from the newest on.
	Latest(ctx context.Context, bank, resource string, before time.Time, limit int) ([]Entry, error)
	// Last says of each use when it was last made, under its resource; those that never were
	// are left out.
	Last(ctx context.Context, bank string, uses []Use) (map[string]time.Time, error)
}

// A Use is what an actor does with a resource, but for what Except begins with: the actions
// that are no use of it, such as making it.
type Use struct{ Resource, Actor, Except string }
