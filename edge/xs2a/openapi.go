package xs2a

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kontor/bank/profile"
)

// Version of the interface's document; it changes when the contract does.
const Version = "0.1.0"

// OpenAPI returns the OpenAPI 3.1 document of what p offers, as JSON, made from the table of
// operations and the wire types. server is the base URL before /v1; "" stands for any bank.
func OpenAPI(p profile.Profile, title, server string) ([]byte, error) {
	schemas := huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		return lowerFirst(huma.DefaultSchemaNamer(t, hint))
	})
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: title, Version: Version, License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			Description: "Access to accounts for licensed third parties, after the Berlin Group's NextGenPSD2 XS2A framework, level " + p.SpecLevel + ".",
		},
		Components: &huma.Components{
			Schemas:         schemas,
			SecuritySchemes: map[string]*huma.SecurityScheme{"qwac": {Type: "mutualTLS", Description: "A QWAC with the PSD2 role that the operation needs."}, "token": {Type: "http", Scheme: "bearer"}},
		},
		Paths: map[string]*huma.PathItem{},
	}
	if server == "" {
		server = "https://bank.example"
	}
	doc.Servers = []*huma.Server{{URL: server}}
	for i := range operations {
		op := &operations[i]
		if op.offered != nil && !op.offered(p) {
			continue
		}
		item := doc.Paths[op.path]
		if item == nil {
			item = &huma.PathItem{}
			doc.Paths[op.path] = item
		}
		described := describe(op, p, schemas)
		switch op.method {
		case http.MethodGet:
			item.Get = described
		case http.MethodPost:
			item.Post = described
		case http.MethodDelete:
			item.Delete = described
		}
	}
	return json.MarshalIndent(doc, "", "  ")
}

// inPath finds the parameters of a path.
var inPath = regexp.MustCompile(`\{(\w+)\}`)

func describe(op *operation, p profile.Profile, schemas huma.Registry) *huma.Operation {
	out := &huma.Operation{
		OperationID: op.id, Summary: op.summary, Tags: []string{string(op.service)},
		Responses: map[string]*huma.Response{}, Security: []map[string][]string{{"qwac": {}}},
	}
	if p.OAuth.Mode == profile.OAuthIntegrated && op.token == tokenToRead || p.OAuth.Mode == profile.OAuthPreStep && op.token == tokenToCreate {
		out.Security = []map[string][]string{{"qwac": {}, "token": {}}}
	}
	for _, m := range inPath.FindAllStringSubmatch(op.path, -1) {
		out.Parameters = append(out.Parameters, parameter{"path", m[1], "", "", true}.describe())
	}
	common := []parameter{
		{"header", "X-Request-ID", "Names this call; it comes back in the answer.", "uuid", true},
		{"header", "PSU-IP-Address", "Address of the PSU's device, if and only if she asked for this.", "", op.psuIP},
	}
	for _, q := range append(common, op.params...) {
		out.Parameters = append(out.Parameters, q.describe())
	}
	if op.body != nil {
		out.RequestBody = &huma.RequestBody{Required: true, Content: content("application/json", op.body, schemas)}
	}
	good := &huma.Response{Description: http.StatusText(op.status), Headers: map[string]*huma.Param{"X-Request-ID": {Schema: &huma.Schema{Type: "string", Format: "uuid"}, Required: true}}}
	if op.status == http.StatusCreated {
		good.Headers["Location"] = &huma.Param{Schema: &huma.Schema{Type: "string", Format: "uri"}, Required: true}
		good.Headers["ASPSP-SCA-Approach"] = &huma.Param{Schema: &huma.Schema{Type: "string"}}
	}
	if op.answer != nil {
		good.Content = content("application/json", op.answer, schemas)
	}
	out.Responses[strconv.Itoa(op.status)] = good
	bad := content("application/json", messages{}, schemas)
	bad["application/problem+json"] = content("", problem{}, schemas)[""]
	out.Responses["4XX"] = &huma.Response{Description: "A refusal: tppMessages say why.", Content: bad}
	out.Responses["5XX"] = &huma.Response{Description: "The bank's systems, or ours, do not answer.", Content: bad}
	return out
}

func (q parameter) describe() *huma.Param {
	s := &huma.Schema{Type: "string", Format: q.format}
	if q.format == "boolean" || q.format == "integer" {
		s = &huma.Schema{Type: q.format}
	}
	return &huma.Param{Name: q.name, In: q.in, Description: q.doc, Required: q.required, Schema: s}
}

func content(media string, wire any, schemas huma.Registry) map[string]*huma.MediaType {
	s := schemas.Schema(reflect.TypeOf(wire), true, "")
	open(schemas)
	return map[string]*huma.MediaType{media: {Schema: s}}
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

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
