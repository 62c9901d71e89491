package client

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"unicode"
	"unicode/utf8"

	"kontor/bank/core"
	"kontor/connector/wire"
)

// payeeNameMax is how long the name on an account may be, in characters.
const payeeNameMax = 140

// VerifyPayees is POST /payees/verify, for connectors that declare it.
func (c *Client) VerifyPayees(ctx context.Context, q core.PayeeQuery) ([]core.PayeeResult, error) {
	if !c.can("payee_verification") {
		return nil, core.ErrNotOffered
	}
	ctx, cancel := context.WithTimeout(ctx, c.c.ReadTimeout)
	defer cancel()
	if len(q.Payees) > 1 {
		leave, ok := c.enterBulk(ctx)
		if !ok {
			return nil, core.ErrUnavailable
		}
		defer leave()
	}
	session := rand.Text()
	data := wire.PayeesVerify{SessionSecret: wire.String(session), ProviderCode: wire.String(c.c.BankCode), Payees: make([]wire.Payee, len(q.Payees))}
	for i, p := range q.Payees {
		to := account(p.Account)
		to.BIC = wire.String(p.Agent)
		data.Payees[i] = wire.Payee{ID: wire.String(strconv.Itoa(i)), Name: wire.String(p.Name), Account: to}
	}
	r := request{method: http.MethodPost, path: wire.PathPayeesVerify, tpp: q.TPP, session: session, data: data, bulk: true, retry: c.c.ReadBackoff}
	answer, err := c.send(ctx, r)
	defer answer.release()
	if err != nil {
		return nil, err
	}
	told, err := list[wire.PayeeAnswer](answer.body())
	if err != nil {
		return nil, c.malformed(r, err.Error())
	}
	results, err := payeeResults(told, len(q.Payees))
	if err != nil {
		return nil, c.malformed(r, err.Error())
	}
	return results, nil
}

var errPayee = errors.New("id is that of no payee, or stands there twice")

// payeeResults puts what was told of n payees into their order. What was not told, or in a
// word that nobody knows, is not available; what is told of somebody else makes all of it
// worthless, for then nothing says who is meant.
func payeeResults(told []wire.PayeeAnswer, n int) ([]core.PayeeResult, error) {
	all := make([]core.PayeeResult, n)
	for _, a := range told {
		i, err := strconv.Atoi(string(a.ID))
		if err != nil || i < 0 || i >= n || strconv.Itoa(i) != string(a.ID) || all[i].Match != "" {
			return nil, errPayee
		}
		all[i] = payeeResult(a.PayeeVerification)
	}
	for i := range all {
		if all[i].Match == "" {
			all[i].Match = core.PayeeUnavailable
		}
	}
	return all, nil
}

func payeeResult(v wire.PayeeVerification) core.PayeeResult {
	switch v.Match {
	case wire.PayeeMatch:
		return core.PayeeResult{Match: core.PayeeMatches}
	case wire.PayeeClose:
		name := string(v.Name)
		for _, r := range name {
			if !unicode.IsPrint(r) {
				name = ""
				break
			}
		}
		if utf8.RuneCountInString(name) > payeeNameMax {
			name = ""
		}
		return core.PayeeResult{Match: core.PayeeClose, Name: name}
	case wire.PayeeNone: // whatever name stands there, it is none of the payer's business
		return core.PayeeResult{Match: core.PayeeDiffers}
	}
	return core.PayeeResult{Match: core.PayeeUnavailable}
}

// verification is what was verified, for the bank that is handed the payment.
func verification(r core.PayeeResult) *wire.PayeeVerification {
	if r.Match == "" {
		return nil
	}
	return &wire.PayeeVerification{Match: wire.String(r.Match), Name: wire.String(r.Name)}
}
