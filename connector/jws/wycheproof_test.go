package jws

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"
)

// The vectors of Project Wycheproof. Their payloads are not ours, so none is accepted whole;
// what is asked is whether a signature is believed that must not be, or not believed that must.
func TestWycheproof(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/wycheproof.json")
	if err != nil {
		t.Fatal(err)
	}
	var groups []struct {
		Comment string `json:"comment"`
		Key     struct{ KTY, Alg, N, E string }
		Tests   []struct {
			ID      int
			Comment string
			JWS     string
			Valid   bool
		}
	}
	if err := json.Unmarshal(b, &groups); err != nil {
		t.Fatal(err)
	}
	// These are about what a JWK says of its key: for PS512 only, or for encryption only. Keys of
	// connectors come as PEM, which says nothing of the kind; the signatures themselves are good.
	ofJWK := map[int]bool{332: true, 334: true, 336: true, 353: true, 355: true}
	believed, seen := 0, 0
	for _, g := range groups {
		v := verifier(PublicKey{Key: &mine().PublicKey}) // of keys that are not RSA there is nothing to give it
		if g.Key.KTY == "RSA" {
			v = verifier(PublicKey{Key: &rsa.PublicKey{N: number(t, g.Key.N), E: int(number(t, g.Key.E).Int64())}})
		}
		for _, vector := range g.Tests {
			seen++
			data, err := v.Verify(vector.JWS)
			if err == nil {
				t.Errorf("%d %s: %s: accepted with %s", vector.ID, g.Comment, vector.Comment, data)
			}
			got := errors.Is(err, ErrDecode) && strings.Contains(err.Error(), "payload")
			want := vector.Valid && strings.HasPrefix(g.Key.Alg, "RS") || ofJWK[vector.ID] // nothing else is taken
			if got != want {
				t.Errorf("%d %s: %s: its signature is believed: %v, want %v (%v)", vector.ID, g.Comment, vector.Comment, got, want, err)
			}
			if got {
				believed++
			}
		}
	}
	if seen != 401 || believed != 16+len(ofJWK) {
		t.Errorf("%d vectors, of which %d are believed; want 401 and %d", seen, believed, 16+len(ofJWK))
	}
}

func number(t *testing.T, text string) *big.Int {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return new(big.Int).SetBytes(b)
}
