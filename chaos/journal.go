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
	wrong        = "wrong"        // an answer that should not be
)

// A line is one thing that was done or heard.
type line struct {
	At      time.Time `json:"at"`
	Since   time.Time `json:"since,omitzero"` // when the question was put that this answers
	What    string    `json:"what"`
	Name    string    `json:"name"` // end-to-end identification
	Request string    `json:"request,omitempty"`
	Payment string    `json:"payment,omitempty"`
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
	requests []string
	ids      []string // that were acknowledged, each once
	statuses []told
	approved bool
	wrong    []string
}

// A told status was true at some moment between the question and the answer.
type told struct {
	status    string
	since, at time.Time
}

func (j *journal) path() string { return j.file.Name() }

// readJournal reads a journal back, by payment.
func readJournal(path string) (map[string]*account, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := map[string]*account{}
	for dec := json.NewDecoder(f); dec.More(); {
		var l line
		if err := dec.Decode(&l); err != nil {
			return nil, err
		}
		a := all[l.Name]
		if a == nil {
			a = &account{name: l.Name}
			all[l.Name] = a
		}
		switch l.What {
		case asked:
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
		case wrong:
			a.wrong = append(a.wrong, l.Text)
		}
	}
	return all, nil
}
