package eidas

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// good returns the statements that the tables change, as Go values.
func good() []qcStatement {
	return []qcStatement{
		{ID: oidQcCompliance},
		{ID: oidQcType, Info: raw([]asn1.ObjectIdentifier{qcTypeOIDs[2].oid})},
		{ID: oidPSD2, Info: raw(psd2QcType{[]roleOfPSP{{roleOID(AI), "PSP_AI"}, {roleOID(PI), "PSP_PI"}}, "Bank of Slovenia", "SI-BS"})},
	}
}

func raw(v any) asn1.RawValue {
	der, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return asn1.RawValue{FullBytes: der}
}

// uuidStatement returns good statements and one whose OID, 2.25 and a number of 128
// bits, encoding/asn1 cannot hold.
func uuidStatement() []byte {
	oid := mustOIDText("2.25.340282366920938463463374607431768211455")
	return raw(append(toRaw(good()), raw([]asn1.RawValue{{Tag: asn1.TagOID, Bytes: oid}}))).FullBytes
}

func mustOIDText(s string) []byte {
	oid, err := x509.ParseOID(s)
	if err != nil {
		panic(err)
	}
	der, err := oid.MarshalBinary()
	if err != nil {
		panic(err)
	}
	return der
}

func toRaw(list []qcStatement) (all []asn1.RawValue) {
	for _, s := range list {
		all = append(all, raw(s))
	}
	return all
}

func TestShapeOfStatements(t *testing.T) {
	psd2 := func(v any) []byte {
		list := good()
		list[2].Info = raw(v)
		return raw(list).FullBytes
	}
	type anyRoles struct {
		Roles   any
		NCAName string `asn1:"utf8"`
		NCAId   string `asn1:"utf8"`
	}
	type printableName struct {
		Roles   []roleOfPSP
		NCAName string `asn1:"printable"`
		NCAId   string `asn1:"utf8"`
	}
	type fourth struct {
		Roles          []roleOfPSP
		NCAName, NCAId string `asn1:"utf8"`
		More           int
	}
	type flattened struct {
		OID1  asn1.ObjectIdentifier
		Name1 string `asn1:"utf8"`
		OID2  asn1.ObjectIdentifier
		Name2 string `asn1:"utf8"`
	}
	ai := []roleOfPSP{{roleOID(AI), "PSP_AI"}}
	for _, tt := range []struct {
		name string
		der  []byte
		want []Role
		err  error
	}{
		{"two roles", raw(good()).FullBytes, []Role{AI, PI}, nil},
		{"a statement with an OID of 128 bits is merely unknown", uuidStatement(), []Role{AI, PI}, nil},
		{"no PSD2 statement", raw(good()[:2]).FullBytes, nil, ErrNoStatement},
		{"an empty list", []byte{0x30, 0}, nil, ErrNoStatement},
		{"nothing", nil, nil, ErrMalformed},
		{"bytes after the list", append(slices.Clone(raw(good()).FullBytes), 0), nil, ErrMalformed},
		{"a list cut short", raw(good()).FullBytes[:40], nil, ErrMalformed},
		{"a statement that is not in a list", raw(good()[2]).FullBytes, nil, ErrMalformed},
		{"the PSD2 statement twice", raw(append(good(), good()[2])).FullBytes, nil, ErrMalformed},
		{"roles flattened into one", psd2(anyRoles{[]flattened{{roleOID(AI), "PSP_AI", roleOID(PI), "PSP_PI"}}, "Bank of Slovenia", "SI-BS"}), nil, ErrMalformed},
		{"a fourth element", psd2(fourth{ai, "Bank of Slovenia", "SI-BS", 1}), nil, ErrMalformed},
		{"a name that is not UTF8String", psd2(printableName{ai, "Bank of Slovenia", "SI-BS"}), nil, ErrMalformed},
		{"an empty name", psd2(psd2QcType{ai, "", "SI-BS"}), nil, ErrMalformed},
		{"a name of 257 characters", psd2(psd2QcType{ai, strings.Repeat("č", 257), "SI-BS"}), nil, ErrMalformed},
		{"a name of 256 characters", psd2(psd2QcType{ai, strings.Repeat("č", 256), "SI-BS"}), []Role{AI}, nil},
		{"no roles", psd2(psd2QcType{nil, "Bank of Slovenia", "SI-BS"}), nil, ErrMalformed},
		{"one role named twice counts once", psd2(psd2QcType{append(ai, ai...), "Bank of Slovenia", "SI-BS"}), []Role{AI}, nil},
		{"a hundred roles", psd2(psd2QcType{slices.Repeat(ai, 100), "Bank of Slovenia", "SI-BS"}), nil, ErrMalformed},
		{"Unspecified alone", psd2(psd2QcType{[]roleOfPSP{{roleOID(Unspecified), "Unspecified"}}, "Bank of Slovenia", "SI-BS"}), []Role{Unspecified}, nil},
		{"Unspecified beside another role", psd2(psd2QcType{append(ai, roleOfPSP{roleOID(Unspecified), "Unspecified"}), "Bank of Slovenia", "SI-BS"}), nil, ErrMalformed},
		{"the OID of one role with the name of another", psd2(psd2QcType{[]roleOfPSP{{roleOID(AI), "PSP_PI"}}, "Bank of Slovenia", "SI-BS"}), nil, ErrRoleName},
		{"a role that does not exist", psd2(psd2QcType{[]roleOfPSP{{asn1.ObjectIdentifier{0, 4, 0, 19495, 1, 9}, "PSP_XX"}}, "Bank of Slovenia", "SI-BS"}), nil, ErrRoleName},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := parseStatements(tt.der, new(findings))
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err == nil && !slices.Equal(s.roles, tt.want) {
				t.Errorf("got %v, want %v", s.roles, tt.want)
			}
		})
	}
}

