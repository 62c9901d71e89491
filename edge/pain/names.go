package pain

import (
	"bytes"
	"unicode/utf8"
)

// resolve finds the namespaces of the tag that was just read, and of its attributes.
func (s *scanner) resolve(qualified []byte) error {
	for _, a := range s.attributes {
		prefix, space := a.name, string(a.value)
		switch {
		case len(a.prefix) == 0 && string(a.name) == "xmlns":
			prefix = nil
		case string(a.prefix) != "xmlns":
			continue
		case space == "" || string(prefix) == "xmlns" || (string(prefix) == "xml") != (space == spaceXML):
			return wrong("binds a prefix to a namespace that it cannot have")
		}
		if space == spaceXMLNS || space == spaceXML && prefix == nil {
			return wrong("binds a prefix to a namespace that it cannot have")
		}
		s.bindings = append(s.bindings, binding{prefix, space})
	}
	prefix, local, err := split(qualified)
	if err != nil {
		return err
	}
	s.name = local
	if s.space, err = s.namespace(prefix); err != nil {
		return err
	}
	for i := range s.attributes {
		a := &s.attributes[i]
		if len(a.prefix) > 0 {
			if a.space, err = s.namespace(a.prefix); err != nil {
				return err
			}
		} else if string(a.name) == "xmlns" {
			a.space = spaceXMLNS
		}
		for _, b := range s.attributes[:i] {
			if bytes.Equal(a.name, b.name) && a.space == b.space && (len(a.prefix) == 0) == (len(b.prefix) == 0) {
				return wrong("has the same attribute twice")
			}
		}
	}
	return nil
}

func (s *scanner) namespace(prefix []byte) (string, error) {
	for i := len(s.bindings) - 1; i >= 0; i-- {
		if bytes.Equal(s.bindings[i].prefix, prefix) {
			return s.bindings[i].space, nil
		}
	}
	switch string(prefix) {
	case "":
		return "", nil
	case "xml":
		return spaceXML, nil
	case "xmlns":
		return spaceXMLNS, nil
	}
	return "", wrong("uses the prefix %.20q, which has no namespace", prefix)
}

// readName reads a name with or without a prefix.
func (s *scanner) readName() ([]byte, error) {
	from := s.pos
	for s.pos < len(s.doc) {
		c := s.doc[s.pos]
		if c < utf8.RuneSelf {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':'
			if !letter && (s.pos == from || !(c >= '0' && c <= '9' || c == '-' || c == '.')) {
				break
			}
			s.pos++
			continue
		}
		r, size := utf8.DecodeRune(s.doc[s.pos:])
		if !isNameRune(r, s.pos == from) {
			break
		}
		s.pos += size
	}
	if s.pos == from {
		return nil, wrong("has no name where one is needed")
	}
	if s.pos-from > nameMax {
		return nil, wrong("has a name that is too long")
	}
	return s.doc[from:s.pos], nil
}

// split parts a name from its prefix.
func split(qualified []byte) (prefix, local []byte, err error) {
	i := bytes.IndexByte(qualified, ':')
	if i < 0 {
		return nil, qualified, nil
	}
	prefix, local = qualified[:i], qualified[i+1:]
	if len(prefix) == 0 || len(local) == 0 || bytes.IndexByte(local, ':') >= 0 || !startsName(local) {
		return nil, nil, wrong("has a name that cannot be read")
	}
	return prefix, local, nil
}

func startsName(b []byte) bool {
	r, _ := utf8.DecodeRune(b)
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r >= utf8.RuneSelf && isNameRune(r, true)
}

// isNameRune says whether a character beyond ASCII may stand in a name, or begin one.
//
// Source: XML 1.0, fifth edition, section 2.3.
func isNameRune(r rune, first bool) bool {
	switch {
	case r >= 0xC0 && r <= 0x2FF:
		return r != 0xD7 && r != 0xF7
	case r >= 0x370 && r <= 0x1FFF:
		return r != 0x37E
	case r == 0x200C, r == 0x200D, r >= 0x2070 && r <= 0x218F, r >= 0x2C00 && r <= 0x2FEF, r >= 0x3001 && r <= 0xD7FF,
		r >= 0xF900 && r <= 0xFDCF, r >= 0xFDF0 && r <= 0xFFFD, r >= 0x10000 && r <= 0xEFFFF:
		return true
	}
	return !first && (r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040)
}

// isCharacter says whether XML 1.0 can hold r.
func isCharacter(r rune) bool {
	return r >= ' ' && r < 0xD800 || r == '\t' || r == '\n' || r == '\r' || r >= 0xE000 && r < 0xFFFE || r >= 0x10000 && r <= 0x10FFFF
}
