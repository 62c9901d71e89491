package report

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// appendSWIFT appends s in SWIFT's character set x, in which other letters become the ones
// they are closest to and other signs a full stop. Blanks are written once, and none at
// either end. A slash becomes a hyphen, although x has it: in fields 61 and 86 it separates,
// and readers in use take every one of them for that.
//
// spec: EPC217-08, which says so for SEPA
func appendSWIFT(b, s []byte) []byte {
	from := len(b)
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		if r < utf8.RuneSelf {
			b = appendLatin(b, r)
		} else {
			b = appendForeign(b, r, s)
		}
		s = s[size:]
		if n := len(b); n > from && b[n-1] == ' ' && (n-1 == from || b[n-2] == ' ') {
			b = b[:n-1]
		}
	}
	if n := len(b); n > from && b[n-1] == ' ' {
		b = b[:n-1]
	}
	return b
}

// appendLatin appends an ASCII character.
func appendLatin(b []byte, r rune) []byte {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return append(b, byte(r))
	}
	switch r {
	case '-', '?', ':', '(', ')', '.', ',', '\'', '+', ' ':
		return append(b, byte(r))
	case '/', '\\', '|', '_', '~':
		return append(b, '-')
	case '&':
		return append(b, '+')
	case '"', '`':
		return append(b, '\'')
	case ';':
		return append(b, ',')
	case '[', '{':
		return append(b, '(')
	case ']', '}':
		return append(b, ')')
	case '@':
		return append(b, "(at)"...)
	}
	if r < ' ' || r == 0x7F {
		return append(b, ' ')
	}
	return append(b, '.')
}

// appendForeign appends a character r beyond ASCII, with which s begins.
func appendForeign(b []byte, r rune, s []byte) []byte {
	before := len(b)
	if b = appendSpelling(b, r); len(b) > before {
		return b
	}
	for d := norm.NFKD.Properties(s).Decomposition(); len(d) > 0; {
		part, size := utf8.DecodeRune(d)
		d = d[size:]
		if part < utf8.RuneSelf {
			b = appendLatin(b, part)
		} else {
			b = appendSpelling(b, part)
		}
	}
	switch {
	case len(b) > before:
		return b
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf): // accents by themselves, invisible signs
		return b
	case unicode.In(r, unicode.Cc, unicode.Z):
		return append(b, ' ')
	}
	return append(b, '.')
}

// appendSpelling appends how r is written where there is no plain Latin letter within it.
func appendSpelling(b []byte, r rune) []byte {
	small := unicode.ToLower(r)
	before := len(b)
	switch {
	case small >= 'α' && small <= 'ω':
		b = append(b, greek[small-'α']...)
	case small >= 'а' && small <= 'я':
		b = append(b, cyrillic[small-'а']...)
	default:
		b = append(b, otherSpelling(small)...)
	}
	if small != r && len(b) > before {
		b[before] -= 'a' - 'A' // whatever has a small form is spelt with small letters
	}
	return b
}

// From α to ω, with the ς that ends words, and from а to я.
var (
	greek = [25]string{"a", "v", "g", "d", "e", "z", "i", "th", "i", "k", "l", "m", "n", "x", "o", "p", "r", "s", "s",
		"t", "y", "f", "ch", "ps", "o"}
	cyrillic = [32]string{"a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t",
		"u", "f", "h", "ts", "ch", "sh", "sht", "a", "y", "y", "e", "yu", "ya"}
)

func otherSpelling(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ø':
		return "o"
	case 'đ', 'ð':
		return "d"
	case 'þ':
		return "th"
	case 'ł':
		return "l"
	case 'ħ':
		return "h"
	case 'ı':
		return "i"
	case 'ŋ':
		return "n"
	case 'ŧ':
		return "t"
	case 'ə':
		return "e"
	case 'ђ', 'ѓ':
		return "dj"
	case 'ј':
		return "j"
	case 'љ':
		return "lj"
	case 'њ':
		return "nj"
	case 'ћ', 'ќ':
		return "c"
	case 'џ':
		return "dz"
	case 'є':
		return "ye"
	case 'і':
		return "i"
	case 'ґ':
		return "g"
	case '€':
		return "EUR"
	case '£':
		return "GBP"
	case '–', '—', '‒', '−', '‐', '⁄':
		return "-"
	case '‘', '’', '‚', '“', '”', '„', '«', '»', '‹', '›', '´':
		return "'"
	case '×':
		return "x"
	}
	return ""
}
