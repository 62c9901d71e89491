package xs2a_test

import (
	"context"

	"kontor/bank/core"
)

// VerifyPayees knows one payee, whose account others are nearly right about, or wrong. A bank
// that is away does not know her either.
func (s *stage) VerifyPayees(_ context.Context, q core.PayeeQuery) ([]core.PayeeResult, error) {
	if s.answer == "away" {
		return nil, core.ErrUnavailable
	}
	all := make([]core.PayeeResult, len(q.Payees))
	for i, p := range q.Payees {
		switch {
		case p.Account.IBAN != "DE89370400440532013000":
			all[i].Match = core.PayeeUnavailable
		case p.Name == "Ana Novak":
			all[i].Match = core.PayeeMatches
		case p.Name == "A. Novak":
			all[i] = core.PayeeResult{Match: core.PayeeClose, Name: "Ana Novak"}
		default:
			all[i].Match = core.PayeeDiffers
		}
	}
	return all, nil
}
