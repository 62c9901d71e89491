// Command core is the bank behind the benchmark: the least that speaks the connector
// protocol, from memory.
//
// Product and floor each get a process of it, so that the bank costs both the same; its
// own CPU is printed, but counted for neither. It verifies every signature, and it reports
// the address of its page by a signed callback, as a bank does.
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"kontor/bench/seed"
)

type bank struct {
	hubKey   *rsa.PublicKey
	key      *rsa.PrivateKey
	hub      string
	client   *http.Client
	accounts [2][]byte // what stands before and behind the IBAN
	page     []byte    // of every first account
	long     []byte    // of every second account: all entries at once

	calls, callbacks, failures atomic.Int64
}

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	hub := flag.String("hub", "", "origin of the hub that is called back")
	keyFile := flag.String("key", "", "file of the bank's private key")
	hubKeyFile := flag.String("hub-key", "", "file of the hub's public key")
	flag.Parse()

	b := &bank{hub: *hub, client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 128}}}
	b.accounts, b.page, b.long = accounts(), entries(seed.Page), entries(seed.Long)
	var err error
	if b.key, b.hubKey, err = keys(*keyFile, *hubKeyFile); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*addr, b.handler()))
}

func (b *bank) handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, do func(http.ResponseWriter, *http.Request, claims)) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /api/priora/v2"+path, func(w http.ResponseWriter, r *http.Request) {
			b.calls.Add(1)
			c, err := b.verify(r)
			w.Header().Set("Content-Type", "application/json")
			if err != nil {
				b.fail(err)
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `{"error_class":"JWTVerificationError","error_message":%q}`, err)
				return
			}
			do(w, r, c)
		})
	}
	empty := func(w http.ResponseWriter, _ *http.Request, _ claims) { io.WriteString(w, `{}`) }
	start := func(w http.ResponseWriter, _ *http.Request, c claims) {
		io.WriteString(w, `{}`)
		go b.update(c)
	}
	on("POST /tokens", start)
	on("POST /payments", func(w http.ResponseWriter, r *http.Request, c claims) {
		if c.Data.BodyDigest != "" {
			long, err := b.body(r, c)
			if err != nil {
				b.fail(err)
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			c.Data.Payment = long.Data.Bulk
		}
		start(w, r, c)
	})
	on("PATCH /tokens/revoke", empty)
	on("POST /errors", func(_ http.ResponseWriter, _ *http.Request, c claims) {
		b.fail(fmt.Errorf("the hub could not use an answer: %s", c.raw))
	})
	on("GET /accounts", func(w http.ResponseWriter, r *http.Request, _ claims) {
		var i int
		if _, err := fmt.Sscanf(r.Header.Get("Access-Token"), "bank-%08d", &i); err != nil {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"error_class":"TokenNotFound","error_message":"token not found"}`)
			return
		}
		var body bytes.Buffer
		fmt.Fprintf(&body, `{"data":[{"id":%q,"iban":%q%s,{"id":%q,"iban":%q%s],"meta":{}}`, seed.Account(i), seed.IBAN(i), b.accounts[0],
			seed.Account(i)+seed.Savings, seed.SavingsIBAN(i), b.accounts[1])
		w.Write(body.Bytes())
	})
	on("GET /accounts/{account}/transactions", func(w http.ResponseWriter, r *http.Request, c claims) {
		if c.Data.AccountID != r.PathValue("account") || r.Header.Get("Access-Token") == "" {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error_class":"InvalidAttributeValue","error_message":"account"}`)
			return
		}
		if strings.HasSuffix(c.Data.AccountID, seed.Savings) {
			w.Write(b.long)
			return
		}
		w.Write(b.page)
	})
	on("POST /funds_confirmations", func(w http.ResponseWriter, _ *http.Request, _ claims) {
		io.WriteString(w, `{"data":{"funds_available":true}}`)
	})
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"calls":%d,"callbacks":%d,"failures":%d}`, b.calls.Load(), b.callbacks.Load(), b.failures.Load())
	})
	return mux
}

// claims is what this bank reads of a token.
type claims struct {
	Data struct {
		SessionSecret string          `json:"session_secret"`
		AccountID     string          `json:"account_id"`
		Payment       json.RawMessage `json:"payment"`
		Bulk          json.RawMessage `json:"bulk"`
		BodyDigest    string          `json:"body_digest"`
	} `json:"data"`
	Exp int64 `json:"exp"`
	raw []byte
}

func (b *bank) verify(r *http.Request) (c claims, err error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return b.token(token)
}

// body reads the token that a header announced.
func (b *bank) body(r *http.Request, head claims) (c claims, err error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 32<<20))
	if err != nil {
		return c, err
	}
	sum := sha256.Sum256(text)
	if base64.RawURLEncoding.EncodeToString(sum[:]) != head.Data.BodyDigest {
		return c, errors.New("another body than the one announced")
	}
	if c, err = b.token(string(text)); err != nil {
		return c, err
	}
	if c.Data.SessionSecret != head.Data.SessionSecret || c.Data.Bulk == nil {
		return c, errors.New("the body has no bulk, or another session's")
	}
	return c, nil
}

func (b *bank) token(token string) (c claims, err error) {
	end := strings.LastIndexByte(token, '.')
	begin := strings.IndexByte(token, '.')
	if begin < 0 || begin == end {
		return c, errors.New("no token")
	}
	header, err := base64.RawURLEncoding.DecodeString(token[:begin])
	if err != nil || !bytes.Contains(header, []byte(`"RS256"`)) {
		return c, errors.New("algorithm is not RS256")
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil {
		return c, err
	}
	digest := sha256.Sum256([]byte(token[:end]))
	if err := rsa.VerifyPKCS1v15(b.hubKey, crypto.SHA256, digest[:], signature); err != nil {
		return c, err
	}
	if c.raw, err = base64.RawURLEncoding.DecodeString(token[begin+1 : end]); err != nil {
		return c, err
	}
	if err := json.Unmarshal(c.raw, &c); err != nil {
		return c, err
	}
	if c.Exp < time.Now().Unix() {
		return c, errors.New("token has expired")
	}
	return c, nil
}

// update tells the hub where the PSU finds the page of the bank.
func (b *bank) update(c claims) {
	b.callbacks.Add(1)
	secret, status := c.Data.SessionSecret, "received"
	if c.Data.Payment != nil {
		status = "RCVD"
	}
	payload := fmt.Appendf(nil, `{"data":{"session_secret":%q,"status":%q,"redirect_url":"https://bank.bench.example/login/%s"},"exp":%d}`,
		secret, status, secret, time.Now().Add(time.Minute).Unix())
	token := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(token))
	signature, err := rsa.SignPKCS1v15(nil, b.key, crypto.SHA256, digest[:])
	if err != nil {
		b.fail(err)
		return
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPatch, b.hub+"/api/connectors/v2/sessions/"+secret+"/update", nil)
	if err != nil {
		b.fail(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+token+"."+base64.RawURLEncoding.EncodeToString(signature))
	r.Header.Set("App-Id", seed.AppID)
	r.Header.Set("App-Secret", seed.AppSecret)
	r.Header.Set("Accept", "application/json")
	answer, err := b.client.Do(r)
	if err != nil {
		b.fail(err)
		return
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
	if answer.StatusCode != http.StatusOK {
		b.fail(fmt.Errorf("the hub answered %d: %s", answer.StatusCode, body))
	}
}

// fail counts a failure and prints the first few: the benchmark is void then.
func (b *bank) fail(err error) {
	if b.failures.Add(1) <= 5 {
		log.Print("core: ", err)
	}
}

// accounts renders what does not depend on the customer.
func accounts() [2][]byte {
	const form = `,"name":"%s","currency":"EUR","cash_account_type":"%s","bic":"BENCSI22","product":"%s","owner_name":"Ana Novak","status":"enabled",` +
		`"balances":[{"type":"closingBooked","currency":"EUR","amount":"%s","reference_date":"2026-01-31"},{"type":"interimAvailable","currency":"EUR","amount":"%s"}],"extra":{}}`
	return [2][]byte{
		fmt.Appendf(nil, form, "Osebni račun", "CACC", "Current account", "2310.45", "2290.45"),
		fmt.Appendf(nil, form, "Varčevalni račun", "SVGS", "Savings account", "10500.00", "10500.00"),
	}
}

// entries renders n booked entries of the last fifty days, about 400 bytes each.
func entries(n int) []byte {
	body := []byte(`{"data":[`)
	today := time.Now().UTC()
	for i := range n {
		if i > 0 {
			body = append(body, ',')
		}
		day := today.AddDate(0, 0, -i*50/n).Format(time.DateOnly)
		body = fmt.Appendf(body, `{"id":"t%08d","amount":"-%d.%02d","currency":"EUR","status":"booked","booking_date":%q,"value_date":%q,"end_to_end_id":"E2E-%010d",`+
			`"creditor_details":{"name":"Trgovina Ljubljana %d d.o.o.","account":{"iban":%q,"currency":"EUR"}},`+
			`"remittance_information":{"unstructured":"Račun št. 2026-%05d, hvala za nakup"},`+
			`"extra":{"entry_reference":"R%08d","bank_transaction_code":"PMNT-ICDT-ESCT","category":"groceries"}}`,
			i, 10+i, i%100, day, day, i, i%7, seed.IBAN(2_000_000_000+i), i, i)
	}
	return append(body, `],"meta":{}}`...)
}

func keys(private, public string) (*rsa.PrivateKey, *rsa.PublicKey, error) {
	der, err := block(private)
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, nil, err
	}
	if der, err = block(public); err != nil {
		return nil, nil, err
	}
	hubKey, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, nil, err
	}
	own, ok := key.(*rsa.PrivateKey)
	hub, okHub := hubKey.(*rsa.PublicKey)
	if !ok || !okHub {
		return nil, nil, errors.New("both keys must be RSA")
	}
	return own, hub, nil
}

func block(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	b, _ := pem.Decode(data)
	if b == nil {
		return nil, fmt.Errorf("%s is no PEM file", file)
	}
	return b.Bytes, nil
}
