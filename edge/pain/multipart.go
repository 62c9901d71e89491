package pain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
	"unicode/utf8"

	"kontor/bank/core"
	"kontor/kit/day"
)

// The names of the two parts, as the standard has them.
const (
	partXML      = "xml_sct"
	partStanding = "json_standingorderType"
)

const (
	standingMax = 16 << 10 // bytes of the JSON part
	wordMax     = 35       // characters of a word in it
)

// ParsePeriodic takes apart the multipart body of a standing order: document is the part that
// is XML, as it lies in body, and not looked at yet; standing says when its payment is made.
// It returns ErrFormat, with the name of the part and of the member as path.
//
// Both parts must be there once, in any order, and nothing else. Only that dates are dates
// and words are words is checked: which frequencies there are, and what goes with which, the
// payment rules say, for JSON as well. They also say what becomes of a date of execution in
// the document, which its schema demands: the payments begin on the start date.
func ParsePeriodic(contentType string, body []byte) (document []byte, standing core.Periodic, err error) {
	boundary, err := readBoundary(contentType)
	if err != nil {
		return nil, core.Periodic{}, err
	}
	if err := alone(body, boundary); err != nil {
		return nil, core.Periodic{}, err
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	seen := map[string]bool{}
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, core.Periodic{}, unreadable("", "is not a multipart message that can be read")
		}
		name := p.FormName()
		switch {
		case name != partXML && name != partStanding:
			return nil, core.Periodic{}, unreadable("", fmt.Sprintf("has a part that is neither %s nor %s", partXML, partStanding))
		case seen[name]:
			return nil, core.Periodic{}, unreadable(name, "stands twice")
		}
		seen[name] = true
		if err := checkHeader(name, p.Header); err != nil {
			return nil, core.Periodic{}, err
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, core.Periodic{}, unreadable(name, "does not end")
		}
		if name == partXML {
			document = content
		} else if standing, err = parseStanding(content); err != nil {
			return nil, core.Periodic{}, err
		}
	}
	for _, name := range []string{partXML, partStanding} {
		if !seen[name] {
			return nil, core.Periodic{}, unreadable(name, "is missing")
		}
	}
	return document, standing, nil
}

func unreadable(path, problem string) error { return &Error{path, problem, ErrFormat} }

// readBoundary returns what separates the parts.
func readBoundary(contentType string) (string, error) {
	media, parameters, err := mime.ParseMediaType(contentType)
	boundary := parameters["boundary"]
	switch {
	case err != nil || media != "multipart/form-data":
		return "", unreadable("", "is not multipart/form-data")
	case boundary == "" || len(boundary) > 70 || boundary[len(boundary)-1] == ' ':
		return "", unreadable("", "has no boundary of 1 to 70 characters")
	}
	for _, c := range []byte(boundary) { // RFC 2046, section 5.1.1
		if !isOf(c, 'a') && !strings.ContainsRune("'()+_,-./:=? ", rune(c)) {
			return "", unreadable("", "has a boundary with characters that it cannot have")
		}
	}
	return boundary, nil
}

// alone refuses what stands before the first boundary or behind the last: one reader would
// see it and another would not.
func alone(body []byte, boundary string) error {
	edge := []byte("--" + boundary)
	_, behind, found := bytes.Cut(body, append(append([]byte("\r\n"), edge...), "--"...))
	if !bytes.HasPrefix(bytes.TrimLeft(body, "\r\n"), edge) || !found {
		return unreadable("", "does not begin and end with its boundary")
	}
	if len(trim(behind)) > 0 {
		return unreadable("", "goes on behind its last boundary")
	}
	return nil
}

// checkHeader refuses a part of another type, or in a transfer encoding.
func checkHeader(name string, h textproto.MIMEHeader) error {
	want := "application/json"
	if name == partXML {
		want = "application/xml"
	}
	media, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, told := parameters["charset"]
	if err != nil || media != want || told && !strings.EqualFold(charset, "utf-8") || len(h["Content-Type"]) > 1 || len(h["Content-Disposition"]) > 1 {
		return unreadable(name, "is not of the type "+want+" in UTF-8")
	}
	switch e := strings.ToLower(h.Get("Content-Transfer-Encoding")); e {
	case "", "binary", "8bit", "7bit":
		return nil
	}
	return unreadable(name, "has a transfer encoding, which is not read")
}

