package corebank

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"net/http"
	"time"
)

// Limits of a browser's session with the bank: RTS art. 4(3)(d) allows five idle minutes.
const (
	idleMax    = 5 * time.Minute
	sessionMax = 30 * time.Minute
	// seenEvery keeps a page view from being a write each time.
	seenEvery = 30 * time.Second
)

// A visitor is a browser, and the customer who logged in with it, if any.
type visitor struct {
	cookie string
	who    *customer
}

// visitor recognises the browser of r. A browser without a cookie gets one, so that every
// form it is shown can be tied to it.
func (b *Bank) visitor(w http.ResponseWriter, r *http.Request) (visitor, error) {
	cookie, err := r.Cookie(b.cookie)
	if err != nil || len(cookie.Value) < 20 || len(cookie.Value) > 100 {
		v := visitor{cookie: rand.Text()}
		b.setCookie(w, v.cookie)
		return v, nil
	}
	v := visitor{cookie: cookie.Value}
	var id string
	var began, seen int64
	err = b.db.QueryRow(r.Context(), `SELECT customer, began_at, seen_at FROM corebank_browser WHERE bank = $1 AND hash = $2`, b.code, cookieHash(v.cookie)).Scan(&id, &began, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	now := b.now()
	if now.Sub(time.UnixMicro(seen)) > idleMax || now.Sub(time.UnixMicro(began)) > sessionMax {
		return v, nil
	}
	if now.Sub(time.UnixMicro(seen)) > seenEvery {
		if _, err := b.db.Exec(r.Context(), `UPDATE corebank_browser SET seen_at = $1 WHERE bank = $2 AND hash = $3`, now.UnixMicro(), b.code, cookieHash(v.cookie)); err != nil {
			return v, err
		}
	}
	c, err := b.customer(r.Context(), id)
	if err != nil {
		return v, err
	}
	v.who = &c
	return v, nil
}

// logIn begins a session for c, under a new cookie: whoever knew the old one knows nothing.
func (b *Bank) logIn(w http.ResponseWriter, r *http.Request, old visitor, c customer) error {
	cookie := rand.Text()
	now := b.now().UnixMicro()
	if _, err := b.db.Exec(r.Context(), `INSERT INTO corebank_browser (bank, hash, customer, began_at, seen_at) VALUES ($1, $2, $3, $4, $4)`,
		b.code, cookieHash(cookie), c.ID, now); err != nil {
		return err
	}
	if old.who != nil {
		if err := b.logOut(r.Context(), old); err != nil {
			return err
		}
	}
	b.setCookie(w, cookie)
	return nil
}

func (b *Bank) logOut(ctx context.Context, v visitor) error {
	_, err := b.db.Exec(ctx, `DELETE FROM corebank_browser WHERE bank = $1 AND hash = $2`, b.code, cookieHash(v.cookie))
	return err
}

func (b *Bank) setCookie(w http.ResponseWriter, value string) {
	http.SetCookie(w, &http.Cookie{Name: b.cookie, Value: value, Path: b.prefix + "/", HttpOnly: true, Secure: b.secure, SameSite: http.SameSiteLaxMode})
}

func cookieHash(cookie string) []byte {
	h := sha256.Sum256([]byte(cookie))
	return h[:]
}

// formToken ties a form to the browser it was shown to and the page it is on.
func (b *Bank) formToken(v visitor, page string) string {
	return base64.RawURLEncoding.EncodeToString(b.mac("form", v.cookie, page)[:18])
}

func (b *Bank) formIsOurs(r *http.Request, v visitor, page string) bool {
	return hmac.Equal([]byte(r.PostFormValue("csrf")), []byte(b.formToken(v, page)))
}
