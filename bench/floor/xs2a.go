package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"regexp"
	"strings"
	"time"

	"kontor/bench/floor/store"
	"kontor/bench/seed"
	"kontor/kit/eidas"
)

const (
	selectAccess = `SELECT c.id, c.tpp, c.status, c.valid_until, c.frequency, c.resource, c.iban, c.savings_iban, c.account, c.bank_token, c.session, t.tpp, t.x5t, t.expires_at
		FROM token t JOIN consent c ON c.id = t.consent WHERE t.access = $1`
	selectConsent = `SELECT tpp, status, access, valid_until, recurring, last_action, frequency FROM consent WHERE id = $1`
	selectRefresh = `SELECT c.id, c.status, c.valid_until, t.tpp, t.x5t, t.refresh_expires_at FROM token t JOIN consent c ON c.id = t.consent WHERE t.refresh = $1`
	selectFunds   = `SELECT c.id, c.tpp, c.status, c.valid_until, c.iban, c.bank_token, c.session, t.tpp, t.x5t, t.expires_at
		FROM token t JOIN consent c ON c.id = t.consent WHERE t.access = $1`
	selectPayment = `SELECT id, body, redirect_url FROM payment WHERE tpp = $1 AND request_id = $2`
	insertTokens  = `INSERT INTO token (access, refresh, parent, tpp, consent, x5t, expires_at, refresh_expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	insertConsent = `INSERT INTO consent (id, tpp, status, access, valid_until, recurring, last_action, frequency, resource, iban, savings_iban, account,
		bank_token, session, redirect_url, session_expires_at) VALUES ($1, $2, 'received', $3, $4, $5, $6, $7, '', '', '', '', '', $8, '', $9)`
	insertPayment = `INSERT INTO payment (id, tpp, request_id, status, body, session, redirect_url, session_expires_at) VALUES ($1, $2, $3, 'RCVD', $4, $5, '', $6)`
	insertAudit   = `INSERT INTO audit (at, tpp, action, resource, request_id) VALUES ($1, $2, $3, $4, $5)`
	countUse      = `INSERT INTO used (consent, day, key, used) VALUES ($1, $2, $3, 1) ON CONFLICT (consent, day, key) DO UPDATE SET used = used.used + 1 RETURNING used`
	updateConsent = `UPDATE consent SET redirect_url = $1 WHERE session = $2 AND status = 'received' AND session_expires_at > $3 RETURNING id`
	updatePayment = `UPDATE payment SET redirect_url = $1 WHERE session = $2 AND status = 'RCVD' AND session_expires_at > $3 RETURNING id`
)

// A session is a column of what it authorises, because each resource has exactly one here.
// The unique parent makes a refresh token good for one use without reading it first.
const schema = `
CREATE TABLE IF NOT EXISTS token (access BYTEA PRIMARY KEY, refresh BYTEA NOT NULL UNIQUE, parent BYTEA UNIQUE, tpp TEXT NOT NULL,
	consent TEXT NOT NULL, x5t BYTEA NOT NULL, expires_at BIGINT NOT NULL, refresh_expires_at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS consent (id TEXT PRIMARY KEY, tpp TEXT NOT NULL, status TEXT NOT NULL, access TEXT NOT NULL, valid_until TEXT NOT NULL,
	recurring INTEGER NOT NULL, last_action TEXT NOT NULL, frequency INTEGER NOT NULL, resource TEXT NOT NULL, iban TEXT NOT NULL,
	savings_iban TEXT NOT NULL, account TEXT NOT NULL, bank_token TEXT NOT NULL,
	session TEXT NOT NULL UNIQUE, redirect_url TEXT NOT NULL, session_expires_at BIGINT NOT NULL, psu TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS consent_psu ON consent (psu);
CREATE TABLE IF NOT EXISTS visit (secret BYTEA PRIMARY KEY, psu TEXT NOT NULL, expires_at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS used (consent TEXT NOT NULL, day TEXT NOT NULL, key TEXT NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (consent, day, key));
CREATE TABLE IF NOT EXISTS payment (id TEXT PRIMARY KEY, tpp TEXT NOT NULL, request_id TEXT NOT NULL, status TEXT NOT NULL, body BYTEA NOT NULL,
	session TEXT NOT NULL UNIQUE, redirect_url TEXT NOT NULL, session_expires_at BIGINT NOT NULL, UNIQUE (tpp, request_id));
CREATE TABLE IF NOT EXISTS audit (at BIGINT NOT NULL, tpp TEXT NOT NULL, action TEXT NOT NULL, resource TEXT NOT NULL, request_id TEXT NOT NULL)`

// reads are prepared at start.
var reads = []string{selectAccess, selectConsent, selectRefresh, selectFunds, selectPayment, selectGiven}

type tpp struct {
	id       string
	roles    []eidas.Role
	notAfter time.Time
	leaf     [32]byte
}

func (t *tpp) has(role eidas.Role) bool { return eidas.Identity{Roles: t.roles}.Has(role) }

// A refusal is answered as it stands.
type refusal struct {
	status int
	code   string
}

func (r refusal) Error() string { return r.code }

func (f *floor) xs2a() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, role eidas.Role, do func(http.ResponseWriter, *http.Request, *tpp, time.Time) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			now := time.Now().UTC()
			w.Header().Set("Content-Type", "application/json")
			t, err := f.caller(r, now)
			if id := r.Header.Get("X-Request-ID"); err == nil && role != "" {
				w.Header().Set("X-Request-ID", id)
				if !isUUID(id) {
					err = refusal{400, "FORMAT_ERROR"}
				} else if !t.has(role) {
					err = refusal{401, "ROLE_INVALID"}
				}
			}
			if err == nil {
				err = do(w, r, t, now)
			}
			if err == nil {
				return
			}
			refused, ok := errors.AsType[refusal](err)
			if !ok {
				log.Print("floor: ", err)
				refused = refusal{500, "INTERNAL_SERVER_ERROR"}
			}
			w.WriteHeader(refused.status)
			fmt.Fprintf(w, `{"tppMessages":[{"category":"ERROR","code":%q}]}`, refused.code)
		})
	}
	on("POST /oauth/token", "", f.token)
	on("GET /v1/accounts", eidas.AI, f.accounts)
	on("GET /v1/accounts/{account}/balances", eidas.AI, f.balances)
	on("GET /v1/accounts/{account}/transactions", eidas.AI, f.transactions)
	on("GET /v1/accounts/{account}/transactions/download/{from}", eidas.AI, f.download)
	on("GET /v1/consents/{consent}", eidas.AI, f.consent)
	on("POST /v1/consents", eidas.AI, f.createConsent)
	on("POST /v1/payments/sepa-credit-transfers", eidas.PI, f.createPayment)
	on("POST /v1/bulk-payments/pain.001-sepa-credit-transfers", eidas.PI, f.createBatch)
	on("POST /v1/funds-confirmations", eidas.IC, f.funds)
	return mux
}

// caller knows a TPP by its certificate, which is read once and hashed each time.
func (f *floor) caller(r *http.Request, now time.Time) (*tpp, error) {
	cert := r.TLS.PeerCertificates[0]
	leaf := sha256.Sum256(cert.Raw)
	known, ok := f.tpps.Load(leaf)
	if !ok {
		id, _, err := eidas.Parse(cert)
		if err != nil {
			return nil, refusal{401, "CERTIFICATE_INVALID"}
		}
		known, _ = f.tpps.LoadOrStore(leaf, &tpp{id.OrganizationIdentifier, id.Roles, cert.NotAfter, leaf})
	}
	t := known.(*tpp)
	if now.After(t.notAfter) {
		return nil, refusal{401, "CERTIFICATE_EXPIRED"}
	}
	return t, nil
}

// token redeems a refresh token for a new pair.
func (f *floor) token(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time) error {
	r.Body = http.MaxBytesReader(w, r.Body, bodyMax)
	if r.ParseForm() != nil || r.PostForm.Get("grant_type") != "refresh_token" || r.PostForm.Get("client_id") != t.id {
		return refusal{400, "invalid_request"}
	}
	old := sha256.Sum256([]byte(r.PostForm.Get("refresh_token")))
	var consent, status, validUntil, owner string
	var x5t []byte
	var expires int64
	err := f.db.Row([]any{&consent, &status, &validUntil, &owner, &x5t, &expires}, selectRefresh, old[:])
	if err != nil && !errors.Is(err, store.ErrNone) {
		return err
	}
	if err != nil || owner != t.id || !bytes.Equal(x5t, t.leaf[:]) || expires < now.UnixMicro() || status != "valid" || validUntil < now.Format(time.DateOnly) {
		return refusal{400, "invalid_grant"}
	}
	access, refresh := random(), random()
	a, b := sha256.Sum256([]byte(access)), sha256.Sum256([]byte(refresh))
	err = f.db.Write(store.Statement{Query: insertTokens, Args: []any{a[:], b[:], old[:], t.id, consent, t.leaf[:], now.Add(time.Hour).UnixMicro(), expires}})
	if errors.Is(err, store.ErrTaken) { // a second use
		return refusal{400, "invalid_grant"}
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600,"refresh_token":%q,"scope":"AIS:%s"}`, access, refresh, consent)
	return nil
}

type access struct {
	consent, resource, iban, savings, account, bankToken, session string
}

// allowed checks token, consent and account, and counts the use, before the bank is asked.
func (f *floor) allowed(r *http.Request, t *tpp, now time.Time, key string) (a access, err error) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	hash := sha256.Sum256([]byte(bearer))
	var owner, status, validUntil, holder string
	var frequency, expires int64
	var x5t []byte
	err = f.db.Row([]any{&a.consent, &owner, &status, &validUntil, &frequency, &a.resource, &a.iban, &a.savings, &a.account, &a.bankToken, &a.session,
		&holder, &x5t, &expires}, selectAccess, hash[:])
	today := now.Format(time.DateOnly)
	switch account := r.PathValue("account"); {
	case errors.Is(err, store.ErrNone):
		return a, refusal{401, "TOKEN_UNKNOWN"}
	case err != nil:
		return a, err
	case holder != t.id || !bytes.Equal(x5t, t.leaf[:]):
		return a, refusal{401, "TOKEN_INVALID"}
	case expires < now.UnixMicro():
		return a, refusal{401, "TOKEN_EXPIRED"}
	case r.Header.Get("Consent-ID") != a.consent || owner != t.id:
		return a, refusal{400, "CONSENT_UNKNOWN"}
	case status != "valid":
		return a, refusal{401, "CONSENT_INVALID"}
	case validUntil < today:
		return a, refusal{401, "CONSENT_EXPIRED"}
	case account == a.resource+seed.Savings:
		a.resource, a.iban, a.account = account, a.savings, a.account+seed.Savings
	case account != "" && account != a.resource:
		return a, refusal{404, "RESOURCE_UNKNOWN"}
	}
	switch {
	case r.Header.Get("PSU-IP-Address") != "":
		return a, nil
	}
	var used int64
	if err := f.db.Write(store.Statement{Query: countUse, Args: []any{a.consent, today, key}, Dest: []any{&used}}); err != nil {
		return a, err
	}
	if used > frequency {
		return a, refusal{429, "ACCESS_EXCEEDED"}
	}
	return a, nil
}

type reference struct {
	IBAN     string `json:"iban"`
	Currency string `json:"currency,omitempty"`
}

type amount struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

func (f *floor) createConsent(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time) error {
	var c struct {
		Access struct {
			AllPSD2      string       `json:"allPsd2,omitempty"`
			Balances     *[]reference `json:"balances,omitempty"`
			Transactions *[]reference `json:"transactions,omitempty"`
		} `json:"access"`
		Recurring  *bool  `json:"recurringIndicator"`
		ValidUntil string `json:"validUntil"`
		Frequency  int    `json:"frequencyPerDay"`
		Combined   *bool  `json:"combinedServiceIndicator"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax)).Decode(&c) != nil || c.Recurring == nil || c.Combined == nil || c.Frequency < 1 {
		return refusal{400, "FORMAT_ERROR"}
	}
	if !*c.Recurring && c.Frequency != 1 || *c.Combined || c.ValidUntil < now.Format(time.DateOnly) || r.Header.Get("TPP-Redirect-URI") == "" ||
		(c.Access.AllPSD2 == "allAccounts") == (c.Access.Balances != nil && c.Access.Transactions != nil) {
		return refusal{400, "FORMAT_ERROR"}
	}
	if _, err := time.Parse(time.DateOnly, c.ValidUntil); err != nil {
		return refusal{400, "FORMAT_ERROR"}
	}
	if limit := now.AddDate(0, 0, 179).Format(time.DateOnly); c.ValidUntil > limit {
		c.ValidUntil = limit
	}
	c.Frequency = min(c.Frequency, 4)
	asked, _ := json.Marshal(c.Access)
	recurring := 0
	if *c.Recurring {
		recurring = 1
	}
	id, session := uuid(), "c"+random()
	page, err := f.start(session, "/tokens", id, []store.Statement{{Query: insertConsent,
		Args: []any{id, t.id, string(asked), c.ValidUntil, recurring, now.Format(time.DateOnly), c.Frequency, session, now.Add(5 * time.Minute).UnixMicro()}}},
		fmt.Appendf(nil, `{"session_secret":%q,"provider_code":%q,"app_name":%q,"authorization_type":"oauth","redirect_url":"https://hub.bench.example/return/%s",`+
			`"recurring_indicator":%t,"valid_until":%q,"frequency_per_day":%d,"access":%s}`,
			session, seed.Provider, seed.TPPName, session, *c.Recurring, c.ValidUntil, c.Frequency, asked))
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/consents/"+id)
	w.Header().Set("ASPSP-SCA-Approach", "REDIRECT")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"consentStatus":"received","consentId":%q,"_links":{"scaRedirect":{"href":%q},"self":{"href":"/v1/consents/%s"},"status":{"href":"/v1/consents/%s/status"}}}`,
		id, page, id, id)
	return nil
}

// start stores a resource, hands it to the bank, and waits for the address of the bank's page.
func (f *floor) start(session, path, consent string, statements []store.Statement, data []byte) (page string, err error) {
	wait := make(chan string, 1)
	f.waiting.Store(session, wait)
	defer f.waiting.Delete(session)
	if err := f.db.Write(statements...); err != nil {
		return "", err
	}
	if _, err := f.ask(http.MethodPost, path, "", consent, data); err != nil {
		return "", err
	}
	timeout := time.NewTimer(patient)
	defer timeout.Stop()
	select {
	case page := <-wait:
		return page, nil
	case <-timeout.C:
		return "", errBank
	}
}

var amountForm = regexp.MustCompile(`^[0-9]{1,14}(\.[0-9]{1,2})?$`)

func (f *floor) createPayment(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time) error {
	var p struct {
		EndToEnd     string    `json:"endToEndIdentification"`
		Debtor       reference `json:"debtorAccount"`
		Amount       amount    `json:"instructedAmount"`
		Creditor     reference `json:"creditorAccount"`
		CreditorName string    `json:"creditorName"`
		Remittance   string    `json:"remittanceInformationUnstructured"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax)).Decode(&p) != nil || !isIBAN(p.Debtor.IBAN) || !isIBAN(p.Creditor.IBAN) ||
		!amountForm.MatchString(p.Amount.Amount) || strings.Trim(p.Amount.Amount, "0.") == "" || p.Amount.Currency != "EUR" || p.CreditorName == "" ||
		len(p.CreditorName) > 70 || len(p.Remittance) > 140 || len(p.EndToEnd) > 35 ||
		r.Header.Get("PSU-IP-Address") == "" || r.Header.Get("TPP-Redirect-URI") == "" {
		return refusal{400, "FORMAT_ERROR"}
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	id, session, request := uuid(), "p"+random(), r.Header.Get("X-Request-ID")
	payment, err := json.Marshal(map[string]any{"end_to_end_identification": p.EndToEnd, "creditor_name": p.CreditorName, "creditor_account": p.Creditor,
		"debtor_account": p.Debtor, "instructed_amount": p.Amount, "remittance_information_unstructured": p.Remittance})
	if err != nil {
		return err
	}
	page, err := f.start(session, "/payments", "", []store.Statement{
		{Query: insertPayment, Args: []any{id, t.id, request, body, session, now.Add(5 * time.Minute).UnixMicro()}},
		{Query: insertAudit, Args: []any{now.UnixMicro(), t.id, "payment.create", id, request}},
	}, fmt.Appendf(nil, `{"session_secret":%q,"provider_code":%q,"app_name":%q,"redirect_url":"https://hub.bench.example/return/%s","payment_product":"sepa-credit-transfers",`+
		`"psu_ip_address":%q,"payment_identification":1,"payment":%s}`, session, seed.Provider, seed.TPPName, session, r.Header.Get("PSU-IP-Address"), payment))
	if errors.Is(err, store.ErrTaken) { // the TPP asks again: the same question gets the same answer
		var before []byte
		if err := f.db.Row([]any{&id, &before, &page}, selectPayment, t.id, request); err != nil {
			return err
		}
		if !bytes.Equal(before, body) {
			return refusal{400, "FORMAT_ERROR"}
		}
	} else if err != nil {
		return err
	}
	self := "/v1/payments/sepa-credit-transfers/" + id
	w.Header().Set("Location", self)
	w.Header().Set("ASPSP-SCA-Approach", "REDIRECT")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"transactionStatus":"RCVD","paymentId":%q,"_links":{"scaRedirect":{"href":%q},"self":{"href":%q},"status":{"href":"%s/status"}}}`, id, page, self, self)
	return nil
}

func (f *floor) funds(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time) error {
	var q struct {
		Account reference `json:"account"`
		Amount  amount    `json:"instructedAmount"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax)).Decode(&q) != nil || !isIBAN(q.Account.IBAN) || !amountForm.MatchString(q.Amount.Amount) || q.Amount.Currency != "EUR" {
		return refusal{400, "FORMAT_ERROR"}
	}
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	hash := sha256.Sum256([]byte(bearer))
	var id, owner, status, validUntil, iban, bankToken, session, holder string
	var x5t []byte
	var expires int64
	err := f.db.Row([]any{&id, &owner, &status, &validUntil, &iban, &bankToken, &session, &holder, &x5t, &expires}, selectFunds, hash[:])
	switch {
	case errors.Is(err, store.ErrNone):
		return refusal{401, "TOKEN_UNKNOWN"}
	case err != nil:
		return err
	case holder != t.id || !bytes.Equal(x5t, t.leaf[:]):
		return refusal{401, "TOKEN_INVALID"}
	case expires < now.UnixMicro():
		return refusal{401, "TOKEN_EXPIRED"}
	case r.Header.Get("Consent-ID") != id || owner != t.id:
		return refusal{400, "CONSENT_UNKNOWN"}
	}
	if status != "valid" || validUntil < now.Format(time.DateOnly) || iban != q.Account.IBAN {
		return refusal{401, "CONSENT_INVALID"}
	}
	body, err := f.ask(http.MethodPost, "/funds_confirmations", bankToken, id,
		fmt.Appendf(nil, `{"session_secret":%q,"provider_code":%q,"account":{"iban":%q},"instructed_amount":{"amount":%q,"currency":"EUR"}}`,
			session, seed.Provider, iban, q.Amount.Amount))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `{"fundsAvailable":%t}`, bytes.Contains(body, []byte(`"funds_available":true`)))
	return err
}

// isIBAN checks the form and ISO 7064 mod 97-10.
func isIBAN(s string) bool {
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for i := range len(s) {
		switch c := s[(i+4)%len(s)]; {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

func isUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	return strings.Trim(s, "0123456789abcdefABCDEF-") == ""
}

func random() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
