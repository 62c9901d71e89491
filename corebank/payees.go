package corebank

import (
	"context"
	"errors"
	"slices"
	"strings"

	"kontor/connector/wire"
	"kontor/corebank/payee"
)

// payeesMax bounds how many payees are asked about at once: a bulk has no more.
const payeesMax = bulkMax

// VerifyPayees compares names with those of the holders of accounts here, and at the banks
// that this one is joined with. Accounts of others, and those that there are not, cannot be
// told of; nor is that told apart.
func (c connector) VerifyPayees(ctx context.Context, q wire.PayeesVerify) ([]wire.PayeeAnswer, error) {
	answers := make([]wire.PayeeAnswer, 0, len(q.Payees))
	at := map[*Bank][]string{}
	for _, p := range q.Payees[:min(len(q.Payees), payeesMax)] {
		iban := plainIBAN(p.Account.IBAN)
		if iban == "" { // cards have none, either
			continue
		}
		at[c.Bank] = append(at[c.Bank], iban)
		for _, other := range c.joined {
			if other.code == c.peerOf(iban) {
				at[other] = append(at[other], iban)
			}
		}
	}
	holders := map[string][]string{}
	for b, ibans := range at {
		if err := b.holders(ctx, ibans, holders); err != nil {
			return nil, err
		}
	}
	for _, p := range q.Payees {
		answers = append(answers, wire.PayeeAnswer{ID: p.ID, PayeeVerification: verified(string(p.Name), holders[plainIBAN(p.Account.IBAN)])})
	}
	return answers, nil
}

// verified compares a name with those of the holders of an account.
func verified(name string, holders []string) wire.PayeeVerification {
	if len(holders) == 0 {
		return wire.PayeeVerification{Match: wire.PayeeUnavailable}
	}
	switch match, meant := payee.Compare(name, holders); match {
	case payee.Full:
		return wire.PayeeVerification{Match: wire.PayeeMatch}
	case payee.Close:
		return wire.PayeeVerification{Match: wire.PayeeClose, Name: wire.String(meant)}
	}
	return wire.PayeeVerification{Match: wire.PayeeNone}
}

// holders adds to found who holds the accounts with these IBANs, unless they are closed.
func (b *Bank) holders(ctx context.Context, ibans []string, found map[string][]string) error {
	slices.Sort(ibans)
	for some := range slices.Chunk(slices.Compact(ibans), keptAtOnce) {
		args := []any{b.code, typeClosed}
		for _, iban := range some {
			args = append(args, iban)
		}
		for len(some) > 1 && len(args) < keptAtOnce+2 { // few different statements
			args = append(args, some[0])
		}
		rows, err := b.db.Query(ctx, `SELECT a.iban, a.owners, c.name FROM corebank_account a
			JOIN corebank_customer c ON c.bank = a.bank AND c.id = a.customer
			WHERE a.bank = $1 AND a.type <> $2 AND a.iban IN ($3`+placeholders(4, len(args))+`) ORDER BY a.iban, a.customer, a.position`, args...)
		if err != nil {
			return err
		}
		for rows.Next() {
			var a account
			if err := rows.Scan(&a.IBAN, &a.Owners, &a.Owner); err != nil {
				rows.Close()
				return err
			}
			for _, name := range a.owners() {
				if !slices.Contains(found[a.IBAN], name) {
					found[a.IBAN] = append(found[a.IBAN], name)
				}
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}

// payeeNameMax bounds a name that the customer is shown, in bytes.
const payeeNameMax = 560

// readVerification takes what this bank has answered about a payee, as the hub hands it back.
// Anything else says nothing.
func readVerification(v *wire.PayeeVerification) *wire.PayeeVerification {
	if v == nil {
		return nil
	}
	read := wire.PayeeVerification{Match: v.Match}
	switch v.Match {
	case wire.PayeeMatch, wire.PayeeNone, wire.PayeeUnavailable:
	case wire.PayeeClose:
		if name := strings.TrimSpace(string(v.Name)); isPlain(name) && len(name) <= payeeNameMax {
			read.Name = wire.String(name)
		}
	default:
		return nil
	}
	return &read
}

// differs says whether the customer has to be told before she approves t: then no exemption
// lets it go without her.
func (t transfer) differs() bool {
	return t.Words.Verified != nil && t.Words.Verified.Match != wire.PayeeMatch
}

// A payeeView says what was found out about a payee.
type payeeView struct {
	Key  string // of the text
	Name string // on the account, on a close match
	Warn bool
}

func (t transfer) viewPayee() *payeeView {
	v := t.Words.Verified
	if v == nil {
		return nil
	}
	view := &payeeView{Key: "payee." + string(v.Match), Name: string(v.Name), Warn: t.differs()}
	if v.Match == wire.PayeeClose && v.Name == "" {
		view.Key = "payee.nearly"
	}
	return view
}

// PayeeText is what the page says of a payee.
func (p page) PayeeText(v *payeeView) string {
	if v.Key == "payee.close" {
		return p.T(v.Key, v.Name)
	}
	return p.T(v.Key)
}

// differing reads those payments of a bulk whose payees are not called so on their accounts,
// or of whom that is not known, and counts them.
func (b *Bank) differing(query reader, payment string, most int) (first []item, count int, err error) {
	all, err := items(query, `state = 'received' AND words LIKE '%"verified":%' ORDER BY n`, b.code, payment)
	for _, i := range all {
		if !i.differs() {
			continue
		}
		if count++; count <= most {
			first = append(first, i)
		}
	}
	return first, count, err
}
