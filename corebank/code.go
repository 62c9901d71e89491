package corebank

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/i18n"
	"kontor/kit/sqldb"
)

// Limits of a one-time code.
const (
	codeFor   = 5 * time.Minute
	triesMax  = 3 // over all codes of one journey
	codesMax  = 3 // that one journey may send
	codeWidth = 6
)

// What can come of a code, besides success.
var (
	errCodeWrong   = errors.New("the code is wrong")
	errCodeOver    = errors.New("the code is no longer valid")
	errCodeBlocked = errors.New("too many wrong codes")
	errCodesSent   = errors.New("no more codes are sent for this")
)

// digest seals code together with everything it approves (RTS art. 5): it is recomputed
// from the stored payment or request when the code comes back, so a code is worthless for
// any other amount, payee, account or session. linked is what Bank.linked says of a payment, and
// Bank.linkedBasket of several; of all else it is empty.
func (b *Bank) digest(code string, j journey, linked []string) []byte {
	if len(linked) > 0 {
		return b.mac(append([]string{j.Kind + " code", code, j.ID, j.Session, j.Customer, j.AppName}, linked...)...)
	}
	asked, err := json.Marshal(j.Request)
	if err != nil {
		panic("corebank: a request that was read from JSON cannot be written: " + err.Error())
	}
	return b.mac("access code", code, j.ID, j.Session, j.Customer, j.AppName, choices(j.Choice), string(asked))
}

// linked lists what the approval of p is tied to: amount, currency and payee, and all else
// that says what leaves the account and when. Of a bulk it is a hash over every payment.
func (b *Bank) linked(tx source, p payment) ([]string, error) {
	debtor := account{}
	if err := tx.QueryRow(`SELECT currency FROM corebank_account WHERE bank = $1 AND id = $2 LIMIT 1`, b.code, p.Debtor).Scan(&debtor.Currency); err != nil {
		return nil, err
	}
	debit, fee := b.cost(p, debtor.Currency)
	planned, err := json.Marshal(p.Plan)
	if err != nil {
		return nil, err
	}
	all := []string{
		p.ID, p.Service, p.Product, strconv.FormatInt(p.Amount.Minor, 10), p.Amount.Currency, p.CreditorIBAN, p.Words.Account, p.Words.Agent, p.CreditorName,
		p.Debtor, strconv.FormatInt(debit.Minor, 10), strconv.FormatInt(fee.Minor, 10), p.ExecuteOn, string(planned),
	}
	if p.Service == serviceBulk {
		digest, err := b.batchDigest(within(tx), p.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, strconv.Itoa(p.Items), digest)
	}
	return all, nil
}

// An approval is what a code is for: a payment, the members of a basket, or neither.
type approval struct {
	payment payment
	members []member
	linked  []string
}

// approvalOf reads what the code of j approves, as it stands now.
func (b *Bank) approvalOf(tx source, j journey) (a approval, err error) {
	switch id := j.payment(); {
	case j.Kind == kindBasket:
		if a.members, err = b.members(within(tx), j.ID); err == nil {
			a.linked, err = b.linkedBasket(tx, a.members)
		}
	case id != "":
		if a.payment, err = scanPayment(tx.QueryRow(selectPayment, b.code, id)); err == nil {
			a.linked, err = b.linked(tx, a.payment)
		}
	}
	return a, err
}