func TestFindingsAboutStatements(t *testing.T) {
	with := func(s qcStatement) []byte { return raw(append(good()[2:], s)).FullBytes }
	for _, tt := range []struct {
		name, rule string
		der        []byte
		grave      bool
	}{
		{"three types at once", "qctype-count", with(qcStatement{oidQcType, raw([]asn1.ObjectIdentifier{qcTypeOIDs[0].oid, qcTypeOIDs[1].oid, qcTypeOIDs[2].oid})}), true},
		{"content where there must be none", "qccompliance-content", with(qcStatement{oidQcCompliance, raw("")}), true},
		{"a language in words", "qcpds-language", with(qcStatement{oidQcPDS, raw([]pdsLocation{{"https://a.example", "example"}})}), true},
		{"a language in capitals", "qcpds-language-case", with(qcStatement{oidQcPDS, raw([]pdsLocation{{"https://a.example", "EN"}})}), false},
		{"no English", "qcpds-english", with(qcStatement{oidQcPDS, raw([]pdsLocation{{"https://a.example", "sl"}})}), false},
		{"terms without TLS", "qcpds-location", with(qcStatement{oidQcPDS, raw([]pdsLocation{{"http://a.example", "en"}})}), false},
		{"terms that are a number", "qcpds", with(qcStatement{oidQcPDS, raw(1)}), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var f findings
			if _, err := parseStatements(tt.der, &f); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(f, func(f Finding) bool { return f.Rule == tt.rule && f.Grave == tt.grave }) {
				t.Errorf("got %v, want %s", f, tt.rule)
			}
		})
	}
}

func TestOneOrganizationIdentifier(t *testing.T) {
	named := func(values ...any) (name pkix.Name) {
		for _, v := range values {
			name.Names = append(name.Names, pkix.AttributeTypeAndValue{Type: oidOrganizationIdentifier, Value: v})
		}
		return name
	}
	for _, tt := range []struct {
		name    string
		subject pkix.Name
		want    string
	}{
		{"one", named("PSDSI-BS-1"), "PSDSI-BS-1"},
		{"one of another scheme", named("VATSI-12345678"), "VATSI-12345678"},
		{"none", named(), ""},
		{"two that differ", named("PSDSI-BS-1", "PSDSI-BS-2"), ""},
		{"two alike", named("PSDSI-BS-1", "PSDSI-BS-1"), ""},
		{"an empty one", named(""), ""},
		{"a number", named(1), ""},
		{"one with a line break", named("PSDSI-BS-1\n"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := organizationIdentifier(tt.subject)
			if got != tt.want || (tt.want == "") != errors.Is(err, ErrOrganizationIdentifier) {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestCountriesAreThoseOfISO3166(t *testing.T) {
	if len(countries) != 2*249 {
		t.Errorf("%d countries, want 249", len(countries)/2)
	}
	for _, code := range []string{"SI", "RO", "GB", "AD", "ZW"} {
		if !isCountry(code) {
			t.Errorf("%s is missing", code)
		}
	}
	for _, code := range []string{"EU", "XX", "UK", "DA", ""} {
		if isCountry(code) {
			t.Errorf("%q is no country", code)
		}
	}
}

// FuzzParseStatements checks that no input panics, and that an accepted PSD2 statement
// is exactly what it would be if it were written anew: then no other reader can find
// roles in it that this one has not seen.
func FuzzParseStatements(f *testing.F) {
	f.Add(raw(good()).FullBytes)
	f.Add(raw(append(good(), qcStatement{oidQcPDS, raw([]pdsLocation{{"https://a.example", "en"}})})).FullBytes)
	f.Add([]byte{0x30, 0x80, 0, 0})
	for _, dir := range []string{"real", "real-unverified", "sandbox-quirks"} {
		files, _ := filepath.Glob(filepath.Join("../../../shared/fixtures/eidas", dir, "*.pem"))
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			block, _ := pem.Decode(data)
			if i := bytes.Index(block.Bytes, []byte{0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 1, 3, 0x04}); i >= 0 {
				var value []byte
				if _, err := asn1.Unmarshal(block.Bytes[i+10:], &value); err == nil {
					f.Add(value)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		s, err := parseStatements(der, new(findings))
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrNoStatement) && !errors.Is(err, ErrRoleName) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if len(s.roles) == 0 || s.ncaName == "" || s.ncaID == "" {
			t.Fatalf("accepted without content: %+v", s)
		}
		list, err := sequence(der, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range list {
			var statement qcStatement
			if _, err := asn1.Unmarshal(item.FullBytes, &statement); err != nil || !statement.ID.Equal(oidPSD2) {
				continue
			}
			var psd2 psd2QcType
			if _, err := asn1.Unmarshal(statement.Info.FullBytes, &psd2); err != nil {
				t.Fatal(err)
			}
			if again := raw(psd2).FullBytes; !bytes.Equal(again, statement.Info.FullBytes) {
				t.Fatalf("read %x, would write %x", statement.Info.FullBytes, again)
			}
			var roles []Role
			for _, r := range psd2.Roles {
				if !slices.Contains(roles, Role(r.Name)) {
					roles = append(roles, Role(r.Name))
				}
			}
			if !reflect.DeepEqual(roles, s.roles) {
				t.Fatalf("read %v, another reader %v", s.roles, roles)
			}
		}
	})
}
