package turn

import (
	"strings"
	"testing"

	"kontor/connector/wire"
)

// Only articles that allow to do without SCA go into the record, whatever a bank writes.
func TestExemption(t *testing.T) {
	for said, want := range map[wire.String]string{
		"RTS-10": "RTS-10", "RTS-16": "RTS-16", "RTS-18": "RTS-18",
		"": "", "RTS-11": "", "RTS-19": "", "rts-16": "", "16": "", "RTS-16 ": "", wire.String(strings.Repeat("RTS-16", 1000)): "",
	} {
		if got := Exemption(said); got != want {
			t.Errorf("%.20s: %q", said, got)
		}
	}
}
