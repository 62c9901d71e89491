package xs2a_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kontor/bank/profile"
)

// Every service of payments is played at every level of the standard: what is answered is
// never newer than the level.
func TestPaymentsAtEveryLevel(t *testing.T) {
	for _, level := range levels {
		for _, name := range []string{"payment_services.txt", "payment_cancel.txt"} {
			t.Run(level+"/"+name, func(t *testing.T) {
				t.Parallel()
				dialogue, err := os.ReadFile(filepath.Join("testdata", name))
				if err != nil {
					t.Fatal(err)
				}
				s := openStage(t, "standard", func(p *profile.Profile) { lower(p, level) })
				s.play(t, dialogue) // watch reports; what is said is compared elsewhere
			})
		}
	}
}

// What the payee would miss is refused, rather than ignored, where the level does not know it.
func TestNewerFieldsOfPayments(t *testing.T) {
	t.Parallel()
	const transfer = `"debtorAccount":{"iban":"SI56191000000123438"},"instructedAmount":{"amount":"1","currency":"EUR"},"creditorAccount":{"iban":"DE89370400440532013000"},"creditorName":"Ana"`
	for _, c := range []struct {
		name, level, path, body string
		refused                 string // "": it is taken
	}{
		{"creditorId came with 1.3.9", "1.3.8", "payments", `{` + transfer + `,"creditorId":"SI98ZZZ123"}`, "creditorId"},
		{"and is taken from then on", "1.3.9", "payments", `{` + transfer + `,"creditorId":"SI98ZZZ123"}`, ""},
		{"a list of one text came with 1.3.11", "1.3.9", "payments", `{` + transfer + `,"remittanceInformationUnstructuredArray":["Račun"]}`, "remittanceInformationUnstructuredArray"},
		{"and is taken from then on, too", "1.3.11", "payments", `{` + transfer + `,"remittanceInformationUnstructuredArray":["Račun"]}`, ""},
		{"shared charges are how it is done anyway", "1.3.8", "payments", `{` + transfer + `,"chargeBearer":"SLEV"}`, ""},
		{"other charges are not", "1.3.8", "payments", `{` + transfer + `,"chargeBearer":"DEBT"}`, "chargeBearer"},
		{"the name of a bulk's debtor", "1.3.8", "bulk-payments", `{"debtorAccount":{"iban":"SI56191000000123438"},"debtorName":"Ana","payments":[{` + transfer + `}]}`, "debtorName"},
		{"a field within a bulk", "1.3.8", "bulk-payments", `{"debtorAccount":{"iban":"SI56191000000123438"},"payments":[{` + transfer + `},{` + transfer + `,"purposeCode":"SALA"}]}`, "payments[1].purposeCode"},
		{"months came with 1.3.11", "1.3.9", "periodic-payments", `{` + transfer + `,"startDate":"2026-04-01","frequency":"MonthlyVariable","monthsOfExecution":["4"]}`, "monthsOfExecution"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := openStage(t, "standard", func(p *profile.Profile) { lower(p, c.level) })
			w := s.post("/v1/"+c.path+"/sepa-credit-transfers", "application/json", c.body)
			want := `"code":"PARAMETER_NOT_SUPPORTED","text":"this bank does not offer this in a payment: ` + c.refused + `"`
			if c.refused == "" {
				want = `"paymentId"`
			}
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}
