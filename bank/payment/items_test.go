package payment

import (
	"fmt"
	"testing"
	"time"

	"kontor/bank/core"
)

func TestItems(t *testing.T) {
	t.Parallel()
	told := func(others string, all ...core.ItemStatus) *core.ItemStatuses {
		return &core.ItemStatuses{Told: all, Others: others}
	}
	at := func(index int, status string) core.ItemStatus { return core.ItemStatus{Index: index, Status: status} }
	for _, tt := range []struct {
		name   string
		status string // that the bank reports
		count  int
		told   []*core.ItemStatuses
		want   string // how three payments stand; - is not known
		over   bool
	}{
		{"nothing is told of them", "PART", 3, nil, "- - -", false},
		{"nothing has to be told of them where all go the same way", "ACSC", 3, nil, "ACSC ACSC ACSC", true},
		{"one is rejected, of the others nothing is told", "PART", 3, []*core.ItemStatuses{told("", at(1, "RJCT"))}, "- RJCT -", false},
		{"one is rejected, the others are executed", "PART", 3, []*core.ItemStatuses{told("ACSC", at(1, "RJCT"))}, "ACSC RJCT ACSC", true},
		{"one is rejected, the others are on their way", "PART", 3, []*core.ItemStatuses{told("ACSP", at(1, "RJCT"))}, "ACSP RJCT ACSP", false},
		{"each is told", "PART", 3, []*core.ItemStatuses{told("", at(2, "RJCT"), at(0, "ACSC"), at(1, "ACCC"))}, "ACSC ACCC RJCT", true},
		{"each is told, and one is on its way", "PART", 3, []*core.ItemStatuses{told("", at(2, "RJCT"), at(0, "ACSP"), at(1, "ACCC"))}, "ACSP ACCC RJCT", false},
		{"all but one are told", "PART", 3, []*core.ItemStatuses{told("", at(2, "RJCT"), at(0, "ACSC"))}, "ACSC - RJCT", false},
		{"how many there are is not known", "PART", 0, []*core.ItemStatuses{told("", at(2, "RJCT"), at(0, "ACSC"), at(1, "ACSC"))}, "ACSC ACSC RJCT", false},
		{"there are more than can be told, and none is open", "PART", 3, []*core.ItemStatuses{told("PART", at(0, "RJCT"))}, "RJCT - -", true},
		{"the last word on each counts", "PART", 3, []*core.ItemStatuses{told("ACSC", at(0, "ACSP"), at(0, "RJCT"))}, "RJCT ACSC ACSC", true},
		{"the newest list counts", "PART", 3, []*core.ItemStatuses{told("", at(0, "RJCT")), told("ACSC", at(1, "RJCT"))}, "ACSC RJCT ACSC", true},
		{"payments that it does not have, and words that are none", "PART", 3, []*core.ItemStatuses{told("later", at(3, "RJCT"), at(-1, "RJCT"), at(0, "GONE"), at(1, "PART"))}, "- - -", false},
		{"some are rejected while it is accepted", "ACTC", 3, []*core.ItemStatuses{told("", at(1, "RJCT"))}, "ACTC RJCT ACTC", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := Payment{Status: Received, Bulk: &core.Bulk{}, Count: tt.count}
			for _, list := range tt.told {
				p = p.Progress(core.Update{Items: list}, false, time.Time{})
			}
			p = p.Progress(core.Update{Status: tt.status}, false, time.Time{})
			text := ""
			for n := range 3 {
				i, known := p.Item(n)
				if !known {
					i.Status = "-"
				}
				text += fmt.Sprintf(" %s", i.Status)
			}
			if text[1:] != tt.want || p.over() != tt.over {
				t.Errorf("got%s, over %t", text, p.over())
			}
		})
	}
	t.Run("after its end nothing follows", func(t *testing.T) {
		t.Parallel()
		p := Payment{Status: PartiallyAccepted, Bulk: &core.Bulk{}, ItemsEnded: true}
		if p = p.Progress(core.Update{Status: "ACSC"}, false, time.Time{}); p.Status != PartiallyAccepted {
			t.Errorf("got %s", p.Status)
		}
	})
	t.Run("a single payment has none", func(t *testing.T) {
		t.Parallel()
		if p := (Payment{Status: InProcess}).Progress(core.Update{Items: told("ACSC")}, false, time.Time{}); p.Items != nil {
			t.Errorf("got %+v", p.Items)
		}
	})
}
