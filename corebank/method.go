package corebank

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"kontor/kit/sqldb"
)

// Kinds of methods, by Berlin Group's authenticationType where it has a word. It has none for
// apps whose codes come by the clock, nor for passkeys: those two words are ours.
const (
	kindSMS     = "SMS_OTP"
	kindTOTP    = "TOTP"
	kindPhoto   = "PHOTO_OTP"
	kindChip    = "CHIP_OTP"
	kindPush    = "PUSH_OTP"
	kindPasskey = "PASSKEY"
)

// Limits over all methods of a customer: RTS art. 4(3)(b) allows five wrong attempts in a row.
const (
	wrongAnswersMax = 5
	answersLockFor  = 30 * time.Minute
)

var (
	errMethod = errors.New("no such method")             // of this customer
	errNone   = errors.New("the customer has no method") // and can approve nothing
	errLocked = errors.New("the methods are locked")     // for a while, or until the bank unlocks them
)

// A method is one kind of strong customer authentication. It keeps nothing: what it needs to
// know is in the occasion, so that a challenge comes out the same however often it is shown,
// and everything that a customer approves is in what she answers.
type method interface {
	// challenge is what the customer, or her device, needs to answer.
	challenge(o occasion) challenge
	// check returns the code that answer amounts to; it is right when it is the challenge's. A
	// step says that neither it nor one before it can be used again.
	check(o occasion, answer string) (code string, step int64)
}

// methodOf returns the method of kind, or nil.
func (b *Bank) methodOf(kind string) method {
	switch kind {
	case kindSMS:
		return smsCode{}
	case kindTOTP:
		return clockCode{}
	case kindPhoto:
		return photoCode{&b.pictures}
	case kindChip:
		return chipCode{}
	case kindPush:
		return push{}
	case kindPasskey:
		return passkey{b.party, b.log}
	}
	return nil
}

// methodID is the ID of the one means of a kind that the bank itself gives a customer.
func methodID(kind string) string {
	return strings.ToLower(strings.TrimSuffix(kind, "_OTP"))
}

// A means is a method that a customer has.
type means struct {
	ID, Kind, Name string
	step           int64
	credential     string // of a passkey
	since          time.Time
}

// Called is the key of what the method is called.
func (m means) Called() string { return "method." + m.Kind }

// An occasion is one approval that is asked of one customer by one of her means.
type occasion struct {
	means means
	key   []byte // of the device that answers
	nonce string
	bound []byte // a hash over everything that is approved, and the nonce
	told  []line // what the customer is told of it
	now   time.Time
}

// A line of what a customer is told on a device: the key of its label, and its value.
type line struct {
	Label string `json:"l"`
	Value string `json:"v"`
}

// A challenge is what a method shows. Its fields are those of Berlin Group's challengeData.
type challenge struct {
	code string // that answers it; never shown. Empty: known only when the answer is there
	sent bool   // code goes to the customer's phone

	Passkey     string // what the browser asks the customer's passkey
	Image       []byte // PNG
	Data        string
	OTPLength   int    // at most
	OTPFormat   string // integer or characters; empty: nothing is typed
	Information string // key of the text that says what to do
}

// decimals makes a code of n digits of whatever parts say, by the device's key.
func decimals(key []byte, n int, parts ...string) string {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		binary.Write(h, binary.BigEndian, uint64(len(p)))
		h.Write([]byte(p))
	}
	mod := uint64(1)
	for range n {
		mod *= 10
	}
	// Sixty-four bits: the remainder favours no code by more than one in ten million millions.
	return fmt.Sprintf("%0*d", n, binary.BigEndian.Uint64(h.Sum(nil))%mod)
}

// An smsCode goes by text message, which says what it is for.
type smsCode struct{}

func (smsCode) challenge(o occasion) challenge {
	return challenge{code: decimals(o.key, codeWidth, "sms", string(o.bound)), sent: true,
		OTPLength: codeWidth, OTPFormat: "integer", Information: "code.text"}
}

func (smsCode) check(_ occasion, answer string) (string, int64) { return answer, 0 }

const selectMeans = `SELECT id, kind, name, step, credential, created_at FROM corebank_method WHERE bank = $1 AND customer = $2`

func scanMeans(row scanner) (m means, err error) {
	var since int64
	err = row.Scan(&m.ID, &m.Kind, &m.Name, &m.step, &m.credential, &since)
	m.since = time.UnixMicro(since)
	if errors.Is(err, sql.ErrNoRows) {
		err = errMethod
	}
	return m, err
}

