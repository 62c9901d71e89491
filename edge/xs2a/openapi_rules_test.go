package xs2a

import (
	"slices"
	"strconv"
	"testing"

	"kontor/bank/profile"
)

// A rule about something that there is not narrows nothing, and nobody would notice.
func TestRulesMeanSomething(t *testing.T) {
	t.Parallel()
	p, err := profile.Load("standard")
	if err != nil {
		t.Fatal(err)
	}
	p.OAuth.Mode, p.SCAApproaches = profile.OAuthPreStep, []profile.SCAApproach{profile.Redirect, profile.Decoupled, profile.Embedded}
	p.EncryptedPasswords = true
	p.Funds.ConsentVia = profile.FundsByConsents
	p.Payments.PayeeVerification = true
	schemas := document(p, "", Place{}).Components.Schemas.Map()
	for _, r := range memberRules {
		if r.schema == "*" {
			for _, s := range schemas {
				if s.Properties[r.member] != nil {
					r.schema = ""
				}
			}
			if r.schema != "" {
				t.Errorf("no schema has %s", r.member)
			}
			continue
		}
		if s := schemas[r.schema]; s == nil || s.Properties[r.member] == nil {
			t.Errorf("there is no %s.%s", r.schema, r.member)
		}
	}
	for _, r := range valueRules {
		if s := schemas[r.schema]; s == nil || s.Properties[r.member] == nil || !slices.Contains(s.Properties[r.member].Enum, r.values[0]) {
			t.Errorf("there is no value %v of %s.%s", r.values[0], r.schema, r.member)
		}
	}
	for _, l := range limits {
		if s := schemas[l.schema]; s == nil || s.Properties[l.member] == nil {
			t.Errorf("there is no %s.%s", l.schema, l.member)
		}
	}
	for _, r := range parameterRules {
		if !slices.ContainsFunc(operations, func(op operation) bool {
			in := slices.ContainsFunc(inPath.FindAllStringSubmatch(op.path, -1), func(m []string) bool { return m[1] == r.name })
			return in || slices.ContainsFunc(op.params, func(q parameter) bool { return q.name == r.name })
		}) {
			t.Errorf("there is no parameter %s", r.name)
		}
	}
	for code := range codeRules {
		if !slices.ContainsFunc(Refusals(p), func(r Refusal) bool { return r.Code == code || strconv.Itoa(r.Status)+" "+r.Code == code }) {
			t.Errorf("no refusal has the code %s", code)
		}
	}
}
