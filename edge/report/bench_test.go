package report_test

import (
	"fmt"
	"io"
	"testing"

	"kontor/bank/core"
	"kontor/edge/report"
)

func BenchmarkReport(b *testing.B) {
	for _, f := range []report.Format{report.Camt052V02, report.Camt052V08, report.MT942} {
		for _, n := range []int{100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", f, n), func(b *testing.B) {
				h := head(b, "EUR")
				e := whole("-12.34", "EUR")
				b.ReportAllocs()
				for b.Loop() {
					w, err := report.New(f, io.Discard, h)
					for i := 0; i < n && err == nil; i++ {
						err = w.Entry(&e)
					}
					if err == nil {
						err = w.Close()
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/entry")
			})
		}
	}
}

func TestEntriesNeedNoMemoryOfTheirOwn(t *testing.T) {
	for _, f := range report.Formats() {
		w, err := report.New(f, io.Discard, pair(head(t, "EUR"), "EUR", 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		single, several := whole("-12.34", "EUR"), batch("12.34", "EUR")
		for _, e := range []*core.Transaction{&single, &several} {
			if n := testing.AllocsPerRun(1000, func() { err = w.Entry(e) }); n > 0 || err != nil {
				t.Errorf("%s: %v allocations for an entry, want none; %v", f, n, err)
			}
		}
	}
}
