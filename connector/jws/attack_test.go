package jws

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"strings"
	"testing"
	"time"
)

// A forgery is a token that must not be accepted.
type forgery struct{ name, token string }

const rs256 = `{"alg":"RS256"}`

// Many of these carry a good signature of the right key: what is wrong is what they say, and
// that another library could read something else in them.
func TestForgeriesAreRefused(t *testing.T) {
	t.Parallel()
	v := verifier(PublicKey{Key: &mine().PublicKey})
	good := token(rs256, claims(now.Add(time.Minute)), crypto.SHA256)
	if _, err := v.Verify(good); err != nil {
		t.Fatalf("the good token: %v", err)
	}
	var all []forgery
	for _, more := range [][]forgery{unsignedForgeries(), secretForgeries(), algorithmForgeries(), headerForgeries(), strangerForgeries(), claimForgeries(), expForgeries(), encodingForgeries(good), signatureForgeries()} {
		all = append(all, more...)
	}
	if len(all) < 200 {
		t.Errorf("only %d forgeries", len(all))
	}
	for _, f := range all {
		data, err := v.Verify(f.token)
		known := false
		for _, class := range []error{ErrDecode, ErrAlgorithm, ErrSignature, ErrExpired} {
			known = known || errors.Is(err, class)
		}
		if !known {
			t.Errorf("%s: got %s, %v", f.name, data, err)
		}
	}
}

// unsignedForgeries say that they need no signature, in many ways, with what looks like one.
func unsignedForgeries() (all []forgery) {
	payload := encode(claims(now.Add(time.Minute)))
	for _, header := range []string{
		`{"alg":"none"}`, `{"alg":"None"}`, `{"alg":"NONE"}`, `{"alg":"nOnE"}`, `{"alg":"none "}`, `{"alg":"none\u0000"}`, `{"alg":""}`, `{"alg":null}`, `{"alg":false}`, `{"alg":0}`,
		`{"alg":["none"]}`, `{"alg":{}}`, `{}`, `{"typ":"JWT"}`, `{"alg":"none","alg":"none"}`, `[]`, `null`, `"none"`, ``,
	} {
		text := encode(header) + "." + payload
		all = append(all,
			forgery{"unsigned: " + header, text + "."},
			forgery{"unsigned, with dust: " + header, text + "." + encode("x")},
			forgery{"unsigned, with a good signature: " + header, signed(text)},
		)
	}
	return all
}

// secretForgeries take the public key for a secret that both ends share.
func secretForgeries() (all []forgery) {
	public := &mine().PublicKey
	inPEM, _ := PublicPEM(public)
	der, _ := x509.MarshalPKIXPublicKey(public)
	pkcs1 := x509.MarshalPKCS1PublicKey(public)
	payload := encode(claims(now.Add(time.Minute)))
	for name, secret := range map[string][]byte{
		"PEM": inPEM, "PEM without its last line break": []byte(strings.TrimSpace(string(inPEM))), "PEM with CRLF": []byte(strings.ReplaceAll(string(inPEM), "\n", "\r\n")),
		"DER": der, "PKCS#1": pkcs1, "PKCS#1 in PEM": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}), "modulus": public.N.Bytes(), "JWKS": JWKS(public), "nothing": nil,
	} {
		for alg, h := range map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New} {
			text := encode(`{"alg":"`+alg+`"}`) + "." + payload
			mac := hmac.New(h, secret)
			mac.Write([]byte(text))
			all = append(all, forgery{alg + " with the " + name, text + "." + encode(string(mac.Sum(nil)))})
			// The same, with the algorithm that is expected.
			text = encode(rs256) + "." + payload
			mac = hmac.New(h, secret)
			mac.Write([]byte(text))
			all = append(all, forgery{alg + " as RS256 with the " + name, text + "." + encode(string(mac.Sum(nil)))})
		}
	}
	return all
}

func algorithmForgeries() (all []forgery) {
	for _, alg := range []string{
		"rs256", "Rs256", "RS256 ", " RS256", "RS256\\u0000", "RS-256", "RS224", "RS1", "RS2566", "R\\u017f256", "\\uff32S256", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K",
		"EdDSA", "Ed25519", "HS256", "RSA1_5", "RSA-OAEP", "dir", "A128KW", "SHA256withRSA", "RS256,none", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
	} {
		all = append(all, forgery{"alg " + alg, token(`{"alg":"`+alg+`"}`, claims(now.Add(time.Minute)), crypto.SHA256)})
	}
	return all
}

