package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"kontor/bank/core"
)

var (
	errBroken = errors.New("answer broke off")
	errLarge  = errors.New("an element of the list is too large")
)

// A window is a scanner of an answer of which perhaps only a part is in memory: a list may
// be longer than any memory. The answer is read part by part, a part being one element of
// the list, or one other member; a part that ends beyond the window is read again when more
// has arrived. So a window must hold one part whole, and views of it are good until the next.
type window struct {
	scanner
	rest io.Reader // what is not in the window yet; nil: nothing
	room []byte    // what the window may grow to
	utf8 bool      // already known to be
}

// refillMin is how much a window waits for at least, so that a connector that drips costs
// no time.
const refillMin = 16 << 10

// whole is the window on an answer that is all there.
func whole(body []byte) window { return window{scanner: scanner{b: body}, utf8: utf8.Valid(body)} }

// reads runs part on what is there, and again with more as long as it ends too early. It says
// whether part was well.
func (w *window) reads(part func()) bool {
	for {
		from, depth := w.i, w.depth
		part()
		switch {
		case w.err == nil && (w.rest == nil || w.i < len(w.b)): // a number may go on behind the window
			if !w.utf8 && !utf8.Valid(w.b[from:w.i]) {
				w.fail(errShape)
			}
			return w.err == nil
		case w.err != nil && (w.rest == nil || w.err != errShape): // only a shape is broken by an end
			return false
		}
		w.i, w.depth, w.batches, w.err = from, depth, 0, nil
		if w.refill(); w.err != nil {
			return false
		}
	}
}

// refill drops what was read and takes in more, at least as much again as is there.
func (w *window) refill() {
	have := copy(w.room, w.b[w.i:])
	w.b, w.i = w.room[:have], 0
	want := min(have+max(have, refillMin), len(w.room))
	if have == want {
		w.fail(errLarge)
		return
	}
	for have < want {
		n, err := w.rest.Read(w.room[have:])
		have += n
		w.b = w.room[:have]
		if err == io.EOF {
			w.rest = nil
			return
		}
		if err != nil {
			w.fail(fmt.Errorf("%w: %w", errBroken, err))
			return
		}
	}
}

// The members of an answer.
const (
	membersEnd = iota
	memberList
	memberNoList // null for a list
	memberOther
)

// page reads a list by element and calls yield for each. wrong says why the answer cannot
// be used; err is what yield returned. Of members that stand twice, the last counts.
func page[T any](on window, element func(*scanner, *T), yield func(*T) error) (next string, wrong, err error) {
	if on.rest == nil && !on.utf8 {
		return "", errShape, nil
	}
	at := struct { // together: all of it is allocated
		window
		t           T
		kind        int
		first, more bool
	}{window: on, first: true}
	w, s := &at.window, &at.scanner
	member := func() { at.kind = s.member(at.first, &next) }
	entry := func() {
		if at.more = s.more(at.first); at.more {
			element(s, &at.t)
		}
	}
	found := false
	if !w.reads(func() { s.enter('{') }) {
		return "", s.err, nil
	}
	for ; w.reads(member) && at.kind != membersEnd; at.first = false {
		if at.kind == memberOther {
			continue
		}
		if found {
			s.fail(errShape) // entries were given away; a second list cannot replace them
			break
		}
		found = true
		if at.kind == memberNoList {
			continue
		}
		for at.first = true; w.reads(entry) && at.more; at.first = false {
			if err := yield(&at.t); err != nil {
				return "", nil, err
			}
		}
	}
	if s.err == nil {
		w.reads(s.end)
	}
	if s.err == nil && !found {
		s.err = errNoData
	}
	if s.err != nil {
		return "", s.err, nil
	}
	return next, nil, nil
}

// member reads one member of an answer, of the list only its beginning, and tells its kind.
func (s *scanner) member(first bool, next *string) int {
	key := s.key(first)
	switch {
	case key == nil:
		return membersEnd
	case string(key) == "data":
		if s.array() {
			return memberList
		}
		return memberNoList
	case string(key) == "meta":
		cursor := s.meta()
		if bytes.IndexByte(cursor, '\\') >= 0 {
			cursor = unescape(cursor)
		}
		*next = string(cursor)
	default:
		s.skip()
	}
	return memberOther
}

func (s *scanner) meta() (next core.Text) {
	if !s.object() {
		return nil
	}
	for first := true; s.err == nil; first = false {
		switch key := s.key(first); {
		case key == nil:
			return next
		case string(key) == "next_id":
			next = s.text()
		default:
			s.skip()
		}
	}
	return next
}
