package jws

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// headerOf and claimsOf read what counts of header and payload. encoding/json alone would not
// do: it takes "ALG" for "alg", and of two members with one name the last, so that another
// reader could see another token under the same signature (RFC 8725, 2.4 and 3.1).

var errMembers = errors.New("not one object whose members have different names")

// members calls each for every member of the object raw.
func members(raw []byte, each func(name string, value json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errMembers
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		// A name in other letters is another one to us and the same one to many libraries.
		if folded := strings.ToLower(name); err != nil || !ok || seen[folded] {
			return errMembers
		} else {
			seen[folded] = true
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return errMembers
		}
		if err := each(name, value); err != nil {
			return err
		}
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return errMembers
	}
	if _, err := d.Token(); err != io.EOF {
		return errMembers
	}
	return nil
}

// headerOf returns the algorithm. What must be understood is refused, and so is what would
// change the meaning of the rest: another encoding of the payload, or another kind of token.
func headerOf(raw []byte) (alg string, err error) {
	err = members(raw, func(name string, value json.RawMessage) error {
		switch name {
		case "alg":
			return text(value, &alg)
		case "crit", "b64":
			return errors.New("header has critical members")
		case "typ":
			var typ string
			if err := text(value, &typ); err != nil {
				return err
			}
			if !strings.EqualFold(typ, "JWT") && !strings.EqualFold(typ, "JOSE") {
				return errors.New("header names another kind of token")
			}
		}
		return nil
	})
	return alg, err
}

// A body is what counts of a payload.
type body struct {
	data      json.RawMessage
	exp       *int64
	notBefore int64
}

// claimsOf reads a payload. Neither end of the protocol has a name that aud could say, so a
// token that has one is for somebody else (RFC 7519, 4.1.3).
func claimsOf(raw []byte) (b body, err error) {
	err = members(raw, func(name string, value json.RawMessage) error {
		switch name {
		case "data":
			b.data = value
		case "exp":
			return json.Unmarshal(value, &b.exp)
		case "nbf":
			return json.Unmarshal(value, &b.notBefore)
		case "aud":
			return errors.New("it is for somebody else")
		}
		return nil
	})
	return b, err
}

// text reads a JSON text, and nothing else: null is no text.
func text(value json.RawMessage, into *string) error {
	if len(value) == 0 || value[0] != '"' {
		return errors.New("a member of the header is not a text")
	}
	return json.Unmarshal(value, into)
}
