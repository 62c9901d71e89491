package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrDetails says that authorization_details are not what can be asked for here.
var ErrDetails = errors.New("authorization details not supported")

// detailTypes are the types of authorization_details, each with the member that names its
// resource. They say the same as scopes, in a shape that has room for more.
var detailTypes = []struct {
	name, member string
	kind         Kind
}{
	{"account_information", "consentId", AIS},
	{"funds_confirmation", "consentId", PIIS},
	{"payment_initiation", "paymentId", PIS},
	{"payment_cancellation", "paymentId", CancelPIS},
	{"signing_basket", "basketId", SBS},
}

// DetailType returns the type of authorization_details that asks for kind; "" for a log-in.
func DetailType(kind Kind) string {
	for _, t := range detailTypes {
		if t.kind == kind {
			return t.name
		}
	}
	return ""
}

// ParseDetails reads authorization_details and the scope beside them, which may ask for
// offline_access and nothing else: the resource is named once. One object is expected, with
// its type and the ID of its resource; what it has beyond that would be a right that nobody
// has agreed to, so it is refused and not overlooked (RFC 9396, 2.2 and 5).
//
// Source: RFC 9396
func ParseDetails(text, scope string) (Scope, error) {
	const longest = 1024
	s := Scope{Asked: strings.Join(strings.Fields(scope), " ")}
	switch {
	case len(text) > longest:
		return Scope{}, fmt.Errorf("%w: they are too long", ErrDetails)
	case strings.EqualFold(s.Asked, offlineAccess):
		s.Offline = true
	case s.Asked != "":
		return Scope{}, fmt.Errorf("%w: beside them, scope can only be offline_access", ErrScope)
	}
	members, err := onlyObject(text)
	if err != nil {
		return Scope{}, fmt.Errorf("%w: %w", ErrDetails, err)
	}
	for _, t := range detailTypes {
		if t.name != members["type"] {
			continue
		}
		s.Kind, s.Resource = t.kind, members[t.member]
		if len(members) != 2 || s.Resource == "" || strings.ContainsFunc(s.Resource, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return Scope{}, fmt.Errorf("%w: %s has type and %s, and nothing else", ErrDetails, t.name, t.member)
		}
		return s, nil
	}
	return Scope{}, fmt.Errorf("%w: unknown type", ErrDetails)
}

// onlyObject reads a list of one object whose members are texts. It is read by hand because a
// name that stands there twice must be refused: two readers could take different ones for true.
func onlyObject(text string) (map[string]string, error) {
	var (
		expected = errors.New("a list with one object of texts is expected")
		d        = json.NewDecoder(strings.NewReader(text))
		members  = map[string]string{}
	)
	next := func(want json.Delim) bool {
		t, err := d.Token()
		return err == nil && t == want
	}
	if !next('[') || !next('{') {
		return nil, expected
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, expected
		}
		value, err := d.Token()
		if err != nil {
			return nil, expected
		}
		n, ok := name.(string)
		v, isText := value.(string)
		if _, twice := members[n]; !ok || !isText || twice {
			return nil, expected
		}
		members[n] = v
	}
	if !next('}') || !next(']') || d.More() || strings.TrimSpace(text[d.InputOffset():]) != "" {
		return nil, expected
	}
	return members, nil
}

// Rich says whether s was asked for by authorization_details, and not in the words of a scope.
func (s Scope) Rich() bool {
	return s.Resource != "" && (s.Asked == "" || strings.EqualFold(s.Asked, offlineAccess))
}

// Details are the authorization_details that s was asked for by, or nil.
func (s Scope) Details() json.RawMessage {
	if !s.Rich() {
		return nil
	}
	for _, t := range detailTypes {
		if t.kind == s.Kind {
			b, err := json.Marshal([]map[string]string{{"type": t.name, t.member: s.Resource}})
			if err != nil {
				panic(err) // texts
			}
			return b
		}
	}
	return nil
}
