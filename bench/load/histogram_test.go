package load

import (
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	t.Run("every duration lies in its bucket, and is known within two per cent", func(t *testing.T) {
		for d := time.Duration(1); d < 10*time.Minute; d += d/50 + 1 {
			if got := upper(bucket(d)); got < d || float64(got) > float64(d)*1.02 {
				t.Fatalf("%d was recorded as %d", d, got)
			}
		}
	})
	t.Run("quantiles are those of the durations recorded", func(t *testing.T) {
		var a, b Histogram
		for i := range 500 {
			a.Record(time.Duration(i+1) * time.Microsecond)
			b.Record(time.Duration(i+501) * time.Microsecond)
		}
		a.Add(&b)
		for q, want := range map[float64]time.Duration{0.5: 501 * time.Microsecond, 0.99: 991 * time.Microsecond, 1: time.Millisecond} {
			if got := a.Quantile(q); got < want || float64(got) > float64(want)*1.02 {
				t.Errorf("quantile %v is %v, want %v", q, got, want)
			}
		}
	})
	t.Run("without durations every quantile is zero", func(t *testing.T) {
		if got := new(Histogram).Quantile(0.5); got != 0 {
			t.Errorf("got %v", got)
		}
	})
	t.Run("absurd durations are counted in the outermost buckets", func(t *testing.T) {
		var h Histogram
		h.Record(-time.Second)
		h.Record(1000 * time.Hour)
		if h.total != 2 || h.Quantile(1) < 5*time.Minute {
			t.Errorf("got %d, %v", h.total, h.Quantile(1))
		}
	})
}