// meansOf lists what a customer can approve with, what she is to be offered first first.
func (b *Bank) meansOf(ctx context.Context, customer string) ([]means, error) {
	rows, err := b.db.Query(ctx, selectMeans+` ORDER BY position, created_at, id`, b.code, customer)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []means
	for rows.Next() {
		m, err := scanMeans(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// means reads one of a customer's means; the first where id is empty.
func (b *Bank) means(tx source, customer, id string) (means, error) {
	if id != "" && !isPlain(id) {
		return means{}, errMethod
	}
	m, err := scanMeans(tx.QueryRow(selectMeans+` AND (id = $3 OR $3 = '') ORDER BY position, created_at, id LIMIT 1`, b.code, customer, id))
	if errors.Is(err, errMethod) && id == "" {
		err = errNone
	}
	return m, err
}

// occasion puts together what m has to answer for j.
func (b *Bank) occasion(j journey, m means, nonce string, approves approval, language string) occasion {
	return occasion{
		means: m, nonce: nonce, now: b.now(), key: b.deviceKey(j.Customer, m.ID),
		bound: b.digest("challenge "+nonce+" "+m.ID, j, approves.linked), told: b.told(language, j, approves),
	}
}

// seal is what is kept of the code of a challenge.
func (b *Bank) seal(j journey, m means, nonce, code string, approves approval) []byte {
	return b.digest(strings.Join([]string{code, m.ID, nonce}, " "), j, approves.linked)
}

// deviceKey is the secret that a customer's device shares with the bank.
func (b *Bank) deviceKey(customer, id string) []byte { return b.mac("device", customer, id) }

// told says what a customer approves on j, in a few lines that fit on a small screen. All
// else that the code is tied to is on the bank's page.
func (b *Bank) told(lang string, j journey, a approval) []line {
	t := b.textsTo(lang)
	what := line{"told.what", t.Text("told." + j.Kind)}
	by := line{"told.by", j.AppName}
	p := a.payment
	switch {
	case j.Kind == kindBasket:
		paid := 0
		for _, m := range a.members {
			if m.Kind == kindPayment {
				paid++
			}
		}
		all := []line{what}
		if paid > 0 {
			all = append(all, line{"payment.count", fmt.Sprint(paid)}, line{"payment.sum", strings.Join(sumsOf(t, a.members), ", ")})
		}
		if n := len(a.members) - paid; n > 0 {
			all = append(all, line{"basket.accesses", fmt.Sprint(n)})
		}
		return append(all, by)
	case j.payment() == "":
		return []line{what, by}
	case p.Service == serviceBulk:
		return []line{what, {"payment.count", fmt.Sprint(p.Items)}, {"payment.sum", amountIn(t, p.Amount)}, by}
	}
	return []line{what, {"payment.amount", amountIn(t, p.Amount)}, {"payment.payee", p.CreditorName}, {"payment.iban", spaced(p.payee())}, by}
}

// count counts an attempt of a customer before it is looked at, so that many at once get no
// more than five together. The fifth closes the door at once; the right answer opens it again.
// Behind a lock that is over, counting begins anew.
func (b *Bank) count(tx *sqldb.Tx, customer string) (last bool, err error) {
	now := b.now().UnixMicro()
	n, err := tx.Exec(`UPDATE corebank_customer SET
			sca_locked_until = CASE WHEN sca_wrong + 1 = $1 THEN CAST($2 AS BIGINT) ELSE 0 END,
			sca_wrong = CASE WHEN sca_wrong >= $1 THEN 1 ELSE sca_wrong + 1 END
		WHERE bank = $3 AND id = $4 AND sca_locked_until <= $5`,
		wrongAnswersMax, now+answersLockFor.Microseconds(), b.code, customer, now)
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, errLocked
	}
	var wrong int
	err = tx.QueryRow(`SELECT sca_wrong FROM corebank_customer WHERE bank = $1 AND id = $2`, b.code, customer).Scan(&wrong)
	return wrong == wrongAnswersMax, err
}

// locked returns errLocked while a customer's methods are locked.
func (b *Bank) locked(tx source, customer string) error {
	var until int64
	if err := tx.QueryRow(`SELECT sca_locked_until FROM corebank_customer WHERE bank = $1 AND id = $2`, b.code, customer).Scan(&until); err != nil {
		return err
	}
	if until > b.now().UnixMicro() {
		return errLocked
	}
	return nil
}

// ErrCustomer: no customer has this log-in.
var ErrCustomer = errors.New("no customer has this log-in")

// Unlock opens a customer's log-in and methods again before their time: the bank's staff does
// so when it knows who asks.
func (b *Bank) Unlock(ctx context.Context, login string) error {
	n, err := b.db.Exec(ctx, `UPDATE corebank_customer SET wrong = 0, locked_until = 0, sca_wrong = 0, sca_locked_until = 0 WHERE bank = $1 AND login = $2`, b.code, login)
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: %s", ErrCustomer, login)
	}
	if err == nil {
		b.log.Info("a customer was unlocked by the bank's staff")
	}
	return err
}
