package eidas

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
)

const (
	rsaBitsMin   = 2048
	rsaBitsMax   = 8192 // beyond this one verification costs more than a request may
	curveBitsMin = 256
)

// Usable says whether cert is technically fit to be relied upon, whoever holds it: a
// signature on SHA-256 or better, a strong key, and no critical extension that this
// program does not understand (a Certificate Transparency pre-certificate has one).
// The error is ErrWeak or ErrCriticalExtension.
func Usable(cert *x509.Certificate) error {
	if !slices.Contains(soundSignatures, cert.SignatureAlgorithm) {
		return fmt.Errorf("%w: signature %s", ErrWeak, cert.SignatureAlgorithm)
	}
	if err := SoundKey(cert.PublicKey); err != nil {
		return err
	}
	if len(cert.UnhandledCriticalExtensions) > 0 {
		return fmt.Errorf("%w: %s", ErrCriticalExtension, cert.UnhandledCriticalExtensions[0])
	}
	return nil
}

// SoundKey returns ErrWeak unless key is RSA of 2048 to 8192 bits, ECDSA on a curve of
// at least 256 bits, or Ed25519.
func SoundKey(key any) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < rsaBitsMin || bits > rsaBitsMax {
			return fmt.Errorf("%w: RSA key of %d bits", ErrWeak, bits)
		}
	case *ecdsa.PublicKey:
		if bits := k.Curve.Params().BitSize; bits < curveBitsMin {
			return fmt.Errorf("%w: elliptic curve of %d bits", ErrWeak, bits)
		}
	case ed25519.PublicKey:
	default:
		return fmt.Errorf("%w: unknown kind of key", ErrWeak)
	}
	return nil
}

var soundSignatures = []x509.SignatureAlgorithm{
	x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
	x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
	x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512,
	x509.PureEd25519,
}
