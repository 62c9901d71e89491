package basket_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"kontor/bank/authorisation/authorisationsql"
	"kontor/bank/basket"
	"kontor/bank/basket/basketsql"
	"kontor/bank/consent"
	"kontor/bank/consent/consentsql"
	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/kit/audit/auditsql"
	"kontor/kit/sqldb/sqldbtest"
)

// A model is what must be true of a desk: who is in which basket, and what became of each.
type model struct {
	in    map[string]string // member → basket that it cannot leave by itself
	begun map[string]bool   // members whose own SCA, or that of their basket, has begun; or that ended
	state map[string]basket.Status
	parts map[string][]string
	hand  map[string]bool // baskets that the bank has
}

// TestRandomHistories does at random what TPPs and banks do, and compares each answer and
// what there is afterwards with the model.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	const histories, steps = 12, 40
	for seed := range uint64(histories) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			db := sqldbtest.SQLite(t, []fs.FS{auditsql.Migrations, authorisationsql.Migrations, paymentsql.Migrations, consentsql.Migrations, basketsql.Migrations}...)
			d, r := open(t, db), rand.New(rand.NewPCG(seed, 7))
			m := model{map[string]string{}, map[string]bool{}, map[string]basket.Status{}, map[string][]string{}, map[string]bool{}}
			var payments, consents, baskets []string
			for range 6 {
				payments, consents = append(payments, d.payment(t)), append(consents, d.consent(t))
			}
			for range steps {
				switch r.IntN(7) {
				case 0, 1:
					p, c := some(r, payments), some(r, consents)
					members := slices.Concat(p, c)
					k, err := d.Create(t.Context(), d.bank, d.tpp, basket.Creation{Request: basket.Request{Payments: p, Consents: c}})
					if want := m.create(members); !errors.Is(err, want) || (err == nil) != (want == nil) {
						if want != errEither || err == nil {
							t.Fatalf("create of %v: got %v; want %v", members, err, want)
						}
					}
					if err == nil {
						baskets = append(baskets, k.ID)
						m.state[k.ID], m.parts[k.ID] = basket.Received, members
						for _, id := range members {
							m.in[id] = k.ID
						}
					}
				case 2:
					if len(baskets) == 0 {
						continue
					}
					id := baskets[r.IntN(len(baskets))]
					err := d.Delete(t.Context(), d.bank, d.tpp, id, "")
					if free := m.state[id] == basket.Received && !m.hand[id]; free != (err == nil) || !free && !errors.Is(err, basket.ErrStatus) {
						t.Fatalf("delete of %s, which is %s: got %v", id, m.state[id], err)
					}
					if err == nil {
						m.state[id] = basket.Cancelled
						m.free(id)
					}
				case 3:
					if len(baskets) == 0 {
						continue
					}
					id := baskets[r.IntN(len(baskets))]
					_, err := d.StartAuthorisation(t.Context(), d.bank, d.tpp, id, payment.Start{})
					if can := m.state[id] == basket.Received && !m.hand[id]; can != (err == nil) || !can && !errors.Is(err, basket.ErrStatus) {
						t.Fatalf("start of %s, which is %s: got %v", id, m.state[id], err)
					}
					if err == nil {
						m.hand[id] = true
						for _, id := range m.parts[id] {
							m.begun[id] = true
						}
					}
				case 4:
					for i, o := range d.handed {
						if m.state[o.BasketID] != basket.Received {
							continue
						}
						if r.IntN(2) == 0 {
							ok(t, d.auths.Success(t.Context(), "lon", core.Success{Session: o.Session, UserID: "psu-7"}))
							d.handed = append(slices.Delete(slices.Clone(d.handed), i, i+1), o)
							d.reports(t)
							m.state[o.BasketID] = basket.Settled
						} else {
							ok(t, d.auths.Fail(t.Context(), "lon", core.Fail{Session: o.Session, Class: "AccessDenied"}))
							m.state[o.BasketID] = basket.Rejected
						}
						m.free(o.BasketID)
						break
					}
				case 5: // a payment alone
					id := payments[r.IntN(len(payments))]
					_, _, err := d.Payments.Cancel(t.Context(), d.bank, d.tpp, "payments", "sepa-credit-transfers", id, payment.Start{})
					m.alone(t, id, err, payment.ErrBlocked)
				case 6: // a consent alone
					id := consents[r.IntN(len(consents))]
					err := d.Consents.Terminate(t.Context(), "lon", d.tpp.ID, id, "")
					if m.in[id] != "" {
						m.alone(t, id, err, consent.ErrBlocked)
					} else if m.begun[id] = true; err != nil {
						t.Fatalf("end of %s: got %v", id, err)
					}
				}
				d.now = d.now.Add(1e9)
				d.sweep(t)
				for _, id := range baskets {
					k, err := d.Get(t.Context(), d.bank, d.tpp.ID, id)
					if err != nil || k.Status != m.state[id] {
						t.Fatalf("%s: got %s, %v; want %s", id, k.Status, err, m.state[id])
					}
				}
			}
			times := map[string]int{}
			for _, o := range d.handed {
				for _, p := range o.Payments {
					if times[p.PaymentID]++; times[p.PaymentID] > 1 {
						t.Errorf("%s was handed over twice", p.PaymentID)
					}
				}
			}
		})
	}
}

// errEither: several members are refused, and which of them is told is not said.
var errEither = errors.New("blocked or begun")

func some(r *rand.Rand, ids []string) []string {
	var all []string
	for _, i := range r.Perm(len(ids))[:r.IntN(3)] {
		all = append(all, ids[i])
	}
	return all
}

// create says how the creation of a basket ends.
func (m model) create(members []string) error {
	if len(members) == 0 {
		return basket.ErrRequest
	}
	for _, id := range members {
		if m.in[id] != "" || m.begun[id] {
			return errEither
		}
	}
	return nil
}

// free notes that a basket has no hold of its members any more.
func (m model) free(id string) {
	for _, member := range m.parts[id] {
		delete(m.in, member)
	}
}

// alone compares what is done to one member by itself.
func (m model) alone(t *testing.T, id string, err, blocked error) {
	t.Helper()
	switch {
	case m.in[id] != "":
		if !errors.Is(err, blocked) {
			t.Fatalf("%s is in %s: got %v", id, m.in[id], err)
		}
	case m.begun[id]: // it has ended one way or the other
		if errors.Is(err, blocked) || err == nil {
			t.Fatalf("%s has ended: got %v", id, err)
		}
	case err != nil:
		t.Fatalf("%s is free: got %v", id, err)
	default:
		m.begun[id] = true
	}
}
