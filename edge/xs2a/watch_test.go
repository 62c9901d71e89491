package xs2a_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"kontor/bank/profile"
	"kontor/edge/xs2a"
)

// watch returns h, with every answer that it gives checked: refusals against the standard's
// table of codes, all answers against our own document of what p offers, and against the
// standard's own file where that is at hand. Tests of this package serve through it.
func watch(t *testing.T, p profile.Profile, h http.Handler) http.Handler {
	t.Helper()
	ours := ourDocument(t, p)
	official, beneficiaries, fundsConsents := officialFile(t, official), officialFile(t, officialBeneficiaries), officialFile(t, officialFundsConsents)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		said := func(format string, args ...any) {
			t.Errorf("%s %.100s: %d: %s\n%.1000s", r.Method, r.URL.RequestURI(), rec.Code, fmt.Sprintf(format, args...), rec.Body)
		}
		checkEvery(r, rec, said)
		if rec.Code >= 400 {
			checkRefusal(r, rec, said)
		}
		checkSchema(ours, nil, r, rec, said)
		switch {
		case strings.Contains(r.URL.Path, "/transactions/download/"): // the address is the bank's own matter
		case strings.HasPrefix(r.URL.Path, "/v1/trusted-beneficiaries") && beneficiaries != nil:
			checkSchema(beneficiaries, deviations, r, rec, said)
		case strings.HasPrefix(r.URL.Path, "/v2/") && fundsConsents != nil:
			checkSchema(fundsConsents, append(deviations, deviationsOfFundsConsents...), r, rec, said)
		case official != nil && !strings.HasPrefix(r.URL.Path, "/v1/trusted-beneficiaries") && !strings.HasPrefix(r.URL.Path, "/v2/"):
			checkSchema(official, deviations, r, rec, said)
		}
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes())
	})
}

var ourDocuments sync.Map // by what they say: to read one takes longer than most dialogues