func headerForgeries() (all []forgery) {
	for _, header := range []string{
		`{"alg":"RS256","alg":"none"}`, `{"alg":"none","alg":"RS256"}`, `{"alg":"RS256","alg":"RS256"}`, `{"alg":"RS256","ALG":"none"}`, `{"ALG":"RS256"}`, `{"Alg":"RS256"}`,
		`{"alg":"RS256","\u0061lg":"none"}`, `{"alg":"RS256"}{}`, `{"alg":"RS256"} x`, `{"alg":"RS256",}`, `{"alg":"RS256"`, `[{"alg":"RS256"}]`, `{"header":{"alg":"RS256"}}`,
		`{"alg":"RS256","crit":["exp"]}`, `{"alg":"RS256","crit":[]}`, `{"alg":"RS256","crit":null}`, `{"alg":"RS256","crit":["b64"],"b64":false}`, `{"alg":"RS256","crit":["b64"],"b64":true}`,
		`{"alg":"RS256","b64":false}`, `{"alg":"RS256","b64":true}`, `{"alg":"RS256","b64":null}`, `{"alg":"RS256","crit":"b64"}`, `{"alg":"RS256","crit":["http://example.com/UNDEFINED"],"http://example.com/UNDEFINED":true}`,
		`{"alg":"RS256","typ":"at+jwt"}`, `{"alg":"RS256","typ":"logout+jwt"}`, `{"alg":"RS256","typ":"dpop+jwt"}`, `{"alg":"RS256","typ":"secevent+jwt"}`, `{"alg":"RS256","typ":"id_token"}`,
		`{"alg":"RS256","typ":"JWE"}`, `{"alg":"RS256","typ":"JOSE+JSON"}`, `{"alg":"RS256","typ":["JWT"]}`, `{"alg":"RS256","typ":null}`, `{"alg":"RS256","typ":"JWT","typ":"at+jwt"}`, `{"alg":"RS256","typ":""}`,
		"\ufeff" + rs256, "\x00" + rs256, `{'alg':'RS256'}`, `{alg:"RS256"}`, `{"alg":"RS256"/**/}`,
	} {
		all = append(all, forgery{"header " + header, token(header, claims(now.Add(time.Minute)), crypto.SHA256)})
	}
	return all
}

// strangerForgeries are signed by a key of their own, and say where it is to be found.
func strangerForgeries() (all []forgery) {
	stranger := theirs()
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(JWKS(&stranger.PublicKey), &set); err != nil {
		panic(err)
	}
	der, _ := x509.MarshalPKIXPublicKey(&stranger.PublicKey)
	for _, more := range []string{
		`"kid":"1"`, `"kid":"../../../../dev/null"`, `"kid":"/etc/passwd"`, `"kid":"' OR '1'='1"`, `"kid":"x' UNION SELECT 'key'--"`, `"kid":"| /bin/true"`, `"kid":"https://evil.example/key"`,
		`"kid":""`, `"kid":null`, `"kid":0`, `"kid":["1"]`, `"kid":"\u0000"`, `"kid":"` + strings.Repeat("k", 10000) + `"`,
		`"jku":"https://evil.example/jwks.json"`, `"jku":"file:///etc/passwd"`, `"x5u":"https://evil.example/cert.pem"`, `"x5c":["` + base64.StdEncoding.EncodeToString(der) + `"]`,
		`"x5t":"x"`, `"x5t#S256":"x"`, `"jwk":` + string(set.Keys[0]), `"jwk":` + string(set.Keys[0]) + `,"kid":"1"`,
	} {
		text := encode(`{"alg":"RS256",`+more+`}`) + "." + encode(claims(now.Add(time.Minute)))
		digest := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPKCS1v15(nil, stranger, crypto.SHA256, digest[:])
		if err != nil {
			panic(err)
		}
		all = append(all, forgery{"another key, and " + more, text + "." + encode(string(signature))})
	}
	return all
}

