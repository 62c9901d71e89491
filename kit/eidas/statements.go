package eidas

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"unicode/utf8"
)

const (
	elementsMax   = 64  // of one SEQUENCE; no genuine certificate comes near it
	charactersMax = 256 // of a role name, NCAName and NCAId: SIZE (1..256)
)

// statements is what the qcStatements extension says, as far as it is read here.
type statements struct {
	roles      []Role
	ncaName    string
	ncaID      string
	compliance bool
	types      []QcType
}

// parseStatements reads the value of a qcStatements extension.
//
// It walks the elements of each SEQUENCE itself rather than unmarshalling into structs:
// encoding/asn1 silently ignores elements that follow the last field, so that a
// statement with its roles flattened into one SEQUENCE would show only the first.
func parseStatements(der []byte, f *findings) (statements, error) {
	var s statements
	list, err := sequence(der, "qcStatements")
	if err != nil {
		return s, err
	}
	var seen []x509.OID
	for i, item := range list {
		statement, err := sequence(item.FullBytes, fmt.Sprintf("statement %d of qcStatements", i+1))
		if err != nil {
			return s, err
		}
		if len(statement) < 1 || len(statement) > 2 {
			return s, fmt.Errorf("%w: statement %d has %d elements", ErrMalformed, i+1, len(statement))
		}
		id, err := objectIdentifier(statement[0], "statement id")
		if err != nil {
			return s, err
		}
		if slices.ContainsFunc(seen, id.Equal) {
			return s, fmt.Errorf("%w: statement %s occurs twice", ErrMalformed, id)
		}
		seen = append(seen, id)
		if err := s.read(id, statement[1:], f); err != nil {
			return s, err
		}
	}
	if len(s.roles) == 0 {
		return s, ErrNoStatement
	}
	return s, nil
}

// read takes in one statement; info holds its statementInfo, or nothing.
func (s *statements) read(id x509.OID, info []asn1.RawValue, f *findings) error {
	switch {
	case id.EqualASN1OID(oidPSD2):
		return s.readPSD2(info, f)
	case id.EqualASN1OID(oidQcCompliance):
		s.compliance = true
		if len(info) != 0 {
			f.grave("qccompliance-content", "the QcCompliance statement has content; it must have none")
		}
	case id.EqualASN1OID(oidQcType):
		return s.readTypes(info, f)
	case id.EqualASN1OID(oidQcPDS):
		readPDS(info, f)
	}
	return nil
}

// readPSD2 reads PSD2QcType ::= SEQUENCE { rolesOfPSP, nCAName, nCAId }.
func (s *statements) readPSD2(info []asn1.RawValue, f *findings) error {
	if len(info) != 1 {
		return fmt.Errorf("%w: the PSD2 statement is empty", ErrMalformed)
	}
	parts, err := sequence(info[0].FullBytes, "PSD2 statement")
	if err != nil {
		return err
	}
	if len(parts) != 3 {
		return fmt.Errorf("%w: the PSD2 statement has %d elements, not 3", ErrMalformed, len(parts))
	}
	if s.ncaName, err = utf8String(parts[1], "NCAName"); err != nil {
		return err
	}
	if s.ncaID, err = utf8String(parts[2], "NCAId"); err != nil {
		return err
	}
	list, err := sequence(parts[0].FullBytes, "RolesOfPSP")
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("%w: RolesOfPSP is empty", ErrMalformed)
	}
	for _, item := range list {
		role, err := readRole(item)
		if err != nil {
			return err
		}
		if slices.Contains(s.roles, role) {
			f.cosmetic("role-twice", fmt.Sprintf("role %s is named twice", role))
			continue
		}
		s.roles = append(s.roles, role)
	}
	if slices.Contains(s.roles, Unspecified) && len(list) > 1 {
		return fmt.Errorf("%w: role Unspecified stands beside others", ErrMalformed)
	}
	return nil
}

