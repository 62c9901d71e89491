package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKilled kills a few times, and then shows that the check sees what it is there for: each
// promise is broken in a copy of what was left behind.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes most of a minute: not killed in -short")
	}
	t.Parallel()
	program := filepath.Join(t.TempDir(), "kontor")
	if said, err := exec.Command("go", "build", "-o", program, "kontor/cmd/kontor").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	left := t.TempDir()
	var out bytes.Buffer
	err := run(t.Context(), options{kills: 50, within: 20 * time.Second, workers: 6, repeated: 2, seed: 1, keep: left, program: program}, &out)
	t.Logf("\n%s", &out)
	if err != nil {
		t.Fatal(err)
	}
	known, err := readJournal(filepath.Join(left, "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	settled := ""
	for name, a := range known.payments {
		if len(a.ids) == 1 && len(a.statuses) > 0 && a.statuses[len(a.statuses)-1].status == "ACSC" && a.service == single && !a.later {
			settled = name
		}
	}
	if settled == "" {
		t.Fatal("no payment came through: nothing can be broken")
	}
	id := known.payments[settled].ids[0]
	told, consent := "", ""
	for payment, notices := range known.notices {
		if len(notices) > 1 && notices[len(notices)-1].status == "ACSC" {
			told = payment
		}
	}
	for c, p := range known.consents {
		if p.approved {
			consent = c
		}
	}
	if told == "" || consent == "" {
		t.Fatal("nobody was notified, or no consent was given: nothing can be broken")
	}
	hub, bank := "apart.db", "banks.db"
	for _, c := range []struct {
		name, promise string
		file, change  string // SQL
		lines         []line
	}{
		{"an acknowledged payment is gone", "I1", hub, fmt.Sprintf("DELETE FROM payment WHERE id = '%s'", id), nil},
		{"an acknowledged payment was never executed", "I2", bank, fmt.Sprintf("DELETE FROM corebank_ledger_entry WHERE details LIKE '%%%s%%'", settled+"\x1f"), nil},
		{"the hub denies what the bank executed", "I1", hub, fmt.Sprintf("UPDATE payment SET status = 'RCVD' WHERE id = '%s'", id), nil},
		{"a payment was debited twice", "I2", bank, fmt.Sprintf(`INSERT INTO corebank_ledger_entry (bank, account, booking_date, seq, posting, amount, currency, value_date, details, balance)
			SELECT bank, account, booking_date, seq + 1000000, posting || '-again', amount, currency, value_date, details, balance FROM corebank_ledger_entry WHERE amount < 0 AND details LIKE '%%%s%%'`, settled+"\x1f"), nil},
		{"a payment was credited twice", "I2", bank, fmt.Sprintf(`INSERT INTO corebank_ledger_entry (bank, account, booking_date, seq, posting, amount, currency, value_date, details, balance)
			SELECT bank, account, booking_date, seq + 1000000, posting || '-again', amount, currency, value_date, details, balance FROM corebank_ledger_entry WHERE amount > 0 AND details LIKE '%%%s%%'`, settled+"\x1f"), nil},
		{"the bank executed what it says it did not", "I2", bank, fmt.Sprintf("UPDATE corebank_payment SET state = 'received', status = 'RCVD' WHERE end_to_end = '%s'", settled), nil},
		{"a payment that was cancelled is executed", "I1", "", "", []line{{What: cancelAsked, Name: settled, Payment: id}, {What: cancelled, Name: settled, Payment: id}}},
		{"one request has two payments", "I3", "", "", []line{{What: acknowledged, Name: settled, Payment: "another", Status: "ACSC"}}},
		{"the hub has a payment that nobody asked for", "I3", hub, fmt.Sprintf("UPDATE payment SET payment_order = REPLACE(payment_order, '%s', '%s-0')", settled, strings.Replace(settled, "CHAOS-", "CHAOS-9", 1)), nil},
		{"a balance is off by a cent", "I4", bank, "UPDATE corebank_ledger_account SET booked = booked + 1 WHERE id = 'ana-current'", nil},
		{"money has appeared", "I4", bank, "UPDATE corebank_ledger_entry SET amount = amount + 1 WHERE account = 'ana-current' AND seq = 1", nil},
		{"an entry is missing", "I4", bank, "DELETE FROM corebank_ledger_entry WHERE account = 'ana-current' AND seq = 2", nil},
		{"money is reserved for nothing", "I4", bank, "UPDATE corebank_ledger_account SET held = held + 1 WHERE id = 'ana-current'", nil},
		{"the record has lost a payment", "I5", hub, fmt.Sprintf("DELETE FROM audit WHERE resource = '%s' AND action = 'payment.create'", id), nil},
		{"the record has a change twice", "I5", hub, fmt.Sprintf("INSERT INTO audit SELECT * FROM audit WHERE resource = '%s' AND action = 'payment.authorise'", id), nil},
		{"a status went backwards", "I7", "", "", []line{{What: seen, Name: settled, Payment: id, Status: "RCVD"}}},
		{"a final status was left", "I7", "", "", []line{{What: seen, Name: settled, Payment: id, Status: "RJCT"}, {What: seen, Name: settled, Payment: id, Status: "ACSC"}}},
		{"a consent is gone", "I1", "", "", []line{{What: consented, Consent: "another"}}},
		{"a consent that was ended is good for something", "I8", hub, "UPDATE consent SET status = 'valid'", []line{{What: consentEnded, Consent: consent}}},
		{"a notification was lost", "I10", hub, fmt.Sprintf("UPDATE notify_event SET id = 'another' WHERE resource = '%s' AND done_at > 0", told), nil},
		{"a notification was given up", "I10", hub, fmt.Sprintf("UPDATE notify_event SET dropped = 1 WHERE resource = '%s'", told), nil},
		{"notifications arrived in another order", "I10", hub, fmt.Sprintf("UPDATE notify_event SET serial = 1000 - serial WHERE resource = '%s'", told), nil},
		{"a notification says what is not so", "I10", hub, fmt.Sprintf("UPDATE notify_event SET body = REPLACE(body, 'ACSC', 'ACSP') WHERE resource = '%s'", told), nil},
		{"somebody else was answered", "answer", "", "", []line{{What: wrong, Payment: id, Text: "200"}}},
		{"an answer was none", "answer", "", "", []line{{What: wrong, Name: settled, Text: "500"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range []string{filepath.Join("data", hub), filepath.Join("data", bank), "journal.jsonl"} {
				text, err := os.ReadFile(filepath.Join(left, name))
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, filepath.Base(name)), text, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if c.file != "" {
				db, err := sql.Open("sqlite", filepath.Join(dir, c.file))
				if err != nil {
					t.Fatal(err)
				}
				done, err := db.Exec(c.change)
				if err != nil {
					t.Fatal(err)
				}
				if n, _ := done.RowsAffected(); n == 0 {
					t.Fatal("nothing was broken")
				}
				db.Close()
			}
			for _, l := range c.lines {
				addLine(t, filepath.Join(dir, "journal.jsonl"), l)
			}
			r := &report{}
			if err := check(t.Context(), "sqlite:"+filepath.Join(dir, hub), "sqlite:"+filepath.Join(dir, bank), filepath.Join(dir, "journal.jsonl"), r); err != nil {
				t.Fatal(err)
			}
			for _, v := range r.violations {
				if v.promise == c.promise {
					return
				}
			}
			t.Errorf("%s was not seen; but %v", c.promise, r.violations)
		})
	}
}

func addLine(t *testing.T, file string, l line) {
	t.Helper()
	l.Since = time.Now()
	l.At = l.Since.Add(time.Microsecond)
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
