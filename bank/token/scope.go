package token

import (
	"fmt"
	"slices"
	"strings"

	"kontor/bank/profile"
)

// A Kind says what a scope opens.
type Kind string

const (
	AIS  Kind = "AIS"  // one consent to read accounts
	PIS  Kind = "PIS"  // one payment
	PIIS Kind = "PIIS" // one consent to confirm funds
	SBS  Kind = "SBS"  // one signing basket, and the consents in it

	// The cancellation of one payment. It came with level 1.3.16; before, PIS stood for both.
	CancelPIS Kind = "CANCEL-PIS"

	// Log-ins: who the PSU is, before there is anything to authorise.
	LoginAccounts Kind = "loginAccounts"
	LoginPayments Kind = "loginPayments"
)

// offlineAccess asks for a refresh token. Whether there is one depends on the consent.
const offlineAccess = "offline_access"

// A Scope is what an authorization request asks for.
type Scope struct {
	Kind     Kind
	Resource string // ID of the consent or payment; empty for a log-in
	Offline  bool   // offline_access was asked for
	Asked    string // in the TPP's own words; the answer repeats them
}

// Login says whether s is about who the PSU is, and nothing else.
func (s Scope) Login() bool { return s.Kind == LoginAccounts || s.Kind == LoginPayments }

// Same says whether text asks for what s is.
func (s Scope) Same(text string) bool {
	return slices.Equal(strings.Fields(text), strings.Fields(s.Asked))
}

// ParseScope reads the scope of an authorization request at a bank with these switches.
// Exactly one resource, or one log-in, can be asked for at a time.
func ParseScope(o profile.OAuth, text string) (Scope, error) {
	const longest = 256
	if len(text) > longest || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return Scope{}, fmt.Errorf("%w: it is too long or has characters that a scope cannot have", ErrScope)
	}
	words := strings.Fields(text)
	s := Scope{Asked: strings.Join(words, " ")}
	for i := 0; i < len(words); i++ {
		word := words[i]
		if strings.EqualFold(word, offlineAccess) {
			s.Offline = true
			continue
		}
		// One group of TPPs writes "AIS: <consentId>".
		if strings.HasSuffix(word, ":") && i+1 < len(words) {
			i++
			word += words[i]
		}
		kind, resource, ok := parseWord(o, word)
		if !ok || s.Kind != "" {
			return Scope{}, fmt.Errorf("%w: %s", ErrScope, expected(o))
		}
		s.Kind, s.Resource = kind, resource
	}
	if s.Kind == "" {
		return Scope{}, fmt.Errorf("%w: %s", ErrScope, expected(o))
	}
	return s, nil
}

func parseWord(o profile.OAuth, word string) (kind Kind, resource string, ok bool) {
	if o.Mode == profile.OAuthPreStep {
		switch {
		case word == o.Scopes.Accounts:
			return LoginAccounts, "", true
		case word == o.Scopes.Payments:
			return LoginPayments, "", true
		}
		return "", "", false
	}
	prefix, resource, _ := strings.Cut(word, ":")
	kind = Kind(strings.ToUpper(prefix))
	ok = o.Mode == profile.OAuthIntegrated && resource != "" && (kind == AIS || kind == PIS || kind == CancelPIS || kind == PIIS || kind == SBS)
	return kind, resource, ok
}

func expected(o profile.OAuth) string {
	if o.Mode == profile.OAuthPreStep {
		return fmt.Sprintf("one of %s and %s is expected", o.Scopes.Accounts, o.Scopes.Payments)
	}
	return "exactly one of AIS:<consentId>, PIS:<paymentId>, Cancel-PIS:<paymentId>, PIIS:<consentId> and SBS:<basketId> is expected"
}
