package xs2a

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kontor/bank/profile"
)

// Version of the interface's document; it changes when the contract does.
const Version = "0.5.0"

// A Place says where the interface of a bank and its authorization server are.
type Place struct {
	Server    string // base URL of the interface, before /v1
	Metadata  string // of the authorization server (RFC 8414)
	Authorize string // where the PSU's browser goes
	Token     string
}

// OpenAPI returns the OpenAPI 3.1 document of what p offers, as Document does. server is the
// base URL before /v1; "" stands for any bank.
func OpenAPI(p profile.Profile, title, server string) ([]byte, error) {
	return document(p, title, Place{Server: cmp.Or(server, "https://bank.example")}).MarshalJSON()
}

// Document returns the OpenAPI 3.1 document of b's interface as JSON, made from the table of
// operations and the wire types, and narrowed to its profile: operations, parameters, fields,
// formats and message codes that b does not offer, or that are newer than its level of the
// standard, are not in it.
func Document(b profile.Bank, at Place) ([]byte, error) {
	return document(b.Profile, b.Name+": XS2A", at).MarshalJSON()
}

// DocumentYAML returns the same document as YAML.
func DocumentYAML(b profile.Bank, at Place) ([]byte, error) {
	return document(b.Profile, b.Name+": XS2A", at).YAML()
}

// A drawing is a document while it is made.
type drawing struct {
	p       profile.Profile
	schemas huma.Registry
	doc     *huma.OpenAPI
}

type printed struct{ *huma.OpenAPI }

// MarshalJSON writes the document for people.
func (d printed) MarshalJSON() ([]byte, error) { return json.MarshalIndent(d.OpenAPI, "", "  ") }

func document(p profile.Profile, title string, at Place) printed {
	schemas := huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		return lowerFirst(huma.DefaultSchemaNamer(t, hint))
	})
	d := &drawing{p: p, schemas: schemas, doc: &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: title, Version: Version, License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			Description: "Access to accounts for licensed third parties, after the Berlin Group's NextGenPSD2 XS2A framework, level " + p.SpecLevel + ".",
		},
		Servers:    []*huma.Server{{URL: at.Server}},
		Components: &huma.Components{Schemas: schemas, Responses: map[string]*huma.Response{}, SecuritySchemes: security(p, at)},
		Paths:      map[string]*huma.PathItem{},
	}}
	for _, s := range []service{ais, pis, piis} {
		if slices.ContainsFunc(operations, func(op operation) bool { return op.service == s && op.isOffered(p) }) {
			d.doc.Tags = append(d.doc.Tags, &huma.Tag{Name: string(s), Description: serviceNames[s]})
		}
	}
	for i := range operations {
		op := &operations[i]
		if !op.isOffered(p) {
			continue
		}
		item := d.doc.Paths[op.path]
		if item == nil {
			item = &huma.PathItem{}
			d.doc.Paths[op.path] = item
		}
		described := d.operation(op)
		switch op.method {
		case http.MethodGet:
			item.Get = described
		case http.MethodPost:
			item.Post = described
		case http.MethodPut:
			item.Put = described
		case http.MethodDelete:
			item.Delete = described
		}
	}
	d.narrow()
	return printed{d.doc}
}

var serviceNames = map[service]string{ais: "Account information", pis: "Payment initiation", piis: "Confirmation of funds"}

func (op *operation) isOffered(p profile.Profile) bool { return op.offered == nil || op.offered(p) }

// needsToken says whether an access token opens op at a bank with the profile p.
func (op *operation) needsToken(p profile.Profile) bool {
	if op.service == piis && p.Funds.ConsentVia == profile.FundsAtBank {
		return false
	}
	return p.OAuth.Mode == profile.OAuthIntegrated && op.token == tokenToRead || p.OAuth.Mode == profile.OAuthPreStep && op.token == tokenToCreate
}

// inPath finds the parameters of a path.
var inPath = regexp.MustCompile(`\{([\w-]+)\}`)

