package xs2a

import (
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kontor/bank/profile"
)

// A parameterRule says what a profile makes of a parameter, wherever it stands.
type parameterRule struct {
	name    string
	offered func(profile.Profile) bool // nil: always
	// shape narrows what may be sent.
	shape func(profile.Profile, *operation, *huma.Param)
}

var parameterRules = []parameterRule{
	{"withBalance", balancesInLists, nil},
	{"entryReferenceFrom", func(p profile.Profile) bool { return p.Accounts.EntryReferenceFrom }, nil},
	{"deltaList", func(p profile.Profile) bool { return p.Accounts.DeltaList }, nil},
	{"pageIndex", func(p profile.Profile) bool { return p.AtLeast("1.3.9") }, func(_ profile.Profile, _ *operation, q *huma.Param) { q.Schema.Minimum = number(0) }},
	{"itemsPerPage", func(p profile.Profile) bool { return p.AtLeast("1.3.9") }, func(p profile.Profile, _ *operation, q *huma.Param) {
		q.Schema.Minimum, q.Schema.Maximum, q.Schema.Default = number(1), number(p.Accounts.ItemsPerPageMax), p.Accounts.ItemsPerPageDefault
	}},
	{"bookingStatus", nil, func(p profile.Profile, op *operation, q *huma.Param) {
		statuses := bookingStatuses(p, op)
		q.Schema.Enum, q.Description = values(statuses), strings.Join(statuses, ", ")+"."
	}},
	{"dateFrom", nil, func(p profile.Profile, _ *operation, q *huma.Param) { q.Description += " " + history(p) }},
	{"TPP-Redirect-URI", nil, func(p profile.Profile, _ *operation, q *huma.Param) {
		q.Required = len(p.SCAApproaches) == 1 && offers(p, profile.Redirect)
	}},
	{"TPP-Explicit-Authorisation-Preferred", func(p profile.Profile) bool { return p.StartsExplicitly(true) }, nil},
	{"TPP-Redirect-Preferred", func(p profile.Profile) bool { return len(p.SCAApproaches) > 1 }, nil},
	{"TPP-Decoupled-Preferred", func(p profile.Profile) bool { return len(p.SCAApproaches) > 1 }, nil},
	{"PSU-ID-Type", takesSteps, nil},
	{"PSU-Corporate-ID-Type", takesSteps, nil},
	{"TPP-Notification-URI", notifies, nil},
	{"TPP-Notification-Content-Preferred", notifies, func(p profile.Profile, _ *operation, q *huma.Param) {
		q.Schema.Pattern, q.Description = "^status=", q.Description+" Known here: "+strings.Join(p.Notifications, ", ")+"."
	}},
	{"paymentService", nil, func(p profile.Profile, _ *operation, q *huma.Param) {
		q.Schema.Enum = values(slices.DeleteFunc(slices.Clone(paymentServices), func(s string) bool { return !offersService(p, s) }))
	}},
	{"paymentProduct", nil, func(p profile.Profile, _ *operation, q *huma.Param) {
		var all, alike []string
		for _, service := range paymentServices {
			products := p.Payments.Products[service]
			for _, product := range products {
				if !slices.Contains(all, product) {
					all = append(all, product)
				}
			}
			if len(products) > 0 {
				alike = append(alike, fmt.Sprintf("%s: %s.", service, strings.Join(products, ", ")))
			}
		}
		q.Schema.Enum, q.Description = values(all), strings.Join(alike, " ")
	}},
}

// bookingStatuses lists those that op knows: cards have no standing orders.
func bookingStatuses(p profile.Profile, op *operation) []string {
	if !strings.HasPrefix(op.path, "/v1/card-accounts") {
		return p.Accounts.BookingStatuses
	}
	return slices.DeleteFunc(slices.Clone(p.Accounts.BookingStatuses), func(s string) bool { return s == "information" || s == "all" })
}

// history tells how far back transactions can be read.
func history(p profile.Profile) string {
	text := fmt.Sprintf("The last %d days can be read", p.Accounts.HistoryDays)
	if p.Accounts.FreshSCAWindow > 0 {
		text += fmt.Sprintf("; older ones for %s after SCA", p.Accounts.FreshSCAWindow)
	}
	return text + "."
}

func values(texts []string) []any {
	all := make([]any, len(texts))
	for i, s := range texts {
		all[i] = s
	}
	return all
}

func number(n int) *float64 { f := float64(n); return &f }

// common lists the headers that every operation has.
func common(p profile.Profile, op *operation) []parameter {
	all := []parameter{
		{"header", "X-Request-ID", "Names this call; it comes back in the answer.", "uuid", true},
		{"header", "PSU-IP-Address", "Address of the PSU's device, if and only if she asked for this.", "", op.psuIP},
		{"header", "PSU-User-Agent", "The PSU's browser or app.", "", false},
		{"header", "PSU-Accept-Language", "The languages that the PSU reads, as her browser says it: the bank's page and psuMessage follow it.", "", false},
		{"header", "PSU-Device-ID", "Names the PSU's device.", "", false},
		{"header", "PSU-Geo-Location", "Where the PSU's device is, as GEO:latitude;longitude.", "", false},
		{"header", "PSU-Corporate-ID", "The company that the PSU acts for.", "", false},
	}
	signed := "Signs " + strings.Join(p.Signature.Headers, ", ")
	if len(p.Signature.HeadersIfPresent) > 0 {
		signed += "; where the request has them, also " + strings.Join(p.Signature.HeadersIfPresent, ", ")
	}
	must := p.Signature.Required
	all = append(all,
		parameter{"header", "Digest", "Digest of the body.", "", must},
		parameter{"header", "Signature", signed + ".", "", must},
		parameter{"header", "TPP-Signature-Certificate", "The QSealC of the signature, in Base64.", "", must},
	)
	if p.Signature.DateWindow > 0 {
		all = append(all, parameter{"header", "Date", fmt.Sprintf("Of a signed request, not more than %s off.", p.Signature.DateWindow), "", must})
	}
	return all
}

// parameters lists those of op that the profile offers.
func (d *drawing) parameters(op *operation) []*huma.Param {
	var all []parameter
	for _, m := range inPath.FindAllStringSubmatch(op.path, -1) {
		all = append(all, parameter{"path", m[1], "", "", true})
	}
	all = append(append(all, common(d.p, op)...), op.params...)
	var out []*huma.Param
	for _, one := range all {
		q := one.describe()
		i := slices.IndexFunc(parameterRules, func(r parameterRule) bool { return r.name == one.name })
		if i >= 0 {
			rule := parameterRules[i]
			if rule.offered != nil && !rule.offered(d.p) {
				continue
			}
			if rule.shape != nil {
				rule.shape(d.p, op, q)
			}
		}
		out = append(out, q)
	}
	return out
}

func (q parameter) describe() *huma.Param {
	s := &huma.Schema{Type: "string", Format: q.format}
	if q.format == "boolean" || q.format == "integer" {
		s = &huma.Schema{Type: q.format}
	}
	return &huma.Param{Name: q.name, In: q.in, Description: q.doc, Required: q.required, Schema: s}
}
