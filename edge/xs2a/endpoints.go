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
