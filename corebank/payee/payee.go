// Package payee compares the name that a payment gives its payee with those of the holders of
// the account it goes to.
//
// People write names as they know them: in capitals, without the letters that their keyboards
// lack, the surname first, with a title, for a company without its legal form. All of that is
// the same name (Full). A slip, an initial, a name that is left out is nearly the same (Close):
// only then may a payer be told what the account says. Everything else is another's account
// (None), and so is a name that gives too little away to tell, such as a surname alone: whoever
// tries names out must not be handed the rest.
//
// Comparing is a pure function. Whose account it is, is for the bank.
//
// Source: EPC, recommendations for the matching of names under the Verification of Payee scheme.
package payee

import (
	"slices"
	"strings"
)

// A Match says how near a name comes.
type Match int

const (
	None Match = iota
	Close
	Full
)

// Compare says how name comes to the holders of an account, and which of them is meant where
// it is Close; several are meant as "Maja Kos, Peter Kos".
func Compare(name string, holders []string) (best Match, meant string) {
	given := read(name)
	if len(given.words) == 0 {
		return None, ""
	}
	for _, h := range holders {
		if m := compare(given, read(h)); m > best {
			best, meant = m, h
		}
	}
	if best < Full && len(holders) > 1 && together(given, holders) {
		return Full, ""
	}
	if best != Close {
		meant = ""
	}
	return best, meant
}

// together says whether a name is that of all holders, however often it says the surname that
// they share.
func together(given name, holders []string) bool {
	var all []word
	for _, h := range holders {
		all = append(all, read(h).words...)
	}
	within := func(some, all []word) bool {
		return !slices.ContainsFunc(some, func(w word) bool { return !slices.ContainsFunc(all, w.same) })
	}
	return within(given.words, all) && within(all, given.words)
}

// typosMin is how long a word must be in which a slip is taken for one: of short names, every
// second is a slip away from another.
const typosMin = 4

// compare compares one name with that of one holder. Words are paired one to one, whatever
// their order: the same ones first, then those that are nearly the same.
func compare(given, holder name) Match {
	left := slices.Clone(holder.words)
	var odd []word
	same := 0
	for _, w := range given.words {
		if i := slices.IndexFunc(left, w.same); i >= 0 {
			left = slices.Delete(left, i, i+1)
			same++
		} else {
			odd = append(odd, w)
		}
	}
	forms := given.form == holder.form || given.form == "" || holder.form == ""
	if len(odd) == 0 && len(left) == 0 {
		if forms {
			return Full
		}
		return Close // Zimzelen GmbH is not Zimzelen AG
	}
	short, slips, extra := 0, 0, 0
	for _, w := range odd {
		if i := slices.IndexFunc(left, w.shortens); i >= 0 {
			left, short = slices.Delete(left, i, i+1), short+1
		} else if i := slices.IndexFunc(left, w.slipped); i >= 0 {
			left, slips = slices.Delete(left, i, i+1), slips+1
		} else {
			extra++
		}
	}
	missing := len(left)
	switch {
	case forms && len(given.words) == 1 && holder.initials() != "" && given.words[0].is(holder.initials()):
		return Close // PZK for Pekarna Zlati klas
	case !forms || slips > 1 || extra+missing > 2:
		return None
	case extra == 0 && missing == 0 && (same > 0 || short == 0 && slips == 1 && len(holder.words) == 1):
		return Close // every word is there, one of them with a slip, or some of them short
	case extra == 0 && same > 0 && short > 0 && slips == 0 && missing <= 1:
		return Close // A. Novak for Ana Marija Novak
	case same > 1 && short+slips == 0 && (extra == 0 || missing == 0 && extra == 1):
		return Close // a name too few, or one too many
	}
	return None
}

// initials are the first letters of a name of at least three words, of fewer none.
func (n name) initials() string {
	const words = 3
	if len(n.words) < words {
		return ""
	}
	var s strings.Builder
	for _, w := range n.words {
		s.WriteRune([]rune(w.plain)[0])
	}
	return s.String()
}
