package payment

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jacoelho/banking/bic"
	"github.com/jacoelho/banking/iban"

	"kontor/bank/core"
)

// sepaMax is the largest amount of a SEPA payment, in cents.
//
// Source: EPC implementation guidelines, SEPA credit transfer, AT-04.
const sepaMax = 999_999_999_99

// debtor checks the account that pays.
func (c check) debtor(field string, a core.AccountReference) error {
	if a.IsZero() {
		if c.b.Payments.DebtorAccountOptional {
			return nil
		}
		return wrong(field, "is missing")
	}
	return c.account(field, a)
}

func (c check) account(field string, a core.AccountReference) error {
	switch {
	case a.IBAN != "" && iban.Validate(a.IBAN) != nil:
		return wrong(field+".iban", "is not a valid IBAN")
	case c.rules.SEPA && a.IBAN == "":
		return wrong(field+".iban", "is missing: a SEPA payment goes from IBAN to IBAN")
	case c.rules.SEPA && !inSEPA(a.IBAN):
		return wrong(field+".iban", "is of a country outside SEPA")
	}
	return nil
}

// purpose is what a code of ISO 20022 ExternalPurpose1Code looks like. The list grows twice a
// year, so that only its form is checked.
var purpose = regexp.MustCompile(`^[A-Z0-9]{1,4}$`)

// payment checks what every payment has, alone or in a bulk; path stands before its fields.
// The account that pays, and when, are checked apart.
func (c check) payment(path string, o core.Payment) error {
	wrong := func(field, problem string) error { return wrong(path+field, problem) }
	switch cur := c.rules.Currencies; {
	case o.Amount.Minor <= 0:
		return wrong("instructedAmount.amount", "must be more than zero")
	case len(cur) > 0 && !slices.Contains(cur, o.Amount.Currency):
		return wrong("instructedAmount.currency", "must be "+strings.Join(cur, " or ")+" by this payment product")
	case c.rules.SEPA && o.Amount.Minor > sepaMax:
		return wrong("instructedAmount.amount", "is more than a SEPA payment can be")
	case o.CreditorAccount.IsZero():
		return wrong("creditorAccount", "is missing")
	case strings.TrimSpace(o.CreditorName) == "":
		return wrong("creditorName", "is missing")
	case o.CreditorAgent != "" && !validBIC(o.CreditorAgent):
		return wrong("creditorAgent", "is not a valid BIC")
	case c.rules.CrossBorder && o.CreditorAccount.IBAN == "" && o.CreditorAgent == "" && (o.CreditorAgentName == "" || o.CreditorAddress == nil):
		return wrong("creditorAgent", "is missing: without an IBAN the payee's bank must be named, by its BIC or by creditorAgentName with creditorAddress")
	case o.PurposeCode != "" && !purpose.MatchString(o.PurposeCode):
		return wrong("purposeCode", "is not a code of ISO 20022")
	case o.Remittance != "" && o.Structured != nil:
		return wrong("remittanceInformationStructured", "excludes remittanceInformationUnstructured")
	case o.ChargeBearer != "" && !slices.Contains([]string{"DEBT", "CRED", "SHAR", "SLEV"}, o.ChargeBearer):
		return wrong("chargeBearer", "is none of DEBT, CRED, SHAR, SLEV")
	case o.ChargeBearer != "" && !slices.Contains(c.rules.ChargeBearers, o.ChargeBearer):
		return fmt.Errorf("%w: chargeBearer %s by this payment product", ErrNotSupported, o.ChargeBearer)
	}
	if err := c.account(path+"creditorAccount", o.CreditorAccount); err != nil {
		return err
	}
	for _, t := range []struct {
		field, text string
		max         int
	}{
		{"debtorName", o.DebtorName, 70},
		{"ultimateDebtor", o.UltimateDebtor, 70},
		{"creditorName", o.CreditorName, 70},
		{"creditorAgentName", o.CreditorAgentName, 140},
		{"creditorId", o.CreditorID, 35},
		{"ultimateCreditor", o.UltimateCreditor, 70},
		{"remittanceInformationUnstructured", o.Remittance, 140},
	} {
		if problem := checkText(t.text, t.max); problem != "" {
			return wrong(t.field, problem)
		}
	}
	for field, id := range map[string]string{"endToEndIdentification": o.EndToEndID, "instructionIdentification": o.InstructionID} {
		if problem := checkID(id); problem != "" {
			return wrong(field, problem)
		}
	}
	if o.Structured != nil {
		if field, problem := checkReference(*o.Structured); problem != "" {
			return wrong("remittanceInformationStructured."+field, problem)
		}
	}
	if o.CreditorAddress != nil {
		if field, problem := checkAddress(*o.CreditorAddress); problem != "" {
			return wrong("creditorAddress."+field, problem)
		}
	}
	return nil
}