// sendCode takes down the customer's choice and asks her to approve exactly that, by one of
// her methods: the first where methodID is empty. errMethod, errNone and errLocked say that
// nothing was asked, errCodesSent that nothing more is.
func (b *Bank) sendCode(ctx context.Context, j journey, c customer, methodID string) error {
	nonce := rand.Text()
	return b.db.Write(ctx, func(tx *sqldb.Tx) error {
		m, err := b.means(tx, c.ID, methodID)
		if err != nil {
			return err
		}
		if err := b.locked(tx, c.ID); err != nil {
			return err
		}
		if err := b.move(tx, j, stateCode, stateOpen, stateCode); err != nil {
			return err
		}
		for _, m := range append(j.members, j) {
			if m.ID != j.ID {
				if err := b.move(tx, m, stateCode, stateOpen, stateCode); err != nil {
					return err
				}
			}
			if m.Kind == kindPayment {
				if _, err := tx.Exec(`UPDATE corebank_payment SET debtor = $1 WHERE bank = $2 AND id = $3 AND state = 'received'`, m.Choice[0].account, b.code, m.ID); err != nil {
					return err
				}
			}
		}
		approves, err := b.approvalOf(tx, j)
		if err != nil {
			return err
		}
		asked := b.methodOf(m.Kind).challenge(b.occasion(j, m, nonce, approves, c.Language))
		n, err := tx.Exec(`INSERT INTO corebank_code (bank, journey, digest, tries, sent, expires_at, used, method, nonce) VALUES ($1, $2, $3, 0, 1, $4, 0, $7, $8)
			ON CONFLICT (bank, journey) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at, used = 0, sent = corebank_code.sent + 1,
				method = excluded.method, nonce = excluded.nonce
			WHERE corebank_code.sent < $5 AND corebank_code.tries < $6`,
			b.code, j.ID, b.seal(j, m, nonce, asked.code, approves), b.now().Add(codeFor).UnixMicro(), codesMax, triesMax, m.ID, nonce)
		if err != nil {
			return err
		}
		if n == 0 {
			return errCodesSent
		}
		if asked.sent {
			return b.text(tx, j, c, approves, asked.code)
		}
		return nil
	})
}

// text sends a code to the customer's phone, with what it is for.
func (b *Bank) text(tx *sqldb.Tx, j journey, c customer, approves approval, code string) error {
	t := b.textsTo(c.Language)
	text := t.Fill("sms.access", b.name, j.AppName, code)
	switch j.Kind {
	case kindAllow:
		text = t.Fill("sms.allow", b.name, j.AppName, code)
	case kindChange:
		text = t.Fill("sms.change", b.name, j.AppName, code)
	case kindEnrol:
		text = t.Fill("sms.enrol", b.name, j.AppName, code)
	}
	if len(approves.linked) > 0 {
		text = b.codeText(t, j, approves, code)
	}
	// Two messages never have the same time, so that the newest is always on top.
	var last int64
	if err := tx.QueryRow(`SELECT COALESCE(MAX(at), 0) FROM corebank_message WHERE bank = $1`, b.code).Scan(&last); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO corebank_message (bank, id, at, login, phone, journey, code, text) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		b.code, rand.Text(), max(b.now().UnixMicro(), last+1), c.Login, c.Phone, j.ID, code, text)
	return err
}

// asked is what a customer is asked on j just now, however often it is looked at. errCodeOver
// says that there is nothing to answer any more.
func (b *Bank) asked(ctx context.Context, j journey, language string) (m means, c challenge, o occasion, err error) {
	tx := outside{ctx, b.db}
	var methodID, nonce string
	var until int64
	var used int
	err = tx.QueryRow(`SELECT method, nonce, expires_at, used FROM corebank_code WHERE bank = $1 AND journey = $2`, b.code, j.ID).Scan(&methodID, &nonce, &until, &used)
	if err == nil {
		m, err = b.means(tx, j.Customer, methodID)
	}
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, errMethod) || err == nil && (used == 1 || until <= b.now().UnixMicro()) {
		err = errCodeOver
	}
	if err != nil {
		return m, c, o, err
	}
	approves, err := b.approvalOf(tx, j)
	if err != nil {
		return m, c, o, err
	}
	o = b.occasion(j, m, nonce, approves, language)
	return m, b.methodOf(m.Kind).challenge(o), o, nil
}

