package authorisation

import (
	"slices"

	"kontor/bank/core"
	"kontor/bank/profile"
)

// An Approach is how the PSU authenticates. It is chosen when an authorisation begins, and
// stays, unless the bank says that the PSU's method needs another one.
type Approach string

const (
	Redirect  Approach = core.Redirect  // on the bank's pages, also by way of the authorization server
	Decoupled Approach = core.Decoupled // on a device of hers, of which the TPP sees nothing
	Embedded  Approach = core.Embedded  // at the TPP, which passes on what she enters
)

// A Preference is what a TPP would like. What is nil was not said.
type Preference struct {
	Redirect  *bool // TPP-Redirect-Preferred
	Decoupled *bool // TPP-Decoupled-Preferred
}

// Choose returns the approach for p out of those that a bank offers, the best one first. A
// preference never makes a request fail: where it cannot be met, the bank's own order counts.
//
// Source: Berlin Group digest, section 6.2.
func (p Preference) Choose(offered []profile.SCAApproach) profile.SCAApproach {
	wants := func(b *bool) bool { return b != nil && *b }
	rejects := func(b *bool) bool { return b != nil && !*b }
	redirect := func(a profile.SCAApproach) bool { return a == profile.Redirect || a == profile.OAuthSCA }
	decoupled := func(a profile.SCAApproach) bool { return a == profile.Decoupled }
	embedded := func(a profile.SCAApproach) bool { return a == profile.Embedded }
	not := func(is func(profile.SCAApproach) bool) func(profile.SCAApproach) bool {
		return func(a profile.SCAApproach) bool { return !is(a) }
	}
	if len(offered) == 0 {
		return profile.Redirect // what every bank can do
	}
	// Each wish is looked at only where the ones before it can be met by none.
	var wishes []func(profile.SCAApproach) bool
	switch r, d := p.Redirect, p.Decoupled; {
	case wants(r) && wants(d): // whatever leads away from the TPP
		wishes = append(wishes, not(embedded))
	case rejects(r) && rejects(d):
		wishes = append(wishes, embedded)
	default:
		for _, w := range []struct {
			said *bool
			is   func(profile.SCAApproach) bool
		}{{r, redirect}, {d, decoupled}} {
			if wants(w.said) {
				wishes = append(wishes, w.is)
			}
		}
		if rejects(r) {
			wishes = append(wishes, not(redirect))
		}
		if rejects(d) {
			wishes = append(wishes, not(decoupled))
		}
	}
	for _, fits := range wishes {
		if i := slices.IndexFunc(offered, fits); i >= 0 {
			return offered[i]
		}
	}
	return offered[0]
}

// A Wish is what a TPP says, when it starts an authorisation, of how and who the PSU is.
type Wish struct {
	Preference
	core.SCA // who the PSU is; its Approach is for the hub to fill in
}

// Choose returns what a new authorisation at a bank with the profile p has to be: its
// approach, and whether the authorization server leads the PSU.
func (w Wish) Choose(p profile.Profile) (a Approach, oauth bool) {
	switch w.Preference.Choose(p.SCAApproaches) {
	case profile.Decoupled:
		return Decoupled, false
	case profile.Embedded:
		return Embedded, false
	case profile.OAuthSCA:
		return Redirect, true
	}
	return Redirect, false
}

// By is what the bank is told of who authenticates in a, and how.
func (w Wish) By(a Authorisation) core.SCA {
	w.SCA.Approach, w.SCA.Confirmation = string(a.Approach), a.Confirm
	return w.SCA
}
