package pain_test

import (
	"bytes"
	"errors"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kontor/bank/core"
	"kontor/edge/pain"
	"kontor/kit/day"
)

const (
	media   = "multipart/form-data; boundary=XYZ"
	details = `{"startDate":"2026-07-01","frequency":"Monthly"}`
)

// message is a multipart body of these parts, each its headers and its content.
func message(parts ...string) string {
	return "--XYZ\r\n" + strings.Join(parts, "\r\n--XYZ\r\n") + "\r\n--XYZ--\r\n"
}

func xmlPart(content string) string {
	return "Content-Disposition: form-data; name=\"xml_sct\"\r\nContent-Type: application/xml\r\n\r\n" + content
}

func jsonPart(content string) string {
	return "Content-Disposition: form-data; name=\"json_standingorderType\"\r\nContent-Type: application/json\r\n\r\n" + content
}

func monthly() core.Periodic {
	return core.Periodic{StartDate: day.New(2026, 7, 1), Frequency: "Monthly"}
}

var days = cmp.Comparer(func(a, b day.Day) bool { return a == b })

func TestStandingOrderIsTakenApart(t *testing.T) {
	t.Parallel()
	whole := core.Periodic{StartDate: day.New(2026, 7, 1), EndDate: day.New(2027, 6, 30), Frequency: "MonthlyVariable", ExecutionRule: "following", DayOfExecution: "31", MonthsOfExecution: []string{"1", "6"}}
	for _, c := range []struct {
		name, media, body string
		want              core.Periodic
	}{
		{"the payment first", media, message(xmlPart(plain), jsonPart(details)), monthly()},
		{"the details first", media, message(jsonPart(details), xmlPart(plain)), monthly()},
		{"all there is to say", media, message(xmlPart(plain), jsonPart(`{"startDate":"2026-07-01","endDate":"2027-06-30","executionRule":"following","frequency":"MonthlyVariable","dayOfExecution":"31","monthsOfExecution":["1","6"]}`)), whole},
		{"what is null is not said", media, message(xmlPart(plain), jsonPart(`{"startDate":"2026-07-01","frequency":"Monthly","endDate":null,"executionRule":null,"monthsOfExecution":null}`)), monthly()},
		{"a boundary in quotes", `multipart/form-data; boundary="XYZ"`, message(xmlPart(plain), jsonPart(details)), monthly()},
		{"no line break at the end", media, strings.TrimSuffix(message(xmlPart(plain), jsonPart(details)), "\r\n"), monthly()},
		{"a line break at the beginning", media, "\r\n" + message(xmlPart(plain), jsonPart(details)), monthly()},
		{"parts that were files", media, message(strings.Replace(xmlPart(plain), `"xml_sct"`, `"xml_sct"; filename="a.xml"`, 1), jsonPart(details)), monthly()},
		{"parts that name their encoding", media, message(strings.Replace(xmlPart(plain), "/xml", "/xml; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit", 1), jsonPart(details)), monthly()},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			document, standing, err := pain.ParsePeriodic(c.media, []byte(c.body))
			if d := cmp.Diff(c.want, standing, days); err != nil || d != "" || string(document) != plain {
				t.Errorf("%v\n%s\n%s", err, d, document)
			}
		})
	}
}

