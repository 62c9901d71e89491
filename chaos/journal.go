package main

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"sync"
	"time"
)

// What the journal tells of.
const (
	asked        = "asked"        // a request is about to be made
	acknowledged = "acknowledged" // it was answered: the payment exists
	unanswered   = "unanswered"   // no answer came, or one that promises nothing
	approved     = "approved"     // the customer was led back: she has agreed
	seen         = "seen"         // the hub said where the payment stands
	notified     = "notified"     // the hub said so without being asked
	wrong        = "wrong"        // an answer that should not be

	cancelAsked    = "cancelAsked"    // a payment is about to be cancelled
	cancelled      = "cancelled"      // that was answered: it is
	cancelApproved = "cancelApproved" // the customer was led back: she has agreed to that
	tooLate        = "tooLate"        // that was answered: it cannot be cancelled any more

	consented       = "consented"       // a consent to questions about funds is there
	consentApproved = "consentApproved" // and the customer has agreed
	consentEnded    = "consentEnded"    // and it is over
	confirmed       = "confirmed"       // the bank said that there are funds
	turnedAway      = "turnedAway"      // somebody else's question was
)

// A line is one thing that was done or heard.
type line struct {
	At      time.Time `json:"at"`
	Since   time.Time `json:"since,omitzero"` // when the question was put that this answers
	What    string    `json:"what"`
	Name    string    `json:"name"` // end-to-end identification
	Request string    `json:"request,omitempty"`
	Payment string    `json:"payment,omitempty"`
	Consent string    `json:"consent,omitempty"`
	Service string    `json:"service,omitempty"`
	Times   int       `json:"times,omitempty"` // how often money is to move
	Later   bool      `json:"later,omitempty"` // not on the same day
	Status  string    `json:"status,omitempty"`
	Text    string    `json:"text,omitempty"`
}

// A journal is what the third parties know: written down before a request is made, and after
// it was answered.
type journal struct {
	mu   sync.Mutex
	file *os.File
	err  error
}

func newJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	return &journal{file: f}, err
}

// write writes one line. That it could not is told by close: a journal with holes proves nothing.
func (j *journal) write(l line) {
	l.At = time.Now().UTC()
	b, err := json.Marshal(l)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil {
		_, err = j.file.Write(append(b, '\n'))
	}
	j.err = errors.Join(j.err, err)
}

func (j *journal) close() error {
	return errors.Join(j.err, j.file.Close())
}

// An account is what the journal tells of one payment.
type account struct {
	name     string
	service  string
	times    int
	later    bool
	requests []string
	ids      []string // that were acknowledged, each once
	statuses []told
	approved bool
	wrong    []string

	cancelAsked, cancelApproved bool
	cancelled                   time.Time // zero: that was not answered
}

// A told status was true at some moment between the question and the answer.
type told struct {
	status    string
	since, at time.Time
}

// A notice is one that arrived.
type notice struct {
	id, status string
	n          int // in the order of arrival
}

// A story is what a journal tells.
type story struct {
	payments map[string]*account // by name
	notices  map[string][]notice // by payment, each when it arrived first
	again    int                 // those that arrived more than once
	consents map[string]*permission
	wrong    []string // of no payment

	confirmed, turnedAway int
}

// A permission is what the journal tells of a consent.
type permission struct{ approved, ended bool }

func (j *journal) path() string { return j.file.Name() }

// readJournal reads a journal back.
func readJournal(path string) (*story, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := &story{payments: map[string]*account{}, notices: map[string][]notice{}, consents: map[string]*permission{}}
	arrived := map[string]bool{}
	n := 0
	for dec := json.NewDecoder(f); dec.More(); n++ {
		var l line
		if err := dec.Decode(&l); err != nil {
			return nil, err
		}
		switch {
		case l.What == notified:
			if arrived[l.Request] {
				s.again++
			} else {
				arrived[l.Request] = true
				s.notices[l.Payment] = append(s.notices[l.Payment], notice{l.Request, l.Status, n})
			}
		case l.What == turnedAway:
			s.turnedAway++
		case l.Name != "":
			s.account(l.Name).tell(l)
		case l.What == wrong:
			s.wrong = append(s.wrong, l.Consent+l.Payment+": "+l.Text)
		case l.Consent != "":
			c := s.consents[l.Consent]
			if c == nil {
				c = &permission{}
				s.consents[l.Consent] = c
			}
			switch l.What {
			case consentApproved:
				c.approved = true
			case consentEnded:
				c.ended = true
			case confirmed:
				s.confirmed++
			}
		}
	}
	return s, nil
}

func (s *story) account(name string) *account {
	a := s.payments[name]
	if a == nil {
		a = &account{name: name}
		s.payments[name] = a
	}
	return a
}

func (a *account) tell(l line) {
	switch l.What {
	case asked:
		a.service, a.times, a.later = l.Service, l.Times, l.Later
		if !slices.Contains(a.requests, l.Request) {
			a.requests = append(a.requests, l.Request)
		}
	case acknowledged:
		if !slices.Contains(a.ids, l.Payment) {
			a.ids = append(a.ids, l.Payment)
		}
		a.statuses = append(a.statuses, told{l.Status, l.Since, l.At})
	case seen:
		a.statuses = append(a.statuses, told{l.Status, l.Since, l.At})
	case approved:
		a.approved = true
	case cancelAsked:
		a.cancelAsked = true
	case cancelApproved:
		a.cancelApproved = true
	case cancelled:
		a.cancelled = l.At
	case wrong:
		a.wrong = append(a.wrong, l.Text)
	}
}
