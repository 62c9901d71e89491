package corebank

import (
	"context"
	"fmt"
	"strings"

	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/kit/sqldb"
)

// seed writes the invented customers and their history into an empty bank. A bank that has
// customers is left as it is.
func (b *Bank) seed(ctx context.Context) error {
	personas := persona.All()
	postings, holds := persona.History(personas, b.today())
	return b.db.Write(ctx, func(tx *sqldb.Tx) error {
		var n int
		if err := tx.QueryRow(`SELECT COUNT(*) FROM corebank_customer WHERE bank = $1`, b.code).Scan(&n); err != nil || n > 0 {
			return err
		}
		if err := b.book.Load(tx, persona.LedgerAccounts(personas), postings, holds); err != nil {
			return err
		}
		for _, p := range personas {
			if err := b.addPersona(tx, p); err != nil {
				return fmt.Errorf("persona %s: %w", p.Login, err)
			}
		}
		for _, o := range persona.Orders(personas, b.today()) {
			end := ""
			if !o.End.IsZero() {
				end = o.End.String()
			}
			on := ""
			if !o.Next.IsZero() {
				on = plan{Rule: o.Rule}.executed(o.Next).String()
			}
			if _, err := tx.Exec(`INSERT INTO corebank_standing_order
					(bank, account, id, amount, currency, details, start_date, end_date, frequency, rule, months, day, due, execute_on)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
				b.code, o.Account, o.ID, o.Amount.Minor, o.Amount.Currency, o.Details.Pack(), o.Start.String(), end, o.Frequency, o.Rule, o.Months, o.Day, o.Next.String(), on); err != nil {
				return fmt.Errorf("standing order %s: %w", o.ID, err)
			}
		}
		return nil
	})
}

// seedShop gives a bank that has a range of IBANs a customer with accounts in it, and one
// account that is closed. A bank that has them is left as it is.
func (b *Bank) seedShop(ctx context.Context) error {
	shop := persona.Shop(b.code, b.name, b.ibans)
	return b.db.Write(ctx, func(tx *sqldb.Tx) error {
		var n int
		if err := tx.QueryRow(`SELECT COUNT(*) FROM corebank_customer WHERE bank = $1 AND id = $2`, b.code, shop.ID).Scan(&n); err != nil || n > 0 {
			return err
		}
		for _, a := range shop.Accounts {
			if err := b.book.Open(tx, ledger.Account{ID: a.ID, Kind: ledger.Customer, Currency: a.Currency}); err != nil {
				return err
			}
		}
		if err := b.addPersona(tx, shop); err != nil {
			return err
		}
		// Nobody's, and nothing is kept on it: only its number is known.
		_, err := tx.Exec(`INSERT INTO corebank_account (bank, customer, id, position, iban, currency, type, product, pan)
			VALUES ($1, '', $2, 0, $3, 'EUR', $4, '', '')`, b.code, b.code+"-closed", persona.ClosedIBAN(b.ibans), typeClosed)
		return err
	})
}

func (b *Bank) addPersona(tx *sqldb.Tx, p persona.Persona) error {
	if _, err := tx.Exec(`INSERT INTO corebank_customer
			(bank, id, login, name, phone, language, password, wrong, locked_until, exempt_count, exempt_minor)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0)`,
		b.code, p.ID, p.Login, p.Name, p.Phone, p.Language, hashPassword(p.Password, costPersona)); err != nil {
		return err
	}
	for i, kind := range p.Methods {
		if _, err := tx.Exec(`INSERT INTO corebank_method (bank, customer, id, kind, name, position, step, credential, created_at)
			VALUES ($1, $2, $3, $4, '', $5, 0, '', $6)`, b.code, p.ID, methodID(kind), kind, i, b.now().UnixMicro()); err != nil {
			return err
		}
	}
	const insertAccount = `INSERT INTO corebank_account
			(bank, customer, id, position, iban, currency, type, product, pan, display_name, usage, details, linked, owners, signatures)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	usage, owners := "PRIV", ""
	for i, a := range p.Accounts {
		usage, owners = "PRIV", strings.Join(a.Owners, "\n")
		if a.Usage != "" {
			usage = a.Usage
		}
		linked := ""
		if i == 0 {
			linked = p.Card.MaskedPAN
		}
		if _, err := tx.Exec(insertAccount, b.code, p.ID, a.ID, i, a.IBAN, a.Currency, a.Type, a.Product, "", a.DisplayName, usage, a.Details, linked, owners, max(a.Signatures, 1)); err != nil {
			return err
		}
	}
	if p.Card.ID != "" {
		details := "Settled on the 27th of each month from " + p.Accounts[0].IBAN
		if _, err := tx.Exec(insertAccount, b.code, p.ID, p.Card.ID, len(p.Accounts), "", "EUR", typeCard, p.Card.Product, p.Card.MaskedPAN,
			"", usage, details, "", owners, 1); err != nil {
			return err
		}
	}
	for _, t := range p.Trusted {
		if _, err := tx.Exec(`INSERT INTO corebank_beneficiary (bank, customer, iban, name, alias, agent, account) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			b.code, p.ID, t.IBAN, t.Name, t.Alias, persona.AgentOf(t.IBAN), t.Account); err != nil {
			return err
		}
	}
	return nil
}
