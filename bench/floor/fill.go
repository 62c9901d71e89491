package main

import (
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"os"
	"time"

	"kontor/bench/floor/store"
	"kontor/bench/seed"
)

// fill gives every customer a consent that was authorised long ago, and its tokens.
func fill(db store.Store, dir string, rows int) error {
	data, err := os.ReadFile(dir + "/tpp.pem")
	if err != nil {
		return err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return errors.New("tpp.pem is no PEM file")
	}
	leaf := sha256.Sum256(block.Bytes)
	now := time.Now().UTC()
	until, expires := now.AddDate(0, 0, 90).Format(time.DateOnly), now.AddDate(0, 0, 90).UnixMicro()
	today := now.Format(time.DateOnly)
	const insert = `INSERT INTO consent (id, tpp, status, access, valid_until, recurring, last_action, frequency, resource, iban, savings_iban, account, bank_token,
		session, redirect_url, session_expires_at, psu) VALUES ($1, $2, 'valid', $3, $4, 1, $5, 1000000, $6, $7, $8, $9, $10, $11, '', 0, $12)`
	var batch []store.Statement
	for i := range rows {
		access, refresh, visit := sha256.Sum256([]byte(seed.Access(i))), sha256.Sum256([]byte(seed.Refresh(i))), sha256.Sum256([]byte(seed.Visit(i)))
		batch = append(batch,
			store.Statement{Query: insert, Args: []any{seed.Consent(i), seed.TPP, `{"allPsd2":"allAccounts"}`, until, today, seed.Resource(i), seed.IBAN(i), seed.SavingsIBAN(i), seed.Account(i), seed.Bank(i), seed.Session(i), seed.PSU(i)}},
			store.Statement{Query: insert, Args: []any{"funds-" + seed.Consent(i), seed.TPP, fundsAccess, until, today, "", seed.IBAN(i), "", "", "", "funds-" + seed.Session(i), seed.PSU(i)}},
			store.Statement{Query: `INSERT INTO visit (secret, psu, expires_at) VALUES ($1, $2, $3)`, Args: []any{visit[:], seed.PSU(i), expires}},
			store.Statement{Query: insertTokens, Args: []any{access[:], refresh[:], nil, seed.TPP, seed.Consent(i), leaf[:], expires, expires}})
		if len(batch) >= 2000 || i == rows-1 {
			if err := db.Write(batch...); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return db.Write(store.Statement{Query: "ANALYZE"}, store.Statement{Query: "SELECT 1"})
}
