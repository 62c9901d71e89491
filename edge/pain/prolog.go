package pain

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// begin checks what can be said of the whole document, and leads to its first element.
func (s *scanner) begin(document []byte) error {
	s.doc = document
	if bytes.HasPrefix(s.doc, []byte("\xEF\xBB\xBF")) {
		s.pos = 3
	}
	if d := s.doc; len(d) >= 2 && (d[0] == 0 || d[1] == 0 || d[0] == 0xFE && d[1] == 0xFF || d[0] == 0xFF && d[1] == 0xFE) {
		return wrong("is in UTF-16 or UTF-32; only UTF-8 is read")
	}
	if s.at("<?xml") && len(s.doc) > s.pos+5 && isSpace(s.doc[s.pos+5]) {
		if err := s.declaration(); err != nil {
			return err
		}
	}
	if !utf8.Valid(s.doc) {
		return wrong("is not UTF-8")
	}
	for i, c := range s.doc {
		switch {
		case c < ' ' && c != '\n' && c != '\t' && c != '\r':
			s.pos = i
			return wrong("has a control character, which XML does not allow")
		case c == 0xEF && s.doc[i+1] == 0xBF && s.doc[i+2] >= 0xBE: // U+FFFE and U+FFFF
			s.pos = i
			return wrong("has a character that XML does not allow")
		}
	}
	return nil
}

// declaration reads <?xml version="1.0" encoding="…" standalone="…"?>.
func (s *scanner) declaration() error {
	n := bytes.Index(s.doc[s.pos:], []byte("?>"))
	if n < 0 || n > 200 {
		return wrong("has an XML declaration that does not end")
	}
	d := s.doc[s.pos+len("<?xml") : s.pos+n]
	version, d, ok := pseudo(d, "version")
	if !ok || version != "1.0" {
		return wrong("is not XML 1.0")
	}
	encoding, d, ok := pseudo(d, "encoding")
	if ok && !strings.EqualFold(encoding, "UTF-8") {
		return wrong("says that it is encoded in %.20q; only UTF-8 is read", encoding)
	}
	standalone, d, ok := pseudo(d, "standalone")
	if ok && standalone != "yes" && standalone != "no" || len(trim(d)) > 0 {
		return wrong("has an XML declaration that cannot be read")
	}
	s.pos += n + len("?>")
	return nil
}

// pseudo reads one name="value" of an XML declaration, if it comes next.
func pseudo(d []byte, name string) (value string, rest []byte, ok bool) {
	t := trim(d)
	if len(t) == len(d) || !bytes.HasPrefix(t, []byte(name)) {
		return "", d, false
	}
	t = trim(t[len(name):])
	if len(t) < 2 || t[0] != '=' {
		return "", d, false
	}
	t = trim(t[1:])
	if len(t) < 2 || t[0] != '"' && t[0] != '\'' {
		return "", d, false
	}
	n := bytes.IndexByte(t[1:], t[0])
	if n < 0 {
		return "", d, false
	}
	return string(t[1 : 1+n]), t[n+2:], true
}
