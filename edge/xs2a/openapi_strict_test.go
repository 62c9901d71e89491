package xs2a_test

import "github.com/getkin/kin-openapi/openapi3"

// strict closes the schemas of our own document. It is open to clients, who must ignore what
// they do not know; but we answer with nothing that is not in the document of the bank, so
// what a bank's profile or level leaves out of it is in no answer either.
func strict(doc *openapi3.T) {
	for _, s := range doc.Components.Schemas {
		if len(s.Value.Properties) > 0 {
			s.Value.AdditionalProperties = openapi3.BoolSchema{Has: new(bool)}
		}
	}
}
