package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestTextsAreReadTolerantly(t *testing.T) {
	for _, tt := range []struct {
		name, json, want string
		ok               bool
	}{
		{"a text", `"a"`, "a", true},
		{"a number", `17`, "17", true},
		{"a number with decimals, as it stands", `-1.50`, "-1.50", true},
		{"null", `null`, "", true},
		{"a truth", `true`, "", false},
		{"a list", `[]`, "", false},
		{"an object", `{}`, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e Event
			err := json.Unmarshal([]byte(`{"user_id":`+tt.json+`}`), &e)
			if string(e.UserID) != tt.want || (err == nil) != tt.ok {
				t.Errorf("got %q, %v", e.UserID, err)
			}
		})
	}
}

func TestExtrasNeverRefuse(t *testing.T) {
	for _, extra := range []string{`{}`, `[]`, `null`, `"x"`, `7`, `{"psu_message":["x"]}`} {
		var e Event
		if err := json.Unmarshal([]byte(`{"extra":`+extra+`}`), &e); err != nil || e.Extra.Text("psu_message") != "" {
			t.Errorf("%s: %v", extra, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	for _, s := range []String{
		"2026-11-21T12:00:00Z", "2026-11-21T13:00:00+01:00", "2026-11-21T12:00:00.000+0000", "2026-11-21T12:00:00", "2026-11-21 12:00:00 UTC", "2026-11-21 12:00:00 +0000", "1795262400",
	} {
		if got, ok := ParseTime(s); !ok || !got.Equal(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: got %s, %t", s, got, ok)
		}
	}
	for _, s := range []String{"", "soon", "-1", "21.11.2026", "99999999999999999999"} {
		if got, ok := ParseTime(s); ok {
			t.Errorf("%s: got %s", s, got)
		}
	}
}

func TestBrowserURL(t *testing.T) {
	for s, want := range map[string]bool{
		"https://bank.example/1?a=b": true, "http://127.0.0.1:8090/lon": true, "javascript:alert(1)": false, "data:text/html,x": false, "//bank.example": false,
		"/login": false, "https://": false, "https://bank.example@evil.example/": false, "": false, "https://" + strings.Repeat("a", 5000): false, "https://a\nb": false,
	} {
		if got := BrowserURL(String(s)); got != want {
			t.Errorf("%.60q: %t", s, got)
		}
	}
}

func TestNumbers(t *testing.T) {
	if Number("17") != 17 {
		t.Error("a number is itself")
	}
	a, b := Number("consent-a"), Number("consent-b")
	if a == b || a <= 0 || a >= 1<<53 || a != Number("consent-a") {
		t.Error(a, b)
	}
	if n := ClientNumber("PSDDE-BAFIN-12345"); n <= 0 || n >= 1<<31 {
		t.Error(n)
	}
}

func TestHeaderValue(t *testing.T) {
	for s, want := range map[string]bool{"abc": true, "a b": true, "ä": true, "": false, " a": false, "a\nb": false, "a\x7f": false, "\xff": false, strings.Repeat("a", 4097): false} {
		if got := HeaderValue(s); got != want {
			t.Errorf("%.20q: %t", s, got)
		}
	}
}
