package turn_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"kontor/connector/turn"
	"kontor/connector/wire"
)

func TestItems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, extra, want string }{
		{"nothing is told", `{"psu_message":"x"}`, "<nil>"},
		{"one is rejected, the others are executed", `{"payments":[{"index":1,"end_to_end_identification":"E","status":"RJCT","reason":"AC04"}],"other_payments":"ACSC"}`, "&{[{1 RJCT AC04}] ACSC}"},
		{"a list that is empty takes back what was told", `{"payments":[]}`, "&{[] }"},
		{"of all the same", `{"other_payments":"ACSP"}`, "&{[] ACSP}"},
		{"a list that is none", `{"payments":"all"}`, "<nil>"},
		{"elements that are none, and places that are none", `{"payments":[null,7,{"index":"1","status":"RJCT"},{"index":-1,"status":"RJCT"},{"index":0.5,"status":"RJCT"},{"index":1e300,"status":"RJCT"},{"index":2,"status":7},{"index":3,"status":"ACSC"}]}`, "&{[{2  } {3 ACSC }] }"},
		{"a reason that is a story", `{"payments":[{"index":0,"status":"RJCT","reason":"` + strings.Repeat("r", 36) + `"}]}`, "&{[{0 RJCT }] }"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var e wire.Extra
			if err := json.Unmarshal([]byte(tt.extra), &e); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(turn.Items(e)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