func readRole(item asn1.RawValue) (Role, error) {
	parts, err := sequence(item.FullBytes, "RoleOfPSP")
	if err != nil {
		return "", err
	}
	if len(parts) != 2 {
		return "", fmt.Errorf("%w: a RoleOfPSP has %d elements, not 2", ErrMalformed, len(parts))
	}
	oid, err := objectIdentifier(parts[0], "role")
	if err != nil {
		return "", err
	}
	name, err := utf8String(parts[1], "role name")
	if err != nil {
		return "", err
	}
	for _, known := range roleOIDs {
		if oid.EqualASN1OID(known.oid) {
			if name != string(known.role) {
				return "", fmt.Errorf("%w: %s is %s, not %q", ErrRoleName, oid, known.role, name)
			}
			return known.role, nil
		}
	}
	return "", fmt.Errorf("%w: %s is no role of TS 119 495", ErrRoleName, oid)
}

// readTypes reads QcType ::= SEQUENCE OF OBJECT IDENTIFIER. More than one leaves the
// purpose of the certificate open; that is for Parse to say, not an error of shape.
func (s *statements) readTypes(info []asn1.RawValue, f *findings) error {
	if len(info) != 1 {
		return fmt.Errorf("%w: the QcType statement is empty", ErrMalformed)
	}
	list, err := sequence(info[0].FullBytes, "QcType")
	if err != nil {
		return err
	}
	for _, item := range list {
		oid, err := objectIdentifier(item, "QcType")
		if err != nil {
			return err
		}
		kind := QcType("unknown")
		for _, known := range qcTypeOIDs {
			if oid.EqualASN1OID(known.oid) {
				kind = known.kind
			}
		}
		s.types = append(s.types, kind)
	}
	if len(list) != 1 {
		f.grave("qctype-count", fmt.Sprintf("the QcType statement names %d types, not 1", len(list)))
	}
	return nil
}

// sequence returns the elements of the SEQUENCE that der is, wholly and exactly.
func sequence(der []byte, what string) ([]asn1.RawValue, error) {
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(der, &outer)
	switch {
	case err != nil || len(rest) != 0:
		return nil, fmt.Errorf("%w: %s is not DER", ErrMalformed, what)
	case outer.Class != asn1.ClassUniversal || outer.Tag != asn1.TagSequence || !outer.IsCompound:
		return nil, fmt.Errorf("%w: %s is not a SEQUENCE", ErrMalformed, what)
	}
	var elements []asn1.RawValue
	for rest := outer.Bytes; len(rest) > 0; {
		var element asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &element); err != nil {
			return nil, fmt.Errorf("%w: an element of %s is not DER", ErrMalformed, what)
		}
		if len(elements) == elementsMax {
			return nil, fmt.Errorf("%w: %s has more than %d elements", ErrMalformed, what, elementsMax)
		}
		elements = append(elements, element)
	}
	return elements, nil
}

// objectIdentifier accepts arcs of any size: a statement with an OID made from a UUID
// is unknown to us, not malformed.
func objectIdentifier(v asn1.RawValue, what string) (x509.OID, error) {
	var oid x509.OID
	if v.Class != asn1.ClassUniversal || v.Tag != asn1.TagOID || v.IsCompound || oid.UnmarshalBinary(v.Bytes) != nil {
		return oid, fmt.Errorf("%w: %s is not an OBJECT IDENTIFIER", ErrMalformed, what)
	}
	return oid, nil
}

func utf8String(v asn1.RawValue, what string) (string, error) {
	if v.Class != asn1.ClassUniversal || v.Tag != asn1.TagUTF8String || v.IsCompound || !utf8.Valid(v.Bytes) {
		return "", fmt.Errorf("%w: %s is not a UTF8String", ErrMalformed, what)
	}
	if !printable(string(v.Bytes), charactersMax) {
		return "", fmt.Errorf("%w: %s is empty, too long or has unprintable characters", ErrMalformed, what)
	}
	return string(v.Bytes), nil
}
