package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Extra holds members that only some banks send. Anything but an object is taken as none.
type Extra map[string]any

// UnmarshalJSON never refuses: what stands here is of use at best.
func (e *Extra) UnmarshalJSON(b []byte) error {
	*e = nil
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
		return json.Unmarshal(b, (*map[string]any)(e))
	}
	return nil
}

// Text returns the member called name where it is a text.
func (e Extra) Text(name string) string {
	s, _ := e[name].(string)
	return s
}

// UnmarshalJSON never refuses: what stands here is of use at best.
func (e *AccountExtra) UnmarshalJSON(b []byte) error {
	m := loose(b)
	*e = AccountExtra{
		DisplayName: m.text("display_name"), Usage: m.text("usage"), Details: m.text("details"), LinkedAccounts: m.text("linked_accounts"),
		OwnerNames: m.texts("owner_names"), PSUName: m.text("psu_name"), Granted: m.granted(),
	}
	return nil
}

// UnmarshalJSON never refuses: what stands here is of use at best.
func (e *CardExtra) UnmarshalJSON(b []byte) error {
	m := loose(b)
	*e = CardExtra{
		Usage: m.text("usage"), Details: m.text("details"), DisplayName: m.text("display_name"), OwnerName: m.text("owner_name"),
		DebitAccounting: m.truth("debit_accounting"), Granted: m.granted(),
	}
	return nil
}

type looseObject map[string]json.RawMessage

// loose reads an object of which nothing is promised; anything else has no members.
func loose(b []byte) (m looseObject) {
	json.Unmarshal(b, &m)
	return m
}

func (m looseObject) text(name string) String { return looseText(m[name]) }

// texts is a list of texts without those that are none; a text alone is a list of one.
func (m looseObject) texts(name string) (all []String) {
	var list []json.RawMessage
	if json.Unmarshal(m[name], &list) != nil {
		list = []json.RawMessage{m[name]}
	}
	for _, raw := range list {
		if s := looseText(raw); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// granted is nil where nothing is told, or nothing that can be understood.
func (m looseObject) granted() *Granted {
	var g *Granted
	if json.Unmarshal(m["granted"], &g) != nil {
		return nil
	}
	return g
}

func (m looseObject) truth(name string) *bool {
	switch looseValue := string(bytes.Trim(m[name], `"`)); looseValue {
	case "true", "false":
		t := looseValue == "true"
		return &t
	}
	return nil
}

func looseText(raw json.RawMessage) (s String) {
	if s.UnmarshalJSON(raw) != nil {
		return ""
	}
	return s
}

// TokenQuery is the data of GET /tokens.
type TokenQuery struct {
	UserID  String `json:"user_id,omitempty"`
	FromID  String `json:"from_id,omitempty"`
	PerPage String `json:"per_page,omitempty"` // 1 to 100
	Status  String `json:"status,omitempty"`
}

// TokenOnly is the data of a revocation by a bank that sends no header for it.
type TokenOnly struct {
	Token String `json:"token,omitempty"`
}

// FundsAnswer is the data of a connector's answer to POST /funds_confirmations.
type FundsAnswer struct {
	FundsAvailable *bool `json:"funds_available"`
}

// ParseTime reads a moment in any of the ways that were seen. A date alone is its first
// second, a time without a zone is UTC.
func ParseTime(s String) (time.Time, bool) {
	if s == "" { // most of them, and each refusal below is an error made
		return time.Time{}, false
	}
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999",
		"2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05.999999999", time.DateOnly,
	} {
		if t, err := time.Parse(layout, string(s)); err == nil {
			return t.UTC(), true
		}
	}
	if n, err := strconv.ParseInt(string(s), 10, 64); err == nil && n > 0 && n < 1<<40 {
		return time.Unix(n, 0).UTC(), true
	}
	return time.Time{}, false
}

// BrowserURL says whether a browser may be sent to s: an absolute http or https address.
// Everything else, javascript: before all, would act in the place of the bank.
func BrowserURL(s String) bool {
	const longest = 4096
	if len(s) > longest {
		return false
	}
	u, err := url.Parse(string(s))
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// HeaderValue says whether s can stand in a header as it is.
func HeaderValue(s string) bool {
	const longest = 4096
	return s != "" && len(s) <= longest && s == strings.TrimSpace(s) &&
		strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f || c == utf8.RuneError }) < 0
}

// Number makes the integer that the protocol wants for an ID that is a text: the same one
// each time, and exact where numbers are floating.
func Number(id string) int64 {
	const digitsMax = 15
	if n, err := strconv.ParseInt(id, 10, 64); err == nil && n > 0 && len(id) <= digitsMax {
		return n
	}
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:])>>11) | 1
}

// ClientNumber makes the Client-Id of a TPP. It fits 32 bits, which is what some connectors
// keep it in.
func ClientNumber(tpp string) int64 { return Number(tpp)&(1<<31-1) | 1 }
