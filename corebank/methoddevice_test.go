package corebank

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image/png"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/boombuler/barcode/qr"
)

// device is what the only pending approval of a customer looks like on her devices.
func (w *world) device(login, kind string) pending {
	w.t.Helper()
	resp, err := http.Get(w.url + "/phone.json?login=" + login)
	w.do(err)
	defer resp.Body.Close()
	var all []pending
	w.do(json.NewDecoder(resp.Body).Decode(&all))
	for _, p := range all {
		if p.Kind == kind {
			return p
		}
	}
	w.t.Fatalf("no device of %s is asked for %s: %+v", login, kind, all)
	return pending{}
}

func (p pending) tells(t *testing.T, words ...string) {
	t.Helper()
	all, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range words {
		if !strings.Contains(string(all), s) {
			t.Errorf("the device does not show %q: %s", s, all)
		}
	}
}

var picture = regexp.MustCompile(`<img class="photo" src="data:image/png;base64,([^"]+)"`)

func TestPhotoCode(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.pay("50.00", "maja").submit("approve", "accounts", "maja-current", "method", "photo").sees("Take a photo of the picture", "50.00 EUR")
		shown := picture.FindStringSubmatch(b.body)
		if shown == nil {
			t.Fatal("no picture:", b.body)
		}
		file, err := base64.StdEncoding.DecodeString(shown[1])
		w.do(err)
		j, err := w.bank.journey(t.Context(), b.at[strings.LastIndex(b.at, "/")+1:])
		w.do(err)
		_, _, o, err := w.bank.asked(t.Context(), j, "sl")
		w.do(err)
		content, _ := photoContent(o)
		samePicture(t, file, content)
		if len(file) > 20_000 || strings.Contains(content, "Luka") {
			t.Errorf("%d bytes, %s", len(file), content)
		}
		told, code, err := readPhoto(w.bank.deviceKey("1005", "photo"), content)
		w.do(err)
		pending{Told: told}.tells(t, "50,00 EUR", "Luka Zupan", spaced(ibanOf["luka"]), "Zlatka Pay")
		if _, _, err := readPhoto(w.bank.deviceKey("1007", "photo"), content); !errors.Is(err, errUnreadable) {
			t.Error("the device of somebody else reads the picture")
		}
		for i := range content {
			bent := content[:i] + string(content[i]^1) + content[i+1:]
			if _, got, err := readPhoto(w.bank.deviceKey("1005", "photo"), bent); err == nil && got != code {
				t.Fatalf("a picture bent at %d is read", i)
			}
		}
		if w.device("maja", kindPhoto).Code != code {
			t.Error("the page of the device shows another code")
		}
		b.submit("confirm", "code", wrongCode(code)).sees("That is not the code", "data:image/png")
		b.submit("confirm", "code", code).sees("Done")
		b = w.pay("51.00", "maja").submit("approve", "accounts", "maja-current", "method", "photo")
		b.submit("confirm", "code", code).sees("That is not the code")
	})
}

// samePicture compares every module of the file with content as it should be drawn.
func samePicture(t *testing.T, file []byte, content string) {
	t.Helper()
	got, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	want, err := qr.Encode(content, qr.L, qr.AlphaNumeric)
	if err != nil {
		t.Fatal(err)
	}
	n := want.Bounds().Dx()
	if side := got.Bounds().Dx(); side != (n+8)*4 || got.Bounds().Dy() != side {
		t.Fatalf("%v for %d modules", got.Bounds(), n)
	}
	for y := -4; y < n+4; y++ {
		for x := -4; x < n+4; x++ {
			black := false
			if x >= 0 && y >= 0 && x < n && y < n {
				r, _, _, _ := want.At(x, y).RGBA()
				black = r == 0
			}
			if r, _, _, _ := got.At((x+4)*4+2, (y+4)*4+2).RGBA(); (r == 0) != black {
				t.Fatalf("module %d, %d is wrong", x, y)
			}
		}
	}
}

func TestPictureIsLargeEnoughForTheLongestLines(t *testing.T) {
	long := strings.Repeat("ščć€", 300)
	o := occasion{key: make([]byte, 32), bound: make([]byte, 32), nonce: strings.Repeat("N", 26), told: []line{{"told.what", long}, {"payment.amount", long}, {"payment.payee", long}, {"payment.iban", long}, {"told.by", long}}}
	if got := (photoCode{&pictures{}}).challenge(o); len(got.Image) == 0 || len(got.Image) > 20_000 {
		t.Errorf("%d bytes", len(got.Image))
	}
}