func TestStandingOrderIsRefused(t *testing.T) {
	t.Parallel()
	whole := message(xmlPart(plain), jsonPart(details))
	standing := func(s string) string { return message(xmlPart(plain), jsonPart(s)) }
	for _, c := range []struct{ name, media, body, path string }{
		{"another type", "multipart/mixed; boundary=XYZ", whole, ""},
		{"no type", "", whole, ""},
		{"no boundary", "multipart/form-data", whole, ""},
		{"an empty boundary", `multipart/form-data; boundary=""`, whole, ""},
		{"a boundary of 71 characters", "multipart/form-data; boundary=" + strings.Repeat("X", 71), strings.ReplaceAll(whole, "XYZ", strings.Repeat("X", 71)), ""},
		{"a boundary with a line break", `multipart/form-data; boundary="XY` + "\n" + `Z"`, whole, ""},
		{"a boundary with a letter that is not in ASCII", `multipart/form-data; boundary="XYÄ"`, strings.ReplaceAll(whole, "XYZ", "XYÄ"), ""},
		{"another boundary", "multipart/form-data; boundary=ABC", whole, ""},
		{"nothing", media, "", ""},
		{"only a document", media, plain, ""},
		{"no end", media, strings.TrimSuffix(whole, "--XYZ--\r\n"), ""},
		{"half a part", media, whole[:300], ""},
		{"something before", media, "hello\r\n" + whole, ""},
		{"something behind", media, whole + "hello", ""},
		{"another message behind", media, whole + whole, ""},
		{"line breaks of one character", media, strings.ReplaceAll(whole, "\r\n", "\n"), ""},
		{"no part", media, "--XYZ--\r\n", ""},
		{"no details", media, message(xmlPart(plain)), "json_standingorderType"},
		{"no payment", media, message(jsonPart(details)), "xml_sct"},
		{"two payments", media, message(xmlPart(plain), xmlPart(plain), jsonPart(details)), "xml_sct"},
		{"details twice", media, message(xmlPart(plain), jsonPart(details), jsonPart(details)), "json_standingorderType"},
		{"a third part", media, message(xmlPart(plain), jsonPart(details), strings.Replace(xmlPart("x"), "xml_sct", "more", 1)), ""},
		{"a part without a name", media, message("Content-Type: application/xml\r\n\r\n" + plain), ""},
		{"the payment as text", media, message(strings.Replace(xmlPart(plain), "application/xml", "text/plain", 1), jsonPart(details)), "xml_sct"},
		{"the payment without a type", media, message(strings.Replace(xmlPart(plain), "\r\nContent-Type: application/xml", "", 1), jsonPart(details)), "xml_sct"},
		{"the payment in Latin-1", media, message(strings.Replace(xmlPart(plain), "application/xml", "application/xml; charset=iso-8859-1", 1), jsonPart(details)), "xml_sct"},
		{"the payment in base64", media, message(strings.Replace(xmlPart(plain), "application/xml", "application/xml\r\nContent-Transfer-Encoding: base64", 1), jsonPart(details)), "xml_sct"},
		{"two types", media, message(strings.Replace(xmlPart(plain), "application/xml", "application/xml\r\nContent-Type: application/xml", 1), jsonPart(details)), "xml_sct"},
		{"details that are no JSON", media, standing("{"), "json_standingorderType"},
		{"details that are nothing", media, standing(""), "json_standingorderType"},
		{"details that are no object", media, standing("[]"), "json_standingorderType"},
		{"details that go on", media, standing(details + details), "json_standingorderType"},
		{"details that are not UTF-8", media, standing(strings.Replace(details, "Monthly", "Monthl\xff", 1)), "json_standingorderType"},
		{"details of 17 KB", media, standing(details + strings.Repeat(" ", 17<<10)), "json_standingorderType"},
		{"no start", media, standing(`{"frequency":"Monthly"}`), "json_standingorderType.startDate"},
		{"no frequency", media, standing(`{"startDate":"2026-07-01"}`), "json_standingorderType.frequency"},
		{"a start that is no date", media, standing(strings.Replace(details, "2026-07-01", "2026-07-32", 1)), "json_standingorderType.startDate"},
		{"a start that is a number", media, standing(strings.Replace(details, `"2026-07-01"`, "1", 1)), "json_standingorderType.startDate"},
		{"a day that is a number", media, standing(strings.Replace(details, "}", `,"dayOfExecution":1}`, 1)), "json_standingorderType.dayOfExecution"},
		{"months that are numbers", media, standing(strings.Replace(details, "}", `,"monthsOfExecution":[1]}`, 1)), "json_standingorderType.monthsOfExecution"},
		{"thirteen months", media, standing(strings.Replace(details, "}", `,"monthsOfExecution":["1"`+strings.Repeat(`,"1"`, 12)+`]}`, 1)), "json_standingorderType.monthsOfExecution"},
		{"a very long word", media, standing(strings.Replace(details, "Monthly", strings.Repeat("x", 36), 1)), "json_standingorderType.frequency"},
		{"a word with a line break", media, standing(strings.Replace(details, "Monthly", `Mon\nthly`, 1)), "json_standingorderType.frequency"},
		{"a member twice", media, standing(strings.Replace(details, "}", `,"frequency":"Daily"}`, 1)), "json_standingorderType.frequency"},
		{"a member twice, once in disguise", media, standing(strings.Replace(details, "}", `,"frequenc\u0079":"Daily"}`, 1)), "json_standingorderType.frequency"},
		{"a member in another case", media, standing(strings.Replace(details, "}", `,"Frequency":"Daily"}`, 1)), "json_standingorderType"},
		{"a limit, which would be lost", media, standing(strings.Replace(details, "}", `,"limitAmount":{"currency":"EUR","amount":"1"}}`, 1)), "json_standingorderType"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			document, _, err := pain.ParsePeriodic(c.media, []byte(c.body))
			var e *pain.Error
			if !errors.Is(err, pain.ErrFormat) || !errors.As(err, &e) || e.Path != c.path || document != nil {
				t.Errorf("%v, %d bytes; want %v at %q", err, len(document), pain.ErrFormat, c.path)
			}
		})
	}
}

func TestStandingOrderComesBack(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"the document as it was":          plain,
		"a document without a line break": "x",
		"an empty document":               "",
		"a document with line breaks":     "\r\n\r\n--\r\n",
		"a document with every byte":      string(func() (b []byte) { return append(b, "\x00\x01\xff\xfe\r\n\n\r"...) }()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := monthly()
			want.EndDate, want.MonthsOfExecution = day.New(2030, 1, 1), []string{"2"}
			media, body, err := pain.WritePeriodic([]byte(document), want)
			if err != nil {
				t.Fatal(err)
			}
			got, standing, err := pain.ParsePeriodic(media, body)
			if d := cmp.Diff(want, standing, days); err != nil || d != "" || string(got) != document {
				t.Errorf("%v\n%s\n%q", err, d, got)
			}
			again, same, _ := pain.WritePeriodic([]byte(document), want)
			if again != media || !bytes.Equal(same, body) {
				t.Error("the same standing order is written in two ways")
			}
			// The message itself, fed back as the document, must not end its own part.
			_, parameters, _ := mime.ParseMediaType(media)
			hostile := "\r\n--" + parameters["boundary"] + "--\r\n"
			media, body, err = pain.WritePeriodic([]byte(hostile), want)
			if err != nil {
				t.Fatal(err)
			}
			_, parameters, _ = mime.ParseMediaType(media)
			if p, err := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]).NextPart(); err != nil || p.FormName() != "xml_sct" {
				t.Errorf("%v", err)
			}
			if got, _, err := pain.ParsePeriodic(media, body); err != nil || string(got) != hostile {
				t.Errorf("%v: %q; want %q", err, got, hostile)
			}
		})
	}
}
