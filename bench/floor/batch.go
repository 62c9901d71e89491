package main

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kontor/bench/floor/store"
	"kontor/bench/seed"
)

const (
	documentMax = 16 << 20
	batchMax    = 10_000
)

// batchItem is one payment of a batch as the bank gets it.
type batchItem struct {
	EndToEnd   string    `json:"end_to_end_identification"`
	Name       string    `json:"creditor_name"`
	Creditor   reference `json:"creditor_account"`
	Agent      string    `json:"creditor_agent,omitempty"`
	Amount     amount    `json:"instructed_amount"`
	Remittance string    `json:"remittance_information_unstructured,omitempty"`
}

type batchOrder struct {
	Debtor reference   `json:"debtor_account"`
	Name   string      `json:"debtor_name"`
	Date   string      `json:"requested_execution_date"`
	Items  []batchItem `json:"payments"`
}

// readBatch takes of a pain.001 what it needs, by the standard library's reader of XML. It
// checks what would move money wrongly: IBANs, amounts, the number and the sum of payments.
func readBatch(document []byte) (o batchOrder, ok bool) {
	d := xml.NewDecoder(bytes.NewReader(document))
	var path []string
	var text, count, control string
	var item batchItem
	sum := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return o, false
		}
		switch t := token.(type) {
		case xml.StartElement:
			path, text = append(path, t.Name.Local), ""
			switch t.Name.Local {
			case "CdtTrfTxInf":
				item = batchItem{}
			case "InstdAmt":
				for _, a := range t.Attr {
					if a.Name.Local == "Ccy" {
						item.Amount.Currency = a.Value
					}
				}
			}
		case xml.CharData:
			text += string(t)
		case xml.EndElement:
			name := t.Name.Local
			inside := func(what string) bool {
				return len(path) > 2 && (path[len(path)-2] == what || path[len(path)-3] == what)
			}
			switch {
			case name == "NbOfTxs" && inside("PmtInf"):
				count = text
			case name == "CtrlSum" && inside("PmtInf"):
				control = text
			case name == "ReqdExctnDt":
				o.Date = text
			case name == "Nm" && inside("Dbtr"):
				o.Name = text
			case name == "IBAN" && inside("DbtrAcct"):
				o.Debtor.IBAN = text
			case name == "EndToEndId":
				item.EndToEnd = text
			case name == "InstdAmt":
				item.Amount.Amount = text
			case name == "BIC" && inside("CdtrAgt"):
				item.Agent = text
			case name == "Nm" && inside("Cdtr"):
				item.Name = text
			case name == "IBAN" && inside("CdtrAcct"):
				item.Creditor.IBAN = text
			case name == "Ustrd":
				item.Remittance = text
			case name == "CdtTrfTxInf":
				cents, good := minor(item.Amount.Amount)
				if !good || cents == 0 || item.Amount.Currency != "EUR" || !isIBAN(item.Creditor.IBAN) || item.Name == "" || len(item.Name) > 70 || len(item.Remittance) > 140 || len(o.Items) == batchMax {
					return o, false
				}
				sum += cents
				o.Items = append(o.Items, item)
			}
			path, text = path[:len(path)-1], ""
		}
	}
	total, good := minor(control)
	n, err := strconv.Atoi(count)
	_, day := time.Parse(time.DateOnly, o.Date)
	return o, good && err == nil && day == nil && n == len(o.Items) && total == sum && n > 0 && isIBAN(o.Debtor.IBAN)
}

// minor reads an amount as cents.
func minor(s string) (int, bool) {
	if !amountForm.MatchString(s) {
		return 0, false
	}
	whole, cents, _ := strings.Cut(s, ".")
	n, err := strconv.Atoi(whole + (cents + "00")[:2])
	return n, err == nil
}

func (f *floor) createBatch(w http.ResponseWriter, r *http.Request, t *tpp, now time.Time) error {
	document, err := io.ReadAll(http.MaxBytesReader(w, r.Body, documentMax))
	if err != nil || r.Header.Get("PSU-IP-Address") == "" || r.Header.Get("TPP-Redirect-URI") == "" {
		return refusal{400, "FORMAT_ERROR"}
	}
	order, ok := readBatch(document)
	if !ok {
		return refusal{400, "FORMAT_ERROR"}
	}
	bulk, err := json.Marshal(order)
	if err != nil {
		return err
	}
	id, session, request := uuid(), "p"+random(), r.Header.Get("X-Request-ID")
	wait := make(chan string, 1)
	f.waiting.Store(session, wait)
	defer f.waiting.Delete(session)
	if err := f.db.Write(
		store.Statement{Query: insertPayment, Args: []any{id, t.id, request, document, session, now.Add(5 * time.Minute).UnixMicro()}},
		store.Statement{Query: insertAudit, Args: []any{now.UnixMicro(), t.id, "payment.create", id, request}},
	); err != nil {
		return err
	}
	if err := f.sendBatch(session, r.Header.Get("PSU-IP-Address"), bulk, now); err != nil {
		return err
	}
	timeout := time.NewTimer(10 * patient)
	defer timeout.Stop()
	var page string
	select {
	case page = <-wait:
	case <-timeout.C:
		return errBank
	}
	self := "/v1/bulk-payments/pain.001-sepa-credit-transfers/" + id
	w.Header().Set("Location", self)
	w.Header().Set("ASPSP-SCA-Approach", "REDIRECT")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"transactionStatus":"RCVD","paymentId":%q,"_links":{"scaRedirect":{"href":%q},"self":{"href":%q},"status":{"href":"%s/status"}}}`, id, page, self, self)
	return nil
}

// sendBatch hands a batch to the bank: it is too long for a header, so it is a signed body,
// and the header says which one.
func (f *floor) sendBatch(session, ip string, bulk []byte, now time.Time) error {
	body := make([]byte, 0, len(bulk)*4/3+2048)
	body = append(body, jose...)
	claims := fmt.Appendf(make([]byte, 0, len(bulk)+1024), `{"data":{"session_secret":%q,"provider_code":%q,"app_name":%q,"redirect_url":"https://hub.bench.example/return/%s",`+
		`"payment_product":"sepa-credit-transfers","psu_ip_address":%q,"payment_identification":1,"payment_service":"bulk-payments","bulk":`,
		session, seed.Provider, seed.TPPName, session, ip)
	claims = append(claims, bulk...)
	claims = fmt.Appendf(claims, `},"iss":"priora.saltedge.com","exp":%d}`, now.Add(5*time.Minute).Unix())
	body = base64.RawURLEncoding.AppendEncode(body, claims)
	sum := sha256.Sum256(body)
	signature, err := rsa.SignPKCS1v15(nil, f.key, crypto.SHA256, sum[:])
	if err != nil {
		return err
	}
	body = append(body, '.')
	body = base64.RawURLEncoding.AppendEncode(body, signature)
	digest := sha256.Sum256(body)
	answer, err := f.sent(http.MethodPost, "/payments", "", "", fmt.Appendf(nil, `{"session_secret":%q,"provider_code":%q,"body_digest":%q}`,
		session, seed.Provider, base64.RawURLEncoding.EncodeToString(digest[:])), body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, bodyMax))
	return err
}
