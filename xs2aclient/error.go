package xs2aclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// An Error is a refusal by the bank.
type Error struct {
	Operation string
	Status    int
	Messages  []Message
	RequestID string // the X-Request-ID that the bank answered to: what its support asks for
	Links     Links  // what to do next, such as scaOAuth where a token is missing
	// OAuth is set when the authorization server refused (RFC 6749): invalid_grant, …
	OAuth            string
	OAuthDescription string
	Body             []byte
}

// A Message is one tppMessage.
type Message struct {
	Category string `json:"category"` // ERROR or WARNING
	Code     string `json:"code"`
	Path     string `json:"path"`
	Text     string `json:"text"`
}

func (e *Error) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s: the bank answered %d", e.Operation, e.Status)
	for _, m := range e.Messages {
		fmt.Fprintf(&s, " %s", m.Code)
		if m.Path != "" {
			fmt.Fprintf(&s, " (%s)", m.Path)
		}
		if m.Text != "" {
			fmt.Fprintf(&s, ": %s", m.Text)
		}
	}
	if e.OAuth != "" {
		fmt.Fprintf(&s, " %s: %s", e.OAuth, e.OAuthDescription)
	}
	return s.String()
}

// Code returns the first message code, or "".
func (e *Error) Code() string {
	if len(e.Messages) == 0 {
		return ""
	}
	return e.Messages[0].Code
}

// Refused says whether err is a refusal by the bank with this message code.
func Refused(err error, code string) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	for _, m := range e.Messages {
		if m.Code == code {
			return true
		}
	}
	return false
}

// refusal reads an answer that is no success, in any of the shapes that banks use:
// tppMessages, RFC 7807, OAuth's, or none at all.
func refusal(operation string, resp *http.Response, body []byte) *Error {
	e := &Error{Operation: operation, Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-ID"), Body: body}
	var w struct {
		TPPMessages json.RawMessage `json:"tppMessages"`
		Links       Links           `json:"_links"`

		Code             string `json:"code"`
		Title            string `json:"title"`
		Detail           string `json:"detail"`
		AdditionalErrors []struct {
			Title, Detail, Code string
		} `json:"additionalErrors"`

		OAuth            string `json:"error"`
		OAuthDescription string `json:"error_description"`
	}
	if json.Unmarshal(body, &w) != nil {
		return e
	}
	e.Links = w.Links
	e.OAuth, e.OAuthDescription = w.OAuth, w.OAuthDescription
	if json.Unmarshal(w.TPPMessages, &e.Messages) != nil { // some banks send a single one
		var m Message
		if json.Unmarshal(w.TPPMessages, &m) == nil && m.Code != "" {
			e.Messages = []Message{m}
		}
	}
	if len(e.Messages) == 0 && w.Code != "" {
		text := w.Detail
		if text == "" {
			text = w.Title
		}
		e.Messages = append(e.Messages, Message{Category: "ERROR", Code: w.Code, Text: text})
		for _, a := range w.AdditionalErrors {
			e.Messages = append(e.Messages, Message{Category: "ERROR", Code: a.Code, Text: a.Detail})
		}
	}
	return e
}
