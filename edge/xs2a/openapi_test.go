package xs2a_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"kontor/bank/profile"
	"kontor/edge/xs2a"
)

// TestOpenAPI compares doc/spec/xs2a.json with what the code says: the profile standard,
// which offers everything. When the contract changes, xs2a.Version must change with it.
func TestOpenAPI(t *testing.T) {
	p, err := profile.Load("standard")
	if err != nil {
		t.Fatal(err)
	}
	got, err := xs2a.OpenAPI(p, "Kontor XS2A", "")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	file := filepath.Join("..", "..", "doc", "spec", "xs2a.json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code says; if that is meant, change xs2a.Version and run go test ./edge/xs2a -update", file)
	}
}

func TestOpenAPIIsValid(t *testing.T) {
	for _, name := range profile.Builtin() {
		t.Run(name, func(t *testing.T) {
			p, err := profile.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			data, err := xs2a.OpenAPI(p, "Kontor XS2A", "https://api.example/psd2/lon")
			if err != nil {
				t.Fatal(err)
			}
			doc, err := openapi3.NewLoader().LoadFromData(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := doc.Validate(t.Context()); err != nil {
				t.Error(err)
			}
			for path, offered := range map[string]bool{
				"/v1/consents": true, "/v1/accounts": true, "/v1/card-accounts": p.Accounts.Cards, "/v1/payments/{paymentProduct}": p.Payments.Enabled,
				"/v1/funds-confirmations": p.Funds.Enabled, "/v1/accounts/{accountId}/transactions/{transactionId}": p.Accounts.TransactionDetails,
			} {
				if (doc.Paths.Value(path) != nil) != offered {
					t.Errorf("%s: documented %v, offered %v", path, !offered, offered)
				}
			}
		})
	}
}
