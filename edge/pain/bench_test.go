package pain_test

import (
	"fmt"
	"runtime"
	"testing"

	"kontor/edge/pain"
)

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{1, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			document := []byte(several(n))
			b.ReportAllocs()
			b.SetBytes(int64(len(document)))
			for b.Loop() {
				if _, err := pain.Parse(document, pain.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/payment")
		})
	}
}

// TestTenThousandPayments needs ten times the room of a thousand, and not much more than the
// payments themselves. How long it takes is for the benchmark to say: the machine of a test may
// have something else to do.
func TestTenThousandPayments(t *testing.T) {
	var before, after runtime.MemStats
	room := func(n int) uint64 {
		document := []byte(several(n))
		runtime.ReadMemStats(&before)
		o, err := pain.Parse(document, pain.Limits{})
		runtime.ReadMemStats(&after)
		if err != nil || len(o.Bulk.Payments) != n {
			t.Fatalf("%d payments, %v", len(o.Bulk.Payments), err)
		}
		return (after.TotalAlloc - before.TotalAlloc) / uint64(n)
	}
	thousand := room(1000)
	if each := room(pain.TransactionsMax); each > 2000 || each > 2*thousand {
		t.Errorf("%d bytes were needed for each payment, and %d for each of a thousand", each, thousand)
	}
}

// TestACountThatIsNotTrueTakesNoRoom has a header that promises more than follows.
func TestACountThatIsNotTrueTakesNoRoom(t *testing.T) {
	document := []byte(with(t, plain, "<NbOfTxs>1<", "<NbOfTxs>999999999<"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := pain.Parse(document, pain.Limits{Transactions: 1 << 30})
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("taken")
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes for one payment", n)
	}
}
