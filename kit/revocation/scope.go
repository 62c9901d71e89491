package revocation

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
)

var oidIssuingDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}

// covers asks whether a CRL that says it is only a part of what the issuer has revoked
// (RFC 5280 5.2.5) is the part in which leaf would stand.
func covers(der []byte, leaf *x509.Certificate) error {
	var scope struct {
		Point      asn1.RawValue  `asn1:"optional,tag:0"`
		OnlyUsers  bool           `asn1:"optional,tag:1"`
		OnlyCAs    bool           `asn1:"optional,tag:2"`
		Reasons    asn1.BitString `asn1:"optional,tag:3"`
		Indirect   bool           `asn1:"optional,tag:4"`
		Attributes bool           `asn1:"optional,tag:5"`
	}
	rest, err := asn1.Unmarshal(der, &scope)
	switch {
	case err != nil || len(rest) > 0:
		return fmt.Errorf("%w: the CRL's scope", ErrMalformed)
	case scope.OnlyCAs && !leaf.IsCA, scope.OnlyUsers && leaf.IsCA, scope.Attributes:
		return fmt.Errorf("%w: the CRL is for another kind of certificate", ErrOther)
	case scope.Indirect || scope.Reasons.BitLength > 0:
		return fmt.Errorf("%w: the CRL is indirect, or for some reasons only", ErrOther)
	case len(scope.Point.FullBytes) == 0:
		return nil
	}
	for _, location := range leaf.CRLDistributionPoints {
		if bytes.Contains(scope.Point.Bytes, []byte(location)) {
			return nil
		}
	}
	return fmt.Errorf("%w: the CRL is of another distribution point", ErrOther)
}