func checkAddress(a core.Address) (field, problem string) {
	if len(a.Country) != 2 || a.Country[0] < 'A' || a.Country[0] > 'Z' || a.Country[1] < 'A' || a.Country[1] > 'Z' {
		return "country", "is not an ISO 3166 code"
	}
	for _, t := range []struct {
		field, text string
		max         int
	}{
		{"streetName", a.StreetName, 70}, {"buildingNumber", a.BuildingNumber, 16},
		{"townName", a.TownName, 35}, {"postCode", a.PostCode, 16},
	} {
		if problem := checkText(t.text, t.max); problem != "" {
			return t.field, problem
		}
	}
	return "", ""
}

// checkReference checks a structured remittance. A reference that says of itself that it is
// one of ISO 11649 must be one.
func checkReference(r core.StructuredRemittance) (field, problem string) {
	switch {
	case strings.TrimSpace(r.Reference) == "":
		return "reference", "is missing"
	case r.ReferenceType == "SCOR" && strings.HasPrefix(r.Reference, "RF") && !validRF(r.Reference):
		return "reference", "is not a valid creditor reference of ISO 11649"
	case r.ReferenceType == "QRR" && !validQRR(r.Reference):
		return "reference", "is not a valid QR reference"
	}
	for _, t := range []struct{ field, text string }{
		{"reference", r.Reference}, {"referenceType", r.ReferenceType}, {"referenceIssuer", r.ReferenceIssuer},
	} {
		if problem := checkText(t.text, 35); problem != "" {
			return t.field, problem
		}
	}
	return "", ""
}

// rfReference is RF, two check digits and up to 21 characters.
var rfReference = regexp.MustCompile(`^RF[0-9]{2}[A-Z0-9]{1,21}$`)

// validRF checks the digits of a creditor reference: modulo 97 as with an IBAN.
//
// Source: ISO 11649.
func validRF(s string) bool {
	if !rfReference.MatchString(s) {
		return false
	}
	var digits strings.Builder
	for _, r := range s[4:] + s[:4] {
		if r >= 'A' {
			fmt.Fprint(&digits, r-'A'+10)
		} else {
			digits.WriteRune(r)
		}
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && n.Mod(n, big.NewInt(97)).Int64() == 1
}

// validQRR checks a Swiss QR reference: 27 digits, the last of which is the check digit of
// modulo 10, recursive.
//
// Source: SIX, Swiss implementation guidelines QR-bill, annex B.
func validQRR(s string) bool {
	if len(s) != 27 || strings.Trim(s, "0") == "" || strings.Trim(s, "0123456789") != "" {
		return false
	}
	carry := 0
	for _, c := range s[:26] {
		carry = [...]int{0, 9, 4, 6, 8, 2, 7, 1, 3, 5}[(carry+int(c-'0'))%10]
	}
	return (10-carry)%10 == int(s[26]-'0')
}

// checkText refuses what is too long, and what the PSU could not read on the bank's page
// as it is: control characters, and those that change the direction of writing.
func checkText(s string, charactersMax int) (problem string) {
	switch {
	case utf8.RuneCountInString(s) > charactersMax:
		return fmt.Sprintf("has more than %d characters", charactersMax)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }):
		return "has characters that cannot be printed"
	}
	return ""
}

// checkID refuses an identification that banks do not pass on.
func checkID(s string) (problem string) {
	if len(s) > 35 || strings.ContainsFunc(s, func(r rune) bool { return !inSEPALatin(r) }) {
		return "must be at most 35 characters of the SEPA Latin set"
	}
	return ""
}

// inSEPALatin says whether r is in the character set that every SEPA bank passes on.
//
// Source: EPC217-08, SEPA requirements for an extended character set.
func inSEPALatin(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/-?:().,'+ ", r)
}

func inSEPA(account string) bool {
	ok, err := iban.IsSEPA(account)
	return ok && err == nil
}

func validBIC(s string) bool {
	_, err := bic.Parse(s)
	return err == nil
}
