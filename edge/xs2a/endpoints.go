package xs2a

import "kontor/bank/profile"

// An Endpoint is an operation of the interface, as others describe it.
type Endpoint struct {
	ID, Method, Path, Summary string
	Service                   string   // AIS, PIS, PIIS
	Roles                     []string // one of them is needed
	Token                     bool     // an access token is needed
	PSUIPAddress              bool     // the header PSU-IP-Address is mandatory
	Offered                   bool
}

// Endpoints lists every operation, and says which of them a bank with the profile p offers.
func Endpoints(p profile.Profile) []Endpoint {
	var all []Endpoint
	for i := range operations {
		op := &operations[i]
		e := Endpoint{
			ID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Service: string(op.service),
			Token: op.needsToken(p), PSUIPAddress: op.psuIP, Offered: op.isOffered(p),
		}
		for _, r := range op.roles {
			e.Roles = append(e.Roles, string(r))
		}
		all = append(all, e)
	}
	return all
}

// A Header is one of a request or of an answer.
type Header struct {
	Name, Means string
	Mandatory   bool // always; others are so under conditions that Means tells
}

// RequestHeaders lists those that a bank with the profile p looks at.
func RequestHeaders(p profile.Profile) []Header {
	create := &operation{params: redirectHeaders, path: "/v1/consents"}
	var all []Header
	for _, q := range (&drawing{p: p}).parameters(create) {
		all = append(all, Header{q.Name, q.Description, q.Required && q.Name != "TPP-Redirect-URI"})
	}
	return append(all, Header{consentIDHeader.name, "The consent under which something is read; mandatory for reads of accounts.", false})
}

// ResponseHeaders lists those that it answers with.
func ResponseHeaders(p profile.Profile) []Header {
	all := []Header{
		{"X-Request-ID", "The request's.", true},
		{"Location", "Where a resource that was created is.", false},
		{"ASPSP-SCA-Approach", "How the PSU authenticates: REDIRECT (also with OAuth), DECOUPLED or EMBEDDED.", false},
	}
	if notifies(p) {
		all = append(all, Header{"ASPSP-Notification-Support", "Whether the TPP will be told of changes of status, where it asked for that.", false},
			Header{"ASPSP-Notification-Content", "Of which changes: SCA, PROCESS, LAST.", false})
	}
	for _, name := range p.ExtraResponseHeaders {
		all = append(all, Header{name, "Names this answer.", true})
	}
	return all
}
