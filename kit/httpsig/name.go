package httpsig

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const attributesMax = 64 // of a name

// An attribute of a name, such as O=Lipa d.o.o.
type attribute struct {
	kind  string // OID in dotted form, or as it was written when that is unknown
	value string
}

// disagreement says in what the written name differs from the name of a certificate, or
// nothing if it agrees: each attribute that was written is there, and none is counted twice.
func disagreement(written string, name pkix.Name) string {
	given, why := parseName(written)
	if why != "" {
		return why
	}
	used := make([]bool, len(name.Names))
	for _, g := range given {
		same, kin := -1, -1
		for i, a := range name.Names {
			kind, value := isType(a.Type, g.kind), valueOf(a)
			switch {
			case used[i]:
			case (kind || !dotted(g.kind)) && (value == g.value || folded(value) == folded(g.value)):
				same = i
			case kind:
				kin = i
			}
		}
		switch {
		case same >= 0:
			used[same] = true
		case kin >= 0:
			return fmt.Sprintf("the issuer's %s is %s, but that of the certificate is %s", shortName(g.kind), shown(g.value), shown(valueOf(name.Names[kin])))
		default:
			return fmt.Sprintf("the issuer has %s=%s, which that of the certificate has not", shortName(g.kind), shown(g.value))
		}
	}
	return ""
}

func valueOf(a pkix.AttributeTypeAndValue) string {
	value, _ := a.Value.(string)
	return value
}

// isType says whether oid is written so in dotted form.
func isType(oid asn1.ObjectIdentifier, written string) bool {
	var room [64]byte
	dotted := room[:0]
	for i, arc := range oid {
		if i > 0 {
			dotted = append(dotted, '.')
		}
		dotted = strconv.AppendInt(dotted, int64(arc), 10)
	}
	return string(dotted) == written
}

// folded makes values comparable as X.520 does: neither case nor the number of blanks counts.
func folded(s string) string {
	if !utf8.ValidString(s) { // some send Latin-1
		runes := make([]rune, 0, len(s))
		for i := range len(s) {
			runes = append(runes, rune(s[i]))
		}
		s = string(runes)
	}
	return strings.ToLower(strings.Join(strings.Fields(s), " "))
}

// parseName reads a name in the notation of RFC 2253 and its relatives (RFC 1779, RFC 4514,
// X.500 from OpenSSL), or in slashes (/C=SI/CN=…), or says why it cannot.
//
// A separator counts only where another attribute begins behind it, so that a comma which
// somebody forgot to escape does no harm.
func parseName(s string) (given []attribute, why string) {
	const malformed = "the issuer is not written as a name (CN=…,O=…,C=…)"
	separators := ",;+"
	if rest, ok := strings.CutPrefix(s, "/"); ok {
		s, separators = rest, "/"
	}
	for s = strings.TrimLeft(s, separators+" "); s != ""; {
		if len(given) == attributesMax {
			return nil, fmt.Sprintf("the issuer has more than %d attributes", attributesMax)
		}
		kind, rest, ok := cutKind(s)
		if !ok {
			return nil, malformed
		}
		value, after := cutValue(rest, separators)
		given = append(given, attribute{typeOf(kind), value})
		s = strings.TrimLeft(after, separators+" ")
	}
	if len(given) == 0 {
		return nil, malformed
	}
	return given, ""
}

// cutKind takes the type of an attribute and its equals sign from the front of s.
func cutKind(s string) (kind, rest string, ok bool) {
	const lengthMax = 64
	s = strings.TrimLeft(s, " ")
	i := strings.IndexByte(s[:min(len(s), lengthMax)], '=')
	if i < 0 {
		return "", "", false
	}
	kind = strings.TrimRight(s[:i], " ")
	for _, c := range []byte(kind) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return "", "", false
		}
	}
	return kind, s[i+1:], kind != ""
}

// cutValue takes the value of an attribute from the front of s and returns it unescaped,
// and what follows it.
func cutValue(s, separators string) (value, rest string) {
	s = strings.TrimLeft(s, " ")
	if strings.HasPrefix(s, "#") {
		if value, rest, ok := cutEncoded(s[1:], separators); ok {
			return value, rest
		}
	}
	quoted := strings.HasPrefix(s, `"`)
	if quoted {
		s = s[1:]
	}
	var b strings.Builder // only used from the first escape on
	plain := 0            // where what is not yet in b begins
	done := func(i int) string {
		if plain == 0 {
			return s[:i]
		}
		b.WriteString(s[plain:i])
		return b.String()
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			b.WriteString(s[plain:i])
			i += unescape(&b, s[i:]) - 1
			plain = min(i+1, len(s))
		case quoted && c == '"':
			return done(i), s[i+1:]
		case !quoted && strings.IndexByte(separators, c) >= 0:
			if _, _, ok := cutKind(s[i+1:]); ok || strings.Trim(s[i:], separators+" ") == "" {
				return strings.TrimRight(done(i), " "), s[i:]
			}
		}
	}
	return strings.TrimRight(done(len(s)), " "), ""
}