// parseStanding reads the JSON part. Any other member would change when money moves, so it
// is refused rather than ignored.
func parseStanding(b []byte) (s core.Periodic, err error) {
	switch {
	case len(b) > standingMax:
		return s, unreadable(partStanding, "is too long")
	case !utf8.Valid(b) || !json.Valid(b):
		return s, unreadable(partStanding, "is not valid JSON in UTF-8")
	case trim(b)[0] != '{':
		return s, unreadable(partStanding, "is not a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.Token() // the brace
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return s, unreadable(partStanding, "cannot be read")
		}
		if seen[name] {
			return s, unreadable(partStanding+"."+name, "stands twice") // it is one of ours
		}
		seen[name] = true
		if err := standingMember(d, name, &s); err != nil {
			return s, err
		}
	}
	switch {
	case s.StartDate.IsZero():
		return s, unreadable(partStanding+".startDate", "is missing")
	case s.Frequency == "":
		return s, unreadable(partStanding+".frequency", "is missing")
	}
	return s, nil
}

func standingMember(d *json.Decoder, name string, s *core.Periodic) error {
	var value any
	switch name {
	case "startDate":
		value = &s.StartDate
	case "endDate":
		value = &s.EndDate
	case "executionRule":
		value = &s.ExecutionRule
	case "frequency":
		value = &s.Frequency
	case "dayOfExecution":
		value = &s.DayOfExecution
	case "monthsOfExecution":
		value = &s.MonthsOfExecution
	default:
		return unreadable(partStanding, "has a member that is not of a standing order's")
	}
	path := partStanding + "." + name
	if err := d.Decode(value); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return unreadable(path, "is not of the type that is expected here")
		}
		return unreadable(path, "is not a date (YYYY-MM-DD)")
	}
	words := []string{s.ExecutionRule, s.Frequency, s.DayOfExecution}
	if len(s.MonthsOfExecution) > 12 {
		return unreadable(path, "has more than twelve months")
	}
	for _, w := range append(words, s.MonthsOfExecution...) {
		if utf8.RuneCountInString(w) > wordMax || hasControl([]byte(w)) {
			return unreadable(path, "is not a word that can stand here")
		}
	}
	return nil
}

// standingOrder is the JSON part as it is written.
type standingOrder struct {
	StartDate         day.Day  `json:"startDate"`
	EndDate           day.Day  `json:"endDate,omitzero"`
	Frequency         string   `json:"frequency"`
	ExecutionRule     string   `json:"executionRule,omitempty"`
	DayOfExecution    string   `json:"dayOfExecution,omitempty"`
	MonthsOfExecution []string `json:"monthsOfExecution,omitempty"`
}

// WritePeriodic returns a multipart message of the same shape. document is in it byte for
// byte.
func WritePeriodic(document []byte, standing core.Periodic) (contentType string, body []byte, err error) {
	details, err := json.Marshal(standingOrder(standing))
	if err != nil {
		return "", nil, fmt.Errorf("writing a standing order: %w", err)
	}
	// The boundary depends on what is in the message, so the same message is written the same
	// way each time, and nobody can write a document that has its own boundary in it.
	hash := sha256.New()
	hash.Write(document)
	hash.Write(details)
	boundary := "kontor-" + hex.EncodeToString(hash.Sum(nil)[:16])
	var b bytes.Buffer
	b.Grow(len(document) + len(details) + 512)
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(boundary); err != nil {
		return "", nil, fmt.Errorf("writing a standing order: %w", err)
	}
	for _, p := range []struct {
		name, media string
		content     []byte
	}{{partXML, "application/xml", document}, {partStanding, "application/json", details}} {
		part, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {`form-data; name="` + p.name + `"`}, "Content-Type": {p.media},
		})
		if err != nil {
			return "", nil, fmt.Errorf("writing a standing order: %w", err)
		}
		if _, err := part.Write(p.content); err != nil {
			return "", nil, fmt.Errorf("writing a standing order: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return "", nil, fmt.Errorf("writing a standing order: %w", err)
	}
	return w.FormDataContentType(), b.Bytes(), nil
}
