package i18n

import (
	"strings"
	"time"
)

// days says how each language writes a day. English is read in many countries, which do not
// agree whether the day or the month comes first: it has the order that nobody mistakes.
var days = map[string]string{"en": "2006-01-02", "de": "02.01.2006", "ro": "02.01.2006", "sl": "2. 1. 2006"}

// Day writes a day in the style of the language.
func (t Texts) Day(day time.Time) string { return day.Format(t.layout()) }

// Minute writes a time of day, to the minute.
func (t Texts) Minute(at time.Time) string { return at.Format(t.layout() + " 15:04") }

func (t Texts) layout() string {
	base, _ := t.tag.Base()
	if layout := days[base.String()]; layout != "" {
		return layout
	}
	return days["en"]
}

// Decimal writes a number that is given as on a wire (-1234.50) in the style of the language,
// digit by digit, so that no digit can change. What is no such number comes back as it is.
func (t Texts) Decimal(number string) string {
	sign, digits := "", number
	if rest, negative := strings.CutPrefix(number, "-"); negative {
		sign, digits = "-", rest
	}
	whole, fraction, broken := strings.Cut(digits, ".")
	if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return number
	}
	group, point := t.separators()
	var s strings.Builder
	s.WriteString(sign)
	for i, digit := range whole {
		if left := len(whole) - i; i > 0 && left%3 == 0 {
			s.WriteString(group)
		}
		s.WriteRune(digit)
	}
	if broken {
		s.WriteString(point + fraction)
	}
	return s.String()
}

// separators asks how the language writes 1234567.5: the sign between thousands comes
// first, the one before the fraction last.
func (t Texts) separators() (group, point string) {
	signs := strings.FieldsFunc(t.numbers.Sprintf("%.1f", 1234567.5), func(r rune) bool { return r >= '0' && r <= '9' })
	if len(signs) < 2 {
		return "", "."
	}
	return signs[0], signs[len(signs)-1]
}
