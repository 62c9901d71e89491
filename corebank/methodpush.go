package corebank

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// A push asks on the customer's phone, which shows what is approved and answers by itself, with
// a code that nobody types.
type push struct{}

func (push) challenge(o occasion) challenge {
	h := hmac.New(sha256.New, o.key)
	h.Write([]byte("push"))
	h.Write(o.bound)
	return challenge{code: hex.EncodeToString(h.Sum(nil)), Information: "method.PUSH_OTP.text"}
}

func (push) check(_ occasion, answer string) (string, int64) { return answer, 0 }

// A pending approval is what a customer's device is asked just now, as the device shows it.
type pending struct {
	Journey  string   `json:"session"` // the last part of its page's address
	Kind     string   `json:"kind"`
	Told     []line   `json:"told,omitempty"`
	Elements []string `json:"elements,omitempty"` // on the display of a chip reader
	Code     string   `json:"code,omitempty"`     // that the device shows; a phone that is pushed shows none
	answer   string
}

// Called is the key of what the device is called.
func (p pending) Called() string { return "device." + p.Kind }

// Pushed says whether the device itself asks.
func (p pending) Pushed() bool { return p.Kind == kindPush }

// pendingMax bounds what a device lists.
const pendingMax = 20

// pendingOf lists what a customer's devices are asked, the newest first. Text messages are in
// the outbox, and an authenticator app is asked nothing.
func (b *Bank) pendingOf(ctx context.Context, c customer) ([]pending, error) {
	rows, err := b.db.Query(ctx, selectJourney+`customer = $2 AND state = 'code' AND basket = '' AND expires_at > $3
		ORDER BY created_at DESC LIMIT $4`, b.code, c.ID, b.now().UnixMicro(), pendingMax)
	if err != nil {
		return nil, err
	}
	var journeys []journey
	for rows.Next() {
		j, err := scanJourney(rows)
		if err != nil {
			rows.Close()
			return nil, err
		}
		journeys = append(journeys, j)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	var all []pending
	for _, j := range journeys {
		p, err := b.pendingOn(ctx, j, c)
		if errors.Is(err, errCodeOver) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if p.answer != "" {
			all = append(all, p)
		}
	}
	return all, nil
}

// pendingOn reads what is asked on j with the customer's device, as a real one would: a picture
// and a string give away what is in them to nobody else.
func (b *Bank) pendingOn(ctx context.Context, j journey, c customer) (p pending, err error) {
	m, asked, o, err := b.asked(ctx, j, c.Language)
	if err != nil {
		return p, err
	}
	p = pending{Journey: j.ID, Kind: m.Kind}
	switch m.Kind {
	case kindPhoto:
		content, _ := photoContent(o)
		p.Told, p.Code, err = readPhoto(o.key, content)
		p.answer = p.Code
	case kindChip:
		p.Elements, p.Code, err = readChip(o.key, asked.Data)
		p.answer = p.Code
	case kindPush:
		p.Told, p.answer = o.told, asked.code
		more, err := b.alsoTold(ctx, b.textsTo(c.Language), j)
		if err != nil {
			return p, err
		}
		p.Told = append(p.Told, more...)
	}
	return p, err
}

// answerPush is the customer's answer on her phone. errJourney says that nothing is asked there
// any more.
func (b *Bank) answerPush(ctx context.Context, c customer, id string, approve bool) error {
	j, err := b.journey(ctx, id)
	if err != nil {
		return err
	}
	if j.Customer != c.ID || j.State != stateCode || j.Basket != "" || !b.now().Before(j.ExpiresAt) {
		return errJourney
	}
	p, err := b.pendingOn(ctx, j, c)
	if errors.Is(err, errCodeOver) || err == nil && !p.Pushed() {
		return errJourney
	}
	if err != nil {
		return err
	}
	if !approve {
		return b.refuse(ctx, j)
	}
	return b.confirm(ctx, j, p.answer)
}
