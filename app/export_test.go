package app

import (
	"time"

	"kontor/bank/profile"
)

// With changes the configuration of the hub before it is built.
func (o DevOptions) With(change func(*Config)) DevOptions { o.change = change; return o }

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
