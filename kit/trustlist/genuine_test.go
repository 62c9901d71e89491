package trustlist_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"kontor/kit/trustlist"
)

// fixtures is where the genuine lists of September 2019 lie, seen from this folder.
const fixtures = "../../../shared/fixtures/eidas/trusted-lists"

// journal is who signed the list of the lists in 2019.
const journal = "d2064fdd70f6982dcc516b86d9d5c56aea939417c624b2e478c0b29de54f8474"

func genuine(t testing.TB) ([]trustlist.File, []trustlist.Pin) {
	t.Helper()
	entries, err := os.ReadDir(fixtures)
	if err != nil {
		t.Skip("not beside this repository: ", fixtures)
	}
	var files []trustlist.File
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(fixtures, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, trustlist.File{Name: e.Name(), Data: data})
	}
	pin, err := trustlist.ParsePin(journal)
	if err != nil {
		t.Fatal(err)
	}
	return files, []trustlist.Pin{pin}
}

func TestGenuineListsAreVerified(t *testing.T) {
	t.Parallel()
	files, pins := genuine(t)
	set, err := trustlist.Open(files, pins)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Problems) > 0 {
		t.Errorf("problems: %v", set.Problems)
	}
	if set.Lists.Sequence != 248 || set.Lists.Territory != "EU" || len(set.Lists.Pointers) < 30 {
		t.Errorf("list of the lists: %d of %s with %d pointers", set.Lists.Sequence, set.Lists.Territory, len(set.Lists.Pointers))
	}
	for _, want := range []struct {
		territory string
		sequence  int64
		services  int
	}{{"CZ", 77, 133}, {"HR", 27, 17}, {"LI", 30, 9}, {"PT", 49, 51}, {"SI", 37, 60}} {
		l := set.Of(want.territory)
		if l == nil {
			t.Errorf("%s is missing", want.territory)
			continue
		}
		t.Logf("%s %d of %s, %d services, signed by %s at %s", l.Territory, l.Sequence, l.Operator, len(l.Services), l.Signer.Subject.CommonName, l.SignedAt)
		if l.Sequence != want.sequence || len(l.Services) != want.services {
			t.Errorf("%s: edition %d with %d services, not %d with %d", l.Territory, l.Sequence, len(l.Services), want.sequence, want.services)
		}
		if l.Stale(l.Issued) || !l.Stale(l.NextUpdate.Add(time.Second)) {
			t.Errorf("%s: next update %s", l.Territory, l.NextUpdate)
		}
	}
}

// One changed character anywhere is refused, unless it stands where a signature covers
// nothing (the names beside the signer's certificate, say): there it changes nothing.
func TestOneChangedCharacterIsRefused(t *testing.T) {
	t.Parallel()
	files, pins := genuine(t)
	set, err := trustlist.Open(files, pins)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(2019, 9))
	for _, f := range files {
		signed, positions := set.Lists, 6 // each costs a whole verification
		if territory := f.Name[:2]; territory != "EU" {
			signed = set.Of(territory)
		}
		if f.Name == "LI-2019-09.xml" {
			positions = 200
		}
		pin := []trustlist.Pin{trustlist.PinOf(signed.Signer)}
		whole, err := trustlist.Read(f.Data, pin)
		if err != nil {
			t.Fatal(err)
		}
		begin := bytes.Index(f.Data, []byte("<SchemeInformation>"))
		end := bytes.LastIndex(f.Data, []byte(":Signature "))
		for range positions {
			at := random.IntN(len(f.Data))
			changed := bytes.Clone(f.Data)
			for changed[at] == f.Data[at] {
				changed[at] = byte(' ' + random.IntN(95))
			}
			l, err := trustlist.Read(changed, pin)
			switch {
			case err == nil && begin < at && at < end:
				t.Errorf("%s: %q for %q at %d was not noticed", f.Name, changed[at], f.Data[at], at)
			case err == nil:
				l.SHA256 = whole.SHA256
				if !reflect.DeepEqual(l, whole) {
					t.Errorf("%s: %q for %q at %d changed what the list says", f.Name, changed[at], f.Data[at], at)
				}
			case !errors.Is(err, trustlist.ErrForm) && !errors.Is(err, trustlist.ErrSigner) && !errors.Is(err, trustlist.ErrSignature):
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
}

func BenchmarkGenuineLists(b *testing.B) {
	files, pins := genuine(b)
	for b.Loop() {
		if _, err := trustlist.Open(files, pins); err != nil {
			b.Fatal(err)
		}
	}
}