func TestChipCode(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.pay("50.00", "peter").submit("approve", "accounts", "peter-current", "method", "chip").sees("Put your card into the reader", "For the reader", "50.00 EUR")
		data := regexp.MustCompile(`<span class="reader iban">([^<]+)<`).FindStringSubmatch(b.body)[1]
		key := w.bank.deviceKey("1006", "chip")
		elements, code, err := readChip(key, data)
		w.do(err)
		if len(elements) != 3 || len(elements[0]) != 8 || elements[1] != "50,00EUR" || elements[2] != ibanOf["luka"] {
			t.Errorf("the reader shows %q", elements)
		}
		data = strings.ReplaceAll(data, " ", "")
		for i := range data { // whatever digit is mistyped
			if data[i] >= '0' && data[i] <= '9' {
				bent := data[:i] + string('0'+(data[i]-'0'+1)%10) + data[i+1:]
				if _, _, err := readChip(key, bent); !errors.Is(err, errUnreadable) {
					t.Errorf("the reader takes %s", bent)
				}
			}
		}
		w.device("peter", kindChip).tells(t, code, "50,00EUR")
		b.submit("confirm", "code", code).sees("Done")

		w.do(w.c.StartAccess(t.Context(), accessRequest(offered())))
		b = w.browser().open(w.page()).logIn("peter").submit("approve", "accounts", "peter-current", "method", "chip")
		b.submit("confirm", "code", code).sees("That is not the code").submit("confirm", "code", w.device("peter", kindChip).Code).sees("Done")
	})
}

func FuzzReadChip(f *testing.F) {
	f.Add("0350812345678085000EUR12")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if elements, code, err := readChip(make([]byte, 32), s); err == nil && (len(code) != codeWidth || len(strings.Join(elements, "")) > len(s)) {
			t.Error(s, elements, code)
		}
	})
}

func TestApproveOnThePhone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.pay("50.00", "sofia").submit("approve", "accounts", "sofia-eur", "method", "push").sees("We asked you on your phone", "I have approved it")
		if strings.Contains(b.body, `name="code"`) {
			t.Error("there is nothing to type")
		}
		b.submit("answered").sees("has not answered yet")
		shown := w.device("sofia", kindPush)
		shown.tells(t, "50,00 EUR", "Luka Zupan", spaced(ibanOf["luka"]), "Zlatka Pay")
		if shown.Code != "" {
			t.Error("a code for nobody to type:", shown.Code)
		}
		other := w.browser().open(w.url + "/phone").sees("Log in as the customer").logIn("peter").sees("Nothing waits")
		other.submit("approve", "journey", shown.Journey).sees("does not wait for your approval any more")
		phone := w.browser().open(w.url+"/phone").logIn("sofia").sees("Asked on your phone", "50,00 EUR", "Luka Zupan", "Zlatka Pay", "Approve", "Refuse")
		phone.submit("approve").sees("Nothing waits")
		b.submit("answered").sees("Done")
		phone.submit("approve", "journey", shown.Journey).sees("does not wait")

		b = w.pay("51.00", "sofia").submit("approve", "accounts", "sofia-eur", "method", "push")
		phone.open(w.url + "/phone").submit("refuse").sees("Nothing waits")
		b.submit("answered").sees("You refused")
		if !strings.HasSuffix(w.hub.heard(), "fail RJCT AccessDenied") {
			t.Error(w.hub.heard())
		}

		// Bent behind the customer's back: the phone shows what it is now, and approves nothing else.
		b = w.pay("52.00", "sofia").submit("approve", "accounts", "sofia-eur", "method", "push")
		if _, err := w.bank.db.Exec(t.Context(), `UPDATE corebank_payment SET amount = 99900 WHERE state = 'received'`); err != nil {
			t.Fatal(err)
		}
		phone.open(w.url + "/phone").submit("approve").sees("That is not the code")
		b.submit("by sms").submit("confirm", "code", w.code("sofia")).sees("Done")
	})
}

func TestWhoHasNoMethodCanApproveNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if _, err := w.bank.db.Exec(t.Context(), `DELETE FROM corebank_method WHERE customer = '1001'`); err != nil {
			t.Fatal(err)
		}
		w.do(w.c.StartPayment(t.Context(), w.order("50.00")))
		w.browser().open(w.page()).logIn("ana").submit("approve", "accounts", "ana-current").sees("no way to confirm this")
	})
}

func TestTakenAwayMethodAnswersNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.pay("50.00", "maja").submit("approve", "accounts", "maja-current", "method", "photo")
		code := w.device("maja", kindPhoto).Code
		if _, err := w.bank.db.Exec(t.Context(), `DELETE FROM corebank_method WHERE customer = '1005' AND id = 'photo'`); err != nil {
			t.Fatal(err)
		}
		b.submit("confirm", "code", code).sees("no longer good")
		b.submit("by sms").submit("confirm", "code", w.code("maja")).sees("Done")
	})
}
