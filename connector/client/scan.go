package client

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"

	"kontor/bank/core"
)

// A scanner reads JSON where it lies: texts are views of the body, still escaped, and
// nothing is allocated. It is as strict as RFC 8259 and expects the body to be UTF-8.
// The first error sticks.
type scanner struct {
	b       []byte
	i       int
	depth   int
	batches int // within batches
	err     error
}

const depthMax = 64

func (s *scanner) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// peek skips blanks and returns the next byte, 0 at the end or after an error.
func (s *scanner) peek() byte {
	if s.err == nil && s.i < len(s.b) && s.b[s.i] > ' ' {
		return s.b[s.i]
	}
	return s.blanks()
}

func (s *scanner) blanks() byte {
	if s.err != nil {
		return 0
	}
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// take consumes c, which must come next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		s.fail(errShape)
		return false
	}
	s.i++
	return true
}

// end expects nothing but blanks.
func (s *scanner) end() {
	if s.peek(); s.i != len(s.b) {
		s.fail(errShape)
	}
}

// enter and leave bound the depth.
func (s *scanner) enter(open byte) bool {
	if s.depth++; s.depth > depthMax {
		s.fail(errShape)
		return false
	}
	return s.take(open)
}

// object begins an object, or consumes null; then it returns false.
func (s *scanner) object() bool { return s.begin('{') }

// array begins an array, or consumes null; then it returns false.
func (s *scanner) array() bool { return s.begin('[') }

func (s *scanner) begin(open byte) bool {
	if s.peek() == 'n' {
		s.literal("null")
		return false
	}
	return s.enter(open)
}

// key returns the next member's name, nil at the end of the object. first tells the first
// member from the others.
func (s *scanner) key(first bool) []byte {
	c := s.peek()
	if c == '}' {
		s.i++
		s.depth--
		return nil
	}
	if !first {
		if !s.take(',') {
			return nil
		}
		c = s.peek()
	}
	if c != '"' {
		s.fail(errShape)
		return nil
	}
	s.i++
	name, escaped := s.inside()
	if s.err == nil && s.i < len(s.b) && s.b[s.i] == ':' {
		s.i++
	} else if !s.take(':') {
		return nil
	}
	if escaped {
		name = unescape(name)
	}
	if name == nil {
		name = []byte{} // nil is the end
	}
	return name
}

// more says whether another element of an array follows.
func (s *scanner) more(first bool) bool {
	switch c := s.peek(); {
	case c == ']':
		s.i++
		s.depth--
		return false
	case first:
		return s.err == nil
	}
	return s.take(',')
}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// has marks, by its highest bit, the first byte of w that is zero.
func has(w uint64) uint64 { return (w - lows) &^ w & highs }

// str reads a string and returns its inside.
func (s *scanner) str() []byte {
	if !s.take('"') {
		return nil
	}
	text, _ := s.inside()
	return text
}

// inside reads a string whose quote was taken, and says whether there are escapes in it.
func (s *scanner) inside() (text []byte, escaped bool) {
	begin, b, i := s.i, s.b, s.i
	for {
		// Eight bytes at a time up to the first that is a quote, a backslash or a control.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			found := has(w^(lows*'"')) | has(w^(lows*'\\')) | (w-lows*0x20)&^w&highs
			if found != 0 {
				i += bits.TrailingZeros64(found) / 8
				break
			}
			i += 8
		}
		if i >= len(b) {
			break
		}
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			return b[begin:i:i], escaped
		case c == '\\':
			n := escape(b[i:])
			if n == 0 {
				s.fail(errShape)
				return nil, false
			}
			i += n
			escaped = true
		case c < 0x20:
			s.fail(errShape)
			return nil, false
		default:
			i++
		}
	}
	s.fail(errShape)
	return nil, false
}

// escape returns the length of the escape that b begins with, 0 if there is none.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		const length = 6
		if len(b) < length {
			return 0
		}
		for _, c := range b[2:length] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return 0
			}
		}
		return length
	}
	return 0
}

// text reads a string or a number as a text; null is none.
func (s *scanner) text() core.Text {
	switch c := s.peek(); {
	case c == '"':
		s.i++
		text, _ := s.inside()
		return text
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 'n':
		s.literal("null")
	default:
		s.fail(errShape)
	}
	return nil
}

// number reads a number and returns it as it stands.
func (s *scanner) number() []byte {
	begin, b, i := s.i, s.b, s.i
	digits := func() bool {
		from := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	ok := true
	if i < len(b) && b[i] == '0' {
		i++
	} else {
		ok = digits()
	}
	if ok && i < len(b) && b[i] == '.' {
		i++
		ok = digits()
	}
	if ok && i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		ok = digits()
	}
	if !ok {
		s.fail(errShape)
		return nil
	}
	s.i = i
	return b[begin:i:i]
}

func (s *scanner) literal(word string) {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		s.fail(errShape)
		return
	}
	s.i += len(word)
}

// skip reads one value and forgets it.
func (s *scanner) skip() {
	switch c := s.peek(); {
	case c == '"':
		s.str()
	case c == '{':
		if s.enter('{') {
			for first := true; s.err == nil && s.key(first) != nil; first = false {
				s.skip()
			}
		}
	case c == '[':
		if s.enter('[') {
			for first := true; s.more(first); first = false {
				s.skip()
			}
		}
	case c == 't':
		s.literal("true")
	case c == 'f':
		s.literal("false")
	case c == 'n':
		s.literal("null")
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	default:
		s.fail(errShape)
	}
}

// unescape returns what the inside of a JSON string says.
func unescape(inside []byte) []byte {
	var plain string
	quoted := append(append(append(make([]byte, 0, len(inside)+2), '"'), inside...), '"')
	if json.Unmarshal(quoted, &plain) != nil {
		return nil
	}
	return []byte(plain)
}
