package xs2a_test

import (
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"kontor/bank/account"
	"kontor/bank/account/accountsql"
	"kontor/bank/profile"
	"kontor/edge/xs2a"
)

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

// Every dialogue about accounts is played at every level of the standard: what is answered
// differs, but is never newer than the level.
func TestAnswersAtEveryLevel(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "account_re*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues, %v", err)
	}
	for _, level := range levels {
		for _, file := range files {
			t.Run(level+"/"+filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				dialogue, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				d := openDesk(t, "standard")
				d.Change(func(b *profile.Bank) { lower(&b.Profile, level) })
				if err := d.At.Profile.Validate(); err != nil {
					t.Fatal(err)
				}
				api := &xs2a.API{
					Bank: d.At, BaseURL: "https://api.example/psd2/lon", MetadataURL: "https://hub.example/.well-known/oauth-authorization-server/lon",
					Consents: d.Service, Authorisations: d.Authorisations, Now: d.Now, Log: slog.New(slog.DiscardHandler),
					Accounts: &account.Service{Consents: d.Service, Cores: d.Cores, Store: accountsql.Store{DB: d.DB}, Key: []byte(strings.Repeat("k", 32)), Now: d.Now, NewID: rand.Text},
					Identify: identify, CheckToken: checkToken,
				}
				d.handler = watch(t, d.At.Profile, api.Handler())
				d.play(t, dialogue) // watch reports; what is said is compared elsewhere
			})
		}
	}
}

// lower puts p at level, without what the level does not know.
func lower(p *profile.Profile, level string) {
	p.SpecLevel = level
	without := func(list []string, names ...string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(names, s) })
	}
	if !p.AtLeast("1.3.12") {
		p.Accounts.OwnerNameFields = without(p.Accounts.OwnerNameFields, "ownerNames", "psuName")
	}
	if !p.AtLeast("1.3.11") {
		p.Accounts.ReferenceTypes = without(p.Accounts.ReferenceTypes, "other")
	}
	if !p.AtLeast("1.3.9") {
		p.Accounts.BookingStatuses = without(p.Accounts.BookingStatuses, "all")
	}
}
