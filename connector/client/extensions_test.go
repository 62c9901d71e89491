package client

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"kontor/connector/wire"
)

// The page about extensions shows what is really sent: each example is read by the type that
// it names, and says the same when it is written again.
func TestTheExamplesOfExtensionsAreWhatIsSent(t *testing.T) {
	page, err := os.ReadFile("../../doc/connector-extensions.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, capability := range Capabilities {
		if !bytes.Contains(page, []byte("\n## "+capability+"\n")) {
			t.Errorf("nothing is said of %s", capability)
		}
	}
	types := map[string]func() any{
		"LoginCreate": func() any { return &wire.LoginCreate{} }, "Event": func() any { return &wire.Event{} }, "SessionOnly": func() any { return &wire.SessionOnly{} },
		"AccountOnly": func() any { return &wire.AccountOnly{} }, "List TransactionAnswer": func() any { return &wire.List[wire.TransactionAnswer]{} },
		"List TrustedBeneficiary": func() any { return &wire.List[wire.TrustedBeneficiary]{} }, "BasketCreate": func() any { return &wire.BasketCreate{} }, "PaymentCreate": func() any { return &wire.PaymentCreate{} },
		"BodyOnly": func() any { return &wire.BodyOnly{} }, "PaymentCancel": func() any { return &wire.PaymentCancel{} }, "FundsAtBank": func() any { return &wire.FundsAtBank{} }, "PaymentQuery": func() any { return &wire.PaymentQuery{} },
		"AccessesQuery": func() any { return &wire.AccessesQuery{} }, "AccessEntry": func() any { return &wire.AccessEntry{} },
		"TokenCreate":      func() any { return &wire.TokenCreate{} },
		"SignatureCreate":  func() any { return &wire.SignatureCreate{} },
		"SessionAuthorise": func() any { return &wire.SessionAuthorise{} }, "SessionConfirm": func() any { return &wire.SessionConfirm{} },
		"PayeesVerify": func() any { return &wire.PayeesVerify{} }, "List PayeeAnswer": func() any { return &wire.List[wire.PayeeAnswer]{} },
		"Data Event": func() any {
			return &struct {
				Data wire.Event `json:"data"`
			}{}
		},
		"AccountAnswer": func() any { return &wire.AccountAnswer{} }, "TransactionAnswer": func() any { return &wire.TransactionAnswer{} },
	}
	examples := regexp.MustCompile("(?s)```json ([A-Za-z ]+)\n(.*?)\n```").FindAllSubmatch(page, -1)
	if want := bytes.Count(page, []byte("```json")); len(examples) < 15 || len(examples) != want {
		t.Fatalf("%d of %d examples were found", len(examples), want)
	}
	for _, e := range examples {
		name, text := string(e[1]), e[2]
		if types[name] == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		value := types[name]()
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(value); err != nil {
			t.Errorf("%s: %v in %s", name, err, text)
			continue
		}
		again, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var said, says any
		if err := json.Unmarshal(text, &said); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &says); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(said, says) {
			t.Errorf("%s says\n%s\nand is written\n%s", name, strings.Join(strings.Fields(string(text)), " "), again)
		}
	}
}
