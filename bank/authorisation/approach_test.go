package authorisation_test

import (
	"testing"

	"kontor/bank/authorisation"
	"kontor/bank/profile"
)

func TestChoose(t *testing.T) {
	yes, no := new(true), new(false)
	const redirect, oauth, decoupled, embedded = profile.Redirect, profile.OAuthSCA, profile.Decoupled, profile.Embedded
	type list = []profile.SCAApproach
	all := list{redirect, decoupled, embedded}
	backwards := list{embedded, decoupled, redirect}
	for _, tt := range []struct {
		name                string
		redirect, decoupled *bool
		offered             list
		want                profile.SCAApproach
	}{
		{"nothing was said: the bank's first", nil, nil, all, redirect},
		{"nothing was said, of a bank that likes embedded best", nil, nil, backwards, embedded},
		{"redirect", yes, nil, backwards, redirect},
		{"redirect by way of OAuth is redirect", yes, nil, list{embedded, oauth}, oauth},
		{"redirect, and not decoupled", yes, no, backwards, redirect},
		{"redirect where there is none", yes, nil, list{embedded, decoupled}, embedded},
		{"redirect where there is none, and not decoupled", yes, no, list{decoupled, embedded}, embedded},
		{"decoupled", nil, yes, all, decoupled},
		{"decoupled, and not redirect", no, yes, all, decoupled},
		{"decoupled where there is none", nil, yes, list{redirect, embedded}, redirect},
		{"decoupled where there is none, and not redirect", no, yes, list{redirect, embedded}, embedded},
		{"not redirect: the first that is something else", no, nil, all, decoupled},
		{"not redirect, of a bank that has OAuth first", no, nil, list{oauth, embedded, decoupled}, embedded},
		{"not redirect, where there is nothing else", no, nil, list{redirect, oauth}, redirect},
		{"not decoupled", nil, no, list{decoupled, redirect, embedded}, redirect},
		{"not decoupled, of a bank that likes embedded best", nil, no, backwards, embedded},
		{"neither: embedded", no, no, all, embedded},
		{"neither, where there is no embedded: the bank's first", no, no, list{decoupled, redirect}, decoupled},
		{"both: the first that leaves the TPP", yes, yes, backwards, decoupled},
		{"both, of a bank that has redirect first", yes, yes, all, redirect},
		{"both, where there is only embedded", yes, yes, list{embedded}, embedded},
		{"a bank with one approach does not listen: embedded", yes, no, list{embedded}, embedded},
		{"a bank with one approach does not listen: redirect", no, no, list{redirect}, redirect},
		{"a bank with one approach does not listen: decoupled", no, no, list{decoupled}, decoupled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := authorisation.Preference{Redirect: tt.redirect, Decoupled: tt.decoupled}
			if got := p.Choose(tt.offered); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
