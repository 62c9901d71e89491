package xs2a

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"kontor/bank/consent"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

func TestUnambiguous(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		ok         bool
	}{
		{"an object", `{"a":1,"b":[{"a":1},{"a":2}],"c":{"a":3}}`, true},
		{"an empty one, with blanks", " \n{ }\t", true},
		{"the same name as a value", `{"a":"a","b":["a","a"]}`, true},
		{"a colon after a value in a list", `{"a":["b"],"b":1}`, true},
		{"a quote within a name", `{"a\"":1,"a":2}`, true},
		{"a backslash before the end", `{"a\\":1,"a":2}`, true},
		{"as deep as it may be", strings.Repeat(`{"a":`, 31) + "{}" + strings.Repeat("}", 31), true},
		{"a text that only looks like NUL", `{"a":"\\u0000"}`, true},
		{"twice", `{"a":1,"a":2}`, false},
		{"twice, with blanks", `{"a" : 1, "a" : 2}`, false},
		{"twice, far within", `{"x":[[{"a":1,"b":2,"a":3}]]}`, false},
		{"twice, in another case", `{"access":1,"ACCESS":2}`, false},
		{"twice, with a long s", `{"access":1,"acceſs":2}`, false},
		{"twice, with a long s as an escape", `{"access":1,"acce\u017fs":2}`, false},
		{"twice, with the sign for kelvin", `{"k":1,"\u212a":2}`, false},
		{"twice, as an escape", `{"a":1,"\u0061":2}`, false},
		{"one deeper", strings.Repeat(`{"a":`, 32) + "{}" + strings.Repeat("}", 32), false},
		{"a NUL", `{"a":"\u0000"}`, false},
		{"a NUL behind a backslash", `{"a":"\\\u0000"}`, false},
		{"a NUL in a name", `{"\u0000":1}`, false},
		{"a list", `[]`, false},
		{"a text", `"{}"`, false},
		{"two objects", `{}{}`, false},
		{"nothing", ``, false},
		{"cut short", `{"a":`, false},
		{"not UTF-8", "{\"a\":\"\xff\"}", false},
		{"a byte order mark", "\ufeff{}", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := unambiguous([]byte(tt.body))
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, errFormat) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// FuzzBody sends any body through everything that a request for a consent goes through
// before it is stored. What is accepted as unambiguous must mean the same to a reader that
// tells names apart by every byte.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"access":{"allPsd2":"allAccounts"},"recurringIndicator":true,"validUntil":"2026-05-01","frequencyPerDay":4,"combinedServiceIndicator":false}`,
		`{"access":{"accounts":[{"iban":"SI56020360253863406","currency":"EUR"}],"balances":[],"additionalInformation":{"ownerName":[]},"restrictedTo":["CACC"]},"recurringIndicator":false,"validUntil":"9999-12-31","frequencyPerDay":1,"combinedServiceIndicator":true,"confirmationOfFundsAllowed":true}`,
		`{"access":{"accounts":[{"maskedPan":"5409****1234"}]},"confirmationOfFundsAllowed":true,"recurringIndicator":true,"validUntil":"0001-01-01","frequencyPerDay":-1,"combinedServiceIndicator":false}`,
		`{"acceſs":{}}`, `{"a":[[[{}]]]}`, `{"a":"\ud800"}`, `[`, "\x00",
	} {
		f.Add([]byte(seed))
	}
	p, err := profile.Load("standard")
	if err != nil {
		f.Fatal(err)
	}
	bank := profile.Bank{Code: "lon", Zone: time.UTC, Profile: p}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest("POST", "/v1/consents", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		var got consentRequest
		if err := (&call{Request: r, w: httptest.NewRecorder()}).read(&got); err != nil {
			if !errors.Is(err, errFormat) {
				t.Fatalf("an error that is no FORMAT_ERROR: %v", err)
			}
			return
		}
		var generic map[string]any
		if err := json.Unmarshal(body, &generic); err != nil {
			t.Fatalf("accepted, and yet not readable: %v", err)
		}
		again, err := json.Marshal(generic) // in another order of names
		if err != nil {
			t.Fatal(err)
		}
		var other consentRequest
		if err := json.Unmarshal(again, &other); err == nil && !reflect.DeepEqual(got, other) {
			t.Fatalf("two readers understand two things: %+v and %+v", got, other)
		}
		req, err := got.request()
		if err != nil {
			if !errors.Is(err, errFormat) {
				t.Fatalf("an error that is no FORMAT_ERROR: %v", err)
			}
			return
		}
		c, err := consent.New(bank, "c1", tpp.TPP{ID: "PSDSI-BS-1234567"}, req, time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))
		switch {
		case err == nil:
			if c.FrequencyPerDay < 1 || c.FrequencyPerDay > 4 || c.Status != consent.Received || !c.ExpiresAt.After(c.CreatedAt) {
				t.Fatalf("a consent that cannot be: %+v", c)
			}
		case !errors.Is(err, consent.ErrRequest) && !errors.Is(err, consent.ErrNotOffered) && !errors.Is(err, consent.ErrSessions):
			t.Fatalf("an error that has no code: %v", err)
		}
	})
}
