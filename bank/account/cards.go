package account

import (
	"context"
	"errors"
	"fmt"

	"kontor/bank/consent"
	"kontor/bank/core"
)

// A DescribedCard is what the consent lets the TPP see of a card.
type DescribedCard struct {
	consent.Account
	core.CardAccount
}

// CardAccounts lists the cards that the consent covers.
func (s *Service) CardAccounts(ctx context.Context, r Read, withBalance bool) ([]DescribedCard, error) {
	c, err := s.open(ctx, r, consent.Use{Balances: withBalance, Key: "card-accounts", Action: "cardAccounts.list"}, nil, true)
	if err != nil {
		return nil, err
	}
	return s.listCards(ctx, r, c, withBalance)
}

// CardAccount describes one card.
func (s *Service) CardAccount(ctx context.Context, r Read, resourceID string, withBalance bool) (DescribedCard, error) {
	return s.oneCard(ctx, r, resourceID, withBalance, consent.Use{Balances: withBalance, Key: "card-account/", Action: "cardAccount.details"})
}

// CardBalances returns one card with its balances.
func (s *Service) CardBalances(ctx context.Context, r Read, resourceID string) (DescribedCard, error) {
	return s.oneCard(ctx, r, resourceID, true, consent.Use{Balances: true, Key: "card-balances/", Action: "cardAccount.balances"})
}

func (s *Service) oneCard(ctx context.Context, r Read, resourceID string, withBalance bool, u consent.Use) (DescribedCard, error) {
	u.Key += resourceID
	c, err := s.open(ctx, r, u, &resourceID, true)
	if err != nil {
		return DescribedCard{}, err
	}
	cards, err := s.listCards(ctx, r, c, withBalance)
	for _, card := range cards {
		if card.ResourceID == resourceID {
			return card, nil
		}
	}
	if err == nil {
		err = ErrUnknown // given back at the bank since
	}
	return DescribedCard{}, err
}

// listCards asks the bank for its cards and cuts them to what c covers. What the bank now
// gives counts, as with accounts.
func (s *Service) listCards(ctx context.Context, r Read, c consent.Consent, withBalance bool) ([]DescribedCard, error) {
	cards, err := s.askCards(ctx, r, c)
	if err != nil {
		return nil, err
	}
	covered := append(only(c.Accounts, false), c.Resolve(nil, cards, s.resourceID(c))...)
	if c, err = s.note(ctx, c, covered); err != nil {
		return nil, err
	}
	all := []DescribedCard{}
	for _, card := range cards {
		covered, ok := c.Find(s.resourceID(c)("card/"+card.ID), true)
		if !ok {
			continue
		}
		if !withBalance || !covered.Balances {
			card.Balances = nil
		}
		if !covered.OwnerName {
			card.OwnerName = ""
		}
		all = append(all, DescribedCard{Account: covered, CardAccount: card})
	}
	return all, nil
}

func (s *Service) askCards(ctx context.Context, r Read, c consent.Consent) ([]core.CardAccount, error) {
	cards, err := s.Cores[c.Bank].CardAccounts(ctx, access(r, c))
	if errors.Is(err, core.ErrNotOffered) {
		return nil, nil
	}
	return cards, s.heard(ctx, c, err)
}

// CardTransactions checks and permits the report, then calls yield for each entry of one
// page, newest first.
//
// spec: xs2a/getCardAccountTransactionList
func (s *Service) CardTransactions(ctx context.Context, r Read, q Report, yield func(*core.CardTransaction) error) (Page, error) {
	if q.BookingStatus != "booked" && q.BookingStatus != "pending" && q.BookingStatus != "both" {
		return Page{}, fmt.Errorf("%w: bookingStatus=%.20s; cards have booked, pending and both", ErrNotSupported, q.BookingStatus)
	}
	q.card = true
	rep, err := s.begin(ctx, r, q, "card-transactions/", "cardAccount.transactions")
	if err != nil {
		return Page{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, walkMax)
	defer cancel()
	pages := func(ctx context.Context, cursor string, entry func(*core.CardTransaction) error) (string, error) {
		return s.Cores[rep.consent.Bank].CardTransactions(ctx, access(r, rep.consent), rep.query(cursor), entry)
	}
	w := walk[core.CardTransaction]{
		wants: func(t *core.CardTransaction) bool { return wants(q.BookingStatus, t.Pending) },
		key:   func(t *core.CardTransaction) core.Text { return t.ID },
		yield: yield,
	}
	return readPage(ctx, s, r, rep, w, pages)
}
