package payment

import (
	"cmp"
	"maps"
	"slices"

	"kontor/bank/core"
)

// over says whether p has come to an end that its TPP need not wait beyond. Many a bank never
// hears from the payee's, so the debit of the payer's account counts as one. A bulk of which
// only a part was executed is over when none of its payments is open: as long as the bank has
// not told of each, the others may still follow.
func (p Payment) over() bool {
	return p.Status.Final() || p.Status == Settled || p.Status == PartiallyAccepted && p.ItemsEnded
}

// known says whether s is a status of a payment.
func (s Status) known() bool { return slices.Contains(way, s) || s.ended() }

// executed says whether a single payment in s is over, well or not.
func (s Status) executed() bool { return s.Final() || s == Settled }

// itemised notes how the payments of p stand, in their order. What is told of payments that p
// does not have, or in words that are no status, says nothing; of one that is told twice, the
// last word counts.
func (p Payment) itemised(told core.ItemStatuses) Payment {
	last := map[int]core.ItemStatus{}
	for _, i := range told.Told {
		if s := Status(i.Status); s.known() && s != PartiallyAccepted && i.Index >= 0 && (p.Count == 0 || i.Index < p.Count) {
			last[i.Index] = i
		}
	}
	clean, open := core.ItemStatuses{}, false
	for _, n := range slices.Sorted(maps.Keys(last)) {
		clean.Told = append(clean.Told, last[n])
		open = open || !Status(last[n].Status).executed()
	}
	others := Status(told.Others)
	if others.known() {
		clean.Others = told.Others
	}
	all := p.Count > 0 && len(clean.Told) == p.Count || others == PartiallyAccepted || others.executed()
	p.Items, p.ItemsEnded = &clean, all && !open
	return p
}

// Item returns how payment n of a bulk stands. Of one that the bank does not tell, that is as
// the bulk does; where both are a mixture, it is not known: ok is false.
func (p Payment) Item(n int) (_ core.ItemStatus, ok bool) {
	others := string(p.Status)
	if p.Items != nil {
		at, found := slices.BinarySearchFunc(p.Items.Told, n, func(i core.ItemStatus, n int) int { return i.Index - n })
		if found {
			return p.Items.Told[at], true
		}
		others = cmp.Or(p.Items.Others, others)
	}
	return core.ItemStatus{Index: n, Status: others}, Status(others) != PartiallyAccepted
}
