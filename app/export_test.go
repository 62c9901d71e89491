package app

import (
	"context"
	"time"

	"kontor/bank/consent"
	"kontor/bank/profile"
)

// With changes the configuration of the hub before it is built.
func (o DevOptions) With(change func(*Config)) DevOptions { o.change = change; return o }

// At tells the banks their time, and the hub the same.
func (o DevOptions) At(now func() time.Time) DevOptions {
	o.banksNow = now
	change := o.change
	return o.With(func(c *Config) {
		if c.SetNow(now); change != nil {
			change(c)
		}
	})
}

// Expire ends a consent before its time.
func (d *Dev) Expire(ctx context.Context, bank, id string) error {
	return d.hub.consents.Store.Update(ctx, bank, id, func(c consent.Consent) (consent.Consent, error) {
		return c.Expire(time.Now(), time.UTC)
	})
}

// Unlock is what a bank's staff does for a customer.
func (d *Dev) Unlock(ctx context.Context, login string) error { return d.banks.Unlock(ctx, login) }

// SetNow tells the hub its time.
func (c *Config) SetNow(now func() time.Time) { c.now = now }

// SetLimits sets how long a request's head, the whole of it, and its answer may take.
func (c *Config) SetLimits(header, request, answer time.Duration) {
	c.limits = limits{header, request, answer}
}

// Code is the code of b.
func (b Bank) Code() string { return b.bank.Code }

// Profile is that of b, to be changed.
func (b *Bank) Profile() *profile.Profile { return &b.bank.Profile }
