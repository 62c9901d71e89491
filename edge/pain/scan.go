package pain

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A scanner takes an XML 1.0 document with namespaces apart. It is not for XML at large:
// there is no document type declaration, so there are no entities beyond the five of XML
// itself, and the only encoding is UTF-8. Nothing outside the document is ever looked at.
//
// What it returns lies in the document, or in its own room where references had to be
// resolved, and is good until the next call. How deep elements may nest is for the grammar
// to say: what it does not know is refused before its inside is looked at.
type scanner struct {
	doc  []byte
	pos  int
	open []tag
	ends bool // the start tag that was returned last is its own end

	name       []byte // of the last start tag, without its prefix
	space      string // its namespace
	attributes []attribute
	text       []byte

	bindings []binding
	room     []byte // text whose references are resolved
	values   []byte // of attributes whose references are resolved
	started  bool
}

// A tag is an element that is not closed yet.
type tag struct {
	name     []byte // with its prefix
	bindings int    // how many were in force before it
}

type attribute struct {
	prefix, name, value []byte
	space               string
}

// A binding gives a prefix its namespace; the empty prefix is the default.
type binding struct {
	prefix []byte
	space  string
}

const (
	attributesMax = 16
	nameMax       = 128
)

const (
	spaceXML   = "http://www.w3.org/XML/1998/namespace"
	spaceXMLNS = "http://www.w3.org/2000/xmlns/"
)

type token int

const (
	start token = iota
	end
	text // never empty
	over // the document is at its end
)

// A malformation says why a document is no well-formed XML, or not of the kind that is read.
type malformation string

func (m malformation) Error() string { return string(m) }

func wrong(format string, args ...any) error { return malformation(fmt.Sprintf(format, args...)) }

// next returns what comes next. Comments and processing instructions are passed over, and
// do not cut a text in two.
func (s *scanner) next() (token, error) {
	if s.ends {
		s.ends = false
		s.close()
		return end, nil
	}
	if len(s.open) == 0 {
		return s.outside()
	}
	if err := s.characters(); err != nil {
		return 0, err
	}
	switch {
	case len(s.text) > 0:
		return text, nil
	case s.at("</"):
		return end, s.endTag()
	}
	return start, s.startTag()
}

// outside reads what may stand before and behind the one element that is the document.
func (s *scanner) outside() (token, error) {
	for {
		for s.pos < len(s.doc) && isSpace(s.doc[s.pos]) {
			s.pos++
		}
		switch {
		case s.pos == len(s.doc) && s.started:
			return over, nil
		case s.pos == len(s.doc):
			return 0, wrong("has no element")
		case s.at("<!DOCTYPE"):
			return 0, wrong("has a document type declaration, which is not allowed here")
		case s.at("<!--"), s.at("<?"):
			if err := s.aside(); err != nil {
				return 0, err
			}
		case s.started:
			return 0, wrong("goes on behind its end")
		case s.doc[s.pos] != '<':
			return 0, wrong("does not begin with an element")
		default:
			s.started = true
			return start, s.startTag()
		}
	}
}

// aside passes over a comment or a processing instruction.
func (s *scanner) aside() error {
	if s.at("<!--") {
		n := bytes.Index(s.doc[s.pos+4:], []byte("--"))
		if n < 0 || len(s.doc) <= s.pos+4+n+2 || s.doc[s.pos+4+n+2] != '>' {
			return wrong("has a comment that does not end, or has -- within it")
		}
		s.pos += 4 + n + 3
		return nil
	}
	s.pos += len("<?")
	target, err := s.readName()
	if err != nil {
		return err
	}
	if bytes.EqualFold(target, []byte("xml")) || bytes.IndexByte(target, ':') >= 0 {
		return wrong("has a processing instruction of a name that is not allowed")
	}
	n := bytes.Index(s.doc[s.pos:], []byte("?>"))
	if n < 0 || n > 0 && !isSpace(s.doc[s.pos]) {
		return wrong("has a processing instruction that cannot be read")
	}
	s.pos += n + len("?>")
	return nil
}

// characters reads the text up to the next tag into s.text.
func (s *scanner) characters() error {
	from, resolved := s.pos, false // resolved: what was read so far is in the room
	keep := func() {
		if !resolved {
			s.room, resolved = s.room[:0], true
		}
		s.room = append(s.room, s.doc[from:s.pos]...)
	}
	for s.pos < len(s.doc) {
		switch c := s.doc[s.pos]; c {
		case '<':
			switch {
			case s.at("<!--"), s.at("<?"):
				keep()
				if err := s.aside(); err != nil {
					return err
				}
			case s.at("<![CDATA["):
				keep()
				n := bytes.Index(s.doc[s.pos:], []byte("]]>"))
				if n < 0 {
					return wrong("has a CDATA section that does not end")
				}
				s.room = appendLines(s.room, s.doc[s.pos+len("<![CDATA["):s.pos+n])
				s.pos += n + len("]]>")
			case s.at("<!"):
				return wrong("has a declaration within its content")
			default:
				s.text = s.doc[from:s.pos]
				if resolved {
					keep()
					s.text = s.room
				}
				return nil
			}
			from = s.pos
		case '&':
			keep()
			var err error
			if s.room, err = s.reference(s.room); err != nil {
				return err
			}
			from = s.pos
		case '\r':
			keep()
			s.room = append(s.room, '\n')
			if s.pos++; s.pos < len(s.doc) && s.doc[s.pos] == '\n' {
				s.pos++
			}
			from = s.pos
		case '>':
			if s.pos-from >= 2 && s.doc[s.pos-1] == ']' && s.doc[s.pos-2] == ']' {
				return wrong("has ]]> in a text")
			}
			s.pos++
		default:
			s.pos++
		}
	}
	return wrong("ends before its elements are closed")
}

