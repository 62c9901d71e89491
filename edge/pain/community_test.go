package pain_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"kontor/bank/core"
	"kontor/edge/pain"
)

// TestCommunities reads what German and Swiss programs write, as far as the schema of ISO is
// kept: what a bank must know of it arrives in the order.
func TestCommunities(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file, version string
		check               func(o pain.Order) bool
	}{
		{"German wages have a category, and an ultimate debtor for all", "german.03", pain.Version03, func(o pain.Order) bool {
			a, b := o.Bulk.Payments[0], o.Bulk.Payments[1]
			return o.ServiceLevel == "SEPA" && *o.Bulk.BatchBooking && a.CategoryPurpose == "SALA" && b.CategoryPurpose == "SALA" && a.PurposeCode == "SALA" &&
				a.UltimateDebtor == "Morgenrot Filiale Süd" && b.UltimateCreditor == "Aydın Haushalt" && *b.Structured == core.StructuredRemittance{Reference: "RF18539007547034", ReferenceType: "SCOR", ReferenceIssuer: "ISO"}
		}},
		{"German instant payments have structured and hybrid addresses", "german.09", pain.Version09, func(o pain.Order) bool {
			a, b := o.Bulk.Payments[0], o.Bulk.Payments[1]
			return o.LocalInstrument == "INST" && a.Remittance == "Rechnung 4711 abzgl. 2 % Skonto" &&
				*a.CreditorAddress == core.Address{StreetName: "Uferweg 12a, Haus Rheinblick", PostCode: "50667", TownName: "Köln", Country: "DE"} &&
				*b.CreditorAddress == core.Address{StreetName: "Ring 1, Stiege 2", TownName: "Wien", Country: "AT"} && b.CreditorAgent == "MUSTATWWXXX"
		}},
		{"Swiss payments have QR references, creditor references and numbers of banks", "swiss.09", pain.Version09, func(o pain.Order) bool {
			a, b, c := o.Bulk.Payments[0], o.Bulk.Payments[1], o.Bulk.Payments[2]
			return *a.Structured == core.StructuredRemittance{Reference: "210000000003139471430009017", ReferenceType: "QRR"} && a.UltimateDebtor == "Muster Käserei, Laden Bern" &&
				b.Structured.ReferenceType == "SCOR" && b.CreditorAddress.StreetName == "Seestrasse 8" && c.CategoryPurpose == "SALA" && a.CategoryPurpose == ""
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile("testdata/" + tt.file + ".xml")
			if err != nil {
				t.Fatal(err)
			}
			wantValid(t, tt.version, string(text))
			o, err := pain.Parse(text, pain.Limits{})
			if err != nil || !tt.check(o) {
				t.Fatalf("%v\n%+v", err, o)
			}
			// Whatever is put elsewhere in a payment is refused, or arrives.
			for _, lost := range []string{"<InstrForCdtrAgt><Cd>PHOB</Cd></InstrForCdtrAgt>", "<RgltryRptg/>"} {
				changed := bytes.Replace(text, []byte("</CdtrAcct>"), []byte("</CdtrAcct>"+lost), 1)
				if _, err := pain.Parse(changed, pain.Limits{}); err == nil || !strings.Contains(err.Error(), "cannot be handed on") {
					t.Errorf("%s: %v", lost, err)
				}
			}
		})
	}
}
