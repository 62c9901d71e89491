package corebank

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"slices"
	"sync"

	"github.com/boombuler/barcode/qr"
)

var errUnreadable = errors.New("the device cannot read this")

// A photoCode is a picture that only the customer's device can read. The device shows what is
// approved and computes the code from exactly that.
type photoCode struct{ *pictures }

func (p photoCode) challenge(o occasion) challenge {
	content, code := photoContent(o)
	return challenge{code: code, Image: p.of(content), OTPLength: codeWidth, OTPFormat: "integer", Information: "method.PHOTO_OTP.text"}
}

func (photoCode) check(_ occasion, answer string) (string, int64) { return answer, 0 }

// pictures keeps those that were drawn, for a page is asked for again: after a wrong code, or in
// another language. Nobody but a device can read them.
type pictures struct {
	mu    sync.Mutex
	drawn map[string][]byte // by what is in them
}

// picturesMax bounds how many are kept: a megabyte of them.
const picturesMax = 256

func (p *pictures) of(content string) []byte {
	p.mu.Lock()
	drawn, ok := p.drawn[content]
	p.mu.Unlock()
	if ok {
		return drawn
	}
	drawn = photoImage(content)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn == nil || len(p.drawn) >= picturesMax {
		p.drawn = map[string][]byte{}
	}
	p.drawn[content] = drawn
	return drawn
}

// A photoText is what is in the picture: a nonce, the start of the hash over everything that is
// approved, and by turns what is told and how it is called. To draw a picture takes its time, by
// the square of what is in it; so there is nothing around the words.
type photoText []string

// photoLineMax bounds a line in a picture: what a third party is called can be long, and the
// picture has to stay readable for a phone.
const photoLineMax = 70

// photoLetters are those of which a picture takes the most.
var photoLetters = base32.StdEncoding.WithPadding(base32.NoPadding)

// photoContent is the text of the picture, sealed for the device, and the code that answers it.
func photoContent(o occasion) (content, code string) {
	text := photoText{o.nonce, base64.RawURLEncoding.EncodeToString(o.bound[:8])}
	for _, l := range o.told {
		if r := []rune(l.Value); len(r) > photoLineMax {
			l.Value = string(r[:photoLineMax-1]) + "…"
		}
		text = append(text, l.Label, l.Value)
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
	return photoLetters.EncodeToString(photoSeal(o.key).Seal(nonce, nonce, plain, nil)), decimals(o.key, codeWidth, "photo", string(plain))
}

// readPhoto is what the customer's device makes of a picture.
func readPhoto(key []byte, content string) (told []line, code string, err error) {
	sealed, err := photoLetters.DecodeString(content)
	if err != nil || len(sealed) < 12 {
		return nil, "", errUnreadable
	}
	plain, err := photoSeal(key).Open(nil, sealed[:12], sealed[12:], nil)
	var text photoText
	if err != nil || json.Unmarshal(plain, &text) != nil || len(text) < 2 {
		return nil, "", errUnreadable
	}
	for pair := range slices.Chunk(text[2:], 2) {
		if len(pair) < 2 {
			return nil, "", errUnreadable
		}
		told = append(told, line{pair[0], pair[1]})
	}
	return told, decimals(key, codeWidth, "photo", string(plain)), nil
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
	drawn, err := qr.Encode(content, qr.L, qr.AlphaNumeric)
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
