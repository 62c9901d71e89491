package xs2a

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kontor/bank/profile"
)

// A memberRule says at which profiles a member of a schema is there. Members that came with a
// level of the standard have a tag at the field instead: see level.
type memberRule struct {
	schema, member string // schema "*": every one that has it
	offered        func(profile.Profile) bool
}

var memberRules = []memberRule{
	{"consentRequest", "confirmationOfFundsAllowed", func(p profile.Profile) bool { return p.Funds.ConsentVia == profile.FundsByConsents }},
	{"accountAccess", "availableAccounts", func(p profile.Profile) bool { return p.Consent.AvailableAccounts }},
	{"accountAccess", "availableAccountsWithBalance", func(p profile.Profile) bool { return p.Consent.AvailableAccounts }},
	{"accountAccess", "allPsd2", func(p profile.Profile) bool { return p.Consent.Global }},
	{"accountAccess", "restrictedTo", func(p profile.Profile) bool { return p.Consent.RestrictedTo }},
	{"accountAccess", "additionalInformation", func(p profile.Profile) bool { return p.Accounts.OwnerName || p.Accounts.TrustedBeneficiaries }},
	{"additionalInformation", "ownerName", func(p profile.Profile) bool { return p.Accounts.OwnerName }},
	{"additionalInformation", "trustedBeneficiaries", func(p profile.Profile) bool { return p.Accounts.TrustedBeneficiaries }},
	{"accountDetails", "ownerName", namesOwnersIn("ownerName")},
	{"accountDetails", "ownerNames", namesOwnersIn("ownerNames")},
	{"accountDetails", "psuName", namesOwnersIn("psuName")},
	{"cardAccountDetails", "ownerName", namesOwnersIn("ownerName")},
	{"transactionList", "balances", balancesInLists},
	{"accountReport", "pending", showsEntries("pending", "both", "all")},
	{"accountReport", "information", showsEntries("information", "all")},
	{"transaction", "additionalInformationStructured", showsEntries("information", "all")},
	{"cardAccountReport", "pending", showsEntries("pending", "both")},
	{"links", "download", func(p profile.Profile) bool { return p.Accounts.Downloads }},
	{"links", "cardAccount", cardsOn},
	{"links", "cardTransactions", cardsOn},
	{"links", "scaRedirect", func(p profile.Profile) bool { return offers(p, profile.Redirect) || takesSteps(p) }},
	{"links", "scaOAuth", func(p profile.Profile) bool { return p.OAuth.Mode != profile.OAuthNone }},
	{"links", "transactionDetails", func(p profile.Profile) bool { return p.Accounts.TransactionDetails }},
	{"paymentStatusAnswer", "tppMessages", verifiesPayees},
	{"links", "startAuthorisationWithPsuIdentification", func(p profile.Profile) bool { return offers(p, profile.Decoupled) }},
	{"links", "startAuthorisationWithPsuAuthentication", embeds},
	{"links", "startAuthorisationWithEncryptedPsuAuthentication", func(p profile.Profile) bool { return p.EncryptedPasswords }},
	{"links", "updatePsuIdentification", takesSteps},
	{"links", "updatePsuAuthentication", embeds},
	{"links", "updateEncryptedPsuAuthentication", func(p profile.Profile) bool { return p.EncryptedPasswords }},
	{"links", "selectAuthenticationMethod", takesSteps},
	{"links", "authoriseTransaction", embeds},
	{"*", "scaMethods", takesSteps},
	{"*", "chosenScaMethod", takesSteps},
	{"*", "challengeData", takesSteps},
}

func offers(p profile.Profile, a profile.SCAApproach) bool {
	return slices.Contains(p.SCAApproaches, a)
}
func embeds(p profile.Profile) bool { return offers(p, profile.Embedded) }

// takesSteps says whether a TPP can move SCA on at a bank with the profile p.
func takesSteps(p profile.Profile) bool { return embeds(p) || offers(p, profile.Decoupled) }

// valueRules say at which profiles some values of a member are there.
var valueRules = []struct {
	memberRule
	values []any
}{
	{memberRule{"paymentCreated", "transactionStatus", verifiesPayees}, payeeStatuses},
}

func balancesInLists(p profile.Profile) bool { return p.Accounts.WithBalance == "honour" }

func namesOwnersIn(field string) func(profile.Profile) bool {
	return func(p profile.Profile) bool {
		return p.Accounts.OwnerName && slices.Contains(p.Accounts.OwnerNameFields, field)
	}
}

func showsEntries(statuses ...string) func(profile.Profile) bool {
	return func(p profile.Profile) bool {
		return slices.ContainsFunc(statuses, func(s string) bool { return slices.Contains(p.Accounts.BookingStatuses, s) })
	}
}

