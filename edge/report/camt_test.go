package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kontor/bank/core"
	"kontor/edge/report"
)

const schemas = "../../../shared/specs/iso20022/xsd"

// validate lets libxml2 hold documents against the schema of their format.
func validate(t *testing.T, f report.Format, documents ...[]byte) {
	t.Helper()
	schema := filepath.Join(schemas, string(f)+".xsd")
	if _, err := os.Stat(schema); err != nil {
		t.Skip("no schemas of ISO 20022 beside this repository: ", err)
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint (package libxml2-utils) is not installed")
	}
	args := []string{"--nonet", "--noout", "--schema", schema}
	dir := t.TempDir()
	for i, d := range documents {
		name := filepath.Join(dir, string(rune('a'+i%26))+strings.Repeat("x", i/26)+".xml")
		if err := os.WriteFile(name, d, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	if out, err := exec.Command("xmllint", args...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%.4000s\n%.6000s", f, err, out, documents[0])
	}
}

func camts() (formats []report.Format) {
	for _, f := range report.Formats() {
		if strings.HasPrefix(string(f), "camt") {
			formats = append(formats, f)
		}
	}
	return formats
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	for _, f := range camts() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			pending := whole("-3", "EUR")
			pending.Pending = true
			entries := []core.Transaction{whole("-1.5", "EUR"), whole("1000", "EUR"), batch("-7.25", "EUR"),
				{Amount: text("5"), Currency: text("EUR")}, {Amount: text("-0.00"), Currency: text("EUR")}}
			if f.Pending() {
				entries = append(entries, pending)
			}
			h := head(t, "EUR")
			second := pair(h, "EUR", -5, 99620)
			second.Page, second.Last = 2, false
			bare := report.Head{ID: "x", Account: core.Account{Reference: core.AccountReference{MSISDN: "+40 721 000 000"}}}
			if f.NeedsBalances() {
				bare.Balances = h.Balances[:1]
			}
			validate(t, f, write(t, f, h, entries...), write(t, f, pair(h, "EUR", 0, 99625), entries...),
				write(t, f, second, entries...), write(t, f, bare), write(t, f, bare, entries...))
		})
	}
}

// wellFormed reads all of an XML document.
func wellFormed(b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
