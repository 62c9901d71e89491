package pain_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

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

// TestTenThousandPayments takes ten times as long as a thousand, and not much more room than
// the payments themselves need. How long that is (a tenth of a second or less) is for the
// benchmark to say: the machine of a test may have something else to do.
func TestTenThousandPayments(t *testing.T) {
	var before, after runtime.MemStats
	least := func(n int) (took time.Duration) {
		document := []byte(several(n))
		took = time.Hour
		for range 5 {
			runtime.ReadMemStats(&before)
			begin := time.Now()
			o, err := pain.Parse(document, pain.Limits{})
			took = min(took, time.Since(begin))
			runtime.ReadMemStats(&after)
			if err != nil || len(o.Bulk.Payments) != n {
				t.Fatalf("%d payments, %v", len(o.Bulk.Payments), err)
			}
		}
		return took
	}
	thousand := least(1000)
	if all := least(pain.TransactionsMax); all > 50*thousand || all > 10*time.Second {
		t.Errorf("took %v; a thousand took %v", all, thousand)
	}
	if each := (after.TotalAlloc - before.TotalAlloc) / pain.TransactionsMax; each > 2000 {
		t.Errorf("%d bytes were needed for each payment", each)
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
