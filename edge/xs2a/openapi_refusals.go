package xs2a

import (
	"cmp"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kontor/bank/profile"
)

// codeRules say for which operations a message code is, where it is not for all; with its
// status before it, for which it is with that.
var codeRules = map[string]func(profile.Profile, service) bool{
	"TOKEN_INVALID":             withTokens,
	"TOKEN_UNKNOWN":             withTokens,
	"TOKEN_EXPIRED":             withTokens,
	"ACCESS_EXCEEDED":           of(ais),
	"SESSIONS_NOT_SUPPORTED":    of(ais),
	"PERIOD_INVALID":            of(ais, pis),
	"CONSENT_UNKNOWN":           of(ais, piis),
	"CONSENT_INVALID":           of(ais, piis),
	"CONSENT_EXPIRED":           of(ais, piis),
	"PRODUCT_UNKNOWN":           of(pis),
	"EXECUTION_DATE_INVALID":    of(pis),
	"PARAMETER_NOT_CONSISTENT":  of(pis),
	"PAYMENT_FAILED":            of(pis),
	"CANCELLATION_INVALID":      of(pis),
	"REFERENCE_MIX_INVALID":     of(sbs),
	"REFERENCE_STATUS_INVALID":  of(sbs),
	"400 RESOURCE_UNKNOWN":      of(sbs), // other services name resources in the path only
	"RESOURCE_BLOCKED":          func(p profile.Profile, _ service) bool { return p.Baskets.Enabled },
	"NO_PIIS_ACTIVATION":        of(piis),
	"CARD_INVALID":              of(piis),
	"REQUESTED_FORMATS_INVALID": of(ais, pis),
	"PSU_CREDENTIALS_INVALID":   withSteps,
	"SCA_METHOD_UNKNOWN":        withSteps,
}

func of(services ...service) func(profile.Profile, service) bool {
	return func(_ profile.Profile, s service) bool { return slices.Contains(services, s) }
}

func withTokens(p profile.Profile, _ service) bool { return p.OAuth.Mode != profile.OAuthNone }

func withSteps(p profile.Profile, _ service) bool { return takesSteps(p) }

// A Refusal is a message code that TPPs may read in an answer.
type Refusal struct {
	Status int
	Code   string
}

// Refusals lists those of a bank with the profile p, by status.
func Refusals(p profile.Profile) []Refusal {
	var all []Refusal
	services := []service{ais, pis, piis}
	if p.Baskets.Enabled {
		services = append(services, sbs)
	}
	for _, s := range services {
		for status, codes := range codesOf(p, s) {
			for _, code := range codes {
				if r := (Refusal{status, code}); !slices.Contains(all, r) {
					all = append(all, r)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Refusal) int { return a.Status<<8 - b.Status<<8 + strings.Compare(a.Code, b.Code) })
	return all
}

// codesOf lists by status the message codes that a service may answer with. What is in no
// table is an error of ours.
func codesOf(p profile.Profile, s service) map[int][]string {
	all := map[int][]string{http.StatusInternalServerError: {"INTERNAL_SERVER_ERROR"}}
	for _, r := range refusals {
		ruledOut := func(name string) bool { return codeRules[name] != nil && !codeRules[name](p, s) }
		if ruledOut(r.code) || ruledOut(strconv.Itoa(r.status)+" "+r.code) || slices.Contains(all[r.status], r.code) {
			continue
		}
		all[r.status] = append(all[r.status], r.code)
	}
	return all
}

// refusals describes those of op, and returns their names by status.
func (d *drawing) refusals(op *operation) map[int]string {
	names := map[int]string{}
	whose := cmp.Or(op.codes, op.service)
	codes := codesOf(d.p, whose)
	for _, status := range slices.Sorted(maps.Keys(codes)) {
		if status == http.StatusNotAcceptable && !isReport(op) && op.pain != "pain.002" || status == http.StatusUnsupportedMediaType && op.body == nil {
			continue
		}
		name := string(whose) + strconv.Itoa(status)
		names[status] = name
		if d.doc.Components.Responses[name] == nil {
			d.doc.Components.Responses[name] = d.refusal(status, codes[status])
		}
	}
	return names
}

func (d *drawing) refusal(status int, codes []string) *huma.Response {
	code := &huma.Schema{Properties: map[string]*huma.Schema{"code": {Enum: values(codes)}}}
	message := &huma.Schema{Properties: map[string]*huma.Schema{"tppMessages": {Items: code}}}
	both := func(wire any, narrower *huma.Schema) *huma.MediaType {
		return &huma.MediaType{Schema: &huma.Schema{AllOf: []*huma.Schema{d.schemas.Schema(reflect.TypeOf(wire), true, ""), narrower}}}
	}
	r := &huma.Response{
		Description: "Refused: " + strings.Join(codes, ", ") + ".", Headers: d.headers(),
		Content: map[string]*huma.MediaType{jsonMedia: both(messages{}, message), "application/problem+json": both(problem{}, code)},
	}
	// A request without a usable X-Request-ID is refused, too, and has none to give back.
	r.Headers["X-Request-ID"].Required = false
	if status >= 500 {
		r.Description = "The bank's systems, or ours, do not answer: " + strings.Join(codes, ", ") + "."
	}
	return r
}