func (d *drawing) operation(op *operation) *huma.Operation {
	out := &huma.Operation{
		OperationID: op.id, Summary: op.summary, Tags: []string{string(op.service)}, Description: roles(op),
		Responses: map[string]*huma.Response{}, Security: []map[string][]string{{"qwac": {}}},
	}
	if op.needsToken(d.p) {
		out.Security = []map[string][]string{{"qwac": {}, "oauth": scopesFor(d.p, op.service)}}
	}
	out.Parameters = d.parameters(op)
	if op.body != nil {
		out.RequestBody = &huma.RequestBody{Required: true, Content: d.content(jsonMedia, op.body)}
		d.pain(op, out.RequestBody.Content)
	}
	good := &huma.Response{Description: http.StatusText(op.status), Headers: d.headers()}
	if op.status == http.StatusCreated {
		good.Headers["Location"] = &huma.Param{Description: "Where the resource is.", Schema: &huma.Schema{Type: "string", Format: "uri"}, Required: true}
		good.Headers["ASPSP-SCA-Approach"] = &huma.Param{Description: "How the PSU authenticates; with OAuth it is a redirect, too.", Schema: &huma.Schema{Type: "string", Enum: []any{"REDIRECT"}}}
	}
	if op.status == http.StatusCreated && notifies(d.p) && slices.ContainsFunc(op.params, func(q parameter) bool { return q.name == notificationHeaders[0].name }) {
		good.Headers["ASPSP-Notification-Support"] = &huma.Param{Description: "Whether the TPP will be told, where it asked for that.", Schema: &huma.Schema{Type: "boolean"}}
		good.Headers["ASPSP-Notification-Content"] = &huma.Param{Description: "What it will be told.", Schema: &huma.Schema{Type: "string"}}
	}
	if op.answer != nil {
		good.Content = d.content(jsonMedia, op.answer)
	}
	if op.method == http.MethodGet {
		d.pain(op, good.Content)
	}
	if isReport(op) {
		for _, media := range MediaTypes(d.p)[1:] {
			if good.Content == nil {
				good.Content = map[string]*huma.MediaType{}
			}
			good.Content[media] = &huma.MediaType{Schema: &huma.Schema{Type: "string", Description: reportAs(formatsOf(d.p, media), media)}}
		}
	}
	out.Responses[strconv.Itoa(op.status)] = good
	if op.accepted != nil {
		out.Responses[strconv.Itoa(http.StatusAccepted)] = &huma.Response{Description: "The PSU has to authorise this first.", Headers: d.headers(), Content: d.content(jsonMedia, op.accepted)}
	}
	for status, name := range d.refusals(op) {
		out.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + name}
	}
	return out
}

func roles(op *operation) string {
	var names []string
	for _, r := range op.roles {
		names = append(names, string(r))
	}
	if len(names) == 0 {
		return ""
	}
	return "For TPPs with the role " + strings.Join(names, " or ") + "."
}

// headers are those of every answer.
func (d *drawing) headers() map[string]*huma.Param {
	h := map[string]*huma.Param{"X-Request-ID": {Description: "The request's.", Schema: &huma.Schema{Type: "string", Format: "uuid"}, Required: true}}
	for _, name := range d.p.ExtraResponseHeaders {
		h[name] = &huma.Param{Description: "Names this answer.", Schema: &huma.Schema{Type: "string", Format: "uuid"}, Required: true}
	}
	return h
}

const jsonMedia = "application/json"

// isReport says whether op answers with account reports, which have formats.
func isReport(op *operation) bool {
	return op.id == "getTransactionList" || strings.Contains(op.path, "/transactions/download/")
}

// MediaTypes lists the media types of account reports of a bank with the profile p, JSON
// first.
func MediaTypes(p profile.Profile) []string {
	all := []string{jsonMedia}
	for _, format := range p.Accounts.Formats {
		if media := MediaTypeOf(format); !slices.Contains(all, media) {
			all = append(all, media)
		}
	}
	return all
}

// MediaTypeOf returns the media type of a format of account reports.
func MediaTypeOf(format string) string {
	switch {
	case strings.HasPrefix(format, "camt."):
		return "application/xml"
	case strings.HasPrefix(format, "mt9"):
		return "text/plain"
	}
	return jsonMedia
}

func reportAs(formats []string, media string) string {
	text := "An account report as " + strings.Join(formats, ", ") + "."
	if len(formats) > 1 {
		text += fmt.Sprintf(" One of them is asked for as in %s;schema=%s.", media, formats[0])
	}
	return text
}

func formatsOf(p profile.Profile, media string) []string {
	return slices.DeleteFunc(slices.Clone(p.Accounts.Formats), func(format string) bool { return MediaTypeOf(format) != media })
}

func (d *drawing) content(media string, wire any) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{media: {Schema: d.schema(wire)}}
}

