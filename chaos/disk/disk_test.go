package disk_test

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // driver "sqlite"

	"kontor/chaos/disk"
)

// place is the variable that makes a child of this test: a program that writes to the
// database at that place, and says so after each commit.
const place = "KONTOR_DISK_TEST"

const commits = 4

func TestMain(m *testing.M) {
	if os.Getenv(place) == "" {
		os.Exit(m.Run())
	}
	layer := disk.Break()
	db, err := sql.Open("sqlite", "file:"+os.Getenv(place)+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)")
	if err == nil {
		_, err = db.Exec(`CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, text TEXT)`)
	}
	if err != nil {
		os.Exit(3)
	}
	for n := range commits {
		if _, err := db.Exec(`INSERT INTO t VALUES ($1, $2)`, n, strings.Repeat("x", 9000)); err == nil {
			fmt.Println("committed", n)
		} else {
			fmt.Println("refused", n, err)
			os.Remove(os.Getenv(place) + ".full") // there is space again
		}
	}
	runtime.KeepAlive(layer)
	os.Exit(0)
}

// child runs one, and returns how often it committed, was refused, and whether it died.
func child(t *testing.T, file, failure string) (committed, refused int, died bool) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), place+"="+file, disk.Variable+"="+failure)
	said, err := c.Output()
	if err != nil && c.ProcessState.ExitCode() >= 0 && c.ProcessState.ExitCode() != 3 {
		t.Fatalf("%s: %v\n%s", failure, err, said)
	}
	return strings.Count(string(said), "committed"), strings.Count(string(said), "refused"), err != nil
}

// rows proves that a database is whole, and counts.
func rows(t *testing.T, file string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	said := ""
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&said); err != nil || said != "ok" {
		t.Fatalf("%s, %v", said, err)
	}
	if err := db.QueryRow(`SELECT COUNT(*) FROM t`).Scan(&n); err != nil && !strings.Contains(err.Error(), "no such table") {
		t.Fatal(err)
	}
	return n
}

func TestWhatWasCommittedSurvivesEveryDeath(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{disk.Before, disk.Torn, disk.After, disk.Broken} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			deaths, failures, between := 0, 0, 0
			for n := 1; ; n++ {
				file := filepath.Join(t.TempDir(), "db")
				committed, refused, died := child(t, file, fmt.Sprint(kind, " ", n))
				got := rows(t, file)
				// What was refused while it was synced may be there all the same.
				if got < committed || got > committed+1 || !died && got > committed+refused {
					t.Fatalf("request %d: %d commits were told, and %d rows are there", n, committed, got)
				}
				between += got - committed
				failures += refused
				if !died && refused == 0 {
					break
				}
				if died {
					deaths++
				}
			}
			if deaths+failures < 10 {
				t.Errorf("it died %d times, and was refused %d times: the disk does not fail", deaths, failures)
			}
			if kind == disk.After && between == 0 {
				t.Error("it never died between the commit and the word of it")
			}
		})
	}
}

func TestAFullDiskRefusesUntilThereIsSpace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "db")
	if committed, _, died := child(t, file, ""); committed != commits || died {
		t.Fatal("it does not work without a failure")
	}
	if err := os.WriteFile(file+".full", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`DELETE FROM t`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	committed, refused, died := child(t, file, disk.Full+" "+file+".full")
	if committed != commits-1 || refused != 1 || died {
		t.Errorf("%d commits, %d refused, died %t", committed, refused, died)
	}
	if got := rows(t, file); got != committed {
		t.Errorf("%d rows", got)
	}
}