func claimForgeries() (all []forgery) {
	exp := fmt.Sprint(now.Add(time.Minute).Unix())
	for _, payload := range []string{
		`{"data":{},"exp":` + exp + `,"exp":` + exp + `}`, `{"data":{},"exp":1,"exp":` + exp + `}`, `{"data":{},"exp":` + exp + `,"EXP":1}`, `{"data":{},"Exp":` + exp + `}`,
		`{"data":{},"data":{"session_secret":"s"},"exp":` + exp + `}`, `{"data":{},"DATA":{"session_secret":"s"},"exp":` + exp + `}`, `{"Data":{},"exp":` + exp + `}`,
		`{"data":{},"\u0064ata":{},"exp":` + exp + `}`, `{"data":{},"exp":` + exp + `,"iss":"a","iss":"b"}`,
		`{"data":{},"exp":` + exp + `,"aud":"https://other.example"}`, `{"data":{},"exp":` + exp + `,"aud":[]}`, `{"data":{},"exp":` + exp + `,"aud":["https://other.example","hub"]}`, `{"data":{},"exp":` + exp + `,"aud":null}`,
		`{"data":{},"exp":` + exp + `,"nbf":` + fmt.Sprint(now.Add(2*time.Minute).Unix()) + `}`, `{"data":{},"exp":` + exp + `,"nbf":"tomorrow"}`, `{"data":{},"exp":` + exp + `,"nbf":1e300}`,
		`{"data":null,"exp":` + exp + `}`, `{"data":[],"exp":` + exp + `}`, `{"data":"{}","exp":` + exp + `}`, `{"exp":` + exp + `}`, `{"data":{},"exp":` + exp + `}{}`, `{"data":{},"exp":` + exp + `}x`,
		`{"data":{},"exp":` + exp, `[{"data":{},"exp":` + exp + `}]`, `null`, `""`, ``, `{"data":{},"exp":` + exp + `,}`, "\ufeff" + `{"data":{},"exp":` + exp + `}`,
		`{"data":{"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `},"exp":` + exp + `}`,
	} {
		all = append(all, forgery{"payload " + fmt.Sprintf("%.80s", payload), token(rs256, payload, crypto.SHA256)})
	}
	return all
}

func expForgeries() (all []forgery) {
	for _, exp := range []string{
		`0`, `-1`, `1`, `null`, `true`, `""`, `"9999999999"`, `[]`, `[9999999999]`, `{}`, `9999999999`, `99999999999999`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `18446744073709551615`,
		`1e10`, `1e300`, `1e-300`, `1E400`, `1795262460.5`, `0x6b000000`, `1795262460000`, `Infinity`, `NaN`, `-0`, strings.Repeat("9", 10000),
	} {
		all = append(all, forgery{"exp " + fmt.Sprintf("%.30s", exp), token(rs256, `{"data":{},"exp":`+exp+`}`, crypto.SHA256)})
	}
	return all
}

// encodingForgeries are other texts for a token that is good.
func encodingForgeries(good string) (all []forgery) {
	p := strings.Split(good, ".")
	std := base64.StdEncoding.EncodeToString
	raw, _ := base64.RawURLEncoding.DecodeString(p[2])
	for name, text := range map[string]string{
		"one more part": good + ".", "one part less": p[0] + "." + p[1], "a part of encryption": p[0] + "." + p[1] + "." + p[2] + "." + p[1] + "." + p[2], "no header": "." + p[1] + "." + p[2],
		"no payload": p[0] + ".." + p[2], "nothing": "", "dots": "..", "padding": good + "=", "padded parts": p[0] + "=." + p[1] + "=." + p[2] + "=", "a line break": good + "\n", "a line break inside": good[:len(good)-9] + "\r\n" + good[len(good)-9:],
		"a line break in the header": p[0][:4] + "\n" + good[4:], "a space": good + " ", "a space before": " " + good, "a zero byte": good + "\x00", "another alphabet": p[0] + "." + p[1] + "." + std(raw), "percent": strings.ReplaceAll(good, ".", "%2E"),
		"as JSON":       `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`,
		"with a scheme": "Bearer " + good, "header and payload exchanged": p[1] + "." + p[0] + "." + p[2], "a detached payload": p[0] + ".." + p[2], "twice": good + good, "a list": good + "," + good,
		"a payload that is not encoded": p[0] + "." + claims(now.Add(time.Minute)) + "." + p[2],
	} {
		all = append(all, forgery{"encoding: " + name, text})
	}
	// The last letter of a signature has bits to spare; only one way to write it counts.
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if text := good[:len(good)-1] + string(last); text != good {
			all = append(all, forgery{"encoding: last letter " + string(last), text})
		}
	}
	return all
}

// signatureForgeries are other numbers and other ways of signing.
func signatureForgeries() (all []forgery) {
	key := mine()
	text := encode(rs256) + "." + encode(claims(now.Add(time.Minute)))
	d256, d384, d512 := sha256.Sum256([]byte(text)), sha512.Sum384([]byte(text)), sha512.Sum512([]byte(text))
	add := func(name string, signature []byte) {
		all = append(all, forgery{"signature: " + name, text + "." + encode(string(signature))})
	}
	right, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, d256[:])
	if err != nil {
		panic(err)
	}
	pss, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, d256[:], nil)
	if err != nil {
		panic(err)
	}
	bare, _ := rsa.SignPKCS1v15(nil, key, 0, d256[:])
	s384, _ := rsa.SignPKCS1v15(nil, key, crypto.SHA384, d384[:])
	s512, _ := rsa.SignPKCS1v15(nil, key, crypto.SHA512, d512[:])
	s := new(big.Int).SetBytes(right)
	add("none", nil)
	add("PSS", pss)
	add("a bare hash", bare)
	add("of SHA-384", s384)
	add("of SHA-512", s512)
	add("zeros", make([]byte, key.Size()))
	add("one", append(make([]byte, key.Size()-1), 1))
	add("the modulus", key.N.Bytes())
	add("more than the modulus", new(big.Int).Add(s, key.N).Bytes())
	add("the other root", new(big.Int).Sub(key.N, s).Bytes())
	add("a zero more", append([]byte{0}, right...))
	add("a zero after", append(append([]byte{}, right...), 0))
	add("a byte less", right[1:])
	add("a byte less at the end", right[:len(right)-1])
	add("backwards", reversed(right))
	add("the hash", d256[:])
	for i := 0; i < len(right); i += 16 {
		flipped := append([]byte{}, right...)
		flipped[i] ^= 1
		add(fmt.Sprint("a bit of byte ", i), flipped)
	}
	return all
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[len(b)-1-i] = c
	}
	return out
}

func signed(text string) string {
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, mine(), crypto.SHA256, digest[:])
	if err != nil {
		panic(err)
	}
	return text + "." + encode(string(signature))
}
