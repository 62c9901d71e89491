package payment

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
)

func TestVerify(t *testing.T) {
	match, none, away := core.PayeeResult{Match: core.PayeeMatches}, core.PayeeResult{Match: core.PayeeDiffers}, core.PayeeResult{Match: core.PayeeUnavailable}
	close := core.PayeeResult{Match: core.PayeeClose, Name: "Žiga Čebelica"}
	for _, tt := range []struct {
		name    string
		results []core.PayeeResult
		want    Status
	}{
		{"a payee who is called so", []core.PayeeResult{match}, PayeeVerified},
		{"a payee who is nearly called so", []core.PayeeResult{close}, PayeeMismatched},
		{"a payee who is called otherwise", []core.PayeeResult{none}, PayeeMismatched},
		{"a payee whom nobody knows", []core.PayeeResult{away}, PayeeNotVerified},
		{"a word that nobody knows says nothing", []core.PayeeResult{{Match: "perhaps"}}, PayeeNotVerified},
		{"no answer", nil, PayeeNotVerified},
		{"answers for more payees than there are say nothing of anybody", []core.PayeeResult{match, match, match, match}, PayeeNotVerified},
		{"a bulk whose payees are all called so", []core.PayeeResult{match, match, match}, PayeeVerified},
		{"one mismatch in a bulk", []core.PayeeResult{match, none, match}, PayeeMismatched},
		{"a mismatch counts more than that others could not be verified", []core.PayeeResult{away, close, away}, PayeeMismatched},
		{"one of a bulk who could not be verified", []core.PayeeResult{match, away, match}, PayeeNotVerified},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Payment{Status: Received}
			if n := len(tt.results); n > 1 {
				p.Bulk = &core.Bulk{Payments: make([]core.Payment, 3)}
			}
			q := p.Verify(tt.results)
			if q.Status != tt.want || q.Payees != tt.want || !q.Status.Initial() {
				t.Errorf("got %s, %s; want %s", q.Status, q.Payees, tt.want)
			}
			if p.Bulk != nil && p.Bulk.Payments[0].Verified.Match != "" {
				t.Error("the original was changed")
			}
			for i := range tt.results {
				switch {
				case tt.want == PayeeNotVerified && len(tt.results) > 3, p.Bulk == nil && q.Order.Verified == tt.results[0]:
				case p.Bulk == nil || q.Bulk.Payments[i].Verified != tt.results[i]:
					t.Errorf("of %d: got %+v", i, q)
				}
			}
		})
	}
}

func TestOnlySEPAPaymentsAreVerifiedAndOnlyWhereTheProfileSaysSo(t *testing.T) {
	b := bank()
	b.Payments.PayeeVerification = true
	for product, want := range map[string]bool{
		"sepa-credit-transfers": true, "instant-sepa-credit-transfers": true, "pain.001-sepa-credit-transfers": true,
		"target-2-payments": false, "cross-border-credit-transfers": false, "domestic-credit-transfers-ro": false,
	} {
		if got := verifies(b, product); got != want {
			t.Errorf("%s: got %t", product, got)
		}
		if verifies(bank(), product) {
			t.Errorf("%s is verified where that is switched off", product)
		}
	}
}

// A status never goes back, whatever the bank reports of a payment in whatever order, however
// the verification of its payee ended and whatever the clock says. Only an end that the hub
// told by its clock alone gives way to the bank's word, and not to where the payment was before
// its payee was verified.
func TestAStatusNeverGoesBack(t *testing.T) {
	const seed, histories, steps = 20261009, 3000, 12
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func(all ...string) string { return all[random.IntN(len(all))] }
	words := []string{"RCVC", "RVCM", "RVNC", "", "XXXX"}
	for _, s := range way {
		words = append(words, string(s))
	}
	words = append(words, "RJCT", "CANC")
	matches := []core.PayeeMatch{core.PayeeMatches, core.PayeeClose, core.PayeeDiffers, core.PayeeUnavailable}
	for h := range histories {
		at := now
		p := Payment{Status: Received, Hand: Kept, AuthoriseBy: now.Add(time.Hour), Order: core.Payment{RequestedExecutionDate: today.AddDays(random.IntN(2))}}
		if random.IntN(4) > 0 {
			p = p.Verify([]core.PayeeResult{{Match: matches[random.IntN(len(matches))]}})
		}
		verified := p.Payees
		for range steps {
			before := p
			switch random.IntN(7) {
			case 0:
				at = at.Add(time.Duration(random.IntN(40)) * time.Minute)
			case 1:
				p = p.Send(at, "s")
			case 2:
				p = p.Authorise(today, ljubljana, Status(pick("ACTC", "ACSC")), core.Success{})
			case 3:
				p = p.Refuse(core.Fail{Class: pick("AccessDenied", authorisation.RanOut, authorisation.NotStarted), Status: pick("", "RJCT", "CANC")})
			case 4:
				p = p.Cancel(random.IntN(2) == 0, "c")
			case 5:
				p = p.Expire(at)
			default:
				p = p.Progress(core.Update{Status: words[random.IntN(len(words))]}, random.IntN(5) == 0, at.Add(time.Hour))
			}
			from, to := slices.Index(way, before.Status), slices.Index(way, p.Status)
			switch {
			case p.Status == before.Status, from >= 0 && to > from, from >= 0 && (p.Status == Rejected || p.Status == Cancelled):
			case before.Unconfirmed && to >= slices.Index(way, verified):
			default:
				t.Fatalf("seed %d, history %d: %s became %s, though the payee is %q (unconfirmed: %t)", seed, h, before.Status, p.Status, verified, before.Unconfirmed)
			}
			if p.Payees != verified {
				t.Fatal("what was found out about the payee was forgotten")
			}
		}
	}
}

func TestAPaymentWhosePayeeWasVerifiedCanBePartOfABasket(t *testing.T) {
	for _, match := range []core.PayeeMatch{core.PayeeMatches, core.PayeeDiffers, core.PayeeUnavailable} {
		p := Payment{Status: Received, Hand: Kept, AuthoriseBy: now.Add(time.Hour)}.Verify([]core.PayeeResult{{Match: match}})
		in, err := p.Join(now, "b1")
		if err != nil {
			t.Fatalf("%s: %v", match, err)
		}
		if sent, err := in.SendIn(now, "b1", "s1"); err != nil || sent.Hand != InBasket || sent.Status != p.Payees {
			t.Errorf("%s: got %s, %s, %v", match, sent.Hand, sent.Status, err)
		}
	}
}
