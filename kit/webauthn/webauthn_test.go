package webauthn_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"kontor/kit/webauthn"
	"kontor/kit/webauthn/webauthntest"
)

var party = webauthn.Party{ID: "bank.example", Origin: "https://bank.example"}

// Two challenges.
var asked, other = []byte(strings.Repeat("c", 32)), []byte(strings.Repeat("d", 32))

func TestPartyAt(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]webauthn.Party{
		"https://Bank.example/lon":      {ID: "bank.example", Origin: "https://bank.example"},
		"https://bank.example:443":      {ID: "bank.example", Origin: "https://bank.example"},
		"https://bank.example:8443/lon": {ID: "bank.example", Origin: "https://bank.example:8443"},
		"http://localhost:8090/lon":     {ID: "localhost", Origin: "http://localhost:8090"},
		"http://bank.example/lon":       {}, // not encrypted
		"http://127.0.0.1:8090/lon":     {}, // no name
		"https://[::1]:8090/lon":        {},
		"app:callback":                  {},
		"":                              {},
	} {
		if got, ok := webauthn.PartyAt(address); got != want || ok != (want.ID != "") {
			t.Errorf("%s: %+v %t, want %+v", address, got, ok, want)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors are from section 16 of Web Authentication Level 3: answers with the keys that gave them.
func TestVectors(t *testing.T) {
	t.Parallel()
	const origin = "https://example.org"
	for _, v := range []struct {
		name, id, challenge, x, y, data, client, signature string
		want                                               error
	}{
		{"packed.ES256", "c9a6f5b3462d02873fea0c56862234f99f081728084e511bb7760201a89054a5", "b1106fa46a57bef1781511c0557dc898a03413d5f0f17d244630c194c7e1adb5",
			"1cf27f25da591208a4239c2e324f104f585525479a29edeedd830f48e77aeae5", "59e4b7da6c0106e206ce390c93ab98a15a5ec3887e57f0cc2bece803b920c423",
			"bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50d00000000",
			"7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2273524276704770587676463446524841565833496d4b4130453958773858306b526a44426c4d6668726255222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20415a4d77794d78496244382d756775464e7036723851227d",
			"30450220694969d3ee928de6f02ef23a9c644d7d779916451734a94b432542f498a1ebe90221008b0819c824218a97152cd099c55bfb1477b29d900a49a64018314f9bfccda163", nil},
		{"packed.EdDSA: its user was not verified", "ce9f840ed96599580cd140fbc7bb3230633f50f61041aff73308ae71caa8a2bd", "895957e01c633a698348a2d8a31a54b7db27e8c1c43b2080d79ae2190267bfd2",
			"44e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832", "",
			"bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
			"7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2269566c583442786a4f6d6d44534b4c596f7870557439736e364d48454f7943413135726947514a6e763949222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
			"f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fecb097d6607525713223a0dc0d453993dae00b", webauthn.ErrRefused},
	} {
		k := webauthn.Passkey{ID: unhex(t, v.id), Synced: true}
		key := map[int]any{1: 1, 3: -8, -1: 6, -2: unhex(t, v.x)}
		if v.y != "" {
			key = map[int]any{1: 2, 3: -7, -1: 1, -2: unhex(t, v.x), -3: unhex(t, v.y)}
		}
		var err error
		if k.Key, err = cbor.Marshal(key); err != nil {
			t.Fatal(err)
		}
		text := func(s string) string { return base64.RawURLEncoding.EncodeToString(unhex(t, s)) }
		answer, _ := json.Marshal(map[string]any{
			"id": text(v.id), "rawId": text(v.id), "type": "public-key", "clientExtensionResults": map[string]any{},
			"response": map[string]string{"clientDataJSON": text(v.client), "authenticatorData": text(v.data), "signature": text(v.signature)},
		})
		if _, err := (webauthn.Party{ID: "example.org", Origin: origin}).Verify(unhex(t, v.challenge), k, answer); !errors.Is(err, v.want) {
			t.Errorf("%s: %v", v.name, err)
		}
	}
}

// A made passkey is registered with its own answer.
func made(t *testing.T, a *webauthntest.Authenticator) webauthn.Passkey {
	t.Helper()
	k, err := party.Register(asked, []byte("user"), a.Create(asked, []byte("user")))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestEveryAlgorithm(t *testing.T) {
	t.Parallel()
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for n := range webauthn.Algorithms() {
		a := webauthntest.New(party)
		switch n {
		case 1:
			a.Key = edwards
		case 2:
			a.Key = long
		}
		k := made(t, a)
		if counter, err := party.Verify(other, k, a.Get(other)); err != nil || counter != 1 {
			t.Errorf("algorithm %d: %d %v", webauthn.Algorithms()[n], counter, err)
		}
		bent := bytes.Replace(a.Get(other), []byte(`"signature":"`), []byte(`"signature":"AA`), 1)
		if _, err := party.Verify(other, k, bent); !errors.Is(err, webauthn.ErrRefused) {
			t.Errorf("algorithm %d: a bent signature: %v", webauthn.Algorithms()[n], err)
		}
	}
}

// bends are what an answer can say that no honest one does, whether a passkey is made or used.
var bends = []struct {
	name string
	bend func(*webauthntest.Authenticator)
}{
	{"the page is another bank's", func(a *webauthntest.Authenticator) { a.Origin = "https://bank.example.evil.example" }},
	{"the page is the bank's, but not encrypted", func(a *webauthntest.Authenticator) { a.Origin = "http://bank.example" }},
	{"the page is the bank's on another port", func(a *webauthntest.Authenticator) { a.Origin = "https://bank.example:8443" }},
	{"the page is inside another's", func(a *webauthntest.Authenticator) { a.CrossOrigin = true }},
	{"the passkey is another party's", func(a *webauthntest.Authenticator) { a.Party = "evil.example" }},
	{"the passkey is the party's that ours is below", func(a *webauthntest.Authenticator) { a.Party = "example" }},
	{"its user was not verified", func(a *webauthntest.Authenticator) { a.Flags &^= 1 << 2 }},
	{"its user was not there", func(a *webauthntest.Authenticator) { a.Flags &^= 1 << 0 }},
	{"it is synchronised, and cannot be", func(a *webauthntest.Authenticator) { a.Flags |= 1 << 4 }},
	{"the question was another", func(a *webauthntest.Authenticator) { a.Type = "payment.get" }},
}

func TestRegisterRefuses(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("no such weak keys can be made any more")
	}
	for _, c := range append(bends[:len(bends):len(bends)], []struct {
		name string
		bend func(*webauthntest.Authenticator)
	}{
		{"a use is no making", func(a *webauthntest.Authenticator) { a.Type = "webauthn.get" }},
		{"its ID is longer than any", func(a *webauthntest.Authenticator) { a.ID = make([]byte, 1024) }},
		{"it has no ID", func(a *webauthntest.Authenticator) { a.ID = nil }},
		{"its key is short", func(a *webauthntest.Authenticator) { a.Key = small }},
	}...) {
		a := webauthntest.New(party)
		c.bend(a)
		if _, err := party.Register(asked, nil, a.Create(asked, nil)); !errors.Is(err, webauthn.ErrRefused) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	a := webauthntest.New(party)
	if _, err := party.Register(other, nil, a.Create(asked, nil)); !errors.Is(err, webauthn.ErrRefused) {
		t.Errorf("another challenge: %v", err)
	}
	if _, err := party.Register(nil, nil, a.Create(nil, nil)); !errors.Is(err, webauthn.ErrRefused) {
		t.Errorf("no challenge: %v", err)
	}
	if _, err := party.Register(asked, nil, a.Get(asked)); err == nil {
		t.Error("a use is taken for a making")
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range append(bends[:len(bends):len(bends)], []struct {
		name string
		bend func(*webauthntest.Authenticator)
	}{
		{"a making is no use", func(a *webauthntest.Authenticator) { a.Type = "webauthn.create" }},
		{"it is another passkey", func(a *webauthntest.Authenticator) { *a = *webauthntest.New(party) }},
		{"it is another passkey with the same ID", func(a *webauthntest.Authenticator) { a.Key = webauthntest.New(party).Key }},
		{"it is another user's", func(a *webauthntest.Authenticator) { a.User = []byte("other") }},
		{"it can be synchronised all at once", func(a *webauthntest.Authenticator) { a.Flags |= 1 << 3 }},
		{"it brings a key along", func(a *webauthntest.Authenticator) { a.Flags |= 1 << 6 }},
	}...) {
		a := webauthntest.New(party)
		k := made(t, a)
		c.bend(a)
		if _, err := party.Verify(other, k, a.Get(other)); !errors.Is(err, webauthn.ErrRefused) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	a := webauthntest.New(party)
	k := made(t, a)
	if _, err := party.Verify(other, k, a.Get(asked)); !errors.Is(err, webauthn.ErrRefused) {
		t.Errorf("another challenge: %v", err)
	}
	if _, err := party.Verify(nil, k, a.Get(nil)); !errors.Is(err, webauthn.ErrRefused) {
		t.Errorf("no challenge: %v", err)
	}
	// What was signed cannot be bent afterwards.
	good := a.Get(other)
	var fields map[string]string
	var whole map[string]json.RawMessage
	json.Unmarshal(good, &whole)
	json.Unmarshal(whole["response"], &fields)
	for _, name := range []string{"clientDataJSON", "authenticatorData", "signature"} {
		raw, _ := base64.RawURLEncoding.DecodeString(fields[name])
		for i := range raw {
			bent := map[string]string{}
			for k, v := range fields {
				bent[k] = v
			}
			changed := bytes.Clone(raw)
			changed[i] ^= 1
			bent[name] = base64.RawURLEncoding.EncodeToString(changed)
			whole["response"], _ = json.Marshal(bent)
			text, _ := json.Marshal(whole)
			if _, err := party.Verify(other, k, text); err == nil {
				t.Fatalf("byte %d of %s can be bent", i, name)
			}
		}
	}
	if _, err := party.Verify(other, k, good); err != nil {
		t.Error("the answer itself:", err)
	}
}

func TestCounter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		before, now uint32
		want        error
	}{
		{"an authenticator that does not count", 0, 0, nil},
		{"one more", 7, 8, nil},
		{"many more", 7, 4_000_000_000, nil},
		{"the same again", 7, 7, webauthn.ErrCounter},
		{"one less", 7, 6, webauthn.ErrCounter},
		{"it stopped counting", 7, 0, webauthn.ErrCounter},
		{"it began to count", 0, 1, nil},
	} {
		a := webauthntest.New(party)
		k := made(t, a)
		k.Counter, a.Counter = c.before, c.now
		got, err := party.Verify(other, k, a.Again(other))
		if !errors.Is(err, c.want) || err == nil && got != c.now {
			t.Errorf("%s: %d %v", c.name, got, err)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	a := webauthntest.New(party)
	k, err := party.Register(asked, nil, a.Create(asked, nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(a.Create(asked, nil))
	f.Add([]byte(`{"id":"AA","clientDataJSON":"e30","authenticatorData":""}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := party.Verify(asked, k, text); err == nil {
			t.Error("somebody without the key has answered")
		}
		if got, err := party.Register(asked, nil, text); err == nil && len(got.ID) == 0 {
			t.Error("a passkey without an ID")
		}
	})
}
