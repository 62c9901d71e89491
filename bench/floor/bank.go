package main

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kontor/bench/floor/store"
	"kontor/bench/seed"
)

// Source: connector protocol v2, sections 0 to 2.

const (
	bodyMax = 1 << 20
	patient = 3 * time.Second // how long a creation waits for the bank's callback
	jose    = "eyJhbGciOiJSUzI1NiJ9."
)

var errBank = errors.New("the bank's systems do not answer")

// ask calls the connector once and reads the answer. data is the inside of the JWT's data
// object, session first.
func (f *floor) ask(method, path, token, consent string, data []byte) ([]byte, error) {
	answer, err := f.open(method, path, token, consent, data)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body := bytes.NewBuffer(make([]byte, 0, max(512, min(answer.ContentLength, bodyMax))+bytes.MinRead))
	if _, err := body.ReadFrom(io.LimitReader(answer.Body, bodyMax)); err != nil {
		return nil, errBank
	}
	return body.Bytes(), nil
}

// open is ask for an answer of any length, whose body the caller reads and closes.
func (f *floor) open(method, path, token, consent string, data []byte) (*http.Response, error) {
	return f.sent(method, path, token, consent, data, nil)
}

// sent is open with a body behind the header, nil for none.
func (f *floor) sent(method, path, token, consent string, data, body []byte) (*http.Response, error) {
	claims := make([]byte, 0, len(data)+96)
	claims = append(claims, `{"data":`...)
	claims = append(claims, data...)
	claims = fmt.Appendf(claims, `,"iss":"priora.saltedge.com","exp":%d}`, time.Now().Add(5*time.Minute).Unix())
	bearer := make([]byte, 0, 7+len(jose)+len(claims)*4/3+352)
	bearer = append(bearer, "Bearer "+jose...)
	bearer = base64.RawURLEncoding.AppendEncode(bearer, claims)
	digest := sha256.Sum256(bearer[len("Bearer "):])
	signature, err := rsa.SignPKCS1v15(nil, f.key, crypto.SHA256, digest[:])
	if err != nil {
		return nil, err
	}
	bearer = append(bearer, '.')
	bearer = base64.RawURLEncoding.AppendEncode(bearer, signature)
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequest(method, f.bank+"/api/priora/v2"+path, reader)
	if err != nil {
		return nil, err
	}
	r.Header = http.Header{"Authorization": {string(bearer)}, "Accept": {"application/json"}, "Client-Id": {"1"}}
	if body != nil {
		r.Header["Content-Type"], r.Header["Expect"] = []string{"application/jwt"}, []string{"100-continue"}
	}
	if token != "" {
		r.Header["Access-Token"] = []string{token}
	}
	if consent != "" {
		r.Header["Consent-Id"] = []string{consent}
	}
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, errBank
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, errBank
	}
	return answer, nil
}

// list finds the array of data in an answer without reading it. It relies on the order of
// members of its own core: what this floor has to know of a bank.
func list(body []byte) ([]byte, error) {
	end := bytes.LastIndex(body, []byte(`,"meta":`))
	if !bytes.HasPrefix(body, []byte(`{"data":[`)) || end < 0 || body[end-1] != ']' {
		return nil, errBank
	}
	return body[len(`{"data":`):end], nil
}

// callbacks takes the one callback that comes while a TPP waits: where the PSU goes.
func (f *floor) callbacks() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PATCH /api/connectors/v2/sessions/{session}/update", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		now := time.Now().UTC()
		status, class := f.update(r, now)
		if class != "" {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error_class":%q,"error_message":"refused","meta":{"time":%q,"version":"V2"}}`, class, now.Format(time.RFC3339))
			return
		}
		fmt.Fprintf(w, `{"data":{},"meta":{"time":%q}}`, now.Format(time.RFC3339))
	})
	return mux
}

func (f *floor) update(r *http.Request, now time.Time) (status int, class string) {
	id := subtle.ConstantTimeCompare([]byte(r.Header.Get("App-Id")), []byte(seed.AppID))
	secret := subtle.ConstantTimeCompare([]byte(r.Header.Get("App-Secret")), []byte(seed.AppSecret))
	if id&secret != 1 {
		return http.StatusNotFound, "ProviderNotFound"
	}
	var claims struct {
		Data struct {
			Session     string `json:"session_secret"`
			RedirectURL string `json:"redirect_url"`
		} `json:"data"`
		Exp int64 `json:"exp"`
	}
	if !f.verified(r.Header.Get("Authorization"), &claims) || now.Unix() > claims.Exp+60 || claims.Exp > now.Add(time.Hour).Unix() {
		return http.StatusBadRequest, "JWTVerificationError"
	}
	page, err := url.Parse(claims.Data.RedirectURL)
	session := r.PathValue("session")
	if err != nil || page.Scheme != "https" || page.Host == "" || claims.Data.Session != session {
		return http.StatusBadRequest, "RequestFormatInvalid"
	}
	query := updateConsent
	if strings.HasPrefix(session, "p") {
		query = updatePayment
	}
	var found string
	switch err := f.db.Write(store.Statement{Query: query, Args: []any{claims.Data.RedirectURL, session, now.UnixMicro()}, Dest: []any{&found}}); {
	case errors.Is(err, store.ErrNone):
		return http.StatusNotFound, "SessionNotFound"
	case err != nil:
		return http.StatusInternalServerError, "InternalServerError"
	}
	if wait, ok := f.waiting.Load(session); ok {
		select {
		case wait.(chan string) <- claims.Data.RedirectURL:
		default:
		}
	}
	return http.StatusOK, ""
}

func (f *floor) verified(authorization string, claims any) bool {
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	header, rest, ok2 := strings.Cut(token, ".")
	payload, mac, ok3 := strings.Cut(rest, ".")
	if !ok || !ok2 || !ok3 {
		return false
	}
	var alg struct{ Alg string }
	raw, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil || json.Unmarshal(raw, &alg) != nil || alg.Alg != "RS256" {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil {
		return false
	}
	digest := sha256.Sum256([]byte(token[:len(header)+1+len(payload)]))
	if rsa.VerifyPKCS1v15(f.bankKey, crypto.SHA256, digest[:], signature) != nil {
		return false
	}
	raw, err = base64.RawURLEncoding.DecodeString(payload)
	return err == nil && json.Unmarshal(raw, claims) == nil
}
