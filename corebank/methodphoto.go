package corebank

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode/qr"
)

var errUnreadable = errors.New("the device cannot read this")

// A photoCode is a picture that only the customer's device can read. The device shows what is
// approved and computes the code from exactly that.
type photoCode struct{}

func (photoCode) challenge(o occasion) challenge {
	content, code := photoContent(o)
	return challenge{code: code, Image: photoImage(content), OTPLength: codeWidth, OTPFormat: "integer", Information: "method.PHOTO_OTP.text"}
}

func (photoCode) check(_ occasion, answer string) (string, int64) { return answer, 0 }

// A photoText is what is in the picture.
type photoText struct {
	Nonce string `json:"n"`
	Bound []byte `json:"b"` // the start of the hash over everything that is approved
	Told  []line `json:"t"`
}

// photoLineMax bounds a line in a picture: what a third party is called can be long, and the
// picture has to stay readable for a phone.
const photoLineMax = 70

// photoContent is the text of the picture, sealed for the device, and the code that answers it.
func photoContent(o occasion) (content, code string) {
	text := photoText{Nonce: o.nonce, Bound: o.bound[:8]}
	for _, l := range o.told {
		if r := []rune(l.Value); len(r) > photoLineMax {
			l.Value = string(r[:photoLineMax-1]) + "…"
		}
		text.Told = append(text.Told, l)
	}
	plain, err := json.Marshal(text)
	if err != nil {
		panic("corebank: lines of text cannot be written: " + err.Error())
	}
	// The same occasion gives the same picture: what numbers the message is a hash over it.
	h := hmac.New(sha256.New, o.key)
	h.Write([]byte("photo nonce"))
	h.Write(plain)
	nonce := h.Sum(nil)[:12]
	return base64.RawURLEncoding.EncodeToString(photoSeal(o.key).Seal(nonce, nonce, plain, nil)), decimals(o.key, codeWidth, "photo", string(plain))
}

// readPhoto is what the customer's device makes of a picture.
func readPhoto(key []byte, content string) (told []line, code string, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(content)
	if err != nil || len(sealed) < 12 {
		return nil, "", errUnreadable
	}
	plain, err := photoSeal(key).Open(nil, sealed[:12], sealed[12:], nil)
	var text photoText
	if err != nil || json.Unmarshal(plain, &text) != nil {
		return nil, "", errUnreadable
	}
	return text.Told, decimals(key, codeWidth, "photo", string(plain)), nil
}

func photoSeal(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err == nil {
		var seal cipher.AEAD
		if seal, err = cipher.NewGCM(block); err == nil {
			return seal
		}
	}
	panic("corebank: a key that was made here is not one: " + err.Error())
}

// photoImage draws content, with the white border that readers need.
func photoImage(content string) []byte {
	const border, scale = 4, 4 // modules, pixels of a module
	drawn, err := qr.Encode(content, qr.L, qr.Unicode)
	if err != nil {
		panic("corebank: a picture is too small for lines that are bounded: " + err.Error())
	}
	n := drawn.Bounds().Dx()
	side := (n + 2*border) * scale
	out := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range n {
		// To ask for a module is dear: each is asked for once, and its line is then repeated.
		first := out.Pix[(y+border)*scale*out.Stride:][:out.Stride]
		for x := range n {
			if r, _, _, _ := drawn.At(x, y).RGBA(); r == 0 {
				for i := range scale {
					first[(x+border)*scale+i] = 1
				}
			}
		}
		for i := 1; i < scale; i++ {
			copy(out.Pix[((y+border)*scale+i)*out.Stride:], first)
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, out); err != nil {
		panic("corebank: a picture in memory cannot be written: " + err.Error())
	}
	return file.Bytes()
}
