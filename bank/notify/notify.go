// Package notify decides which TPP is told of a change of status, what of it, and when it is
// told again.
//
// A TPP asks for it with the headers of the request that creates a consent, a payment or a
// basket, or that starts an authorisation of one: that is its Wish, and it is kept with the
// resource, of which the newest one counts. Each change of status that it wants becomes a
// Notice, queued in the transaction of the change itself: what happened is told, and what did
// not is not. A sender takes what is due, hands it to Deliver, and tries again with growing
// pauses for a day; then the notice is dropped, and stays on record.
//
// Notices of one resource are delivered in the order of what happened, one after another. A
// sender owns a notice by a lease, so any number of processes may send; one that is killed
// loses nothing, for its lease runs out. A notice can arrive twice, with the same ID.
//
// A notice is a hint: it names the resource and its new status, and nothing of the PSU. How
// it travels, and that it only goes where it may, is for package push.
//
// Source: Berlin Group, resource status notification service.
package notify

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"kontor/bank/tpp"
)

// A Kind is the kind of a resource.
type Kind string

const (
	OfConsent Kind = "consent"
	OfPayment Kind = "payment"
	OfBasket  Kind = "basket"
)

// A Content is what a TPP can ask to be told.
type Content string

const (
	SCA     Content = "SCA"     // every change of an scaStatus
	Process Content = "PROCESS" // every change of the resource's status
	Last    Content = "LAST"    // the resource's last status only
)

// uriMax bounds the length of an address.
const uriMax = 2000

// A Wish is what a TPP wants to be told, and where. The zero Wish is none.
type Wish struct {
	URI     string
	Content []Content
}

// IsZero says whether nothing is wanted.
func (w Wish) IsZero() bool { return w.URI == "" }

// ParseContent reads the grammar of TPP-Notification-Content-Preferred: status=X1,…,Xn. No
// text asks for nothing in particular.
func ParseContent(text string) ([]Content, error) {
	if text == "" {
		return nil, nil
	}
	list, ok := strings.CutPrefix(text, "status=")
	if !ok || len(text) > len("status=SCA, PROCESS, LAST") {
		return nil, fmt.Errorf("is not status= and a list of SCA, PROCESS and LAST")
	}
	var all []Content
	for word := range strings.SplitSeq(list, ",") {
		c := Content(strings.TrimSpace(word))
		switch {
		case c != SCA && c != Process && c != Last:
			return nil, fmt.Errorf("names what is none of SCA, PROCESS and LAST")
		case slices.Contains(all, c):
			return nil, fmt.Errorf("names %s twice", c)
		}
		all = append(all, c)
	}
	return all, nil
}

// FormatContent writes what ParseContent reads.
func FormatContent(all []Content) string {
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = string(c)
	}
	return "status=" + strings.Join(words, ",")
}

// Grant returns the wish of t to be told preferred at uri, as far as the bank offers it; the
// zero Wish where that is nothing. A TPP that prefers nothing is told all that is offered. It
// is told on its own domains only, and under TLS: somebody else's address would make the bank
// knock at other people's doors.
func Grant(t tpp.TPP, uri string, preferred, offered []Content) Wish {
	var content []Content
	for _, c := range offered {
		if len(preferred) == 0 || slices.Contains(preferred, c) {
			content = append(content, c)
		}
	}
	u, err := url.Parse(uri)
	if len(content) == 0 || err != nil || u.Scheme != "https" || u.Fragment != "" || len(uri) > uriMax || !t.RedirectAllowed(uri) {
		return Wish{}
	}
	return Wish{URI: uri, Content: content}
}

// A Subscription is a wish with the resource that it is about.
type Subscription struct {
	Bank          string
	Kind          Kind
	Resource      string
	Authorisation string // with whose start the wish came; "" with the creation
	TPP           tpp.ID
	Wish
}

// An Event is a change of status: of a resource, or of one of its authorisations.
type Event struct {
	Bank     string
	Kind     Kind
	Resource string
	Status   string // of the resource; "" where only an scaStatus has changed
	Last     bool   // Status is an end
	Again    bool   // Status was told before, when it was no end yet

	Authorisation string
	SCAStatus     string
}

// wanted says whether who asked for content is told of e.
func (e Event) wanted(content []Content) bool {
	if e.SCAStatus != "" {
		return slices.Contains(content, SCA)
	}
	return !e.Again && slices.Contains(content, Process) || e.Last && slices.Contains(content, Last)
}

// body is what the TPP is sent: names and words of status, never anything of the PSU.
func (e Event) body() ([]byte, error) {
	var b struct {
		PaymentID         string `json:"paymentId,omitempty"`
		ConsentID         string `json:"consentId,omitempty"`
		BasketID          string `json:"basketId,omitempty"`
		AuthorisationID   string `json:"authorisationId,omitempty"`
		SCAStatus         string `json:"scaStatus,omitempty"`
		TransactionStatus string `json:"transactionStatus,omitempty"`
		ConsentStatus     string `json:"consentStatus,omitempty"`
	}
	b.AuthorisationID, b.SCAStatus = e.Authorisation, e.SCAStatus
	switch e.Kind {
	case OfConsent:
		b.ConsentID, b.ConsentStatus = e.Resource, e.Status
	case OfPayment:
		b.PaymentID, b.TransactionStatus = e.Resource, e.Status
	case OfBasket:
		b.BasketID, b.TransactionStatus = e.Resource, e.Status
	default:
		return nil, fmt.Errorf("there are no notifications of a %q", e.Kind)
	}
	return json.Marshal(b)
}

// A Notice is one event on its way to the TPP that wants it.
type Notice struct {
	Bank     string
	Kind     Kind
	Resource string
	Serial   int64  // counts the notices of one resource
	ID       string // a UUID: X-Request-ID of every attempt
	TPP      tpp.ID
	URI      string // where the TPP wants it now; "" when it is over
	Body     []byte

	CreatedAt time.Time
	Attempts  int
	NextAt    time.Time // not tried before
	LeasedTo  time.Time // somebody is trying until then
	DoneAt    time.Time // delivered or dropped; zero: neither
	Dropped   bool
	Failure   string // of the last attempt
	Version   int64
}

// pauses follow the attempts that failed.
var pauses = []time.Duration{
	time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 8*time.Hour + 48*time.Minute,
}

// life is how long a notice is worth telling. Those that waited behind another one of their
// resource have not more of it.
const life = 24 * time.Hour

// leased returns n as it stands while an attempt is under way.
func (n Notice) leased(until time.Time) Notice {
	n.LeasedTo = until
	return n
}

// Tried returns n after an attempt: failure is "" when it was delivered.
func (n Notice) Tried(now time.Time, failure string) Notice {
	n.Attempts++
	n.LeasedTo = time.Time{}
	n.Failure = failure
	switch {
	case failure == "":
		n.DoneAt = now
	case n.Attempts > len(pauses) || !now.Before(n.CreatedAt.Add(life)):
		n.DoneAt, n.Dropped = now, true
	default:
		n.NextAt = now.Add(pauses[n.Attempts-1])
	}
	return n
}
