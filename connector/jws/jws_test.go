package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

var (
	mine   = sync.OnceValue(newKey)
	theirs = sync.OnceValue(newKey)
	now    = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

func newKey() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
}

func verifier(keys ...PublicKey) *Verifier {
	return &Verifier{Keys: keys, Leeway: time.Minute, Now: func() time.Time { return now }}
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// token signs any header and payload.
func token(header, payload string, hash crypto.Hash) string {
	text := encode(header) + "." + encode(payload)
	h := hash.New()
	h.Write([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, mine(), hash, h.Sum(nil))
	if err != nil {
		panic(err)
	}
	return text + "." + encode(string(signature))
}

func claims(exp time.Time) string {
	return `{"data":{"session_secret":"s"},"exp":` + strconv.FormatInt(exp.Unix(), 10) + `}`
}

func TestSign(t *testing.T) {
	signed, err := Sign(mine(), map[string]string{"a": "ž<&>"}, now.Add(time.Minute), `priora.saltedge.com`)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(signed, ".")
	if head, _ := base64.RawURLEncoding.DecodeString(parts[0]); string(head) != `{"alg":"RS256"}` {
		t.Errorf("header is %s", head)
	}
	// Another library reads it, and finds no claim but the three.
	other, err := jose.ParseSignedCompact(signed, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := other.Verify(&mine().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(payload, &got); err != nil || len(got) != 3 || got["iss"] != "priora.saltedge.com" || got["data"].(map[string]any)["a"] != "ž<&>" {
		t.Errorf("got %s, %v", payload, err)
	}
	data, err := verifier(PublicKey{Key: &mine().PublicKey}).Bearer("Bearer " + signed)
	if err != nil || !strings.Contains(string(data), "ž") {
		t.Errorf("got %s, %v", data, err)
	}
}

func TestVerify(t *testing.T) {
	good := claims(now.Add(time.Minute))
	rs256 := `{"alg":"RS256"}`
	unsigned := encode(`{"alg":"none"}`) + "." + encode(good) + "."
	for _, tt := range []struct {
		name, token string
		want        error
	}{
		{"RS256", token(rs256, good, crypto.SHA256), nil},
		{"RS384, as long keys make some libraries choose", token(`{"alg":"RS384"}`, good, crypto.SHA384), nil},
		{"RS512", token(`{"alg":"RS512"}`, good, crypto.SHA512), nil},
		{"members of the header that say nothing", token(`{"typ":"JWT","kid":"1","alg":"RS256"}`, good, crypto.SHA256), nil},
		{"expired within the leeway", token(rs256, claims(now.Add(-59*time.Second)), crypto.SHA256), nil},
		{"expired", token(rs256, claims(now.Add(-time.Minute)), crypto.SHA256), ErrExpired},
		{"good for more than an hour", token(rs256, claims(now.Add(62*time.Minute)), crypto.SHA256), ErrDecode},
		{"without exp", token(rs256, `{"data":{}}`, crypto.SHA256), ErrDecode},
		{"exp as a text", token(rs256, `{"data":{},"exp":"1"}`, crypto.SHA256), ErrDecode},
		{"exp beyond every number", token(rs256, `{"data":{},"exp":99999999999999999999}`, crypto.SHA256), ErrDecode},
		{"without data", token(rs256, strings.Replace(good, "data", "date", 1), crypto.SHA256), ErrDecode},
		{"data is null", token(rs256, strings.Replace(good, `{"session_secret":"s"}`, "null", 1), crypto.SHA256), ErrDecode},
		{"data is a list", token(rs256, strings.Replace(good, `{"session_secret":"s"}`, "[]", 1), crypto.SHA256), ErrDecode},
		{"payload is no JSON", token(rs256, `{`, crypto.SHA256), ErrDecode},
		{"not signed", unsigned, ErrAlgorithm},
		{"not signed, and the algorithm in capitals", encode(`{"alg":"NONE"}`) + "." + encode(good) + ".", ErrAlgorithm},
		{"no algorithm", token(`{}`, good, crypto.SHA256), ErrAlgorithm},
		{"another kind of signature", token(`{"alg":"PS256"}`, good, crypto.SHA256), ErrAlgorithm},
		{"the public key taken for a shared secret", hmacToken(good), ErrAlgorithm},
		{"a critical member", token(`{"alg":"RS256","crit":["b64"],"b64":false}`, good, crypto.SHA256), ErrDecode},
		{"the signature of another hash", token(`{"alg":"RS384"}`, good, crypto.SHA256), ErrSignature},
		{"no signature", strings.TrimRight(token(rs256, good, crypto.SHA256), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), ErrSignature},
		{"a payload exchanged", exchanged(token(rs256, good, crypto.SHA256)), ErrSignature},
		{"two parts", "a.b", ErrDecode},
		{"four parts", "a.b.c.d", ErrDecode},
		{"nothing", "", ErrDecode},
		{"other base64", encode(rs256) + "=." + encode(good) + ".x", ErrDecode},
		{"too long", strings.Repeat("a", sizeMax) + ".b.c", ErrDecode},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := verifier(PublicKey{Key: &theirs().PublicKey}, PublicKey{Key: &mine().PublicKey}).Verify(tt.token)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || err == nil && string(data) != `{"session_secret":"s"}` {
				t.Errorf("got %s, %v; want %v", data, err, tt.want)
			}
		})
	}
}

func hmacToken(payload string) string {
	text := encode(`{"alg":"HS256"}`) + "." + encode(payload)
	public, _ := PublicPEM(&mine().PublicKey)
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(text))
	return text + "." + encode(string(mac.Sum(nil)))
}

func exchanged(token string) string {
	p := strings.Split(token, ".")
	return p[0] + "." + encode(strings.Replace(claims(now.Add(time.Minute)), `"s"`, `"x"`, 1)) + "." + p[2]
}

func TestKeysHaveTheirDays(t *testing.T) {
	signed, _ := Sign(mine(), struct{}{}, now.Add(time.Minute), "")
	for _, tt := range []struct {
		name      string
		from, til time.Time
		want      error
	}{
		{"always", time.Time{}, time.Time{}, nil},
		{"from now", now, time.Time{}, nil},
		{"until now", time.Time{}, now, nil},
		{"not yet", now.Add(time.Second), time.Time{}, ErrSignature},
		{"no longer", time.Time{}, now.Add(-time.Second), ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verifier(PublicKey{&mine().PublicKey, tt.from, tt.til}).Verify(signed)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestBearer(t *testing.T) {
	signed, _ := Sign(mine(), struct{}{}, now.Add(time.Minute), "")
	for _, tt := range []struct {
		name, header string
		want         error
	}{
		{"as written", "Bearer " + signed, nil},
		{"scheme in small letters", "bearer " + signed, nil},
		{"nothing", "", ErrMissing},
		{"another scheme", "Basic " + signed, ErrDecode},
		{"a scheme alone", "Bearer ", ErrDecode},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := verifier(PublicKey{Key: &mine().PublicKey}).Bearer(tt.header); !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestKeysAreRead(t *testing.T) {
	pkcs8, _ := x509.MarshalPKCS8PrivateKey(mine())
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(mine())}))
	public, err := PublicPEM(&mine().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{"PKCS#8": text, "PKCS#1": pkcs1, "in one line": strings.ReplaceAll(text, "\n", `\n`)} {
		if k, err := ParsePrivate(s); err != nil || !k.Equal(mine()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, s := range map[string]string{"SPKI": string(public), "in one line": strings.ReplaceAll(string(public), "\n", `\n`)} {
		if k, err := ParsePublic(s); err != nil || !k.Equal(&mine().PublicKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	small := &rsa.PublicKey{N: new(big.Int).Rsh(mine().N, 1024), E: 65537}
	smallPEM, _ := PublicPEM(small)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ecDER, _ := x509.MarshalPKIXPublicKey(&ec.PublicKey)
	for name, s := range map[string]string{
		"nothing": "", "a private key": text, "damaged": strings.Replace(string(public), "MII", "MIJ", 1), "of 1024 bits": string(smallPEM),
		"of another kind": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: ecDER})),
	} {
		if _, err := ParsePublic(s); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParsePrivate(string(public)); !errors.Is(err, ErrKey) {
		t.Errorf("a public key as a private one: %v", err)
	}
}

func TestJWKS(t *testing.T) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(JWKS(&mine().PublicKey, &theirs().PublicKey), &set); err != nil || len(set.Keys) != 2 {
		t.Fatal(err, len(set.Keys))
	}
	k := set.Keys[0]
	print, err := k.Thumbprint(crypto.SHA256)
	if err != nil || !mine().PublicKey.Equal(k.Key) || k.KeyID != base64.RawURLEncoding.EncodeToString(print) {
		t.Errorf("got %+v, %v", k, err)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(token(`{"alg":"RS256"}`, claims(now.Add(time.Minute)), crypto.SHA256)[:60])
	f.Add(".." + encode(`{"alg":"none"}`))
	v := verifier(PublicKey{Key: &theirs().PublicKey})
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := v.Verify(token); err == nil {
			t.Error("accepted what nobody signed")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	signed, _ := Sign(mine(), struct{}{}, now.Add(time.Minute), "")
	v := verifier(PublicKey{Key: &mine().PublicKey})
	for b.Loop() {
		v.Verify(signed)
	}
}
