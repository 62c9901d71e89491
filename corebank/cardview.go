package corebank

import (
	"kontor/connector/wire"
	"kontor/kit/i18n"
)

// A cardView is what a customer is told of the card that somebody else issues for her
// account. Of its number the bank keeps the end only: more of it is of no use here.
type cardView struct {
	Ending       string `json:"ending,omitempty"`
	Until        string `json:"until,omitempty"`
	Information  string `json:"information,omitempty"`
	Registration string `json:"registration,omitempty"`
}

// in is the card as it is told in the language of t.
func (v *cardView) in(t i18n.Texts) *cardView {
	if v == nil {
		return nil
	}
	shown := *v
	shown.Until = dayIn(t, v.Until)
	return &shown
}

// viewOfCard is nil where r tells of no card.
func viewOfCard(r wire.FundsTokenCreate) *cardView {
	number := []rune(r.CardNumber)
	v := cardView{
		Ending: string(number[max(0, len(number)-4):]), Until: string(r.CardExpiryDate),
		Information: string(r.CardInformation), Registration: string(r.RegistrationInformation),
	}
	if v == (cardView{}) {
		return nil
	}
	return &v
}
