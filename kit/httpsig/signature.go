package httpsig

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	signatureMax  = 8 << 10 // bytes of the header
	parametersMax = 16
	headersMax    = 30 // signed headers
	valueMax      = 2 << 10
)

// A Signature is a Signature header, taken apart.
type Signature struct {
	KeyID     string   // without the quoting of the header
	Serial    string   // of the certificate, as keyId has it after SN=; compare by Names
	Issuer    string   // of the certificate, as keyId has it after CA=; compare by Names
	Algorithm string   // as it was written; empty: the key decides
	Headers   []string // what is signed, in lower case and in this order; at least one
	Value     []byte

	rawKeyID         string // with the quoting
	created, expires string // seconds since 1970, or empty
}

// Parse reads a Signature header. It accepts the word Signature before the parameters,
// parameters in any order, and blanks around all of it. Parameters it does not know are
// passed over; one that is there twice is refused, because two readers might take
// different ones. The error is ErrMissing or ErrFormat.
func Parse(header string) (Signature, error) {
	var s Signature
	rest := strings.Trim(header, " \t")
	if rest == "" {
		return s, failed(ErrMissing, PartSignature, "the header is not there")
	}
	if len(rest) > signatureMax {
		return s, failed(ErrFormat, PartSignature, "the header is longer than %d bytes", signatureMax)
	}
	if word, after, ok := strings.Cut(rest, " "); ok && strings.EqualFold(word, HeaderSignature) && !strings.HasPrefix(strings.TrimLeft(after, " \t"), "=") {
		rest = after
	}
	var keyID, algorithm, headers, value, created, expires *string
	for n := 0; ; n++ {
		if rest = strings.TrimLeft(rest, " \t,;"); rest == "" {
			break
		}
		if n == parametersMax {
			return s, failed(ErrFormat, PartSignature, "there are more than %d parameters", parametersMax)
		}
		name, text, after, err := parameter(rest)
		if err != nil {
			return s, err
		}
		rest = after
		var at **string
		switch strings.ToLower(name) {
		case "keyid":
			at = &keyID
		case "algorithm":
			at = &algorithm
		case "headers":
			at = &headers
		case "signature":
			at = &value
		case "created":
			at = &created
		case "expires":
			at = &expires
		default:
			continue
		}
		if *at != nil {
			return s, failed(ErrFormat, name, "the parameter is there twice")
		}
		*at = &text
	}
	for _, needed := range []struct {
		name  string
		value *string
	}{{PartKeyID, keyID}, {PartHeaders, headers}, {"signature", value}} {
		if needed.value == nil || strings.TrimSpace(*needed.value) == "" {
			return s, failed(ErrFormat, needed.name, "the parameter is missing or empty")
		}
	}
	if err := s.setKeyID(*keyID); err != nil {
		return s, err
	}
	if err := s.setHeaders(*headers); err != nil {
		return s, err
	}
	if algorithm != nil {
		s.Algorithm = strings.TrimSpace(*algorithm)
	}
	var err error
	if s.Value, err = decodeBase64(*value); err != nil || len(s.Value) == 0 || len(s.Value) > valueMax {
		return s, failed(ErrFormat, "signature", "the value is not base64, or too long")
	}
	if s.created, err = seconds("created", created); err != nil {
		return s, err
	}
	s.expires, err = seconds("expires", expires)
	return s, err
}

// parameter takes name="value" from the front of s. Inside quotes a backslash protects the
// character behind it, and stays.
func parameter(s string) (name, value, rest string, err error) {
	name, rest, ok := strings.Cut(s, "=")
	name = strings.TrimRight(name, " \t")
	if !ok || !token(name) {
		return "", "", "", failed(ErrFormat, PartSignature, "at %s it is not written as name=\"value\"; quotes within a value need a backslash", shown(s))
	}
	rest = strings.TrimLeft(rest, " \t")
	if !strings.HasPrefix(rest, `"`) {
		end := strings.IndexAny(rest, " \t,;")
		if end < 0 {
			end = len(rest)
		}
		return name, rest[:end], rest[end:], nil
	}
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			value, rest = rest[1:i], rest[i+1:]
			if rest != "" && !strings.ContainsAny(rest[:1], " \t,;") {
				return "", "", "", failed(ErrFormat, name, "a comma has to follow its value; quotes within the value need a backslash")
			}
			return name, value, rest, nil
		}
	}
	return "", "", "", failed(ErrFormat, name, "the quotes around its value are not closed")
}

func (s *Signature) setHeaders(list string) error {
	s.Headers = strings.Fields(strings.ToLower(list))
	if len(s.Headers) > headersMax {
		return failed(ErrFormat, PartHeaders, "more than %d headers are signed", headersMax)
	}
	for i, name := range s.Headers {
		switch {
		case !token(name) && !pseudo(name):
			return failed(ErrFormat, PartHeaders, "%s is not the name of a header; names are separated by single blanks", shown(name))
		case slices.Contains(s.Headers[:i], name):
			return failed(ErrFormat, PartHeaders, "%s is there twice", name)
		}
	}
	return nil
}

func pseudo(name string) bool {
	return name == "(request-target)" || name == "(created)" || name == "(expires)"
}

// token says whether s can be the name of a header or of a parameter (RFC 9110 5.6.2).
func token(s string) bool {
	const lengthMax = 64
	if s == "" || len(s) > lengthMax {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}

func seconds(name string, value *string) (string, error) {
	if value == nil {
		return "", nil
	}
	if n, err := strconv.ParseInt(*value, 10, 64); err != nil || n < 0 || n > 1<<40 {
		return "", failed(ErrFormat, name, "it is not a number of seconds since 1970")
	}
	return *value, nil
}

// CheckTime returns ErrTimestamp when the signature itself says that it has expired by now,
// or that it was made after now. window is how far clocks may be apart. Few who seal say
// either; then CheckTime has nothing to object to.
func (s Signature) CheckTime(now time.Time, window time.Duration) error {
	at := func(seconds string) time.Time {
		n, _ := strconv.ParseInt(seconds, 10, 64) // Parse has read it before
		return time.Unix(n, 0)
	}
	if s.created != "" && at(s.created).After(now.Add(window)) {
		return failed(ErrTimestamp, "created", "the signature is made in the future")
	}
	if s.expires != "" && at(s.expires).Before(now.Add(-window)) {
		return failed(ErrTimestamp, "expires", "the signature has expired")
	}
	return nil
}

// CheckDate returns ErrTimestamp when the time of a Date header is further than window from
// now, and ErrMissing when there is none.
func CheckDate(header string, now time.Time, window time.Duration) error {
	header = strings.TrimSpace(header)
	if header == "" {
		return failed(ErrMissing, PartDate, "the header is not there")
	}
	for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700", time.RFC3339, time.RFC850, time.ANSIC} {
		at, err := time.ParseInLocation(layout, header, time.UTC)
		if err != nil {
			continue
		}
		if apart := now.Sub(at).Abs(); apart > window {
			return failed(ErrTimestamp, PartDate, "it is %s away from %s; %s are allowed", apart.Round(time.Second), now.UTC().Format(time.RFC1123), window)
		}
		return nil
	}
	return failed(ErrTimestamp, PartDate, "%s is not a date as HTTP writes it (Sun, 06 Nov 1994 08:49:37 GMT)", shown(header))
}
