package corebank

import (
	"fmt"
	"strconv"
	"strings"
)

// A chipCode comes from a card in a reader with a keypad. The page shows a string in the manner
// of HHD 1.4: a start code and the data of the order, each with its length, and two check
// digits. The reader shows the data; the card computes the code from exactly that.
type chipCode struct{}

func (chipCode) challenge(o occasion) challenge {
	data := chipData(o)
	return challenge{code: decimals(o.key, codeWidth, "chip", data), Data: data, OTPLength: codeWidth, OTPFormat: "integer", Information: "method.CHIP_OTP.text"}
}

func (chipCode) check(_ occasion, answer string) (string, int64) { return answer, 0 }

// chipElementMax is what the display of a reader holds.
const chipElementMax = 36

// chipData is the string for o: total length, start code, data elements, check digits.
func chipData(o occasion) string {
	// Readers have no letters beyond those of an IBAN: of all that is told, amounts, sums and
	// accounts fit. The start code stands for the rest: it is a hash over everything.
	all := []string{decimals(o.bound, 8, "start code", o.nonce)}
	for _, l := range o.told {
		switch l.Label {
		case "payment.iban", "payment.amount", "payment.sum", "payment.count":
			v := strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r == '.' || r == ',' {
					return r
				}
				return -1
			}, l.Value)
			all = append(all, v[:min(len(v), chipElementMax)])
		}
	}
	var body strings.Builder
	for _, e := range all {
		fmt.Fprintf(&body, "%02d%s", len(e), e)
	}
	s := fmt.Sprintf("%03d%s", body.Len()+2, body.String())
	return s + chipCheck(s)
}

// readChip is what a reader with the customer's card makes of a string: it shows the elements
// and the code.
func readChip(key []byte, data string) (elements []string, code string, err error) {
	data = strings.ReplaceAll(data, " ", "")
	if len(data) < 5 || chipCheck(data[:len(data)-2]) != data[len(data)-2:] {
		return nil, "", errUnreadable
	}
	if n, err := strconv.Atoi(data[:3]); err != nil || n != len(data)-3 {
		return nil, "", errUnreadable
	}
	for rest := data[3 : len(data)-2]; rest != ""; {
		if len(rest) < 2 {
			return nil, "", errUnreadable
		}
		n, err := strconv.Atoi(rest[:2])
		if err != nil || n < 0 || n > len(rest)-2 {
			return nil, "", errUnreadable
		}
		elements, rest = append(elements, rest[2:2+n]), rest[2+n:]
	}
	return elements, decimals(key, codeWidth, "chip", data), nil
}

// chipCheck is a Luhn digit over the digits of s, and a weighted sum over all of it: what a hand
// mistypes, one of the two notices.
func chipCheck(s string) string {
	sum, all, double := 0, 0, true
	for i := len(s) - 1; i >= 0; i-- {
		all = (all*7 + int(s[i])) % 10
		if d := int(s[i]) - '0'; d >= 0 && d <= 9 {
			if double {
				if d *= 2; d > 9 {
					d -= 9
				}
			}
			sum, double = sum+d, !double
		}
	}
	return strconv.Itoa((10-sum%10)%10) + strconv.Itoa(all)
}
