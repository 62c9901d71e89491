package pain

import (
	"bytes"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"kontor/kit/day"
)

// A check says what is wrong with a text, or nothing. The checks are the simple types of the
// schemas; where these let blanks surround a value, so do they.
type check func(text []byte) (problem string)

// upTo checks a text of 1 to n characters. Controls would be seen by nobody and mean
// something to somebody.
func upTo(n int) check {
	tooLong := fmt.Sprintf("has more than %d characters", n)
	return func(text []byte) string {
		switch {
		case len(text) == 0:
			return "is empty"
		case len(text) > n && utf8.RuneCount(text) > n:
			return tooLong
		case hasControl(text):
			return "has a line break or another control character"
		}
		return ""
	}
}

func hasControl(text []byte) bool {
	for i, c := range text {
		// C1 controls are two bytes in UTF-8, the first of them C2.
		if c < ' ' || c == 0x7F || c == 0xC2 && text[i+1] < 0xA0 {
			return true
		}
	}
	return false
}

// oneOf checks a code of a closed list.
func oneOf(codes ...string) check {
	return func(text []byte) string {
		if slices.Contains(codes, string(text)) {
			return ""
		}
		return "is not a code that can stand here"
	}
}

func country(text []byte) string {
	if !fits(text, "AA") {
		return "is not a country code"
	}
	return ""
}

func exactly4(text []byte) string {
	if len(text) != 4 || !all(text, 'a') {
		return "does not have four letters or digits"
	}
	return ""
}

func currency(text []byte) string {
	if !fits(text, "AAA") {
		return "is not a currency code"
	}
	return ""
}

func number(text []byte) string {
	if len(text) == 0 || len(text) > 15 || !all(text, '0') {
		return "is not a number of at most 15 digits"
	}
	return ""
}

func accountNumber(text []byte) string {
	if len(text) < 5 || len(text) > 34 || !fits(text[:4], "AA00") || !all(text[4:], 'a') {
		return "does not look like an IBAN"
	}
	return ""
}

// bic03 checks a BIC by the older schema, which is strict about where digits can stand.
func bic03(text []byte) string {
	if (len(text) == 8 || len(text) == 11) && fits(text[:6], "AAAAAA") && all(text[6:], '9') &&
		text[6] != '0' && text[6] != '1' && text[7] != 'O' {
		return ""
	}
	return "is not a BIC"
}

func bic09(text []byte) string {
	if (len(text) == 8 || len(text) == 11) && all(text[:4], '9') && fits(text[4:6], "AA") && all(text[6:], '9') {
		return ""
	}
	return "is not a BIC"
}

func lei(text []byte) string {
	if len(text) != 20 || !all(text[:18], '9') || !all(text[18:], '0') {
		return "is not a legal entity identifier"
	}
	return ""
}

func phone(text []byte) string {
	dash := bytes.IndexByte(text, '-')
	if dash < 2 || dash > 4 || text[0] != '+' || !all(text[1:dash], '0') || len(text) == dash+1 || len(text) > dash+31 ||
		len(bytes.Trim(text[dash+1:], "0123456789()+-")) > 0 {
		return "is not a telephone number such as +40-721000000"
	}
	return ""
}

// fits says whether text is made of the kinds of characters that pattern has.
func fits(text []byte, pattern string) bool {
	if len(text) != len(pattern) {
		return false
	}
	for i, c := range text {
		if !isOf(c, pattern[i]) {
			return false
		}
	}
	return true
}

// all says whether every character of text is of one kind.
func all(text []byte, kind byte) bool {
	for _, c := range text {
		if !isOf(c, kind) {
			return false
		}
	}
	return true
}

// isOf knows the kinds 0 (digit), A (capital), 9 (digit or capital) and a (digit or letter);
// any other kind is only that character itself.
func isOf(c, kind byte) bool {
	digit, capital := c >= '0' && c <= '9', c >= 'A' && c <= 'Z'
	switch kind {
	case '0':
		return digit
	case 'A':
		return capital
	case '9':
		return digit || capital
	case 'a':
		return digit || capital || c >= 'a' && c <= 'z'
	}
	return c == kind
}

func boolean(text []byte) string {
	if _, ok := parseBool(text); !ok {
		return "is neither true nor false"
	}
	return ""
}

func parseBool(text []byte) (value, ok bool) {
	switch string(trim(text)) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

func date(text []byte) string {
	if _, ok := parseDate(text); !ok {
		return "is not a date (YYYY-MM-DD)"
	}
	return ""
}

// parseDate reads a date. A zone, which many programs write behind it, does not move it.
func parseDate(text []byte) (day.Day, bool) {
	text = trim(text)
	if len(text) < len(time.DateOnly) || !fits(text[:len(time.DateOnly)], "0000-00-00") || !isZone(text[len(time.DateOnly):]) {
		return day.Day{}, false
	}
	d, err := day.Parse(string(text[:len(time.DateOnly)]))
	return d, err == nil && d.Year() > 0
}

// parseTime reads a date and time; zone is that of a time which names none.
func parseTime(text []byte, zone *time.Location) (time.Time, bool) {
	const whole = "2006-01-02T15:04:05"
	text = trim(text)
	if len(text) < len(whole) || !fits(text[:len(whole)], "0000-00-00T00:00:00") {
		return time.Time{}, false
	}
	rest := text[len(whole):]
	if len(rest) > 0 && rest[0] == '.' {
		n := 1
		for n < len(rest) && isOf(rest[n], '0') {
			n++
		}
		if n == 1 || n > 10 { // nobody orders by less than a nanosecond
			return time.Time{}, false
		}
		rest = rest[n:]
	}
	if !isZone(rest) {
		return time.Time{}, false
	}
	layout := whole
	if len(rest) > 0 {
		layout += "Z07:00"
	}
	t, err := time.ParseInLocation(layout, string(text), zone)
	return t, err == nil && t.Year() > 0
}

// isZone says whether text is nothing, Z, or an offset of at most 14 hours.
func isZone(text []byte) bool {
	if len(text) == 0 || string(text) == "Z" {
		return true
	}
	return len(text) == 6 && (text[0] == '+' || text[0] == '-') && fits(text[1:], "00:00") &&
		(string(text[1:3]) < "14" && text[4] < '6' || string(text[1:]) == "14:00")
}

// sum reads a control sum in thousandths, the smallest part that any currency has. exact is
// false where it has smaller parts or is too large to be a sum of payments.
func sum(text []byte) (thousandths int64, exact, ok bool) {
	text = bytes.TrimPrefix(trim(text), []byte("+"))
	whole, fraction, _ := bytes.Cut(text, []byte("."))
	if len(whole)+len(fraction) == 0 || !all(whole, '0') || !all(fraction, '0') {
		return 0, false, false
	}
	whole, fraction = bytes.TrimLeft(whole, "0"), bytes.TrimRight(fraction, "0")
	if len(whole)+len(fraction) > 18 || len(fraction) > 17 {
		return 0, false, false
	}
	if len(whole) > 15 || len(fraction) > 3 {
		return 0, false, true
	}
	for _, c := range whole {
		thousandths = thousandths*10 + int64(c-'0')
	}
	for i := range 3 {
		thousandths *= 10
		if i < len(fraction) {
			thousandths += int64(fraction[i] - '0')
		}
	}
	return thousandths, true, true
}

func decimal(text []byte) string {
	if _, _, ok := sum(text); !ok {
		return "is not a decimal number of at most 18 digits"
	}
	return ""
}
