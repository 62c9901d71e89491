package load

import (
	"math/bits"
	"time"
)

const (
	subBits = 6 // 64 buckets for each power of two: a value is known within 1.6 %
	buckets = (42 - subBits) << subBits
)

// A Histogram counts durations from a nanosecond to some minutes. The zero value is empty.
type Histogram struct {
	counts [buckets]uint32
	total  int
}

// Record counts d.
func (h *Histogram) Record(d time.Duration) {
	h.counts[bucket(d)]++
	h.total++
}

// Add adds the counts of o.
func (h *Histogram) Add(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
}

// Quantile returns the duration that the share q of all does not exceed; 0 when there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank, seen := int(q*float64(h.total)), 0
	for i, n := range h.counts {
		if seen += int(n); seen > rank || n > 0 && seen == h.total {
			return upper(i)
		}
	}
	return 0
}

// bucket keeps the top bits of d: below 1<<subBits each value has its own.
func bucket(d time.Duration) int {
	v := uint64(max(d, 0))
	shift := max(bits.Len64(v)-subBits-1, 0)
	return min(shift<<subBits+int(v>>shift), buckets-1)
}

// upper is the largest duration of bucket i.
func upper(i int) time.Duration {
	shift := max(i>>subBits-1, 0)
	return time.Duration((i-shift<<subBits+1)<<shift - 1)
}
