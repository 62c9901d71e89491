package tokensql

import (
	"context"
	"encoding/json"

	"kontor/bank/token"
	"kontor/kit/sqldb"
)

const deletePushed = `DELETE FROM oauth_pushed WHERE bank = $1 AND reference = $2`

func (s Store) Push(ctx context.Context, p token.Pushed) error {
	request, err := json.Marshal(p.Request)
	if err != nil {
		return err
	}
	_, err = s.DB.Exec(ctx, `INSERT INTO oauth_pushed (bank, reference, client, request, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		p.Bank, p.Reference[:], p.Client, string(request), sqldb.Micros(p.ExpiresAt))
	return err
}

func (s Store) Pushed(ctx context.Context, bank string, reference token.Hash) (token.Pushed, error) {
	p := token.Pushed{Bank: bank, Reference: reference}
	var request string
	var expires int64
	err := s.DB.QueryRow(ctx, `SELECT client, request, expires_at FROM oauth_pushed WHERE bank = $1 AND reference = $2`, bank, reference[:]).
		Scan(&p.Client, &request, &expires)
	if err != nil {
		return token.Pushed{}, unknown(err)
	}
	p.ExpiresAt = sqldb.Time(expires)
	return p, json.Unmarshal([]byte(request), &p.Request)
}

func (s Store) Pull(ctx context.Context, bank string, reference token.Hash) error {
	_, err := s.DB.Exec(ctx, deletePushed, bank, reference[:])
	return err
}
