package eidas

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const organizationIdentifierCharactersMax = 128

// An OrganizationIdentifier is the PSD2 form of subject attribute 2.5.4.97:
// PSDSI-BS-1234567 is number 1234567 in the register of SI-BS.
type OrganizationIdentifier struct {
	Country   string // of the authority, two capital letters
	Authority string // 2 to 8 capital letters
	Number    string // authorisation number; may itself contain hyphens
}

// String returns the form that stands in certificates.
func (o OrganizationIdentifier) String() string {
	return "PSD" + o.Country + "-" + o.Authority + "-" + o.Number
}

// NCAId returns the identifier of the authority as the PSD2 statement has it.
func (o OrganizationIdentifier) NCAId() string { return o.Country + "-" + o.Authority }

// ParseOrganizationIdentifier splits s at its first two hyphens only. It returns
// ErrOrganizationIdentifier for other schemes (VAT…, NTR…), which a certificate may
// carry but which identify nobody in a register of payment service providers.
func ParseOrganizationIdentifier(s string) (OrganizationIdentifier, error) {
	scheme, rest, _ := strings.Cut(s, "-")
	authority, number, _ := strings.Cut(rest, "-")
	country, ok := strings.CutPrefix(scheme, "PSD")
	if !ok || !capitals(country, 2, 2) || !capitals(authority, 2, 8) || !printable(s, organizationIdentifierCharactersMax) || strings.TrimSpace(number) == "" {
		return OrganizationIdentifier{}, fmt.Errorf("%w: it is not of the form PSDxx-NCA-number", ErrOrganizationIdentifier)
	}
	return OrganizationIdentifier{Country: country, Authority: authority, Number: number}, nil
}

type ncaID struct{ country, authority string }

// parseNCAId splits an NCAId (GEN-5.2.3-2): exactly one hyphen.
func parseNCAId(s string) (ncaID, bool) {
	country, authority, ok := strings.Cut(s, "-")
	return ncaID{country, authority}, ok && capitals(country, 2, 2) && capitals(authority, 2, 8)
}

// NCAName returns the English name of a national competent authority, or "" when this
// list does not have it. The list serves those who issue test certificates; nothing is
// refused because an authority is not in it.
func NCAName(ncaID string) string { return ncaNames[ncaID] }

var ncaNames = map[string]string{
	"BE-NBB":    "National Bank of Belgium",
	"CZ-CNB":    "Czech National Bank",
	"DE-BAFIN":  "Federal Financial Supervisory Authority",
	"FI-FINFSA": "Finnish Financial Supervisory Authority",
	"FR-ACPR":   "Prudential Supervisory and Resolution Authority",
	"GB-FCA":    "Financial Conduct Authority",
	"HR-HNB":    "Croatian National Bank",
	"HU-CBH":    "Central Bank of Hungary",
	"NL-DNB":    "The Netherlands Bank",
	"RO-NBR":    "National Bank of Romania",
	"SI-BS":     "Bank of Slovenia",
}

// capitals says whether s is least to most letters A to Z.
func capitals(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' })
}

// printable says whether s can be stored, logged and shown as it is: 1 to most
// characters, none of them a control or formatting character.
func printable(s string, most int) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= most &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// countries holds ISO 3166-1 alpha-2, one after the other.
const countries = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ" +
	"DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISIT" +
	"JEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZ" +
	"NANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZ" +
	"TCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW"

func isCountry(code string) bool {
	for i := 0; i < len(countries); i += 2 {
		if countries[i:i+2] == code {
			return true
		}
	}
	return false
}
