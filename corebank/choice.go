package corebank

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"

	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// A choice is one account that a customer gives, and what of it: everything the third
// party asked, unless the customer said less.
type choice struct {
	account string
	only    string // onlyBalances, onlyTransactions or ""
}

const (
	onlyBalances     = "balances"
	onlyTransactions = "transactions"
)

// String is how a choice is stored and sealed: ana-current=balances.
func (c choice) String() string {
	if c.only == "" {
		return c.account
	}
	return c.account + "=" + c.only
}

func parseChoice(s string) choice {
	account, only, _ := strings.Cut(s, "=")
	return choice{account, only}
}

func choices(all []choice) string {
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.String()
	}
	return strings.Join(texts, ",")
}

// asked says what the third party asked of a. Where it named accounts, an account can only
// be given what it was named for.
func (r request) asked(a account) grantedAccount {
	free := len(r.named()) == 0
	allows := func(list *[]wire.Account) bool {
		if free {
			return r.Access == nil || list != nil || r.Access.Balances == nil && r.Access.Transactions == nil
		}
		return list != nil && slices.ContainsFunc(*list, a.isMeantBy)
	}
	g := grantedAccount{ID: a.ID, Balances: true, Transactions: true}
	if r.Access != nil {
		g.Balances, g.Transactions = allows(r.Access.Balances), allows(r.Access.Transactions)
	}
	return g
}

// narrowed is g, or what the customer left of it. A choice cannot make it nothing: the
// protocol has no word for an account of which only the name is seen.
// told says to the hub what the customer gives of an account now: she may have changed it.
func (g grantedAccount) told() *wire.Granted {
	all := wire.Granted{}
	if g.Balances {
		all = append(all, wire.GrantedBalances)
	}
	if g.Transactions {
		all = append(all, wire.GrantedTransactions)
	}
	return &all
}

func (g grantedAccount) narrowed(only string) grantedAccount {
	if g.Balances && g.Transactions {
		g.Balances, g.Transactions = only != onlyTransactions, only != onlyBalances
	}
	return g
}

// grants turns the customer's choice into what is granted, and into the protocol's words.
func (j journey) grants(chosen []account) (grant, *wire.Access) {
	if asked := j.Request.Access; asked != nil && asked.AllPSD2 != "" {
		return grant{All: true}, &wire.Access{AllPSD2: "allAccounts"}
	}
	var g grant
	balances, transactions := []wire.Account{}, []wire.Account{}
	for i, a := range chosen {
		got := j.Request.asked(a).narrowed(j.Choice[i].only)
		if got.Balances {
			balances = append(balances, a.reference())
		}
		if got.Transactions {
			transactions = append(transactions, a.reference())
		}
		g.Accounts = append(g.Accounts, got)
	}
	return g, &wire.Access{Balances: &balances, Transactions: &transactions}
}

// changeable says whether the customer can choose again: not where all accounts were
// given, nor where the bank no longer knows what was asked.
func (a access) changeable() bool {
	return a.Service == serviceAccounts && !a.Granted.All && a.Asked != nil
}

// startChange begins the journey on which a customer changes what an access covers. It
// ends like any other by a code; its address is returned.
func (b *Bank) startChange(ctx context.Context, customer, id string) (path string, err error) {
	a, err := b.access(ctx, id)
	if err != nil {
		return "", err
	}
	if a.Customer != customer || a.State != "active" || !a.changeable() {
		return "", errJourney
	}
	j := journey{
		ID: rand.Text(), Session: "change " + rand.Text(), Kind: kindChange, State: stateOpen, AppName: a.AppName,
		RedirectURL: b.baseURL + "/me?changed=1", Request: request{Access: a.Asked, ValidUntil: a.ValidUntil, Change: a.ID},
		Customer: customer, Bound: true, ExpiresAt: b.now().Add(journeyFor),
	}
	for _, g := range a.Granted.Accounts {
		c := choice{account: g.ID}
		switch {
		case g.Balances && !g.Transactions:
			c.only = onlyBalances
		case g.Transactions && !g.Balances:
			c.only = onlyTransactions
		}
		j.Choice = append(j.Choice, c)
	}
	return b.prefix + "/sca/" + j.ID, b.begin(ctx, j, func(*sqldb.Tx, *reports) error { return nil })
}

// change replaces what an access covers. When the access has ended meanwhile, so has j.
func (b *Bank) change(tx *sqldb.Tx, out *reports, j journey, chosen []account) error {
	g, _ := j.grants(chosen)
	granted, err := json.Marshal(g)
	if err != nil {
		return err
	}
	n, err := tx.Exec(`UPDATE corebank_access SET granted = $1 WHERE bank = $2 AND id = $3 AND customer = $4 AND state = 'active' AND (valid_until = '' OR valid_until >= $5)`,
		string(granted), b.code, j.Request.Change, j.Customer, b.today().String())
	if err != nil {
		return err
	}
	if n == 0 {
		return b.endIn(tx, out, j, stateFailed, "", "", nil)
	}
	return b.move(tx, j, stateDone, stateCode)
}
