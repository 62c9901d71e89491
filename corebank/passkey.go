package corebank

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"kontor/kit/sqldb"
	"kontor/kit/webauthn"
)

const (
	passkeysMax    = 10 // of one customer
	passkeyNameMax = 40 // characters
	passkeyPlace   = 100
)

var errPasskey = errors.New("the passkey cannot be added")

// A passkeyView is a passkey on its owner's own page.
type passkeyView struct{ ID, Name, Since string }

// passkeysOf lists a customer's passkeys.
func (b *Bank) passkeysOf(ctx context.Context, customer string) ([]means, error) {
	all, err := b.meansOf(ctx, customer)
	return slices.DeleteFunc(all, func(m means) bool { return m.Kind != kindPasskey }), err
}

// startEnrol begins the journey on which a customer allows a passkey to be added. It ends like
// any other by a code of one of her methods; its address is returned. key names what is wrong.
func (b *Bank) startEnrol(ctx context.Context, c customer, name, today string) (path, key string, err error) {
	if name = strings.TrimSpace(name); name == "" {
		name = today
	}
	if !isPlain(name) || utf8.RuneCountInString(name) > passkeyNameMax {
		return "", "passkey.name.wrong", nil
	}
	have, err := b.passkeysOf(ctx, c.ID)
	if err != nil {
		return "", "", err
	}
	if len(have) >= passkeysMax {
		return "", "passkey.many", nil
	}
	j := journey{
		ID: rand.Text(), Session: "enrol " + rand.Text(), Kind: kindEnrol, State: stateOpen, AppName: name,
		Customer: c.ID, Bound: true, ExpiresAt: b.now().Add(journeyFor),
	}
	j.RedirectURL = b.baseURL + "/me/passkey/" + j.ID
	return b.prefix + "/sca/" + j.ID, "", b.begin(ctx, j, func(*sqldb.Tx, *reports) error { return nil })
}

// enrolling finds the journey that allows its customer to add a passkey: once, and not for long.
func (b *Bank) enrolling(ctx context.Context, id string, c customer) (journey, error) {
	j, err := b.journey(ctx, id)
	if err == nil && (j.Kind != kindEnrol || j.Customer != c.ID || j.State != stateDone || !b.now().Before(j.ExpiresAt)) {
		err = errJourney
	}
	return j, err
}

// askToEnrol is the challenge to the making of a passkey on j, however often it is looked at.
func (b *Bank) askToEnrol(j journey) []byte { return b.mac("passkey", j.ID, j.Customer) }

// passkeyUser is whom authenticators know a customer by. It says nothing of her.
func (b *Bank) passkeyUser(customer string) []byte { return b.mac("passkey user", customer) }

// enrol adds the passkey that answer is about, and uses up j. errPasskey says that the answer is
// not good, or that the passkey is somebody's already.
func (b *Bank) enrol(ctx context.Context, j journey, answer string) error {
	k, err := b.party.Register(b.askToEnrol(j), b.passkeyUser(j.Customer), []byte(answer))
	if err != nil {
		return errPasskey
	}
	credential, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return b.db.Write(ctx, func(tx *sqldb.Tx) error {
		if err := b.move(tx, j, stateUsed, stateDone); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO corebank_method (bank, customer, id, kind, name, position, step, credential, credential_id, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
			b.code, j.Customer, "passkey-"+j.ID, kindPasskey, j.AppName, passkeyPlace, int64(k.Counter), string(credential), plainBase64(k.ID), b.now().UnixMicro())
		if err == nil && n == 0 {
			err = errPasskey
		}
		return err
	})
}

// dropPasskey takes a passkey away. That needs no code: whoever lost a device has to be quick,
// and nothing can be approved by less than before.
func (b *Bank) dropPasskey(ctx context.Context, customer, id string) error {
	if !isPlain(id) {
		return nil
	}
	_, err := b.db.Exec(ctx, `DELETE FROM corebank_method WHERE bank = $1 AND customer = $2 AND id = $3 AND kind = $4`, b.code, customer, id, kindPasskey)
	return err
}

// passkeyPage is where the browser makes a passkey, after its owner has allowed it.
func (b *Bank) passkeyPage(w http.ResponseWriter, r *http.Request) {
	v, err := b.visitor(w, r)
	if err != nil {
		b.fault(w, r, err)
		return
	}
	me := b.prefix + "/me"
	if v.who == nil { // the session has ended: she logs in, and begins again
		http.Redirect(w, r, me, http.StatusSeeOther)
		return
	}
	j, err := b.enrolling(r.Context(), r.PathValue("id"), *v.who)
	if errors.Is(err, errJourney) {
		b.oops(w, r, http.StatusNotFound, "passkey.gone")
		return
	}
	if err != nil {
		b.fault(w, r, err)
		return
	}
	if r.Method != http.MethodPost {
		b.showPasskey(w, r, v, j, http.StatusOK, "")
		return
	}
	if !b.formIsOurs(r, v, r.URL.Path) {
		b.oops(w, r, http.StatusForbidden, "error.form")
		return
	}
	switch err := b.enrol(r.Context(), j, r.PostFormValue("answer")); {
	case errors.Is(err, errPasskey):
		b.showPasskey(w, r, v, j, http.StatusUnprocessableEntity, "passkey.refused")
	case errors.Is(err, errJourney): // used up meanwhile
		b.oops(w, r, http.StatusNotFound, "passkey.gone")
	case err != nil:
		b.fault(w, r, err)
	default:
		http.Redirect(w, r, me+"?passkey=1", http.StatusSeeOther)
	}
}

func (b *Bank) showPasskey(w http.ResponseWriter, r *http.Request, v visitor, j journey, status int, key string) {
	have, err := b.passkeysOf(r.Context(), v.who.ID)
	if err != nil {
		b.fault(w, r, err)
		return
	}
	ask := passkeyAsk{
		Challenge: plainBase64(b.askToEnrol(j)), PartyID: b.party.ID, Passkeys: []string{}, Timeout: codeFor.Milliseconds(),
		Party: b.name, User: plainBase64(b.passkeyUser(v.who.ID)), UserName: v.who.Login, Algorithms: webauthn.Algorithms(),
	}
	for _, m := range have {
		if k, err := m.passkey(); err == nil {
			ask.Passkeys = append(ask.Passkeys, plainBase64(k.ID))
		}
	}
	b.show(w, r, status, "passkey", page{
		Title: "passkey.make", Error: key, CSRF: b.formToken(v, r.URL.Path), AppName: j.AppName, Passkey: ask.String(),
	})
}
