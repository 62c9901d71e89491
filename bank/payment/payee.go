package payment

import (
	"context"
	"errors"
	"slices"
	"time"

	"kontor/bank/core"
	"kontor/bank/profile"
)

// verifyMax bounds how long an answer about payees is waited for; then the payment goes on.
//
// Source: EPC, rulebook of the Verification of Payee scheme, maximum execution time.
const verifyMax = 5 * time.Second

// Initial says whether s is one of a payment of which the bank has told nothing yet.
func (s Status) Initial() bool { return s == Received || s.ofVerification() }

// verifies says whether the names of payees are to be verified of payments by product: of
// those in euro from IBAN to IBAN.
//
// Source: Regulation (EU) 2024/886, article 5c.
func verifies(b profile.Bank, product string) bool {
	return b.Payments.PayeeVerification && b.Payments.Rules(product).SEPA
}

// payees lists whom p pays.
func (p Payment) payees() []core.Payee {
	orders := []core.Payment{p.Order}
	if p.Bulk != nil {
		orders = p.Bulk.Payments
	}
	all := make([]core.Payee, len(orders))
	for i, o := range orders {
		all[i] = core.Payee{Name: o.CreditorName, Account: o.CreditorAccount, Agent: o.CreditorAgent}
	}
	return all
}

// Verify notes what was found out about the payees of p, one result for each: any other
// number of them says nothing of anybody. A single mismatch is what the PSU has to be told of
// a bulk, more than that others could not be verified.
func (p Payment) Verify(results []core.PayeeResult) Payment {
	n := 1
	if p.Bulk != nil {
		n = len(p.Bulk.Payments)
	}
	if len(results) != n {
		results = slices.Repeat([]core.PayeeResult{{Match: core.PayeeUnavailable}}, n)
	}
	p.Payees = PayeeVerified
	for _, r := range results {
		switch s := Verified(r); {
		case s == PayeeMismatched:
			p.Payees = s
		case s == PayeeNotVerified && p.Payees == PayeeVerified:
			p.Payees = s
		}
	}
	if p.Status.before(p.Payees) {
		p.Status = p.Payees
	}
	if p.Bulk == nil {
		p.Order.Verified = results[0]
		return p
	}
	bulk := *p.Bulk
	bulk.Payments = slices.Clone(bulk.Payments)
	for i, r := range results {
		bulk.Payments[i].Verified = r
	}
	p.Bulk = &bulk
	return p
}

// Verified is the status of a payment to one payee, of whom r was found out.
func Verified(r core.PayeeResult) Status {
	switch r.Match {
	case core.PayeeMatches:
		return PayeeVerified
	case core.PayeeClose, core.PayeeDiffers:
		return PayeeMismatched
	}
	return PayeeNotVerified
}

// verify asks the bank about the payees of p, which is not stored yet: a question changes
// nothing, and one that was asked in vain has done no harm. That nobody answers in time is no
// reason not to pay.
func (s *Service) verify(ctx context.Context, b profile.Bank, p Payment) Payment {
	limited, cancel := context.WithTimeout(ctx, verifyMax)
	defer cancel()
	results, err := s.Cores[b.Code].VerifyPayees(limited, core.PayeeQuery{TPP: string(p.TPP), Payees: p.payees()})
	if err != nil {
		s.Log.WarnContext(ctx, "payees not verified", "bank", b.Code, "payment", p.ID, "err", err)
		results = nil
	}
	return p.Verify(results)
}

// madeBefore says whether the request that orders p was made before, by what t has stored.
// It is asked so that a repeat asks nobody about payees again.
func (s *Service) madeBefore(ctx context.Context, p Payment) (bool, error) {
	if p.RequestID == "" {
		return false, nil
	}
	first, err := s.Store.ByRequest(ctx, p.Bank, p.TPP, p.RequestID)
	if errors.Is(err, ErrUnknown) {
		return false, nil
	}
	return err == nil && s.Now().Before(first.CreatedAt.Add(repeatWindow)), err
}

// found is how the record calls what was found out about payees: in one word for all of them,
// and without a name.
func (p Payment) found() string {
	switch p.Payees {
	case PayeeVerified:
		return "payment.payees.match"
	case PayeeMismatched:
		return "payment.payees.mismatch"
	}
	return "payment.payees.unavailable"
}