// ourDocument is our own document of what p offers.
func ourDocument(t *testing.T, p profile.Profile) *openapi3.T {
	t.Helper()
	doc, err := xs2a.OpenAPI(p, "under test", "")
	if err != nil {
		t.Fatal(err)
	}
	read, _ := ourDocuments.LoadOrStore(string(doc), sync.OnceValues(func() (*openapi3.T, error) {
		ours, err := openapi3.NewLoader().LoadFromData(doc)
		if err != nil {
			return nil, err
		}
		strict(ours)
		return ours, nil
	}))
	ours, err := read.(func() (*openapi3.T, error))()
	if err != nil {
		t.Fatal(err)
	}
	return ours
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// checkEvery checks what holds for every answer.
func checkEvery(r *http.Request, rec *httptest.ResponseRecorder, said func(string, ...any)) {
	if id := r.Header.Get("X-Request-ID"); uuid.MatchString(id) && rec.Header().Get("X-Request-ID") != id {
		said("X-Request-ID is %q, not the request's", rec.Header().Get("X-Request-ID"))
	}
	if rec.Header().Get("Cache-Control") != "no-store" {
		said("may be stored")
	}
	switch {
	case rec.Code == http.StatusCreated && !strings.HasPrefix(rec.Header().Get("Location"), "https://"):
		said("created without Location")
	case rec.Code == http.StatusNoContent && rec.Body.Len() > 0:
		said("no content, and yet a body")
	case rec.Code != http.StatusNoContent && !valid(rec.Header().Get("Content-Type"), rec.Body.Bytes()):
		said("the body is not what its Content-Type says")
	case rec.Code == http.StatusMethodNotAllowed && rec.Header().Get("Allow") == "" && !offStandard(r.URL.Path):
		said("no Allow")
	}
}

// valid says whether body is of its media type.
func valid(contentType string, body []byte) bool {
	switch media, _, _ := mime.ParseMediaType(contentType); media {
	case "application/json", "application/problem+json":
		return json.Valid(body)
	case "application/xml":
		for d := xml.NewDecoder(bytes.NewReader(body)); ; {
			if _, err := d.Token(); err != nil {
				return err == io.EOF
			}
		}
	case "multipart/form-data":
		return bytes.HasPrefix(body, []byte("--"))
	case "text/plain":
		return bytes.HasPrefix(body, []byte(":20:"))
	}
	return false
}

// offStandard says whether a service that is switched off, as a whole, answers with 405.
func offStandard(path string) bool {
	for _, prefix := range []string{"/v1/bulk-payments/", "/v1/periodic-payments/", "/v1/signing-baskets", "/v1/payments/", "/v1/funds-confirmations", "/v1/card-accounts", "/v1/trusted-beneficiaries", "/v2/consents/confirmation-of-funds"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// serviceOf tells by the path which service answers; "" is none.
func serviceOf(path string) string {
	for prefix, service := range map[string]string{
		"/v1/consents": "AIS", "/v1/accounts": "AIS", "/v1/card-accounts": "AIS", "/v1/trusted-beneficiaries": "AIS", "/v1/funds-confirmations": "PIIS",
		"/v2/consents": "AIS", // the standard has no list of its own for them
		"/v1/payments": "PIS", "/v1/bulk-payments": "PIS", "/v1/periodic-payments": "PIS", "/v1/signing-baskets": "SBS",
	} {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return service
		}
	}
	return ""
}

// checkRefusal checks the shape of a refusal, and its code against the table.
func checkRefusal(r *http.Request, rec *httptest.ResponseRecorder, said func(string, ...any)) {
	type message struct{ Category, Code, Path, Text string }
	var said1 []message
	if media := rec.Header().Get("Content-Type"); media == "application/problem+json" {
		var p struct{ Type, Title, Detail, Code string }
		if json.Unmarshal(rec.Body.Bytes(), &p) != nil || p.Type == "" || len(p.Type) > 70 || len(p.Title) > 70 || len(p.Detail) > 500 {
			said("not a problem as it should be")
		}
		if !strings.Contains(r.Header.Get("Accept"), media) {
			said("problem+json, which nobody asked for")
		}
		said1 = []message{{"ERROR", p.Code, "", p.Detail}}
	} else {
		var m struct{ TPPMessages []message }
		if json.Unmarshal(rec.Body.Bytes(), &m) != nil || len(m.TPPMessages) == 0 || media != "application/json" {
			said("no tppMessages")
		}
		said1 = m.TPPMessages
	}
	service := serviceOf(r.URL.Path)
	for _, m := range said1 {
		if m.Category != "ERROR" || len(m.Text) > 500 || m.Text == "" {
			said("message %+v", m)
		}
		if !slices.ContainsFunc(allowed, func(c cell) bool {
			return c.status == rec.Code && c.code == m.Code && slices.ContainsFunc(strings.Fields(c.services), func(s string) bool { return service == "" || s == service })
		}) {
			said("code %s is not for %s", m.Code, service)
		}
		for _, secret := range []string{"panic", "sql", "goroutine", ".go:", "dial tcp", "nil pointer"} {
			if strings.Contains(strings.ToLower(m.Text), secret) {
				said("tells what is ours alone: %s", m.Text)
			}
		}
	}
}

// A deviation is a difference from the standard's file that we know and mean.
type deviation struct {
	operation string // "" is any
	status    int    // 0 is any
	says      string // part of what the check reports
	why       string
}

// deviations must not grow without a reason.
var deviations = []deviation{
	{"", 401, "CERTIFICATE_REVOKED", "the file spells it CERTIFICATE_REVOKE; its own prose and all implementations do not"},
	{"updateConsentsPsuData", 200, "matches more than one oneOf schemas", "the file's answers to the steps overlap: any of them may be a status and links"},
	{"getPaymentInformation", 200, "matches more than one oneOf schemas", "a standing order is a single payment, too, where members that are not named are ignored"},
	{"updateSigningBasketPsuData", 200, "matches more than one oneOf schemas", "the same"},
	{"updatePaymentPsuData", 200, "matches more than one oneOf schemas", "the same"},
	{"updatePaymentCancellationPsuData", 200, "matches more than one oneOf schemas", "the same"},
	{"", 0, `"transactionStatus":"RCVC"`, "the file is of 1.3.11, the status of 1.3.16"},
	{"", 0, `"transactionStatus":"RVCM"`, "the same"},
	{"", 0, `"transactionStatus":"RVNC"`, "the same"},
}

// deviationsOfFundsConsents are those from the older file of this service.
var deviationsOfFundsConsents = []deviation{
	{"createConsentConfirmationOfFunds", 201, "matches more than one oneOf schemas", "the file's answers for one and for several PSUs overlap"},
	{"", 401, "ROLE_INVALID", "the file is older than the code"},
	{"", 200, "partiallyAuthorised", "the file is older than the status"},
}

func checkSchema(doc *openapi3.T, known []deviation, r *http.Request, rec *httptest.ResponseRecorder, said func(string, ...any)) {
	op := operationOf(doc, r.Method, r.URL.EscapedPath())
	if op == nil || rec.Code == http.StatusMethodNotAllowed {
		if rec.Code < 400 {
			said("%s knows no such operation", doc.Info.Title)
		}
		return
	}
	answer := op.Responses.Status(rec.Code)
	if answer == nil {
		answer = op.Responses.Default()
	}
	if answer == nil || answer.Value == nil {
		if rec.Code < 500 && rec.Code != http.StatusUnsupportedMediaType {
			said("%s has no such status for %s", doc.Info.Title, op.OperationID)
		}
		return
	}
	media, _, _ := strings.Cut(rec.Header().Get("Content-Type"), ";")
	content := answer.Value.Content.Get(media)
	if content == nil || content.Schema == nil {
		if rec.Body.Len() > 0 && len(answer.Value.Content) > 0 {
			said("%s has no %s for %s", doc.Info.Title, media, op.OperationID)
		}
		return
	}
	var body any
	dec := json.NewDecoder(bytes.NewReader(rec.Body.Bytes()))
	if dec.Decode(&body) != nil {
		return // reported already
	}
	opts := []openapi3.SchemaValidationOption{openapi3.VisitAsResponse(), openapi3.MultiErrors()}
	if strings.HasPrefix(doc.OpenAPI, "3.1") {
		opts = append(opts, openapi3.EnableJSONSchema2020())
	}
	if err := content.Schema.Value.VisitJSON(body, opts...); err != nil {
		if !slices.ContainsFunc(known, func(d deviation) bool {
			return (d.operation == "" || d.operation == op.OperationID) && (d.status == 0 || d.status == rec.Code) && (strings.Contains(err.Error(), d.says) || strings.Contains(rec.Body.String(), d.says))
		}) {
			said("%s, %s: %v", doc.Info.Title, op.OperationID, err)
		}
	}
}

// operationOf finds the operation that path belongs to; a literal segment goes before a
// parameter.
func operationOf(doc *openapi3.T, method, path string) *openapi3.Operation {
	have := strings.Split(path, "/")
	var best *openapi3.PathItem
	bestLiterals := -1
	for template, item := range doc.Paths.Map() {
		want := strings.Split(template, "/")
		if len(want) != len(have) {
			continue
		}
		literals, fits := 0, true
		for i, segment := range want {
			switch {
			case segment == have[i]:
				literals++
			case !strings.HasPrefix(segment, "{"):
				fits = false
			}
		}
		if fits && literals > bestLiterals {
			best, bestLiterals = item, literals
		}
	}
	if best == nil {
		return nil
	}
	return best.GetOperation(method)
}

// official is the standard's own file, read once: the newest one there is, or the one that
// KONTOR_OFFICIAL_XS2A names (from this folder, or absolute).
var official = sync.OnceValues(func() (*openapi3.T, error) {
	return load(cmp.Or(os.Getenv("KONTOR_OFFICIAL_XS2A"), filepath.Join(specs, "psd2-api_v1.3.11-2021-10-01v1.yaml")))
})

// officialBeneficiaries is the file of an extended service, which stands by itself.
var officialBeneficiaries = sync.OnceValues(func() (*openapi3.T, error) {
	return load(filepath.Join(specs, "psd2-trusted_beneficiaries_v1.0.0_20200519v1.yaml"))
})

// officialFundsConsents is another. It points at one schema that it does not have.
var officialFundsConsents = sync.OnceValues(func() (*openapi3.T, error) {
	data, err := os.ReadFile(filepath.Join(specs, "psd2-confirmation-of-funds-consent-2.0-20190607.yaml"))
	if err != nil {
		return nil, err
	}
	return parse(bytes.ReplaceAll(data, []byte("/tppMessageGeneric"), []byte("/tppMessage2XX")))
})

var specs = filepath.Join("..", "..", "..", "shared", "specs")

func load(file string) (*openapi3.T, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parse(data)
}

func parse(data []byte) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.ReadFromURIFunc = func(*openapi3.Loader, *url.URL) ([]byte, error) { return nil, fs.ErrNotExist }
	return loader.LoadFromData(data)
}

func officialFile(t *testing.T, file func() (*openapi3.T, error)) *openapi3.T {
	t.Helper()
	doc, err := file()
	if os.IsNotExist(err) && os.Getenv("KONTOR_OFFICIAL_XS2A") == "" {
		t.Log("the standard's file is not at hand: answers are checked against our own document only")
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
