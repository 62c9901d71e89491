package report

import (
	"bytes"
	"unicode/utf8"

	"kontor/bank/core"
)

// plain returns what t says, without blanks around it. The result is good until the next
// call: it is t itself, or lies in the one room for texts that had escapes in them.
func (w *Writer) plain(t core.Text) []byte {
	if bytes.IndexByte(t, '\\') < 0 {
		return bytes.TrimSpace(t)
	}
	w.room = appendUnescaped(w.room[:0], t)
	return bytes.TrimSpace(w.room)
}

// own lends the room to a text of ours, which has no escapes.
func (w *Writer) own(s string) []byte {
	w.room = append(w.room[:0], s...)
	return bytes.TrimSpace(w.room)
}

// appendUnescaped appends what the inside of a JSON string says. An escape that is none, and
// half of a surrogate pair, become U+FFFD.
func appendUnescaped(b, t []byte) []byte {
	for len(t) > 0 {
		i := bytes.IndexByte(t, '\\')
		if i < 0 {
			return append(b, t...)
		}
		b = append(b, t[:i]...)
		t = t[i+1:]
		if len(t) == 0 {
			return utf8.AppendRune(b, utf8.RuneError)
		}
		c := t[0]
		t = t[1:]
		switch c {
		case '"', '\\', '/':
			b = append(b, c)
		case 'b', 'f', 'n', 'r', 't':
			b = append(b, ' ') // no format keeps lines within a text, or bells and whistles
		case 'u':
			r := hex4(t)
			if r < 0 {
				b = utf8.AppendRune(b, utf8.RuneError)
				continue
			}
			t = t[4:]
			if r >= 0xD800 && r < 0xDC00 && len(t) >= 6 && t[0] == '\\' && t[1] == 'u' {
				if low := hex4(t[2:]); low >= 0xDC00 && low < 0xE000 {
					r = (r-0xD800)<<10 + (low - 0xDC00) + 0x10000
					t = t[6:]
				}
			}
			b = utf8.AppendRune(b, r) // a lone surrogate becomes U+FFFD
		default:
			b = utf8.AppendRune(b, utf8.RuneError)
		}
	}
	return b
}

// hex4 reads four hexadecimal digits, -1 if they are none.
func hex4(t []byte) (r rune) {
	if len(t) < 4 {
		return -1
	}
	for _, c := range t[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return -1
		}
	}
	return r
}

// cut splits s behind at most n characters: behind the last blank of the second half, if
// there is one, or in the middle of a word.
func cut(s []byte, n int) (piece, rest []byte) {
	end, blank := 0, 0
	for count := 0; end < len(s) && count < n; count++ {
		_, size := utf8.DecodeRune(s[end:])
		if end += size; s[end-1] == ' ' && 2*count >= n {
			blank = end
		}
	}
	if end < len(s) && s[end] != ' ' && blank > 0 {
		end = blank
	}
	return s[:end], s[end:]
}

// appendXML appends at most n characters of s as content of an element: what is markup is
// escaped, controls become blanks, and what XML 1.0 cannot hold is left out.
func appendXML(b, s []byte, n int) []byte {
	for i := 0; i < len(s) && n > 0; n-- {
		from := i
		for i < len(s) && i-from < n && isPlain(s[i]) {
			i++
		}
		if i > from { // almost every text is one such run
			b = append(b, s[from:i]...)
			n -= i - from - 1
			continue
		}
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '&':
				b = append(b, "&amp;"...)
			case c == '<':
				b = append(b, "&lt;"...)
			case c == '>':
				b = append(b, "&gt;"...)
			case c == '\t' || c == '\n' || c == '\r' || c == 0x7F:
				b = append(b, ' ')
			default: // another control, which XML cannot hold
				n++
			}
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		i += size
		switch {
		case r == utf8.RuneError: // also what is no UTF-8
			b = append(b, "\uFFFD"...)
		case r < 0xA0: // C1 controls are allowed and mean nothing
			b = append(b, ' ')
		case r == 0xFFFE || r == 0xFFFF:
			n++
		default:
			b = append(b, s[i-size:i]...)
		}
	}
	return b
}

// isPlain says whether c is a character that XML holds as it is.
func isPlain(c byte) bool {
	return c >= ' ' && c < 0x7F && c != '&' && c != '<' && c != '>'
}

// isDate says whether t is a date that a schema takes too: there is no year 0000.
func isDate(t []byte) bool {
	if len(t) != len("2026-01-31") || t[4] != '-' || t[7] != '-' {
		return false
	}
	year, month, dayOfMonth := digits(t[:4]), digits(t[5:7]), digits(t[8:])
	days := 31
	switch month {
	case 4, 6, 9, 11:
		days = 30
	case 2:
		days = 28
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			days = 29
		}
	}
	return year > 0 && month >= 1 && month <= 12 && dayOfMonth >= 1 && dayOfMonth <= days
}

// digits reads a whole number, -1 if it is none.
func digits(t []byte) (n int) {
	for _, c := range t {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