// appendLines appends t with its line ends as XML has them.
func appendLines(b, t []byte) []byte {
	for i, c := range t {
		switch {
		case c != '\r':
			b = append(b, c)
		case i+1 == len(t) || t[i+1] != '\n':
			b = append(b, '\n')
		}
	}
	return b
}

// reference appends what &…; stands for.
func (s *scanner) reference(b []byte) ([]byte, error) {
	n := bytes.IndexByte(s.doc[s.pos:min(len(s.doc), s.pos+12)], ';')
	if n < 0 {
		return b, wrong("has an & that begins no reference")
	}
	name := string(s.doc[s.pos+1 : s.pos+n])
	s.pos += n + 1
	switch name {
	case "amp":
		return append(b, '&'), nil
	case "lt":
		return append(b, '<'), nil
	case "gt":
		return append(b, '>'), nil
	case "quot":
		return append(b, '"'), nil
	case "apos":
		return append(b, '\''), nil
	}
	digits, numeric := strings.CutPrefix(name, "#")
	if !numeric {
		return b, wrong("refers to the entity %.12q; there are none but those of XML itself", name)
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	r, err := strconv.ParseUint(digits, base, 21)
	if err != nil || !isCharacter(rune(r)) {
		return b, wrong("has a reference to a character that XML does not allow")
	}
	return utf8.AppendRune(b, rune(r)), nil
}

// startTag reads <name attribute="value" …>, and the > or /> at its end.
func (s *scanner) startTag() error {
	s.pos++
	name, err := s.readName()
	if err != nil {
		return err
	}
	s.open = append(s.open, tag{name, len(s.bindings)})
	s.attributes, s.values = s.attributes[:0], s.values[:0]
	for {
		spaced := false
		for s.pos < len(s.doc) && isSpace(s.doc[s.pos]) {
			s.pos++
			spaced = true
		}
		switch {
		case s.pos == len(s.doc):
			return wrong("ends within a tag")
		case s.doc[s.pos] == '>':
			s.pos++
			return s.resolve(name)
		case s.at("/>"):
			s.pos += 2
			s.ends = true
			return s.resolve(name)
		case !spaced:
			return wrong("has a tag that cannot be read")
		case len(s.attributes) == attributesMax:
			return wrong("has more than %d attributes at one element", attributesMax)
		}
		if err := s.attribute(); err != nil {
			return err
		}
	}
}

// attribute reads name="value".
func (s *scanner) attribute() error {
	name, err := s.readName()
	if err != nil {
		return err
	}
	s.skipSpace()
	if !s.at("=") {
		return wrong("has an attribute without a value")
	}
	s.pos++
	s.skipSpace()
	if !s.at(`"`) && !s.at("'") {
		return wrong("has an attribute whose value is not in quotes")
	}
	quote := s.doc[s.pos]
	s.pos++
	from := len(s.values)
	for {
		if s.pos == len(s.doc) {
			return wrong("ends within an attribute")
		}
		c := s.doc[s.pos]
		switch {
		case c == quote:
			s.pos++
			prefix, local, err := split(name)
			if err != nil {
				return err
			}
			s.attributes = append(s.attributes, attribute{prefix: prefix, name: local, value: s.values[from:len(s.values):len(s.values)]})
			return nil
		case c == '<':
			return wrong("has a < in an attribute")
		case c == '&':
			if s.values, err = s.reference(s.values); err != nil {
				return err
			}
			continue
		case c == '\r' && s.pos+1 < len(s.doc) && s.doc[s.pos+1] == '\n':
		case isSpace(c):
			s.values = append(s.values, ' ')
		default:
			s.values = append(s.values, c)
		}
		s.pos++
	}
}

// endTag reads </name>.
func (s *scanner) endTag() error {
	s.pos += len("</")
	name, err := s.readName()
	if err != nil {
		return err
	}
	s.skipSpace()
	if !s.at(">") || !bytes.Equal(name, s.open[len(s.open)-1].name) {
		return wrong("has an end tag that does not fit")
	}
	s.pos++
	s.close()
	return nil
}

func (s *scanner) close() {
	last := len(s.open) - 1
	s.bindings = s.bindings[:s.open[last].bindings]
	s.open = s.open[:last]
}

func (s *scanner) at(prefix string) bool {
	return len(s.doc)-s.pos >= len(prefix) && string(s.doc[s.pos:s.pos+len(prefix)]) == prefix
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.doc) && isSpace(s.doc[s.pos]) {
		s.pos++
	}
}

// line is where the scanner stands.
func (s *scanner) line() int { return 1 + bytes.Count(s.doc[:min(s.pos, len(s.doc))], []byte("\n")) }

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// trim takes away the blanks of XML, which are fewer than those of Unicode.
func trim(t []byte) []byte { return bytes.Trim(t, " \t\r\n") }