// limits tell at a member what the bank makes of it.
var limits = []struct {
	schema, member string // schema "*": every one that has it
	text           func(profile.Profile) string
}{
	{"consentRequest", "validUntil", func(p profile.Profile) string {
		text := fmt.Sprintf("A consent lives for %d days at most, its first included; a later day is lowered.", p.Consent.ValidityDaysMax)
		if p.Consent.OneOffStrict {
			text += " That of a one-off consent must be today."
		}
		return text
	}},
	{"consentRequest", "frequencyPerDay", func(p profile.Profile) string {
		return fmt.Sprintf("More than %d is lowered.", p.Consent.FrequencyMax)
	}},
	{"accountAccess", "accounts", func(p profile.Profile) string {
		return "An account is named by one of: " + strings.Join(p.Accounts.ReferenceTypes, ", ") + "."
	}},
	{"paymentRequest", "debtorAccount", func(p profile.Profile) string {
		if p.Payments.DebtorAccountOptional {
			return "It may be left out: the PSU chooses it at the bank."
		}
		return "It is required."
	}},
}

// narrow takes out of the schemas what the bank does not offer or its level does not know,
// and then the schemas that nothing leads to any more.
func (d *drawing) narrow() {
	all := d.schemas.Map()
	for before := -1; before != len(all); { // what is embedded may lead to further schemas
		before = len(all)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			d.embed(name, all[name])
		}
	}
	open(d.schemas)
	for name, s := range all {
		d.takeOutNewer(name, s)
		for _, r := range memberRules {
			if (r.schema == name || r.schema == "*") && !r.offered(d.p) {
				takeOut(s, r.member)
			}
		}
		for _, r := range valueRules {
			if m := s.Properties[r.member]; m != nil && r.schema == name && !r.offered(d.p) {
				m.Enum = slices.DeleteFunc(m.Enum, func(v any) bool { return slices.Contains(r.values, v) })
			}
		}
		for _, l := range limits {
			if m := s.Properties[l.member]; m != nil && l.schema == name {
				m.Description = strings.TrimSpace(m.Description + " " + l.text(d.p))
			}
		}
	}
	used := map[string]bool{}
	var follow func(*huma.Schema)
	follow = func(s *huma.Schema) {
		if s == nil {
			return
		}
		if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok && !used[name] {
			used[name] = true
			follow(all[name])
		}
		follow(s.Items)
		for _, m := range s.Properties {
			follow(m)
		}
		for _, m := range slices.Concat(s.AllOf, s.AnyOf) {
			follow(m)
		}
	}
	d.eachContent(func(m *huma.MediaType) { follow(m.Schema) })
	for name := range all {
		if !used[name] {
			delete(all, name)
		}
	}
}

// embed adds to a schema the members of embedded structs, as JSON has them: huma looks only
// into those whose name is exported.
func (d *drawing) embed(name string, s *huma.Schema) {
	t := d.schemas.TypeFromRef("#/components/schemas/" + name)
	if t == nil || t.Kind() != reflect.Struct {
		return
	}
	for f := range t.Fields() {
		if !f.Anonymous || f.IsExported() {
			continue
		}
		in := d.schemas.Schema(f.Type, false, "")
		for member, m := range in.Properties {
			if s.Properties[member] == nil {
				s.Properties[member] = m
				if slices.Contains(in.Required, member) {
					s.Required = append(s.Required, member)
				}
			}
		}
		slices.Sort(s.Required)
	}
}

// eachContent calls do with every body of the document.
func (d *drawing) eachContent(do func(*huma.MediaType)) {
	each := func(content map[string]*huma.MediaType) {
		for _, m := range content {
			do(m)
		}
	}
	for _, r := range d.doc.Components.Responses {
		each(r.Content)
	}
	for _, item := range d.doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op == nil {
				continue
			}
			if op.RequestBody != nil {
				each(op.RequestBody.Content)
			}
			for _, r := range op.Responses {
				each(r.Content)
			}
		}
	}
}

// takeOutNewer takes out what a tag says is newer than the bank's level.
func (d *drawing) takeOutNewer(name string, s *huma.Schema) {
	t := d.schemas.TypeFromRef("#/components/schemas/" + name)
	if t == nil || t.Kind() != reflect.Struct {
		return
	}
	d.takeOutFields(s, t)
}

func (d *drawing) takeOutFields(s *huma.Schema, t reflect.Type) {
	for f := range t.Fields() {
		if f.Anonymous { // its members are written as those of t
			d.takeOutFields(s, f.Type)
		}
		if since := f.Tag.Get("since"); since != "" && !d.p.AtLeast(since) {
			member, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			takeOut(s, member)
		}
	}
}

func takeOut(s *huma.Schema, member string) {
	delete(s.Properties, member)
	s.Required = slices.DeleteFunc(s.Required, func(name string) bool { return name == member })
}

// open lets every object have members that the document does not name: the interface
// ignores them, and a client of an older level must too. A list is never null; huma says so
// of every Go slice.
func open(schemas huma.Registry) {
	for _, s := range schemas.Map() {
		s.AdditionalProperties = true
		for _, member := range s.Properties {
			if member.Type == huma.TypeArray {
				member.Nullable = false
			}
		}
	}
}
