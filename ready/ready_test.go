package ready_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kontor/ready"
)

func TestFileKeepsItsShape(t *testing.T) {
	t.Parallel()
	r := ready.Ready{
		API: "https://127.0.0.1:8443", Web: "http://127.0.0.1:8080", WebTLS: "https://127.0.0.1:8444", Bank: "http://127.0.0.1:8090", CA: "ca.pem",
		Banks:    []ready.Bank{{Code: "lon", Profile: "bankart", XS2A: "https://127.0.0.1:8443/lon", OAuth: "http://127.0.0.1:8080/lon/oauth"}},
		TPPs:     []ready.TPP{{Name: "Alpa", OrganizationIdentifier: "PSDSI-BS-1", Roles: []string{"PSP_AI"}, RedirectURIs: []string{"https://alpa.example/cb"}}},
		Personas: []ready.Persona{{Login: "ana", Name: "Ana", Accounts: []ready.Account{{IBAN: "SI56", Currency: "EUR"}}}},
	}
	path := filepath.Join(t.TempDir(), "ready.json")
	if err := r.Write(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"api", "web", "webTls", "bank", "ca", "banks", "code", "profile", "xs2a", "oauth", "tpps", "name", "organizationIdentifier", "roles",
		"qwac", "qwacKey", "qseal", "qsealKey", "clientId", "clientSecret", "redirectUris", "personas", "login", "password", "accounts",
		"iban", "currency", "outbox",
	} {
		if !strings.Contains(string(text), `"`+name+`":`) {
			t.Errorf("the file has no %q", name)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; only its owner may read the file", info.Mode(), err)
	}
	back, err := ready.Read(path)
	if diff := cmp.Diff(r, back); err != nil || diff != "" {
		t.Errorf("%v; reads differently (-written +read):\n%s", err, diff)
	}
	if !back.TPPs[0].May("PSP_AI") || back.TPPs[0].May("PSP_PI") {
		t.Error("May does not follow the roles")
	}
}
