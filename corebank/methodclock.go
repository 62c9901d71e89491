package corebank

import (
	"crypto/subtle"
	"encoding/base32"
	"net/url"
	"strconv"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// Codes by the clock (RFC 6238), as every authenticator app makes them.
const (
	clockPeriod = 30 // seconds of a step
	clockSkew   = 1  // steps that a phone's clock may be ahead or behind
)

// A clockCode comes from an app that knows nothing of what is approved. So the page tells it
// next to the field, the challenge is bound to it, and a step is good for one approval.
type clockCode struct{}

func (clockCode) challenge(occasion) challenge {
	return challenge{OTPLength: codeWidth, OTPFormat: "integer", Information: "method.TOTP.text"}
}

func (clockCode) check(o occasion, answer string) (string, int64) {
	now := o.now.Unix() / clockPeriod
	found := int64(0)
	for step := now - clockSkew; step <= now+clockSkew; step++ { // all of them, whichever is right
		if subtle.ConstantTimeCompare([]byte(clockCodeAt(o.key, step)), []byte(answer)) == 1 {
			found = step
		}
	}
	if found == 0 || found <= o.means.step {
		return "wrong", 0 // the challenge has no code, so that this is not it
	}
	return "", found
}

// clockSecret is the key as apps take it.
func clockSecret(key []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key[:20])
}

func clockCodeAt(key []byte, step int64) string {
	code, err := totp.GenerateCodeCustom(clockSecret(key), time.Unix(step*clockPeriod, 0), totp.ValidateOpts{Period: clockPeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		panic("corebank: a key that was made here is not one: " + err.Error())
	}
	return code
}

// clockAddress is what an app takes the key from.
func clockAddress(bank, login string, key []byte) string {
	q := url.Values{"secret": {clockSecret(key)}, "issuer": {bank}, "period": {strconv.Itoa(clockPeriod)}, "digits": {strconv.Itoa(codeWidth)}}
	return (&url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + bank + ":" + login, RawQuery: q.Encode()}).String()
}
