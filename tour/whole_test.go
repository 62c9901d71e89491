package tour_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kontor/app"
	"kontor/tour"
)

// TestTour takes the tour through a whole Kontor on SQLite, and on PostgreSQL where there is
// one: hub and banks behind sockets, everything else played from outside.
func TestTour(t *testing.T) {
	t.Parallel()
	databases := map[string]string{"SQLite": "", "PostgreSQL": os.Getenv("TEST_POSTGRES_URL")}
	for name, db := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "PostgreSQL" && db == "" {
				t.Skip("TEST_POSTGRES_URL is not set: the tour on PostgreSQL was not taken")
			}
			const free = "127.0.0.1:0"
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
			dev, err := app.NewDev(ctx, app.DevOptions{Data: t.TempDir(), DB: db, Temporary: true, API: free, Web: free, WebTLS: free, Bank: free}, log)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			var report, approaches tour.Report
			reports := map[string][]byte{}
			done := make(chan struct{})
			err = dev.Run(ctx, func() error {
				go func() {
					defer close(done)
					defer stop()
					report = tour.Run(ctx, tour.Options{Ready: dev.Ready, Out: &out, Reports: func(accept string, report []byte) { reports[accept] = report }})
					// The two approaches that have no chapter of their own in the whole.
					approaches = tour.Run(ctx, tour.Options{Ready: dev.Ready, Out: &out, Approaches: []string{"redirect", "oauth"}})
				}()
				return nil
			})
			<-done
			if err != nil {
				t.Errorf("the sandbox did not end well: %v", err)
			}
			if !report.OK || !approaches.OK || len(approaches.Steps) < 2*5 {
				t.Errorf("the tour does not hold:\n%s", out.String())
			}
			for _, kind := range []string{"pain.001.001.09", "pain.002.001.10"} {
				t.Run(kind, func(t *testing.T) { validates(t, kind, reports[kind]) })
			}
			for _, kind := range []string{"camt.052", "camt.053", "camt.054"} {
				t.Run(kind, func(t *testing.T) { validates(t, kind+".001.08", reports["application/xml;schema="+kind]) })
			}
		})
	}
}

// validates has xmllint compare a document of the tour with the schema of ISO 20022.
func validates(t *testing.T, kind string, report []byte) {
	t.Helper()
	schema := filepath.Join("../../shared/specs/iso20022/xsd", kind+".xsd")
	if _, err := os.Stat(schema); err != nil {
		t.Skip("not beside this repository: the schemas of ISO 20022")
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint (package libxml2-utils) is not installed")
	}
	file := filepath.Join(t.TempDir(), "report.xml")
	if err := os.WriteFile(file, report, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("xmllint", "--noout", "--nonet", "--schema", schema, file).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", kind, err, out)
	}
}
