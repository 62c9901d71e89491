package corebank

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"kontor/connector/sdk"
	"kontor/corebank/ledger"
	"kontor/kit/day"
)

// bundled reads a page of an account that only bundles others: what is pending on any of
// them stands on the first page, then their booked entries follow, newest first, each in the
// currency of its account.
func (c connector) bundled(ctx context.Context, customer, account string, from, to day.Day, after string) (page reportPage, err error) {
	subs, err := c.subAccounts(ctx, customer, account)
	if err != nil {
		return page, err
	}
	at, err := parsePlaces(after, len(subs))
	if err != nil {
		return page, err
	}
	room := pageSizeMax
	if after == "" {
		room = pageSize
	}
	for i, sub := range subs {
		newest, until, err := c.newest(ctx, sub)
		if err != nil {
			return page, err
		}
		if newest != (ledger.Position{}) && (at[i] == (ledger.Position{}) || at[i].After(newest)) {
			at[i] = newest
		}
		if after == "" {
			holds, err := c.book.Holds(ctx, sub, "", room)
			if err != nil {
				return page, err
			}
			page.holds = append(page.holds, slices.DeleteFunc(holds, func(h ledger.Hold) bool { return !until.IsZero() && h.At.After(until) })...)
		}
		entries, err := c.book.Entries(ctx, sub, from, to, at[i], room+1)
		if err != nil {
			return page, err
		}
		page.entries = append(page.entries, entries...)
	}
	slices.SortStableFunc(page.entries, func(x, y ledger.Entry) int {
		return cmp.Or(-cmp.Compare(x.Booked, y.Booked), cmp.Compare(x.Account, y.Account), -cmp.Compare(x.Seq, y.Seq))
	})
	if len(page.entries) > room {
		page.entries = page.entries[:room]
		for _, e := range page.entries {
			at[slices.Index(subs, e.Account)] = ledger.Position{Booked: e.Booked, Seq: e.Seq}
		}
		page.next = places(at)
	}
	return page, nil
}

// subAccounts names what account bundles: those of the same number, by ID.
func (c connector) subAccounts(ctx context.Context, customer, account string) ([]string, error) {
	all, err := c.accountsOf(ctx, customer)
	if err != nil {
		return nil, err
	}
	iban := ""
	for _, a := range all {
		if a.ID == account {
			iban = a.IBAN
		}
	}
	var subs []string
	for _, a := range all {
		if a.IBAN == iban && !a.bundles() && a.Type != typeCard {
			subs = append(subs, a.ID)
		}
	}
	slices.Sort(subs)
	return subs, nil
}

// places writes where the next page of several accounts begins.
func places(at []ledger.Position) string {
	parts := make([]string, len(at))
	for i, p := range at {
		parts[i] = p.Booked + "_" + strconv.FormatInt(p.Seq, 10)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(parts, ":")))
}

// parsePlaces reads what places has written for n accounts.
func parsePlaces(s string, n int) ([]ledger.Position, error) {
	at := make([]ledger.Position, n)
	if s == "" {
		return at, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	parts := strings.Split(string(raw), ":")
	if err != nil || len(parts) != n || !isPlain(string(raw)) {
		return nil, sdk.ErrInvalid
	}
	for i, part := range parts {
		booked, number, _ := strings.Cut(part, "_")
		seq, err := strconv.ParseInt(number, 10, 64)
		if _, wrong := day.Parse(booked); err != nil || booked != "" && wrong != nil {
			return nil, sdk.ErrInvalid
		}
		at[i] = ledger.Position{Booked: booked, Seq: seq}
	}
	return at, nil
}