// pain adds to content what payments in XML have there.
func (d *drawing) pain(op *operation, content map[string]*huma.MediaType) {
	if op.pain == "" {
		return
	}
	text := func(what string) *huma.MediaType {
		return &huma.MediaType{Schema: &huma.Schema{Type: "string", Description: what}}
	}
	for _, service := range paymentServices {
		if !offersService(d.p, service) || !slices.ContainsFunc(d.p.Payments.Products[service], inXML) {
			continue
		}
		if service == periodicPayments && op.pain == "pain.001" {
			content[multipartMedia] = text("The parts xml_sct, a pain.001 of one payment, and json_standingorderType, which says when it is made: the members of " +
				periodicPayments + " in JSON from startDate to monthsOfExecution.")
			continue
		}
		content[xmlMedia] = text("A " + op.pain + " of ISO 20022, for the products in XML.")
	}
}

// schema describes a wire type; of those of several payment services, what the bank offers.
func (d *drawing) schema(wire any) *huma.Schema {
	several, ok := wire.(byService)
	if !ok {
		return d.schemas.Schema(reflect.TypeOf(wire), true, "")
	}
	var any []*huma.Schema
	for _, one := range several {
		if offersService(d.p, one.service) {
			any = append(any, d.schema(one.wire))
		}
	}
	if len(any) == 1 {
		return any[0]
	}
	return &huma.Schema{AnyOf: any}
}

// security describes what opens the interface.
func security(p profile.Profile, at Place) map[string]*huma.SecurityScheme {
	all := map[string]*huma.SecurityScheme{"qwac": {Type: "mutualTLS", Description: "A QWAC with the PSD2 role that the operation needs."}}
	if p.OAuth.Mode == profile.OAuthNone {
		return all
	}
	flow := &huma.OAuthFlow{
		AuthorizationURL: cmp.Or(at.Authorize, at.Server+"/oauth/authorize"), TokenURL: cmp.Or(at.Token, at.Server+"/oauth/token"),
		Scopes: map[string]string{},
	}
	for _, s := range Scopes(p) {
		flow.Scopes[s.Name] = s.Opens
	}
	if p.OAuth.RefreshToken {
		flow.RefreshURL = flow.TokenURL
	}
	pkce := "PKCE (S256) is optional."
	if p.OAuth.PKCERequired {
		pkce = "PKCE (S256) is required."
	}
	all["oauth"] = &huma.SecurityScheme{
		Type: "oauth2", Flows: &huma.OAuthFlows{AuthorizationCode: flow},
		Description: fmt.Sprintf("Tokens are bound to the TPP's certificate and live for %s. %s Metadata: %s", p.OAuth.TokenTTL, pkce, cmp.Or(at.Metadata, at.Server+"/oauth/.well-known/oauth-authorization-server")),
	}
	return all
}

// A Scope is what a token can be asked for.
type Scope struct {
	Name  string // <consentId> and <paymentId> stand for the resource's
	Opens string
}

// Scopes lists those of a bank with the profile p.
func Scopes(p profile.Profile) []Scope {
	var all []Scope
	switch p.OAuth.Mode {
	case profile.OAuthPreStep:
		all = append(all, Scope{p.OAuth.Scopes.Accounts, "Create consents."})
		if p.Payments.Enabled {
			all = append(all, Scope{p.OAuth.Scopes.Payments, "Initiate payments."})
		}
	case profile.OAuthIntegrated:
		all = append(all, Scope{"AIS:<consentId>", "Authorise a consent, and read under it."})
		if p.Payments.Enabled {
			all = append(all, Scope{"PIS:<paymentId>", "Authorise a payment."})
			if p.AtLeast("1.3.16") {
				all = append(all, Scope{"Cancel-PIS:<paymentId>", "Authorise the cancellation of a payment."})
			}
		}
		if p.Funds.Enabled {
			all = append(all, Scope{piisScope, "Authorise a consent to confirm funds, and ask under it."})
		}
		if p.OAuth.RefreshToken {
			all = append(all, Scope{"offline_access", "Refresh the token of a recurring consent."})
		}
	}
	return all
}

func scopesFor(p profile.Profile, s service) []string {
	all := Scopes(p)
	if s == pis && p.Payments.Enabled {
		return []string{all[1].Name}
	}
	if i := slices.IndexFunc(all, func(one Scope) bool { return one.Name == piisScope }); s == piis && i >= 0 {
		return []string{piisScope}
	}
	return []string{all[0].Name}
}

const piisScope = "PIIS:<consentId>"

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
