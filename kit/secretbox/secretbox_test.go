package secretbox_test

import (
	"bytes"
	"testing"

	"kontor/kit/secretbox"
)

func TestBox(t *testing.T) {
	newBox := func() secretbox.Box {
		keys, err := secretbox.Generate()
		if err != nil {
			t.Fatal(err)
		}
		box, err := secretbox.New(keys)
		if err != nil {
			t.Fatal(err)
		}
		return box
	}
	box := newBox()
	sealed, err := box.Seal("consent/lon/1", "token")
	if err != nil || bytes.Contains(sealed, []byte("token")) {
		t.Fatalf("sealed %q, %v", sealed, err)
	}
	if got, err := box.Open("consent/lon/1", sealed); got != "token" || err != nil {
		t.Errorf("opened %q, %v", got, err)
	}
	if _, err := box.Open("consent/lon/2", sealed); err == nil {
		t.Error("opened in another row")
	}
	if _, err := newBox().Open("consent/lon/1", sealed); err == nil {
		t.Error("opened with another keyset")
	}
	if sealed, err := box.Seal("x", ""); sealed != nil || err != nil {
		t.Errorf("no secret became %q, %v", sealed, err)
	}
}