// confirm takes the answer to what was asked. The try is counted before the answer is looked
// at, for the journey and for the customer; the third wrong one ends the journey, and the
// fifth in a row over all journeys locks the customer's methods. With the right one, what it
// approves happens in the same transaction.
func (b *Bank) confirm(ctx context.Context, j journey, answer string) error {
	var reports reports
	var outcome error // of a try that is to be stored although it failed
	var approved *payment
	err := b.db.Write(ctx, func(tx *sqldb.Tx) error {
		reports, outcome, approved = nil, nil, nil
		counted, err := tx.Exec(`UPDATE corebank_code SET tries = tries + 1
			WHERE bank = $1 AND journey = $2 AND used = 0 AND tries < $3 AND expires_at > $4`, b.code, j.ID, triesMax, b.now().UnixMicro())
		if err != nil {
			return err
		}
		if counted == 0 {
			outcome = errCodeOver
			return nil
		}
		if j, err = scanJourney(tx.QueryRow(selectJourney+`id = $2`, b.code, j.ID)); err != nil {
			return err
		}
		if j.State != stateCode {
			return errJourney
		}
		last, err := b.count(tx, j.Customer)
		if err != nil {
			return err
		}
		var digest []byte
		var tries int
		var methodID, nonce string
		if err := tx.QueryRow(`SELECT digest, tries, method, nonce FROM corebank_code WHERE bank = $1 AND journey = $2`, b.code, j.ID).Scan(&digest, &tries, &methodID, &nonce); err != nil {
			return err
		}
		m, err := b.means(tx, j.Customer, methodID)
		if errors.Is(err, errMethod) { // taken away meanwhile
			outcome = errCodeOver
			return nil
		}
		if err != nil {
			return err
		}
		approves, err := b.approvalOf(tx, j)
		if err != nil {
			return err
		}
		code, step := b.methodOf(m.Kind).check(b.occasion(j, m, nonce, approves, "en"), answer)
		if !hmac.Equal(digest, b.seal(j, m, nonce, code, approves)) {
			outcome = errCodeWrong
			if tries < triesMax && !last {
				return nil
			}
			outcome = errCodeBlocked
			return b.endIn(tx, &reports, j, stateFailed, "AccessDenied", "The PSU could not be authenticated.", nil)
		}
		if _, err := tx.Exec(`UPDATE corebank_code SET used = 1 WHERE bank = $1 AND journey = $2`, b.code, j.ID); err != nil {
			return err
		}
		if step > 0 {
			if _, err := tx.Exec(`UPDATE corebank_method SET step = $1 WHERE bank = $2 AND customer = $3 AND id = $4`, step, b.code, j.Customer, m.ID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`UPDATE corebank_customer SET sca_wrong = 0, sca_locked_until = 0 WHERE bank = $1 AND id = $2`, b.code, j.Customer); err != nil {
			return err
		}
		if j.holds() {
			return b.hold(tx, &reports, j)
		}
		approved = &approves.payment
		return b.complete(tx, &reports, j, approves.payment, stateCode)
	})
	if errors.Is(err, ledger.ErrFunds) {
		// Nothing of the above was stored. Spent in the meantime: the payment is rejected.
		return errors.Join(b.end(ctx, j, stateFailed, classFunds, textFunds, new(false)), ledger.ErrFunds)
	}
	if err == nil {
		b.send(ctx, reports)
		b.afterwards(ctx, j, approved)
		err = outcome
	}
	return err
}

// afterwards does at once what else follows from an approval that is stored.
func (b *Bank) afterwards(ctx context.Context, j journey, approved *payment) {
	switch {
	case approved == nil:
	case j.Kind == kindPayment:
		b.goOn(ctx, *approved)
	case j.Kind == kindBasket:
		if err := b.doApproved(context.WithoutCancel(ctx), j.ID); err != nil { // the customer may close the browser
			b.log.Error("a basket was not done at once; the worker goes on with it", "error", err)
		}
	}
}

// complete does what the customer approved by SCA, when j was in the state from.
func (b *Bank) complete(tx *sqldb.Tx, out *reports, j journey, p payment, from string) error {
	// The limits of payments without SCA begin anew (RTS art. 16).
	if _, err := tx.Exec(`UPDATE corebank_customer SET exempt_count = 0, exempt_minor = 0, sca_at = $3 WHERE bank = $1 AND id = $2`, b.code, j.Customer, b.now().UnixMicro()); err != nil {
		return err
	}
	if j.Kind == kindChange {
		chosen, err := b.chosen(tx, j)
		if err != nil {
			return err
		}
		return b.change(tx, out, j, chosen)
	}
	first, over, err := b.sign(tx, out, j, from)
	if over || err != nil {
		return err
	}
	if first.last == nil {
		if err := b.move(tx, j, stateDone, from); err != nil {
			return err
		}
	}
	switch j = first; j.Kind {
	case kindPayment:
		return b.execute(tx, out, j, p, "finalised")
	case kindCancel:
		return b.cancelPayment(tx, out, j, p, "finalised")
	case kindBasket:
		return b.approveMembers(tx, out, j)
	case kindAllow:
		return b.allowFunds(tx, j)
	case kindEnrol:
		return nil // her browser makes the passkey next
	}
	return b.grantAccess(tx, out, j)
}

// grantAccess gives what the customer chose of what was asked, and tells the hub the token.
func (b *Bank) grantAccess(tx *sqldb.Tx, out *reports, j journey) error {
	chosen, err := b.chosen(tx, j)
	if err != nil {
		return err
	}
	a := access{Service: serviceAccounts, Customer: j.Customer, AppName: j.AppName, ValidUntil: j.Request.ValidUntil}
	last := j.end()
	event := wire.Event{SessionSecret: wire.String(last.Session), UserID: wire.String(last.Customer)}
	if j.Kind == kindFunds {
		a.Service = serviceFunds
		a.Granted = grant{Named: j.Request.Account, Accounts: []grantedAccount{{ID: chosen[0].ID}}}
	} else {
		a.Granted, event.Consent = j.grants(chosen)
		a.Asked = j.Request.Access
		if j.Request.List != "" { // nor can she make it more later
			a.Granted, a.Asked = listOnly(j.Request.List, chosen), nil
		}
		event.Exemption = wire.String(j.Request.Exemption)
		if err := b.makeCopy(tx, j.Customer); err != nil {
			return err
		}
	}
	id, err := b.addAccess(tx, a)
	if err != nil {
		return err
	}
	return b.report(tx, out, report{stream: last.Session, verb: verbSuccess, event: event, access: id})
}

// chosen reads the accounts that the customer chose, all of them the customer's own.
func (b *Bank) chosen(tx *sqldb.Tx, j journey) ([]account, error) {
	var all []account
	for _, c := range j.Choice {
		a := account{}
		a.ID, a.Customer = c.account, j.Customer
		if err := tx.QueryRow(`SELECT iban, currency, type, product, pan FROM corebank_account WHERE bank = $1 AND customer = $2 AND id = $3`, b.code, j.Customer, c.account).
			Scan(&a.IBAN, &a.Currency, &a.Type, &a.Product, &a.PAN); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// codeText is the text message to a payment's code: it names what the code approves.
func (b *Bank) codeText(t i18n.Texts, j journey, approves approval, code string) string {
	p := approves.payment
	if j.Kind == kindBasket {
		n := 0
		for _, m := range approves.members {
			if m.Kind == kindPayment {
				n++
			}
		}
		accesses := t.Fill("count.accesses", len(approves.members)-n)
		switch sum := strings.Join(sumsOf(t, approves.members), ", "); {
		case n == 0:
			return t.Fill("sms.basketAccess", b.name, j.AppName, accesses, code)
		case n == len(approves.members):
			return t.Fill("sms.basketPayments", b.name, j.AppName, t.Fill("count.payments", n), sum, code)
		default:
			return t.Fill("sms.basket", b.name, j.AppName, t.Fill("count.payments", n), sum, accesses, code)
		}
	}
	amount := amountIn(t, p.Amount)
	switch {
	case j.Kind == kindCancel && p.Service == serviceBulk:
		return t.Fill("sms.cancelBulk", b.name, t.Fill("count.payments", p.Items), amount, code)
	case j.Kind == kindCancel:
		return t.Fill("sms.cancel", b.name, amount, p.CreditorName, p.payee(), code)
	case p.Service == serviceBulk:
		return t.Fill("sms.bulk", b.name, t.Fill("count.payments", p.Items), amount, code)
	case p.Service == servicePeriodic:
		return t.Fill("sms.plan", b.name, amount, p.CreditorName, p.payee(), t.Day(p.Plan.Start.Start(time.UTC)), code)
	}
	return t.Fill("sms.payment", b.name, amount, p.CreditorName, p.payee(), code)
}

// payee is the account that is paid, as it was given.
func (t transfer) payee() string {
	if t.CreditorIBAN == "" {
		return t.Words.Account
	}
	return t.CreditorIBAN
}

// allow ends a log-in journey well: the hub learns who the customer is.
func (b *Bank) allow(ctx context.Context, j journey) error {
	var reports reports
	err := b.db.Write(ctx, func(tx *sqldb.Tx) error {
		reports = nil
		if err := b.move(tx, j, stateDone, stateOpen); err != nil {
			return err
		}
		return b.report(tx, &reports, report{stream: j.Session, verb: verbSuccess,
			event: wire.Event{SessionSecret: wire.String(j.Session), UserID: wire.String(j.Customer)}})
	})
	if err == nil {
		b.send(ctx, reports)
	}
	return err
}