// unescape writes what the escape at the front of s means, and returns its length: a pair
// of hexadecimal digits (OpenSSL has an x before them) is a byte, all else stands for itself.
func unescape(b *strings.Builder, s string) int {
	for _, skip := range []int{1, 2} {
		if len(s) >= skip+2 && (skip == 1 || s[1] == 'x') {
			if raw, err := hex.DecodeString(s[skip : skip+2]); err == nil {
				b.Write(raw)
				return skip + 2
			}
		}
	}
	if len(s) > 1 {
		b.WriteByte(s[1])
	}
	return 2
}

// cutEncoded reads a value that is the hexadecimal DER of a string.
func cutEncoded(s, separators string) (value, rest string, ok bool) {
	end := strings.IndexAny(s, separators+" ")
	if end < 0 {
		end = len(s)
	}
	der, err := hex.DecodeString(s[:end])
	if err != nil {
		return "", "", false
	}
	var raw asn1.RawValue
	if trailing, err := asn1.Unmarshal(der, &raw); err != nil || len(trailing) > 0 || raw.Class != asn1.ClassUniversal || raw.IsCompound {
		return "", "", false
	}
	switch raw.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagT61String, asn1.TagNumericString:
		return string(raw.Bytes), s[end:], true
	case asn1.TagBMPString:
		var units []uint16
		for i := 0; i+1 < len(raw.Bytes); i += 2 {
			units = append(units, uint16(raw.Bytes[i])<<8|uint16(raw.Bytes[i+1]))
		}
		return string(utf16.Decode(units)), s[end:], true
	}
	return "", "", false
}

// attributeNames has the names that attributes go by; the first of an OID is the one we write.
var attributeNames = []struct{ name, oid string }{
	{"CN", "2.5.4.3"}, {"COMMONNAME", "2.5.4.3"},
	{"SURNAME", "2.5.4.4"}, {"SN", "2.5.4.4"},
	{"SERIALNUMBER", "2.5.4.5"}, {"DEVICESERIALNUMBER", "2.5.4.5"},
	{"C", "2.5.4.6"}, {"COUNTRYNAME", "2.5.4.6"}, {"COUNTRY", "2.5.4.6"},
	{"L", "2.5.4.7"}, {"LOCALITYNAME", "2.5.4.7"},
	{"ST", "2.5.4.8"}, {"S", "2.5.4.8"}, {"SP", "2.5.4.8"}, {"STATEORPROVINCENAME", "2.5.4.8"},
	{"STREET", "2.5.4.9"}, {"STREETADDRESS", "2.5.4.9"},
	{"O", "2.5.4.10"}, {"ORGANIZATIONNAME", "2.5.4.10"},
	{"OU", "2.5.4.11"}, {"ORGANIZATIONALUNITNAME", "2.5.4.11"},
	{"T", "2.5.4.12"}, {"TITLE", "2.5.4.12"},
	{"DESCRIPTION", "2.5.4.13"},
	{"BUSINESSCATEGORY", "2.5.4.15"},
	{"POSTALCODE", "2.5.4.17"},
	{"NAME", "2.5.4.41"},
	{"GIVENNAME", "2.5.4.42"}, {"GN", "2.5.4.42"}, {"G", "2.5.4.42"},
	{"INITIALS", "2.5.4.43"},
	{"DNQUALIFIER", "2.5.4.46"}, {"DNQ", "2.5.4.46"}, {"DN", "2.5.4.46"},
	{"PSEUDONYM", "2.5.4.65"},
	{"ORGANIZATIONIDENTIFIER", "2.5.4.97"}, {"ORGANISATIONIDENTIFIER", "2.5.4.97"}, {"ORGID", "2.5.4.97"},
	{"UID", "0.9.2342.19200300.100.1.1"}, {"USERID", "0.9.2342.19200300.100.1.1"},
	{"DC", "0.9.2342.19200300.100.1.25"}, {"DOMAINCOMPONENT", "0.9.2342.19200300.100.1.25"},
	{"EMAILADDRESS", "1.2.840.113549.1.9.1"}, {"E", "1.2.840.113549.1.9.1"}, {"EMAIL", "1.2.840.113549.1.9.1"}, {"MAIL", "1.2.840.113549.1.9.1"},
	{"JURISDICTIONL", "1.3.6.1.4.1.311.60.2.1.1"}, {"JURISDICTIONST", "1.3.6.1.4.1.311.60.2.1.2"}, {"JURISDICTIONC", "1.3.6.1.4.1.311.60.2.1.3"},
}

// typeOf returns the OID of an attribute that is named, or given as an OID.
func typeOf(kind string) string {
	if rest, ok := cutPrefixFold(kind, "OID."); ok {
		return rest
	}
	for _, known := range attributeNames {
		if strings.EqualFold(known.name, kind) {
			return known.oid
		}
	}
	return kind
}

func shortName(oid string) string {
	for _, known := range attributeNames {
		if known.oid == oid {
			return known.name
		}
	}
	return oid
}

func dotted(kind string) bool { return kind != "" && kind[0] >= '0' && kind[0] <= '9' }
