package corebank

import (
	"context"
	"strconv"
)

// A basketView is what a customer is told of a basket: everything that the code is tied to.
// Each member is told as it is on a page of its own.
type basketView struct {
	Payments, Accesses int
	Sums               []string // by currency
	Members            []page
}

// lookAtMembers finds out what the logged-in customer is offered for each member. A basket is
// for somebody who can approve all of it.
func (s *scaVisit) lookAtMembers() error {
	all, err := s.b.members(s.b.reading(s.r.Context()), s.j.ID)
	if err != nil {
		return err
	}
	for _, m := range all {
		one := &scaVisit{b: s.b, w: s.w, r: s.r, j: m.journey, v: s.v, part: "-" + m.ID}
		if m.Kind == kindPayment {
			one.payment = &m.payment
		}
		s.members = append(s.members, one)
	}
	if s.v.who == nil {
		return nil
	}
	for _, m := range s.members {
		if m.accounts, m.fixed, err = s.b.offered(s.r.Context(), m.j, s.v.who.ID); err != nil {
			return err
		}
		if len(m.accounts) == 0 {
			s.accounts = nil
			return nil
		}
		s.accounts = m.accounts
	}
	return nil
}

// approveMembers takes the customer's choice for each member and sends one code for all.
func (s *scaVisit) approveMembers(ctx context.Context) (string, error) {
	for _, m := range s.members {
		m.j.Customer = s.v.who.ID
		if len(m.choose()) == 0 {
			return "access.none", nil
		}
		s.j.members = append(s.j.members, m.j)
	}
	return told(s.b.sendCode(ctx, s.j, *s.v.who, s.r.PostFormValue("method")))
}

// viewBasket shows every member: to choose, or as it was chosen.
func (s *scaVisit) viewBasket() (*basketView, error) {
	view := &basketView{}
	var all []member
	t := s.b.textsFor(s.r)
	for _, m := range s.members {
		p := page{texts: t, AppName: m.j.AppName, Part: m.part, Fixed: m.fixed, Until: dayIn(t, m.j.Request.ValidUntil)}
		one := member{journey: m.j}
		if m.payment != nil {
			one.payment = *m.payment
			view.Payments++
			p.Title, p.Name, p.Single = "basket.payment", strconv.Itoa(view.Payments), true
			var err error
			if p.Payment, err = m.viewPayment(s.r.Context()); err != nil {
				return nil, err
			}
		} else {
			view.Accesses++
			p.Title, p.Name, p.Text = "basket.access", strconv.Itoa(view.Accesses), "access.text"
			if m.fixed {
				p.Text = "access.all"
			}
		}
		if s.j.State == stateCode {
			m.accounts, p.Fixed = m.chosenOf(), true
		}
		m.offer(&p)
		view.Members = append(view.Members, p)
		all = append(all, one)
	}
	view.Sums = sumsOf(t, all)
	return view, nil
}

// chosenOf lists those of the accounts on offer that the customer chose.
func (s *scaVisit) chosenOf() []account {
	var all []account
	for _, c := range s.j.Choice {
		for _, a := range s.accounts {
			if a.ID == c.account {
				all = append(all, a)
			}
		}
	}
	return all
}
