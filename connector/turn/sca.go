// Package turn turns what a connector tells of the SCA of a session, in an answer or in a
// report, into the words of the port. Both ways of telling mean the same, so that one reading
// serves the client and the endpoints that connectors call.
package turn

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"unicode/utf8"

	"kontor/bank/core"
	"kontor/connector/wire"
)

var (
	errApproach  = errors.New("sca_approach is none of redirect, decoupled, embedded")
	errMethods   = errors.New("an SCA method lacks its type or its id, or there are too many")
	errChallenge = errors.New("challenge_data is larger than Berlin Group allows")
	errCodeHash  = errors.New("confirmation_code_sha256 is not 64 hexadecimal digits beside sca_status unconfirmed")
)

// What a TPP is shown of the SCA is bounded as Berlin Group bounds it.
const (
	methodsMax  = 50
	methodIDMax = 35
	textMax     = 500
	unconfirmed = "unconfirmed"
	imageMax    = 512 << 10
	linesMax    = 50

	indexMax  = 1 << 30
	reasonMax = 35 // of a reason that is the bank's own, by ISO 20022
)

// SCA reads what e says of an SCA that is not on the bank's pages into u.
func SCA(e wire.Event, u *core.Update) error {
	switch e.SCAApproach {
	case "", core.Redirect, core.Decoupled, core.Embedded:
		u.SCAApproach = string(e.SCAApproach)
	default:
		return errApproach
	}
	if e.ConfirmationCodeSHA256 != "" {
		hash, err := hex.DecodeString(string(e.ConfirmationCodeSHA256))
		if err != nil || len(hash) != sha256.Size || e.SCAStatus != unconfirmed {
			return errCodeHash
		}
		u.CodeHash = hash
	}
	if len(e.SCAMethods) > methodsMax {
		return errMethods
	}
	for _, w := range e.SCAMethods {
		m, err := method(w)
		if err != nil {
			return err
		}
		u.Methods = append(u.Methods, m)
	}
	if e.ChosenSCAMethod != nil {
		m, err := method(*e.ChosenSCAMethod)
		if err != nil {
			return err
		}
		u.Chosen = &m
	}
	if d := e.ChallengeData; d != nil {
		if len(d.Image) > imageMax || len(d.Data) > linesMax {
			return errChallenge
		}
		u.Challenge = &core.Challenge{Image: d.Image, OTPMaxLength: max(0, d.OTPMaxLength), AdditionalInformation: short(d.AdditionalInformation)}
		if wire.BrowserURL(d.ImageLink) { // the TPP shows it in a browser
			u.Challenge.ImageLink = string(d.ImageLink)
		}
		if d.OTPFormat == "characters" || d.OTPFormat == "integer" {
			u.Challenge.OTPFormat = string(d.OTPFormat)
		}
		for _, line := range d.Data {
			u.Challenge.Data = append(u.Challenge.Data, short(line))
		}
	}
	return nil
}

// Items reads what a report of a bulk tells of its payments; nil where it tells nothing. What
// cannot be understood is left out: the report is about the bulk in the first place.
func Items(e wire.Extra) *core.ItemStatuses {
	list, told := e["payments"].([]any)
	all := core.ItemStatuses{Others: e.Text("other_payments")}
	if !told && all.Others == "" {
		return nil
	}
	for _, one := range list {
		m, _ := one.(map[string]any)
		index, ok := m["index"].(float64)
		if !ok || index < 0 || index > indexMax || index != float64(int(index)) {
			continue
		}
		i := core.ItemStatus{Index: int(index), Status: wire.Extra(m).Text("status")}
		if reason := wire.Extra(m).Text("reason"); utf8.RuneCountInString(reason) <= reasonMax {
			i.Reason = reason
		}
		all.Told = append(all.Told, i)
	}
	return &all
}

// Exemption reads by which article the bank wanted no SCA; "" where it does not tell, or tells
// one that allows nothing of the kind.
func Exemption(s wire.String) string {
	if slices.Contains(core.Exemptions, string(s)) {
		return string(s)
	}
	return ""
}

func method(w wire.SCAMethod) (core.SCAMethod, error) {
	m := core.SCAMethod{
		ID: string(w.AuthenticationMethodID), Type: short(w.AuthenticationType), Version: short(w.AuthenticationVersion),
		Name: short(w.Name), Explanation: short(w.Explanation),
	}
	if m.ID == "" || len(m.ID) > methodIDMax || m.Type == "" {
		return m, errMethods
	}
	return m, nil
}

// short bounds a text that is shown to the PSU.
func short(s wire.String) string {
	if len(s) <= textMax {
		return string(s)
	}
	n := textMax
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return string(s[:n])
}
