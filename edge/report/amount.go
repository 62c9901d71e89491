package report

import (
	"fmt"
	"strconv"

	"kontor/bank/core"
	"kontor/kit/money"
)

// Amounts are counted in thousandths of any currency: no currency has more than three
// decimals, and the port promises no more than three and 14 digits before the point, even
// where the currency has fewer.
const thousand = 1000

// amount reads a signed decimal.
func (w *Writer) amount(t, currency core.Text) (int64, error) {
	n, ok := thousandths(t)
	if !ok || !isCurrency(currency) {
		return 0, fmt.Errorf("%w: an amount is none", core.ErrMalformed)
	}
	return n, nil
}

func thousandths(t []byte) (n int64, ok bool) {
	digits := t
	if len(t) > 0 && t[0] == '-' {
		digits = t[1:]
	}
	whole, fraction := 0, -1 // how many digits; -1: no point yet
	for _, c := range digits {
		switch {
		case c == '.' && fraction < 0:
			fraction = 0
			continue
		case c < '0' || c > '9':
			return 0, false
		case fraction < 0:
			whole++
		default:
			if fraction++; fraction > 3 {
				if c != '0' {
					return 0, false
				}
				continue
			}
		}
		if whole > 14 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if whole == 0 || fraction == 0 {
		return 0, false
	}
	for ; fraction < 3; fraction++ {
		if fraction < 0 {
			fraction = 0
		}
		n *= 10
	}
	if len(digits) < len(t) {
		n = -n
	}
	return n, true
}

// balance is a in thousandths.
func (w *Writer) balance(a money.Amount) int64 {
	n := a.Minor
	for d := w.decimals.of([]byte(a.Currency)); d < 3; d++ {
		n *= 10
	}
	return n
}

// decimals remembers how many decimals the last currency had: entries have mostly one.
type decimals struct {
	currency [3]byte
	n        int
}

func (d *decimals) of(currency []byte) int {
	if len(currency) != 3 {
		return 2
	}
	if c := [3]byte(currency); c != d.currency {
		d.currency = c
		n, ok := money.Decimals(string(currency))
		if !ok {
			n = 2
		}
		d.n = n
	}
	return d.n
}

// appendAmount appends n without its sign and with the decimals of currency, or as many as
// it has if they are more. point stands even at the end if always is set.
func (w *Writer) appendAmount(b []byte, n int64, currency []byte, point byte, always bool) []byte {
	if n < 0 {
		n = -n
	}
	places := w.decimals.of(currency)
	rest := n % thousand
	for i, step := 0, int64(thousand); i < 3; i++ {
		if step /= 10; rest%(step*10) != 0 && places <= i {
			places = i + 1
		}
	}
	b = strconv.AppendInt(b, n/thousand, 10)
	if places > 0 || always {
		b = append(b, point)
	}
	for step := int64(thousand / 10); places > 0; places-- {
		b = append(b, '0'+byte(rest/step%10))
		step /= 10
	}
	return b
}

func isCurrency[T ~[]byte | ~string](c T) bool {
	if len(c) != 3 {
		return false
	}
	for i := range len(c) {
		if c[i] < 'A' || c[i] > 'Z' {
			return false
		}
	}
	return true
}
