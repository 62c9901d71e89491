package corebank

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"

	"kontor/kit/webauthn"
)

// A passkey signs the challenge, which is the hash over all that is approved: who signed one
// cannot be made to have signed another. The customer's device does not show what that is; the
// page around the question does, as RTS art. 5(2) asks.
type passkey struct {
	of  webauthn.Party
	log *slog.Logger
}

// A passkeyAsk is what the module of the page reads, to have the browser ask for a passkey.
type passkeyAsk struct {
	Challenge string   `json:"challenge"`
	PartyID   string   `json:"rpId"`
	Passkeys  []string `json:"passkeys"` // that can answer; where one is made, that are there already
	Timeout   int64    `json:"timeout"`  // in milliseconds

	// Where one is made:
	Party      string `json:"rpName,omitempty"`
	User       string `json:"user,omitempty"`
	UserName   string `json:"userName,omitempty"`
	Algorithms []int  `json:"algorithms,omitempty"`
}

func (a passkeyAsk) String() string {
	out, err := json.Marshal(a)
	if err != nil {
		panic("corebank: texts cannot be written as JSON: " + err.Error())
	}
	return string(out)
}

func (passkey) code(o occasion) string {
	h := hmac.New(sha256.New, o.key)
	h.Write([]byte("passkey"))
	h.Write(o.bound)
	return hex.EncodeToString(h.Sum(nil))
}

func (p passkey) challenge(o occasion) challenge {
	k, err := o.means.passkey()
	if err != nil {
		return challenge{} // nothing can be answered
	}
	ask := passkeyAsk{Challenge: plainBase64(o.bound), PartyID: p.of.ID, Passkeys: []string{plainBase64(k.ID)}, Timeout: codeFor.Milliseconds()}
	return challenge{code: p.code(o), Passkey: ask.String(), Information: "method.PASSKEY.text"}
}

// check returns the code where the passkey has signed this very challenge. Its step is how often
// it has signed: one that signed less often than before has been copied, and answers nothing.
func (p passkey) check(o occasion, answer string) (string, int64) {
	k, err := o.means.passkey()
	if err != nil {
		return "", 0
	}
	counter, err := p.of.Verify(o.bound, k, []byte(answer))
	if err != nil {
		if errors.Is(err, webauthn.ErrCounter) {
			p.log.Warn("a passkey was refused: it signed less often than before, so there may be a copy of it")
		}
		return "", 0
	}
	return p.code(o), int64(counter)
}

// passkey reads the one that m is.
func (m means) passkey() (k webauthn.Passkey, err error) {
	if m.Kind != kindPasskey {
		return k, errMethod
	}
	err = json.Unmarshal([]byte(m.credential), &k)
	k.Counter = uint32(m.step)
	return k, err
}

func plainBase64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
